"""The data of a run: its two splits, and what a run on them would be."""

import dataclasses
import os
import pathlib
from typing import Any

import torch

from ..nn import Transformer
from .data import DataFacts, Sequences, find_shards
from .errors import require
from .model import parameter_count
from .run_config import RunConfig


@dataclasses.dataclass
class Data:
    """The two splits of a run; validation is None where the data has none."""

    facts: DataFacts
    training: Sequences
    validation: Sequences | None


def open_data(config: RunConfig) -> Data:
    """Opens a run's data and gives its model the data's vocabulary where that is larger. Errors: those of Sequences, a
    vocabulary that [model] makes too small, a file that would be in both splits."""
    path, vocab_size, context = config.data["path"], config.model.vocab_size, config.train["context"]
    facts = DataFacts(path)
    if (facts.vocab_size or 0) > vocab_size:
        require(not config.own_vocab, f'model: "vocab_size" is {vocab_size}, but the data in {path} has a vocabulary '
                f"of {facts.vocab_size}")
        config.model = dataclasses.replace(config.model, vocab_size=facts.vocab_size)
    training = Sequences(path, "train", context, config.model.vocab_size)
    if pathlib.Path(path).is_dir() and not find_shards(pathlib.Path(path), "val"):
        return Data(facts, training, None)
    validation = Sequences(path, "val", context, config.model.vocab_size)
    for one in training.shards:
        for other in validation.shards:
            require(not one.path.samefile(other.path), f"{path}: {one.path} would be both training and validation "
                    "data; name a folder that holds shards of both splits, as 't6 prepare' makes it")
    return Data(facts, training, validation)


def data_facts(config: RunConfig, data: Data) -> dict[str, Any]:
    """What run.json says of a run's data."""
    facts: dict[str, Any] = {"train_tokens": data.training.tokens,
                             "validation_tokens": data.validation.tokens if data.validation else 0,
                             "data_folder": os.path.abspath(config.data["path"])}
    if data.facts.bytes_per_token is not None:
        facts["bytes_per_token"] = data.facts.bytes_per_token
    return facts


def plan_run(config: RunConfig) -> dict[str, Any]:
    """What a run would be, without beginning it: its run.json, as far as it is known before it begins."""
    data = open_data(config)
    with torch.device("meta"):
        model = Transformer(config.model)
    return {**config.to_json(), "run": {"parameters": parameter_count(model), **data_facts(config, data)}}
