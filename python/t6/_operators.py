"""Which versions of Torch the operators and t6-train of this package are for; knows it without importing Torch."""

import pathlib


def libraries(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The libraries of operators in the package's folder by the minor version of Torch that each is for, such as "2.13"."""
    return {path.stem.removeprefix("_ops-torch"): path for path in sorted(folder.glob("_ops-torch*.so"))}


def minor(version: str) -> str:
    """ "2.13" of "2.13.0+cpu"."""
    return ".".join(version.split(".")[:2])
