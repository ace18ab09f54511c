#!/usr/bin/env python3
"""The `anthropic` package against a server, for those that have /v1/messages."""
import json
import unittest

import anthropic

from served import ServedTest, main

GREETING = [{"role": "user", "content": "Say hello."}]
GREEDY = {"temperature": 0}  # which newer models of Anthropic's do not take, nor this package by name
CITY = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
        "additionalProperties": False}
WEATHER = {"name": "get_weather", "description": "The weather of a city.", "input_schema": CITY}


class Messages(ServedTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = cls.enterClassContext(
            anthropic.Anthropic(base_url=cls.server.url, api_key="none", max_retries=0, timeout=120))
        cls.model = cls.server.name

    def setUp(self):
        if not self.has("/v1/messages"):
            self.skipTest("this server has no /v1/messages")

    def ask(self, messages=GREETING, **options):
        return self.client.messages.create(
            **{"model": self.model, "messages": messages, "max_tokens": 12, "extra_body": GREEDY, **options})

    def test_an_answer(self):
        answer = self.ask(system="Be brief.")
        self.assertEqual((answer.type, answer.role), ("message", "assistant"))
        self.assertIn(answer.stop_reason, ("max_tokens", "end_turn"))
        self.assertTrue(all(block.type in ("text", "thinking") for block in answer.content))
        self.assertGreater(answer.usage.output_tokens, 0)

    def test_streams_add_up(self):
        whole = self.ask(max_tokens=24)
        with self.client.messages.stream(model=self.model, messages=GREETING, max_tokens=24,
                                         extra_body=GREEDY) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, "".join(block.text for block in whole.content if block.type == "text"))
        self.assertEqual((final.stop_reason, final.usage.output_tokens), (whole.stop_reason, whole.usage.output_tokens))

    def test_tokens_are_counted(self):
        count = self.client.messages.count_tokens(model=self.model, messages=GREETING).input_tokens
        usage = self.ask().usage
        self.assertEqual(count, usage.input_tokens + (usage.cache_read_input_tokens or 0))

    def test_turns_and_results_of_tools(self):
        call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Rome"}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny."}
        messages = [*GREETING, {"role": "assistant", "content": [{"type": "text", "text": "I look."}, call]},
                    {"role": "user", "content": [result]}]
        answer = self.ask(messages, tools=[WEATHER])
        self.assertIn(answer.stop_reason, ("max_tokens", "end_turn", "tool_use"))

    def test_a_tool_that_must_be_called(self):
        try:
            choice = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
            answer = self.ask(tools=[WEATHER], tool_choice=choice, max_tokens=400, extra_body={"temperature": 1})
        except anthropic.BadRequestError as error:
            if "cannot force" in str(error):
                self.skipTest("this server has no structured answers")
            raise
        call = next(block for block in answer.content if block.type == "tool_use")
        self.assertEqual((call.name, answer.stop_reason), ("get_weather", "tool_use"))
        self.assertIsInstance(call.input["city"], str)

    def test_errors_are_its_exceptions(self):
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
        for case in ({"messages": []}, {"messages": [{"role": "king", "content": "x"}]}, {"max_tokens": -1},
                     {"extra_body": {"temperature": -1}}, {"messages": [{"role": "user", "content": [picture]}]},
                     {"extra_body": {"nonsense": 1}}, {"tools": [{"name": ""}]}):
            with self.subTest(case):
                with self.assertRaises(anthropic.BadRequestError) as caught:
                    self.ask(**case)
                self.assertEqual(caught.exception.body["type"], "error", json.dumps(caught.exception.body))
                self.assertEqual(caught.exception.body["error"]["type"], "invalid_request_error")
        with self.assertRaises(anthropic.NotFoundError):
            self.ask(model="claude")


if __name__ == "__main__":
    main()
