#!/usr/bin/env python3
"""Writes what the package jieba cuts Chinese into words with as two files that t6 reads.

    scripts/convert_chinese_words.py PACKAGE/jieba FOLDER

FOLDER/dict.txt is the package's own list of words; FOLDER/model.json has the logarithms of probabilities of its hidden
Markov model. The package's Python files are read as data, not run.
"""
import ast
import json
import pathlib
import shutil
import sys

TABLES = {"start": "prob_start.py", "transition": "prob_trans.py", "emission": "prob_emit.py"}


def table(path):
    """The value that the file gives to P."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and [target.id for target in statement.targets] == ["P"]:
            return ast.literal_eval(statement.value)
    sys.exit(f"{path}: nothing is called P there")


def write_model(path, tables):
    path.write_text(json.dumps(tables, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main():
    package, folder = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True)
    shutil.copyfile(package / "dict.txt", folder / "dict.txt")
    write_model(folder / "model.json", {name: table(package / "finalseg" / file) for name, file in TABLES.items()})


if __name__ == "__main__":
    main()
