"""What sways a judge between equal answers: the place of an answer, its length, its family."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from agon.ranking.judges.audit_result import AuditMeasure, signed_points
from agon.ranking.judges.audited_pairs import AuditedPairs
from agon.ranking.judges.prompt_jackknife import UNKNOWN, Estimate, jackknife, ratio
from agon.ranking.numerics import BoolArray, FloatArray, IntArray

_FOLDS = 10  # of the prompts, whose strengths are taken from the others
_WEAK = 0.998  # level at which people's votes must tell answers apart, or biases are not told


def position_favour(pairs: AuditedPairs, m: int, size: int, level: float) -> AuditMeasure:
    """What being shown first is worth between equal answers, in shares of the votes."""
    label = "favour for the answer shown first"
    rows = np.isfinite(pairs.shown).all(axis=1)
    if rows.any():
        one, two = pairs.shown[rows].T
        found = ratio((one - two) / 2, np.ones(len(one)), pairs.prompt[rows], size, level)
        number = int(rows.sum())
    else:
        found, number = _one_way(pairs, m, size, level)
    said = "Each model kept its side, so a favour for a side cannot be told from its strength."
    if np.isfinite(found.value):
        said = (
            f"Of two equal answers the one shown first gets {signed_points(found.value)} "
            f"({signed_points(found.lower)} to {signed_points(found.upper)})."
        )
    return AuditMeasure("position_bias", label, *found, 0.0, number, said)


def _one_way(pairs: AuditedPairs, m: int, size: int, level: float) -> tuple[Estimate, int]:
    """The same where each pair was shown one way round: beside the strengths that other prompts give."""
    rows = np.isfinite(pairs.lean)
    first, second, prompt, lean = (one[rows] for one in (pairs.first, pairs.second, pairs.prompt, pairs.lean))
    side = np.where(np.isfinite(pairs.shown[rows, 0]), 1.0, -1.0)
    strong = _from_others(first, second, prompt, lean, np.ones(len(lean)), m)
    given = np.stack([strong, side], axis=1)
    found = _solve(given, given, lean, prompt, size, level)
    return (UNKNOWN if found is None else found[1]), len(lean)


def _from_others(
    first: IntArray, second: IntArray, prompt: IntArray, lean: FloatArray, votes: FloatArray, m: int
) -> FloatArray:
    """(U,) the difference of both models' strengths, by least squares on the prompts of other folds.

    A vote weighs beside one vote of a tie, which keeps models with few of them near the middle.
    """
    fold = np.unique(prompt, return_inverse=True)[1].reshape(-1) % _FOLDS
    found = np.zeros(len(lean))
    for f in range(_FOLDS):
        inside = fold == f
        if not inside.any():
            continue
        cell = first[~inside] * m + second[~inside]
        met = np.bincount(cell, votes[~inside], m * m).reshape(m, m)
        met += met.T
        gained = np.bincount(first[~inside], lean[~inside], m) - np.bincount(
            second[~inside], lean[~inside], m
        )
        strength = np.linalg.solve(np.diag(met.sum(axis=1)) - met + np.eye(m), gained)
        found[inside] = strength[first[inside]] - strength[second[inside]]
    return found


def _solve(
    instruments: FloatArray,
    regressors: FloatArray,
    outcome: FloatArray,
    prompt: IntArray,
    size: int,
    level: float,
    first: FloatArray | None = None,
) -> list[Estimate] | None:
    """Coefficients of an instrumented regression without a constant, clustered by prompt; None if singular.

    Args:
        instruments, regressors: (U, K).
        outcome: (U,).
        first: (U,) product of the first instrument and the first regressor, where it is not their product.
    """
    k = regressors.shape[1]
    moments = instruments[:, :, None] * regressors[:, None, :]
    if first is not None:
        moments[:, 0, 0] = first
    rows = np.concatenate([moments, (instruments * outcome[:, None])[:, :, None]], axis=2)
    sums = np.zeros((size, k, k + 1))
    np.add.at(sums, prompt, rows)
    sums = sums[np.bincount(prompt, minlength=size) > 0]
    total = sums.sum(axis=0)
    scale = np.sqrt(np.abs(np.diag(total[:, :k])))
    if not (scale > 0).all() or np.linalg.cond(total[:, :k] / scale[:, None] / scale[None, :]) > 1e8:
        return None

    def coefficients(s: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.solve(s[:, :, :k], s[:, :, k:])[:, :, 0])

    try:
        value, half = jackknife(sums, coefficients, level)
    except np.linalg.LinAlgError:
        return None
    return [Estimate(float(v), float(v - h), float(v + h)) for v, h in zip(value, half, strict=True)]


def favour_at_equal_preference(
    pairs: AuditedPairs, models: tuple[str, ...], size: int, level: float, own: Collection[str]
) -> list[AuditMeasure]:
    """What length and its own family are worth to the judge between answers that people find equal."""
    ours = np.array([name in own for name in models], dtype=np.float64)
    between = ours[pairs.first] - ours[pairs.second]
    voted = np.isfinite(pairs.lean) & (pairs.votes > 0)
    long = np.isfinite(pairs.doublings)
    why = {
        "length_bias": "The lengths of the answers are not known."
        if not (voted & long).any()
        else "All answers that were compared are about as long."
        if not (pairs.doublings[voted & long] ** 2).sum() > 0
        else "",
        "self_preference": "No model of its own family met another; name them."
        if not (voted & (between != 0)).any()
        else "",
    }
    if not voted.any():
        why = dict.fromkeys(why, "No person voted on what it judged, and only people say what is equal.")
    used = [name for name, reason in why.items() if not reason]
    found: dict[str, Estimate] = {}
    number = 0
    if used:
        rows = voted & long if "length_bias" in used else voted
        features = {"length_bias": pairs.doublings, "self_preference": between}
        columns = np.stack([features[name] for name in used], axis=1)
        number = int(rows.sum())
        solved = _instrumented(pairs, rows, columns, len(models), size, level)
        if solved is None:
            reason = "People's votes hardly tell these answers apart, so what is equal is not known."
            why |= dict.fromkeys(used, reason)
        else:
            found = dict(zip(used, solved, strict=True))
    said = {
        "length_bias": ("favour for the longer answer", "one twice as long"),
        "self_preference": ("favour for its own family", "that of its own family"),
    }
    measures = []
    for name, (label, what) in said.items():
        known = found.get(name, UNKNOWN)
        sentence = why[name]
        if name in found:
            sentence = (
                f"Of two answers that people find equal, {what} gets {signed_points(known.value)} "
                f"({signed_points(known.lower)} to {signed_points(known.upper)})."
            )
        measures.append(AuditMeasure(name, label, *known, 0.0, number if name in found else 0, sentence))
    return measures


def _instrumented(
    pairs: AuditedPairs, rows: BoolArray, columns: FloatArray, m: int, size: int, level: float
) -> list[Estimate] | None:
    """The coefficients of the features (U, K) beside what people prefer; None where that is not told.

    Of the two instruments the one is taken that tells more surely what people prefer.
    """
    every = pairs.votes > 0
    strong = np.zeros(len(every))
    total, votes = pairs.total[every], pairs.votes[every]
    strong[every] = _from_others(
        pairs.first[every], pairs.second[every], pairs.prompt[every], total, votes, m
    )
    liked = np.divide(pairs.total, pairs.votes, out=np.zeros(len(every)), where=every)
    best, found = 0.0, None
    given = np.column_stack([strong, columns])[rows]
    stage = _solve(given, given, liked[rows], pairs.prompt[rows], size, _WEAK)
    if stage is not None and stage[0].lower > 0:
        best = _surety(stage[0])
        regressors = np.column_stack([liked, columns])[rows]
        found = _solve(given, regressors, pairs.lean[rows], pairs.prompt[rows], size, level)
    some = rows & (pairs.votes > 1)
    votes, total, square = (one[some] for one in (pairs.votes, pairs.total, pairs.square))
    shared = (total**2 - square) / (votes * (votes - 1))  # of two people's votes on the pair
    told = ratio(shared, np.ones(len(shared)), pairs.prompt[some], size, _WEAK)
    if told.lower > 0 and _surety(told) > best:
        given = np.column_stack([liked, columns])[some]
        found = _solve(given, given, pairs.lean[some], pairs.prompt[some], size, level, shared)
    return None if found is None else found[1:]


def _surety(found: Estimate) -> float:
    """How many half-widths of its interval a value is above 0; without end where people are of one mind."""
    half = found.upper - found.value
    return found.value / half if half > 0 else math.inf
