"""The audit of a judge: agreement with people, biases, consistency and calibration, each with its interval.

A judge that says the same whatever it is shown, or agrees with people no more than chance, is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.judges.audit_result import AuditLimits, AuditMeasure, JudgeAudit, signed_points, span_of
from agon.ranking.judges.audited_pairs import pair_up
from agon.ranking.judges.human_agreement import board_agreement, kappa_among_people, kappa_with_people
from agon.ranking.judges.pair_verdicts import PairVerdicts
from agon.ranking.judges.self_agreement import (
    cyclic_triples,
    order_consistency,
    order_signal,
    repeat_consistency,
)
from agon.ranking.judges.sways import favour_at_equal_preference, position_favour
from agon.ranking.judges.verdict_certainty import calibrate_verdicts


def audit_judge(
    judge: PairVerdicts,
    people: PairVerdicts | None = None,
    *,
    name: str = "the judge",
    own: Collection[str] = (),
    unread: float | None = None,
    limits: AuditLimits | None = None,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
) -> JudgeAudit:
    """Measure what the verdicts of a judge are worth.

    Biases of length and for its own family are what sways the judge *at equal preference of people*: the
    judge's mean verdict of both orders is regressed on what people prefer and on both features at once.
    People's votes are few and noisy, so that preference is instrumented: by other people's votes on the same
    pair, or by the strengths that people's votes on other prompts give the models, whichever tells more.

    Args:
        judge: its verdicts.
        people: those of people, on the same prompts and models; without them agreement, biases of length and
            for its own, and calibration are not known.
        name: of the judge, for sentences.
        own: models of the judge's own family.
        unread: the share of its answers that were no verdict, where it is known.
        limits: what it must reach.
        level: of the intervals.
        n_resamples: of the prompts, for the agreement of boards; 0 leaves boards out.
        seed: of these.

    Raises:
        VotesError: no verdicts.
        OptionError: a level outside 0 to 1, or n_resamples below 0.

    Source:
        κ: J. Cohen, Psychol. Bull. 70 (1968), linear weights, sides exchangeable. Order and constant answers:
        L. Zheng et al., NeurIPS 2023; X. Zheng et al., ICLR 2025 (null models). Two-stage least squares:
        J. Angrist and G. Imbens, JASA 90 (1995). Calibration: C. Guo et al., ICML 2017.
    """
    if not 0 < level < 1 or n_resamples < 0:
        raise OptionError(
            f"level must lie between 0 and 1 and n_resamples be 0 or more, not {level!r} and {n_resamples!r}."
        )
    if not len(judge):
        raise VotesError(f"{name} gave no verdict that can be read, so that there is nothing to audit.")
    models, prompts, pairs = pair_up(judge, people)
    size = len(prompts)
    measures = [kappa_with_people(pairs, size, level), kappa_among_people(pairs, size, level)]
    if n_resamples:
        measures += board_agreement(pairs, size, level, n_resamples, seed)
    measures += [
        order_signal(pairs, size, level),
        order_consistency(pairs, size, level),
        repeat_consistency(judge, level),
        position_favour(pairs, len(models), size, level),
        *favour_at_equal_preference(pairs, models, size, level, own),
        cyclic_triples(pairs, size, level),
    ]
    calibration, curve = calibrate_verdicts(pairs, size, level)
    measures += calibration
    measures = _with_findings(measures, len(np.unique(judge.prompt)), level)
    bounds = limits or AuditLimits()
    reasons = _reasons({one.name: one for one in measures}, judge, bounds, unread)
    voted = pairs.votes > 0
    return JudgeAudit(
        name,
        tuple(measures),
        curve,
        reasons,
        len(judge),
        int(np.isfinite(pairs.lean).sum()),
        len(np.unique(pairs.prompt[np.isfinite(pairs.lean)])),
        int(pairs.votes[voted & np.isfinite(pairs.lean)].sum()),
        level,
        bounds,
    )


def _with_findings(measures: list[AuditMeasure], prompts: int, level: float) -> list[AuditMeasure]:
    """Say which figures surely differ from what is expected, all of them together."""
    from scipy.special import stdtrit

    told = [one for one in measures if one.expected is not None and np.isfinite(one.value)]
    if not told or prompts < 2:
        return measures
    apart = stdtrit(prompts - 1, 1 - (1 - level) / 2 / len(told)) / stdtrit(prompts - 1, (1 + level) / 2)
    return [
        replace(one, found=bool(abs(one.value - (one.expected or 0.0)) > apart * (one.upper - one.lower) / 2))
        if one in told
        else one
        for one in measures
    ]


def _reasons(
    found: dict[str, AuditMeasure], judge: PairVerdicts, limits: AuditLimits, unread: float | None
) -> tuple[str, ...]:
    """Why the judge is refused."""
    reasons = []
    if np.ptp(judge.p_first) < 1e-9:
        reasons.append("it says the same of every pair, whatever the answers")
    elif (signal := found["signal"]).number and not signal.lower > limits.signal:
        reasons.append(
            f"its verdicts do not surely hang on the answers (the orders correlate {signal.value:.2f}, "
            f"{span_of(signal)})"
        )
    kappa = found["kappa"]
    if np.isfinite(kappa.value) and not kappa.lower > limits.kappa:
        than = "chance" if limits.kappa == 0 else f"κ = {limits.kappa:g}"
        reasons.append(
            f"it does not surely agree with people more than {than} (κ {kappa.value:.2f}, {span_of(kappa)})"
        )
    for name in ("length_bias", "self_preference"):
        one = found[name]
        if np.isfinite(one.value) and (one.lower > limits.bias or one.upper < -limits.bias):
            reasons.append(
                f"its {one.label} is {signed_points(one.value)}, surely beyond {100 * limits.bias:g}"
            )
    if unread is not None and unread > limits.unread:
        reasons.append(f"{unread:.0%} of its answers were no verdict")
    return tuple(reasons)
