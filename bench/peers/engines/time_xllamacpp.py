"""llama.cpp's server from the package xllamacpp: its own figures of a completion."""
import json
import time
import urllib.request

import xllamacpp

from driver import settings, time_requests, version_of

options = settings()
params = xllamacpp.CommonParams()
params.model.path = options.model
params.hostnames, params.port, params.n_parallel = ["127.0.0.1"], 0, 1
params.n_ctx = options.contexts[-1] + options.decode_tokens + 64
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
start = time.perf_counter()
server = xllamacpp.Server(params)
loaded = time.perf_counter() - start


def ask(ids, count):
    body = json.dumps({"prompt": ids, "n_predict": count, "cache_prompt": False, "ignore_eos": True, "temperature": 0})
    request = urllib.request.Request(server.listening_address + "/completion", body.encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        timings = json.load(answer)["timings"]
    if timings["prompt_n"] != len(ids) or timings["predicted_n"] != count:
        raise SystemExit(f"read {timings['prompt_n']} tokens and wrote {timings['predicted_n']}; wanted {len(ids)}, {count}")
    # The first token counts as predicted, in no time.
    return timings["prompt_ms"] / 1000, timings["predicted_ms"] / 1000


time_requests(options, version_of("xllamacpp"), loaded, ask)
