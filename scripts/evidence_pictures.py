#!/usr/bin/env python3
"""Draws the pictures of docs/evidence.md from the results of its comparisons, and puts their tables beside them.

scripts/evidence_pictures.py RUNS OUT: RUNS has a folder of 't6 compare' for each experiment (kinds, heads, cache, ...) and
tasks/, which scripts/evidence_tasks.sh fills. OUT gets EXPERIMENT-models.csv, EXPERIMENT-runs.csv, tasks.csv and the pictures as
SVG. Needs matplotlib 3.10 (pip install matplotlib==3.10.8).
"""
import csv
import json
import pathlib
import shutil
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "t6", "svg.fonttype": "none", "font.size": 11, "axes.spines.top": False,
                            "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3})
from matplotlib import pyplot  # noqa: E402

KINDS = ["mha", "mqa", "gqa", "mla", "tpa", "tpa_kvonly", "tpa_constant_a", "tpa_constant_b", "tpa_grouped"]
RANKS = ["tpa_rank_1", "tpa", "tpa_rank_4"]


def picture(path, x_name, y_name, draw, ticks=None):
    """`ticks`: the x axis is logarithmic and has these."""
    figure, axes = pyplot.subplots(figsize=(7, 4.4), layout="constrained")
    draw(axes)
    axes.set(xlabel=x_name, ylabel=y_name)
    if ticks:
        axes.set_xscale("log")
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def chosen_runs(results, name):
    rate = next(row["learning_rate"] for row in results["models"] if row["model"] == name)
    return [run["run"] for run in results["runs"]
            if run["model"] == name and run["learning_rate"] == rate and run["validation_loss"] is not None]


def curve(results, name):
    """Mean loss over seeds at each evaluation, at the model's rate."""
    runs, points = chosen_runs(results, name), {}
    for row in results["curves"]:
        if row["run"] in runs:
            points.setdefault(row["tokens"], []).append(row["validation_loss"])
    return zip(*sorted((tokens, sum(losses) / len(losses)) for tokens, losses in points.items()))


def curves(results, names):
    def draw(axes):
        for name in names:
            tokens, losses = curve(results, name)
            axes.plot([count / 1e6 for count in tokens], losses, marker="o", markersize=3, label=name)
    return draw


def rates(results, names):
    def draw(axes):
        for name in names:
            rows = [row for row in results["rates"] if row["model"] == name and row["search_loss"] is not None]
            axes.plot([row["learning_rate"] for row in rows], [row["search_loss"] for row in rows], marker="o", label=name)
    return draw


def loss_and_cache(results):
    def draw(axes):
        for index, row in enumerate(results["models"]):
            colour = f"C{index % 10}"
            axes.errorbar(row["cache_bytes_per_token"], row["validation_loss"], yerr=row["validation_loss_95"] or 0, fmt="o",
                          color=colour, capsize=3)
            axes.annotate(row["model"], (row["cache_bytes_per_token"], row["validation_loss"]), xytext=(6, 4),
                          textcoords="offset points", fontsize=9, color=colour)
        axes.margins(x=0.12)
    return draw


def accuracies(results):
    """Accuracy by steps: each run thin, the mean of a model's seeds thick."""
    def draw(axes):
        for index, model in enumerate(results["models"]):
            runs, means = chosen_runs(results, model["model"]), {}
            for run in runs:
                points = {row["step"]: 100 * row["validation_accuracy"] for row in results["curves"] if row["run"] == run}
                axes.plot(points.keys(), points.values(), color=f"C{index}", linewidth=0.7, alpha=0.5)
                for step, right in points.items():
                    means[step] = means.get(step, 0) + right / len(runs)
            axes.plot(means.keys(), means.values(), color=f"C{index}", marker="o", markersize=3, label=model["model"])
    return draw


def task_rows(folder):
    """Rows of tasks.csv: how often each way of computing is right, and how often it chooses as the first does."""
    rows, first = [], {}
    for path in sorted(folder.glob("*[!u].jsonl")):
        lines = [json.loads(line) for part in (path, path.with_stem(path.stem + "-mmlu")) for line in part.open()]
        chosen = {(line["task"], line["document"], line.get("subject")): line["chosen"] for line in lines if "task" in line}
        first = first or chosen
        weights, cache = path.stem.split("-")
        for task in (task for line in lines if "summary" in line for task in line["summary"]["tasks"]):
            here = [key for key in chosen if key[0] == task["name"]]
            same = sum(chosen[key] == first[key] for key in here) / len(here)
            rows.append([weights, cache, task["name"], task["documents"], task["acc"], task["acc_stderr"], task.get("acc_norm"),
                         task.get("acc_norm_stderr"), same])
    return rows


def write_tasks(folder, path):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["weights", "cache", "task", "documents", "acc", "acc_stderr", "acc_norm", "acc_norm_stderr", "same_choice"])
        writer.writerows(task_rows(folder))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    every = {path.parent.name: json.loads(path.read_text()) for path in sorted(source.glob("*/results.json"))}
    for name in {"kinds", "recall"} - every.keys():
        sys.exit(f"evidence_pictures: error: {source} has no {name}/results.json; docs/evidence.md says what writes it")
    for name, results in every.items():
        for table in ("models", "runs"):
            shutil.copyfile(source / name / f"{table}.csv", out / f"{name}-{table}.csv")
        if name in ("kinds", "heads"):
            picture(out / f"{name}-cache.svg", "bytes of cache a token (bfloat16)", "validation loss, nats a token",
                    loss_and_cache(results), ticks=[500, 1000, 2000, 4000])
    write_tasks(source / "tasks", out / "tasks.csv")
    kinds = every["kinds"]
    tokens, loss = "training tokens, millions", "validation loss, nats a token"
    picture(out / "kinds-tokens.svg", tokens, loss, curves(kinds, KINDS))
    picture(out / "ranks-tokens.svg", tokens, loss, curves(kinds, RANKS))
    picture(out / "recall-accuracy.svg", "training steps", "accuracy, %", accuracies(every["recall"]))
    picture(out / "kinds-rates.svg", "learning rate", loss, rates(kinds, KINDS),
            ticks=kinds["experiment"]["learning_rates"])


if __name__ == "__main__":
    main()
