#!/usr/bin/env bash
# Configures the preset when that is needed, and builds a target of it: scripts/build.sh PRESET TARGET [cmake options...]
# TARGET programs is what a user runs, all has the tests and benchmarks too.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly preset=$1 target=$2
shift 2
readonly folder=build/$preset
readonly options="$*"

# A file that includes LibTorch takes 2 GB to compile.
processors=$(nproc)
memory_gb=$(awk '/^MemAvailable:/ { print int($2 / 1024 / 1024) }' /proc/meminfo)
jobs=$((memory_gb / 2 < processors ? memory_gb / 2 : processors))
jobs=${JOBS:-$((jobs < 1 ? 1 : jobs))}

# Once configured, ninja itself notices new files and changed lists. Other options need a fresh start: CMake remembers
# where it found LibTorch.
if [[ ! -f $folder/build.ninja || $(cat "$folder/t6-options" 2>/dev/null) != "$options" ]]; then
  mkdir -p "$folder"
  cmake --fresh --preset "$preset" "$@" >"$folder/configure.log" 2>&1 || {
    cat "$folder/configure.log" >&2
    exit 1
  }
  echo "$options" >"$folder/t6-options"
fi
cmake --build "$folder" --target "$target" --parallel "$jobs"
