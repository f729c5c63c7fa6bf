"""Playing a turn: sides at their own pace, failures replaced or void, stop and cancel reaching the source."""

import asyncio
import itertools
import time
from random import Random

import pytest

from agon.arena.core.battle import Battle, State
from agon.arena.core.matchmaking import Draw
from agon.arena.core.turn import play_turn
from agon.serving.generation import Limits
from agon.serving.protocol import Delta, End
from agon.serving.self_identification import IdentityMasker
from tests.support.arena_server import Scripted, roster


def battle_of(*backends):
    contestants = roster(*backends).contestants
    return Battle(id="b", voter="v", draw=Draw(contestants, "uniform", 1, 1.0, (1.0,)), seed=0)


async def play(battle, *, substitutes=(), limits=None, stop_after=None, pacing="even"):
    stop, ended, rest = asyncio.Event(), [], iter(substitutes)
    if stop_after is not None:
        asyncio.get_running_loop().call_later(stop_after, stop.set)
    await play_turn(
        battle,
        limits=limits or Limits(),
        stop=stop,
        pacing=pacing,
        substitute=lambda _: next(rest, None),
        record=ended.append,
    )
    return ended


def test_both_sides_write_to_their_end():
    battle = battle_of(Scripted("one two"), Scripted("three"))
    battle.ask("Why?")
    ended = asyncio.run(play(battle))
    assert battle.state is State.READY
    assert [side.text for side in battle.sides] == ["one two", "three"]
    assert {(one.slot, one.model, one.generation.failure) for one in ended} == {
        (0, "canary-0-id", None),
        (1, "canary-1-id", None),
    }


def test_a_slow_side_delays_nobody():
    quick, slow = Scripted("a b c", gap=0.01), Scripted("a b c d e f", gap=0.15)
    battle = battle_of(slow, quick)
    battle.ask("Why?")
    ended = asyncio.run(play(battle))
    assert [one.slot for one in ended] == [1, 0]
    assert ended[0].generation.seconds < ended[1].generation.seconds / 3


class Thinking(Scripted):
    """Writes its thinking as if it were the answer, until a closing tag tells."""

    async def stream(self, messages, sampling):
        yield Delta("I, Qwen, add.")
        await asyncio.sleep(0.05)
        yield Delta("Four.", "", thought_first=True)
        yield End("stop")


def test_thinking_that_looked_like_an_answer_is_no_part_of_it():
    battle = battle_of(Thinking(""), Scripted("Five."))
    battle.ask("Two and two?")
    ended = asyncio.run(play(battle))
    assert battle.state is State.READY
    assert battle.sides[0].text == "Four."
    assert {one.generation.reasoning for one in ended} == {"I, Qwen, add.", ""}
    battle.ask("Sure?")
    assert [message.content for message in battle.sides[0].messages] == ["Two and two?", "Four.", "Sure?"]


def test_an_aborted_answer_is_replaced_and_never_votable():
    """Row 4 of the cases (vllm #57082): HTTP 200 and an end, but the engine had given up."""

    class Aborting(Scripted):
        async def stream(self, messages, sampling):
            yield Delta("The ans")
            yield End("abort")

    battle = battle_of(Aborting(""), Scripted("Yes."))
    battle.ask("Why?")
    ended = asyncio.run(play(battle))
    assert battle.state is State.VOID
    assert {(one.slot, one.generation.failure, one.generation.finish_reason) for one in ended} >= {
        (0, "interrupted", "abort")
    }


def test_a_failing_side_is_replaced_and_recorded():
    battle = battle_of(Scripted("half an answer", fails="interrupted", after=2), Scripted("whole"))
    battle.ask("Why?")
    another = roster(Scripted(), Scripted(), Scripted("the other one")).contestants[2]
    ended = asyncio.run(play(battle, substitutes=[another]))
    assert battle.state is State.READY
    assert battle.sides[0].text == "the other one"
    failures = [one for one in ended if one.generation.failure]
    assert [(one.model, one.generation.failure, one.generation.text) for one in failures] == [
        ("canary-0-id", "interrupted", "half an")
    ]


def test_substitutes_that_fail_are_replaced_too_until_nobody_is_left():
    bad = [Scripted(fails="unreachable") for _ in range(3)]
    battle = battle_of(bad[0], Scripted("whole and long", gap=0.05))
    battle.ask("Why?")
    contestants = roster(*bad, Scripted()).contestants
    ended = asyncio.run(play(battle, substitutes=contestants[1:3]))
    assert battle.state is State.VOID
    assert sum(one.generation.failure == "unreachable" for one in ended) == 3


def test_a_failure_on_a_later_turn_voids_the_battle_and_ends_the_other_side():
    failing = Scripted("one two three", fails="timeout", after=1, on_turn=2)
    endless = Scripted("word " * 5_000, gap=0.005)
    battle = battle_of(Scripted("first"), failing)
    battle.ask("Why?")
    asyncio.run(play(battle))
    battle.sides[0].contestant = roster(endless).contestants[0]
    battle.ask("And then?")
    began = time.monotonic()
    asyncio.run(play(battle, substitutes=roster(Scripted()).contestants))
    assert battle.state is State.VOID
    assert time.monotonic() - began < 5
    assert len(endless.closed) == 1, "the other side's stream is closed, so its generation ends"


class Lingering(Scripted):
    """Its server takes a moment to close a stream."""

    async def stream(self, messages, sampling):
        try:
            async for event in super().stream(messages, sampling):
                yield event
        finally:
            await asyncio.sleep(0.4)


@pytest.mark.parametrize("pacing", ["even", "raw"])
def test_a_stop_ends_answers_where_they_were_seen_whoever_closes_first(pacing):
    IdentityMasker()  # its patterns are made once, and that takes as long as this
    quick, slow = Scripted("word " * 5_000, gap=0.002), Lingering("word " * 5_000, gap=0.02)
    battle = battle_of(quick, slow)
    battle.ask("Why?")
    ended = asyncio.run(play(battle, stop_after=1.0, pacing=pacing))
    assert battle.state is State.READY
    assert [one.generation.finish_reason for one in ended] == ["stopped", "stopped"]
    assert [one.generation.text for one in sorted(ended, key=lambda one: one.slot)] == [
        side.text for side in battle.sides
    ]
    first, second = (len(side.text) for side in battle.sides)
    if pacing == "even":
        assert 0 < second <= first + 40 <= second + 80, "as much of both was seen"
    else:
        assert first > 2 * second


def test_stop_ends_both_where_they_are():
    sides = [Scripted("word " * 5_000, gap=0.005) for _ in range(2)]
    battle = battle_of(*sides)
    battle.ask("Why?")
    ended = asyncio.run(play(battle, stop_after=0.8))
    assert battle.state is State.READY
    assert [one.generation.finish_reason for one in ended] == ["stopped", "stopped"]
    assert all(side.closed for side in sides)
    assert all(0 < len(side.text.split()) < 5_000 for side in battle.sides)


def test_silence_is_a_failure():
    battle = battle_of(Scripted("late", gap=5), Scripted("whole"))
    battle.ask("Why?")
    ended = asyncio.run(play(battle, limits=Limits(first=0.1)))
    assert battle.state is State.VOID
    assert "timeout" in {one.generation.failure for one in ended}


def test_cancelling_the_turn_closes_both_streams():
    sides = [Scripted("word " * 5_000, gap=0.005) for _ in range(2)]
    battle = battle_of(*sides)
    battle.ask("Why?")

    async def main():
        task = asyncio.create_task(play(battle))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert all(len(side.closed) == 1 for side in sides)


def test_hundreds_of_random_turns_end_ready_or_void():
    random = Random(5)
    kinds = [None, "unreachable", "interrupted", "malformed", "empty"]

    def someone():
        return Scripted("a b c d", gap=0, fails=random.choice(kinds), after=random.randrange(5))

    for number in range(300):
        battle = battle_of(someone(), someone())
        battle.ask("Why?")
        others = roster(*(someone() for _ in range(4))).contestants[: random.randrange(5)]
        ended = asyncio.run(play(battle, substitutes=others))
        whole = all(side.generation and side.generation.failure is None for side in battle.sides)
        assert battle.state is (State.READY if whole else State.VOID), number
        assert len(ended) >= 1
        assert len(set(itertools.chain(battle.models))) <= 2
