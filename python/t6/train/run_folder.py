"""The folder of a run as files: checkpoints that are whole or not there, links to the newest and the best.

What a run did not write stays: a folder is a run's only by its run.json, and only files of a run's names are removed.
"""

import fcntl
import json
import os
import pathlib
import re
import shutil
from typing import Any

from .errors import TrainError, require
from .files import PARTIAL, partial_of, sync_folder
from .run_config import RUN_FILE

METRICS_FILE, SAMPLES_FILE, REPORT_FILE = "metrics.jsonl", "samples.jsonl", "report.html"
MODEL_LINK, BEST_LINK, CHECKPOINTS = "model", "best", "checkpoints"
CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE = "config.json", "model.safetensors", "tokenizer.json"
STATE_FILE = "trainer.json"
MOMENTS_FILE = "trainer.safetensors"  # of a run of one process
SHARDS_FOLDER = "trainer"  # of a run of several: torch.distributed.checkpoint's
FILES = (CONFIG_FILE, WEIGHTS_FILE, STATE_FILE)
CHECKPOINT_NAME = re.compile(r"step-(\d+)")
MARKED_NAME = re.compile(r"step-\d+(\.partial|\.damaged(-\d+)?)?")
EVENT_FILE_PREFIX = "events.out.tfevents."
REPORT_MARK = "T6 run report</title>"


class RunLock:
    """One process trains in a folder: held while this lives, and gone with the process."""

    def __init__(self, run: pathlib.Path):
        run.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self.descriptor)
            raise TrainError(f"{run}: another process is training in this folder") from error

    def release(self) -> None:
        os.close(self.descriptor)


def own_run_json(run: pathlib.Path) -> dict[str, Any] | None:
    """run.json, where it is one of a run; else None."""
    try:
        table = json.loads((run / RUN_FILE).read_text())
    except (OSError, ValueError, RecursionError):
        return None
    sections = ("model", "data", "train", "run")
    own = isinstance(table, dict) and all(isinstance(table.get(name), dict) for name in sections)
    return table if own else None


def require_no_foreign_files(run: pathlib.Path) -> None:
    """Error: something that is not of a run, under a name that a run would write to."""
    advice = "move it elsewhere, or name another folder with --out"
    if own_run_json(run) is None:
        for name in (RUN_FILE, METRICS_FILE, REPORT_FILE, MODEL_LINK, BEST_LINK, CHECKPOINTS, SAMPLES_FILE):
            for path in (run / name, partial_of(run / name)):
                empty = name == CHECKPOINTS and path.is_dir() and not any(path.iterdir())
                require(empty or not os.path.lexists(path), f"{path}: is there already, and the folder holds no "
                        f"{RUN_FILE} of a run that may have written it; {advice}")
        return
    for name in (MODEL_LINK, BEST_LINK):
        path = run / name
        require(path.is_symlink() or not os.path.lexists(path),
                f"{path}: is not a run's, whose {name} is a link to a checkpoint; {advice}")
    folder = run / CHECKPOINTS
    require(not folder.exists() or folder.is_dir(), f"{folder}: is no folder; {advice}")


def remove_run(run: pathlib.Path) -> None:
    """Removes what a run and its report left in their folder, and nothing else."""
    table = own_run_json(run)
    require(table is not None, f"{run}: holds no run")
    require_no_foreign_files(run)
    report = run / REPORT_FILE
    own_report = not os.path.lexists(report) or REPORT_MARK in report.read_text(errors="replace")
    require(own_report, f"{report}: is not a run's report; move it elsewhere, or name another folder with --out")
    for name in (MODEL_LINK, BEST_LINK):
        (run / name).unlink(missing_ok=True)
    if (run / CHECKPOINTS).is_dir():
        for path in list((run / CHECKPOINTS).iterdir()):
            if MARKED_NAME.fullmatch(path.name):
                clear_checkpoint(path)
        if not any((run / CHECKPOINTS).iterdir()):
            (run / CHECKPOINTS).rmdir()
    events = [name for name in table["run"].get("event_files", [])
              if isinstance(name, str) and name.startswith(EVENT_FILE_PREFIX) and "/" not in name]
    for name in (METRICS_FILE, REPORT_FILE, SAMPLES_FILE, *events, RUN_FILE):  # run.json last: until then it is a run
        (run / name).unlink(missing_ok=True)


def clear_checkpoint(folder: pathlib.Path) -> None:
    """Removes a checkpoint's own files from a folder, and the folder when nothing else is in it."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for name in (STATE_FILE, MOMENTS_FILE, WEIGHTS_FILE, CONFIG_FILE, TOKENIZER_FILE):
        (folder / name).unlink(missing_ok=True)
        partial_of(folder / name).unlink(missing_ok=True)
    shards = folder / SHARDS_FOLDER
    if shards.is_dir() and not shards.is_symlink():
        shutil.rmtree(shards)
    if not any(folder.iterdir()):
        folder.rmdir()


def remove_checkpoint(path: pathlib.Path) -> None:
    """Under another name while it goes, so that a half removed checkpoint is not taken for one."""
    partial = partial_of(path)
    clear_checkpoint(partial)
    if os.path.lexists(partial):
        return clear_checkpoint(path)
    path.rename(partial)
    clear_checkpoint(partial)
    if partial.exists():  # what is left in it is somebody else's
        partial.rename(path)


def checkpoint_path(run: pathlib.Path, step: int) -> pathlib.Path:
    return run / CHECKPOINTS / f"step-{step:08}"


def require_complete(checkpoint: pathlib.Path) -> None:
    """Error: the checkpoint lacks a file."""
    for name in FILES:
        require((checkpoint / name).is_file(), f"{checkpoint / name}: is missing")
    moments = (checkpoint / MOMENTS_FILE).is_file() or (checkpoint / SHARDS_FOLDER / ".metadata").is_file()
    require(moments, f"{checkpoint / MOMENTS_FILE}: is missing, and there is no {SHARDS_FOLDER}/ of several processes")


def is_complete(checkpoint: pathlib.Path) -> bool:
    try:
        require_complete(checkpoint)
        return True
    except TrainError:
        return False


def list_checkpoints(run: pathlib.Path, complete: bool = True) -> list[tuple[int, pathlib.Path]]:
    """Steps and folders, oldest first; those that lack a file only where `complete` is not wanted."""
    folder = run / CHECKPOINTS
    named = [(CHECKPOINT_NAME.fullmatch(path.name), path) for path in (folder.iterdir() if folder.is_dir() else ())]
    return sorted((int(match[1]), path) for match, path in named
                  if match and path.is_dir() and (not complete or is_complete(path)))


def recover(run: pathlib.Path) -> None:
    """Removes what a killed process left half done."""
    (run / CHECKPOINTS).mkdir(exist_ok=True)
    for path in list((run / CHECKPOINTS).iterdir()):
        if path.name.endswith(PARTIAL) and MARKED_NAME.fullmatch(path.name):
            clear_checkpoint(path)
    for name in (MODEL_LINK, BEST_LINK):
        if partial_of(run / name).is_symlink():
            partial_of(run / name).unlink()
    for name in (RUN_FILE, METRICS_FILE, REPORT_FILE, SAMPLES_FILE):
        partial_of(run / name).unlink(missing_ok=True)


def make_link(run: pathlib.Path, name: str, step: int) -> None:
    partial = partial_of(run / name)
    partial.unlink(missing_ok=True)
    partial.symlink_to(pathlib.Path(CHECKPOINTS) / checkpoint_path(run, step).name, target_is_directory=True)
    partial.replace(run / name)


def link_checkpoints(run: pathlib.Path, best: int | None) -> None:
    """Points RUN/model at the newest checkpoint, and RUN/best at that of step `best`, or nowhere."""
    steps = [step for step, _ in list_checkpoints(run)]
    if steps:
        make_link(run, MODEL_LINK, steps[-1])
    if best in steps:
        make_link(run, BEST_LINK, best)
    elif (run / BEST_LINK).is_symlink():
        (run / BEST_LINK).unlink()
    sync_folder(run)


def set_aside(checkpoint: pathlib.Path) -> pathlib.Path:
    """Renames a checkpoint that cannot be read to NAME.damaged, or NAME.damaged-2, ...; the new name."""
    name, number = checkpoint.with_name(checkpoint.name + ".damaged"), 2
    while os.path.lexists(name):
        name, number = checkpoint.with_name(f"{checkpoint.name}.damaged-{number}"), number + 1
    return checkpoint.rename(name)


def commit_checkpoint(run: pathlib.Path, step: int, newest: int, best: int | None) -> None:
    """Gives the folder that was filled its name, sets the links, and removes checkpoints that need not be kept: all but
    the `newest` (0: all) and that of step `best`."""
    path = checkpoint_path(run, step)
    if path.exists():  # incomplete: a resumed run begins after the newest complete checkpoint
        set_aside(path)
    sync_folder(partial_of(path))
    partial_of(path).rename(path)
    sync_folder(path.parent)
    link_checkpoints(run, best)
    checkpoints = list_checkpoints(run)
    for old, folder in checkpoints[:-newest] if newest else ():
        if old != best:
            remove_checkpoint(folder)
