"""How far a judge agrees with itself: in both orders, when asked again, and among three models."""

from __future__ import annotations

import numpy as np

from agon.ranking.judges.audit_result import AuditMeasure, span_of
from agon.ranking.judges.audited_pairs import AuditedPairs
from agon.ranking.judges.pair_verdicts import PairVerdicts
from agon.ranking.judges.prompt_jackknife import UNKNOWN, Estimate, jackknife, ratio, sum_by_prompt
from agon.ranking.numerics import FloatArray


def order_signal(pairs: AuditedPairs, size: int, level: float) -> AuditMeasure:
    """The correlation of both orders' verdicts on the answers, a constant favour for a side taken out."""
    label = "how far its verdicts hang on the answers"
    rows = np.isfinite(pairs.shown).all(axis=1)
    if not rows.any():
        said = (
            "No pair was shown both ways round, so what hangs on the answers cannot be told from the sides."
        )
        return AuditMeasure("signal", label, *UNKNOWN, None, 0, said)
    one, two = pairs.shown[rows].T
    terms = (one * two, one**2 + two**2, one - two, np.ones(len(one)))
    sums = sum_by_prompt(pairs.prompt[rows], size, *terms)
    sums = sums[sums[:, 3] > 0]

    def correlation(s: FloatArray) -> FloatArray:
        favour = s[:, 2] / s[:, 3] / 2  # of the first side
        # Σ(a − f)(b + f) and Σ((a − f)² + (b + f)²)/2
        top = s[:, 0] + favour * s[:, 2] - favour**2 * s[:, 3]
        bottom = s[:, 1] / 2 - favour * s[:, 2] + favour**2 * s[:, 3]
        flat = bottom <= 1e-12 * s[:, 3]
        return np.asarray(np.where(flat, 0.0, top / np.where(flat, 1.0, bottom)))[:, None]

    value, half = jackknife(sums, correlation, level)
    found = Estimate(float(value[0]), float(value[0] - half[0]), float(value[0] + half[0]))
    said = (
        f"Shown the other way round, its verdicts correlate {found.value:.2f} ({span_of(found)}) with "
        "themselves: 1 hangs on the answers alone, 0 on the side or on chance."
    )
    return AuditMeasure("signal", label, *found, None, int(rows.sum()), said)


def order_consistency(pairs: AuditedPairs, size: int, level: float) -> AuditMeasure:
    """How often it prefers the same answer, or neither, in both orders."""
    rows = np.isfinite(pairs.shown).all(axis=1)
    one, two = np.sign(pairs.shown[rows].round(9)).T
    same = (one == two).astype(np.float64)
    found = ratio(same, np.ones(len(same)), pairs.prompt[rows], size, level)
    said = "No pair was shown both ways round."
    if np.isfinite(found.value):
        said = f"It gives the same verdict both ways round in {found.value:.0%} of {len(same):,} pairs."
    return AuditMeasure(
        "order_consistency", "same verdict in both orders", *found, None, int(rows.sum()), said
    )


def repeat_consistency(judge: PairVerdicts, level: float) -> AuditMeasure:
    """How often two answers to the same question agree."""
    given = np.full(len(judge), np.nan) if judge.repeats is None else judge.repeats
    rows = np.isfinite(given)
    found = ratio(given[rows], np.ones(rows.sum()), judge.prompt[rows], len(judge.prompts), level)
    said = "Nothing was asked twice in the same order."
    if np.isfinite(found.value):
        said = f"Asked again in the same order, it says the same in {found.value:.0%} of cases."
    return AuditMeasure("repeat_consistency", "same verdict again", *found, None, int(rows.sum()), said)


def cyclic_triples(pairs: AuditedPairs, size: int, level: float) -> AuditMeasure:
    """The share of circles among three models all of whose pairs were judged, and decided, on one prompt."""
    rows = np.flatnonzero(np.isfinite(pairs.lean) & (pairs.lean != 0))
    order = rows[np.argsort(pairs.prompt[rows], kind="stable")]
    numbers, begin, judged = np.unique(pairs.prompt[order], return_index=True, return_counts=True)
    circles, triples = np.zeros(size), np.zeros(size)
    for number, start, count in zip(numbers, begin, judged, strict=True):
        part = order[start : start + count]
        if count < 3:
            continue
        names, place = np.unique([pairs.first[part], pairs.second[part]], return_inverse=True)
        a, b = place.reshape(2, -1)
        ahead = pairs.lean[part] > 0
        beats = np.zeros((len(names), len(names)))
        beats[np.where(ahead, a, b), np.where(ahead, b, a)] = 1.0
        met = beats + beats.T
        circles[number] = np.trace(beats @ beats @ beats) / 3
        triples[number] = np.trace(met @ met @ met) / 6
    some = np.flatnonzero(triples)
    found = ratio(circles[some], triples[some], some, size, level)
    said = "No three models were judged all against each other on one prompt."
    if np.isfinite(found.value):
        said = (
            f"Of {triples.sum():,.0f} triples of models {found.value:.1%} ({found.lower:.1%} to "
            f"{found.upper:.1%}) go in a circle; verdicts by chance would in 25%."
        )
    return AuditMeasure("cyclic_triples", "circles", *found, None, int(triples.sum()), said)
