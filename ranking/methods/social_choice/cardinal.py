"""Rules on the scores themselves: mean, geometric mean, median, optimality gap, mean win rate; two levels.

They compare numbers across tasks, which rules on ballots never do: rescaling one task can change the
winner. `missing` says what a gap is: "refuse" it, take the model's "average" over the tasks it has, the
"worst" score of the task, its "column_median" (what the code of Vote'n'Rank does), or "drop_task": leave
out every task with a gap. On a task where lower is better, scores count with their sign changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.methods.social_choice.rank_positions import Ties
from agon.ranking.numerics import FloatArray
from agon.ranking.registry import Method, find, method
from agon.ranking.results import Diagnostic, Scores, as_values
from agon.ranking.votes.score_table import Direction, ScoreTable

_Gaps = Literal["refuse", "average", "worst", "column_median", "drop_task"]


@method(
    "mean",
    source="arithmetic mean; Vote'n'Rank (Rofin et al. 2023)",
    axioms="pareto, monotonicity, reinforcement",
)
def mean(scores: ScoreTable, *, missing: _Gaps = "refuse") -> Scores:
    """The weighted mean of a model's scores, Σwx / Σw.

    Args:
        missing: see the module.

    Raises:
        VotesError: a gap under missing="refuse", no task without a gap under "drop_task".
    """
    return Scores(_mean(*_filled(scores, "mean", scores.good, missing)))


@method(
    "geometric_mean",
    source="geometric mean; Vote'n'Rank (Rofin et al. 2023)",
    axioms="pareto, monotonicity, reinforcement",
)
def geometric_mean(scores: ScoreTable, *, missing: _Gaps = "refuse") -> Scores:
    """The weighted geometric mean of a model's scores, exp(Σ w ln x / Σw).

    On a task where lower is better 1/x takes the place of x.

    Args:
        missing: see the module.

    Raises:
        VotesError: a score of 0 or less on any task, even one of weight 0; a gap as for `mean`.
    """
    bad = np.argwhere(scores.values <= 0)
    if len(bad):
        i, t = bad[0].tolist()
        raise VotesError(
            f"geometric_mean: {scores.models[i]!r} has {scores.values[i, t]:g} on {scores.tasks[t]!r}, and "
            "only numbers above 0 have a geometric mean; leave the task out or use another rule."
        )
    sign = np.array([1.0 if way == "higher" else -1.0 for way in scores.directions])
    positive = np.where(scores.values > 0, scores.values, np.nan)
    table = np.exp(sign * np.log(positive))
    filled, weight = _filled(scores, "geometric_mean", table, missing)
    return Scores(np.exp(_mean(np.log(filled), weight)))


@method("median", source="weighted median", axioms="monotonicity")
def median(scores: ScoreTable, *, missing: _Gaps = "refuse") -> Scores:
    """The weighted median of a model's scores; the mean of the middle two where they halve the weight.

    Args:
        missing: see the module; "average" takes the median of the tasks the model has.

    Raises:
        VotesError: a gap as for `mean`.
    """
    table, weight = _filled(scores, "median", scores.good, missing)
    order = np.argsort(table, axis=1)  # gaps last
    values = np.take_along_axis(table, order, axis=1)
    mass = np.where(np.isnan(values), 0.0, weight[order])
    share = np.cumsum(mass, axis=1) / np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)
    row = np.arange(len(values))
    low = values[row, (share >= 0.5 - 1e-12).argmax(axis=1)]
    high = values[row, (share > 0.5 + 1e-12).argmax(axis=1)]
    return Scores(0.5 * (low + high))


@method(
    "optimality_gap",
    source="Agarwal et al. (2021); Vote'n'Rank (Rofin et al. 2023)",
    axioms="monotonicity, reinforcement",
)
def optimality_gap(scores: ScoreTable, *, gamma: float = 95.0, missing: _Gaps = "refuse") -> Scores:
    """How far a model's scores fall short of γ on average, as a number of 0 or less.

    Score: Σ w (min(x, γ) − γ) / Σw; what lies beyond γ does not make up for a weakness.

    Args:
        gamma: the score that is good enough, on the scale of the tasks.
        missing: see the module.

    Raises:
        OptionError: γ not above any score, so that all models would be equal; a task where lower is better.
        VotesError: a gap as for `mean`.

    Source:
        R. Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice (2021).
    """
    for task, way in zip(scores.tasks, scores.directions, strict=True):
        if way == "lower":
            raise OptionError(
                f"optimality_gap: lower is better on {task!r}, so γ means nothing; leave it out."
            )
    table, weight = _filled(scores, "optimality_gap", scores.good, missing)
    if not np.isfinite(gamma) or not (table[:, weight > 0] < gamma).any():
        raise OptionError(
            f"optimality_gap: no score is below gamma={gamma:g}, so all models are equal; give a number "
            f"between {np.nanmin(table):g} and {np.nanmax(table):g} or above."
        )
    best = float(np.nanmax(table[:, weight > 0]))
    notes: tuple[Diagnostic, ...] = ()
    if best < gamma:
        message = (
            f"No score reaches gamma={gamma:g} (the best is {best:.4g}), so this ranks by the mean; give a "
            "gamma on the scale of the scores."
        )
        notes = (Diagnostic("gamma_out_of_reach", (), message),)
    return Scores(_mean(np.minimum(table, gamma) - gamma, weight), notes=notes)


@method(
    "mean_win_rate",
    source="HELM (Liang et al. 2022)",
    axioms="condorcet_loser, pareto, monotonicity, reinforcement, reversal",
)
def mean_win_rate(scores: ScoreTable) -> Scores:
    """The share of the other models a model beats on a task, averaged over the tasks it has; ties half.

    Works with gaps: a task compares the models that have a score on it.

    Source:
        P. Liang et al., Holistic Evaluation of Language Models (2022), section 8.
    """
    table, mass = scores.good, scores.mass
    there = ~np.isnan(table)
    share = np.full(table.shape, np.nan)
    for t in np.flatnonzero((mass > 0) & (there.sum(axis=0) > 1)):
        known = table[there[:, t], t]
        inside = np.sort(known)
        below = np.searchsorted(inside, known, "left")
        above = len(known) - np.searchsorted(inside, known, "right")
        share[there[:, t], t] = 0.5 + 0.5 * (below - above) / (len(known) - 1)
    return Scores(_mean(share, mass), "share")


@method(
    "two_level",
    source="Colombo et al. (2022); two-step aggregation of Vote'n'Rank (Rofin et al. 2023)",
    axioms="",
)
def two_level(
    scores: ScoreTable,
    *,
    rule: str = "borda",
    ties: Ties | None = None,
    missing: str | None = None,
) -> Scores:
    """A rule inside each group of tasks, then the same rule over the groups, with the groups' weights.

    The result of the rule in a group (scores, or minus the tier of an election) is the score of a model
    on that group. A group in which the rule elects nobody or makes all equal is left out, with a note.

    Args:
        rule: any method on pairs, ballots or scores.
        ties, missing: given to the rule at both levels, if it has such options.

    Raises:
        OptionError: an unknown rule or one that needs battles, an option it does not have.
        SourceError: a table without groups.
        VotesError: what the rule refuses; no group that ranks anybody.

    Source:
        P. Colombo et al., What are the best systems? (NeurIPS 2022), section 3.3: their two-level ranking.
    """
    how = find(rule)
    if how.name == "two_level" or how.view == "battles":
        raise OptionError(f"two_level cannot use {how.name!r}; give a rule on pairs, ballots or scores.")
    options = how.settings({k: v for k, v in (("ties", ties), ("missing", missing)) if v is not None})
    columns, names, silent = [], [], []
    for name, part in scores.split("group"):
        if not (part.mass > 0).any() or not scores.group_weights[name] > 0:
            continue
        column = np.full(len(scores.models), np.nan)
        column[np.isin(scores.models, part.models)] = _values(how, part, options)
        unit = np.nanmax(np.abs(column), initial=0.0) or 1.0
        column = np.round(column / unit, 12) * unit  # sums that are equal but for rounding are ties
        if np.isnan(column).all() or np.nanmin(column) == np.nanmax(column):
            silent.append(name)
            continue
        columns.append(column)
        names.append(name)
    if not columns:
        raise VotesError(
            f"two_level: {how.name} ranks nobody in any group; use another rule or other groups."
        )
    weights = np.array([scores.group_weights[name] for name in names])
    higher: Direction = "higher"
    upper = replace(
        scores,
        tasks=tuple(names),
        values=np.stack(columns, axis=1),
        directions=(higher,) * len(names),
        weights=weights,
        groups=(),
        group_weights={},
        count=np.ones(len(names), dtype=np.int64),
    )
    notes: tuple[Diagnostic, ...] = ()
    if silent:
        message = f"{how.name} makes all models equal in {', '.join(silent)}; these groups were left out."
        notes = (Diagnostic("silent_groups", (), message),)
    return Scores(_values(how, upper, options), notes=notes)


def _values(how: Method, table: ScoreTable, options: Mapping[str, Any]) -> FloatArray:
    """(M,) scores of a rule, or minus the tiers of what it elects; NaN where there is none."""
    return as_values(how.function(how.view_of(table), **options), len(table.models))


def _mean(table: FloatArray, weight: FloatArray) -> FloatArray:
    """(M,) weighted mean of each row over its numbers; NaN where no weight is left."""
    there = ~np.isnan(table)
    mass = (there * weight).sum(axis=1)
    total = np.where(there, table * weight, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, mass, out=np.full(len(table), np.nan), where=mass > 0))


def _filled(
    scores: ScoreTable, rule: str, table: FloatArray, missing: _Gaps
) -> tuple[FloatArray, FloatArray]:
    """The (M, T') scores of the tasks that count, gaps treated as asked, and their weights."""
    counting = scores.mass > 0
    table, mass = table[:, counting], scores.mass[counting]
    gap = np.isnan(table)
    if missing == "average" or not gap.any():
        return table, mass
    if missing == "refuse":
        i, t = np.argwhere(gap)[0].tolist()
        task = [name for name, kept in zip(scores.tasks, counting, strict=True) if kept][t]
        raise VotesError(
            f"{rule}: {scores.models[i]!r} has no score on {task!r} ({int(gap.sum()):,} gaps in all); say "
            "how to treat gaps with missing= (--missing worst), or choose a rule on pairs."
        )
    if missing == "drop_task":
        full = ~gap.any(axis=0)
        if not full.any():
            raise VotesError(f"{rule}: every task has a gap, so none is left; choose another missing=.")
        return table[:, full], mass[full]
    fill = np.nanmin(table, axis=0) if missing == "worst" else np.nanmedian(table, axis=0)
    return np.where(gap, fill, table), mass
