#!/usr/bin/env python3
"""`t6 export --to gguf` in llama.cpp: the same text as T6 writes, the likeliest token each time.

It needs --model: what a tiny model of waves writes is bytes and no text, which programs show in different ways.
"""
import json
import pathlib
import subprocess
import tempfile
import unittest

import gguf
import xllamacpp

import served
from served import main

PROMPT = "The capital of France is"
TOKENS = 24


def run_t6(*words):
    result = subprocess.run([str(word) for word in (served.T6, *words)], capture_output=True, text=True)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return result.stdout


def llama_cpp_text(path):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel, parameters.warmup = 64, 1, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    answer = xllamacpp.Server(parameters).handle_completions(
        {"prompt": PROMPT, "n_predict": TOKENS, "temperature": 0, "top_k": 1})
    return answer["choices"][0]["text"]


class LlamaCpp(unittest.TestCase):
    def test_text(self):
        """In float32, in which both compute alike."""
        if served.MODEL is None:
            self.skipTest("no --model")
        with tempfile.TemporaryDirectory(prefix="t6-gguf-") as folder:
            path = pathlib.Path(folder) / "model.gguf"
            run_t6("export", served.MODEL, "--to", "gguf", "--type", "f32", "--out", path)
            wanted = run_t6("generate", path, "--prompt", PROMPT, "-n", TOKENS, "--temperature", 0, "--json")
            self.assertEqual(gguf.GGUFReader(path).fields["general.architecture"].contents(), "llama")
            self.assertEqual(llama_cpp_text(path), json.loads(wanted)["text"])


if __name__ == "__main__":
    main()
