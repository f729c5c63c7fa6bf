"""What became of the vote of a receipt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agon.data.log.events import (
    EVENTS,
    HEAD,
)
from agon.data.log.hash_chain import read_chain, read_head, read_lines
from agon.data.log.records import LogError
from agon.data.log.recovery.opening import must_be_log
from agon.ranking.leaderboard.row import plain


def find_vote(folder: Path, receipt: str) -> str:
    """Say of the vote of a receipt where it stands, what it says, and where it counts or why not.

    Args:
        folder: the log folder.
        receipt: the hash of its event, or the beginning of it.

    Raises:
        LogError: the events are damaged, or none or several votes have this hash.
    """
    must_be_log(folder)
    wanted = receipt.strip().lower().encode()
    lineups, ballots = dict[int, list[str]](), dict[int, dict[str, list[int]]]()
    withdrawn: dict[int, int] = {}  # vote → the event that took it back
    found: list[tuple[int, dict[str, Any]]] = []
    whole = read_chain(folder / EVENTS, read_head(folder / HEAD)[0])[0]
    for line in read_lines(folder / EVENTS, 0, whole.size):
        mine = bool(wanted) and line[9 : 9 + len(wanted)] == wanted and b'"votes":[{' in line
        if b'"withdrawals":[{' in line:
            event = json.loads(line)
            withdrawn.update((row["number"], event["seq"]) for row in event["withdrawals"])
        if mine or b'"lineups":[{' in line or b'"ballots":[{' in line:
            event = json.loads(line)
            lineups.update((row["lineup"], row["models"]) for row in event.get("lineups", ()))
            ballots.update((row["ballot"], row) for row in event.get("ballots", ()))
            found += [(event["seq"], row) for row in event["votes"] if mine] if mine else []
    if len(found) != 1:
        raise LogError(
            f"{folder} has {'several votes' if found else 'no vote'} whose receipt begins with {receipt!r}; "
            "give it as the page showed it after the vote."
        )
    number, vote = found[0]
    ballot = ballots[vote["ballot"]]
    ranked = sorted(zip(ballot["places"], lineups[vote["lineup"]], strict=True), key=lambda one: one[0] or 99)
    said = ", ".join(f"{place or '-'} {plain(model)}" for place, model in ranked)
    bad = " (both bad)" if ballot.get("acceptable") and not any(ballot["acceptable"]) else ""
    if vote["number"] in withdrawn:
        counts = f"It counts on no board: it was withdrawn, in event {withdrawn[vote['number']]:,}."
    elif vote.get("same_model"):
        counts = "It counts on no board: one model was drawn twice, which measures the arena itself."
    elif vote.get("testing"):
        counts = "It counts on no board: a model was drawn that was not listed yet."
    elif vote.get("blind") is False:
        counts = "It counts on no board: its voter had been told who wrote this."
    else:
        groups = [plain(vote[label]) for label in ("category", "language") if vote.get(label)]
        counts = f"It counts on the boards of {', '.join(['all votes', *groups])}."
    return f"Vote {vote['number']:,} is event {number:,} of {whole.events:,}: {said}{bad}. {counts}"
