"""The fit of a board for each prompt: strengths that are linear in features, with ridges that the votes give.

It is made of all votes, and for each part of the prompts of those on the others, by which it is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.tastes.judgements import Judgements
from agon.ranking.tastes.topic_misfit import HeldOutGaps
from agon.ranking.tastes.topic_network import TopicNetwork, fit_topic_network

_FLAT = 0.01  # one over the variance of the strengths themselves, nats
_START, _LEAST, _MOST = 3.0, 0.02, 1e4  # the same of the weights of one component
_STEPS, _ROUNDS = 60, 25


def fit_topics(cells: Judgements, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(M, 1 + F) strengths and weights, their covariance, (F,) ridges that make the votes most probable."""
    m, width = len(cells.models), x.shape[1]
    prior = np.concatenate([[_FLAT], np.full(width - 1, _START)])
    point = np.zeros((m, width))
    by_pair = _by_pair(cells, x)
    for _ in range(_ROUNDS):
        point, covariance = _solve(cells, x, by_pair, prior, point)
        spread = np.diag(covariance).reshape(m, width).sum(axis=0)
        new = m / ((point**2).sum(axis=0) + spread)  # the EM of the variances
        new[0] = _FLAT
        new = np.clip(new**1.5 / np.sqrt(prior), _LEAST, _MOST)  # a step half as long again
        new[0] = _FLAT
        settled = np.abs(np.log(new / prior)).max() < 0.02
        prior = new
        if settled:
            break
    point, covariance = _solve(cells, x, by_pair, prior, point)
    return point, covariance, prior[1:]


def _by_pair(cells: Judgements, x: FloatArray) -> list[tuple[int, int, IntArray, FloatArray]]:
    """Each pair of models that met, the rows of its votes, and the features of their prompts."""
    m = len(cells.models)
    low, high = np.minimum(cells.first, cells.second), np.maximum(cells.first, cells.second)
    order = np.argsort(low * m + high, kind="stable")
    keys, starts = np.unique((low * m + high)[order], return_index=True)
    parts = np.split(order, starts[1:])
    return [
        (key // m, key % m, rows, x[cells.voter[rows]])
        for key, rows in zip(keys.tolist(), parts, strict=True)
    ]


def _solve(
    cells: Judgements,
    x: FloatArray,
    by_pair: list[tuple[int, int, IntArray, FloatArray]],
    prior: FloatArray,
    start: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """(M, 1 + F) strengths and weights of the largest posterior, and the covariance of all of them."""
    m, width = start.shape
    point, diagonal = start.copy(), np.tile(prior, m)
    first, second = (cells.voter * m + side for side in (cells.first, cells.second))
    hessian = np.empty((m, width, m, width))
    for _ in range(_STEPS):
        strengths = (x @ point.T).reshape(-1)
        p = expit(strengths[first] - strengths[second])
        left, weight = cells.won - cells.met * p, cells.met * p * (1 - p)
        pull = np.bincount(first, left, len(strengths)) - np.bincount(second, left, len(strengths))
        gradient = pull.reshape(-1, m).T @ x - prior * point
        hessian[:] = 0.0
        for i, j, rows, z in by_pair:
            block = z.T @ (weight[rows, None] * z)
            hessian[i, :, i] += block
            hessian[j, :, j] += block
            hessian[i, :, j] -= block
            hessian[j, :, i] -= block
        whole = hessian.reshape(m * width, -1)
        whole.reshape(-1)[:: m * width + 1] += diagonal
        step = np.linalg.solve(whole, gradient.reshape(-1))
        largest = float(2 * np.abs(step).max())
        point += (step * (np.log1p(largest) / largest if largest > 0 else 1.0)).reshape(point.shape)
        if largest < 1e-7:
            break
    return point, np.asarray(np.linalg.inv(hessian.reshape(m * width, -1)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class TopicFit:
    """What was learnt from the prompts outside one part: as the attributes of `PromptBoards` are."""

    coefficients: FloatArray
    covariance: FloatArray
    network: TopicNetwork | None = None

    def strengths(self, x: FloatArray, z: FloatArray) -> FloatArray:
        """(P, M) nats on prompts with these features, with and without the one before."""
        plain = x @ self.coefficients.T
        return plain if self.network is None else plain + self.network.added(z).mean(axis=0)

    def shared_error(self, one: Judgements, two: Judgements, x: FloatArray, z: FloatArray) -> FloatArray:
        """(N,) covariance of the gap in a row of the one with that in the same row of the other."""
        m, width = self.coefficients.shape
        table, total = self.covariance.reshape(m, width, m, width), np.zeros(len(one.voter))
        for at in np.array_split(np.arange(len(total)), 1 + len(total) // 2_000):
            a, b = x[one.voter[at]], x[two.voter[at]]
            for sign, i, j in (
                (1, one.first, two.first),
                (-1, one.first, two.second),
                (-1, one.second, two.first),
                (1, one.second, two.second),
            ):
                total[at] += sign * np.einsum("nf,nfg,ng->n", a, table[i[at], :, j[at]], b)
        if self.network is not None:
            added = [_spread(self.network, some, z) for some in (one, two)]
            total += (added[0] * added[1]).sum(axis=0) / (len(added[0]) - 1)
        return total


def _spread(network: TopicNetwork, some: Judgements, z: FloatArray) -> FloatArray:
    """(E, N) what each member adds to the gap in a row beyond their mean."""
    prompts, at = np.unique(some.voter, return_inverse=True)
    added = network.added(z[prompts])
    gap = added[:, at, some.first] - added[:, at, some.second]
    return np.asarray(gap - gap.mean(axis=0))


def held_out_fits(cells: Judgements, x: FloatArray, fold: IntArray) -> list[TopicFit]:
    """A linear head for each part, from the votes on prompts of the others."""
    learnt = (cells.where(np.flatnonzero(fold[cells.voter] != part)) for part in range(int(fold.max()) + 1))
    return [TopicFit(*fit_topics(learn, x)[:2]) for learn in learnt]


def bend(
    cells: Judgements, fold: IntArray, part: int, fit: TopicFit, x: FloatArray, z: FloatArray, seed: int
) -> TopicFit:
    """The same head with a network."""
    learn = cells.where(np.flatnonzero(fold[cells.voter] != part))
    return replace(fit, network=fit_topic_network(learn, fit.strengths(x, z), z, seed))


def held_out_losses(
    cells: Judgements, fold: IntArray, fits: list[TopicFit], x: FloatArray, z: FloatArray
) -> FloatArray:
    """(P,) log loss of the votes on each prompt, from those on others."""
    loss = np.zeros(len(x))
    for part, fit in enumerate(fits):
        some = cells.where(np.flatnonzero(fold[cells.voter] == part))
        strengths = fit.strengths(x, z)
        gap = strengths[some.voter, some.first] - strengths[some.voter, some.second]
        cost = some.met * np.logaddexp(0.0, gap) - some.won * gap
        loss += np.bincount(some.voter, cost, len(x))
    return loss


def held_out_gaps(
    rows: Judgements, pairs: IntArray, fold: IntArray, fits: list[TopicFit], x: FloatArray, z: FloatArray,
    seed: int,
) -> HeldOutGaps:  # fmt: skip
    """What the heads expect of pairs of votes that they have not seen."""
    gap, covariance = np.zeros((len(pairs), 2)), np.zeros((len(pairs), 3))
    part = fold[rows.voter[pairs[:, 0]]]
    for number, fit in enumerate(fits):
        strengths, held = fit.strengths(x, z), np.flatnonzero(part == number)
        one, two = (rows.where(pairs[held, side]) for side in (0, 1))
        for side, some in enumerate((one, two)):
            gap[held, side] = strengths[some.voter, some.first] - strengths[some.voter, some.second]
        for column, (a, b) in enumerate(((one, one), (two, two), (one, two))):
            covariance[held, column] = fit.shared_error(a, b, x, z)
    coin = np.random.default_rng(seed).random(pairs.shape)
    return HeldOutGaps(gap, covariance, (coin * rows.met[pairs] < rows.won[pairs]).astype(np.float64))
