"""Files that are whole or not there: written beside, synced, renamed."""

import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from .processes import whole

PARTIAL = ".partial"


def partial_of(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name + PARTIAL)


def sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: pathlib.Path, data: bytes) -> None:
    """The whole file, or nothing of it."""
    with open(partial_of(path), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial_of(path).replace(path)
    sync_folder(path.parent)


def write_json(path: pathlib.Path, value: Any) -> None:
    write_bytes(path, (json.dumps(value, indent=2, sort_keys=True) + "\n").encode())


def write_safetensors(path: pathlib.Path, tensors: Iterable[tuple[str, Tensor]], writes: bool) -> None:
    """Float32 tensors as safetensors, one after the other, so that no more than one is ever whole in memory.

    Every process has to call it; the one that `writes` writes.
    """
    tensors, header, begin = list(tensors), {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors:
        end = begin + 4 * tensor.numel()
        header[name], begin = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}, end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(partial_of(path) if writes else os.devnull, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in tensors:
            value = whole(tensor)
            if writes:
                file.write(memoryview(value.numpy()).cast("B") if value.numel() else b"")
        if writes:
            file.flush()
            os.fsync(file.fileno())
    if writes:
        partial_of(path).replace(path)
