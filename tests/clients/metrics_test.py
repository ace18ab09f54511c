#!/usr/bin/env python3
"""What `/metrics` says, read by Prometheus' own parser: vLLM's names, and numbers that are those of the answers."""
import math
import time
import unittest

from prometheus_client.parser import text_string_to_metric_families

from served import ServedTest, main

GAUGES = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc", "t6:connections")
COUNTERS = ("vllm:prefix_cache_queries", "vllm:prefix_cache_hits", "vllm:prompt_tokens", "vllm:generation_tokens",
            "vllm:num_preemptions", "vllm:request_success")
HISTOGRAMS = ("vllm:time_to_first_token_seconds", "vllm:inter_token_latency_seconds", "vllm:e2e_request_latency_seconds",
              "vllm:request_queue_time_seconds", "vllm:request_prefill_time_seconds", "vllm:request_decode_time_seconds",
              "vllm:request_prompt_tokens", "vllm:request_generation_tokens")
FIRST_TOKEN_BOUNDS = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
                      640, 2560, math.inf)


class Metrics(ServedTest):
    def families(self):
        return {family.name: family for family in text_string_to_metric_families(self.server.request("/metrics")[1])}

    def ask(self, prompt="The king went to the river. " * 16, **options):
        return self.server.request("/v1/completions", {"prompt": prompt, "max_tokens": 5, "ignore_eos": True, **options})[1]

    def test_names_and_kinds(self):
        self.ask()
        families = self.families()
        for kind, names in (("gauge", GAUGES), ("counter", COUNTERS), ("histogram", HISTOGRAMS)):
            for name in names:
                self.assertEqual(families[name].type, kind, name)
                self.assertTrue(families[name].documentation, name)
                self.assertTrue(all(s.labels["model_name"] == self.server.name for s in families[name].samples), name)
        buckets = [s for s in families["vllm:time_to_first_token_seconds"].samples if s.name.endswith("_bucket")]
        self.assertEqual(tuple(float(s.labels["le"]) for s in buckets), FIRST_TOKEN_BOUNDS)

    def test_histograms_are_cumulative(self):
        self.ask(n=3)
        for name in HISTOGRAMS:
            samples = self.families()[name].samples
            counts = [s.value for s in samples if s.name.endswith("_bucket")]
            self.assertEqual(counts, sorted(counts), name)
            self.assertEqual(counts[-1], next(s.value for s in samples if s.name.endswith("_count")), name)

    def test_counts_are_those_of_the_answers(self):
        before = self.server.wait_until_idle()
        usages = [self.ask(n=n, stop=["never written"])["usage"] for n in (1, 1, 4)]
        after = self.server.wait_until_idle()
        gained = {name: after[name] - before.get(name, 0) for name in after}
        self.assertEqual(gained["vllm:generation_tokens_total"], sum(usage["completion_tokens"] for usage in usages))
        self.assertEqual(gained["vllm:request_success_total"], 6)
        self.assertEqual(gained["vllm:e2e_request_latency_seconds_count"], 6)
        self.assertEqual(gained["vllm:time_to_first_token_seconds_count"], 6)
        self.assertEqual(gained["vllm:inter_token_latency_seconds_count"], 6 * 4)
        self.assertGreaterEqual(gained["vllm:prompt_tokens_total"], sum(usage["prompt_tokens"] for usage in usages))
        self.assertEqual(gained["vllm:prefix_cache_queries_total"], gained["vllm:prompt_tokens_total"])
        self.assertGreater(gained["vllm:prefix_cache_hits_total"], 0)
        self.assertEqual(usages[1]["prompt_tokens_details"]["cached_tokens"] % 64, 0)
        self.assertGreater(usages[1]["prompt_tokens_details"]["cached_tokens"], 0)

    def test_reasons(self):
        def reasons():
            samples = self.families()["vllm:request_success"].samples
            return {s.labels["finished_reason"]: s.value for s in samples}

        self.ask()
        before = reasons()
        word = self.ask(temperature=0)["choices"][0]["text"][:1]
        self.ask(temperature=0, stop=word)
        self.server.request("/v1/completions", {"prompt": "a", "max_tokens": 1500, "n": 32, "timeout": 0.01, "ignore_eos": True})
        self.server.wait_until_idle()
        after = reasons()
        self.assertEqual(after["length"] - before["length"], 1)
        self.assertEqual(after["stop"] - before.get("stop", 0), 1)
        self.assertEqual(after["abort"] - before.get("abort", 0), 32)

    def test_times_are_those_of_a_clock(self):
        before = self.server.wait_until_idle()
        start = time.monotonic()
        self.ask(max_tokens=200)
        whole = time.monotonic() - start
        after = self.server.wait_until_idle()
        gained = {name: after[name] - before[name] for name in after if name.endswith("_sum")}
        seconds = gained["vllm:e2e_request_latency_seconds_sum"]
        self.assertLessEqual(seconds, whole)
        parts = sum(gained[f"vllm:request_{part}_time_seconds_sum"] for part in ("queue", "prefill", "decode"))
        self.assertLessEqual(parts, seconds * 1.05 + 0.01)
        self.assertGreater(parts, seconds * 0.5)
        self.assertAlmostEqual(gained["vllm:request_generation_tokens_sum"], 200)


if __name__ == "__main__":
    main()
