"""What the tests of whole programs share: where the programs are, how to run them, a text and a model to work on."""
import json
import math
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("T6_BUILD", SOURCE / "build/release")).resolve()
SANITIZED = bool(os.environ.get("T6_SANITIZE"))
TRAINING = (BUILD / "t6-train").exists()


def book(sentences=4000):
    """Text with enough structure to learn from, the same every time."""
    subjects = "the king|a shepherd|my brother|the old woman|an angel|the prophet".split("|")
    verbs = "went to|looked upon|spoke of|remembered|feared|blessed".split("|")
    objects = "the river|a mountain|the city of gold|seven sheep|the morning|his father's house".split("|")
    state, lines = 12345, []
    for i in range(sentences):
        words = []
        for choices in (subjects, verbs, objects):
            state = (state * 1103515245 + 12345) % 2**31
            words.append(choices[state // 65536 % len(choices)])
        lines.append(" ".join(words).capitalize() + "." + ("\n\n" if i % 7 == 6 else " "))
    return "".join(lines)


def write_tiny_model(folder, positions=128):
    """A model folder without a tokenizer whose weights are waves: nothing has to be trained for it."""
    width, hidden, vocabulary, feature = 8, 16, 257, 4
    shapes = {"model.embed_tokens.weight": (vocabulary, width), "model.norm.weight": (width,)}
    layer = "model.layers.0."
    shapes |= {layer + "input_layernorm.weight": (width,), layer + "post_attention_layernorm.weight": (width,)}
    shapes |= {layer + f"self_attn.{name}_proj.weight": (rows, width) for name, rows in (("q", 8), ("k", 4), ("v", 4))}
    shapes |= {layer + "self_attn.o_proj.weight": (width, 8), layer + "mlp.gate_proj.weight": (hidden, width),
               layer + "mlp.up_proj.weight": (hidden, width), layer + "mlp.down_proj.weight": (width, hidden)}
    header, data = {}, b""
    for name, shape in shapes.items():
        numbers = [math.sin(len(data) + i) for i in range(math.prod(shape))]
        begin, data = len(data), data + struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "t6", "attention_kind": "mqa", "vocab_size": vocabulary, "hidden_size": width,
        "intermediate_size": hidden, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": feature,
        "max_position_embeddings": positions}))


class ProgramTest(unittest.TestCase):
    """Each test runs in a folder of its own."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="t6-test-")
        self.folder = pathlib.Path(self._folder.name)
        self.addCleanup(self._folder.cleanup)

    def make_tiny_model(self):
        """write_tiny_model's in the folder tiny, with a tokenizer of bytes."""
        write_tiny_model(self.folder / "tiny")
        (self.folder / "book.txt").write_text(book(100))
        self.run_program("tokenizer", "train", "book.txt", "--vocab-size", 257, "--out", "tiny/tokenizer.json")

    def run_program(self, *arguments, code=0, stdin=None, program="t6", timeout=300):
        result = subprocess.run([BUILD / program, *map(str, arguments)], input=stdin, capture_output=True, text=True,
                                cwd=self.folder, timeout=timeout)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}")
        return result

    def refuse(self, *arguments, words, code=1, **options):
        """The program must end with `code` and a message that holds every one of `words`."""
        result = self.run_program(*arguments, code=code, **options)
        for word in words:
            self.assertIn(word, result.stderr)
        if code == 1:
            self.assertTrue(result.stderr.startswith("t6: error: "), result.stderr)
        return result
