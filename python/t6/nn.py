"""Tensor Product Attention, its baselines and the whole T6 model as plain PyTorch modules, for any device.

For a token x, the H heads of queries, keys and values are sums of outer products of head factors a_r and feature factors
b_r (arXiv 2501.06425, equation 3.1):

    Q(x) = 1/R sum_r a_r(x) (outer) b_r(x),    a_r(x) = W_a x in R^H,    b_r(x) = W_b x in R^D.

Rotation acts on b alone (theorem 3.1), so the factors of keys are cached rotated, R (H + D) numbers where heads would
take H D. Every attention here is made of two functions: `project` maps hidden states to queries and to the numbers of
each token that a cache keeps, `heads` maps those numbers, cached or new, to keys and values. A variant of attention is
another pair of them, or a subclass that changes one; `block.self_attn = Mine(config, layer)` puts it into a model. What
follows (shifted keys, softmax, gate, output) is `Attention.forward`. Where this T6 has operators for Torch (t6.ops),
attention over factors on the CPU is theirs and materializes no heads.

Letters of shapes: B sequences, T new tokens, L tokens that they see (cached and new), C hidden width, H heads, G heads of
keys, D features of a query and key, E of a value, R rank. Parameters have the names of T6's checkpoints.
"""

import dataclasses
import json
import math
import pathlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KINDS = ("mha", "mqa", "gqa", "mfa", "mla", "tpa", "tpa_kvonly")
HEAD_ACTIVATIONS = {
    "identity": lambda a: a,
    "sigmoid": torch.sigmoid,
    "softmax_heads": lambda a: a.softmax(-1),
    "softmax_ranks": lambda a: a.softmax(-2),
}
GATE_ACTIVATIONS = {"silu": F.silu, "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh")}
OPERATOR_TOKENS = 32  # from which on T6's operator for a projection is ahead of PyTorch's
LATENT_EPSILON = 1e-6  # of compressed queries (mla, mfa) and of latents (mla), as in the paper's code
HEAD_EPSILON = 1e-5  # of a head's output


@dataclasses.dataclass
class ModelConfig:
    """What a model is: the keys of a model folder's config.json (docs/models.md), with T6's defaults."""

    vocab_size: int = 257
    hidden_size: int = 128  # C
    num_hidden_layers: int = 4
    intermediate_size: int = 0  # 0: floor(8/3 C)
    num_attention_heads: int = 4  # H
    head_dim: int = 32  # D; of mla the part of a key that is not rotated
    v_head_dim: int = 0  # E; 0: D
    max_position_embeddings: int = 1024
    attention_kind: str = "tpa"
    num_key_value_heads: int = 0  # G, of gqa
    q_rank: int = 6  # R of queries (tpa), of keys and of values (tpa, tpa_kvonly)
    k_rank: int = 2
    v_rank: int = 2
    head_factors: str = "contextual"  # or "constant": a is learned and does not depend on the token
    feature_factors: str = "contextual"  # or "constant": so is b
    head_activation: str = "identity"  # of a, one of HEAD_ACTIVATIONS
    head_factor_bias: bool = False  # contextual a = c + W_a x, with a learned c
    factor_init: str = "xavier"  # first values; "grouped": attention begins as grouped query attention
    head_factor_init_scale: float = 1.0  # times the first values of W_a
    shared_kv_features: bool = False  # b of values is b of keys before norm and rotation
    third_order_dim: int = 1  # d_c: b = vec(b' (outer) c) with d_c numbers in c; 1: second order
    q_lora_rank: int = 0  # numbers of a compressed query (mla, mfa)
    kv_lora_rank: int = 0  # of a latent (mla)
    qk_rope_head_dim: int = 0  # rotated features of a key (mla)
    rope_theta: float = 10000.0
    rope_scaling: dict[str, Any] | None = None  # as Hugging Face writes it: linear, llama3, yarn, dynamic
    partial_rotary_factor: float = 1.0
    head_output_norm: bool = False  # RMSNorm of each head's output
    output_gate: bool = False  # sigmoid(W x) times the heads' output
    attention_bias: bool = False  # q, k and v are W x + bias (mha, mqa, gqa)
    attention_output_bias: bool = False
    kv_shift: bool = False  # a head's keys and values are mixed with the previous token's
    query_key_norm: bool = False  # RMSNorm of feature factors before rotation (not mla)
    norm_weight: bool = True  # the block's norms have weights
    rms_norm_eps: float = 1.1920928955078125e-07
    tie_word_embeddings: bool = True
    post_norms: bool = False  # RMSNorm of what attention and feed-forward add, too
    hidden_act: str = "silu"  # one of GATE_ACTIVATIONS
    embedding_scale: float = 1.0
    query_pre_attn_scalar: float = 0.0  # logits are divided by its square root; 0: by that of a key's features
    sliding_window: int = 0  # tokens, itself among them, that a layer which slides sees; 0: none slides
    layer_types: list[str] | None = None  # "sliding_attention" or "full_attention" a layer; None: all slide
    attention_sinks: int = 0  # first tokens of all, which layers that slide see, too
    rope_local_base_freq: float = 0.0  # the base of rotation, unscaled, in layers that slide; 0: rope_theta
    no_rope_layers: list[int] | None = None  # 0 a layer that does not rotate, 1 one that does; None: all do

    def __post_init__(self) -> None:
        self.intermediate_size = self.intermediate_size or 8 * self.hidden_size // 3
        self.v_head_dim = self.v_head_dim or self.head_dim
        self.layer_types = self.layer_types or None
        self.no_rope_layers = self.no_rope_layers or None
        self._check()

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Of the keys of a config.json, those of other programs passed over. None says as little as no key."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in names and value is not None})

    @property
    def is_factored(self) -> bool:
        return self.attention_kind in ("tpa", "tpa_kvonly")

    def slides(self, layer: int) -> bool:
        return self.sliding_window > 0 and (not self.layer_types or self.layer_types[layer] == "sliding_attention")

    def _check(self) -> None:
        def want(good: bool, rule: str) -> None:
            if not good:
                raise ValueError(f"T6's configuration: {rule}")

        kind, compressed = self.attention_kind, self.attention_kind in ("mla", "mfa")
        want(kind in KINDS, f'attention_kind is "{kind}", wanted is one of {", ".join(KINDS)}')
        want(self.head_activation in HEAD_ACTIVATIONS, f'head_activation "{self.head_activation}" is not known')
        want(self.hidden_act in GATE_ACTIVATIONS, f'hidden_act "{self.hidden_act}" is not known')
        for sources in (self.head_factors, self.feature_factors):
            want(sources in ("contextual", "constant"), f'factors are contextual or constant, not "{sources}"')
        if kind == "gqa":
            want(self.num_key_value_heads >= 1 and self.num_attention_heads % self.num_key_value_heads == 0,
                 "gqa needs num_key_value_heads that divides num_attention_heads")
        want(compressed == (self.q_lora_rank > 0), "q_lora_rank is for mla and mfa, which need it")
        want(all((kind == "mla") == (size > 0) for size in (self.kv_lora_rank, self.qk_rope_head_dim)),
             "kv_lora_rank and qk_rope_head_dim are for mla, which needs them")
        want(kind != "mla" or not self.query_key_norm and self.partial_rotary_factor == 1 and
             self.qk_rope_head_dim % 2 == 0,
             "mla has an even qk_rope_head_dim, no query_key_norm and no partial_rotary_factor")
        want(not self.attention_bias or kind in ("mha", "mqa", "gqa"), "attention_bias is for mha, mqa and gqa")
        plain = (self.head_factors == self.feature_factors == "contextual" and self.head_activation == "identity" and
                 not self.shared_kv_features and self.third_order_dim == 1)
        want(plain or self.is_factored, f"options of factors are for tpa and tpa_kvonly, not {kind}")
        want("contextual" in (self.head_factors, self.feature_factors), "factors cannot both be constant")
        self._check_first_values(want)
        want(self.head_factors == "contextual" or self.head_activation == "identity",
             "head_activation is for contextual head_factors")
        want(not self.shared_kv_features or self.k_rank == self.v_rank and self.v_head_dim == self.head_dim,
             "shared_kv_features needs equal ranks and features of keys and values")
        third = self.third_order_dim
        want(third == 1 or self.feature_factors == "contextual" and not self.query_key_norm,
             "third_order_dim goes with contextual feature_factors and without query_key_norm")
        want(self.head_dim % third == 0 and self.v_head_dim % third == 0,
             "third_order_dim divides head_dim and v_head_dim")
        want(kind == "mla" or self.partial_rotary_factor < 1 or self.head_dim // third % 2 == 0,
             "rotation pairs features: head_dim / third_order_dim is even")
        for name in ("layer_types", "no_rope_layers"):
            listed = getattr(self, name)
            want(listed is None or len(listed) == self.num_hidden_layers, f"{name} has an entry for each layer")
        named = "sliding_attention" in (self.layer_types or ())
        want(self.sliding_window > 0 or not (self.attention_sinks or self.rope_local_base_freq or named),
             "layers that slide need a sliding_window")
        want(not self.sliding_window or not self.layer_types or named,
             "there is a sliding_window, but no layer of layer_types is sliding_attention")
        want(self.rope_local_base_freq == 0 or self.rope_local_base_freq >= 1, "rope_local_base_freq is at least 1")

    def _check_first_values(self, want: Callable[[bool, str], None]) -> None:
        contextual, grouped = self.head_factors == "contextual", self.factor_init == "grouped"
        want(self.factor_init in ("xavier", "grouped"), f'factor_init is xavier or grouped, not "{self.factor_init}"')
        plain = not self.head_factor_bias and not grouped and self.head_factor_init_scale == 1
        want(plain or self.is_factored,
             "head_factor_bias, factor_init and head_factor_init_scale are for tpa and tpa_kvonly")
        want(contextual or not self.head_factor_bias and self.head_factor_init_scale == 1,
             "head_factor_bias and head_factor_init_scale are for contextual head_factors")
        want(not grouped or not contextual or self.head_factor_bias,
             'factor_init "grouped" begins with constants: it needs head_factor_bias')
        want(not grouped or self.head_activation == "identity" and self.feature_factors == "contextual" and
             self.third_order_dim == 1,
             'factor_init "grouped" goes with identity, contextual feature_factors and third_order_dim 1')


class Rotation(NamedTuple):
    """Rotary position embedding: the pair (i, i + d/2) of the first d features turns by position * inverse[i]."""

    inverse: tuple[float, ...] = ()  # [d/2], radians a position
    scale: float = 1.0  # of rotated features


def rotation(config: ModelConfig, layer: int) -> Rotation:
    """How layer `layer` rotates; no features where it does not."""
    if config.no_rope_layers and not config.no_rope_layers[layer]:
        return Rotation()
    features = config.head_dim // config.third_order_dim
    dim = config.qk_rope_head_dim or int(features * config.partial_rotary_factor) // 2 * 2
    theta, scaling = config.rope_theta, config.rope_scaling or {}
    if config.slides(layer) and config.rope_local_base_freq > 0:
        theta, scaling = config.rope_local_base_freq, {}
    frequencies = [theta ** (-2 * i / dim) for i in range(dim // 2)]
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    if kind in ("default", "dynamic"):  # dynamic changes nothing up to max_position_embeddings
        return Rotation(tuple(frequencies))
    factor = float(scaling["factor"])
    if kind == "linear":
        return Rotation(tuple(f / factor for f in frequencies))
    original = scaling.get("original_max_position_embeddings", config.max_position_embeddings)
    if kind == "llama3":
        return Rotation(tuple(f / _llama3_divisor(f, factor, original, scaling) for f in frequencies))
    if kind == "yarn":
        share = _yarn_shares(dim, theta, original, scaling)  # of a frequency that is divided
        return Rotation(tuple(f * (s / factor + 1 - s) for f, s in zip(frequencies, share)),
                        scaling.get("attention_factor") or _yarn_magnitude(factor, scaling))
    raise ValueError(f'rope_scaling: the type "{kind}" is not known; wanted is linear, llama3, yarn or dynamic')


def _llama3_divisor(frequency: float, factor: float, original: int, scaling: dict[str, Any]) -> float:
    turns, low, high = original * frequency / (2 * math.pi), scaling["low_freq_factor"], scaling["high_freq_factor"]
    kept = min(max((turns - low) / (high - low), 0), 1)
    return 1 / ((1 - kept) / factor + kept)


def _yarn_shares(dim: int, theta: float, original: int, scaling: dict[str, Any]) -> list[float]:
    def pair(turns: float) -> float:
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low, high = pair(scaling.get("beta_fast") or 32), pair(scaling.get("beta_slow") or 1)
    if scaling.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    high += 0.001 if low == high else 0
    return [min(max((i - low) / (high - low), 0), 1) for i in range(dim // 2)]


def _yarn_magnitude(factor: float, scaling: dict[str, Any]) -> float:
    def magnitude(m: float) -> float:
        return 1 if factor <= 1 else 0.1 * m * math.log(factor) + 1

    above, below = scaling.get("mscale", 0), scaling.get("mscale_all_dim", 0)
    return magnitude(above) / magnitude(below) if above and below else magnitude(1)


class Batch:
    """What the layers of a forward pass have to know of its tokens: where they stand, and who sees whom.

    past: tokens in the cache. mask [B, past + T]: 0 for padding, which nobody sees. position_ids [B or 1, T]: the new
    tokens' positions; without a cache and a mask they may begin anew, at texts that do not see each other. eager: softmax
    written out, whose weights go into `weights` where that is a list.
    """

    def __init__(self, size: int, length: int, past: int = 0, mask: Tensor | None = None,
                 position_ids: Tensor | None = None, device: torch.device | None = None, eager: bool = False):
        self.length, self.past, self.eager, self.device = length, past, eager, device
        self.weights: list[Tensor] | None = None
        self.valid = None if mask is None else mask.bool()
        self.text: Tensor | None = None  # [B, past + T], which text of a packed row a token is of
        total = past + length
        if self.valid is None:
            self.positions = torch.arange(total, device=device)[None]  # [B or 1, past + T]
        elif self.valid.shape != (size, total):
            raise ValueError(f"the attention mask is of shape {tuple(self.valid.shape)}, wanted is {(size, total)}")
        else:
            self.positions = (self.valid.long().cumsum(-1) - 1).masked_fill(~self.valid, 0)
        if position_ids is not None:
            self._take(position_ids)
        self._memory: dict[Any, Any] = {}

    def _take(self, position_ids: Tensor) -> None:
        derived = self.positions[:, self.past:]
        if position_ids.shape[-1] != self.length:
            raise ValueError(f"there are position_ids for {position_ids.shape[-1]} tokens of {self.length}")
        same = bool((position_ids == derived).all())
        if self.past and not same:
            raise ValueError("position_ids do not go on where the cache ends")
        if same:
            return
        self.positions = position_ids
        if self.valid is None and bool((position_ids.diff() < 0).any()):
            self.text = (position_ids == 0).cumsum(-1)

    def table(self, rotation: Rotation, keys: int | None = None) -> tuple[Tensor, Tensor]:
        """Cosines and sines [B or 1, T, 1, d/2] of the new tokens, or of the last `keys` tokens."""
        key = (rotation, keys)
        if key not in self._memory:
            positions = self.positions[:, -(self.length if keys is None else keys):]
            inverse = torch.tensor(rotation.inverse, dtype=torch.float32, device=positions.device)
            angles = (positions[..., None].float() * inverse)[:, :, None]
            self._memory[key] = angles.cos() * rotation.scale, angles.sin() * rotation.scale
        return self._memory[key]

    def sees_all_before(self, keys: int, window: int) -> bool:
        """Whether each token sees all tokens up to itself."""
        return self.valid is None and self.text is None and (window == 0 or self.past + self.length <= window)

    def is_whole(self, keys: Tensor) -> bool:
        """Whether these are all tokens, without padding and of one text each."""
        return (self.valid is None and self.text is None and self.past == 0 and not self.eager and
                keys.shape[1] == self.length)

    def mask(self, keys: int, window: int, sinks: int) -> Tensor:
        """Whom each new token sees of the last `keys` tokens, [B or 1, 1, T, L]. Padding sees itself, not nobody."""
        key = ("mask", keys, window, sinks)
        if key not in self._memory:
            total = self.past + self.length
            new = torch.arange(self.past, total, device=self.positions.device)[:, None]
            old = torch.arange(total - keys, total, device=self.positions.device)[None]
            seen = (old <= new)[None]
            if window > 0:
                seen = seen & ((old > new - window) | (self.positions[:, None, -keys:] < sinks))
            if self.text is not None:
                seen = seen & (self.text[:, -self.length:, None] == self.text[:, None, -keys:])
            if self.valid is not None:
                seen = seen & (self.valid[:, None, -keys:] | (old == new))
            self._memory[key] = seen[:, None]
        return self._memory[key]


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin of the first d features. x [B or 1, T or 1, R, D]."""
    cos, sin = (part.to(x.dtype) for part in table)
    half = cos.shape[-1]
    first, second, rest = x[..., :half], x[..., half:2 * half], x[..., 2 * half:]
    y = torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
    return y if rest.shape[-1] == 0 else torch.cat((y, rest.expand(*y.shape[:-1], -1)), -1)


class Cache(Protocol):
    """What a layer asks of a cache; transformers' caches are such, too."""

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Appends the numbers of new tokens, [B, 1, T, N], and returns those of all tokens, [B, 1, L, N]."""

    def get_seq_length(self, layer: int = 0) -> int:
        """Tokens that have been appended."""


class FactorCache:
    """The numbers of all tokens so far: for TPA (R_K + R_V)(H + D) a token and layer, rotated factors."""

    def __init__(self) -> None:
        self.layers: list[tuple[Tensor, Tensor]] = []  # [B, 1, L, N] of keys and of values

    def update(self, keys: Tensor, values: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        if layer == len(self.layers):
            self.layers.append((keys, values))
        else:
            old = self.layers[layer]
            self.layers[layer] = torch.cat((old[0], keys), 2), torch.cat((old[1], values), 2)
        return self.layers[layer]

    def get_seq_length(self, layer: int = 0) -> int:
        return self.layers[layer][0].shape[2] if layer < len(self.layers) else 0

    def crop(self, length: int) -> None:
        """Keeps the first `length` tokens."""
        self.layers = [(keys[:, :, :length], values[:, :, :length]) for keys, values in self.layers]

    def reorder_cache(self, rows: Tensor) -> None:
        """Row i becomes what row rows[i] was."""
        self.layers = [(keys[rows], values[rows]) for keys, values in self.layers]


def loaded_operator(name: str, x: Tensor, *types: torch.dtype) -> Callable[..., Any] | None:
    """torch.ops.t6.NAME, where t6.ops has loaded it and it is for x: a plain tensor on the CPU, of one of these types."""
    if "t6.ops" not in sys.modules or x.device.type != "cpu" or x.dtype not in types or type(x) is not Tensor:
        return None
    return getattr(torch.ops.t6, name)


class Projection(nn.Linear):
    """W x (+ bias). First values: uniform in [-bound, bound], by default 1 / sqrt(inputs); biases are zero."""

    def __init__(self, inputs: int, outputs: int, bias: bool = False, bound: float | None = None):
        self.bound = 1 / math.sqrt(inputs) if bound is None else bound
        super().__init__(inputs, outputs, bias)

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.weight, -self.bound, self.bound)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        operator = loaded_operator("linear", x, torch.float32)
        if (operator is None or x.numel() < OPERATOR_TOKENS * self.in_features or self.weight.dtype != x.dtype or
                torch.is_autocast_enabled("cpu")):
            return super().forward(x)
        y = operator(x, self.weight)
        return y if self.bias is None else y + self.bias


class Norm(nn.Module):
    """RMSNorm over the last dimension, with a weight or without."""

    def __init__(self, size: int, epsilon: float, weighted: bool = True):
        super().__init__()
        self.size, self.epsilon = size, epsilon
        self.weight = nn.Parameter(torch.ones(size)) if weighted else None

    def reset_parameters(self) -> None:
        if self.weight is not None:
            nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (self.size,), self.weight, self.epsilon)


class Factors(NamedTuple):
    """A sum of outer products: 1/R sum_r a_r (outer) b_r."""

    a: Tensor | None  # [B, T, R, H], or the constants [R, H]; None: b's ranks are heads
    b: Tensor | None  # [B, T, R, D / d_c], or the constants [R, D]; None: the keys'
    c: Tensor | None = None  # [B, T, R, d_c] of third order

    def features(self) -> Tensor:
        """b of second order. b' runs fastest in vec(b' (outer) c), so that rotating b' rotates the product (theorem C.1)."""
        return self.b if self.c is None else (self.c.unsqueeze(-1) * self.b.unsqueeze(-2)).flatten(-2)

    def product(self) -> Tensor:
        """[B, T, H, D]."""
        return (self.a / self.a.shape[-2]).transpose(-1, -2) @ self.features()


class FactorProjection(nn.Module):
    """The factors of queries, keys or values of a token: a = f(c_a + W_a x), b = W_b x (and c = W_c x), or constants.

    A part that is None is neither computed nor packed: whoever unpacks puts another's in its place.
    """

    def __init__(self, config: ModelConfig, rank: int, features: int, own_features: bool = True, queries: bool = False):
        super().__init__()
        width, heads, third = config.hidden_size, config.num_attention_heads, config.third_order_dim
        self.rank, self.activation, self.queries = rank, HEAD_ACTIVATIONS[config.head_activation], queries
        self.grouped = config.factor_init == "grouped"

        def factor(middle: int, last: int, scale: float = 1, bias: bool = False) -> Projection:
            # Xavier's bound on weights [width, middle, last].
            return Projection(width, middle * last, bias, scale * math.sqrt(6 / ((middle + width) * last)))

        constant = config.head_factors == "constant"
        self.a = (nn.Parameter(torch.empty(rank, heads)) if constant else
                  factor(heads, rank, config.head_factor_init_scale, config.head_factor_bias))
        self.b: nn.Module | nn.Parameter | None = None
        self.c: nn.Module | None = None
        if own_features and config.feature_factors == "constant":
            self.b = nn.Parameter(torch.empty(rank, features))
        elif own_features:
            self.b = factor(rank, features // third)
            if self.grouped:  # as W of grouped queries, or of grouped keys and values
                self.b.bound = math.sqrt(6 / (heads * features + width)) if queries else 1 / math.sqrt(width)
                self.b.reset_parameters()
            self.c = factor(rank, third) if third > 1 else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for constant in self.parameters(recurse=False):
            nn.init.xavier_uniform_(constant)
        constant = self.a if isinstance(self.a, nn.Parameter) else getattr(self.a, "bias", None)
        if self.grouped and constant is not None:
            self._begin_grouped(constant)

    @torch.no_grad()
    def _begin_grouped(self, constant: Tensor) -> None:
        """Of keys and values rank r is R in the heads h with h mod R = r, else 0; those of queries are drawn such that
        queries vary as their b do."""
        R = self.rank
        if self.queries:
            nn.init.uniform_(constant, -math.sqrt(3 * R), math.sqrt(3 * R))
            return
        heads = torch.arange(constant.numel() // R)
        constant.copy_((R * F.one_hot(heads % R, R).T).reshape(constant.shape))

    def forward(self, x: Tensor) -> Factors:
        """x [B, T, C]."""
        a, b, c = (part if part is None or isinstance(part, nn.Parameter) else part(x).unflatten(-1, (self.rank, -1))
                   for part in (self.a, self.b, self.c))
        return Factors(self.activation(a) if isinstance(self.a, nn.Module) else a, b, c)

    def pack(self, factors: Factors, x: Tensor) -> Tensor:
        """What of the factors depends on the token, side by side: [B, T, N]."""
        parts = [part.flatten(2) for part in factors if part is not None and part.dim() == 4]
        return torch.cat(parts, -1) if parts else x.new_empty(*x.shape[:2], 0)

    def unpack(self, numbers: Tensor) -> Factors:
        """The factors again, of [B, L, N]."""
        parts, begin = [], 0
        for part in (self.a, self.b, self.c):
            if part is None or isinstance(part, nn.Parameter):
                parts.append(part)
                continue
            parts.append(numbers[..., begin:begin + part.out_features].unflatten(-1, (self.rank, -1)))
            begin += part.out_features
        return Factors(*parts)


class Attention(nn.Module):
    """What all kinds share. `layer` says which entries of lists in the configuration hold, and the place in a cache."""

    def __init__(self, config: ModelConfig, layer: int = 0):
        super().__init__()
        width, H, D, E = config.hidden_size, config.num_attention_heads, config.head_dim, config.v_head_dim
        self.layer, self.H, self.D, self.E = layer, H, D, E
        self.window = config.sliding_window if config.slides(layer) else 0
        self.sinks = config.attention_sinks if self.window else 0
        self.rotation = rotation(config, layer)
        self.scale = 1 / math.sqrt(config.query_pre_attn_scalar or D + config.qk_rope_head_dim)
        normed = config.query_key_norm
        self.q_norm = Norm(D, config.rms_norm_eps) if normed else nn.Identity()
        self.k_norm = Norm(D, config.rms_norm_eps) if normed else nn.Identity()
        self.k_shift = nn.Parameter(torch.empty(2, H)) if config.kv_shift else None
        self.v_shift = nn.Parameter(torch.empty(2, H)) if config.kv_shift else None
        self.head_norm = Norm(E, HEAD_EPSILON) if config.head_output_norm else nn.Identity()
        self.gate_proj = Projection(width, H * E) if config.output_gate else None
        self.o_proj = Projection(H * E, width, bias=config.attention_output_bias, bound=0)
        Attention.reset_parameters(self)

    def reset_parameters(self) -> None:
        for weights in (self.k_shift, self.v_shift):
            if weights is not None:  # begins with the token's own
                nn.init.ones_(weights[0])
                nn.init.zeros_(weights[1])

    def project(self, x: Tensor, batch: Batch) -> tuple[Tensor | Factors, Tensor, Tensor]:
        """Of x [B, T, C]: queries [B, T, H, D] or their factors, and what is cached for keys and for values, [B, T, N] each."""
        raise NotImplementedError

    def heads(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Of the cached numbers [B, L, N]: keys [B, L, G, D] and values [B, L, G, E]."""
        raise NotImplementedError

    def forward(self, x: Tensor, batch: Batch | None = None, cache: Cache | None = None) -> Tensor:
        """x [B, T, C] to [B, T, C]. Without `batch`: no padding, positions from the cache's end on."""
        if batch is None:
            past = cache.get_seq_length(self.layer) if cache is not None else 0
            batch = Batch(x.shape[0], x.shape[1], past, device=x.device)
        q, keys, values = self.project(x, batch)
        attend = getattr(cache, "attend", None)  # of t6.paged_cache.PagedCache
        out = attend(self, q, keys, values, batch) if attend is not None else None
        if out is None:
            out = self._attend_to_all(q, keys, values, batch, cache)
        out = self.head_norm(out).flatten(2)
        if self.gate_proj is not None:
            out = out * self.gate_proj(x).sigmoid()
        return self.o_proj(out)

    def rotated_factors(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Factors, Factors] | None:
        """Of what is cached, [B, T, N] each: factors of keys and values with nothing left to do, a None where b are heads.
        None: there are no such."""
        return None

    def _attend_to_all(self, q: Tensor | Factors, keys: Tensor, values: Tensor, batch: Batch, cache: Cache | None) -> Tensor:
        """[B, T, H, E] over what is cached and new, which the cache takes."""
        if cache is not None:
            updated = cache.update(keys.unsqueeze(1), values.unsqueeze(1), self.layer)
            keys, values = updated[0].squeeze(1), updated[1].squeeze(1)
        out = self._attend_by_operator(q, keys, values, batch)
        if out is not None:
            return out
        k, v = self.heads(keys, values, batch)
        if self.k_shift is not None:
            k, v = self._shift(k, self.k_shift, batch), self._shift(v, self.v_shift, batch)
        return self._attend(q.product() if isinstance(q, Factors) else q, k, v, batch)

    def _shift(self, heads: Tensor, weights: Tensor, batch: Batch) -> Tensor:
        """weights[0] of a token's key (value) plus weights[1] of the previous token's, for each head."""
        heads = heads.repeat_interleave(self.H // heads.shape[2], 2)
        has_previous = (batch.positions[:, -heads.shape[1]:] > 0)[..., None, None]
        previous = F.pad(heads, (0, 0, 0, 0, 1, 0))[:, :-1] * has_previous
        return heads * weights[0, :, None] + previous * weights[1, :, None]

    def _attend_by_operator(self, q: Tensor | Factors, keys: Tensor, values: Tensor, batch: Batch) -> Tensor | None:
        """What _attend gives of the heads, by one of T6's operators. None: where none is for this."""
        return None

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, batch: Batch) -> Tensor:
        """softmax(scale Q K^T) V, [B, T, H, E]."""
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        T, L = q.shape[2], k.shape[2]
        if batch.eager:
            k, v = (x.repeat_interleave(self.H // x.shape[1], 1) for x in (k, v))
            logits = (q @ k.transpose(2, 3)).float() * self.scale
            weights = logits.masked_fill(~batch.mask(L, self.window, self.sinks), -math.inf).softmax(-1).to(q.dtype)
            if batch.weights is not None:
                batch.weights.append(weights)
            return (weights @ v).transpose(1, 2)
        mask, causal = None, False
        if not (batch.sees_all_before(L, self.window) and (T == 1 or T == L)):
            mask = batch.mask(L, self.window, self.sinks)
        elif T > 1:  # branched on, since torch.compile's symbols of lengths are no bool
            causal = True
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, scale=self.scale,
                                             enable_gqa=k.shape[1] != self.H)
        return out.transpose(1, 2)


def changes_heads(attention: Attention, kind: type[Attention]) -> bool:
    """Whether a subclass of `kind` has heads or a softmax of its own, of which operators, which take factors, know nothing."""
    own = type(attention)
    return own.heads is not kind.heads or own._attend is not kind._attend


class TensorProductAttention(Attention):
    """TPA: queries (unless tpa_kvonly), keys and values by factors. Caches the factors, those of keys rotated.

        attention = TensorProductAttention(ModelConfig(hidden_size=768, num_attention_heads=12, head_dim=64))
        y = attention(x)  # [B, T, 768], causal
    """

    def __init__(self, config: ModelConfig, layer: int = 0):
        super().__init__(config, layer)
        D, outputs = config.head_dim, config.num_attention_heads * config.head_dim
        bound = math.sqrt(6 / (config.hidden_size + outputs))
        self.q_proj = (FactorProjection(config, config.q_rank, D, queries=True) if config.attention_kind == "tpa" else
                       Projection(config.hidden_size, outputs, bound=bound))
        self.shared = config.shared_kv_features
        self.k_proj = FactorProjection(config, config.k_rank, D)
        self.v_proj = FactorProjection(config, config.v_rank, config.v_head_dim, own_features=not self.shared)
        # Features that do not depend on the token, or that values share, are rotated when they are used.
        self.rotates_on_use = self.shared or config.feature_factors == "constant"
        self.takes_operators = not changes_heads(self, TensorProductAttention)

    def project(self, x: Tensor, batch: Batch) -> tuple[Tensor | Factors, Tensor, Tensor]:
        table = batch.table(self.rotation)
        q = self.q_proj(x)
        if isinstance(q, Factors):
            q = q._replace(b=self._rotated(q.b, self.q_norm, table))
        else:
            q = rotate(self.q_norm(q.unflatten(-1, (self.H, self.D))), table)
        k, v = self.k_proj(x), self.v_proj(x)
        if not self.rotates_on_use:
            k = k._replace(b=self._rotated(k.b, self.k_norm, table))
        return q, self.k_proj.pack(k, x), self.v_proj.pack(v, x)

    def factors(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Factors, Factors]:
        """Of keys, rotated, and of values."""
        k, v = self.k_proj.unpack(keys), self.v_proj.unpack(values)
        if self.shared:
            v = v._replace(b=k.b, c=k.c)
        if self.rotates_on_use:
            k = k._replace(b=self._rotated(k.b, self.k_norm, batch.table(self.rotation, keys.shape[1])))
        return k, v

    def heads(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        k, v = self.factors(keys, values, batch)
        return k.product(), v.product()

    def rotated_factors(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Factors, Factors] | None:
        if self.rotates_on_use or not self.takes_operators:
            return None
        k, v = self.factors(keys, values, batch)
        contextual = all(part.dim() == 4 for part in (k.a, k.b, v.a, v.b))
        return (k, v) if contextual and k.c is None and v.c is None else None

    def _attend_by_operator(self, q: Tensor | Factors, keys: Tensor, values: Tensor, batch: Batch) -> Tensor | None:
        operator = loaded_operator("attention", keys, torch.float32, torch.bfloat16)
        if operator is None or not self.takes_operators or self.k_shift is not None or not batch.is_whole(keys):
            return None

        def spread(factors: Factors) -> tuple[Tensor, Tensor]:  # over all tokens
            return tuple(part.expand(*keys.shape[:2], -1, -1) for part in (factors.a, factors.features()))

        queries = spread(q) if isinstance(q, Factors) else (None, q)
        k, v = (spread(factors) for factors in self.factors(keys, values, batch))
        mean = 1 / k[1].shape[2] / (queries[1].shape[2] if isinstance(q, Factors) else 1)
        return operator(*queries, *k, *v, self.H, self.scale * mean, 1 / v[1].shape[2], self.window, self.sinks)[0]

    @staticmethod
    def _rotated(b: Tensor, norm: nn.Module, table: tuple[Tensor, Tensor]) -> Tensor:
        b = norm(b)
        return rotate(b if b.dim() == 4 else b[None, None], table)


class CompressedQuery:
    """Queries through a bottleneck: W_b RMSNorm(W_a x), of mla and mfa; the parameters lie in the attention itself."""

    @staticmethod
    def add_to(attention: nn.Module, config: ModelConfig) -> None:
        outputs = config.num_attention_heads * (config.head_dim + config.qk_rope_head_dim)
        attention.q_a_proj = Projection(config.hidden_size, config.q_lora_rank)
        attention.q_a_layernorm = Norm(config.q_lora_rank, LATENT_EPSILON)
        attention.q_b_proj = Projection(config.q_lora_rank, outputs)


class GroupedAttention(Attention):
    """mha, gqa and mqa: G heads of keys and values, each for H / G heads of queries; mfa: one, and compressed queries."""

    def __init__(self, config: ModelConfig, layer: int = 0):
        super().__init__(config, layer)
        width, bias = config.hidden_size, config.attention_bias
        self.G = {"mha": self.H, "gqa": config.num_key_value_heads}.get(config.attention_kind, 1)
        self.compressed = config.q_lora_rank > 0
        if self.compressed:
            CompressedQuery.add_to(self, config)
        else:
            self.q_proj = Projection(width, self.H * self.D, bias=bias)
        self.k_proj = Projection(width, self.G * self.D, bias=bias)
        self.v_proj = Projection(width, self.G * self.E, bias=bias)

    def project(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        table = batch.table(self.rotation)
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))) if self.compressed else self.q_proj(x)
        q = rotate(self.q_norm(q.unflatten(-1, (self.H, self.D))), table)
        k = rotate(self.k_norm(self.k_proj(x).unflatten(-1, (self.G, self.D))), table)
        return q, k.flatten(2), self.v_proj(x)

    def heads(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return keys.unflatten(-1, (self.G, self.D)), values.unflatten(-1, (self.G, self.E))

    def rotated_factors(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Factors, Factors] | None:
        if changes_heads(self, GroupedAttention):
            return None
        return Factors(None, keys.unflatten(-1, (self.G, self.D))), Factors(None, values.unflatten(-1, (self.G, self.E)))


class LatentAttention(Attention):
    """mla: keys and values of all heads are linear maps of a latent; keys have a rotated part that heads share.

    Caches the normalized latent and the rotated part, d_c + d_r numbers.
    """

    def __init__(self, config: ModelConfig, layer: int = 0):
        super().__init__(config, layer)
        self.latent, self.rope = config.kv_lora_rank, config.qk_rope_head_dim
        CompressedQuery.add_to(self, config)
        self.kv_a_proj_with_mqa = Projection(config.hidden_size, self.latent + self.rope)
        self.kv_a_layernorm = Norm(self.latent, LATENT_EPSILON)
        self.kv_b_proj = Projection(self.latent, self.H * (self.D + self.E))

    def project(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        table = batch.table(self.rotation)
        q = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x))).unflatten(-1, (self.H, self.D + self.rope))
        q = torch.cat((q[..., :self.D], rotate(q[..., self.D:], table)), -1)
        latent, rope = self.kv_a_proj_with_mqa(x).split((self.latent, self.rope), -1)
        rope = rotate(rope.unsqueeze(2), table).squeeze(2)
        return q, torch.cat((self.kv_a_layernorm(latent), rope), -1), x.new_empty(*x.shape[:2], 0)

    def heads(self, keys: Tensor, values: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        latent, rope = keys.split((self.latent, self.rope), -1)
        k, v = self.kv_b_proj(latent).unflatten(-1, (self.H, self.D + self.E)).split((self.D, self.E), -1)
        return torch.cat((k, rope.unsqueeze(2).expand(-1, -1, self.H, -1)), -1), v


def make_attention(config: ModelConfig, layer: int = 0) -> Attention:
    """The attention of a configuration's kind."""
    if config.is_factored:
        return TensorProductAttention(config, layer)
    return (LatentAttention if config.attention_kind == "mla" else GroupedAttention)(config, layer)


class FeedForward(nn.Module):
    """W_down (f(W_gate x) * W_up x): SwiGLU, or GeGLU."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        width, hidden = config.hidden_size, config.intermediate_size
        self.activation = GATE_ACTIVATIONS[config.hidden_act]
        self.gate_proj = Projection(width, hidden)
        self.up_proj = Projection(width, hidden)
        self.down_proj = Projection(hidden, width, bound=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)); with post_norms what is added is normalized, too."""

    def __init__(self, config: ModelConfig, layer: int):
        super().__init__()

        def norm() -> Norm:
            return Norm(config.hidden_size, config.rms_norm_eps, config.norm_weight)

        self.post_norms = config.post_norms
        self.input_layernorm = norm()
        self.self_attn = make_attention(config, layer)
        self.post_attention_layernorm = norm()  # Llama's name of the norm before the feed-forward, Gemma's of one after
        if config.post_norms:
            self.pre_feedforward_layernorm = norm()
            self.post_feedforward_layernorm = norm()
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, batch: Batch | None = None, cache: Cache | None = None) -> Tensor:
        """x [B, T, C] to [B, T, C]."""
        added = self.self_attn(self.input_layernorm(x), batch, cache)
        if not self.post_norms:
            x = x + added
            return x + self.mlp(self.post_attention_layernorm(x))
        x = x + self.post_attention_layernorm(added)
        return x + self.post_feedforward_layernorm(self.mlp(self.pre_feedforward_layernorm(x)))


class TokenEmbedding(nn.Embedding):
    """A row a token; first values as a linear layer's."""

    def reset_parameters(self) -> None:
        bound = 1 / math.sqrt(self.embedding_dim)
        nn.init.uniform_(self.weight, -bound, bound)


class Decoder(nn.Module):
    """Tokens to hidden states: embedding, blocks, norm."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.embedding_scale = config.embedding_scale
        self.embed_tokens = TokenEmbedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Block(config, layer) for layer in range(config.num_hidden_layers)])
        self.norm = Norm(config.hidden_size, config.rms_norm_eps, config.norm_weight)

    def forward(self, tokens: Tensor, batch: Batch | None = None, cache: Cache | None = None) -> Tensor:
        """tokens [B, T] to [B, T, C]."""
        x = self.embed_tokens(tokens) * self.embedding_scale
        if batch is None:
            batch = Batch(*tokens.shape, cache.get_seq_length() if cache is not None else 0, device=tokens.device)
        for block in self.layers:
            x = block(x, batch, cache)
        return self.norm(x)


class Transformer(nn.Module):
    """The whole model. Its state_dict() is that of a T6 checkpoint, name for name."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = None if config.tie_word_embeddings else Projection(config.hidden_size, config.vocab_size)

    @classmethod
    def from_folder(cls, folder: str | pathlib.Path) -> "Transformer":
        """The model of a model folder, in the types that its weights have there. Quantized ones are `t6 export`'s."""
        from safetensors.torch import load_file

        folder = pathlib.Path(folder)
        model = cls(ModelConfig.from_dict(json.loads((folder / "config.json").read_text())))
        model.load_state_dict(load_file(folder / "model.safetensors"), assign=True)
        return model

    def forward(self, tokens: Tensor, batch: Batch | None = None, cache: Cache | None = None) -> Tensor:
        """Logits [B, T, vocabulary] of tokens [B, T], which follow on those in the cache."""
        x = self.model(tokens, batch, cache)
        return F.linear(x, self.model.embed_tokens.weight) if self.lm_head is None else self.lm_head(x)
