"""What the tests with real clients share: a server of a model, plain HTTP, and what `/metrics` says.

Each test runs by itself: `NAME_test.py --t6 PATH [--model PATH] [unittest's arguments]`. Without a model it makes a
tiny one whose weights are waves.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests/programs"))

from support import book, write_tiny_model  # noqa: E402  (of tests/programs)

T6 = SOURCE / "build/serving/t6"
MODEL = None  # None: a tiny one, which make_model() makes


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Server:
    """`t6 serve` of a model at a free port. In a `with` it is asked to end, and must."""

    def __init__(self, model, *flags, port=0, threads=2):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="t6-serve-", suffix=".log")
        command = [T6, "serve", model, "--port", port, "--threads", threads, "--cache-memory", "256MiB", *flags]
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=self.log)
        self.port, self.url = None, None
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def _wait(self, seconds=120):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = re.search(r"serving (.+) at http://127\.0\.0\.1:(\d+)", self.said())
            if found:
                self.name, self.port = found[1], int(found[2])
                self.url = f"http://127.0.0.1:{self.port}"
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the server did not start:\n{self.said()}")

    def said(self):
        """What it has written to standard error."""
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        code = self.end()
        if kind is None and code != 0:
            raise AssertionError(f"the server ended with {code}")

    def end(self, seconds=60):
        """Asks it to end, as a service manager does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return "nothing: it had to be killed"
        finally:
            self.log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def request(self, path, body=None, method=None, headers=(), timeout=60):
        return request(self.url + path, body, method, headers, timeout)

    def metrics(self):
        return metrics(self.url)

    def wait_until_idle(self, seconds=30):
        """Until nothing runs or waits; the last metrics."""
        until = time.monotonic() + seconds
        while True:
            now = self.metrics()
            if now["vllm:num_requests_running"] == now["vllm:num_requests_waiting"] == 0:
                return now
            if time.monotonic() > until:
                raise AssertionError(f"still at work after {seconds} s: {now}")
            time.sleep(0.05)

    def without_end(self):
        """The logit_bias that keeps the model from ending a text by itself."""
        end = self.request("/tokenizer_info")[1]["eos_token"]
        ids = self.request("/tokenize", {"prompt": end, "add_special_tokens": False})[1]["tokens"] if end else []
        return {str(ids[0]): -100} if len(ids) == 1 else {}

    def resident_bytes(self):
        return int(re.search(r"VmRSS:\s+(\d+) kB",
                             pathlib.Path(f"/proc/{self.process.pid}/status").read_text())[1]) << 10


def request(url, body=None, method=None, headers=(), timeout=60):
    """(status, answer as JSON where it is, headers in lower case) of a request; `body`: bytes, or what becomes JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json", **dict(headers)}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as answer:
            return answer.status, _read(answer), {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _read(error), {k.lower(): v for k, v in error.headers.items()}


def _read(answer):
    text = answer.read()
    return json.loads(text) if "json" in (answer.headers.get("Content-Type") or "") and text else text.decode()


def metrics(url):
    """Gauges and counters by name, without labels; several of one name are added up."""
    values = {}
    for line in request(url + "/metrics")[1].splitlines():
        found = re.fullmatch(r"([\w:]+)(?:\{.*\})? (\S+)", line)
        if found and not found[1].endswith("_bucket"):
            values[found[1]] = values.get(found[1], 0) + float(found[2])
    return values


def make_tiny_model(folder, positions=2048):
    """A model whose weights are waves with a tokenizer of bytes, in a new folder."""
    write_tiny_model(folder, positions)
    text = folder.parent / "book.txt"
    text.write_text(book(100))
    subprocess.run([T6, "tokenizer", "train", text, "--vocab-size", "257", "--out", folder / "tokenizer.json"],
                   check=True,
                   capture_output=True)
    return folder


@contextlib.contextmanager
def model_folder():
    """The model of the command line, or a tiny one for as long as the `with` lasts."""
    if MODEL:
        yield MODEL
        return
    with tempfile.TemporaryDirectory(prefix="t6-model-") as folder:
        yield make_tiny_model(pathlib.Path(folder) / "tiny")


class ServedTest(unittest.TestCase):
    """One server for all tests of a class."""

    FLAGS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(cls.enterClassContext(model_folder()), *cls.FLAGS))

    def has(self, path):
        """Whether the server has an endpoint, whatever it says to a request without a body."""
        return self.server.request(path, b"{}")[0] not in (404, 405)


def main():
    global T6, MODEL
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--t6", type=pathlib.Path, default=pathlib.Path(os.environ.get("T6", T6)))
    parser.add_argument("--model", type=pathlib.Path, default=None)
    options, rest = parser.parse_known_args()
    T6, MODEL = options.t6.resolve(), options.model and options.model.resolve()
    if not os.access(T6, os.X_OK):
        sys.exit(f"{T6} is not a program; say where t6 is with --t6")
    unittest.main(module="__main__", argv=[sys.argv[0], *rest], verbosity=2)
