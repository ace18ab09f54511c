#!/usr/bin/env python3
"""Runs the notebooks of examples/python/ from top to bottom, and holds them to what they say."""
import contextlib
import importlib.util
import io
import os
import pathlib
import runpy
import sys
import tempfile
import types
import unittest
from unittest import mock

import support
import torch

FOLDER = support.SOURCE / "examples/python"


class Examples(unittest.TestCase):
    def setUp(self):
        scratch, before = tempfile.TemporaryDirectory(prefix="t6-test-"), os.getcwd()
        self.addCleanup(scratch.cleanup)
        self.addCleanup(os.chdir, before)
        os.chdir(scratch.name)

    def run_example(self, name, *arguments):
        """What its names are at the end, and what it printed."""
        with contextlib.redirect_stdout(io.StringIO()) as told, mock.patch.object(sys, "argv", [name, *arguments]):
            names = runpy.run_path(str(FOLDER / name))
        return types.SimpleNamespace(**names), told.getvalue()

    def test_each_is_a_notebook_that_is_listed_and_tested(self):
        listed, tested = (support.SOURCE / "examples/README.md").read_text(), pathlib.Path(__file__).read_text()
        for path in FOLDER.iterdir():
            self.assertTrue(path.read_text().startswith("# %% [markdown]\n# # "), path.name)
            self.assertIn(f"python/{path.name})", listed)
            self.assertIn(f'run_example("{path.name}"', tested)

    def test_train_nano(self):
        names, told = self.run_example("train_nano.py")
        self.assertLess(names.losses[-1], names.losses[0] / 5)
        self.assertGreaterEqual(len(names.pairs), 10)
        self.assertGreater(names.followed, 0.6 * len(names.pairs))  # 1/6 of them by chance
        self.assertIn("\nTrue | ", told)  # the same text with and without the cache

    def test_attention_in_your_model(self):
        names, told = self.run_example("attention_in_your_model.py")
        self.assertLess(names.errors[-1], names.errors[0] / 10)
        torch.testing.assert_close(names.compiled(names.series), names.model(names.series))
        torch.testing.assert_close(torch.cat(names.steps, 1), names.whole)
        self.assertEqual((names.numbers, names.heads), ((2 + 2) * (8 + 32), 2 * 8 * 32))
        self.assertIn("160, of multi-head attention 512: 3.2 times", told)
        torch.testing.assert_close(torch.cat(names.pieces, 1), names.logits)
        self.assertEqual(names.own_numbers, 2 * 8 + (2 + 2) * 32)
        for name, parameter in names.language_model.model.layers[0].self_attn.named_parameters():
            self.assertTrue(parameter.grad is not None and parameter.grad.abs().max() > 0, name)

    @unittest.skipUnless(importlib.util.find_spec("transformers"), "transformers is not installed")
    def test_transformers_model(self):
        names, told = self.run_example("transformers_model.py")
        self.assertLess(names.losses[-1], names.losses[0] / 5)
        self.assertIn("all weights are the same bits: True", told)
        self.assertEqual(names.written.shape, (1, 73))
        self.assertTrue(torch.equal(names.written, names.again))
        self.assertEqual((names.small, names.large), (2 * 73 * 160 * 4, 2 * 73 * 512 * 4))

    def test_compare_kinds(self):
        names, told = self.run_example("compare_kinds.py")
        counts = [names.parameters(config) for config in names.kinds.values()]
        self.assertLess(max(counts), 1.002 * min(counts))
        for kind, result in names.results.items():
            self.assertIn(f"\n{kind} ", told)
            self.assertLess(result["bits"], 0.6 * result["losses"][0])
        self.assertEqual([result["cache"] for result in names.results.values()], [2 * 2 * 4 * 16, 2 * (2 + 2) * (6 + 16)])
        drawn = importlib.util.find_spec("matplotlib") is not None
        self.assertEqual(pathlib.Path("compare_kinds.png").exists(), drawn)


if __name__ == "__main__":
    unittest.main()
