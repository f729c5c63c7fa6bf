"""A server of embeddings: a text's vector counts its words by their hash, so that like texts lie near.

Words of six letters or more weigh most, as topics do. A model whose name begins with `wide` gives vectors of
32 numbers, others of 16, or as many as are asked for. It can be busy for a while, refuse texts that are too
long, and send vectors of two lengths (`odd`).
"""

import hashlib
import threading
from collections import Counter

import numpy as np

from tests.support.threaded_server import JsonHandler, ThreadedServer


def embed(text, size=16):
    """(size,) the sum of a direction for each word, of length 1."""
    total = np.zeros(size)
    for word in text.lower().split():
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
        total += np.random.default_rng(seed).normal(size=size) * (3.0 if len(word) >= 6 else 0.3)
    return total / max(float(np.linalg.norm(total)), 1e-9)


class EmbeddingServer(ThreadedServer):
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

        class Handler(JsonHandler):
            protocol_version = "HTTP/1.1"

            def post(self):
                request = self.body()
                if key is not None and self.headers.get("authorization") != f"Bearer {key}":
                    self.refuse(401, f"wrong key, not {key}")
                    return
                if self.path != "/v1/embeddings":
                    self.refuse(404, "Not Found")
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
                    self.refuse(503, "Loading model", code=503)
                    return
                threading.Event().wait(seconds)
                texts, model = request["input"], request["model"]
                if longest is not None and any(len(text.split()) > longest for text in texts):
                    self.refuse(400, f"This model's maximum context length is {longest} tokens.")
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

        super().__init__(Handler)
