# %% [markdown]
# # A T6 in transformers
#
# Importing `t6` makes Hugging Face's transformers know the model type `t6`. This makes one, trains it for a moment, saves
# it, loads it by `AutoModelForCausalLM`, and writes with a cache that is a fraction of a dense model's.
#
# Needs transformers and T6's package (`pip install 'build/wheel/t6-...whl[transformers]'`, or `PYTHONPATH=$PWD/python`).

# %%
import tempfile

import torch
from t6 import T6Config, T6ForCausalLM
from transformers import AutoModelForCausalLM, DynamicCache, LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
torch.set_num_threads(1)  # more do not help models this small

# %% [markdown]
# ## Make one
#
# A byte is a token. `T6Config` takes the keys of docs/models.md.

# %%
config = T6Config(vocab_size=128, hidden_size=64, num_hidden_layers=2, num_attention_heads=8, head_dim=32,
                  pad_token_id=0, bos_token_id=None, eos_token_id=None)
model = T6ForCausalLM(config)
print(f"{model.num_parameters():,} parameters")

# %% [markdown]
# ## Train it
#
# As with any other model: `labels` give a loss.

# %%
text = "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer. "
tokens = torch.tensor([list(text.encode())])  # [1, 86]
optimizer, losses = torch.optim.AdamW(model.parameters(), lr=5e-3), []
for step in range(60):
    loss = model(tokens, labels=tokens).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(f"loss {losses[0]:.2f}, after {len(losses)} steps {losses[-1]:.2f} nats a token")

# %% [markdown]
# ## Save and load it
#
# What is saved is a T6 model folder, which the program `t6` reads, too, once a tokenizer lies in it. What is loaded is the
# same to the bit.

# %%
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder).eval()
same = all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
print(type(loaded).__name__, "loaded; all weights are the same bits:", same)

# %% [markdown]
# ## Generate
#
# With the cache, which is the default, and without it.

# %%
prompt = tokens[:, :13]  # "To be, or not"
written = loaded.generate(prompt, max_new_tokens=60, do_sample=False)  # [1, 73]
again = loaded.generate(prompt, max_new_tokens=60, do_sample=False, use_cache=False)
print(bytes(written[0].tolist()).decode())
print("the same without a cache:", torch.equal(written, again))

# %% [markdown]
# ## The cache in bytes
#
# Transformers' own `DynamicCache` holds the factors where it would hold keys and values. Beside it a Llama with as many
# layers, heads and features.


# %%
def cache_bytes(model):
    cache = DynamicCache()
    with torch.no_grad():
        model(written, cache=cache)
    return sum(part.nbytes for layer in cache.layers for part in (layer.keys, layer.values))


dense = LlamaForCausalLM(LlamaConfig(vocab_size=128, hidden_size=64, intermediate_size=170, num_hidden_layers=2,
                                     num_attention_heads=8, num_key_value_heads=8, head_dim=32))
small, large = cache_bytes(loaded), cache_bytes(dense)
print(f"{written.shape[1]} tokens: T6 {small:,} bytes, dense {large:,} bytes, {large / small:.1f} times as many")
