"""Training: the loop over steps, with evaluation, checkpoints and metrics in the folder of a run."""

import dataclasses
import math
import pathlib
import time
from collections.abc import Callable
from typing import Any

import torch

from .checkpoint import OtherSettings, TrainerState, read_state, read_tensors, write_checkpoint
from .data import ShuffledOrder, even_begins
from .errors import TrainError, require
from .files import partial_of, write_json
from .first_weights import draw_weights, take_weights
from .metrics import Metrics
from .model import make_model, numbers, parameter_count, why_attention_is_whole
from .optimizer import Optimizer
from .processes import Processes
from .run_config import RUN_FILE, RunConfig
from .run_data import data_facts, open_data
from .run_folder import (BEST_LINK, METRICS_FILE, RunLock, checkpoint_path, clear_checkpoint, commit_checkpoint,
                         link_checkpoints, list_checkpoints, own_run_json, recover, remove_run,
                         require_no_foreign_files, set_aside)
from .schedule import learning_rate

DECIDING = ("steps", "batch_size", "gradient_accumulation", "context", "seed", "dtype")
FINISHED, INTERRUPTED, OUT_OF_TIME = "finished", "interrupted", "out of time"


class Trainer:
    """A run in a folder.

    start: "fresh" (a run that is in the folder is an error), "resume" (it goes on after its newest complete checkpoint;
    without one it begins) or "replace" (it is removed). given: a model folder whose weights it begins with. Every
    process makes one. Errors: settings and data that do not fit, a folder in use or with files that are not a run's, a
    checkpoint of other settings, no checkpoint that can be read though there are some.
    """

    def __init__(self, config: RunConfig, folder: str | pathlib.Path, processes: Processes | None = None,
                 start: str = "fresh", given: pathlib.Path | None = None, compiled: bool = False):
        self.config, self.folder, self.given = config, pathlib.Path(folder), given
        self.processes = processes or Processes(torch.device("cpu"))
        self.notes: list[str] = []
        self._check_processes()
        if config.train["threads"]:
            torch.set_num_threads(config.train["threads"])
        self.data = open_data(config)
        self.order = ShuffledOrder(self.data.training.tokens, config.train["context"], config.train["seed"])
        self.state = TrainerState(self._deciding_settings())
        self.validation: dict[str, Any] | None = None  # the last record of this process
        self.metrics: Metrics | None = None
        self.lock: RunLock | None = None
        self.last_loss, self._recent_steps, self._recent_seconds, self._started = 0.0, 0, 0.0, time.monotonic()
        try:
            self._open(start, compiled)
        except BaseException:
            self.close()
            raise

    def _open(self, start: str, compiled: bool) -> None:
        self._on_first(lambda: self._open_folder(start))
        self.model = make_model(self.config, self.processes, compiled)
        self.optimizer = Optimizer(self.model, self.config.optimizer, self.processes)
        self._begin_or_resume(start)
        self.saved_step = self.state.step
        self._on_first(lambda: self._prepare_folder(start))

    def _check_processes(self) -> None:
        batch, size = self.config.train["batch_size"], self.processes.data_size
        require(batch % size == 0, f'train: "batch_size" is {batch}; it has to be a multiple of the {size} processes '
                "that its sequences are divided over")
        mesh = self.processes.mesh
        whole = why_attention_is_whole(self.config.model, mesh["tp"].size()) if mesh is not None else ""
        if whole and mesh["tp"].size() > 1:
            self.notes.append(f"attention is whole on each process of a tensor-parallel group: {whole}")
        require(self.config.train["sample_every"] == 0, 'train: "sample_every": no texts are written while it trains '
                "in Python; leave it out, or --set train.sample_every=0")

    def _on_first(self, action: Callable[[], None]) -> None:
        """Runs it on the first process; its error is everyone's."""
        error = None
        if self.processes.first:
            try:
                action()
            except (TrainError, OSError) as raised:
                error = raised
        error = self.processes.tell(error)
        if error is not None:
            raise error

    def _open_folder(self, start: str) -> None:
        self.lock = RunLock(self.folder)
        require(start != "fresh" or own_run_json(self.folder) is None, f"{self.folder}: this folder holds a run "
                "already; --resume goes on with it, --force removes it, --out takes another folder")
        require_no_foreign_files(self.folder)

    def _begin_or_resume(self, start: str) -> None:
        found = self.processes.tell([str(path) for _, path in list_checkpoints(self.folder, complete=False)]
                                    if start == "resume" and self.processes.first else [])
        if found:
            require(self.given is None, f"{self.folder}: this run has weights of its own; --from is for a run that "
                    "begins")
            self._resume([pathlib.Path(path) for path in found])
        elif self.given is not None:
            take_weights(self.model, self.given, self.config.train["seed"])
        else:
            draw_weights(self.model, self.config.train["seed"])

    def _resume(self, checkpoints: list[pathlib.Path]) -> None:
        """The newest checkpoint that can be read. All that cannot are looked at before any is set aside."""
        damaged: list[tuple[pathlib.Path, str]] = []
        while checkpoints:
            reason = self._read(checkpoints[-1])
            if not reason:
                break
            damaged.append((checkpoints.pop(), reason))
        newest = damaged[0][1] if damaged else ""
        require(bool(checkpoints), f"no checkpoint of this run can be read; of the newest: {newest}")
        for path, reason in damaged:
            aside = self.processes.tell(set_aside(path).name if self.processes.first else "")
            self.notes.append(f"the checkpoint {path.name} cannot be read ({reason}); it is kept as {aside}")

    def _read(self, checkpoint: pathlib.Path) -> str:
        """Why it cannot be read, on whichever process; empty: it was."""
        reason = ""
        try:
            self.state = read_state(checkpoint, self.state.configuration)
        except OtherSettings:
            raise
        except TrainError as error:
            reason = str(error)
        if self.processes.sum([bool(reason)])[0] == 0:
            try:
                read_tensors(checkpoint, self.model, self.optimizer, self.state.step)
            except TrainError as error:
                reason = str(error)
        failed = self.processes.sum([bool(reason)])[0] > 0
        return reason or ("another process could not read it" if failed else "")

    def _prepare_folder(self, start: str) -> None:
        if start == "replace" and own_run_json(self.folder) is not None:
            remove_run(self.folder)
        self._write_run_json()
        recover(self.folder)
        link_checkpoints(self.folder, self._best_to_keep())
        self.metrics = Metrics(self.folder / METRICS_FILE, self.state.step)

    def _deciding_settings(self) -> dict[str, Any]:
        """What a resumed run must have in common with the checkpoint that it goes on from."""
        settings = self.config.to_json()
        model = {key: value for key, value in settings["model"].items() if key != "preset"}
        tokens = {"train_tokens": self.data.training.tokens, "validation_tokens": self._validation_tokens()}
        return {"model": model, "data": tokens, "optimizer": settings["optimizer"], "schedule": settings["schedule"],
                "train": {key: settings["train"][key] for key in DECIDING if key in settings["train"]}}

    def _validation_tokens(self) -> int:
        return self.data.validation.tokens if self.data.validation else 0

    def _write_run_json(self) -> None:
        before = (own_run_json(self.folder) or {}).get("run", {})
        facts = {"parameters": parameter_count(self.model), **data_facts(self.config, self.data),
                 "threads": torch.get_num_threads(), "torch": torch.__version__, "processes": self.processes.size,
                 "event_files": before.get("event_files", [])}
        given = str(self.given) if self.given is not None else before.get("from")
        if given:
            facts["from"] = given
        write_json(self.folder / RUN_FILE, {**self.config.to_json(), "run": facts})

    def seconds(self) -> float:
        """That the run has taken, over all its resumptions."""
        return self.state.seconds + time.monotonic() - self._started

    def _is_due(self, every: int) -> bool:
        return self.state.step == self.config.train["steps"] or every > 0 and self.state.step % every == 0

    def _best_to_keep(self) -> int | None:
        return self.state.best_step if self.config.train["keep_best"] else None

    def run(self, observe: Callable[["Trainer"], None] = lambda trainer: None,
            stop: Callable[[], bool] = lambda: False) -> str:
        """Trains up to the last step, until `stop` says so on any process, or up to the time limit, and saves.

        FINISHED, INTERRUPTED or OUT_OF_TIME. `observe` is called after each step. Error: a loss or gradient that is not
        finite; the checkpoints made before stay as they are.
        """
        train, end = self.config.train, FINISHED
        self._started = time.monotonic()
        if self.state.evaluation_due:
            self.evaluate()
        while self.state.step < train["steps"] and end == FINISHED:
            self.train_step()
            end = self._why_to_end(stop)
            if self._is_due(train["evaluate_every"]) or end == OUT_OF_TIME:
                self.evaluate()
            if self._is_due(train["checkpoint_every"]) or self._best_to_keep() == self.state.step:
                self.save()
            observe(self)
        self.save()
        return end

    def _why_to_end(self, stop: Callable[[], bool]) -> str:
        late = 0 < 60 * self.config.train["minutes"] < time.monotonic() - self._started
        stopped, late_ones = self.processes.sum([float(stop()), float(late and self.processes.first)])
        if self.state.step == self.config.train["steps"]:
            return FINISHED
        return INTERRUPTED if stopped else OUT_OF_TIME if late_ones else FINISHED

    def train_step(self) -> None:
        """One step on this process's share of its sequences."""
        began, train, state = time.monotonic(), self.config.train, self.state
        passes, batch, loss = train["gradient_accumulation"], train["batch_size"], 0.0
        share = batch // self.processes.data_size
        for index in range(passes):
            first = (state.step * passes + index) * batch + self.processes.data_rank * share
            begins = [self.order.begin(sequence) for sequence in range(first, first + share)]
            inputs, targets = self.data.training.read(begins, self.processes.device)
            with numbers(self.config, self.processes):
                part = self.model(inputs, targets) / passes
            part.backward()
            loss += part.item()
        loss = self.processes.sum([loss])[0] / self.processes.size
        self._require_finite("loss", loss, state.step + 1)
        norm = self.optimizer.clip(self.config.optimizer["clip"])
        self._require_finite("norm of the gradient", norm, state.step + 1)
        rate = learning_rate(self.config, state.step + 1)
        self.optimizer.step(rate)
        self._count_step(loss, rate, norm, time.monotonic() - began)

    def _count_step(self, loss: float, rate: float, norm: float, seconds: float) -> None:
        state = self.state
        state.step, state.tokens = state.step + 1, state.tokens + self.config.step_tokens
        state.open_steps, state.open_loss = state.open_steps + 1, state.open_loss + loss
        self.last_loss = loss
        self._recent_steps, self._recent_seconds = self._recent_steps + 1, self._recent_seconds + seconds
        if not self._is_due(self.config.train["log_every"]):
            return
        record = {"step": state.step, "tokens": state.tokens, "loss": state.open_loss / state.open_steps,
                  "learning_rate": rate, "grad_norm": norm,
                  "tokens_per_second": self._recent_steps * self.config.step_tokens / self._recent_seconds,
                  "seconds": self.seconds()}
        state.open_steps, state.open_loss, self._recent_steps, self._recent_seconds = 0, 0.0, 0, 0.0
        if self.metrics is not None:
            self.metrics.add(record)

    def _require_finite(self, what: str, value: float, step: int) -> None:
        if math.isfinite(value):
            return
        good = [path for at, path in list_checkpoints(self.folder) if at + 1 < step][-1:]
        good = [self.folder / BEST_LINK] if (self.folder / BEST_LINK).exists() else good
        advice = (f"To go on from an earlier checkpoint: --from {good[0]} --out NEW" if good else
                  "No checkpoint before it is sound; to begin anew: --out NEW")
        raise TrainError(f"step {step}: the {what} is {value}; a smaller optimizer.learning_rate or a longer "
                         f"schedule.warmup_steps may help. {advice} --learning-rate "
                         f"{self.config.optimizer['learning_rate'] / 10:g}")

    @torch.no_grad()
    def evaluate(self) -> None:
        """The loss on the validation split, where there is one."""
        split, processes = self.data.validation, self.processes
        if split is None:
            return
        begins = even_begins(split.tokens, split.context, self.config.train["evaluate_windows"])
        total, batch = 0.0, self.config.train["batch_size"]
        for place in range(0, len(begins), batch):
            now = begins[place:place + batch]
            # All processes take part in every pass; one without sequences of its own counts none.
            mine = now[processes.data_rank::processes.data_size]
            with numbers(self.config, processes):
                loss = self.model(*split.read(mine or now[:1], processes.device))
            total += loss.item() * len(mine)
        copies = processes.size // processes.data_size
        loss = processes.sum([total])[0] / copies / len(begins)
        self._require_finite("validation loss", loss, self.state.step)
        self.state.evaluation_due = False
        if self.state.best_step is None or loss < self.state.best_loss:
            self.state.best_step, self.state.best_loss = self.state.step, loss
        self.validation = {"step": self.state.step, "tokens": self.state.tokens, "validation_loss": loss}
        if self.data.facts.bytes_per_token is not None:
            self.validation["validation_bits_per_byte"] = loss / math.log(2) / self.data.facts.bytes_per_token
        if self.metrics is not None:
            self.metrics.add(self.validation)

    def save(self) -> None:
        """Makes a checkpoint of this step, unless it has one."""
        if self.state.step == self.saved_step:
            return
        partial = partial_of(checkpoint_path(self.folder, self.state.step))

        def begin() -> None:
            self.metrics.sync()  # a checkpoint's metrics must not be younger than it
            clear_checkpoint(partial)
            partial.mkdir()

        self._on_first(begin)
        settings = self.config.to_json()["model"]
        settings.pop("preset", None)
        write_checkpoint(partial, dataclasses.replace(self.state, seconds=self.seconds()), settings, self.optimizer,
                         self.data.facts.tokenizer)
        self._on_first(lambda: commit_checkpoint(self.folder, self.state.step, self.config.train["keep_checkpoints"],
                                                 self._best_to_keep()))
        self.saved_step = self.state.step

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the run's folder."""
        if self.metrics is not None:
            self.metrics.close()
        if self.lock is not None:
            self.lock.release()
