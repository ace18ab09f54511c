"""A server that plays answers to the chat page, by the last message's first word."""
import http.server
import json
import threading
import time

CONTEXT = 8192
OWN_BYTES, MHA_BYTES = 4608, 46080
CODE = "def area(radius):\n    return 3.14159 * radius ** 2"
TEXT = f"""A circle's **area** grows with the *square* of its radius:

```python
{CODE}
```

1. Measure the radius `r`.
2. Square it.
   - In your head, or
   - with `r ** 2`.

| radius | area |
|---:|---:|
| 1 | 3.14 |
| 2 | 12.57 |

> Archimedes knew this. See [his book](https://example.org/circle).
"""
HOSTILE = """<script>window.pwned = 1</script> <img src=x onerror="window.pwned = 2"> [run](javascript:window.pwned=3)
[data](data:text/html,<script>window.pwned=4</script>) ![picture](https://example.org/x.png "t") <https://example.org/a>

<svg onload="window.pwned=5"></svg> **<b onclick=1>bold</b>** [spaced](java script:1) [tab](java\tscript:alert(1)) https://example.org/b.

```html"><script>window.pwned=6</script>
</code></pre><script>window.pwned = 7</script>
```
- [ok](http://example.org/?q=<script>)
<iframe srcdoc="<script>parent.pwned=8</script>"></iframe>
"""


def pieces(text, size=7):
    return [text[i:i + size] for i in range(0, len(text), size)]


class Server(http.server.ThreadingHTTPServer):
    """Keeps what was asked."""

    daemon_threads = True

    def __init__(self, page):
        super().__init__(("127.0.0.1", 0), Handler)
        self.page, self.key, self.asked, self.gone, self.fails = page, "", [], threading.Event(), 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a browser that went away


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def reply(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self):
        if not self.server.key or self.headers["Authorization"] == "Bearer " + self.server.key:
            return True
        self.reply(401, {"error": {"message": "wrong key", "type": "authentication_error", "code": None}})
        return False

    def do_GET(self):
        if self.path == "/":
            return self.reply(200, self.server.page.read_bytes(), "text/html; charset=utf-8")
        if not self.allowed():
            return None
        if self.path == "/v1/models":
            return self.reply(200, {"data": [{"id": "smollm2-135m"}, {"id": "other"}]})
        if self.path == "/props":
            cache = {"type": "int8", "bytes_per_token": OWN_BYTES, "mha_float16_bytes_per_token": MHA_BYTES}
            return self.reply(200, {"model": "smollm2-135m", "context": CONTEXT, "cache": cache, "version": "0.2.0"})
        return self.reply(404, {"error": {"message": "no such page"}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.allowed():
            return
        self.server.asked.append(body)
        what = body["messages"][-1]["content"].split()[0]
        if what == "refuse":
            return self.reply(400, {"error": {"message": "This is <b>too</b> long.", "type": "invalid_request_error", "code": None}})
        if what == "flaky" and self.server.fails:
            self.server.fails -= 1
            return self.reply(503, {"error": {"message": "busy", "type": "server_error", "code": None}})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.play(what, body)

    def play(self, what, body):
        text = {"code": TEXT, "hostile": HOSTILE, "slow": "word " * 2000, "break": "half an answer", "cut": "half"}.get(
            what, f"Answer {len(self.server.asked)} to {what}.")
        if what == "raw":
            text = body["messages"][-1]["content"][4:]
        count = 0
        self.event(body, {"role": "assistant", "content": ""})
        if what == "think":
            for piece in pieces("First **this**, then that."):
                self.event(body, {"reasoning_content" if len(piece) % 2 else "reasoning": piece})
        for piece in pieces(text, 5 if what == "slow" else 40 if what == "raw" else 7):
            count += 1
            if not self.event(body, {"content": piece}):
                return self.server.gone.set()
            time.sleep(0.05 if what == "slow" else 0.003)
        if what == "break":
            return self.write({"error": {"message": "out of pages", "type": "server_error", "code": None}})
        if what == "cut":
            return None
        self.event(body, {}, "stop")
        prompt = sum(len(message["content"]) // 4 + 4 for message in body["messages"])
        self.write({"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": count}})
        self.wfile.write(b"data: [DONE]\r\n\r\n")

    def event(self, body, delta, reason=None):
        return self.write({"model": body["model"], "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    def write(self, event):
        try:
            self.wfile.write(f": comment\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            return True
        except OSError:
            return False
