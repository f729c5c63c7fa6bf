"""`agon export` and `agon convert`: votes of a log or a file in another form."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import SourceArgument, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import EVERY_ROW, InvalidOption, VoteColumnOptions
from agon.ranking.leaderboard.row import plain


def export_command(
    source: SourceArgument,
    /,
    *,
    to: Annotated[
        Path,
        Parameter(name=["--to", "--output", "-o"], help="File, whose ending the form has, or folder."),
    ],
    as_: Annotated[
        str | None,
        Parameter(name="--as", help="Name of the form [default: what the ending of the file says]."),
    ] = None,
    ties: Annotated[
        Literal["drop", "both", "margin"] | None,
        Parameter(help="Leave ties out, write each both ways, or keep them with margin 0."),
    ] = None,
    criteria: Annotated[str | None, Parameter(help="CRITERION,... only votes on one of these.")] = None,
    min_agreement: Annotated[
        float, Parameter(help="Share of the votes on the same prompt and models that must say the same.")
    ] = 0.0,
    held_out: Annotated[
        float, Parameter(help="Share of the prompts whose votes go to a file test beside train.")
    ] = 0.0,
    ballots_by: Annotated[
        str | None, Parameter(help="For preflib: the column whose values become one ballot each.")
    ] = None,
    licence: Annotated[str | None, Parameter(help="Licence of the data, for the manifest.")] = None,
    consent: Annotated[str | None, Parameter(help="What the voters consented to, for the manifest.")] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace files that are there.")] = False,
    columns: VoteColumnOptions = EVERY_ROW,
    invalid: InvalidOption = "error",
) -> None:
    """Write votes in another form: whole or not at all, with a manifest of what was left out beside them.

    Forms: votes, csv, jsonl, lmarena, trl-preference, trl-kto, listwise, pairs-annotated, preflib. A log is
    read while the arena serves.

    For example:

    agon export agon-log --as trl-preference --to preferences

    agon export agon-log --as lmarena --to votes.parquet --licence CC-BY-4.0

    agon convert votes.parquet -o votes.csv
    """
    from agon.data.exporters.exporting import export

    with readable(source) as paths, progress("exporting votes"):
        done = export(
            paths,
            as_,
            to,
            ties=ties,
            criteria=[one for one in (criteria or "").split(",") if one],
            min_agreement=min_agreement,
            held_out=held_out,
            ballots_by=ballots_by,
            licence=licence,
            consent=consent,
            **columns.keywords(),
            invalid=invalid,
            replace=force,
        )
    files = ", ".join(f"{path} ({rows:,} row{'' if rows == 1 else 's'})" for path, rows in done.files.items())
    count = f"{done.votes:,} vote{'' if done.votes == 1 else 's'}"
    print(f"{count} in {plain(files)}; what was done is in {done.manifest}.")
    for reason, votes in done.left_out.items():
        print(f"Left out: {votes:,} {plain(reason)}.")


@wraps(export_command)
def convert_command(*sources: Any, **options: Any) -> None:  # noqa: D103 - below
    export_command(*sources, **options)


convert_command.__doc__ = """Write votes in another form, by the ending of the file: agon export, briefly.

For example:

agon convert votes.parquet -o votes.csv

agon convert scores.soc -o ballots.jsonl
"""
