#!/usr/bin/env bash
# Training of a preset beside the same model in eager PyTorch, in one run: bench/compare_training.sh PEER_SCRIPT
# PEER_SCRIPT prints one JSON object with tokens_per_s and peak_rss_mib for --kind tpa|mha, --batch and --length.
set -euo pipefail
cd "$(dirname "$0")/.."

heads() { build/release/t6 info "small-$1" --json | .venv/bin/python -c "import json, sys; print(json.load(sys.stdin)[\"config\"][\"num_attention_heads\"])"; }

for round in 1 2; do
  for kind in tpa mha; do
    build/release/bench/train_step --preset "small-$kind" --batch 1 --context 512
    .venv/bin/python -B "$1" --kind "$kind" --heads "$(heads "$kind")" --batch 1 --length 512 --threads 2
  done
done
