"""Which weights of the tasks make a model win: a linear program, and the proof where there are none.

Nothing here ranks: the weights of a board are given there, and asked for here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from agon.ranking.errors import ConvergenceError, MethodError, OptionError, suggest
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable

_Rule = Literal["condorcet", "borda"]
_RULES: tuple[_Rule, ...] = ("condorcet", "borda")
Bounds = Mapping[str, tuple[float, float]]
START = 50  # rivals the first program knows
ADDED = 25  # violated rivals added a round
EDGE = 1e-7  # margins closer to 0 than this are 0: the solver's own tolerance


@dataclass(frozen=True, repr=False)
class Prospect(Readable):
    """Whether some weights of the tasks make a model win.

    Attributes:
        model: its name.
        rule: "condorcet" or "borda".
        strict: whether it must beat every rival, or only not lose to any.
        possible: whether such weights exist.
        weights: of every task, summing to 1, that give it the largest margin; empty if there are none.
        margin: if possible, what it has over its closest rival under these weights: the weight of the tasks
            won minus that of the tasks lost (Condorcet) or Borda points per rival (Borda), 1 at most; if
            not, a bound: no weights give more.
        rivals: if impossible, weights of rivals, summing to 1, over whose mixture no allowed weights of the
            tasks give the model a margin above `margin`: the dual solution, which proves it.
        closest: the rivals at the margin.
    """

    model: str
    rule: _Rule
    strict: bool
    possible: bool
    weights: Mapping[str, float]
    margin: float
    rivals: Mapping[str, float]
    closest: tuple[str, ...]

    def conclusion(self) -> str:
        """Say in one sentence what was found."""
        title = f"the {'' if self.strict else 'weak '}{self.rule.capitalize()} winner"
        if self.possible:
            main = sorted(self.weights.items(), key=lambda item: -item[1])[:3]
            heavy = ", ".join(f"{task} {weight:.0%}" for task, weight in main if weight > 0)
            return (
                f"{self.model} is {title} with a margin of {self.margin:.3f} under weights such as {heavy}."
            )
        main = sorted(self.rivals.items(), key=lambda item: -item[1])[:3]
        heavy = ", ".join(f"{rival} {weight:.0%}" for rival, weight in main)
        return (
            f"No weights make {self.model} {title}: against the mixture {heavy} of its rivals none gives "
            f"it a margin above {self.margin:.3f}."
        )


def prospective(
    table: ScoreTable | Mapping[str, PairCounts],
    model: str,
    *,
    rule: _Rule = "condorcet",
    strict: bool = True,
    bounds: Bounds | None = None,
) -> Prospect:
    """Find weights of the tasks under which a model wins, with the largest margin, or prove there are none.

    Maximise ε over w ≥ 0, Σw = 1 subject to A w ≥ ε, A (rivals x tasks) being what the model has over each
    rival in each task. The rivals are few at first and the violated ones are added until none is left. The
    dual solution is a mixture p of rivals with pᵀA w ≤ ε for every allowed w.

    Args:
        table: scores, a task missing for a pair counting for neither; or for each task or category its
            `PairCounts`, A being the share of the pair's votes won minus the share lost.
        model: the name.
        rule: "condorcet" counts tasks won minus lost (a tied task is neither), "borda" the difference of
            Borda points (rivals beaten plus half the ties), divided by the number of rivals.
        strict: ask for a margin above 0; else for 0 or more, as published, ties counting.
        bounds: lowest and highest share of the weight for a group or a task, by name.

    Raises:
        OptionError: unknown model, rule, group or task; bounds that no weights can meet.
        MethodError: fewer than two models, or Borda on a table with gaps.
        ConvergenceError: the solver failed.

    Source:
        Vote'n'Rank (Rofin et al., EACL 2023) for the weak version; the strict one is the value of a
        zero-sum game (von Neumann 1928), whose dual is the proof.
    """
    return prospects(table, [model], rule=rule, strict=strict, bounds=bounds)[0]


def prospects(
    table: ScoreTable | Mapping[str, PairCounts],
    models: Sequence[str] | None = None,
    *,
    rule: _Rule = "condorcet",
    strict: bool = True,
    bounds: Bounds | None = None,
) -> tuple[Prospect, ...]:
    """Ask `prospective` for several models, or for all of them; see there."""
    if rule not in _RULES:
        raise OptionError(f"There is no rule {rule!r} for prospective winners; {suggest(str(rule), _RULES)}")
    matter = _Matter.of(table, rule, bounds)
    wanted = matter.models if models is None else tuple(models)
    for name in wanted:
        if name not in matter.models:
            raise OptionError(f"There is no model {name!r} in the table; {suggest(name, matter.models)}")
    return tuple(_prospect(matter, matter.models.index(name), rule, strict) for name in wanted)


@dataclass(frozen=True, eq=False)
class _Matter:
    """What the programs share: (M, T) values or (T, M, M) margins, and the limits of the weights."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    values: FloatArray | None
    margins: FloatArray | None
    limits: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    least: FloatArray = field(default_factory=lambda: np.zeros(0))
    most: FloatArray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, table: ScoreTable | Mapping[str, PairCounts], rule: _Rule, bounds: Bounds | None) -> _Matter:
        """Take the table, or the pairs of every task."""
        groups: Mapping[str, Sequence[int]] = {}
        if isinstance(table, Mapping):
            models, tasks, margins = _stack(table, rule)
            values = None
        else:
            models, tasks, margins = table.models, table.tasks, None
            values = table.good
            if rule == "borda":
                values = _borda(models, tasks, values)
            groups = {name: [t for t, own in enumerate(table.groups) if own == name] for name in table.groups}
        if len(models) < 2:
            raise MethodError("A winner needs rivals: give at least two models.")
        return cls(models, tasks, values, margins, *_limits(tasks, groups, bounds or {}))

    def advantage(self, i: int, rule: _Rule) -> tuple[IntArray, FloatArray]:
        """The rivals of a model, and (M − 1, T) what it has over each of them in each task."""
        rivals = np.delete(np.arange(len(self.models)), i)
        if self.margins is not None:
            return rivals, self.margins[:, i, rivals].T
        assert self.values is not None  # noqa: S101 - one of the two is given
        gap = self.values[i] - self.values[rivals]
        if rule == "borda":
            return rivals, gap / len(rivals)
        return rivals, np.nan_to_num(np.sign(gap))


def _stack(
    table: Mapping[str, PairCounts], rule: _Rule
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Models, tasks and (T, M, M) shares of votes won minus lost, for Borda its mean over the opponents."""
    if not table:
        raise MethodError("There is no task: give the pairs of at least one.")
    tasks = tuple(table)
    models = table[tasks[0]].models
    margins = []
    for task, pairs in table.items():
        if pairs.models != models:
            raise MethodError(
                f"The pairs of {task!r} are of other models than those of {tasks[0]!r}; use one list."
            )
        met = pairs.wins + pairs.wins.T + pairs.ties + pairs.both_bad
        share = np.divide(pairs.wins - pairs.wins.T, met, out=np.zeros_like(met), where=met > 0)
        if rule == "borda":
            points = share.sum(axis=1) / 2
            share = (points[:, None] - points[None, :]) / max(len(models) - 1, 1)
        margins.append(share)
    return models, tasks, np.stack(margins)


def _borda(models: Sequence[str], tasks: Sequence[str], values: FloatArray) -> FloatArray:
    """(M, T) models beaten plus half the ties, in every task."""
    from scipy.stats import rankdata

    missing = np.argwhere(np.isnan(values))
    if len(missing):
        i, t = missing[0]
        raise MethodError(
            f"Borda needs complete scores, but {models[i]!r} has none in {tasks[t]!r}; leave the task or the "
            'model out, or ask for rule="condorcet".'
        )
    return np.asarray(rankdata(values, axis=0) - 1.0)


def _limits(
    tasks: Sequence[str], groups: Mapping[str, Sequence[int]], bounds: Bounds
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(L, T) which tasks each bound sums, and (L,) least and most."""
    rows, least, most = np.zeros((len(bounds), len(tasks))), [], []
    for row, (name, (low, high)) in enumerate(bounds.items()):
        if name in groups and name in tasks:
            raise OptionError(f"{name!r} names both a group and a task; rename the group to bound either.")
        if name not in groups and name not in tasks:
            raise OptionError(
                f"There is no group or task {name!r} to bound; {suggest(name, [*groups, *tasks])}"
            )
        if not 0 <= low <= high <= 1:
            raise OptionError(
                f"The bounds of {name!r} are {low!r} and {high!r}: give two shares, the lower first."
            )
        rows[row, groups[name] if name in groups else tasks.index(name)] = 1.0
        least.append(low)
        most.append(high)
    return rows, np.array(least), np.array(most)


def _prospect(matter: _Matter, i: int, rule: _Rule, strict: bool) -> Prospect:
    """Solve one model's program and check the answer by arithmetic alone."""
    rivals, advantage = matter.advantage(i, rule)
    goal = EDGE if strict else -EDGE
    weights, mixture, bound = _solve(matter, advantage, goal)
    reached = advantage @ weights
    margin = float(reached.min())
    possible = margin > goal
    if not possible and bound > goal + 2 * EDGE:
        raise ConvergenceError(
            f"The program of {matter.models[i]!r} is undecided: {margin:.2e} or {bound:.2e}; "
            "leave out tasks that are nearly copies of each other."
        )
    close = np.flatnonzero(reached <= margin + 1e-9) if possible else np.zeros(0, dtype=np.int64)
    against = np.zeros(0, dtype=np.int64) if possible else np.flatnonzero(mixture > 1e-12)
    return Prospect(
        model=matter.models[i],
        rule=rule,
        strict=strict,
        possible=possible,
        weights=dict(zip(matter.tasks, map(float, weights), strict=True)) if possible else {},
        margin=margin if possible else bound,
        rivals={matter.models[rivals[j]]: float(mixture[j]) for j in against},
        closest=tuple(matter.models[rivals[j]] for j in close),
    )


def _solve(matter: _Matter, advantage: FloatArray, goal: float) -> tuple[FloatArray, FloatArray, float]:
    """(T,) best weights, (R,) mixture of rivals, and the margin that this mixture shows cannot be passed.

    Ends early when the rivals added so far already prove that the goal is out of reach.
    """
    n_rivals = len(advantage)
    active = np.argsort(advantage.sum(axis=1), kind="stable")[:START]
    for _ in range(n_rivals + 1):
        weights, share, bound = _program(matter, advantage[active])
        mixture = np.zeros(n_rivals)
        mixture[active] = share
        if bound <= goal:
            break
        reached = advantage @ weights
        worse = np.setdiff1d(np.flatnonzero(reached < bound - 1e-9), active)
        if not len(worse):
            break
        active = np.concatenate([active, worse[np.argsort(reached[worse], kind="stable")[:ADDED]]])
    return weights, mixture, bound


def _program(matter: _Matter, advantage: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """One linear program over some rivals: weights, mixture and the mixture's proven bound."""
    weights, share = _bounded(matter, advantage) if len(matter.least) else _free(advantage)
    return weights, share, _best(matter, share @ advantage)


def _free(advantage: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights and mixture without bounds: a matrix game, made positive and solved from the rivals' side.

    Maximise Σy over y ≥ 0 with (A + c)ᵀy ≤ 1 (Dantzig 1951); its value is 1/Σy − c, its solver five times
    as fast as on the form with a free ε.
    """
    from scipy.optimize import linprog

    positive = advantage + (1.0 - advantage.min())
    found = _solved(
        linprog(
            -np.ones(len(advantage)),
            A_ub=positive.T,
            b_ub=np.ones(advantage.shape[1]),
            method="highs-ds",
            options={"presolve": False},
        )
    )
    return _shares(-found.ineqlin.marginals), _shares(found.x)


def _bounded(matter: _Matter, advantage: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights and mixture where groups or tasks have bounds."""
    from scipy.optimize import linprog

    n, t = advantage.shape
    limits = np.hstack([matter.limits, np.zeros((len(matter.least), 1))])
    found = _solved(
        linprog(
            np.append(np.zeros(t), -1.0),
            A_ub=np.vstack([np.hstack([-advantage, np.ones((n, 1))]), limits, -limits]),
            b_ub=np.concatenate([np.zeros(n), matter.most, -matter.least]),
            A_eq=np.append(np.ones(t), 0.0)[None, :],
            b_eq=[1.0],
            bounds=[(0.0, None)] * t + [(None, None)],
            method="highs",
        )
    )
    return _shares(found.x[:t]), _shares(-found.ineqlin.marginals[:n])


def _solved(found: Any) -> Any:
    """Refuse what the solver did not solve."""
    if found.status == 2:
        raise OptionError("No weights meet the bounds together: loosen them so that they can sum to 1.")
    if found.status != 0:
        raise ConvergenceError(
            f"A linear program was not solved ({found.message}); report it with the table."
        )
    return found


def _shares(values: FloatArray) -> FloatArray:
    """Make numbers that may be a rounding error below 0 sum to 1."""
    kept = np.maximum(values, 0.0)
    total = float(kept.sum())
    return np.asarray(kept / total) if total > 0 else np.full(len(kept), 1.0 / len(kept))


def _best(matter: _Matter, gain: FloatArray) -> float:
    """The most that allowed weights can make of (T,) gains: recomputed, so that the proof stands alone."""
    if not len(matter.least):
        return float(gain.max())
    from scipy.optimize import linprog

    found = _solved(
        linprog(
            -gain,
            A_ub=np.vstack([matter.limits, -matter.limits]),
            b_ub=np.concatenate([matter.most, -matter.least]),
            A_eq=np.ones((1, len(gain))),
            b_eq=[1.0],
            bounds=(0.0, 1.0),
            method="highs",
        )
    )
    return float(-found.fun)
