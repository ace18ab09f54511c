"""Training in Python, from the same TOML files, data and folders as `t6 train` (docs/distributed.md).

    config = load_run_config("run.toml", [parse_setting("train.steps=100")])
    with Trainer(config, "runs/mine") as trainer:
        trainer.run()

`python -m t6.train` is the command, alone or under torchrun.
"""

from .data import write_shards
from .errors import TrainError
from .run_config import RunConfig, load_run_config
from .toml_files import Setting, parse_setting
from .trainer import Trainer

__all__ = ["RunConfig", "Setting", "TrainError", "Trainer", "load_run_config", "parse_setting",
           "write_shards"]
