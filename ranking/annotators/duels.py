"""Votes as decided pairs, one by one: which of two models won, on which side it stood, whose vote, and when.

Of a vote on more than two models disjoint pairs are taken, which are independent under Plackett-Luce. A tie
or a "both bad" is no duel: given that a vote decides, who wins is logistic in the difference of strengths
under Davidson's model of ties, whatever a voter's habit of calling ties.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agon.ranking.errors import SourceError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.validation import UNRANKED
from agon.ranking.votes.vote_source import DEPENDENT, VoteNetworks

_USUAL = 0.75  # share of the voters on a model who have at most the usual number of votes on it
_RIDGE = 0.1  # prior precision of a strength, in nats^-2: holds who never lost


@dataclass(frozen=True, eq=False)
class Duels:
    """R decided pairs.

    Attributes:
        models: M names.
        first, second: (R,) model indices.
        won: (R,) whether the first won.
        side: (R,) 1 where the first was shown first, −1 where it was shown after, 0 where that is not known.
        voter: (R,) number of the voter; each vote its own where votes name none.
        vote: (R,) place of its vote in time, from 0.
        votes: (N,) voter of every vote, decided or not, in time.
        names: of the voters; empty where votes name none.
        times: (N,) seconds at which votes were cast, or None.
        networks: where votes were cast from; None where none says.
    """

    models: tuple[str, ...]
    first: IntArray
    second: IntArray
    won: BoolArray
    side: FloatArray
    voter: IntArray
    vote: IntArray
    votes: IntArray
    names: tuple[str, ...]
    times: FloatArray | None
    networks: VoteNetworks | None = None

    @property
    def n_voters(self) -> int:
        """Number of voters, V."""
        return int(self.votes.max(initial=-1)) + 1

    def where(self, keep: BoolArray) -> Duels:
        """Those of a mask (R,); the votes stay."""
        columns = {n: getattr(self, n)[keep] for n in ("first", "second", "won", "side", "voter", "vote")}
        return replace(self, **columns)


def voter_column(votes: Comparisons) -> str | None:
    """The column that says whose a vote is; None where there is none."""
    return next((name for name in votes.cluster_columns if name in DEPENDENT[0]), None)


def duels_of(votes: Comparisons, by: str | None = None) -> Duels:
    """The decided pairs of votes in the order of time.

    Args:
        votes: pairwise or on more models; soft judgements decide nothing here.
        by: column of the voters; None for the one there is.

    Raises:
        SourceError: no such column, or votes without a voter.
    """
    by = voter_column(votes) if by is None else by
    cast = votes.battles if by is None else votes.clustered(by)
    names = () if by is None else votes.clusters(by).names
    ballots, n = cast.ballots, len(cast.sequence)
    if cast.cluster is None and by is not None:
        raise SourceError(f"The votes do not say whose they are by {by!r}.")
    voter = np.arange(n) if cast.cluster is None else cast.cluster
    width = ballots.shown.shape[1]
    size = (ballots.shown >= 0).sum(axis=1)
    place = np.where(ballots.places == UNRANKED, width + 1, ballots.places)
    soft = ~np.isnan(ballots.p_a)
    turn = np.arange(n) % size[cast.sequence] if width > 2 else np.zeros(n, dtype=np.int64)
    parts: list[tuple[IntArray, IntArray, IntArray, BoolArray]] = []
    for j in range(width // 2):
        vote = np.flatnonzero((size[cast.sequence] > 2 * j + 1) & ~soft[cast.sequence])
        row = cast.sequence[vote]
        one, other = ((turn[vote] + 2 * j + i) % size[row] for i in range(2))
        decided = place[row, one] != place[row, other]
        vote, row, one, other = vote[decided], row[decided], one[decided], other[decided]
        shown = ballots.shown[row]
        at = np.arange(len(row))
        parts.append((vote, shown[at, one], shown[at, other], place[row, one] < place[row, other]))
    vote, first, second, won = (np.concatenate([part[i] for part in parts]) for i in range(4))
    order = np.argsort(vote, kind="stable")
    vote, first, second, won = vote[order], first[order], second[order], won[order].astype(bool)
    side = np.zeros(len(vote))
    if width == 2 and cast.turned is not None:
        side = np.where(cast.turned[vote], -1.0, 1.0)
    whose = (voter[vote], vote, voter, names, cast.times, cast.networks)
    return Duels(ballots.models, first, second, won, side, *whose)


@dataclass(frozen=True, eq=False)
class Crowd:
    """What all voters together say: (M,) strengths and the worth of being shown first, in nats.

    `information` (M + 1, M + 1) is minus the Hessian at that, the side last; `inverse` its inverse.
    """

    theta: FloatArray
    bias: float
    information: FloatArray
    inverse: FloatArray

    def log_odds(self, duels: Duels) -> FloatArray:
        """(R,) of the first's winning."""
        return np.asarray(self.theta[duels.first] - self.theta[duels.second] + self.bias * duels.side)


def voice(duels: Duels) -> FloatArray:
    """(R,) weights at most 1 with which no voter says more of a model than most who judged it do.

    A crowd is of voters: who casts a hundred times as many votes on a model as others would be its judge.
    """
    m = len(duels.models)
    weight = np.ones(len(duels.won))
    if not duels.names or not len(weight):
        return weight
    for model in (duels.first, duels.second):
        there, row, number = np.unique(duels.voter * m + model, return_inverse=True, return_counts=True)
        of = there % m
        order = np.lexsort((number, of))
        begin, size = np.searchsorted(of[order], np.arange(m)), np.bincount(of, minlength=m)
        at = np.minimum(begin + (_USUAL * size).astype(np.int64), len(order) - 1)
        usual = np.where(size > 0, number[order][at], 1)
        weight = np.minimum(weight, (np.maximum(usual[of], 1) / number)[row.reshape(-1)])
    return weight


def fit_crowd(duels: Duels, weight: FloatArray) -> Crowd:
    """Fit the strengths and the side by Newton's method, with a slight prior that holds the undefeated.

    Args:
        duels: R of them.
        weight: (R,) of each.
    """
    m = len(duels.models)
    cell = (duels.first * m + duels.second) * 3 + duels.side.astype(np.int64) + 1
    cells, at = np.unique(cell, return_inverse=True)
    met, won = (
        np.bincount(at.reshape(-1), column, len(cells)).astype(np.float64)
        for column in (weight, weight * duels.won)
    )
    side = (cells % 3 - 1).astype(np.float64)
    return fit_cells(cells // (3 * m), cells // 3 % m, side, met, won, m)


def fit_cells(
    first: IntArray, second: IntArray, side: FloatArray, met: FloatArray, won: FloatArray, m: int
) -> Crowd:
    """The same of counts.

    Args:
        first, second: (C,) model indices of each cell.
        side: (C,) 1 where the first was shown first, −1 where it was shown after, 0 where that is not known.
        met, won: (C,) duels, and those that the first won.
        m: number of models.
    """
    x, prior = np.zeros(m + 1), np.full(m + 1, _RIDGE)
    for _ in range(100):
        p = expit(x[first] - x[second] + x[m] * side)
        score, weight = won - met * p, met * p * (1 - p)
        gradient = gather(first, second, side, score, m) - prior * x
        hessian = moment(first, second, side, weight, m) + np.diag(prior)
        step = np.linalg.solve(hessian, gradient)
        x += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    return Crowd(x[:m] - x[:m].mean(), float(x[m]), hessian, np.linalg.inv(hessian))


def gather(first: IntArray, second: IntArray, side: FloatArray, score: FloatArray, m: int) -> FloatArray:
    """(M + 1,) the sum of scores by strength, and by side."""
    found = np.bincount(first, score, m) - np.bincount(second, score, m)
    return np.append(found, side @ score)


def moment(first: IntArray, second: IntArray, side: FloatArray, weight: FloatArray, m: int) -> FloatArray:
    """(M + 1, M + 1) the sum of w x xᵀ, x: 1 for the first model, −1 for the second, and the side."""
    off = np.bincount(first * m + second, weight, m * m).reshape(m, m)
    both = off + off.T
    turn = np.bincount(first, weight * side, m) - np.bincount(second, weight * side, m)
    top = np.hstack([np.diag(both.sum(axis=1)) - both, turn[:, None]])
    return np.vstack([top, np.append(turn, float(weight @ side**2))])
