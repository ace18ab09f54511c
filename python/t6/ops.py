"""T6's kernels as operators of Torch: torch.ops.t6.*, on the CPU, for models of your own.

A wheel has the operators if it was built with them (docs/python.md), for one minor version of Torch; `import t6` loads them
where there are any, importing this says why there are none. t6.nn's attention uses them, too. The functions here are the operators with the arguments that a model
has at hand; each has gradients of the first order, runs under torch.compile and torch.autocast("cpu", torch.bfloat16), and
names what is wrong with its arguments in a RuntimeError.

Letters of shapes: B sequences, T tokens, H heads, D features of a query and key, E of a value, R rank.
"""

import pathlib
from typing import NamedTuple

import torch
from torch import Tensor

from . import _ops_vmap
from ._operators import libraries, minor


PAGE_TOKENS = 64


class Factors(NamedTuple):
    """Queries, keys or values as sum_r a_r (outer) b_r / R, or, without a, b's ranks as heads, shared by H / R each."""

    a: Tensor | None  # [B, T, R, H]
    b: Tensor  # [B, T, R, D], or E features of values

    @property
    def scale(self) -> float:
        return 1.0 if self.a is None else 1 / self.b.shape[2]


def library_file() -> pathlib.Path:
    """The operators for the Torch that runs. ImportError: there are none, or those of another version."""
    folder = pathlib.Path(__file__).parent
    found = libraries(folder)
    if minor(torch.__version__) in found:
        return found[minor(torch.__version__)]
    if found:
        raise ImportError(f"T6's operators in {folder} are built for Torch {', '.join(found)}, and this is Torch "
                          f"{torch.__version__}: install a Torch that they are for, or a wheel of T6 built with this one")
    raise ImportError(f"there are no operators in {folder}: this T6 was built without them "
                      "(`make wheel OPERATORS=ON` makes a wheel that has them)")


def _load() -> None:
    file = library_file()
    try:
        torch.ops.load_library(str(file))
    except OSError as error:
        raise ImportError(f"T6's operators could not be loaded: {error}") from error
    _ops_vmap.register()


def register_sharding() -> None:
    """Makes DTensors divide the operators: `linear` by rows and columns of the weight, `attention` by heads, both by batch.

    Once in a process. It imports torch.distributed.tensor, which takes a second, and so does not happen by itself.
    """
    from . import _ops_sharding

    _ops_sharding.register()


def attention(q: Factors, k: Factors, v: Factors, *, scale: float | None = None, window: int = 0, sinks: int = 0) -> Tensor:
    """Causal attention [B, T, H, E] over factors, float32 or bfloat16; keys and queries are rotated already.

    scale: of the logits; None: 1 / sqrt(D). window: the last tokens, its own among them, that a token sees; 0: all.
    sinks: the first tokens of all, which it sees, too. Keeps the factors, a number a head, and its output where q and k have a.
    """
    q, k, v = Factors(*q), Factors(*k), Factors(*v)
    logit_scale = (q.b.shape[-1]**-0.5 if scale is None else scale) * q.scale * k.scale
    return torch.ops.t6.attention(*q, *k, *v, 0, logit_scale, v.scale, window, sinks)[0]


def new_pages(count: int, rank: int, features: int, heads: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Zeroed pages [count, 64 R (H + D)] for keys or values of 64 tokens each, of float32, bfloat16 or float16.

    heads 0: of b alone, without head factors. A page is a as [R, H, 64], then b, of keys as [R, D, 64], of values as [R, 64, E].
    """
    return torch.zeros(count, PAGE_TOKENS * rank * (heads + features), dtype=dtype)


def write_pages(pages: Tensor, page_table: Tensor, lengths: Tensor, factors: Factors, *, values: bool) -> None:
    """Writes T new tokens' keys, or values, into the pages; `lengths` count them already. Nothing is written on an error."""
    torch.ops.t6.write_pages(pages, page_table, lengths, *factors, values)


def paged_attention(q: Factors, k_pages: Tensor, v_pages: Tensor, page_table: Tensor, lengths: Tensor, *, k_rank: int, v_rank: int,
                    v_features: int | None = None, scale: float | None = None, window: int = 0, sinks: int = 0) -> Tensor:
    """Attention [B, T, H, E] of T new tokens at the end of each sequence, whose keys and values were written into pages.

    page_table [B, most pages]: tokens 64 i to 64 i + 63 of sequence b lie in page page_table[b, i]. lengths [B]: tokens of a
    sequence, the new ones among them; rows of length 0 give zeros. v_features: E; None: D. The rest as of `attention`. It has no
    gradients.
    """
    q = Factors(*q)
    heads, features = q.b.shape[2] if q.a is None else q.a.shape[3], q.b.shape[3]
    E = features if v_features is None else v_features

    def mean(pages: Tensor, rank: int, width: int) -> float:  # without head factors the ranks are heads
        return 1 / rank if pages.shape[-1] == PAGE_TOKENS * rank * (heads + width) else 1.0

    logit_scale = (features**-0.5 if scale is None else scale) * q.scale * mean(k_pages, k_rank, features)
    return torch.ops.t6.paged_attention(*q, k_pages, v_pages, page_table, lengths, k_rank, v_rank, E, heads, logit_scale,
                                        mean(v_pages, v_rank, E), window, sinks)


def linear(x: Tensor, weight: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """x W^T of x [..., K] and weight [N, K], of one type, or each float32 or bfloat16; the result is of `dtype` or x's type."""
    return torch.ops.t6.linear(x, weight, dtype)


def linear_cross_entropy(x: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean of -log softmax(x W^T)[target] over the targets that are not -1, without ever holding all logits.

    x [N, C] of weight's type, or bfloat16 with a weight of float32, [V, C]; targets [N] int64. Its gradients can be taken
    once: they are made with the loss.
    """
    return torch.ops.t6.linear_cross_entropy(x, weight, targets)


def gated_linear(gate: Tensor, up: Tensor, weight: Tensor, gelu: bool = False) -> Tensor:
    """(silu(gate) * up) W^T in float32, or by GELU's form with a tanh, which keeps gate and up alone for the gradients.

    gate and up [..., K] bfloat16, weight [N, K] float32.
    """
    return torch.ops.t6.gated_linear(gate, up, weight, gelu)


def rms_norm_to_bfloat16(x: Tensor, weight: Tensor | None = None, epsilon: float = 1e-6) -> Tensor:
    """RMSNorm over the last dimension, computed in float32. x float32 or bfloat16, weight [C] float32."""
    return torch.ops.t6.rms_norm_to_bfloat16(x, weight, epsilon)[0]


def rotate_bfloat16(x: Tensor, cos: Tensor, sin: Tensor, inverse: bool = False) -> Tensor:
    """x [B, T, R, D] bfloat16, its first features turned in pairs (i, i + half): y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin.

    cos and sin [at least T, 1, half] float32, constants. inverse: by minus the angle.
    """
    return torch.ops.t6.rotate_bfloat16(x, cos, sin, inverse)


_load()
