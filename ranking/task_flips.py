"""How few tasks of a score table would have to go before two models swap places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from ranking.errors import AgonError
from ranking.flips import Change, Flip, swapped_pair
from ranking.profiles import levels
from ranking.registry import Method, Rule, find
from ranking.results import as_values
from ranking.score_table import ScoreTable


def flip_tasks(
    table: ScoreTable,
    method: str | Rule | Method,
    upper: str | None = None,
    lower: str | None = None,
    *,
    tries: int = 2000,
    **options: Any,
) -> Flip:
    """Look for the fewest tasks of a score table without which two models swap.

    All sets of one task are tried, then of two, as long as `tries` lasts; then tasks are left out one
    after the other, each time the one that helps most.

    Args:
        table: the scores.
        method, upper, lower, options: as for `flip_votes`.
        tries: sets of tasks that may be ranked.

    Raises:
        As `flip_votes`.
    """
    rule = find(method)
    settings = rule.settings(options)
    a, b = swapped_pair(table.models, levels(rule, table, settings), upper, lower)
    used = np.flatnonzero(table.mass > 0)
    tried = 0

    def gap(gone: Sequence[int]) -> float:
        nonlocal tried
        tried += 1
        count = table.count.copy()
        count[list(gone)] = 0
        try:
            values = as_values(
                rule.function(rule.view_of(table.with_count(count)), **settings), len(table.models)
            )
        except AgonError:
            return -np.inf
        return float(values[b] - values[a]) if np.isfinite(values[[a, b]]).all() else -np.inf

    found, exact = _fewest(used.tolist(), gap, tries, lambda: tried)
    names = tuple(Change(1, table.tasks[t], "left out") for t in found or ())
    return Flip(
        rule.name,
        table.models[a],
        table.models[b],
        "tasks",
        "drop",
        None if found is None else len(found),
        len(used),
        exact,
        names,
        found is not None and _confirm_tasks(table, rule, settings, (a, b), found),
        tried,
    )


def _fewest(
    tasks: Sequence[int], gap: Callable[[Sequence[int]], float], tries: int, tried: Callable[[], int]
) -> tuple[list[int] | None, bool]:
    """The smallest set of tasks whose loss makes the gap positive, and whether no smaller one does."""
    whole = 0
    for size in range(1, len(tasks)):
        if tried() + comb(len(tasks), size) > tries:
            break
        for gone in combinations(tasks, size):
            if gap(gone) > 1e-9:
                return list(gone), True
        whole = size
    gone_so_far: list[int] = []
    while len(gone_so_far) < len(tasks) - 1:
        left = [task for task in tasks if task not in gone_so_far]
        gains = [gap([*gone_so_far, task]) for task in left]
        gone_so_far.append(left[int(np.argmax(gains))])
        if max(gains) > 1e-9:
            return gone_so_far, len(gone_so_far) == whole + 1
    return None, False


def _confirm_tasks(
    table: ScoreTable, rule: Method, settings: Mapping[str, Any], pair: tuple[int, int], gone: Sequence[int]
) -> bool:
    """Rank the table again without the tasks."""
    keep = np.setdiff1d(np.arange(len(table.tasks)), gone)
    grouped = {table.tasks[t]: table.groups[t] for t in keep} if table.groups else None
    again = ScoreTable.of(
        table.models,
        [table.tasks[t] for t in keep],
        table.values[:, keep],
        directions={table.tasks[t]: table.directions[t] for t in keep},
        weights={table.tasks[t]: float(table.mass[t]) for t in keep},
        groups=grouped,
        group_weights={name: table.group_weights[name] for name in set((grouped or {}).values())},
    )
    level = levels(rule, again, settings)
    return bool(level[pair[1]] < level[pair[0]])
