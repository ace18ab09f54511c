#!/usr/bin/env python3
"""Compares T6 with Hugging Face's transformers in float32, on models that it imports.

    transformers_oracle.py build/release [--gguf MODEL.gguf --text FILE] [--folder MODEL]...

Makes small random models of every type and option that `t6 import` takes, saves them as transformers does, and as GGUF
files by the package gguf, and compares logits. --gguf lets transformers read a real GGUF file, which it dequantizes
to float32, and compares logits on a text; --folder does so for a real folder. Needs torch, transformers, tokenizers,
safetensors and gguf; no test runs it. Fails where a logit is 1e-3 off, of the largest one.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TOLERANCE = 1e-3
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}
GEMMA = {"num_hidden_layers": 7, "head_dim": 16, "sliding_window": 9, "query_pre_attn_scalar": 16}
GEMMA_ROPE = {"full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
              "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
# Type, changes to the configuration, and the dtype that it is saved in.
CASES = {
    "llama": ("llama", {}, torch.float32),
    "llama tied": ("llama", {"tie_word_embeddings": True}, torch.float32),
    "llama one head of keys": ("llama", {"num_key_value_heads": 1}, torch.float32),
    "llama all heads of keys": ("llama", {"num_key_value_heads": 6}, torch.float32),
    "llama wide heads": ("llama", {"head_dim": 20}, torch.float32),
    "llama linear": ("llama", {"rope_parameters": LINEAR}, torch.float32),
    "llama llama3": ("llama", {"rope_parameters": LLAMA3}, torch.float32),
    "llama theta": ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, torch.float32),
    "llama float16": ("llama", {}, torch.float16),
    "llama bfloat16": ("llama", {}, torch.bfloat16),
    "mistral": ("mistral", {"sliding_window": None}, torch.float32),
    "mistral window": ("mistral", {"sliding_window": 9}, torch.float32),
    "llama yarn": ("llama", {"rope_parameters": YARN}, torch.float32),
    "llama dynamic": ("llama", {"rope_parameters": DYNAMIC}, torch.float32),
    "llama bias": ("llama", {"attention_bias": True}, torch.float32),
    "qwen2 window": ("qwen2", {"sliding_window": 9, "use_sliding_window": True, "max_window_layers": 1}, torch.float32),
    "qwen3 window": ("qwen3", {"sliding_window": 9, "use_sliding_window": True,
                               "layer_types": ["sliding_attention", "full_attention"]}, torch.float32),
    "smollm3": ("smollm3", {"num_hidden_layers": 5}, torch.float32),
    "smollm3 window": ("smollm3", {"no_rope_layers": [1, 0], "sliding_window": 9, "use_sliding_window": True},
                       torch.float32),
    "gemma3": ("gemma3", GEMMA, torch.float32),
    "gemma3 linear": ("gemma3", {**GEMMA, "rope_parameters": GEMMA_ROPE}, torch.float32),
    "gemma3 scalar": ("gemma3", {**GEMMA, "query_pre_attn_scalar": 20}, torch.float32),
    "gemma3 bfloat16": ("gemma3", GEMMA, torch.bfloat16),
    "qwen2": ("qwen2", {}, torch.float32),
    "qwen2 tied": ("qwen2", {"tie_word_embeddings": True}, torch.bfloat16),
    "qwen3": ("qwen3", {"head_dim": 16}, torch.float32),
}
CLASSES = {"llama": transformers.LlamaForCausalLM, "mistral": transformers.MistralForCausalLM,
           "qwen2": transformers.Qwen2ForCausalLM, "qwen3": transformers.Qwen3ForCausalLM,
           "smollm3": transformers.SmolLM3ForCausalLM, "gemma3": transformers.Gemma3ForCausalLM}
# What a GGUF file cannot say: llama.cpp knows no windows of these architectures.
NO_GGUF = {"mistral window", "qwen2 window", "qwen3 window", "smollm3 window", "llama dynamic", "gemma3 scalar"}
GEMMA_NAMES = (("post_attention_layernorm", "post_attention_norm"), ("pre_feedforward_layernorm", "ffn_norm"),
               ("post_feedforward_layernorm", "post_ffw_norm"))
GGUF_NAMES = (("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
              ("model.layers.", "blk."), ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
              ("self_attn.o_proj", "attn_output"), ("self_attn.q_norm", "attn_q_norm"),
              ("self_attn.k_norm", "attn_k_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
              ("self_attn.v_proj", "attn_v"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
              ("mlp.down_proj", "ffn_down"))


def t6_logits(build, path, ids, *flags):
    result = subprocess.run([build / "tests/t6_logits", path, *flags], input=" ".join(map(str, ids)).encode(),
                            stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"{path}: t6_logits failed")
    return numpy.frombuffer(result.stdout, numpy.float32).reshape(len(ids), -1)


def compare(name, found, wanted):
    error = float(numpy.abs(found - wanted).max() / numpy.abs(wanted).max())
    print(f"{name}: logits differ by {error:.1e} of the largest")
    return error <= TOLERANCE


def reference_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].float().numpy()


def same_greedy_text(build, name, folder, tokenizer, model):
    """Tokens written one by one, windows being left behind, beside those of transformers."""
    ids = Tokenizer.from_file(str(tokenizer)).encode("the cat and the dog").ids
    tokens = model.config.max_position_embeddings - len(ids)
    result = subprocess.run([build / "t6", "generate", folder, "--prompt", "the cat and the dog", "--json",
                             "--max-tokens", str(tokens), "--temperature", "0", "--log-probabilities", "1",
                             "--cache-type", "float32"], check=True, stdout=subprocess.PIPE)
    found = [entry["id"] for entry in json.loads(result.stdout)["log_probabilities"]]
    with torch.no_grad():
        wanted = model.generate(torch.tensor([ids]), max_new_tokens=tokens, do_sample=False, eos_token_id=[],
                                pad_token_id=0)[0, len(ids):].tolist()
    print(f"{name}: {len(found)} greedy tokens, {'the same' if found == wanted else 'others'}")
    return found == wanted


def save_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(["the cat and the dog"], trainers.BpeTrainer(
        vocab_size=280, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.save(str(folder / "tokenizer.json"))


def random_model(kind, changes, dtype):
    sizes = dict(vocab_size=300, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6,
                 num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, pad_token_id=None,
                 bos_token_id=None, eos_token_id=None)
    cls = CLASSES[kind]
    model = cls(cls.config_class(**{**sizes, **changes})).eval()
    torch.manual_seed(3)
    for name, parameter in model.named_parameters():
        # Biases and norms too, which transformers leaves at zero and one.
        torch.nn.init.normal_(parameter, 1.0 if "norm" in name and kind != "gemma3" else 0.0, 0.2)
        parameter.data = parameter.data.to(dtype).float()
    return model


def interleave(rows, heads):
    """As llama.cpp's converter orders rows of q and k for the architecture llama."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def save_gguf(path, model, kind, tokenizer):
    config = model.config
    architecture = "llama" if kind == "mistral" else kind
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    if kind == "gemma3":
        writer.add_sliding_window(config.sliding_window)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if rope["rope_type"] == "llama3":
        frequencies, _ = transformers.modeling_rope_utils.ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
        plain = 1 / rope["rope_theta"] ** (torch.arange(0, head_dim, 2).float() / head_dim)
        writer.add_tensor("rope_freqs.weight", (plain / frequencies).numpy())
    vocabulary = json.loads(tokenizer.read_text())["model"]
    tokens = sorted(vocabulary["vocab"], key=vocabulary["vocab"].get)
    tokens += [f"[PAD{i}]" for i in range(len(tokens), config.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges([" ".join(m) for m in vocabulary["merges"]])
    tied = config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue
        rows = tensor.float().numpy()
        if kind == "gemma3" and "norm" in name:
            rows = rows + 1
        if architecture in ("llama", "smollm3") and (".q_proj." in name or ".k_proj." in name):
            rows = interleave(rows, config.num_attention_heads if ".q_" in name else config.num_key_value_heads)
        for ours, theirs in (GEMMA_NAMES if kind == "gemma3" else ()) + GGUF_NAMES:
            name = name.replace(ours, theirs)
        writer.add_tensor(name, numpy.ascontiguousarray(rows))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def import_pickled(build, folder, model):
    """What `t6 import` makes of the same weights, as torch.save writes them."""
    for file in folder.glob("model*safetensors*"):
        file.unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    subprocess.run([build / "t6", "import", folder, "--out", folder / "pickled"], check=True, capture_output=True)
    return (folder / "pickled/model.safetensors").read_bytes()


def compare_random(build, name, kind, changes, dtype):
    ids = [(7 * i * i + 3 * i) % 300 for i in range(100)]
    model = random_model(kind, changes, dtype)
    wanted = reference_logits(model, ids)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "model"
        # Small files, so that there are several.
        model.to(dtype).save_pretrained(folder, max_shard_size="40KB" if dtype == torch.float32 else "5GB")
        save_tokenizer(folder)
        # `float32`: products in float32 whatever the weights are stored in.
        good = compare(name, t6_logits(build, folder, ids, "float32"), wanted)
        if dtype == torch.float32:
            good &= same_greedy_text(build, name, folder, folder / "tokenizer.json", model)
        subprocess.run([build / "t6", "import", folder, "--out", folder / "imported"], check=True, capture_output=True)
        good &= numpy.array_equal(t6_logits(build, folder / "imported", ids), t6_logits(build, folder, ids))
        good &= import_pickled(build, folder, model) == (folder / "imported/model.safetensors").read_bytes()
        if name in NO_GGUF:
            return good
        path = pathlib.Path(scratch) / "model.gguf"
        save_gguf(path, model, kind, folder / "tokenizer.json")
        return compare(f"{name}, GGUF", t6_logits(build, path, ids), wanted) and good


def main():
    transformers.utils.logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="the folder with t6 and tests/t6_logits")
    parser.add_argument("--gguf", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--folder", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--text", type=pathlib.Path)
    parser.add_argument("--tokens", type=int, default=256)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    good = [compare_random(build, name, *case) for name, case in CASES.items()]
    for path in arguments.gguf + arguments.folder:
        options = {"gguf_file": path.name} if path in arguments.gguf else {}
        source = path.parent if path in arguments.gguf else path
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, **options)
        model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **options).eval()
        ids = tokenizer(arguments.text.read_text()[:20 * arguments.tokens])["input_ids"][:arguments.tokens]
        good.append(compare(path.name, t6_logits(build, path, ids, "float32"), reference_logits(model, ids)))
    if not all(good):
        sys.exit("t6 and transformers differ")


if __name__ == "__main__":
    main()
