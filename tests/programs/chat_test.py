#!/usr/bin/env python3
"""`t6 chat` with its lines from a script and from a terminal. What a model answers is not tested here."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from support import BUILD, ProgramTest

# The model's tokens: the end of text, then bytes, of which those that are printable come first.
BYTES = [None, *range(33, 127), *range(161, 173), *range(174, 256)]
BYTES += [byte for byte in range(256) if byte not in BYTES]
ID = {byte: id for id, byte in enumerate(BYTES)}
# Neither the end of text nor the template's own ends an answer.
ECHO = ("--template", "echo.jinja", "--logit-bias", "0=-inf", "--logit-bias", f"{ID[ord('|')]}=-inf")
PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, arguments, folder, columns=80, kind="xterm"):
        self.text = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = kind
            os.execv(BUILD / "t6", ["t6", *map(str, arguments)])
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def wait_for(self, text, timeout=20):
        """Returns what came up to `text`, which is taken off."""
        deadline = time.monotonic() + timeout
        while text not in self.text:
            if not self.read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} does not come, but {self.text!r}")
        before, _, self.text = self.text.partition(text)
        return before

    def read(self, seconds):
        ready, _, _ = select.select([self.master], [], [], max(0, seconds))
        try:
            data = os.read(self.master, 65536) if ready else b""
        except OSError:  # the program has closed it
            data = b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def send(self, text):
        os.write(self.master, text.encode())

    def mode(self):
        return termios.tcgetattr(self.master)[3] & (termios.ICANON | termios.ECHO)

    def end(self):
        """Waits for the end: what was written since, and the exit code as a shell has it."""
        while self.read(20):
            pass
        deadline = time.monotonic() + 20
        while (ended := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.01)
        status = ended[1]
        mode = self.mode()
        os.close(self.master)
        code = os.waitstatus_to_exitcode(status)
        return self.text, 128 - code if code < 0 else code, mode


class Chat(ProgramTest):
    FLAGS = ("chat", "tiny", "--template", "plain", "--max-tokens", 3, "--temperature", 0)

    def setUp(self):
        super().setUp()
        self.make_tiny_model()
        # Writes a conversation so that the number of its tokens tells what was said; so does /stats.
        (self.folder / "echo.jinja").write_text("{% for m in messages %}{{ m.content }}|{% endfor %}")

    def tokens(self, stdin, *flags):
        """What /stats tells at the end of a conversation whose answers are one token long."""
        talk = self.run_program("chat", "tiny", *ECHO, "--max-tokens", 1, *flags, stdin=stdin + "\n/stats\n")
        return int(talk.stderr.splitlines()[-1].split()[0])

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

    def test_a_line_may_go_on_in_the_next(self):
        self.assertEqual(self.tokens("one"), len("one|") + 1)
        self.assertEqual(self.tokens("one\\\n two\\\r\nx"), len("one\n two\nx|") + 1)
        self.assertEqual(self.run_program(*self.FLAGS, stdin="/stats\\").stderr.split(" tokens")[0], "0 of 128")

    def test_a_byte_order_mark_is_no_text(self):
        self.assertEqual(self.tokens("\ufeffone"), len("one|") + 1)
        self.assertIn("/save FILE", self.run_program(*self.FLAGS, stdin="\ufeff/help\n").stdout)

    def test_a_path_is_no_command(self):
        for line in ("/etc/hosts what is this?", "/usr/bin", "/tmp2 x", "/", "/ x", " /nonsense", "/x.txt"):
            self.assertEqual(self.tokens(line), len(line + "|") + 1, line)
        self.refuse(*self.FLAGS, stdin="/hlep me\n", words=["no command /hlep", "put a blank before it"])
        self.refuse(*self.FLAGS, stdin="/reset the counter\n", words=["/reset stands alone"])

    def test_files_are_messages(self):
        (self.folder / "a b.txt").write_text("\ufeffone\ntwo\n")
        (self.folder / "c").write_text("three")
        whole = len("one\ntwo\n|") + 1
        self.assertEqual(self.tokens("/file a b.txt"), whole)
        self.assertEqual(self.tokens("/file 'a b.txt'"), whole)
        self.assertEqual(self.tokens('/file "a b.txt" Why? '), whole + len("\n\nWhy?"))
        self.assertEqual(self.tokens("/file c  Is it?"), len("three\n\nIs it?|") + 1)
        (self.folder / "bytes").write_bytes(b"\xff\xfe\0x")
        (self.folder / "empty").write_text(" \n")
        for line, word in (("/file", "wants the name"), ("/file nowhere why", "nowhere: "), ("/file tiny", "tiny: "),
                           ("/file 'c", "has no end"), ("/file bytes", "bytes: is no text"), ("/file empty", "holds no text")):
            self.refuse(*self.FLAGS, stdin=line + "\n", words=[word])

    def test_a_question_can_be_asked_again(self):
        self.refuse(*self.FLAGS, stdin="/again\n", words=["no question yet"])
        flags = ("chat", "tiny", *ECHO, "--max-tokens", 6)
        talk = self.run_program(*flags, stdin="Hello\n/stats\n/again\n/again\n/stats\n/save talk\n")
        answers = talk.stdout.split("\n")
        self.assertNotEqual(answers[0], answers[1])
        before, after, _ = (line for line in talk.stderr.splitlines() if "tokens, cache" in line)
        self.assertEqual(after, before)
        other = self.run_program(*flags, "--load", "talk", "--seed", 9, stdin="/again\n/stats\n")
        self.assertEqual(other.stderr.splitlines()[-1], before)
        self.assertIn("temperature 0", self.run_program(*self.FLAGS, stdin="Hello\n/again\n").stderr)

    def test_a_loaded_conversation_keeps_its_system_message(self):
        self.run_program(*self.FLAGS, "--system", "Be brief.", stdin="Hello\n/save talk\n")
        self.refuse(*self.FLAGS, "--load", "talk", "--system", "Be kind.", words=["--load", "--system"], code=2)

    def test_the_models_settings_choose_tokens(self):
        def told(*flags):
            result = self.run_program("generate", "tiny", "--prompt", "x", "--max-tokens", 8, *flags)
            return result.stdout, [line for line in result.stderr.splitlines() if "settings" in line]
        def write(**keys):
            (self.folder / "tiny/generation_config.json").write_text(json.dumps(keys))
        plain = told()
        self.assertEqual(plain[1], [])
        write(temperature=0.3, top_k=20, top_p=0.9, do_sample=True)
        flags = ("--temperature", 0.3, "--top-k", 20, "--top-p", 0.9)
        self.assertEqual(told(), (told(*flags)[0], ["t6: as the model's settings say: temperature 0.3, top-k 20, top-p 0.9"]))
        self.assertEqual(told(*flags)[1], [])
        self.assertEqual(told("--top-k", 0, "--top-p", 1, "--temperature", 0.8), (plain[0], []))
        self.assertIn("temperature 0.3, top-p 0.9", told("--top-k", 5)[1][0])
        self.assertIn("settings say: temperature 0.3", self.run_program("chat", "tiny", stdin="/quit\n").stderr)
        self.run_program("quantize", "tiny", "--type", "q8", "--out", "q8")
        kept = json.loads((self.folder / "q8/generation_config.json").read_text())
        self.assertEqual(kept, {"temperature": 0.3, "top_k": 20, "top_p": 0.9, "do_sample": True, "eos_token_id": []})
        write(do_sample=False, temperature=0.3)
        self.assertEqual(told()[0], told("--temperature", 0)[0])
        write(top_p=0, num_beams=4)
        self.assertEqual(told(), (plain[0], ["t6: the model's settings, not used: top_p 0: wanted is a number above 0 and at most 1",
                                             "t6: the model's settings, not used: num_beams 4: T6 has no such choice"]))

    def test_windows_may_be_longer_than_the_models_context(self):
        flags = ("eval", "tiny", "--text", "book.txt", "--tokens", 600, "--context")
        self.assertNotIn("extrapolates", self.run_program(*flags, 128).stderr)
        self.assertIn("windows of 200 tokens are longer than the model's context of 128", self.run_program(*flags, 200).stderr)

    def test_stop_tokens(self):
        A = ID[ord("A")]
        def stopped(*flags):
            result = self.run_program("generate", "tiny", "--prompt", "x", "--max-tokens", 9, "--temperature", 0, *flags,
                                      "--logit-bias", f"{A}=1000", "--json", "--log-probabilities", 1)
            return json.loads(result.stdout)
        self.assertEqual(stopped()["text"], "A" * 9)
        for token in (A, "A"):
            end = stopped("--stop-token", A + 1, "--stop-token", token)
            self.assertEqual((end["text"], end["stop_reason"]), ("", "end of text"))
        flags = ("generate", "tiny", "--prompt", "x", "--stop-token")
        self.refuse(*flags, "AB", words=["--stop-token \"AB\" is 2 tokens, not one"])
        self.refuse(*flags, "", words=["is 0 tokens"])
        self.refuse(*flags, 257, words=["the model's vocabulary has 257 tokens"])
        talk = self.run_program("chat", "tiny", *ECHO, "--logit-bias", f"{A}=1000", "--stop-token", "A", stdin="x\n/stats\n")
        self.assertEqual(talk.stdout, "\n")

    def test_token_texts_make_up_the_text(self):
        flags = ("--json", "--log-probabilities", 2, "--max-tokens", 12, "--logit-bias", "0=-inf")
        for first in (0xC3, 0xE2, 0xF0):  # which begin characters of several bytes
            biases = [f"--logit-bias={ID[byte]}=200" for byte in (first, 0x82, 0xA9)]
            for seed in range(4):
                out = json.loads(self.run_program("generate", "tiny", "--prompt", "x", *flags, *biases, "--seed", seed).stdout)
                tokens = out["log_probabilities"]
                self.assertEqual("".join(token["text"] for token in tokens), out["text"])
                for token in tokens:
                    for each in (token, *token["likeliest"]):
                        byte = BYTES[each["id"]]
                        self.assertEqual(each.get("bytes"), [byte] if byte and byte > 127 else None)

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


class Typed(ProgramTest):
    """On a terminal."""

    def setUp(self):
        super().setUp()
        self.make_tiny_model()
        (self.folder / "echo.jinja").write_text("{% for m in messages %}{{ m.content }}|{% endfor %}")

    def start(self, *flags, tokens=1, **terminal):
        result = Terminal(("chat", "tiny", *ECHO, "--max-tokens", tokens, "--temperature", 0, *flags), self.folder, **terminal)
        result.wait_for("or /help")
        result.wait_for("> ")
        return result

    def said(self, keys, **terminal):
        """The length of the message that these keys make."""
        chat = self.start(**terminal)
        chat.send(keys + "\r/stats\r")
        tokens = int(chat.wait_for(" tokens, cache").split(" of ")[-2].split()[-1].replace(",", ""))
        chat.send("\x04")
        text, code, _ = chat.end()
        self.assertEqual(code, 0, text)
        return tokens - len("|") - 1

    def test_a_pasted_block_is_one_message(self):
        block = "one\r\ttwo\r\n\r/quit\\\r"
        self.assertEqual(self.said(f"\x1b[200~{block}\x1b[201~"), len("one\n\ttwo\n\n/quit\\\n"))
        self.assertEqual(self.said("a\x1b[200~b\x01\x1b[201~c"), 3)
        long = "word " * 18
        self.assertEqual(self.said(f"\x1b[200~{long}\x1b[201~", columns=20), len(long))

    def test_a_paste_may_come_in_pieces(self):
        chat = self.start()
        for piece in ("\x1b[20", "0~on", "e\r", "\ntwo\x1b[2", "01", "~\r", "/stats\r"):
            chat.send(piece)
            time.sleep(0.1)
        self.assertIn("9 of 128", chat.wait_for(" tokens, cache"))
        chat.send("/quit\r")
        self.assertEqual(chat.end()[1], 0)

    def test_long_lines_are_whole(self):
        (self.folder / "tiny/config.json").write_text((self.folder / "tiny/config.json").read_text().replace("128", "20000"))
        self.assertEqual(self.said("x" * 9000), 9000)

    def test_keys_edit(self):
        for keys, length in (("abc\x7f", 2), ("abé\x7f", 2), ("one two\x17", 4), ("one\x15", None), ("one\x01\x0bxy", 2),
                             ("ab\x1b[Dcé\x1b[3~", 4), ("ab\x1b[H\x1b[3~", 1), ("a\\\rb", 3), ("a\x1b\rb", 3),
                             ("ab\x1bc", 3), ("ab\x1b[5~", 2), ("ab\x1bOA", 2), ("\x7f\x17\x15\x0ba", 1)):
            if length is not None:
                self.assertEqual(self.said(keys), length, keys)
        chat = self.start()
        chat.send("first\rsecond\r\x1b[A\x1b[A!\x1b[B\x1b[A\r/stats\r")
        self.assertIn(f"{len('first|?|second|?|first|?')} of 128", chat.wait_for(" tokens, cache"))
        chat.send("\x04")
        chat.end()

    def test_the_terminal_is_left_as_it_was(self):
        cooked = termios.ICANON | termios.ECHO
        for keys, code in (("\x04", 0), ("/quit\r", 0)):
            chat = self.start()
            self.assertEqual(chat.mode(), 0)
            chat.send(keys)
            text, ended, mode = chat.end()
            self.assertEqual((ended, mode, text.count(PASTE_OFF), text.count(PASTE_ON)), (code, cooked, 1, 0), text)
        for number in (signal.SIGTERM, signal.SIGHUP):
            chat = self.start()
            os.kill(chat.pid, number)
            text, ended, mode = chat.end()
            self.assertEqual((ended, mode), (128 + number, cooked))
            self.assertIn(PASTE_OFF, text)

    def slow(self):
        """A conversation whose answers take long."""
        path = self.folder / "tiny/config.json"
        path.write_text(path.read_text().replace("128", "200000"))
        chat = self.start(tokens=100000)
        chat.send("Hello\r")
        chat.wait_for("\n")
        while len(chat.text) < 30:
            self.assertTrue(chat.read(30))
        return chat

    def test_ctrl_c_stops_an_answer_and_drops_a_line(self):
        chat = self.slow()
        chat.send("\x03")
        chat.wait_for("interrupted)")
        chat.wait_for("> ")
        chat.send("typed\x03")
        chat.wait_for("Ctrl-D ends")
        chat.send("\x1b[200~/stats")
        time.sleep(0.3)
        chat.send("\x03")
        chat.wait_for("Ctrl-D ends")
        chat.send("/again\r")
        chat.wait_for("/again")
        time.sleep(0.3)
        chat.send("\x03")
        chat.wait_for("interrupted)")
        chat.wait_for("temperature 0")
        chat.send("/quit\r")
        self.assertEqual(chat.end()[1], 0)

    def test_a_second_ctrl_c_ends_at_once(self):
        chat = self.slow()
        os.kill(chat.pid, signal.SIGINT)  # both before the answer's next step
        os.kill(chat.pid, signal.SIGTERM)
        text, code, mode = chat.end()
        self.assertIn(code, (128 + signal.SIGINT, 128 + signal.SIGTERM))
        self.assertEqual(mode, termios.ICANON | termios.ECHO)
        self.assertIn(PASTE_OFF, text)

    def test_an_answer_does_not_control_the_terminal(self):
        def flags(byte):
            return "--logit-bias", f"{ID[byte]}=1000", "--max-tokens", 3
        for byte in (0x1b, 0x07, 0x0d, 0x7f):
            chat = Terminal(("generate", "tiny", "--prompt", "x", *flags(byte)), self.folder)
            text, code, _ = chat.end()
            self.assertEqual((text.split("t6:")[0], code), ("\ufffd" * 3 + "\r\n", 0))
            self.assertEqual(self.run_program("generate", "tiny", "--prompt", "x", *flags(byte)).stdout.replace("\n", "")[:3].encode(),
                             bytes([byte] * 3) if byte != 0x0d else b"")

    def test_ctrl_z_gives_the_terminal_back(self):
        chat = self.start()
        chat.send("ab")
        chat.wait_for("ab")
        os.kill(chat.pid, signal.SIGTSTP)
        os.waitpid(chat.pid, os.WUNTRACED)
        chat.wait_for(PASTE_OFF)
        self.assertEqual(chat.mode(), termios.ICANON | termios.ECHO)
        os.kill(chat.pid, signal.SIGCONT)
        chat.wait_for(PASTE_ON)
        chat.wait_for("ab")
        self.assertEqual(chat.mode(), 0)
        chat.send("\x03")
        chat.wait_for("Ctrl-D ends")
        chat.send("\x04")
        self.assertEqual(chat.end()[1], 0)

    def test_a_plain_terminal_gives_lines(self):
        chat = self.start(kind="dumb")
        self.assertEqual(chat.mode(), termios.ICANON | termios.ECHO)
        chat.send("Hello\n/stats\n\x04")
        text, code, _ = chat.end()
        self.assertEqual(code, 0)
        self.assertNotIn(PASTE_ON, text)
        self.assertIn("7 of 128", text)


if __name__ == "__main__":
    unittest.main()
