"""`agon roster`: what became of the models of a log."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.tables import console, say
from agon.data.log.operation.life_cycle import RosterHistory, roster_history
from agon.ranking.leaderboard.row import plain


def roster_command(
    log: Annotated[Path, Parameter(help="A log folder.")],
    /,
    *,
    format: FindingsFormat = "table",
) -> None:
    """Say what became of the models of a log: when each was tested, listed, paused and retired.

    This is for whoever keeps the log: models that were never listed stand here with their names, which no
    page tells. Battles that still wait for a vote are not counted.

    For example:

    agon roster agon-log

    agon roster agon-log --format json
    """
    found = roster_history(log)
    if format == "json":
        print(json.dumps({"schema": 1, **found.to_dict()}, indent=2, ensure_ascii=False))
        return
    out = console(sys.stdout)
    for sentence in _sentences(found):
        say(out, sentence)


def _sentences(found: RosterHistory) -> list[str]:
    apart = f"{found.same_model:,} showed one model twice, {found.testing:,} had a model in testing"
    return [
        found.conclusion(),
        f"{found.battles:,} battles are over; of these {apart}.",
        *(f"{plain(one.conclusion())}." for one in found.models),
        *(f"{one.when:%Y-%m-%d %H:%M} UTC: {plain(one.model)} {one.change}." for one in found.changes),
    ]
