"""Frames of every make as an Arrow table, recognised by what they can do and not by their package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from agon.data.read_errors import sentence
from agon.ranking.errors import SourceError
from agon.ranking.leaderboard.leaderboard import Leaderboard

_ROWS = "its rows must be mappings such as {'model_a': ..., 'model_b': ..., 'winner': ...}"


def frame_to_arrow(frame: Any) -> pa.Table | None:
    """An Arrow table of a list of rows, a mapping of columns, a lazy frame or data set; None of other things.

    Raises:
        SourceError: rows of different kinds, columns of different lengths, or a column that mixes types.
    """
    try:
        return _table(frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, ValueError) as error:
        raise SourceError(f"The {type(frame).__name__} is no table: {sentence(error)}") from None


def _table(frame: Any) -> pa.Table | None:
    if isinstance(frame, Mapping):
        if any(hasattr(part, "column_names") or hasattr(part, "columns") for part in frame.values()):
            raise ValueError(f"it holds several data sets ({', '.join(map(str, frame))}); give one of them")
        if any(isinstance(part, Mapping) for part in frame.values()):
            raise ValueError(
                "it holds mappings; counts of wins go to ag.Comparisons.from_counts(models, wins)"
            )
        lengths = {len(part) for part in frame.values() if hasattr(part, "__len__") and not _is_text(part)}
        if len(lengths) != 1 or any(
            _is_text(part) or not hasattr(part, "__len__") for part in frame.values()
        ):
            raise ValueError(
                "its values must be columns, lists of one length; one vote is [{'model_a': ..., ...}], and "
                "scores are [{'model': ..., 'score': ...}, ...]"
            )
        return pa.table({str(name): column for name, column in frame.items()})
    if isinstance(frame, Leaderboard):
        raise ValueError("it is a board already; give the votes that it was ranked from")
    if isinstance(frame, Sequence) and not _is_text(frame):
        if any(isinstance(row, Leaderboard) for row in frame):
            raise ValueError(
                "it holds boards; ag.agreement(boards) and ag.compare_rules(boards) compare them"
            )
        if not all(isinstance(row, Mapping) for row in frame):
            raise ValueError(_ROWS)
        names = dict.fromkeys(name for row in frame for name in row)
        return pa.table({str(name): [row.get(name) for row in frame] for name in names})
    if hasattr(frame, "with_format") and hasattr(frame, "column_names"):  # a Dataset of Hugging Face
        return frame.with_format("arrow")[:] if hasattr(frame, "__len__") else _table(list(frame))
    if hasattr(frame, "collect") and hasattr(frame, "sink_parquet"):  # a LazyFrame of polars
        return pa.table(frame.collect())
    for name in ("to_table", "toArrow"):  # a Dataset of pyarrow, a DataFrame of Spark
        if hasattr(frame, name):
            return getattr(frame, name)()
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str | bytes)
