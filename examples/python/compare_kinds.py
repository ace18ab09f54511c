# %% [markdown]
# # Two kinds of attention, side by side
#
# Multi-head attention and Tensor Product Attention with the same data, steps, seed and number of parameters: how far each
# comes, and what its cache takes. A comparison this short shows how one is made, not who wins: for that there are more
# steps, several seeds and each kind's own learning rate (docs/comparing.md, `t6 compare`).
#
# Needs PyTorch and T6's package (`pip install build/wheel/t6-*.whl`, or `export PYTHONPATH=$PWD/python`); with matplotlib
# it draws a picture, too.

# %%
import argparse
import dataclasses
import importlib.util
import math
import pathlib

import torch
import torch.nn.functional as F
from t6.nn import FactorCache, ModelConfig, Transformer

torch.set_num_threads(1)  # more do not help models this small

# %% [markdown]
# ## A text that every machine has
#
# The source code of a module of Python's, byte by byte; the last tenth is kept for measuring.

# %%
text = torch.tensor(list(pathlib.Path(argparse.__file__).read_bytes()))
learned, kept = text[:-len(text) // 10], text[-len(text) // 10:]
print(f"{len(learned):,} bytes to learn from, {len(kept):,} to measure by")

# %% [markdown]
# ## Equal numbers of parameters
#
# TPA's projections are smaller than those of MHA, so it has more heads, as in the paper; the width of the feed-forward
# makes up for the rest.


# %%
def parameters(config):
    return sum(p.numel() for p in Transformer(config).parameters())


base = ModelConfig(vocab_size=256, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, head_dim=16,
                   attention_kind="mha")
tpa = dataclasses.replace(base, attention_kind="tpa", num_attention_heads=6)
missing = parameters(base) - parameters(tpa)
tpa.intermediate_size += round(missing / (3 * base.hidden_size * base.num_hidden_layers))  # three matrices a layer
kinds = {"mha": base, "tpa": tpa}
for kind, config in kinds.items():
    print(f"{kind}: {parameters(config):,} parameters, {config.num_attention_heads} heads, "
          f"feed-forward {config.intermediate_size}")

# %% [markdown]
# ## One way to train and measure
#
# The seed says the order of the data, too, which is the same for both.


# %%
def train(config, steps=100, seed=1):
    torch.manual_seed(seed)
    model, losses = Transformer(config), []
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    for _ in range(steps):
        starts = torch.randint(len(learned) - 64, (8, 1), generator=order)
        rows = learned[starts + torch.arange(65)]  # [8, 65]
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / math.log(2))
    return model, losses


@torch.no_grad()
def bits_per_byte(model):
    rows = kept[:len(kept) // 65 * 65].view(-1, 65)
    return F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten()).item() / math.log(2)


@torch.no_grad()
def cached_numbers(model):  # of a token, in all layers
    cache = FactorCache()
    model(kept[None, :8], cache=cache)
    return sum(part.shape[-1] for layer in cache.layers for part in layer)


# %%
results = {}
for kind, config in kinds.items():
    model, losses = train(config)
    results[kind] = {"losses": losses, "bits": bits_per_byte(model), "cache": cached_numbers(model)}

# %% [markdown]
# ## The table
#
# After so few steps TPA is behind. After eight times as many, each kind at its best learning rate, the two cannot be told
# apart (docs/evidence.md).

# %%
print("kind   parameters   bits a byte, first   in training   kept text   cached numbers a token")
for kind, result in results.items():
    last = sum(result["losses"][-20:]) / 20
    print(f"{kind:4} {parameters(kinds[kind]):12,} {result['losses'][0]:20.2f} {last:13.2f} {result['bits']:11.2f} "
          f"{result['cache']:24}")

# %% [markdown]
# ## The picture
#
# Where matplotlib is installed: `compare_kinds.png`, and in a notebook right here.

# %%
if importlib.util.find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for kind, result in results.items():
        left.plot(result["losses"], label=kind)
        right.bar(kind, result["cache"])
    left.set(xlabel="step", ylabel="bits a byte", title="training")
    left.legend()
    right.set(ylabel="numbers a token", title="cache")
    figure.savefig("compare_kinds.png")
