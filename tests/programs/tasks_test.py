#!/usr/bin/env python3
"""`t6 eval` on downstream tasks and with a report, as whole programs."""
import json
import signal
import subprocess
import unittest

from support import BUILD, SOURCE, ProgramTest, write_tiny_model

DATA = SOURCE / "tests/eval/data/tasks"


class Tasks(ProgramTest):
    def setUp(self):
        super().setUp()
        write_tiny_model(self.folder / "tiny", positions=2048)
        (self.folder / "book.txt").write_text("Bytes are all that this tokenizer knows. " * 40)
        self.run_program("tokenizer", "train", "book.txt", "--vocab-size", 257, "--out", "tiny/tokenizer.json")

    def json_lines(self, *arguments):
        lines = self.run_program("eval", "tiny", *arguments, "--json").stdout.splitlines()
        *documents, last = map(json.loads, lines)
        return documents, last["summary"]

    def write_lines(self, name, *documents):
        (self.folder / name).write_text("".join(json.dumps(document) + "\n" for document in documents))

    def test_lines_and_summary_agree(self):
        documents, summary = self.json_lines("--tasks", "all", "--task-data", DATA)
        self.assertEqual([task["name"] for task in summary["tasks"]],
                         list(dict.fromkeys(document["task"] for document in documents)))
        for task in summary["tasks"]:
            own = [document for document in documents if document["task"] == task["name"]]
            self.assertEqual(task["documents"], len(own))
            for metric in ("acc", "acc_norm"):
                self.assertEqual(metric in task, metric in own[0])
                if metric in task:
                    self.assertAlmostEqual(task[metric], sum(each[metric] for each in own) / len(own))
        mean = sum(task["acc"] for task in summary["tasks"]) / len(summary["tasks"])
        self.assertAlmostEqual(summary["average"]["acc"], mean)
        self.assertEqual((summary["shots"], summary["limit"], summary["cache_type"]), (0, 0, "float32"))
        self.assertIs(summary["interrupted"], False)
        mmlu, = (task for task in summary["tasks"] if task["name"] == "mmlu")
        self.assertEqual(len(mmlu["subjects"]), 4)

    def test_table(self):
        arguments = ["eval", "tiny", "--tasks", "piqa,mmlu,lambada_openai", "--task-data", DATA, "--shots", 2, "--limit", 2]
        lines = self.run_program(*arguments).stdout.splitlines()
        self.assertEqual(lines[0].split(), ["task", "documents", "acc", "acc_norm", "perplexity"])
        self.assertEqual([line.split()[0] for line in lines[1:]],
                         ["piqa", "mmlu", "humanities", "other", "social", "stem", "lambada_openai", "average", "12"])
        self.assertEqual(lines[2].split()[1], "8")

    def test_a_smaller_cache_is_another_measurement(self):
        exact, _ = self.json_lines("--tasks", "piqa", "--task-data", DATA)
        int4, summary = self.json_lines("--tasks", "piqa", "--task-data", DATA, "--cache-type", "int4")
        self.assertEqual(summary["cache_type"], "int4")
        pairs = [(a["log_likelihood"], b["log_likelihood"]) for one, other in zip(exact, int4)
                 for a, b in zip(one["choices"], other["choices"])]
        self.assertTrue(any(a != b for a, b in pairs))

    def test_files_of_ones_own(self):
        self.write_lines("sums.jsonl", {"context": "1 + 1 =", "choices": ["2", "3"], "answer": 0},
                         {"context": "1 + 2 =", "choices": ["2", "3"], "answer": "3"})
        self.write_lines("texts.jsonl", {"context": "Bytes are", "answer": "all"})
        documents, summary = self.json_lines("--task-file", "sums.jsonl", "--task-file", "texts.jsonl", "--tasks", "piqa",
                                             "--task-data", DATA)
        self.assertEqual([task["name"] for task in summary["tasks"]], ["piqa", "sums", "texts"])
        self.assertEqual([document["answer"] for document in documents if document["task"] == "sums"], [0, 1])
        self.assertEqual(documents[-1]["tokens"], 4)  # with the space
        self.assertIn("perplexity", summary["tasks"][-1])

    def test_what_is_cut_is_told(self):
        self.write_lines("long.jsonl", {"context": "x" * 3000, "answer": "y"})
        result = self.run_program("eval", "tiny", "--task-file", "long.jsonl", "--json")
        self.assertIn("long: 1 documents do not fit into the model's context of 2048 tokens", result.stderr)
        self.assertIs(json.loads(result.stdout.splitlines()[0])["cut"], True)

    def test_wrong_usage(self):
        for words, arguments in (("--context", ["--tasks", "piqa", "--context", 8]), ("--report", ["--tasks", "piqa", "--report", "x"]),
                                 ("--shots", ["--text", "book.txt", "--shots", 1]), ("--limit", ["--text", "book.txt", "--limit", 1]),
                                 ("--text", ["--text", "book.txt", "--tasks", "piqa"]), ("--limit", ["--tasks", "piqa", "--limit", -1]),
                                 ("--task-data", ["--task-file", "x.jsonl", "--task-data", "."]), ("--tasks", [])):
            self.refuse("eval", "tiny", *arguments, words=[words], code=2)
        self.run_program("eval", "tiny", "--tasks", "piqa", "--task-data", DATA, "--limit", 0)  # all
        self.refuse("eval", "tiny", "--tasks", "chess", words=["\"chess\"", "arc_easy"])
        self.refuse("eval", "tiny", "--tasks", "piqa", words=["data/tasks", "make tasks"])
        self.refuse("eval", "tiny", "--tasks", "piqa,piqa", "--task-data", DATA, words=["two tasks are called piqa"])
        self.refuse("eval", "tiny", "--task-file", "nothing.jsonl", words=["nothing.jsonl"])

    def test_an_interrupt_leaves_what_was_scored(self):
        self.write_lines("many.jsonl", *[{"context": "x" * 900, "choices": [str(i), "no"], "answer": 0} for i in range(20000)])
        with subprocess.Popen([BUILD / "t6", "eval", "tiny", "--task-file", "many.jsonl", "--json"], cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read().splitlines()
            self.assertEqual(process.wait(60), -signal.SIGINT)
        summary = json.loads(rest[-1])["summary"]
        self.assertIs(summary["interrupted"], True)
        self.assertNotIn("average", summary)
        self.assertEqual(summary["tasks"][0]["documents"], len(rest[:-1]) + 1)
        self.assertLess(summary["tasks"][0]["documents"], 20000)
        self.assertEqual(json.loads(first)["document"], 0)

    def test_a_report_shows_losses_by_position(self):
        self.run_program("eval", "tiny", "--text", "book.txt", "--context", 64, "--report", "loss.html")
        page = (self.folder / "loss.html").read_text()
        for words in ("<svg", "Loss by position", "book.txt", "32 to 63"):
            self.assertIn(words, page)


if __name__ == "__main__":
    unittest.main()
