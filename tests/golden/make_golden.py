#!/usr/bin/env python3
"""Golden files of tiny models in plain PyTorch, written from the paper and independent of the C++ code.

Each file holds parameters (by the names of the paper's reference code), a batch, and what PyTorch makes of it: logits,
gradients, and three AdamW steps.  `t6 golden` and `t6-train golden` check the two wings against them.

usage: make_golden.py OUT [--seed 0] [--check DIR]
With --check it writes nothing: it recomputes every file of DIR from its parameters and prints the largest differences,
which is how this script itself is held to values that the reference code made.
"""
import argparse
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

ADAMW = {"lr": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "clip": 1.0, "steps": 3}
# Every size differs from every other, so that a mixed-up dimension cannot pass.
BASE = {"vocab_size": 40, "n_layer": 2, "n_embd": 12, "head_dim": 8, "block_size": 32}
FACTORS = {"n_head": 5, "rank": 2, "q_rank": 3}
GROUPS = {"n_head": 6, "using_groupnorm": False}
LATENT = {"n_head": 3, "qk_rope_head_dim": 4, "q_lora_rank": 9, "kv_lora_rank": 7, "v_head_dim": 8}
FILES = {
    "mha": ("llama-mha", BASE | {"n_head": 3}),
    "mqa": ("llama-gqa", BASE | {"n_head": 5, "group_size": 5}),
    "gqa": ("llama-gqa", BASE | GROUPS | {"group_size": 3}),
    "mla": ("llama-mla", BASE | LATENT | {"using_groupnorm": False}),
    "tpa": ("T6", BASE | FACTORS),
    "tpa_kvonly": ("T6_kvonly", BASE | FACTORS),
    "tpa_rope_after": ("T6_ropek", BASE | FACTORS),
    "tpa_partial_rope": ("T6_partialrope", BASE | FACTORS | {"rope_partial_factor": 0.5}),
    "tpa_subln": ("T6", BASE | FACTORS | {"using_groupnorm": True}),
}


def head_dim(model, c):
    """The reference's dense models cut the width into heads, whatever head_dim says."""
    return c["n_embd"] // c["n_head"] if model.startswith("llama-mha") else c["head_dim"]


def shapes(model, c):
    """Names and shapes of the parameters, [out, in]."""
    width, heads, dim, hidden = c["n_embd"], c["n_head"], head_dim(model, c), 8 * c["n_embd"] // 3
    attention = {}
    if model.startswith("T6"):
        ranks = {"k": c["rank"], "v": c["rank"]}
        if "kvonly" in model:
            attention["c_qkv.c_q"] = (heads * dim, width)
        else:
            ranks["q"] = c["q_rank"]
        for name, rank in ranks.items():
            attention[f"c_qkv.W_A_{name}"] = (heads * rank, width)
            attention[f"c_qkv.W_B_{name}"] = (rank * dim, width)
    elif model == "llama-mla":
        rope, latent = c["qk_rope_head_dim"], c["kv_lora_rank"]
        attention["q_a_proj"] = (c["q_lora_rank"], width)
        attention["q_a_layernorm"] = (c["q_lora_rank"],)
        attention["q_b_proj"] = (heads * (dim + rope), c["q_lora_rank"])
        attention["kv_a_proj_with_mqa"] = (latent + rope, width)
        attention["kv_a_layernorm"] = (latent,)
        attention["kv_b_proj"] = (heads * (dim + c["v_head_dim"]), latent)
    else:
        groups = heads // c.get("group_size", 1)
        attention |= {"c_q": (heads * dim, width), "c_k": (groups * dim, width), "c_v": (groups * dim, width)}
    attention["c_proj"] = (width, heads * c.get("v_head_dim", dim))
    if c.get("using_groupnorm"):
        attention["subln"] = (dim,)
    out = {"transformer.wte.weight": (c["vocab_size"], width)}
    for i in range(c["n_layer"]):
        for name, shape in attention.items():
            out[f"transformer.h.{i}.attn.{name}.weight"] = shape
        for name, shape in {"c_fc1": (hidden, width), "c_fc2": (hidden, width), "c_proj": (width, hidden)}.items():
            out[f"transformer.h.{i}.mlp.{name}.weight"] = shape
    return out


def rms_norm(x, eps=torch.finfo(torch.float32).eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def rotate(x, dim):
    """The first `dim` features of x [B, T, R, D], by minus the angle."""
    frequency = 1.0 / 10000 ** (torch.arange(0, dim, 2).float() / dim)
    angle = torch.outer(torch.arange(x.shape[1]).float(), frequency)[:, None]
    cos, sin = angle.cos(), angle.sin()
    low, high, rest = x.split([dim // 2, dim // 2, x.shape[-1] - dim], -1)
    return torch.cat((low * cos + high * sin, high * cos - low * sin, rest), -1)


def attention(model, c, get, x):
    heads, dim = c["n_head"], head_dim(model, c)
    linear = lambda name, y=x: y @ get(name).t()
    rotated = 2 * (int(dim * c.get("rope_partial_factor", 1 / 3)) // 2) if "partialrope" in model else dim

    def product(name, rank, rotary):
        a = linear(f"c_qkv.W_A_{name}").unflatten(-1, (heads, rank))
        b = linear(f"c_qkv.W_B_{name}").unflatten(-1, (rank, dim))
        if rotary and "ropek" not in model:
            b = rotate(b, rotated)
        full = a @ b / rank
        return rotate(full, rotated) if rotary and "ropek" in model else full

    if model == "llama-mla":
        rope, latent = c["qk_rope_head_dim"], c["kv_lora_rank"]
        low = rms_norm(linear("q_a_proj"), 1e-6) * get("q_a_layernorm")
        q_plain, q_rope = linear("q_b_proj", low).unflatten(-1, (heads, -1)).split([dim, rope], -1)
        low, k_rope = linear("kv_a_proj_with_mqa").split([latent, rope], -1)
        up = linear("kv_b_proj", rms_norm(low, 1e-6) * get("kv_a_layernorm")).unflatten(-1, (heads, -1))
        k_plain, v = up.split([dim, c["v_head_dim"]], -1)
        k_rope = rotate(k_rope[:, :, None], rope).expand(-1, -1, heads, -1)
        q, k = torch.cat((q_plain, rotate(q_rope, rope)), -1), torch.cat((k_plain, k_rope), -1)
    elif model.startswith("T6"):
        if "kvonly" in model:
            q = rotate(linear("c_qkv.c_q").unflatten(-1, (heads, dim)), rotated)
        else:
            q = product("q", c["q_rank"], True)
        k, v = product("k", c["rank"], True), product("v", c["rank"], False)
    else:
        size = c.get("group_size", 1)
        q, k, v = (linear(name).unflatten(-1, (-1, dim)) for name in ("c_q", "c_k", "c_v"))
        q, k = rotate(q, rotated), rotate(k, rotated)
        k, v = k.repeat_interleave(size, 2), v.repeat_interleave(size, 2)
    logits = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[-1])
    logits = logits.masked_fill(torch.ones(logits.shape[-2:]).triu(1).bool(), -math.inf)
    out = torch.einsum("bhqk,bkhe->bqhe", logits.softmax(-1), v)
    if c.get("using_groupnorm"):
        out = rms_norm(out, 1e-5) * get("subln")
    return linear("c_proj", out.flatten(2))


def forward(model, c, parameters, tokens):
    x = parameters["transformer.wte.weight"][tokens]
    for i in range(c["n_layer"]):
        get = lambda name, i=i: parameters[f"transformer.h.{i}.attn.{name}.weight"]
        x = x + attention(model, c, get, rms_norm(x))
        gate, up, down = (parameters[f"transformer.h.{i}.mlp.{n}.weight"] for n in ("c_fc1", "c_fc2", "c_proj"))
        n = rms_norm(x)
        x = x + (F.silu(n @ gate.t()) * (n @ up.t())) @ down.t()
    return rms_norm(x) @ parameters["transformer.wte.weight"].t()


def run(model, config, parameters, tokens, targets, adamw):
    """Everything that a golden file holds, from its parameters and batch."""
    parameters = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    out = {f"param.{n}": p.detach().clone() for n, p in parameters.items()}
    optimizer = torch.optim.AdamW(parameters.values(), lr=adamw["lr"], betas=tuple(adamw["betas"]), eps=adamw["eps"],
                                  weight_decay=adamw["weight_decay"])
    losses, norms = [], []
    for step in range(adamw["steps"]):
        logits = forward(model, config, parameters, tokens.long())
        loss = F.cross_entropy(logits.flatten(0, 1), targets.long().flatten(), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            out["output.logits"] = logits.detach()
            out |= {f"grad.{n}": p.grad.clone() for n, p in parameters.items()}
        losses.append(loss.detach())
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), adamw["clip"]))
        optimizer.step()
    out |= {f"after.{n}": p.detach() for n, p in parameters.items()}
    out |= {"output.losses": torch.stack(losses), "output.grad_norms": torch.stack(norms)}
    return out


def make(out, seed):
    out.mkdir(parents=True, exist_ok=True)
    for index, (name, (model, config)) in enumerate(FILES.items()):
        torch.manual_seed(1000 * seed + index)
        parameters = {}
        for key, shape in shapes(model, config).items():
            parameters[key] = 1 + 0.1 * torch.randn(shape) if len(shape) == 1 else torch.randn(shape) * shape[1] ** -0.5
        tokens = torch.randint(0, config["vocab_size"], (2, 19), dtype=torch.int32)
        targets = tokens.roll(-1, 1)
        targets[0, -1], targets[1, 3] = -1, -1
        tensors = run(model, config, parameters, tokens, targets, ADAMW)
        tensors |= {"input.tokens": tokens, "input.targets": targets}
        metadata = {"model": model, "config": json.dumps(config), "adamw": json.dumps(ADAMW),
                    "rope": "float32 tables, base 10000"}
        save_file({k: v.contiguous() for k, v in tensors.items()}, out / f"{name}.safetensors", metadata)


def check(folder):
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            theirs, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
        model, config, adamw = metadata["model"], json.loads(metadata["config"]), json.loads(metadata["adamw"])
        parameters = {n: theirs[f"param.{n}"] for n in shapes(model, config)}
        ours = run(model, config, parameters, theirs["input.tokens"], theirs["input.targets"], adamw)
        worst = {}
        for name, value in ours.items():
            kind = name if name.startswith("output") else name.split(".")[0]
            error = ((value - theirs[name]).abs().max() / theirs[name].abs().max()).item()
            worst[kind] = max(worst.get(kind, 0), error)
        print(f"{path.name:28}" + "  ".join(f"{k} {v:.1e}" for k, v in worst.items() if k != "param"))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("out", type=pathlib.Path, nargs="?")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--check", type=pathlib.Path)
args = parser.parse_args()
if args.check:
    check(args.check)
elif args.out:
    make(args.out, args.seed)
else:
    parser.error("give OUT or --check DIR")
