#!/usr/bin/env python3
"""The modules of python/t6/nn.py beside T6's own logits, for every kind and option of tests/zoo.h. Needs torch alone."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support
import torch
import variants
from support import TOLERANCE, difference, t6_logits
from t6.nn import Batch, FactorCache, ModelConfig, TensorProductAttention, Transformer

LENGTH = 40


class Zoo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory(prefix="t6-test-")
        cls.folders = support.make_zoo(pathlib.Path(cls._folder.name))
        cls.tokens = torch.tensor([[(7 * i * i + 3 * i) % 37 for i in range(LENGTH)]])

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def for_all(self, check):
        for folder in self.folders:
            with self.subTest(model=folder.name), torch.no_grad():
                check(folder, Transformer.from_folder(folder))

    def assert_near(self, found, wanted):
        self.assertEqual(found.shape, wanted.shape)
        self.assertLessEqual(difference(found, wanted), TOLERANCE)

    def test_logits_are_t6s(self):
        def check(folder, model):
            wanted = t6_logits(folder, self.tokens[0].tolist())
            self.assert_near(model(self.tokens)[0], wanted)
            self.assert_near(model(self.tokens, Batch(1, LENGTH, eager=True))[0], wanted)

        self.for_all(check)

    def test_cached_is_uncached(self):
        def check(_, model):
            wanted, cache, begin = model(self.tokens), FactorCache(), 0
            for size in (7, 1, 1, 13, 1, LENGTH - 23):
                self.assert_near(model(self.tokens[:, begin:begin + size], cache=cache), wanted[:, begin:begin + size])
                begin += size

        self.for_all(check)

    def test_a_cropped_and_reordered_cache_goes_on(self):
        def check(_, model):
            rows = torch.stack((self.tokens[0], self.tokens[0].flip(0)))
            wanted, cache = model(rows), FactorCache()
            model(rows[:, :30], cache=cache)
            cache.crop(21)
            cache.reorder_cache(torch.tensor([1, 0]))
            self.assertEqual(cache.get_seq_length(), 21)
            self.assert_near(model(rows[[1, 0], 21:], cache=cache), wanted[[1, 0], 21:])

        self.for_all(check)

    def test_padding_changes_nothing(self):
        def check(_, model):
            wanted, padding = model(self.tokens), 6
            padded = torch.cat((torch.full((1, padding), 5), self.tokens), 1)
            mask = torch.ones_like(padded)
            mask[:, :padding] = 0
            rows, masks = torch.cat((padded, padded)), torch.cat((mask, torch.ones_like(mask)))
            found = model(rows, Batch(2, LENGTH + padding, mask=masks))
            self.assert_near(found[:1, padding:], wanted)
            self.assert_near(found[1:], model(padded))

        self.for_all(check)

    def test_packed_texts_do_not_see_each_other(self):
        def check(_, model):
            row = torch.cat((self.tokens, self.tokens.flip(1)), 1)
            positions = torch.arange(LENGTH).repeat(2)[None]
            found = model(row, Batch(1, 2 * LENGTH, position_ids=positions))
            self.assert_near(found[:, LENGTH:], model(self.tokens.flip(1)))

        self.for_all(check)

    def test_every_parameter_learns(self):
        for folder in self.folders:
            with self.subTest(model=folder.name):
                model = Transformer.from_folder(folder)
                torch.nn.functional.cross_entropy(model(self.tokens)[0, :-1], self.tokens[0, 1:]).backward()
                for name, parameter in model.named_parameters():
                    self.assertTrue(parameter.grad is not None and parameter.grad.abs().max() > 0, name)


class Modules(unittest.TestCase):
    def test_first_values(self):
        torch.manual_seed(0)
        model = Transformer(ModelConfig(kv_shift=True, head_factors="constant", query_key_norm=True))
        state = model.state_dict()
        layer = "model.layers.2.self_attn."
        self.assertEqual(float(state[layer + "o_proj.weight"].abs().max()), 0)
        self.assertEqual(state[layer + "k_shift"].tolist(), [[1] * 4, [0] * 4])
        self.assertEqual(state[layer + "q_norm.weight"].tolist(), [1] * 32)
        self.assertAlmostEqual(float(state[layer + "q_proj.a"].abs().max()), (6 / (6 + 4)) ** 0.5, delta=0.2)
        bound = (6 / ((2 + 128) * 32)) ** 0.5
        self.assertAlmostEqual(float(state[layer + "k_proj.b.weight"].abs().max()), bound, delta=0.01 * bound)

    def test_attention_in_somebody_elses_model(self):
        attention = TensorProductAttention(ModelConfig(hidden_size=48, num_attention_heads=6, head_dim=8))
        torch.nn.init.normal_(attention.o_proj.weight)
        x, cache = torch.randn(3, 11, 48), FactorCache()
        whole = attention(x)
        parts = [attention(part, cache=cache) for part in x.split(4, 1)]
        torch.testing.assert_close(torch.cat(parts, 1), whole)
        keys, values = cache.layers[0]
        self.assertEqual(keys.shape[-1] + values.shape[-1], (2 + 2) * (6 + 8))

    def test_variants_by_somebody_else(self):
        tokens = torch.randint(50, (2, 40))
        for variant in variants.TAKES_OPERATORS:
            with self.subTest(variant=variant.__name__):
                model, cache = variants.model_of(variant), FactorCache()
                whole = model(tokens)
                parts = torch.cat([model(part, cache=cache) for part in tokens.split((17, 1, 1, 21), 1)], 1)
                torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-4)
                torch.nn.functional.cross_entropy(whole.flatten(0, 1), tokens.flatten()).backward()
                for name, parameter in model.named_parameters():
                    self.assertTrue(parameter.grad is not None and parameter.grad.abs().max() > 0, name)
                numbers = sum(part.shape[-1] for part in cache.layers[0])
                self.assertEqual(numbers, {variants.SharedHeadFactors: 2 * 6 + 4 * 8, variants.NormedGroups: 4 * 8}.get(
                    variant, (2 + 2) * (6 + 8)))
                model.apply(lambda part: part.reset_parameters() if hasattr(part, "reset_parameters") else None)

    def test_compiles_whole_for_any_length(self):
        for options in ({}, {"sliding_window": 16}):
            with self.subTest(options=options):
                torch._dynamo.reset()
                attention = TensorProductAttention(ModelConfig(hidden_size=48, num_attention_heads=6, head_dim=8, **options))
                torch.nn.init.normal_(attention.o_proj.weight)
                compiled = torch.compile(attention, fullgraph=True, backend="eager")
                for shape in ((2, 40), (2, 50), (2, 9), (2, 1)):  # from the second on lengths are symbols
                    x = torch.randn(*shape, 48)
                    torch.testing.assert_close(compiled(x), attention(x))

    def test_importing_takes_little_beyond_torch(self):
        code = ("import torch, time; begin = time.process_time(); import t6, t6.nn; "
                "print(time.process_time() - begin)")
        result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                                env={**os.environ, "PYTHONPATH": str(support.SOURCE / "python")})
        self.assertLess(float(result.stdout), 0.5)

    def test_bfloat16(self):
        torch.manual_seed(1)
        model = Transformer(ModelConfig())
        tokens = torch.randint(0, 257, (2, 33))
        wanted = model(tokens)
        self.assertLess(difference(model.bfloat16()(tokens).float(), wanted), 0.05)

    def test_nonsense_is_refused(self):
        for changes in ({"attention_kind": "mga"}, {"attention_kind": "gqa", "num_key_value_heads": 3},
                        {"attention_kind": "mla"}, {"attention_kind": "mha", "shared_kv_features": True},
                        {"q_lora_rank": 3}, {"head_factors": "constant", "feature_factors": "constant"},
                        {"shared_kv_features": True, "k_rank": 3}, {"third_order_dim": 3}, {"head_dim": 7},
                        {"attention_sinks": 2}, {"layer_types": ["full_attention"]}, {"hidden_act": "relu"},
                        {"rope_scaling": {"rope_type": "longrope", "factor": 2}}):
            with self.subTest(changes=changes), self.assertRaises(ValueError):
                Transformer(ModelConfig(**changes))
        model = Transformer(ModelConfig())
        cache = FactorCache()
        model(torch.zeros(1, 4, dtype=torch.long), cache=cache)
        for wrong in ({"mask": torch.ones(1, 3)}, {"position_ids": torch.tensor([[7]])},
                      {"position_ids": torch.tensor([[4, 5]])}):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                Batch(1, 1, 4, **wrong)


if __name__ == "__main__":
    unittest.main()
