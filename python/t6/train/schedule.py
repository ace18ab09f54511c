"""The learning rate over a run: linear warm-up, then a cosine, a constant, or a constant with a decay at the end."""

import math

from .run_config import RunConfig


def learning_rate(config: RunConfig, step: int) -> float:
    """Of step 1, 2, ..., train.steps."""
    schedule, steps = config.schedule, config.train["steps"]
    highest, lowest = config.optimizer["learning_rate"], schedule["minimum_learning_rate"]
    warmup, kind = schedule["warmup_steps"], schedule["kind"]
    if step <= warmup:
        return highest * step / warmup
    if kind == "constant":
        return highest
    begin = max(warmup, steps - schedule["decay_steps"] if kind == "wsd" else 0, 1)  # the last with the highest rate
    if step <= begin:
        return highest
    part = min(1.0, (step - begin) / (steps - begin))
    if kind == "wsd":
        return highest + (lowest - highest) * part
    return lowest + (highest - lowest) * 0.5 * (1 + math.cos(math.pi * part))
