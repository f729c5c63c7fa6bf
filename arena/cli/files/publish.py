"""`agon publish`: the reading pages over any votes as a folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import FactsOption, JudgesOption, SourceArgument, readable
from agon.arena.cli.board import vote_file
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import USUAL, ReadingOptions


def publish_command(
    source: SourceArgument,
    /,
    *,
    to: Annotated[Path, Parameter(help="Folder that is written.")],
    force: Annotated[
        bool, Parameter(negative="", help="Replace a folder that was published before.")
    ] = False,
    language: Annotated[
        Literal["en", "fr", "de", "es", "zh", "ar"], Parameter(help="Language of the pages.")
    ] = "en",
    facts: FactsOption = None,
    judges: JudgesOption = None,
    reading: ReadingOptions = USUAL,
) -> None:
    """Write the leaderboard as a folder of files: under every rule, of every kind of votes, with the data.

    No server and no script is needed to read it: open index.html, or put the folder behind any web server.

    For example:

    agon publish votes.parquet --to site
    """
    from agon.arena.web.publishing import publish_pages

    with readable(source) as paths:
        votes = vote_file(source, paths, reading, facts, judges)
        made = publish_pages(votes, to, force=force, language=language, progress=progress)
    print(f"{made.pages} pages are in {made.folder}/: open {made.folder}/index.html.")
