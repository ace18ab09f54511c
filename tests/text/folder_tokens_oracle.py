#!/usr/bin/env python3
"""Compares the tokens of a folder with those of transformers' AutoTokenizer, where files beside tokenizer.json name some.

    folder_tokens_oracle.py build/release/t6 [--folders 300] [--seed 1]

Exits with an error where ids or the text that they decode to differ. Needs transformers and tokenizers.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTENTS = ["<s>", "</s>", "<|x|>", "<|y|>", "<pad>", "<a>", "he", "b"]
TEXTS = ["<|x|>a <|y|> b<pad><a>", "<s>h</s>he", " <s> he <|x|> <a> b", "plain", "<pad> <pad>b</s>"]
NAMES = ["bos_token", "eos_token", "unk_token", "pad_token"]


def token(rng, content, **more):
    special = rng.random() < 0.6
    flags = {name: rng.random() < 0.2 for name in ("single_word", "lstrip", "rstrip")}
    return {"content": content, **flags, "normalized": not special and rng.random() < 0.7, "special": special, **more}


def write_folder(rng, folder):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["he"]
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[("h", "e")]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ("<s>", "</s>")])
    file = json.loads(tokenizer.to_str())
    ids = rng.sample([257 + i for i in range(12)], 8)
    contents = rng.sample(CONTENTS, len(CONTENTS))
    for i in range(rng.randrange(3)):
        file["added_tokens"].append(token(rng, contents[i], id=rng.choice((259 + i, 300 + i, 400 - i))))
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    if rng.random() < 0.5:
        config["added_tokens_decoder"] = {str(i): token(rng, c) for i, c in zip(ids, contents[:rng.randrange(5)])}
    for name in NAMES:
        if rng.random() < 0.4:
            config[name] = rng.choice(CONTENTS)
    if rng.random() < 0.3:
        config[rng.choice(("extra_special_tokens", "additional_special_tokens"))] = rng.sample(CONTENTS, 2)
    if rng.random() < 0.2:
        config["image_token"] = rng.choice(CONTENTS)
    if rng.random() < 0.3:
        chosen = rng.choice(CONTENTS)
        (folder / "special_tokens_map.json").write_text(json.dumps({
            "pad_token": rng.choice((chosen, {**token(rng, chosen), "special": True})), "eos_token": rng.choice(CONTENTS)}))
    if rng.random() < 0.4:
        (folder / "added_tokens.json").write_text(json.dumps(dict(zip(rng.sample(CONTENTS, 3), rng.sample(ids, 3)))))
    (folder / "tokenizer.json").write_text(json.dumps(file))
    if rng.random() < 0.9:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))


def ids_of(t6, folder):
    lines = "".join(json.dumps(text) + "\n" for text in TEXTS)
    run = subprocess.run([t6, "tokenizer", "encode", "--jsonl", "--tokenizer", folder], input=lines, text=True,
                         capture_output=True)
    return [json.loads(line) for line in run.stdout.splitlines()] if run.returncode == 0 else run.stderr


def shown(t6, folder, ids):
    lines = "".join(json.dumps(each) + "\n" for each in ids)
    run = subprocess.run([t6, "tokenizer", "decode", "--jsonl", "--skip-special", "--tokenizer", folder], input=lines,
                         text=True, capture_output=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("t6")
    parser.add_argument("--folders", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    different = compared = 0
    for i in range(arguments.folders):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            write_folder(random.Random(arguments.seed * 1000003 + i), folder)
            try:
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            except Exception:  # a folder that transformers refuse
                continue
            compared += 1
            wanted = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
            found = ids_of(arguments.t6, folder)
            texts = [tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) for ids in wanted]
            if found == wanted and shown(arguments.t6, folder, wanted) == texts:
                continue
            different += 1
            print(f"folder {i}: {found}\n  wanted {wanted}")
            if found == wanted:
                print("  decoded", shown(arguments.t6, folder, wanted), "wanted", texts)
            for file in sorted(folder.iterdir()):
                content = json.loads(file.read_text())
                print("  ", file.name, content["added_tokens"] if "added_tokens" in content else content)
    print(f"{compared} folders, {different} differ")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
