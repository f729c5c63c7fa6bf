"""How far strengths on a prompt lie from those that its vector tells: what no interval of a fit knows.

The strengths on a prompt are those of the head plus an error of its own, normal with variance τ², which holds
whatever the head leaves out: a bend where it is a plane, components that were not taken, what no vector
tells. It may be alike for all models, or larger for those that differ more between prompts. Two votes on one
prompt that was held out, on pairs that share a model, agree more than the head says where there is such an
error, and by how much gives τ². Where prompts have too few votes each for that, those next to each other
are taken together, and τ² is that of their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.tastes.judgements import Judgements

_ENOUGH, _MOST = 2_000, 20_000  # pairs of votes: by which τ² is known within about 0.1, and that are used
_A_GROUP, _ROWS = 64, 40_000  # votes of a group, and of all groups, among which pairs are sought
_TAU, _SHARES = np.linspace(0, 3, 21), (0.0, 0.5, 1.0)  # tried, with every τ² and share as likely before
_ROUNDING = 1e-12  # nats², below which strengths are the same on all prompts
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(8)
_ATTENUATION = (16 * np.sqrt(3) / (15 * np.pi)) ** 2  # E σ(x) at variance v: σ of the mean / √(1 + this · v)


@dataclass(frozen=True, eq=False)
class Misfit:
    """What the head leaves out.

    Attributes:
        variance: (M,) τ² of each model, in nats², the mean over what the votes held out leave open.
        together: prompts of whose mean it is; 1 where it is that of single prompts.
    """

    variance: FloatArray
    together: int


@dataclass(frozen=True, eq=False)
class HeldOutGaps:
    """A pair of votes each on prompts that were held out together.

    Attributes:
        gap: (N, 2) of the strengths that the head expects, nats.
        covariance: (N, 3) of their errors as the head knows them: both variances, then what they share.
        won: (N, 2) whether the first model won; a tie is decided by a coin.
    """

    gap: FloatArray
    covariance: FloatArray
    won: FloatArray

    def log_likelihood(self, error: FloatArray) -> float:
        """Of the pairs of votes, if strengths err beside what the head knows: (N, 3) as `covariance`."""
        one, two, both = (self.covariance + error).T
        first = np.sqrt(np.maximum(one, 1e-12))
        slope = both / first
        rest = np.sqrt(np.maximum(two - slope**2, 0.0))
        centre = self.gap * np.sqrt(1 + _ATTENUATION * np.maximum(np.stack([one, two], axis=1), 0.0))
        sign = 2 * self.won - 1
        total = np.zeros(len(first))
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            a = expit(sign[:, 0] * (centre[:, 0] + first * node))
            second = centre[:, 1, None] + slope[:, None] * node + rest[:, None] * _NODES
            total += weight * a * (expit(sign[:, 1, None] * second) @ _WEIGHTS)
        return float(np.log(total / (2 * np.pi)).sum())


def fit_misfit(gaps: HeldOutGaps, one: Judgements, two: Judgements, differ: FloatArray) -> FloatArray:
    """(M,) mean of τ² of each model under votes held out, with every τ² up to 9 as likely before.

    Args:
        gaps: N pairs of votes.
        one, two: the votes of each pair.
        differ: (M,) variance of the strengths between prompts as the head tells; 0 where it tells none.
    """
    mean = float(differ.mean())
    told_apart = mean > _ROUNDING
    kinds = np.stack([np.ones(len(differ)), differ / mean if told_apart else np.ones(len(differ))])
    shares = _SHARES if told_apart else (0.0,)
    errors = [
        np.stack([_together(a, b, kind) for a, b in ((one, one), (two, two), (one, two))], axis=1)
        for kind in kinds
    ]
    told = np.array(
        [
            [gaps.log_likelihood(tau**2 * ((1 - share) * errors[0] + share * errors[1])) for share in shares]
            for tau in _TAU
        ]
    )
    chance = _TAU[:, None] * np.exp(told - told.max())
    weight = (chance * _TAU[:, None] ** 2).sum(axis=0) / chance.sum()
    bent = float(weight @ shares)
    return np.asarray((weight.sum() - bent) * kinds[0] + bent * kinds[1])


def pairs_of_votes(rows: Judgements, fold: IntArray, features: FloatArray, seed: int) -> tuple[IntArray, int]:
    """(N, 2) rows that are held out together, of one prompt or of neighbours, and how many prompts those are.

    Args:
        rows: single votes on P prompts, which are their voters.
        fold: (P,) in which each prompt is held out.
        features: (P, F) by which prompts are neighbours.
        seed: of the draw of votes and pairs, where there are more than are used.
    """
    rng = np.random.default_rng(seed)
    together = 1
    while True:
        pairs = _sharing(rows, _neighbours(fold, features, together)[rows.voter], rng)
        if len(pairs) >= _ENOUGH or together >= len(fold):
            break
        together *= 2
    if len(pairs) > _MOST:
        pairs = pairs[np.sort(rng.choice(len(pairs), _MOST, replace=False))]
    return pairs, 1 if together == 1 else min(together * len(np.unique(fold)), len(fold))


def _neighbours(fold: IntArray, features: FloatArray, together: int) -> IntArray:
    """(P,) number of a group of at most so many prompts of one fold that are near each other."""
    if together == 1:
        return np.arange(len(fold))
    group, number = np.empty(len(fold), dtype=np.int64), 0
    waiting = [np.flatnonzero(fold == one) for one in np.unique(fold)]
    while waiting:
        inside = waiting.pop()
        if len(inside) <= together:
            group[inside] = number
            number += 1
            continue
        axis = int(np.ptp(features[inside], axis=0).argmax())
        order = inside[np.argsort(features[inside, axis], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    return group


def _sharing(rows: Judgements, group: IntArray, rng: np.random.Generator) -> IntArray:
    """(N, 2) pairs of rows of one group whose pairs of models share one."""
    drawn = rng.permutation(len(group))
    order = drawn[np.argsort(rng.permutation(int(group.max()) + 1)[group[drawn]], kind="stable")][:_ROWS]
    found = []
    for apart in range(1, _A_GROUP):
        one, two = order[:-apart], order[apart:]
        alike = group[one] == group[two]
        if not alike.any():
            break
        pairs = np.stack([one[alike], two[alike]], axis=1)
        linked = _together(rows.where(pairs[:, 0]), rows.where(pairs[:, 1]), np.ones(len(rows.models)))
        found.append(pairs[linked != 0])
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


def _together(one: Judgements, two: Judgements, variance: FloatArray) -> FloatArray:
    """(N,) covariance of the gaps of two rows where each model's strength errs for itself, by (M,)."""
    i, j, k, m = one.first, one.second, two.first, two.second
    at_i, at_j = variance[i], variance[j]
    return np.asarray((i == k) * at_i - (i == m) * at_i - (j == k) * at_j + (j == m) * at_j)
