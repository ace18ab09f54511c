#!/usr/bin/env python3
"""`t6 bench`: what it prints for small shapes, and what it says to wrong flags. Speed itself is not tested."""
import json
import shutil
import unittest

from support import SANITIZED, TRAINING, ProgramTest


def rows(result):
    """The first object, which is about the machine, and the others."""
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    return objects[0], objects[1:]


class BenchModel(ProgramTest):
    def setUp(self):
        super().setUp()
        self.make_tiny_model()

    def test_a_row_a_context(self):
        for cache_type in ("float32", "int8", "int4"):
            machine, contexts = rows(self.run_program("bench", "model", "tiny", "--contexts", "30,4", "--decode-tokens", 3,
                                                      "--threads", 2, "--cache-type", cache_type, "--json"))
            for key in ("weight_bytes", "load_s", "first_token_s", "read_gbs", "cpu", "date"):
                self.assertTrue(machine[key], key)
            self.assertGreater(machine["first_token_s"], machine["load_s"])
            self.assertEqual([row["context"] for row in contexts], [4, 30])
            for row in contexts:
                self.assertEqual((row["engine"], row["kv"], row["threads"]), ("t6", cache_type, 2))
                for key in ("prefill_tok_s", "decode_tok_s", "cache_bytes", "peak_rss_bytes", "roof_percent"):
                    self.assertGreater(row[key], 0, key)

    def test_contexts_go_as_far_as_the_model(self):
        _, contexts = rows(self.run_program("bench", "model", "tiny", "--json"))
        self.assertEqual([row["context"] for row in contexts], [16])
        self.assertIn("write, tokens/s", self.run_program("bench", "model", "tiny").stdout)
        self.refuse("bench", "model", "tiny", "--contexts", "500", words=["128 positions", "500"])

    def test_wrong_flags_are_usage_errors(self):
        for flags, words in ((["--contexts", "0"], ["--contexts", "1"]), (["--contexts", "many"], ["--contexts", "many"]),
                             (["--decode-tokens", "0"], ["--decode-tokens"]), (["--cache-type", "int3"], ["int3", "int8"])):
            self.refuse("bench", "model", "tiny", *flags, code=2, words=words)
        self.run_program("bench", code=2)


class BenchMemory(ProgramTest):
    def test_kinds_fill_a_budget(self):
        machine, found = rows(self.run_program("bench", "memory", "--preset", "nano", "--budget", "64MiB", "--kinds", "mha,tpa",
                                               "--cache-type", "bfloat16,int4", "--decode-tokens", 2, "--json",
                                               "--report", "memory.html"))
        self.assertEqual(machine["budget_bytes"], 64 << 20)
        self.assertIn("random factors", machine["method"])
        self.assertEqual([(row["kind"], row["kv"]) for row in found],
                         [(kind, kv) for kind in ("mha", "tpa") for kv in ("bfloat16", "int4")])
        for row in found:
            # Whole pages, as many as fit, and what the system counts is what the shapes say.
            self.assertEqual(row["tokens"] % 64, 0)
            self.assertLessEqual(row["tokens"] * row["formula_bytes_per_token"], (64 << 20) * 1.001)
            self.assertGreater((row["tokens"] + 64) * row["formula_bytes_per_token"], (64 << 20) * 0.999)
            self.assertGreater(row["resident_bytes"], 64 << 20)
            if not SANITIZED:
                self.assertLess(abs(row["apart_percent"]), 1, row)
            self.assertEqual(row["decode"][0]["context"], 1000)
            self.assertEqual(row["decode"][-1]["context"], row["tokens"] - 2)
            self.assertGreater(row["decode"][-1]["decode_tok_s"], 0)
        # Of nano: 2 * 8 heads of 16 numbers, or (2 + 2) (H + 16).
        mha, tpa = found[0], found[2]
        self.assertEqual(mha["formula_bytes_per_token"], 6 * 2 * 8 * 16 * 2)
        self.assertEqual(tpa["formula_bytes_per_token"], 6 * 4 * (tpa["heads"] + 32) * 2)
        self.assertAlmostEqual(tpa["times_mha"], tpa["tokens"] / mha["tokens"])
        page = (self.folder / "memory.html").read_text()
        self.assertIn("tokens in 64.0 MiB of cache", page)

    def test_text_and_an_end(self):
        told = self.run_program("bench", "memory", "--preset", "nano", "--budget", "8MiB", "--kinds", "tpa", "--cache-type",
                                "int8", "--tokens", 100).stdout
        self.assertIn("x mha's", told)
        self.assertRegex(told, r"tpa +int8 +100 +- ")

    def test_what_is_refused(self):
        memory = ("bench", "memory", "--preset", "nano")
        self.refuse(*memory, "--budget", "2KiB", "--kinds", "mha", words=["2.00 KiB hold 0 tokens"])
        self.refuse(*memory, "--kinds", "mha,none", words=["no preset of the kind \"none\"", "tpa_kvonly"])
        self.refuse("bench", "memory", "--preset", "huge", words=["size \"huge\"", "small-tpa"])
        self.refuse(*memory, "--budget", "900TiB", words=["too large for this machine"])
        self.refuse(*memory, "--budget", "much", words=["much"])
        for flags in (["--cache-type", "int3"], ["--tokens", "0"], ["--decode-tokens", "0"]):
            self.refuse(*memory, *flags, code=2, words=[flags[0]])


@unittest.skipUnless(TRAINING, "the training wing was not built")
class BenchAttention(ProgramTest):
    SMALL = ("--heads", 4, "--dim", 16, "--groups", 2, "--q-rank", 3, "--mla-latent", 24, "--mla-rope", 8, "--threads", 1)

    def test_a_row_for_each_kind_and_type(self):
        machine, found = rows(self.run_program("bench", "attention", *self.SMALL, "--lengths", "70", "--batch", 2,
                                               "--kinds", "gqa,mla,tpa", "--dtypes", "float32,int8,int4", "--json"))
        for key in ("roof_gflops", "read_gbs"):
            self.assertGreater(machine[key], 0, key)
        self.assertEqual(machine["threads"], 1)
        self.assertTrue(machine["cpu"] and machine["date"])
        self.assertEqual([(row["kind"], row["dtype"]) for row in found],
                         [(kind, dtype) for kind in ("gqa", "mla", "tpa") for dtype in ("float32", "int8", "int4")])
        for row in found:
            self.assertEqual((row["length"], row["batch"], row["heads"], row["dim"]), (70, 2, 4, 16))
            self.assertGreaterEqual(row["runs"], 7)
            for key in ("ms", "gflops", "gbs", "roof_percent", "tokens_per_s", "torch_ms", "torch_ratio"):
                self.assertGreater(row[key], 0, key)
            self.assertAlmostEqual(row["torch_ratio"], row["torch_ms"] / row["ms"])
        self.assertEqual({key for key in found[-1]["torch_ratios"]}, {"gqa", "mla"})
        # The paper's count of multiply-adds: R_Q R_K D + H R_Q R_K + H R_V E; bytes are the cache's.
        tpa = found[-3]  # in float32
        self.assertAlmostEqual(tpa["gflops"] * tpa["ms"] * 1e6, 2 * 2 * 70 * (3 * 16 + 4 * 3 + 4 * 16), delta=1)
        self.assertAlmostEqual(tpa["gbs"] * tpa["ms"] * 1e6, 2 * 70 * 4 * 2 * (4 + 16), delta=1)

    def test_prefill_gives_memory_too(self):
        _, found = rows(self.run_program("bench", "attention", *self.SMALL, "--prefill", "--lengths", "65", "--kinds", "tpa,gqa",
                                         "--dtypes", "float32,bfloat16", "--json"))
        self.assertEqual([(row["kind"], row["dtype"]) for row in found],
                         [(kind, dtype) for kind in ("tpa", "gqa") for dtype in ("float32", "bfloat16")])
        for row in found:
            self.assertGreater(row["torch_ratio"], 0)
            self.assertGreater(row["temporary_bytes"], 0)
        # At least Q, K and V as PyTorch forms them.
        self.assertGreaterEqual(found[0]["torch_temporary_bytes"], 3 * 65 * 4 * 16 * 4)

    def test_the_table_has_a_heading_and_a_line_a_row(self):
        out = self.run_program("bench", "attention", *self.SMALL, "--lengths", 64, "--kinds", "tpa", "--dtypes", "float16").stdout
        self.assertIn("roof", out.splitlines()[1])
        self.assertIn("ratio", out.splitlines()[3])
        self.assertTrue(out.splitlines()[4].startswith("tpa"))

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not there")
    def test_the_figure_is_drawn(self):
        large = ("--kinds", "tpa,mqa", "--lengths", "64,128", "--batch", "1,2")
        small = ("--kinds", "tpa", "--lengths", "64")
        for name, begin, flags in (("a picture's.svg", b"<?xml", large), ("b.png", b"\x89PNG", small)):
            out = self.run_program("bench", "attention", "--threads", 1, *flags, "--plot", name).stdout
            self.assertIn(name, out)
            self.assertTrue((self.folder / name).read_bytes().startswith(begin))
        picture = (self.folder / "a picture's.svg").read_text()
        for word in ("width 3072 (48 heads), batch 2", "cached tokens", "TPA", "MQA"):
            self.assertIn(word, picture)

    def test_wrong_flags_are_usage_errors(self):
        for flags, words in ((["--kinds", "mha,mxa"], ["--kinds", "mxa", "tpa"]), (["--lengths", "64,0"], ["--lengths", "0", "1"]),
                             (["--dtypes", "int3"], ["int3", "int8"]), (["--threads", "0"], ["--threads"]),
                             (["--groups", "5"], ["--groups", "divide"]), (["--prefill", "--kinds", "mla"], ["mla", "tpa"]),
                             (["--prefill", "--dtypes", "int8"], ["bfloat16", "not int8"]),
                             (["--plot", "x.svg", "--prefill"], ["--prefill"]), (["--plot", "x.svg", "--dim", "100"], ["--dim", "1024"]),
                             (["--plot", "x.svg", "--groups", "5"], ["--groups", "16 heads"]), (["--heads", "many"], ["--heads", "many"])):
            self.refuse("bench", "attention", *flags, code=2, words=words)
        self.refuse("bench", "attention", "--plot", "x.jpeg", words=["x.jpeg", ".svg", ".png"])


if __name__ == "__main__":
    unittest.main()
