#!/usr/bin/env bash
# Fails if a C++ file is not formatted as .clang-format says; with --fix, formats them.
set -euo pipefail
cd "$(dirname "$0")/.."

# Another version of clang-format formats some lines otherwise.
readonly wanted=14
for tool in "clang-format-$wanted" clang-format; do
  [[ $("$tool" --version 2>/dev/null) == *"version $wanted."* ]] && break
  tool=
done
if [[ -z $tool ]]; then
  echo "check: error: clang-format $wanted is not installed; 'make setup' installs it." >&2
  exit 1
fi
mapfile -t files < <(find src tests bench examples -name '*.h' -o -name '*.cc' | sort)
if [[ ${1:-} == --fix ]]; then
  "$tool" -i "${files[@]}"
elif "$tool" --dry-run -Werror "${files[@]}"; then
  echo "check: ${#files[@]} files are formatted"
else
  echo "check: error: not formatted; 'make format' does it." >&2
  exit 1
fi
