"""metrics.jsonl: a line for each record of a training step or an evaluation."""

import json
import os
import pathlib
from typing import Any

from .files import write_bytes


def lines_until(text: bytes, step: int) -> bytes:
    """The lines up to and with `step`, without a torn or malformed line and what follows it."""
    kept = 0
    for line in text.splitlines(keepends=True):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            break
        at = record.get("step") if isinstance(record, dict) else None
        if not line.endswith(b"\n") or not isinstance(at, int) or at > step:
            break
        kept += len(line)
    return text[:kept]


class Metrics:
    """Appends to a file. A kill leaves at most the last line torn."""

    def __init__(self, path: pathlib.Path, step: int):
        """Goes on after `step`: lines of later steps are cut off."""
        if path.exists():
            write_bytes(path, lines_until(path.read_bytes(), step))
        self.file = open(path, "ab", buffering=0)

    def add(self, record: dict[str, Any]) -> None:
        self.file.write((json.dumps(record, separators=(",", ":")) + "\n").encode())

    def sync(self) -> None:
        """All lines survive a power cut."""
        os.fsync(self.file.fileno())

    def close(self) -> None:
        self.file.close()
