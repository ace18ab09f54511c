#!/usr/bin/env python3
"""The programs as a user meets them: help, exit codes, JSON, and the way from a text to a report."""
import json
import re
import shutil
import time
import unittest

from support import BUILD, SANITIZED, SOURCE, TRAINING, ProgramTest, book, write_tiny_model

COMMANDS = ("info", "tokenizer", "prepare", "task", "eval", "generate", "chat", "report", "import", "quantize", "golden", "bench",
            "serve")


class Usage(ProgramTest):
    def test_help_lists_the_commands_and_each_has_examples(self):
        overview = self.run_program("--help").stdout
        for command in COMMANDS + ("train",):
            self.assertIn(command, overview)
        for command in COMMANDS:
            arguments = (command, "train") if command == "tokenizer" else (command,)
            self.assertIn("xample", self.run_program(*arguments, "--help").stdout, command)

    def test_programs_and_documents_have_one_version(self):
        version = re.search(r"^project\(t6 VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)
        for program in ("t6", "t6-train") if TRAINING else ("t6",):
            self.assertEqual(self.run_program("--version", program=program).stdout, f"{program} {version}\n")
        newest = re.search(r"^## \[(.+)\] - \d{4}-\d\d-\d\d$", (SOURCE / "CHANGELOG.md").read_text(), re.MULTILINE)
        self.assertEqual(newest.group(1), version)

    @unittest.skipIf(SANITIZED, "sanitizers make it slow and large")
    def test_help_is_immediate(self):
        fastest = 1.0
        for _ in range(10):
            start = time.perf_counter()
            self.run_program("--help")
            fastest = min(fastest, time.perf_counter() - start)
        self.assertLess(fastest, 0.05)

    @unittest.skipIf(SANITIZED, "sanitizers make it slow and large")
    def test_the_program_needs_no_torch_and_is_small(self):
        self.assertLess((BUILD / "t6").stat().st_size, 20e6)
        self.assertNotIn(b"libtorch", (BUILD / "t6").read_bytes())

    def test_wrong_usage_ends_with_2(self):
        for arguments in ([], ["nonsense"], ["info", "--nonsense"], ["eval"], ["generate", "x", "--top-k", "many"],
                          ["generate", "x", "--threads", "0"], ["eval", "x", "--text", "y", "--threads", "4097"],
                          ["generate", "x", "--log-probabilities", "3"], ["chat", "x", "--max-tokens", "0"],
                          ["chat", "x", "--context", "-1"], ["serve"], ["serve", "x", "--max-streams", "0"], ["serve", "x", "--port", "70000"]):
            self.run_program(*arguments, code=2)

    def test_errors_are_one_line_and_end_with_1(self):
        for arguments in (["info", "no-such-model"], ["info", "small-tpa", "--memory", "lots"],
                          ["eval", "nowhere", "--text", "nothing"], ["generate", "nowhere", "--prompt", "x"],
                          ["chat", "nowhere"], ["prepare", "nothing.txt", "--out", "data"], ["report", "nowhere"], ["golden", "."],
                          ["import", "nowhere", "--out", "there"], ["quantize", "nowhere", "--type", "q8", "--out", "there"],
                          ["serve", "nowhere", "--port", "0", "--api-keys", "no-such-file"]):
            result = self.refuse(*arguments, words=[])
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertEqual(result.stdout, "")

    def test_golden_files_are_tried_to_the_last(self):
        for name in ("gqa", "tpa"):
            shutil.copy(SOURCE / f"tests/golden/{name}.safetensors", self.folder)
        (self.folder / "broken.safetensors").write_bytes(b"no header")
        for program, good in (("t6", "PASS"), ("t6-train", "ok")) if TRAINING else (("t6", "PASS"),):
            result = self.run_program("golden", ".", code=1, program=program)
            lines = result.stdout.splitlines()[-3:]
            self.assertIn("broken.safetensors: ", lines[0])
            self.assertTrue(lines[0].endswith("FAIL") or lines[0].endswith("FAILED"), lines[0])
            self.assertTrue(lines[1].startswith("gqa") and lines[1].endswith(good), lines[1])
            self.assertTrue(lines[2].startswith("tpa") and lines[2].endswith(good), lines[2])
            self.assertIn("1 of 3 golden files", result.stderr)

    def test_info_gives_the_papers_numbers(self):
        info = json.loads(self.run_program("info", "small-tpa", "--json").stdout)
        self.assertEqual(info["parameters"], 124342272)
        self.assertEqual(info["cache"][0]["numbers_per_token_and_layer"], 4 * (34 + 64))
        self.assertEqual(info["cache"][0]["bytes_per_token"]["float32"], 12 * 4 * 4 * (34 + 64))
        self.assertEqual([row["kind"] for row in info["cache"]], ["tpa", "mha", "mqa", "gqa", "mla"])

    def test_info_bounds_the_cache_of_windows(self):
        write_tiny_model(self.folder / "tiny", positions=10000)
        path = self.folder / "tiny/config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"sliding_window": 100}))
        cache = json.loads(self.run_program("info", "tiny", "--json").stdout)["cache"][0]
        page = 64 * cache["bytes_per_token"]["float32"]
        self.assertEqual(cache["bytes_of_full_context"]["float32"], 3 * page)
        self.assertIn("full context of 10,000 tokens, of which layers with a window keep 100\n",
                      self.run_program("info", "tiny").stdout)

    def test_a_model_goes_into_a_gguf_file_and_back(self):
        self.make_tiny_model()
        text = self.run_program("generate", "tiny", "--prompt", "the king", "-n", 20, "--seed", 3).stdout
        self.run_program("export", "tiny", "--to", "gguf", "--out", "tiny.gguf")
        self.assertEqual(self.run_program("generate", "tiny.gguf", "--prompt", "the king", "-n", 20, "--seed", 3).stdout, text)
        self.run_program("export", "tiny.gguf", "--to", "gguf", "--type", "f16", "--out", "half.gguf")
        self.assertLess((self.folder / "half.gguf").stat().st_size, (self.folder / "tiny.gguf").stat().st_size)
        self.refuse("export", "tiny", "--to", "gguf", "--out", "tiny.gguf", words=["tiny.gguf: exists already"])
        self.refuse("export", "tiny", "--to", "hf", "--type", "q8", "--out", "hf", words=["--type", "gguf"], code=2)

    def test_a_missing_training_wing_is_explained(self):
        shutil.copy(BUILD / "t6", self.folder / "t6")
        result = self.run_program("train", "x.toml", code=1, program=self.folder / "t6")
        self.assertIn("t6-train", result.stderr)


@unittest.skipUnless(TRAINING, "the training wing was not built")
class FromTextToReport(ProgramTest):
    CONFIG = """
[model]
preset = "nano-tpa"
num_hidden_layers = 2
[data]
path = "data"
[optimizer]
learning_rate = 3e-3
[train]
steps = 40
batch_size = 4
context = 64
log_every = 1
evaluate_every = 20
checkpoint_every = 20
"""

    def setUp(self):
        super().setUp()
        (self.folder / "book.txt").write_text(book())
        (self.folder / "run.toml").write_text(self.CONFIG)
        self.run_program("prepare", "book.txt", "--out", "data")

    def test_the_whole_way(self):
        out = self.run_program("train", "run.toml", "--out", "run").stdout
        self.assertIn("bits per byte", out)
        names = {path.name for path in (self.folder / "run/model").iterdir()}
        self.assertLessEqual({"config.json", "model.safetensors", "tokenizer.json"}, names)
        records = [json.loads(line) for line in (self.folder / "run/metrics.jsonl").read_text().splitlines()]
        losses = [r["loss"] for r in records if "loss" in r]
        self.assertLess(losses[-1], losses[0] - 1)

        score = json.loads(self.run_program("eval", "run", "--text", "book.txt", "--tokens", "3000", "--json").stdout)
        self.assertLess(score["bits_per_byte"], 6)
        int4 = json.loads(self.run_program("eval", "run", "--text", "book.txt", "--tokens", "3000", "--cache-type", "int4",
                                           "--json").stdout)
        self.assertNotEqual(int4["loss"], score["loss"])
        self.assertAlmostEqual(int4["loss"], score["loss"], delta=0.1)
        validation = [r["validation_loss"] for r in records if "validation_loss" in r]
        shard = json.loads(self.run_program("eval", "run", "--shard", "data/val_000000.bin", "--context", "64", "--json").stdout)
        self.assertAlmostEqual(shard["loss"], validation[-1], delta=0.25)

        text = self.run_program("generate", "run", "--prompt", "The king", "--max-tokens", "40", "--seed", "3")
        again = self.run_program("generate", "run", "--prompt", "The king", "--max-tokens", "40", "--seed", "3")
        random = self.run_program("generate", "run", "--prompt", "The king", "--max-tokens", "9", "--seed", "-1")
        seed = re.match(r"t6: seed (\d+)\n", random.stderr).group(1)
        self.assertEqual(self.run_program("generate", "run", "--prompt", "The king", "--max-tokens", "9", "--seed",
                                          seed).stdout, random.stdout)
        self.assertEqual(text.stdout, again.stdout)
        self.assertGreaterEqual(len(text.stdout), 10)
        self.assertIn("tokens/s", text.stderr)

        quantized = json.loads(self.run_program("quantize", "run", "--type", "q8", "--out", "q8", "--text", "book.txt",
                                                "--tokens", "3000", "--json").stdout)
        self.assertLess(quantized["after"]["bytes"], quantized["before"]["bytes"] / 3)
        self.assertAlmostEqual(quantized["after"]["loss"], quantized["before"]["loss"], delta=0.01)
        self.assertEqual({path.name for path in (self.folder / "q8").iterdir()} - names, {"tokenizer_config.json", "generation_config.json"})
        self.refuse("quantize", "run", "--type", "q4", "--out", "q8", words=["q8: exists already"])
        self.refuse("quantize", "run", "--type", "q5", "--out", "q5", words=["q5"], code=2)

        page = (self.folder / "run/report.html").read_text()
        self.assertIn("<svg", page)
        for outside in ('src="http', 'href="http', "url(http", "@import"):
            self.assertNotIn(outside, page)

    def test_a_run_is_not_overwritten(self):
        self.run_program("train", "run.toml", "--out", "run", "--steps", "2", "--no-report")
        self.refuse("train", "run.toml", "--out", "run", words=["--resume"])

    def test_bad_configurations_are_named(self):
        good = "[model]\npreset = \"nano-tpa\"\n"
        for text, words in (("[model]\npreset = 3\n", ["preset"]), (good + "[modell]\n", ["modell"]),
                            (good + "[train]\nsteps = -1\n", ["steps"]), (good + "head_dimm = 3\n", ["head_dimm"]),
                            ("[model\n", ["bad.toml"])):
            (self.folder / "bad.toml").write_text(text)
            self.refuse("train", "bad.toml", "--data", "data", "--out", "bad", words=words)
            self.assertFalse((self.folder / "bad").exists())

    def test_damaged_models_are_refused(self):
        self.run_program("train", "run.toml", "--out", "run", "--steps", "2", "--no-report")
        model = self.folder / "copy"
        for name, damage in (("model.safetensors", lambda b: b[: len(b) // 2]), ("model.safetensors", lambda b: b"\xff" * 9 + b),
                             ("config.json", lambda b: b.replace(b'"num_hidden_layers": 2', b'"num_hidden_layers": 3')),
                             ("config.json", lambda b: b[:40]), ("tokenizer.json", lambda b: b[:200]), ("tokenizer.json", lambda b: b"")):
            shutil.rmtree(model, ignore_errors=True)
            shutil.copytree(self.folder / "run/model", model)
            (model / name).write_bytes(damage((model / name).read_bytes()))
            self.refuse("generate", "copy", "--prompt", "x", words=["copy/"])
            self.refuse("eval", "copy", "--text", "book.txt", words=["copy/"])


if __name__ == "__main__":
    unittest.main()
