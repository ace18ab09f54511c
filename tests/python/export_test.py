#!/usr/bin/env python3
"""`t6 export --to hf`: transformers load the folder with nothing of T6 installed, and give T6's logits."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import support
import torch
from support import TOLERANCE, difference, t6_logits

# Runs where the package cannot be imported.
LOADER = """
import sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
torch.set_num_threads(1)
tokens = torch.tensor([[(7 * i * i + 3 * i) % 37 for i in range(40)]])
for folder in sys.argv[1:]:
    assert AutoTokenizer.from_pretrained(folder, trust_remote_code=True).decode([7, 4, 11, 11, 14]) == "hello"
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()
    assert model.dtype == torch.float32
    with torch.no_grad():
        torch.save(model(tokens).logits[0], folder + "/logits.pt")
    made = [model.generate(tokens[:, 1:9], max_new_tokens=9, do_sample=False, pad_token_id=0, use_cache=used)
            for used in (True, False)]
    assert torch.equal(*made)
assert "t6" not in sys.modules
"""


class Export(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="t6-test-")
        self.folder = pathlib.Path(self._folder.name)

    def tearDown(self):
        self._folder.cleanup()

    def t6(self, *words, code=0):
        result = subprocess.run([support.BUILD / "t6", *map(str, words)], capture_output=True, text=True)
        self.assertEqual(result.returncode, code, result.stderr)
        return result

    def test_folders_load_alone(self):
        exported = []
        for model in support.make_zoo(self.folder / "zoo"):
            self.t6("export", model, "--to", "hf", "--out", self.folder / model.name)
            exported.append(self.folder / model.name)
        self.load(exported)
        for folder in exported:
            with self.subTest(model=folder.name):
                wanted = t6_logits(self.folder / "zoo" / folder.name, [(7 * i * i + 3 * i) % 37 for i in range(40)])
                self.assertLessEqual(difference(torch.load(folder / "logits.pt"), wanted), TOLERANCE)
                # It is a model folder still.
                self.assertTrue(torch.equal(t6_logits(folder, range(30)), t6_logits(self.folder / "zoo" / folder.name,
                                                                                   range(30))))

    def load(self, folders):
        result = subprocess.run([sys.executable, "-c", LOADER, *map(str, folders)], capture_output=True, text=True,
                                cwd=self.folder, env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(self.folder / "cache"),
                                                      "PATH": "/usr/bin:/bin"})
        self.assertEqual(result.returncode, 0, result.stderr[-3000:])

    def test_quantized_weights_become_floats(self):
        source = self.folder / "source"
        source.mkdir()
        (source / "config.json").write_text(json.dumps({"model_type": "t6", "vocab_size": 40, "hidden_size": 64}))
        support.write_weights(source)
        self.t6("quantize", source, "--type", "q8", "--out", self.folder / "q8")
        self.t6("export", self.folder / "q8", "--to", "hf", "--out", self.folder / "floats")
        self.load([self.folder / "floats"])
        self.assertLess(difference(t6_logits(self.folder / "floats", range(26)), t6_logits(source, range(26))), 0.05)

    def test_the_tokenizers_end_of_text_is_named(self):
        source = self.folder / "source"
        source.mkdir()
        (source / "config.json").write_text(json.dumps({"model_type": "t6", "vocab_size": 40, "hidden_size": 64}))
        support.write_weights(source)
        tokenizer = json.loads((source / "tokenizer.json").read_text())
        tokenizer["added_tokens"] = [{"id": 26, "content": "<|endoftext|>", "special": True, "single_word": False,
                                      "lstrip": False, "rstrip": False, "normalized": False}]
        (source / "tokenizer.json").write_text(json.dumps(tokenizer))
        self.t6("export", source, "--to", "hf", "--out", self.folder / "named")
        read = {name: json.loads((self.folder / "named" / f"{name}_config.json").read_text()) for name in ("tokenizer", "generation")}
        self.assertEqual((read["tokenizer"]["eos_token"], read["generation"]["eos_token_id"]), ("<|endoftext|>", [26]))

    def test_errors(self):
        (self.folder / "there").mkdir()
        error = self.t6("export", self.folder, "--to", "hf", "--out", self.folder / "there", code=1).stderr
        self.assertIn("exists already", error)
        self.t6("export", self.folder, "--to", "onnx", "--out", self.folder / "new", code=2)
        self.assertFalse((self.folder / "new").exists())


if __name__ == "__main__":
    unittest.main()
