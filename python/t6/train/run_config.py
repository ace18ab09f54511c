"""A training run as one value: what the TOML file and the command line say, checked."""

import dataclasses
import json
import pathlib
from typing import Any

from ..nn import ModelConfig
from .errors import TrainError, require
from .model_keys import (ATTENTION_KEYS, preset_keys, presets, read_model, require_used_keys, to_config_json)
from .settings import SECTIONS, read_section, read_table, require_known
from .toml_files import Setting, apply_settings, name_preset, read_toml

RUN_FILE = "run.json"
# Keys of [train] that run.json holds only where they say something: programs from before them know runs without.
KEYS_IF_USED = ("dtype", "recompute", "device")


@dataclasses.dataclass
class RunConfig:
    """The sections of a file, each with every key; the keys are those of settings.py."""

    model: ModelConfig
    data: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    train: dict[str, Any]
    preset: str = ""  # empty: none was named
    own_vocab: bool = False  # [model] names vocab_size itself

    @property
    def step_tokens(self) -> int:
        return self.train["batch_size"] * self.train["gradient_accumulation"] * self.train["context"]

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> "RunConfig":
        """Of a file's sections, {"model": {"preset": "nano-tpa"}, "data": {"path": ...}, ...}. Errors: its keys'."""
        require_known(table, ("model", *SECTIONS), "run")
        config = read_config(table, "run", False, {}, None)
        check(config, "run")
        return config

    def to_json(self) -> dict[str, Any]:
        """As run.json holds it."""
        model = to_config_json(self.model)
        if self.preset:
            model["preset"] = self.preset
        sections = {section: dict(getattr(self, section)) for section in SECTIONS}
        for key in KEYS_IF_USED:
            if self.train[key] == SECTIONS["train"][key].default:
                del sections["train"][key]
        return {"model": model, **sections}


def load_run_config(path: str | pathlib.Path, settings: list[Setting] = [],
                    given: ModelConfig | None = None) -> RunConfig:
    """Of a TOML file, or of the folder of a run, whose run.json is read, with the settings of the command line.

    given: a model that training begins with; the section [model] may then be left out. Errors name the file, the key,
    what was found and what was wanted.
    """
    path = pathlib.Path(path)
    from_run = path.is_dir()
    source = str(path / RUN_FILE if from_run else path)
    table = read_run_json(path / RUN_FILE) if from_run else read_toml(path)
    source += " (with the command line's settings)" if settings else ""
    changes: dict[str, Any] = {}
    apply_settings(changes, settings)
    model_changes = changes.get("model", {})
    if "preset" in model_changes:
        if from_run and isinstance(table.get("model"), dict):
            table["model"] = changes_of_preset(table["model"])
        name_preset(table, model_changes)
    apply_settings(table, settings)
    require_known(table, ("model", *SECTIONS, *(("run",) if from_run else ())), source)
    config = read_config(table, source, from_run, model_changes, given)
    if from_run and "data" not in changes:
        find_data(table, source, config)
    check(config, source)
    return config


def read_run_json(path: pathlib.Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text())
    except OSError as error:
        raise TrainError(f"{path}: cannot open: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TrainError(f"{path}: not valid JSON: {error}") from error
    require(isinstance(table, dict), f"{path}: wanted a JSON object")
    return table


def read_config(table: dict[str, Any], source: str, from_run: bool, changes: dict[str, Any],
                given: ModelConfig | None) -> RunConfig:
    require("model" in table or given is not None,
            f"{source}: the section [model] is missing; it names a preset or a model's sizes")
    keys = dict(read_table(table, "model", source))
    preset = keys.pop("preset", None)
    require(preset is None or isinstance(preset, str), f'{source}: model: "preset" must be a string, not {preset}')
    base = preset_keys(preset) if preset is not None else dataclasses.asdict(given) if given is not None else {}
    model = read_model(base, keys, f"{source}: model", strict=not from_run)
    require_used_keys(changes if from_run else keys, model, f"{source}: model")
    same_kind = model.attention_kind == base.get("attention_kind", "tpa")
    sections = {section: read_section(table, section, source) for section in SECTIONS}
    return RunConfig(model, **sections, preset=preset if preset and same_kind else "", own_vocab="vocab_size" in keys)


def changes_of_preset(model: dict[str, Any]) -> dict[str, Any]:
    """Of a run.json's model what its own preset does not say, but for the attention."""
    if model.get("preset") not in presets():
        return {}
    before = to_config_json(ModelConfig(**preset_keys(model["preset"])))
    return {key: value for key, value in model.items()
            if key != "preset" and before.get(key) != value and key not in ATTENTION_KEYS}


def find_data(table: dict[str, Any], source: str, config: RunConfig) -> None:
    """The data of a run that is gone on with from another folder than the one it began in."""
    path, facts = config.data["path"], read_table(table, "run", source)
    if not path or not facts or pathlib.Path(path).exists():
        return
    whole = facts.get("data_folder", "")
    if not isinstance(whole, str) or not whole or not pathlib.Path(whole).exists():
        raise TrainError(f'{source}: data: "path" is {path}, and there is nothing; --data names the folder where the '
                         "data is now")
    config.data["path"] = whole


def check(config: RunConfig, source: str) -> None:
    """Completes settings that follow from others. Error: settings that do not go together."""
    train, optimizer = config.train, config.optimizer
    require(bool(config.data["path"]),
            f'{source}: data: "path" is missing; it names a folder that \'t6 prepare\' made')
    longest = config.model.max_position_embeddings
    train["context"] = train["context"] or longest
    require(train["context"] <= longest, f'{source}: train: "context" must be at most the model\'s '
            f'max_position_embeddings, {longest}, not {train["context"]}')
    check_schedule(config, source)
    require(config.model.is_factored or optimizer["head_factor_learning_rate_scale"] == 1,
            f'{source}: optimizer: "head_factor_learning_rate_scale" is for tpa and tpa_kvonly; a model of kind '
            f"{config.model.attention_kind} has no head factors that learn")


def check_schedule(config: RunConfig, source: str) -> None:
    schedule, steps = config.schedule, config.train["steps"]
    warmup, highest = schedule["warmup_steps"], config.optimizer["learning_rate"]
    require(warmup <= steps,
            f'{source}: schedule: "warmup_steps" must be at most train.steps, {steps}, not {warmup}')
    require(schedule["minimum_learning_rate"] <= highest, f'{source}: schedule: "minimum_learning_rate" must be at '
            f'most optimizer.learning_rate, {highest}, not {schedule["minimum_learning_rate"]}')
    require(schedule["kind"] == "wsd" or schedule["decay_steps"] == 0,
            f'{source}: schedule: "decay_steps" is for the kind wsd, not {schedule["kind"]}')
    if schedule["kind"] == "wsd" and schedule["decay_steps"] == 0:
        schedule["decay_steps"] = min((steps + 9) // 10, steps - warmup)
    require(schedule["decay_steps"] <= steps - warmup, f'{source}: schedule: "decay_steps" must be at most the steps '
            f'after warm-up, {steps - warmup}, not {schedule["decay_steps"]}')
