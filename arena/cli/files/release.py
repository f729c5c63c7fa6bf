"""`agon release`: a log as a data set to publish, with what is private covered and a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from agon.arena.cli.output.progress_line import progress
from agon.ranking.leaderboard.row import plain


def release_command(
    log: Annotated[Path, Parameter(help="The log folder; the arena may go on serving it.")],
    /,
    *,
    to: Annotated[Path, Parameter(help="The folder that is made.")],
    licence: Annotated[str, Parameter(help="Licence of the data, such as cc-by-4.0.")],
    title: Annotated[str | None, Parameter(help="Title of the card [default: Votes of an arena].")] = None,
    without_models: Annotated[
        str | None, Parameter(help="MODEL,... whose battles are withheld, such as those only tested.")
    ] = None,
    private: Annotated[
        Literal["cover", "withhold"],
        Parameter(help="Cover what looks private in texts, or withhold such votes."),
    ] = "cover",
    words: Annotated[
        str | None,
        Parameter(help="A list of words whose votes are withheld, as of [moderation]; or default."),
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace a release that is there.")] = False,
) -> None:
    """Write votes and texts as a data set that others may use: Parquet, a card, and what was withheld.

    Addresses, numbers and keys in texts are covered, voters and battles get fresh ids, times are rounded to
    the hour. Names and what is told in words are not found: read it before you publish it.

    For example:

    agon release agon-log --to release --licence cc-by-4.0

    agon check release/votes.parquet
    """
    from agon.arena.core.visitors.anonymised_release import release_log

    with progress("writing the release"):
        done = release_log(
            log,
            to,
            licence=licence,
            title=title,
            without=[one for one in (without_models or "").split(",") if one],
            private=private,
            words=words,
            replace=force,
        )
    print(plain(done.conclusion()))
    for reason, votes in done.withheld.items():
        print(f"Withheld: {votes:,} {plain(reason)}.")
    for kind, passages in done.covered.items():
        print(f"Covered: {passages:,} × {kind}.")
    print(f"Board of it (agon rank -m bradley_terry): {done.fingerprint}.")
