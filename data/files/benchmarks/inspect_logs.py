"""Logs of Inspect (UK AI Security Institute): one of each model and task, in JSON or an archive (.eval)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agon.data.files.benchmarks.reported_score import ReportedScore

_SPREAD = ("stderr", "std", "var", "bootstrap_stderr")


def is_inspect(document: Any) -> bool:
    """Whether a document is one."""
    return (
        isinstance(document, dict) and isinstance(document.get("eval"), dict) and "task" in document["eval"]
    )


def inspect_results(document: Any, origin: str) -> Iterator[ReportedScore]:
    """Its scores.

    Raises:
        KeyError, TypeError, ValueError: it is not of this shape, or the run did not succeed.
    """
    status = document.get("status", "success")
    if status != "success":
        raise ValueError(f"the run ended with the status {status!r}")
    scores = document["results"]["scores"]
    task, model = str(document["eval"]["task"]), str(document["eval"]["model"])
    for score in scores:
        for name, metric in score["metrics"].items():
            if name.rpartition("/")[2] in _SPREAD:
                continue
            label = name if len(scores) == 1 else f"{score['name']}/{name}"
            value = metric["value"] if isinstance(metric, dict) else metric
            yield ReportedScore(model, task, label, float(value), None, origin)
