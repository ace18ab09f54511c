#!/usr/bin/env bash
# A conversation with a small pretrained model: fetches SmolLM2-135M-Instruct once, and starts `t6 chat` on it. Arguments go
# to t6 chat.
set -euo pipefail
cd "$(dirname "$0")/.."

model=$(scripts/fetch_smollm2.sh)
# Little randomness, as the makers of so small a model advise.
exec build/serving/t6 chat "$model" --temperature 0.2 --top-p 0.9 "$@"
