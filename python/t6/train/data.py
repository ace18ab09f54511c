"""Training and validation sequences out of token shards, in T6's order: a function of seed and step."""

import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import numpy
import torch

from .errors import TrainError, require
from .files import write_bytes
from .random_numbers import Random, mix64

MAGIC = 20240520
HEADER_BYTES = 1024


class Shard:
    """A file of tokens in llm.c's layout. Errors: no shard, another version, a length that its header does not say."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        header = numpy.fromfile(path, dtype="<i4", count=256)
        require(header.size == 256, f"{path}: not a token shard: {path.stat().st_size} bytes, and its header alone has "
                f"{HEADER_BYTES}")
        magic, version, self.size = (int(number) for number in header[:3])
        require(magic == MAGIC, f"{path}: not a token shard: it begins with {magic}, wanted {MAGIC}")
        require(version in (1, 2), f"{path}: token shard of version {version}, wanted 1 (uint16) or 2 (uint32)")
        self.type = numpy.dtype("<u2" if version == 1 else "<u4")
        found = path.stat().st_size - HEADER_BYTES
        require(found == self.size * self.type.itemsize, f"{path}: {found} bytes follow the header, wanted "
                f"{self.size * self.type.itemsize} for its {self.size} tokens of {self.type.itemsize} bytes")

    def read(self, begin: int, count: int) -> numpy.ndarray:
        """int64. Error: a file that has shrunk since it was opened."""
        tokens = numpy.fromfile(self.path, self.type, count, offset=HEADER_BYTES + begin * self.type.itemsize)
        require(tokens.size == count, f"{self.path}: ends before token {begin + count}; it has shrunk")
        return tokens.astype(numpy.int64)


def write_shards(folder: str | pathlib.Path, tokens: Sequence[int], validation: float = 0.1) -> None:
    """Writes tokens, ids from 0 to 65535, as a data folder whose last part is for validation. `t6 prepare` does it for
    texts of any size, documents and tokenizers. Error: an id that is none of these."""
    folder, ids = pathlib.Path(folder), numpy.asarray(tokens, numpy.int64)
    require(ids.size == 0 or 0 <= ids.min() and ids.max() < 65536, f"{folder}: tokens go from 0 to 65535")
    folder.mkdir(parents=True, exist_ok=True)
    cut = ids.size - round(validation * ids.size)
    for split, part in (("train", ids[:cut]), ("val", ids[cut:])):
        if part.size == 0:
            continue
        header = numpy.zeros(HEADER_BYTES // 4, "<i4")
        header[:3] = MAGIC, 1, part.size
        write_bytes(folder / f"{split}_000000.bin", header.tobytes() + part.astype("<u2").tobytes())


def has_word(name: str, word: str) -> bool:
    """Whether `word` stands in `name` between ends, underscores, dashes or dots."""
    return word in re.split("[_.-]", name)


def find_shards(path: pathlib.Path, split: str) -> list[pathlib.Path]:
    """The shards of a split in a folder, by name; none where it has none. A file is itself, whatever the split."""
    require(path.exists(), f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix == ".bin" and has_word(file.stem, split))


class Sequences:
    """Sequences of `context` tokens of a split and, one further on, their targets."""

    def __init__(self, path: str | pathlib.Path, split: str, context: int, vocab_size: int):
        self.path, self.split, self.context, self.vocab_size = pathlib.Path(path), split, context, vocab_size
        paths = find_shards(self.path, split)
        require(bool(paths), f'{path}: no token shards of the split "{split}" (files like {split}_000000.bin); '
                "'t6 prepare' writes them")
        self.shards = [Shard(shard) for shard in paths]
        self.ends = numpy.cumsum([shard.size for shard in self.shards])
        self.tokens = int(self.ends[-1])
        require(self.tokens > context, f'{path}: the split "{split}" has {self.tokens} tokens; a sequence of '
                f"train.context = {context} and its target need {context + 1}")

    def window(self, begin: int) -> numpy.ndarray:
        """context + 1 tokens; they may cross from one shard into the next."""
        parts, end = [], begin + self.context + 1
        index = int(numpy.searchsorted(self.ends, begin, side="right"))
        while begin < end:
            first = int(self.ends[index]) - self.shards[index].size
            count = min(end, int(self.ends[index])) - begin
            parts.append(self.shards[index].read(begin - first, count))
            begin, index = begin + count, index + 1
        return numpy.concatenate(parts)

    def read(self, begins: list[int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets [len(begins), context], int64. Error: a token that the vocabulary does not have."""
        windows = numpy.stack([self.window(begin) for begin in begins])
        if windows.max() >= self.vocab_size:
            row, place = numpy.argwhere(windows >= self.vocab_size)[0]
            raise TrainError(f'{self.path}: token {begins[row] + place} of the split "{self.split}" is '
                             f"{windows[row, place]}; the model's vocab_size is {self.vocab_size}")
        tokens = torch.from_numpy(windows).to(device)
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


def shuffled(index: int, count: int, key: int) -> int:
    """A permutation of [0, count): a Feistel network over the next power of four, walked until it lands inside."""
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for turn in range(4):
            left, right = right, left ^ (mix64(key ^ mix64(right ^ (turn << 32))) & mask)
        index = left << half | right
        if index < count:
            return index


class ShuffledOrder:
    """In each epoch every sequence once, shuffled, the cuts between them moved."""

    def __init__(self, tokens: int, context: int, seed: int):
        self.context, self.seed = context, seed
        self.count = max(1, (tokens - context) // context)
        self.room = min(context, tokens - self.count * context)  # a target follows the last token

    def begin(self, sequence: int) -> int:
        """Where sequence 0, 1, ... of the run begins."""
        random = Random(self.seed, sequence // self.count)
        offset = random.below(self.room)
        return offset + shuffled(sequence % self.count, self.count, random.next()) * self.context


def even_begins(tokens: int, context: int, count: int) -> list[int]:
    """Begins of at most `count` sequences (0: as many as fit) that lie evenly over the tokens and do not overlap."""
    fitting = (tokens - 1) // context
    count = count if 0 < count <= fitting else fitting
    return [(tokens - 1) // count * i + min(i, (tokens - 1) % count) for i in range(count)]


class DataFacts:
    """What a data folder says of its tokens: a vocabulary's size, bytes of a validation token, a tokenizer, or None."""

    def __init__(self, path: str | pathlib.Path):
        folder = pathlib.Path(path)
        summary, tokenizer = read_summary(folder / "data.json"), folder / "tokenizer.json"
        self.tokenizer = tokenizer if tokenizer.is_file() else None
        self.vocab_size: int | None = summary.get("vocab_size")
        validation = summary.get("val", {})
        known = validation.get("tokens", 0) > 0 and validation.get("bytes", 0) > 0
        self.bytes_per_token: float | None = validation["bytes"] / validation["tokens"] if known else None
        if self.vocab_size is None and self.tokenizer is not None:
            self.vocab_size = tokenizer_size(self.tokenizer)


def read_summary(path: pathlib.Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_text())
        whole = isinstance(summary["vocab_size"], int) and isinstance(summary["val"]["tokens"], int)
        require(whole and isinstance(summary["val"]["bytes"], int), f"{path}: its counts are no whole numbers")
        return summary
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrainError(f"{path}: not a summary that 't6 prepare' wrote: {error}") from error


def tokenizer_size(path: pathlib.Path) -> int:
    """Ids of a tokenizer.json: those of its vocabulary and of its added tokens."""
    try:
        tokenizer = json.loads(path.read_text())
        ids = [*tokenizer["model"]["vocab"].values(), *(token["id"] for token in tokenizer.get("added_tokens") or [])]
        return max(ids) + 1
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainError(f"{path}: not a tokenizer.json: {error}") from error
