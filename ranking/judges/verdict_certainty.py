"""How sure a judge is beside how often people agree with it."""

from __future__ import annotations

import numpy as np

from agon.ranking.judges.audit_result import AuditMeasure, ReliabilityBin, signed_points
from agon.ranking.judges.audited_pairs import AuditedPairs
from agon.ranking.judges.prompt_jackknife import UNKNOWN, Estimate, jackknife, ratio
from agon.ranking.numerics import FloatArray

_BINS = 10


def calibrate_verdicts(
    pairs: AuditedPairs, size: int, level: float
) -> tuple[list[AuditMeasure], tuple[ReliabilityBin, ...]]:
    """How sure it is, beside how often people agree: the mean gap, the mean gap within bins, and the bins."""
    rows = np.isfinite(pairs.lean) & (pairs.votes > 0)
    labels = ("how much surer it is than right", "calibration error (ECE)")
    if not rows.any():
        said = "No person voted on what it judged, so calibration is not known."
        return [
            AuditMeasure("overconfidence", labels[0], *UNKNOWN, 0.0, 0, said),
            AuditMeasure("calibration_error", labels[1], *UNKNOWN, None, 0, said),
        ], ()
    lean, votes, prompt = pairs.lean[rows].round(9), pairs.votes[rows], pairs.prompt[rows]
    sure, right = np.abs(lean) * votes, np.sign(lean) * pairs.total[rows]
    gap = ratio(sure - right, votes, prompt, size, level)
    edges = np.unique(
        np.quantile(np.repeat(np.abs(lean), votes.astype(int)), np.linspace(0, 1, _BINS + 1)[1:-1])
    )
    bin_of = np.searchsorted(edges, np.abs(lean), side="left")
    n_bins = len(edges) + 1
    sums = np.zeros((size, n_bins, 3))
    np.add.at(sums, (prompt, bin_of), np.stack([sure, right, votes], axis=1))
    total = sums.sum(axis=0)
    sums = sums[sums[:, :, 2].sum(axis=1) > 0]

    def error(s: FloatArray) -> FloatArray:
        return np.asarray(np.abs(s[:, :, 0] - s[:, :, 1]).sum(axis=1) / s[:, :, 2].sum(axis=1))[:, None]

    value, half = jackknife(sums, error, level)
    found = Estimate(float(value[0]), max(0.0, float(value[0] - half[0])), float(value[0] + half[0]))
    curve = tuple(
        ReliabilityBin(float(0.5 + s / n), float(0.5 + r / n), int(n)) for s, r, n in total if n > 0
    )
    number = int(votes.sum())
    return [
        AuditMeasure(
            "overconfidence",
            labels[0],
            *gap,
            0.0,
            number,
            f"Its probabilities are {signed_points(gap.value)} ({signed_points(gap.lower)} to "
            f"{signed_points(gap.upper)}) surer than people bear out.",
        ),
        AuditMeasure(
            "calibration_error",
            labels[1],
            *found,
            None,
            number,
            f"Within {len(curve)} bin{'' if len(curve) == 1 else 's'} of certainty its probabilities are off "
            f"by {100 * found.value:.1f} points ({100 * found.lower:.1f} to {100 * found.upper:.1f}) "
            "on average (ECE).",
        ),
    ], curve
