#!/usr/bin/env python3
"""Training in Python beside t6-train: settings, first weights, losses, checkpoints that either goes on with.

T6_LONG=1 compares losses over 200 steps in place of 20, and asks t6-train about more settings.
"""
import contextlib
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

import support
import torch
from safetensors.torch import load_file
from t6.nn import ModelConfig
from t6.train import Trainer, TrainError, load_run_config, parse_setting
from t6.train.command_line import main
from t6.train.data import Sequences, ShuffledOrder, even_begins
from t6.train.metrics import lines_until
from t6.train.model_keys import preset_keys, presets, to_config_json
from t6.train.random_numbers import Random
from t6.train.run_config import KEYS_IF_USED
from t6.train.settings import SECTIONS

# Of keys that are written only where they say something.
DEFAULTS = {key: SECTIONS["train"][key].default for key in KEYS_IF_USED}
PROGRAM = support.BUILD / "t6-train"
LONG = bool(os.environ.get("T6_LONG"))
STEPS = 200 if LONG else 20
CONFIG = f"""
[model]
preset = "nano-tpa"
num_hidden_layers = 2
vocab_size = 64
[data]
path = "data"
[optimizer]
learning_rate = 1e-3
[schedule]
warmup_steps = 10
[train]
steps = {STEPS}
batch_size = 4
context = 32
threads = 1
log_every = 1
evaluate_every = 10
evaluate_windows = 6
checkpoint_every = 10
"""


def write_shard(path, count, seed, size=2):
    """Tokens that a model can learn to foresee."""
    random, tokens, token = Random(seed), [], 0
    for _ in range(count):
        token = random.below(64) if random.below(5) == 0 else (token * 5 + 3) % 64
        tokens.append(token)
    header = struct.pack("<256i", 20240520, size // 2, count, *[0] * 253)
    path.write_bytes(header + struct.pack(f"<{count}{'H' if size == 2 else 'I'}", *tokens))


def numbers(run):
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line if key not in ("seconds", "tokens_per_second")} for line in lines]


class TrainTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="t6-test-")
        self.folder, before = pathlib.Path(self._folder.name).resolve(), os.getcwd()
        self.addCleanup(self._folder.cleanup)
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        (self.folder / "data").mkdir()
        write_shard(self.folder / "data/train_0.bin", 3001, 1)
        write_shard(self.folder / "data/train_1.bin", 2000, 2, size=4)
        write_shard(self.folder / "data/val_0.bin", 1200, 3)
        self.file = self.folder / "run.toml"
        self.file.write_text(CONFIG)

    def ours(self, *words, code=0):
        """What `python -m t6.train` prints, in this process."""
        out, error = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            found = main([str(word) for word in words])
        self.assertEqual(found, code, error.getvalue())
        return out.getvalue() if code == 0 else error.getvalue()

    def program(self, *words, code=0, name="t6-train"):
        result = subprocess.run([support.BUILD / name, *map(str, words)], capture_output=True, text=True)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout if code == 0 else result.stderr

    def theirs(self, *words, **options):
        quiet = () if "--dry-run" in words else ("--quiet", "--no-report")
        return self.program("train", *words, *quiet, **options)


@unittest.skipUnless(PROGRAM.exists(), "the training wing was not built")
class BesideTheProgram(TrainTest):
    def test_settings_are_read_alike(self):
        files = [path for path in sorted((support.SOURCE / "configs").glob("*.toml"))
                 if not path.name.startswith("compare-")]
        for path in files if LONG else files[:2]:
            self.compare_plans(path, "--data", "data")
        (self.folder / "base.toml").write_text(CONFIG + "gradient_accumulation = 3\n")
        self.file.write_text('extends = "base.toml"\n[model]\npreset = "nano-gqa"\noutput_gate = true\n'
                             "[train]\nseed = 5\n")
        self.compare_plans(self.file, "--set", "train.steps=30", "--learning-rate", "2e-3", "--batch", "8")
        self.compare_plans(self.file, "--set", "model.preset=nano-mla", "--set", 'schedule.kind="wsd"')
        self.compare_plans(self.file, "--set", "model.hidden_size=96", "--set", "model.sliding_window=8",
                           "--set", 'model.rope_scaling={rope_type="yarn", factor=4}')

    def test_presets_are_the_programs(self):
        names = [line.split()[0] for line in self.program("info", "--list", name="t6").splitlines() if "-" in line]
        self.assertEqual(names, list(presets()))
        for name in names:
            wanted = json.loads(self.program("info", name, "--json", name="t6"))["config"]
            self.assertEqual(to_config_json(ModelConfig(**preset_keys(name))), wanted, name)

    def compare_plans(self, *words):
        with self.subTest(words=words):
            found = json.loads(self.ours(*words, "--dry-run"))
            wanted = json.loads(self.theirs(*words, "--dry-run"))
            for section, keys in wanted.items():
                self.assertEqual({key: found[section].get(key, DEFAULTS.get(key)) for key in keys}, keys)
                self.assertLessEqual(found[section].keys(), keys.keys())

    def test_what_makes_no_sense_is_refused_by_both(self):
        for setting in ("train.step=7", "training.steps=7", "train.steps=0", "train.steps=1.5", "train.steps=many",
                        "optimizer.learning_rate=nan", "optimizer.beta1=1", "optimizer.decay_matrices_only=1",
                        "schedule.kind=linear", "schedule.decay_steps=2", "schedule.warmup_steps=900",
                        "schedule.minimum_learning_rate=1", "train.context=4096", "train.attention=flash",
                        "model.preset=giant", "model.hidden=3", "model.hidden_size=0", "model.head_dim=7",
                        "model.kv_lora_rank=32", "model.num_key_value_heads=2", "model.layer_types=[1]",
                        "model.sliding_window=-1", "model.attention_sinks=2",
                        "model.rope_local_base_freq=0.5",
                        'model.rope_scaling={rope_type="warp", factor=2}', "data.path=nowhere", "train", "steps=3"):
            with self.subTest(setting=setting):
                if LONG:
                    self.theirs(self.file, "--out", "x", "--set", setting, "--dry-run", code=1)
                self.assertIn("t6.train: error: ", self.ours(self.file, "--out", "x", "--set", setting, code=1))
        self.assertFalse((self.folder / "x/run.json").exists())

    def test_first_weights_are_bit_equal(self):
        """With a learning rate of 0 a step leaves them as they are."""
        for settings in (["model.preset=nano-mha"], ["model.preset=nano-tpa_grouped"],
                         ["model.preset=nano-mla", "model.tie_word_embeddings=false"],
                         ["model.preset=nano-gqa", "model.attention_bias=true", "model.kv_shift=true"],
                         ["model.norm_weight=true", "model.query_key_norm=true", "model.output_gate=true",
                          "model.head_output_norm=true", "model.post_norms=true"],
                         ["model.head_factors=constant"], ["model.feature_factors=constant"],
                         ["model.third_order_dim=2", "model.v_head_dim=8", "model.head_factor_init_scale=0.5"],
                         ["model.factor_init=grouped", "model.head_factor_bias=true"],
                         ["model.factor_init=grouped", "model.head_factors=constant"]):
            words = [word for setting in [*settings, "train.steps=1", "optimizer.learning_rate=0", "train.seed=7",
                                          "schedule.warmup_steps=0"] for word in ("--set", setting)]
            with self.subTest(settings=settings):
                self.theirs(self.file, *words, "--out", "theirs", "--force")
                self.ours(self.file, *words, "--out", "ours", "--force")
                wanted, found = (load_file(self.folder / run / "model/model.safetensors") for run in ("theirs", "ours"))
                self.assertEqual(found.keys(), wanted.keys())
                for name in wanted:
                    self.assertTrue(torch.equal(found[name], wanted[name]), name)

    def test_losses_are_the_programs(self):
        for kind in ("mha", "gqa", "mla", "tpa"):
            with self.subTest(kind=kind):
                words = ("--set", f"model.preset=nano-{kind}", "--set", "train.gradient_accumulation=2")
                self.theirs(self.file, *words, "--out", f"theirs-{kind}")
                self.ours(self.file, *words, "--out", f"ours-{kind}")
                found, wanted = (numbers(self.folder / f"{whose}-{kind}") for whose in ("ours", "theirs"))
                self.compare_numbers(found, wanted)

    def compare_numbers(self, found, wanted):
        self.assertEqual(*([(line["step"], line.keys()) for line in lines] for lines in (found, wanted)))
        for line, other in zip(found, wanted):
            for key in ("loss", "learning_rate", "validation_loss"):
                if key in line:
                    self.assertAlmostEqual(line[key], other[key], delta=1e-4, msg=f"{key} of step {line['step']}")

    def test_head_factors_and_decay_have_their_own_rates(self):
        words = ("--set", "optimizer.head_factor_learning_rate_scale=0.1", "--set", "model.norm_weight=true",
                 "--set", "optimizer.decay_matrices_only=true", "--set", "optimizer.clip=0", "--steps", "15")
        self.theirs(self.file, *words, "--out", "theirs")
        self.ours(self.file, *words, "--out", "ours")
        self.compare_numbers(numbers(self.folder / "ours"), numbers(self.folder / "theirs"))

    def test_either_goes_on_with_the_others_run(self):
        self.theirs(self.file, "--out", "whole")
        for first, then in ((self.ours, self.theirs), (self.theirs, self.ours)):
            run = f"run-{first.__name__}"
            first(self.file, "--out", run)
            # As if it had been killed after step 10.
            for path in (self.folder / run / "checkpoints").iterdir():
                if path.name != "step-00000010":
                    path.rename(path.with_name(path.name + ".partial"))
            self.assertIn("resumed  after step 10", then(run, "--resume"))
            self.compare_numbers(numbers(self.folder / run), numbers(self.folder / "whole"))

    def test_programs_read_the_run(self):
        (self.folder / "data/tokenizer.json").write_text(json.dumps(support.TOKENIZER))
        self.ours(self.file, "--out", "run")
        told = json.loads(self.program("eval", "run", "--shard", "data", "--tokens", "400", "--json", name="t6"))
        self.assertIn("loss", json.dumps(told))
        self.assertIn("attention tpa", self.program("train", "run", "--resume"))
        self.program("report", "run", "--no-samples", name="t6")


class Runs(TrainTest):
    def test_data_is_read_in_order(self):
        sequences = Sequences("data", "train", 32, 64)
        self.assertEqual(sequences.tokens, 5001)
        inputs, targets = sequences.read([2990, 0], torch.device("cpu"))  # across two shards
        self.assertTrue(torch.equal(inputs[:, 1:], targets[:, :-1]))
        self.assertEqual(inputs[0, 11:].tolist(), sequences.shards[1].read(0, 21).tolist())
        order = ShuffledOrder(5001, 32, 3)
        begins = [order.begin(i) for i in range(order.count)]
        self.assertEqual(sorted(begins), list(range(begins[0] % 32, begins[0] % 32 + 32 * order.count, 32)))
        self.assertEqual(even_begins(101, 10, 3), [0, 34, 67])

    def test_hostile_settings(self):
        for text in ("[" * 99999, "[model]\npreset = " + "[" * 99999, "[model]\npreset = [1]\n", "model = 3",
                     "[model]\nno_rope_layers = [true, true]\n", "[train]\nsteps = " + "9" * 5000, "\0", "[data]\npath = 3\n",
                     '[model]\nrope_scaling = {rope_type = "llama3", factor = "x"}', '[model]\nrope_scaling = {factor = []}',
                     '[model]\nrope_scaling = {rope_type = [], factor = 2}', '[model]\nattention_kind = []',
                     '[model]\nrope_scaling = {rope_type = "yarn", factor = 2, beta_slow = 99}', 'extends = "run.toml"'):
            with self.subTest(text=text[:60]):
                self.file.write_text(text)
                self.assertIn("t6.train: error: ", self.ours(self.file, code=1))

    def test_a_resumed_run_is_the_whole_run(self):
        self.ours(self.file, "--out", "whole")
        trainer = Trainer(load_run_config(self.file), "stopped")
        self.assertEqual(trainer.run(stop=lambda: trainer.state.step == 13), "interrupted")
        trainer.close()
        self.assertIn("resumed  after step 13", self.ours("stopped", "--resume"))
        self.assertEqual(numbers(self.folder / "stopped"), numbers(self.folder / "whole"))
        for file in ("model.safetensors", "trainer.safetensors"):
            found, wanted = (self.folder / run / "model" / file for run in ("stopped", "whole"))
            self.assertEqual(found.read_bytes(), wanted.read_bytes())

    def test_damaged_checkpoints_are_set_aside(self):
        self.ours(self.file, "--out", "run")
        newest = (self.folder / "run/model").resolve()
        for file in ("model.safetensors", "trainer.json", "trainer.safetensors"):
            whole = (newest / file).read_bytes()
            (newest / file).write_bytes(whole[:len(whole) // 2])
            told = self.ours("run", "--resume")
            self.assertIn("cannot be read", told)
            self.assertIn("resumed  after step", told)
            self.assertTrue(list(newest.parent.glob(newest.name + ".damaged*")))

    def test_folders(self):
        self.ours(self.file, "--out", "run")
        self.assertIn("holds a run already", self.ours(self.file, "--out", "run", code=1))
        self.assertIn("other settings: train.seed was 0 and is now 3",
                      self.ours("run", "--resume", "--seed", "3", code=1))
        (self.folder / "run/note.txt").write_text("mine")
        self.ours(self.file, "--out", "run", "--force", "--steps", "11")
        self.assertEqual((self.folder / "run/note.txt").read_text(), "mine")
        self.assertFalse(list((self.folder / "run").rglob("*.partial")))
        (self.folder / "other").mkdir()
        (self.folder / "other/metrics.jsonl").write_text("not a run's")
        self.assertIn("is there already", self.ours(self.file, "--out", "other", code=1))
        self.assertIn("is there already", self.ours(self.file, "--out", "other", "--force", code=1))

    def test_old_checkpoints_go_and_the_best_stays(self):
        self.ours(self.file, "--out", "run", "--set", "train.checkpoint_every=2", "--set", "train.keep_checkpoints=2",
                  "--steps", "20")
        kept = sorted(path.name for path in (self.folder / "run/checkpoints").iterdir())
        self.assertEqual(kept[-2:], ["step-00000018", "step-00000020"])
        best = min((line for line in numbers(self.folder / "run") if "validation_loss" in line),
                   key=lambda line: line["validation_loss"])
        self.assertEqual((self.folder / "run/best").resolve().name, f"step-{best['step']:08}")

    def test_given_weights(self):
        self.ours(self.file, "--out", "run")
        self.ours(self.file, "--out", "more", "--from", "run", "--steps", "10", "--set", "model.vocab_size=70")
        first = numbers(self.folder / "more")[0]["loss"]
        self.assertLess(first, numbers(self.folder / "run")[5]["loss"])
        self.assertEqual(json.loads((self.folder / "more/run.json").read_text())["run"]["from"], "run/model")
        told = self.ours(self.file, "--out", "x", "--from", "run", "--set", "model.k_rank=1", code=1)
        self.assertIn("cannot begin with its weights: its model.k_rank is 2, and that of the run 1", told)

    def test_numbers_and_memory(self):
        losses = {}
        for words in ((), ("--dtype", "bfloat16"), ("--recompute", "attention"), ("--recompute", "layer")):
            self.ours(self.file, "--out", "run", "--force", "--steps", "12", *words)
            losses[words[-1:]] = [line["loss"] for line in numbers(self.folder / "run") if "loss" in line]
        self.assertEqual(losses[("attention",)], losses[()])
        self.assertEqual(losses[("layer",)], losses[()])
        self.assertNotEqual(losses[("bfloat16",)], losses[()])
        for found, wanted in zip(losses[("bfloat16",)], losses[()]):
            self.assertAlmostEqual(found, wanted, delta=0.03)

    def test_a_loss_that_is_not_finite_ends_the_run(self):
        told = self.ours(self.file, "--out", "run", "--learning-rate", "900", "--set", "optimizer.weight_decay=1000",
                         "--set", "schedule.warmup_steps=0", code=1)
        self.assertRegex(told, "step [0-9]+: the (loss|norm of the gradient) is (nan|inf)")

    def test_errors(self):
        for words, wanted in ((("nowhere.toml",), "cannot open"), ((self.file, "--device", "tpu"), '"cpu" or "cuda"'),
                              ((self.file, "--device", "cuda"), "finds no such device"),
                              ((self.file, "--tensor-parallel", "2"), "divide the number of processes, 1"),
                              ((self.file, "--set", "train.sample_every=5"), "no texts are written"),
                              ((self.file, "--from", "data"), "holds no config.json"),
                              ((self.file, "--steps", ""), "--steps: is empty")):
            with self.subTest(words=words):
                self.assertIn(wanted, self.ours(*words, "--out", "x", code=1))
        for damage in (b"", b"no shard" * 200, (self.folder / "data/val_0.bin").read_bytes()[:-1]):
            (self.folder / "data/val_0.bin").write_bytes(damage)
            self.assertIn("val_0.bin", self.ours(self.file, "--out", "x", code=1))

    def test_signals_save_and_stop(self):
        self.ours(self.file, "--out", "whole")
        for number, steps in ((signal.SIGINT, 3), (signal.SIGTERM, 9)):
            command = [sys.executable, "-B", "-m", "t6.train", str(self.file), "--out", "run", "--resume"]
            environment = dict(os.environ, PYTHONPATH=str(support.SOURCE / "python"))
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
                for line in process.stdout:
                    if line.startswith(f"step {steps}/"):
                        process.send_signal(number)
            self.assertIn(process.wait(), (-number, 0))  # it may have been done by then
        self.ours(self.file, "--out", "run", "--resume")
        self.assertEqual(numbers(self.folder / "run"), numbers(self.folder / "whole"))

    def test_torn_metrics(self):
        lines = b'{"step":1}\n{"step":2}\n{"step":3}\n'
        for end in range(len(lines)):
            self.assertEqual(lines_until(lines[:end], 2), lines[:min(end, 22) // 11 * 11])
        self.assertEqual(lines_until(b'{"step":1}\nnull\n{"step":2}\n', 9), b'{"step":1}\n')

    def test_in_python(self):
        config = load_run_config(self.file, [parse_setting("train.steps=12")])
        trainer = Trainer(config, "run")
        self.assertEqual(trainer.run(), "finished")
        trainer.close()
        with self.assertRaises(TrainError):
            load_run_config(self.file, [parse_setting("train.steps=-3")])


if __name__ == "__main__":
    unittest.main()
