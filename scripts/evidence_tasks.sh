#!/usr/bin/env bash
# Scores SmolLM2 on the paper's nine tasks for docs/evidence.md: weights in Q4_1 with three types of cache, and the same weights
# computed in float32. scripts/evidence_tasks.sh OUT T6: a JSON line for each document in OUT/*.jsonl; those there are kept.
# 'make tasks' and scripts/fetch_smollm2.sh fetch what it reads. About half an hour of one core.
set -euo pipefail
cd "$(dirname "$0")/.."
(($# == 2)) || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }

readonly OUT=$1 T6=$2
readonly TASKS=arc_easy,arc_challenge,boolq,hellaswag,openbookqa,piqa,winogrande,sciq
mkdir -p "$OUT"

score() {  # name, model, cache, tasks, documents of each
  local file=$OUT/$1.jsonl
  [[ -s $file ]] && return
  echo "evidence: $1" >&2
  "$T6" eval "$2" --cache-type "$3" --tasks "$4" --limit "$5" --json >"$file.partial"
  mv "$file.partial" "$file"
}

score_all() {  # name, model, cache
  score "$1" "$2" "$3" "$TASKS" 200
  score "$1-mmlu" "$2" "$3" mmlu 10  # of each of its 57 subjects
}

quantized=$(scripts/fetch_smollm2.sh)
readonly floats=$OUT/float32
[[ -d $floats ]] || "$T6" import "$quantized" --out "$floats"
score_all float32-float32 "$floats" float32
for cache in float16 int8 int4; do score_all "q4_1-$cache" "$quantized" "$cache"; done
