"""The console script `t6`: the program that the wheel carries."""

import os
import pathlib
import sys


def main():
    program = pathlib.Path(__file__).parent / "bin/t6"
    if not program.is_file():
        sys.exit("t6: error: the program is not in this package; build it with 'make build'")
    os.execv(program, ["t6", *sys.argv[1:]])
