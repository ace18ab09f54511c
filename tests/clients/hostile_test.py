#!/usr/bin/env python3
"""Bytes on a socket that no proper client sends: each has its error, and the server goes on as if nothing had been."""
import concurrent.futures
import contextlib
import gzip
import json
import pathlib
import re
import socket
import statistics
import tempfile
import time
import unittest

from served import Server, ServedTest, main, model_folder

JSON = "Content-Type: application/json\r\n"
POST = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\n{JSON}"
HEAD_BYTES = 32 << 10  # of a request's head, as docs/serving.md says


def post(body, path="/v1/completions", headers=JSON):
    body = body if isinstance(body, bytes) else body.encode()
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


class HostileTest(ServedTest):
    FLAGS = ("--max-body", "1MiB", "--max-streams", 8, "--max-queue", 64)

    def tearDown(self):
        """Whatever was sent: the server answers, and nothing is left running."""
        self.assertIsNone(self.server.process.poll(), self.server.said())
        self.assertEqual(self.server.request("/health")[0], 200)
        status, answer, _ = self.server.request("/v1/completions", {"prompt": "The king", "max_tokens": 2})
        self.assertEqual((status, answer["usage"]["prompt_tokens"] > 0), (200, True))
        self.server.wait_until_idle()

    def connect(self, timeout=20):
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout)
        self.addCleanup(connection.close)
        return connection

    def talk(self, data, half_close=True):
        """All that comes back until the server closes; `half_close`: nothing more is sent after the data."""
        connection = self.connect()
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_all(connection)

    def statuses(self, data):
        """Of all answers until the server closes."""
        return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.talk(data, half_close=False))]

    def assert_refused(self, data, *codes):
        """One answer, an error whose body is JSON, and then the end of the connection."""
        answer = self.talk(data, half_close=False)
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(re.match(rb"HTTP/1\.1 (\d{3}) ", head)[1]) if head else None
        self.assertIn(status, codes or (400,), (data[:100], answer[:300]))
        self.assertIn("message", json.loads(body)["error"])
        self.assertNotIn(b"HTTP/1.1", body, "more than one answer")

    def ask(self, body, path="/v1/completions"):
        """The status of a body and its answer."""
        status, answer, _ = self.server.request(path, body if isinstance(body, bytes) else json.dumps(body).encode())
        return status, answer


def read_all(connection):
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except (ConnectionResetError, TimeoutError):
        pass
    return b"".join(parts)


class Framing(HostileTest):
    def test_chunk_sizes_that_are_none(self):
        head = f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode()
        for size in (b"-2", b"-1", b"0x10", b"g", b"", b" 5", b"+5", b"ffffffffffffffff1", b"fffffffffffffff",
                     b"7fffffffffffffff"):
            with self.subTest(size[:30]):
                self.assert_refused(head + size + b"\r\nabcde\r\n0\r\n\r\n", 400, 413, 431)

    def test_what_is_about_chunks_is_bounded(self):
        """Extensions of chunks and trailers are no body, and take no memory all the same."""
        head = f"{POST}Transfer-Encoding: chunked\r\n\r\n".encode()
        for begin in (b"5;", b"0\r\nX: ", b"0\r\n" + b"X: y\r\n" * 100000):
            with self.subTest(begin[:10]):
                before = self.server.resident_bytes()
                with contextlib.closing(self.connect(timeout=5)) as connection:
                    with contextlib.suppress(OSError):
                        connection.sendall(head + begin + b"x" * (64 << 20))
                    time.sleep(0.2)
                    self.assertLess(self.server.resident_bytes(), before + (24 << 20))

    def test_chunks_are_one_body(self):
        body = b'{"prompt": "The king", "max_tokens": 1}'
        head = f"{POST}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
        chunks = b"".join(b"1;name=value\r\n" + body[i:i + 1] + b"\r\n" for i in range(len(body)))
        self.assertEqual(self.statuses(head + chunks + b"0\r\nTrailer: x\r\n\r\n"), [200])
        self.assert_refused(
            head + b"100000\r\n" + b" " * 0x100000 + b"\r\n100000\r\n" + b" " * 0x100000 + b"\r\n0\r\n\r\n", 413)

    def test_two_lengths_are_refused(self):
        body = b'{"prompt": "a"}'
        for headers in (f"Content-Length: {len(body)}\r\nTransfer-Encoding: chunked\r\n",
                        f"Transfer-Encoding: chunked\r\nContent-Length: {len(body)}\r\n",
                        f"Content-Length: {len(body)}\r\nContent-Length: {len(body) + 1}\r\n",
                        "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n",
                        "Content-Length: 1e3\r\n", "Content-Length: 5, 6\r\n"):
            with self.subTest(headers):
                data = f"{POST}{headers}\r\n".encode() + body
                answer = self.talk(data)
                self.assertRegex(answer, rb"^HTTP/1\.1 4\d\d ", headers)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1)

    def test_encodings_that_it_does_not_know_are_refused(self):
        body = b'{"prompt": "a", "max_tokens": 1}'
        chunked = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        for encoding in ("gzip", "identity", "x", "chunked, identity", "chunked, chunked", "gzip, chunked"):
            with self.subTest(encoding):
                self.assert_refused(f"{POST}Transfer-Encoding: {encoding}\r\n\r\n".encode() + chunked, 400, 501)
        self.assert_refused(
            post(gzip.compress(body), headers=JSON + "Content-Encoding: gzip\r\nConnection: close\r\n"), 400, 415)

    def test_a_request_that_hides_in_a_body_is_not_answered(self):
        hidden = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
        head = f"{POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n".encode()
        answer = self.talk(head + b"0\r\n\r\n" + hidden)
        self.assertNotIn(b'"version"', answer)

    def test_bodies_over_the_limit(self):
        self.assert_refused(
            f"{POST}Content-Length: {2 << 20}\r\n\r\n".encode(), 413)
        self.assert_refused(post(b" " * (2 << 20)), 413)

    def test_requests_in_a_row_are_answered_in_order(self):
        get = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        self.assertEqual(self.statuses(get * 5 + last), [200] * 6)
        self.assertEqual(self.statuses(post('{"prompt": "a", "max_tokens": 2}') * 3 + last), [200] * 4)
        self.assertEqual(self.statuses(get + last.replace(b"version", b"missing") + get), [200, 404])

    def test_http_1_0_ends_with_its_answer(self):
        for path, body in (("/version", b""), ("/v1/completions", b'{"prompt": "a", "max_tokens": 3, "stream": true}')):
            method = "POST" if body else "GET"
            answer = self.talk(
                f"{method} {path} HTTP/1.0\r\n{JSON}Content-Length: {len(body)}\r\n\r\n".encode() + body,
                half_close=False)
            self.assertRegex(answer, rb"^HTTP/1\.[01] 200 ")
            self.assertNotIn(b"chunked", answer)
        self.assertTrue(answer.endswith(b"data: [DONE]\n\n"), answer[-100:])

    def test_head_has_no_body(self):
        answer = self.talk(b"HEAD /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", half_close=False)
        self.assertRegex(answer, rb"^HTTP/1\.1 200 [\s\S]*Content-Length: [1-9]")
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_expect_100_continue(self):
        connection = self.connect()
        body = b'{"prompt": "a", "max_tokens": 1}'
        connection.sendall(
            f"{POST}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
            "Connection: close\r\n\r\n".encode())
        self.assertEqual(connection.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(body)
        self.assertRegex(read_all(connection), rb"^HTTP/1\.1 200 ")
        # What will not be taken is not asked for.
        self.assert_refused(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
                            404)

    def test_what_is_not_http(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 1000,
                     b"G\x00T / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n", b"GET /a b HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
                     b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n"):
            with self.subTest(data[:30]):
                self.assertRegex(self.talk(data), rb"^(HTTP/1\.1 (400|505) |$)", data[:60])


class Heads(HostileTest):
    def test_large_heads(self):
        for head in (b"X: " + b"a" * (2 * HEAD_BYTES), b"X-" + b"a" * (2 * HEAD_BYTES) + b": b",
                     b"\r\n".join(b"X-%d: y" % i for i in range(20000))):
            with self.subTest(head[:20]):
                self.assert_refused(b"GET /version HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n", 431)
        self.assert_refused(b"GET /" + b"a" * (2 * HEAD_BYTES) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, 431)

    def test_no_header_comes_from_a_client(self):
        for target in ("/version?a=%0d%0aInjected:%20yes", "/%0d%0aInjected:%20yes",
                       "/version%0d%0a%0d%0aInjected:%20yes"):
            answer = self.talk(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            self.assertNotIn(b"\r\nInjected", answer)
        for origin in ("http://evil\r\n Injected: yes", "http://evil\rInjected: yes", "http://evil%0d%0aInjected: yes"):
            answer = self.talk(
                f"GET /version HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n".encode())
            self.assertNotIn(b"\nInjected", answer)

    def test_paths_lead_nowhere(self):
        for target in ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                       "/v1/../version/../../etc/passwd", "/\\..\\..\\etc\\passwd", "/v1/models/../../../etc/passwd",
                       "/%00", "/v1/models%00", "*", "etc/passwd"):
            with self.subTest(target):
                answer = self.talk(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                self.assertRegex(answer, rb"^HTTP/1\.1 (400|404) ")
                self.assertNotIn(b"root:", answer)

    def test_targets_with_a_host(self):
        answer = self.talk(b"GET http://x/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertRegex(answer, rb"^HTTP/1\.1 (200|400|404) ")
        for target in ("http://169.254.169.254/latest", "x:443"):  # it is no proxy
            method = "CONNECT" if target == "x:443" else "GET"
            self.assertRegex(self.talk(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()),
                             rb"^HTTP/1\.1 (400|404|405) ")

    def test_methods(self):
        for method, path in (("DELETE", "/v1/models"), ("PUT", "/v1/completions"), ("GET", "/v1/completions"),
                             ("POST", "/health"), ("TRACE", "/"), ("A" * 100, "/")):
            with self.subTest(method):
                request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                self.assertEqual(self.statuses(request.encode()), [405])

    def test_pages_of_other_origins_may_not_ask(self):
        for origin, code in (("http://evil.example", 403), ("null", 403), ("http://x", 200)):
            answer = self.talk(
                f"GET /v1/models HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n".encode())
            self.assertRegex(answer, rb"^HTTP/1\.1 %d " % code, origin)
            self.assertNotIn(b"Access-Control-Allow-Origin", answer)
        # A form of another site cannot say that it sends JSON.
        self.assert_refused(post('{"prompt": "a"}', headers="Content-Type: text/plain\r\n"), 415)


class Bodies(HostileTest):
    def test_what_is_not_json(self):
        for body in (b"", b"{", b"nonsense", b"[]", b"1", b"null", b'"text"', b'{"prompt": "a"} x', b"{'prompt': 1}",
                     b'{"prompt": NaN}', b'\xff\xfe{\x00}\x00', b'{"prompt": "a", "prompt": "b"',
                     b'{"prompt": "\x00"}', b'{"prompt": 1e999}'):
            with self.subTest(body):
                self.assertEqual(self.ask(body)[0], 400)

    def test_bad_utf_8(self):
        for bad in (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\xc0\xaf"):
            for body in (b'{"prompt": "' + bad + b'"}', b'{"' + bad + b'": 1, "prompt": "a"}',
                         b'{"model": "' + bad + b'", "prompt": "a"}', b'{"prompt": "a", "stop": "' + bad + b'"}'):
                with self.subTest(body):
                    self.assertEqual(self.ask(body)[0], 400)
        for text in ("\\ud800", "\\udc00\\ud800", "\\u0000"):  # half a surrogate pair is no text; a zero is
            self.assertIn(self.ask(f'{{"prompt": "{text}", "max_tokens": 1}}'.encode())[0], (200, 400))

    def test_deep_json(self):
        for depth in (1000, 60000):
            for opens, closes in (("[", "]"), ('{"a":', "}")):
                nested = opens * depth + "1" + closes * depth
                for body in (nested, f'{{"prompt": {nested}}}', f'{{"prompt": "a", "logit_bias": {nested}}}',
                             f'{{"prompt": {opens * depth}'):
                    with self.subTest(f"{depth} {opens} {len(body)}"):
                        self.assertEqual(self.ask(body.encode())[0], 400)
                messages = f'{{"messages": [{{"role": "user", "content": {nested}}}]}}'
                self.assertEqual(self.ask(messages.encode(), "/v1/chat/completions")[0], 400)

    def test_deep_schemas_and_tools(self):
        deep = '{"type":"array","items":' * 30000 + "{}" + "}" * 30000
        group = json.dumps("(" * 60000 + "a" + ")" * 60000)
        message = '"messages":[{"role":"user","content":"x"}]'
        for extra in (
                f'"response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{deep}}}}}',
                f'"tools":[{{"type":"function","function":{{"name":"x","parameters":{deep}}}}}],"tool_choice":"required"',
                f'"structured_outputs":{{"regex":{group}}}', f'"guided_regex":{group}', f'"regex":{group}'):
            with self.subTest(extra[:50]):
                start = time.monotonic()
                self.assertEqual(self.ask(f"{{{message},{extra}}}".encode(), "/v1/chat/completions")[0], 400)
                self.assertLess(time.monotonic() - start, 20)

    def test_numbers_that_are_out_of_bounds(self):
        huge = (-1, -2**31, -2**63, -2**70, 2**31, 2**63, 2**64, 2**70, 1e308, 0.5, "1", [1], {}, True)
        for key in ("n", "best_of", "max_tokens", "logprobs", "top_k", "seed"):
            for value in huge:
                with self.subTest(f"{key} = {value}"):
                    status, answer = self.ask({"prompt": "a", "max_tokens": 1, key: value})
                    good = key == "seed" or (key == "top_k" and value == -1)
                    self.assertIn(status, (200, 400) if good else (400,), answer)
        for key in ("temperature", "top_p", "min_p", "typical_p", "presence_penalty", "repetition_penalty", "timeout"):
            for value in (-1e308, 1e308, -2**63, "1", [], True):
                with self.subTest(f"{key} = {value}"):
                    # The largest times are cut to what a request may take.
                    self.assertEqual(self.ask({"prompt": "a", "max_tokens": 1, key: value})[0], 400)

    def test_ids_out_of_the_vocabulary(self):
        for value in (-1, 2**31, 2**32, 2**63, -2**63, 10**6, 1.5, "1", None, True, []):
            for body in ({"prompt": [1, value]}, {"prompt": [[1, value]]}, {"prompt": "a", "stop_token_ids": [value]},
                         {"prompt": "a", "logit_bias": {f"{value} ": 1}}):
                with self.subTest(body):
                    self.assertEqual(self.ask({"max_tokens": 1, **body})[0], 400)
            self.assertEqual(self.ask({"tokens": [value]}, "/detokenize")[0], 400)

    def test_empty_prompts(self):
        for body in ({}, {"prompt": None}, {"prompt": ""}, {"prompt": []}, {"prompt": [[]]}, {"prompt": ["a", ""]}, {
                "prompt": [""]
        }):
            with self.subTest(body):
                # A model whose texts begin with a token of their own has a prompt then.
                self.assertIn(self.ask({"max_tokens": 1, **body})[0], (400,) if not body.get("prompt") else (200, 400))

    def test_many_of_everything(self):
        for body in ({"prompt": ["a"] * 100000}, {"prompt": ["a"] * 100, "n": 100}, {
                "prompt": "a", "stop": ["x"] * 10000
        }, {"prompt": "a", "stop_token_ids": [1] * 100000}, {"prompt": "a", "n": 128, "best_of": 129}):
            with self.subTest(str(body)[:40]):
                self.assertEqual(self.ask(body)[0], 400)
        # All 128 answers fit one request, and not this server's queue.
        self.assertEqual(self.ask({"prompt": "a", "n": 128, "max_tokens": 1})[0], 503)

    def test_templates_of_clients_are_refused(self):
        template = "{% for i in range(1000000000) %}x{% endfor %}"
        for body in ({"chat_template": template}, {"chat_template_kwargs": {"chat_template": template}}):
            status, _ = self.ask({"messages": [{"role": "user", "content": "x"}], "max_tokens": 1, **body},
                                 "/v1/chat/completions")
            self.assertIn(status, (200, 400) if "chat_template_kwargs" in body else (400,))

    def test_error_texts_are_whole(self):
        for name in ("\x00", "\u2028\U0001f600" * 100, '"\\', "é" * 79 + "x", "<script>"):
            status, answer = self.ask({"prompt": "a", "model": name})
            self.assertEqual(status, 404)
            self.assertTrue(answer["error"]["message"])


class Slow(HostileTest):
    """Clients that send or read little, each of which holds a connection and no more."""

    def test_half_requests_do_not_hold_others_up(self):
        halves = [self.connect() for _ in range(200)]
        for i, connection in enumerate(halves):
            connection.sendall((b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nX-", post(b"x" * 100)[:-50])[i % 2])
        for _ in range(3):
            for connection in halves[::2]:
                connection.sendall(b"a")
            start = time.monotonic()
            self.assertEqual(self.ask({"prompt": "The king", "max_tokens": 2})[0], 200)
            self.assertLess(time.monotonic() - start, 5)
        for connection in halves:
            connection.close()

    def test_a_client_that_reads_nothing_ends_by_itself_or_with_its_text(self):
        connections = [self.connect() for _ in range(4)]
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            connection.sendall(post('{"prompt": "The king", "max_tokens": 1500, "stream": true}'))
        self.assertEqual(self.ask({"prompt": "The king", "max_tokens": 2})[0], 200)
        for connection in connections:
            connection.close()

    def test_connections_that_end_at_once(self):
        for i in range(300):
            connection = self.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
            connection.sendall(post('{"prompt": "The king", "max_tokens": 1000, "stream": true}')[:80 + i])
            connection.close()


class Limits(unittest.TestCase):
    def test_connections_beyond_the_limit_are_told(self):
        with model_folder() as model, Server(model, "--max-connections", 8) as server:
            held = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(8)]
            time.sleep(0.2)
            with socket.create_connection(("127.0.0.1", server.port), 10) as further:
                answer = read_all(further)
            self.assertRegex(answer, rb"^HTTP/1\.1 503 ")
            self.assertIn(b"Retry-After: ", answer)
            for connection in held:
                connection.close()
            time.sleep(0.2)
            self.assertEqual(server.request("/health")[0], 200)

    def test_requests_beyond_the_queue_are_told(self):
        with model_folder() as model, Server(model, "--max-streams", 1, "--max-queue", 2) as server:
            def ask(_):
                return server.request("/v1/completions", {"prompt": "The king", "max_tokens": 200})
            with concurrent.futures.ThreadPoolExecutor(24) as pool:
                answers = list(pool.map(ask, range(24)))
            codes = [status for status, _, _ in answers]
            self.assertEqual(set(codes), {200, 503})
            refused = next(headers for status, _, headers in answers if status == 503)
            self.assertGreaterEqual(int(refused["retry-after"]), 1)

    def test_a_request_has_its_time(self):
        with model_folder() as model, Server(model) as server:
            status, answer, _ = server.request("/v1/completions", {
                "prompt": "The king", "max_tokens": 1800, "timeout": 0.01, "n": 32,
                "logit_bias": server.without_end()
            })
            self.assertEqual((status, answer["error"]["code"]), (504, "timeout"))
            self.assertEqual(server.wait_until_idle(5)["vllm:num_requests_running"], 0)

    def test_the_time_of_a_wrong_key_tells_nothing(self):
        right = "k" * 64
        with tempfile.TemporaryDirectory() as folder, model_folder() as model:
            keys = pathlib.Path(folder) / "keys.txt"
            keys.write_text(right + "\n")
            with Server(model, "--api-keys", keys) as server:
                early, late = "x" + right[1:], right[:-1] + "x"
                times = {early: [], late: []}
                for i in range(400):
                    for key in (early, late) if i % 2 else (late, early):
                        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
                            start = time.perf_counter()
                            connection.sendall(
                                f"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
                            self.assertRegex(connection.recv(4096), rb"^HTTP/1\.1 401 ")
                            times[key].append(time.perf_counter() - start)
                # A comparison that ends at the first difference would differ by nanoseconds, which a test over a
                # socket cannot see; what it can see is a check that is grossly another for keys that are nearly right.
                first, second = (statistics.median(values) for values in times.values())
                self.assertLess(abs(first - second), 0.25 * max(first, second))


if __name__ == "__main__":
    main()
