"""The joint fit of the models' strengths and the voters' discriminations to who judged what.

P(voter k prefers i to j) = 1 / (1 + exp(−a_k (θ_i − θ_j))). Voters without a discrimination of their own have
a_k = 1, and their votes are one voter's to the fit: only how often they preferred i to j matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agon.ranking.errors import ConvergenceError, VotesError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import ROUNDS, TOLERANCE
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.votes.comparisons import Comparisons

LEAST_SPREAD, MOST_SPREAD = 1e-3, 4.0  # of discriminations between voters


@dataclass(frozen=True, eq=False)
class Panel:
    """Who judged what: R rows of `won` of `met` votes by `voter` for model `first` over `second`.

    Models are numbered within the largest component, `core` their places among all; V voters.
    """

    voter: IntArray
    first: IntArray
    second: IntArray
    won: FloatArray
    met: FloatArray
    core: IntArray
    size: int

    @classmethod
    def of(cls, votes: Comparisons, by: str) -> tuple[Panel, tuple[str, ...], IntArray]:
        """The votes of each voter on each pair of the largest component, names, and (V,) pairs judged."""
        clusters, ballots = votes.clusters(by), votes.ballots
        known = identify(votes.pairs.halves("half"))
        core = np.flatnonzero(known.core & (known.group == 0))
        if len(core) < 2:
            raise VotesError(
                "No two models both won and lost against each other, so voters cannot be compared; "
                "collect more votes."
            )
        place = np.full(len(votes.models), -1)
        place[core] = np.arange(len(core))
        rows = ballots.pair_rows
        start = np.searchsorted(rows.ballot, clusters.ballot, "left")
        length = np.searchsorted(rows.ballot, clusters.ballot, "right") - start
        pair = np.repeat(start - np.cumsum(length) + length, length) + np.arange(length.sum())
        voter, times = np.repeat(clusters.cluster, length), np.repeat(clusters.count, length)
        judged = np.bincount(voter, times, clusters.size).astype(np.int64)
        inside = (place[rows.first[pair]] >= 0) & (place[rows.second[pair]] >= 0)
        pair, voter, times = pair[inside], voter[inside], times[inside]
        weight = times * ballots.weight[rows.ballot[pair]]
        won = weight * (rows.win + 0.5 * (rows.tie + rows.both_bad))[pair]
        whole = cls(
            voter, place[rows.first[pair]], place[rows.second[pair]], won, weight, core, clusters.size
        )
        return whole.merged(voter, clusters.size), clusters.names, judged

    def merged(self, voter: IntArray, size: int) -> Panel:
        """Renumber the voters of the (R,) rows, and add up the rows of one voter on one pair."""
        m = len(self.core)
        cells, at = np.unique((voter * m + self.first) * m + self.second, return_inverse=True)
        won, met = (summed(at.reshape(-1), column, len(cells)) for column in (self.won, self.met))
        return Panel(cells // (m * m), cells // m % m, cells % m, won, met, self.core, size)


@dataclass(frozen=True, eq=False)
class Discriminations:
    """(M,) strengths, (V,) discriminations with their standard errors, their spread, and what it costs."""

    theta: FloatArray
    ability: FloatArray
    error: FloatArray
    spread: float
    loss: float


def summed(index: IntArray, values: FloatArray, size: int) -> FloatArray:
    """(size,) sum of the values with each index."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)


def discriminations(panel: Panel, rated: BoolArray) -> Discriminations:
    """The joint fit at the spread that makes the votes most probable, by Laplace over discriminations.

    Args:
        panel: who judged what.
        rated: (V,) voters with a discrimination of their own; that of the others is 1.

    Raises:
        ConvergenceError: no solution after 200 steps.
    """
    from scipy.optimize import minimize_scalar

    free = np.flatnonzero(rated)
    number = np.full(panel.size, len(free))
    number[free] = np.arange(len(free))
    merged = panel.merged(number[panel.voter], len(free) + 1)
    fit = _fit(merged, np.zeros(len(panel.core)), np.ones(merged.size), 1.0)

    def loss(log_spread: float) -> float:
        nonlocal fit
        fit = _fit(merged, fit.theta, fit.ability, float(np.exp(log_spread)))
        return fit.loss

    if len(free) > 1:
        bounds = (float(np.log(LEAST_SPREAD)), float(np.log(MOST_SPREAD)))
        best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-2})
        loss(float(best.x))
    ability, error = np.ones(panel.size), np.zeros(panel.size)
    ability[free], error[free] = fit.ability[:-1], fit.error
    return replace(fit, ability=ability, error=error, spread=fit.spread if len(free) > 1 else 0.0)


def _fit(panel: Panel, theta: FloatArray, ability: FloatArray, spread: float) -> Discriminations:
    """Mode of strengths and discriminations given the spread, by Fisher scoring with halved steps.

    The last voter stands for all whose discrimination is 1. The scale is fixed by the mean of the others', 1;
    the prior alone would leave it below.
    """
    here = _Point.at(panel, theta, ability, spread)
    loss = here.loss
    for _ in range(ROUNDS):
        pull, laplacian, turn, own, cross = here.curvature()
        total = (1 / own).sum()
        share = 1 / own / total if len(own) else own
        turn, mean = turn - share @ turn, share @ cross  # the mean of the steps is 0
        scaled = cross / np.sqrt(own)[:, None]
        schur = laplacian - scaled.T @ scaled + total * np.outer(mean, mean)
        schur += laplacian.diagonal().mean() / len(theta)
        step = np.linalg.solve(schur, pull - (turn / own) @ cross)
        step -= step.mean()
        bend = np.append((turn - cross @ step + mean @ step) / own, 0.0)
        size = 1.0
        while (new := here.moved(size * step, size * bend)).loss > loss and size > 1e-12:
            size /= 2
        here, loss = new, min(new.loss, loss)
        if size * max(float(np.abs(step).max()), float(np.abs(bend).max())) < TOLERANCE:
            centred = cross - mean
            through = (np.linalg.solve(schur, centred.T).T * centred).sum(axis=1) / own**2
            error = np.sqrt((1 - share) / own + through)
            evidence = loss + len(own) * np.log(spread) + 0.5 * float(np.log(own).sum())
            return Discriminations(here.theta, here.ability, error, spread, evidence)
    raise ConvergenceError(
        f"The discriminations of {len(ability) - 1:,} voters did not converge in {ROUNDS} steps."
    )


@dataclass(frozen=True, eq=False)
class _Point:
    """Where the fit is: (M,) strengths, (F + 1,) discriminations, minus the log-posterior.

    And (R,) the `gap` between the strengths and the chance `p` that the first is preferred.
    """

    panel: Panel
    theta: FloatArray
    ability: FloatArray
    spread: float
    loss: float
    gap: FloatArray
    p: FloatArray

    @classmethod
    def at(cls, panel: Panel, theta: FloatArray, ability: FloatArray, spread: float) -> _Point:
        gap = theta[panel.first] - theta[panel.second]
        logit = ability[panel.voter] * gap
        small = np.exp(-np.abs(logit))
        fit = panel.met @ (np.maximum(logit, 0.0) + np.log1p(small)) - panel.won @ logit
        loss = float(fit + 0.5 * ((ability - 1) ** 2).sum() / spread**2)
        return cls(panel, theta, ability, spread, loss, gap, np.where(logit < 0, small, 1.0) / (1.0 + small))

    def moved(self, step: FloatArray, bend: FloatArray) -> _Point:
        """The point a step further."""
        return _Point.at(self.panel, self.theta + step, self.ability + bend, self.spread)

    def curvature(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Gradient (M,) and information (M, M) of the strengths, (F,) both of the voters, mixed (F, M)."""
        panel, m, v = self.panel, len(self.theta), self.panel.size
        a, pair = self.ability[panel.voter], panel.first * m + panel.second
        expected = panel.met * self.p
        score, mix = panel.won - expected, a * (expected * (1 - self.p))
        pull = summed(pair, a * score, m * m).reshape(m, m)
        cell = summed(pair, a * mix, m * m).reshape(m, m)
        cell = cell + cell.T
        mix *= self.gap
        turn = summed(panel.voter, self.gap * score, v) - (self.ability - 1) / self.spread**2
        own = summed(panel.voter, expected * (1 - self.p) * self.gap**2, v) + 1 / self.spread**2
        mixed = summed(panel.voter * m + panel.first, mix, v * m)
        mixed -= summed(panel.voter * m + panel.second, mix, v * m)
        return (
            pull.sum(axis=1) - pull.sum(axis=0),
            np.diag(cell.sum(axis=1)) - cell,
            turn[:-1],
            own[:-1],
            mixed.reshape(v, m)[:-1],
        )
