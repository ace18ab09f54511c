#!/usr/bin/env python3
"""Decoding at a long context: small-tpa in T6 beside a GQA model of as many parameters in llama.cpp, both 8-bit.

    long_context.py build/release FOLDER [--context 32768] [--threads 2] [--flash-attn 0|1] [--only t6|llama.cpp]

Weights are random, which does for speed. Makes the two models in FOLDER unless they are there, and keeps llama.cpp's
filled cache there too, because filling it takes many minutes. Needs the Python packages llama-cpp-python, gguf and
numpy. Prints a JSON object per line.
"""
import argparse
import ctypes
import json
import pathlib
import struct
import subprocess
import sys
import time

import numpy

LAYERS, WIDTH, FEED_FORWARD, VOCABULARY, HEAD_DIM = 12, 768, 2048, 50304, 64
TPA_HEADS, Q_RANK, KV_RANK = 34, 6, 2
GQA_HEADS, GQA_GROUPS = 22, 2  # the preset small-gqa: as many parameters


def tpa_shapes():
    shapes = {"model.embed_tokens.weight": (VOCABULARY, WIDTH)}
    for layer in range(LAYERS):
        name = f"model.layers.{layer}."
        for projection, rank in (("q", Q_RANK), ("k", KV_RANK), ("v", KV_RANK)):
            shapes[f"{name}self_attn.{projection}_proj.a.weight"] = (rank * TPA_HEADS, WIDTH)
            shapes[f"{name}self_attn.{projection}_proj.b.weight"] = (rank * HEAD_DIM, WIDTH)
        shapes[f"{name}self_attn.o_proj.weight"] = (WIDTH, TPA_HEADS * HEAD_DIM)
        shapes[f"{name}mlp.gate_proj.weight"] = shapes[f"{name}mlp.up_proj.weight"] = (FEED_FORWARD, WIDTH)
        shapes[f"{name}mlp.down_proj.weight"] = (WIDTH, FEED_FORWARD)
    return shapes


def write_safetensors(path, shapes):
    rng = numpy.random.default_rng(1)
    header, tensors, offset = {}, [], 0
    for name, shape in shapes.items():
        tensors.append(rng.uniform(-0.03, 0.03, shape).astype(numpy.float16))
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + tensors[-1].nbytes]}
        offset += tensors[-1].nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for numbers in tensors:
            file.write(numbers.tobytes())


def byte_tokenizer():
    """A token a byte, by the characters that GPT-2 gives to bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            "model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(characters)}, "merges": []}}


def make_tpa(build, folder, context):
    source = folder / "tpa-float16"
    source.mkdir(exist_ok=True)
    config = json.loads(subprocess.run([build / "t6", "info", "small-tpa", "--json"], check=True, capture_output=True,
                                       text=True).stdout)["config"]
    config["max_position_embeddings"] = context
    (source / "config.json").write_text(json.dumps(config))
    (source / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
    write_safetensors(source / "model.safetensors", tpa_shapes())
    subprocess.run([build / "t6", "quantize", source, "--out", folder / "tpa-q8", "--type", "q8"], check=True)


def make_gqa(path, context):
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(GQA_HEADS)
    writer.add_head_count_kv(GQA_GROUPS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    rng = numpy.random.default_rng(1)

    def matrix(name, rows, columns):
        numbers = rng.uniform(-0.03, 0.03, (rows, columns)).astype(numpy.float32)
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(numbers, kind), raw_dtype=kind)

    def ones(name):
        writer.add_tensor(name, numpy.ones(WIDTH, numpy.float32))

    matrix("token_embd.weight", VOCABULARY, WIDTH)
    ones("output_norm.weight")
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        ones(name + "attn_norm.weight")
        ones(name + "ffn_norm.weight")
        matrix(name + "attn_q.weight", GQA_HEADS * HEAD_DIM, WIDTH)
        matrix(name + "attn_k.weight", GQA_GROUPS * HEAD_DIM, WIDTH)
        matrix(name + "attn_v.weight", GQA_GROUPS * HEAD_DIM, WIDTH)
        matrix(name + "attn_output.weight", WIDTH, GQA_HEADS * HEAD_DIM)
        matrix(name + "ffn_gate.weight", FEED_FORWARD, WIDTH)
        matrix(name + "ffn_up.weight", FEED_FORWARD, WIDTH)
        matrix(name + "ffn_down.weight", WIDTH, FEED_FORWARD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def time_llama(path, state, context, threads, flash_attention, steps):
    import llama_cpp

    llama = llama_cpp.Llama(str(path), n_ctx=context + 256, n_batch=512, n_threads=threads, n_threads_batch=threads,
                            flash_attn=bool(flash_attention), verbose=False)
    handle, tokens, count = llama._ctx.ctx, (llama_cpp.llama_token * context)(), ctypes.c_size_t()
    name = str(state).encode()
    if not (state.exists() and llama_cpp.llama_state_load_file(handle, name, tokens, context, ctypes.byref(count))):
        start = time.perf_counter()
        for first in range(0, context, 512):
            last = min(first + 512, context)
            llama.eval([(7 * k + 11) % VOCABULARY for k in range(first, last)])
            print(f"llama.cpp: {last} of {context} tokens in {time.perf_counter() - start:.0f} s", flush=True,
                  file=sys.stderr)
        llama_cpp.llama_state_save_file(handle, name, tokens, context)
    llama.n_tokens = context
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        llama.eval([5])
        times.append(time.perf_counter() - start)
    return 1 / sorted(times)[len(times) // 2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--context", type=int, default=32768)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--flash-attn", type=int, choices=(0, 1), default=0)
    parser.add_argument("--only", choices=("t6", "llama.cpp"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tpa, gqa = options.folder / "tpa-q8", options.folder / "gqa-q8.gguf"
    if not tpa.exists():
        make_tpa(options.build.resolve(), options.folder, options.context + 1024)
    if not gqa.exists():
        make_gqa(gqa, options.context + 1024)
    if options.only != "llama.cpp":
        lines = subprocess.run([options.build / "t6", "bench", "model", tpa, "--contexts", str(options.context),
                                "--decode-tokens", str(options.steps), "--cache-type", "int8", "--threads",
                                str(options.threads), "--json"], check=True, capture_output=True, text=True).stdout
        print(lines.splitlines()[-1], flush=True)
    if options.only != "t6":
        state = options.folder / f"gqa-{options.context}-{options.flash_attn}.state"
        rate = time_llama(gqa, state, options.context, options.threads, options.flash_attn, options.steps)
        print(json.dumps({"engine": "llama.cpp", "context": options.context, "flash_attn": options.flash_attn,
                          "decode_tok_s": round(rate, 2)}), flush=True)


main()
