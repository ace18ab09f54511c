#!/usr/bin/env python3
"""`t6 eval --tasks` beside lm-evaluation-harness with transformers, document by document.

The model is a Llama of random weights, or the Hugging Face folder of --model; the documents are those of
tests/eval/data/tasks, or of the folder in T6_TASKS, of which T6_TASK_LIMIT documents are read (default: all).
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import torch
import transformers

import served
from lm_eval_test import write_model
from served import SOURCE, main

sys.path.append(str(SOURCE / "tests/eval"))

from harness_tasks import DESCRIPTIONS, evaluate  # noqa: E402  (of tests/eval)
from lm_eval.models.huggingface import HFLM  # noqa: E402

DATA = pathlib.Path(os.environ.get("T6_TASKS", SOURCE / "tests/eval/data/tasks")).resolve()
LIMIT = int(os.environ.get("T6_TASK_LIMIT", 0)) or None
TASKS = os.environ.get("T6_TASK_NAMES", ",".join(DESCRIPTIONS)).split(",")
SHOTS = [int(count) for count in os.environ.get("T6_TASK_SHOTS", "0,3").split(",")]


def likelihoods(sample):
    return [answer[0] if isinstance(answer[0], (list, tuple)) else answer for answer in sample["resps"]]


class Tasks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="t6-tasks-")))
        # A GGUF file's weights are not float32.
        given = served.MODEL and pathlib.Path(served.MODEL).is_dir()
        cls.path = pathlib.Path(served.MODEL) if given else cls.folder / "llama"
        if not given:
            write_model(cls.path)
        model = transformers.AutoModelForCausalLM.from_pretrained(cls.path, dtype=torch.float32).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(cls.path)
        cls.model = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8)

    def run_t6(self, shots):
        """(documents by task, summaries by task)"""
        command = [served.T6, "eval", self.path, "--tasks", ",".join(TASKS), "--task-data", DATA, "--shots", shots,
                   "--limit", LIMIT or 0, "--json"]
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        documents = {}
        for line in lines[:-1]:
            documents.setdefault(line["task"], []).append(line)
        return documents, {task["name"]: task for task in lines[-1]["summary"]["tasks"]}

    def compare(self, ours, sample, where):
        choices = ours.get("choices", [ours])
        theirs = likelihoods(sample)
        self.assertEqual(len(choices), len(theirs), where)
        for choice, (likelihood, greedy) in zip(choices, theirs):
            self.assertAlmostEqual(choice["log_likelihood"], float(likelihood), delta=1e-3, msg=where)
            self.assertEqual(choice["greedy"], str(greedy) in ("True", "1", "1.0"), where)
        for metric in ("acc", "acc_norm"):
            if metric in sample:
                self.assertEqual(ours[metric], sample[metric], where)

    def compare_summary(self, ours, parts):
        for metric in ("acc", "acc_stderr", "acc_norm", "acc_norm_stderr", "perplexity"):
            key = f"{metric},none"
            if len(parts) == 1 and key in parts[0]:
                self.assertAlmostEqual(ours[metric], parts[0][key], delta=1e-4 * max(1, parts[0][key]), msg=ours["name"])
        self.assertEqual(ours["documents"], sum(part["sample_len"] for part in parts))
        if len(parts) > 1:
            mean = sum(part["acc,none"] * part["sample_len"] for part in parts) / ours["documents"]
            self.assertAlmostEqual(ours["acc"], mean, delta=1e-6)

    def check(self, shots):
        began = time.monotonic()
        documents, summaries = self.run_t6(shots)
        middle = time.monotonic()
        harness = evaluate(self.model, self.folder / f"harness-{shots}", DATA, TASKS, shots, LIMIT)
        print(f"tasks: {shots} shots: t6 {middle - began:.1f} s, the harness {time.monotonic() - middle:.1f} s")
        for task, (parts, samples) in harness.items():
            self.assertEqual(len(documents[task]), len(samples), task)
            for ours, sample in zip(documents[task], samples):
                self.compare(ours, sample, f"{task}, document {ours['document']}, {shots} shots")
            self.compare_summary(summaries[task], parts)

    def test_likelihoods_choices_and_means_are_the_harness_s(self):
        for shots in SHOTS:
            with self.subTest(shots=shots):
                self.check(shots)


if __name__ == "__main__":
    main()
