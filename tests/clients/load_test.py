#!/usr/bin/env python3
"""256 clients at once, most of them ill-behaved: the server answers the others, stays healthy and comes to rest."""
import asyncio
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

import served
from served import SOURCE, Server, main, model_folder

CLIENTS = 256
SECONDS = 12


def http(path, body, *headers):
    data = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(data)}",
        "Connection: close", *headers
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class Client:
    """One that asks again and again until the time is over, each time in another way."""

    def __init__(self, port, number, counts):
        self.port, self.counts = port, counts
        self.random = random.Random(number)

    async def run(self, until):
        ways = (self.whole, self.whole, self.stream, self.leave_in_stream, self.leave_before_answer, self.slow_sender,
                self.too_large, self.half_request, self.nonsense)
        while time.monotonic() < until:
            way = self.random.choice(ways)
            try:
                await asyncio.wait_for(way(), 120)
                self.counts[way.__name__] = self.counts.get(way.__name__, 0) + 1
            except (ConnectionError, asyncio.IncompleteReadError):
                # A server that has refused a request need not read it to its end.
                if way.__name__ not in ("too_large", "nonsense", "slow_sender"):
                    raise

    def body(self, **more):
        prompt = "The king went to " * self.random.randint(1, 6)
        return {"prompt": prompt, "max_tokens": self.random.randint(1, 60), **more}

    async def open(self, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await writer.drain()
        return reader, writer

    async def answer(self, reader, writer, *codes):
        """The whole answer, whose status must be one of the codes."""
        data = await reader.read()
        writer.close()
        status = int(data[9:12])
        self.counts[status] = self.counts.get(status, 0) + 1
        assert status in codes, data[:300]
        return status, data.partition(b"\r\n\r\n")[2]

    async def whole(self):
        body = self.body(n=self.random.choice((1, 1, 3)))
        status, text = await self.answer(*await self.open(http("/v1/completions", body)), 200, 503)
        if status == 200:
            assert len(json.loads(text)["choices"]) == body["n"]

    async def stream(self):
        message = [{"role": "user", "content": "Hello"}]
        body = {"messages": message, "max_tokens": 40, "stream": True}
        status, text = await self.answer(*await self.open(http("/v1/chat/completions", body)), 200, 503)
        assert status == 503 or b"data: [DONE]" in text, text[-300:]

    async def leave_in_stream(self):
        reader, writer = await self.open(http("/v1/completions", self.body(stream=True, n=2) | {"max_tokens": 1000}))
        await reader.read(self.random.randint(1, 2000))
        writer.transport.abort() if self.random.random() < 0.5 else writer.close()

    async def leave_before_answer(self):
        _, writer = await self.open(http("/v1/completions", self.body() | {"max_tokens": 1000}))
        await asyncio.sleep(self.random.random() * 0.3)
        writer.transport.abort() if self.random.random() < 0.5 else writer.close()

    async def slow_sender(self):
        data = http("/v1/completions", self.body())
        reader, writer = await self.open(b"")
        step = len(data) // 8
        for i in range(0, len(data), step):
            writer.write(data[i:i + step])
            await writer.drain()
            await asyncio.sleep(0.1)
        await self.answer(reader, writer, 200, 503)

    async def too_large(self):
        await self.answer(*await self.open(http("/v1/completions", {"prompt": "x" * (1 << 18)})), 413)

    async def half_request(self):
        _, writer = await self.open(http("/v1/completions", self.body())[:-self.random.randint(1, 100)])
        await asyncio.sleep(self.random.random())
        writer.close()

    async def nonsense(self):
        kinds = (b"\x00" * 100 + b"\r\n\r\n", b"GET /\r\n\r\n", http("/v1/completions", {"prompt": "a", "n": -1}),
                 http("/nowhere", {}), http("/v1/completions", "text"))
        data = self.random.choice(kinds)
        await self.answer(*await self.open(data), 400, 404)


class Load(unittest.TestCase):
    def test_many_clients(self):
        flags = ("--max-streams", 16, "--max-queue", 128, "--max-body", "128KiB")
        with model_folder() as model, Server(model, *flags) as server:
            body = {"prompt": "The king went to", "max_tokens": 16, "temperature": 0}
            before = server.request("/v1/completions", body)[1]["choices"]
            counts = {}
            slowest = asyncio.run(self.load(server, counts))
            print(dict(sorted(counts.items(), key=str)), f"slowest /health {slowest:.2f} s")
            idle = server.wait_until_idle(60)
            self.assertEqual(server.request("/v1/completions", body)[1]["choices"], before)
            self.assertGreater(counts[200], 100)
            self.assertLess(slowest, 5)
            self.assertLessEqual(idle["t6:connections"], 5)  # this one, and those that are told to go
            self.assertLess(server.resident_bytes(), 1 << 30)

    async def load(self, server, counts):
        """Runs all clients; the longest time that /health took meanwhile."""
        until = time.monotonic() + SECONDS
        tasks = [asyncio.create_task(Client(server.port, i, counts).run(until)) for i in range(CLIENTS)]
        slowest = 0
        while not all(task.done() for task in tasks):
            start = time.monotonic()
            status, _, _ = await asyncio.to_thread(server.request, "/health")
            slowest = max(slowest, time.monotonic() - start)
            self.assertEqual(status, 200)
            await asyncio.sleep(0.2)
        for error in filter(None, (task.exception() for task in tasks)):
            raise error
        return slowest


class Program(unittest.TestCase):
    def test_the_load_program(self):
        with tempfile.TemporaryDirectory(prefix="t6-load-") as folder:
            model = served.make_tiny_model(pathlib.Path(folder) / "tiny")
            command = [
                sys.executable, SOURCE / "bench/serve_load.py", "load", "--t6", served.T6, "--model", model,
                "--streams", "4", "--prompt", "20", "--answer", "8", "--prefix", "192", "--tail", "3", "--vocabulary",
                "257", "--json"
            ]
            result = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 0, result.stderr)
            distinct, shared = map(json.loads, result.stdout.splitlines())
            self.assertEqual((distinct["prompt_tokens"], distinct["answer_tokens"], distinct["cached_tokens"]),
                             (80, 32, 0))
            self.assertTrue(distinct["equal_lengths"] and shared["equal_lengths"])
            self.assertEqual(shared["prompt_tokens"], 4 * 195)
            self.assertGreater(shared["cached_tokens"], 0)
            self.assertGreater(shared["request_p95"], 0)


if __name__ == "__main__":
    main()
