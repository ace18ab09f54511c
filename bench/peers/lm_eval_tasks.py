#!/usr/bin/env python3
"""`t6 eval --tasks` beside lm-evaluation-harness with transformers, on the same documents in one run.

    lm_eval_tasks.py --model MODEL.gguf [--reference FOLDER] [--t6 build/release/t6] [--task-data data/tasks]
                     [--tasks NAME,...] [--limit 48] [--threads 2] [--batch-size 16]

Run it with a Python that has lm-eval 0.4.13, transformers, torch and gguf, as .venv-clients of `make test-clients`; offline with
HF_HUB_OFFLINE=1. `make tasks` fetches the documents. The harness's model is the same file, its numbers as float32, or the Hugging Face
folder of --reference. For each task T6 and the harness run one after the other.

--limit says how many documents of a task are read, divided over MMLU's subjects; 0 reads all. Seconds of T6 are those that it
prints for a task, from texts to scores; those of the harness are of the calls of its model alone, tokenizing included: loading,
reading the data and making prompts count for neither. `same` is the share of documents that both have right or both have
wrong. The last row scales each task to all of its documents.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
import transformers

from machine import machine
from tables import table_line

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/eval"))

import lm_eval  # noqa: E402
from harness_tasks import evaluate, read_lines  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

TASKS = "arc_easy,arc_challenge,boolq,hellaswag,openbookqa,piqa,winogrande,sciq,mmlu"


class TimedModel(HFLM):
    """The harness's model of transformers; `seconds` is what its calls took."""

    seconds = 0.0

    def loglikelihood(self, requests, **further):
        began = time.monotonic()
        try:
            return super().loglikelihood(requests, **further)
        finally:
            self.seconds += time.monotonic() - began


def load(path, batch_size):
    file = {} if path.is_dir() else {"gguf_file": path.name}
    folder = path if path.is_dir() else path.parent
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **file).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **file)
    return TimedModel(pretrained=model, tokenizer=tokenizer, batch_size=batch_size)


def run_t6(task, limit, choice):
    """(seconds, whether each document is right)"""
    command = [choice.t6, "eval", choice.model, "--tasks", task, "--task-data", choice.task_data, "--limit", limit,
               "--threads", choice.threads, "--json"]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"t6 eval ended with {result.returncode}: {result.stderr.strip()}")
    *documents, last = map(json.loads, result.stdout.strip().split("\n"))
    return last["summary"]["tasks"][0]["seconds"], [bool(each["acc"]) for each in documents]


def run_harness(model, task, limit, folder, choice):
    model.seconds = 0.0
    _, samples = evaluate(model, folder, choice.task_data, [task], 0, limit or None)[task]
    return model.seconds, [bool(each["acc"]) for each in samples]


def compare(model, task, folder, choice):
    """A row: task, documents, all that there are, seconds of T6 and of the harness, what each has right."""
    documents = read_lines(choice.task_data / f"{task}.jsonl")
    parts = len({each["subject"] for each in documents}) if task == "mmlu" else 1
    limit = -(-choice.limit // parts)
    seconds, right = run_t6(task, limit, choice)
    their_seconds, their_right = run_harness(model, task, limit, folder, choice)
    if len(right) != len(their_right):
        sys.exit(f"{task}: t6 scored {len(right)} documents, the harness {len(their_right)}")
    return task, len(documents), seconds, their_seconds, right, their_right


def percent(flags):
    return f"{100 * sum(flags) / len(flags):.1f}"


def print_row(*cells):
    print(table_line(cells), end="", flush=True)


def times(seconds, their_seconds, form):
    return form.format(seconds), form.format(their_seconds), f"{their_seconds / seconds:.1f}"


def print_task(task, total, seconds, their_seconds, right, their_right):
    same = [a == b for a, b in zip(right, their_right)]
    print_row(f"`{task}`", len(right), *times(seconds, their_seconds, "{:.1f}"), *map(percent, (right, their_right, same)))


def print_sums(rows):
    sums = (sum(row[i] for row in rows) for i in (2, 3))
    print_row("all", sum(len(row[4]) for row in rows), *times(*sums, "{:.1f}"), "", "", "")
    wholes = (sum(row[i] * row[1] / len(row[4]) for row in rows) for i in (2, 3))
    print_row("all documents", sum(row[1] for row in rows), *times(*wholes, "{:.0f}"), "", "", "")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path)
    parser.add_argument("--t6", default=ROOT / "build/release/t6", type=pathlib.Path)
    parser.add_argument("--task-data", default=ROOT / "data/tasks", type=pathlib.Path)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--limit", default=48, type=int)
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--batch-size", default=16, type=int)
    choice = parser.parse_args()
    if min(choice.limit, choice.threads - 1, choice.batch_size - 1) < 0:
        parser.error("--limit is 0 or more, --threads and --batch-size are 1 or more")
    choice.task_data = choice.task_data.resolve()
    return choice


def main():
    choice = arguments()
    torch.set_num_threads(choice.threads)
    model = load(choice.reference or choice.model, choice.batch_size)
    version = subprocess.run([choice.t6, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}; lm-evaluation-harness {lm_eval.__version__}, transformers {transformers.__version__}, torch "
          f"{torch.__version__}, float32, batches of {choice.batch_size}; {choice.threads} threads\n\n{json.dumps(machine())}\n")
    print_row("task", "documents", "t6, s", "harness, s", "ratio", "t6, acc %", "harness, acc %", "same, %")
    print_row(*["---"] * 8)
    rows = []
    with tempfile.TemporaryDirectory(prefix="t6-lm-eval-") as folder:
        for task in choice.tasks.split(","):
            rows.append(compare(model, task, pathlib.Path(folder) / task, choice))
            print_task(*rows[-1])
    print_sums(rows)


if __name__ == "__main__":
    main()
