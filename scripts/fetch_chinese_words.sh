#!/usr/bin/env bash
# Fetches what cuts Chinese texts into words (19 MB, the package jieba on the Python index, of which 6 MB stay) into
# data/chinese-words unless it is there, and prints where it is. The package is checked and read, not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/python_index.sh

readonly PACKAGE=jieba-0.42.1
readonly HASH=sha256:055ca12f62674fafed09427f176506079bc135638a14e23e25be909131928db2
readonly FOLDER=data/chinese-words

if [[ ! -f $FOLDER/model.json ]]; then
  mkdir -p data
  work=$(mktemp -d data/fetch.XXXXXX)
  trap 'rm -rf "$work"' EXIT
  echo "fetch: $PACKAGE, which has the words (19 MB, once)" >&2
  any_environment "$work"
  fetch_package "$work" "${PACKAGE/-/==}" "$HASH" --no-binary=jieba
  tar --extract --gzip --file "$work/$PACKAGE.tar.gz" --directory "$work" --no-same-owner \
    "$PACKAGE"/jieba/{dict.txt,finalseg}
  python3 scripts/convert_chinese_words.py "$work/$PACKAGE/jieba" "$work/words"
  mkdir -p "$FOLDER"
  mv "$work"/words/dict.txt "$work"/words/model.json "$FOLDER"/  # the last one shows that all are there
fi
echo "$FOLDER"
