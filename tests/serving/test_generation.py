"""`generate` beside backends that behave and misbehave: what is measured, when it gives up, what it shuts."""

import asyncio
import socket
import time

import pytest

from agon.serving.generation import Generation, Limits, generate
from agon.serving.protocol import Delta, End, Message, Route, Sampling, ServingError

ASKED = (Message("user", "Why is the sky blue?"),)


class Alone:
    """A backend for which nobody stands in line."""

    def route(self):
        return Route(self, 1000, {})


class Scripted(Alone):
    """A backend that plays a script: texts, events, seconds to sleep, errors to raise."""

    def __init__(self, *script):
        self.script = script
        self.closed = False

    async def stream(self, messages, sampling):
        try:
            for step in self.script:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield Delta(step) if isinstance(step, str) else step
        finally:
            self.closed = True


def run(backend, *, stop_after=None, on_text=None, **limits):
    """Generate with a backend; `stop` is set after so many seconds, 0 for at once."""

    async def main():
        stop = asyncio.Event()
        if stop_after == 0:
            stop.set()
        elif stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, stop.set)
        heard = []
        result = await generate(
            backend, ASKED, Sampling(), limits=Limits(**limits), on_text=on_text or heard.append, stop=stop
        )
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, "a task outlives the generation"
        if on_text is None:
            assert "".join(heard) == result.text
        return result

    return asyncio.run(main())


def test_an_answer_is_measured():
    result = run(Scripted(0.1, "The sky", 0.1, " is blue.", End("stop", 21)))
    assert (result.text, result.tokens, result.finish_reason) == ("The sky is blue.", 21, "stop")
    assert result.failure is None and result.detail is None
    assert 0.1 <= result.time_to_first_token < 0.19
    assert 0.2 <= result.seconds < 0.4
    assert result.tokens_per_second == pytest.approx(20 / (result.seconds - result.time_to_first_token))


def test_pieces_are_counted_where_the_server_does_not_count():
    assert run(Scripted("a", "", "b", "c", End("length"))).tokens == 3


def test_there_is_no_speed_without_two_tokens():
    assert run(Scripted("a", End("stop", 1))).tokens_per_second is None
    assert Generation("ab", 9, 1.0, 1.0, "stop").tokens_per_second is None
    assert Generation("", 0, None, 1.0, "stopped").tokens_per_second is None


def test_the_connection_is_closed_after_the_end_whatever_follows():
    backend = Scripted("a", End("stop"), RuntimeError("after the end"))
    assert run(backend).failure is None
    assert backend.closed


@pytest.mark.parametrize(
    ("script", "limits", "detail"),
    [
        ((5.0,), {"first": 0.1}, "no first token for 0.1 s"),
        ((*["", 0.06] * 3, 5.0), {"first": 0.1, "between": 9}, "no first token for 0.1 s"),
        (("a", 5.0), {"between": 0.1}, "silence in the middle for 0.1 s"),
        (("a", 0.01) * 100, {"total": 0.2}, "no end within 0.2 s"),
        ((5.0,), {"first": 0.2, "total": 0.1}, "no end within 0.1 s"),
    ],
)
def test_waiting_has_limits(script, limits, detail):
    backend = Scripted(*script)
    result = run(backend, **limits)
    assert (result.failure, result.detail, result.finish_reason) == ("timeout", detail, None)
    assert result.seconds < 0.5
    assert backend.closed


def test_signs_of_life_keep_the_first_token_awaited():
    result = run(Scripted(*["", 0.06] * 5, "a", End("stop")), first=0.1)
    assert result.failure is None
    assert result.time_to_first_token >= 0.3


def test_what_was_written_before_a_failure_is_kept():
    result = run(Scripted("half an", " answer", ServingError("interrupted", "gone")))
    assert (result.text, result.tokens, result.failure) == ("half an answer", 2, "interrupted")


@pytest.mark.parametrize("script", [(), ("a", "b"), (0.01,)])
def test_a_stream_that_does_not_say_that_it_is_done_was_interrupted(script):
    assert run(Scripted(*script)).failure == "interrupted"


@pytest.mark.parametrize("script", [(), ("", " \n", "\t"), ("\u00a0",)])
def test_an_answer_without_a_visible_character_is_empty(script):
    result = run(Scripted(*script, End("stop")))
    assert (result.failure, result.finish_reason) == ("empty", "stop")


@pytest.mark.parametrize("finish", ["stop", "length", "eos", "eos_token", "stop_sequence", "STOP"])
def test_a_good_end_may_be_judged(finish):
    result = run(Scripted("Yes.", End(finish)))
    assert (result.failure, result.finish_reason, result.text) == (None, finish, "Yes.")


@pytest.mark.parametrize(
    ("finish", "kind"),
    [
        ("abort", "interrupted"),  # vLLM: sleep, scale-down, shutdown (vllm #57082)
        ("error", "interrupted"),
        ("cancelled", "interrupted"),
        ("tool_calls", "interrupted"),
        ("", "interrupted"),
        ("content_filter", "filtered"),
    ],
)
def test_any_other_end_is_a_failure_that_keeps_its_name(finish, kind):
    result = run(Scripted("The ans", End(finish)))
    assert (result.failure, result.finish_reason, result.text) == (kind, finish, "The ans")
    assert repr(finish) in result.detail


def test_a_process_that_was_held_up_blames_no_server():
    """The answer lay in the socket while this process could not read it."""

    async def main():
        loop = asyncio.get_running_loop()
        reader, writer = socket.socketpair()
        reader.setblocking(False)

        class Waiting(Alone):
            async def stream(self, messages, sampling):
                yield Delta((await loop.sock_recv(reader, 100)).decode())
                yield End("stop")

        def hold_up():
            writer.send(b"Here.")
            time.sleep(0.6)

        loop.call_later(0.1, hold_up)
        limits, stop = Limits(first=0.4, between=0.4), asyncio.Event()
        result = await generate(Waiting(), ASKED, Sampling(), limits=limits, on_text=list, stop=stop)
        reader.close()
        writer.close()
        return result

    result = asyncio.run(main())
    assert (result.failure, result.text) == (None, "Here.")


def test_thinking_is_kept_apart_and_counted():
    script = (Delta(reasoning="Six times "), Delta(reasoning="seven."), "Forty", "-two.", End("stop", 2, 11))
    result = run(Scripted(0.05, *script))
    assert (result.text, result.reasoning) == ("Forty-two.", "Six times seven.")
    assert (result.tokens, result.reasoning_tokens) == (2, 11)
    uncounted = run(Scripted(*script[:-1], End("stop")))
    assert (uncounted.tokens, uncounted.reasoning_tokens) == (2, 2)


def test_thinking_alone_is_empty_and_says_what_used_the_tokens():
    result = run(Scripted(Delta(reasoning="Hmm"), End("length", 0, 400)))
    assert (result.failure, result.finish_reason, result.reasoning_tokens) == ("empty", "length", 400)
    assert result.detail == "reasoning used all 400 tokens (finish reason 'length'); raise max_tokens"


def test_an_answer_begins_anew_when_all_before_was_thinking():
    shown = []

    async def main():
        return await generate(
            Scripted("I, Qwen,", " think", Delta("42.", thought_first=True), End("stop")),
            ASKED,
            Sampling(),
            limits=Limits(),
            on_text=shown.append,
            on_restart=shown.clear,
            stop=asyncio.Event(),
        )

    result = asyncio.run(main())
    assert shown == ["42."]
    assert (result.text, result.reasoning) == ("42.", "I, Qwen, think")


@pytest.mark.parametrize(
    "error", [RuntimeError, KeyError, OSError, TimeoutError, RecursionError, StopIteration]
)
def test_a_fault_of_the_backend_is_a_failure_that_tells_no_secret(error):
    result = run(Scripted("a", error("the key is sk-canary")))
    assert (result.text, result.failure) == ("a", "interrupted")
    assert result.detail.endswith(" in the backend")
    assert "canary" not in repr(result)


def test_a_backend_may_fail_before_it_streams():
    class Broken(Alone):
        def stream(self, messages, sampling):
            raise ZeroDivisionError

    assert run(Broken()).failure == "interrupted"


def test_a_backend_that_cancels_itself_does_not_cancel_the_battle():
    assert run(Scripted("a", asyncio.CancelledError())).failure == "interrupted"


def test_a_backend_that_does_not_close_is_left_behind(monkeypatch):
    monkeypatch.setattr("agon.serving.generation.CLOSING_SECONDS", 0.1)
    freed = asyncio.Event()

    class Stubborn(Alone):
        async def stream(self, messages, sampling):
            yield Delta("a")
            while not freed.is_set():
                try:
                    await freed.wait()
                except asyncio.CancelledError:
                    continue

    async def main():
        started = time.perf_counter()
        result = await generate(
            Stubborn(), ASKED, Sampling(), limits=Limits(between=0.1), on_text=list, stop=asyncio.Event()
        )
        assert result.failure == "timeout"
        assert time.perf_counter() - started < 0.5
        freed.set()

    asyncio.run(main())


def test_a_fault_of_the_listener_is_not_the_backends():
    backend = Scripted("a", "b", End("stop"))

    def broken(text):
        raise LookupError("the page is gone")

    with pytest.raises(LookupError):
        run(backend, on_text=broken)
    assert backend.closed


@pytest.mark.parametrize(
    ("script", "after", "text"), [(("a", 9), 0.1, "a"), ((9,), 0.1, ""), (("a",) * 3, 0, "")]
)
def test_a_stopped_answer_is_what_was_written_so_far(script, after, text):
    backend = Scripted(*script)
    result = run(backend, stop_after=after)
    assert (result.text, result.finish_reason, result.failure) == (text, "stopped", None)
    assert result.seconds < 0.5
    assert backend.closed or after == 0


def test_cancelling_the_task_closes_the_stream():
    backend = Scripted("a", 9)

    async def main():
        task = asyncio.create_task(
            generate(backend, ASKED, Sampling(), limits=Limits(), on_text=list, stop=asyncio.Event())
        )
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert backend.closed


def test_an_endless_answer_is_cut_at_its_full_length():
    backend = Scripted(*["ab"] * 50, 9)
    result = run(backend, characters=7)
    assert (result.text, result.finish_reason, result.tokens) == ("abababa", "length", 4)
    assert backend.closed
