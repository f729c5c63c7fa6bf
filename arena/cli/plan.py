"""`agon plan`: how many votes it takes to tell models apart, before any is cast or on the votes there are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from inspect import signature
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import SOURCE, FindingsFormat, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.rank import write_text
from agon.arena.cli.reading import USUAL, Reading, ReadingOptions, read_judges
from agon.ranking import Comparisons, OptionError, open_pairs, plan_votes, rank, route_votes
from agon.ranking.leaderboard.row import plain


def plan_command(
    source: Annotated[list[Path] | None, Parameter(help=SOURCE)] = None,
    /,
    *,
    share: Annotated[
        float, Parameter(help="Share that the better model wins of the votes that decide.")
    ] = 0.65,
    models: Annotated[int, Parameter(help="How many models are compared.")] = 2,
    ties: Annotated[float, Parameter(help="Share of votes that decide nothing.")] = 0.0,
    panel: Annotated[
        int | None, Parameter(help="How many voters cast all votes, as in a study; none: any number.")
    ] = None,
    taste: Annotated[
        float, Parameter(help="Of a panel: how far its voters differ, a standard deviation in log-odds.")
    ] = 0.5,
    judges: Annotated[
        list[Path] | None,
        Parameter(
            negative="", json_list=False, help="With --budget: votes of judges, of which people are asked."
        ),
    ] = None,
    budget: Annotated[
        int | None, Parameter(help="How many of the judged comparisons people can vote on: says which.")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="With --budget: CSV file of the comparisons to ask of."),
    ] = None,
    seed: Annotated[int, Parameter(help="Of the prompts that --budget draws.")] = 0,
    reading: ReadingOptions = USUAL,
    level: Annotated[float, Parameter(help="How sure the decision is to be, between 0 and 1.")] = 0.95,
    format: FindingsFormat = "table",
) -> None:
    """Say how many votes tell models apart; of votes there are, how many more for neighbours on a board.

    For example:

    agon plan --share 0.6 --models 8

    agon plan --share 0.75 --panel 10

    agon plan votes.parquet

    agon plan people.parquet --judges judged.parquet --budget 200 -o next.csv
    """
    if (budget is None) != (not judges) or (budget is None and output is not None):
        raise OptionError("Routing takes both --budget N and --judges FILE; give both, or neither.")
    if budget is not None:
        _route(source or [], judges or [], budget, output, seed, reading, format)
        return
    if not source:
        planned = plan_votes(share, models, level=level, ties=ties, panel=panel, taste=taste)
        print(json.dumps(asdict(planned), indent=2) if format == "json" else planned.conclusion())
        return
    planned_for = {"share": share, "models": models, "ties": ties, "panel": panel, "taste": taste}
    for name, value in planned_for.items():
        if value != signature(plan_command).parameters[name].default:
            raise OptionError(
                f"--{name} is of votes that are not there yet, and SOURCE has its own; leave one out."
            )
    with readable(source) as paths, progress("ranking the votes"):
        board = rank(reading.read(paths), level=level)
    pairs = open_pairs(board)
    if format == "json":
        print(
            json.dumps({"schema": 1, "pairs": [asdict(one) for one in pairs]}, indent=2, ensure_ascii=False)
        )
        return
    print(plain(board.conclusion()))
    for one in pairs:
        more = "cannot be foreseen"
        if one.more_votes is not None:
            more = f"about {one.more_votes:,} more {board.counted}"
        print(f"{plain(one.upper)} above {plain(one.lower)}: {'decided' if one.decided else more}")


def _route(
    source: list[Path],
    judges: list[Path],
    budget: int,
    output: Path | None,
    seed: int,
    reading: Reading,
    format: str,
) -> None:
    """Print, or write, which comparisons people should vote on next.

    Raises:
        OptionError: no votes of people, or a table of scores.
    """
    with readable(source) as paths, progress("choosing comparisons"):
        people = reading.read(paths) if source else None
        if not isinstance(people, Comparisons):
            raise OptionError("--budget takes the votes of people: agon plan VOTES --judges FILE --budget N.")
        found = route_votes(people, read_judges(judges, reading), budget, seed=seed)
    table = found.to_frame()
    if output is not None:
        write_text(output, table.to_csv(index=False))
    if format == "json":
        rows = json.loads(table.to_json(orient="records"))
        head = {"schema": 1, "ratio": found.ratio, "conclusion": found.conclusion()}
        print(json.dumps(head | {"comparisons": rows}, indent=2, ensure_ascii=False))
        return
    print(plain(found.conclusion()))
    if output is not None:
        print(f"{len(found)} comparisons in {output}.", file=sys.stderr)
        return
    for one in found.comparisons:
        print(plain(one.conclusion()))
