#!/usr/bin/env python3
"""A conversation's cache goes from one server to another: what was read is not read again, and its text is the same."""
import json
import threading
import unittest
import urllib.error
import urllib.request

from served import Server, main, model_folder

PROMPT = "The old woman looked upon the river, and the king went to the city of gold. " * 6


class Move(unittest.TestCase):
    def setUp(self):
        model = self.enterContext(model_folder())
        self.here, self.there = (self.enterContext(Server(model, "--cache-transfer")) for _ in range(2))

    def ask(self, server, prompt=PROMPT, **options):
        body = {"prompt": prompt, "max_tokens": 80, "temperature": 0, "ignore_eos": True, **options}
        return server.request("/v1/completions", body)[1]

    def fetch(self, server, name):
        with urllib.request.urlopen(f"{server.url}/v1/cache/{name}", timeout=60) as answer:
            return answer.read()

    def put(self, server, data, *headers):
        return server.request("/v1/cache", data, "PUT", [("Content-Type", "application/octet-stream"), *headers])

    def cached(self, answer):
        return answer["usage"]["prompt_tokens_details"]["cached_tokens"]

    def test_an_answer_goes_on_elsewhere(self):
        answer = self.ask(self.here)
        status, taken, _ = self.put(self.there, self.fetch(self.here, answer["id"]))
        self.assertEqual(status, 200, taken)
        self.assertGreaterEqual(taken["count"], 64)
        follow = PROMPT + answer["choices"][0]["text"]
        again = self.ask(self.there, taken["tokens"] + [1, 2, 3])
        self.assertGreaterEqual(self.cached(again), taken["count"] // 64 * 64)
        self.assertEqual(self.cached(self.ask(self.there, "x" + follow)), 0)
        self.assertEqual(self.ask(self.there)["choices"][0]["text"], answer["choices"][0]["text"])

    def test_an_answer_moves_while_it_is_written(self):
        body = json.dumps({"prompt": PROMPT, "max_tokens": 600, "stream": True, "ignore_eos": True}).encode()
        asked = urllib.request.Request(self.here.url + "/v1/completions", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as stream:
            first = json.loads(stream.readline().removeprefix(b"data: "))
            data = self.fetch(self.here, first["id"])
            rest = stream.read()
        self.assertTrue(rest.endswith(b"data: [DONE]\n\n"))
        self.assertEqual(self.put(self.there, data)[0], 200)
        self.assertGreaterEqual(self.cached(self.ask(self.there)), 64)

    def test_salts_stay_apart(self):
        answer = self.ask(self.here, cache_salt="ours")
        self.put(self.there, self.fetch(self.here, answer["id"]), ("X-Cache-Salt", "ours"))
        self.assertEqual(self.cached(self.ask(self.there)), 0)
        self.assertGreaterEqual(self.cached(self.ask(self.there, cache_salt="ours")), 64)

    def test_what_is_no_cache_is_refused(self):
        data = self.fetch(self.here, self.ask(self.here)["id"])
        for damaged in (b"", b"nonsense" * 100, data[:-1], data[:len(data) // 2], data + b"x", b"\xff" * len(data),
                        data[:20] + b"\xff" * 50 + data[70:]):
            status, answer, _ = self.put(self.there, damaged)
            self.assertEqual(status, 400, damaged[:40])
            self.assertNotIn("/tmp", answer["error"]["message"])
        for name in ("cmpl-0", "..%2f..%2fetc%2fpasswd", "../../etc/passwd", ""):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                self.fetch(self.here, name)
            self.assertIn(caught.exception.code, (400, 404, 405))
            caught.exception.close()
        self.assertEqual(self.there.request("/health")[0], 200)

    def test_many_at_once(self):
        ids = [self.ask(self.here, f"{i}" + PROMPT)["id"] for i in range(8)]
        errors = []

        def move(name):
            status, _, _ = self.put(self.there, self.fetch(self.here, name))
            if status != 200:
                errors.append(status)

        threads = [threading.Thread(target=move, args=(name,)) for name in ids * 3]
        for thread in threads:
            thread.start()
        self.ask(self.there, n=8)
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.there.wait_until_idle()


class Closed(unittest.TestCase):
    def test_without_the_flag_nothing_is_handed_out(self):
        with model_folder() as model, Server(model) as server:
            name = server.request("/v1/completions", {"prompt": PROMPT, "max_tokens": 2})[1]["id"]
            self.assertEqual(server.request(f"/v1/cache/{name}")[0], 403)
            self.assertEqual(server.request("/v1/cache", b"x", "PUT")[0], 403)


if __name__ == "__main__":
    main()
