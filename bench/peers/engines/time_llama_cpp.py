"""llama.cpp through llama-cpp-python, which compiles it for this machine."""
import time

from llama_cpp import Llama

from driver import settings, time_contexts, version_of

options = settings()
start = time.perf_counter()
llama = Llama(options.model, n_ctx=options.contexts[-1] + options.decode_tokens + 64, n_batch=512, n_threads=options.threads,
              n_threads_batch=options.threads, flash_attn=bool(options.flash_attention), verbose=False)
loaded = time.perf_counter() - start
time_contexts(options, version_of("llama-cpp-python"), loaded, llama.reset, llama.eval, lambda token: llama.eval([token]))
