"""A server of models as a process of its own, for what happens when one starts, is busy, dies or is killed.

    python -m tests.support.word_server PORT NAME ... [--engine] [--start 0.5] [--gap 0.01] [--words 20]
        [--cut] [--at-once 2 [--refuse]] [--context 100 [--silent]] [--fail SENTENCE]

It speaks the OpenAI protocol and writes numbered words. A model whose name begins with `busy` is refused with
`Retry-After: 1`. Its context counts characters of a prompt as tokens, and it tells them unless it is silent.
With `--engine` it has a child in a group of its own, as servers with workers have. /count says what it was
asked.
"""

import argparse
import asyncio
import collections
import subprocess
import sys
import time

from tests.support.http_server import Connection, Request, listen


def main():
    """Serve until the process is ended."""
    given = argparse.ArgumentParser()
    given.add_argument("port", type=int)
    given.add_argument("names", nargs="+")
    given.add_argument("--engine", action="store_true")
    given.add_argument("--start", type=float, default=0.0)
    given.add_argument("--gap", type=float, default=0.0)
    given.add_argument("--words", type=int, default=20)
    given.add_argument("--at-once", type=int, default=1000)
    given.add_argument("--refuse", action="store_true")
    given.add_argument("--context", type=int)
    given.add_argument("--cut", action="store_true")
    given.add_argument("--silent", action="store_true")
    given.add_argument("--fail")
    chosen = given.parse_args()
    if chosen.engine:
        subprocess.Popen(["setsid", "sleep", "3600"])
    time.sleep(chosen.start)
    if chosen.fail:
        sys.exit(chosen.fail)
    asked, places = collections.Counter(), asyncio.Semaphore(chosen.at_once)

    async def handle(request: Request, http: Connection):
        if request.path == "/count":
            return await http.answer(200, dict(asked))
        if request.path == "/v1/models":
            more = {"max_model_len": chosen.context} if chosen.context and not chosen.silent else {}
            return await http.answer(200, {"data": [{"id": name, **more} for name in chosen.names]})
        said = "".join(message["content"] for message in request.body["messages"])
        if request.path == "/tokenize" and not chosen.silent:
            return await http.answer(200, {"count": len(said), "max_model_len": chosen.context})
        asked[request.body["model"]] += 1
        if request.body["model"].startswith("busy") or (chosen.refuse and places.locked()):
            return await http.raw(b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
        if chosen.context and len(said) > chosen.context:
            sentence = f"This model's maximum context length is {chosen.context} tokens."
            return await http.answer(400, {"error": {"message": sentence}})
        await http.head()
        async with places:
            for number in range(chosen.words):
                await asyncio.sleep(chosen.gap)
                await http.text(f"word{number} ")
        await http.text("", finish="length" if chosen.cut else "stop")
        return await http.done(chosen.words)

    async def run():
        async with listen(handle, chosen.port):
            await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()
