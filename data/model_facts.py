"""What is known of models beside their votes: facts from a table, and what a log measured."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

from agon.data.files.reader import read_rows
from agon.data.log.log_frames import open_log
from agon.data.validation import rows_text
from agon.ranking.errors import SourceError
from agon.ranking.text import join_names


def read_facts(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read a table of facts, one row a model, with a column `model`; empty cells are unknown.

    Args:
        path: of a CSV, JSON, JSON Lines or Parquet file.

    Returns:
        {model: {fact: value}}; what reads as a number is one.

    Raises:
        SourceError: the file cannot be read, has no column `model`, a row without a name, or a name twice.
    """
    rows = read_rows(Path(path))
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


def measured_facts(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Say what a log measured of the models' answers.

    Returns:
        {model: facts}: medians of `first_token` and `seconds` (seconds), `tokens` (of an answer) and
        `tokens_per_second`, over answers that came whole; `failures`, the share of answers that did not.

    Raises:
        SourceError: no log.
    """
    frame: Any = open_log(folder).generations
    found: dict[str, dict[str, Any]] = {}
    for model, rows in frame.groupby("model"):
        well = rows[rows["failure"].isna()]
        medians = {
            "first_token": well["time_to_first_token"].median(),
            "seconds": well["seconds"].median(),
            "tokens": well["tokens"].median(),
            "tokens_per_second": well["tokens_per_second"].median(),
            "failures": float(rows["failure"].notna().mean()),
        }
        found[str(model)] = {name: float(value) for name, value in medians.items() if not isnan(value)}
    return found


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
