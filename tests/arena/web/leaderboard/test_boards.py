"""Boards as readers ask for them: computed once, never two at a time, the one before while it lasts."""

import asyncio
import threading
import time

import pytest

from agon.arena.web.api.caching import Patience
from agon.arena.web.leaderboard import boards as boards_module
from agon.arena.web.leaderboard.boards import Boards, BusyError
from agon.arena.web.leaderboard.query import ALL, BoardQuery, BoardView, Offer
from agon.arena.web.leaderboard.sources import About
from agon.ranking import MethodError
from tests.support.boards import votes_of


class Votes:
    """Votes of which a new one is counted whenever a test says so; reading them waits where it is told to."""

    def __init__(self):
        self.number, self.read, self.free = 30, 0, threading.Event()
        self.free.set()

    def version(self):
        return self.number

    def about(self):
        return About(("LOG",), "vote", self.number)

    def offer(self, chosen):
        return Offer()

    def votes(self, chosen):
        self.read += 1
        assert self.free.wait(30)
        return votes_of((0, 1, 1), (0, 1, 0), models=["a", "b"], times=self.number)

    def judges(self):
        return None


def counted(made):
    return made.board.settings["votes"]


def test_a_board_is_computed_once_for_the_votes_that_it_counts():
    async def story():
        source = Votes()
        boards = Boards(source)
        first = await boards.get(ALL)
        assert (
            await boards.get(BoardQuery(view=BoardView(everyone=True))) is first
        )  # the same board, all of it shown
        assert source.read == 1
        source.number = 31
        assert counted(await boards.get(ALL)) == 62
        assert source.read == 2

    asyncio.run(story())


def test_many_readers_wait_for_one_board():
    async def story():
        source = Votes()
        boards = Boards(source)
        source.free.clear()
        asked = [asyncio.create_task(boards.get(ALL)) for _ in range(40)]
        await asyncio.sleep(0.2)
        source.free.set()
        assert len(set(map(id, await asyncio.gather(*asked)))) == 1
        assert source.read == 1

    asyncio.run(story())


def test_while_a_board_is_computed_readers_see_the_one_before():
    async def story():
        source = Votes()
        boards = Boards(source)
        source.free.clear()
        assert await boards.get(ALL, Patience(0.05)) is None  # there is none yet
        source.free.set()
        assert counted(await boards.get(ALL)) == 60
        source.number = 40
        source.free.clear()
        assert counted(await boards.get(ALL, Patience(0.05))) == 60
        source.free.set()
        assert counted(await boards.get(ALL)) == 80

    asyncio.run(story())


def test_nobody_waits_in_vain_for_what_took_longer_than_they_wait():
    """Half a second was too short for this board the last time, and the one before is there at once."""

    async def story():
        source = Votes()
        boards = Boards(source)
        source.free.clear()
        first = asyncio.create_task(
            boards.get(ALL, Patience(0.1, data=True))
        )  # there is none to show instead
        await asyncio.sleep(0.6)
        source.free.set()
        assert counted(await first) == 60
        first_there = time.monotonic() - 0.5
        source.number = 40
        source.free.clear()
        began, soon = time.monotonic(), Patience(0.5)
        assert counted(await boards.get(ALL, soon)) == 60
        assert soon.fell_short
        assert 0 < soon.age <= time.monotonic() - first_there
        assert time.monotonic() - began < 0.45
        source.free.set()
        assert counted(await boards.get(ALL)) == 80, "who waits gets that of now"

    asyncio.run(story())


def test_what_is_not_of_the_votes_of_now_is_known_to_fall_short():
    """Else a browser would keep it under the mark of votes that it does not count."""

    async def story():
        source = Votes()
        boards = Boards(source)
        now, soon, joined, later = Patience(), Patience(0.05), Patience(), Patience()
        await boards.get(ALL, now)
        source.number = 40
        source.free.clear()
        await boards.get(ALL, soon)  # the board of before
        source.number = 50
        waiting = asyncio.create_task(boards.get(ALL, joined))  # begun for the one above
        await asyncio.sleep(0.1)
        source.free.set()
        await waiting
        await boards.get(ALL, later)
        assert [one.fell_short for one in (now, soon, joined, later)] == [False, True, True, False]

    asyncio.run(story())


def test_a_rule_that_cannot_be_used_is_tried_again():
    async def story():
        source = Votes()
        boards = Boards(source)
        for times in (1, 2):
            with pytest.raises(MethodError):
                await boards.get(BoardQuery(rule="mean"))
            assert source.read == times

    asyncio.run(story())


def test_more_boards_than_can_be_computed_are_refused():
    async def story():
        source = Votes()
        boards = Boards(source)
        source.free.clear()
        asked = [asyncio.create_task(boards.get(BoardQuery((("x", str(i)),)))) for i in range(40)]
        await asyncio.sleep(0.3)
        source.free.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        refused = [one for one in found if isinstance(one, BusyError)]
        assert len(refused) == 40 - 32
        assert all(counted(one) == 60 for one in found if one not in refused)

    asyncio.run(story())


def test_a_board_that_takes_long_rests_while_votes_come():
    """Else boards would take a core all the time, each of one vote more; readers see that of before."""
    made = []

    def slow(source, query):
        time.sleep(0.6)
        made.append(source.number)
        return source.number

    async def story():
        source = Votes()
        boards, ends = Boards(source), time.monotonic() + 3.5
        while time.monotonic() < ends:
            source.number += 1
            soon = Patience(5.0)
            shown = await boards.made(ALL, slow, soon)
            assert soon.fell_short == (shown != source.number)
            await asyncio.sleep(0.05)
        source.number += 1
        assert await boards.made(ALL, slow) == source.number, "who waits gets that of now"

    asyncio.run(story())
    assert 2 <= len(made) <= 4, "without a rest six"


def test_boards_that_take_much_together_rest_too(monkeypatch):
    """One of them is quick, and twenty of them would take a core while votes come."""
    monkeypatch.setattr(boards_module, "BUSY", 0.3)
    made = []

    def quick(_, query):
        time.sleep(0.2)
        made.append(query)

    async def story():
        source = Votes()
        boards, ends = Boards(source), time.monotonic() + 3.0
        asked = ALL, BoardQuery(rule="elo")
        while time.monotonic() < ends:
            source.number += 1
            for query in asked:
                await boards.made(query, quick, Patience(5.0))
            await asyncio.sleep(0.05)

    asyncio.run(story())
    assert 4 <= len(made) <= 8, "a quarter of the time and not all of it, which is fourteen"
