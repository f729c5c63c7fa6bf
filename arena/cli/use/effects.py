"""`agon effects`: what the models do to signals of use."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.tables import console, make_grid, say
from agon.data.use_log.use_reading import routed_use
from agon.ranking import OptionError, SignalEffects, signal_effects
from agon.ranking.errors import VotesError
from agon.ranking.leaderboard.row import plain


def effects_command(
    log: Annotated[Path, Parameter(help="A log folder that agon route-server writes to.")],
    /,
    *,
    signal: Annotated[
        list[str] | None, Parameter(negative="", help="Signal to show [default: all that there are].")
    ] = None,
    estimator: Annotated[
        Literal["aipw", "ipw"], Parameter(help="aipw, or ipw for weighted means alone.")
    ] = "aipw",
    level: Annotated[float, Parameter(help="How sure the statements are to be, between 0 and 1.")] = 0.95,
    format: FindingsFormat = "table",
) -> None:
    """Say what each model does to signals of use: thumbs, retries, edits, copies, times, costs, failures.

    Means are what a model would have, had it answered every conversation. Votes have no part in them.

    For example:

    agon effects agon-log

    agon effects agon-log --signal thumb --signal cost --format json
    """
    use = routed_use(log)
    made = []
    for name in signal or list(use.signals):
        try:
            made.append(signal_effects(use, name, estimator=estimator, level=level))
        except VotesError:
            if signal:
                raise
    if not made:
        raise OptionError(f"{log}: {use.conclusion()} Nothing can be said of one user; ask by several.")
    if format == "json":
        boards = [one.to_dict() for one in made]
        print(json.dumps({"schema": 1, "signals": boards}, indent=2, ensure_ascii=False))
        return
    out = console(sys.stdout)
    for position, one in enumerate(made):
        if position:
            out.print()
        show_effects(one)


def show_effects(made: SignalEffects) -> None:
    """Print the sentence, a row for each model, and what is to be known."""
    out = console(sys.stdout)
    say(out, plain(made.conclusion()), "bold")
    grid = make_grid(
        "rank", "model", "mean", "from", "to", "to the others", "from", "to", "conversations", "users"
    )
    for row in made.rows:
        ranked = row.rank_lower is not None
        together = row.rank_lower == row.rank_upper
        cells = [
            "" if not ranked else str(row.rank_lower) if together else f"{row.rank_lower}–{row.rank_upper}",
            plain(row.model),
            *(_figure(value) for value in (row.mean, row.lower, row.upper)),
            *(_figure(value) for value in (row.difference, row.difference_lower, row.difference_upper)),
            f"{row.conversations:,}",
            f"{row.users:,}",
        ]
        grid.add_row(*map(Text, cells))
    out.print(grid)
    for note in made.notes():
        say(out, f"• {plain(note)}", "dim")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}"
