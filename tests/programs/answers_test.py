#!/usr/bin/env python3
"""Long-context tasks as a user meets them: t6 task, and t6 eval with answers that a model writes."""
import json
import signal
import subprocess
import unittest

from support import BUILD, SOURCE, ProgramTest, book, write_tiny_model


def lines(text):
    return [json.loads(line) for line in text.split("\n") if line]


class Tasks(ProgramTest):
    def test_the_list_names_tasks_that_can_be_made(self):
        names = [line.split()[0] for line in self.run_program("task", "--list").stdout.splitlines()]
        self.assertIn("niah_multiquery", names)
        for name in names:
            if name == "qa":
                continue
            documents = lines(self.run_program("task", name, "--length", 600, "--count", 2, "--seed", 3).stdout)
            self.assertEqual(len(documents), 2)
            for document in documents:
                self.assertEqual(document["task"], name)
                self.assertTrue(document["context"].endswith(document.get("answer_prefix", "")))
                self.assertTrue(document["answer"])
                self.assertLessEqual(document["length"], 600)
                self.assertEqual(document["length"], len(document["context"].split()))
                if "choices" in document:
                    self.assertIn(document["answer"], document["choices"])

    def test_a_document_depends_on_its_number_and_the_seed_alone(self):
        several = self.run_program("task", "vt", "--count", 3, "--seed", 5).stdout.splitlines()
        last = self.run_program("task", "vt", "--first", 2, "--seed", 5).stdout.splitlines()
        self.assertEqual(several[2:], last)
        self.assertNotEqual(several[0], self.run_program("task", "vt", "--seed", 6).stdout.splitlines()[0])

    def test_questions_come_from_a_file(self):
        paragraphs = [{"context": f"The lake of {i} is deep. " * 20, "qas": [
            {"question": f"What is deep in {i}?", "answers": [{"text": f"The lake of {i}"}]}]} for i in range(9)]
        (self.folder / "squad.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
        documents = lines(self.run_program("task", "qa", "--questions", "squad.json", "--length", 500, "--count", 9).stdout)
        self.assertEqual(len({document["answer"] for document in documents}), 9)
        for document in documents:
            self.assertIn(document["answer"], document["context"])
            self.assertGreaterEqual(document["length"], 475)
        self.refuse("task", "qa", "--questions", "squad.json", "--length", 500, "--count", 10, words=["9 questions"])

    def test_what_cannot_be_is_refused(self):
        self.refuse("task", "nonsense", words=["nonsense", "listops"])
        self.refuse("task", words=["name"], code=2)
        self.refuse("task", "vt", "--list", words=["--list"], code=2)
        self.refuse("task", "vt", "--length", 0, words=["--length"], code=2)
        self.refuse("task", "vt", "--length", 10**18, words=["lengths are from 1 to"])
        self.refuse("task", "vt", "--length", 20, words=["too short"])
        self.refuse("task", "vt", "--haystack", "nowhere.txt", words=["nowhere.txt"])
        self.refuse("task", "vt", "--depth", 101, words=["--depth"], code=2)
        self.refuse("task", "vt", "--tokenizer", "nowhere", "--length", 99, words=["nowhere"])
        self.refuse("task", "vt", "--tokenizer", "nowhere", words=["--length"], code=2)
        self.refuse("task", "qa", words=["SQuAD"])
        (self.folder / "empty.txt").write_text(" \n")
        self.refuse("task", "niah_single_2", "--haystack", "empty.txt", words=["empty.txt"])


class Answers(ProgramTest):
    def setUp(self):
        super().setUp()
        write_tiny_model(self.folder / "tiny", positions=2048)
        (self.folder / "book.txt").write_text(book(100))
        self.run_program("tokenizer", "train", "book.txt", "--vocab-size", 257, "--out", "tiny/tokenizer.json")

    def write_documents(self, name, count, length=900):
        made = self.run_program("task", name, "--tokenizer", "tiny", "--length", length, "--count", count).stdout
        (self.folder / f"{name}.jsonl").write_text(made)
        return lines(made)

    def test_a_task_is_made_and_answered(self):
        documents = self.write_documents("niah_single_1", 3)
        self.assertTrue(all(855 <= document["length"] <= 900 for document in documents))
        self.write_documents("recall", 4, 200)
        result = lines(self.run_program("eval", "tiny", "--answers", "niah_single_1.jsonl", "recall.jsonl", "--json").stdout)
        self.assertEqual(len(result), 8)
        for document, line in zip(documents, result):
            self.assertEqual(line["wanted"], [document["answer"]])
            self.assertEqual(line["prompt_tokens"], document["length"])
            self.assertEqual(line["score"], float(document["answer"] in line["answer"]))
            alone = self.run_program("generate", "tiny", "--prompt", document["context"], "--max-tokens", 128, "--temperature", 0,
                                     "--cache-type", "float32", "--json").stdout
            self.assertEqual(line["answer"], json.loads(alone)["text"])
        summary = result[-1]["summary"]
        self.assertEqual([group["name"] for group in summary["groups"]], ["niah_single_1", "recall"])
        self.assertEqual([group["documents"] for group in summary["groups"]], [3, 4])
        table = self.run_program("eval", "tiny", "--answers", "niah_single_1.jsonl", "recall.jsonl", "--limit", 2).stdout
        self.assertRegex(table, r"niah_single_1 +2 +\d+\.\d\d +\d+\.\d\d\n")
        self.assertIn("average", table)

    def test_a_chat_template_writes_prompts(self):
        self.write_documents("niah_single_1", 1)
        plain = lines(self.run_program("eval", "tiny", "--answers", "niah_single_1.jsonl", "--json").stdout)[0]
        chat = lines(self.run_program("eval", "tiny", "--answers", "niah_single_1.jsonl", "--json", "--chat", "--template",
                                      "chatml", "--system", "Be short.").stdout)[0]
        self.assertGreater(chat["prompt_tokens"], plain["prompt_tokens"] + 20)

    def test_longbench_files_are_read_as_published(self):
        row = {"input": "Who?", "context": "She is Ann. " * 400, "answers": ["Ann"], "length": 1200, "dataset": "hotpotqa",
               "language": "en", "all_classes": None, "_id": "1"}
        (self.folder / "hotpotqa.jsonl").write_text(json.dumps(row) + "\n")
        result = lines(self.run_program("eval", "tiny", "--longbench", "hotpotqa.jsonl", "--json").stdout)
        self.assertGreater(result[0]["left_out"], 0)
        self.assertEqual(result[0]["prompt_tokens"], 2048 - 32)
        own = {"hotpotqa": {"prompt": "{input}", "max_tokens": 4, "metric": "f1"}}
        (self.folder / "own.json").write_text(json.dumps(own))
        result = lines(self.run_program("eval", "tiny", "--longbench", "hotpotqa.jsonl", "--prompts", "own.json", "--json").stdout)
        self.assertEqual(result[0]["prompt_tokens"], 4)
        (self.folder / "vcsum.jsonl").write_text(json.dumps(row | {"dataset": "vcsum"}) + "\n")
        self.refuse("eval", "tiny", "--longbench", "vcsum.jsonl",
                    words=["vcsum.jsonl:1", "data/chinese-words", "scripts/fetch_chinese_words.sh"])
        chinese = SOURCE / "tests/eval/data/chinese-words"
        result = lines(self.run_program("eval", "tiny", "--longbench", "vcsum.jsonl", "--chinese-words", chinese, "--json").stdout)
        self.assertEqual(result[0]["metric"], "rouge_l_zh")

    def test_pass_keys_become_a_table_and_a_picture(self):
        arguments = ("eval", "tiny", "--passkey", "500,900", "--depths", 3, "--report", "keys.html")
        table = self.run_program(*arguments).stdout
        self.assertRegex(table, r"found, % +500 +900  tokens\nat   0 % +\d+ +\d+\nat  50 %")
        page = (self.folder / "keys.html").read_text()
        self.assertEqual(page.count("<td style="), 6)
        self.assertNotIn("http", page.replace("http-equiv", ""))
        summary = lines(self.run_program(*arguments, "--json").stdout)[-1]["summary"]
        self.assertEqual(summary["lengths"], [500, 900])
        self.assertEqual(summary["depths"], [0, 50, 100])
        self.assertEqual(len(summary["found"]), 6)

    def test_a_report_takes_no_other_files_place(self):
        (self.folder / "mine.html").write_text("mine")
        for flags in (["--passkey", 500, "--depths", 1], ["--text", "book.txt", "--tokens", 100]):
            self.refuse("eval", "tiny", *flags, "--report", "mine.html", words=["mine.html", "no page of ours"])
            for _ in range(2):
                self.run_program("eval", "tiny", *flags, "--report", "page.html")
        self.refuse("bench", "memory", "--preset", "nano", "--report", "mine.html", words=["mine.html", "no page of ours"])
        self.assertEqual((self.folder / "mine.html").read_text(), "mine")

    def test_longer_contexts_than_the_models_are_asked_for(self):
        self.refuse("eval", "tiny", "--passkey", 3000, "--depths", 1, words=["context of 2048", "--context"])
        result = self.run_program("eval", "tiny", "--passkey", 3000, "--depths", 1, "--context", 3000)
        self.assertIn("extrapolates", result.stderr)

    def test_flags_that_say_nothing_are_refused(self):
        self.write_documents("recall", 1, 200)
        for flags in (["--text", "book.txt", "--chat"], ["--text", "book.txt", "--limit", 3], ["--answers", "recall.jsonl", "--stride", 3],
                      ["--answers", "recall.jsonl", "--report", "x.html"], ["--answers", "recall.jsonl", "--prompts", "x.json"],
                      ["--answers", "recall.jsonl", "--system", "x"], ["--passkey", 99, "--limit", 3], ["--passkey", "many"],
                      ["--passkey", 99, "--chinese-words", "x"], ["--answers", "recall.jsonl", "--text", "book.txt"], ["--text", "book.txt", "--cache-memory", "1GiB"]):
            self.run_program("eval", "tiny", *flags, code=2)

    def test_files_that_are_none_are_refused(self):
        self.refuse("eval", "tiny", "--answers", "nowhere.jsonl", words=["nowhere.jsonl"])
        for text, words in (("", ["bad.jsonl", "no documents"]), ("{", ["bad.jsonl:1"]), ('{"context": "x"}', ["bad.jsonl:1", "answer"]),
                            ('{"context": "", "answer": "x"}', ["bad.jsonl:1", "empty"]),
                            ('{"context": "x", "answer": "x", "metric": "y"}', ["bad.jsonl:1", '"y"', "rouge_l"]),
                            ('{"context": "x", "answer": "x", "max_tokens": 99999}', ["bad.jsonl:1", "99999"])):
            (self.folder / "bad.jsonl").write_text(text)
            self.refuse("eval", "tiny", "--answers", "bad.jsonl", words=words)

    def test_an_interrupt_ends_it_with_what_is_there(self):
        self.write_documents("niah_single_1", 200, 1500)
        process = subprocess.Popen([BUILD / "t6", "eval", "tiny", "--answers", "niah_single_1.jsonl", "--json"], cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()  # communicate() would not see what readline() has read ahead
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertIn("interrupted after", errors)
        result = lines(first + rest)
        self.assertEqual(result[-1]["summary"]["answers"], len(result) - 1)
        self.assertLess(len(result), 200)


if __name__ == "__main__":
    unittest.main()
