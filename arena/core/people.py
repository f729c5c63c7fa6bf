"""What visitors may do with what is theirs: read it, take it along, take votes back, erase.

Whose something is, the session says; nothing of anybody else is found here. A battle without a vote is
somebody's too, and nobody is told who wrote in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from agon.arena.core.arena import Arena, Refusal, Running, tell
from agon.data.log.personal.history import PastBattle, VoterTotals
from agon.data.log.records import Conflict, Record, WithdrawalRecord
from agon.ranking.errors import AgonError

A_PAGE = 20  # battles listed together
CHANGES, CHANGES_SECONDS = 30, 60.0  # that one visitor may ask for, and in which time
EXPORT_COST = 5  # changes that an export counts as
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
        self._exporting = asyncio.Semaphore(2)

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

    async def erase(self, session: str, battle_id: str | None, *, withdraw: bool) -> int:
        """Erase the texts of one battle, or of all of this visitor, and withdraw the votes if that is
        wanted; how many battles they were. Files hold nothing of them a little later."""
        voter, log = self._may_change(session), self.arena.log
        battles = await asyncio.to_thread(lambda: log.unerased(voter=voter))
        if battle_id is not None:
            past = await asyncio.to_thread(self.own, session, battle_id)
            battles = [] if past.erased else [past.battle_id]
        if not battles:
            raise Refusal(409, "erased", "This is erased already. Nothing was changed.")
        await self.arena.forget(battles)
        try:
            await asyncio.to_thread(lambda: log.erase(battles, withdraw=withdraw))
        except AgonError as error:
            tell(f"what a visitor wanted erased could not be: {error}")
            raise Refusal(
                503, "not_kept", "This could not be done. Nothing was changed: try again."
            ) from error
        if withdraw and battle_id is None:  # also of what was erased before
            left = await asyncio.to_thread(log.standing_votes, voter)
            if left:
                await self._write(WithdrawalRecord(tuple(left), datetime.now(UTC)))
        return len(battles)

    async def export(self, session: str) -> dict[str, Any]:
        """Everything that the log holds of this visitor, but what a vote has not told yet."""
        voter = self._may_change(session, EXPORT_COST)
        log = self.arena.log
        async with self._exporting:
            open_yet = self.arena.streaming(voter)
            return await asyncio.to_thread(log.personal_data, voter, open_yet)

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

    def _may_change(self, session: str, cost: int = 1) -> str:
        """The voter, if they have not asked for too much in the last minute."""
        voter, now = self.arena.keys.voter(session), monotonic()
        times = self._changes.setdefault(voter, deque())
        while times and times[0] <= now - CHANGES_SECONDS:
            times.popleft()
        if len(times) + cost > CHANGES:
            raise Refusal(429, "too_many_changes", "That was much at once. Wait a minute, then try again.")
        times.extend([now] * cost)
        if len(self._changes) > _KNOWN:
            quiet = [one for one, known in self._changes.items() if not known or known[-1] <= now - 60]
            for one in quiet:
                del self._changes[one]
        return voter
