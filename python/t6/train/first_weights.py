"""The first weights of a run: those that T6 draws from the seed, bit for bit, or those of a model that is there."""

import json
import math
import pathlib
from typing import Any

import numpy
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..nn import FactorProjection, ModelConfig, Norm, Projection, TokenEmbedding, Transformer
from .errors import TrainError, require
from .model_keys import to_config_json
from .processes import local, part_of, whole
from .random_numbers import Random

PIECE = 1 << 20  # numbers drawn at once
# Parts of names in the order in which parameters draw from the seed (src/t6/model/parameters.cc).
ORDER = ("embed_tokens", "layers", "input_layernorm", "self_attn", "q_proj", "q_a_proj", "q_a_layernorm", "q_b_proj",
         "kv_a_proj_with_mqa", "kv_a_layernorm", "kv_b_proj", "k_proj", "v_proj", "q_norm", "k_norm", "k_shift",
         "v_shift", "head_norm", "post_attention_layernorm", "pre_feedforward_layernorm", "mlp", "gate_proj",
         "up_proj", "down_proj", "post_feedforward_layernorm", "o_proj", "norm", "model", "lm_head", "a", "b", "c",
         "weight", "bias")
# Of a given model's configuration what may be other than the run's.
FREE_KEYS = ("vocab_size", "max_position_embeddings", "rope_theta", "rope_scaling", "rope_local_base_freq",
             "no_rope_layers", "sliding_window", "layer_types", "attention_sinks")
VOCABULARY = ("model.embed_tokens.weight", "lm_head.weight")


def in_order(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters in T6's order."""
    return sorted(model.named_parameters(),
                  key=lambda item: [int(part) if part.isdigit() else ORDER.index(part) for part in item[0].split(".")])


def uniform(shape: torch.Size, bound: float, random: Random) -> Tensor:
    """Float32 in [-bound, bound], drawn in float64."""
    values = numpy.empty(shape.numel(), numpy.float32)
    for begin in range(0, values.size, PIECE):
        part = values[begin:begin + PIECE]
        part[:] = (2 * random.uniform(part.size) - 1) * bound
    return torch.from_numpy(values).view(shape)


def groups(shape: torch.Size, rank: int) -> Tensor:
    """Head factors of grouped attention, rank by rank: R in the heads h with h mod R = r, else 0."""
    heads = torch.arange(shape.numel() // rank)
    return (heads % rank == torch.arange(rank)[:, None]).float().mul(rank).view(shape)


def first_value(model: nn.Module, name: str, shape: torch.Size, random: Random) -> Tensor:
    """Of a parameter, all of it."""
    path, _, leaf = name.rpartition(".")
    owner, around = model.get_submodule(path), model.get_submodule(path.rpartition(".")[0])
    factors = owner if isinstance(owner, FactorProjection) else around
    if isinstance(factors, FactorProjection) and factors.grouped and name.endswith((".a", ".a.bias")):
        rank = factors.rank
        return uniform(shape, math.sqrt(3 * rank), random) if factors.queries else groups(shape, rank)
    if isinstance(owner, FactorProjection):
        return uniform(shape, math.sqrt(6 / (shape[0] + shape[1])), random)
    if isinstance(owner, TokenEmbedding):
        return uniform(shape, 1 / math.sqrt(shape[1]), random)
    if isinstance(owner, Projection):
        return uniform(shape, owner.bound, random) if leaf == "weight" and owner.bound > 0 else torch.zeros(shape)
    if isinstance(owner, Norm):
        return torch.ones(shape)
    return torch.stack((torch.ones(shape[1]), torch.zeros(shape[1])))  # shifts begin with the token's own


@torch.no_grad()
def draw_weights(model: Transformer, seed: int) -> None:
    """Fills what this process holds of the model."""
    for stream, (name, parameter) in enumerate(in_order(model)):
        value = first_value(model, name, parameter.shape, Random(seed, stream))
        local(parameter).copy_(part_of(value, parameter))


def find_model(path: pathlib.Path) -> pathlib.Path:
    """The model folder of a path: itself, or a run's newest checkpoint. Error: there is none."""
    for folder in (path, path / "model"):
        if (folder / "config.json").is_file() and (folder / "model.safetensors").is_file():
            return folder
    raise TrainError(f"{path}: holds no config.json and model.safetensors; 't6 import' makes a model folder of other "
                     "forms")


def read_json(path: pathlib.Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise TrainError(f"{path}: not a JSON file that can be read: {error}") from error


def given_config(folder: pathlib.Path) -> ModelConfig:
    """Of a model folder. Errors: another model_type, a configuration that makes no sense."""
    values = read_json(folder / "config.json")
    kind = values.get("model_type") if isinstance(values, dict) else None
    require(kind == "t6", f'{folder / "config.json"}: "model_type" is "{kind}", and this program reads "t6"')
    try:
        return ModelConfig.from_dict(values)
    except (ValueError, TypeError) as error:
        raise TrainError(f'{folder / "config.json"}: {error}') from error


def require_alike(config: ModelConfig, given: ModelConfig, source: pathlib.Path) -> None:
    ours, theirs = to_config_json(config), to_config_json(given)
    for key in sorted({*ours, *theirs} - {*FREE_KEYS}):
        require(ours.get(key) == theirs.get(key), f"{source}: cannot begin with its weights: its model.{key} is "
                f"{theirs.get(key)}, and that of the run {ours.get(key)}; without a section [model] the run has the "
                "model that is given")


@torch.no_grad()
def take_weights(model: Transformer, folder: pathlib.Path, seed: int) -> None:
    """Fills the model with a model folder's weights. Of another vocabulary rows that both have are copied, the others
    are those of a new model of this seed. Errors: another model, tensors that are missing or of another shape."""
    require_alike(model.config, given_config(folder), folder)
    draw_weights(model, seed)
    for name, parameter in model.named_parameters():
        read_into(folder / "model.safetensors", name, parameter, rows=name in VOCABULARY)


def read_into(path: pathlib.Path, name: str, parameter: Tensor, key: str = "", rows: bool = False) -> None:
    """A tensor of a file into a parameter, or this process's part of it; rows: as many as both have.

    key: its name in the file, where that is not the parameter's. Errors: missing, another shape, no floats.
    """
    key = key or name
    try:
        with safe_open(path, framework="pt") as file:
            require(key in file.keys(), f'{path}: the tensor "{key}" is missing')
            value = file.get_tensor(key)
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{path}: cannot be read: {error}") from error
    require(value.is_floating_point(), f'{path}: tensor "{key}" is {value.dtype}, wanted are floats; '
            "'t6 export --to hf' makes floats of a quantized model")
    fits = value.shape == parameter.shape or rows and value.shape[1:] == parameter.shape[1:]
    require(fits, f'{path}: tensor "{key}": its shape is {list(value.shape)}, and the run\'s {list(parameter.shape)}')
    if value.shape[0] < parameter.shape[0]:
        value = torch.cat((value.float(), whole(parameter)[value.shape[0]:]))
    local(parameter).copy_(part_of(value[:parameter.shape[0]], parameter))
