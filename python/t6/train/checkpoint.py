"""What a checkpoint holds: a model folder, AdamW's moments and where the run stands.

A run of one process writes the moments as T6's programs do, so that either goes on with the other's run. A run of
several writes weights and moments through torch.distributed.checkpoint, each process its own part, and any number of
processes reads either.
"""

import dataclasses
import enum
import pathlib
import pickle
import shutil
import warnings
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch import nn

from .errors import TrainError, require
from .files import write_json, write_safetensors
from .first_weights import read_into, read_json
from .optimizer import MOMENTS, Optimizer
from .run_folder import (CONFIG_FILE, MOMENTS_FILE, SHARDS_FOLDER, STATE_FILE, TOKENIZER_FILE, WEIGHTS_FILE,
                         require_complete)
from .settings import SECTIONS, shown

FORMAT = 1
# What else the metadata of torch.distributed.checkpoint names.
METADATA_NAMES = (("torch.distributed.checkpoint.filesystem", "_StorageInfo"), ("torch", "Size"), ("torch", "float32"),
                  ("torch.serialization", "_get_layout"), ("pathlib", "PosixPath"), ("collections", "OrderedDict"))


class OtherSettings(TrainError):
    """The settings of a checkpoint are not the run's."""


@dataclasses.dataclass
class TrainerState:
    """Where a run stands."""

    configuration: dict[str, Any]  # settings that decide the run's numbers
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0  # of training so far
    open_steps: int = 0  # that no line of the metrics covers yet
    open_loss: float = 0.0  # the sum of theirs
    best_step: int | None = None  # of all evaluations so far
    best_loss: float = 0.0
    evaluation_due: bool = False  # that of this step was interrupted

    def to_json(self) -> dict[str, Any]:
        best = {} if self.best_step is None else {"best": {"step": self.best_step, "loss": self.best_loss}}
        return {"format": FORMAT, "step": self.step, "tokens": self.tokens, "seconds": self.seconds,
                "open": {"steps": self.open_steps, "loss": self.open_loss}, "evaluation_due": self.evaluation_due,
                "configuration": self.configuration, **best}


def write_checkpoint(folder: pathlib.Path, state: TrainerState, model_json: dict[str, Any], optimizer: Optimizer,
                     tokenizer: pathlib.Path | None) -> None:
    """Writes the files of a checkpoint into `folder`. Every process has to call it; the first writes what is whole."""
    processes = optimizer.processes
    if processes.first:
        write_json(folder / CONFIG_FILE, model_json)
        if tokenizer is not None:
            shutil.copyfile(tokenizer, folder / TOKENIZER_FILE)
    write_safetensors(folder / WEIGHTS_FILE, optimizer.named.items(), processes.first)
    if processes.mesh is None:
        moments = [(f"{kind}.{name}", value) for kind in MOMENTS for name, value in optimizer.moments(kind).items()]
        write_safetensors(folder / MOMENTS_FILE, moments, processes.first)
    else:
        with quiet():
            dcp.save(shards_of(optimizer), checkpoint_id=folder / SHARDS_FOLDER)
    processes.wait()
    if processes.first:
        write_json(folder / STATE_FILE, state.to_json())


def shards_of(optimizer: Optimizer) -> dict[str, Any]:
    """What torch.distributed.checkpoint writes and fills."""
    return {"weights": {name: parameter.detach() for name, parameter in optimizer.named.items()},
            **{kind: optimizer.moments(kind) for kind in MOMENTS}}


def quiet() -> warnings.catch_warnings:
    """Without the library's warnings about what is meant: no group of processes, tensors that are flattened."""
    return warnings.catch_warnings(action="ignore")


class MetadataReader(pickle.Unpickler):
    """Reads what torch.distributed.checkpoint keeps as a pickle, which could call whatever it names."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):  # as Debian 12's Python pickles a member of an Enum
            return enum_member
        good = module == "torch.distributed.checkpoint.metadata" or (module, name) in METADATA_NAMES
        require(good and "." not in name, f"it names {module}.{name}, which no checkpoint of a run does")
        return super().find_class(module, name)


def enum_member(kind: Any, name: str) -> Any:
    require(isinstance(kind, enum.EnumMeta), f"it names {name} of {kind!r}, which no checkpoint of a run does")
    return kind[name]


def require_harmless(path: pathlib.Path) -> None:
    """Error: a file of metadata that names anything but metadata, or that is damaged."""
    try:
        with open(path, "rb") as file:
            MetadataReader(file).load()
    except Exception as error:  # whatever damaged bytes make it raise
        raise TrainError(f"{path}: cannot be read: {error}") from error


def read_state(folder: pathlib.Path, configuration: dict[str, Any]) -> TrainerState:
    """Where a checkpoint stands. Errors: a file is missing or damaged; OtherSettings, where the first that differs from
    `configuration` is named with both its values."""
    require_complete(folder)
    path = folder / STATE_FILE
    saved = read_json(path)
    try:
        require(saved["format"] == FORMAT, f'{path}: "format" is {saved["format"]}, and this program reads {FORMAT}')
        require_same(saved["configuration"], configuration, path)
        best, open_interval = saved.get("best") or {}, saved.get("open") or {}
        return TrainerState(configuration, int(saved["step"]), int(saved["tokens"]), float(saved["seconds"]),
                            int(open_interval.get("steps", 0)), float(open_interval.get("loss", 0)), best.get("step"),
                            float(best.get("loss", 0)), bool(saved.get("evaluation_due", False)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, TrainError):
            raise
        raise TrainError(f"{path}: not a trainer's state: {error!r}") from error


def require_same(saved: dict[str, Any], current: dict[str, Any], path: pathlib.Path) -> None:
    for section, settings in current.items():
        known = {key: default.default for key, default in SECTIONS.get(section, {}).items()}
        for key in sorted({*settings, *saved.get(section, {})}):
            before, value = (given.get(key, known.get(key)) for given in (saved.get(section, {}), settings))
            if before != value:
                raise OtherSettings(f"{path}: this run cannot be resumed with other settings: {section}.{key} was "
                                    f"{shown(before)} and is now {shown(value)}; change it back, or start another run "
                                    "with --out, which --from lets begin with this one's weights")


@torch.no_grad()
def read_tensors(folder: pathlib.Path, model: nn.Module, optimizer: Optimizer, steps: int) -> None:
    """Weights and moments of a checkpoint, whoever wrote it. Errors: a file is damaged or of another model."""
    shards = folder / SHARDS_FOLDER
    if shards.is_dir():
        try:
            require_harmless(shards / ".metadata")
            with quiet():
                dcp.load(shards_of(optimizer), checkpoint_id=shards, no_dist=optimizer.processes.mesh is None)
        except TrainError:
            raise
        except Exception as error:  # whatever a damaged file makes the library raise
            told = str(error).splitlines() or [repr(error)]
            raise TrainError(f"{shards}: cannot be read: {told[0]}") from error
    else:
        for name, parameter in optimizer.named.items():
            read_into(folder / WEIGHTS_FILE, name, parameter)
        for kind in MOMENTS:
            for name, moment in optimizer.moments(kind).items():
                read_into(folder / MOMENTS_FILE, name, moment, key=f"{kind}.{name}")
    optimizer.set_steps(steps)
