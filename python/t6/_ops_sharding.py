"""How DTensors divide the operators over a mesh: what a process computes from its parts, and what its result is a part of."""

import torch
from torch.distributed.tensor import Partial, Replicate, Shard
from torch.distributed.tensor.experimental import register_sharding

OPS = torch.ops.t6


def register():
    for operator, rule in ((OPS.linear, _linear), (OPS.linear_input_gradient, _linear_input_gradient),
                           (OPS.linear_weight_gradient, _linear_weight_gradient), (OPS.attention, _attention),
                           (OPS.attention_backward, _attention_backward)):
        register_sharding(operator.default)(rule)


def _leading(x):
    """The dimensions of rows: all but the last."""
    return range(len(x.shape) - 1)


def _linear(x, weight, dtype=None):
    whole, last = Replicate(), len(x.shape) - 1
    return [([whole], [whole, whole, None]),
            ([Shard(last)], [whole, Shard(0), None]),  # columns: each process has some of the outputs
            ([Partial()], [Shard(last), Shard(1), None]),  # rows: each sums over some of the inputs
            *(([Shard(d)], [Shard(d), whole, None]) for d in _leading(x))]


def _linear_input_gradient(gradient, weight, dtype):
    whole, last = Replicate(), len(gradient.shape) - 1
    return [([whole], [whole, whole, None]),
            ([Partial()], [Shard(last), Shard(0), None]),
            ([Shard(last)], [whole, Shard(1), None]),
            *(([Shard(d)], [Shard(d), whole, None]) for d in _leading(gradient))]


def _linear_weight_gradient(gradient, x, dtype):
    whole, last = Replicate(), len(x.shape) - 1
    return [([whole], [whole, whole, None]),
            ([Shard(0)], [Shard(last), whole, None]),
            ([Shard(1)], [whole, Shard(last), None]),
            *(([Partial()], [Shard(d), Shard(d), None]) for d in _leading(x))]


def _by_head(factors, heads):
    """Placements of a and b where heads are divided, a's None when absent. None: they cannot be."""
    size = factors[1].mesh.size()
    if factors[0] is not None:
        return (Shard(3), Replicate()) if heads % size == 0 else None
    return (None, Shard(2)) if factors[1].shape[2] % size == 0 else None


def _divisions(q, k, v, heads):
    """The placements of the six factors for each way to divide: nothing, sequences, heads."""
    def everywhere(placement):
        return [None if factor is None else placement for factor in (*q, *k, *v)]

    ways = [("nothing", everywhere(Replicate())), ("sequences", everywhere(Shard(0)))]
    of_all = next((factors[0].shape[3] for factors in (q, k, v) if factors[0] is not None), q[1].shape[2])
    by_head = [_by_head(factors, of_all) for factors in (q, k, v)]
    if heads == 0 and all(by_head):  # a number that is given is that of all heads, which a process has not got
        ways.append(("heads", [placement for pair in by_head for placement in pair]))
    return ways


PLACEMENTS = {"nothing": Replicate(), "sequences": Shard(0), "heads": Shard(2)}  # of results that are [B, T, H, ...]


def _attention(q_a, q_b, k_a, k_b, v_a, v_b, heads, *numbers):
    numbers_too = [None] * (1 + len(numbers))
    return [([PLACEMENTS[way]] * 2, [*factors, *numbers_too])
            for way, factors in _divisions((q_a, q_b), (k_a, k_b), (v_a, v_b), heads)]


def _attention_backward(d_out, lse, q_a, q_b, k_a, k_b, v_a, v_b, heads, *others):
    ways = []
    for way, factors in _divisions((q_a, q_b), (k_a, k_b), (v_a, v_b), heads):
        # The gradient of what every process used is the sum of what they found; one of an absent factor is empty.
        whole = Partial() if way == "heads" else Replicate()
        gradients = [Replicate() if each is None else whole if each == Replicate() else each for each in factors]
        # Numbers, and perhaps the output.
        others_too = [PLACEMENTS[way] if hasattr(each, "placements") else None for each in others]
        ways.append((gradients, [PLACEMENTS[way], PLACEMENTS[way], *factors, None, *others_too]))
    return ways
