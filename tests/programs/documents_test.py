#!/usr/bin/env python3
"""Runs the examples of the documents: each page's `sh` blocks, in order, in one folder that holds a text.

Blocks marked `console` show what is typed on the user's own machine (make, apt-get) and are not run.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

from support import BUILD, SOURCE, TRAINING, ProgramTest, book

# What makes an example take minutes, and what stands for it here.
SHORTER = (("warmup_steps = 50", "warmup_steps = 5"), ("steps = 600", "steps = 12"), ("minutes = 4 ", "minutes = 1 "),
           ("--max-tokens 200", "--max-tokens 20"), ("--steps 100", "--steps 10"), ("--tokens 20000", "--tokens 2000"))


sys.path.append(str(SOURCE / "tests/clients"))
import served  # noqa: E402


class Documents(ProgramTest):
    def run_page(self, page, other_words=()):
        blocks = re.findall(r"^```sh\n(.*?)^```", (SOURCE / page).read_text(), re.MULTILINE | re.DOTALL)
        script = "\n".join(blocks)
        for long, short in (*SHORTER, *other_words):
            script = script.replace(long, short)
        (self.folder / "my-book.txt").write_text(book())
        environment = dict(os.environ, PATH=f"{BUILD}:{os.environ['PATH']}")
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, env=environment, text=True,
                                capture_output=True, timeout=900)
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-3000:])
        return result.stdout

    def test_models(self):
        self.run_page("docs/models.md")

    def test_serving(self):
        served.T6 = BUILD / "t6"
        model = served.make_tiny_model(self.folder / "tiny")
        with served.Server(model, "--template", "chatml", "--cache-transfer") as server:
            # What is refused in an example has to be refused, and nothing else.
            words = [("127.0.0.1:8080", f"127.0.0.1:{server.port}"), ("curl ", "curl -sS ")]
            told = self.run_page("docs/serving.md", words)
            page = (SOURCE / "docs/serving.md").read_text()
            refusal = re.search(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1]
            self.assertEqual(told.count('"error"'), 1, told)
            self.assertIn(json.dumps(json.loads(refusal), separators=(",", ":")), told)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd")
    def test_serving_as_a_service(self):
        unit = re.search(r"^```ini\n(.*?)^```", (SOURCE / "docs/serving.md").read_text(), re.MULTILINE | re.DOTALL)[1]
        (self.folder / "t6.service").write_text(unit.replace("/usr/local/bin/t6", str(BUILD / "t6")))
        result = subprocess.run(["systemd-analyze", "verify", self.folder / "t6.service"], capture_output=True, text=True,
                                timeout=60)
        self.assertNotIn("t6.service", result.stderr)

    def test_serving_has_all_flags(self):
        page = (SOURCE / "docs/serving.md").read_text()
        table = page.split("### Flags\n")[1].split("\n### ")[0]
        flags = set(re.findall(r"--[a-z][a-z-]+", self.run_program("serve", "--help").stdout)) - {"--help"}
        self.assertEqual(set(re.findall(r"--[a-z][a-z-]+", table)), flags)
        for example in re.findall(r"t6 serve .*|ENTRYPOINT .*", page):  # units and images, which are not run here
            self.assertLessEqual(set(re.findall(r"--[a-z][a-z-]+", example)), flags, example)

    @unittest.skipUnless(TRAINING, "the training wing was not built")
    def test_training(self):
        self.run_page("docs/training.md")

    @unittest.skipUnless(TRAINING, "the training wing was not built")
    def test_long_contexts(self):
        (self.folder / "configs").mkdir()
        for name in ("compare-recall.toml", "compare-listops.toml"):
            text = (SOURCE / "configs" / name).read_text()
            text = re.sub(r"\bsteps = \d+", "steps = 2", re.sub(r"warmup_steps = \d+", "warmup_steps = 1", text))
            text = text.replace("seeds = [1, 2, 3]", "seeds = [1]").replace("search_seeds = [1]\n", "")
            text = text.replace("[2.5e-4, 5e-4, 1e-3, 2e-3]", "[1e-3]")
            text = re.sub(r"\bbatch_size = \d+", "batch_size = 2", text)
            (self.folder / "configs" / name).write_text(text)
        told = self.run_page("docs/long-contexts.md", [("--count 70000", "--count 30"), ("--count 50000", "--count 30"),
                                                          ("--count 2000", "--count 8")])
        self.assertEqual(told.count("accuracy, %"), 2)


if __name__ == "__main__":
    unittest.main()
