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


def assert_near(ours, theirs, tolerance=2e-5):
    """Within `tolerance` of the largest number of all tensors: what is left of large numbers may be small or zero."""
    largest = max(wanted.abs().max().item() for wanted in theirs)
    for got, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, wanted.float(), atol=tolerance * largest, rtol=0)


def distance(got, wanted):
    """The length of the difference, of the length of what is wanted."""
    return ((got.double() - wanted).norm() / wanted.norm()).item()


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
        assert_near(ours, theirs)

    def test_bfloat16(self):
        """Gradients within twice the error of PyTorch's under autocast; those of float32 weights are float32."""
        torch.manual_seed(2)
        x, weight, direction = torch.randn(300, 130).bfloat16(), torch.randn(70, 130), torch.randn(300, 70).bfloat16()

        def gradients(x, weight, forward):
            leaves = [each.clone().requires_grad_() for each in (x, weight)]
            y = forward(*leaves)
            return y, *torch.autograd.grad(y, leaves, direction.to(y.dtype))

        wanted = gradients(x.double(), weight.double(), torch.nn.functional.linear)
        ours = gradients(x, weight, ops.linear)
        with torch.autocast("cpu", torch.bfloat16):
            theirs = gradients(x, weight, torch.nn.functional.linear)
        self.assertEqual([each.dtype for each in ours], [torch.bfloat16, torch.bfloat16, torch.float32])
        self.assertEqual(ops.linear(x, weight, dtype=torch.float32).dtype, torch.float32)
        for got, other, best in zip(ours, theirs, wanted, strict=True):
            self.assertLess(distance(got, best), 2 * distance(other, best))
        for dtype in (None, torch.float32):
            torch.library.opcheck(ops.linear, (x.requires_grad_(), weight.requires_grad_(), dtype))

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
        assert_near(ours, theirs)


def materialize(a, b, heads):
    if a is None:
        return b.repeat_interleave(heads // b.shape[2], 2)
    return torch.einsum("btrh,btrd->bthd", a, b)


def plain_attention(q_a, q_b, k_a, k_b, v_a, v_b, heads, logit_scale, value_scale, window=0, sinks=0):
    """The output and the log-sum-exp by torch's own operators."""
    q, k, v = (materialize(a, b, heads) for a, b in ((q_a, q_b), (k_a, k_b), (v_a, v_b)))
    logits = torch.einsum("bthd,bmhd->bthm", q, k) * logit_scale
    seen = torch.ones(logits.shape[1], logits.shape[3], dtype=torch.bool).tril()
    if window:
        seen &= seen.triu(1 - window) | (torch.arange(logits.shape[3]) < sinks)
    logits = logits.masked_fill(~seen[None, :, None], -torch.inf)
    return torch.einsum("bthm,bmhe->bthe", logits.softmax(-1), v) * value_scale, logits.logsumexp(-1)


class Attention(unittest.TestCase):
    HEADS = 6

    def arguments(self, kind, batch=2, length=9):
        heads = self.HEADS

        def factors(rank, features):
            return leaf(batch, length, rank, heads), leaf(batch, length, rank, features)

        def group(rank, features):
            return None, leaf(batch, length, rank, features)

        q, k, v = {
            "tpa": (factors(3, 10), factors(2, 10), factors(2, 14)),
            "tpa_low": (factors(2, 10), factors(1, 10), factors(2, 14)),  # ranks so low that products of factors pay
            "mha": (group(6, 8), group(6, 8), group(6, 8)),
            "gqa": (group(6, 8), group(2, 8), group(2, 8)),
            "kvonly": (group(6, 8), factors(2, 8), factors(1, 8)),
        }[kind]
        return (*q, *k, *v, heads, 0.3, 0.5)

    def check(self, arguments, views=None):
        """`views` makes what the operator sees from the leaves; default: the leaves."""
        views = views or (lambda arguments: arguments)
        leaves = [x for x in arguments if isinstance(x, torch.Tensor)]
        wide = tuple(x.detach().double().requires_grad_() if isinstance(x, torch.Tensor) else x for x in arguments)
        wide_leaves = [x for x in wide if isinstance(x, torch.Tensor)]
        out, lse = ops.attention(*views(arguments))
        wide_out, wide_lse = plain_attention(*views(wide))
        direction = torch.randn_like(out)
        ours = torch.autograd.grad(out, leaves, direction)
        theirs = torch.autograd.grad(wide_out, wide_leaves, direction.double())
        assert_near((out, lse), (wide_out, wide_lse))
        assert_near(ours, theirs)

    def test_opcheck(self):
        torch.manual_seed(2)
        for kind in ("tpa", "tpa_low", "mha", "gqa", "kvonly"):
            with self.subTest(kind):
                torch.library.opcheck(ops.attention, self.arguments(kind))
        for kind, features, output in (("kvonly", 8, ()), ("tpa_low", 14, (0, 0, torch.randn(2, 9, 6, 14)))):
            plain = tuple(x.detach() if isinstance(x, torch.Tensor) else x for x in self.arguments(kind))
            given = torch.randn(2, 9, 6, features), torch.randn(2, 9, 6)
            torch.library.opcheck(ops.attention_backward, (*given, *plain, *output))

    def test_values(self):
        torch.manual_seed(3)
        for kind in ("tpa", "tpa_low", "mha", "gqa", "kvonly"):
            for length in (1, 9, 150):
                with self.subTest(kind=kind, length=length):
                    self.check(self.arguments(kind, length=length))

    def test_bfloat16(self):
        """Factors in bfloat16: at most twice the error of torch's own operators in that type."""
        torch.manual_seed(6)
        for kind in ("tpa", "tpa_low", "mha", "gqa", "kvonly"):
            for length in (9, 150):
                with self.subTest(kind=kind, length=length):
                    self.check_bfloat16(self.arguments(kind, length=length))

    def check_bfloat16(self, given):
        def tensors(arguments):
            return [x for x in arguments if isinstance(x, torch.Tensor)]

        arguments = [x.detach().bfloat16().requires_grad_() if isinstance(x, torch.Tensor) else x for x in given]
        wide = [x.detach().double().requires_grad_() if isinstance(x, torch.Tensor) else x for x in arguments]
        (out, lse), (wide_out, _), (plain_out, _) = ops.attention(*arguments), plain_attention(*wide), plain_attention(*arguments)
        self.assertEqual((out.dtype, lse.dtype), (torch.bfloat16, torch.float32))
        direction = torch.randn_like(out)
        ours = out, *torch.autograd.grad(out, tensors(arguments), direction)
        wanted = wide_out, *torch.autograd.grad(wide_out, tensors(wide), direction.double())
        theirs = plain_out, *torch.autograd.grad(plain_out, tensors(arguments), direction)
        for each, truth, other in zip(ours, wanted, theirs, strict=True):
            self.assertEqual(each.dtype, torch.bfloat16)
            self.assertLess(distance(each, truth), 2 * distance(other, truth))
        torch.library.opcheck(ops.attention, tuple(arguments))

    def test_windows(self):
        torch.manual_seed(5)
        for kind in ("tpa", "tpa_low", "gqa"):
            for window, sinks, length in ((1, 0, 9), (4, 2, 9), (50, 3, 150), (64, 70, 150), (10, 0, 200)):
                with self.subTest(kind=kind, window=window, sinks=sinks, length=length):
                    self.check((*self.arguments(kind, length=length), window, sinks))
        torch.library.opcheck(ops.attention, (*self.arguments("tpa"), 4, 2))

    def test_strides(self):
        torch.manual_seed(4)
        constant = (leaf(3, 6), leaf(3, 10), leaf(2, 6), leaf(2, 10), leaf(2, 6), leaf(2, 9, 2, 28), 6, 0.3, 0.5)

        def views(arguments):
            expanded = [x.expand(2, 9, -1, -1) for x in arguments[:5]]
            return (*expanded[:1], expanded[1] * 1, *expanded[2:], arguments[5][..., 14:], *arguments[6:])

        self.check(constant, views)

    def test_saves_factors_and_results_alone(self):
        """The output where queries and keys have head factors: the projection after it keeps the same memory."""
        for kind, of_output in (("tpa", 14), ("kvonly", 0)):
            with self.subTest(kind):
                arguments = self.arguments(kind, batch=1, length=64)
                saved = []
                with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
                    out, _ = ops.attention(*arguments)
                    by_attention = len(saved)
                    out.flatten(2) @ leaf(out.shape[2] * out.shape[3], 5)
                factors = sum(x.numel() for x in arguments if isinstance(x, torch.Tensor))
                kept = sum(x.numel() for x in saved[:by_attention])
                self.assertEqual(kept, factors + 64 * self.HEADS * (1 + of_output))
                self.assertIn(out.data_ptr(), [x.data_ptr() for x in saved[by_attention:]])

    def test_errors_name_the_argument(self):
        good = self.arguments("tpa")
        for place, wrong, message in (
            (0, good[0][:, :, :2], r"q_a must be \[B, T, R, 6\] with B, T and R of q_b"),
            (1, good[1].double(), "q_b must be Float or BFloat16, not Double"),
            (2, None, "without k_a the ranks of k_b must divide the 5 heads"),
            (3, good[3][..., :7], r"k_b must have as many features as q_b, .*10\], not .*7\]"),
            (4, good[4][0], "v_a must have four dimensions"),
            (5, good[5][:, :4], "v_b must have the batch and length of q_b"),
            (6, -1, "heads must be at least 1, not -1"),
            (9, -1, "window and sinks must be at least 0, not -1 and 0"),
        ):
            arguments = [*good, 0, 0]
            arguments[place] = wrong
            if place == 2:
                arguments[0], arguments[4], arguments[6] = good[0][..., :5], good[4][..., :5], 5
            with self.subTest(message):
                for device in ("cpu", "meta"):
                    moved = [x.to(device) if isinstance(x, torch.Tensor) else x for x in arguments]
                    with self.assertRaisesRegex(RuntimeError, "t6::attention: " + message):
                        ops.attention(*moved)

    def test_compiles(self):
        arguments = self.arguments("tpa")
        leaves = arguments[:6]
        compiled = torch.compile(lambda *x: ops.attention(*x)[0].square(), backend="aot_eager", fullgraph=True)
        ours = torch.autograd.grad(compiled(*arguments).sum(), leaves)
        theirs = torch.autograd.grad(plain_attention(*arguments)[0].square().sum(), leaves)
        assert_near(ours, theirs)


if __name__ == "__main__":
    torch.ops.load_library(sys.argv.pop(1))
    unittest.main()
