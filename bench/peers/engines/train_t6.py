"""Training steps of T6: bench/train_step."""
import json
import subprocess

from driver import say, settings

options = settings()
version = subprocess.run([options.t6, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
text = subprocess.run([options.train_step, "--preset", options.preset, "--dtype", options.dtype, "--batch",
                       str(options.batch), "--context", str(options.context), "--threads", str(options.threads), "--steps",
                       str(options.steps)], check=True, stdout=subprocess.PIPE, text=True).stdout
row = json.loads(text.splitlines()[-1])
say(version=version, context=options.batch * options.context, tokens_per_s=row["tokens_per_s"],
    peak_rss_bytes=row["peak_rss_mib"] * (1 << 20))
