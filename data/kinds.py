"""What a file holds: votes, a table of scores, or an election."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from data.sources import check_file, ending, open_source
from ranking import SourceError

Kind = Literal["votes", "scores", "election"]
ELECTIONS = (".soc", ".soi", ".toc", ".toi")
VOTES = {"model_a", "model_b", "winner", "p_a", "models", "places"}
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def kind_of(source: str) -> Kind:
    """Say what a file holds by its ending and its columns.

    A PrefLib ending is an election. A file without the columns of votes whose first column is text and
    of whose others most are numbers is a table of scores, models in rows. Everything else is taken for
    votes, so that the error about it names the columns votes need.
    """
    path = Path(source)
    if path.suffix.lower() in ELECTIONS:
        return "election"
    if path.is_dir() or ending(path) not in (".csv", ".tsv", ".parquet"):
        return "votes"
    try:
        if ending(path) == ".parquet" and VOTES & set(pq.read_schema(check_file(path)).names):
            return "votes"  # without DuckDB, which takes a tenth of a second to import
        columns = open_source(source).columns
    except (SourceError, pa.ArrowException, OSError):
        return "votes"
    if VOTES & {name.lower() for name in columns}:
        return "votes"
    first, *others = columns.values()
    numbers = sum(kind.startswith(NUMBERS) for kind in others)
    return "scores" if first == "VARCHAR" and others and 2 * numbers > len(others) else "votes"
