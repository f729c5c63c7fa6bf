"""`agon board`: the reading pages over any votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FactsOption, JudgesOption, SourceArgument, readable
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import USUAL, Reading, ReadingOptions, read_judges
from agon.data.model_facts import facts_of_models
from agon.ranking.text import join_names

if TYPE_CHECKING:
    from agon.arena.web.leaderboard.sources import VoteFile


def board_command(
    source: SourceArgument,
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address [default: 127.0.0.1]; 0.0.0.0 is all.")] = None,
    port: Annotated[int | None, Parameter(help="Port [default: 7860]; 0 is any free one.")] = None,
    facts: FactsOption = None,
    judges: JudgesOption = None,
    reading: ReadingOptions = USUAL,
) -> None:
    """Open the leaderboard of a file or log in the browser: filters, every rule, adjusted for style.

    Nothing can be posted, and no cookie is set. A file or log that changes is read again.

    For example:

    agon board votes.parquet

    agon board agon-log --port 8000

    agon board votes.parquet --facts models.csv

    agon board people.parquet --judges judged.parquet
    """
    from agon.arena.web.server import HOST, PORT, serve_votes

    with readable(source) as paths:
        votes = vote_file(source, paths, reading, facts, judges)
        named = join_names([str(one) for one in source])
        serve_votes(votes, named, host or HOST, PORT if port is None else port)


def vote_file(
    source: Sequence[Path],
    paths: Sequence[Path],
    reading: Reading,
    facts: Path | None = None,
    judges: Sequence[Path] | None = None,
) -> VoteFile:
    """Open votes, scores or a log for the reading pages; `paths` are where they lie.

    Raises:
        AgonError: they or the table of facts cannot be read, or votes of judges cannot be weighed.
    """
    from agon.arena.web.leaderboard.boards import make_board
    from agon.arena.web.leaderboard.query import ALL
    from agon.arena.web.leaderboard.sources import JudgesFiles, VoteFile

    words = (*map(str, source), *reading.words())
    table = ("--facts", str(facts)) if facts is not None else ()
    judged = JudgesFiles(tuple(judges), lambda paths: read_judges(paths, reading)) if judges else None
    opened = VoteFile(
        paths, words, reading.where, reading.read, lambda paths: facts_of_models(paths, facts), table, judged
    )
    if judged is not None:
        with progress("weighing votes of judges"):
            make_board(opened, ALL)  # what cannot be is said here, and not on a page
    return opened
