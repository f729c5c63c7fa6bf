"""`agon board`: the reading pages over any votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from agon.arena.cli.arguments import (
    ColumnOption,
    InvalidOption,
    LabelOption,
    SourceArgument,
    TableOption,
    VotersOption,
    WhereOption,
    labels_of,
    pairs_of,
    readable,
)
from agon.data import read_any
from agon.ranking.text import join_names

if TYPE_CHECKING:
    from agon.arena.web.leaderboard.sources import VoteFile


def board_command(
    source: SourceArgument,
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address [default: 127.0.0.1]; 0.0.0.0 is all.")] = None,
    port: Annotated[int | None, Parameter(help="Port [default: 7860]; 0 is any free one.")] = None,
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
    """Open the leaderboard of a file or log in the browser: filters, every rule, adjusted for style.

    Nothing can be posted, and no cookie is set. A file or log that changes is read again.

    For example:

    agon board votes.parquet

    agon board agon-log --port 8000
    """
    from agon.arena.web.server import HOST, PORT, serve_votes

    given = Given(source, where, invalid, voters, column, label, table, lower)
    with readable(source) as paths:
        votes = given.open(paths)
        named = join_names([str(one) for one in source])
        serve_votes(votes, named, host or HOST, PORT if port is None else port)


@dataclass(frozen=True)
class Given:
    """Votes as a command names them, with the options of how they are read."""

    source: Sequence[Path]
    where: str | None
    invalid: str
    voters: str | None
    column: list[str] | None
    label: list[str] | None
    table: str | None
    lower: str | None

    def open(self, paths: Sequence[Path]) -> VoteFile:
        """Open them for the reading pages; `paths` are where they lie.

        Raises:
            AgonError: they cannot be read.
        """
        from agon.arena.web.leaderboard.sources import VoteFile

        reading: dict[str, Any] = {
            "where": self.where,
            "invalid": self.invalid,
            "voters": self.voters,
            "columns": pairs_of(self.column) or None,
            "labels": labels_of(self.label) or None,
            "table": self.table,
            "directions": {name: "lower" for name in (self.lower or "").split(",") if name},
        }
        options: dict[str, list[str]] = {
            "--invalid": [self.invalid] if self.invalid != "error" else [],
            "--voters": [self.voters] if self.voters else [],
            "--column": self.column or [],
            "--label": self.label or [],
            "--table": [self.table] if self.table else [],
            "--lower": [self.lower] if self.lower else [],
        }
        more = (word for option, values in options.items() for one in values for word in (option, one))
        words = (*map(str, self.source), *more)
        return VoteFile(paths, words, self.where, partial(read_any, list(paths), **reading))
