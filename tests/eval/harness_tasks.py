"""The downstream tasks in lm-evaluation-harness, on files of our own: what its tests here and in tests/clients share."""
import json
import os
import pathlib
import tempfile

CACHE = tempfile.TemporaryDirectory(prefix="t6-datasets-")
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_DATASETS_CACHE": CACHE.name}
import lm_eval  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

TASKS = pathlib.Path(lm_eval.__file__).parent / "tasks"
# The harness's own description of a task, the split that it scores, and the split of another file for shots.
DESCRIPTIONS = {
    "arc_easy": ("arc/arc_easy.yaml", "test", "validation"),
    "arc_challenge": ("arc/arc_challenge.yaml", "test", "validation"),
    "boolq": ("super_glue/boolq/default.yaml", "validation", None),
    "hellaswag": ("hellaswag/hellaswag.yaml", "validation", None),
    "openbookqa": ("openbookqa/openbookqa.yaml", "test", "validation"),
    "piqa": ("piqa/piqa.yaml", "validation", None),
    "winogrande": ("winogrande/default.yaml", "validation", None),
    "mmlu": ("mmlu/default/mmlu_{}.yaml", "test", "dev"),
    "sciq": ("sciq/sciq.yaml", "test", None),
    "lambada_openai": ("lambada/lambada_openai.yaml", "test", None),
}


def read_lines(path):
    with open(path, encoding="utf-8") as file:  # not splitlines(), which also ends lines at U+2028
        return [json.loads(line) for line in file]


def write_lines(path, documents):
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents), encoding="utf-8")


def describe(folder, name, description, files, splits):
    """A task `t6_NAME` that is the harness's own in all but its data."""
    unused = [f"{split}: null" for split in ("training_split", "validation_split")
              if split != "validation_split" or "validation" not in splits]
    data = ", ".join(f"{split}: {file}" for split, file in zip(splits, files))
    (folder / f"{name}.yaml").write_text(
        f"include: {TASKS / description}\ntask: t6_{name}\ntag: null\ndataset_path: json\ndataset_name: null\n"
        f"dataset_kwargs: {{data_files: {{{data}}}}}\n" + "\n".join(unused) + "\n")


def write_task(folder, task, data):
    """Describes a task whose documents are data/TASK.jsonl; the names of its parts (MMLU's subjects) in the harness."""
    description, split, shots = DESCRIPTIONS[task]
    if task != "mmlu":
        has_shots = shots and (data / f"{task}.fewshot.jsonl").exists()
        files = [data / f"{task}.jsonl"] + [data / f"{task}.fewshot.jsonl"] * bool(has_shots)
        describe(folder, task, description, files, [split] + [shots] * bool(has_shots))
        return [f"t6_{task}"]
    documents, pool = read_lines(data / "mmlu.jsonl"), read_lines(data / "mmlu.fewshot.jsonl")
    subjects = list(dict.fromkeys(each["subject"] for each in documents))
    for subject in subjects:
        files = [folder / f"{subject}.{name}.jsonl" for name in (split, shots)]
        for file, rows in zip(files, (documents, pool)):
            write_lines(file, [row for row in rows if row["subject"] == subject])
        describe(folder, f"mmlu_{subject}", description.format(subject), files, (split, shots))
    return [f"t6_mmlu_{subject}" for subject in subjects]


def evaluate(model, folder, data, tasks, shots, limit=None):
    """{task: (results by part, samples of all parts in order)} by the harness, with a model of its kind."""
    folder.mkdir(exist_ok=True)
    parts = {task: write_task(folder, task, data) for task in tasks}
    found = lm_eval.simple_evaluate(model=model, tasks=sum(parts.values(), []), num_fewshot=shots, limit=limit,
                                    log_samples=True, bootstrap_iters=1000,
                                    task_manager=TaskManager(include_path=str(folder)))
    return {task: ([found["results"][part] for part in names],
                   [sample for part in names
                    for sample in sorted(found["samples"][part], key=lambda each: each["doc_id"])])
            for task, names in parts.items()}
