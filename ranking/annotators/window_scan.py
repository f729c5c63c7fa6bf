"""Stretches of time in which a model won more, or less, than its strength over all the votes lets expect.

Many identities with a few votes each pass every test of a voter; together, in a short time, they do not.
Every stretch of 1, 2, 4 ... slices of the votes is looked at for every model, and the most that chance would
show among all of these is the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.annotators.unusual_voters import Reference
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit
from agon.ranking.text import Figure, Names, Readable, Sentence

if TYPE_CHECKING:
    import pandas as pd

FALSE_ALARM = 0.05  # of any window of any model
_MOST_SLICES, _LEAST_IN_SLICE = 256, 40  # slices of time, and decided votes in each
_LEAST_VARIANCE = 5.0  # of the wins in a window, below which they are not near a normal
_REPLICATES, _AT_ONCE = 400, 20


@dataclass(frozen=True, repr=False)
class WindowAnomaly(Readable):
    """A stretch of time in which a model did better or worse than all its votes say.

    Attributes:
        model: which.
        begin, end: places of the first and of the last vote of the window among all votes in time, from 0.
        start, stop: seconds at which these were cast; None where votes have no times.
        judged: decided votes on the model in it.
        voters: who cast them.
        excess: wins above what is to be expected; below 0 for losses.
        z: the same in standard errors, votes of one voter allowed for.
        threshold: the most that |z| of any window of any model reaches by chance, with 95%.
    """

    model: str
    begin: int
    end: int
    start: float | None
    stop: float | None
    judged: int
    voters: int
    excess: float
    z: float
    threshold: float

    def conclusion(self) -> str:
        """Say in one sentence what happened."""
        more = "more" if self.excess > 0 else "fewer"
        by = "1 voter" if self.voters == 1 else f"{self.voters:,} voters"
        return (
            f"{self.model} won {abs(self.excess):.0f} {more} of {self.judged:,} decided votes by {by} than "
            f"its other votes let expect, between votes {self.begin + 1:,} and {self.end + 1:,} "
            f"(z = {self.z:.1f}; by chance no window passes {self.threshold:.1f})."
        )


@dataclass(frozen=True, repr=False)
class WindowScan(Readable):
    """The windows that stand out.

    Attributes:
        found: one or more for each model that has any, none overlapping, the farthest first.
        largest: |z| of the window that is farthest, whether it stands out or not.
        threshold: that it would have to pass.
        windows: how many were looked at, of all models.
    """

    found: tuple[WindowAnomaly, ...]
    largest: float
    threshold: float
    windows: int

    def conclusion(self) -> Sentence:
        """Say in one sentence whether any does."""
        if not self.windows:
            return Sentence("There are too few votes with a time to look at windows of it.")
        if not self.found:
            return Sentence(
                "No window of time stands out: of {windows} the farthest is {largest} standard errors off, "
                "below the {threshold} that chance reaches in 1 of 20 boards.",
                windows=self.windows,
                largest=Figure(self.largest, ".1f"),
                threshold=Figure(self.threshold, ".1f"),
            )
        return Sentence(
            "{count} window stands out of {windows}, of {models}.",
            "{count} windows stand out of {windows}, of {models}.",
            count=len(self.found),
            windows=self.windows,
            models=Names(dict.fromkeys(one.model for one in self.found)),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each window that stands out."""
        import pandas as pd

        names = list(WindowAnomaly.__dataclass_fields__)
        return pd.DataFrame([[getattr(one, name) for name in names] for one in self.found], columns=names)


@dataclass(frozen=True, eq=False)
class _Entries:
    """2R rows, a model of a duel each, sorted by model, voter and slice."""

    model: IntArray
    voter: IntArray
    slice: IntArray
    worth: FloatArray


def scan_windows(reference: Reference, *, seed: int = 0) -> WindowScan:
    """Look for windows in which a model's wins are not those of its other votes.

    z is the difference over its standard error, in which votes of one voter on one model are alike as far as
    honest tastes differ: one busy voter raises no alarm. The threshold is the 95th percentile of the largest
    |z| in simulated boards, so that an honest board has an alarm with a chance of 5%. A model that was
    changed under its name stands out too, and so does a new kind of voters. Votes of voters who stand out by
    themselves are left out.

    Args:
        reference: the crowd, from `find_anomalies`; without times nothing is looked at.
        seed: of the simulated boards.
    """
    crowd = reference.crowd
    duels = reference.duels.where(reference.inside[reference.duels.voter])
    m, n = len(duels.models), len(duels.won)
    slices = 1 << max(0, min(int(np.log2(_MOST_SLICES)), int(np.log2(max(n, 1) / _LEAST_IN_SLICE + 1e-9))))
    if n < 2 * _LEAST_IN_SLICE or slices < 2 or duels.times is None:
        return WindowScan((), 0.0, 0.0, 0)
    p = expit(crowd.log_odds(duels))
    at = np.arange(n) * slices // n
    excess, worth = np.zeros((m, slices)), np.zeros((m, slices))
    for model, sign in ((duels.first, 1.0), (duels.second, -1.0)):
        cell = model * slices + at
        excess += np.bincount(cell, sign * (duels.won - p), m * slices).reshape(m, slices)
        worth += np.bincount(cell, p * (1 - p), m * slices).reshape(m, slices)
    model = np.concatenate([duels.first, duels.second])
    voter, where = np.tile(duels.voter, 2), np.tile(at, 2)
    order = np.lexsort((where, voter, model))
    entries = _Entries(model[order], voter[order], where[order], np.tile(p * (1 - p), 2)[order])
    spread = reference.spreads["model"] if duels.names else 0.0
    z, plain, fine = [], [], []
    scales = [1 << k for k in range(int(np.log2(slices)))]
    for length in scales:
        centred, variance = _windows(excess, worth, length)
        alike = _alike(entries, length, slices, m) if spread else np.zeros_like(variance)
        fine.append(variance >= _LEAST_VARIANCE)
        plain.append(np.sqrt(np.maximum(variance, 1e-9)))
        z.append(np.where(fine[-1], centred / np.sqrt(np.maximum(variance + spread**2 * alike, 1e-9)), 0.0))
    number = int(sum(one.sum() for one in fine))
    if not number:
        return WindowScan((), 0.0, 0.0, 0)
    threshold = _threshold(worth, scales, plain, fine, np.random.default_rng([seed, 8]))
    largest = max(float(np.abs(one).max()) for one in z)
    found = _listed(duels, z, scales, at, threshold, excess, worth)
    return WindowScan(found, largest, threshold, number)


def _windows(excess: FloatArray, worth: FloatArray, length: int) -> tuple[FloatArray, FloatArray]:
    """(..., W) sums over the windows of a length, half of it apart, less their share of the whole."""
    inside, weight = _summed(excess, length), _summed(worth, length)
    whole = np.maximum(worth.sum(axis=-1, keepdims=True), 1e-12)
    share = weight / whole
    return inside - share * excess.sum(axis=-1, keepdims=True), weight * (1 - share)


def _summed(values: FloatArray, length: int) -> FloatArray:
    step = max(length // 2, 1)
    upto = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    begin = np.arange(0, values.shape[-1] - length + 1, step)
    return np.asarray(upto[..., begin + length] - upto[..., begin])


def _alike(entries: _Entries, length: int, slices: int, m: int) -> FloatArray:
    """(M, W) the sum over voters of the squared variance that each has in a window."""
    step = max(length // 2, 1)
    windows = (slices - length) // step + 1
    total = np.zeros((m, windows))
    for phase in range(length // step):
        block = (entries.slice - phase * step) // length
        inside = (entries.slice >= phase * step) & (phase + block * (length // step) < windows)
        model, voter, block = entries.model[inside], entries.voter[inside], block[inside]
        if not len(model):
            continue
        new = np.ones(len(model), dtype=bool)
        new[1:] = (np.diff(model) != 0) | (np.diff(voter) != 0) | (np.diff(block) != 0)
        begin = np.flatnonzero(new)
        worth = np.add.reduceat(entries.worth[inside], begin)
        cell = model[begin] * windows + phase + block[begin] * (length // step)
        total += np.bincount(cell, worth**2, m * windows).reshape(m, windows)
    return total


def _threshold(
    worth: FloatArray,
    scales: list[int],
    plain: list[FloatArray],
    fine: list[BoolArray],
    rng: np.random.Generator,
) -> float:
    """The largest |z| that chance reaches in 1 of 20 boards."""
    most = np.zeros(_REPLICATES)
    root = np.sqrt(worth)
    for k in range(0, _REPLICATES, _AT_ONCE):
        drawn = root * rng.standard_normal((_AT_ONCE, *root.shape))
        for length, error, some in zip(scales, plain, fine, strict=True):
            if some.any():
                centred = np.abs(_windows(drawn, worth, length)[0]) / np.where(some, error, np.inf)
                most[k : k + _AT_ONCE] = np.maximum(most[k : k + _AT_ONCE], centred.max(axis=(1, 2)))
    return float(np.quantile(most, 1 - FALSE_ALARM))


def _listed(
    duels: Any,
    z: list[FloatArray],
    scales: list[int],
    at: IntArray,
    threshold: float,
    excess: FloatArray,
    worth: FloatArray,
) -> tuple[WindowAnomaly, ...]:
    """The windows beyond the threshold, the farthest of a model first and none that overlaps another."""
    beyond = [
        (abs(float(z[k][i, w])), int(i), k, int(w))
        for k in range(len(scales))
        for i, w in zip(*np.nonzero(np.abs(z[k]) > threshold), strict=True)
    ]
    taken: dict[int, list[tuple[int, int]]] = {}
    found = []
    for _, i, k, w in sorted(beyond, reverse=True):
        begin = w * max(scales[k] // 2, 1)
        end = begin + scales[k]
        if any(begin < b and a < end for a, b in taken.get(i, [])):
            continue
        taken.setdefault(i, []).append((begin, end))
        rows = np.flatnonzero((at >= begin) & (at < end))
        mine = rows[(duels.first[rows] == i) | (duels.second[rows] == i)]
        first, last = int(duels.vote[rows[0]]), int(duels.vote[rows[-1]])
        times = None if duels.times is None else (float(duels.times[first]), float(duels.times[last]))
        centred, _ = _windows(excess[i], worth[i], scales[k])
        found.append(
            WindowAnomaly(
                duels.models[i],
                first,
                last,
                None if times is None else times[0],
                None if times is None else times[1],
                len(mine),
                len(np.unique(duels.voter[mine])),
                float(centred[w]),
                float(z[k][i, w]),
                threshold,
            )
        )
    return tuple(found)
