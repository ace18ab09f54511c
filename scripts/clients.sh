#!/usr/bin/env bash
# Runs the tests with real clients (tests/clients/) against `t6 serve`: installs the pinned clients into .venv-clients, then
# one test program after the other.
#
#   scripts/clients.sh T6 [--short] [MODEL]
#
# Without a model the tests make a tiny one. --short leaves out what needs large downloads: lm-evaluation-harness, the chat
# page in a browser, llama.cpp, and the Python package in transformers (tests/python/).
set -euo pipefail
cd "$(dirname "$0")/.."

readonly ENVIRONMENT=.venv-clients
readonly LOG=build/clients.log
short=0
t6=${1:?usage: scripts/clients.sh T6 [--short] [MODEL]}
shift
if [[ ${1:-} == --short ]]; then short=1; shift; fi
model=${1:-}
stop() { echo "clients: error: $*" >&2; exit 1; }

tests=(openai anthropic metrics hostile move load nginx schemathesis)
requirements=(requirements-clients.txt)
if [[ $short == 0 ]]; then
  tests+=(lm_eval tasks page llama_cpp)
  requirements+=(requirements-clients-large.txt)
fi

install_clients() {
  local key
  key=$(cat "${requirements[@]}" | sha256sum)
  [[ $(cat "$ENVIRONMENT/t6-setup" 2>/dev/null) == "$key" ]] && return
  echo "clients: installing the clients into $ENVIRONMENT"
  mkdir -p build
  [[ -x $ENVIRONMENT/bin/pip ]] || python3 -m venv "$ENVIRONMENT" >"$LOG" 2>&1 ||
    stop "python3 cannot make environments (install python3-venv): $(tail -n 1 "$LOG")"
  # --no-deps: the files name everything, so nothing unpinned can come along.
  "$ENVIRONMENT/bin/pip" install --quiet --disable-pip-version-check --no-input --no-deps "${requirements[@]/#/--requirement=}" \
    >"$LOG" 2>&1 || stop "pip could not install the clients: $(grep -E '^ERROR' "$LOG" | tail -n 1) (details in $LOG)"
  # What compares with transformers runs on the LibTorch of the set-up.
  if [[ $short == 0 ]]; then
    (cd .venv/lib/python3*/site-packages && pwd) >"$(echo "$ENVIRONMENT"/lib/python3*/site-packages)/torch.pth"
  fi
  echo "$key" >"$ENVIRONMENT/t6-setup"
}

run() {
  local start=$SECONDS
  echo "clients: $*"
  "$ENVIRONMENT/bin/python" -B "$@" || failed+=("$1")
  echo "clients: $((SECONDS - start)) s"
}

install_clients
failed=()
for name in "${tests[@]}"; do
  run "tests/clients/${name}_test.py" --t6 "$t6" ${model:+--model "$model"}
done
if [[ $short == 0 ]]; then  # the Python package in transformers
  T6_BUILD=$(cd "$(dirname "$t6")" && pwd)
  export T6_BUILD HF_HUB_OFFLINE=1
  cmake --build "$T6_BUILD" --target t6_zoo t6_logits >>"$LOG" 2>&1 || stop "could not build the tests' tools (details in $LOG)"
  for name in transformers export documents examples; do run "tests/python/${name}_test.py"; done
fi
((${#failed[@]} == 0)) || stop "failed: ${failed[*]}"
echo "clients: all passed"
