"""`agon compare-methods`: which method predicts votes best that it has not seen."""

from __future__ import annotations

import json
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import FindingsFormat, MethodWord, VotesArgument, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.output.tables import console, make_grid, say
from agon.arena.cli.rank import options_of
from agon.arena.cli.reading import USUAL, ReadingOptions
from agon.ranking.prediction.held_out import HeldOutBy
from agon.ranking.prediction.method_scores import MethodComparison, compare_methods
from agon.ranking.text import join_names

ByOption = Annotated[
    HeldOutBy,
    Parameter(help="What is held out together: votes, those of a voter, on a prompt, or later ones."),
]
FoldsOption = Annotated[int, Parameter(help="In how many parts the votes are held out.")]
SeedOption = Annotated[int, Parameter(help="Of the draw of the parts.")]
LevelOption = Annotated[float, Parameter(help="How sure the statement is to be, between 0 and 1.")]


def compare_methods_command(
    source: VotesArgument,
    /,
    *,
    method: Annotated[
        list[MethodWord] | None,
        Parameter(
            name=["--method", "-m"],
            negative="",
            help="METHOD or METHOD:option=value,...; may be given again [default: what gives chances].",
        ),
    ] = None,
    by: ByOption = "vote",
    folds: FoldsOption = 5,
    level: LevelOption = 0.95,
    seed: SeedOption = 0,
    reading: ReadingOptions = USUAL,
    format: FindingsFormat = "table",
) -> None:
    """Say which method predicts votes best that it has not seen, and whether that is sure.

    For example:

    agon compare-methods votes.parquet

    agon compare-methods votes.parquet --by voter --column voter=judge

    agon compare-methods votes.csv -m davidson -m rao_kupper -m elo:k=16 --by time
    """
    wanted = None if method is None else [options_of(text) for text in method]
    with readable(source) as paths:
        with progress("reading votes"):
            votes = reading.read(paths)
        seen = compare_methods(votes, wanted, by=by, folds=folds, level=level, seed=seed, progress=progress)
    if format == "json":
        print(json.dumps({"schema": 1, "comparison": seen.to_dict()}, indent=2, ensure_ascii=False))
    else:
        show_method_scores(seen)


def show_method_scores(seen: MethodComparison) -> None:
    """Print the sentence, a row for each method, and what the numbers are."""
    out = console(sys.stdout)
    say(out, seen.conclusion(), "bold")
    together = f"behind ({seen.level:.0%} of all at once)"
    grid = make_grid(
        "method", "log loss", together, "Brier", "miscalibrated", f"slope ({seen.level:.0%})", ""
    )
    for one in seen.scores:
        behind = "" if one.verdict == "best" else f"{one.behind:.4f}"
        if behind and one.behind_lower is not None:
            behind += f" ({one.behind_lower:.4f} to {one.behind_upper:.4f})"
        slope = "" if one.slope is None else f"{one.slope:.2f}"
        if one.slope_lower is not None:
            slope += f" ({one.slope_lower:.2f} to {one.slope_upper:.2f})"
        numbers = (f"{one.log_loss:.4f}", behind, f"{one.brier:.4f}", f"{one.calibration_error:.1%}", slope)
        grid.add_row(*map(Text, [one.method, *numbers, one.verdict]))
    out.print(grid)
    for text in remarks_of(seen):
        say(out, f"• {text}", "dim")


def remarks_of(seen: MethodComparison) -> list[str]:
    """What the numbers of a comparison rest on, in sentences."""
    clusters = "each vote by itself"
    if seen.clustered_by != "vote":
        clusters = f"{seen.clusters:,} clusters of votes with one {seen.clustered_by}"
    held = "later votes from earlier ones" if seen.by == "time" else f"votes held out by {seen.by}"
    found = [
        f"{seen.votes:,} votes asked about: {held}, in {seen.folds} parts; intervals from {clusters}.",
        "Methods without a parameter of ties have ties added so that their expected shares stay; "
        "no_strengths takes all models for equal.",
    ]
    if seen.unscored:
        found.append(
            f"{seen.unscored:,} votes were not asked about: those left do not link their models, or a method "
            "gives them no chance."
        )
    if seen.left_out:
        found.append(f"Left out: {join_names([f'{name} ({why})' for name, why in seen.left_out.items()], 9)}")
    return found
