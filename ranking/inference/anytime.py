"""Evidence that holds however often one looks: a confidence sequence for the difference of two scores.

A 95% interval is wrong once in twenty looks; who looks after every vote sees it fail. A mixture of likelihood
ratios may be looked at after every vote: the chance that it ever passes 1/α is at most α.
"""

from __future__ import annotations

import math

from agon.ranking.inference.simultaneous import p_value_of, quantile

PANEL_ROOM = 4  # the part of what a level leaves out in which a panel's voters may mislead at one look
TUNED = 10.0  # votes after which the sequence is tightest, in units of what a decision takes


def log_evidence(distance: float, votes: float, df: float = math.inf) -> float:
    """Log of the e-value against "no higher": at or above log(1/α) with a chance of at most α, ever.

    The normal mixture over differences above 0, with as much prior as ten votes hold: what a rating's
    difference and its standard error say for large samples, at any time.

    Args:
        distance: the difference in its standard errors.
        votes: independent votes (or clusters) behind the standard error.
        df: degrees of freedom of the standard error; few make the same distance less evidence.

    Source:
        H. Robbins, Ann. Math. Stat. 41 (1970); I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and
        A. Ramdas, Ann. Stat. 52 (2024): asymptotic confidence sequences.
    """
    if math.isfinite(df):
        distance = math.copysign(_normal_distance(p_value_of(distance, df)), distance)
    ratio = votes / TUNED
    z = distance * math.sqrt(ratio / (1 + ratio))
    above = max(0.5 * math.erfc(-z / math.sqrt(2)), 1e-300)
    return 0.5 * z * z + math.log(2 * above) - 0.5 * math.log1p(ratio)


def _normal_distance(p_value: float) -> float:
    """Standard errors of a normal with this two-sided p-value."""
    return 37.0 if p_value <= 1e-300 else abs(quantile(1 - p_value)) if p_value > 1e-15 else 8.0


def times_more(distance: float, votes: float, goal: float, df: float = math.inf) -> float:
    """How many times as many votes, with the same difference, bring the log evidence to a goal; 1 for none.

    Infinite where even a million times as many would not.
    """
    if log_evidence(distance, votes, df) >= goal:
        return 1.0
    low, high = 0.0, math.log(1e6)
    if distance <= 0 or log_evidence(distance * math.exp(high / 2), votes * math.exp(high)) < goal:
        return math.inf
    for _ in range(60):
        middle = 0.5 * (low + high)
        more = math.exp(middle)
        enough = log_evidence(distance * math.sqrt(more), votes * more, df * more) >= goal
        low, high = (low, middle) if enough else (middle, high)
    return math.exp(high)
