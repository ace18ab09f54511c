#!/usr/bin/env bash
# Fuzzes what reads untrusted files: scripts/fuzz.sh [SECONDS (60)] [gguf|tokenizer|... (all of tests/fuzz)]
# Needs Clang 15 or newer with libFuzzer (Debian: clang-16 and libclang-rt-16-dev). A finding's input
# lies in build/fuzz/findings, and `build/fuzz/tests/fuzz/NAME_fuzz FILE` shows it again.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: scripts/fuzz.sh [SECONDS] [NAME ...]" >&2; exit 2; }
shift || true
names=("$@")
if ((${#names[@]} == 0)); then
  names=(tests/fuzz/*_fuzz.cc)
  names=("${names[@]##*/}")
  names=("${names[@]%_fuzz.cc}")
fi

clang=${CLANGXX:-}
for version in "" -19 -18 -17 -16 -15; do
  [[ -n $clang ]] || clang=$(command -v "clang++$version" || true)
done
[[ -n $clang ]] || { echo "fuzz: error: no clang++ found; install clang-16 and libclang-rt-16-dev" >&2; exit 1; }

cmake --preset fuzz -DCMAKE_CXX_COMPILER="$clang" >/dev/null
cmake --build build/fuzz --target fuzzers --parallel "${JOBS:-$(nproc)}" >build/fuzz/build.log ||
  { cat build/fuzz/build.log >&2; exit 1; }
mkdir -p build/fuzz/findings

# An input must not cost more memory or time than a small file can ask for. What earlier runs found interesting is kept
# beside the seeds, which stay as they are.
fuzz() {
  local name=$1 status=0
  mkdir -p "build/fuzz/corpus/$name"
  "build/fuzz/tests/fuzz/${name}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 \
    -max_len=65536 -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/findings/$name-" \
    "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1 || status=$?
  echo "fuzz: $name: $(awk '/number_of_executed_units/ { print $2 }' "build/fuzz/$name.log") inputs in $seconds s"
  ((status == 0)) || { tail -n 40 "build/fuzz/$name.log" >&2; return 1; }
}
running=()
for name in "${names[@]}"; do fuzz "$name" & running+=($!); done
failed=0
for job in "${running[@]}"; do wait "$job" || failed=1; done
((failed == 0)) || { echo "fuzz: error: a reader failed; its input lies in build/fuzz/findings" >&2; exit 1; }
echo "fuzz: nothing found"
