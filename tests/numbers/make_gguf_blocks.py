#!/usr/bin/env python3
"""Makes gguf_blocks.safetensors: random blocks of every type of GGUF that T6 reads, and their numbers as the Python
package gguf dequantizes them. Needs gguf, numpy and safetensors.

    make_gguf_blocks.py tests/numbers/gguf_blocks.safetensors
"""
import sys

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, quants
from safetensors.numpy import save_file

TYPES = (Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q4_K, Type.Q5_K,
         Type.Q6_K, Type.Q2_K, Type.Q3_K, Type.IQ4_NL, Type.IQ4_XS, Type.MXFP4, Type.IQ3_S, Type.IQ3_XXS, Type.IQ2_S,
         Type.IQ2_XS, Type.IQ2_XXS, Type.IQ1_S, Type.IQ1_M, Type.TQ1_0, Type.TQ2_0)
# Where a block's float16 scales lie.
SCALES = {Type.Q8_0: (0,), Type.Q4_0: (0,), Type.Q4_1: (0, 2), Type.Q5_0: (0,), Type.Q5_1: (0, 2), Type.Q4_K: (0, 2),
          Type.Q5_K: (0, 2), Type.Q6_K: (208,), Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.IQ4_NL: (0,),
          Type.IQ4_XS: (0,), Type.MXFP4: (), Type.IQ3_S: (0,), Type.IQ3_XXS: (0,), Type.IQ2_S: (0,), Type.IQ2_XS: (0,),
          Type.IQ2_XXS: (0,), Type.IQ1_S: (0,), Type.IQ1_M: (), Type.TQ1_0: (52,), Type.TQ2_0: (64,)}
NUMBERS = 512  # two of the largest blocks


def main():
    random = numpy.random.default_rng(1)
    tensors = {}
    for type in TYPES:
        size, bytes = GGML_QUANT_SIZES[type]
        if type in SCALES:
            blocks = random.integers(0, 256, (NUMBERS // size, bytes), numpy.uint8)
            for at in SCALES[type]:
                scales = random.normal(0, 0.1, (len(blocks), 1)).astype(numpy.float16)
                blocks[:, at:at + 2] = scales.view(numpy.uint8)
            if type == Type.MXFP4:
                blocks[:, 0] = random.integers(118, 128, len(blocks))  # exponents of numbers about one
                blocks[0, 0], blocks[1, 0] = 0, 1  # and the two without a leading bit
            if type == Type.IQ1_M:
                # The scale's float16 lies in the upper four bits of four numbers.
                scales = random.normal(0, 0.1, len(blocks)).astype(numpy.float16).view(numpy.uint16)
                for i in range(4):
                    blocks[:, 49 + 2 * i] = blocks[:, 49 + 2 * i] & 15 | (scales >> 4 * i & 15).astype(numpy.uint8) << 4
        else:
            blocks = quants.quantize(random.normal(0, 1, NUMBERS).astype(numpy.float32), type).view(numpy.uint8)
        tensors[f"{type.name}.blocks"] = blocks.reshape(-1)
        tensors[f"{type.name}.numbers"] = quants.dequantize(blocks.reshape(-1), type).astype(numpy.float32).reshape(-1)
    save_file(tensors, sys.argv[1])


if __name__ == "__main__":
    main()
