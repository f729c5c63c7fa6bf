"""Published votes into a vote log."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.counted_part import part_facts
from agon.data.files.snapshot_folder import snapshots
from agon.data.files.writer import write_table
from agon.data.importers.published import Imported
from agon.ranking import SourceError


def into_log(imported: Imported, source: Path, log: Path) -> tuple[Path, bool, int]:
    """Keep imported votes as a snapshot of a log folder, once.

    The name carries a digest of the file they came from, so that importing it again changes nothing. Votes
    that an earlier export brought (the same battle_id, models, turn and voter) are left out.

    Returns:
        The snapshot, whether it was written now, and how many votes the log had already.

    Raises:
        SourceError: `log` is a file, or the snapshot cannot be written.
    """
    if log.exists() and not log.is_dir():
        raise SourceError(f"{log} is a file, and a log is a folder; name a folder to import into.")
    if not imported.votes.num_rows:
        why = "; ".join(f"{rows:,} {reason}" for reason, rows in imported.dropped.items())
        raise SourceError(f"{source} holds no votes to import: {why or 'every row is of another kind'}.")
    if part_facts(source) is not None:
        raise SourceError(
            f"{source} holds counts, not votes one by one; rank it as it is: agon rank {source}."
        )
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    target = log / "votes" / f"{source.name.split('.')[0]}-{digest}.parquet"
    if target.exists():
        return target, False, 0
    keys, known = _keys(imported.votes), _known(log)
    new = np.array([key is None or key not in known for key in keys], dtype=bool)
    votes = imported.votes.filter(pa.array(new))
    if not votes.num_rows:
        return target, False, len(keys)
    names = pa.array([source.name] * votes.num_rows, pa.string())
    table = votes.rename_columns(["source_row" if name == "row" else name for name in votes.column_names])
    return write_table(table.append_column("source", names), target), True, int((~new).sum())


Key = tuple[Any, ...]


def _keys(votes: pa.Table) -> list[Key | None]:
    """What makes each vote itself; None where it has no identifier."""
    if "battle_id" not in votes.column_names:
        return [None] * votes.num_rows
    columns = [
        votes[name].to_pylist() if name in votes.column_names else [None] * votes.num_rows
        for name in ("battle_id", "model_a", "model_b", "turns", "voter")
    ]
    return [None if row[0] is None else row for row in zip(*columns, strict=True)]


def _known(log: Path) -> set[Key | None]:
    """The votes that files brought into the log."""
    known: set[Key | None] = set()
    for path in snapshots(log):
        table = pq.ParquetFile(path).read()
        if {"battle_id", "model_a"} <= set(table.column_names):
            known |= set(_keys(table))
    return known - {None}
