"""What the tests of whole programs share: where the programs are, how to run them, a text to work on."""
import os
import pathlib
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


class ProgramTest(unittest.TestCase):
    """Each test runs in a folder of its own."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="t6-test-")
        self.folder = pathlib.Path(self._folder.name)
        self.addCleanup(self._folder.cleanup)

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
