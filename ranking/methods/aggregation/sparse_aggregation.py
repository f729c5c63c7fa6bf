"""Aggregators of sparse comparisons: counting, additive, greedy and KwikSort.

They need no model and no link between all pairs, which is what makes them usable on few comparisons;
the price is that an opponent's strength counts for little or nothing. A tie is half a win each way.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray, steady
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Choice, Scores
from agon.ranking.votes.pair_counts import BothBad, PairCounts

EQUAL = 1e-9  # potentials closer than this, relative to the votes, are the same


@method("counting", source="row sums; David (1987); evalica's counting")
def counting(pairs: PairCounts, *, tie_credit: float = 0.5, both_bad: BothBad = "half") -> Scores:
    """The number of votes won, ties counting in part: who is shown more has more.

    Args:
        tie_credit: what a tie counts for each side; 0 to 1.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        OptionError: `tie_credit` is outside 0 to 1.

    Source:
        R. David, Biometrika 74 (1987), for scores by row sums; the evalica library.
    """
    if not 0 <= tie_credit <= 1:
        raise OptionError(f"counting: tie_credit must lie between 0 and 1, not {tie_credit!r}.")
    decided = pairs.wins.sum(axis=1)
    tied = (pairs.ties + (pairs.both_bad if both_bad == "half" else 0.0)).sum(axis=1)
    return Scores(decided + tie_credit * tied)


@method("additive", source="additive aggregation; Gienapp et al. (2022)")
def additive(pairs: PairCounts, *, both_bad: BothBad = "half") -> Scores:
    """The shares won against each opponent met, summed: each pair counts once, however many votes it has.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Source:
        L. Gienapp, M. Fröbe, M. Hagen and M. Potthast, Sparse Pairwise Re-ranking with Pairwise
        Transformers, ICTIR 2022, section 3.
    """
    return Scores(_shares(pairs, both_bad).sum(axis=1))


@method("greedy", source="Cohen, Schapire and Singer (1999); Gienapp et al. (2022)")
def greedy(pairs: PairCounts, *, both_bad: BothBad = "half") -> Choice:
    """Take the model with the largest potential, leave it out, and so on.

    The potential of a model is the sum of its shares against the models still there less theirs against it;
    the order found agrees with at least half as many preferences as the best one. Models of equal
    potential are taken together and share a rank.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Source:
        W. W. Cohen, R. E. Schapire and Y. Singer, J. Artif. Intell. Res. 10 (1999), figure 3.
    """
    share = _shares(pairs, both_bad)
    net = share - share.T
    left = np.ones(len(net), dtype=bool)
    potential = net.sum(axis=1)
    tiers = []
    while left.any():
        most = potential[left].max()
        taken = np.flatnonzero(left & (potential >= most - EQUAL * len(net)))
        tiers.append(tuple(taken.tolist()))
        left[taken] = False
        potential -= net[:, taken].sum(axis=1)
    return Choice(tuple(tiers))


def _score_resamples(
    views: Iterable[PairCounts],
    scores: Scores,
    *,
    orders: int = 25,
    seed: int = 0,
    both_bad: BothBad = "half",
) -> ResampledScores:
    """Sort resampled votes once each, so that the interval holds the draw of the pivots too; (R, M)."""
    del scores, orders
    rng = np.random.default_rng([seed, 1])
    return ResampledScores(np.stack([-_sorted(_majority(view, both_bad), rng) for view in views]))


@method(
    "kwiksort",
    source="Ailon, Charikar and Newman (2008); Gienapp et al. (2022)",
    batch=_score_resamples,
    by_margin=True,
)
def kwiksort(pairs: PairCounts, *, orders: int = 25, seed: int = 0, both_bad: BothBad = "half") -> Scores:
    """Quicksort by majorities: a random pivot parts the models into those that beat it and those it beats.

    The score is minus the mean place over seeded runs, the spread its standard deviation. A model that is
    tied with the pivot, or never met it, goes to either side by a fair coin. Under other names of the models
    the pivots are others too, so scores agree within the spread.

    Args:
        orders: number of runs, each with pivots of its own.
        seed: of the pivots and coins.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Raises:
        OptionError: fewer than one run.

    Source:
        N. Ailon, M. Charikar and A. Newman, J. ACM 55 (2008), algorithm KwikSort.
    """
    if orders < 1:
        raise OptionError(f"kwiksort: orders must be 1 or more, not {orders!r}.")
    majority = _majority(pairs, both_bad)
    places = np.stack([_sorted(majority, np.random.default_rng([seed, run])) for run in range(orders)])
    return Scores(-places.mean(axis=0), spread=places.std(axis=0))


def _shares(pairs: PairCounts, both_bad: BothBad) -> FloatArray:
    """(M, M) share of the votes of each pair that the row won; 0 where they never met."""
    wins = pairs.halves(both_bad)
    met = wins + wins.T
    return np.divide(wins, met, out=np.zeros_like(wins), where=met > 0)


def _majority(pairs: PairCounts, both_bad: BothBad) -> FloatArray:
    """(M, M) 1 where the row won most votes of the pair, −1 where the column did, else 0."""
    wins = pairs.halves(both_bad)
    return np.asarray(np.sign(steady(wins - wins.T, float((wins + wins.T).max(initial=0.0)))))


def _sorted(majority: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(M,) place of each model, 1 the first, after one run."""
    m = len(majority)
    place = np.empty(m)
    waiting: list[tuple[IntArray, int]] = [(np.arange(m), 0)]
    while waiting:
        some, before = waiting.pop()
        if not len(some):
            continue
        pivot = int(some[rng.integers(len(some))])
        rest = some[some != pivot]
        side = majority[rest, pivot]
        coin = rng.random(len(rest)) < 0.5
        ahead = np.where(side == 0, coin, side > 0)
        place[pivot] = before + int(ahead.sum()) + 1
        waiting.append((rest[ahead], before))
        waiting.append((rest[~ahead], int(place[pivot])))
    return place
