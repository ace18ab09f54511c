"""A model's configuration as T6's programs read and write it: the section [model], config.json, presets by name."""

import dataclasses
import functools
import json
import math
import pathlib
from typing import Any

from ..nn import ModelConfig
from .errors import TrainError, require
from .settings import Key, read_value, shown

# Written by scripts/write_presets.py; of each preset what differs from ModelConfig's defaults.
PRESETS_FILE = pathlib.Path(__file__).with_name("presets.json")
DEFAULTS = {field.name: field.default for field in dataclasses.fields(ModelConfig)}
MOST_SIZE = 1 << 24
LISTS = ("layer_types", "no_rope_layers")
# Keys that a config.json holds only where they say something.
KEYS_IF_USED = ("head_factor_bias", "factor_init", "head_factor_init_scale", "attention_output_bias", "post_norms",
                "hidden_act", "embedding_scale", "query_pre_attn_scalar", "sliding_window", "layer_types",
                "attention_sinks", "rope_local_base_freq", "no_rope_layers")
# Keys that a preset chooses for its kind of attention.
ATTENTION_KEYS = ("attention_kind", "num_attention_heads", "num_key_value_heads", "q_rank", "k_rank", "v_rank",
                  "head_factors", "feature_factors", "q_lora_rank", "kv_lora_rank", "head_activation",
                  "shared_kv_features", "third_order_dim", "qk_rope_head_dim", "head_factor_bias", "factor_init",
                  "head_factor_init_scale", "intermediate_size")
# Bounds that are not those of a size, 0 or 1 to MOST_SIZE.
BOUNDS = {
    "vocab_size": (1, 1 << 31), "max_position_embeddings": (1, 1 << 31), "sliding_window": (0, 1 << 31),
    "attention_sinks": (0, 1 << 31), "head_factor_init_scale": (0, 1e3), "rope_theta": (1, 1e12),
    "partial_rotary_factor": (0, 1), "rms_norm_eps": (0, 1), "embedding_scale": (1e-6, 1e6),
    "query_pre_attn_scalar": (0, 1e12), "rope_local_base_freq": (0, 1e12),
}
MAY_BE_ZERO = ("intermediate_size", "v_head_dim", "num_key_value_heads", "q_lora_rank", "kv_lora_rank",
               "qk_rope_head_dim")

MOST_FACTOR, POSITIONS = 1e6, "original_max_position_embeddings"
# Of each kind of rope_scaling its keys beside "factor"; no default: it has to be there.
SCALING_KEYS: dict[str, dict[str, Key]] = {
    "linear": {}, "dynamic": {},
    "llama3": {"low_freq_factor": Key(None, 0, MOST_FACTOR), "high_freq_factor": Key(None, 0, MOST_FACTOR),
               POSITIONS: Key(None, 1, 1 << 31)},
    "yarn": {POSITIONS: Key(None, 1, 1 << 31), "beta_fast": Key(32.0, 0, MOST_FACTOR),
             "beta_slow": Key(1.0, 0, MOST_FACTOR), "truncate": Key(True), "attention_factor": Key(0.0, 0, MOST_FACTOR),
             "mscale": Key(0.0, 0, MOST_FACTOR), "mscale_all_dim": Key(0.0, 0, MOST_FACTOR)},
}


@functools.cache
def presets() -> dict[str, dict[str, Any]]:
    """Of each preset the keys that differ from the defaults."""
    return json.loads(PRESETS_FILE.read_text())


def preset_keys(name: str) -> dict[str, Any]:
    """Error: no such preset; the message lists them."""
    require(name in presets(), f'no preset is called "{name}"; there are {", ".join(presets())}')
    return dict(presets()[name])


def key_heads(config: ModelConfig) -> int:
    """The ranks of keys: heads that they have, or factors."""
    if config.is_factored:
        return config.k_rank
    return {"mha": config.num_attention_heads, "gqa": config.num_key_value_heads}.get(config.attention_kind, 1)


def to_config_json(config: ModelConfig) -> dict[str, Any]:
    """All keys of a config.json, as T6's programs write it."""
    values = {name: value for name, value in dataclasses.asdict(config).items()
              if name not in KEYS_IF_USED or (value not in (None, []) and value != DEFAULTS[name])}
    return {"model_type": "t6", "architectures": ["T6ForCausalLM"], "torch_dtype": "float32", **values,
            "num_key_value_heads": key_heads(config), "rope_scaling": whole_scaling(config)}


def whole_scaling(config: ModelConfig) -> dict[str, Any] | None:
    """The scaling of rotation with every key that its kind has; None where there is none. Errors: a kind that is not
    known, keys that are missing or out of bounds."""
    given = config.rope_scaling or {}
    kind = given.get("rope_type", given.get("type", "default"))
    if kind == "default":
        return None
    wanted = ", ".join(SCALING_KEYS)
    require(isinstance(kind, str) and kind in SCALING_KEYS, f'rope_scaling: the type "{kind}" is not known; wanted is one of {wanted}')
    whole = {"rope_type": kind}
    for name, key in {"factor": Key(None, 1, MOST_FACTOR), **SCALING_KEYS[kind]}.items():
        default = config.max_position_embeddings if name == POSITIONS and kind == "yarn" else key.default
        value = default if given.get(name) is None else given[name]
        example = key.default if key.default is not None else 1 if name == POSITIONS else 1.0
        whole[name] = read_value(value, key._replace(default=example), f'rope_scaling: "{name}"')
    if kind == "llama3":
        require(whole["low_freq_factor"] < whole["high_freq_factor"],
                'rope_scaling: "low_freq_factor" must be below "high_freq_factor"')
    if kind == "yarn":
        require(0 < whole["beta_slow"] <= whole["beta_fast"],
                'rope_scaling: "beta_slow" must be above 0 and no more than "beta_fast"')
        whole["attention_factor"] = whole["attention_factor"] or yarn_factor(whole)
        del whole["mscale"], whole["mscale_all_dim"]
    return whole


def yarn_factor(whole: dict[str, Any]) -> float:
    """Of rotated features, where the file does not say it."""
    def magnitude(m: float) -> float:
        return 1 if whole["factor"] <= 1 else 0.1 * m * math.log(whole["factor"]) + 1

    above, below = whole["mscale"], whole["mscale_all_dim"]
    return magnitude(above) / magnitude(below) if above and below else magnitude(1)


def read_key(name: str, value: Any, source: str) -> Any:
    """A value of [model] as ModelConfig has it. Error: of another type, or out of bounds."""
    what = f'{source}: "{name}"'
    if name in LISTS:
        good = isinstance(value, list) and all(
            item in ("sliding_attention", "full_attention") if name == "layer_types" else
            type(item) is int and item in (0, 1) for item in value)
        require(good, f"{what} is {shown(value)}, wanted is a list with an entry for each layer")
        return value
    if name == "rope_scaling":
        require(isinstance(value, dict), f"{what}: wanted a table, found {shown(value)}")
        return value
    least, most = BOUNDS.get(name, (0 if name in MAY_BE_ZERO else 1, MOST_SIZE))
    return read_value(value, Key(DEFAULTS[name], least, most), what)


def require_used_keys(given: dict[str, Any], config: ModelConfig, source: str) -> None:
    """Error: a key that the model's kind does not use."""
    kind, heads = config.attention_kind, config.num_key_value_heads
    as_it_is = heads == 0 or kind in ("mha", "mqa") and heads == key_heads(config)
    for name, used, kinds in (("q_rank", kind == "tpa", "tpa"), ("k_rank", config.is_factored, "tpa and tpa_kvonly"),
                              ("v_rank", config.is_factored, "tpa and tpa_kvonly"),
                              ("num_key_value_heads", kind == "gqa" or as_it_is, "gqa")):
        require(used or name not in given,
                f'{source}: "{name}" is for {kinds}; a model of kind {kind} does not use it')


def read_model(base: dict[str, Any], given: dict[str, Any], source: str, strict: bool) -> ModelConfig:
    """The model of `base` with the changes of `given`. Errors: unknown keys when strict, values, combinations."""
    keys = dict(base)
    for name, value in given.items():
        require(name in DEFAULTS or not strict, f'{source}: the key "{name}" is not known')
        if name in DEFAULTS and value is not None:
            keys[name] = read_key(name, value, source)
    try:
        config = ModelConfig(**keys)
        whole_scaling(config)
        return config
    except ValueError as error:
        raise TrainError(f"{source}: {error}") from error
