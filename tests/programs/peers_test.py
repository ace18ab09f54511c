#!/usr/bin/env python3
"""`bench/peers/run.py`: T6's own figures, peers that are not there as rows with a reason, tables, usage. No peer is
installed and no speed is tested."""
import json
import subprocess
import sys
import unittest

from support import BUILD, SOURCE, ProgramTest

sys.path.append(str(SOURCE / "bench/peers"))
from tables import markdown  # noqa: E402


class Peers(ProgramTest):
    def setUp(self):
        super().setUp()
        self.make_tiny_model()
        self.run_program("export", "tiny", "--to", "gguf", "--out", "tiny.gguf")

    def compare(self, *flags, code=0):
        command = [sys.executable, SOURCE / "bench/peers/run.py", "--t6", BUILD / "t6", "--environments", "peers",
                   "--threads", "1", "--decode-tokens", "2", *map(str, flags)]
        result = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, timeout=300)
        self.assertEqual(result.returncode, code, result.stderr[-2000:])
        return result

    def rows(self, *flags):
        objects = [json.loads(line) for line in self.compare(*flags, "--json").stdout.splitlines()]
        return objects[0], objects[1:]

    def test_a_row_a_context_and_a_row_for_who_is_missing(self):
        machine, rows = self.rows("--model", "tiny.gguf", "--contexts", "8,4", "--only", "llama.cpp", "--rounds", 2)
        self.assertTrue(machine["processor"])
        self.assertEqual(machine["threads"], 1)
        own = [row for row in rows if row["engine"] == "t6"]
        self.assertEqual([(row["round"], row["flags"], row["context"]) for row in own],
                         [(turn, f"cache {kind}", context) for turn in (1, 2) for kind in ("float16", "int8")
                          for context in (4, 8)])
        for row in own:
            for key in ("version", "prefill_tok_s", "decode_tok_s", "load_s", "peak_rss_bytes"):
                self.assertTrue(row[key], key)
        missing = [row for row in rows if row["engine"] == "llama.cpp"]
        self.assertEqual(len(missing), 4)  # flash attention on and off, two rounds
        for row in missing:
            self.assertIn("not installed", row["reason"])
            self.assertIn("--install", row["reason"])

    def test_who_fails_says_why(self):
        (self.folder / "python").write_text("#!/bin/sh\necho 'ImportError: no such engine' >&2\necho bye >&2\nexit 3\n")
        (self.folder / "python").chmod(0o755)
        _, rows = self.rows("--model", "tiny.gguf", "--contexts", 4, "--only", "vllm,xllamacpp", "--python", "vllm=python",
                            "--python", "xllamacpp=nobody")
        reasons = {row["engine"]: row["reason"] for row in rows if "reason" in row}
        self.assertEqual(reasons["vllm"], "exit code 3: ImportError: no such engine")
        self.assertIn("No such file", reasons["xllamacpp"])

    def test_who_takes_too_long_is_ended(self):
        (self.folder / "python").write_text("#!/bin/sh\nexec sleep 60\n")
        (self.folder / "python").chmod(0o755)
        (self.folder / "step").write_text("#!/bin/sh\nexec sleep 60\n")
        (self.folder / "step").chmod(0o755)
        _, rows = self.rows("--train-step", self.folder / "step", "--presets", "nano-tpa", "--python", "pytorch=python",
                            "--limit", 1)
        self.assertEqual([row["engine"] for row in rows], ["t6", "pytorch", "pytorch"] * 2)
        for row in rows:
            self.assertEqual(row["reason"], "not done after 1 s")

    def test_a_table_for_people(self):
        text = self.compare("--model", "tiny.gguf", "--contexts", "4", "--only", "openvino-genai").stdout
        self.assertIn("## Running", text)
        self.assertNotIn("## Training", text)
        self.assertIn("| openvino-genai |", text)
        lines = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual(len({line.count("|") for line in lines}), 1)

    def test_figures_of_rounds_are_a_range(self):
        about = {"processor": "P", "family": "", "instruction_sets": [], "threads": 2, "processors": 2, "load_before": 0.5,
                 "date": "2026-01-01"}
        row = {"job": "training", "engine": "t6", "flags": "", "version": "1", "context": 512, "peak_rss_bytes": 1 << 30}
        text = markdown(about, [{**row, "tokens_per_s": 1000}, {**row, "tokens_per_s": 1200.4}])
        self.assertIn("| t6 | 1 |  | 512 | 1,000 to 1,200 | 1,024 |", text)

    def test_wrong_flags_are_usage_errors(self):
        for flags, word in (([], "nothing to compare"), (["--model", "missing.gguf"], "no such file"),
                            (["--model", "tiny.gguf", "--only", "nobody"], "nobody"),
                            (["--model", "tiny.gguf", "--python", "nobody=x"], "nobody"),
                            (["--model", "tiny.gguf", "--python", "vllm"], "--python"),
                            (["--model", "tiny.gguf", "--contexts", "0"], "--contexts"),
                            (["--model", "tiny.gguf", "--rounds", "0"], "--rounds")):
            self.assertIn(word, self.compare(*flags, code=2).stderr)


if __name__ == "__main__":
    unittest.main()
