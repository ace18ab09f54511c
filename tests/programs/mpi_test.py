#!/usr/bin/env python3
"""`mpirun -n N t6 train`: the losses of one process, checkpoints for any number of processes, signals and dead ranks."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from support import BUILD, TRAINING, ProgramTest, book

CONFIG = """[model]
preset = "nano-tpa"
num_hidden_layers = 2
[data]
path = "data"
[optimizer]
learning_rate = 3e-3
[train]
steps = 8
batch_size = 4
context = 64
threads = 1
log_every = 1
evaluate_every = 4
evaluate_windows = 5
checkpoint_every = 2
keep_checkpoints = 0
"""
# As root, on fewer processors than ranks, in containers that forbid one process to read another's memory.
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                            "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
                            "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_btl": "self,vader"}


def has_mpi():
    linked = subprocess.run(["ldd", BUILD / "t6-train"], capture_output=True, text=True).stdout
    return "libmpi" in linked and shutil.which("mpirun") is not None


class Ranks(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "book.txt").write_text(book(1500))
        (self.folder / "tiny.toml").write_text(CONFIG)
        self.run_program("prepare", "book.txt", "--out", "data")

    def start(self, ranks, *arguments):
        launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
        return subprocess.Popen([*launcher, BUILD / "t6-train", "train", *map(str, arguments), "--quiet", "--no-report"],
                                cwd=self.folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def train(self, ranks, *arguments, code=0):
        process = self.start(ranks, *arguments)
        out, err = process.communicate(timeout=240)
        self.assertEqual(process.returncode, code, out[-2000:] + err[-2000:])
        return out, err

    def metrics(self, run):
        return [json.loads(line) for line in (self.folder / run / "metrics.jsonl").read_text().splitlines()]

    def numbers(self, run, *keys):
        return [[line[key] for key in keys if key in line] for line in self.metrics(run)]

    def assert_close(self, one, other, relative):
        """The losses of two runs, and of their evaluations."""
        keys = ("step", "loss", "validation_loss", "validation_accuracy")
        ours, theirs = self.numbers(one, *keys), self.numbers(other, *keys)
        self.assertEqual(len(ours), len(theirs))
        for mine, yours in zip(ours, theirs):
            for a, b in zip(mine, yours, strict=True):
                self.assertLessEqual(abs(a - b), relative * abs(b), (mine, yours))

    def assert_same(self, one, other):
        """All numbers of two runs, and their last weights and moments, to the last bit."""
        keys = ("step", "tokens", "loss", "grad_norm")
        trained = [[line for line in self.numbers(run, *keys) if len(line) == 4] for run in (one, other)]
        self.assertEqual(*trained)
        for file in ("model.safetensors", "trainer.safetensors"):
            first, second = ((self.folder / run / "model" / file).read_bytes() for run in (one, other))
            self.assertEqual(first, second, file)


@unittest.skipUnless(TRAINING, "the training wing was not built")
@unittest.skipIf(TRAINING and has_mpi(), "built with MPI")
class WithoutMpi(Ranks):
    def test_ranks_are_refused(self):
        error = subprocess.run([BUILD / "t6-train", "train", "tiny.toml"], cwd=self.folder, capture_output=True, text=True,
                               env=os.environ | {"OMPI_COMM_WORLD_SIZE": "2"})
        self.assertEqual(error.returncode, 1)
        self.assertIn("built without MPI", error.stderr)


@unittest.skipUnless(TRAINING and has_mpi(), "t6-train was built without MPI")
class Mpi(Ranks):
    def test_losses_are_those_of_one_process(self):
        self.train(1, "tiny.toml", "--out", "one")
        for ranks in (2, 4):
            out, _ = self.train(ranks, "tiny.toml", "--out", f"of{ranks}")
            self.assertEqual(out.count("finished at step 8"), 1)
            self.assertIn(f"processes: {ranks}", out)
            self.assert_close(f"of{ranks}", "one", 1e-6)
        line = self.metrics("of2")[0]
        self.assertGreaterEqual(line["communication_seconds"], line["waited_seconds"] * 0.99)
        self.assertGreaterEqual(line["reduced_bytes"], line["hidden_bytes"])
        parameters = json.loads((self.folder / "of2/run.json").read_text())["run"]["parameters"]
        self.assertEqual(line["reduced_bytes"], 4 * parameters)
        self.assertNotIn("reduced_bytes", self.metrics("one")[0])

    def test_ranks_are_passes_to_the_last_bit(self):
        for ranks in (3, 4):
            self.train(ranks, "tiny.toml", "--out", f"of{ranks}", "--batch", ranks * 2)
            self.train(1, "tiny.toml", "--out", f"of{ranks}-passes", "--batch", 2, "--set", f"train.gradient_accumulation={ranks}")
            self.assert_same(f"of{ranks}", f"of{ranks}-passes")

    def test_two_ranks_are_two_passes_of_any_kind_to_the_last_bit(self):
        for name, settings in (("tpa", ()), ("mla", ('model.preset="nano-mla"', "train.recompute=layer", "train.dtype=bfloat16"))):
            flags = [part for setting in settings for part in ("--set", setting)]
            self.train(1, "tiny.toml", "--out", name, *flags, "--batch", 2, "--set", "train.gradient_accumulation=2")
            self.train(2, "tiny.toml", "--out", name + "2", *flags)
            self.assert_same(name + "2", name)
            self.train(2, "tiny.toml", "--out", name + "22", *flags, "--batch", 2, "--set", "train.gradient_accumulation=2")
            # Rounding to bfloat16 makes 2^-9 of a weight's last digit, and how many of them grows with the steps.
            self.assert_close(name + "22", name, 1e-3 if "mla" in name else 1e-6)

    def test_any_number_of_ranks_goes_on(self):
        self.train(1, "tiny.toml", "--out", "whole")
        self.train(1, "tiny.toml", "--out", "run")
        for ranks, done in ((2, 2), (4, 4), (1, 6)):
            for folder in (self.folder / "run/checkpoints").iterdir():
                if int(folder.name.removeprefix("step-")) > done:
                    shutil.rmtree(folder)
            out, _ = self.train(ranks, "run", "--resume")
            self.assertIn(f"resumed  after step {done}", out)
        self.assert_close("run", "whole", 1e-6)
        # The same ranks, left alone and gone on with: the same bits.
        self.train(4, "tiny.toml", "--out", "four")
        shutil.copytree(self.folder / "four", self.folder / "again", symlinks=True)
        for step in (6, 8):
            shutil.rmtree(self.folder / f"again/checkpoints/step-0000000{step}")
        self.train(4, "again", "--resume")
        self.assert_same("again", "four")

    def test_classifiers(self):
        lines = [{"text": "x" * (3 + i % 17) + "ab"[i % 2], "label": "ab"[i % 2]} for i in range(60)]
        for split in ("train", "validation"):
            (self.folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        text = CONFIG.replace('[data]\npath = "data"', '[task]\ntrain = "train.jsonl"\nvalidation = "validation.jsonl"')
        (self.folder / "task.toml").write_text(text)
        for ranks in (1, 2):
            self.train(ranks, "task.toml", "--out", f"of{ranks}")
        self.assert_close("of2", "of1", 1e-5)
        self.assertEqual(*(self.numbers(f"of{ranks}", "tokens") for ranks in (1, 2)))

    def test_errors_are_told_once(self):
        _, err = self.train(2, "tiny.toml", "--batch", 3, "--out", "odd", code=1)
        self.assertEqual(err.count("t6: error: "), 1, err)
        self.assertIn('"batch_size" is 3; it has to be a multiple of the 2 processes', err)
        self.train(2, "tiny.toml", "--steps", 2, "--out", "run")
        _, err = self.train(2, "tiny.toml", "--out", "run", code=1)
        self.assertEqual(err.count("t6: error: run: this folder holds a run already"), 1, err)
        _, err = self.train(2, "tiny.toml", "--out", "far", "--learning-rate", 1000, "--set", "optimizer.clip=0",
                            "--steps", 100, "--set", "train.evaluate_every=0", code=1)
        self.assertEqual(err.count("t6: error: step "), 1, err)

    def start_long(self, run):
        """A run that takes minutes, after some steps, and the processes of its ranks by their numbers."""
        process = self.start(2, "tiny.toml", "--out", run, "--steps", 100000)
        deadline = time.monotonic() + 120
        while not (self.folder / run / "checkpoints/step-00000004").exists():
            self.assertLess(time.monotonic(), deadline, "the run does not get on")
            time.sleep(0.05)
        ranks = {}
        for folder in pathlib.Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == process.pid:
                    variables = (folder / "environ").read_bytes().split(b"\0")
                    ranks[next(int(v[21:]) for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK="))] = int(folder.name)
            except (OSError, StopIteration):
                continue
        self.assertEqual(sorted(ranks), [0, 1])
        return process, ranks

    def assert_goes_on(self, run, ranks=2):
        newest = max(folder.name for folder in (self.folder / run / "checkpoints").iterdir() if folder.name[5:].isdigit())
        out, _ = self.train(ranks, run, "--resume", "--minutes", 0.0001)
        self.assertIn(f"resumed  after step {int(newest[5:]):,}".replace(",", " "), out.replace(",", " "))

    def test_a_dead_rank_ends_all(self):
        process, ranks = self.start_long("dead")
        os.kill(ranks[1], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("signal 9", err)
        self.assert_goes_on("dead")

    def test_a_signal_to_one_rank_saves_once(self):
        for number, rank in ((signal.SIGTERM, 1), (signal.SIGINT, 0)):
            run = f"run{rank}"
            process, ranks = self.start_long(run)
            os.kill(ranks[rank], number)
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + number, out + err)
            self.assertEqual(out.count("continue with: t6 train"), 1, out)
            state = json.loads((self.folder / run / "model/trainer.json").read_text())
            self.assertEqual(state["step"], [line["step"] for line in self.metrics(run) if "loss" in line][-1])
            self.assert_goes_on(run, ranks=1)


if __name__ == "__main__":
    unittest.main()
