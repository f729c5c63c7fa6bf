"""What is written of battles into the log: without waiting, and again before the vote where that failed."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress

from agon.arena.core.battles.open_battles import Running
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.turn import AnswerEnd
from agon.data.log.records import Conflict, GenerationRecord, Receipt, Record, UnknownBattle
from agon.data.log.vote_log import VoteLog


class RecordKeeping:
    """What is written of the battles of one log."""

    def __init__(self, log: VoteLog) -> None:
        self._log = log
        self._unwritten = 0  # records that the log could not take at once

    def keep(self, running: Running, record: Record) -> Future[Receipt]:
        """Write without waiting; what could not be written is written before the vote."""

        def done(written: Future[Receipt]) -> None:
            error = written.exception()
            if error is not None:
                running.unwritten.append(record)
                self._tell_unwritten(error)

        written = self._log.write(record)
        written.add_done_callback(done)
        return written

    def keep_generation(self, running: Running, ended: AnswerEnd) -> None:
        """Write how an answer ended."""
        made = ended.generation
        self.keep(
            running,
            GenerationRecord(
                battle_id=ended.battle.id,
                turn=ended.turn,
                slot=ended.slot,
                model=ended.model,
                text=made.text,
                tokens=made.tokens,
                seconds=made.seconds,
                created=ended.moment,
                time_to_first_token=made.time_to_first_token,
                tokens_per_second=made.tokens_per_second,
                finish_reason=made.finish_reason,
                failure=made.failure,
                detail=made.detail,
                reasoning=made.reasoning or None,
                reasoning_tokens=made.reasoning_tokens if made.reasoning else None,
                masked=tuple(span.original for span in made.masked),
                waited=made.waited,
            ),
        )

    async def write_again(self, running: Running) -> None:
        """Write what of a battle the log could not take before."""
        while running.unwritten:
            with suppress(Conflict):  # it was written after all
                await asyncio.wrap_future(self._log.write(running.unwritten[0]))
            running.unwritten.pop(0)

    def _tell_unwritten(self, error: BaseException) -> None:
        """Say that the log takes no records: at the first and each hundredth, a battle having several."""
        if isinstance(error, UnknownBattle):  # its battle was not written, and that was said
            return
        self._unwritten += 1
        if self._unwritten % 100 == 1:
            often = "" if self._unwritten == 1 else f" ({self._unwritten:,} records so far)"
            sentence = f"{error} It is written before its vote{often}."
            tell(sentence, "record_not_written", records=self._unwritten)
