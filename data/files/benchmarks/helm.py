"""Tables of HELM (Stanford CRFM), as its leaderboards and `helm-summarize` write them into groups/*.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agon.data.files.benchmarks.reported_score import ReportedScore

_MEANS = ("mean win rate", "mean score")  # over the other columns: no task


def is_helm(document: Any) -> bool:
    """Whether a document is one table, or a list of them."""
    tables = document if isinstance(document, list) else [document]
    return bool(tables) and all(isinstance(one, dict) and {"header", "rows"} <= one.keys() for one in tables)


def helm_tables(document: Any, origin: str) -> Iterator[ReportedScore]:
    """The scores of the tables; the metric of a score is the title of its table.

    Raises:
        KeyError, TypeError, ValueError: it is not of this shape.
    """
    for table in document if isinstance(document, list) else [document]:
        heads = [head["value"] if isinstance(head, dict) else head for head in table["header"]]
        lower = [head.get("lower_is_better") if isinstance(head, dict) else None for head in table["header"]]
        metric = str(table.get("name") or table.get("title") or "score")
        for row in table["rows"]:
            values = [cell.get("value") if isinstance(cell, dict) else cell for cell in row]
            if len(values) != len(heads):
                raise ValueError(f"a row of {len(values)} cells under {len(heads)} headings")
            for head, value, less in zip(heads[1:], values[1:], lower[1:], strict=True):
                if head.strip().lower() in _MEANS:
                    continue
                score = None if value is None else float(value)
                yield ReportedScore(
                    str(values[0]), head, metric, score, None if less is None else not less, origin
                )
