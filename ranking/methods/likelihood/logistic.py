"""The votes that a fit with features is made to, and the sums over them that Newton's method needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.estimation.cluster_jackknife import ClusterMeat, jackknife_clusters
from agon.ranking.numerics import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK = 1 << 16  # votes looked at together, so that what is made of them stays in the cache


@dataclass(frozen=True, eq=False)
class ContextVotes:
    """What the fit needs of N comparisons, which are votes or pairs of votes, among the models that it fits.

    Attributes:
        first, second: (P,) models of each pair.
        pair: (N,) pair of each vote.
        share: (N,) share of the vote that the first model won.
        weight: (N,) weight of one such vote.
        count: (N,) number of such votes.
        features: (F, N) toward the first model.
        cluster: (N,) or None.
        vote: (N,) vote that each comparison is of, or None if each is one.
        group: (M,) component of each model; -1 for models that are not fitted.
        penalty: on half the square of each coefficient.
    """

    first: IntArray
    second: IntArray
    pair: IntArray
    share: FloatArray
    weight: FloatArray
    count: IntArray
    features: FloatArray
    cluster: IntArray | None
    vote: IntArray | None
    group: IntArray
    penalty: float

    @property
    def width(self) -> int:
        """Number of models and features, M + F."""
        return len(self.group) + len(self.features)

    @cached_property
    def times(self) -> FloatArray:
        """(N,) weight of all such votes together."""
        return self.weight * self.count

    @cached_property
    def turns(self) -> IntArray | None:
        """Where in `pair` another pair begins; None if equal pairs do not all follow each other."""
        change = np.diff(self.pair)
        return None if np.any(change < 0) else np.flatnonzero(change) + 1

    def some(self, step: int) -> ContextVotes:
        """Every so many of the votes."""
        of = slice(None, None, step)
        columns = {name: getattr(self, name)[of].copy() for name in ("pair", "share", "weight", "count")}
        features = np.ascontiguousarray(self.features[:, of])
        return replace(self, **columns, features=features, cluster=None, vote=None)

    def by_pair(self, at: slice, values: FloatArray) -> FloatArray:
        """(…, P) sums of (…, n) values of a piece of the votes."""
        whole = np.zeros((*values.shape[:-1], len(self.first)))
        if self.turns is None:
            for row in np.ndindex(values.shape[:-1]):
                whole[row] = np.bincount(self.pair[at], values[row], len(self.first))
            return whole
        inside = slice(*np.searchsorted(self.turns, (at.start + 1, at.start + values.shape[-1])))
        starts = np.append(0, self.turns[inside] - at.start)
        whole[..., self.pair[at.start + starts]] = np.add.reduceat(values, starts, axis=-1)
        return whole

    def summed(self, work: Callable[[slice], tuple[NDArray[Any], ...]]) -> tuple[FloatArray, ...]:
        """Add up what is found in pieces of the votes."""
        found = [work(slice(begin, begin + _BLOCK)) for begin in range(0, len(self.pair), _BLOCK)]
        return tuple(np.asarray(sum(parts), dtype=np.float64) for parts in zip(*found, strict=True))

    def surprise(self, at: slice, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) chance of the first model, and what the vote has above it."""
        chance = point[len(self.group) :] @ self.features[:, at]
        chance += (point[self.first] - point[self.second])[self.pair[at]]
        np.negative(chance, out=chance)
        with np.errstate(over="ignore"):
            np.exp(chance, out=chance)
        chance += 1.0
        np.reciprocal(chance, out=chance)
        return chance, self.share[at] - chance

    def gradient(self, point: FloatArray) -> FloatArray:
        """(M + F,) derivative of the log-likelihood."""
        sums = self.summed(lambda at: self.moments(at, self.surprise(at, point)[1]))
        return self.slope(point, *sums)

    def bend(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M + F,) derivative of the log-likelihood, (M + F, M + F) minus the second one."""

        def piece(at: slice) -> tuple[NDArray[Any], ...]:
            chance, excess = self.surprise(at, point)
            return (*self.moments(at, excess), *self.products(at, self.variance(at, chance)))

        sums = self.summed(piece)
        return self.slope(point, *sums[:2]), self.hessian(*sums[2:])

    def products(self, at: slice, weight: FloatArray) -> tuple[NDArray[Any], ...]:
        """Of a piece of the votes: sums by pair of w, (P,), and of w·x, (F, P); the sum of w·x·xᵀ, (F, F)."""
        x = self.features[:, at]
        weighted = x * weight
        return self.by_pair(at, weight), self.by_pair(at, weighted), weighted @ x.T

    def variance(self, at: slice, chance: FloatArray) -> FloatArray:
        """(n,) weight times p(1 − p)."""
        found = 1.0 - chance
        found *= chance
        found *= self.times[at]
        return found

    def moments(self, at: slice, excess: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums of what a piece of the votes has above its chances, by pair, (P,), and times x, (F,)."""
        excess = excess * self.times[at]
        return self.by_pair(at, excess), self.features[:, at] @ excess

    def slope(self, point: FloatArray, total: FloatArray, effects: FloatArray) -> FloatArray:
        """(M + F,) derivative of the log-likelihood, from sums of `moments`."""
        m = len(self.group)
        scores = np.bincount(self.first, total, m) - np.bincount(self.second, total, m)
        return np.concatenate([scores, effects - self.penalty * point[m:]])

    def hessian(self, *sums: FloatArray) -> FloatArray:
        """(M + F, M + F) minus the second derivative, from sums of `products`."""
        whole, m = self.assemble(*sums), len(self.group)
        whole[m:, m:] += self.penalty * np.eye(len(self.features))
        return whole

    def assemble(self, alone: FloatArray, mixed: FloatArray, own: FloatArray) -> FloatArray:
        """(M + F, M + F) Σ w u uᵀ of u = (e_first − e_second, x), from sums of `products`."""
        m = len(self.group)
        whole = np.zeros((self.width, self.width))
        np.add.at(whole, (self.first, self.second), -alone)
        np.add.at(whole, (self.second, self.first), -alone)
        whole[np.arange(m), np.arange(m)] = -whole[:m, :m].sum(axis=1)
        for f, row in enumerate(mixed):
            whole[m + f, :m] = np.bincount(self.first, row, m) - np.bincount(self.second, row, m)
        whole[:m, m:] = whole[m:, :m].T
        whole[m:, m:] = own
        return whole

    def spread(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Minus the second derivative; and the sum of outer products of the scores of votes.

        (M + F, M + F) each.
        """
        if self.vote is None:

            def piece(at: slice) -> tuple[NDArray[Any], ...]:
                chance, excess = self.surprise(at, point)
                bread = self.products(at, self.variance(at, chance))
                return (*bread, *self.products(at, self.times[at] * self.weight[at] * excess**2))

            sums = self.summed(piece)
            return self.hessian(*sums[:3]), self.assemble(*sums[3:])
        return self.bend(point)[1], self.together(point, self.vote, np.sqrt(self.count))  # each for itself

    def jackknife(self, point: FloatArray, inverse: FloatArray) -> ClusterMeat:
        """The meat of clusters of votes.

        Raises:
            OptionError: all votes are of one cluster.
        """
        from scipy.sparse import csr_array

        assert self.cluster is not None  # noqa: S101 - asked for by who has clusters
        n, m = len(self.pair), len(self.group)
        chance, excess = self.surprise(slice(None), point)
        parameters = np.repeat(np.arange(m, self.width)[None], n, axis=0)
        at = np.column_stack([self.first[self.pair], self.second[self.pair], parameters])
        toward = np.column_stack([np.ones(n), -np.ones(n), self.features.T])
        begin = np.arange(0, at.size + 1, at.shape[1])

        def rows(factor: FloatArray) -> csr_array[Any]:
            return csr_array(((toward * factor[:, None]).ravel(), at.ravel(), begin), shape=(n, self.width))

        size = int(self.cluster.max()) + 1
        member = csr_array((np.ones(n), (self.cluster, np.arange(n))), shape=(size, n))
        scores = (member @ rows(excess * self.times)).tocsr()
        roots = rows(np.sqrt(self.variance(slice(None), chance)))
        return jackknife_clusters(scores, roots, self.cluster, inverse, inverse[:m])

    def together(self, point: FloatArray, unit: IntArray, times: FloatArray | IntArray) -> FloatArray:
        """The meat of units, the comparisons of which are dependent: (N,) unit and factor of each."""
        from scipy.sparse import csr_array

        size, m = int(unit.max()) + 1, len(self.group)
        excess = self.surprise(slice(None), point)[1] * self.weight * times
        own = np.stack([np.bincount(unit, excess * x, size) for x in self.features])
        rows = np.concatenate([unit, unit])
        columns = np.concatenate([self.first[self.pair], self.second[self.pair]])
        summed = csr_array((np.concatenate([excess, -excess]), (rows, columns)), shape=(size, m))
        whole = np.zeros((self.width, self.width))
        whole[:m, :m] = (summed.T @ summed).toarray()
        whole[m:, :m] = own @ summed
        whole[:m, m:] = whole[m:, :m].T
        whole[m:, m:] = own @ own.T
        return whole
