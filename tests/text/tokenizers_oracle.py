#!/usr/bin/env python3
"""Compares `t6 tokenizer` with Hugging Face's `tokenizers`, id for id.

    tokenizers_oracle.py build/t6 [--strings 20000] [--seed 0] [--tokenizer PATH] [--book FILE]

Trains a small tokenizer for each family of pre-tokenizers, makes random strings, and fails at the first string that
the two encode or decode differently. --tokenizer compares a real tokenizer.json too, --book a whole text.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
WORDS = """the of and to in that he was it his is with as i had for at by on be The And God said unto them don't we'll
I'M they've naïve café résumé straße Привет мир как дела Ελλάδα καλημέρα 你好 世界 中文 日本語 テスト こんにちは 한국어 안녕
สวัสดี नमस्ते مرحبا שלום ქართული Việt Nam İstanbul ǅ ﬁ ﬅ ſ K 12345 3.14159 0x1F 1,000,000 ٣٤٥ ४५६ Ⅷ ½ ² 万
def main(): return x == y; != -> <= // /* */ http://a.b/c?d=e&f=g user@example.com #tag $100 50% ... --- === ```
{} [] () <b> </b>""".split()
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|a|>", "<|a|><|b|>"]
ADDED = ["<word>", "<left>", "<right>", "<both>", "    ", "12345", "cafe\u0301", "caf\xe9", "\xe9\xa0"]
CUT_SHORT = ["<|a|", "<|endoftext"]
CONTROLS = list("\x00\x01\x1b\x7f\x85\xad\t\n\r\v\f") + ["\r\n", "\n\n"]
SPACES = list("\xa0\u1680\u180e\u2003\u2028\u2029\u202f\u200b\u200c\u200d\ufeff\u3000")
# Marks that move or compose, letters that compose, and characters of the newest versions of Unicode.
MARKS = list("\u0301\u0323\u0345\u0f73\u1e9e\u212b\u2126\U0001d15e\ufffd\ue000\U0010ffff")
NEWEST = list("\U0001ccf3\U00011de2\U00016ff5\U000323a0")
SEQUENCES = ["e\u0301", "q\u0323\u0307", "\u1100\u1161\u11a8", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f",
             "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467"]
EDGES = CONTROLS + SPACES + MARKS + NEWEST + SEQUENCES
BLOCKS = [0x300, 0x900, 0xE00, 0x1100, 0x1E00, 0x2000, 0x3000, 0x4E00, 0xAC00, 0xF900, 0x11000, 0x1F300]
CONTRACTED = ["'s", "'S", "'T", "'re", "'ſ", "'LL", "'l", "'d'", "''ve", "’s"]


def byte_level(use_regex, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=use_regex)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def families():
    """How the families that the library knows by name normalize and cut text."""
    sequence, none = pre_tokenizers.Sequence, None
    yield "gpt2", none, byte_level(True)
    yield "llama3", none, sequence([split(CONTRACTIONS + r"|\p{N}{1,3}" + TAIL), byte_level(False)])
    yield "qwen2", normalizers.NFC(), sequence([split(CONTRACTIONS + r"|\p{N}" + TAIL), byte_level(False)])
    yield "smollm2", none, sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)])


def oddities():
    """What else a tokenizer.json may ask for."""
    sequence, none = pre_tokenizers.Sequence, None
    yield "prefix", none, sequence([pre_tokenizers.Digits(individual_digits=False), byte_level(True, prefix=True)])
    yield "removed", normalizers.Sequence([normalizers.NFC()]), sequence([split(r"\s+", "removed"), byte_level(False)])
    yield "previous", none, sequence([split(r"\d|\p{P}", "merged_with_previous"), byte_level(False, prefix=True)])
    yield "next", none, sequence([split(r"[^\S\n]|\p{Lu}", "merged_with_next"), byte_level(False)])
    yield "contiguous", none, sequence([split(r"\P{L}", "contiguous"), byte_level(False)])
    yield "inverted", none, sequence([split(r"\p{L}+|\D", "removed", invert=True), byte_level(False)])
    yield "empty matches", none, sequence([split(r"(?=\p{Lu})|x*|(?<=\p{M})", "isolated"), byte_level(False)])
    yield "lines", none, sequence([split(r"^.|.$|(?i:th|es)+", "isolated"), byte_level(False)])
    plain = [pre_tokenizers.Split(".", "isolated"), pre_tokenizers.Split("\n", "removed")]
    yield "string", none, sequence([*plain, byte_level(True)])


def sentence_pieces():
    """Llama 2's kind, whose words are characters with bytes for the rare ones: as it was first written, and as it is now."""
    mark = "\u2581"
    spaces = [decoders.Replace(mark, " "), decoders.ByteFallback(), decoders.Fuse()]
    strip = decoders.Strip(" ", 1, 0)
    prepend = normalizers.Sequence([normalizers.Prepend(mark), normalizers.Replace(" ", mark)])
    yield "prepend", prepend, None, decoders.Sequence([*spaces, strip])
    yield "replace", normalizers.Sequence([normalizers.Replace(" ", mark)]), None, decoders.Sequence(spaces)
    for scheme in ("first", "always", "never"):
        yield (f"metaspace {scheme}", None, pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False),
               decoders.Sequence([*spaces, strip]))
    # Words of which the trainer has not seen the ends: their tokens go on over spaces.
    yield "metaspace split", None, pre_tokenizers.Metaspace(), decoders.Sequence([*spaces, strip])


def add_tokens(tokenizer):
    tokenizer.add_special_tokens([AddedToken(SPECIALS[3]), AddedToken(SPECIALS[4], lstrip=True)])
    tokenizer.add_tokens([
        AddedToken("<word>", single_word=True),
        AddedToken("<left>", lstrip=True),
        AddedToken("<right>", rstrip=True),
        AddedToken("<both>", lstrip=True, rstrip=True, normalized=False),
        AddedToken("cafe\u0301", normalized=True),
        AddedToken("\xe9\xa0", normalized=False),
        AddedToken("    "),
        AddedToken("12345"),
    ])


def train_sentence_pieces(normalizer, pre_tokenizer, decoder, texts, vocab_size=1500):
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, limit_alphabet=200,
        special_tokens=["<unk>", *SPECIALS[:3], *(f"<0x{byte:02X}>" for byte in range(256))]))
    add_tokens(tokenizer)
    file = json.loads(tokenizer.to_str())
    # Bytes are tokens of the model and not such as are found in a text.
    file["added_tokens"] = [token for token in file["added_tokens"] if not token["content"].startswith("<0x")]
    return file


def train(normalizer, pre_tokenizer, texts, ignore_merges, vocab_size=1200):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, special_tokens=SPECIALS[:3],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(texts, trainer)
    add_tokens(tokenizer)
    return tokenizer


def some(rng, most, character):
    """A string of fewer than `most` characters, each a call of `character`."""
    return "".join(character() for _ in range(rng.randrange(most)))


def any_character(rng):
    """Any code point, assigned or not, but no surrogate."""
    code_point = rng.randrange(0x110000 - 0x800)
    return chr(code_point if code_point < 0xD800 else code_point + 0x800)


def block(rng, first):
    return some(rng, 12, lambda: chr(first + rng.randrange(0x300)))


PIECES = [
    *[lambda rng: rng.choice(["", " ", " ", "  ", "\n", "\t"]) + rng.choice(WORDS)] * 5,
    lambda rng: rng.choice(EDGES) * rng.choice([1, 1, 2, 5]),
    lambda rng: some(rng, 30, lambda: rng.choice("  \n\r\t\u3000")),
    lambda rng: some(rng, 25, lambda: rng.choice("0123456789٣४Ⅷ½")),
    lambda rng: rng.choice(["", " ", "a", "\n"]) + rng.choice(SPECIALS + ADDED + CUT_SHORT) + rng.choice(["", " ", "b"]),
    lambda rng: some(rng, 20, lambda: chr(rng.randrange(0x20, 0x7F))),
    lambda rng: some(rng, 12, lambda: chr(rng.randrange(0x80, 0x600))),
    lambda rng: block(rng, rng.choice(BLOCKS)),
    lambda rng: some(rng, 6, lambda: any_character(rng)),
    lambda rng: rng.choice("aAé中\u0301") * rng.randrange(60),
    lambda rng: rng.choice("aeiouAEIOUkKсあ가") + some(rng, 4, lambda: chr(rng.randrange(0x300, 0x370))),
    lambda rng: rng.choice(CONTRACTED),
]


def random_string(rng):
    return "".join(rng.choice(PIECES)(rng) for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 13, 21])))


def all_characters():
    """Every code point, between letters and among marks that NFC may reorder or compose with it."""
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for begin in range(0, len(points), 512):
        characters = [chr(c) for c in points[begin:begin + 512]]
        yield "".join("a" + c for c in characters)
        if any(unicodedata.category(c)[0] != "C" for c in characters):
            yield "".join(" 1" + c + "\u0323\u0301" + c for c in characters)
    for point in points:
        character = chr(point)
        pieces = unicodedata.normalize("NFD", character)
        if unicodedata.combining(character) or pieces != character or unicodedata.category(character)[0] == "M":
            yield f"{character}a\u0301{character}\u0323\u0334{character} {pieces} \uac00{character} {pieces[::-1]}"


def run(program, *arguments, text):
    result = subprocess.run([program, "tokenizer", *arguments], input=text.encode(), capture_output=True)
    if result.returncode != 0:
        sys.exit(f"t6 tokenizer {' '.join(arguments)}: {result.stderr.decode(errors='replace')}")
    return result.stdout.decode()


def json_lines(values):
    return "".join(json.dumps(value) + "\n" for value in values)


def compare(name, t6, path, strings, rng, any_bytes=True):
    """any_bytes: ids that decode to broken UTF-8 are decoded as Hugging Face does it, too."""
    oracle = Tokenizer.from_file(str(path))
    lines = run(t6, "encode", "--jsonl", "--tokenizer", str(path), text=json_lines(strings)).splitlines()
    if len(lines) != len(strings):
        sys.exit(f"{name}: {len(strings)} strings gave {len(lines)} lines")
    wanted = [oracle.encode(s, add_special_tokens=False).ids for s in strings]
    for string, line, ids in zip(strings, lines, wanted):
        if json.loads(line) != ids:
            tokens = [oracle.id_to_token(i) for i in ids]
            sys.exit(f"{name}: {string!r}\n t6     {line}\n wanted {json.dumps(ids)}\n wanted {tokens}")
    # Decoding: what was encoded, and ids at random, which are mostly not UTF-8.
    size = oracle.get_vocab_size()
    rows = wanted + any_bytes * [[rng.randrange(size + 5) for _ in range(rng.randrange(12))] for _ in range(len(strings))]
    for skip in (False, True):
        flags = ["--skip-special"] if skip else []
        lines = run(t6, "decode", "--jsonl", *flags, "--tokenizer", str(path), text=json_lines(rows)).split("\n")
        for row, line, text in zip(rows, lines, oracle.decode_batch(rows, skip_special_tokens=skip), strict=False):
            if json.loads(line) != text:
                sys.exit(f"{name}: decoding {row} (skip special: {skip})\n t6     {line}\n wanted {json.dumps(text)}")
    print(f"{name}: {len(strings)} strings and {len(rows)} rows of ids agree")


def byte_tokenizer(t6, folder):
    """The file that `t6 prepare` writes for its built-in tokenizer."""
    source = folder / "source.txt"
    source.write_text("".join(f"Paragraph {i}.\n\n" for i in range(1000)))
    command = [t6, "prepare", str(source), "--out", str(folder / "prepared"), "--document-bytes", "1KiB"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "prepared" / "tokenizer.json"


def compare_training(t6, folder, text, vocab_size):
    """t6's trainer must learn what Hugging Face's learns, and its file must mean the same to both."""
    source = folder / "train.txt"
    source.write_text(text, newline="")
    for name, normalizer, pre_tokenizer in families():
        path = folder / f"trained_{name}.json"
        run(t6, "train", str(source), "--vocab-size", str(vocab_size), "--out", str(path), "--pattern", name, text="")
        tokenizer = Tokenizer(models.BPE())
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.train_from_iterator([text], trainers.BpeTrainer(
            vocab_size=vocab_size, show_progress=False, special_tokens=SPECIALS[:1],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        wanted = json.loads(tokenizer.to_str())["model"]
        found = json.loads(path.read_text())["model"]
        # Hugging Face repeats a merge that it comes to twice.
        merges = list(dict.fromkeys(" ".join(m) for m in wanted["merges"]))
        if found["merges"] != merges:
            at = next(i for i, (a, b) in enumerate(zip(found["merges"], merges)) if a != b)
            sys.exit(f"training {name}: merge {at} is {found['merges'][at]!r}, wanted {merges[at]!r}")
        if found["vocab"] != wanted["vocab"]:
            sys.exit(f"training {name}: the merges agree, the ids do not")
        print(f"training {name}: {len(merges)} merges agree")
        yield name, path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("t6", help="the program")
    parser.add_argument("--strings", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokenizer", action="append", default=[], help="a real tokenizer.json to compare too")
    parser.add_argument("--book", help="a text to encode whole")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    strings = [random_string(rng) for _ in range(arguments.strings)]
    texts = [random_string(rng) for _ in range(3000)]
    texts += [" ".join(rng.choice(WORDS) for _ in range(40)) for _ in range(300)]
    whole = ["\n".join(texts), *all_characters()]
    if arguments.book:
        whole.append(pathlib.Path(arguments.book).read_bytes().decode(errors="replace"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for family, normalizer, pre_tokenizer in [*families(), *oddities()]:
            path = folder / f"{family.replace(' ', '_')}.json"
            # The Llama 3 family takes whole words from the vocabulary, whatever the merges say.
            train(normalizer, pre_tokenizer, texts, family == "llama3").save(str(path))
            known = family in ("gpt2", "llama3", "qwen2", "smollm2")
            compare(family, arguments.t6, path, strings + whole if known else strings[:4000], rng)
        for name, normalizer, pre_tokenizer, decoder in sentence_pieces():
            path = folder / f"{name.replace(' ', '_')}.json"
            words = [text.replace("\n", " ") for text in texts]
            path.write_text(json.dumps(train_sentence_pieces(normalizer, pre_tokenizer, decoder, words)))
            # Without places to cut, Hugging Face takes its time with whole books.
            compare(f"sentence pieces, {name}", arguments.t6, path, strings[:4000] + whole[1:500], rng, any_bytes=False)
        compare("bytes", arguments.t6, byte_tokenizer(arguments.t6, folder), strings + whole[:1], rng)
        plain = " ".join(rng.choice(WORDS) for _ in range(20000)).replace("<", "")
        for family, path in compare_training(arguments.t6, folder, plain, 700):
            compare(f"trained {family}", arguments.t6, path, strings[:2000] + whole[:1], rng)
        for path in arguments.tokenizer:
            compare(path, arguments.t6, path, strings + whole, rng)


if __name__ == "__main__":
    main()
