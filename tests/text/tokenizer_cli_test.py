#!/usr/bin/env python3
"""`t6 tokenizer` as a user meets it: what goes in and out of its commands, and what it says to wrong input."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

T6 = pathlib.Path(os.environ["T6_BUILD"]) / "t6"
FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def tokenizer(*arguments, text=b""):
    return subprocess.run([T6, "tokenizer", *map(str, arguments)], input=text, capture_output=True, timeout=120)


class TokenizerCommand(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def succeeds(self, *arguments, text=b""):
        result = tokenizer(*arguments, text=text)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def fails(self, message, *arguments, text=b"", code=1):
        result = tokenizer(*arguments, text=text)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(message, result.stderr.decode(errors="replace"))
        if code == 1:
            self.assertTrue(result.stderr.startswith(b"t6: error: "), result.stderr)

    def test_bytes_survive_encode_and_decode(self):
        everything = bytes(range(256)) + b"<|endoftext|> \r\n\0"
        ids = self.succeeds("encode", text=everything)
        self.assertEqual(self.succeeds("decode", text=ids), everything)

    def test_jsonl_goes_both_ways(self):
        fixture = json.loads((FIXTURES / "smollm2.json").read_text())
        (self.folder / "tokenizer.json").write_text(json.dumps(fixture["tokenizer"]))
        cases = fixture["cases"]
        lines = "".join(json.dumps(case["text"]) + "\n" for case in cases).encode()
        output = self.succeeds("encode", "--jsonl", "--tokenizer", self.folder, text=lines)
        self.assertEqual([json.loads(line) for line in output.splitlines()], [case["ids"] for case in cases])
        for flags, key in (((), "decoded"), (("--skip-special",), "decoded_without_special")):
            text = self.succeeds("decode", "--jsonl", "--tokenizer", self.folder, *flags, text=output).decode()
            self.assertEqual([json.loads(line) for line in text.split("\n")[:-1]], [case[key] for case in cases])

    def test_tokens_that_only_other_files_of_a_folder_name(self):
        file = json.loads((FIXTURES / "smollm2.json").read_text())["tokenizer"]
        size = len(file["model"]["vocab"]) + sum(t["content"] not in file["model"]["vocab"] for t in file["added_tokens"])
        (self.folder / "tokenizer.json").write_text(json.dumps(file))
        (self.folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<|pad|>"}))
        self.assertEqual(self.succeeds("encode", "--tokenizer", self.folder, text=b"<|pad|>"), b"%d\n" % size)
        info = json.loads(self.succeeds("info", self.folder, "--json"))
        self.assertEqual(info["vocab_size"], size + 1)
        self.assertEqual(info["special_tokens"]["<|pad|>"], size)

    def test_ids_with_holes_are_told(self):
        file = json.loads((FIXTURES / "smollm2.json").read_text())["tokenizer"]
        file["added_tokens"].append({**file["added_tokens"][0], "content": "<|far|>", "id": 5000})
        (self.folder / "tokenizer.json").write_text(json.dumps(file))
        result = tokenizer("encode", "--tokenizer", self.folder, text=b"<|far|>")
        self.assertEqual(result.returncode, 0)
        self.assertLess(int(result.stdout), 5000)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertTrue(result.stderr.startswith(b"t6: note: "), result.stderr)

    def test_a_file_is_read_like_the_standard_input(self):
        (self.folder / "text").write_bytes(b"Hi\xff")
        self.assertEqual(self.succeeds("encode", self.folder / "text"), b"72 105 255\n")

    def test_errors_name_the_line(self):
        self.fails("standard input: line 2: not valid JSON", "encode", "--jsonl", text=b'"a"\n"\\ud800"\n')
        self.fails("line 3: wanted a JSON string", "encode", "--jsonl", text=b'"a"\n"b"\n[]\n')
        self.fails("line 2: not valid JSON", "encode", "--jsonl", text=b'"a"\n\n"b"\n')
        self.fails("line 1: not valid JSON", "encode", "--jsonl", text=b'"\xff"\n')
        for wrong in (b"-1", b"2147483648", b"1.5", b'"a"', b"null"):
            self.fails(f"line 2: {wrong.decode()} is not an id", "decode", "--jsonl", text=b"[1]\n[" + wrong + b"]\n")
        self.fails("line 1: wanted an array of ids", "decode", "--jsonl", text=b"7\n")
        self.fails('"x7" is not an id', "decode", text=b"1 x7")

    def test_errors_name_the_file(self):
        self.fails("/nonexistent", "encode", "--tokenizer", "/nonexistent")
        self.fails("/nonexistent", "encode", "/nonexistent")
        (self.folder / "tokenizer.json").write_text('{"model": {}}')
        self.fails(str(self.folder / "tokenizer.json"), "info", self.folder)
        self.fails("/nonexistent", "train", "/nonexistent", "--out", self.folder / "out.json")

    def test_wrong_usage_exits_with_2(self):
        train = ("train", "x", "--out", "y")
        wrong = ((), ("encode", "--no-such-flag"), ("train",), (*train, "--vocab-size", 256), (*train, "--pattern", "gpt9"))
        for arguments in wrong:
            self.fails("", *arguments, code=2)

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            for arguments in (("encode",), ("encode", "--jsonl")):
                command = [T6, "tokenizer", *arguments]
                result = subprocess.run(command, input=b'"a"\n', stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(result.returncode, 1)
                self.assertIn(b"cannot write", result.stderr)

    def test_train_and_info(self):
        text, out = self.folder / "text.txt", self.folder / "tokenizer.json"
        text.write_text("the cat sat on the mat with the hat\n" * 50)
        self.succeeds("train", text, "--out", out, "--vocab-size", 270, "--pattern", "llama3")
        first = out.read_bytes()
        self.succeeds("train", text, "--out", out, "--vocab-size", 270, "--pattern", "llama3")
        self.assertEqual(out.read_bytes(), first)
        info = json.loads(self.succeeds("info", out, "--json"))
        self.assertEqual((info["vocab_size"], info["end_of_text"]), (270, 0))
        self.assertEqual(info["special_tokens"], {"<|endoftext|>": 0})
        ids = self.succeeds("encode", text, "--tokenizer", out)
        self.assertLess(len(ids.split()), len(text.read_bytes()) / 2)
        self.assertEqual(self.succeeds("decode", "--tokenizer", out, text=ids), text.read_bytes())


if __name__ == "__main__":
    unittest.main()
