# %% [markdown]
# # Train a nano T6 in ten lines
#
# A small model with Tensor Product Attention learns to write, byte by byte, in a plain PyTorch loop. It takes seconds
# on a CPU. Needs PyTorch and T6's package (`pip install build/wheel/t6-*.whl`, or `export PYTHONPATH=$PWD/python`).
#
# As a program: `python examples/python/train_nano.py [TEXT FILE]`.

# %%
import pathlib
import random
import re
import sys

import torch
import torch.nn.functional as F
from t6.nn import FactorCache, ModelConfig, Transformer

torch.set_num_threads(1)  # more do not help a model this small
torch.manual_seed(0)
random.seed(0)

# %% [markdown]
# ## A text
#
# Yours, or one whose rule is easy to see: whoever was given the ball has it in the next sentence. To know who, the model
# has to look back.

# %%
given = [] if "ipykernel" in sys.modules else sys.argv[1:]  # a notebook's arguments are not ours
if given:
    text = pathlib.Path(given[0]).read_bytes()
    assert len(text) > 64, f"{given[0]} has {len(text)} bytes; wanted are more than 64"
else:
    people = ["Ann", "Bruno", "Cleo", "Dimitri", "Eve", "Fred"]
    chain = [random.choice(people)]
    for _ in range(4000):
        chain.append(random.choice([person for person in people if person != chain[-1]]))
    text = "".join(f"{giver} gives the ball to {taker}. " for giver, taker in zip(chain, chain[1:])).encode()
data, losses = torch.tensor(list(text)), []
print(text[:120].decode(errors="replace"))

# %% [markdown]
# ## The model
#
# Each token is a byte. Keys and values are sums of two outer products (`k_rank`, `v_rank`), of numbers for heads and
# numbers for features. A layer sees 32 tokens back, so that what is written may be longer than what was learned from.

# %%
config = ModelConfig(vocab_size=256, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, head_dim=16,
                     sliding_window=32)
model = Transformer(config)
print(f"{sum(p.numel() for p in model.parameters()):,} parameters")

# %% [markdown]
# ## Ten lines of training

# %%
optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95))
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=140, pct_start=0.1)
for step in range(140):
    rows = data[torch.randint(len(data) - 64, (8, 1)) + torch.arange(65)]  # [8, 65]: 64 tokens and what follows each
    loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())

# %%
for step in range(0, len(losses), 20):
    print(f"step {step:3}  {losses[step]:5.2f} nats a byte  {'#' * round(10 * losses[step])}")

# %% [markdown]
# ## It writes
#
# The cache keeps the factors of all tokens so far, so that each step feeds the model one new token.


# %%
@torch.no_grad()
def write(prompt, count, temperature=0.0, cached=True):
    tokens = torch.tensor([list(prompt.encode())])  # [1, T]
    cache = FactorCache() if cached else None
    for _ in range(count):
        new = tokens[:, cache.get_seq_length():] if cached else tokens
        logits = model(new, cache=cache)[0, -1]  # [256]
        likeliest = logits.argmax()[None]
        token = torch.multinomial((logits / temperature).softmax(-1), 1) if temperature > 0 else likeliest
        tokens = torch.cat((tokens, token[None]), 1)
    return bytes(tokens[0].tolist()).decode(errors="replace")


prompt = text[:40].decode(errors="ignore")
sample = write(prompt, 400, temperature=0.8)
print(sample)

# %% [markdown]
# How often does a sentence begin with whom the one before ended with? By chance it would be once in six.

# %%
pairs = re.findall(r"to (\w+)\. (?=(\w+) gives)", sample)
followed = sum(taker == giver for taker, giver in pairs)
print(f"{followed} of {len(pairs)} sentences")

# %% [markdown]
# The cache changes nothing but the time: the same text without it.

# %%
greedy = write(prompt, 60)
print(greedy == write(prompt, 60, cached=False), "|", greedy)
