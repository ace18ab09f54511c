"""What the tests of the Python package share: the package itself, and the zoo's models with random weights."""
import json
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("T6_BUILD", SOURCE / "build/release")).resolve()
sys.path.insert(0, str(SOURCE / "python"))

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from t6.nn import ModelConfig, Transformer  # noqa: E402  (the package's, of python/)

torch.set_num_threads(1)  # the models are tiny
TOLERANCE = 1e-4  # of the largest logit
TOKENIZER = {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
             "added_tokens": [], "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                "use_regex": True},
             "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
             "model": {"type": "BPE", "merges": [], "vocab": {chr(97 + i): i for i in range(26)}}}


def write_weights(folder):
    """Random weights for the config.json of a folder, and a tokenizer, since T6 wants one."""
    torch.manual_seed(11)
    model = Transformer(ModelConfig.from_dict(json.loads((folder / "config.json").read_text())))
    weights = {name: torch.empty(value.shape).uniform_(-0.4, 0.4) for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))


def make_zoo(folder):
    """Writes the models of tests/zoo.h; their folders."""
    subprocess.run([BUILD / "tests/t6_zoo", folder], check=True)
    folders = sorted(folder.iterdir())
    for model in folders:
        write_weights(model)
    return folders


def t6_logits(folder, tokens):
    """Of a row of tokens: [T, vocabulary], by T6."""
    result = subprocess.run([BUILD / "tests/t6_logits", folder], input=" ".join(map(str, tokens)).encode(), check=True,
                            stdout=subprocess.PIPE)
    return torch.frombuffer(bytearray(result.stdout), dtype=torch.float32).view(len(tokens), -1)


def difference(found, wanted):
    """The largest, as a part of the largest number wanted."""
    return float((found - wanted).detach().abs().max() / wanted.detach().abs().max())
