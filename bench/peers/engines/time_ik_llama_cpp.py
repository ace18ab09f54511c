"""ik_llama.cpp through ik-llama-cpp-python."""
import time

from ik_llama_cpp import IkLlama, _ctypes_api
from ik_llama_cpp._internals import make_batch_range

from driver import settings, time_contexts, version_of

PIECE = 512
options = settings()
start = time.perf_counter()
llama = IkLlama(options.model, n_ctx=options.contexts[-1] + options.decode_tokens + 64, n_threads=options.threads,
                flash_attn=bool(options.flash_attention), verbose=False)
loaded = time.perf_counter() - start
position = 0


def forget():
    global position
    position = 0
    llama._context.kv_cache_clear()


def read(ids):
    global position
    for i in range(0, len(ids), PIECE):
        piece = ids[i:i + PIECE]
        batch = make_batch_range(piece, pos_start=position, logits_last=i + PIECE >= len(ids))
        if llama._context.decode(batch) != 0:
            raise SystemExit("ik_llama.cpp cannot decode")
        _ctypes_api.llama_batch_free(batch)
        position += len(piece)
    llama._context.get_logits(-1)


time_contexts(options, version_of("ik-llama-cpp-python"), loaded, forget, read, lambda token: read([token]))
