#!/usr/bin/env python3
"""Two servers behind Debian's nginx, as docs/serving.md sets it up: a stream comes token by token, requests of one
conversation go to one server, and when a server dies its clients are answered by the other one."""
import concurrent.futures
import hashlib
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from served import SOURCE, Server, free_port, main, model_folder, request

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def documented(ports, port):
    """The configuration of docs/serving.md, for these ports."""
    page = (SOURCE / "docs/serving.md").read_text()
    text = page.split("```nginx\n")[1].split("```")[0]
    for name, here in zip(("127.0.0.1:8081", "127.0.0.1:8082", "listen 8000"),
                          (*(f"127.0.0.1:{p}" for p in ports), f"listen 127.0.0.1:{port}")):
        assert name in text, name
        text = text.replace(name, here)
    return text


@unittest.skipUnless(NGINX, "nginx is not installed")
class Replicas(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="t6-nginx-")))
        self.model = self.enterContext(model_folder())
        self.servers = [self.start_server() for _ in range(2)]
        self.start_nginx()

    def start_server(self, port=0):
        server = Server(self.model, "--model-name", "same", port=port)
        self.addCleanup(server.end)
        return server

    def start_nginx(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        here = documented([server.port for server in self.servers], port)
        (self.folder / "nginx.conf").write_text(
            f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;\nevents {{}}\n"
            "http { access_log off;\n"
            + "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                      for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) + here + "}\n")
        process = subprocess.Popen(
            [NGINX, "-p", self.folder, "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        for _ in range(200):
            try:
                if request(self.url + "/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        self.fail((self.folder / "error.log").read_text())

    def stream(self, **options):
        body = {"prompt": "The king", "stream": True, "logit_bias": self.servers[0].without_end(), **options}
        asked = urllib.request.Request(self.url + "/v1/completions",
                                       json.dumps(body).encode(), {"Content-Type": "application/json"})
        return self.enterContext(urllib.request.urlopen(asked, timeout=60))

    def test_a_stream_is_whole(self):
        answer = self.stream(max_tokens=100)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/event-stream"))
        lines = answer.read().split(b"\n\n")
        self.assertEqual(lines[-2:], [b"data: [DONE]", b""])
        self.assertEqual(json.loads(lines[-3].removeprefix(b"data: "))["choices"][0]["finish_reason"], "length")

    def test_a_stream_comes_as_it_is_written_and_ends_with_its_client(self):
        with self.stream(max_tokens=1500, n=16) as answer:
            self.assertTrue(answer.readline().startswith(b"data: {"))
            running = sum(server.metrics()["vllm:num_requests_running"] for server in self.servers)
            self.assertGreater(running, 0, "nginx has kept the first event until the stream's end")
        for server in self.servers:
            server.wait_until_idle(20)

    def test_one_conversation_stays_with_one_server(self):
        for user in range(6):
            before = [self.answered(server) for server in self.servers]
            for _ in range(4):
                self.assertEqual(self.complete({"X-Session": f"user-{user}"}), 200)
            now = [self.answered(server) for server in self.servers]
            self.assertIn(4, [b - a for a, b in zip(before, now)])

    def test_requests_that_begin_alike_stay_with_one_server(self):
        before = [self.answered(server) for server in self.servers]
        for beginning in range(8):
            first = [self.answered(server) for server in self.servers]
            for ending in range(3):
                prompt = f"{beginning} is the number of " + "sheep " * 200 + str(ending)
                self.assertEqual(request(self.url + "/v1/completions", {"prompt": prompt, "max_tokens": 1})[0], 200)
            self.assertIn(3, [self.answered(server) - count for server, count in zip(self.servers, first)])
        self.assertTrue(all(self.answered(server) > count for server, count in zip(self.servers, before)),
                        "one server has all")

    def test_a_server_that_dies_loses_nothing(self):
        self.lose(self.servers[0].kill)

    def test_a_server_that_is_asked_to_end_loses_nothing(self):
        self.lose(self.servers[0].end)

    def lose(self, end):
        """Many clients ask while one of the servers ends and another one takes its place: each gets its whole answer,
        asking again where a connection ended before an answer was complete."""
        port, done, retries = self.servers[0].port, threading.Event(), []

        def ask_on(number):
            answers = 0
            while not done.is_set():
                for attempt in range(20):
                    try:
                        if self.complete({"X-Session": hashlib.sha1(b"%d" % number).hexdigest()}) == 200:
                            answers += 1
                            break
                    except OSError:
                        pass
                    retries.append(attempt)
                    time.sleep(0.1)
                else:
                    raise AssertionError("no server answered for two seconds")
            return answers

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            clients = [pool.submit(ask_on, number) for number in range(16)]
            try:
                time.sleep(1)
                end()
                time.sleep(1)
                self.assertTrue(all(self.complete() == 200 for _ in range(10)), "with one server only")
                self.servers[0] = self.start_server(port)
                time.sleep(3)
            finally:
                done.set()
            answers = [client.result() for client in clients]
        print(f"{sum(answers)} answers, {len(retries)} asked again", end=" ")
        self.assertGreater(min(answers), 0)
        for server in self.servers:
            server.wait_until_idle()
            self.assertGreater(self.answered(server), 0)

    def complete(self, headers=()):
        """The status of a request whose answer is whole."""
        body = {"prompt": "The king went to the river", "max_tokens": 12, "temperature": 0}
        status, answer, _ = request(self.url + "/v1/completions", body, headers=dict(headers), timeout=30)
        return status if status != 200 or answer["choices"][0]["finish_reason"] else 500

    def answered(self, server):
        return sum(value for name, value in server.metrics().items() if name == "vllm:request_success_total")


if __name__ == "__main__":
    main()
