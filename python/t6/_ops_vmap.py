"""What torch.vmap does with the operators: more sequences or rows where that is the same, else one call after another."""

import torch


def register():
    for name, rule in (("attention", _attention), ("linear", _linear)):
        torch.library.register_vmap(f"t6::{name}", rule)
    for name in ("attention_backward", "linear_input_gradient", "linear_weight_gradient", "linear_cross_entropy",
                 "linear_cross_entropy_gradients", "gated_linear", "gated_linear_backward", "product",
                 "rms_norm_to_bfloat16", "rms_norm_to_bfloat16_backward", "rotate_bfloat16"):
        torch.library.register_vmap(f"t6::{name}", _one_by_one(getattr(torch.ops.t6, name)))


def _attention(info, in_dims, *arguments):
    """Those of all calls are sequences of one."""
    size, count = info.batch_size, 6  # tensors come first

    def merged(tensor, dim):
        if tensor is None:
            return None
        tensor = tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
        return tensor.flatten(0, 1)

    factors = [merged(*each) for each in zip(arguments[:count], in_dims[:count])]
    outputs = torch.ops.t6.attention(*factors, *arguments[count:])
    return tuple(each.unflatten(0, (size, -1)) for each in outputs), (0, 0)


def _linear(info, in_dims, x, weight, dtype=None):
    if in_dims[1] is None:  # one weight for all: more rows
        return torch.ops.t6.linear(x.movedim(in_dims[0], 0), weight, dtype), 0
    return _one_by_one(torch.ops.t6.linear)(info, in_dims, x, weight, dtype)


def _one_by_one(operator):
    def rule(info, in_dims, *arguments):
        def part(i):
            return [given if dim is None else given.select(dim, i) for given, dim in zip(arguments, in_dims)]

        results = [operator(*part(i)) for i in range(info.batch_size)]
        if isinstance(results[0], torch.Tensor):
            return torch.stack(results), 0
        return tuple(torch.stack(each) for each in zip(*results)), (0,) * len(results[0])

    return rule
