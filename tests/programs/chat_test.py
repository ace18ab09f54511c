#!/usr/bin/env python3
"""`t6 chat` with its lines from a script. What a model answers is not tested here."""
import json
import subprocess
import unittest

from support import BUILD, ProgramTest


class Chat(ProgramTest):
    FLAGS = ("chat", "tiny", "--template", "plain", "--max-tokens", 3, "--temperature", 0)

    def setUp(self):
        super().setUp()
        self.make_tiny_model()

    def test_commands_act_on_the_conversation(self):
        talk = self.run_program(*self.FLAGS, stdin="Hello\n/save a talk \n/reset\n/stats\n/load a talk\n/quit\nHello\n")
        saved, over, loaded = (line for line in talk.stderr.splitlines() if "tokens, cache" in line)
        self.assertTrue((self.folder / "a talk").is_file())
        self.assertTrue(over.startswith("0 of 128 tokens"), over)
        self.assertEqual(loaded, saved)
        self.assertIn("/save FILE", self.run_program(*self.FLAGS, stdin="/help").stdout)

    def test_a_model_without_a_template_says_so(self):
        without = [flag for flag in self.FLAGS if flag not in ("--template", "plain")]
        self.assertIn("has no chat template", self.run_program(*without, stdin="Hello\n").stderr)
        self.assertNotIn("template", self.run_program(*self.FLAGS, stdin="Hello\n").stderr)

    def test_templates_come_from_files_with_arguments(self):
        (self.folder / "own.jinja").write_text(
            "{% for m in messages %}{{ m.content }}{% endfor %}{% if long %}{{ 'x' * 200 }}{% endif %}")
        flags = ("--template", "own.jinja", "--template-argument")
        self.run_program(*self.FLAGS[:2], *flags, "long=false", "--max-tokens", 3, stdin="Hello\n")
        for argument, word in (("long=true", "do not fit"), ("long=True", "long"), ("long", "NAME=JSON")):
            self.refuse(*self.FLAGS[:2], *flags, argument, stdin="Hello\n", words=[word])
        (self.folder / "own.jinja").write_text("\n{{ messages.x.y }}")
        self.refuse(*self.FLAGS[:2], "--template", "own.jinja", stdin="Hello\n", words=["template line 2: "])

    def test_generate_answers_one_message(self):
        common = ("tiny", "--prompt", "Hello", "--max-tokens", 3, "--temperature", 0, "--json")
        whole = self.run_program("generate", *common[:2], "user: Hello\nassistant:", *common[3:]).stdout
        answer = self.run_program("generate", *common, "--chat", "--template", "plain").stdout
        self.assertEqual(json.loads(answer)["text"], json.loads(whole)["text"])

    def test_lines_may_end_as_those_of_windows(self):
        plain = self.run_program(*self.FLAGS, stdin="Hello\n/stats\n")
        other = self.run_program(*self.FLAGS, stdin="Hello\r\n/stats\r\n\r\n")
        self.assertEqual((other.stdout, other.stderr), (plain.stdout, plain.stderr))

    def test_a_script_ends_at_its_first_error(self):
        for line, words in (("/nonsense", ["no command /nonsense", "/help"]), ("/save", ["/save wants the name of a file"]),
                            ("/load ", ["/load wants the name of a file"]), ("/load nowhere", ["nowhere"]),
                            ("long " * 100, ["do not fit"])):
            result = self.refuse(*self.FLAGS, stdin=f"{line}\n/help\n", words=words)
            self.assertEqual(result.stdout, "")

    def test_an_input_that_cannot_be_read_is_an_error(self):
        result = subprocess.run(["sh", "-c", 'exec "$0" chat tiny <&-', str(BUILD / "t6")], cwd=self.folder, text=True,
                                capture_output=True, timeout=60)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("standard input: cannot read", result.stderr)


if __name__ == "__main__":
    unittest.main()
