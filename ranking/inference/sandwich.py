"""Robust and clustered covariance."""

from __future__ import annotations

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray
from agon.ranking.results import Fit
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.vote_source import Clusters


def sandwich(fit: Fit, ballots: Ballots, clusters: Clusters | None = None) -> FloatArray:
    """(M, M) robust covariance of the scores: bread · meat · breadᵀ (White 1982).

    The meat is the sum of outer products of the votes' scores, summed within a ballot first and, with
    clusters, within a cluster (Liang and Zeger 1986; times C/(C − 1)). A model all of whose votes are
    ties has no variance to sum: its pairs get the expected information instead.

    Raises:
        OptionError: the method gives no estimating equation, or there is only one cluster.
    """
    if fit.bread is None:
        raise OptionError('This method has no sandwich interval; use interval="bootstrap".')
    meat = _meat(fit, ballots, clusters)
    if fit.information is not None:
        m = len(fit.information)
        curvature = fit.information.sum(axis=1)
        tied = (curvature > 0) & (np.diag(meat)[:m] <= 1e-12 * curvature)
        if tied.any():
            weight = np.where(tied[:, None] | tied[None, :], fit.information, 0.0)
            meat[:m, :m] += np.diag(weight.sum(axis=1)) - weight
    covariance = fit.bread @ meat @ fit.bread.T
    if fit.placed is not None:
        covariance = covariance + fit.placed
    return np.asarray(0.5 * (covariance + covariance.T))


def _meat(fit: Fit, ballots: Ballots, clusters: Clusters | None) -> FloatArray:
    """(M + E, M + E) sum over independent units of the outer product of their scores."""
    n, m = len(ballots.count), len(ballots.models)
    if fit.ballot_scores is not None:
        scores = (fit.ballot_scores(ballots) * ballots.weight[:, None]).tocsr()
    elif fit.vote_scores is not None:
        rows = ballots.pair_rows
        weight = ballots.weight[rows.ballot]
        one, two, *more = (column * weight for column in fit.vote_scores(rows))
        if clusters is None and ballots.pairwise and not more:
            times = ballots.count[rows.ballot]
            cross = np.bincount(rows.first * m + rows.second, times * one * two, m * m).reshape(m, m)
            diagonal = np.bincount(rows.first, times * one**2, m)
            diagonal += np.bincount(rows.second, times * two**2, m)
            return np.asarray(cross + cross.T + np.diag(diagonal))
        from scipy.sparse import csr_array

        columns = [rows.first, rows.second, *(np.full(len(one), m + e) for e in range(len(more)))]
        at = (np.tile(rows.ballot, len(columns)), np.concatenate(columns))
        scores = csr_array((np.concatenate([one, two, *more]), at), shape=(n, m + len(more)))
    else:
        raise OptionError("A sandwich needs the scores of the votes.")
    if clusters is None:
        meat = scores.T @ (scores * ballots.count[:, None]).tocsr()
        return np.asarray(meat.toarray())
    if clusters.size < 2:
        raise OptionError(f"All votes are of one {clusters.by}: no interval can be clustered by it.")
    from scipy.sparse import csr_array

    member = csr_array((clusters.count, (clusters.cluster, clusters.ballot)), shape=(clusters.size, n))
    summed = member @ scores
    return np.asarray((summed.T @ summed).toarray()) * clusters.size / (clusters.size - 1)
