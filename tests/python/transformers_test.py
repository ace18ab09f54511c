#!/usr/bin/env python3
"""T6 models in transformers: logits, the factors' cache in every way of generating, saving, training. Needs transformers."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support
import torch
import transformers
from safetensors.torch import load_file
from support import TOLERANCE, difference, t6_logits
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache

import t6  # noqa: F401  (registers the model type)
from t6 import T6Cache, T6Config, T6ForCausalLM

LENGTH = 40
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


class Zoo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory(prefix="t6-test-")
        cls.folders = support.make_zoo(pathlib.Path(cls._folder.name) / "zoo")
        cls.tokens = torch.tensor([[(7 * i * i + 3 * i) % 37 for i in range(LENGTH)]])

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def for_all(self, check, names=None):
        for folder in self.folders:
            if names is None or folder.name in names:
                with self.subTest(model=folder.name), torch.no_grad():
                    check(folder, AutoModelForCausalLM.from_pretrained(folder).eval())

    def assert_near(self, found, wanted):
        self.assertEqual(found.shape, wanted.shape)
        self.assertLessEqual(difference(found, wanted), TOLERANCE)

    def greedy(self, model, **options):
        return model.generate(self.tokens[:, :12], max_new_tokens=24, do_sample=False, pad_token_id=0,
                              **options)

    def test_logits_are_t6s(self):
        def check(folder, model):
            wanted = t6_logits(folder, self.tokens[0].tolist())
            self.assert_near(model(self.tokens).logits[0], wanted)
            self.assert_near(model(self.tokens, logits_to_keep=3).logits[0], wanted[-3:])
            eager = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
            output = eager(self.tokens, output_attentions=True, output_hidden_states=True)
            self.assert_near(output.logits[0], wanted)
            self.assertEqual([weights.shape for weights in output.attentions], [(1, 6, LENGTH, LENGTH)] * 2)
            self.assertEqual(len(output.hidden_states), 3)

        self.for_all(check)

    def test_generating_with_the_cache_is_generating_without(self):
        def check(_, model):
            wanted = self.greedy(model, use_cache=False)
            self.assertTrue(torch.equal(self.greedy(model), wanted))
            self.assertTrue(torch.equal(self.greedy(model, past_key_values=DynamicCache()), wanted))
            # The model is its own assistant: whatever it drafts is cropped to what is accepted.
            self.assertTrue(torch.equal(self.greedy(model, assistant_model=model), wanted))
            self.assertTrue(torch.equal(self.greedy(model, prompt_lookup_num_tokens=3), wanted))
            beams = self.greedy(model, num_beams=3)
            self.assertTrue(torch.equal(beams, self.greedy(model, num_beams=3, use_cache=False)))

        self.for_all(check)

    def test_sampling_and_padded_batches(self):
        def check(_, model):
            torch.manual_seed(4)
            options = {"max_new_tokens": 9, "do_sample": True, "pad_token_id": 0}
            self.assertEqual(model.generate(self.tokens[:, :5], num_return_sequences=3, **options).shape, (3, 14))
            short = self.tokens[:, :7]
            rows = torch.cat((self.tokens[:, :12], torch.cat((torch.zeros(1, 5, dtype=torch.long), short), 1)))
            mask = torch.ones_like(rows)
            mask[1, :5] = 0
            greedy = {**options, "do_sample": False}
            found = model.generate(rows, attention_mask=mask, **greedy)
            self.assertTrue(torch.equal(found[1:, 5:], model.generate(short, attention_mask=mask[1:, 5:], **greedy)))

        self.for_all(check)

    def test_a_prompt_of_padding_alone(self):
        """An empty document in a batch: its text begins where the padding ends."""
        def check(_, model):
            options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
            rows, mask = self.tokens[:, :7].repeat(2, 1), torch.ones(2, 7, dtype=torch.long)
            mask[1] = 0
            found = model.generate(rows, attention_mask=mask, **options)
            self.assertTrue(torch.equal(found[:1], model.generate(rows[:1], attention_mask=mask[:1], **options)))
            self.assertTrue(torch.equal(found, model.generate(rows, attention_mask=mask, use_cache=False, **options)))

        self.for_all(check)

    def test_the_cache_keeps_t6s_numbers(self):
        def check(folder, model):
            cache = T6Cache(model.config)
            for begin in range(0, LENGTH, 8):
                model(self.tokens[:, begin:begin + 8], past_key_values=cache)
            told = json.loads(subprocess.run([support.BUILD / "t6", "info", folder, "--json"], check=True,
                                             capture_output=True).stdout)
            layer = cache.layers[0]
            self.assertEqual(layer.keys.shape[-1] + layer.values.shape[-1], told["cache"][0]["numbers_per_token_and_layer"])
            window = model.config.sliding_window
            if window and not model.config.attention_sinks and not model.config.kv_shift:
                self.assertEqual(layer.keys.shape[2], window - 1)

        self.for_all(check)

    def test_saving_is_exact(self):
        def check(folder, model):
            saved = pathlib.Path(self._folder.name) / "saved" / folder.name
            model.save_pretrained(saved)
            before, after = load_file(folder / "model.safetensors"), load_file(saved / "model.safetensors")
            self.assertEqual(before.keys(), after.keys())
            self.assertTrue(all(torch.equal(before[name], after[name]) for name in before))
            again = AutoModelForCausalLM.from_pretrained(saved).eval()
            self.assertTrue(torch.equal(model(self.tokens).logits, again(self.tokens).logits))
            # T6 reads it back, as the same model.
            (saved / "tokenizer.json").write_text((folder / "tokenizer.json").read_text())
            self.assertTrue(torch.equal(t6_logits(saved, range(30)), t6_logits(folder, range(30))))

        self.for_all(check)

    def test_caches_that_forget_too_much_are_refused(self):
        def check(_, model):
            with self.assertRaisesRegex(ValueError, "T6Cache"):
                model(self.tokens, past_key_values=DynamicCache(config=model.config))

        self.for_all(check, ("tpa_windows", "gqa_one_window_shift"))

        def check_static(_, model):
            with self.assertRaisesRegex(ValueError, "that grows"):
                self.greedy(model, cache_implementation="static")

        self.for_all(check_static, ("tpa",))

    def test_gradient_checkpointing_changes_no_gradient(self):
        for folder in self.folders:
            model, gradients = AutoModelForCausalLM.from_pretrained(folder).train(), []
            for checkpointing in (False, True):
                if checkpointing:
                    model.gradient_checkpointing_enable()
                model.zero_grad()
                model(self.tokens, labels=self.tokens).loss.backward()
                gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
            with self.subTest(model=folder.name):
                torch.testing.assert_close(gradients[1], gradients[0])


class Models(unittest.TestCase):
    def test_a_new_model_has_t6s_first_values(self):
        torch.manual_seed(0)
        model = T6ForCausalLM(T6Config(hidden_size=64, kv_shift=True))
        self.assertEqual(float(model.model.layers[1].self_attn.o_proj.weight.detach().abs().max()), 0)
        self.assertEqual(model.model.layers[1].self_attn.k_shift.tolist(), [[1] * 4, [0] * 4])
        self.assertEqual(model.lm_head.weight.data_ptr(), model.model.embed_tokens.weight.data_ptr())

    def test_a_missing_parameter_gets_its_first_values(self):
        model = T6ForCausalLM(T6Config(hidden_size=64))
        with tempfile.TemporaryDirectory() as folder:
            state = model.state_dict()
            del state["model.layers.0.self_attn.k_proj.b.weight"]
            model.save_pretrained(folder, state_dict=state)
            again = T6ForCausalLM.from_pretrained(folder)
        found = again.model.layers[0].self_attn
        self.assertLess(float(found.k_proj.b.weight.detach().abs().max()), 1)
        self.assertTrue(torch.equal(found.k_proj.a.weight, model.model.layers[0].self_attn.k_proj.a.weight))

    def test_no_token_ends_a_text(self):
        """T6's files say so by an empty list."""
        with tempfile.TemporaryDirectory() as folder:
            T6ForCausalLM(T6Config(hidden_size=64, num_hidden_layers=1)).save_pretrained(folder)
            for name in ("config.json", "generation_config.json"):
                path = pathlib.Path(folder) / name
                path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": []}))
            model = AutoModelForCausalLM.from_pretrained(folder).eval()
        self.assertIsNone(model.config.eos_token_id)
        for beams in (1, 3):
            made = model.generate(torch.tensor([[1, 2, 3]]), max_new_tokens=5, num_beams=beams, do_sample=False,
                                  pad_token_id=0)
            self.assertEqual(made.shape, (1, 8))

    def test_configurations(self):
        config = T6Config(rope_scaling={"rope_type": "linear", "factor": 2.0}, sliding_window=9, rope_theta=5000.0)
        with tempfile.TemporaryDirectory() as folder:
            config.save_pretrained(folder)
            written = json.loads((pathlib.Path(folder) / "config.json").read_text())
            again = AutoConfig.from_pretrained(folder)
        self.assertEqual(written["rope_scaling"], {"rope_type": "linear", "factor": 2.0})
        self.assertEqual(written["model_type"], "t6")
        self.assertEqual(again.model_config(), config.model_config())
        with self.assertRaises(ValueError):
            T6Config(attention_kind="mga")

    def test_transformers_imported_later_knows_the_type(self):
        """Also after somebody has only asked where it would be found."""
        code = ("import importlib.util, t6; found = importlib.util.find_spec('transformers').name; import transformers;"
                "print(found, transformers.AutoConfig.for_model('t6').model_type)")
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                env={**os.environ, "PYTHONPATH": str(support.SOURCE / "python")})
        self.assertEqual(result.stdout, "transformers t6\n", result.stderr)

    def test_t6_may_be_what_imports_transformers(self):
        for first in ("from t6 import T6Config as C", "from t6.modeling_t6 import T6ForCausalLM, T6Config as C"):
            code = (f"{first}; import sys, t6, transformers;"
                    "model = transformers.AutoModelForCausalLM.from_config(C(num_hidden_layers=1));"
                    "print(type(model) is t6.T6ForCausalLM is sys.modules['t6.modeling_t6'].T6ForCausalLM,"
                    "      type(model.config) is C is t6.T6Config)")
            result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                                    env={**os.environ, "PYTHONPATH": str(support.SOURCE / "python")})
            self.assertEqual(result.stdout, "True True\n", result.stderr)


if __name__ == "__main__":
    unittest.main()
