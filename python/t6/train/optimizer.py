"""AdamW in T6's groups, and clipping by the norm of all gradients as one vector."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from .processes import Processes, copies, local

HEAD_FACTORS = ("_proj.a", "_proj.a.weight", "_proj.a.bias")
MOMENTS = ("exp_avg", "exp_avg_sq")


class Optimizer:
    """Groups are matrices and the rest, of head factors and of anything else. Moments begin as zeros."""

    def __init__(self, model: nn.Module, settings: dict[str, Any], processes: Processes):
        self.processes, self.named = processes, dict(model.named_parameters())
        groups = []
        for head_factors in (False, True):
            for matrices in (True, False):
                parameters = [parameter for name, parameter in self.named.items()
                              if name.endswith(HEAD_FACTORS) == head_factors and (parameter.dim() >= 2) == matrices]
                decays = matrices or not settings["decay_matrices_only"]
                scale = settings["head_factor_learning_rate_scale"] if head_factors else 1.0
                if parameters:
                    groups.append({"params": parameters, "scale": scale,
                                   "weight_decay": settings["weight_decay"] if decays else 0.0})
        self.adamw = torch.optim.AdamW(groups, betas=(settings["beta1"], settings["beta2"]), eps=settings["eps"],
                                       fused=True)
        self.set_steps(0)

    def set_steps(self, steps: int) -> None:
        """As many as have been taken; moments that are not there yet are zeros."""
        for parameter in self.named.values():
            state = self.adamw.state[parameter]
            device = local(parameter).device
            state["step"] = torch.tensor(float(steps), device=device)
            for moment in MOMENTS:
                if moment not in state:
                    state[moment] = torch.zeros_like(parameter, requires_grad=False)

    def moments(self, kind: str) -> dict[str, Tensor]:
        """Of every parameter, by its name; kind is one of MOMENTS."""
        return {name: self.adamw.state[parameter][kind] for name, parameter in self.named.items()}

    @torch.no_grad()
    def clip(self, most: float) -> float:
        """Scales the gradients so that their norm is at most `most` (0: leaves them), and returns what it was."""
        total = 0.0
        for parameter in self.named.values():
            if parameter.grad is not None:
                squares = local(parameter.grad).double().square().sum()
                total += squares.item() / copies(parameter, self.processes)
        norm = math.sqrt(self.processes.sum([total])[0])
        if most > 0 and norm + 1e-6 > most and math.isfinite(norm):
            for parameter in self.named.values():
                if parameter.grad is not None:
                    local(parameter.grad).mul_(most / (norm + 1e-6))
        return norm

    def step(self, rate: float) -> None:
        """With the gradients that are there, which are dropped."""
        for group in self.adamw.param_groups:
            group["lr"] = rate * group["scale"]
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
