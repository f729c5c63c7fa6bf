"""`agon board`: the reading pages over any votes."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import uvicorn
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
from agon.arena.cli.server import HOST, PORT, GreetingServer, address_of, listen
from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.data import read_any


def board_command(
    source: SourceArgument,
    /,
    *,
    host: Annotated[str, Parameter(help="Address; 0.0.0.0 is all.")] = HOST,
    port: Annotated[int, Parameter(help="Port; 0 is any free one.")] = PORT,
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
    words = (source, *(word for option, values in given.items() for one in values for word in (option, one)))
    with readable(source) as path, contextlib.closing(listen(host, port)) as taken:
        votes = VoteFile(Path(path), words, where, partial(read_any, path, **reading))
        config = uvicorn.Config(
            reading_app(votes),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        where_open = address_of(host, taken.getsockname()[1])
        GreetingServer(config, f"The board of {source} is open at {where_open}\nCtrl+C closes it.").run(
            sockets=[taken]
        )
    print("Closed.", flush=True)
