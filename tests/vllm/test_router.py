"""Two replicas behind vllm-router, one killed in mid stream; a full router; thought; log-probabilities."""

import asyncio
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Message, Sampling

ASKED = (Message("user", "Why is the sky blue?"),)


async def answer(backend, tokens, on_text=lambda text: None):
    return await generate(
        backend, ASKED, Sampling(max_tokens=tokens), limits=Limits(), on_text=on_text, stop=asyncio.Event()
    )


@pytest.fixture(scope="module")
def replica(process):
    """A second server of the same models."""
    process.ensure()
    two = process.beside("replica")
    two.ensure()
    yield two
    two.kill()


@contextmanager
def routed(process, servers, *words, log=Path(os.devnull)):
    """The address of a router in front of servers."""
    command = process.environment / "bin" / "vllm-router"
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        port, figures = one.getsockname()[1], two.getsockname()[1]
    urls = [server.url.removesuffix("/v1") for server in servers]
    more = ["--policy", "round_robin", "--port", str(port), "--prometheus-port", str(figures), *words]
    with log.open("wb") as said:
        router = subprocess.Popen([command, "--worker-urls", *urls, *more], stdout=said, stderr=said)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                assert router.poll() is None and time.monotonic() < until, "the router did not start"
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        router.terminate()
        router.wait(30)


def test_a_router_spreads_answers_and_survives_a_replica(process, replica, figures):
    async def main(url):
        server = Server(url, api_key=process.key)
        backend = server.model("tiny-a")
        before = [one.metric("generation_tokens_total") for one in (process, replica)]
        spread = await asyncio.gather(*(answer(backend, 40) for _ in range(8)))
        assert {(one.failure, one.tokens) for one in spread} == {(None, 40)}
        counted = [one.metric("generation_tokens_total") for one in (process, replica)]
        assert [int(b - a) for a, b in zip(before, counted, strict=True)] == [160, 160]

        begun = [asyncio.Event() for _ in range(4)]
        streams = [
            asyncio.create_task(answer(backend, 1500, lambda text, event=event: event.set()))
            for event in begun
        ]
        await asyncio.gather(*(asyncio.wait_for(event.wait(), 60) for event in begun))
        await asyncio.to_thread(replica.kill)
        ended = await asyncio.gather(*streams)
        broken = [one for one in ended if one.failure]
        assert {one.failure for one in broken} == {"interrupted"}, (
            "half an answer is never taken for a whole one"
        )
        assert len(broken) == 2
        assert all(one.text for one in broken)

        since = time.perf_counter()
        await answer(backend, 8)
        after = [await answer(backend, 20) for _ in range(8)]
        assert [one.failure for one in after] == [None] * 8, "the other one answers for both"
        figures.append(f"router: whole again {time.perf_counter() - since:.1f} s after a replica was killed")
        await backend.close()

    with routed(process, (process, replica), "--health-check-interval-secs", "1") as url:
        asyncio.run(asyncio.wait_for(main(url), 300))


def test_a_router_that_is_full_is_asked_again_later(process, tmp_path, figures):
    process.ensure()

    async def main(url):
        server = Server(url, api_key=process.key)
        backend = server.model("tiny-a")
        found = await asyncio.gather(*(answer(backend, 150) for _ in range(16)))
        assert [(one.failure, one.tokens) for one in found] == [(None, 150)] * 16
        await backend.close()

    words = "--max-concurrent-requests 1 --queue-size 0 --disable-retries"
    log = tmp_path / "router.log"
    with routed(process, (process,), *words.split(), log=log) as url:
        asyncio.run(asyncio.wait_for(main(url), 300))
    refused = log.read_text().count("returning 429")
    assert refused
    figures.append(f"a full router refused {refused} times, and all 16 answers came")


def test_what_a_parser_takes_for_thought_is_kept_as_thought(process):
    """The tiny model never says that it has thought enough: its budget is spent before an answer."""
    thinking = process.beside("thinking", "--reasoning-parser", "deepseek_r1")

    async def main():
        backend = Server(thinking.url, api_key=thinking.key).model("tiny-a")
        found = await answer(backend, 60)
        await backend.close()
        return found

    try:
        thinking.ensure()
        found = asyncio.run(main())
    finally:
        thinking.kill()
    assert (found.failure, found.finish_reason, found.text) == ("empty", "length", "")
    assert found.reasoning
    assert found.reasoning_tokens > 20, "pieces, where the server says 0"


def test_log_probabilities_can_be_asked_for(vllm):
    async def main():
        server = Server(vllm.url, api_key=vllm.key)
        plain, told = (
            server.model("tiny-a"),
            server.model("tiny-a", body={"logprobs": True, "top_logprobs": 3}),
        )
        asked = Sampling(max_tokens=30, temperature=0.0, seed=1)
        found = [
            await generate(one, ASKED, asked, limits=Limits(), on_text=list, stop=asyncio.Event())
            for one in (plain, told)
        ]
        for one in (plain, told):
            await one.close()
        return found

    one, other = asyncio.run(main())
    assert (one.failure, one.text) == (None, other.text)
    assert other.tokens == 30
