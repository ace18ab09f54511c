#!/usr/bin/env python3
"""The operators as Python sees them: torch.library.opcheck, values against torch's own, and their errors.

usage: ops_test.py LIBT6_OPS
"""
import sys
import unittest

import torch

ops = torch.ops.t6


def leaf(*shape):
    return torch.randn(shape, requires_grad=True)


class Linear(unittest.TestCase):
    def test_opcheck(self):
        torch.manual_seed(0)
        for x in (leaf(5, 7), leaf(2, 3, 7), leaf(7), torch.randn(5, 7)):
            torch.library.opcheck(ops.linear, (x, leaf(4, 7)))
        torch.library.opcheck(ops.product, (torch.randn(3, 5), torch.randn(4, 5)), {"transpose_b": True})

    def test_values(self):
        torch.manual_seed(1)
        x, weight = leaf(2, 40, 70), leaf(33, 70)
        direction = torch.randn(2, 40, 33)
        ours = torch.autograd.grad(ops.linear(x, weight), (x, weight), direction)
        theirs = torch.autograd.grad(torch.nn.functional.linear(x, weight), (x, weight), direction)
        torch.testing.assert_close(ops.linear(x, weight), torch.nn.functional.linear(x, weight))
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)

    def test_errors_name_the_argument(self):
        x = torch.randn(5, 7)
        for weight, message in (
            (torch.randn(4, 8), r"weight must be \[N, K\] to go with x \[..., K\], not \[4, 8\] with \[5, 7\]"),
            (torch.randn(4, 7).double(), "weight must be Float as x is, not Double"),
        ):
            for device in ("cpu", "meta"):
                with self.assertRaisesRegex(RuntimeError, message):
                    ops.linear(x.to(device), weight.to(device))

    def test_compiles(self):
        x, weight = leaf(5, 7), leaf(4, 7)
        compiled = torch.compile(lambda x, weight: ops.linear(x, weight).square(), backend="aot_eager", fullgraph=True)
        ours = torch.autograd.grad(compiled(x, weight).sum(), (x, weight))
        theirs = torch.autograd.grad(torch.nn.functional.linear(x, weight).square().sum(), (x, weight))
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


if __name__ == "__main__":
    torch.ops.load_library(sys.argv.pop(1))
    unittest.main()
