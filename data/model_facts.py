"""What is known of models beside their votes: facts from a table, and what a log measured."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agon.data.files.reader import read_rows
from agon.data.files.snapshot_folder import holds_log
from agon.data.log.log_frames import check_log
from agon.data.log.text_parts import part_files
from agon.data.read_errors import sentence
from agon.data.validation import rows_text
from agon.ranking.errors import SourceError
from agon.ranking.inference.shares import median_interval, share_interval
from agon.ranking.text import join_names


def read_facts(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read a table of facts, one row a model, with a column `model`; empty cells are unknown.

    Args:
        path: of a CSV, JSON, JSON Lines or Parquet file, or of the .toml configuration of an arena, whose
            models have facts such as `price` and `licence`.

    Returns:
        {model: {fact: value}}; what reads as a number is one.

    Raises:
        SourceError: the file cannot be read, has no column `model`, a row without a name, or a name twice.
    """
    path = Path(path)
    if path.suffix.lower() == ".toml":
        return _configured(path)
    rows = read_rows(path)
    if "model" not in rows.columns:
        raise SourceError(
            f"{path} has no column 'model' that names the models; rename the one that does: it has "
            f"{join_names(list(rows.columns))}."
        )
    columns = {name: [_value(one) for one in list(rows.values(name))] for name in rows.columns}
    names = [str(name) if name is not None else "" for name in columns.pop("model")]
    seen: set[str] = set()
    for name, number in zip(names, rows.numbers.tolist(), strict=True):
        if not name or name in seen:
            what = f"names {name!r} a second time" if name else "names no model"
            raise SourceError(f"{path} {what} in {rows_text([number], 1)}; keep one row of each model.")
        seen.add(name)
    return {
        name: {fact: values[i] for fact, values in columns.items() if values[i] is not None}
        for i, name in enumerate(names)
    }


def _configured(path: Path) -> dict[str, dict[str, Any]]:
    """What the configuration of an arena says of its models.

    Raises:
        SourceError: the file cannot be read, or has no models.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SourceError(f"There is no file {path}; check the path.") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as TOML ({error}); correct it.") from None
    given = content.get("model")
    models = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    found = {
        str(one["name"]): {fact: one[fact] for fact in _CONFIGURED if fact in one}
        for one in models
        if "name" in one
    }
    if not found:
        raise SourceError(f"{path} configures no models; name the .toml of an arena, or a table of facts.")
    return found


_CONFIGURED = ("price", "input_price", "licence", "organisation")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a log measured of the answers of one model: a median or a share, with its interval at 95%.

    Attributes:
        value: the median, or the share.
        lower, upper: its bounds; None where so few answers give none.
        answers: of which it is.
    """

    value: float
    lower: float | None
    upper: float | None
    answers: int


def measure_answers(folder: str | Path, *, level: float = 0.95) -> dict[str, dict[str, Measured]]:
    """Measure the models' answers in a log, those of one battle as dependent.

    Returns:
        {model: {fact: measured}}: medians of `first_token` and `seconds` (seconds), `tokens` and `length`
        (characters) of an answer, and `tokens_per_second`, over answers that came whole; `failures`, the
        share of answers that did not come. A fact that was never measured is left out.

    Raises:
        SourceError: the log cannot be read.
    """
    try:
        parts = [_read_part(path) for path in part_files(Path(folder), "generations")]
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{folder} cannot be read: {sentence(error)}") from None
    if not parts:
        return {}
    table = pa.concat_tables(parts)
    column = {name: table[name].to_numpy() for name in (*_MEDIANS.values(), "length")}
    battle, model = (_numbered(table[name]) for name in ("battle_id", "model"))
    failed = np.asarray(table["failure"].is_valid())
    found: dict[str, dict[str, Measured]] = {}
    for number, name in enumerate(model[1]):
        own = model[0] == number
        facts = {}
        for fact, values in {
            **{f: column[c] for f, c in _MEDIANS.items()},
            "length": column["length"],
        }.items():
            known = own & ~failed & ~np.isnan(np.asarray(values, dtype=np.float64))
            if known.any():
                measured = median_interval(values[known], battle[0][known], level)
                facts[fact] = Measured(*measured, int(known.sum()))
        facts["failures"] = Measured(*share_interval(failed[own], battle[0][own], level), int(own.sum()))
        found[str(name)] = facts
    return dict(sorted(found.items()))


_MEDIANS = {
    "first_token": "time_to_first_token",
    "seconds": "seconds",
    "tokens": "tokens",
    "tokens_per_second": "tokens_per_second",
}  # facts and their columns


def _read_part(path: Path) -> pa.Table:
    """A part of the answers, with the length of each instead of its text."""
    names = ["battle_id", "model", "failure", *_MEDIANS.values(), "text"]
    table = pq.ParquetFile(path).read(columns=names)
    return table.drop_columns("text").append_column("length", pc.utf8_length(table["text"]))


def _numbered(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """(N,) number of each value, and the values."""
    encoded: Any = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def measured_facts(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Say what a log measured of the models' answers: the values of `measure_answers`.

    Raises:
        SourceError: no log, or it cannot be read.
    """
    found = measure_answers(check_log(Path(folder)))
    return {model: {fact: one.value for fact, one in facts.items()} for model, facts in found.items()}


def facts_of_models(paths: Sequence[Path], table: Path | None = None) -> dict[str, dict[str, Any]]:
    """Say what is known of the models of some votes: what a table says, and what their logs measured.

    Args:
        paths: of the votes; a log is its folder.
        table: as for `read_facts`, which goes before what was measured.

    Raises:
        SourceError: as `read_facts` and `measured_facts`.
    """
    known = read_facts(table) if table else {}
    for path in paths:
        if holds_log(path):
            for name, measured in measured_facts(path).items():
                known[name] = measured | known.get(name, {})
    return known


def _value(cell: Any) -> Any:
    """A cell as a number where it reads as one; None for an empty one."""
    cell = cell.as_py() if hasattr(cell, "as_py") else cell
    if cell is None or cell == "" or (isinstance(cell, float) and isnan(cell)):
        return None
    if isinstance(cell, str):
        try:
            return float(cell)
        except ValueError:
            return cell.strip()
    return cell
