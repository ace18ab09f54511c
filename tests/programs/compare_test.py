#!/usr/bin/env python3
"""`t6 compare`: a small experiment from its file to its report, killed and gone on with, and what is refused."""
import csv
import json
import os
import re
import signal
import subprocess
import time
import unittest

from support import BUILD, SOURCE, TRAINING, ProgramTest, book

SHARED = """[data]
path = "data"
[train]
steps = 12
batch_size = 2
context = 64
log_every = 1
evaluate_every = 4
evaluate_windows = 4
checkpoint_every = 3
"""
MODELS = """[[model]]
name = "mha"
preset = "nano-mha"
num_hidden_layers = 1
[[model]]
name = "tpa"
preset = "nano-tpa"
num_hidden_layers = 1
together = ["k_rank", "v_rank"]
k_rank = [1, 2]
v_rank = [1, 2]
"""


class CompareTest(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "book.txt").write_text(book())
        self.run_program("prepare", "book.txt", "--out", "data")

    def write(self, compare="seeds = [1, 2]\n", shared=SHARED, models=MODELS, name="x.toml"):
        (self.folder / name).write_text(shared + "[compare]\n" + compare + models)

    def compare(self, *arguments, **options):
        return self.run_program("compare", "x.toml", "--quiet", *arguments, **options)

    def results(self, out="runs/x"):
        return json.loads((self.folder / out / "results.json").read_text())

    def losses(self, out):
        return {run["run"]: run["validation_loss"] for run in self.results(out)["runs"]}

    def curve(self, run):
        """What a run's metrics say but for times."""
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        return [[line.get(key) for key in ("step", "tokens", "loss", "grad_norm", "validation_loss")] for line in lines]


class SizesTest(CompareTest):
    def test_a_dry_run_prints_sizes_and_leaves_nothing(self):
        self.write()
        out = self.compare("--dry-run").stdout
        rows = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith(("mha", "tpa"))}
        self.assertEqual(set(rows), {"mha", "tpa-k_rank=1-v_rank=1", "tpa-k_rank=2-v_rank=2"})
        sizes = [int(row[2].replace(",", "")) for row in rows.values()]
        self.assertLess(max(sizes) / min(sizes), 1.02)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["book.txt", "data", "x.toml"])

    def test_what_is_refused(self):
        cases = {"sedes = [1]\n": ["x.toml: compare: the key \"sedes\" is not known"],
                 "seeds = []\n": ["\"seeds\" is an empty list"],
                 "match = \"size\"\n": ["\"match\" holds \"size\""],
                 "baseline = \"gqa\"\n": ["\"baseline\" is \"gqa\", and the models are mha, tpa-k_rank=1-v_rank=1"],
                 "learning_rates = []\n": ["\"learning_rates\" is an empty list"]}
        for compare, words in cases.items():
            self.write(compare)
            self.refuse("compare", "x.toml", words=words)
        self.write(models=MODELS + "[[model]]\nname = \"far\"\npreset = \"nano-mha\"\nhidden_size = 2048\n")
        self.refuse("compare", "x.toml", words=["model \"far\": no sizes give within 1 %", "the nearest possible are"])
        self.refuse("compare", "none.toml", words=["none.toml: cannot open"])
        self.refuse("compare", words=["experiment is required"], code=2)
        self.assertFalse((self.folder / "runs").exists())


@unittest.skipUnless(TRAINING, "the training wing was not built")
class RunsTest(CompareTest):
    def test_an_experiment_from_its_file_to_its_report(self):
        self.write()
        result = self.compare("--json")
        self.assertIn("6 runs of 12 steps", result.stderr)
        self.assertRegex(result.stderr, r"about .* to go, in runs/x")
        found = json.loads(result.stdout)
        self.assertEqual(found, self.results())
        self.assertTrue(found["experiment"]["complete"])
        self.assertEqual([model["seeds"] for model in found["models"]], [2, 2, 2])
        runs = {run["run"]: run for run in found["runs"]}
        for model in found["models"]:
            losses = [runs[f"{model['model']}-seed={seed}"]["validation_loss"] for seed in (1, 2)]
            self.assertAlmostEqual(model["validation_loss"], sum(losses) / 2, places=12)
            self.assertAlmostEqual(model["validation_loss_95"], 12.7062047361747 * abs(losses[0] - losses[1]) / 2, places=9)
            self.assertGreater(model["training_tokens_per_second"], 0)
            self.assertGreater(model["decoding_tokens_per_second"], 0)
            self.assertGreater(model["bits_per_byte"], 0)
        info = json.loads(self.run_program("info", "runs/x/runs/tpa-k_rank=1-v_rank=1-seed=2", "--json").stdout)
        self.assertEqual(info["parameters"],
                         found["models"][1]["parameters"])
        with (self.folder / "runs/x/models.csv").open() as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["model"] for row in rows], [model["model"] for model in found["models"]])
        self.assertEqual([float(row["validation_loss"]) for row in rows], [model["validation_loss"] for model in found["models"]])
        page = (self.folder / "runs/x/report.html").read_text()
        self.assertIn("T6 comparison</title>", page)
        self.assertIsNone(re.search(r"https?:|src=|url\(", page))
        # Again: nothing is trained any more, and the numbers are the same.
        before = {path: path.stat().st_mtime_ns for path in (self.folder / "runs/x/runs").rglob("metrics.jsonl")}
        self.assertEqual(json.loads(self.compare("--json").stdout), found)
        self.assertEqual({path: path.stat().st_mtime_ns for path in before}, before)

    def test_runs_of_a_seed_see_the_same_tokens(self):
        # Models of the same kind and weights, so that the same tokens give the same losses.
        self.write("seeds = [1, 2]\nmatch = \"none\"\n", models="[[model]]\nname = \"a\"\npreset = \"nano-mha\"\nnum_hidden_layers = 1\n[[model]]\nname = \"b\"\npreset = \"nano-mha\"\n"
                   "num_hidden_layers = 1\n")
        self.compare()
        runs = self.folder / "runs/x/runs"
        self.assertEqual(self.curve(runs / "a-seed=1"), self.curve(runs / "b-seed=1"))
        self.assertNotEqual(self.curve(runs / "a-seed=1"), self.curve(runs / "a-seed=2"))
        difference = self.results()["models"][1]
        self.assertEqual([difference["difference"], difference["difference_95"]], [0, 0])

    def test_a_search_takes_the_best_rate_and_says_when_it_lies_at_the_edge(self):
        self.write("seeds = [1, 2]\nlearning_rates = [1e-5, 1e-3, 3e-3]\nsearch_seeds = [1]\n", models=MODELS.replace("[1, 2]\nv", "[1]\nv").replace(
            "v_rank = [1, 2]", "v_rank = [1]"))
        out = self.compare().stdout
        found = self.results()
        self.assertEqual(len(found["runs"]), 2 * (3 + 1))
        for model in found["models"]:
            rates = {rate["learning_rate"]: rate for rate in found["rates"] if rate["model"] == model["model"]}
            best = min(rates, key=lambda rate: rates[rate]["search_loss"])
            self.assertEqual([model["learning_rate"], model["at_edge"]], [best, best != 1e-3])
            self.assertTrue(rates[best]["chosen"])
        self.assertIn("Mean loss by learning rate", out)
        self.assertIn("over the seeds 1.", out)

    def test_a_run_that_diverges_loses(self):
        shared = SHARED.replace("steps = 12", "steps = 60") + "[optimizer]\nclip = 0.0\nweight_decay = 1000\n"
        self.write("learning_rates = [1e-6, 1000]\n", shared=shared, models=MODELS.split("[[model]]\nname = \"tpa\"")[0])
        out = self.compare().stdout
        found = self.results()
        self.assertEqual([run["diverged"] for run in found["runs"]], [False, True])
        self.assertEqual(found["models"][0]["learning_rate"], 1e-6)
        self.assertIn("Some runs diverged", out)
        self.assertIn("diverged", self.compare().stdout)  # and is not tried again

    def start(self, *arguments, **variables):
        return subprocess.Popen([BUILD / "t6", "compare", "x.toml", "--quiet", *arguments], cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | variables)

    def wait_for(self, path, lines):
        deadline = time.monotonic() + 120
        while not path.exists() or path.read_text().count("\n") < lines:
            self.assertLess(time.monotonic(), deadline, "the comparison does not get on")
            time.sleep(0.02)

    def test_killed_and_interrupted_it_goes_on_to_the_same_numbers(self):
        self.write("seeds = [1]\n", shared=SHARED.replace("steps = 12", "steps = 40"))
        self.compare("--out", "whole")
        for number, run in ((signal.SIGKILL, "mha-seed=1"), (signal.SIGINT, "tpa-k_rank=1-v_rank=1-seed=1")):
            process = self.start("--out", "parts")
            self.wait_for(self.folder / "parts/runs" / run / "metrics.jsonl", 8)
            process.send_signal(number)
            out, _ = process.communicate(timeout=120)
            self.assertEqual(process.returncode, -number, out)
            if number == signal.SIGINT:
                self.assertIn("stopped; the same command goes on", out)
                self.assertTrue((self.folder / "parts/report.html").exists())
                self.assertFalse(self.results("parts")["experiment"]["complete"])
        self.compare("--out", "parts")
        self.assertEqual(self.losses("parts"), self.losses("whole"))
        for run in self.losses("whole"):
            self.assertEqual(self.curve(self.folder / "parts/runs" / run), self.curve(self.folder / "whole/runs" / run))

    def test_processes_of_one_launch_share_the_runs(self):
        self.write("seeds = [1, 2]\nlearning_rates = [1e-3, 3e-3]\nsearch_seeds = [1]\n")
        self.compare("--out", "alone")
        processes = [self.start("--out", "shared", OMPI_COMM_WORLD_SIZE="3", OMPI_COMM_WORLD_RANK=str(rank))
                     for rank in (2, 1, 0)]  # the others wait for the first
        said = [process.communicate(timeout=240)[0] for process in processes]
        self.assertEqual([process.returncode for process in processes], [0, 0, 0], said)
        self.assertEqual(said[:2], ["", ""])
        self.assertIn("report in shared/report.html", said[2])
        self.assertEqual(self.losses("shared"), self.losses("alone"))
        logs = [path.read_text() for path in (self.folder / "shared/runs").glob("*.log")]
        self.assertEqual(len(logs), 9)
        self.assertEqual([log.count("finished at step") for log in logs], [1] * 9)  # by one process each

    def test_two_at_once_and_folders_of_others(self):
        self.write()
        os.makedirs(self.folder / "mine")
        (self.folder / "mine/notes.txt").write_text("mine")
        self.refuse("compare", "x.toml", "--out", "mine", words=["mine: is there already and is no comparison's folder"])
        self.assertEqual([path.name for path in (self.folder / "mine").iterdir()], ["notes.txt"])
        process = self.start()
        self.wait_for(self.folder / "runs/x/comparison.json", 1)
        self.refuse("compare", "x.toml", words=["another process works on this comparison"])
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        self.write(shared=SHARED.replace("steps = 12", "steps = 13"))
        self.refuse("compare", "x.toml", words=["this run was begun with other settings", "\"steps = 12\", now \"steps = 13\""])

    def test_errors_of_a_run_name_the_experiment(self):
        self.write(shared=SHARED.replace("log_every", "log_evry"))
        self.refuse("compare", "x.toml", words=["x.toml (run mha-seed=1): train: the key \"log_evry\" is not known"])
        self.write(shared=SHARED + "[schedule]\nminimum_learning_rate = 1e-3\n",
                   compare="learning_rates = [1e-4, 1e-2]\n")
        self.refuse("compare", "x.toml", words=["run mha-lr=0.0001-seed=0", "\"minimum_learning_rate\" must be at most"])
        self.run_program("prepare", "book.txt", "--out", "all", "--val-fraction", 0)
        self.write(shared=SHARED.replace("\"data\"", "\"all\""))
        self.refuse("compare", "x.toml", words=["no validation split"])
        self.assertFalse((self.folder / "runs").exists())

    def test_the_examples_in_short(self):
        example = (SOURCE / "configs/compare-nano.toml").read_text()
        base = (SOURCE / "configs/base/nano.toml").read_text()
        (self.folder / "base").mkdir()
        (self.folder / "base/nano.toml").write_text(base)
        short = re.sub(r"steps = 350", "steps = 4", example).replace("warmup_steps = 50", "warmup_steps = 2").replace(
            "evaluate_windows = 64", "evaluate_windows = 1").replace("seeds = [1, 2, 3]", "seeds = [1]").replace("data/kjv-bpe", "data")
        (self.folder / "short.toml").write_text(short)
        self.run_program("compare", "short.toml", "--quiet")
        self.assertEqual(len(self.results("runs/short")["models"]), 6)
        page = (SOURCE / "docs/comparing.md").read_text()
        for i, text in enumerate(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)):
            whole = text if "[data]" in text else SHARED + text
            (self.folder / f"doc{i}.toml").write_text(whole.replace("data/mine", "data"))
            self.run_program("compare", f"doc{i}.toml", "--dry-run")


if __name__ == "__main__":
    unittest.main()
