#!/usr/bin/env python3
"""The `openai` package against a server: what its users call, read through its own types.

What a model of random weights writes is not looked at, only what must hold for any model.
"""
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

import openai
import pydantic

from served import SOURCE, Server, ServedTest, main, model_folder

GREETING = [{"role": "user", "content": "Say hello."}]
WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
                   "additionalProperties": False}}}


def has_structure(server):
    """Whether answers can follow a schema."""
    body = {"messages": GREETING, "max_tokens": 4, "response_format": {"type": "json_object"}}
    status, answer, _ = server.request("/v1/chat/completions", body)
    return status == 200 or answer["error"]["param"] != "response_format"


class OpenAiTest(ServedTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.enterClassContext(
            openai.OpenAI(base_url=cls.server.url + "/v1", api_key="none", max_retries=0, timeout=120))
        cls.model = cls.client.models.list().data[0].id

    def complete(self, prompt="The king went to", **options):
        return self.client.completions.create(
            **{"model": self.model, "prompt": prompt, "max_tokens": 8, "temperature": 0, **options})

    def chat(self, messages=GREETING, **options):
        return self.client.chat.completions.create(**{"model": self.model, "messages": messages, "max_tokens": 8,
                                                      "temperature": 0, **options})

    def refused(self, kind, call, **options):
        with self.assertRaises(kind) as caught:
            call(**options)
        self.assertIsInstance(caught.exception.body, dict, caught.exception)
        self.assertTrue(caught.exception.body["message"])
        return caught.exception


class Models(OpenAiTest):
    def test_models(self):
        self.assertEqual(self.model, self.server.name)
        one = self.client.models.list().data[0]
        self.assertEqual((one.object, one.owned_by), ("model", "t6"))
        self.assertGreater(one.max_model_len, 0)


class Completions(OpenAiTest):
    def test_an_answer_says_what_it_took(self):
        answer = self.complete()
        self.assertEqual(answer.object, "text_completion")
        self.assertTrue(answer.id.startswith("cmpl-"))
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 8)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + 8)

    def test_greedy_text_is_the_same_each_time_and_in_a_stream(self):
        whole = self.complete(max_tokens=24).choices[0].text
        self.assertEqual(self.complete(max_tokens=24).choices[0].text, whole)
        events = list(self.complete(max_tokens=24, stream=True, stream_options={"include_usage": True}))
        self.assertEqual("".join(event.choices[0].text for event in events if event.choices), whole)
        self.assertEqual([event.choices[0].finish_reason for event in events if event.choices][-1], "length")
        self.assertEqual(events[-1].choices, [])
        self.assertEqual(events[-1].usage.completion_tokens, 24)
        self.assertEqual(len({event.id for event in events}), 1)

    def test_seeds(self):
        one, same, other = (self.complete(temperature=1, seed=seed, max_tokens=32).choices[0].text
                            for seed in (1, 1, 2))
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)

    def test_prompts_of_ids_and_lists(self):
        ids = self.server.request("/tokenize", {"prompt": "The king went to"})[1]["tokens"]
        text = self.complete().choices[0].text
        self.assertEqual(self.complete(ids).choices[0].text, text)
        for prompts in ([ids, ids], ["The king went to"] * 2):
            answer = self.complete(prompts)
            self.assertEqual([choice.index for choice in answer.choices], [0, 1])
            self.assertEqual({choice.text for choice in answer.choices}, {text})
            self.assertEqual(answer.usage.prompt_tokens, 2 * len(ids))

    def test_echo_and_logprobs(self):
        answer = self.complete(echo=True, logprobs=3)
        choice, count = answer.choices[0], answer.usage.total_tokens
        self.assertTrue(choice.text.startswith("The king went to"))
        logprobs = choice.logprobs
        for values in (logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, logprobs.text_offset):
            self.assertEqual(len(values), count)
        self.assertIsNone(logprobs.token_logprobs[0])
        for token, value, top in list(zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs))[1:]:
            self.assertLessEqual(value, 0)
            self.assertGreaterEqual(top[token], value)  # or that of a likelier token that looks alike
            self.assertLessEqual(sum(map(math.exp, top.values())), 1 + 1e-6)
        greedy = list(zip(logprobs.token_logprobs, logprobs.top_logprobs))[-8:]
        self.assertTrue(all(value == max(top.values()) for value, top in greedy))  # as floats: lm_eval compares so
        scored = self.complete(echo=True, logprobs=1, max_tokens=0).choices[0]
        self.assertEqual(scored.text, "The king went to")
        self.assertEqual(scored.logprobs.token_logprobs, logprobs.token_logprobs[:-8])

    def test_no_two_likely_tokens_have_one_name(self):
        body = {
            "prompt": "The king went to", "max_tokens": 8, "temperature": 0, "logprobs": 10,
            "logit_bias": self.server.without_end()
        }
        asked = urllib.request.Request(self.server.url + "/v1/completions",
                                       json.dumps(body).encode(), {"Content-Type": "application/json"})

        def once(pairs):
            self.assertEqual(len(dict(pairs)), len(pairs), pairs)
            return dict(pairs)

        with urllib.request.urlopen(asked) as answer:
            json.loads(answer.read(), object_pairs_hook=once)

    def test_several_answers(self):
        answer = self.complete(n=3, temperature=1, seed=5, max_tokens=16)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        self.assertEqual(answer.usage.completion_tokens, 48)
        self.assertGreater(len({choice.text for choice in answer.choices}), 1)
        best = self.complete(n=1, best_of=4, temperature=1, seed=5, max_tokens=16)
        self.assertEqual(len(best.choices), 1)
        self.assertEqual(best.usage.completion_tokens, 64)

    def test_stop_texts_end_an_answer_before_them(self):
        whole = self.complete(max_tokens=32).choices[0].text
        stop = next(c for c in whole[1:] if c.isascii() and c.isprintable())
        answer = self.complete(max_tokens=32, stop=[stop, "never written"]).choices[0]
        self.assertEqual(answer.text, whole[:whole.index(stop)])
        self.assertEqual(answer.finish_reason, "stop")
        streamed = self.complete(max_tokens=32, stop=stop, stream=True)
        self.assertEqual("".join(event.choices[0].text for event in streamed), answer.text)

    def test_biases_and_penalties(self):
        banned = self.complete(max_tokens=1, logprobs=1).choices[0].logprobs.tokens[0]
        first = self.server.request("/tokenize", {"prompt": "z", "add_special_tokens": False})[1]["tokens"][0]
        forced = self.complete(max_tokens=4, logit_bias={str(first): 100}).choices[0].text
        self.assertEqual(forced, "zzzz")
        self.assertNotEqual(banned, "z")
        varied = self.complete(max_tokens=4, logit_bias={str(first): 100}, extra_body={"repetition_penalty": 1e6})
        self.assertNotEqual(varied.choices[0].text, "zzzz")

    def test_errors_are_its_exceptions(self):
        cases = ({"n": -1}, {"n": 1000000}, {"temperature": -1}, {"max_tokens": -5}, {"logprobs": 1000}, {"prompt": ""},
                 {"prompt": [[]]}, {"prompt": [-1]}, {"prompt": [2**40]}, {"stop": [""]}, {"logit_bias": {"-1": 1}},
                 {"extra_body": {"nonsense": 1}}, {"suffix": "end"}, {"top_p": 2}, {"best_of": 1, "n": 2})
        for case in cases:
            with self.subTest(case):
                self.refused(openai.BadRequestError, self.complete, **case)
        unknown = self.refused(openai.NotFoundError, self.complete, model="gpt-5")
        self.assertEqual((unknown.code, unknown.param), ("model_not_found", "model"))
        context = self.client.models.list().data[0].max_model_len
        for case in ({"max_tokens": context}, {"prompt": "x " * (context + 10)}):
            self.assertEqual(
                self.refused(openai.BadRequestError, self.complete, **case).code, "context_length_exceeded")

    def test_a_client_that_goes_ends_its_request(self):
        before = self.server.wait_until_idle()
        stream = self.complete(max_tokens=1500, stream=True, n=4, extra_body={"logit_bias": self.server.without_end()})
        for _ in range(3):
            next(iter(stream))
        stream.close()
        after = self.server.wait_until_idle(10)
        self.assertLess(after["vllm:generation_tokens_total"] - before["vllm:generation_tokens_total"], 4 * 1500)
        self.assertTrue(self.complete().choices)


class Chat(OpenAiTest):
    def test_an_answer(self):
        answer = self.chat()
        self.assertEqual((answer.object, answer.choices[0].message.role), ("chat.completion", "assistant"))
        self.assertIsInstance(answer.choices[0].message.content, str)
        self.assertIn(answer.choices[0].finish_reason, ("length", "stop"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_streams_add_up(self):
        whole = self.chat(max_tokens=24)
        events = list(self.chat(max_tokens=24, stream=True, stream_options={"include_usage": True}))
        self.assertEqual(events[0].choices[0].delta.role, "assistant")
        parts = [event.choices[0].delta.content or "" for event in events if event.choices]
        self.assertEqual("".join(parts), whole.choices[0].message.content)
        self.assertEqual(events[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual(events[-2].choices[0].finish_reason, whole.choices[0].finish_reason)

    def test_logprobs(self):
        answer = self.chat(logprobs=True, top_logprobs=4)
        content = answer.choices[0].logprobs.content
        self.assertEqual(len(content), answer.usage.completion_tokens)
        for token in content:
            self.assertEqual(len(token.top_logprobs), 4)
            values = [top.logprob for top in token.top_logprobs]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertEqual(bytes(token.bytes).decode(errors="replace"), token.token)
        streamed = [token for event in self.chat(logprobs=True, top_logprobs=4, stream=True) for choice in event.choices
                    for token in (choice.logprobs.content if choice.logprobs else [])]
        self.assertEqual([token.logprob for token in streamed], [token.logprob for token in content])

    def test_turns_and_parts(self):
        messages = [{"role": "system",
                     "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
                    {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Bye"}]
        first = self.chat(messages)
        again = self.chat(messages)
        self.assertEqual(again.choices[0].message.content, first.choices[0].message.content)
        self.assertLess(self.chat(messages[:2]).usage.prompt_tokens, first.usage.prompt_tokens)

    def test_several_answers(self):
        answer = self.chat(n=3, temperature=1, seed=7)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        events = self.chat(n=3, temperature=1, seed=7, stream=True)
        seen = {choice.index for event in events for choice in event.choices}
        self.assertEqual(seen, {0, 1, 2})

    def test_errors_are_its_exceptions(self):
        picture = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
        for case in ({"messages": []}, {"messages": picture}, {"messages": [{"role": "king", "content": "x"}]},
                     {"messages": [{"role": "user"}]}, {"top_logprobs": 3}, {"n": 0}, {"max_tokens": 0},
                     {"stream_options": {"include_usage": True}}, {"extra_body": {"nonsense": True}}):
            with self.subTest(case):
                self.refused(openai.BadRequestError, self.chat, **case)

    def test_many_at_once(self):
        alone = self.chat(max_tokens=16).choices[0].message.content
        answers = [None] * 24
        def ask(i):
            answers[i] = self.chat(max_tokens=16).choices[0].message.content
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(answers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(answers), {alone})


class Structured(OpenAiTest):
    """Answers that follow a schema, and tools: for servers that have them."""

    def setUp(self):
        if not has_structure(self.server):
            self.skipTest("this server has no structured answers")

    def test_json_schema(self):
        schema = {"type": "object", "properties": {"name": {"enum": ["Ada", "Alan"]}, "age": {"enum": [36, 41]}},
                  "required": ["name", "age"], "additionalProperties": False}
        form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
        for seed in range(8):  # none may write blanks to the end
            answer = self.chat(max_tokens=200, temperature=1, seed=seed, response_format=form)
            self.assertEqual(answer.choices[0].finish_reason, "stop", answer.choices[0].message.content)
            person = json.loads(answer.choices[0].message.content)
            self.assertIn(person["name"], ("Ada", "Alan"))
            self.assertIn(person["age"], (36, 41))
            self.assertEqual(set(person), {"name", "age"})

    def test_types_are_parsed(self):
        class Answer(pydantic.BaseModel):
            right: bool

        answer = self.client.chat.completions.parse(model=self.model, messages=GREETING, max_tokens=100,
                                                    response_format=Answer)
        self.assertIsInstance(answer.choices[0].message.parsed.right, bool)

    def test_schemas_that_cannot_be_are_refused(self):
        deep = {"type": "integer"}
        for _ in range(500):
            deep = {"type": "array", "items": deep}
        for schema in ({"type": "nonsense"}, {"$ref": "#/$defs/nowhere"}, deep):
            with self.subTest(str(schema)[:60]):
                self.refused(openai.BadRequestError, self.chat, response_format={
                    "type": "json_schema", "json_schema": {"name": "x", "schema": schema}})

    def test_a_tool_that_must_be_called(self):
        for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
            with self.subTest(choice):
                answer = self.chat(tools=[WEATHER], tool_choice=choice, max_tokens=400, temperature=1,
                                   parallel_tool_calls=False)
                call = answer.choices[0].message.tool_calls[0]
                self.assertEqual((call.type, call.function.name), ("function", "get_weather"))
                self.assertTrue(call.id)
                self.assertIsInstance(json.loads(call.function.arguments)["city"], str)
                self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
                follow = [*GREETING, answer.choices[0].message.model_dump(exclude_none=True),
                          {"role": "tool", "tool_call_id": call.id, "content": "Sunny."}]
                self.assertTrue(self.chat(follow, tools=[WEATHER], tool_choice="none").choices)

    def test_a_tool_in_a_stream(self):
        name, arguments = "", ""
        for event in self.chat(tools=[WEATHER], tool_choice="required", max_tokens=400, temperature=1,
                               parallel_tool_calls=False, stream=True):
            for call in (event.choices[0].delta.tool_calls or []) if event.choices else []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
        self.assertEqual(name, "get_weather")
        self.assertIsInstance(json.loads(arguments)["city"], str)


class Embeddings(OpenAiTest):
    def setUp(self):
        if not self.has("/v1/embeddings"):
            self.skipTest("this server has no /v1/embeddings")

    def test_vectors_are_of_length_one_whatever_their_form(self):
        floats = self.client.embeddings.create(model=self.model, input=["a king", "a river"], encoding_format="float")
        # In base64, which the package unpacks.
        packed = self.client.embeddings.create(model=self.model, input=["a king", "a river"])
        self.assertEqual([item.index for item in floats.data], [0, 1])
        for a, b in zip(floats.data, packed.data):
            self.assertAlmostEqual(sum(x * x for x in a.embedding), 1, places=3)
            self.assertEqual(len(a.embedding), len(b.embedding))
            self.assertLess(max(abs(x - y) for x, y in zip(a.embedding, b.embedding)), 1e-5)
        self.assertGreater(floats.usage.prompt_tokens, 0)

    def test_what_cannot_be_is_refused(self):
        for case in ({"input": ""}, {"input": []}, {"input": [[-1]]}, {"input": "x", "dimensions": -1}):
            with self.subTest(case):
                self.refused(openai.BadRequestError, self.client.embeddings.create, model=self.model, **case)


class Responses(OpenAiTest):
    def setUp(self):
        if not self.has("/v1/responses"):
            self.skipTest("this server has no /v1/responses")

    def test_an_answer(self):
        answer = self.client.responses.create(model=self.model, input="Say hello.", max_output_tokens=16, temperature=0)
        self.assertEqual(answer.object, "response")
        self.assertIn(answer.status, ("completed", "incomplete"))
        self.assertIsInstance(answer.output_text, str)
        self.assertEqual(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens)

    def test_streams_add_up(self):
        options = {"model": self.model, "input": "Say hello.", "max_output_tokens": 16, "temperature": 0}
        whole = self.client.responses.create(**options).output_text
        events = list(self.client.responses.create(**options, stream=True))
        self.assertEqual(events[0].type, "response.created")
        self.assertIn(events[-1].type, ("response.completed", "response.incomplete"))
        self.assertEqual("".join(e.delta for e in events if e.type == "response.output_text.delta"), whole)
        self.assertEqual(events[-1].response.output_text, whole)

    def test_what_cannot_be_is_refused(self):
        for case in ({"input": "x", "max_output_tokens": -1}, {"input": [{"role": "king", "content": "x"}]},
                     {"input": "x", "extra_body": {"nonsense": 1}}):
            with self.subTest(case):
                self.refused(openai.BadRequestError, self.client.responses.create, model=self.model, **case)


class Documents(OpenAiTest):
    NEEDS = {"responses.": "/v1/responses", "embeddings.": "/v1/embeddings", "anthropic": "/v1/messages"}

    def test_the_examples_run(self):
        examples = re.findall(r"^```python\n(.*?)^```", (SOURCE / "docs/serving.md").read_text(),
                              re.MULTILINE | re.DOTALL)
        begin = examples[0].split("answer =")[0]  # what all others go on from
        for example in examples:
            missing = [path for word, path in self.NEEDS.items() if word in example and not self.has(path)]
            if missing or ("schema" in example or "tool" in example) and not has_structure(self.server):
                continue  # of a server that has it not
            with self.subTest(example):
                script = (begin + example).replace("127.0.0.1:8080", f"127.0.0.1:{self.server.port}")
                result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertTrue(result.stdout.strip())


class Keys(unittest.TestCase):
    def test_keys_are_asked_for(self):
        with tempfile.TemporaryDirectory() as folder, model_folder() as model:
            keys = pathlib.Path(folder) / "keys.txt"
            keys.write_text("# ours\nsecret-one\nsecret-two\n")
            with Server(model, "--api-keys", keys) as server:
                for key in ("secret-one", "secret-two"):
                    with openai.OpenAI(base_url=server.url + "/v1", api_key=key) as client:
                        self.assertTrue(client.models.list().data)
                for key in ("secret", "secret-one1", "Secret-one", "# ours"):
                    with openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0) as client:
                        with self.assertRaises(openai.AuthenticationError):
                            client.models.list()


if __name__ == "__main__":
    main()
