"""Tables of HELM (Stanford CRFM), as its leaderboards and `helm-summarize` write them into groups/*.json.

What `helm-run` writes of one run before that, stats.json and its like, is known in order to be refused: it
does not say which of its many metrics, splits and perturbations counts; `helm-summarize` decides that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agon.data.files.benchmarks.reported_score import ReportedScore
from agon.ranking.errors import SourceError

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


def is_helm_run(document: Any) -> bool:
    """Whether a document is one that `helm-run` writes: statistics, their instances, the run or its state."""
    one = document[0] if isinstance(document, list) and document else document
    if not isinstance(one, dict):
        return False
    statistic = isinstance(one.get("name"), dict) and {"count", "sum"} <= one.keys()
    instance = {"instance_id", "stats"} <= one.keys()
    run = "adapter_spec" in one and bool({"scenario_spec", "request_states", "run_spec"} & one.keys())
    return statistic or instance or run


def refuse_helm_run(_document: Any, origin: str) -> Iterator[ReportedScore]:
    """Name what to give instead.

    Raises:
        SourceError: always.
    """
    raise SourceError(
        f"{origin} is of one run of HELM, which does not say which of its metrics counts; run helm-summarize "
        "--suite NAME and give a table that it writes: benchmark_output/runs/NAME/groups/GROUP.json."
    )
