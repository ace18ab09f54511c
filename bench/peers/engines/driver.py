"""What the drivers of engines share: settings, tokens, clocks, a line of JSON a row."""
import json
import resource
import statistics
import sys
import time
from importlib import metadata
from types import SimpleNamespace


def settings():
    """Those of run.py, its only argument."""
    return SimpleNamespace(**json.loads(sys.argv[1]))


def version_of(package):
    return metadata.version(package)


def tokens(count):
    """The same ids for every engine: ordinary tokens of every vocabulary."""
    return [1000 + (7919 * i + 11) % 4999 for i in range(count)]


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def say(**row):
    print(json.dumps(row), flush=True)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def time_contexts(options, version, load_s, forget, read, write):
    """For engines that take tokens: forget() empties the cache, read(ids) and write(id) end when logits are there."""
    forget()
    read(tokens(16))
    write(tokens(1)[0])  # what a first call has to make
    for context in options.contexts:
        forget()
        ids = tokens(context)
        prefill_s = seconds(lambda: read(ids))
        steps = [seconds(lambda: write(ids[0])) for _ in range(options.decode_tokens)]
        say(version=version, context=context, load_s=load_s, prefill_tok_s=context / prefill_s,
            decode_tok_s=1 / statistics.median(steps), peak_rss_bytes=peak_bytes())


def time_requests(options, version, load_s, ask):
    """For engines that take requests: ask(ids, count) writes `count` tokens and gives seconds to the first of them and
    for the others."""
    ask(tokens(16), 2)
    for context in options.contexts:
        first_s, others_s = ask(tokens(context), options.decode_tokens + 1)
        say(version=version, context=context, load_s=load_s, prefill_tok_s=context / first_s,
            decode_tok_s=options.decode_tokens / others_s, peak_rss_bytes=peak_bytes())
