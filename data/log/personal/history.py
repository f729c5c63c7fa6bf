"""The battles of one voter as a page lists them, and the hashes of votes that receipts name."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from agon.data.log.events import EVENTS
from agon.data.log.records import NAMED_POLICY, Ballot

_Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
_LISTED = """
    WITH mine AS (
        SELECT battle_id, created, lineup, policy FROM battles WHERE voter = $1 {}
        ORDER BY created DESC, battle_id LIMIT $2 OFFSET $3)
    SELECT replace(m.battle_id::VARCHAR, '-', ''), m.created, l.models,
        CASE WHEN e.battle_id IS NULL THEN t.prompt ELSE '' END, v.number, v.created, places, acceptable,
        v.blind IS NOT FALSE, v.same_model IS TRUE, v.testing IS TRUE, w.created,
        e.created,
        (SELECT max(link) FROM shares AS s WHERE s.battle_id = m.battle_id
            AND link NOT IN (SELECT link FROM revocations)), m.policy
    FROM mine AS m JOIN turns AS t ON t.battle_id = m.battle_id AND t.turn = 1
    LEFT JOIN votes AS v ON v.battle_id = m.battle_id LEFT JOIN ballots AS b ON b.ballot = v.ballot
    JOIN lineups AS l ON l.lineup = coalesce(v.lineup, m.lineup)
    LEFT JOIN withdrawals AS w ON w.battle_id = m.battle_id
    LEFT JOIN erasures AS e ON e.battle_id = m.battle_id
    ORDER BY m.created DESC, m.battle_id"""
_ONE = "AND battle_id = TRY_CAST($4 AS UUID)"
_TOTALS = """
    SELECT count(*), count(v.number), count(w.battle_id), count(e.battle_id),
        count(*) FILTER (WHERE v.number NOT NULL AND w.battle_id IS NULL AND v.blind IS NOT FALSE
            AND v.same_model IS NOT TRUE AND v.testing IS NOT TRUE)
    FROM battles AS b LEFT JOIN votes AS v USING (battle_id) LEFT JOIN withdrawals AS w USING (battle_id)
    LEFT JOIN erasures AS e USING (battle_id) WHERE b.voter = $1"""


_REMARKS = """
    SELECT reasons, comment, created FROM remarks WHERE battle_id = TRY_CAST($1 AS UUID)
        AND battle_id NOT IN (SELECT battle_id FROM erasures) ORDER BY rowid DESC"""


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a voter said of a vote afterwards: a few reasons, a comment, and when."""

    reasons: tuple[str, ...]
    comment: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class PastBattle:
    """One battle of a voter.

    Attributes:
        battle_id: of the battle.
        created: when it was drawn.
        models: those voted on, in shown order; without a vote those drawn, whom nobody may be told.
        prompt: the first one; empty once it was erased.
        number: of the vote, among all votes; None without one.
        voted: when that was cast.
        ballot: what it says.
        blind: whether no earlier vote had named who wrote an answer.
        same_model: whether one model was drawn twice.
        testing: whether a model was drawn that was not listed yet.
        withdrawn: when the vote was withdrawn; None if it was not.
        erased: when the texts were erased; None if they were not.
        link: SHA-256 of the link by which it is shown to others now; None if it is not.
        named: whether the voter chose the models and saw their names.
    """

    battle_id: str
    created: datetime
    models: tuple[str, ...]
    prompt: str
    number: int | None
    voted: datetime | None
    ballot: Ballot | None
    blind: bool
    same_model: bool
    testing: bool
    withdrawn: datetime | None
    erased: datetime | None
    link: str | None
    named: bool

    @property
    def counts(self) -> bool:
        """Whether there is a vote that counts on boards."""
        apart = self.same_model or self.testing or self.withdrawn is not None
        return self.number is not None and self.blind and not apart


@dataclass(frozen=True, slots=True)
class VoterTotals:
    """How many battles of a voter there are, with a vote, with one that was withdrawn, erased, counted."""

    battles: int = 0
    voted: int = 0
    withdrawn: int = 0
    erased: int = 0
    counted: int = 0


def list_battles(rows: _Rows, voter: str, most: int, start: int = 0) -> list[PastBattle]:
    """The battles of a voter, the latest first.

    Args:
        rows: runs SQL with parameters on the log.
        voter: the pseudonym.
        most: how many.
        start: how many to leave out.
    """
    return [_past(*row) for row in rows(_LISTED.format(""), [voter, most, start])]


def find_battle(rows: _Rows, voter: str, battle_id: str) -> PastBattle | None:
    """One battle of a voter; None if there is none, or it is somebody else's."""
    return next((_past(*row) for row in rows(_LISTED.format(_ONE), [voter, 1, 0, battle_id])), None)


def read_remarks(rows: _Rows, battle_id: str) -> list[Remarks]:
    """What was said of a battle after its vote, the last first."""
    return [
        Remarks(tuple(reasons), comment, created.replace(tzinfo=UTC))
        for reasons, comment, created in rows(_REMARKS, [battle_id])
    ]


def count_battles(rows: _Rows, voter: str) -> VoterTotals:
    """How many battles a voter has."""
    return VoterTotals(*map(int, rows(_TOTALS, [voter])[0]))


def _past(
    battle_id: str,
    created: datetime,
    models: Sequence[str],
    prompt: str,
    number: int | None,
    voted: datetime | None,
    places: Sequence[int | None] | None,
    acceptable: Sequence[bool] | None,
    *rest: Any,
) -> PastBattle:
    blind, same_model, testing, withdrawn, erased, link, policy = rest
    ballot = None if places is None else (tuple(places), None if acceptable is None else tuple(acceptable))
    moments = [None if at is None else at.replace(tzinfo=UTC) for at in (created, voted, withdrawn, erased)]
    drawn = moments[0] or created
    known = (battle_id, drawn, tuple(models), prompt, number, moments[1], ballot, blind)
    return PastBattle(*known, same_model, testing, moments[2], moments[3], link, policy == NAMED_POLICY)


def vote_hashes(folder: Path, numbers: Collection[int], size: int) -> dict[int, str]:
    """{number of a vote: hash of its event}, by which `find_vote` finds it.

    Votes stand in the events in the order of their numbers, so that few of the events are read.

    Args:
        folder: the log folder.
        numbers: of votes that there are.
        size: bytes of the events that are whole.
    """
    found: dict[int, str] = {}
    if not numbers:
        return found
    with (folder / EVENTS).open("rb") as file:
        for number in sorted(numbers):
            low, high = 0, size  # the event begins in between
            while low < high:
                middle = (low + high) // 2
                start, line = _next_vote(file, middle, high)
                if line is None:
                    high = middle
                    continue
                known = json.loads(line)["votes"][0]["number"]
                if known == number:
                    found[number] = line[9:73].decode()
                    break
                low, high = (start + len(line), high) if known < number else (low, middle)
    return found


def _next_vote(file: BinaryIO, place: int, end: int) -> tuple[int, bytes | None]:
    """The first event with a vote that begins at a place or behind it, and before an end."""
    file.seek(max(0, place - 1))
    if place:
        file.readline()
    start = file.tell()
    while start < end and (line := file.readline()):
        if b'"votes":[{' in line:
            return start, line
        start += len(line)
    return start, None
