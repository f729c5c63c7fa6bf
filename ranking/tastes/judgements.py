"""Who judged what: each voter's votes on each pair, as cells of wins, for models of people's tastes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agon.ranking.annotators.reliability_fit import summed
from agon.ranking.errors import VotesError
from agon.ranking.estimation.comparison_graph import connected
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.prediction.held_out import column_of
from agon.ranking.votes.comparisons import Comparisons

POINTS_A_NAT = 400 / np.log(10)


@dataclass(frozen=True, eq=False)
class Judgements:
    """R rows: `won` of `met` votes of a voter for model `first` over `second`, a tie half a win each way.

    Attributes:
        voter, first, second: (R,) numbers.
        won, met: (R,) weights.
        voters: V names.
        models: M names, those that votes link to the most others.
    """

    voter: IntArray
    first: IntArray
    second: IntArray
    won: FloatArray
    met: FloatArray
    voters: tuple[str, ...]
    models: tuple[str, ...]

    @classmethod
    def of(cls, votes: Comparisons, by: str | None = None) -> Judgements:
        """One row for each pair of each vote, in an order that does not depend on that of the votes.

        Raises:
            SourceError: the votes do not say who cast them, or some do not.
            VotesError: fewer than two models that met.
        """
        clusters = votes.clusters(by or column_of(votes, "voter"))
        rows, ballots = votes.ballots.pair_rows, votes.ballots
        group = connected(votes.pairs.halves("half") + votes.pairs.halves("half").T)
        core = np.flatnonzero(group == 0)
        if len(core) < 2:
            raise VotesError("No two models met, so nobody's taste can be told; collect votes on pairs.")
        place = np.full(len(ballots.models), -1)
        place[core] = np.arange(len(core))
        voter, ballot = (np.repeat(column, clusters.count) for column in (clusters.cluster, clusters.ballot))
        start = np.searchsorted(rows.ballot, ballot, "left")
        length = np.searchsorted(rows.ballot, ballot, "right") - start
        pair = np.repeat(start - np.cumsum(length) + length, length) + np.arange(length.sum())
        who = np.repeat(voter, length)
        inside = (place[rows.first[pair]] >= 0) & (place[rows.second[pair]] >= 0)
        pair, who = pair[inside], who[inside]
        weight = ballots.weight[rows.ballot[pair]]
        won = weight * (rows.win + 0.5 * (rows.tie + rows.both_bad))[pair]
        names = tuple(ballots.models[i] for i in core)
        return cls(who, place[rows.first[pair]], place[rows.second[pair]], won, weight, clusters.names, names)

    @property
    def judged(self) -> IntArray:
        """(V,) rows of each voter."""
        return np.bincount(self.voter, minlength=len(self.voters)).astype(np.int64)

    def where(self, rows: IntArray) -> Judgements:
        """Some of the rows, each as often as it is named."""
        return replace(
            self,
            voter=self.voter[rows],
            first=self.first[rows],
            second=self.second[rows],
            won=self.won[rows],
            met=self.met[rows],
        )

    def cells(self) -> Judgements:
        """The rows of one voter on one pair added up."""
        m = len(self.models)
        key, at = np.unique((self.voter * m + self.first) * m + self.second, return_inverse=True)
        won, met = (summed(at.reshape(-1), column, len(key)) for column in (self.won, self.met))
        return Judgements(key // (m * m), key // m % m, key % m, won, met, self.voters, self.models)

    def table(self, weight: FloatArray) -> FloatArray:
        """(M, M) wins of the row over the column, each voter's by a weight (V,)."""
        m, w = len(self.models), weight[self.voter]
        up = summed(self.first * m + self.second, w * self.won, m * m)
        down = summed(self.second * m + self.first, w * (self.met - self.won), m * m)
        return (up + down).reshape(m, m)

    def log_likelihood(self, strengths: FloatArray) -> FloatArray:
        """(V, K) of each voter's votes under each of (K, M) strengths."""
        gap = strengths[:, self.first] - strengths[:, self.second]
        small = np.log1p(np.exp(-np.abs(gap)))
        each = self.won * gap - self.met * (np.maximum(gap, 0.0) + small)
        return np.stack([np.bincount(self.voter, one, len(self.voters)) for one in each], axis=1)


def posterior_mode(
    wins: FloatArray, centre: FloatArray, precision: float, start: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """(M,) strengths and (M, M) covariance of the posterior with a normal prior around a centre.

    Args:
        wins: (M, M) of the row over the column.
        centre: (M,) mean of the prior.
        precision: one over its variance.
        start: (M,) where to begin.
    """
    met, theta = wins + wins.T, (centre if start is None else start).copy()
    hessian = np.eye(len(centre))
    for _ in range(100):
        p = expit(theta[:, None] - theta[None, :])
        gradient = (wins - met * p).sum(axis=1) - precision * (theta - centre)
        weight = met * p * (1 - p)
        hessian = np.diag(weight.sum(axis=1) + precision) - weight
        step = np.linalg.solve(hessian, gradient)
        largest = float(2 * np.abs(step).max())
        theta += step * (np.log1p(largest) / largest if largest > 0 else 1.0)
        if largest < 1e-8:
            break
    return theta, np.asarray(np.linalg.inv(hessian), dtype=np.float64)
