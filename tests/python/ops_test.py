#!/usr/bin/env python3
"""t6.ops: loading, values and gradients beside Torch's own, autocast, vmap, torch.compile, DTensor, and t6.nn with them."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

BUILD = pathlib.Path(os.environ.get("T6_BUILD", pathlib.Path(__file__).parents[2] / "build/release")).resolve()
sys.path.insert(0, str(BUILD / "python"))  # the package beside the operators

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import t6.ops  # noqa: E402
import support  # noqa: E402
import variants  # noqa: E402
from t6 import nn  # noqa: E402

torch.set_num_threads(1)
ops = torch.ops.t6
opcheck = torch.library.opcheck


def leaf(*shape, dtype=torch.float32):
    return torch.randn(shape).to(dtype).requires_grad_()


def factors(heads=4, features=8, batch=2, length=9, dtype=torch.float32):
    """Of queries, keys and values of ranks 3, 2 and 2."""
    return [t6.ops.Factors(leaf(batch, length, rank, heads, dtype=dtype), leaf(batch, length, rank, features, dtype=dtype))
            for rank in (3, 2, 2)]


def materialized(q, k, v, scale=None):
    q, k, v = ((torch.einsum("btrh,btrd->bhtd", *each) / each.b.shape[2]) for each in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale).transpose(1, 2)


def error(found, wanted):
    """The length of the difference, of the length of what is wanted."""
    return float((found.detach().double() - wanted.detach().double()).norm() / wanted.detach().double().norm())


class Case(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def assert_near(self, found, wanted, most=1e-5):
        self.assertEqual(found.shape, wanted.shape)
        self.assertLess(error(found, wanted), most)

    def compare(self, ours, theirs, leaves, most=1e-5):
        """Results and their gradients by the leaves."""
        found, wanted = ours(*leaves), theirs(*leaves)
        self.assert_near(found, wanted, most)
        direction = torch.randn(wanted.shape)
        pairs = (torch.autograd.grad(y, leaves, direction.to(y.dtype)) for y in (found, wanted))
        for got, best in zip(*pairs, strict=True):
            self.assertEqual(got.dtype, best.dtype)
            self.assert_near(got, best, most)


class Loading(Case):
    def load_from(self, **files):
        with tempfile.TemporaryDirectory(prefix="t6-test-") as folder:
            for name, content in files.items():
                (pathlib.Path(folder) / f"_ops-torch{name[1:].replace('_', '.')}.so").write_text(content)
            with mock.patch.object(t6.ops, "__file__", f"{folder}/ops.py"):
                t6.ops._load()

    def test_none_or_others_are_refused(self):
        with self.assertRaisesRegex(ImportError, "this T6 was built without them"):
            self.load_from()
        with self.assertRaisesRegex(ImportError, rf"built for Torch 2.1, 2.2, and this is Torch {torch.__version__[:4]}"):
            self.load_from(v2_2="", v2_1="")
        this = "v" + "_".join(torch.__version__.split(".")[:2])
        with self.assertRaisesRegex(ImportError, "could not be loaded"):
            self.load_from(**{this: "no library"})


    def test_torch_has_them_where_there_are_any(self):
        """Whichever of torch and t6 is imported first."""
        built = str(pathlib.Path(t6.__file__).parent.parent)
        for package, there in ((built, "True"), (str(support.SOURCE / "python"), "False")):
            for imports in ("import t6, torch", "import torch, t6", "import t6.nn, torch"):
                with self.subTest(package=package, imports=imports):
                    code = f"{imports}; print(hasattr(torch.ops.t6, 'attention'))"
                    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                            env={**os.environ, "PYTHONPATH": package})
                    self.assertEqual(result.stdout, f"{there}\n", result.stderr)


class Operators(Case):
    """Those of tests/ops/ops_test.py are attention, linear and product."""

    def test_attention(self):
        def ours(*tensors):
            return t6.ops.attention(tensors[:2], tensors[2:4], tensors[4:])

        def theirs(*tensors):
            return materialized(*(t6.ops.Factors(*tensors[i:i + 2]) for i in (0, 2, 4)))

        self.compare(ours, theirs, [part for each in factors() for part in each])

    def test_the_documents_example(self):
        page = (pathlib.Path(__file__).parents[2] / "docs/python.md").read_text()
        examples = [block for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "t6.ops" in block]
        self.assertEqual(len(examples), 1)
        exec(compile(examples[0], "docs/python.md", "exec"), {})

    def test_heads_of_the_factors(self):
        q, k, v = factors()
        self.assertTrue(torch.equal(ops.attention(*q, *k, *v, 0, 1, 1)[0], ops.attention(*q, *k, *v, 4, 1, 1)[0]))
        grouped = (None, leaf(2, 9, 6, 8)), (None, leaf(2, 9, 3, 8)), (None, leaf(2, 9, 2, 8))
        wanted = F.scaled_dot_product_attention(*((b.repeat_interleave(6 // b.shape[2], 2)).transpose(1, 2) for _, b in grouped),
                                                is_causal=True).transpose(1, 2)
        self.assert_near(t6.ops.attention(*grouped), wanted)

    def test_linear_cross_entropy(self):
        targets = torch.tensor([3, -1, 0, 11, 5])

        def theirs(x, weight):
            return F.cross_entropy(F.linear(x, weight), targets, ignore_index=-1)

        self.compare(lambda *leaves: t6.ops.linear_cross_entropy(*leaves, targets), theirs, [leaf(5, 7), leaf(12, 7)])
        x, weight = leaf(5, 7, dtype=torch.bfloat16), leaf(12, 7)
        self.compare(lambda *leaves: t6.ops.linear_cross_entropy(*leaves, targets),
                     lambda x, weight: theirs(x.float(), weight), [x, weight], 0.01)
        loss = t6.ops.linear_cross_entropy(x, weight, targets)
        loss.backward(retain_graph=True)
        with self.assertRaisesRegex(RuntimeError, "its gradients can be taken once"):
            loss.backward()
        with self.assertRaisesRegex(RuntimeError, r"targets must be from -1 to 11, and go from -1 to 12"):
            t6.ops.linear_cross_entropy(x, weight, targets + (targets == 11).long())

    def test_gated_linear(self):
        leaves = [leaf(2, 5, 6, dtype=torch.bfloat16), leaf(2, 5, 6, dtype=torch.bfloat16), leaf(3, 6)]
        for gelu, act in ((False, F.silu), (True, lambda x: F.gelu(x, approximate="tanh"))):
            self.compare(lambda *leaves: t6.ops.gated_linear(*leaves, gelu=gelu),
                         lambda gate, up, weight: F.linear(act(gate.float()) * up.float(), weight), leaves, 0.01)

    def test_norm_and_rotation(self):
        for dtype in (torch.float32, torch.bfloat16):
            x = leaf(2, 5, 6, dtype=dtype)
            self.compare(lambda x, weight: t6.ops.rms_norm_to_bfloat16(x, weight, 1e-5),
                         lambda x, weight: F.rms_norm(x.float(), (6,), weight, 1e-5), [x, leaf(6)], 0.01)
            self.compare(t6.ops.rms_norm_to_bfloat16, lambda x: F.rms_norm(x.float(), (6,), eps=1e-6), [x], 0.01)
        angles = torch.arange(7)[:, None, None] * torch.tensor([1, 0.1])

        def theirs(x):
            return nn.rotate(x.float(), (angles[:5].cos(), angles[:5].sin()))

        x = leaf(2, 5, 3, 6, dtype=torch.bfloat16)
        self.compare(lambda x: t6.ops.rotate_bfloat16(x, angles.cos(), angles.sin()), theirs, [x], 0.01)
        turned = t6.ops.rotate_bfloat16(x, angles.cos(), angles.sin())
        self.assert_near(t6.ops.rotate_bfloat16(turned, angles.cos(), angles.sin(), inverse=True), x, 0.01)

    def test_opcheck(self):
        bfloat, plain = torch.bfloat16, torch.randn
        gate, up, weight = leaf(2, 5, 6, dtype=bfloat), leaf(2, 5, 6, dtype=bfloat), leaf(3, 6)
        opcheck(ops.gated_linear, (gate, up, weight))
        opcheck(ops.gated_linear_backward, (plain(2, 5, 3), gate.detach(), up.detach(), weight.detach()))
        for norm_weight in (leaf(6), None):
            opcheck(ops.rms_norm_to_bfloat16, (leaf(2, 5, 6), norm_weight, 1e-6))
            given = None if norm_weight is None else norm_weight.detach()
            opcheck(ops.rms_norm_to_bfloat16_backward, (plain(2, 6).bfloat16(), plain(2, 6).bfloat16(), plain(2), given, bfloat))
        opcheck(ops.rotate_bfloat16, (leaf(2, 5, 3, 6, dtype=bfloat), plain(7, 1, 2), plain(7, 1, 2)))
        targets = torch.tensor([3, -1, 0])
        opcheck(ops.linear_cross_entropy, (leaf(3, 7), leaf(12, 7), targets))
        opcheck(ops.linear_cross_entropy_gradients, (plain(3, 7), plain(12, 7), targets))
        opcheck(ops.linear_input_gradient, (plain(2, 5, 4), plain(4, 7), torch.float32))
        opcheck(ops.linear_weight_gradient, (plain(2, 5, 4), plain(2, 5, 7), torch.float32))

    def test_errors_name_the_argument(self):
        bfloat = torch.zeros(2, 5, 3, 6).bfloat16()
        for call, message in (
            (lambda move: ops.rotate_bfloat16(move(bfloat.float()), *[move(torch.zeros(5, 1, 2))] * 2), "x must be BFloat16"),
            (lambda move: ops.rotate_bfloat16(move(bfloat), *[move(torch.zeros(4, 1, 2))] * 2), r"cos and sin Float \[T, 1"),
            (lambda move: ops.rms_norm_to_bfloat16(move(bfloat), move(torch.zeros(5)), 0), "weight must be Float, a number"),
            (lambda move: ops.gated_linear(move(bfloat), move(bfloat), move(torch.zeros(3, 5))), r"and weight Float \[N, K\]"),
            (lambda move: ops.linear_cross_entropy(move(torch.zeros(3, 7)), move(torch.zeros(12, 7)), move(torch.zeros(3))),
             "targets must be Long"),
        ):
            for device in ("cpu", "meta"):
                with self.subTest(message, device=device), self.assertRaisesRegex(RuntimeError, message):
                    call(lambda tensor: tensor.to(device))


class Autocast(Case):
    def test_bfloat16(self):
        """Products and attention give bfloat16, what is float32 keeps gradients in float32, and losses are float32."""
        x, weight, targets = leaf(5, 7), leaf(4, 7), torch.tensor([0, 1, 2, 3, -1])
        q, k, v = factors()
        with torch.autocast("cpu", torch.bfloat16):
            results = {"linear": ops.linear(x, weight), "attention": t6.ops.attention(q, k, v),
                       "loss": ops.linear_cross_entropy(x, weight, targets),
                       "gated": ops.gated_linear(x, x, weight)}
        types = {name: result.dtype for name, result in results.items()}
        self.assertEqual(types, {"linear": torch.bfloat16, "attention": torch.bfloat16, "loss": torch.float32,
                                 "gated": torch.float32})
        self.assert_near(results["linear"], F.linear(x, weight), 0.01)
        self.assert_near(results["attention"], materialized(q, k, v), 0.02)
        sum(result.float().sum() for result in results.values()).backward()
        self.assertEqual({each.grad.dtype for each in (x, weight, *q, *k, *v)}, {torch.float32})

    def test_float16_is_refused(self):
        with torch.autocast("cpu", torch.float16), self.assertRaisesRegex(RuntimeError, "the type must be BFloat16, not Half"):
            ops.linear(torch.zeros(2, 3), torch.zeros(4, 3))


class Vmap(Case):
    def test_is_one_call_after_another(self):
        q, k, v = factors(batch=3)
        calls = {  # arguments and the dimensions of their copies
            "attention": ((*(part[:, None] for part in (*q, *k, *v)), 0, 1.0, 1.0), (*(0,) * 5, None, None, None, None)),
            "linear": ((torch.randn(5, 3, 7), torch.randn(4, 7)), (1, None)),
            "product": ((torch.randn(3, 5, 7), torch.randn(3, 7, 4)), (0, 0)),
            "linear_cross_entropy": ((torch.randn(3, 5, 7), torch.randn(12, 7), torch.arange(5)), (0, None, None)),
            "rotate_bfloat16": ((torch.randn(3, 1, 5, 2, 6).bfloat16(), torch.randn(5, 1, 3), torch.randn(5, 1, 3)), (0, None, None)),
        }
        calls["attention"][0][5].data = v.b[:1].detach()  # one for all
        for name, (arguments, dims) in calls.items():
            with self.subTest(name), torch.no_grad():
                found = torch.vmap(getattr(ops, name), dims)(*arguments)
                wanted = [getattr(ops, name)(*(each if dim is None else each.select(dim, i) for each, dim in zip(arguments, dims)))
                          for i in range(3)]
                if name == "attention":
                    found, wanted = found[0], [each[0] for each in wanted]
                torch.testing.assert_close(found, torch.stack(wanted))

    def test_gradients_within_are_refused(self):
        with self.assertRaisesRegex(RuntimeError, "cannot use C.. torch::autograd::Function with functorch"):
            torch.func.grad(lambda x: ops.linear(x, torch.ones(4, 7)).sum())(torch.ones(5, 7))


class Compile(Case):
    def test_one_graph(self):
        """A layer's kinds of operators, forward and backward, without a break."""
        angles = torch.arange(9)[:, None, None] * torch.tensor([1, 0.1])
        q, k, v = factors()
        weights = [leaf(32, 16), leaf(16, 32), leaf(12, 16)]

        def model(x, q, k, v, w1, w2, head):
            h = t6.ops.rms_norm_to_bfloat16(x)
            h = t6.ops.gated_linear(t6.ops.linear(h, w1), t6.ops.linear(h, w1), w2)
            b = t6.ops.rotate_bfloat16(k[1].bfloat16(), angles.cos(), angles.sin()).float()
            out = t6.ops.attention(q, (k[0], b), v).sum()
            return t6.ops.linear_cross_entropy(h, head, torch.arange(5)) * 2 + out

        x = leaf(5, 16)
        leaves = [x, *q, *k, *v, *weights]
        arguments = (x, tuple(q), tuple(k), tuple(v), *weights)
        wanted = torch.autograd.grad(model(*arguments), leaves)
        found = torch.autograd.grad(torch.compile(model, backend="aot_eager", fullgraph=True)(*arguments), leaves)
        for got, best in zip(found, wanted, strict=True):
            self.assert_near(got, best)

    def test_the_module(self):
        targets = []

        def backend(graph, _):
            targets.extend(node.target for node in graph.graph.nodes)
            return graph.forward

        attention = nn.TensorProductAttention(nn.ModelConfig(hidden_size=48, num_attention_heads=6, head_dim=8))
        x = torch.randn(2, 40, 48)
        found = torch.compile(attention, backend=backend, fullgraph=True)(x)
        self.assertTrue({ops.attention, ops.linear} <= set(targets), targets)
        torch.testing.assert_close(found, attention(x))


class Modules(Case):
    def with_and_without(self, make):
        with mock.patch.object(ops, "attention", wraps=ops.attention) as operator:
            found = make()
        with mock.patch.object(nn, "loaded_operator", lambda *_: None):
            return found, make(), operator.call_count

    def test_attention_is_the_same(self):
        """By the operators and in plain PyTorch, forward and backward, for every option."""
        variants = [{}, {"attention_kind": "tpa_kvonly"}, {"shared_kv_features": True}, {"head_factors": "constant"},
                    {"feature_factors": "constant"}, {"third_order_dim": 2}, {"sliding_window": 16, "attention_sinks": 2},
                    {"query_key_norm": True}, {"head_output_norm": True, "output_gate": True}, {"head_activation": "sigmoid"},
                    {"v_head_dim": 24, "q_rank": 1}, {"kv_shift": True}, {"attention_output_bias": True}]
        for variant in variants:
            with self.subTest(variant=variant):
                config = nn.ModelConfig(hidden_size=48, num_attention_heads=6, head_dim=8, **variant)
                attention = nn.TensorProductAttention(config)
                torch.nn.init.normal_(attention.o_proj.weight, std=0.1)
                x, direction = leaf(2, 70, 48), torch.randn(2, 70, 48)
                leaves = [x, *attention.parameters()]

                def run():
                    y = attention(x)
                    return y, *torch.autograd.grad(y, leaves, direction)

                found, wanted, calls = self.with_and_without(run)
                self.assertEqual(calls, 0 if config.kv_shift else 1)
                for got, best in zip(found, wanted, strict=True):
                    self.assert_near(got, best)

    def test_variants_keep_their_heads(self):
        """A subclass whose heads or softmax are its own is computed by these, operators or not."""
        tokens = torch.randint(50, (2, 40))
        for variant, by_operators in variants.TAKES_OPERATORS.items():
            with self.subTest(variant=variant.__name__), torch.no_grad():
                model = variants.model_of(variant)
                found, wanted, calls = self.with_and_without(lambda: model(tokens))
                self.assertEqual(calls, 2 if by_operators else 0)
                self.assert_near(found, wanted)

    def test_what_it_is_not_for(self):
        """Padding, packed texts, a filled cache and other types of number take PyTorch's way."""
        attention = nn.TensorProductAttention(nn.ModelConfig(hidden_size=48, num_attention_heads=6, head_dim=8))
        torch.nn.init.normal_(attention.o_proj.weight, std=0.1)
        x = torch.randn(2, 40, 48)

        def cached():
            cache = nn.FactorCache()
            return torch.cat([attention(part, cache=cache) for part in x.split(20, 1)], 1)

        mask = torch.ones(2, 40)
        mask[:, :3] = 0
        positions = torch.arange(20).repeat(2)[None]
        for calls, run in ((0, lambda: attention(x, nn.Batch(2, 40, mask=mask))),
                           (0, lambda: attention(x, nn.Batch(2, 40, position_ids=positions))),
                           (0, lambda: attention(x, nn.Batch(2, 40, eager=True))),
                           (0, lambda: attention.double()(x.double())),
                           (1, lambda: attention.float()(x)), (1, cached)):
            found, wanted, counted = self.with_and_without(run)
            self.assertEqual(counted, calls)
            self.assert_near(found, wanted)
        with torch.autocast("cpu", torch.bfloat16):
            found, wanted, counted = self.with_and_without(lambda: attention(x))
        self.assertEqual((counted, found.dtype), (1, torch.bfloat16))
        self.assert_near(found, wanted, 0.02)


class Sharding(Case):
    def test_two_processes(self):
        with tempfile.TemporaryDirectory(prefix="t6-test-") as folder:
            worker = pathlib.Path(__file__).with_name("ops_worker.py")
            processes = [subprocess.Popen([sys.executable, "-B", worker, f"{folder}/meeting", str(rank)],
                                          stderr=subprocess.PIPE, text=True) for rank in range(2)]
            told = [process.communicate(timeout=400)[1][-2000:] for process in processes]
            self.assertEqual([process.returncode for process in processes], [0, 0], told)


if __name__ == "__main__":
    unittest.main()
