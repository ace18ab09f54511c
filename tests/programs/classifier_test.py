#!/usr/bin/env python3
"""Runs with [task]: a classifier from its documents to its report, what measures and what refuses it, a comparison."""
import json
import random
import struct
import sys
import unittest

from support import SOURCE, TRAINING, ProgramTest

MODEL = """[model]
preset = "nano-tpa"
num_hidden_layers = 1
"""
TASK = """[task]
train = "train.jsonl"
validation = "validation.jsonl"
tokenizer = "symbols"
"""
TRAIN = """[optimizer]
learning_rate = 3e-3
[train]
steps = 12
batch_size = 8
context = 30
log_every = 1
evaluate_every = 6
"""


def read_tensors(path):
    """The float32 tensors of a safetensors file, with nothing but Torch."""
    import torch
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).view(entry["shape"])
    return tensors


@unittest.skipUnless(TRAINING, "the training wing was not built")
class Classifiers(ProgramTest):
    def setUp(self):
        super().setUp()
        for name, count, seed in (("train", 80, 1), ("validation", 41, 2), ("test", 30, 3)):
            made = self.run_program("task", "listops", "--length", 30, "--count", count, "--seed", seed)
            (self.folder / f"{name}.jsonl").write_text(made.stdout)
        (self.folder / "ops.toml").write_text(MODEL + TASK + TRAIN)

    def train(self, *arguments, code=0):
        return self.run_program("train", *arguments, "--quiet", code=code)

    def metrics(self, run="runs/ops"):
        return [json.loads(line) for line in (self.folder / run / "metrics.jsonl").read_text().splitlines()]

    def test_a_run_from_documents_to_report(self):
        out = self.train("ops.toml", "--set", "task.test=test.jsonl").stdout
        self.assertIn("train.jsonl: 80 documents for training, 41 for validation, 30 for a test, 10 classes", out)
        last = self.metrics()[-1]
        self.assertIn(f"nats per label, accuracy {100 * last['validation_accuracy']:.2f} % ± "
                      f"{100 * last['validation_accuracy_error']:.2f}", out)
        self.assertIn(f"test loss {last['test_loss']:.4f}, accuracy {100 * last['test_accuracy']:.2f} %", out)
        page = (self.folder / "runs/ops/report.html").read_text()
        for words in ("Accuracy", "nats per label", "on the test", "A classifier writes no text."):
            self.assertIn(words, page)

        told = self.run_program("eval", "runs/ops", "--classify", "test.jsonl", "--json").stdout.splitlines()
        summary = json.loads(told[-1])["summary"]
        self.assertEqual(len(told), 31)
        self.assertEqual(summary["documents"], 30)
        self.assertAlmostEqual(summary["loss"], last["test_loss"], delta=1e-4)
        self.assertAlmostEqual(summary["accuracy"], last["test_accuracy"], delta=0.04)  # a tie may fall otherwise
        right = [json.loads(line)["right"] for line in told[:-1]]
        self.assertEqual(sum(right) / 30, summary["accuracy"])
        text = self.run_program("eval", "runs/ops", "--classify", "test.jsonl", "--limit", 7).stdout
        self.assertRegex(text, r"documents +7\naccuracy +\d+\.\d\d  % ± \d+\.\d\d\nloss +\d\.\d{4}  nats per label\n")
        for command in (["generate", "runs/ops", "--prompt", "x"], ["chat", "runs/ops"],
                        ["serve", "runs/ops"], ["eval", "runs/ops", "--text", "test.jsonl"],
                        ["quantize", "runs/ops", "--type", "q8", "--out", "q"],
                        ["export", "runs/ops", "--to", "hf", "--out", "e"]):
            told = self.run_program(*command, code=1).stderr
            self.assertIn("t6: error: runs/ops/model: is a classifier of 10 labels, which writes no text", told)
        self.assertIn("a classifier: 10 labels", self.run_program("info", "runs/ops").stdout)

    def test_the_numbers_are_those_of_plain_pytorch(self):
        import torch
        sys.path.insert(0, str(SOURCE / "python"))
        from t6.nn import Decoder, ModelConfig
        self.train("ops.toml", "--no-report")
        folder = self.folder / "runs/ops/model"
        tensors = read_tensors(folder / "model.safetensors")
        decoder = Decoder(ModelConfig.from_dict(json.loads((folder / "config.json").read_text())))
        decoder.load_state_dict({name.removeprefix("model."): tensor for name, tensor in tensors.items()
                                 if name.startswith("model.")})
        task = json.loads((folder / "classifier.json").read_text())
        losses, right = [], []
        for line in (self.folder / "validation.jsonl").read_text().splitlines():
            document = json.loads(line)
            tokens = [1 + task["symbols"].index(symbol) for symbol in document["context"].split()]
            with torch.no_grad():
                logits = tensors["classifier.weight"] @ decoder(torch.tensor([tokens]))[0].mean(0)
            label = task["labels"].index(document["answer"])
            losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(label)).item())
            right.append(logits.argmax().item() == label)
        last = self.metrics()[-1]
        self.assertAlmostEqual(sum(losses) / len(losses), last["validation_loss"], delta=1e-4)
        self.assertAlmostEqual(sum(right) / len(right), last["validation_accuracy"], delta=0.03)

    def test_the_arenas_files(self):
        generator = random.Random(7)
        (self.folder / "ops.tsv").write_text(
            "Source\tTarget\n" + "".join(f"( ( [MAX {i % 10} ) 3 ) ]\t{max(i % 10, 3)}\n" for i in range(20)))
        (self.folder / "pairs.tsv").write_text("".join(f"{i % 2}.0\tA\tB\tone text {i}\tother\n" for i in range(8)))
        (self.folder / "cifar.bin").write_bytes(bytes(
            byte for i in range(6) for byte in [i % 10, *(generator.randrange(256) for _ in range(3072))]))
        for kind in ("pos", "neg"):
            (self.folder / "reviews" / kind).mkdir(parents=True)
            (self.folder / "reviews" / kind / "0.txt").write_text(f"a {kind} text")
        for name, file, classes in (("listops", "ops.tsv", 10), ("retrieval", "pairs.tsv", 2),
                                    ("cifar10", "cifar.bin", 10), ("imdb", "reviews", 2)):
            out = self.train("ops.toml", "--out", f"runs/{name}", "--steps", 1, "--no-report", "--set",
                             f"task.format={name}", "--set", f"task.train={file}", "--set", f"task.validation={file}",
                             "--set", 'task.tokenizer=""').stdout
            self.assertIn(f"{classes} classes", out)
            told = self.run_program("eval", f"runs/{name}", "--classify", file, "--json").stdout.splitlines()
            summary = json.loads(told[-1])["summary"]
            self.assertAlmostEqual(summary["loss"], self.metrics(f"runs/{name}")[-1]["validation_loss"], delta=1e-3)
            if name == "cifar10":
                self.assertIn("6 of 6 training documents have more than 30 tokens; they end there", out)

    def test_what_is_refused(self):
        def refuse(setting, *words):
            self.refuse("train", "ops.toml", "--quiet", "--set", setting, words=words)
        refuse("data.path=data", "documents with labels in [task] and token shards in [data]")
        refuse("task.format=csv", "\"format\" is \"csv\"; wanted is one of jsonl, listops")
        refuse("task.length=7", "the key \"length\" is not known")
        refuse("task.validation=none.jsonl", "none.jsonl")
        classify = ("eval", "runs/ops", "--classify", "test.jsonl")
        self.refuse(*classify, "--text", "test.jsonl", code=2, words=["--classify"])
        self.refuse(*classify, "--shots", 5, code=2, words=["--shots"])
        self.assertFalse((self.folder / "runs/ops/run.json").exists())

    def test_comparison(self):
        models = "".join(f'[[model]]\nname = "{kind}"\npreset = "nano-{kind}"\nnum_hidden_layers = 1\n'
                         for kind in ("mha", "tpa"))
        task = TASK + 'test = "test.jsonl"\n'
        (self.folder / "x.toml").write_text(task + TRAIN + "[compare]\nseeds = [1, 2]\n" + models)
        self.run_program("compare", "x.toml", "--dry-run", "--quiet")
        out = self.run_program("compare", "x.toml", "--quiet").stdout
        self.assertRegex(out, r"test, % +accuracy, % +to mha +loss +to mha +train tok/s +seeds\n")
        self.assertNotIn("perplexity", out)
        results = json.loads((self.folder / "runs/x/results.json").read_text())
        runs = {run["run"]: run for run in results["runs"]}
        self.assertEqual(len(runs), 4)
        accuracy = [[runs[f"{kind}-seed={seed}"]["validation_accuracy"] for seed in (1, 2)] for kind in ("mha", "tpa")]
        model = results["models"][1]
        self.assertAlmostEqual(model["validation_accuracy"], sum(accuracy[1]) / 2)
        self.assertAlmostEqual(model["accuracy_difference"], (sum(accuracy[1]) - sum(accuracy[0])) / 2)
        self.assertAlmostEqual(model["test_accuracy"],
                               (runs["tpa-seed=1"]["test_accuracy"] + runs["tpa-seed=2"]["test_accuracy"]) / 2)
        sizes = [entry["parameters"] for entry in results["models"]]
        self.assertLess(max(sizes) / min(sizes), 1.01)
        self.assertEqual(sizes[1], json.loads((self.folder / "runs/x/runs/tpa-seed=1/run.json").read_text())
                         ["run"]["parameters"])
        self.assertIn("validation_accuracy", (self.folder / "runs/x/models.csv").read_text().splitlines()[0])
        page = (self.folder / "runs/x/report.html").read_text()
        for words in ("Validation accuracy against cache", "Validation accuracy", "nats per label"):
            self.assertIn(words, page)


if __name__ == "__main__":
    unittest.main()
