#!/usr/bin/env bash
# Fetches what cuts Chinese texts into words (19 MB, the package jieba on the Python index, of which 6 MB stay) into
# data/chinese-words unless it is there, and prints where it is. The package is checked and read, not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=jieba-0.42.1
readonly HASH=sha256:055ca12f62674fafed09427f176506079bc135638a14e23e25be909131928db2
readonly FOLDER=data/chinese-words
stop() { echo "fetch: error: $*" >&2; exit 1; }

if [[ ! -f $FOLDER/model.json ]]; then
  mkdir -p data
  work=$(mktemp -d data/fetch.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  echo "fetch: $PACKAGE, which has the words (19 MB, once)" >&2
  if [[ -x .venv/bin/pip ]]; then
    python=.venv/bin/python
  else
    python=$work/environment/bin/python
    python3 -m venv "$work/environment" >"$work/log" 2>&1 ||
      stop "python3 cannot make environments (install python3-venv): $(tail -n 1 "$work/log")"
  fi
  echo "${PACKAGE/-/==} --hash=$HASH" >"$work/package.txt"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary jieba --require-hashes \
    --dest "$work" --requirement "$work/package.txt" >"$work/log" 2>&1 ||
    stop "pip could not fetch ${PACKAGE/-/==}: $(grep -E '^ERROR' "$work/log" | tail -n 1)"
  tar --extract --gzip --file "$work/$PACKAGE.tar.gz" --directory "$work" --no-same-owner \
    "$PACKAGE"/jieba/{dict.txt,finalseg}
  python3 scripts/convert_chinese_words.py "$work/$PACKAGE/jieba" "$work/words"
  mkdir -p "$FOLDER"
  mv "$work"/words/dict.txt "$work"/words/model.json "$FOLDER"/  # the last one shows that all are there
fi
echo "$FOLDER"
