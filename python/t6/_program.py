"""The console scripts `t6` and `t6-train`: the programs that the wheel carries, the latter in a wheel with operators alone."""

import importlib.metadata
import importlib.util
import os
import pathlib
import sys

from ._operators import libraries, minor

_PACKAGE = pathlib.Path(__file__).parent


def main():
    _run("t6", needs_torch=False)


def train():
    _run("t6-train", needs_torch=True)


def _run(name, needs_torch):
    program = _PACKAGE / "bin" / name
    if not program.is_file():
        wheel = "this wheel was built without it; 'make wheel OPERATORS=ON' puts it in" if needs_torch else "build it with 'make build'"
        sys.exit(f"{name}: error: the program is not in this package: {wheel}")
    error = _add_torch()
    if needs_torch and error:
        sys.exit(f"{name}: error: {error}")
    os.execv(program, [name, *sys.argv[1:]])


def _add_torch():
    """Shows t6-train, which t6 may start, LibTorch's libraries in the package of Torch. Why it cannot, where it cannot."""
    built_for = " or ".join(libraries(_PACKAGE))
    spec = importlib.util.find_spec("torch") if built_for else None
    if spec is None or spec.origin is None:
        return f"it needs the libraries of Torch {built_for}: pip install 'torch=={built_for}.*'"
    found = importlib.metadata.version("torch")
    if minor(found) not in libraries(_PACKAGE):
        return f"it is built for Torch {built_for}, and this is Torch {found}: pip install 'torch=={built_for}.*'"
    paths = [str(pathlib.Path(spec.origin).parent / "lib"), os.environ.get("LD_LIBRARY_PATH")]
    os.environ["LD_LIBRARY_PATH"] = ":".join(path for path in paths if path)
    return None
