"""The OpenAI backend against a real HTTP server that behaves, fails in every way, and watches who leaves."""

import asyncio
import logging
import random
import socket
import time
from contextlib import aclosing

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.chat_chunks import kind_of_status
from agon.serving.openai_protocol.model_server import Server
from agon.serving.openai_protocol.openai_compatible import OpenAICompatible
from agon.serving.protocol import Delta, End, Message, Sampling, ServingError
from tests.support.http_server import listen

KEY = "sk-canary-1234567890"
PLAIN = Sampling()
ASKED = (Message("system", "Be brief."), Message("user", "Warum ist der Himmel blau?"))


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """A busy server is a failure at once; how it is asked again stands in test_health.py."""
    monkeypatch.setattr("agon.serving.openai_protocol.openai_compatible.LONGEST_WAIT", 0.0)


async def events_of(backend, sampling=PLAIN):
    """Everything that a stream says."""
    async with aclosing(backend.stream(ASKED, sampling)) as events:
        return [event async for event in events]


def ask(handler, *, sampling=PLAIN, times=1, key=KEY):
    """Ask one model of a server with this handler; the events of the last stream, and the requests."""

    async def main():
        async with listen(handler) as here:
            backend = Server(here.url, api_key=key).model("tiny")
            try:
                for _ in range(times):
                    events = await events_of(backend, sampling)
            finally:
                await backend.close()
            return events, here.requests

    return asyncio.run(main())


def failure_of(handler):
    """The error of a stream that fails."""
    with pytest.raises(ServingError) as caught:
        ask(handler)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "\n" not in caught.value.detail
    return caught.value


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, Delta))


async def well(request, http):
    """Answer in two pieces."""
    await http.head()
    await http.text("", role="assistant")
    await http.text("Streu")
    await http.text("ung ☀\u0000", finish="stop")
    await http.done(completion_tokens=4)


def test_a_stream_is_its_pieces_and_its_end():
    events, requests = ask(well, sampling=Sampling(temperature=0.0, max_tokens=9, seed=3))
    assert text_of(events) == "Streuung ☀\u0000"
    assert events[-1] == End("stop", 4, prompt_tokens=7)
    assert sum(isinstance(event, End) for event in events) == 1
    (request,) = requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Warum ist der Himmel blau?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "max_tokens": 9,
        "seed": 3,
    }


def test_no_secret_of_the_environment_goes_to_a_server_it_is_not_for(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, f"canary-{name}")
    _, (request,) = ask(well, key=None)
    assert "canary" not in repr(request)
    assert "authorization" not in request.headers


STATUSES = {
    400: "rejected",
    401: "unauthorised",
    403: "unauthorised",
    404: "unknown_model",
    407: "unreachable",
    408: "timeout",
    413: "rejected",
    422: "rejected",
    429: "overloaded",
    500: "interrupted",
    502: "unreachable",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
@pytest.mark.parametrize(
    "body", [{"error": {"message": f"no: {KEY}\n{'x' * 9999}"}}, b"<html>no</html>", b"\xff"]
)
def test_every_status_has_its_kind(status, kind, body):
    async def refuse(request, http):
        await http.answer(status, body)

    error = failure_of(refuse)
    assert error.kind == kind == kind_of_status(status)
    assert str(status) in error.detail
    assert len(error.detail) < 400


def test_what_a_refused_key_is_answered_is_not_repeated():
    async def refuse(request, http):
        await http.answer(401, {"error": {"message": f"Incorrect key: {KEY[:6]}***{KEY[-4:]}"}})

    assert failure_of(refuse).detail.endswith("HTTP 401")


def test_no_redirect_is_followed():
    """A key or a prompt goes to the address of the configuration, and to no other."""
    asked = []

    async def around(request, http):
        asked.append(request.path)
        await http.raw(b"HTTP/1.1 307 Moved\r\nlocation: /v2/elsewhere\r\ncontent-length: 0\r\n\r\n")

    error = failure_of(around)
    assert error.kind == "malformed"
    assert "redirects to /v2/elsewhere" in error.detail
    assert asked == ["/v1/chat/completions"]


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    for address in (url, "http://no-such-host.invalid/v1", "ftp://127.0.0.1/v1"):
        with pytest.raises(ServingError) as caught:
            asyncio.run(events_of(Server(address).model("tiny")))
        assert caught.value.kind == "unreachable"
        assert address in caught.value.detail


def test_a_proxy_of_the_environment_that_is_gone_is_told_as_such(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(ServingError) as caught:
        asyncio.run(events_of(Server("http://models.example.com/v1").model("tiny")))
    assert caught.value.kind == "unreachable"


async def silent_end(request, http):
    http.writer.close()


async def cut_off(request, http):
    await http.head()
    await http.text("half an")
    http.writer.transport.abort()


async def cut_in_a_piece(request, http):
    await http.head()
    await http.raw(b'ff\r\ndata: {"choices": [')
    http.writer.close()


async def no_finish_reason(request, http):
    await http.head()
    await http.text("half an")
    await http.done()


@pytest.mark.parametrize("handler", [silent_end, cut_off, cut_in_a_piece, no_finish_reason])
def test_a_stream_that_breaks_off_was_interrupted(handler):
    assert failure_of(handler).kind == "interrupted"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "too many", "code": 429}, "overloaded"),
        ({"message": "too long", "code": "400"}, "rejected"),
        ({"message": f"engine died, {KEY}", "code": "server_error"}, "interrupted"),
        ({"code": 7}, "interrupted"),
        ("dead", "interrupted"),
    ],
)
def test_an_error_may_come_in_the_stream(error, kind):
    async def fail(request, http):
        await http.head()
        await http.text("half an")
        await http.event({"error": error})
        await http.done()

    assert failure_of(fail).kind == kind


SENT = [
    b"data: {\xff\xfe}\n\n",
    b'data: {"choices": [{"index": 0, "delta": {"content": "\xc3("}}]}\n\n',
    b"data: {not JSON}\n\n",
    b"data: 3\n\n",
    b"data: null\n\n",
    b'data: "text"\n\n',
    b"data: []\n\n",
    b'data: {"choices": 7}\n\n',
    b'data: {"choices": [null]}\n\n',
    b'data: {"choices": {"a": 1}}\n\n',
    b'data: {"choices": [{"index": 0, "delta": "a"}]}\n\n',
    b'data: {"choices": [{"index": 0, "delta": {"content": 7}, "finish_reason": null}]}\n\n',
    b"data: " + b"[" * 100_000 + b"\n\n",
]


@pytest.mark.parametrize("sent", SENT, ids=range(len(SENT)))
def test_what_is_not_in_the_protocol_is_malformed(sent):
    async def nonsense(request, http):
        await http.head()
        await http.chunk(sent)
        await http.text("a", finish="stop")
        await http.done()

    assert failure_of(nonsense).kind == "malformed"


def test_events_that_say_nothing_do_no_harm():
    async def chatty(request, http):
        await http.head()
        for event in (
            b": ping\n\n",
            b"data: {}\n\n",
            b'data: {"choices": []}\n\n',
            b'data: {"choices": [{}]}\n\n',
        ):
            await http.chunk(event)
        await http.text("a", finish="stop")
        await http.done()

    assert text_of(ask(chatty)[0]) == "a"


async def a_page(request, http):
    await http.answer(200, b"<html>Please log in</html>", "text/html")


async def not_http(request, http):
    await http.raw(b"220 mail.example.com ESMTP\r\n\r\n")
    http.writer.close()


async def bad_compression(request, http):
    await http.raw(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd")


@pytest.mark.parametrize("handler", [a_page, not_http, bad_compression])
def test_what_is_no_stream_is_malformed(handler):
    assert failure_of(handler).kind == "malformed"


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_stream_options_is_asked_without_from_then_on(status):
    async def strict(request, http):
        if "stream_options" in request.body:
            await http.answer(status, {"error": {"message": "unexpected keys"}})
        else:
            await http.head()
            await http.text("a", finish="stop")
            await http.done()

    events, requests = ask(strict, times=2)
    assert text_of(events) == "a"
    assert events[-1] == End("stop", None)
    assert ["stream_options" in request.body for request in requests] == [True, False, False]


def test_a_request_refused_for_itself_does_not_end_the_counting():
    async def short(request, http):
        if len(requests := request.body["messages"]) > 1 and requests[1]["content"] != "Hello":
            await http.answer(400, {"error": {"message": "too long"}})
        else:
            await well(request, http)

    async def main():
        async with listen(short) as here:
            server = Server(here.url)
            backend = server.model("tiny")
            with pytest.raises(ServingError, match="too long"):
                await events_of(backend)
            async with aclosing(backend.stream(ASKED[:1], Sampling())) as events:
                assert [event async for event in events][-1].completion_tokens == 4
            await backend.close()

    asyncio.run(main())


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_not_the_answer_nor_are_its_tokens(field):
    for details, count, thought in (
        (None, None, None),
        ({"reasoning_tokens": 47}, 3, 47),
        ({"reasoning_tokens": 0}, None, None),  # vLLM 0.32 of a thought that does not end
    ):

        async def think(request, http, details=details):
            await http.head()
            await http.text(None, **{field: "The user wants"})
            await http.text("Blue.", finish="stop")
            await http.done(completion_tokens=50, completion_tokens_details=details)

        events, _ = ask(think)
        assert [event.text for event in events if isinstance(event, Delta) and event.text] == ["Blue."]
        assert "".join(event.reasoning for event in events[:-1]) == "The user wants"
        assert events[-1] == End("stop", count, thought, 7)


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept():
    async def surrogates(request, http):
        await http.head()
        for escaped in (rb"\ud83d", rb"\ud83d\ude00", rb"\ude00 \u0e44"):
            await http.event(
                b'{"choices": [{"index": 0, "delta": {"content": "%s"}, "finish_reason": null}]}' % escaped
            )
        await http.text("", finish="stop")
        await http.done()

    text = text_of(ask(surrogates)[0])
    assert text == "\ufffd😀\ufffd ไ"
    assert text.encode()


def leave(handler, leaving):
    """Leave a stream in some way; seconds until the server sees the connection closed."""
    gone = []

    async def watched(request, http):
        waiting = asyncio.create_task(http.gone())
        writing = asyncio.create_task(handler(request, http))
        await waiting
        gone.append((time.perf_counter(), http.sent))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        http.writer.close()

    async def main():
        async with listen(watched) as here:
            backend = Server(here.url).model("tiny")
            left = await leaving(backend)
            for _ in range(100):
                if gone:
                    break
                await asyncio.sleep(0.02)
            await backend.close()
            assert gone, "the server goes on"
            return gone[0][0] - left, gone[0][1]

    return asyncio.run(main())


async def endless(request, http):
    await http.head()
    while True:
        await http.text("word ")
        await asyncio.sleep(0.005)


async def mute(request, http):
    await asyncio.sleep(60)


async def closed_iterator(backend):
    async with aclosing(backend.stream(ASKED, Sampling())) as events:
        async for event in events:
            if event.text:
                break
    return time.perf_counter()


async def stopped_by_the_voter(backend):
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stop.set)
    result = await generate(backend, ASKED, Sampling(), limits=Limits(), on_text=list, stop=stop)
    assert result.finish_reason == "stopped"
    return time.perf_counter()


async def out_of_time(backend):
    result = await generate(
        backend, ASKED, Sampling(), limits=Limits(total=0.2), on_text=list, stop=asyncio.Event()
    )
    assert result.failure == "timeout"
    return time.perf_counter()


async def cancelled(backend):
    task = asyncio.create_task(
        generate(backend, ASKED, Sampling(), limits=Limits(), on_text=list, stop=asyncio.Event())
    )
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return time.perf_counter()


@pytest.mark.parametrize("leaving", [closed_iterator, stopped_by_the_voter, out_of_time, cancelled])
def test_leaving_a_stream_ends_it_at_the_server(leaving):
    seconds, sent = leave(endless, leaving)
    assert seconds < 0.5
    assert sent < 100


@pytest.mark.parametrize("leaving", [stopped_by_the_voter, out_of_time, cancelled])
def test_a_server_that_says_nothing_is_left_too(leaving):
    seconds, sent = leave(mute, leaving)
    assert seconds < 0.5
    assert sent == 0


def test_a_hundred_and_twenty_streams_at_once_share_the_connections_of_one_server():
    together = 0
    most = 0

    async def count(request, http):
        nonlocal together, most
        together += 1
        most = max(most, together)
        await http.head()
        for i in range(5):
            await http.text(f"{request.body['model']} {i},")
            await asyncio.sleep(0.2)
        together -= 1
        await http.text("", finish="stop")
        await http.done()

    async def main():
        async with listen(count) as here:
            server = Server(here.url)
            backends = [server.model(name) for name in "abc"]
            streams = [events_of(backends[i % 3]) for i in range(120)]
            texts = [text_of(events) for events in await asyncio.gather(*streams)]
            assert texts == ["".join(f"{'abc'[i % 3]} {j}," for j in range(5)) for i in range(120)]
            for backend in backends[:2]:
                await backend.close()
            assert text_of(await events_of(backends[2])), "others still need the connections"
            await backends[2].close()
            assert server.client.is_closed

    asyncio.run(main())
    assert most == 120


@pytest.mark.parametrize("keeps", [True, False])
def test_many_battles_at_the_start_ask_once_what_a_server_serves(keeps):
    """Of 150 models and eight battles each asked: 1,200 requests, and none began for ten seconds."""

    async def slow(request, http):
        await asyncio.sleep(0.2)
        body = {"data": [{"id": name, "max_model_len": 100} for name in "abc"]}
        await http.answer(200 if keeps else 404, body if keeps else {"error": "no list"})

    async def main():
        async with listen(slow) as here:
            server = Server(here.url)
            backends = [server.model(name) for name in "abc"]
            await asyncio.gather(*(one.measure([Message("user", "Hi")]) for one in backends * 20))
            assert [one.path for one in here.requests] == ["/v1/models"]
            assert [one.context for one in backends] == [100 if keeps else None] * 3
            await backends[0].measure([Message("user", "Hi again")])
            assert len(here.requests) == 1
            for one in backends:
                await one.close()

    asyncio.run(main())


def test_a_connection_is_used_again():
    async def main():
        async with listen(well) as here:
            server = Server(here.url)
            backends = [server.model("a"), server.model("b")]
            for backend in backends:
                await events_of(backend)
            for backend in backends:
                await backend.close()
            assert (len(here.requests), here.connections) == (2, 1)

    asyncio.run(main())


def test_the_key_is_in_no_repr_log_or_error(caplog):
    async def echo(request, http):
        await http.answer(400, {"error": {"message": f"You sent {request.headers['authorization']}"}})

    caplog.set_level(logging.DEBUG)
    error = failure_of(echo)
    assert "[key]" in error.detail
    backend = Server("http://127.0.0.1:9/v1", api_key=KEY).model("tiny")
    assert KEY not in repr(backend) + repr(error) + caplog.text
    assert "tiny" in repr(backend)


def checked(handler):
    """The kind of failure that a check finds, or None."""

    async def main():
        async with listen(handler) as here:
            backend = Server(here.url, api_key=KEY).model("tiny")
            try:
                await backend.check(ASKED, Sampling(max_completion_tokens=9))
            except ServingError as error:
                assert KEY not in str(error)
                return error.kind, here.requests
            finally:
                await backend.close()
            return None, here.requests

    return asyncio.run(main())


def test_a_check_asks_as_a_battle_would_and_reads_no_further_than_the_first_piece():
    """Row 17 of the cases: a list of models says nothing of a parameter or a role that is refused."""

    async def watched(request, http):
        await http.head()
        await http.text("", role="assistant")
        await http.text("Streu")
        await http.gone()
        http.writer.close()

    found, (request,) = checked(watched)
    assert found is None
    assert request.body["messages"] == [{"role": m.role, "content": m.content} for m in ASKED]
    assert request.body["max_completion_tokens"] == 9


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_a_check_finds_what_would_fail(status, kind):
    async def refuse(request, http):
        await http.answer(status, {"error": {"message": "System role not supported"}})

    assert checked(refuse)[0] == kind


@pytest.mark.parametrize("handler", [no_finish_reason, silent_end, a_page])
def test_a_check_finds_a_stream_that_is_none(handler):
    assert checked(handler)[0] == (None if handler is no_finish_reason else failure_of(handler).kind)


def test_a_check_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr("agon.serving.openai_protocol.openai_compatible.CHECK_SECONDS", 0.2)
    assert checked(mute)[0] == "timeout"


def test_there_must_be_a_conversation():
    backend = OpenAICompatible(Server("http://127.0.0.1:9/v1"), "tiny")
    assert backend.accepts(ASKED)
    assert not backend.accepts(())


FAULTS = ("none", "status", "cut", "mute", "endless", "bytes", "garble", "error", "close", "slow")


@pytest.mark.parametrize("seed", range(2))
def test_sixty_injected_faults_at_once_are_all_told_in_time(seed):
    """Whatever a server does, the generation ends within its limits and one second, with a kind."""
    draws = random.Random(seed)

    async def chaos(request, http):
        fault = request.body["model"]
        if fault == "mute":
            await asyncio.sleep(60)
        if fault == "status":
            return await http.answer(draws.choice(list(STATUSES)), b"x" * draws.randrange(2000))
        if fault == "close":
            return http.writer.close()
        await http.head()
        for _ in range(draws.randrange(1, 6)):
            await http.text("word ")
            await asyncio.sleep(9 if fault == "slow" else 0.01)
        if fault == "cut":
            return http.writer.transport.abort()
        if fault == "bytes":
            await http.chunk(b"data: " + draws.randbytes(200) + b"\n\n")
        if fault == "garble":
            return await http.raw(draws.randbytes(200).replace(b"\n", b"") + b"\r\n")
        if fault == "error":
            await http.event({"error": {"message": "engine died"}})
        while fault == "endless":
            await http.text("word ")
            await asyncio.sleep(0.01)
        await http.text("", finish="stop")
        await http.done(3)
        return None

    async def main():
        async with listen(chaos) as here:
            server = Server(here.url)
            faults = [draws.choice(FAULTS) for _ in range(60)]
            backends = [server.model(fault) for fault in faults]
            limits = Limits(first=4.0, between=2.0, total=6.0)  # much, for a busy machine
            results = await asyncio.gather(
                *(
                    generate(backend, ASKED, Sampling(), limits=limits, on_text=list, stop=asyncio.Event())
                    for backend in backends
                )
            )
            for backend in backends:
                await backend.close()
            return list(zip(faults, results, strict=True))

    for fault, result in asyncio.run(main()):
        assert (result.failure is None) == (fault == "none"), (fault, result)
        assert result.seconds < 7.0, (fault, result)
        if fault in ("mute", "endless", "slow"):
            assert result.failure == "timeout"


def test_log_probabilities_come_with_their_tokens_and_of_another_shape_cost_nothing():
    """The shape is that of OpenAI's reference of chat.completion.chunk, which vLLM and llama.cpp send too."""
    given = {"token": "A", "logprob": -0.1, "bytes": [65]}
    given["top_logprobs"] = [{"token": "A", "logprob": -0.1}, {"token": " B", "logprob": -2.5}]

    async def judge(request, http):
        await http.head()
        for content in ([given], [], "nonsense"):
            choice = {"index": 0, "delta": {"content": "A"}, "logprobs": {"content": content}}
            await http.event({"choices": [choice]})
        await http.text("", finish="stop")
        await http.done(completion_tokens=1)

    events, (request,) = ask(judge, sampling=Sampling(logprobs=True, top_logprobs=20))
    assert (request.body["logprobs"], request.body["top_logprobs"]) == (True, 20)
    assert text_of(events) == "AAA"
    found = [chances for event in events if isinstance(event, Delta) for chances in event.chances]
    assert [(one.token, dict(one.logprobs)) for one in found] == [("A", {"A": -0.1, " B": -2.5})]
