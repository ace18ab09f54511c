#!/usr/bin/env python3
"""A run that is killed at random moments and resumed has the losses of one that was left alone, bit for bit.

usage: kill_resume_test.py T6_TRAIN [--kills 5] [--seed 0]
Trains a small model twice on generated data: once undisturbed, once under SIGKILL at random moments, some of them while
a checkpoint is written. Compares every loss, gradient norm and validation loss of metrics.jsonl, and the last weights.
"""
import argparse
import json
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time

CONFIG = """
[model]
preset = "nano-tpa"
num_hidden_layers = 2
vocab_size = 64
[data]
path = "data"
[optimizer]
learning_rate = 3e-3
[schedule]
warmup_steps = 10
[train]
steps = 120
batch_size = 2
context = 32
threads = 1
log_every = 1
evaluate_every = 20
evaluate_windows = 4
checkpoint_every = 3
keep_checkpoints = 2
"""


def write_shard(path, count, generator):
    tokens, token = [], 0
    for _ in range(count):
        token = generator.randrange(64) if generator.random() < 0.2 else (token * 5 + 3) % 64
        tokens.append(token)
    path.write_bytes(struct.pack("<256i", 20240520, 1, count, *[0] * 253) + struct.pack(f"<{count}H", *tokens))


def numbers(run):
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key not in ("seconds", "tokens_per_second")} for line in lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("t6_train", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    program = str(arguments.t6_train.resolve())

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data").mkdir()
        write_shard(folder / "data/train_000000.bin", 20000, generator)
        write_shard(folder / "data/val_000000.bin", 1000, generator)
        (folder / "run.toml").write_text(CONFIG)

        def command(run):
            return [program, "train", "run.toml", "--out", run, "--resume", "--quiet", "--no-report"]

        start = time.monotonic()
        subprocess.run(command("whole"), cwd=folder, check=True, stdout=subprocess.DEVNULL)
        whole_seconds = time.monotonic() - start

        resumed_after = []
        for _ in range(arguments.kills):
            process = subprocess.Popen(command("killed"), cwd=folder, stdout=subprocess.PIPE, text=True)
            time.sleep(generator.uniform(0.2, 0.6) * whole_seconds)
            process.send_signal(signal.SIGKILL)
            output, _ = process.communicate()
            resumed_after += [line for line in output.splitlines() if line.startswith("resumed")]
            assert process.returncode in (-signal.SIGKILL, 0), f"exit code {process.returncode}"
        subprocess.run(command("killed"), cwd=folder, check=True, stdout=subprocess.DEVNULL)

        whole, killed = numbers(folder / "whole"), numbers(folder / "killed")
        assert [line["step"] for line in whole if "loss" in line] == list(range(1, 121)), "the whole run lacks steps"
        assert whole == killed, next((a, b) for a, b in zip(whole, killed) if a != b)
        for file in ("model.safetensors", "trainer.safetensors"):
            assert (folder / "whole/model" / file).read_bytes() == (folder / "killed/model" / file).read_bytes(), file
        leftovers = list((folder / "killed").rglob("*.partial"))
        assert not leftovers, leftovers
        assert resumed_after, "no kill came after a checkpoint: nothing was tested"
        print(f"{arguments.kills} kills, {len(resumed_after)} of them after a checkpoint; "
              f"{len(whole)} lines and the last weights are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
