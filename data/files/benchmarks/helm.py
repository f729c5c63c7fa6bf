"""Tables of HELM (Stanford CRFM), as its leaderboards and `helm-summarize` write them into groups/*.json.

So are folders of single runs as `helm-run` writes them (benchmark_output/runs/SUITE/RUN); who reads them says
which of the many metrics counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agon.data.files.benchmarks.reported_score import ReportedScore
from agon.ranking.errors import SourceError

_SPLITS = ("test", "valid")  # what is scored, the first that is there
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


def helm_run_scores(document: Any, origin: str) -> Iterator[ReportedScore]:
    """The scores of a run's stats.json, of the model and the scenario that run_spec.json beside it names.

    The task is the scenario with its arguments, whatever else a model was told, as `helm-summarize` groups
    runs. Statistics of perturbed prompts and of training examples are not read; of several splits the one for
    testing is.

    Raises:
        SourceError: it is another file of the run, or run_spec.json is missing.
        KeyError, TypeError, ValueError: it is not of this shape.
    """
    path = Path(origin)
    spec = path.with_name("run_spec.json")
    if path.name != "stats.json" or not spec.exists():
        raise SourceError(
            f"{origin} alone does not say which model was scored on what; name the folder of the run, in "
            "which helm-run writes stats.json and run_spec.json."
        )
    run = json.loads(spec.read_text(encoding="utf-8"))
    given = run["scenario_spec"].get("args") or {}
    task = str(run["name"]).partition(":")[0]
    task += ":" + ",".join(f"{name}={value}" for name, value in given.items()) if given else ""
    model = str(run["adapter_spec"].get("model") or run["adapter_spec"]["model_deployment"])
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for one in document:
        name = one["name"]
        if name.get("perturbation") or name.get("split") not in _SPLITS or not one["count"]:
            continue
        total, count = found.setdefault(name["name"], {}).get(name["split"], (0.0, 0))
        found[name["name"]][name["split"]] = total + float(one["sum"]), count + int(one["count"])
    for metric, splits in found.items():
        total, count = next(splits[split] for split in _SPLITS if split in splits)
        yield ReportedScore(model, task, metric, total / count, None, origin)
