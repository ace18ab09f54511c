#!/usr/bin/env bash
# The whole way on real text: the King James Bible to token shards, a small T6 trained on them, evaluated, its cache
# compared, a sample, a report. An interrupted run goes on where it stopped; a finished one is shown again at once.
set -euo pipefail
cd "$(dirname "$0")/.."

t6=build/release/t6
run=runs/demo
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. The text: the King James Bible, in pieces of words"
[[ -f data/kjv.jsonl ]] || scripts/kjv.sh data/kjv.jsonl
[[ -f data/kjv-bpe.json ]] || $t6 tokenizer train data/kjv.jsonl --vocab-size 1024 --out data/kjv-bpe.json
[[ -d data/kjv-bpe ]] || $t6 prepare data/kjv.jsonl --tokenizer data/kjv-bpe.json --out data/kjv-bpe
echo "data/kjv-bpe: $(stat -c %s data/kjv.jsonl | numfmt --to=iec) of text in $(ls data/kjv-bpe/*.bin | wc -l) token shards"

say "2. Training a T6 of 1.3 million parameters (Ctrl-C saves; 'make demo' again goes on)"
$t6 train configs/demo.toml --out $run --resume

say "3. How well it predicts text that it has not seen, beside counting three bytes back"
$t6 eval $run --shard data/kjv-bpe/val_000000.bin --baseline-train data/kjv-bpe/train_000000.bin --tokens 20000

say "4. What its cache costs beside the baselines of its size"
$t6 info $run --memory 1GiB

say "5. What it writes"
printf 'And it came to pass'
$t6 generate $run --prompt "And it came to pass" --max-tokens 400 --temperature 0.7 --seed 7

say "The report, with the loss curves: $PWD/$run/report.html"
echo "Next: train on a text of your own, docs/training.md"
