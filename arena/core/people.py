"""What visitors may do with what is theirs: read it, take votes back.

Whose something is, the session says; nothing of anybody else is found here. A battle without a vote is
somebody's too, and nobody is told who wrote in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from agon.arena.core.arena import Arena, Refusal, Running, tell
from agon.data.log.personal.history import PastBattle, VoterTotals
from agon.data.log.records import Conflict, Record, WithdrawalRecord
from agon.ranking.errors import AgonError

A_PAGE = 20  # battles listed together
CHANGES, CHANGES_SECONDS = 30, 60.0  # that one visitor may ask for, and in which time
_KNOWN = 10_000  # visitors whose changes are counted


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some battles of a visitor.

    Attributes:
        battles: of this page, the latest first.
        totals: of all pages.
        number: of the page, from 1.
        pages: how many there are.
        hashes: {number of a vote: hash of its event} of the votes on the page.
    """

    battles: tuple[PastBattle, ...]
    totals: VoterTotals
    number: int
    pages: int
    hashes: dict[int, str]


class People:
    """What the visitors of an arena did, and what they may still change."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self._changes: dict[str, deque[float]] = {}

    def history(self, session: str, page: int = 1) -> HistoryPage:
        """A page of one's battles; the nearest there is."""
        voter, log = self.arena.keys.voter(session), self.arena.log
        totals = log.totals_of(voter)
        pages = max(1, -(-totals.battles // A_PAGE))
        number = min(max(page, 1), pages)
        battles = tuple(log.battles_of(voter, A_PAGE, (number - 1) * A_PAGE))
        numbers = [one.number for one in battles if one.number is not None]
        return HistoryPage(battles, totals, number, pages, log.vote_hashes(numbers))

    def own(self, session: str, battle_id: str) -> PastBattle:
        """One battle of one's own.

        Raises Refusal: there is none.
        """
        found = self.arena.log.battle_of(self.arena.keys.voter(session), battle_id)
        if found is None:
            raise Refusal(404, "no_battle", "This battle is not among yours.")
        return found

    def voted(self, past: PastBattle) -> Running | None:
        """A battle with its answers and names again; None where it has no vote, or no texts any more."""
        return None if past.number is None or past.erased else self.arena.past(past.battle_id)

    async def withdraw(self, session: str, battle_id: str | None) -> int:
        """Take back the vote of one battle, or all votes of this visitor; how many they were."""
        voter = self._may_change(session)
        if battle_id is None:
            battles = await asyncio.to_thread(self.arena.log.standing_votes, voter)
        else:
            past = await asyncio.to_thread(self.own, session, battle_id)
            if past.number is None:
                raise Refusal(409, "no_vote", "This battle has no vote that could be withdrawn.")
            battles = [] if past.withdrawn else [past.battle_id]
        if not battles:
            raise Refusal(409, "withdrawn", "This is withdrawn already. Nothing was changed.")
        await self._write(WithdrawalRecord(tuple(battles), datetime.now(UTC)))
        self.arena.mark_withdrawn(battles)
        return len(battles)

    async def _write(self, *records: Record) -> None:
        """Write what a visitor wants; it is in the log when this returns."""
        try:
            for record in records:
                await asyncio.wrap_future(self.arena.log.write(record))
        except Conflict as error:  # two posts of the same wish
            raise Refusal(409, "changed", "This was changed meanwhile. Reload the page.") from error
        except AgonError as error:
            tell(f"what a visitor wanted could not be kept: {error}")
            raise Refusal(
                503, "not_kept", "This could not be kept. Nothing was changed: try again."
            ) from error

    def _may_change(self, session: str) -> str:
        """The voter, if they have not asked for too much in the last minute."""
        voter, now = self.arena.keys.voter(session), monotonic()
        times = self._changes.setdefault(voter, deque())
        while times and times[0] <= now - CHANGES_SECONDS:
            times.popleft()
        if len(times) >= CHANGES:
            raise Refusal(429, "too_many_changes", "That was much at once. Wait a minute, then try again.")
        times.append(now)
        if len(self._changes) > _KNOWN:
            quiet = [one for one, known in self._changes.items() if not known or known[-1] <= now - 60]
            for one in quiet:
                del self._changes[one]
        return voter
