"""What an audit said of the judges of a file of votes, kept in that file, so that it goes where it goes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.reader import PARQUET
from agon.data.files.writer import write_table
from agon.ranking.errors import SourceError
from agon.ranking.text import join_names

_KEY = b"agon.audit"


def mark_judges(path: Path, reasons: Mapping[str, tuple[str, ...]], *, forced: bool = False) -> None:
    """Write into a parquet file of votes why its judges were refused; judges without a reason passed.

    Args:
        path: of the votes.
        reasons: judge → why it is refused.
        forced: whether boards are made of them nevertheless, which say so.
    """
    table = pq.read_table(path)
    told = json.dumps({"judges": {name: list(why) for name, why in reasons.items()}, "forced": forced})
    metadata = {**(table.schema.metadata or {}), _KEY: told.encode()}
    write_table(table.replace_schema_metadata(metadata), path, replace=True)


def refused_judges(path: Path) -> dict[str, list[str]]:
    """The judges of a file that its audit refused, whose votes count only because they were forced to.

    Raises:
        SourceError: it refused some, and nobody forced them.
    """
    if path.is_dir() or path.suffix.lower() not in PARQUET:
        return {}
    try:
        held: bytes | None = (pq.read_schema(path).metadata or {}).get(_KEY)
        found: dict[str, Any] = json.loads(held) if held else {}
    except (OSError, pa.ArrowException, ValueError):
        return {}  # whoever reads the votes says what is wrong
    refused = {str(name): list(why) for name, why in found.get("judges", {}).items() if why}
    if refused and not found.get("forced"):
        first, *_ = refused
        raise SourceError(
            f"{path} holds votes of {join_names(list(refused))}, refused by the audit because "
            f"{refused[first][0]}; leave them out, or let them count with agon judge {path} --audit --force."
        )
    return refused
