#!/usr/bin/env python3
"""One of the two processes of ops_test.py: the operators on DTensors, beside the same operators on whole tensors.

usage: ops_worker.py FILE RANK    (FILE: where the processes meet)
"""
import os
import pathlib
import sys

BUILD = pathlib.Path(os.environ.get("T6_BUILD", pathlib.Path(__file__).parents[2] / "build/release")).resolve()
sys.path.insert(0, str(BUILD / "python"))

import t6.ops  # noqa: E402
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
from torch.distributed.device_mesh import init_device_mesh  # noqa: E402
from torch.distributed.tensor import Partial, Replicate, Shard, distribute_tensor  # noqa: E402

ops = torch.ops.t6
WHOLE = Replicate()


def check(mesh, what, call, tensors, placements, result):
    """`call` of tensors that are placed so has a result that is placed so, and all values and gradients of whole tensors.

    An absent tensor has no placement.
    """
    torch.manual_seed(1)
    leaves = [None if shape is None else torch.randn(shape).requires_grad_() for shape in tensors]
    parts = [None if whole is None else distribute_tensor(whole.detach(), mesh, [place]).requires_grad_()
             for whole, place in zip(leaves, placements)]
    wanted, found = call(*leaves), call(*parts)
    assert found.placements == (result,), (what, found.placements)
    direction = torch.randn(wanted.shape)
    there = [[each for each in row if each is not None] for row in (leaves, parts)]
    gradients = (torch.autograd.grad(wanted, there[0], direction),
                 torch.autograd.grad(found.full_tensor(), there[1], direction))
    for best, got in zip((wanted, *gradients[0]), (found, *gradients[1])):
        torch.testing.assert_close(got.full_tensor(), best, msg=lambda text: f"{what}: {text}")


def attend(*factors):
    return ops.attention(*factors, 0, 0.3, 0.5)[0]


def main():
    file, rank = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    t6.ops.register_sharding()
    x, weight = (2, 6, 8), (4, 8)
    check(mesh, "columns", ops.linear, (x, weight), (WHOLE, Shard(0)), Shard(2))
    check(mesh, "rows", ops.linear, (x, weight), (Shard(2), Shard(1)), Partial())
    check(mesh, "batch", ops.linear, (x, weight), (Shard(0), WHOLE), Shard(0))
    check(mesh, "tokens", ops.linear, (x, weight), (Shard(1), WHOLE), Shard(1))
    tpa = [(2, 5, rank, width) for rank in (3, 2, 2) for width in (6, 8)]
    heads = [Shard(3), WHOLE] * 3
    check(mesh, "heads", attend, tpa, heads, Shard(2))
    check(mesh, "sequences", attend, tpa, [Shard(0)] * 6, Shard(0))
    kvonly = [None, (2, 5, 6, 8), *tpa[2:]]
    check(mesh, "heads, tpa_kvonly", attend, kvonly, [None, Shard(2), *heads[2:]], Shard(2))
    gqa = [None, (2, 5, 6, 8), None, (2, 5, 2, 8), None, (2, 5, 2, 8)]
    check(mesh, "heads, gqa", attend, gqa, [None, Shard(2)] * 3, Shard(2))
    # Three heads are not for two processes, and a given number is not that of a part: whole or by sequences.
    odd = [(2, 5, rank, width) for rank in (3, 2, 2) for width in (3, 8)]
    check(mesh, "odd heads", attend, odd, [WHOLE] * 6, WHOLE)
    check(mesh, "given heads", lambda *factors: ops.attention(*factors, 6, 0.3, 0.5)[0], tpa, [WHOLE] * 6, WHOLE)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
