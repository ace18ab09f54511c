#!/usr/bin/env python3
"""What people do first with `t6 prepare` and `t6 train`: settings, folders, signals, inputs."""
import gzip
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time
import unittest

from support import BUILD, TRAINING, ProgramTest, book

CONFIG = """[model]
preset = "nano-tpa"
num_hidden_layers = 2
[data]
path = "data"
[train]
steps = 3
batch_size = 2
context = 64
log_every = 1
"""


class Runs(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "book.txt").write_text(book())
        (self.folder / "tiny.toml").write_text(CONFIG)
        self.run_program("prepare", "book.txt", "--out", "data")

    def train(self, *arguments, code=0):
        return self.run_program("train", *arguments, "--quiet", "--no-report", code=code)

    def run_json(self, run):
        return json.loads((self.folder / run / "run.json").read_text())

    def metrics(self, run):
        return [json.loads(line) for line in (self.folder / run / "metrics.jsonl").read_text().splitlines()]

    def start(self, *arguments):
        return subprocess.Popen([BUILD / "t6", *map(str, arguments)], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def lines(self, run):
        path = self.folder / run / "metrics.jsonl"
        return path.read_text().count("\n") if path.exists() else 0

    def wait_for_lines(self, run, lines):
        deadline = time.monotonic() + 60
        while self.lines(run) < lines:
            self.assertLess(time.monotonic(), deadline, "the run does not get on")
            time.sleep(0.05)


@unittest.skipUnless(TRAINING, "the training wing was not built")
class TrainTest(Runs):
    def test_the_attention_that_is_asked_for_is_trained(self):
        self.assertIn("nano-tpa, attention tpa:", self.train("tiny.toml", "--out", "tpa").stdout)
        out = self.train("tpa", "--out", "gqa", "--set", 'model.preset="nano-gqa"').stdout
        self.assertIn("nano-gqa, attention gqa:", out)
        model = self.run_json("gqa")["model"]
        self.assertEqual([model[key] for key in ("attention_kind", "preset", "num_hidden_layers")], ["gqa", "nano-gqa", 2])
        self.refuse("train", "tpa", "--resume", "--set", 'model.preset="nano-mha"', words=["model."])
        self.assertEqual(self.run_json("tpa")["model"]["attention_kind"], "tpa")
        out = self.train("tiny.toml", "--out", "mqa", "--set", 'model.attention_kind="mqa"').stdout
        self.assertIn("model    attention mqa:", out)

    def test_paths_are_taken_as_they_are(self):
        for name in ("2024", "2024-05-01", "true"):
            shutil.copytree(self.folder / "data", self.folder / name)
            self.train("tiny.toml", "--data", name, "--out", name + "-run", "--steps", 1)
        self.refuse("train", "tiny.toml", "--data", "", "--out", "none", words=["--data: is empty"])

    def test_files_of_others_stay(self):
        project = self.folder / "project"
        for name in ("model/weights.bin", "checkpoints/best.pt", "metrics.jsonl", "report.html", "events.out.tfevents.1.x"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text("mine")
        for flags in ([], ["--force"], ["--resume"]):
            self.refuse("train", "tiny.toml", "--out", "project", *flags, words=["project/", "is there already"])
        self.assertEqual({path.read_text() for path in project.rglob("*") if path.is_file()}, {"mine"})
        self.assertEqual(len(list(project.rglob("*"))), 7)

    def test_a_run_goes_on_from_another_folder(self):
        self.train("tiny.toml", "--out", "run")
        os.mkdir(self.folder / "elsewhere")
        subprocess.run([BUILD / "t6", "train", "../run", "--resume", "--quiet", "--no-report"], check=True,
                       cwd=self.folder / "elsewhere", stdout=subprocess.DEVNULL)

    def test_stopped_runs_have_a_report(self):
        self.run_program("train", "tiny.toml", "--out", "late", "--steps", 100000, "--minutes", 0.01, "--quiet")
        self.assertTrue((self.folder / "late/report.html").exists())
        self.run_program("train", "tiny.toml", "--out", "nan", "--steps", 60, "--learning-rate", 1000, "--quiet", "--set",
                         "optimizer.clip=0", "--set", "optimizer.weight_decay=1000", code=1)
        self.assertTrue((self.folder / "nan/report.html").exists())

    def test_the_advice_after_a_loss_that_is_no_number_can_be_followed(self):
        error = self.train("tiny.toml", "--out", "nan", "--steps", 60, "--learning-rate", 1000, "--set", "optimizer.clip=0",
                           "--set", "optimizer.weight_decay=1000", "--set", "train.checkpoint_every=1",
                           "--set", "train.keep_checkpoints=0", code=1).stderr
        command = error[error.index("t6 train "):].strip().replace("NEW", "new").split()
        command[command.index("--learning-rate") + 1] = "1e-4"  # a tenth of 1000 is no better
        self.train(*command[2:], "--steps", 3)
        source = command[command.index("--from") + 1] if "--from" in command else None
        self.assertEqual(self.run_json("new")["run"].get("from"), source)

    def test_weights_of_other_runs_and_imported_models(self):
        self.train("tiny.toml", "--out", "base", "--steps", 30, "--learning-rate", "3e-3")
        self.train("base", "--from", "base", "--out", "longer", "--steps", 6, "--learning-rate", "1e-3")
        self.assertLess(self.metrics("longer")[0]["loss"], self.metrics("base")[0]["loss"] - 1)
        self.run_program("quantize", "base", "--type", "q8", "--out", "q8")
        bare = self.folder / "bare.toml"
        bare.write_text('[data]\npath = "data"\n[train]\nsteps = 2\nbatch_size = 2\ncontext = 64\nlog_every = 1\n')
        self.train("bare.toml", "--from", "q8", "--out", "of-q8")
        self.assertLess(self.metrics("of-q8")[0]["loss"], self.metrics("base")[0]["loss"] - 1)
        self.refuse("train", "tiny.toml", "--from", "base", "--out", "x", "--set", 'model.preset="nano-mha"',
                    words=["base: cannot begin with its weights"])
        self.refuse("train", "base", "--from", "base", "--resume", words=["weights of its own"])

    def test_signals_save_and_tell(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            run = f"run{int(number)}"
            process = self.start("train", "tiny.toml", "--out", run, "--steps", 100000, "--quiet")
            self.wait_for_lines(run, 3)
            process.send_signal(number)
            out, _ = process.communicate(timeout=60)
            self.assertEqual(process.returncode, -number, out)
            self.assertIn("continue with: t6 train", out)
            self.assertTrue((self.folder / run / "model/model.safetensors").exists())
            self.assertTrue((self.folder / run / "report.html").exists())
        shell = subprocess.run(["bash", "-c", f"'{BUILD}/t6' train run2 --resume --quiet --no-report & pid=$!; sleep 2; "
                                "kill -INT $pid; wait $pid; echo $?"], cwd=self.folder, capture_output=True, text=True)
        self.assertTrue(shell.stdout.endswith("130\n"), shell.stdout)

    def test_a_second_ctrl_c_ends_at_once_and_leaves_whole_checkpoints(self):
        # Within a long step, and while the checkpoint that follows the first signal is written.
        for i, (batch, pause) in enumerate(((512, 0.02), (2, 0.005), (2, 0.02), (2, 0.04))):
            run = f"run{i}"
            process = self.start("train", "tiny.toml", "--out", run, "--steps", 100000, "--quiet", "--no-report", "--set",
                                 "train.checkpoint_every=2", "--set", f"train.batch_size={batch}")
            self.wait_for_lines(run, 3)
            while batch == 512 and self.lines(run) % 2 == 0:  # a checkpoint is being written; after odd steps the next begins
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=10)
            self.assertIn(process.returncode, (128 + signal.SIGINT, -signal.SIGINT), out)  # the latter: it had saved by then
            if batch == 512:
                self.assertEqual(process.returncode, 128 + signal.SIGINT)
            for folder in (self.folder / run / "checkpoints").iterdir():
                if folder.name.removeprefix("step-").isdigit():
                    self.run_program("info", folder)
            done = json.loads((self.folder / run / "model/trainer.json").read_text())["step"]
            self.train(run, "--resume", "--minutes", 0.005)
            self.assertGreater(self.metrics(run)[-1]["step"], done)

    def test_an_evaluation_heeds_a_signal_and_is_made_up_for(self):
        for split in ("train", "val"):
            (self.folder / "long").mkdir(exist_ok=True)
            shutil.copy(self.folder / "data/train_000000.bin", self.folder / f"long/{split}_000000.bin")
        process = self.start("train", "tiny.toml", "--data", "long", "--out", "slow", "--quiet", "--no-report", "--set",
                             "train.evaluate_every=2", "--set", "train.evaluate_windows=0", "--set", "train.batch_size=1")
        self.wait_for_lines("slow", 2)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertLess(time.monotonic() - begin, 5)
        state = json.loads((self.folder / "slow/model/trainer.json").read_text())
        self.assertEqual([state["step"], state["evaluation_due"]], [2, True])

    def test_ctrl_c_ends_a_loop_of_a_shell(self):
        command = f"for i in 1 2 3; do echo BEGIN $i; '{BUILD}/t6' train tiny.toml --out loop$i --steps 100000 --quiet --no-report; done"
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvp("bash", ["bash", "-c", command])
        self.wait_for_lines("loop1", 3)
        os.write(terminal, b"\x03")
        text, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline and select.select([terminal], [], [], 30)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            text += data
        os.close(terminal)
        os.waitpid(pid, 0)
        self.assertIn(b"continue with", text)
        self.assertNotIn(b"BEGIN 2", text)

    def test_out_of_memory_is_a_line(self):
        error = subprocess.run(["bash", "-c", f"ulimit -v 4000000; '{BUILD}/t6' train tiny.toml --out oom --no-report --quiet "
                                "--batch 16384 --context 256"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(error.returncode, 1, error.stderr)
        self.assertRegex(error.stderr, r"\At6: error: out of memory: a step on 16384 sequences of 256 tokens takes about .*\n\Z")

    def test_samples_are_drawn_while_it_trains(self):
        self.train("tiny.toml", "--out", "run", "--steps", 4, "--set", "train.sample_every=2", "--set", "train.sample_prompt=The king")
        lines = [json.loads(line) for line in (self.folder / "run/samples.jsonl").read_text().splitlines()]
        self.assertEqual([(line["step"], line["prompt"]) for line in lines], [(2, "The king"), (4, "The king")])
        self.assertTrue(all(line["text"] for line in lines))


class PrepareTest(Runs):
    def test_compressed_files_pipes_and_what_is_passed_over(self):
        text = (self.folder / "book.txt").read_bytes()
        (self.folder / "book.txt.gz").write_bytes(gzip.compress(text))
        self.run_program("prepare", "book.txt.gz", "--out", "gz")
        for shard in ("train_000000.bin", "val_000000.bin"):
            self.assertEqual((self.folder / "gz" / shard).read_bytes(), (self.folder / "data" / shard).read_bytes())
        lines = "".join(json.dumps({"page": {"text": f"number {i}"}}) + "\n" for i in range(100)) + '{"page": null}\n'
        self.refuse("prepare", "-", "--format", "jsonl", "--field", "page.text", "--out", "pipe", stdin=lines,
                    words=["standard input:101: ", "page.text"])
        out = self.run_program("prepare", "-", "--format", "jsonl", "--field", "page.text", "--out", "pipe", "--skip-bad-lines",
                               stdin=lines).stdout
        self.assertIn("bad lines passed over: 1; the first: standard input:101", out)
        (self.folder / "in").mkdir()
        (self.folder / "in/a.TXT").write_bytes(text)
        (self.folder / "in/page.html").write_text("x")
        self.assertIn("passed over: in/page.html", self.run_program("prepare", "in", "--out", "folder").stdout)

    def test_files_of_others_stay(self):
        for name in ("mine.partial/x", "there.partial/x"):
            (self.folder / name).parent.mkdir()
            (self.folder / name).write_text("mine")
        self.refuse("prepare", "book.txt", "--out", "mine", words=["mine.partial: is there already"])
        (self.folder / "data/notes.txt").write_text("mine")
        self.refuse("prepare", "book.txt", "--out", "data", "--force", words=["notes.txt"])
        self.make_tiny_model()
        self.refuse("quantize", "tiny", "--type", "q8", "--out", "there", words=["there.partial: is there already"])
        for name in ("mine.partial/x", "there.partial/x", "data/notes.txt"):
            self.assertEqual((self.folder / name).read_text(), "mine")

    def test_ctrl_c_while_it_waits_for_input(self):
        process = subprocess.Popen([BUILD / "t6", "prepare", "-", "--out", "pipe"], cwd=self.folder, stdin=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        time.sleep(1)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(process.returncode, -signal.SIGINT)
        process.stdin.close()
        process.stderr.close()
        self.assertFalse((self.folder / "pipe.partial").exists())


if __name__ == "__main__":
    unittest.main()
