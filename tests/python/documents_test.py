#!/usr/bin/env python3
"""Runs the examples of docs/python.md, those with transformers where it is installed, and of docs/distributed.md.

The engine's example is run by engine_test.py, which has the engine, that of the operators by ops_test.py.

T6_LONG=1 adds those for several machines and Slurm, by processes of this one.
"""
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import support

# What makes an example take minutes, and what stands for it here.
SHORTER = (("steps = 600", "steps = 6\ncontext = 64"), ("warmup_steps = 50", "warmup_steps = 2"),
           ("checkpoint_every = 100", "checkpoint_every = 2"), ("--tokens 20000", "--tokens 300"))
# Stands for a cluster of two machines without GPUs.
SRUN = "#!/bin/bash\n\"$@\" &\n\"$@\"\nwait\n"
SLURM = {"SLURM_JOB_NODELIST": "any", "SLURM_JOB_NUM_NODES": "2", "SLURM_GPUS_ON_NODE": "1", "SLURM_JOB_ID": "7"}


def blocks(page, language):
    text = (support.SOURCE / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class Documents(unittest.TestCase):
    def setUp(self):
        scratch, before = tempfile.TemporaryDirectory(prefix="t6-test-"), os.getcwd()
        self.addCleanup(scratch.cleanup)
        self.addCleanup(os.chdir, before)
        self.folder = pathlib.Path(scratch.name)
        os.chdir(self.folder)

    def test_python(self):
        examples = blocks("docs/python.md", "python")
        self.assertGreaterEqual(len(examples), 4)
        (self.folder / "config.json").write_text(json.dumps({"model_type": "t6", "vocab_size": 40}))
        support.write_weights(self.folder)
        for example in examples:
            if "t6.Model" in example or "t6.ops" in example:
                continue
            if "transformers" not in example or importlib.util.find_spec("transformers"):
                exec(compile(example.replace('"MODEL"', repr(str(self.folder))), "docs/python.md", "exec"), {})

    def run_script(self, script, **variables):
        for long, short in SHORTER:
            script = script.replace(long, short)
        path = os.pathsep.join((str(self.folder / "bin"), str(support.BUILD), os.path.dirname(sys.executable),
                                os.environ["PATH"]))
        environment = dict(os.environ, PATH=path, PYTHONPATH=str(support.SOURCE / "python"), OMP_NUM_THREADS="1",
                           **variables)
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment, text=True,
                                capture_output=True, timeout=800)
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-3000:])
        return result.stdout

    @unittest.skipUnless((support.BUILD / "t6").exists(), "the programs were not built")
    def test_distributed(self):
        (self.folder / "my-book.txt").write_text("And God said, Let there be light: and there was light.\n\n" * 400)
        told = self.run_script("\n".join(blocks("docs/distributed.md", "sh")))
        for line in ("finished at step 6", "processes: 2 on cpu", "resumed  after step 6"):
            self.assertIn(line, told)
        if os.environ.get("T6_LONG"):
            self.run_on_machines()

    def run_on_machines(self):
        (self.folder / "bin").mkdir()
        for name, text in (("srun", SRUN), ("scontrol", "#!/bin/bash\necho 127.0.0.1\n")):
            (self.folder / "bin" / name).write_text(text)
            (self.folder / "bin" / name).chmod(0o755)
        machines, slurm = blocks("docs/distributed.md", "bash")
        told = self.run_script(slurm.replace("--device cuda", "").replace("--compile", ""), **SLURM)
        self.assertIn("processes: 2 on cpu", told)
        command = machines.replace("node-a:29500", "127.0.0.1:29510").strip()
        self.assertIn("processes: 2 on cpu", self.run_script(f"{command} &\n{command}\nwait\n"))


if __name__ == "__main__":
    unittest.main()
