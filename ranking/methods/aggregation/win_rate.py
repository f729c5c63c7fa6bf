"""The share of votes a model won."""

from __future__ import annotations

from typing import Literal

import numpy as np

from agon.ranking.numerics import FloatArray
from agon.ranking.registry import method
from agon.ranking.results import EstimatingEquation, Fit
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.pair_counts import BothBad, PairCounts


@method("win_rate", source="as published by arenas beside their ratings; evalica's average_win_rate")
def win_rate(
    pairs: PairCounts, *, average: Literal["votes", "opponents"] = "votes", both_bad: BothBad = "half"
) -> Fit:
    """The share of its votes that a model won, a tie being half a win.

    Says nothing about the strength of the opponents: compare it with a rating before believing it.

    Args:
        average: "votes" gives every vote the same weight, "opponents" every opponent met.
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Source:
        R. David, Biometrika 74 (1987) for scores by row sums; the average over opponents is what the
        evalica library calls average_win_rate.
    """
    wins = pairs.halves(both_bad)
    met = wins + wins.T
    size = np.where(met > 0, met, 1.0)
    if average == "votes":
        total = met.sum(axis=1)
        value = np.divide(wins.sum(axis=1), total, out=np.full(len(met), np.nan), where=total > 0)
        centre, share = np.broadcast_to(value[:, None], met.shape), np.ones(met.shape)
    else:
        total = (met > 0).sum(axis=1).astype(np.float64)
        mean = wins / size
        value = np.divide(mean.sum(axis=1), total, out=np.full(len(met), np.nan), where=total > 0)
        centre, share = mean, 1.0 / size
    bread = np.diag(np.divide(1.0, total, out=np.zeros(len(met)), where=total > 0))

    def vote_scores(rows: PairRows) -> tuple[FloatArray, FloatArray]:
        bad = rows.both_bad if both_bad == "half" else np.zeros_like(rows.both_bad)
        counted = rows.win + rows.loss + rows.tie + bad
        half = 0.5 * (rows.tie + bad)
        i, j = rows.first, rows.second
        up = (rows.win + half - centre[i, j] * counted) * share[i, j]
        down = (rows.loss + half - centre[j, i] * counted) * share[j, i]
        return np.where(counted > 0, up, 0.0), np.where(counted > 0, down, 0.0)

    def vote_roots(rows: PairRows) -> FloatArray:
        counted = rows.win + rows.loss + rows.tie + (rows.both_bad if both_bad == "half" else 0.0)
        up, down = (
            np.sqrt(counted * share[pair]) for pair in ((rows.first, rows.second), (rows.second, rows.first))
        )
        none = np.zeros(len(counted))
        return np.array([[up, none], [none, down]])

    return Fit(value, "share", uncertainty=EstimatingEquation(bread, vote_scores, vote_roots))
