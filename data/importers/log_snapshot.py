"""Published votes into a vote log."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from agon.data.files.writer import write_table
from agon.data.importers.published import Imported
from agon.ranking import SourceError


def into_log(imported: Imported, source: Path, log: Path) -> tuple[Path, bool]:
    """Keep imported votes as a snapshot of a log folder, once.

    The name carries a digest of the file they came from, so that importing it again changes nothing.

    Returns:
        The snapshot, and whether it was written now.

    Raises:
        SourceError: `log` is a file, or the snapshot cannot be written.
    """
    if log.exists() and not log.is_dir():
        raise SourceError(f"{log} is a file, and a log is a folder; name a folder to import into.")
    if not imported.votes.num_rows:
        raise SourceError(f"{source} holds no votes to import: every row is of another kind or was left out.")
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    target = log / "votes" / f"{source.name.split('.')[0]}-{digest}.parquet"
    if target.exists():
        return target, False
    names = pa.array([source.name] * imported.votes.num_rows, pa.string())
    table = imported.votes.rename_columns(
        ["source_row" if name == "row" else name for name in imported.votes.column_names]
    )
    return write_table(table.append_column("source", names), target), True
