"""What visitors may do with what is theirs: say why, read it, take it along, take votes back, erase, share.

Whose something is, the session says; nothing of anybody else is found here. A battle without a vote is
somebody's too, and nobody is told who wrote in it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import Any

from agon.arena.core.arena import Arena
from agon.arena.core.battle import LETTERS, Battle
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.modes.direct_chat import drop_talks
from agon.arena.core.operation.erasing import forget
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.visitors.private_data import cover_private
from agon.data.log.personal.history import PastBattle, Remarks, VoterTotals
from agon.data.log.records import (
    Conflict,
    Record,
    RemarksRecord,
    RevocationRecord,
    ShareRecord,
    WithdrawalRecord,
)
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence

A_PAGE = 20  # battles listed together
CHANGES, CHANGES_SECONDS = 30, 60.0  # that one visitor may ask for, and in which time
EXPORT_COST = 5  # changes that an export counts as
# What a voter may say decided a vote, as the log has it.
REASONS = ("correct", "complete", "clear", "well written", "follows the instructions", "safe")
MOST_COMMENT = 1_000  # characters
MOST_REMARKS = 20  # times that reasons and comment of one battle can be sent
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


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """One answer as others see it: its letter, who wrote it, its text."""

    letter: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class SharedBattle:
    """A battle as others see it.

    Attributes:
        turns: each prompt, how many images it had, and the answers.
        kinds: how much of each kind of private data is covered in it.
    """

    turns: tuple[tuple[str, int, tuple[SharedAnswer, ...]], ...]
    kinds: Mapping[str, int]


def covered(running: Running) -> SharedBattle:
    """A battle that was voted on, with what is private in its texts covered."""
    turns, kinds = [], Counter[str]()

    def cover(text: str) -> str:
        kept, found = cover_private(text)
        kinds.update(found)
        return kept

    for prompt, images, answers in turns_of(running.battle):
        shown = tuple(SharedAnswer(letter, name, cover(text)) for letter, name, text in answers)
        turns.append((cover(prompt), images, shown))
    return SharedBattle(tuple(turns), kinds)


def turns_of(battle: Battle) -> Iterator[tuple[str, int, list[tuple[str, str, str]]]]:
    """Each prompt of a battle, how many images it had, and letter, name and text of the answers to it."""
    for turn, prompt in enumerate(battle.prompts):
        answers = []
        for slot in battle.standing:
            side = battle.sides[slot]
            said = side.messages
            last = turn + 1 == battle.turn
            text = side.text if last else said[2 * turn + 1 + (said[0].role == "system")].content
            answers.append((LETTERS[slot], side.contestant.card.display_name, text))
        yield prompt, len(battle.images[turn]), answers


def _hashed(link: str) -> str:
    return sha256(link.encode("utf-8", "surrogatepass")).hexdigest()


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
        return None if past.number is None or past.erased else self.arena.battles.past(past.battle_id)

    async def remark(
        self, session: str, battle_id: str, reasons: Sequence[str], comment: str | None
    ) -> Remarks:
        """Keep what decided a vote, in the place of what was said of it before; it is in the log when this
        returns."""
        voter = self._may_change(session)
        past = await asyncio.to_thread(self.own, session, battle_id)
        await self.arena.consents.must_be_given(voter)
        if past.number is None:
            raise Refusal(409, "no_vote", "You can say what decided your vote after it, not before.")
        if past.erased is not None:
            raise Refusal(409, "erased", "The texts of this battle are erased. Nothing is added to it.")
        if set(reasons) - set(REASONS):
            raise Refusal(422, "unknown", "Nothing was kept: there is no such reason here. Reload the page.")
        chosen = tuple(one for one in REASONS if one in reasons)
        words = (comment or "").strip()
        if len(words) > MOST_COMMENT:
            raise Refusal(
                422,
                "long_comment",
                Sentence(
                    "The comment has {characters} characters; write up to {most}.",
                    characters=len(words),
                    most=MOST_COMMENT,
                ),
            )
        before = await asyncio.to_thread(self.arena.log.remarks, past.battle_id)
        if before and (before[0].reasons, before[0].comment or "") == (chosen, words):
            return before[0]
        if len(before) >= MOST_REMARKS:
            raise Refusal(409, "often", "This was changed very often. What you sent before stays.")
        said = Remarks(chosen, words or None, datetime.now(UTC))
        await self._write(RemarksRecord(past.battle_id, said.reasons, said.comment, said.created))
        return said

    async def consent(self, session: str, text: str, *, given: bool) -> None:
        """Agree to a text, by its SHA-256, or take back what one agreed to: then what is being written ends
        where it is, and no conversation stays in memory."""
        voter = self._may_change(session)
        await self.arena.consents.say(voter, text, given=given)
        if not given:
            drop_talks(self.arena, voter)
            self.arena.battles.stop_all(voter)

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
        self.arena.battles.mark_withdrawn(battles)
        return len(battles)

    async def erase(self, session: str, battle_id: str | None, *, withdraw: bool) -> int:
        """Erase the texts of one battle, or of all of this visitor, and withdraw the votes if that is
        wanted; how many battles they were. Files hold nothing of them a little later."""
        voter, log = self._may_change(session), self.arena.log
        battles = await asyncio.to_thread(lambda: log.unerased(voter=voter))
        if battle_id is None:
            drop_talks(self.arena, voter)
        if battle_id is not None:
            past = await asyncio.to_thread(self.own, session, battle_id)
            battles = [] if past.erased else [past.battle_id]
        if not battles:
            raise Refusal(409, "erased", "This is erased already. Nothing was changed.")
        await forget(self.arena, battles)
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

    async def share(self, session: str, battle_id: str) -> None:
        """Show a battle that one voted on to whoever has its link."""
        self._may_change(session)
        past = await asyncio.to_thread(self.shareable, session, battle_id)
        number = await asyncio.to_thread(self.arena.log.shares, past.battle_id)
        link = self.arena.keys.share_id(past.battle_id, number + 1)
        await self._write(ShareRecord(past.battle_id, _hashed(link), datetime.now(UTC)))

    async def revoke(self, session: str, battle_id: str) -> None:
        """Show a battle to nobody any more."""
        self._may_change(session)
        past = await asyncio.to_thread(self.own, session, battle_id)
        if past.link is None:
            raise Refusal(409, "not_shared", "This battle is shown to nobody. Nothing was changed.")
        await self._write(RevocationRecord(past.battle_id, datetime.now(UTC)))

    def shareable(self, session: str, battle_id: str) -> PastBattle:
        """A battle of one's own that may be shown to others.

        Raises Refusal: there is none, or it may not.
        """
        past = self.own(session, battle_id)
        if past.number is None:
            raise Refusal(409, "no_vote", "A battle can be shown to others after its vote, not before.")
        if past.erased is not None:
            raise Refusal(409, "erased", "The texts of this battle are erased. There is nothing to show.")
        if not self.arena.settings.reveal:
            raise Refusal(409, "no_names", "This arena tells nobody who wrote an answer.")
        return past

    def link_of(self, past: PastBattle) -> str | None:
        """What the address of a battle ends with that is shown to others; None where none is known."""
        if past.link is None:
            return None
        link = self.arena.keys.share_id(past.battle_id, self.arena.log.shares(past.battle_id))
        return link if _hashed(link) == past.link else None

    def shown(self, link: str) -> tuple[PastBattle, SharedBattle]:
        """What a link shows, to anybody.

        Raises Refusal: it shows nothing.
        """
        past = self.arena.log.shown_by(_hashed(link))
        running = self.voted(past) if past else None
        if past is None or running is None:
            raise Refusal(404, "not_shared", "This page is not shown any more, or never was.")
        return past, covered(running)

    async def export(self, session: str) -> dict[str, Any]:
        """Everything that the log holds of this visitor, but what a vote has not told yet."""
        voter = self._may_change(session, EXPORT_COST)
        log = self.arena.log
        async with self._exporting:
            open_yet = self.arena.battles.streaming(voter)
            found = await asyncio.to_thread(log.personal_data, voter, open_yet)
        for battle in found["battles"]:
            if battle["vote"]:
                battle["vote"]["models"] = [
                    self.arena.contestants.called(model) for model in battle["vote"]["models"]
                ]
            for answer in (one for turn in battle["turns"] for one in turn["answers"] if "model" in one):
                answer["model"] = self.arena.contestants.called(answer["model"])
        return found

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
