"""The echo: it cites what was written, says what it is, keeps its form, and is late or fails as told."""

import asyncio
import re
import subprocess
import sys

import pytest

from agon.serving.demo import LONGEST_QUOTE, MANNERS, Echo
from agon.serving.generation import Limits, generate
from agon.serving.protocol import End, Message, Sampling

PROMPTS = [
    "Why is the sea salty?",
    "Wie lernt man Reis kochen?",
    "空はなぜ青いのですか",
    "{first} {0} %s",
    "…",
]


def echo(manner, **options):
    return Echo(manner, **({"words_per_second": 0} | options))


def run(backend, messages):
    async def one():
        return await generate(
            backend, messages, Sampling(), limits=Limits(), on_text=lambda piece: None, stop=asyncio.Event()
        )

    return asyncio.run(one())


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_an_answer_cites_the_prompt_and_says_that_it_is_a_demonstration(manner, prompt):
    done = run(echo(manner), [Message("user", prompt)])
    assert done.failure is None
    assert prompt in done.text
    assert "demonstration" in done.text and "language model" in done.text


def test_the_manners_can_be_told_apart():
    given = {manner: echo(manner).answer([Message("user", "Why is the sea salty?")]) for manner in MANNERS}
    assert min(given, key=lambda manner: len(given[manner])) == "terse"
    assert [manner for manner, text in given.items() if text.startswith("# ")] == ["laid_out"]
    assert [manner for manner, text in given.items() if re.search(r"^\d\. ", text, re.M)] == ["thorough"]
    assert max(given, key=lambda manner: given[manner].count("!")) == "warm"


def test_what_it_says_of_the_prompt_is_true():
    said = [Message("user", "Hello."), Message("assistant", "Hi."), Message("user", " What  is it\nfor? ")]
    text = echo("laid_out").answer(said)
    assert "> What is it for?" in text
    assert re.findall(r"\| (\d+) \|", text) == ["4", "16", "2"]  # words, characters, turn; counted by hand


def test_a_long_prompt_is_cited_in_part():
    text = echo("terse").answer([Message("user", "a" * 100_000)])
    assert "a" * (LONGEST_QUOTE - 1) + "…" in text
    assert len(text) < LONGEST_QUOTE + 200


def test_what_is_no_prompt_is_not_accepted():
    one = echo("terse")
    for messages in ([], [Message("user", " \n")], [Message("user", "a"), Message("assistant", "b")]):
        assert not one.accepts(messages)
        if messages:
            assert run(one, messages).failure == "rejected"


def test_the_failing_one_fails_at_its_rate_in_both_ways_and_the_same_way_again():
    """120 of 600 are expected; the bounds are four standard deviations of the binomial away (39)."""
    failing = echo("warm", seed=1, failure_rate=0.2)
    talks = [[Message("user", f"What is the use of number {i}?")] for i in range(600)]
    done = [run(failing, messages) for messages in talks]
    failed = [each for each in done if each.failure]
    assert 81 <= len(failed) <= 159
    assert {each.failure for each in failed} == {"overloaded", "interrupted"}
    assert all(not each.text for each in failed if each.failure == "overloaded")
    assert all(each.text for each in failed if each.failure == "interrupted")
    assert [run(failing, messages).failure for messages in talks[:40]] == [each.failure for each in done[:40]]
    other = echo("warm", seed=2, failure_rate=0.2)
    assert [run(other, messages).failure for messages in talks[:40]] != [each.failure for each in done[:40]]


def test_the_same_failure_in_another_process():
    code = (
        "from agon.serving.demo import Echo; from agon.serving.protocol import *; import asyncio\n"
        "async def main():\n"
        "    for i in range(20):\n"
        "        one = Echo('sure', seed=3, words_per_second=0, failure_rate=0.5)\n"
        "        try:\n"
        "            [e async for e in one.stream([Message('user', f'{i}?')], Sampling())]\n"
        "            print('None', end=' ')\n"
        "        except ServingError as error: print(error.kind, end=' ')\n"
        "asyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = echo("sure", seed=3, failure_rate=0.5)
    assert done.stdout.split() == [str(run(here, [Message("user", f"{i}?")]).failure) for i in range(20)]


def test_the_slow_one_is_late_and_closing_ends_it():
    slow = echo("terse", words_per_second=10, delay=0.3)

    async def first():
        events = slow.stream([Message("user", "Why?")], Sampling())
        start = asyncio.get_running_loop().time()
        await anext(events)
        late = asyncio.get_running_loop().time() - start
        await events.aclose()
        return late, [event async for event in events]

    late, rest = asyncio.run(first())
    assert late >= 0.3
    assert rest == []


def test_a_stream_ends_with_the_number_of_its_words():
    async def last():
        return [e async for e in echo("warm").stream([Message("user", "Why?")], Sampling())][-1]

    words = len(echo("warm").answer([Message("user", "Why?")]).split())
    assert asyncio.run(last()) == End("stop", completion_tokens=words)


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="'loud'; choose one of terse"):
        echo("loud")
    with pytest.raises(ValueError, match="failure_rate"):
        echo("terse", failure_rate=1.5)
