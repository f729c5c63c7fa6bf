"""`agon board`: the reading pages over any votes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import SourceArgument, readable
from agon.arena.cli.reading import USUAL, Reading, ReadingOptions
from agon.ranking.text import join_names

if TYPE_CHECKING:
    from agon.arena.web.leaderboard.sources import VoteFile


def board_command(
    source: SourceArgument,
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address [default: 127.0.0.1]; 0.0.0.0 is all.")] = None,
    port: Annotated[int | None, Parameter(help="Port [default: 7860]; 0 is any free one.")] = None,
    reading: ReadingOptions = USUAL,
) -> None:
    """Open the leaderboard of a file or log in the browser: filters, every rule, adjusted for style.

    Nothing can be posted, and no cookie is set. A file or log that changes is read again.

    For example:

    agon board votes.parquet

    agon board agon-log --port 8000
    """
    from agon.arena.web.server import HOST, PORT, serve_votes

    with readable(source) as paths:
        votes = vote_file(source, paths, reading)
        named = join_names([str(one) for one in source])
        serve_votes(votes, named, host or HOST, PORT if port is None else port)


def vote_file(source: Sequence[Path], paths: Sequence[Path], reading: Reading) -> VoteFile:
    """Open votes, scores or a log for the reading pages; `paths` are where they lie.

    Raises:
        AgonError: they cannot be read.
    """
    from agon.arena.web.leaderboard.sources import VoteFile

    words = (*map(str, source), *reading.words())
    return VoteFile(paths, words, reading.where, reading.read)
