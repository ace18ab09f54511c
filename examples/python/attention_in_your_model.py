# %% [markdown]
# # Tensor Product Attention in a model of your own
#
# `t6.nn.TensorProductAttention` is a `torch.nn.Module`: hidden states in, hidden states out. Here it goes into a small
# forecaster of waves that has nothing else of T6; at the end stands a new kind of attention, in seven lines.
#
# Needs PyTorch and T6's package (`pip install build/wheel/t6-*.whl`, or `export PYTHONPATH=$PWD/python`).

# %%
import torch
import torch.nn.functional as F
from t6.nn import FactorCache, ModelConfig, TensorProductAttention, Transformer
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)  # more do not help models this small

# %% [markdown]
# ## The module by itself
#
# It is causal, and rotates keys and queries by their positions. The configuration's other keys (layers, vocabulary) are
# for whole models; attention does not look at them.

# %%
config = ModelConfig(hidden_size=64, num_attention_heads=8, head_dim=32, q_rank=6, k_rank=2, v_rank=2)
x = torch.randn(3, 50, 64)  # [sequences, tokens, width]
print(TensorProductAttention(config)(x).shape)

# %% [markdown]
# ## In a model
#
# One number a step goes in, the next one comes out. First values of the attention's last matrix are zero, as in T6's
# models: a residual block begins as the identity.


# %%
class Forecaster(nn.Module):
    def __init__(self, config, layers=2):
        super().__init__()
        width = config.hidden_size
        self.inputs = nn.Linear(1, width)
        self.attention = nn.ModuleList(TensorProductAttention(config, layer) for layer in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.outputs = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))

    def forward(self, x, cache=None):  # [B, T, 1] to [B, T, 1]
        x = self.inputs(x)
        for norm, attention in zip(self.norms, self.attention):
            x = x + attention(norm(x), cache=cache)
        return self.outputs(x)


# %% [markdown]
# ## Forward and backward
#
# Sums of two waves of random lengths and phases; the error is that of a forecast one step ahead.


# %%
def waves(count, length):  # [count, length, 1]
    periods, phases = 8 + 24 * torch.rand(2, count, 1, 2)
    return torch.sin(2 * torch.pi * (torch.arange(length)[:, None] + phases) / periods).sum(-1, keepdim=True)


model, errors = Forecaster(config), []
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(100):
    series = waves(8, 49)
    error = F.mse_loss(model(series[:, :-1]), series[:, 1:])
    optimizer.zero_grad()
    error.backward()
    optimizer.step()
    errors.append(error.item())
    if step % 20 == 0 or step == 99:
        print(f"step {step:3}  mean square error {error:.4f}")

# %% [markdown]
# ## torch.compile
#
# It compiles as one graph. `aot_eager` shows that within seconds; the default backend makes machine code of it, for which
# it wants a compiler and, the first time, a minute.

# %%
series = waves(2, 40)
compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
print(f"largest difference: {(compiled(series) - model(series)).abs().max().item():.1e}")

# %% [markdown]
# ## What the cache holds
#
# Forecasting step by step, a layer keeps the factors of keys and values of each step: ranks x (heads + features). With
# plain multi-head attention it would be all heads' keys and values.

# %%
series, cache = waves(1, 60), FactorCache()
with torch.no_grad():
    steps = [model(series[:, i:i + 1], cache=cache) for i in range(60)]  # [1, 1, 1] each
    whole = model(series)  # [1, 60, 1]
keys, values = cache.layers[0]  # [1, 1, 60, numbers]
numbers = keys.shape[-1] + values.shape[-1]
heads = 2 * config.num_attention_heads * config.head_dim
print(f"numbers a token and layer: {numbers}, of multi-head attention {heads}: {heads / numbers:.1f} times as many")
print(f"largest difference to all at once: {(torch.cat(steps, 1) - whole).abs().max().item():.1e}")

# %% [markdown]
# ## A kind of attention of your own
#
# An attention is two functions: `project` says what of a token is cached, `heads` what keys and values that means; for TPA
# a third, `factors`, lies between them. Suppose that values take the head factors of keys: then there is one set less to
# compute and to cache.


# %%
class SharedHeadFactors(TensorProductAttention):
    def __init__(self, config, layer=0):
        super().__init__(config, layer)
        self.v_proj.a = None  # neither computed nor cached

    def factors(self, keys, values, batch):
        k, v = super().factors(keys, values, batch)
        return k, v._replace(a=k.a)


# %% [markdown]
# In T6's whole model it takes the place of the attention that is there. Forward, backward and the cache are as before.

# %%
config = ModelConfig(vocab_size=100, hidden_size=64, num_hidden_layers=2, num_attention_heads=8, head_dim=32)
language_model = Transformer(config)
for layer, block in enumerate(language_model.model.layers):
    block.self_attn = SharedHeadFactors(config, layer)
    nn.init.normal_(block.self_attn.o_proj.weight, std=0.05)  # so that there is something to compare

tokens, cache = torch.randint(100, (1, 30)), FactorCache()
logits = language_model(tokens)  # [1, 30, 100]
F.cross_entropy(logits[0, :-1], tokens[0, 1:]).backward()
with torch.no_grad():
    pieces = [language_model(piece, cache=cache) for piece in tokens.split(7, 1)]
own_numbers = sum(part.shape[-1] for part in cache.layers[0])
print(f"numbers a token and layer: {own_numbers} in place of {numbers}")
print(f"largest difference with the cache: {(torch.cat(pieces, 1) - logits).abs().max().item():.1e}")
