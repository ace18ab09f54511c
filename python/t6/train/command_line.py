"""`python -m t6.train`: a run from a TOML file, or one more stretch of it, alone or under torchrun."""

import argparse
import json
import os
import pathlib
import signal
import sys

from .errors import TrainError, require
from .first_weights import find_model, given_config
from .processes import Processes, start_processes, stop_processes
from .run_config import RunConfig, load_run_config
from .run_data import plan_run
from .toml_files import Setting, parse_setting
from .trainer import INTERRUPTED, Trainer

SHORTCUTS = {
    "--data": ("data.path", "folder of token shards, as 't6 prepare' makes it"),
    "--steps": ("train.steps", "optimizer steps"),
    "--batch": ("train.batch_size", "sequences in a forward pass, of all processes"),
    "--context": ("train.context", "tokens in a sequence"),
    "--seed": ("train.seed", "seed of first weights and of the order of the data"),
    "--threads": ("train.threads", "threads of a process; 0: PyTorch's choice"),
    "--learning-rate": ("optimizer.learning_rate", "highest learning rate"),
    "--minutes": ("train.minutes", "save and stop after this time"),
    "--dtype": ("train.dtype", "float32, or bfloat16 in the passes beside float32 weights"),
    "--recompute": ("train.recompute", "none, attention or layer: activations that are computed again"),
    "--device": ("train.device", "cpu, or cuda: each process has the device of its local rank"),
}


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m t6.train", allow_abbrev=False, description=__doc__)
    result.add_argument("config", help="a TOML file, or the folder of a run to go on with")
    result.add_argument("--out", help="folder of the run (default: runs/NAME for NAME.toml)")
    result.add_argument("--from", dest="given", metavar="MODEL",
                        help="begin with the weights of a model folder or a run")
    ends = result.add_mutually_exclusive_group()
    ends.add_argument("--resume", action="store_true", help="go on after the newest checkpoint in the folder")
    ends.add_argument("--force", action="store_true", help="remove the run that is in the folder, and nothing else")
    for flag, (_, text) in SHORTCUTS.items():
        result.add_argument(flag, metavar="VALUE", help=text)
    result.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
                        help="any setting of the file")
    result.add_argument("--compile", action="store_true", help="compile the layers with torch.compile")
    result.add_argument("--tensor-parallel", type=int, default=1, metavar="N",
                        help="processes that share a layer's heads")
    result.add_argument("--quiet", action="store_true", help="no lines about progress")
    result.add_argument("--dry-run", action="store_true",
                        help="check settings and data, print all that the run would be as JSON, and train nothing")
    return result


def settings_of(options: argparse.Namespace) -> list[Setting]:
    settings = [parse_setting(text) for text in options.set]
    for flag, (key, _) in SHORTCUTS.items():
        value = getattr(options, flag[2:].replace("-", "_"))
        if value is not None:
            require(bool(value), f"{flag}: is empty")
            settings.append(Setting(key, value, literal=flag == "--data"))
    return settings


def run_folder(options: argparse.Namespace) -> pathlib.Path:
    config = pathlib.Path(options.config)
    if options.out:
        return pathlib.Path(options.out)
    return config if config.is_dir() else pathlib.Path("runs") / config.stem


def print_header(trainer: Trainer) -> None:
    config, model, facts = trainer.config, trainer.config.model, trainer.data
    print(f"model    {config.preset + ', ' if config.preset else ''}attention {model.attention_kind}: "
          f"{sum(p.numel() for p in trainer.model.parameters()):,} parameters, {model.num_hidden_layers} layers, width "
          f"{model.hidden_size}, {model.num_attention_heads} heads of {model.head_dim}")
    validation = f"{facts.validation.tokens:,}" if facts.validation else "none"
    print(f"data     {config.data['path']}: {facts.training.tokens:,} tokens for training, {validation} for "
          f"validation, vocabulary {model.vocab_size:,}")
    print(f"run      {trainer.folder}: {config.train['steps']:,} steps of {config.step_tokens:,} tokens, "
          f"{config.train['dtype']}, PyTorch's attention, processes: {trainer.processes.size} on "
          f"{trainer.processes.device.type}")
    for note in trainer.notes:
        print(f"note     {note}")
    if trainer.state.step:
        print(f"resumed  after step {trainer.state.step:,}")
    sys.stdout.flush()


def print_progress(trainer: Trainer) -> None:
    step, train = trainer.state.step, trainer.config.train
    if step % train["log_every"] and step != train["steps"]:
        return
    measured = trainer.validation and trainer.validation["step"] == step
    print(f"step {step}/{train['steps']}  loss {trainer.last_loss:.4f}" +
          (f"  validation {trainer.validation['validation_loss']:.4f}" if measured else ""), flush=True)


def print_summary(trainer: Trainer, end: str) -> None:
    state = trainer.state
    print(f"{'finished' if end == 'finished' else 'stopped'} at step {state.step:,}: {state.tokens:,} tokens in "
          f"{trainer.seconds():.1f} s")
    if trainer.validation:
        bits = trainer.validation.get("validation_bits_per_byte")
        print(f"validation loss {trainer.validation['validation_loss']:.4f} nats per token" +
              (f", {bits:.4f} bits per byte" if bits is not None else ""))
    if state.step:
        print(f"model in {trainer.folder / 'model'}")
    if end != "finished":
        print(f"continue with: python -m t6.train {trainer.folder} --resume")
    sys.stdout.flush()


class Interrupt:
    """Ctrl-C, SIGTERM and SIGHUP: the first one is remembered, a second one ends the process."""

    def __init__(self) -> None:
        self.signal = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)

    def _take(self, number: int, frame: object) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)

    def __call__(self) -> bool:
        return self.signal != 0


def train(options: argparse.Namespace, config: RunConfig, given: pathlib.Path | None, processes: Processes) -> None:
    start = "resume" if options.resume else "replace" if options.force else "fresh"
    interrupt = Interrupt()
    trainer = Trainer(config, run_folder(options), processes, start, given, options.compile)
    try:
        speaks = processes.first
        if speaks:
            print_header(trainer)
        end = trainer.run(print_progress if speaks and not options.quiet else lambda trainer: None, interrupt)
        if speaks:
            print_summary(trainer, end)
    finally:
        trainer.close()
    if end == INTERRUPTED:
        stop_processes(processes)
        number = interrupt.signal or signal.SIGTERM
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def run(options: argparse.Namespace) -> None:
    require(options.tensor_parallel >= 1, f"--tensor-parallel must be 1 or more, not {options.tensor_parallel}")
    given = find_model(pathlib.Path(options.given)) if options.given else None
    config = load_run_config(options.config, settings_of(options), given_config(given) if given else None)
    if options.dry_run:
        print(json.dumps(plan_run(config), indent=2, sort_keys=True))
        return
    processes = start_processes(config.train["device"], options.tensor_parallel)
    try:
        train(options, config, given, processes)
    finally:
        stop_processes(processes)


def main(words: list[str] | None = None) -> int:
    """The exit code: 0, 1 after an error, 2 (by argparse) for wrong usage."""
    options = parser().parse_args(words)
    try:
        run(options)
        return 0
    except (TrainError, OSError) as error:
        print(f"t6.train: error: {error}", file=sys.stderr)
        return 1
