#!/usr/bin/env python3
"""Fails where a name of namespace t6 is declared once more in the namespace of the kernels' instruction sets.

    python3 scripts/check_target_names.py

Code that is compiled for each instruction set lies in t6::HWY_NAMESPACE, where such a name hides the other one without a
word from the compiler. Functions that are dispatched have both on purpose, so only constants and types are looked at.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1] / "src/t6"
NAMESPACE = re.compile(r"^(?:}  // )?namespace (t6(?:::HWY_NAMESPACE)?)(?: {)?$")
DECLARATION = re.compile(r"^(?:inline )?(?:constexpr [\w:]+(?:<.*>)? (k\w+)\b|(?:struct|class|enum class) (\w+)\b|using (\w+) =)")


def declarations(path):
    """(namespace, name) of each constant and type at the top level."""
    inside = ""
    for line in path.read_text().splitlines():
        if found := NAMESPACE.match(line):
            inside = "" if line.startswith("}") else found[1]
        elif inside and (found := DECLARATION.match(line)):
            yield inside, next(name for name in found.groups() if name)


def main():
    places = {"t6": {}, "t6::HWY_NAMESPACE": {}}
    for path in sorted(ROOT.rglob("*")):
        if path.suffix not in (".h", ".cc") or not path.is_file():
            continue
        for namespace, name in declarations(path):
            # Another file's unnamed declarations are not seen from here.
            if namespace == "t6" and path.suffix == ".cc":
                continue
            places[namespace].setdefault(name, path.relative_to(ROOT))
    hidden = sorted(places["t6"].keys() & places["t6::HWY_NAMESPACE"].keys())
    for name in hidden:
        print(f"{places['t6::HWY_NAMESPACE'][name]}: {name} hides that of {places['t6'][name]}", file=sys.stderr)
    if hidden:
        sys.exit(1)
    print("check: the instruction sets' code hides no name")


if __name__ == "__main__":
    main()
