"""Reading the snapshots of a log folder, which processes other than the arena's own can do at any time, and
putting several sources together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from agon.ranking.errors import SourceError, suggest
from agon.ranking.votes.vote_source import LogHead

if TYPE_CHECKING:
    import duckdb


CRITERIA = "criteria"  # the folder of a log that holds the votes of studies by criterion
SAME_MODEL = "same_model"  # the one that holds the votes of A/A battles
TESTING = "testing"  # the one that holds the votes on models that were not listed yet
WITHDRAWN = "withdrawn"  # the one that holds what withdrawn votes said
HEAD_KEY = b"agon_head"  # in the metadata of a snapshot: up to which event of the log its votes go


def holds_log(folder: Path) -> bool:
    """Whether an arena keeps a folder, so that snapshots may be behind: it has events or a database."""
    return (folder / "agon.duckdb").exists() or (folder / "events.jsonl").exists()


def keeps_store(folder: Path) -> bool:
    """Whether a folder is a store, which may have no vote yet: its other files are never read as votes."""
    begun = ("votes", "secret.key", "invitations.jsonl", "use/events.jsonl")
    return holds_log(folder) or any((folder / name).exists() for name in begun)


def criterion_file(folder: Path, criterion: str) -> Path:
    """The votes of a log folder by a criterion of its studies.

    Raises:
        SourceError: it is no log folder, or its votes were given by other criteria, or by none.
    """
    known = sorted(path.stem for path in (folder / CRITERIA).glob("*.parquet"))
    if criterion in known:
        return folder / CRITERIA / f"{criterion}.parquet"
    if not known:
        raise SourceError(
            f"{folder} holds no votes by a criterion: those of a study with criteria do; leave the criterion "
            "out to rank by the verdicts."
        )
    raise SourceError(f"{folder} has no votes by {criterion!r}; {suggest(criterion, known)}")


def snapshots(folder: Path) -> list[Path]:
    """The files of a log folder that hold votes, or the parts of a folder of parquet files, in order."""
    return sorted((folder / "votes").glob("*.parquet")) or sorted(folder.glob("*.parquet"))


def snapshot_head(source: object) -> LogHead | None:
    """Up to which event of its log the votes of a snapshot go; None of anything else.

    Args:
        source: the snapshot, or a log folder, where no other votes lie beside its snapshot.
    """
    if not isinstance(source, Path):
        return None
    files = snapshots(source) if source.is_dir() else [source]
    if len(files) != 1 or files[0].suffix.lower() != ".parquet":
        return None
    try:
        told = (pq.read_schema(files[0]).metadata or {}).get(HEAD_KEY)
    except (pa.ArrowException, OSError):
        return None
    return None if told is None else LogHead(**json.loads(told))


def escaped(path: Path) -> str:
    """A path in which * ? and [ mean themselves."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def open_folder(connection: duckdb.DuckDBPyConnection, folder: Path) -> duckdb.DuckDBPyRelation:
    """Open the votes of a log folder; where some are K-wise, those on pairs become lists of two.

    Raises:
        SourceError: there are none, or they cannot be read together.
    """
    files = snapshots(folder)
    if not files:
        raise SourceError(
            f"{folder} is a folder without votes: a log keeps them in {folder / 'votes'}/*.parquet; "
            "name a file, import votes into the log, or let people vote in its arena first."
        )
    layouts: dict[tuple[bool, bool], list[str]] = {}
    for file in files:
        one = connection.read_parquet(escaped(file), hive_partitioning=False)
        layouts.setdefault(("models" in one.columns, _several(one)), []).append(escaped(file))
    parts = [
        connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)
        for _, paths in sorted(layouts.items(), reverse=True)
    ]
    return put_together(connection, parts, str(folder))


def put_together(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[duckdb.DuckDBPyRelation], name: str
) -> duckdb.DuckDBPyRelation:
    """The rows of several sources one after the other; where some are K-wise, pairs become lists of two.

    Raises:
        SourceError: K-wise ballots and judgements in p_a.
    """
    listed, paired = (
        _union(connection, [part for part in parts if ("models" in part.columns) == kwise], f"part_{kwise}")
        for kwise in (True, False)
    )
    if listed is None or paired is None:
        return listed or paired  # type: ignore[return-value]  # one of them is there
    return _as_lists(connection, listed, paired, name)


def _union(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[duckdb.DuckDBPyRelation], view: str
) -> duckdb.DuckDBPyRelation | None:
    """Rows by the names of their columns; a column that one lacks is null there."""
    if len(parts) < 2:
        return parts[0] if parts else None
    if any(_several(part) for part in parts):
        parts = [part if _several(part) else _category_in_list(part) for part in parts]
    for number, part in enumerate(parts):
        part.create_view(f"{view}_{number}")
    return connection.sql(
        " UNION ALL BY NAME ".join(f"SELECT * FROM {view}_{number}" for number in range(len(parts)))
    )


def _several(part: duckdb.DuckDBPyRelation) -> bool:
    """Whether its votes may have several categories."""
    kinds = dict(zip(part.columns, map(str, part.types), strict=True))
    return kinds.get("category", "").endswith("[]")


def _category_in_list(part: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The votes with their category in a list, as others have several."""
    if "category" not in part.columns:
        return part
    return part.project(
        "* REPLACE (CASE WHEN category IS NOT NULL THEN [CAST(category AS VARCHAR)] END AS category)"
    )


def _as_lists(
    connection: duckdb.DuckDBPyConnection,
    listed: duckdb.DuckDBPyRelation,
    paired: duckdb.DuckDBPyRelation,
    name: str,
) -> duckdb.DuckDBPyRelation:
    """Put votes on pairs beside K-wise ones, as lists of two."""
    if "p_a" in paired.columns:
        raise SourceError(
            f"{name} holds K-wise ballots and judgements in p_a, which are not read together; "
            "name one of its files."
        )
    listed.create_view("listed")
    paired.create_view("paired")
    amounts = [name for name in listed.columns if {f"{name}_a", f"{name}_b"} <= set(paired.columns)]
    gone = "".join(f', "{name}_a", "{name}_b"' for name in amounts)
    kept = "".join(f', ["{name}_a", "{name}_b"] AS "{name}"' for name in amounts)
    return connection.sql(
        f"FROM listed UNION ALL BY NAME SELECT * EXCLUDE (model_a, model_b, winner{gone}){kept}, "
        "[model_a, model_b] AS models, CASE winner WHEN 'model_a' THEN [1, 2] WHEN 'model_b' THEN [2, 1] "
        "WHEN 'tie' THEN [1, 1] WHEN 'both_bad' THEN [1, 1] END AS places, "
        "CASE winner WHEN 'both_bad' THEN [false, false] END AS acceptable FROM paired"
    )
