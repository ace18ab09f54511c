#!/usr/bin/env python3
"""lm-evaluation-harness against a server, given the address alone: its log-likelihoods are those of transformers.

The model is a Llama of random weights, which transformers makes and writes; the tasks are small files of this test.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers

from served import Server, main

WORDS = ("the king went to river looked upon seven sheep old woman feared morning city of gold his father's house café "
         "東京").split()
TASKS = {
    "choices": "output_type: multiple_choice\ndoc_to_text: '{{question}}'\ndoc_to_choice: '{{choices}}'\n"
    "doc_to_target: '{{answer}}'\n"
    "metric_list: [{metric: acc}, {metric: acc_norm}]",
    "rolling": "output_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: '{{text}}'\n"
    "metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]",
    "writing": "output_type: generate_until\ndoc_to_text: '{{question}}'\ndoc_to_target: 'x'\n"
    "generation_kwargs: {until: [\"\\n\"], max_gen_toks: 12, do_sample: false}\nmetric_list: [{metric: exact_match}]",
}


def write_model(folder):
    """A Llama of two layers with a tokenizer of bytes and a few merged words."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ġ", "w"), ("e", "n")]
    for left, right in merges:
        vocabulary[left + right] = len(vocabulary)
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=len(fast), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id, initializer_range=0.3, tie_word_embeddings=False)
    model = transformers.LlamaForCausalLM(config).eval()
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return model, fast


def write_tasks(folder):
    chance = random.Random(3)

    def sentence(words):
        return " ".join(chance.choice(WORDS) for _ in range(words))

    documents = {
        "choices": [{"question": sentence(chance.randint(1, 30)), "choices": [" " + sentence(n) for n in (1, 2, 5)],
                     "answer": i % 3} for i in range(20)],
        "rolling": [{"text": sentence(chance.randint(5, 60))} for _ in range(8)],
        "writing": [{"question": sentence(8)} for _ in range(4)]}
    for task, body in TASKS.items():
        data = folder / f"{task}.jsonl"
        data.write_text("".join(json.dumps(document) + "\n" for document in documents[task]))
        (folder / f"{task}.yaml").write_text(
            f"task: t6_{task}\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {data}}}}}\n"
            f"test_split: test\n{body}\n")


class Harness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="t6-lm-eval-")))
        cls.model, cls.tokenizer = write_model(cls.folder / "llama")
        (cls.folder / "tasks").mkdir()
        write_tasks(cls.folder / "tasks")
        with Server(cls.folder / "llama", "--cache-type", "float32") as server:
            cls.run_harness(server)

    @classmethod
    def run_harness(cls, server):
        settings = f"base_url={server.url}/v1/completions,tokenizer_backend=remote,max_length=512,num_concurrent=4"
        tasks = ",".join(f"t6_{task}" for task in TASKS)
        command = [sys.executable, "-m", "lm_eval", "--model", "local-completions", "--model_args", settings,
                   "--batch_size", "4", "--include_path", cls.folder / "tasks", "--tasks", tasks, "--log_samples",
                   "--output_path", cls.folder / "results"]
        environment = dict(os.environ, HF_HOME=str(cls.folder / "cache"), HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1",
                           OPENAI_API_KEY="none")
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-6000:]

    def samples(self, task):
        file, = self.folder.glob(f"results/**/samples_t6_{task}_*.jsonl")
        samples = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertTrue(samples)
        return samples

    def likelihood(self, context, text):
        """(log-likelihood, whether greedy) of a text after a context, by transformers."""
        encode = lambda part: self.tokenizer.encode(part, add_special_tokens=False)  # noqa: E731
        whole = encode(context + text) if context else [self.tokenizer.bos_token_id, *encode(text)]
        begin = len(encode(context)) if context else 1
        with torch.no_grad():
            scores = self.model(torch.tensor([whole])).logits[0].log_softmax(-1)
        right = [scores[i - 1, whole[i]].item() for i in range(begin, len(whole))]
        greedy = all(scores[i - 1].argmax().item() == whole[i] for i in range(begin, len(whole)))
        return sum(right), greedy

    def test_choices(self):
        for sample in self.samples("choices"):
            for arguments, (answer,) in zip(sample["arguments"].values(), sample["resps"]):
                wanted, greedy = self.likelihood(arguments["arg_0"], arguments["arg_1"])
                self.assertAlmostEqual(float(answer[0]), wanted, delta=1e-3)
                self.assertEqual(str(answer[1]), str(greedy))

    def test_whole_texts(self):
        for sample in self.samples("rolling"):
            for arguments, answer in zip(sample["arguments"].values(), sample["resps"]):
                wanted, _ = self.likelihood("", arguments["arg_0"])
                given = answer[0][0] if isinstance(answer[0], list) else answer[0]
                self.assertAlmostEqual(float(given), wanted, delta=1e-3)

    def test_written_texts(self):
        for sample in self.samples("writing"):
            context = next(iter(sample["arguments"].values()))["arg_0"]
            ids = self.tokenizer(context, add_special_tokens=False, return_tensors="pt")
            with torch.no_grad():
                written = self.model.generate(**ids, max_new_tokens=12, do_sample=False,
                                              pad_token_id=0)[0, ids.input_ids.shape[1]:]
            wanted = self.tokenizer.decode(written, skip_special_tokens=True).split("\n")[0]
            self.assertEqual(sample["resps"][0][0], wanted)


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    main()
