#!/usr/bin/env python3
"""Writes the grids of GGUF's IQ types as a table of C++, from the Python package gguf. Needs gguf and numpy.

    make_gguf_grids.py src/t6/numbers/dequantize/grids.cc
"""
import pathlib
import sys

import numpy
from gguf import quants

GRIDS = (("kIq2XxsGrid", quants.IQ2_XXS), ("kIq2XsGrid", quants.IQ2_XS), ("kIq2SGrid", quants.IQ2_S),
         ("kIq1Grid", quants.IQ1_S), ("kIq3XxsGrid", quants.IQ3_XXS), ("kIq3SGrid", quants.IQ3_S))
COLUMNS = 14


def rows(kind):
    """Each row's digits in one number, the first one lowest."""
    kind.init_grid()
    digits = numpy.searchsorted(kind.grid_map, kind.grid.reshape(kind.grid_shape))
    bits = 2 if len(kind.grid_map) == 3 else 3
    return [sum(int(digit) << bits * i for i, digit in enumerate(row)) for row in digits]


def main():
    text = ("// Made by tests/numbers/make_gguf_grids.py.\n#include \"t6/numbers/dequantize/grids.h\"\n\n"
            "namespace t6 {\n\n// clang-format off\n")
    for name, kind in GRIDS:
        numbers = rows(kind)
        lines = [", ".join(f"0x{n:04x}" for n in numbers[i:i + COLUMNS]) for i in range(0, len(numbers), COLUMNS)]
        text += f"const uint16_t {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "};\n\n"
    pathlib.Path(sys.argv[1]).write_text(text + "// clang-format on\n\n}  // namespace t6\n")


if __name__ == "__main__":
    main()
