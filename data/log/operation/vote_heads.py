"""Up to which event of a log its votes go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from agon.data.files.snapshot_folder import HEAD_KEY
from agon.data.log.events import EVENTS
from agon.ranking.votes.vote_source import LogHead

_BLOCK = 1 << 16  # bytes read at a time, from the end


def find_vote_head(folder: Path, votes: int, withdrawals: int, size: int) -> LogHead | None:
    """The event with the last of so many votes and withdrawals: `agon rank --at` it ranks the same votes.

    Events that came later, or that say nothing of votes, are passed over from the end of the file.

    Args:
        folder: the log folder.
        votes: the number of the last vote.
        withdrawals: the number of the last withdrawal.
        size: bytes of the events that are whole.

    Returns:
        The event; None where no vote was cast.
    """
    for line in _from_the_end(folder / EVENTS, size):
        if b'"votes":[{' not in line and b'"withdrawals":[{' not in line:
            continue
        event = json.loads(line)
        cast = [row["number"] for row in event.get("votes", ())]
        back = [row["withdrawal"] for row in event.get("withdrawals", ())]
        if (cast and max(cast) <= votes) or (back and max(back) <= withdrawals):
            return LogHead(event["seq"], line[9:73].decode())
    return None


def _from_the_end(path: Path, size: int) -> Iterator[bytes]:
    """The lines of the first bytes of a file, the last first."""
    with path.open("rb") as file:
        rest = b""
        while size > 0:
            begin = max(0, size - _BLOCK)
            file.seek(begin)
            first, *lines = (file.read(size - begin) + rest).splitlines()
            yield from reversed(lines)
            size, rest = begin, first
        if rest:
            yield rest


def mark_head(votes: pa.RecordBatchReader, head: LogHead | None) -> pa.RecordBatchReader:
    """Votes of a log that say up to which event they go."""
    if head is None:
        return votes
    told = json.dumps({"events": head.events, "hash": head.hash}).encode()
    return pa.RecordBatchReader.from_batches(votes.schema.with_metadata({HEAD_KEY: told}), votes)
