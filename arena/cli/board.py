"""`agon board`: the reading pages over any votes."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

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
    reading: dict[str, Any] = {
        "where": where,
        "invalid": invalid,
        "voters": voters,
        "columns": pairs_of(column) or None,
        "labels": labels_of(label) or None,
        "table": table,
        "directions": {name: "lower" for name in (lower or "").split(",") if name},
    }
    given: dict[str, list[str]] = {
        "--invalid": [invalid] if invalid != "error" else [],
        "--voters": [voters] if voters else [],
        "--column": column or [],
        "--label": label or [],
        "--table": [table] if table else [],
        "--lower": [lower] if lower else [],
    }
    words = (
        *map(str, source),
        *(word for option, values in given.items() for one in values for word in (option, one)),
    )
    from agon.arena.web.leaderboard.sources import VoteFile
    from agon.arena.web.server import HOST, PORT, serve_votes

    with readable(source) as paths:
        votes = VoteFile(paths, words, where, partial(read_any, paths, **reading))
        serve_votes(
            votes, join_names([str(one) for one in source]), host or HOST, PORT if port is None else port
        )
