#!/usr/bin/env python3
"""Checks the plan of the house: which room of src/t6 may include which, and what a library room never does.

A room includes from the rooms named here and from itself. A header at a room's root is one of its doors; a header in a
subfolder is the room's own. The serving wing (infer, grammar, eval, report, compare, serve, python) and the training wing (ops, nn, train, convert) never
meet, and only the training wing sees Torch. No two types have the same name.
"""

import pathlib
import re
import sys

FOUNDATION = ["core", "numbers", "kernels", "formats", "text", "model", "import"]
MAY_INCLUDE = {
    "core": [],
    "numbers": ["core"],
    "kernels": ["core", "numbers"],
    "formats": ["core", "numbers"],
    "text": ["core", "formats"],
    "tasks": ["core", "formats"],
    "labelled": ["core", "formats", "text"],
    "model": ["core", "numbers", "kernels", "formats"],
    "import": ["core", "numbers", "kernels", "formats", "text", "model"],
    "infer": FOUNDATION,
    "grammar": FOUNDATION + ["infer"],
    "eval": FOUNDATION + ["infer", "tasks", "labelled"],
    "report": FOUNDATION + ["infer"],
    "compare": FOUNDATION + ["infer", "report", "labelled"],
    "serve": FOUNDATION + ["infer", "grammar"],
    "python": FOUNDATION + ["infer"],
    "ops": FOUNDATION,
    "nn": FOUNDATION + ["ops"],
    "train": FOUNDATION + ["ops", "nn", "labelled"],
    "convert": FOUNDATION + ["ops", "nn", "train"],
    "bench": ["core"],
    "attention_bench": FOUNDATION + ["bench", "cli"],
    "cli": ["core"],
    "cli/serving": FOUNDATION + ["tasks", "labelled", "infer", "grammar", "eval", "report", "compare", "serve", "bench", "cli"],
    "cli/training": FOUNDATION + ["labelled", "ops", "nn", "train", "convert", "attention_bench", "cli"],
}

# Headers of these libraries belong to these rooms.
LIBRARIES = {
    r"(torch|ATen|c10)/": ["ops", "nn", "train", "convert", "attention_bench", "cli/training"],
    r"hwy/": ["kernels"],
    r"pcre2|utf8proc|zlib|zstd": ["text"],
    r"CLI/": ["cli", "cli/serving", "cli/training"],
    r"(arrow|parquet)/": ["text"],
    r"boost/": ["serve"],
    r"xgrammar/": ["grammar"],
    r"nanobind/": ["python"],
    r"mpi\.h": ["train"],
    r"google/protobuf/|\w+\.pb\.h": ["train"],
}

# A library reports by throwing t6::Error; only programs print or end the process.
NEVER = re.compile(
    r"\b(std::cout|std::cerr|std::clog|printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|fmt::print"
    r"|abort|exit|_exit|quick_exit|terminate|assert)\b\s*[(<]"
)


def room_of(path):
    """The room of a path below src/t6: "core", "train" (for train/events/x.h too), "cli/serving"."""
    parts = pathlib.PurePath(path).parts
    if parts[0] == "cli" and len(parts) > 2:
        return f"cli/{parts[1]}"
    return parts[0]


def is_door(path):
    return path.removeprefix(room_of(path) + "/").count("/") == 0


def without_comments_and_strings(source):
    pattern = r'R"(\w*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    return re.sub(pattern, lambda match: "\n" * match.group().count("\n"), source, flags=re.DOTALL)


def include_problem(root, room, opening, included):
    for library, rooms in LIBRARIES.items():
        if re.match(library, included):
            return None if room in rooms else f"{included} belongs to {', '.join(rooms)}"
    if opening == "<":
        return None
    if not included.startswith("t6/") or not (root.parent / included).is_file():
        return f'"{included}" is not a file of this project, written from src/ on'
    other = room_of(included.removeprefix("t6/"))
    if other != room and other not in MAY_INCLUDE[room]:
        return f'the room {room} may not include "{included}" of the room {other}'
    if other != room and not is_door(included.removeprefix("t6/")):
        return f'"{included}" is no door of the room {other}: headers in its subfolders are its own'
    return None


def problems(root):
    for file in sorted([*root.rglob("*.h"), *root.rglob("*.cc")]):
        name = file.relative_to(root).as_posix()
        room = room_of(name)
        if room not in MAY_INCLUDE:
            yield f"{file}: {room} is no room that scripts/check_includes.py knows"
            continue
        source = file.read_text(encoding="utf-8")
        for number, line in enumerate(source.splitlines(), 1):
            include = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
            if include and (problem := include_problem(root, room, *include.groups())):
                yield f"{file}:{number}: {problem}"
        if room.startswith("cli") or room == "attention_bench":
            continue
        for number, line in enumerate(without_comments_and_strings(source).splitlines(), 1):
            if found := NEVER.search(line):
                yield f"{file}:{number}: {found.group(1)} in a library room; throw t6::Error"


# Two types of one name in one program have one destructor between them, and no linker says so.
def name_problems(root):
    seen = {}
    for file in sorted(root.rglob("*.h")):
        for name in re.findall(r"^(?:struct|class) (\w+)[^;\n]*\{", file.read_text(encoding="utf-8"), re.MULTILINE):
            if seen.setdefault(name, file) != file:
                yield f"{file}: {name} is a type of {seen[name]}, too"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src/t6")
    found = [*problems(root), *name_problems(root)]
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        sys.exit(f"check: error: {len(found)} includes, calls or names that the plan of the house forbids")
    print("check: every room includes only what it may")


if __name__ == "__main__":
    main()
