#!/usr/bin/env python3
"""How many tokens a server writes for many clients, and how long they wait: T6 and llama.cpp, or one at an address.

    serve_load.py load --model MODEL.gguf --t6 build/release/t6 --llama-cpp [--rounds 2]
    serve_load.py load --url http://127.0.0.1:8000 --name vllm [--model-name NAME]
    serve_load.py idle --model MODEL.gguf --t6 build/release/t6    # memory of 1,000 streams that wait
    serve_load.py soak --model MODEL.gguf --t6 build/release/t6    # memory after 1,000 and 10,000 requests

Two loads: 16 streams of 512 tokens of prompt, each its own, and 128 of answer; and 16 streams whose prompts share their
first 1,024 tokens, with 64 of their own. Prompts are token ids, drawn with a seed, so that each server reads the same
ones; answers are greedy and all of one length, because end tokens are passed over (ignore_eos) and each server's own
count is looked at. Servers that are started here run one after the other, on as many threads, with a cache of float16.
llama.cpp is the Python package xllamacpp in the interpreter that runs this (which is built for AVX2, whatever the
processor has), or with --llama-server PATH its program, built for this machine.

Prints a row a server and load, or with --json an object a line. `around` is what T6's scheduler and HTTP took beside the
model's steps, as a share of these; `busy` is this program's own share of one processor.
"""
import argparse
import asyncio
import contextlib
import json
import pathlib
import random
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field

START_SECONDS = 300


@dataclass
class Target:
    """A server that listens."""
    name: str
    url: str
    pid: int | None = None
    model: str | None = None
    extra: dict = field(default_factory=dict)  # of every request

    @property
    def address(self):
        return re.fullmatch(r"http://([^:/]+):(\d+)/?", self.url).groups()

    def resident(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) << 10


@dataclass
class Answer:
    """Times are of the clock, in seconds; an event is one or more tokens."""
    start: float
    status: int = 0
    events: list = field(default_factory=list)
    end: float = 0
    usage: dict = field(default_factory=dict)
    text: bytes = b""  # of an error


def get(url, path):
    with urllib.request.urlopen(url + path, timeout=60) as answer:
        return answer.read().decode()


# Servers.

def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def started(name, command, port):
    """Runs a server until the `with` ends; it listens once /health says so."""
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        try:
            until = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError):
                    get(url, "/health")
                    break
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    sys.exit(f"serve_load: error: {name} did not start:\n{log.read()[-3000:]}")
                time.sleep(0.1)
            yield Target(name, url, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def t6(options, *flags):
    port = free_port()
    command = [
        options.t6, "serve", options.model, "--port", port, "--threads", options.threads, "--cache-type", "float16",
        *flags
    ]
    with started("t6", command, port) as target:
        target.extra = {"ignore_eos": True}
        yield target


@contextlib.contextmanager
def llama_cpp(options, context):
    port = free_port()
    command = [
        sys.executable, __file__, "llama-cpp-server", "--model", options.model, "--threads", options.threads,
        "--streams", options.streams, "--port", port, "--context", context
    ]
    if options.llama_server:
        command = [
            options.llama_server, "--model", options.model, "--threads", options.threads, "--parallel",
            options.streams, "--host", "127.0.0.1", "--port", port, "--ctx-size", options.streams * context
        ]
    with started("llama.cpp", command, port) as target:
        target.extra = {"ignore_eos": True, "cache_prompt": True}
        yield target


def run_llama_cpp(options):
    """llama.cpp's own server, in this process until it is ended."""
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path = str(options.model)
    params.hostnames, params.port = ["127.0.0.1"], options.port
    params.n_parallel, params.n_ctx = options.streams, options.streams * options.context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


# Clients.

async def ask(target, body):
    """One stream from its request to its end, read as it comes; of its events only the last ones are looked into."""
    host, port = target.address
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    data = json.dumps({
        "stream": True, "stream_options": {"include_usage": True}, "temperature": 0, **target.extra, **body,
        **({"model": target.model} if target.model else {})
    }).encode()
    answer = Answer(time.perf_counter())
    writer.write(
        f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    head = await reader.readuntil(b"\r\n\r\n")
    answer.status = int(head[9:12])
    tail = b""
    while part := await reader.read(1 << 16):
        now = time.perf_counter()
        # A part may begin within an event; "data: {" is counted where it ends.
        joined = tail[-6:] + part
        answer.events += [now] * joined.count(b"data: {")
        tail = (tail + part)[-4096:]
    writer.close()
    answer.end = time.perf_counter()
    answer.text = tail if answer.status != 200 else b""
    usages = re.findall(rb'"usage":\s*(\{(?:[^{}]|\{[^{}]*\})*\})', tail)
    answer.usage = json.loads(usages[-1]) if usages else {}
    if usages and answer.events:
        answer.events.pop()  # of the usage
    return answer


async def ask_all(target, bodies, at_once):
    """All bodies, `at_once` of them at a time."""
    room = asyncio.Semaphore(at_once)

    async def one(body):
        async with room:
            return await ask(target, body)

    return await asyncio.gather(*(one(body) for body in bodies))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def ids(options, chance, count):
    """Tokens of whole words, in most vocabularies."""
    return [chance.randrange(options.vocabulary // 30, options.vocabulary) for _ in range(count)]


def bodies_of(load, options, seed):
    chance = random.Random(seed)
    shared = ids(options, chance, options.prefix)
    prompts = [
        ids(options, chance, options.prompt) if load == "distinct" else shared + ids(options, chance, options.tail)
        for _ in range(options.streams)
    ]
    return [{"prompt": prompt, "max_tokens": options.answer} for prompt in prompts]


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def turns(target):
    """Seconds that a T6 server has been in the model's steps, and in all that its scheduler and HTTP do around them."""
    names = ("step", "scheduling", "http")
    try:
        step, scheduling, http = (gauge(target, f"t6:{name}_seconds_total") for name in names)
    except (OSError, TypeError):  # another server
        return None
    return step, scheduling + http


def measure(target, load, options, seed):
    bodies = bodies_of(load, options, seed)
    before, turns_before = processor_seconds(), turns(target)
    answers = asyncio.run(ask_all(target, bodies, options.streams))
    busy = processor_seconds() - before
    steps, around = (b - a for a, b in zip(turns_before, turns(target))) if turns_before else (None, None)
    bad = next((answer for answer in answers if answer.status != 200), None)
    if bad:
        sys.exit(f"serve_load: error: {target.name} answered {bad.status}: {bad.text[:300]!r}")
    seconds = max(answer.end for answer in answers) - min(answer.start for answer in answers)
    prompts = sum(answer.usage.get("prompt_tokens", 0) for answer in answers)
    written = [answer.usage.get("completion_tokens", 0) for answer in answers]
    cached = sum((answer.usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0) for answer in answers)
    first = [answer.events[0] - answer.start for answer in answers if answer.events]
    gaps = [later - earlier for answer in answers for earlier, later in zip(answer.events, answer.events[1:])]
    return {
        "server": target.name, "load": load, "streams": len(answers), "prompt_tokens": prompts,
        "cached_tokens": cached, "answer_tokens": sum(written), "equal_lengths": set(written) == {options.answer},
        "seconds": seconds, "tokens_per_second": (prompts + sum(written)) / seconds,
        "answer_tokens_per_second": sum(written) / seconds, "first_token_p50": percentile(first, 0.5),
        "first_token_p95": percentile(first, 0.95), "next_token_p50": percentile(gaps, 0.5),
        "next_token_p95": percentile(gaps, 0.95),
        "request_p95": percentile([answer.end - answer.start for answer in answers], 0.95),
        "events": sum(len(answer.events) for answer in answers),
        "resident_mb": target.resident() / 1e6 if target.pid else None, "busy": busy / seconds,
        "around_steps": around / steps if steps else None
    }


COLUMNS = (("server", "{server:10}"), ("load", "{load:9}"), ("tokens/s", "{tokens_per_second:8.1f}"),
           ("answer/s", "{answer_tokens_per_second:8.1f}"), ("first p50", "{first_token_p50:7.2f} s"),
           ("first p95", "{first_token_p95:7.2f} s"), ("next p50", "{next_token_p50:6.3f} s"),
           ("next p95", "{next_token_p95:6.3f} s"), ("all p95", "{request_p95:6.1f} s"),
           ("cached", "{cached_tokens:6}"), ("lengths", "{lengths:7}"), ("around", "{around:>6}"), ("busy", "{busy:5.1%}"))


def show(row, options, heading):
    if options.json:
        return print(json.dumps(row), flush=True)
    lengths = "equal" if row["equal_lengths"] else "UNEQUAL"
    around = "-" if row["around_steps"] is None else f"{row['around_steps']:.2%}"
    cells = [(form.format(**row, lengths=lengths, around=around), name) for name, form in COLUMNS]
    if heading:
        print("  ".join(name.rjust(len(cell)) if cell[0] == " " else name.ljust(len(cell)) for cell, name in cells))
    print("  ".join(cell for cell, _ in cells), flush=True)


def load(options):
    servers = []
    longest = max(options.prompt, options.prefix + options.tail) + options.answer + 8
    if options.t6:
        servers.append(lambda: t6(options, "--max-streams", options.streams, "--cache-memory", "4GiB"))
    if options.llama_cpp or options.llama_server:
        servers.append(lambda: llama_cpp(options, longest))
    if options.url:
        extra = json.loads(options.extra)
        servers.append(
            lambda: contextlib.nullcontext(Target(options.name, options.url, model=options.model_name, extra=extra)))
    first = True
    for number in range(options.rounds):
        for server in servers:
            with server() as target:
                first_prompt = ids(options, random.Random(0), 3)  # what is made once is made now
                asyncio.run(ask_all(target, [{"prompt": first_prompt, "max_tokens": 4}], 1))
                for kind in options.loads.split(","):
                    show(measure(target, kind, options, seed=1 + number), options, first)
                    first = False


def gauge(target, name):
    return float(re.search(rf"^{name}(?:\{{.*\}})? (\S+)$", get(target.url, "/metrics"), re.MULTILINE)[1])


def wait_for(condition, what):
    until = time.monotonic() + 120
    while not condition():
        if time.monotonic() > until:
            sys.exit(f"serve_load: error: waited in vain for {what}")
        time.sleep(0.05)


async def open_many(target, count, data):
    """Connections that send `data` and then do nothing."""
    host, port = target.address
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        await writer.drain()
        writers.append(writer)
    return writers


async def measure_idle(target, count, prompt):
    before = target.resident()
    writers = await open_many(target, count, b"")
    await asyncio.to_thread(wait_for, lambda: gauge(target, "t6:connections") > count, "all connections")
    connected = target.resident()
    for writer in writers:
        writer.close()
    await asyncio.to_thread(wait_for, lambda: gauge(target, "t6:connections") < 5, "the connections' end")
    # One stream runs; all others wait, each with a prompt of 32 tokens.
    body = json.dumps({"prompt": prompt, "max_tokens": 4000, "stream": True, **target.extra}).encode()
    request = (b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body
    running = await open_many(target, 1, request)
    await asyncio.to_thread(wait_for, lambda: gauge(target, "vllm:num_requests_running") == 1, "the first stream")
    before_streams = target.resident()
    writers = await open_many(target, count, request)
    await asyncio.to_thread(wait_for, lambda: gauge(target, "vllm:num_requests_waiting") >= count, "all streams")
    waiting = target.resident()
    for writer in running + writers:
        writer.close()
    await asyncio.to_thread(wait_for, lambda: gauge(target, "vllm:num_requests_waiting") == 0, "the streams' end")
    return {
        "server": target.name, "count": count, "before_mb": before / 1e6,
        "connections_mb": (connected - before) / 1e6, "streams_mb": (waiting - before_streams) / 1e6,
        "after_mb": target.resident() / 1e6
    }


def idle(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    with t6(options, "--max-streams", 1, "--max-queue", options.count + 10, "--cache-memory", "1GiB") as target:
        row = asyncio.run(measure_idle(target, options.count, ids(options, random.Random(1), 32)))
    if options.json:
        return print(json.dumps(row))
    print("{count} idle connections take {connections_mb:.1f} MB, {count} streams that wait {streams_mb:.1f} MB; the server "
          "has {before_mb:.0f} MB before and {after_mb:.0f} MB after".format(**row))


def soak(options):
    chance = random.Random(1)
    marks = [int(mark) for mark in options.marks.split(",")]
    with t6(options, "--cache-memory", options.soak_memory) as target:
        done, resident, start = 0, [], time.perf_counter()
        for mark in marks:
            bodies = [{"prompt": ids(options, chance, chance.randint(1, 6)), "max_tokens": chance.randint(1, 3)}
                      for _ in range(mark - done)]
            answers = asyncio.run(ask_all(target, bodies, options.streams))
            assert all(answer.status == 200 for answer in answers), next(a.text for a in answers if a.status != 200)
            done = mark
            resident.append(target.resident())
            row = {
                "server": target.name, "requests": done, "resident_mb": resident[-1] / 1e6,
                "growth": resident[-1] / resident[0] - 1, "seconds": time.perf_counter() - start,
                "request_p50": statistics.median(a.end - a.start for a in answers)
            }
            print(json.dumps(row) if options.json else
                  "after {requests:6} requests, {seconds:.0f} s: {resident_mb:.1f} MB, {growth:+.2%}".format(**row),
                  flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("load", "idle", "soak", "llama-cpp-server"))
    parser.add_argument("--model", type=pathlib.Path, help="what t6 and llama.cpp are to serve")
    parser.add_argument("--t6", type=pathlib.Path, help="the program")
    parser.add_argument("--llama-cpp", action="store_true", help="start llama.cpp's server too")
    parser.add_argument("--llama-server",
                        type=pathlib.Path,
                        help="llama.cpp's program to start, instead of the package")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--name", default="server", help="of that server, for the row")
    parser.add_argument("--model-name", help="what that server calls its model, where it wants that")
    parser.add_argument("--extra", default='{"ignore_eos": true}', help="fields for that server's requests, as JSON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="times that each server is started and measured, in turn")
    parser.add_argument("--loads", default="distinct,shared")
    parser.add_argument("--json", action="store_true")
    for name, count in (("streams", 16), ("prompt", 512), ("answer", 128), ("prefix", 1024), ("tail", 64),
                        ("vocabulary", 30000)):
        parser.add_argument(f"--{name}", type=int, default=count, help=f"default: {count}")
    parser.add_argument("--count", type=int, default=1000, help="idle: streams")
    parser.add_argument("--marks", default="1000,10000", help="soak: after how many requests to look")
    parser.add_argument("--soak-memory", default="256MiB", help="soak: what the cache may take")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--context", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.mode != "load" and not (options.t6 or options.mode == "llama-cpp-server"):
        parser.error(f"{options.mode} needs --t6")
    if not options.url and not options.model:
        parser.error("--model, or --url of a server that runs")
    try:
        {"load": load, "idle": idle, "soak": soak, "llama-cpp-server": run_llama_cpp}[options.mode](options)
    except OSError as error:
        sys.exit(f"serve_load: error: {error}")


if __name__ == "__main__":
    main()
