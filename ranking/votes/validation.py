"""What may not be a ballot: checks of arrays given by hand. Files are checked in data/, row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.errors import VotesError
from agon.ranking.numerics import FloatArray, IntArray

PAD = -1  # no model in this column of `shown`
UNRANKED = 0  # shown, but the voter gave it no place
NOT_ASKED = -1  # the voter was not asked whether the answer is acceptable


def check_names(models: Sequence[str]) -> NDArray[np.object_]:
    """Return the names as an array if they are different texts, none of them empty.

    Raises:
        VotesError: a name that is missing, empty or no text, or a name twice.
    """
    names = list(models)
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise VotesError(f"A model is named {name!r}; give every model a text as its name.")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise VotesError(f"A model is named twice in the list of models: {twice[0]!r}; give each model once.")
    return np.array(names, dtype=object)


def numbers(name: str, values: ArrayLike) -> FloatArray:
    """Return a column as float64, copied.

    Raises:
        VotesError: something in it is not a number.
    """
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise VotesError(f"{name} must be numbers in rows of one length, not {_shortened(values)}.") from None


def whole(name: str, values: ArrayLike) -> IntArray:
    """Return a column of whole numbers as int64, copied."""
    try:
        given = np.asarray(values)
    except ValueError:
        given = np.asarray(None)
    if given.dtype.kind in "iub":
        return given.astype(np.int64)
    real = numbers(name, values)
    bad = real[~(np.isfinite(real) & (real == np.round(real)))]
    if bad.size:
        raise VotesError(f"{name} must be whole numbers, not {float(bad.flat[0])!r}.")
    return real.astype(np.int64)


def table(name: str, values: ArrayLike) -> IntArray:
    """Return (N, K) whole numbers as int64, copied; no rows at all are (0, 2)."""
    given = np.atleast_2d(whole(name, values))
    if given.ndim != 2:
        raise VotesError(f"{name} has shape {given.shape}; give one row for each vote.")
    return given if given.size else given.reshape(0, max(2, given.shape[1]))


def _shortened(values: object) -> str:
    text = repr(values)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_ballots(
    seats: IntArray,
    order: IntArray,
    fine: IntArray,
    soft: FloatArray,
    weights: FloatArray,
    counts: IntArray,
    n_models: int,
) -> None:
    """Refuse what cannot be a vote; files are checked earlier, with their row numbers, in data/."""
    n = len(seats)
    if seats.shape != order.shape or seats.shape != fine.shape:
        raise VotesError(
            f"Places of the wrong length: {seats.shape} models shown, {order.shape} places and "
            f"{fine.shape} acceptable; give one of each per shown model."
        )
    for name, column in (("p_a", soft), ("weight", weights), ("count", counts)):
        if column.shape != (n,):
            raise VotesError(f"{name} has shape {column.shape}; give one number for each of the {n} votes.")
    if seats.size and (seats.max() >= n_models or seats.min() < PAD):
        stray = int(seats.max() if seats.max() >= n_models else seats.min())
        raise VotesError(f"Shown model {stray} has no name: indices run from 0 to {n_models - 1}, -1 pads.")
    ordered = ascending(seats)
    twice = ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)]
    if twice.size:
        raise VotesError(f"Model {int(twice[0])} was shown twice in one ballot; a model cannot meet itself.")
    bad = weights[~((weights > 0) & np.isfinite(weights))]
    if bad.size:
        raise VotesError(
            f"A weight is {float(bad[0])!r}, but weights are positive finite numbers; "
            "leave out the votes that shall not count."
        )
    if fine.size and (fine.max() > 1 or fine.min() < NOT_ASKED):
        stray = int(fine.max() if fine.max() > 1 else fine.min())
        raise VotesError(f"acceptable must be 1, 0 or -1 (not asked) for every shown model, not {stray}.")
    steps = np.diff(ascending(np.where(seats < 0, UNRANKED, order)), axis=0, prepend=0)
    if np.any((steps < 0) | (steps > 1)):
        row = order[int(np.flatnonzero(((steps < 0) | (steps > 1)).any(axis=0))[0])].tolist()
        raise VotesError(
            f"The places {row} are not dense: 1 is best, a tie takes one place, 0 is shown but not ranked."
        )
    if np.any(counts < 0):
        raise VotesError(f"A count is {int(counts.min())}; counts must not be negative.")
    bad = soft[(soft < 0) | (soft > 1)]
    if bad.size:
        raise VotesError(f"p_a is {float(bad[0])!r}, but a probability lies in [0, 1].")
    if seats.shape[1] != 2 and np.any(seats[~np.isnan(soft), 2:] >= 0):
        raise VotesError("p_a belongs to pairwise votes; give places where more than two models are shown.")


def check_grades(grades: FloatArray, seats: IntArray, order: IntArray, soft: FloatArray) -> FloatArray:
    """Return the grades (N,) if they go with what the votes say; else VotesError."""
    if grades.shape != soft.shape:
        raise VotesError(
            f"grade has shape {grades.shape}; give one number for each of the {len(soft)} votes."
        )
    bad = grades[(grades < 0) | np.isinf(grades)]
    if bad.size:
        raise VotesError(
            f"A grade is {float(bad[0])!r}; it says how much better the better model is, 0 or more, and the "
            "places say which one that is."
        )
    given = grades > 0
    if np.any(given & ((seats >= 0).sum(axis=1) > 2)):
        raise VotesError("grade belongs to pairwise votes; give NaN where more than two models are shown.")
    if np.any(given & ~np.isnan(soft)):
        raise VotesError("A vote has both p_a and a grade; keep one of the two.")
    tied = np.where(seats < 0, 0, order).max(axis=1, initial=0) <= 1
    tied &= ~((order == UNRANKED) & (seats >= 0)).any(axis=1)
    if np.any(given & tied):
        raise VotesError(f"A tie has the grade {float(grades[given & tied][0])!r}; of a tie it is 0.")
    if np.any((grades == 0) & ~tied & np.isnan(soft)):
        raise VotesError(
            "A vote for one of two models has the grade 0; give NaN if it does not say how much."
        )
    return grades


def ascending(matrix: IntArray) -> IntArray:
    """(K, N) the numbers of each row of (N, K) in ascending order, one column after the other."""
    if matrix.shape[1] == 2:
        left, right = matrix.T
        return np.stack([np.minimum(left, right), np.maximum(left, right)])
    return np.sort(matrix, axis=1).T
