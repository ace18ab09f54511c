"""The same model in plain PyTorch (python/t6/nn.py: materialized heads into SDPA), AdamW, clipped gradients."""
import json
import statistics
import subprocess

import torch
import torch.nn.functional as F

from driver import peak_bytes, say, seconds, settings
from t6.nn import ModelConfig, Transformer

options = settings()
torch.set_num_threads(options.threads)
torch.manual_seed(1)
text = subprocess.run([options.t6, "info", options.preset, "--json"], check=True, capture_output=True, text=True).stdout
model = Transformer(ModelConfig.from_dict(json.loads(text)["config"]))
run = torch.compile(model) if options.compiled else model
optimizer = torch.optim.AdamW(model.parameters(), lr=6e-4, betas=(0.9, 0.95), weight_decay=0.1)
tokens = torch.randint(0, model.config.vocab_size, (options.batch, options.context + 1))


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=options.dtype == "bfloat16"):
        logits = run(tokens[:, :-1])
    F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


times = [seconds(step) for _ in range(options.steps)]
say(version=torch.__version__, context=options.batch * options.context,
    tokens_per_s=options.batch * options.context / statistics.median(times[1:] or times), peak_rss_bytes=peak_bytes())
