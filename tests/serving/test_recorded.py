"""Recorded answers: whole, at their pace, stoppable, cheap; others are handed on or refused."""

import asyncio
import math
import time

import pytest

from agon.serving.generation import Limits, generate
from agon.serving.protocol import Delta, End, Message, Sampling, ServingError
from agon.serving.recorded import RecordedAnswers, replay

TEXT = "# Rain\n\nIt **falls**, as  a rule,\tdownwards.\n\n```python\nprint('wet')\n```\n"
ASKED = [Message("user", "  What is rain?\n")]


async def collect(events):
    return [event async for event in events]


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, Delta))


def backend(**options):
    return RecordedAnswers(
        {"What is rain?": TEXT, "空": "雨が降る。"}, **({"words_per_second": math.inf} | options)
    )


@pytest.mark.parametrize("pace", [0, math.inf, 400])
def test_the_answer_arrives_whole_and_counts_its_words(pace):
    *pieces, end = asyncio.run(collect(backend(words_per_second=pace).stream(ASKED, Sampling())))
    assert text_of(pieces) == TEXT
    assert end == End("stop", completion_tokens=len(TEXT.split()))


def test_scripts_without_spaces_come_in_small_pieces_too():
    *pieces, end = asyncio.run(collect(replay("雨が降る。" * 20, words_per_second=200)))
    assert text_of(pieces) == "雨が降る。" * 20
    assert len(pieces) > 3
    assert end.completion_tokens >= 50


@pytest.mark.parametrize(
    "messages", [[Message("user", "What is hail?")], [*ASKED, Message("assistant", TEXT), *ASKED]]
)
def test_other_conversations_are_refused_or_handed_on(messages):
    assert not backend().accepts(messages)
    with pytest.raises(ServingError, match="rejected"):
        backend().stream(messages, Sampling())
    other = RecordedAnswers({"What is hail?": "Ice."}, words_per_second=0)
    both = backend(otherwise=other)
    assert both.accepts(messages) == (len(messages) == 1)
    if len(messages) == 1:
        assert text_of(asyncio.run(collect(both.stream(messages, Sampling())))) == "Ice."


def test_a_system_prompt_does_not_hide_the_prompt():
    assert backend().accepts([Message("system", "Be kind."), *ASKED])


def test_the_pace_is_the_stated_one_and_the_first_word_waits():
    async def times():
        start = time.perf_counter()
        return [
            time.perf_counter() - start
            async for _ in replay("one two three four five " * 24, words_per_second=120, delay=0.3)
        ]

    arrived = asyncio.run(times())
    assert 0.3 <= arrived[0] < 0.5
    assert 0.3 + 0.75 <= arrived[-1] < 0.3 + 1.6  # 120 words, a second
    assert len(arrived) <= 1 / 0.05 * 1.3 + 2  # coalesced


def test_the_same_text_comes_in_the_same_pieces():
    async def cut():
        return [event.text for event in (await collect(replay(TEXT * 3, words_per_second=90)))[:-1]]

    assert asyncio.run(cut()) == asyncio.run(cut())


def test_closing_ends_the_replay():
    async def closed():
        events = replay("word " * 1000, words_per_second=50)
        await anext(events)
        await events.aclose()
        return [event async for event in events]

    assert asyncio.run(closed()) == []


def test_thirty_at_once_cost_little_and_run_side_by_side():
    async def together():
        run = [
            generate(
                RecordedAnswers({"q": f"{i} " + "word " * 99}, words_per_second=100),
                [Message("user", "q")],
                Sampling(),
                limits=Limits(),
                on_text=lambda piece: None,
                stop=asyncio.Event(),
            )
            for i in range(30)
        ]
        return await asyncio.gather(*run)

    wall, cpu = time.perf_counter(), time.process_time()
    done = asyncio.run(together())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert all(each.failure is None and each.tokens == 100 for each in done)
    assert wall < 3
    assert cpu < 0.75 * wall


def test_a_pace_that_is_none_is_refused():
    for wrong in ({"words_per_second": -1}, {"words_per_second": math.nan}, {"delay": -1}):
        with pytest.raises(ValueError, match="must not be negative"):
            backend(**wrong)


def test_checking_and_closing_reach_the_other_backend():
    seen = []

    class Other(RecordedAnswers):
        async def check(self, messages, sampling):
            seen.append("check")

        async def close(self):
            seen.append("close")

    async def both():
        one = backend(otherwise=Other({}, words_per_second=0))
        await one.check(ASKED, Sampling())
        await one.close()
        await backend().check(ASKED, Sampling())
        await backend().close()

    asyncio.run(both())
    assert seen == ["check", "close"]
