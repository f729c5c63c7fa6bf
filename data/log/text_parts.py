"""What was drawn, asked, answered and studied, published as Parquet that everybody may read while the arena
serves.

Each of `LOG_TABLES` is a folder of the log, and each of its files holds the next `PART` rows in the order in
which they were written. Rows are only ever added, so a full part is never written again, and a log of a
million battles costs no more to publish than a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.writer import write_table

PART = 4096  # rows of a part: what is written anew, at most, when a row was added
_TEXT, _WHOLE, _NUMBER, _TIME = pa.string(), pa.int64(), pa.float64(), pa.timestamp("us", "UTC")
# The columns of each frame; docs/data.md explains them.
LOG_TABLES: Mapping[str, pa.Schema] = MappingProxyType(
    {
        "battles": pa.schema(
            {
                "battle_id": _TEXT,
                "created": _TIME,
                "models": pa.list_(_TEXT),
                "prompt_id": _TEXT,
                "category": _TEXT,
                "language": _TEXT,
                "policy": _TEXT,
                "policy_version": _WHOLE,
                "group_probability": _NUMBER,
                "pair_probabilities": pa.list_(_NUMBER),
                "seed": _TEXT,  # of up to 128 bits, which no number of a frame holds
                "voter": _TEXT,
            }
        ),
        "turns": pa.schema(
            {
                "battle_id": _TEXT,
                "turn": _WHOLE,
                "created": _TIME,
                "prompt": _TEXT,
                "images": pa.list_(_TEXT),
                "image_alts": pa.list_(_TEXT),
            }
        ),
        "generations": pa.schema(
            {
                "battle_id": _TEXT,
                "turn": _WHOLE,
                "slot": _WHOLE,
                "model": _TEXT,
                "created": _TIME,
                "text": _TEXT,
                "tokens": _WHOLE,
                "seconds": _NUMBER,
                "time_to_first_token": _NUMBER,
                "tokens_per_second": _NUMBER,
                "finish_reason": _TEXT,
                "failure": _TEXT,
                "detail": _TEXT,
                "reasoning": _TEXT,
                "reasoning_tokens": _WHOLE,
                "masked": pa.list_(_TEXT),
                "waited": _NUMBER,
            }
        ),
        "replacements": pa.schema(
            {
                "battle_id": _TEXT,
                "slot": _WHOLE,
                "attempt": _WHOLE,
                "model": _TEXT,
                "probability": _NUMBER,
                "created": _TIME,
            }
        ),
        "assignments": pa.schema(
            {"battle_id": _TEXT, "study": _TEXT, "seat": _WHOLE, "cell": _WHOLE, "attempt": _WHOLE}
        ),
        "criterion_votes": pa.schema(
            {
                "battle_id": _TEXT,
                "criterion": _TEXT,
                "places": pa.list_(_WHOLE),
                "acceptable": pa.list_(pa.bool_()),
            }
        ),
        "skips": pa.schema({"battle_id": _TEXT, "reason": _TEXT, "created": _TIME}),
        "attention_checks": pa.schema(
            {
                "study": _TEXT,
                "seat": _WHOLE,
                "item": _WHOLE,
                "voter": _TEXT,
                "created": _TIME,
                "prompt": _TEXT,
                "answers": pa.list_(_TEXT),
                "best": _WHOLE,
                "places": pa.list_(_WHOLE),
                "passed": pa.bool_(),
            }
        ),
        "withdrawals": pa.schema({"battle_id": _TEXT, "reason": _TEXT, "created": _TIME}),
        "erasures": pa.schema({"battle_id": _TEXT, "reason": _TEXT, "created": _TIME}),
        "consent_texts": pa.schema(
            {"created": _TIME, "languages": pa.list_(_TEXT), "texts": pa.list_(_TEXT)}
        ),
        "consents": pa.schema(
            {"voter": _TEXT, "text": _TEXT, "language": _TEXT, "given": pa.bool_(), "created": _TIME}
        ),
        "roster": pa.schema({"model": _TEXT, "status": _TEXT, "created": _TIME}),
        "remarks": pa.schema(
            {"battle_id": _TEXT, "reasons": pa.list_(_TEXT), "comment": _TEXT, "created": _TIME}
        ),
    }
)
STUDY_TABLES = ("assignments", "criterion_votes", "skips", "attention_checks")
# What people took back, said after a vote, and agreed to.
RIGHTS_TABLES = ("withdrawals", "erasures", "remarks", "consent_texts", "consents")
_AS_TEXT = {
    "battle_id": "replace(battle_id::VARCHAR, '-', '') AS battle_id",
    "seed": "seed::VARCHAR AS seed",
}
_SOURCES = {
    "battles": "battles AS t JOIN lineups USING (lineup)",
    "criterion_votes": "criterion_votes AS t JOIN ballots USING (ballot)",
}
_WHOSE = "SELECT min(applied)::VARCHAR || ' ' || max(version)::VARCHAR AS log FROM migrations"
_KEY = b"agon_log"  # in a part's metadata: which log, in which version of its schema
NO_PARTS: Mapping[str, Collection[int]] = MappingProxyType({})
_Query = Callable[[str, Mapping[str, Any]], "pa.Table"]


def publish(
    query: _Query, folder: Path, published: dict[str, int], anew: Mapping[str, Collection[int]] = NO_PARTS
) -> None:
    """Write the parts of a log that are not there yet, or that were not full.

    Args:
        query: runs SQL with named parameters on the log.
        folder: the log folder.
        published: how many rows of each table this process has published; brought up to date.
        anew: {table: numbers of parts} to be written again, because texts in them were erased.

    Raises:
        SourceError: a part cannot be written; those before it are there.
    """
    log = query(_WHOSE, {})["log"][0].as_py().encode()
    for name, schema in LOG_TABLES.items():
        count = query(f"SELECT count(*) AS n FROM {name}", {})["n"][0].as_py()
        known = published.get(name)
        again = anew.get(name, ())
        if known == count and not again:
            continue
        parts = -(-count // PART)
        for number in sorted({*again, *range((known or 0) // PART, parts)}):
            path, rows = folder / name / f"{number:06}.parquet", min(PART, count - number * PART)
            if known is None and number not in again and _holds(path, rows, log):
                continue
            columns = ", ".join(_AS_TEXT.get(column, column) for column in schema.names)
            sql = (
                f"SELECT {columns} FROM {_SOURCES.get(name, f'{name} AS t')} "
                f"WHERE t.rowid >= {number * PART} AND t.rowid < {number * PART + rows} ORDER BY t.rowid"
            )
            table = query(sql, {}).cast(schema)
            write_table(table.replace_schema_metadata({_KEY: log}), path, replace=True)
        if known is None:  # of a database that stood here before, and went on for longer
            for path in sorted((folder / name).glob("*.parquet"))[parts:]:
                path.unlink()
        published[name] = count


def _holds(path: Path, rows: int, log: bytes) -> bool:
    """Whether a file is this part of this log already."""
    try:
        found = pq.read_metadata(path)
    except (OSError, pa.ArrowException):  # not there, or cut short
        return False
    return found.num_rows == rows and (found.metadata or {}).get(_KEY) == log


def count_rows(folder: Path) -> dict[str, int]:
    """How many rows of each table a log folder has in its parts.

    Raises:
        pyarrow.ArrowException, OSError: a part cannot be read.
    """
    return {
        name: sum(pq.read_metadata(path).num_rows for path in part_files(folder, name)) for name in LOG_TABLES
    }


def part_files(folder: Path, name: str) -> list[Path]:
    """The parts of a table, in the order of their rows."""
    return sorted((folder / name).glob("[0-9]*.parquet"))
