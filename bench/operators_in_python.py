#!/usr/bin/env python3
"""Attention of small-tpa in a training loop in PyTorch: T6's operators beside materialized heads and PyTorch's SDPA.

usage: PYTHONPATH=build/release/python operators_in_python.py [--length 1024] [--rounds 5]
Forward and backward, batch 1, one thread, float32, seconds of the processor, so that other work counts less: the least of the
rounds, and the median. `attention` has the factors as its inputs, `module` is t6.nn.TensorProductAttention with its projections.
Prints a JSON object for each.
"""
import argparse
import json
import statistics
import time
from unittest import mock

import t6.ops
import torch
from t6 import nn

CONFIG = nn.ModelConfig(hidden_size=768, num_attention_heads=34, head_dim=64, q_rank=6, k_rank=2, v_rank=2)  # small-tpa's


def processor_seconds(step, rounds):
    """Of each way, in turn."""
    def once(use_operators):
        begin = time.process_time()
        with mock.patch.object(nn, "loaded_operator", nn.loaded_operator if use_operators else lambda *_: None):
            step(use_operators)
        return time.process_time() - begin

    once(True), once(False)
    pairs = [(once(True), once(False)) for _ in range(rounds)]
    return [list(each) for each in zip(*pairs)]


def report(name, length, step, rounds):
    ours, theirs = processor_seconds(step, rounds)
    row = {"what": name, "length": length}
    for who, times in (("operators", ours), ("sdpa", theirs)):
        row[f"{who}_s"], row[f"{who}_median_s"] = round(min(times), 4), round(statistics.median(times), 4)
    row["ratio"] = round(min(theirs) / min(ours), 2)
    print(json.dumps(row))


def attention_step(length):
    H, D = CONFIG.num_attention_heads, CONFIG.head_dim
    factors = [nn.Factors(*(torch.randn(1, length, rank, width, requires_grad=True) for width in (H, D)))
               for rank in (CONFIG.q_rank, CONFIG.k_rank, CONFIG.v_rank)]
    inputs = [part for each in factors for part in each[:2]]

    def step(use_operators):
        if use_operators:
            out = t6.ops.attention(*(each[:2] for each in factors))
        else:
            q, k, v = (each.product().transpose(1, 2) for each in factors)
            out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        torch.autograd.grad(out, inputs, torch.ones_like(out))

    return step


def module_step(length):
    attention = nn.TensorProductAttention(CONFIG)
    torch.nn.init.normal_(attention.o_proj.weight, std=0.02)
    x = torch.randn(1, length, CONFIG.hidden_size, requires_grad=True)

    def step(_):
        y = attention(x)
        torch.autograd.grad(y, [x, *attention.parameters()], torch.ones_like(y))

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name, make in (("attention", attention_step), ("module", module_step)):
        report(name, arguments.length, make(arguments.length), arguments.rounds)


if __name__ == "__main__":
    main()
