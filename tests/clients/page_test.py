#!/usr/bin/env python3
"""The chat page in a browser, by tests/programs/page_test.py: the file before a server that plays answers, then the page
of `t6 serve` itself."""
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import unittest

from served import SOURCE, ServedTest, main

TEST = SOURCE / "tests/programs/page_test.py"
PAGE = SOURCE / "src/t6/serve/page/index.html"


@unittest.skipUnless(TEST.exists(), "there is no test of the page")
@unittest.skipUnless(importlib.util.find_spec("playwright"), "playwright is not installed")
@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
class Page(ServedTest):
    def check(self, *arguments):
        result = subprocess.run([sys.executable, "-B", TEST, *arguments], capture_output=True, text=True, timeout=600,
                                cwd=pathlib.Path(TEST).parent)
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-6000:])

    def test_the_page(self):
        self.check(PAGE)

    def test_the_page_of_the_server(self):
        self.check("--url", self.server.url)


if __name__ == "__main__":
    main()
