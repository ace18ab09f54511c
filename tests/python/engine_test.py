#!/usr/bin/env python3
"""The engine in Python beside the program `t6`: the same texts, batches, sessions, scores, errors and Ctrl-C.

With T6_BUILD it tests that build folder's package and program, else the installed wheel and the program in it.
"""
import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
if "T6_BUILD" in os.environ:
    sys.path.insert(0, str(pathlib.Path(os.environ["T6_BUILD"]) / "python"))

import numpy  # noqa: E402
import t6  # noqa: E402

PACKAGE = pathlib.Path(t6.__file__).parent
PROGRAM = pathlib.Path(os.environ["T6_BUILD"]) / "t6" if "T6_BUILD" in os.environ else PACKAGE / "bin/t6"
sys.path.insert(0, str(SOURCE / "tests/programs"))  # before the support of this folder, which needs torch

from support import book, write_tiny_model  # noqa: E402  (of tests/programs)

MESSAGES = [{"role": "user", "content": "Hello <|endoftext|>"}]


def run_t6(*words):
    return subprocess.run([str(word) for word in (PROGRAM, *words)], check=True, capture_output=True, text=True).stdout


def make_model(folder, positions):
    write_tiny_model(folder, positions)
    (folder / "book.txt").write_text(book(100))
    run_t6("tokenizer", "train", folder / "book.txt", "--vocab-size", 257, "--out", folder / "tokenizer.json")
    return folder


class Engine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="t6-engine-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        cls.path = make_model(cls.folder / "tiny", 128)
        cls.model = t6.Model.load(cls.path, threads=1)

    def of_program(self, prompt, *flags):
        return json.loads(run_t6("generate", self.path, "--prompt", prompt, "--json", *flags))

    def test_imports_nothing_until_it_is_used(self):
        code = "import sys, t6; print(sorted({'torch', 'transformers', 'numpy', 't6._engine'} & set(sys.modules)))"
        paths = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
        result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                                env={**os.environ, "PYTHONPATH": paths})
        self.assertEqual(result.stdout, "[]\n")

    def test_writes_the_texts_of_the_program(self):
        for options, flags in (({"temperature": 0}, ["--temperature", 0]),
                               ({"seed": 7}, ["--seed", 7]),
                               ({"seed": 3, "top_p": 0.9, "top_k": 40, "min_p": 0.01, "temperature": 1.5},
                                ["--seed", 3, "--top-p", 0.9, "--top-k", 40, "--min-p", 0.01, "--temperature", 1.5]),
                               ({"seed": 1, "repetition_penalty": 1.3, "logit_bias": {65: 2.0}},
                                ["--seed", 1, "--repetition-penalty", 1.3, "--logit-bias", "65=2"])):
            wanted = self.of_program("In the", "-n", 40, *flags)
            found = self.model.generate("In the", max_tokens=40, **options)
            self.assertEqual((found.text, found.stop_reason, found.prompt_tokens),
                             (wanted["text"], wanted["stop_reason"], wanted["prompt_tokens"]), options)
            self.assertEqual(str(found), found.text)
            self.assertEqual(found.cache_bytes, wanted["cache_bytes"])

    def test_the_example_of_the_documents(self):
        page = (SOURCE / "docs/python.md").read_text()
        example = page.split("## The engine\n\n```python\n")[1].split("```")[0]
        for given, here in (('"model.gguf"', repr(str(self.path))), ('rivers."}]', 'rivers."}], template="chatml"')):
            self.assertIn(given, example)
            example = example.replace(given, here)
        with contextlib.redirect_stdout(io.StringIO()) as told:
            exec(compile(example, "docs/python.md", "exec"), {})
        self.assertGreater(len(told.getvalue()), 100)

    def test_takes_tokens_and_stops(self):
        tokens = self.model.tokenize("In the")
        self.assertEqual(len(tokens), 6)
        self.assertEqual(self.model.detokenize(tokens), "In the")
        whole = self.model.generate(numpy.array(tokens), max_tokens=30, seed=5, ignore_eos=True)
        self.assertEqual(whole.text, self.model.generate("In the", max_tokens=30, seed=5, ignore_eos=True).text)
        self.assertEqual(len(whole.tokens), 30)
        stop = whole.text[10:12]
        for given in (stop, [stop, "never \0"]):
            cut = self.model.generate("In the", max_tokens=30, seed=5, ignore_eos=True, stop=given)
            self.assertEqual((cut.text, cut.stop, cut.stop_reason),
                             (whole.text[:whole.text.index(stop)], stop, "stop string"))
        end = self.model.generate("In the", max_tokens=30, seed=5, ignore_eos=True, stop_tokens=[whole.tokens[4]])
        self.assertEqual(end.tokens, whole.tokens[:whole.tokens.index(whole.tokens[4])])

    def test_a_batch_gives_what_each_would_give_alone(self):
        prompts = ["In the", "A", "And God said, " * 5]
        together = self.model.generate(prompts, max_tokens=20, seed=2)
        self.assertEqual([each.text for each in together],
                         [self.model.generate(prompt, max_tokens=20, seed=2).text for prompt in prompts])
        self.assertEqual(self.model.generate([]), [])

    def test_streams(self):
        whole = self.model.generate("In the", max_tokens=30, seed=4, ignore_eos=True)
        stream = self.model.stream("In the", max_tokens=30, seed=4, ignore_eos=True)
        pieces = list(stream)
        self.assertGreater(len(pieces), 5)
        self.assertEqual("".join(pieces), whole.text)
        self.assertEqual(stream.result.tokens, whole.tokens)
        with self.model.stream("In the", max_tokens=30, seed=4, ignore_eos=True) as stream:
            first = next(stream)
        self.assertTrue(whole.text.startswith(first))
        self.assertEqual(stream.result.stop_reason, "interrupted")
        self.assertEqual(list(stream), [])

    def test_answers_conversations(self):
        wanted = self.of_program("Hello <|endoftext|>", "-n", 20, "--seed", 6, "--chat", "--template", "chatml")
        found = self.model.chat(MESSAGES, template="chatml", max_tokens=20, seed=6)
        self.assertEqual((found.text, found.prompt_tokens), (wanted["text"], wanted["prompt_tokens"]))
        stream = self.model.stream_chat(MESSAGES, template="chatml", max_tokens=20, seed=6)
        self.assertEqual("".join(stream), found.text)
        session = self.model.session()
        self.assertEqual(session.chat(MESSAGES, template="chatml", max_tokens=20, seed=6).text, found.text)
        again = session.chat(MESSAGES, template="chatml", max_tokens=20, seed=6)
        self.assertEqual((again.text, again.prompt_tokens), (found.text, 1))
        for wrong in ([], [{"role": "user"}], [1]):
            with self.assertRaisesRegex(t6.Error, "messages"):
                self.model.chat(wrong)

    def test_sessions_are_kept(self):
        session = self.model.session()
        session.append("In the beginning")
        first = session.generate(max_tokens=10, temperature=0, ignore_eos=True)
        self.assertEqual(session.tokens, self.model.tokenize("In the beginning") + first.tokens)
        session.save(self.folder / "kept.cache")
        self.assertEqual(session.cached, len(session.tokens))
        other = self.model.session()
        other.load(self.folder / "kept.cache")
        self.assertEqual(other.tokens, session.tokens)
        a, b = (each.generate(max_tokens=10, temperature=0, ignore_eos=True) for each in (session, other))
        self.assertEqual((a.text, a.prompt_tokens), (b.text, 1))
        other.truncate(16)
        self.assertEqual(other.generate(max_tokens=10, temperature=0, ignore_eos=True).text, first.text)
        with self.assertRaisesRegex(t6.Error, "nothing.cache"):
            other.load(self.folder / "nothing.cache")

    def test_scores(self):
        # A cache of half the bits is read in bfloat16 where a processor multiplies it faster, and written in float32.
        for cache_type, tolerance in (("float32", 1e-5), ("float16", 2e-3)):
            model = t6.Model.load(self.path, threads=1, cache_type=cache_type)
            session = model.session()
            session.append("In the")
            written = session.generate(max_tokens=12, seed=1, ignore_eos=True, log_probabilities=2)
            scores = model.score(session.tokens)
            self.assertEqual((scores.dtype, scores.shape), (numpy.float64, (17,)))
            numpy.testing.assert_allclose(scores[-12:], written.log_probabilities, rtol=tolerance, atol=1e-6)
            self.assertEqual([len(each) for each in written.likeliest], [2] * 12)
        lists = self.model.score(["In the", "And"])
        numpy.testing.assert_array_equal(lists[0], scores[:5])
        self.assertEqual(lists[1].shape, (2,))
        with self.assertRaisesRegex(t6.Error, "1 tokens has no scores"):
            self.model.score("I")

    def test_says_what_it_is(self):
        self.assertEqual(run_t6("--version"), f"t6 {t6.__version__}\n")
        info = self.model.info
        self.assertEqual((info["kind"], info["context"], info["threads"]), ("mqa", 128, 1))
        self.assertEqual(info["config"]["hidden_size"], 8)
        small = t6.Model.load(self.path, threads=1, cache_type="int8", context=32, cache_memory=1 << 20)
        self.assertEqual((small.info["context"], small.info["cache_type"]), (32, "int8"))
        self.assertLess(small.info["cache_bytes_per_token"], info["cache_bytes_per_token"])
        self.assertEqual(small.generate("In the", max_tokens=100, ignore_eos=True).stop_reason, "context full")

    def test_refuses(self):
        self.assertTrue(issubclass(t6.Error, ValueError))
        for work, words in ((lambda: t6.Model.load(self.folder / "none"), "none: no such file"),
                            (lambda: t6.Model.load(self.path, cache_type="int7"), "int7"),
                            (lambda: t6.Model.load(self.path, threads=0), "threads"),
                            (lambda: t6.Model.load(self.path, context=1 << 20), "1048576"),
                            (lambda: t6.Model.load(self.path, cache_memory=-1), "cache_memory is -1"),
                            (lambda: self.model.generate(""), "the prompt is empty"),
                            (lambda: self.model.generate([[300]]), "300"),
                            (lambda: self.model.generate("x" * 129), "129 more tokens do not fit"),
                            (lambda: self.model.generate("x", temperature=-1), "temperature"),
                            (lambda: self.model.generate("x", stop_tokens=[257]), "257"),
                            (lambda: self.model.chat(MESSAGES, template="none"), "none")):
            with self.assertRaisesRegex(t6.Error, words):
                work()
        with self.assertRaisesRegex(TypeError, "no option is called temprature; there are max_tokens, "):
            self.model.generate("x", temprature=0)
        with self.assertRaisesRegex(TypeError, "the option top_k cannot be 'all'"):
            self.model.generate("x", top_k="all")
        with self.assertRaises(AttributeError):
            t6.nothing
        busy = self.model.session()
        busy.append("x")
        with busy.stream(max_tokens=50, ignore_eos=True) as stream:
            next(stream)
            with self.assertRaisesRegex(t6.Error, "under way"):
                busy.append("y")
        busy.append("y")

    def test_several_threads_at_once(self):
        wanted = self.model.generate("In the", max_tokens=60, seed=9).text
        texts = [None] * 4

        def work(i):
            texts[i] = self.model.generate("In the", max_tokens=60, seed=9).text

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(texts, [wanted] * 4)


class CtrlC(unittest.TestCase):
    def test_ends_a_generation(self):
        with tempfile.TemporaryDirectory(prefix="t6-engine-") as folder:
            model = t6.Model.load(make_model(pathlib.Path(folder) / "long", 1 << 20), threads=1)
            session = model.session()
            session.append("In the")
            refused = []

            def interrupt():  # runs while the engine computes
                try:
                    session.append("more")
                except t6.Error as error:
                    refused.append(str(error))
                os.kill(os.getpid(), signal.SIGINT)

            before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has none
            self.addCleanup(signal.signal, signal.SIGINT, before)
            threading.Timer(0.3, interrupt).start()
            with self.assertRaises(KeyboardInterrupt):
                session.generate(max_tokens=1 << 19, ignore_eos=True)
            self.assertEqual(refused, ["the sequence is in use by another thread"])
            self.assertGreater(len(session.tokens), 10)
            self.assertEqual(session.generate(max_tokens=3, ignore_eos=True).stop_reason, "max tokens")


if __name__ == "__main__":
    unittest.main()
