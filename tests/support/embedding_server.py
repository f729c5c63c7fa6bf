"""A server of embeddings: a text's vector counts its words by their hash, so that like texts lie near.

Words of six letters or more weigh most, as topics do. A model whose name begins with `wide` gives vectors of
32 numbers, others of 16, or as many as are asked for. It can be busy for a while, refuse texts that are too
long, and send vectors of two lengths (`odd`).
"""

import hashlib
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


def embed(text, size=16):
    """(size,) the sum of a direction for each word, of length 1."""
    total = np.zeros(size)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).normal(size=size) * (3.0 if len(word) >= 6 else 0.3)
    return total / max(float(np.linalg.norm(total)), 1e-9)


class EmbeddingServer:
    """The server, listening while the block runs; `asked` counts texts, `requests` requests.

    Args:
        busy: requests that are answered 503 before the others.
        longest: words of a text that the models can read.
        seconds: that a request takes.
        key: without which it answers 401.
    """

    def __init__(self, busy=0, longest=None, seconds=0.0, key=None):
        self.asked, self.requests, self.lock = Counter(), 0, threading.Lock()
        self.at_once, self.most = 0, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, content):
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if key is not None and self.headers.get("authorization") != f"Bearer {key}":
                    self.reply(401, {"error": {"message": f"wrong key, not {key}"}})
                    return
                if self.path != "/v1/embeddings":
                    self.reply(404, {"error": {"message": "Not Found"}})
                    return
                with outer.lock:
                    outer.requests += 1
                    number = outer.requests
                    outer.at_once += 1
                    outer.most = max(outer.most, outer.at_once)
                try:
                    self.answer(request, number)
                finally:
                    with outer.lock:
                        outer.at_once -= 1

            def answer(self, request, number):
                if number <= busy:
                    self.reply(503, {"error": {"message": "Loading model", "code": 503}})
                    return
                threading.Event().wait(seconds)
                texts, model = request["input"], request["model"]
                if longest is not None and any(len(text.split()) > longest for text in texts):
                    said = f"This model's maximum context length is {longest} tokens."
                    self.reply(400, {"error": {"message": said}})
                    return
                with outer.lock:
                    outer.asked.update(texts)
                size = request.get("dimensions") or (32 if model.startswith("wide") else 16)
                rows = [
                    {"object": "embedding", "index": i, "embedding": embed(text, size).tolist()}
                    for i, text in enumerate(texts)
                ]
                if model == "odd":
                    rows[-1]["embedding"].append(0.5)
                self.reply(200, {"object": "list", "model": model, "data": rows[::-1]})

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
