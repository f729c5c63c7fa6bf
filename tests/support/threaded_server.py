"""A real server in threads of this process, for what asks from this process or another: handlers of JSON."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class JsonHandler(BaseHTTPRequestHandler):
    """Answers by `get` and `post`, reads and writes JSON, and says nothing on the terminal."""

    def do_GET(self):
        self.get()

    def do_POST(self):
        self.post()

    def get(self):
        """No models are listed."""
        self.reply(200, {"data": []})

    def post(self):
        """Nothing is done here."""
        self.send_error(501)

    def log_message(self, *_):
        pass

    def body(self):
        """What was sent."""
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def reply(self, status, content, kind="application/json"):
        """A whole answer: bytes, or what is written as JSON."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, sentence, **more):
        """An error in the words of servers of models."""
        self.reply(status, {"error": {"message": sentence, **more}})

    def stream(self, *events):
        """The events of an answer in one piece, and the last one."""
        lines = "".join(f"data: {json.dumps(one)}\n\n" for one in events)
        self.reply(200, f"{lines}data: [DONE]\n\n".encode(), "text/event-stream")


class ThreadedServer:
    """A server that listens while the block runs.

    Args:
        handler: a class that answers.
        port: any free one, if it is 0.
    """

    def __init__(self, handler, port=0):
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.url = f"{self.origin}/v1"  # of what speaks the OpenAI protocol

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@contextmanager
def serving(handler):
    """The address of a server of a handler, which listens while the block runs."""
    with ThreadedServer(handler) as here:
        yield here.origin
