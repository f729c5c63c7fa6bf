"""Writing votes: parquet or CSV files that appear whole or not at all, and the snapshots of a log."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from data.importing import Imported
from ranking import OptionError, SourceError

WRITERS: dict[str, Callable[[pa.Table, Any], None]] = {
    ".parquet": pq.write_table,
    ".csv": pc.write_csv,
}


def write_table(table: pa.Table, path: Path, *, replace: bool = False) -> Path:
    """Write a table as parquet or CSV, by the ending; the file appears only when it is whole.

    Args:
        table: the rows.
        path: where to; its folder is made if it is missing.
        replace: whether a file that is there already may be replaced.

    Raises:
        OptionError: another ending.
        SourceError: the file is there already, or cannot be written.
    """
    check_target(path, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}.") from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            WRITERS[path.suffix](table, file)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return path


def check_target(path: Path, *, replace: bool = False) -> None:
    """Refuse a path that `write_table` would refuse, before anything is written elsewhere.

    Raises:
        OptionError: another ending than .parquet or .csv.
        SourceError: the file is there already.
    """
    if path.suffix not in WRITERS:
        raise OptionError(f"{path} must end in {' or '.join(WRITERS)}, which is the format it is written in.")
    if path.exists() and not replace:
        raise SourceError(f"{path} exists already; choose another name, or replace it with --force.")


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
