#!/usr/bin/env python3
"""Products of a training step in bfloat16: ours beside PyTorch's (oneDNN), and the float32 roof, in one process.

usage: bfloat_products.py LIBT6_OPS [--threads 1] [--rounds 5]

A row a shape [tokens, inputs, outputs]: GFLOP/s of the forward product and of the gradients of x and of the weight. Ours
take the float32 weight as it is and give its gradient in float32. PyTorch's take a bfloat16 copy of it ("copied" counts
making it once for the three products) and give the gradient in bfloat16. Times are the processor's, not the clock's, so
with one thread other work on the machine disturbs them less.
"""
import argparse
import json
import time

import torch

SHAPES = ((512, 768, 2048), (512, 2048, 768), (512, 2176, 768), (512, 768, 204), (512, 768, 384), (4096, 768, 2048),
          (256, 768, 50304))


def rate(flops, rounds, work):
    work()
    best = 1e9
    for _ in range(rounds):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return flops / best / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.ops.load_library(options.library)
    torch.set_num_threads(options.threads)
    product, bfloat16 = torch.ops.t6.product, torch.bfloat16
    square = torch.randn(2048, 2048)
    print(json.dumps({"float32_gflops": rate(2 * 2048**3, 2, lambda: torch.ops.t6.product(square, square))}))
    for tokens, inputs, outputs in SHAPES:
        x, weight = torch.randn(tokens, inputs).bfloat16(), torch.randn(outputs, inputs)
        gradient, copy = torch.randn(tokens, outputs).bfloat16(), weight.bfloat16()
        flops = 2 * tokens * inputs * outputs
        ours = (
            lambda: product(x, weight, transpose_b=True),
            lambda: product(gradient, weight),
            lambda: product(gradient, x, transpose_a=True, dtype=torch.float32),
        )
        theirs = (lambda: x @ copy.t(), lambda: gradient @ copy, lambda: gradient.t() @ x)

        def copied():
            narrow = weight.to(bfloat16)
            return x @ narrow.t(), gradient @ narrow, (gradient.t() @ x).float()

        row = {"shape": [tokens, inputs, outputs]}
        row["t6"] = [round(rate(flops, options.rounds, work)) for work in ours]
        row["torch"] = [round(rate(flops, options.rounds, work)) for work in theirs]
        row["t6 all"] = round(rate(3 * flops, options.rounds, lambda: [work() for work in ours]))
        row["torch copied"] = round(rate(3 * flops, options.rounds, copied))
        print(json.dumps(row))


if __name__ == "__main__":
    main()
