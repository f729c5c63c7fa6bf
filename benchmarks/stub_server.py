"""A server of the OpenAI protocol that writes at a given rate, for load: a model's name says how.

    python -m benchmarks.stub_server PORT

The model `60@50` writes 60 tokens at 50 a second, `60-90@50` up to 90, `60@50+2` its first one after 2 s.
GET /closed counts the answers that were given up by the client, with the moment (of time.time) of the last.
"""

import asyncio
import json
import random
import re
import sys
import time

TEXT = "the quick brown fox jumps over a lazy dog and then it runs on through some quiet wood"
WORDS = TEXT.split()
NAME = re.compile(r"(?P<tokens>\d+)(?:-(?P<most>\d+))?@(?P<rate>[\d.]+)(?:\+(?P<delay>[\d.]+))?")
closed = {"count": 0, "last": 0.0, "open": 0}


def event(text, finish=None):
    """One chunk of a stream."""
    delta = {"content": text} if text else {}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunk["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps(chunk)}\n\n".encode()


# A new paragraph every 60 words.
EVENTS = [event("\n\nNow " if n % 60 == 59 else f"{WORDS[n % len(WORDS)]} ") for n in range(600)]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


async def answer(writer, how):
    """Write an answer on the beat of its rate: what is late is caught up with."""
    closed["open"] += 1
    try:
        writer.write(HEAD)
        begin = time.perf_counter() + float(how["delay"] or 0)
        fewest = int(how["tokens"])
        for number in range(random.randint(fewest, int(how["most"] or fewest))):
            due = begin + number / float(how["rate"])
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            writer.write(EVENTS[number % len(EVENTS)])
            if writer.is_closing():
                raise ConnectionResetError
        writer.write(event("", "stop") + b"data: [DONE]\n\n")
        await writer.drain()
    except ConnectionError:
        closed["count"] += 1
        closed["last"] = time.time()
    finally:
        closed["open"] -= 1


async def serve(reader, writer):
    """One request of a connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = int((re.findall(r"(?i)content-length: (\d+)", head) or ["0"])[0])
        body = await reader.readexactly(length)
        if head.startswith("POST"):
            how = NAME.search(json.loads(body)["model"])
            writing = asyncio.ensure_future(answer(writer, how))
            gone = asyncio.ensure_future(reader.read(1))  # an end of the client is seen at once
            await asyncio.wait({writing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                closed["count"] += 1
                closed["last"] = time.time()
                writing.cancel()
                await asyncio.wait({writing})
            gone.cancel()
        else:
            said = json.dumps(closed if "/closed" in head.partition("\r\n")[0] else {"data": []}).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + said
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(port):
    """Serve until it is ended."""
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
