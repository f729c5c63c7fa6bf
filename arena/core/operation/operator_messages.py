"""What is told to whoever runs the arena, on the standard error stream: sentences, or lines of JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Literal

from agon.ranking.leaderboard.row import plain

LogFormat = Literal["text", "json"]
_telling: list[LogFormat] = ["text"]  # how this process tells its operator


def tell_as(form: LogFormat) -> None:
    """Let `tell` write lines of this form from now on."""
    _telling[0] = form


def tell(sentence: str, event: str = "notice", **facts: object) -> None:
    """One line for whoever runs the arena: the sentence, or as JSON what happened, with its facts.

    A sentence may hold what a server wrote, or an address; as JSON only that of a "notice" is told.
    """
    if _telling[0] == "text":
        print(f"agon: {plain(sentence)}", file=sys.stderr, flush=True)
        return
    told = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    if event == "notice":
        told["sentence"] = plain(sentence)
    print(json.dumps(told, ensure_ascii=False, default=str), file=sys.stderr, flush=True)


def note(event: str, **facts: object) -> None:
    """Tell as JSON what is told elsewhere, or not at all, where people read."""
    if _telling[0] == "json":
        tell("", event, **facts)
