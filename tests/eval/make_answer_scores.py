#!/usr/bin/env python3
"""Writes answer_scores.json: made-up answers and what the authors' own programs score them.

Usage: make_answer_scores.py LONGBENCH OUT, where LONGBENCH is a checkout of THUDM/LongBench (2024 or later, with v2). Needs
the packages that its requirements.txt names for metrics (rouge 1.0.1, fuzzywuzzy 0.18.0 without python-Levenshtein, jieba)
and lm-eval (0.4.13), whose task ruler has RULER's string_match_all. Chinese is cut into words by the small list and model that
make_chinese_words.py made.
"""
import ast
import importlib.util
import json
import pathlib
import random
import re
import sys
import types

import make_chinese_words

# Sentences of rouge are followed recursively, some 900 words deep without this.
sys.setrecursionlimit(100_000)


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def function(path, name):
    """One function of a file whose imports are not there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) == name]
    space = {"re": re}
    exec(compile(tree, str(path), "exec"), space)
    return space[name]


ODD = ["", " ", ".", "...", "?!", "the", "The a an", "A", "\n", "\n\n", " \t\n ", "a.b.c", ". .", "Paragraph 12", "12",
       "３ and 3 and ٣", "İstanbul ΑΣ ΟΔΟΣ.", "naïve café", "the\u00a0cat", "the\u2003cat\u3000sat", "\u200bzero", "a\u0301 an the",
       "the-cat", "the_cat a_b", "O'Neill's", "1,000 1.000", "e\u0301 é", "x²", "Ⅷ", "中文 回答。", "😀 the 😀", "\x1ffield", "ßẞ",
       "ǅ", "yes.", "Yes", "no answer", "unanswerable", "\"quoted\"", "{}", "# x", "`x`", "// x"]


def texts(rng):
    words = "the a an cat dog river sat on Mat mat, ran. green-blue 12 7 No no. Yes it's x y z".split()
    made = [" ".join(rng.choice(words) for _ in range(rng.randrange(1, 25))) for _ in range(30)]
    made += [". ".join(" ".join(rng.choice(words) for _ in range(rng.randrange(0, 6))) for _ in range(4)) for _ in range(10)]
    return ODD + made


def cases(longbench):
    rng = random.Random(5)
    metrics = load(longbench / "LongBench/metrics.py", "metrics")
    sys.modules.setdefault("transformers", types.ModuleType("transformers")).AutoTokenizer = None
    harness = pathlib.Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0])
    ruler = load(harness / "tasks/ruler/common_utils.py", "ruler")
    extract_answer = function(longbench / "pred.py", "extract_answer")

    def match_all(written, answers):
        return ruler.string_match_all(ruler.postprocess_pred([written]), [answers])

    pool = texts(rng)

    def pairs(count):
        for text in ODD:
            yield text, [rng.choice([text, rng.choice(pool)])]
        for _ in range(count):
            yield rng.choice(pool), rng.sample(pool, rng.randrange(1, 4))

    def best(score, written, answers, **further):
        return max([0.0] + [score(written, answer, **further) for answer in answers])

    for name, score in (("f1", metrics.qa_f1_score), ("rouge_l", metrics.rouge_score), ("count", metrics.count_score)):
        for written, answers in pairs(60):
            yield name, written, answers, best(score, written, answers)
    for written, answers in pairs(40):
        yield "exact_match", written, answers, best(
            lambda a, b: float(metrics.normalize_answer(a) == metrics.normalize_answer(b)), written, answers)
        yield "contains_all", written, answers, match_all(written, answers)
        yield "contains_any", written, answers, best(lambda a, b: match_all(a, [b]), written, answers)
    for written in ODD + ["Paragraph 7", "paragraph 7 or 8", "7 7 8", "The answer is Paragraph 30."]:
        for right in ("Paragraph 7", "Paragraph 30, or Paragraph 7", "xParagraph Paragraph 12"):
            yield "retrieval", written, [right], metrics.retrieval_score(written, right)
    for written in ("段落7", "段落 7", "7", "第12段", ""):
        yield "retrieval_zh", written, ["答案：段落7"], metrics.retrieval_zh_score(written, "答案：段落7")
    for written in ("The correct answer is (B).", "**The correct answer is (B)**", "The correct answer is B", "B", "",
                    "The correct answer is (E). The correct answer is C", "The correct answer is (BC) ... answer is (D)",
                    "The correct answer is \nB", "The correct answer is D. No: The correct answer is (A)"):
        for right in "ABCD":
            yield "choice", written, [right], float(extract_answer(written.strip()) == right)
    classes = ["Food", "Food other", "other", "Location", "Location city", "city", "Date", "", "Date"]
    for _ in range(120):
        chosen = rng.sample(classes, rng.randrange(1, len(classes) + 1))
        written = " ".join(rng.sample(classes, rng.randrange(0, 4)))
        answers = rng.sample(chosen, 1)
        yield "classification", written, answers, best(
            metrics.classification_score, written, answers, all_classes=chosen), chosen
    yield from code_cases(rng, metrics)
    long_words = [f"w{rng.randrange(60)}" for _ in range(700)]
    written, right = " ".join(long_words[:350]), " ".join(long_words[200:])
    yield "rouge_l", written, [right], metrics.rouge_score(written, right)
    yield "f1", written, [right], metrics.qa_f1_score(written, right)
    yield from chinese_cases(rng, metrics)


def chinese_cases(rng, metrics):
    make_chinese_words.use(make_chinese_words.OUT)
    pool = ODD + make_chinese_words.texts(rng) + ["《马上》就走了．", "“你好”，ABC abc！", "我们。看书. 我们。", "！？｡。＂＃〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏"]
    for name, score in (("f1_zh", metrics.qa_f1_zh_score), ("rouge_l_zh", metrics.rouge_zh_score)):
        for _ in range(120):
            written, right = rng.choice(pool), rng.choice(pool)
            half = written[:len(written) // 2] + right[len(right) // 2:]
            answers = rng.sample([right, half], rng.randrange(1, 3))
            written = rng.choice([written, half])
            yield name, written, answers, max([0.0] + [score(written, answer) for answer in answers])


def code_cases(rng, metrics):
    lines = ["int x = 3;", "int y = 4;", "return x + y;", "for (int i = 0; i < n; ++i) sum += a[i];", "    return self.x",
             "def f(self, x, y=None):", "x = '中文'", "", " ", "\tprintf(\"%d\\n\", x);"]
    for text in ODD:
        yield "code_similarity", text, [rng.choice(lines + [text])], None
    for _ in range(40):
        written = "\n".join(rng.choice(lines + ["# comment", "```python", "// no", ""]) for _ in range(4))
        yield "code_similarity", written, [rng.choice(lines)], None
    # Beyond 200 characters difflib passes over frequent ones; alphabets of several sizes take all its ways.
    for length in (150, 199, 200, 201, 350, 600):
        for letters in ("ab", "abcdef", "abcdefghijklmnopqrstuvwxyz (){};=+-*"):
            right = "".join(rng.choice(letters) for _ in range(length))
            place = rng.randrange(length)
            written = right[place:place + 60] + "".join(rng.choice(letters) for _ in range(90)) + right[:place // 2]
            yield "code_similarity", written, [right], None


def main():
    longbench, out = map(pathlib.Path, sys.argv[1:])
    metrics = load(longbench / "LongBench/metrics.py", "metrics")
    rows = []
    for metric, written, answers, score, *classes in cases(longbench):
        if score is None:
            score = max([0.0] + [metrics.code_sim_score(written, answer) for answer in answers])
        row = {"metric": metric, "written": written, "answers": answers, "score": score}
        rows.append(row | ({"classes": classes[0]} if classes else {}))
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    out.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(rows)} answers")


if __name__ == "__main__":
    main()
