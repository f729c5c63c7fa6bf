"""The sandwich: robust covariance of an estimating equation, of single votes or of clusters of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.cluster_jackknife import ClusterMeat, jackknife_clusters
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Clustering, Covariance, EstimatingEquation, Fit
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.vote_source import Clusters

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LEAST_OF_SINGLE = 0.5  # of the variance of independent votes, where two groupings would leave less


def estimate_sandwich(fit: Fit, ballots: Ballots, clusters: Clusters | None = None) -> Covariance:
    """(M + E, M + E) robust covariance of the scores and further parameters: bread · meat · breadᵀ (White).

    The meat is the sum of outer products of the votes' scores, summed within a ballot first; with clusters
    it is that of the delete-one-cluster jackknife, which holds where clusters are unequal. A model all of
    whose votes are ties has no variance to sum: its pairs get the expected information instead.

    Raises:
        OptionError: there is only one cluster.
    """
    equation = fit.equation
    if equation is None:
        raise TypeError("the sandwich needs a Fit with an estimating equation")
    alone = _covariance(equation, _meat(equation, ballots))
    if clusters is None:
        return Covariance(alone)
    if clusters.size < 2:
        raise OptionError(f"All votes are of one {clusters.by}: no interval can be clustered by it.")
    found = _jackknife(fit, equation, ballots, clusters)
    together = _covariance(equation, found.meat)
    effect = _effect(together, alone, len(fit.values))
    clustering = Clustering(clusters.size, found.effective, effect, found.df)
    return Covariance(together, clustering, found.alone)


def _effect(clustered: FloatArray, single: FloatArray, n_models: int) -> float:
    """How many times larger the variances of the scores are with clusters, on average."""
    ours, theirs = (float(np.trace(matrix[:n_models, :n_models])) for matrix in (clustered, single))
    return ours / theirs if theirs > 0 else 1.0


def two_way_sandwich(first: Covariance, second: Covariance, both: Covariance, n_models: int) -> Covariance:
    """(M + E, M + E) covariance where votes depend through either of two groupings, voters and prompts say.

    V = V₁ + V₂ − V₁₂: what both groupings share is counted once. It is taken to be single votes, which takes
    away least. Few clusters agree by chance so closely that all would be taken away, and a board be certain
    of anything: in no direction is V less than LEAST_OF_SINGLE · V₁₂. (Cut where each grouping adds to single
    votes, intervals of independent votes would be 13 to 25% too wide; cut so, 1 to 9%.) Degrees of freedom
    are those of the fewer clusters.

    Args:
        first, second: clustered by one and by the other.
        both: of single votes.
        n_models: M.

    Source:
        A. C. Cameron, J. Gelbach and D. Miller, Robust inference with multiway clustering, J. Bus. Econ.
        Stat. 29 (2011).
    """
    size, vectors = np.linalg.eigh(both.matrix)
    kept = size > 1e-12 * size.max()
    deviation, vectors = np.sqrt(size[kept]), vectors[:, kept]
    root, inverse = vectors * deviation, vectors / deviation
    times, directions = np.linalg.eigh(inverse.T @ (first.matrix + second.matrix - both.matrix) @ inverse)
    half = root @ (directions * np.sqrt(np.maximum(times, LEAST_OF_SINGLE)))
    matrix = half @ half.T
    ways = [way.clustering for way in (first, second) if way.clustering is not None]
    fewer = min(ways, key=lambda way: way.effective)
    effect = _effect(matrix, both.matrix, n_models)
    alone = [way.alone for way in (first, second) if way.alone is not None]
    return Covariance(matrix, replace(fewer, design_effect=effect), np.asarray(np.any(alone, axis=0)))


def _covariance(equation: EstimatingEquation, meat: FloatArray) -> FloatArray:
    """(M + E, M + E) bread · meat · breadᵀ, and what a prior adds; (M, M) if nobody asks for the others."""
    if equation.information is not None:
        m = len(equation.information)
        curvature = equation.information.sum(axis=1)
        tied = (curvature > 0) & (np.diag(meat)[:m] <= 1e-12 * curvature)
        if tied.any():
            weight = np.where(tied[:, None] | tied[None, :], equation.information, 0.0)
            meat = meat.copy()
            meat[:m, :m] += np.diag(weight.sum(axis=1)) - weight
    bread, m = equation.bread, len(equation.bread)
    if equation.further is not None:
        bread = np.vstack([bread, equation.further])
    covariance = bread @ meat @ bread.T
    if equation.map_covariance is not None:
        covariance[:m, :m] += equation.map_covariance
    return np.asarray(0.5 * (covariance + covariance.T))


def _meat(equation: EstimatingEquation, ballots: Ballots) -> FloatArray:
    """(M + E, M + E) sum over votes of the outer product of their scores."""
    m = len(ballots.models)
    if equation.vote_scores is not None and ballots.pairwise:
        rows = ballots.pair_rows
        weight, times = ballots.weight[rows.ballot], ballots.count[rows.ballot]
        one, two, *more = (column * weight for column in equation.vote_scores(rows))
        if not more:
            cross = np.bincount(rows.first * m + rows.second, times * one * two, m * m).reshape(m, m)
            diagonal = np.bincount(rows.first, times * one**2, m)
            diagonal += np.bincount(rows.second, times * two**2, m)
            return np.asarray(cross + cross.T + np.diag(diagonal))
    scores = _ballot_scores(equation, ballots)
    return np.asarray((scores.T @ (scores * ballots.count[:, None]).tocsr()).toarray())


def _ballot_scores(equation: EstimatingEquation, ballots: Ballots) -> csr_array[Any]:
    """Sparse (B, M + E) score of one vote of each ballot, with its weight."""
    if equation.ballot_scores is not None:
        return (equation.ballot_scores(ballots) * ballots.weight[:, None]).tocsr()
    if equation.vote_scores is None:
        raise OptionError("A sandwich needs the scores of the votes.")
    from scipy.sparse import csr_array

    rows, m = ballots.pair_rows, len(ballots.models)
    columns = [column * ballots.weight[rows.ballot] for column in equation.vote_scores(rows)]
    at = (np.tile(rows.ballot, len(columns)), _parameters(rows.first, rows.second, len(columns), m))
    return csr_array((np.concatenate(columns), at), shape=(len(ballots.count), m + len(columns) - 2))


def _ballot_roots(equation: EstimatingEquation, ballots: Ballots) -> tuple[IntArray, csr_array[Any]]:
    """(K,) ballot of each root of the information of one vote, and the roots, sparse (K, M + E)."""
    from scipy.sparse import csr_array

    if equation.ballot_roots is not None:
        ballot, roots = equation.ballot_roots(ballots)
    elif equation.vote_roots is not None:
        rows, m = ballots.pair_rows, len(ballots.models)
        found = equation.vote_roots(rows)
        several, width, number = found.shape
        parameter = np.tile(_parameters(rows.first, rows.second, width, m), several)
        row = np.repeat(np.arange(several), width * number) * number + np.tile(
            np.arange(number), several * width
        )
        ballot = np.tile(rows.ballot, several)
        roots = csr_array((found.ravel(), (row, parameter)), shape=(several * number, m + width - 2))
        roots.eliminate_zeros()
    else:
        raise OptionError("Clusters need the information of the votes.")
    return ballot, (roots * np.sqrt(ballots.weight[ballot])[:, None]).tocsr()


def _parameters(first: IntArray, second: IntArray, width: int, n_models: int) -> IntArray:
    """Column of every derivative, by parameter and then by row."""
    return np.concatenate([first, second, *(np.full(len(first), n_models + e) for e in range(width - 2))])


def _jackknife(fit: Fit, equation: EstimatingEquation, ballots: Ballots, clusters: Clusters) -> ClusterMeat:
    """The meat of clusters of votes."""
    from scipy.sparse import csr_array

    n = len(ballots.count)
    scores = _ballot_scores(equation, ballots)
    member = csr_array((clusters.count, (clusters.cluster, clusters.ballot)), shape=(clusters.size, n))
    member.sum_duplicates()  # of votes that were added up: the same bits as of all together
    ballot, roots = _ballot_roots(equation, ballots)
    order = np.argsort(ballot, kind="stable")
    ends = np.searchsorted(ballot[order], np.arange(n + 1))
    cluster = np.repeat(np.arange(clusters.size), np.diff(member.indptr))
    begin, length = ends[member.indices], np.diff(ends)[member.indices]
    at = order[np.repeat(begin - np.cumsum(length) + length, length) + np.arange(length.sum())]
    times = np.repeat(member.data.astype(np.float64), length)
    every = (roots[at] * np.sqrt(times)[:, None]).tocsr()
    information = (roots.T @ (roots * ballots.count[ballot][:, None]).tocsr()).toarray()
    return jackknife_clusters(
        (member @ scores).tocsr(),
        every,
        np.repeat(cluster, length),
        _inverse(fit, equation.bread, information),
        equation.bread,
    )


def _inverse(fit: Fit, bread: FloatArray, information: FloatArray) -> FloatArray:
    """(M + E, M + E) inverse information of all parameters, from the rows of the bread that were fitted.

    The rows of models placed afterwards are theirs and not of the inverse. The block of the further
    parameters is what makes it an inverse.
    """
    m, width = bread.shape
    found = np.zeros((width, width))
    fitted = np.ones(m, dtype=bool) if fit.identification is None else fit.identification.core
    found[:m][fitted] = bread[fitted]
    found[:, :m][:, ~fitted] = 0.0
    if width > m:
        found[m:, :m] = found[:m, m:].T
        rest = np.eye(width - m) - information[m:, :m] @ found[:m, m:]
        found[m:, m:] = np.linalg.solve(information[m:, m:], rest)
    return found
