"""`agon publish`: the reading pages over any votes as a folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import (
    ColumnOption,
    InvalidOption,
    LabelOption,
    SourceArgument,
    TableOption,
    VotersOption,
    WhereOption,
    readable,
)
from agon.arena.cli.board import Given
from agon.arena.cli.output.progress_line import progress


def publish_command(
    source: SourceArgument,
    /,
    *,
    to: Annotated[Path, Parameter(help="Folder that is written.")],
    force: Annotated[
        bool, Parameter(negative="", help="Replace a folder that was published before.")
    ] = False,
    where: WhereOption = None,
    invalid: InvalidOption = "error",
    voters: VotersOption = None,
    column: ColumnOption = None,
    label: LabelOption = None,
    table: TableOption = None,
    lower: Annotated[
        str | None, Parameter(help="TASK,... of a table of scores where less is better.")
    ] = None,
) -> None:
    """Write the leaderboard as a folder of files: under every rule, of every kind of votes, with the data.

    No server and no script is needed to read it: open index.html, or put the folder behind any web server.

    For example:

    agon publish votes.parquet --to site
    """
    from agon.arena.web.publishing import publish_pages

    with readable(source) as paths:
        votes = Given(source, where, invalid, voters, column, label, table, lower).open(paths)
        made = publish_pages(votes, to, force=force, progress=progress)
    print(f"{made.pages} pages are in {made.folder}/: open {made.folder}/index.html.")
