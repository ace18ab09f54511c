#!/usr/bin/env python3
"""Writes python/t6/train/presets.json: of each preset of T6 the keys that differ from ModelConfig's defaults.

usage: scripts/write_presets.py BUILD     (a folder with the programs t6 and t6-train)
Presets are made in src/t6/model/presets.cc, some of whose sizes are computed. tests/python/train_test.py compares.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from t6.train.model_keys import DEFAULTS, PRESETS_FILE  # noqa: E402

SHARD_HEADER = [20240520, 1, 3000] + [0] * 253


def run(program, *words):
    return subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True).stdout


def model_of(build, data, *settings):
    words = [word for setting in settings for word in ("--set", setting)]
    text = run(build / "t6-train", "train", data / "run.toml", "--dry-run", *words)
    return json.loads(text)["model"]


def keys_of(build, data, name):
    model = model_of(build, data, f"model.preset={name}")
    keys = {key: value for key, value in model.items()
            if key in DEFAULTS and value != DEFAULTS[key]}
    del keys["v_head_dim"]  # head_dim's
    if model["attention_kind"] != "gqa":
        del keys["num_key_value_heads"]
    # A width that follows from the hidden one is no key of the preset.
    wider = model_of(build, data, f"model.preset={name}", f"model.hidden_size={2 * model['hidden_size']}")
    if wider["intermediate_size"] != model["intermediate_size"]:
        del keys["intermediate_size"]
    return keys


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    names = [line.split()[0] for line in run(build / "t6", "info", "--list").splitlines() if "-" in line]
    with tempfile.TemporaryDirectory() as scratch:
        data = pathlib.Path(scratch)
        header = b"".join(number.to_bytes(4, "little") for number in SHARD_HEADER)
        (data / "train_0.bin").write_bytes(header + bytes(2 * SHARD_HEADER[2]))
        (data / "run.toml").write_text(f'[data]\npath = "{data}"\n[model]\n')
        rows = [f"  {json.dumps(name)}: {json.dumps(keys_of(build, data, name))}" for name in names]
    PRESETS_FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
