#!/usr/bin/env python3
"""Writes tests/text/fixtures/: small tokenizers trained by Hugging Face's `tokenizers`, and what they make of texts.

A fixture holds a "tokenizer" (a tokenizer.json) and "cases" with "text", "ids", "decoded", "decoded_without_special".
"""
import json
import pathlib
import random

from tokenizers import Tokenizer

import tokenizers_oracle as oracle

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "In the beginning God created the heaven and the earth.",
    "don't WE'LL they'VE 'tis ''s",
    "  two  spaces   three\n\n\nlines \n \t tabs\t\tend  ",
    "12345 3.14 1,000,000 x2y34z ٣٤٥ ½Ⅷ",
    "naïve café cafe\u0301 Ångström \u212b",
    "<|endoftext|>",
    "a<|endoftext|>b<|im_start|> x <|im_end|>",
    "a <left>b <right> c <both> d<word>e <word> f",
    "\x00\x01\x7f\x85\xa0\u180e\u2003\u3000",
    "👨\u200d👩\u200d👧 👍🏽 🇩🇪 ❤️",
    "中文字符 日本語 한국어 ไทย हिन्दी العربية עברית",
    "\r\n\r\nwindows\r\nlines\r",
    "a" * 100,
    "=" * 40 + "\n" + "-" * 7,
]
CASES = 60


def main():
    rng = random.Random(6)
    texts = TEXTS + [oracle.random_string(rng) for _ in range(CASES - len(TEXTS))]
    corpus = [oracle.random_string(rng) for _ in range(600)]
    folder = pathlib.Path(__file__).parent / "fixtures"
    folder.mkdir(exist_ok=True)
    for family, normalizer, pre_tokenizer in oracle.families():
        tokenizer = oracle.train(normalizer, pre_tokenizer, corpus, family == "llama3", vocab_size=420)
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        cases = []
        for text in texts:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            cases.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                          "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True)})
        fixture = {"tokenizer": json.loads(tokenizer.to_str()), "cases": cases}
        (folder / f"{family}.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
