#!/usr/bin/env python3
"""Compares T6's reading of a GGUF file's SentencePiece tokenizer with SentencePiece itself, id for id.

    sentencepiece_oracle.py build/release/t6 BOOK.txt

Trains a tokenizer of Llama 2's kind on the book, writes it into a GGUF file as llama.cpp's converter does, and fails at
the first line of the book or odd string that the two encode or decode differently. Needs sentencepiece and gguf; no test
runs it.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import gguf
import sentencepiece

ODD = ["", " ", "   ", " a", "a ", "  a  b  ", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "中文 字",
       "\t\n\r", "<0x41>", "\u2581", "a\u2581b"]
PARTS = [" ", "  ", "a", "the", "ing", "\xe9", "\U0001f600", "\n", "12", "_", "\u2581", "中"]


def train(book, folder):
    sentencepiece.SentencePieceTrainer.train(
        input=str(book), model_prefix=str(folder / "book"), vocab_size=3000, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "book.model"))


def token_type(pieces, token):
    kinds = ((pieces.is_unknown, gguf.TokenType.UNKNOWN), (pieces.is_control, gguf.TokenType.CONTROL),
             (pieces.is_byte, gguf.TokenType.BYTE))
    return next((kind for is_kind, kind in kinds if is_kind(token)), gguf.TokenType.NORMAL)


def write_gguf(path, pieces):
    writer = gguf.GGUFWriter(path, "llama")
    tokens = range(pieces.get_piece_size())
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(token) for token in tokens])
    writer.add_token_scores([pieces.get_score(token) for token in tokens])
    writer.add_token_types([token_type(pieces, token) for token in tokens])
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def run(t6, command, path, values):
    text = "".join(json.dumps(value) + "\n" for value in values)
    result = subprocess.run([t6, "tokenizer", command, "--jsonl", "--tokenizer", path], input=text.encode(),
                            stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in result.stdout.decode().split("\n")[:-1]]


def compare(what, values, found, wanted):
    for value, ours, theirs in zip(values, found, wanted, strict=True):
        if ours != theirs:
            sys.exit(f"{what} {value!r}\n t6     {ours!r}\n wanted {theirs!r}")
    print(f"{what}: {len(values)} agree")


def main():
    t6, book = sys.argv[1], pathlib.Path(sys.argv[2])
    lines, rng = book.read_text().split("\n"), random.Random(1)
    strings = ODD + lines[:10000] + ["\n".join(lines[:300])]
    strings += ["".join(rng.choice(PARTS) for _ in range(rng.randrange(25))) for _ in range(5000)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pieces, path = train(book, folder), folder / "book.gguf"
        write_gguf(path, pieces)
        ids = [pieces.encode(string) for string in strings]
        compare("encoding", strings, run(t6, "encode", path, strings), ids)
        compare("decoding", ids, run(t6, "decode", path, ids), [pieces.decode(row) for row in ids])


if __name__ == "__main__":
    main()
