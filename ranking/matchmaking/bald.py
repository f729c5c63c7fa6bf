"""The group whose order is expected to tell most: Bayesian active learning by disagreement (BALD).

What a comparison of two models tells is the entropy of its outcome less the entropy that is left if the
strengths were known. Votes that are awaited tell their part before they come.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from agon.ranking.matchmaking.policies import policy
from agon.ranking.matchmaking.sampling_design import SamplingDesign, fixed_group
from agon.ranking.matchmaking.standing import Standing
from agon.ranking.numerics import FloatArray, expit, threads_for

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@policy("information")
def information(standing: Standing, size: int) -> SamplingDesign:
    """The pair whose comparison tells most, then one by one the model that tells most about the group.

    With D the difference of two means and v its variance, a comparison tells
    h(σ(D/√(1+πv/8))) − E h(σ(z)), z ~ N(D, v), h the entropy of a yes or no.

    Args:
        standing: of the models.
        size: K.

    Source:
        Houlsby et al., arXiv 1112.5745 (2011), for the gain; the logistic of a normal by MacKay (1992).
    """
    with threads_for(len(standing)):
        gain = comparison_gain(standing.mean, expected_covariance(standing))
    best = int(gain.argmax())
    group = list(divmod(best, len(standing)))
    while len(group) < size:
        total = gain[group].sum(axis=0)
        total[group] = -np.inf
        group.append(int(total.argmax()))
    return fixed_group(group)


def comparison_gain(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """(M, M) what the comparison of each two models is expected to tell, in nats; −∞ on the diagonal."""
    m = len(mean)
    one, two = np.triu_indices(m, 1)
    gap = mean[one] - mean[two]
    own = np.diag(covariance)
    variance = np.maximum(own[one] + own[two] - 2 * covariance[one, two], 0.0)
    deviation = np.sqrt(variance)
    left = np.zeros(len(gap))
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        left += weight * _entropy(gap + node * deviation)
    told = _entropy(gap / np.sqrt(1 + np.pi * variance / 8)) - left
    gain = np.full((m, m), -np.inf)
    gain[one, two] = gain[two, one] = told
    return gain


def _entropy(log_odds: FloatArray) -> FloatArray:
    """Entropy of a yes or no of given log-odds, in nats."""
    size = np.abs(log_odds)
    small = np.exp(-size)
    return np.asarray(np.log1p(small) + size * small / (1 + small))


def expected_covariance(standing: Standing) -> FloatArray:
    """(M, M) covariance once the votes that are awaited have come.

    Each pair of a group of K tells (2/K) p (1 − p) about its difference.
    """
    members = sorted({i for group in standing.waiting for i in group})
    c = standing.covariance
    if not members:
        return c
    place = {model: row for row, model in enumerate(members)}
    told = np.zeros((len(members), len(members)))
    for group in standing.waiting:
        for one, two in combinations(group, 2):
            told[place[one], place[two]] -= 2 / len(group)
    told = told + told.T
    seats = np.array(members)
    p = expit(standing.mean[seats][:, None] - standing.mean[seats])
    told *= p * (1 - p)
    np.fill_diagonal(told, -told.sum(axis=1))
    some = c[:, seats]
    inner = np.eye(len(members)) + c[np.ix_(seats, seats)] @ told
    return np.asarray(c - some @ told @ np.linalg.solve(inner, some.T))
