"""Reports of lm-evaluation-harness (EleutherAI), results_*.json: one of each model.

A metric stands under its name and the filter of the answers ("exact_match,strict-match"); of the filter
"none" the name is enough. A group is not read beside the tasks that it is the mean of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agon.data.files.benchmarks.reported_score import ReportedScore


def is_lm_eval(document: Any) -> bool:
    """Whether a document is one."""
    if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
        return False
    return bool({"config", "configs", "versions", "model_name"} & document.keys())


def lm_eval_results(document: Any, origin: str) -> Iterator[ReportedScore]:
    """Its scores.

    Raises:
        KeyError, TypeError, ValueError: it is not of this shape.
    """
    model = _model(document)
    better = document.get("higher_is_better") or {}
    parts = document.get("group_subtasks") or {}
    for task, metrics in document["results"].items():
        if parts.get(task):
            continue
        for key, value in metrics.items():
            metric, _, answers = key.partition(",")
            if metric.endswith("_stderr") or isinstance(value, str | bool) or value is None:
                continue
            name = metric if answers in ("", "none") else key
            yield ReportedScore(model, task, name, float(value), (better.get(task) or {}).get(metric), origin)


def _model(document: Any) -> str:
    """The model's name: its own field, or what the arguments say was loaded."""
    if isinstance(document.get("model_name"), str) and document["model_name"]:
        return str(document["model_name"])
    config = document["config"]
    arguments = config.get("model_args") or ""
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    for name in ("pretrained", "model", "path"):
        if arguments.get(name):
            return str(arguments[name])
    return str(config["model"])
