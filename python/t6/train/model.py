"""The model as it trains: its loss, how it is divided over processes, its type of numbers, what is recomputed."""

import contextlib
import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.utils.checkpoint import checkpoint

from ..nn import Block, ModelConfig, Transformer
from .errors import require
from .processes import Processes
from .run_config import RunConfig

FEED_FORWARD = {"mlp.gate_proj": ColwiseParallel, "mlp.up_proj": ColwiseParallel, "mlp.down_proj": RowwiseParallel}
ATTENTION = {**{f"self_attn.{name}": ColwiseParallel for name in ("q_proj", "k_proj", "v_proj")},
             "self_attn.o_proj": RowwiseParallel}


class TrainedTransformer(Transformer):
    """Tokens and targets [B, T] to the mean cross entropy, nats per token."""

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        logits = super().forward(tokens)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def make_model(config: RunConfig, processes: Processes, compiled: bool = False) -> TrainedTransformer:
    """A model without values, of which each process holds its part. Errors: sizes that cannot be divided."""
    with torch.device("meta"):
        model = TrainedTransformer(config.model)
    mesh = processes.mesh
    if mesh is not None and mesh["tp"].size() > 1:
        divide_heads(model, mesh["tp"])
    for block in model.model.layers:
        recompute(block, config.train["recompute"])
        if compiled:
            block.compile()
    if mesh is not None:
        policy = MixedPrecisionPolicy()
        if config.train["dtype"] == "bfloat16":
            policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        for part in (*model.model.layers, model):
            fully_shard(part, mesh=mesh["dp"], mp_policy=policy)
    return model.to_empty(device=processes.device)


def recompute(block: Block, what: str) -> None:
    """Keeps only the inputs of attention, or of the layer, for the backward pass. The gradients stay the same."""
    module = {"none": None, "attention": block.self_attn, "layer": block}[what]
    if module is not None:
        module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)


def numbers(config: RunConfig, processes: Processes) -> contextlib.AbstractContextManager[Any]:
    """What a forward pass runs in. A divided model has bfloat16 by its own policy."""
    if config.train["dtype"] == "bfloat16" and processes.mesh is None:
        return torch.autocast(processes.device.type, torch.bfloat16)
    return contextlib.nullcontext()


def why_attention_is_whole(config: ModelConfig, size: int) -> str:
    """Why attention's heads cannot be divided over `size` processes; empty where they can."""
    kind = config.attention_kind
    if config.is_factored:
        return f"the feature factors of {kind} belong to all heads"
    if kind not in ("mha", "gqa"):
        return f"the heads of {kind} share keys and values" + (" or a latent" if kind == "mla" else "")
    for name in ("kv_shift", "query_key_norm", "head_output_norm", "output_gate"):
        if getattr(config, name):
            return f"{name} has weights that are not divided by head"
    groups = config.num_key_value_heads if kind == "gqa" else config.num_attention_heads
    return "" if groups % size == 0 else f"{groups} heads of keys cannot be divided by {size}"


def divide_heads(model: TrainedTransformer, mesh: Any) -> None:
    """Heads and the feed-forward's width over the processes of a mesh. Attention whose heads cannot be divided is whole
    on each of them. Error: a width of the feed-forward that cannot be divided."""
    config, size = model.config, mesh.size()
    require(config.intermediate_size % size == 0,
            f"--tensor-parallel {size}: it has to divide model.intermediate_size, {config.intermediate_size}")
    whole = why_attention_is_whole(config, size)
    plan = FEED_FORWARD if whole else {**FEED_FORWARD, **ATTENTION}
    for block in model.model.layers:
        parallelize_module(block, mesh, {name: style() for name, style in plan.items()})
        if not whole:
            block.self_attn.H //= size
            block.self_attn.G //= size


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
