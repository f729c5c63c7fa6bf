"""How far voters agree who judged the same thing: Krippendorff's α, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError, VotesError, suggest
from agon.ranking.numerics import FloatArray
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Comparisons

Metric = Literal["nominal", "ordinal", "interval", "ratio"]
_OUTCOMES = (1.0, 0.5, 0.5, 0.0)  # of the first model: win, tie, both bad, loss


@dataclass(frozen=True, repr=False)
class InterAnnotatorAgreement(Readable):
    """Krippendorff's α of a set of votes.

    Attributes:
        alpha: 1 is perfect agreement, 0 what chance gives, below 0 systematic disagreement.
        lower, upper: percentile interval at `level` from units drawn with replacement.
        units: things that were judged at least twice: a pair of models on one value of `by`.
        votes: verdicts on them.
        single: verdicts on units that nobody else judged, which say nothing about agreement.
        by: the column.
        metric: how far apart two outcomes are.
        level: of the interval.
    """

    alpha: float
    lower: float
    upper: float
    units: int
    votes: int
    single: int
    by: str
    metric: Metric
    level: float

    def conclusion(self) -> str:
        """Say in one sentence how far the voters agree."""
        return (
            f"Krippendorff's α is {self.alpha:.3f} ({self.lower:.3f} to {self.upper:.3f}; 1 is perfect "
            f"agreement, 0 is chance) over {self.votes:,} votes on {self.units:,} pairs judged repeatedly."
        )


def inter_annotator_agreement(
    votes: Comparisons,
    *,
    by: str = "prompt",
    metric: Metric = "nominal",
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> InterAnnotatorAgreement:
    """Measure how far votes on the same pair of answers agree.

    Votes on the same two models with the same value of a column judge the same thing; a K-wise vote judges
    each pair it orders. A voter who judges a thing twice counts twice; `agon check` finds these.

    Args:
        votes: with the column.
        by: column that says what was judged: "prompt", "battle" or any other.
        metric: "nominal" takes win, loss, tie and "both bad" as four names; "ordinal" and "interval" put a
            tie, and a "both bad", between win and loss.
        n_resamples: of the bootstrap over units.
        level: of the interval.
        seed: of the bootstrap.

    Raises:
        SourceError: no such column.
        OptionError: no such metric, or a value outside its range.
        VotesError: nothing was judged twice, all verdicts are the same, or soft judgements with a metric
            other than "interval".

    Source:
        K. Krippendorff, Content Analysis (4th ed. 2018), ch. 12.
    """
    if metric not in ("nominal", "ordinal", "interval"):
        raise OptionError(f"There is no metric {metric!r} of votes; {suggest(metric, get_args(Metric)[:3])}")
    if n_resamples < 2 or not 0 < level < 1:
        raise OptionError(
            f"n_resamples must be at least 2 and level between 0 and 1, not {n_resamples!r} and {level!r}."
        )
    values, counts = _units(votes, by, metric)
    judged = counts.sum(axis=1)
    twice = counts[judged > 1]
    if not len(twice):
        raise VotesError(
            f"No pair of models was judged twice on the same {by}; agreement needs several votes on a thing."
        )
    alpha = krippendorff_alpha(twice, values, metric)
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_resamples)
    for r in range(n_resamples):
        times = np.bincount(rng.integers(0, len(twice), len(twice)), minlength=len(twice))
        observed, expected = _disagreement(
            twice, times.astype(np.float64), _distances(twice, times, values, metric)
        )
        drawn[r] = 1 - observed / expected if expected > 0 else 1.0
    lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return InterAnnotatorAgreement(
        alpha,
        float(lower),
        float(upper),
        len(twice),
        int(twice.sum()),
        int(judged[judged == 1].sum()),
        by,
        metric,
        level,
    )


def krippendorff_alpha(
    counts: ArrayLike, values: ArrayLike | None = None, metric: Metric = "nominal"
) -> float:
    """Krippendorff's α of any judgements.

    Args:
        counts: (U, V) how often each of U units was given each of V values; units judged once do not count.
        values: (V,) the values as numbers, for every metric but "nominal"; None for 0, 1, 2, ...
        metric: "nominal", "ordinal", "interval" or "ratio".

    Raises:
        OptionError: no such metric.
        VotesError: counts that are negative, no unit judged twice, or all judgements the same.
    """
    if metric not in get_args(Metric):
        raise OptionError(f"There is no metric {metric!r}; {suggest(metric, get_args(Metric))}")
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or not np.all(np.isfinite(table)) or np.any(table < 0):
        raise VotesError(
            f"Counts of shape {table.shape} must be units in rows, values in columns, none negative."
        )
    table = table[table.sum(axis=1) > 1]
    if not len(table):
        raise VotesError("No unit was judged twice, so nothing can agree or disagree.")
    known = (
        np.arange(table.shape[1], dtype=np.float64)
        if values is None
        else np.asarray(values, dtype=np.float64)
    )
    each = np.ones(len(table))
    observed, expected = _disagreement(table, each, _distances(table, each, known, metric))
    if not expected > 0:
        raise VotesError(
            "All judgements are the same, so that agreement cannot be told from habit; α is undefined."
        )
    return 1 - observed / expected


def _units(votes: Comparisons, by: str, metric: Metric) -> tuple[FloatArray, FloatArray]:
    """(V,) values and (U, V) verdicts on each pair of models under each value of a column."""
    clusters, ballots = votes.clusters(by), votes.ballots
    rows, m = ballots.pair_rows, len(ballots.models)
    shares = np.stack([rows.win, rows.tie, rows.both_bad, rows.loss], axis=1)
    values, verdict = np.array(_OUTCOMES), shares.argmax(axis=1)
    soft = ~np.isnan(ballots.p_a[rows.ballot])
    if soft.any():
        if metric != "interval":
            raise VotesError('Soft judgements (p_a) are numbers, not names; ask with metric="interval".')
        known, place = np.unique(np.append(rows.win[soft], _OUTCOMES), return_inverse=True)
        verdict = place.reshape(-1)[-4:][verdict]
        verdict[soft] = place.reshape(-1)[: soft.sum()]
        values = known
    first = np.searchsorted(rows.ballot, clusters.ballot, "left")
    length = np.searchsorted(rows.ballot, clusters.ballot, "right") - first
    pair = np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
    key = (np.repeat(clusters.cluster, length) * m + rows.first[pair]) * m + rows.second[pair]
    _, unit = np.unique(key, return_inverse=True)
    cell = unit.reshape(-1) * len(values) + verdict[pair]
    size = (int(unit.max(initial=-1)) + 1) * len(values)
    counts = np.bincount(cell, np.repeat(clusters.count, length), size).reshape(-1, len(values))
    return values, np.asarray(counts, dtype=np.float64)


def _distances(counts: FloatArray, times: ArrayLike, values: FloatArray, metric: Metric) -> FloatArray:
    """(V, V) squared distances between the values; those of "ordinal" depend on how often each is given."""
    if metric == "nominal":
        return np.asarray(1.0 - np.eye(len(values)))
    if metric == "ordinal":
        levels, place = np.unique(values, return_inverse=True)
        total = np.bincount(place.reshape(-1), np.asarray(times) @ counts, len(levels))
        middle = (np.cumsum(total) - total / 2)[place.reshape(-1)]
        return np.asarray((middle[:, None] - middle[None, :]) ** 2)
    gap = (values[:, None] - values[None, :]) ** 2
    if metric == "interval":
        return np.asarray(gap)
    whole = (values[:, None] + values[None, :]) ** 2
    return np.divide(gap, whole, out=np.zeros(gap.shape), where=whole > 0)


def _disagreement(counts: FloatArray, times: FloatArray, distance: FloatArray) -> tuple[float, float]:
    """Observed and expected disagreement; units taken `times` (U,) times."""
    judged = counts.sum(axis=1)
    within = ((counts @ distance) * counts).sum(axis=1) / (judged - 1)
    total = times @ counts
    number = float(total.sum())
    return float(times @ within) / number, float(total @ distance @ total) / (number * (number - 1))
