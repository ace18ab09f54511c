"""T6's own program, a process for each context, so that each reads from nothing."""
import json
import subprocess

from driver import say, settings

options = settings()
program = options.t6
version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
for context in options.contexts:
    text = subprocess.run([program, "bench", "model", options.model, "--contexts", str(context), "--decode-tokens",
                           str(options.decode_tokens), "--threads", str(options.threads), "--cache-type",
                           getattr(options, "cache_type", "float16"), "--json"],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    machine, row = (json.loads(line) for line in text.splitlines())
    say(version=version, context=context, load_s=machine["load_s"], prefill_tok_s=row["prefill_tok_s"],
        decode_tok_s=row["decode_tok_s"], peak_rss_bytes=row["peak_rss_bytes"], read_gb_s=machine["read_gbs"])
