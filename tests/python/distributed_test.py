#!/usr/bin/env python3
"""Training by several processes (torchrun, Gloo): the losses of one, checkpoints for any number, restarts.

Two processes; T6_LONG=1 adds four, and torch.compile.
"""
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import unittest
from unittest import mock

import support  # noqa: F401  (the package's path)
import torch
from safetensors.torch import load_file
from torch.distributed.checkpoint.metadata import _MEM_FORMAT_ENCODING, TensorProperties
from t6.train import Trainer, TrainError, load_run_config, parse_setting
from t6.train.checkpoint import require_harmless
from t6.train.processes import require_new_addresses
from train_test import TrainTest, numbers

LONG = bool(os.environ.get("T6_LONG"))
WORKER = pathlib.Path(__file__).with_name("distributed_worker.py")
STEPS = ("--steps", "12")
DIVIDED = ("--set", "model.intermediate_size=340")  # an even number


class Distributed(TrainTest):
    def torchrun(self, count, runs, *flags, code=0, **variables):
        """Runs, as lists of words, by `count` processes."""
        environment = dict(os.environ, OMP_NUM_THREADS="1", **variables)
        result = subprocess.run(
            [sys.executable, "-B", "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", *flags,
             WORKER, json.dumps(runs)], env=environment, capture_output=True, text=True, timeout=800)
        self.assertEqual(result.returncode, code, result.stderr[-3000:])
        return result.stderr

    def words(self, out, *words):
        return [str(self.file), *STEPS, "--out", str(self.folder / out), *words]

    def one(self, out, *words):
        self.ours(*self.words(out, *words), "--resume")

    def compare(self, found, wanted, delta=1e-5):
        found, wanted = numbers(self.folder / found), numbers(self.folder / wanted)
        self.assertEqual([line["step"] for line in found], [line["step"] for line in wanted])
        for line, other in zip(found, wanted):
            for key in ("loss", "validation_loss"):
                if key in line:
                    self.assertAlmostEqual(line[key], other[key], delta=delta, msg=f"{key} of step {line['step']}")

    def test_several_processes_train_as_one(self):
        gqa = ("--set", "model.preset=nano-gqa", *DIVIDED)
        variants = {"plain": (), "recompute": ("--recompute", "layer"), "bfloat16": ("--dtype", "bfloat16"),
                    "accumulation": ("--set", "train.gradient_accumulation=2", "--batch", "2"),
                    "heads": (*gqa, "--tensor-parallel", "2"),
                    "feed_forward": (*DIVIDED, "--tensor-parallel", "2")}
        if LONG:
            variants["compiled"] = ("--compile",)
        (self.folder / "taken").mkdir()
        (self.folder / "taken/metrics.jsonl").write_text("somebody else's")
        wrong = [{"words": self.words("x", "--batch", "3"), "error": "has to be a multiple of the 2 processes"},
                 {"words": self.words("x", "--tensor-parallel", "2"), "error": "divide model.intermediate_size, "},
                 {"words": self.words("taken"), "error": "is there already"}]  # the first process alone finds it
        right = [{"words": self.words(f"two-{name}", *words)} for name, words in variants.items()]
        self.torchrun(2, wrong + right)
        if LONG:
            self.torchrun(4, [{"words": self.words(f"four-{name}", *words)} for name, words in variants.items()
                              if name != "accumulation"])
        for name, words in variants.items():
            with self.subTest(variant=name):
                alone = [word for word in words if word not in ("--tensor-parallel", "2", "--compile")]
                if name == "accumulation":
                    alone = words
                self.one(f"one-{name}", *alone)
                delta = 0.03 if name == "bfloat16" else 1e-5
                self.compare(f"two-{name}", f"one-{name}", delta)
                if LONG and name != "accumulation":
                    self.compare(f"four-{name}", f"one-{name}", delta)
        self.check_bytes()

    def check_bytes(self):
        """Of weights, gradients and moments a process holds its share, and all together hold them once."""
        parameters = json.loads((self.folder / "one-plain/run.json").read_text())["run"]["parameters"]
        for name, count in (("two", 2), ("four", 4)) if LONG else (("two", 2),):
            held = [json.loads((self.folder / f"{name}-plain/bytes-{rank}.json").read_text()) for rank in range(count)]
            for kind in held[0]:
                shares = [process[kind] / (4 * parameters) for process in held]
                self.assertAlmostEqual(sum(shares), 1, delta=0.02)
                self.assertLess(max(shares), 1.02 / count, kind)

    def test_any_number_goes_on(self):
        self.one("whole")
        stops = [(1, 5), (2, 8), *([(4, 10)] if LONG else []), (1, None)]
        for count, stop in stops:
            if count > 1:
                self.torchrun(count, [{"words": self.words("run"), "stop_at": stop}])
                continue
            with Trainer(load_run_config(self.file, [parse_setting("train.steps=12")]), "run", start="resume") as trainer:
                trainer.run(stop=lambda: trainer.state.step == stop)
        self.compare("run", "whole")
        found, wanted = (load_file(self.folder / name / "model/model.safetensors") for name in ("run", "whole"))
        for name in wanted:
            torch.testing.assert_close(found[name], wanted[name], atol=1e-4, rtol=0)
        self.check_damaged()

    def check_damaged(self):
        """One that cannot be read, or that names code to run, is set aside, and the one before is used."""
        newest = (self.folder / "run/model").resolve()
        shutil.copytree(self.folder / "run/checkpoints/step-00000008/trainer", newest / "trainer")
        (newest / "trainer/.metadata").write_bytes(pickle.dumps(os.system))
        told = self.ours(*self.words("run"), "--resume")
        self.assertIn("names posix.system", told)
        self.assertIn("resumed  after step", told)

    def test_metadata_names_members_of_enums_alone(self):
        """By getattr, as Debian 12's Python pickles them: of anything else it could fetch what runs."""

        class Got:
            def __init__(self, *words):
                self.words = words

            def __reduce__(self):
                return getattr, self.words

        file = self.folder / ".metadata"
        file.write_bytes(pickle.dumps(Got(_MEM_FORMAT_ENCODING, "TORCH_PRESERVE_FORMAT")))
        require_harmless(file)
        for words in ((_MEM_FORMAT_ENCODING, "__init__"), (TensorProperties, "__init__")):
            file.write_bytes(pickle.dumps(Got(*words)))
            with self.assertRaisesRegex(TrainError, "__init__"):
                require_harmless(file)

    def test_a_killed_process_is_started_again(self):
        self.one("whole", "--set", "train.checkpoint_every=4")
        runs = [{"words": self.words("run", "--set", "train.checkpoint_every=4"), "kill_at": 7}]
        told = self.torchrun(2, runs, "--max-restarts=1", TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1")
        self.assertIn("exitcode: -9", told)
        self.compare("run", "whole")
        self.assertFalse(list((self.folder / "run").rglob("*.partial")))
        shared = {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_MAX_RESTARTS": "1"}
        with mock.patch.dict(os.environ, shared), self.assertRaisesRegex(TrainError, "STORE=1"):
            require_new_addresses()


if __name__ == "__main__":
    unittest.main()
