"""The delete-one-cluster jackknife of a fit, without refits: the meat of a sandwich for unequal clusters."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.votes.vote_source import effective_number

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_CELLS, _BLOCK = 1 << 20, 1 << 17  # numbers held at once, and in a series, near the processor
SWEEPS, SETTLED = 20, 1e-10  # of the series in which most clusters are solved, the others one by one
_MANY = 60.0  # equal clusters from which one less than they are is as good
_LARGE = 100  # clusters that are followed one by one
_LEVELS = 0.95, 0.999  # of one statement, and of one among many
_LOG_GRID = np.linspace(-14.0, 14.0, 281)
_MOST = 4  # sweeps after which those that are settled are left alone
# Parameters for each vote of a cluster, from which it is solved by its votes, and the leverage up to which.
_SMALL, _HALF = 15, 0.5
_WHOLE = 1 - 1e-7  # leverage of a cluster from which the other clusters leave something open


@dataclass(frozen=True, eq=False)
class ClusterMeat:
    """The meat of C clusters of votes.

    Attributes:
        meat: (Q, Q) (C − 1)/C · Σ (r_c − r̄)(r_c − r̄)ᵀ, r_c the score of a cluster made as large as it is for
            the fit to the others.
        effective: number of equal clusters that would say as much.
        df: degrees of freedom of Student's t for such clusters, see `student_df`.
        alone: (M,) models whose place among the others rests on a single cluster: no variance can be known.
    """

    meat: FloatArray
    effective: float
    df: float
    alone: NDArray[np.bool_]


def jackknife_clusters(
    scores: csr_array[Any], roots: csr_array[Any], cluster: IntArray, inverse: FloatArray, bread: FloatArray
) -> ClusterMeat:
    """Correct the scores of clusters for their leverage.

    With H the information of all votes and H_c, s_c information and score of a cluster, leaving it out moves
    the parameters by (H − H_c)⁻¹ s_c to first order. That is H⁻¹ r_c with r_c = s_c + H_c H⁻¹ r_c, and so the
    sandwich with the r_c in place of the s_c is the jackknife. One large voter among many small ones is
    fitted so closely that its score looks small, and the plain clustered sandwich far too narrow.

    Args:
        scores: sparse (C, Q) score of each cluster.
        roots: sparse (K, Q) rows f, the information of a cluster being Σ f fᵀ over its rows.
        cluster: (K,) cluster of each row of `roots`.
        inverse: (Q, Q) H⁻¹ on the subspace that the parameters live in.
        bread: (M, Q) derivative of the scores of the models by the summed score, H⁻¹ for those fitted.

    Raises:
        OptionError: fewer than two clusters say anything.

    Source:
        R. Bell and D. McCaffrey, Survey Methodology 28 (2002), CR3; J. MacKinnon, M. Nielsen and M. Webb, J.
        Appl. Econometrics 38 (2023), CV3; A. Carter, K. Schnepel and D. Steigerwald, Rev. Econ. Stat. 99
        (2017) for the effective number C/(1 + cv²) of γ_c = tr(H⁻¹ H_c H⁻¹).
    """
    if (cluster[1:] < cluster[:-1]).any():
        order = np.argsort(cluster, kind="stable")
        roots, cluster = roots[order].tocsr(), cluster[order]
    size, width = scores.shape
    told = _quadratic(roots, bread.T @ bread)
    gamma: FloatArray = np.bincount(cluster, told, size).astype(np.float64)
    leverage: FloatArray = np.bincount(cluster, _quadratic(roots, inverse), size).astype(np.float64)
    spectrum, vectors = np.linalg.eigh(inverse)
    half = vectors * np.sqrt(np.maximum(spectrum, 0.0))
    number = int((gamma > 0).sum())
    if number < 2:
        raise OptionError("All votes are of one cluster: no interval can be clustered.")
    meat, total, alone = np.zeros((width, width)), np.zeros(width), np.zeros(len(bread), dtype=bool)
    ends = np.searchsorted(cluster, np.arange(size + 1))
    step = max(1, _CELLS // width)
    for begin in range(0, size, step):
        end = min(begin + step, size)
        given = np.asarray(scores[begin:end].toarray())
        rows = roots[ends[begin] : ends[end]]
        corrected, slow = _corrected(
            given, rows, cluster[ends[begin] : ends[end]] - begin, inverse, leverage[begin:end]
        )
        for c in np.union1d(slow, np.flatnonzero(leverage[begin:end] >= _WHOLE)).tolist():
            own = roots[ends[begin + c] : ends[begin + c + 1]].toarray()
            lost = _left_open(own, half, bread)
            alone |= lost
            if c in slow or lost.any():
                system = np.eye(width) - own.T @ (own @ inverse)
                corrected[c] = np.linalg.lstsq(system, given[c], rcond=1e-9)[0]
        meat += corrected.T @ corrected
        total += corrected.sum(axis=0)
    meat = (number - 1) / number * (meat - np.outer(total, total) / number)
    return ClusterMeat(np.asarray(meat), effective_number(gamma), student_df(gamma), alone)


def student_df(shares: FloatArray) -> float:
    """Degrees of freedom of the Student's t whose 95% and 99.9% quantiles the jackknife's t keeps to.

    The scores of clusters are taken for normal with deviations as their shares of the information, as if
    each voter were of one mind: voters cannot be more unequal. The chance that the estimate is more than q
    errors from 0 is then that of a quadratic form of normals, est² − q² V > 0. Of Student's t with
    these degrees the quantile at 95% or at 99.9%, by which the ranks of many models are told, is exceeded
    as often as it should be, the other not more often. Equal clusters give one less than their number, which
    is the most; any two give 1. One less than the effective number asks for far more where one voter is most
    of all: for 11.2 errors of three voters by Zipf 1.5, where 5.4 do.

    Args:
        shares: (C,) information of each cluster, in any unit.

    Source:
        J. P. Imhof, Biometrika 48 (1961), eq. 3.2 for the form; A. Carter, K. Schnepel and D. Steigerwald,
        Rev. Econ. Stat. 99 (2017) for the effective number, near which it is for many clusters.
    """
    effective, share = effective_number(shares), np.sort(shares[shares > 0])[::-1] / shares.sum()
    if effective > _MANY:
        return effective - 1
    from scipy.special import stdtrit

    number, large, small = len(share), np.maximum(share[:_LARGE], 1e-9), share[_LARGE:]
    rest = math.sqrt(float((small**2).sum()))  # together a normal in the estimate, a constant in its variance
    weight = np.append(large, rest)
    moved = np.eye(len(weight)) - np.append(large, small.sum())[:, None]  # by leaving each of them out
    moved[:-1] /= (1 - large)[:, None]
    total = moved.sum(axis=0)
    moved[-1] = rest
    variance = (moved.T @ moved - np.outer(total, total) / number) * np.outer(weight, weight)

    def too_often(df: float, level: float) -> float:
        """By how much Student's quantile is exceeded more often than it should be."""
        scale = float(stdtrit(df, (1 + level) / 2)) ** 2 * (number - 1) / number
        return _exceeds(np.outer(weight, weight) - scale * variance, scale * rest**2) - (1 - level)

    df = number - 1.0
    for level in _LEVELS:
        if df > 1 and too_often(df, level) > 0:
            from scipy.optimize import brentq  # 0.4 s of its own: most boards go without

            df = float(brentq(too_often, 1, df, (level,), rtol=1e-4)) if too_often(1, level) < 0 else 1.0
    return round(df, 3)  # the order in which votes are added up does not reach so far


def _exceeds(form: FloatArray, bound: float) -> float:
    """Chance that zᵀ form z of standard normals is above a bound (Imhof 1961, by the trapezoidal rule)."""
    size = np.linalg.eigvalsh(form)
    unit = np.abs(size).max()
    u = np.exp(_LOG_GRID)
    at = np.outer(u, size / unit)
    angle = 0.5 * np.arctan(at).sum(axis=1) - 0.5 * u * bound / unit
    shrink = np.exp(0.25 * np.log1p(at**2).sum(axis=1))
    step = _LOG_GRID[1] - _LOG_GRID[0]
    return float(0.5 + (np.sin(angle) / shrink).sum() * step / np.pi)


def _quadratic(rows: csr_array[Any], matrix: FloatArray) -> FloatArray:
    """(K,) f · matrix · f of each row f."""
    if (np.diff(rows.indptr) == 2).all():  # votes on pairs, of which a million are dense 150 million numbers
        (i, j), (one, two) = rows.indices.reshape(-1, 2).T, rows.data.reshape(-1, 2).T
        apart = one * two * (matrix[i, j] + matrix[j, i])
        return np.asarray(one**2 * matrix[i, i] + two**2 * matrix[j, j] + apart)
    parts = [np.zeros(0)]
    step = max(1, _CELLS // len(matrix))
    for begin in range(0, rows.shape[0], step):
        some = rows[begin : begin + step]
        parts.append(np.asarray(some.multiply(some @ matrix).sum(axis=1)).reshape(-1))
    return np.concatenate(parts)


def _corrected(
    scores: FloatArray, rows: csr_array[Any], cluster: IntArray, inverse: FloatArray, leverage: FloatArray
) -> tuple[FloatArray, IntArray]:
    """(C, Q) solutions r = s + H_c H⁻¹ r, and the clusters that are left to be solved one by one.

    Of a few votes F on pairs r = s + Fᵀ y with (I − F H⁻¹ Fᵀ) y = F H⁻¹ s, which is as large as they are few.
    """
    length = np.bincount(cluster, minlength=len(scores))
    few = (length * _SMALL <= scores.shape[1]) & (leverage < _HALF)
    if 2 * few.sum() <= len(few) or not (np.diff(rows.indptr) == 2).all():
        return _in_blocks(scores, rows, cluster, inverse)
    found, toward = scores.copy(), scores @ inverse
    (i, j), (one, two) = rows.indices.reshape(-1, 2).T, rows.data.reshape(-1, 2).T
    right = one * toward[cluster, i] + two * toward[cluster, j]
    ends, pushed = np.append(0, np.cumsum(length)), np.zeros(len(cluster))
    for number in np.unique(length[few & (length > 0)]).tolist():
        alike = np.flatnonzero(few & (length == number))
        for some in np.array_split(alike, len(alike) * number**2 // _CELLS + 1):
            at = ends[some][:, None] + np.arange(number)
            a, b, x, y = i[at], j[at], one[at], two[at]
            seen_a = (
                inverse[a[:, :, None], a[:, None]] * x[:, None]
                + inverse[a[:, :, None], b[:, None]] * y[:, None]
            )
            seen_b = (
                inverse[b[:, :, None], a[:, None]] * x[:, None]
                + inverse[b[:, :, None], b[:, None]] * y[:, None]
            )
            system = np.eye(number) - (x[:, :, None] * seen_a + y[:, :, None] * seen_b)
            pushed[at] = np.linalg.solve(system, right[at][:, :, None])[:, :, 0]
    np.add.at(found, (cluster, i), pushed * one)
    np.add.at(found, (cluster, j), pushed * two)
    many = np.flatnonzero(~few)
    if not len(many):
        return found, many
    left = ~few[cluster]
    found[many], slow = _in_blocks(scores[many], rows[left], np.searchsorted(many, cluster[left]), inverse)
    return found, many[slow]


def _in_blocks(
    scores: FloatArray, rows: csr_array[Any], cluster: IntArray, inverse: FloatArray
) -> tuple[FloatArray, IntArray]:
    """The same as of `_series`, some clusters after the others: 50,000 of 20 votes take half the time."""
    size, width = scores.shape
    found, slow = np.empty_like(scores), [np.zeros(0, dtype=np.int64)]
    edges = np.append(np.arange(0, size, max(1, _BLOCK // width)), size)
    ends = np.searchsorted(cluster, edges)
    for i, (begin, end) in enumerate(itertools.pairwise(edges.tolist())):
        own = slice(ends[i], ends[i + 1])
        found[begin:end], left = _series(scores[begin:end], rows[own], cluster[own] - begin, inverse)
        slow.append(left + begin)
    return found, np.concatenate(slow)


def _series(
    scores: FloatArray, rows: csr_array[Any], cluster: IntArray, inverse: FloatArray
) -> tuple[FloatArray, IntArray]:
    """(C, Q) solutions r = s + H_c H⁻¹ r by repetition, and the clusters for which this takes too long."""
    from scipy.sparse import csr_array

    size, width = scores.shape
    at = rows.indices + np.repeat(cluster, np.diff(rows.indptr)) * width
    block: csr_array[Any] = csr_array((rows.data, at, rows.indptr), shape=(rows.shape[0], size * width))
    found, back = scores, block.T
    least = SETTLED * np.maximum(np.abs(scores).max(axis=1), 1e-300)
    for sweep in range(1, SWEEPS + 1):
        new = scores + (back @ (block @ (found @ inverse).ravel())).reshape(size, width)
        moved = np.abs(new - found).max(axis=1)
        found = new
        left = np.flatnonzero(moved > least)
        if not len(left):
            break
        if sweep == _MOST and 2 * len(left) < size:  # a few large ones among many small
            some = np.isin(cluster, left)
            found[left], slow = _series(
                scores[left], rows[some], np.searchsorted(left, cluster[some]), inverse
            )
            return found, left[slow]
    return found, left


def _left_open(own: FloatArray, half: FloatArray, bread: FloatArray) -> NDArray[np.bool_]:
    """(M,) models that the other clusters do not place, for the (K, Q) roots of one and a root of H⁻¹.

    Those are the models that move in a direction of which this cluster holds all the information.
    """
    seen = own @ half
    share, vectors = np.linalg.eigh(seen.T @ seen)
    lost = np.zeros(len(bread), dtype=bool)
    for direction in (bread @ (own.T @ (seen @ vectors[:, share > _WHOLE]))).T:
        away = np.abs(direction - np.median(direction))
        lost |= away > 1e-6 * away.max()
    return lost
