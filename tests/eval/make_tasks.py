#!/usr/bin/env python3
"""Writes tests/eval/data/tasks/: made-up documents of every task, and what lm-evaluation-harness makes of them.

Needs lm-eval 0.4.13 and PyTorch (.venv-clients of `make test-clients` has both). For each task NAME.jsonl,
NAME.fewshot.jsonl where shots have a file of their own, and in harness.json for each number of shots the texts that the
harness asks a model for, the likelihoods that this script answers with, and the scores which the harness makes of them.
"""
import hashlib
import json
import pathlib
import tempfile

from harness_tasks import evaluate, write_lines
from lm_eval.api.model import LM

FOLDER = pathlib.Path(__file__).parent / "data/tasks"


def choices(*texts, labels="ABCDE"):
    return {"text": list(texts), "label": list(labels[:len(texts)])}


def science(first, key):
    questions = [("Which of these floats on water?", choices("a stone", "a cork", "an anvil", "a nail"), "B"),
                 ("What melts at 0 °C?", choices("ice", "iron", "salt", labels="123"), "1"),
                 ("A plant's leaves turn to the light because", choices("they are green", "light is food", "of the wind",
                                                                       "nobody waters it", "they are tired"), "B"),
                 ("How many legs has a spider?  ", choices("six", "eight", "ten", "many  "), "B"),
                 ("Что тяжелее: пух или свинец?", choices("пух", "свинец", "оба", "😀"), "B"),
                 ("The sound of a bell is", choices(" a wave", "a colour"), "A"),
                 ("Bread rises because of \"yeast\" that makes", choices("gas\nand warmth", "sugar", "salt", "air"), "A")]
    return [{"id": f"made-up-{first + i}", key: question, "choices": options, "answerKey": answer}
            for i, (question, options, answer) in enumerate(questions[first:] + questions[:first])]


SCIENCE_SHOTS = [("Which is a bird?", choices("a bat", "a hen", "a bee"), "B"), ("Snow is", choices("hot", "cold"), "B"),
                 ("The moon shines by", choices("its own light", "the sun's light", "fire", "glass"), "B"),
                 ("Wood comes from", choices("trees", "stones"), "A"), ("A magnet pulls", choices("iron", "wool"), "A")]


def shots(key):
    return [{"id": f"shot-{i}", key: question, "choices": options, "answerKey": answer}
            for i, (question, options, answer) in enumerate(SCIENCE_SHOTS)]


def endings(label, a, b, *texts, right):
    return {"activity_label": label, "ctx_a": a, "ctx_b": b, "ctx": f"{a} {b}", "endings": list(texts),
            "label": str(right)}


HELLASWAG = [
    endings("Making tea", "A kettle stands on a stove.", "the water", "boils.", "sings a song.", "is a king.",
            "runs away  with it.", right=0),
    endings("Home and Garden", "[header] How to paint a wall [title] Clean it. [step] Use a sponge.", "", "[substeps] Let it dry.",
            "Paint  the sponge. [title] Stop.", "Open [the window", "Sell it].", right=0),
    endings("Chess", "Two men sit at a table.", "ONE of them, McBride, moves", "a pawn.", "the table.", "house.", "[x][y] on.",
            right=0),
    endings("Reise", "Der Zug hält.", "ÉLODIE steigt", "aus.", "ein Pferd.", "auf den Mond.", "in [die\nKüche] ein.", right=0),
    endings(" Rowing ", "  The boat is  long.", "it", "floats. ", " sinks [quickly] [title] and", "flies.", "eats.", right=1),
    endings("Sailing", "A woman   ties a rope.", "[step]", "She pulls it tight.", "She eats it.", "She is rope.", "It rains.",
            right=2)]

PIQA = [{"goal": goal, "sol1": one, "sol2": two, "label": label} for goal, one, two, label in (
    ("To dry a wet shoe,", "put newspaper into it.", "put soup into it.", 0),
    ("How do I keep bread fresh?", "Leave it in the rain.", "Keep it in a box.", 1),
    ("cut an onion", "use a spoon", "use a sharp knife ", 1),
    ("Öl entfernen", "Mit Seife waschen.", "Mit Öl waschen.", 0),
    ("sharpen a pencil", "turn it in a sharpener", "turn it in a glass", 0))]

WINOGRANDE = [{"sentence": sentence, "option1": one, "option2": two, "answer": answer}
              for sentence, one, two, answer in (
    ("The cup did not fit into the box because the _ was too large.", "cup", "box", "1"),
    ("Ann thanked Beth since _ had helped her.", "Ann", "Beth", "2"),
    ("_ is older than the tree, said the owl.", "The house", "A leaf", "1"),
    ("Zoë lent Renée her umbrella, so _ stayed dry.  ", "Zoë", "Renée", "2"),
    ("The road and the river meet where the _ bends _ twice.", "road", "river", "2"))]

BOOLQ = [{"passage": passage, "question": question, "idx": i, "label": label}
         for i, (passage, question, label) in enumerate((
    ("Cork -- Cork is the bark of an oak. It is light and floats.", "does cork float on water", 1),
    ("Iron -- Iron is a metal.\nIt rusts.", "is iron a kind of wood", 0),
    ("Tea -- Tea is made of leaves, 茶 in Chinese.", "is tea made of stones", 0),
    ("Owls -- Owls hunt at night.", "do owls hunt at night", 1),
    ("Salt -- Salt is found in the sea ", "is there salt in the sea", 1)))]

SCIQ = [{"question": question, "distractor1": one, "distractor2": two, "distractor3": three, "correct_answer": right,
         "support": support} for question, one, two, three, right, support in (
    ("What gas do plants take in?", "oxygen", "helium", "neon", "carbon dioxide", "  Plants take in carbon dioxide."),
    ("What pulls things down?", "wind", "light", "heat", "gravity", ""),
    ("What is H₂O?", "air", "fire", "earth", "water", "\n\tWater is H₂O. "),
    ("What do bees make?", "milk", "silk", "bread", "honey", "Bees make honey."),
    ("Which star is nearest?", "Sirius", "Vega", "Rigel", "the sun", "The sun is a star."))]

LAMBADA = [{"text": text} for text in (
    "He opened the door, looked into the garden, and closed the door",
    "“Who is there?” she called. Nobody answered, so she asked again: “Who is there?”",
    "The ship left the harbour at noon; by evening nobody could see the ship",
    "Le chat dort. Elle regarde le chat",
    "two  spaces and then one")]

SUBJECTS = ("anatomy", "formal_logic", "high_school_geography", "virology")
MMLU = [{"question": question.format(subject.replace("_", " ")), "subject": subject, "choices": list(options),
         "answer": answer} for subject in SUBJECTS for question, options, answer in (
    ("  What does one study in {}? ", ("bones", "proofs", "rivers", "viruses"), SUBJECTS.index(subject)),
    ("Which is not part of {}?", ("dancing", "thinking", "reading", "café"), 0),
    ("Who teaches {}?\nStatement 1 | Statement 2", ("True, True", "False, False", "True, False", "False, True"), 2),
    )][:-1]
MMLU_SHOTS = [{"question": f"{question} ({subject})", "subject": subject, "choices": list("wxyz"), "answer": answer}
              for answer, question in enumerate(("One?", "Two? ", "Three?")) for subject in reversed(SUBJECTS)]

DOCUMENTS = {
    "arc_easy": science(0, "question"), "arc_easy.fewshot": shots("question"),
    "arc_challenge": science(3, "question"),
    "boolq": BOOLQ, "hellaswag": HELLASWAG,
    "openbookqa": science(1, "question_stem"), "openbookqa.fewshot": shots("question_stem"),
    "piqa": PIQA, "winogrande": WINOGRANDE, "mmlu": MMLU, "mmlu.fewshot": MMLU_SHOTS, "sciq": SCIQ,
    "lambada_openai": LAMBADA}
# Metrics that depend on no random numbers of the harness.
METRICS = ("acc", "acc_stderr", "acc_norm", "acc_norm_stderr", "perplexity")


class Answers(LM):
    """A model whose likelihoods are figures of the texts' hashes."""

    def loglikelihood(self, requests, **_):
        def answer(context, text):
            number = int.from_bytes(hashlib.sha256((context + "|" + text).encode()).digest()[:4], "little")
            return -(number % 4096) / 64 - len(text) / 4, number % 3 == 0
        return [answer(*request.args) for request in requests]

    def loglikelihood_rolling(self, requests, **_):
        raise NotImplementedError

    def generate_until(self, requests, **_):
        raise NotImplementedError


def pooled(results, key):
    """The harness's own figures of a task of several parts, weighted by size."""
    from lm_eval.api.metrics import aggregate_subtask_metrics, pooled_sample_stderr
    sizes = [part["sample_len"] for part in results]
    values = [part[f"{key},none"] for part in results]
    return float((pooled_sample_stderr if key.endswith("stderr") else aggregate_subtask_metrics)(values, sizes))


def scores(results):
    return {key: pooled(results, key) if len(results) > 1 else float(results[0][f"{key},none"])
            for key in METRICS if f"{key},none" in results[0]}


def document(sample):
    arguments = [(each["arg_0"], each["arg_1"]) for each in sample["arguments"].values()] \
        if isinstance(sample["arguments"], dict) else [tuple(each) for each in sample["arguments"]]
    contexts = list(dict.fromkeys(context for context, _ in arguments))
    answers = [answer[0] if isinstance(answer[0], (list, tuple)) else answer for answer in sample["resps"]]
    return {"contexts": contexts if len(contexts) == 1 else [context for context, _ in arguments],
            "texts": [text for _, text in arguments],
            "likelihoods": [float(each[0]) for each in answers],
            "greedy": [bool(each[1]) for each in answers]} | {
                key: sample[key] for key in ("acc", "acc_norm") if key in sample}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, documents in DOCUMENTS.items():
        write_lines(FOLDER / f"{name}.jsonl", documents)
    tasks = [name for name in DOCUMENTS if not name.endswith(".fewshot")]
    found = {}
    with tempfile.TemporaryDirectory() as work:
        for count in (0, 3):
            made = evaluate(Answers(), pathlib.Path(work) / str(count), FOLDER.resolve(), tasks, count)
            for task, (results, samples) in made.items():
                found.setdefault(task, {})[str(count)] = {"scores": scores(results),
                                                          "documents": [document(sample) for sample in samples]}
    (FOLDER / "harness.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
