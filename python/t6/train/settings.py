"""The keys of a run's TOML file, with default and bounds: the one list for reading, checking and writing."""

import json
import math
from typing import Any, NamedTuple

from .errors import TrainError, require

MOST_STEPS = 1 << 40
MOST_BATCH = 1 << 16


class Key(NamedTuple):
    """A key's default, whose type is the key's, and the numbers or names that it may be."""

    default: Any
    least: float = 0
    most: float = 0
    names: tuple[str, ...] = ()


SECTIONS: dict[str, dict[str, Key]] = {
    "data": {"path": Key("")},
    "optimizer": {
        "learning_rate": Key(6e-4, 0, 1e3),
        "beta1": Key(0.9, 0, 0.999999),
        "beta2": Key(0.95, 0, 0.999999),
        "eps": Key(1e-8, 1e-30, 1),
        "weight_decay": Key(0.1, 0, 1e3),
        "head_factor_learning_rate_scale": Key(1.0, 0, 1e3),
        "decay_matrices_only": Key(False),
        "clip": Key(1.0, 0, 1e9),
    },
    "schedule": {
        "kind": Key("cosine", names=("cosine", "constant", "wsd")),
        "decay_steps": Key(0, 0, MOST_STEPS),
        "warmup_steps": Key(0, 0, MOST_STEPS),
        "minimum_learning_rate": Key(0.0, 0, 1e3),
    },
    "train": {
        "steps": Key(1000, 1, MOST_STEPS),
        "batch_size": Key(16, 1, MOST_BATCH),
        "gradient_accumulation": Key(1, 1, MOST_BATCH),
        "context": Key(0, 0, 1 << 24),
        "seed": Key(0, 0, (1 << 63) - 1),
        "attention": Key("fused", names=("fused", "sdpa")),
        "dtype": Key("float32", names=("float32", "bfloat16")),
        "recompute": Key("none", names=("none", "attention", "layer")),
        "device": Key("cpu", names=("cpu", "cuda")),
        "threads": Key(0, 0, 1024),
        "log_every": Key(10, 1, MOST_STEPS),
        "evaluate_every": Key(250, 0, MOST_STEPS),
        "evaluate_windows": Key(64, 0, 1 << 32),
        "checkpoint_every": Key(1000, 0, MOST_STEPS),
        "keep_checkpoints": Key(3, 0, 1 << 32),
        "keep_best": Key(True),
        "sample_every": Key(0, 0, MOST_STEPS),
        "sample_prompt": Key("\n"),
        "minutes": Key(0.0, 0, 1e9),
    },
}


def shown(value: Any) -> str:
    """A value as a message shows it."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def read_value(value: Any, key: Key, what: str) -> Any:
    """A value of the file as the type of its key. Error: another type, out of bounds, a name that is not known."""
    if isinstance(key.default, bool):
        require(isinstance(value, bool), f"{what} must be true or false, not {shown(value)}")
        return value
    if isinstance(key.default, str):
        require(isinstance(value, str), f"{what} must be a string, not {shown(value)}")
        names = " or ".join(f'"{name}"' for name in key.names)
        require(not key.names or value in key.names, f"{what} must be {names}, not {shown(value)}")
        return value
    whole = isinstance(key.default, int)
    fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not fits or math.isnan(value) or not key.least <= value <= key.most:
        raise TrainError(f"{what} must be a {'whole ' if whole else ''}number from {key.least:g} to {key.most:g}, "
                         f"not {shown(value)}")
    return value if whole else float(value)


def require_known(given: dict[str, Any], known: Any, source: str) -> None:
    """Error: a key that is not among the known ones."""
    for key in given:
        require(key in known, f'{source}: the key "{key}" is not known; known are {", ".join(sorted(known))}')


def read_table(json: dict[str, Any], section: str, source: str) -> dict[str, Any]:
    """A section of a file, empty where it is not there. Error: something else than a table."""
    table = json.get(section)
    table = {} if table is None else table
    require(isinstance(table, dict), f"{source}: {section}: wanted a table, found {shown(table)}")
    return table


def read_section(json: dict[str, Any], section: str, source: str) -> dict[str, Any]:
    """All keys of a section, with defaults for what the file does not say. Errors: those of its keys."""
    keys, given = SECTIONS[section], read_table(json, section, source)
    require_known(given, keys, f"{source}: {section}")
    return {name: key.default if given.get(name) is None else
            read_value(given[name], key, f'{source}: {section}: "{name}"') for name, key in keys.items()}
