#!/usr/bin/env python3
"""Makes state_dict.bin, as PyTorch's torch.save writes a module's state dict, and state_dict.safetensors, the same
tensors. Needs torch and safetensors.

    make_state_dict.py tests/formats
"""
import pathlib
import sys

import torch
from safetensors.torch import save_file


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))  # has a whole number for a buffer
    tensors = module.state_dict()  # an OrderedDict with attributes of its own
    rows = torch.randn(5, 4)
    tensors |= {"half": torch.randn(2, 3).half(), "bfloat16": torch.randn(7).bfloat16(),
                "double": torch.randn(1, 1, 2).double(),
                "bytes": torch.arange(9).to(torch.uint8), "bits": torch.tensor([True, False]), "none": torch.zeros(2, 0),
                "rows": rows[1:3], "the same rows": rows, "parameter": torch.nn.Parameter(torch.randn(2))}
    torch.save(tensors, folder / "state_dict.bin")
    save_file({name: tensor.detach().clone() for name, tensor in tensors.items()}, folder / "state_dict.safetensors")


if __name__ == "__main__":
    main()
