#!/usr/bin/env python3
"""Decoding by the engine in Python beside the program `t6 generate`: same model, prompt, tokens and threads, in turns.

usage: engine_decode.py BUILD MODEL [--tokens 256] [--threads 1] [--rounds 5] [--stream]

BUILD has the program t6 and python/t6 with the compiled engine: a build with T6_PYTHON=ON, as build/python after `make wheel`.
Each run is a process of its own that loads the model. Rates are the engine's own, by the clock, from the first token on;
processor seconds are the process's, less those of a run that writes one token. Prints a JSON object: medians over the rounds,
and of both `..._ratio`, Python's rate over the program's (processor: the program's seconds over Python's), with the least and
largest of a round. Error: texts that differ or end early.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys

PROMPT = "Here is a long story about a lighthouse keeper and the sea, told from the beginning.\n\nOnce upon a time"
IN_PYTHON = """
import json, sys, t6
path, prompt, tokens, threads, stream = json.loads(sys.argv[1])
model = t6.Model.load(path, threads=threads)
if stream:
    with model.stream(prompt, max_tokens=tokens, temperature=0) as pieces:
        for _ in pieces:
            pass
        result = pieces.result
else:
    result = model.generate(prompt, max_tokens=tokens, temperature=0)
print(json.dumps({"text": result.text, "tokens": len(result.tokens), "rate": result.decode_tokens_per_second}))
"""


def program(arguments, tokens):
    words = [arguments.build / "t6", "generate", arguments.model, "--prompt", PROMPT, "-n", tokens, "--temperature", 0,
             "--threads", arguments.threads, "--json"]
    told = json.loads(finished([str(word) for word in words]))
    return {"text": told["text"], "tokens": told["tokens"], "rate": told["decode_tokens_per_second"]}


def in_python(arguments, tokens):
    given = json.dumps([str(arguments.model), PROMPT, tokens, arguments.threads, arguments.stream])
    return json.loads(finished([sys.executable, "-c", IN_PYTHON, given], PYTHONPATH=str(arguments.build / "python")))


def finished(words, **variables):
    result = subprocess.run(words, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"{words[0]} ended with {result.returncode}")
    return result.stdout


def processor_seconds(way, *arguments):
    """Of the process that a way starts, and what it told."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = way(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, told


def measure(way, arguments):
    """Rate, processor milliseconds a token, and the text."""
    loading, _ = processor_seconds(way, arguments, 1)
    seconds, told = processor_seconds(way, arguments, arguments.tokens)
    if told["tokens"] != arguments.tokens:
        sys.exit(f"the text ended after {told['tokens']} tokens of {arguments.tokens}: fewer --tokens are wanted")
    return told["rate"], 1000 * (seconds - loading) / (arguments.tokens - 1), told["text"]


def summary(name, ours, theirs, larger_is_better):
    ratios = [a / b if larger_is_better else b / a for a, b in zip(ours, theirs)]
    return {f"python_{name}": round(statistics.median(ours), 3), f"program_{name}": round(statistics.median(theirs), 3),
            f"{name}_ratio": round(statistics.median(ratios), 3),
            f"{name}_ratios": [round(min(ratios), 3), round(max(ratios), 3)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream", action="store_true", help="Python takes the text piece by piece")
    arguments = parser.parse_args()
    if arguments.tokens < 2 or arguments.rounds < 1 or arguments.threads < 1:
        parser.error("wanted are at least 2 tokens, 1 round and 1 thread")
    rounds = []
    for number in range(arguments.rounds):
        ways = (in_python, program) if number % 2 == 0 else (program, in_python)
        rounds.append({way: measure(way, arguments) for way in ways})
    ours, theirs = ([each[way] for each in rounds] for way in (in_python, program))
    if len({text for _, _, text in ours + theirs}) > 1:
        sys.exit("the texts differ")
    row = {"model": arguments.model.name, "tokens": arguments.tokens, "threads": arguments.threads, "rounds": arguments.rounds,
           "stream": arguments.stream}
    for index, name, larger_is_better in ((0, "tokens_per_second", True), (1, "processor_ms_per_token", False)):
        row |= summary(name, [each[index] for each in ours], [each[index] for each in theirs], larger_is_better)
    print(json.dumps(row))


if __name__ == "__main__":
    main()
