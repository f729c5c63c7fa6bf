"""Rules on weighted majorities: who beats whom, and by how much. All work with gaps, pair by pair.

A model beats another when the weight of the votes that put it above is the larger of the two; ties
and "both bad" count for neither side. A pair that no vote compares is no majority either way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agon.ranking.numerics import BoolArray, FloatArray, steady
from agon.ranking.votes.pair_counts import PairCounts

RankedTiers = tuple[tuple[int, ...], ...]


def margins(pairs: PairCounts) -> FloatArray:
    """(M, M) weight for the row minus weight for the column, rounded so that equal weights cancel."""
    return steady(pairs.wins - pairs.wins.T, _total(pairs))


def widest_paths(strength: FloatArray) -> FloatArray:
    """(M, M) strength of the strongest path between models, that of a path being its weakest step."""
    whole = strength.astype(np.int16 if strength.max(initial=0.0) < np.iinfo(np.int16).max else np.int32)
    path = whole if np.array_equal(whole, strength) else strength.copy()  # small numbers are compared faster
    through = np.empty_like(path)
    for k in range(len(path)):
        np.minimum(path[:, k, None], path[k], out=through)
        np.maximum(path, through, out=path)
    np.fill_diagonal(path, 0)
    return path.astype(np.float64)


def peel_tiers(above: BoolArray) -> RankedTiers:
    """RankedTiers of a relation without cycles: those with nobody above them, then the same of the rest."""
    over = above.sum(axis=0)  # how many of those left are above each
    tiers = []
    while len(top := np.flatnonzero(over == 0)):
        tiers.append(tuple(top.tolist()))
        over -= above[top].sum(axis=0)
        over[top] = -1
    return tuple(tiers)


def _indices(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())


def _total(pairs: PairCounts) -> float:
    """The largest weight that any pair could carry."""
    return float((pairs.wins + pairs.wins.T + pairs.ties + pairs.both_bad).max(initial=0.0))
