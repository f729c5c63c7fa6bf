"""Texts that are to be gone: out of memory, out of all files, and what is older than an arena keeps any."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from agon.arena.core.arena import Arena
from agon.arena.core.battle import State
from agon.arena.core.operation.operator_messages import tell
from agon.data.log.vote_log import VoteLog

ERASED_SINCE = "the texts were erased"
ERASING_SHARE = 20  # of the time, one part at the most goes into taking erased texts out of files


async def forget(arena: Arena, battle_ids: Sequence[str]) -> None:
    """Let battles go whose texts are to be erased, ending what is being written."""
    for battle_id in battle_ids:
        running = arena.battles.drop(battle_id)
        if running is None:
            continue
        if running.keeping is not None:
            await asyncio.gather(asyncio.shield(running.keeping), return_exceptions=True)
        if running.task is not None:
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
        running.unwritten.clear()
        if running.battle.state in (State.STREAMING, State.READY):
            running.battle.void(ERASED_SINCE)
            arena.contestants.count_ends(running.ends)


async def retain(arena: Arena) -> None:
    """Erase the texts that are older than this arena keeps any."""
    if arena.settings.retention_days is None:
        return
    before = datetime.now(UTC) - timedelta(days=arena.settings.retention_days)
    battles = await asyncio.to_thread(lambda: arena.log.unerased(before=before))
    if battles:
        await forget(arena, battles)
        await asyncio.to_thread(lambda: arena.log.erase(battles, "retention"))
        tell(f"the texts of {len(battles):,} battles were erased: they are older than retention_days.")


class ErasedFiles:
    """The files of a log out of which erased texts are taken, bit by bit."""

    def __init__(self, log: VoteLog) -> None:
        self._log, self._next = log, 0.0

    async def finish(self) -> None:
        """Take texts that were erased out of all files, not more often than it is cheap."""
        if not self._log.erasing or monotonic() < self._next:
            return
        began = monotonic()
        try:
            removed = await asyncio.to_thread(self._log.finish_erasing)
        finally:
            self._next = monotonic() + ERASING_SHARE * (monotonic() - began)
        if removed:
            tell(f"copies that held erased texts were removed: {', '.join(removed)}.")
