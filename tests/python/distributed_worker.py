#!/usr/bin/env python3
"""What distributed_test.py starts under torchrun: several runs, one after the other, in one group of processes.

usage: torchrun ... distributed_worker.py RUNS    (a JSON list of {"words": [...], "kill_at": STEP, "stop_at": STEP, "error": TEXT})
Writes, for each run, FOLDER/bytes-RANK.json: what this process holds of weights, gradients and moments.
"""
import json
import os
import signal
import sys

import support  # noqa: F401  (the package's path)
from t6.train import Trainer, TrainError, load_run_config
from t6.train.command_line import parser, run_folder, settings_of
from t6.train.optimizer import MOMENTS
from t6.train.processes import local, start_processes, stop_processes


def bytes_of(tensors):
    """Of their storages, each once: gradients of a layer share one."""
    storages = [local(tensor).untyped_storage() for tensor in tensors]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def bytes_held(trainer):
    trainer.model(*trainer.data.training.read([0], trainer.processes.device)).backward()
    named = trainer.optimizer.named
    kinds = {"weights": named, "gradients": {name: parameter.grad for name, parameter in named.items()},
             **{kind: trainer.optimizer.moments(kind) for kind in MOMENTS}}
    return {kind: bytes_of(tensors.values()) for kind, tensors in kinds.items()}


def make_observer(processes, run):
    def observe(trainer):
        first_life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if trainer.state.step == run.get("kill_at") and processes.rank == 1 and first_life:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def main():
    for run in json.loads(sys.argv[1]):
        options = parser().parse_args(run["words"])
        config = load_run_config(options.config, settings_of(options))
        processes = start_processes(config.train["device"], options.tensor_parallel)
        try:
            trainer = Trainer(config, run_folder(options), processes, "resume", compiled=options.compile)
        except TrainError as error:
            if run.get("error", "no error is wanted") not in str(error):
                raise
            continue
        with trainer:
            trainer.run(make_observer(processes, run), lambda: trainer.state.step == run.get("stop_at"))
            (trainer.folder / f"bytes-{processes.rank}.json").write_text(json.dumps(bytes_held(trainer)))
        assert "error" not in run, run
    stop_processes(processes)


if __name__ == "__main__":
    main()
