#!/usr/bin/env python3
"""Attention of small-tpa in training: what waits for the backward pass, and how long both passes take.

usage: attention_graph.py build/release/libt6_ops.so [--batch 4 --length 1024 --threads 2 --passes 7 --dtype float32]
Compares torch.ops.t6.attention with queries, keys and values materialized for scaled_dot_product_attention. Prints one JSON
object: bytes of the tensors that autograd's graph keeps alive (factors among them, each storage once), and milliseconds, the
least of the forward and of the backward passes, of both ways in turn.
"""
import argparse
import json
import time

import torch

HEADS, FEATURES, QUERY_RANK, KEY_RANK = 34, 64, 6, 2  # of the preset small-tpa
SCALE = FEATURES**-0.5


def materialize(a, b):
    batch, length, rank, heads = a.shape
    rows = (a / rank).reshape(-1, rank, heads).transpose(1, 2)
    return torch.bmm(rows, b.reshape(-1, rank, FEATURES)).view(batch, length, heads, FEATURES)


def materialized(q_a, q_b, k_a, k_b, v_a, v_b):
    q, k, v = (materialize(a, b).transpose(1, 2) for a, b in ((q_a, q_b), (k_a, k_b), (v_a, v_b)))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=SCALE).transpose(1, 2)


def fused(*factors):
    return torch.ops.t6.attention(*factors, HEADS, SCALE / (QUERY_RANK * KEY_RANK), 1 / KEY_RANK)[0]


def held_bytes(attend, factors):
    storages = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = attend(*factors)
        bytes_held = sum(storages.values())
    del out
    return bytes_held


def pass_milliseconds(attend, factors):
    start = time.perf_counter()
    out = attend(*factors)
    middle = time.perf_counter()
    torch.autograd.grad(out, factors, torch.ones_like(out))
    return 1e3 * (middle - start), 1e3 * (time.perf_counter() - middle)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--passes", type=int, default=7)
    arguments = parser.parse_args()
    torch.ops.load_library(arguments.library)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    dtype = getattr(torch, arguments.dtype)
    factors = [
        torch.randn(arguments.batch, arguments.length, rank, width, dtype=dtype, requires_grad=True)
        for rank in (QUERY_RANK, KEY_RANK, KEY_RANK)
        for width in (HEADS, FEATURES)
    ]
    row = {key: getattr(arguments, key) for key in ("batch", "length", "threads", "dtype")}
    ways = {"fused": fused, "sdpa": materialized}
    for name, attend in ways.items():
        row[f"{name}_held_mib"] = round(held_bytes(attend, factors) / 2**20, 1)
    row["held_percent"] = round(100 * row["fused_held_mib"] / row["sdpa_held_mib"], 1)
    rounds = [{name: pass_milliseconds(attend, factors) for name, attend in ways.items()} for _ in range(arguments.passes)]
    for name in ways:
        forward, backward = (min(times) for times in zip(*(each[name] for each in rounds)))
        row |= {f"{name}_forward_ms": round(forward, 1), f"{name}_backward_ms": round(backward, 1),
                f"{name}_ms": round(forward + backward, 1)}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
