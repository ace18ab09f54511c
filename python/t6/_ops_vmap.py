"""What torch.vmap does with the operators: more sequences or rows where that is the same, else one call after another."""

import torch


def register():
    for name, rule in (("attention", _attention), ("linear", _linear), ("paged_attention", _paged_attention)):
        torch.library.register_vmap(f"t6::{name}", rule)
    for name in ("attention_backward", "linear_input_gradient", "linear_weight_gradient", "linear_cross_entropy",
                 "linear_cross_entropy_gradients", "gated_linear", "gated_linear_backward", "product",
                 "rms_norm_to_bfloat16", "rms_norm_to_bfloat16_backward", "rotate_bfloat16"):
        torch.library.register_vmap(f"t6::{name}", _one_by_one(getattr(torch.ops.t6, name)))


def _merged(size, tensor, dim):
    """The sequences of all calls."""
    if tensor is None:
        return None
    tensor = tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
    return tensor.flatten(0, 1)


def _attention(info, in_dims, *arguments):
    """Those of all calls are sequences of one."""
    size, count = info.batch_size, 6  # tensors come first
    factors = [_merged(size, *each) for each in zip(arguments[:count], in_dims[:count])]
    outputs = torch.ops.t6.attention(*factors, *arguments[count:])
    return tuple(each.unflatten(0, (size, each.shape[0] // size)) for each in outputs), (0, 0)


def _paged_attention(info, in_dims, *arguments):
    """Calls over the same pages are sequences of one."""
    size, pages, count = info.batch_size, slice(2, 4), 6  # q_a, q_b, k_pages, v_pages, page_table, lengths
    if any(dim is not None for dim in in_dims[pages]):
        return _one_by_one(torch.ops.t6.paged_attention)(info, in_dims, *arguments)
    tensors = [_merged(size, *each) for each in zip(arguments[:count], in_dims[:count])]
    tensors[pages] = arguments[pages]
    output = torch.ops.t6.paged_attention(*tensors, *arguments[count:])
    return output.unflatten(0, (size, output.shape[0] // size)), 0


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
