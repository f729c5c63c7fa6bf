"""What servers were reported to send (repository and number beside each), and what becomes of the answer."""

import asyncio
import json

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import Message, Sampling
from tests.support.http_server import listen

WORDS = ("The ", "answer ", "is ", "forty-two.")
ANSWER = "".join(WORDS)
ASKED = (Message("user", "What is it?"),)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """A busy server is a failure at once; how it is asked again stands in test_health.py."""
    monkeypatch.setattr("agon.serving.openai_protocol.openai_compatible.LONGEST_WAIT", 0.0)


def chunk(delta=None, finish=None, **more):
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion.chunk", "choices": [choice], **more}


def words(*said, **more):
    return [chunk({"content": word}, **more) for word in said]


STOP = chunk({}, "stop")
USAGE = {"id": "c-1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
EARLY = {"prompt_tokens": 11, "total_tokens": 11}


def generated(*events, times=1, kind="text/event-stream", limits=None, pause=0.0):
    """The last of so many generations beside a server that sends these events; bytes are sent as they are."""
    shown = []

    async def send(request, http):
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        await http.raw(head.encode())
        for event in events:
            await asyncio.sleep(pause)
            data = event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n"
            await http.chunk(data)
        await http.chunk(b"")

    async def main():
        async with listen(send) as here:
            backend = Server(here.url).model("m")
            for _ in range(times):
                shown.clear()
                result = await generate(
                    backend,
                    ASKED,
                    Sampling(),
                    limits=limits or Limits(first=5, between=5, total=20),
                    on_text=shown.append,
                    on_restart=shown.clear,
                    stop=asyncio.Event(),
                )
            await backend.close()
            return result

    result = asyncio.run(main())
    assert "".join(shown) == result.text
    return result


DONE = b"data: [DONE]\n\n"
WHOLE = {
    "early usage without a count (vercel/ai #2763)": [*words(*WORDS, usage=EARLY), STOP, USAGE, DONE],
    "usage that is none": [*words(*WORDS), STOP, {"choices": [], "usage": 7}, DONE],
    "a count that is none": [*words(*WORDS), {**STOP, "usage": {"completion_tokens": "many"}}, DONE],
    "details that are none": [*words(*WORDS), {**STOP, "usage": {"completion_tokens_details": []}}, DONE],
    "fields that nobody knows": [*words(*WORDS, x=[{}]), {"object": "ping", "choices": []}, STOP, DONE],
    "parts (agent-framework #6978)": [
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Six"}]}]}),
        chunk({"content": [{"type": "text", "text": "The answer "}, {"type": "image_url"}]}),
        *words("is forty-two."),
        STOP,
        DONE,
    ],
    "thinking in the text (DeepSeek-R1 #246)": [*words("<think>\n", "Six.", "\n</think>\n\n", *WORDS), STOP],
    "thinking without its opening tag": [*words("Six times", " seven.", "\n</think>\n\n", *WORDS), STOP],
    "thinking in a field": [chunk({"reasoning_content": "Six"}), *words(*WORDS), STOP, USAGE, DONE],
    "an error after the end": [*words(*WORDS), STOP, {"error": {"message": "late"}}],
    "rubbish after the end": [*words(*WORDS), STOP, b"data: {\xff\n\n"],
    "two choices": [
        {"choices": [chunk({"content": "x"}, index=1)["choices"][0] | {"index": 1}]},
        *words(*WORDS),
        STOP,
    ],
    "comments": [b": PROCESSING\n\n", *words(*WORDS), b":\n", STOP, DONE],
    "lines that end in CR LF": [
        *(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in (*words(*WORDS), STOP)),
        b"data: [DONE]\r\n\r\n",
    ],
    "a refusal in a field of its own": [chunk({"content": None, "refusal": ANSWER}), STOP, DONE],
}


@pytest.mark.parametrize("events", WHOLE.values(), ids=WHOLE)
def test_a_whole_answer_is_kept(events):
    result = generated(*events)
    assert (result.failure, result.text) == (None, ANSWER)
    assert result.finish_reason == "stop"
    if USAGE in events:
        assert result.tokens == 4
    if "Six" in json.dumps([event for event in events if isinstance(event, dict)]):
        assert "Six" in result.reasoning
        assert result.reasoning_tokens >= 1


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_one_object_instead_of_events_is_taken(kind):
    message = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    body = json.dumps({"object": "chat.completion", "choices": [message], "usage": USAGE["usage"]})
    result = generated(body.encode(), kind=kind)
    assert (result.failure, result.text, result.tokens) == (None, ANSWER, 4)


def test_a_cut_after_the_end_costs_nothing():
    """The finish reason is there; the server neither counts nor closes."""
    result = generated(*words(*WORDS), STOP, b": still here\n\n" * 3, b"data: {", pause=0.01)
    assert (result.failure, result.text) == (None, ANSWER)


def test_a_model_that_thinks_first_is_known_the_second_time():
    events = [*words("Six times", " seven.", "\n</think>\n\n", *WORDS), STOP]
    result = generated(*events, times=2)
    assert (result.text, result.reasoning) == (ANSWER, "Six times seven.\n")


FAILED = {
    "abort (vllm #57082)": ([*words("The ans"), chunk({}, "abort"), DONE], "interrupted", "'abort'"),
    "filter": ([*words("The ans"), chunk({}, "content_filter"), DONE], "filtered", "'content_filter'"),
    "no end (vllm #27572)": ([*words(*WORDS), DONE], "interrupted", "without a finish reason"),
    "object error (FastChat)": (
        [*words("The ans"), {"object": "error", "message": "KV cache is full", "code": 50001}, DONE],
        "interrupted",
        "KV cache is full",
    ),
    "error as text (FastChat)": (
        [{"text": "NETWORK ERROR DUE TO HIGH TRAFFIC.", "error_code": 50001}, DONE],
        "interrupted",
        "NETWORK ERROR DUE TO HIGH TRAFFIC.",
    ),
    "rate limit": (
        [*words("The "), {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}],
        "overloaded",
        "Rate limit reached",
    ),
    "quota": (
        [{"error": {"message": "You exceeded your quota", "type": "insufficient_quota"}}],
        "overloaded",
        "You exceeded your quota",
    ),
    "a bare body": ([{"message": "engine died", "code": 500}], "interrupted", "engine died"),
    "thinking alone": (
        [chunk({"reasoning_content": "Hmm"}), chunk({}, "length"), DONE],
        "empty",
        "reasoning used all 1 tokens (finish reason 'length'); raise max_tokens",
    ),
    "a call of a tool": (
        [chunk({"content": None, "tool_calls": [{"index": 0}]}), chunk({}, "tool_calls"), DONE],
        "interrupted",
        "'tool_calls'",
    ),
}


@pytest.mark.parametrize(("events", "kind", "detail"), FAILED.values(), ids=FAILED)
def test_what_is_no_whole_answer_fails_in_the_words_of_the_server(events, kind, detail):
    result = generated(*events)
    assert result.failure == kind
    assert detail in result.detail


def test_comments_are_signs_of_life():
    """litellm #37322: a server that says ": PROCESSING" is at work; the wait begins anew."""
    result = generated(
        *[b": PROCESSING\n\n"] * 8,
        *words(*WORDS),
        STOP,
        DONE,
        pause=0.1,
        limits=Limits(first=0.6, between=0.6, total=20),
    )
    assert (result.failure, result.text) == (None, ANSWER)
