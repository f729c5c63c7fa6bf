"""Types of arrays, sums that are equal in any order, hashes of columns, one BLAS thread for small systems."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
MIX = np.uint64(0x9FB21C651E98DF25)  # the odd multiplier of rrmxmx (Evensen 2018)
_CHUNK = 1 << 14  # rows hash_columns takes at a time, so that they stay in the cache
_LARGE = 4000  # models from which a second thread pays though others want the processor too


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def threads_for(n_models: int) -> AbstractContextManager[Any]:
    """Limit the linear algebra inside the context to one thread unless the systems are large.

    A second thread gives small systems little, and costs dearly on a busy machine.
    """
    if n_models >= _LARGE:
        return nullcontext()
    limit: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limit


def expit(x: FloatArray) -> FloatArray:
    """Logistic function, exact to the last bits in both tails."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def steady(values: FloatArray, total: float | FloatArray) -> FloatArray:
    """Round sums of weights to 2^-40 of the total, so that equal sums compare equal in any order."""
    unit = 2.0 ** (np.floor(np.log2(np.where(np.asarray(total) > 0, total, 1.0))) - 40)
    return np.asarray(np.round(values / unit) * unit)


def hash_columns(*columns: FloatArray) -> NDArray[np.uint64]:
    """One hash for each number of a column, or for those of several columns in the same place."""
    found = np.empty(columns[0].shape, dtype=np.uint64)
    for begin in range(0, len(found), _CHUNK):
        value: NDArray[np.uint64] = np.zeros((), dtype=np.uint64)
        for column in columns:
            some = column[begin : begin + _CHUNK] + 0.0  # no negative zeros
            value = (value ^ some.view(np.uint64)) * MIX
            value ^= value >> np.uint64(32)
        found[begin : begin + _CHUNK] = scatter_bits(value)
    return found


def scatter_bits(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter the bits of 64-bit numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
