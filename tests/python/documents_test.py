#!/usr/bin/env python3
"""Runs the Python examples of docs/python.md, those with transformers where it is installed."""
import importlib.util
import json
import pathlib
import re
import tempfile
import unittest

import support


class Documents(unittest.TestCase):
    def test_examples(self):
        page = (support.SOURCE / "docs/python.md").read_text()
        examples = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(examples), 2)
        with tempfile.TemporaryDirectory(prefix="t6-test-") as scratch:
            folder = pathlib.Path(scratch)
            (folder / "config.json").write_text(json.dumps({"model_type": "t6", "vocab_size": 40}))
            support.write_weights(folder)
            for example in examples:
                if "transformers" not in example or importlib.util.find_spec("transformers"):
                    exec(compile(example.replace('"MODEL"', repr(scratch)), "docs/python.md", "exec"), {})


if __name__ == "__main__":
    unittest.main()
