"""A server that is out is not asked while it is, and is back when it is well; before it a fair line."""

import asyncio
import json
import time
from itertools import pairwise

from agon.serving.generation import Limits, generate
from agon.serving.health import Health
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Message, Sampling, ServingError
from tests.support.http_server import listen

ASKED = (Message("user", "Why?"),)


async def answer(backend, **limits):
    return await generate(
        backend, ASKED, Sampling(), limits=Limits(**limits), on_text=list, stop=asyncio.Event()
    )


async def well(http, text="Yes."):
    await http.head()
    await http.text(text, finish="stop")
    await http.done()


async def until(true, seconds=10.0):
    """Wait until something is true; how long that took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds
        await asyncio.sleep(0.02)
    return time.monotonic() - started


def test_a_server_that_refuses_for_a_while_is_asked_again_when_it_said_and_no_answer_is_lost():
    """Two refusals, then it answers: nothing fails, and the wait is no time to the first token."""
    asked = []

    async def busy(request, http):
        if request.path == "/v1/models":
            return await http.answer(200, {"data": []})
        asked.append(time.monotonic())
        if len(asked) <= 2:
            head = b"HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
            return await http.raw(head)
        return await well(http)

    async def main():
        async with listen(busy) as here:
            backend = Server(here.url).model("m")
            result = await answer(backend, first=0.9, between=0.9)  # shorter than the wait
            await backend.close()
            return result

    result = asyncio.run(main())
    assert (result.failure, result.text) == (None, "Yes.")
    assert all(later - earlier >= 1 for earlier, later in pairwise(asked))
    assert result.waited >= 2
    assert result.time_to_first_token < 0.9
    assert len(asked) == 3


def test_a_server_that_refuses_for_long_fails_at_once_and_is_not_asked_before_its_time():
    async def busy(request, http):
        await http.raw(b"HTTP/1.1 429 Slow\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n")

    async def main():
        async with listen(busy) as here:
            server = Server(here.url)
            one, two = server.model("a"), server.model("b")
            assert one.accepts(ASKED) and two.accepts(ASKED)
            started = time.monotonic()
            assert (await answer(one)).failure == "overloaded"
            assert time.monotonic() - started < 2
            assert not one.accepts(ASKED) and not two.accepts(ASKED), "they share the server"
            assert server.health.until - time.monotonic() > 3500
            await asyncio.sleep(0.2)
            assert [request.path for request in here.requests] == ["/v1/chat/completions"]
            await one.close()
            await two.close()

    asyncio.run(main())


def test_a_server_that_dies_is_out_within_one_failure_and_back_when_it_is_well():
    state, told = {"dead": True}, []

    async def dying(request, http):
        if state["dead"]:
            return http.writer.close()
        if request.path == "/v1/models":
            return await http.answer(404, {})  # it keeps no list, but it is there
        return await well(http)

    async def main():
        async with listen(dying) as here:
            server = Server(here.url)
            server.health.on_change = lambda health: told.append(health.failure and health.failure.kind)
            backend = server.model("m")
            assert (await answer(backend)).failure == "interrupted"
            assert not backend.accepts(ASKED)
            await asyncio.sleep(0.3)
            assert not backend.accepts(ASKED)
            state["dead"] = False
            assert await until(lambda: backend.accepts(ASKED)) < 5
            assert (await answer(backend)).text == "Yes."
            await backend.close()

    asyncio.run(main())
    assert told == ["interrupted", None]


def test_what_only_one_request_did_wrong_does_not_take_the_server_out():
    async def refuse(request, http):
        await http.answer(400, {"error": {"message": "too long"}})

    async def main():
        async with listen(refuse) as here:
            backend = Server(here.url).model("m")
            assert (await answer(backend)).failure == "rejected"
            assert backend.accepts(ASKED)
            await backend.close()

    asyncio.run(main())


def test_a_model_that_the_server_does_not_know_is_out_and_its_neighbours_are_not():
    async def knows(request, http):
        if request.body["model"] == "known":
            return await well(http)
        return await http.answer(404, {"error": {"message": "The model does not exist."}})

    async def main():
        async with listen(knows) as here:
            server = Server(here.url)
            known, other = server.model("known"), server.model("other")
            assert (await answer(other)).failure == "unknown_model"
            assert known.accepts(ASKED) and not other.accepts(ASKED)
            await known.close()
            await other.close()

    asyncio.run(main())


def test_the_places_of_a_server_are_never_more_and_go_in_the_order_of_coming():
    """24 answers, 2 at once: 24 requests, none late by its own limits, whoever came first is first."""
    running, most, order = 0, 0, []

    async def slow(request, http):
        nonlocal running, most
        running += 1
        most = max(most, running)
        order.append(json.dumps(request.body["messages"]))
        await asyncio.sleep(0.05)
        running -= 1
        await well(http)

    async def main():
        async with listen(slow) as here:
            server = Server(here.url, at_once=2)
            backend = server.model("m")

            async def one(number):
                said = (Message("user", f"{number}?"),)
                limits = Limits(first=2.0, between=2.0)
                return await generate(
                    backend, said, Sampling(), limits=limits, on_text=list, stop=asyncio.Event()
                )

            results = await asyncio.gather(*(one(number) for number in range(24)))
            await backend.close()
            return results

    results = asyncio.run(main())
    assert [one.failure for one in results] == [None] * 24
    assert most == 2
    assert [int(said.split('"content": "')[1].split("?")[0]) for said in order] == list(range(24))
    assert results[0].waited < 0.05 <= results[-1].waited


def test_only_what_was_asked_after_a_failure_says_that_a_server_is_well():
    """The last answer of a server that was killed may be read after the failure of another one."""

    async def silent():
        await asyncio.sleep(60)

    async def main():
        health = Health(silent)
        asked = time.monotonic()
        health.fail(ServingError("interrupted", "gone"))
        health.succeed(asked)
        assert health.failure is not None
        health.succeed(time.monotonic())
        assert health.failure is None
        health.hold_out(ServingError("unreachable", "starting"))
        health.succeed(time.monotonic())
        assert health.failure is not None, "who started it knows"
        health.let_in()
        assert health.failure is None
        await health.close()

    asyncio.run(main())
