"""`agon decide`: which model to take, by quality, price, speed and licence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import (
    FactsOption,
    FindingsFormat,
    GatesOption,
    GroupsOption,
    VotesArgument,
    WeightOption,
    named_values,
    number_of,
    readable,
    votes_behind,
    weighed_as_asked,
)
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import console, make_grid, say
from agon.arena.cli.reading import USUAL, ReadingOptions
from agon.data.model_facts import facts_of_models
from agon.ranking import Decision, OptionError, decide, rank


def decide_command(
    source: VotesArgument,
    /,
    *,
    facts: FactsOption = None,
    at_most: Annotated[
        list[str] | None, Parameter(negative="", help="FACT=NUMBER: only models whose fact is at most that.")
    ] = None,
    at_least: Annotated[
        list[str] | None, Parameter(negative="", help="FACT=NUMBER: only models whose fact is at least that.")
    ] = None,
    only: Annotated[
        list[str] | None, Parameter(negative="", help="FACT=VALUE,...: only models with one of these values.")
    ] = None,
    prefer: Annotated[
        str | None, Parameter(help="Fact that is to be small, such as price, among models hardly worse.")
    ] = None,
    within: Annotated[
        float | None, Parameter(help="Points that the choice may be below the best [default: 20 of Elo].")
    ] = None,
    weigh: Annotated[
        list[str] | None,
        Parameter(negative="", help="FACT=WEIGHT beside the score, which weighs 1, such as price=0.5."),
    ] = None,
    groups_of: GroupsOption = None,
    weight: WeightOption = None,
    method: Annotated[str, Parameter(name=["--method", "-m"], help="A rating.")] = "bradley_terry",
    cluster: Annotated[
        str | None, Parameter(help="Column whose equal values are dependent votes, such as voter; or none.")
    ] = "auto",
    level: Annotated[float, Parameter(help="How sure the statement is to be, between 0 and 1.")] = 0.95,
    gates: GatesOption = "none",
    reading: ReadingOptions = USUAL,
    format: FindingsFormat = "table",
) -> None:
    """Say which model to take: the best under some conditions, or a cheaper one that is hardly worse.

    Of a log folder first_token, seconds, tokens, length, tokens_per_second and failures are measured.

    For example:

    agon decide votes.parquet --facts models.csv --at-most price=5 --prefer price

    agon decide agon-log --at-most seconds=8 --at-least tokens_per_second=20

    agon decide votes.parquet --facts models.csv --weight Code=3 --weigh price=0.5
    """
    with readable(source) as paths, progress("ranking the votes"):
        votes = reading.read(paths)
        votes = votes if gates == "none" else votes_behind(gates, votes)
        votes = weighed_as_asked(votes, groups_of, weight)
        board = rank(votes, method, level=level, cluster=cluster)
    known = facts_of_models([one for one in paths if isinstance(one, Path)], facts)
    if not known:
        raise OptionError("Nothing is known of the models but their votes: name a table with --facts FILE.")
    made = decide(
        board,
        known,
        at_most={name: number_of("--at-most", value) for name, value in named_values("--at-most", at_most)},
        at_least={
            name: number_of("--at-least", value) for name, value in named_values("--at-least", at_least)
        },
        only={name: value.split(",") for name, value in named_values("--only", only)},
        prefer=prefer,
        within=within,
        weigh={name: number_of("--weigh", value) for name, value in named_values("--weigh", weigh)},
    )
    if format == "json":
        print(
            json.dumps({"schema": 1, "decision": made.to_dict()}, indent=2, ensure_ascii=False, default=str)
        )
    else:
        show_decision(made, sorted({name for one in known.values() for name in one}))


def show_decision(made: Decision, facts: list[str]) -> None:
    """Print the sentence, and a row for each model."""
    out = console(sys.stdout)
    say(out, made.conclusion(), "bold")
    grid = make_grid("", "model", "score", "at most below", "chance", *facts, "not taken")
    for one in made.candidates:
        cells = [
            "→" if one.model == made.choice else "",
            one.model,
            "" if one.score is None else f"{one.score:,.1f}",
            "" if one.below_best is None else f"{one.below_best:,.1f}",
            "" if one.probability is None else f"{one.probability:.0%}",
            *(_cell(one.facts.get(name)) for name in facts),
            one.why_not or "",
        ]
        grid.add_row(*map(Text, cells))
    out.print(grid)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,.3g}" if isinstance(value, float) else str(value)
