#!/usr/bin/env bash
# A small pretrained model over HTTP: fetches SmolLM2-135M-Instruct once, says how to ask it, and starts `t6 serve` on it.
# Arguments go to t6 serve; PORT=N is another port.
set -euo pipefail
cd "$(dirname "$0")/.."

port=${PORT:-8080}
model=$(scripts/fetch_smollm2.sh)
cat <<END
Once it says that it serves, chat at http://127.0.0.1:$port in a browser, or ask from another terminal:

  curl http://127.0.0.1:$port/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"messages": [{"role": "user", "content": "What is a tensor?"}], "temperature": 0.2, "max_tokens": 100}'

Programs that know OpenAI's interface take http://127.0.0.1:$port/v1 as base_url and any key. Ctrl-C ends the server.

END
exec build/serving/t6 serve "$model" --port "$port" "$@"
