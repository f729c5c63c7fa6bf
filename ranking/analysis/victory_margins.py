"""How few votes would have to change before two models swap places: found by search, confirmed by ranking.

The number found suffices; unless `exact` says so a smaller one may exist. A vote that changes puts the
lower model first and the upper one last, where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb
from typing import Any, Literal

import numpy as np

from agon.ranking.analysis.margin_search import SHOWN, Change, ChangeKind, _Kinds, _Search
from agon.ranking.analysis.perturbation import Trial, levels
from agon.ranking.errors import AgonError, MethodError, OptionError, suggest
from agon.ranking.leaderboard.eligibility import keep_eligible
from agon.ranking.numerics import IntArray
from agon.ranking.registry import Method, Rule, find
from agon.ranking.results import as_values
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.score_table import ScoreTable


@dataclass(frozen=True, repr=False)
class MarginOfVictory(Readable):
    """What it takes to swap two models under a rule.

    Attributes:
        method: the rule.
        upper, lower: the models; the upper one is above on the votes as they are.
        unit: "votes" or "tasks".
        change: "swap" (they change) or "delete" (they are left out).
        number: how many were found to suffice, or None if none were found.
        total: how many there are.
        exact: whether every smaller number was tried.
        changes: which.
        confirmed: whether ranking the changed votes from the start puts the lower model above.
        tried: how many changed sets of votes were ranked.
    """

    method: str
    upper: str
    lower: str
    unit: Literal["votes", "tasks"]
    change: ChangeKind
    number: int | None
    total: int
    exact: bool
    changes: tuple[Change, ...]
    confirmed: bool
    tried: int

    def conclusion(self) -> str:
        """Say in one sentence what was found."""
        deeds = {"swap": ("changes", "change"), "delete": ("is left out", "are left out")}[self.change]
        if self.number is None:
            return (
                f"No set of {self.unit} that puts {self.lower} above {self.upper} under {self.method} was "
                f"found among {self.tried:,} tried."
            )
        one = self.unit if self.number != 1 else self.unit[:-1]
        which = "; ".join(f"{c.number:,} × {c.before}" for c in self.changes[:SHOWN])
        more = f"; {len(self.changes) - SHOWN} more kinds" if len(self.changes) > SHOWN else ""
        bound = "no smaller number does" if self.exact else "a smaller number may do"
        share = f"{self.number:,} of {self.total:,} {one} ({self.number / self.total:.2%})"
        checked = "confirms it" if self.confirmed else "does NOT confirm it"
        deed = deeds[self.number != 1]
        return (
            f"{self.lower} passes {self.upper} under {self.method} if {share} {deed} ({which}{more}); "
            f"{bound}, and ranking them again {checked}."
        )


def margin_of_victory(
    votes: Votes,
    method: str | Rule | Method,
    upper: str | None = None,
    lower: str | None = None,
    *,
    change: ChangeKind = "swap",
    tries: int = 2000,
    min_votes: int = 30,
    **options: Any,
) -> MarginOfVictory:
    """Look for the fewest votes whose change swaps two models.

    Each kind of vote that touches one of the models is tried by itself; kinds are then taken together,
    those first that move the models most per vote, until they swap, and the number is cut back.

    Args:
        votes: as for `rank`; of a score table each task is a vote.
        method: the rule.
        upper: the model that is above now; None for the first.
        lower: the model that shall pass it; None for the next below.
        change: "swap" lets the votes put `lower` first and `upper` last, "delete" leaves them out.
        tries: changed sets of votes that may be ranked.
        min_votes: ballots a model must have been shown in; the others are left out.
        options: of the rule.

    Raises:
        OptionError: an unknown model or `change`, or a pair that is not in this order.
        MethodError: a rule on scores, or one that plays votes in their order.
    """
    if "how" in options:
        raise OptionError('how="turn" is called change="swap" now, and how="drop" change="delete".')
    if change not in ("swap", "delete"):
        raise OptionError(f'change must be "swap" or "delete", not {change!r}.')
    rule = find(method)
    if rule.view == "scores":
        raise MethodError(f"{rule.name} ranks by scores, which are not votes; use task_margin_of_victory.")
    trial = Trial(rule, keep_eligible(as_comparisons(votes), min_votes)[0], rule.settings(options), tries)
    a, b = swapped_pair(trial.models, trial.base, upper, lower)
    search = _Search(trial, a, b, change, _Kinds.of(trial.profile, a, b, change))
    found = search.run()
    changes = search.describe(found) if found is not None else ()
    number = None if found is None else int(found.sum())
    total = int(trial.profile.count.sum())
    return MarginOfVictory(
        rule.name,
        trial.models[a],
        trial.models[b],
        "votes",
        change,
        number,
        total,
        number == 1,
        changes,
        found is not None and search.confirm(found),
        search.tried,
    )


def margins_of_victory(
    votes: Votes,
    method: str | Rule | Method,
    *,
    places: int = 5,
    change: ChangeKind = "swap",
    tries: int = 2000,
    min_votes: int = 30,
    **options: Any,
) -> tuple[MarginOfVictory, ...]:
    """Ask `margin_of_victory` for every pair of neighbours among the first places; the first is about #1.

    Args:
        places: how many models from the top; neighbours that share a place are left out.
        min_votes: ballots a model must have been shown in; the others are left out.
    """
    rule = find(method)
    if rule.view == "scores":
        raise MethodError(f"{rule.name} ranks by scores, which are not votes; use task_margin_of_victory.")
    trial = Trial(rule, keep_eligible(as_comparisons(votes), min_votes)[0], rule.settings(options), tries)
    order = trial.front(places)
    return tuple(
        margin_of_victory(
            trial.votes,
            rule,
            trial.models[a],
            trial.models[b],
            change=change,
            tries=tries,
            min_votes=0,
            **options,
        )
        for a, b in pairwise(order)
        if trial.base[a] < trial.base[b]
    )


def swapped_pair(
    models: Sequence[str], level: IntArray, upper: str | None, lower: str | None
) -> tuple[int, int]:
    """Indices of the two models, the upper first."""
    for name in (upper, lower):
        if name is not None and name not in models:
            raise OptionError(f"There is no model {name!r} among the votes; {suggest(name, models)}")
    order = np.argsort(level, kind="stable")
    a = int(order[0]) if upper is None else models.index(upper)
    below = [int(i) for i in order if level[i] > level[a]]
    if lower is None and not below:
        raise OptionError(f"No model is below {models[a]!r}, so none can pass it; name another pair.")
    b = below[0] if lower is None else models.index(lower)
    if level[a] >= level[b]:
        raise OptionError(
            f"{models[a]!r} is not above {models[b]!r} on these votes; name them the other way round."
        )
    return a, b


def task_margin_of_victory(
    table: ScoreTable,
    method: str | Rule | Method,
    upper: str | None = None,
    lower: str | None = None,
    *,
    tries: int = 2000,
    **options: Any,
) -> MarginOfVictory:
    """Look for the fewest tasks of a score table without which two models swap.

    All sets of one task are tried, then of two, as long as `tries` lasts; then tasks are left out one
    after the other, each time the one that helps most.

    Args:
        table: the scores.
        method, upper, lower, options: as for `margin_of_victory`.
        tries: sets of tasks that may be ranked.

    Raises:
        As `margin_of_victory`.
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
    return MarginOfVictory(
        rule.name,
        table.models[a],
        table.models[b],
        "tasks",
        "delete",
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
