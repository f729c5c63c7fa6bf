"""`agon counts`: votes as counts that add up with those of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import VotesArgument, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import EVERY_ROW, EngineOption, InvalidOption, VoteColumnOptions
from agon.ranking.leaderboard.row import plain


def counts_command(
    source: VotesArgument,
    /,
    *,
    to: Annotated[
        Path, Parameter(name=["--to", "--output", "-o"], help="File to write, which ends in .parquet.")
    ],
    by: Annotated[
        str | None,
        Parameter(
            help="COLUMN,... whose values stay apart under random names, for intervals; none for none "
            "[default: voter and prompt, where there are]."
        ),
    ] = None,
    keep: Annotated[
        str | None, Parameter(help="COLUMN,... by which the votes can be chosen and cut, such as language.")
    ] = None,
    match: Annotated[
        str | None,
        Parameter(
            help="COLUMN,... with values that other parts share, known by their SHA-256; none for none "
            "[default: prompt, but those that were typed]."
        ),
    ] = None,
    groups: Annotated[
        int | None,
        Parameter(help="Put voters into so many groups by lot, so that nobody's votes stand alone."),
    ] = None,
    engine: EngineOption = None,
    force: Annotated[bool, Parameter(negative="", help="Replace a file that is there.")] = False,
    columns: VoteColumnOptions = EVERY_ROW,
    invalid: InvalidOption = "error",
) -> None:
    """Write how often each ballot was cast: a part, which adds up with those of others to one board.

    Arenas, years or countries exchange parts instead of votes: a part has no texts, times or names of voters.
    `agon rank` gives the same board for the parts as for all votes.

    For example:

    agon counts agon-log --to paris.parquet --keep language

    agon rank paris.parquet berlin.parquet
    """
    from agon.data.exporters.vote_counts import write_counts

    with readable(source) as paths, progress("counting votes"):
        done = write_counts(
            paths,
            to,
            by=None if by is None else _names(by),
            keep=_names(keep),
            match=None if match is None else _names(match),
            groups=groups,
            replace=force,
            **columns.keywords(),
            engine=engine,
            invalid=invalid,
        )
    print(f"{plain(done.conclusion())}.")


def _names(text: str | None) -> list[str]:
    """Names between commas; none of the word none."""
    return [name for name in (text or "none").split(",") if name and name != "none"]
