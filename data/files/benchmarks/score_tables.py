"""Score tables from files and frames: one row a model, one column of numbers a task.

Nothing here ranks. The table itself is checked by `ranking.score_table.ScoreTable`; here only what can go
wrong on the way there: columns that are no numbers, models without a name or named twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from agon.data.files.benchmarks.long_tables import (
    ITEM_COLUMNS,
    METRIC_COLUMNS,
    SCORE_COLUMNS,
    SEED_COLUMNS,
    TASK_COLUMNS,
    spread_scores,
)
from agon.data.files.benchmarks.reports import is_report, read_reports
from agon.data.files.reader import list_files, read_rows
from agon.ranking.errors import OptionError, SourceError, VotesError, suggest
from agon.ranking.votes.score_table import Direction, ScoreTable

MODEL_COLUMNS = ("model", "system", "name", "team", "submission")  # headings that say whose row it is
GAPS = ("", "-", "--", "–", "n/a", "na", "nan", "none", "null")  # written for "no score", in any case
_SHOWN = 3  # rows or columns a message names
# Words in headings beside tasks that are none, and in those of tasks where less is better.
NO_TASK = {"average", "avg", "params", "parameters", "rank", "votes", "likes", "hub", "id", "link", "url"}
LESS = {"latency", "time", "price", "cost", "loss", "error", "perplexity", "wer", "toxicity"}
_NUMBER = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(?:%|\[[0-9]+\]|[^\w\s.,+-]+)?")  # 70.1%, 0.6 [1]
COMMA = re.compile(r"[-+]?[0-9]+,[0-9]{1,2}%?")  # a decimal comma


def score_table(
    source: Any,
    *,
    model: str | None = None,
    tasks: Sequence[str] | None = None,
    ignore: Iterable[str] = (),
    weights: Mapping[str, float] | None = None,
    groups: Mapping[str, str] | None = None,
    group_weights: Mapping[str, float] | None = None,
    directions: Mapping[str, Direction] | Direction | None = None,
    metric: str | Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    invalid: Literal["error", "drop"] = "error",
) -> ScoreTable:
    """Read a table of benchmark scores: a row a model, a score (model, task, score), or a task; or reports.

    Args:
        source: path of a .csv, .tsv, .parquet, .json or .jsonl file, of reports of lm-evaluation-harness,
            HELM or Inspect, of a folder or a pattern of these, or a list; or a DataFrame (pandas, polars) or
            Arrow table. An index with a name or with texts is the column of the models.
        model: column with the models' names; None for the one called model, system, name, team or
            submission, or else the first if it has no heading.
        tasks: columns with the tasks, if not all the others.
        ignore: columns that are no tasks, such as "URL" or "Average".
        weights: of tasks, 0 or more; tasks not named weigh 1.
        groups: the group of each task, all tasks or none.
        group_weights: of groups, for two-level rules.
        directions: "lower" for tasks where less is better; tasks that sound like a cost (latency, loss, …)
            must be told, unless a report does.
        metric: of tasks with several, names in order of preference.
        columns: our name for a column of a row a score (task, score, item, seed, metric) → its name.
        invalid: "drop" leaves out and counts columns that are no numbers, cells that are no number, tasks
            that rank nobody and models without a score; "error" refuses them by name.

    Raises:
        SourceError: no such file, no column of models, no task, a column that is no numbers.
        VotesError: a model named twice or not at all, a value that is no number, an infinite score, a
            task that ranks nobody, a model without a score; rows and columns are named.
        OptionError: unknown columns, tasks or directions, a negative or NaN weight.
    """
    if invalid not in ("error", "drop"):
        raise OptionError(f'invalid must be "error" or "drop", not {invalid!r}.')
    label, given, reported = _columns(source)
    given = _named(label, given, columns or {})
    wanted_metrics = [metric] if isinstance(metric, str) else list(metric)
    if model is not None and model in given and _long(given):
        given, model = _named(label, given, {"model": model}), None
    lost, measured = dict[str, int](), dict[str, str]()
    if model is None:
        given, lost, measured = _by_model(label, given, wanted_metrics, invalid)
    elif wanted_metrics:
        _no_metrics(label)
    whose = _model_column(label, given, model)
    names = _names(label, whose, given[whose])
    if isinstance(ignore, str):
        raise OptionError(f"ignore must be a list of given, not the text {ignore!r}; write [{ignore!r}].")
    ignore = tuple(ignore)
    wanted = _tasks(label, given, whose, tasks, ignore)
    scores, text = [], []
    for task in wanted:
        values, strange = _numbers(given[task])
        if strange:
            text.append((task, strange, given[task]))
        scores.append(values)
    if text and invalid == "error":
        raise _not_numbers(label, text, names, ignore)
    texts = {task for task, strange, _ in text if _is_text(strange, names)}
    spoilt = sum(len(strange) for task, strange, _ in text if task not in texts)
    kept = [i for i, task in enumerate(wanted) if task not in texts]
    if not kept:
        raise SourceError(f"{label} has no column of numbers to take as a task; check its columns.")
    kept_tasks = [wanted[i] for i in kept]
    if directions is None or isinstance(directions, Mapping):
        known = {task: way for task, way in reported.items() if task in kept_tasks}
        directions = {**known, **(directions or {})}
    if tasks is None:
        _check_tasks(label, kept_tasks, directions, measured, ignore)
    table = ScoreTable.of(
        names,
        [wanted[i] for i in kept],
        np.stack([scores[i] for i in kept], axis=1),
        directions=directions,
        weights=weights,
        groups=groups,
        group_weights=group_weights,
        invalid=invalid,
    )
    counted = {"columns that are no numbers": len(texts), "cells that are no number": spoilt, **lost}
    left_out = {reason: count for reason, count in counted.items() if count}
    return replace(table, left_out={**left_out, **table.left_out}) if left_out else table


Values = npt.NDArray[Any]


def _columns(source: Any) -> tuple[str, dict[str, Values], dict[str, Direction]]:
    """What to call the source, its columns (an index that names rows first), and directions that it says."""
    known: dict[str, Direction] = {}
    listed = isinstance(source, Sequence) and not isinstance(source, str)
    if isinstance(source, str | Path) or (listed and all(isinstance(one, str | Path) for one in source)):
        parts = list_files([source] if isinstance(source, str | Path) else source)
        label = parts[0].name if len(parts) == 1 else f"{parts[0].name} and {len(parts) - 1} more"
        if is_report(parts[0]):
            columns, known = _columns_of_reports(parts)
        elif len(parts) == 1:
            columns = _columns_of_file(parts[0])
        else:
            columns = _one_below_another(label, [_columns_of_file(part) for part in parts])
    elif hasattr(source, "iloc"):
        label, columns = "The table", _columns_of_pandas(source)
    elif hasattr(source, "__arrow_c_stream__"):
        table = pa.table(source)
        label, columns = "The table", {name: _objects(table[name].to_pylist()) for name in table.column_names}
    else:
        kind = type(source).__name__
        votes = "these are votes; rank them as they are, with ag.rank"
        hint = votes if hasattr(source, "pairs") else "give a .csv or .parquet file or a frame"
        raise SourceError(f"Cannot read a {kind} as a score table; {hint}.")
    if not columns or not len(next(iter(columns.values()))):
        raise SourceError(f"{label} has no row; give one for each model.")
    if {"model_a", "model_b"} <= columns.keys():
        raise SourceError(f"{label} holds votes, no scores of tasks; read it with ag.comparisons.")
    if {"rank", "rank_lower", "rank_upper"} <= columns.keys():
        raise SourceError(f"{label} is a board already; give the votes that it was ranked from.")
    return label, columns, known


def _columns_of_reports(parts: Sequence[Path]) -> tuple[dict[str, Values], dict[str, Direction]]:
    """The scores of reports, a row a score, and which end of each task is the better one."""
    _, results = read_reports(parts)
    names = ("model", "task", "metric", "score")
    columns = {name: _objects([getattr(result, name) for result in results]) for name in names}
    ways: dict[str, Direction] = {}
    for result in results:
        if result.higher is not None:
            ways[result.task] = "higher" if result.higher else "lower"
    return columns, ways


def _one_below_another(label: str, tables: Sequence[dict[str, Values]]) -> dict[str, Values]:
    """Parts of one table."""
    for columns in tables[1:]:
        if set(columns) != set(tables[0]):
            odd = sorted(set(columns) ^ set(tables[0]))
            raise SourceError(
                f"{label} are not parts of one table: only some have {odd[0]!r}; give those of one alone."
            )
    return {name: np.concatenate([columns[name] for columns in tables]) for name in tables[0]}


def _named(label: str, columns: dict[str, Values], ours: Mapping[str, str]) -> dict[str, Values]:
    """The columns under the names that were asked for."""
    for theirs in ours.values():
        if theirs not in columns:
            raise OptionError(f"{label} has no column {theirs!r}; {suggest(theirs, columns)}")
    turned = {theirs: name for name, theirs in ours.items()}
    return {
        turned.get(name, name): values
        for name, values in columns.items()
        if name not in ours or name in turned
    }


def _columns_of_file(path: Path) -> dict[str, Values]:
    """The columns of a file, texts as they are written."""
    rows = read_rows(path)
    if rows.broken:
        reason, number = rows.broken[0]
        raise SourceError(f"{path} has a {reason} in row {number}; correct it.")
    columns = {name: _objects(_as_list(rows.values(name))) for name in rows.columns}
    index = [name for name in columns if name.startswith("__index_level_")]  # of pandas, in parquet
    return {
        **{name.partition("__index_level_")[0]: columns[name] for name in index},
        **{name: values for name, values in columns.items() if name not in index},
    }


def _as_list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else list(values.to_pylist())


def _objects(values: list[Any]) -> Values:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _columns_of_pandas(frame: Any) -> dict[str, Values]:
    """The columns of a pandas frame."""
    index = frame.index
    if index.name is not None or index.dtype == object or str(index.dtype) in ("str", "string"):
        frame = frame.reset_index(names=[index.name if index.name is not None else ""])
    headings = [str(heading) for heading in frame.columns]
    for heading in headings:
        if headings.count(heading) > 1:
            places = [str(i + 1) for i, other in enumerate(headings) if other == heading]
            raise SourceError(
                f"The table has {len(places)} columns called {heading!r} (columns {', '.join(places)}); "
                "rename or remove all but one."
            )
    return {name: frame.iloc[:, i].to_numpy(dtype=object) for i, name in enumerate(headings)}


def _long(columns: dict[str, Values]) -> dict[str, str]:
    """Which column is the task, the score and so on of a table with a row a score; nothing of others."""
    known = {name.strip().lower(): name for name in reversed(columns)}
    kinds = {
        "model": MODEL_COLUMNS,
        "task": TASK_COLUMNS,
        "score": SCORE_COLUMNS,
        "item": ITEM_COLUMNS,
        "seed": SEED_COLUMNS,
        "metric": METRIC_COLUMNS,
    }
    named = {kind: known[one] for kind, names in kinds.items() for one in reversed(names) if one in known}
    return named if {"task", "score"} <= named.keys() else {}


def _by_model(
    label: str, columns: dict[str, Values], metric: Sequence[str], invalid: Literal["error", "drop"]
) -> tuple[dict[str, Values], dict[str, int], dict[str, str]]:
    """The table with a row a model and a column a task, however it was set.

    Returns:
        It, what was left out of it, and the metric of each task that has one.
    """
    named = _long(columns)
    if {"model", "task", "score"} <= named.keys():
        models, spread, lost, measured = spread_scores(label, columns, named, metric, invalid)
        scores = {task: _objects(found) for task, found in spread.items()}
        return {"model": _objects(models), **scores}, lost, measured
    if metric:
        _no_metrics(label)
    known = {name.strip().lower(): name for name in reversed(columns)}
    task = next((known[name] for name in TASK_COLUMNS if name in known), None)
    if task is None or any(name in known for name in MODEL_COLUMNS):
        return columns, {}, {}
    if task != next(iter(columns)) or len(columns) < 3:  # else its models are in columns
        return columns, {}, {}
    others = [name for name in columns if name != task]
    turned = {str(t): _objects([columns[m][i] for m in others]) for i, t in enumerate(columns[task])}
    return {"model": _objects(others), **turned}, {}, {}


def _no_metrics(label: str) -> NoReturn:
    raise OptionError(
        f"metric= (--metric) does not apply: {label} has no column of metrics beside model, task and score."
    )


def _check_tasks(
    label: str,
    tasks: Sequence[str],
    directions: Mapping[str, Direction] | Direction,
    measured: Mapping[str, str],
    ignore: Sequence[str],
) -> None:
    """Refuse what is no task by its name; and tasks or metrics that sound like a cost, untold."""
    words = {task: set(re.split(r"[^a-z]+", task.casefold())) for task in tasks}
    if none := [t for t in tasks if words[t] & NO_TASK or {"mean", "win", "rate"} <= words[t]]:
        listed = ", ".join(map(repr, none))
        raise SourceError(
            f"{label}: {listed} {'does' if len(none) == 1 else 'do'} not look like a task; leave it out with "
            f"ignore={[*ignore, *none]!r} (--ignore {quote(','.join([*ignore, *none]))}), or name the tasks "
            "with tasks=."
        )
    told = directions if isinstance(directions, Mapping) else dict.fromkeys(tasks, directions)
    costly = {
        task: words[task] | set(re.split(r"[^a-z]+", measured.get(task, "").casefold())) for task in tasks
    }
    less = [task for task in tasks if costly[task] & LESS and task not in told]
    if less:
        listed, first = ", ".join(map(repr, less)), less[0]
        raise SourceError(
            f"{label}: is less better on {listed}? Say so with directions={{{first!r}: 'lower'}} "
            f"(--lower {quote(','.join(less))}), or that more is with 'higher' (--higher)."
        )


def _model_column(label: str, columns: Mapping[str, Values], model: str | None) -> str:
    """The column that names the models."""
    if model is not None:
        if model not in columns:
            raise OptionError(f"{label} has no column {model!r} of models; {suggest(model, columns)}")
        return model
    known = [name for name in columns if name.strip().lower() in MODEL_COLUMNS]
    if not known:  # Model/adapter, Model Name
        known = [name for name in columns if re.split(r"[^a-z]", name.strip().lower())[0] in MODEL_COLUMNS][
            :1
        ]
    if len(known) == 1:
        return known[0]
    first = next(iter(columns))
    if not known and (not first.strip() or first.startswith("Unnamed")):
        return first
    if known:
        raise SourceError(
            f"{label} has the columns {' and '.join(known)}; say which names the models with model= "
            "(--column model=NAME)."
        )
    raise SourceError(
        f"{label} has no column called 'model'; say which column names the models with model=, for example "
        f"model={first!r} (--column model={first})."
    )


def _names(label: str, column: str, values: Values) -> list[str]:
    """The models' names, each there and each once; look-alikes count as the same."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for row, value in enumerate(values, start=1):
        missing = value is None or value != value  # noqa: PLR0124 - NaN differs from itself
        name = "" if missing else str(value).strip()
        if not name:
            raise VotesError(
                f"{label}, row {row} has no name in column {column!r}; name the model or remove the row."
            )
        key = re.sub(r"\s+", " ", name).casefold()
        if key in seen:
            other = names[seen[key] - 1]
            same = "twice" if other == name else f"beside {other!r}"
            raise VotesError(
                f"{label} lists {name!r} {same}, in rows {seen[key]} and {row}; keep one or tell them apart."
            )
        seen[key] = row
        names.append(name)
    return names


def _tasks(
    label: str, columns: Mapping[str, Values], model: str, tasks: Sequence[str] | None, ignore: Sequence[str]
) -> list[str]:
    """The columns that are tasks."""
    if isinstance(tasks, str):
        raise OptionError(f"tasks must be a list of columns, not the text {tasks!r}; write [{tasks!r}].")
    for option, given in (("tasks", tasks or ()), ("ignore", ignore)):
        for name in given:
            if name not in columns:
                raise OptionError(
                    f"{option} names {name!r}, which is no column of {label}; {suggest(name, columns)}"
                )
    left = [name for name in (columns if tasks is None else tasks) if name != model and name not in ignore]
    for name in left:
        if not name.strip():
            raise SourceError(
                f"{label} has a column without a heading; name it, or name the tasks with tasks=."
            )
    if not left:
        raise SourceError(f"{label} has no column beside {model!r} that could be a task; add the scores.")
    return left


def _numbers(values: Values) -> tuple[npt.NDArray[np.float64], list[int]]:
    """(N,) numbers, NaN for a gap, and the rows that hold something else."""
    numbers = np.full(len(values), np.nan)
    strange = []
    commas = [value for value in values if isinstance(value, str) and "," in value]
    if commas and all(COMMA.fullmatch(value.strip()) for value in commas):
        values = _objects([v.replace(",", ".") if isinstance(v, str) else v for v in values])
    for row, value in enumerate(values):
        if value is None or isinstance(value, bool | np.bool_):
            if value is not None:
                strange.append(row)
            continue
        if isinstance(value, str) and value.strip().lower() in GAPS:
            continue
        try:
            found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
            numbers[row] = float(value if found is None else found[1])
        except (TypeError, ValueError):
            if str(value) != "<NA>":
                strange.append(row)
    return numbers, strange


def _not_numbers(
    label: str, text: Sequence[tuple[str, list[int], Values]], names: Sequence[str], ignore: Sequence[str]
) -> SourceError | VotesError:
    """Name the columns of texts, or the single cells in columns that are numbers otherwise."""
    whole = [task for task, strange, _ in text if _is_text(strange, names)]
    if whole:
        listed = ", ".join(repr(task) for task in whole[:_SHOWN])
        more = f" and {len(whole) - _SHOWN} more" if len(whole) > _SHOWN else ""
        return SourceError(
            f"{label}: {listed}{more} {'is' if len(whole) == 1 else 'are'} no column of numbers; leave it "
            f"out with ignore={[*ignore, *whole]!r} (--ignore {quote(','.join([*ignore, *whole]))})."
        )
    problems = tuple(
        f"{label}, row {row + 1} ({names[row]}), column {task!r}: {str(values[row])!r} is no number; correct "
        "it or leave it empty."
        for task, strange, values in text
        for row in strange
    )
    more = f" ({len(problems) - 1} more such)" if len(problems) > 1 else ""
    return VotesError(problems[0] + more, problems)


def _is_text(strange: Sequence[int], names: Sequence[str]) -> bool:
    """Whether more than half of a column is no number: then it is no column of scores."""
    return 2 * len(strange) > len(names)
