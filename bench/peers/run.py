#!/usr/bin/env python3
"""T6 beside other programs that run or train the same model, in one run: a table with versions, flags and the processor.

    run.py --model MODEL.gguf [--t6 build/release/t6] [--contexts 16,512,2048] [--threads 2] [--rounds 1]
           [--train-step build/release/bench/train_step --presets small-tpa,small-mha]
           [--environments build/peers] [--install] [--python NAME=PATH]... [--only NAME,...] [--json]

Each peer is a Python package in a virtual environment of its own, FOLDER/NAME of --environments. --install makes those that
are missing with pip (llama-cpp-python compiles llama.cpp for this machine, which takes minutes); --python takes an
interpreter that has the package already. A peer that does not install or does not run is a row with the reason.

Running: for each context a reading of so many tokens from nothing and the median of --decode-tokens steps after it, in a
process for each peer. Training: the same preset, batch and context, the median step, the first not counted. With
--rounds the peers take turns, and a figure is the lowest and the highest of all rounds.

Prints Markdown, or with --json an object a line: the machine, then a row for each peer and context and round.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from machine import machine
from peers import TRAINING, all_peers
from tables import markdown

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class NoPeer(Exception):
    """Why a peer has no figures."""


def what_it_said(text):
    """The last line that names an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error\b", line, re.IGNORECASE)]
    return (errors or lines or ["it said nothing"])[-1][:300]


def run(command, limit, **options):
    """The process's output. NoPeer: it cannot start, takes longer than `limit` seconds, or fails."""
    try:
        result = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace",
                                timeout=limit, stdin=subprocess.DEVNULL, **options)
    except subprocess.TimeoutExpired:
        raise NoPeer(f"not done after {limit} s") from None
    except OSError as error:
        raise NoPeer(f"{command[0]}: {error.strerror}") from None
    if result.returncode != 0:
        raise NoPeer(f"exit code {result.returncode}: {what_it_said(result.stderr or result.stdout)}")
    return result.stdout


def interpreter(peer, options):
    """The Python that has the peer's packages, made where --install asks for it."""
    if not peer.packages:
        return pathlib.Path(sys.executable)
    if peer.environment in options.python:
        return options.python[peer.environment]
    folder = options.environments / peer.environment
    python, done = folder / "bin/python", folder / "installed"
    if done.exists():
        return python
    if not options.install:
        raise NoPeer(f"not installed: {folder} is missing (--install makes it: {' '.join(peer.packages)})")
    try:
        run([sys.executable, "-m", "venv", "--clear", folder], options.limit)
        run([python, "-m", "pip", "install", "--quiet", *peer.packages], options.limit, env={**os.environ, **peer.build})
        if peer.without:
            run([python, "-m", "pip", "uninstall", "--quiet", "--yes", *peer.without], options.limit)
    except NoPeer as reason:
        raise NoPeer(f"does not install: {reason}") from None
    done.touch()
    return python


def settings(peer, options, scratch):
    """What every driver is told, as JSON: one that trains has no use for a model, and the other way round."""
    return {"model": str(options.model), "contexts": options.contexts, "decode_tokens": options.decode_tokens,
            "threads": options.threads, "t6": str(options.t6), "train_step": str(options.train_step), "batch": options.batch,
            "context": options.train_context, "steps": options.steps, "scratch": str(scratch), **peer.settings}


def time_peer(peer, options, scratch):
    """Rows of one peer, or one row that says why there are none."""
    about = {"job": peer.job, "engine": peer.name, "flags": peer.flags}
    try:
        python = interpreter(peer, options)
        environment = {**os.environ, **peer.run, "OMP_NUM_THREADS": str(options.threads),
                       "PYTHONPATH": str(ROOT / "python")}
        text = run([python, HERE / "engines" / peer.driver, json.dumps(settings(peer, options, scratch))], options.limit,
                   env=environment)
        # Among what the engine itself prints.
        rows = [json.loads(line) for line in text.splitlines() if line.startswith('{"version": ')]
        if not rows:
            raise NoPeer("printed no figures")
    except NoPeer as reason:
        return [{**about, "reason": str(reason)}]
    return [{**about, **row} for row in rows]


def numbers(text):
    values = sorted({int(part) for part in text.split(",")})
    if not values or values[0] < 1:
        raise ValueError
    return values


def python_of(text):
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ValueError
    return name, pathlib.Path(path).absolute()


def positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, help="a GGUF file to run; without one only training is compared")
    parser.add_argument("--t6", type=pathlib.Path, default=ROOT / "build/release/t6")
    parser.add_argument("--contexts", type=numbers, default=[16, 512, 2048])
    parser.add_argument("--decode-tokens", type=positive, default=24)
    parser.add_argument("--train-step", type=pathlib.Path, help="bench/train_step; without it training is not compared")
    parser.add_argument("--presets", default="small-tpa,small-mha")
    parser.add_argument("--batch", type=positive, default=1)
    parser.add_argument("--train-context", type=positive, default=512)
    parser.add_argument("--steps", type=positive, default=4)
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=positive, default=1)
    parser.add_argument("--environments", type=pathlib.Path, default=ROOT / "build/peers")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--python", type=python_of, action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--only", help="names of peers, as the table has them; t6 always runs")
    parser.add_argument("--limit", type=positive, default=3600, help="seconds for one peer, or for its installation")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.python = dict(options.python)
    return parser, options


def chosen_peers(parser, options):
    """Those that there is something to do for. Errors of usage: a name that none has, nothing to do."""
    if options.model is None and options.train_step is None:
        parser.error("nothing to compare: give --model MODEL.gguf, --train-step PROGRAM, or both")
    if options.model is not None and not options.model.is_file():
        parser.error(f"--model {options.model}: no such file")
    peers = all_peers(options.presets.split(","))
    for flag, known, given in (("--only", {peer.name for peer in peers}, (options.only or "").split(",")),
                               ("--python", {peer.environment for peer in peers if peer.packages}, options.python)):
        wrong = sorted(set(given) - known - {""})
        if wrong:
            parser.error(f"{flag}: no peer is called {', '.join(wrong)}; there are {', '.join(sorted(known))}")
    wanted = set((options.only or "").split(",")) - {""}
    return [peer for peer in peers
            if (options.train_step if peer.job == TRAINING else options.model) and
            (not wanted or peer.name in wanted or peer.name == "t6")]


def main():
    parser, options = parse_arguments()
    peers = chosen_peers(parser, options)
    options.environments = options.environments.absolute()
    about, rows = {"threads": options.threads, **machine()}, []
    if options.json:
        print(json.dumps(about), flush=True)
    with tempfile.TemporaryDirectory(prefix="t6-peers-") as scratch:
        for turn in range(options.rounds):
            for peer in peers:
                print(f"{peer.name}, {peer.flags or 'no flags'} ...", file=sys.stderr, flush=True)
                new = [{"round": turn + 1, **row} for row in time_peer(peer, options, scratch)]
                rows += new
                if options.json:
                    print("".join(json.dumps(row) + "\n" for row in new), end="", flush=True)
    if not options.json:
        print(markdown(about, rows), end="")


if __name__ == "__main__":
    main()
