"""Tables with a row a score: model, task and score, with an item, a seed and a metric if there are.

They become tables with a row a model and a column a task: the metric that is asked for, the mean over the
seeds of an item, then over the items of a task. Other columns, such as a standard error, are not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from agon.ranking.errors import OptionError, VotesError, suggest
from agon.ranking.text import join_names

TASK_COLUMNS = ("task", "benchmark", "dataset")  # headings of a table that has its tasks in rows
SCORE_COLUMNS = ("score", "value")  # beside a model and a task: a row a score
ITEM_COLUMNS = ("item", "item_id", "sample_id", "question_id", "doc_id", "example")
SEED_COLUMNS = ("seed", "run", "epoch", "repeat")
METRIC_COLUMNS = ("metric", "metric_name")
_Cells = dict[tuple[str, str], list[tuple[int, Any, str, str]]]


def spread_scores(
    label: str,
    columns: Mapping[str, Any],
    named: Mapping[str, str],
    metric: Sequence[str],
    invalid: Literal["error", "drop"],
) -> tuple[list[str], dict[str, list[Any]], dict[str, int], dict[str, str]]:
    """Bring a row a score into a row a model.

    Args:
        label: what messages call the table.
        columns: its columns.
        named: which of them is "model", "task" and "score", and "item", "seed", "metric" if there are such.
        metric: names in order of preference; of each task the first that it has is taken.
        invalid: "drop" takes of a task only the items that all of its models have.

    Returns:
        The models, a column of scores for each task, what was left out, by reason, and the metric of each
        task that has one.

    Raises:
        VotesError: two scores of a model on a task that nothing tells apart, or items that a model lacks.
        OptionError: a task with several metrics of which none was chosen, or a choice that no task has.
    """
    size = len(columns[named["model"]])
    empty = [""] * size
    item, seed, metrics = (
        [*map(str, columns[named[name]])] if name in named else empty for name in ("item", "seed", "metric")
    )
    models, tasks = (list(map(str, columns[named[name]])) for name in ("model", "task"))
    chosen = _metrics(label, tasks, metrics, metric)
    cells: _Cells = defaultdict(list)
    for row in range(size):
        if metrics[row] == chosen[tasks[row]]:
            score = columns[named["score"]][row]
            cells[models[row], tasks[row]].append((row, score, item[row], seed[row]))
    for (model, task), found in cells.items():
        seen: dict[tuple[str, str], int] = {}
        for row, _, one, run in found:
            if (first := seen.setdefault((one, run), row)) != row:
                raise VotesError(
                    f"{label}, row {row + 1}: {model!r} has another score on {task!r}, in row {first + 1}; "
                    "give one score for each model and task, or say what tells them apart in a column item, "
                    "seed or metric."
                )
    left_out: dict[str, int] = {}
    if "item" in named:
        left_out = _same_items(label, cells, invalid)
    order = list(dict.fromkeys(models)), list(dict.fromkeys(tasks))
    spread = {task: [_mean(cells.get((model, task), [])) for model in order[0]] for task in order[1]}
    return order[0], spread, left_out, {task: name for task, name in chosen.items() if name}


def _metrics(
    label: str, tasks: Sequence[str], metrics: Sequence[str], wanted: Sequence[str]
) -> dict[str, str]:
    """The metric of each task."""
    there: dict[str, dict[str, None]] = defaultdict(dict)
    for task, metric in zip(tasks, metrics, strict=True):
        there[task][metric] = None
    every = list(dict.fromkeys(metrics))
    for name in wanted:
        if not any(_is(name, metric) for metric in every):
            raise OptionError(f"{label} has no metric {name!r}; {suggest(name, every)}")
    chosen = {}
    for task, found in there.items():
        fits = [metric for name in wanted for metric in found if _is(name, metric)]
        if not fits and len(found) > 1:
            names = join_names(list(found))
            raise OptionError(
                f"{label}: {task!r} has the metrics {names}; choose one, or several in order of preference, "
                f"with metric={next(iter(found))!r} (--metric {next(iter(found))})."
            )
        chosen[task] = fits[0] if fits else next(iter(found))
    return chosen


def _is(name: str, metric: str) -> bool:
    """Whether a metric is the one that is named, with or without its filter."""
    return metric == name or metric.partition(",")[0] == name


def _same_items(label: str, cells: _Cells, invalid: str) -> dict[str, int]:
    """Refuse tasks whose models were not asked the same items, or keep the items that all of them have."""
    of: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for (model, task), found in cells.items():
        of[task][model] = {item for _, score, item, _ in found if score is not None and score == score}  # noqa: PLR0124
    dropped = 0
    for task, by_model in of.items():
        every = set.union(*by_model.values())
        shared = set.intersection(*by_model.values())
        if shared == every:
            continue
        if invalid == "error":
            model = min(by_model, key=lambda name: len(by_model[name]))
            raise VotesError(
                f"{label}: {model!r} has a score on {len(by_model[model]):,} of the {len(every):,} items of "
                f"{task!r}, and means over other items do not compare; add them, or take the items that all "
                'models have with invalid="drop" (--invalid drop).'
            )
        dropped += len(every - shared)
        for model in by_model:
            cells[model, task] = [one for one in cells[model, task] if one[2] in shared]
    return {"items that some models lack": dropped} if dropped else {}


def _mean(found: Sequence[tuple[int, Any, str, str]]) -> Any:
    """The mean over items of the mean over seeds; what stands there, where it is one score."""
    if len(found) < 2:
        return found[0][1] if found else None
    by_item: dict[str, list[float]] = defaultdict(list)
    for _, score, item, _ in found:
        try:
            by_item[item].append(float(score))
        except (TypeError, ValueError):
            return score  # which is no number, and is refused as such
    return float(np.mean([np.mean(values) for values in by_item.values()]))
