"""How far a judge agrees with people: vote by vote beyond chance, and board by board."""

from __future__ import annotations

import numpy as np

from agon.ranking.estimation.newton import maximise
from agon.ranking.judges.audit_result import AuditMeasure, span_of
from agon.ranking.judges.audited_pairs import AuditedPairs
from agon.ranking.judges.prompt_jackknife import UNKNOWN, Estimate, jackknife, sum_by_prompt
from agon.ranking.numerics import FloatArray, IntArray, expit, threads_for

_ELO = 400 / np.log(10)


def kappa_with_people(pairs: AuditedPairs, size: int, level: float) -> AuditMeasure:
    """Agreement of the judge with each vote of people."""
    rows = np.isfinite(pairs.lean) & (pairs.votes > 0)
    votes, lean = pairs.votes[rows], pairs.lean[rows]
    found = _chance_corrected(
        pairs.distance[rows], votes, pairs.even[rows], np.abs(lean) * votes, pairs.prompt[rows], size, level
    )
    said = "No person voted on what it judged, so agreement with people is not known."
    if np.isfinite(found.value):
        said = f"κ with people is {found.value:.2f} ({span_of(found)}): 1 is perfect agreement, 0 is chance."
    return AuditMeasure("kappa", "agreement with people (κ)", *found, None, int(votes.sum()), said)


def kappa_among_people(pairs: AuditedPairs, size: int, level: float) -> AuditMeasure:
    """Agreement of one person with another on the same pair, beside which that of the judge stands."""
    rows = pairs.votes > 1
    n, total, square, even = (one[rows] for one in (pairs.votes, pairs.total, pairs.square, pairs.even))
    won, lost = 2 * square + total, 2 * square - total
    apart = (2 * won * lost + even * (won + lost)) / np.maximum(
        n - 1, 1
    )  # summed over the others, on average
    found = _chance_corrected(apart, n, even, 0.5 * (n - even), pairs.prompt[rows], size, level)
    said = "No pair has votes of two people, so how far people agree with each other is not known."
    if np.isfinite(found.value):
        said = f"One person's κ with another is {found.value:.2f} ({span_of(found)})."
    return AuditMeasure(
        "people_kappa", "agreement of people with each other (κ)", *found, None, int(n.sum()), said
    )


def _chance_corrected(
    apart: FloatArray,
    votes: FloatArray,
    even: FloatArray,
    off: FloatArray,
    prompt: IntArray,
    size: int,
    level: float,
) -> Estimate:
    """Weighted κ of rows: distances, votes, ties among them, and the other's distance from a tie, summed.

    By chance, the sides being exchangeable, two verdicts x and y (less ½) are max(|x|, |y|) apart: ½ where
    the person decides, |x| where it is a tie.
    """
    if not votes.sum():
        return UNKNOWN
    sums = sum_by_prompt(prompt, size, apart, votes, even, off)
    sums = sums[sums[:, 1] > 0]

    def kappa(s: FloatArray) -> FloatArray:
        ties = s[:, 2] / s[:, 1]
        expected = 0.5 * (1 - ties) + ties * s[:, 3] / s[:, 1]
        return np.asarray(1 - s[:, :1] / s[:, 1:2] / expected[:, None])

    with np.errstate(invalid="ignore", divide="ignore"):
        value, half = jackknife(sums, kappa, level)
    return Estimate(float(value[0]), float(value[0] - half[0]), float(value[0] + half[0]))


def board_agreement(
    pairs: AuditedPairs, size: int, level: float, n_resamples: int, seed: int
) -> list[AuditMeasure]:
    """Kendall's τ-b of the two boards, and what the judge's first model lacks to people's, from resampled
    prompts."""
    from scipy.special import stdtrit
    from scipy.stats import kendalltau

    rows = np.flatnonzero(np.isfinite(pairs.lean) & (pairs.votes > 0))
    labels = ("agreement of boards (τ-b)", "what its first model lacks (Elo)")
    met = np.unique(np.concatenate([pairs.first[rows], pairs.second[rows]]))
    if len(met) < 3:
        said = "Boards need three models that both the judge and people voted on."
        return [
            AuditMeasure(name, label, *UNKNOWN, None, 0, said)
            for name, label in zip(("board_tau", "first_regret"), labels, strict=True)
        ]
    cell = np.searchsorted(met, pairs.first[rows]) * len(met) + np.searchsorted(met, pairs.second[rows])
    rng = np.random.default_rng(seed)
    used = np.unique(pairs.prompt[rows])
    with threads_for(len(met)):

        def compare(times: FloatArray) -> tuple[float, float, bool]:
            weight = times[pairs.prompt[rows]]
            judged = _strengths(cell, weight * (pairs.lean[rows] + 0.5), weight, len(met))
            voted = _strengths(
                cell,
                weight * (pairs.total[rows] + pairs.votes[rows] / 2),
                weight * pairs.votes[rows],
                len(met),
            )
            best = int(np.argmax(judged))
            lack = float(voted.max() - voted[best])
            return float(kendalltau(judged, voted).statistic), _ELO * lack, lack == 0.0

        tau, lack, same = compare(np.ones(size))
        drawn = np.empty((n_resamples, 2))
        for r in range(n_resamples):
            times = np.bincount(rng.choice(used, len(used)), minlength=size).astype(np.float64)
            drawn[r] = compare(times)[:2]
    known = drawn[np.isfinite(drawn[:, 0]), 0]
    error = float(np.std(known, ddof=1)) if len(known) > 1 else np.inf
    half = float(stdtrit(max(len(used) - 1, 1), (1 + level) / 2)) * error
    low, high = np.nanquantile(drawn[:, 1], [(1 - level) / 2, (1 + level) / 2])
    number = int(pairs.votes[rows].sum())
    bounds = Estimate(tau, max(-1.0, tau - half), min(1.0, tau + half)) if np.isfinite(tau) else UNKNOWN
    who = "names people's first model" if same else f"names another first, {lack:.0f} Elo below people's"
    told = "All models are level on one of the boards."
    if np.isfinite(tau):
        told = f"Its board of {len(met)} models has τ-b {tau:.2f} ({span_of(bounds)}) with that of people."
    return [
        AuditMeasure(
            "board_tau",
            labels[0],
            *bounds,
            None,
            number,
            told,
        ),
        AuditMeasure(
            "first_regret",
            labels[1],
            lack,
            float(low),
            float(high),
            None,
            number,
            f"Its board {who} (resampled: {low:.0f} to {high:.0f}).",
        ),
    ]


def _strengths(cell: IntArray, won: FloatArray, votes: FloatArray, m: int) -> FloatArray:
    """Bradley-Terry strengths with a ridge of one vote, finite whatever the votes."""
    wins = np.bincount(cell, won, m * m).reshape(m, m)
    wins += (np.bincount(cell, votes, m * m) - np.bincount(cell, won, m * m)).reshape(m, m).T
    met = wins + wins.T

    def curvature(x: FloatArray) -> tuple[None, FloatArray, FloatArray]:
        p = expit(x[:, None] - x[None, :])
        weight = met * p * (1 - p)
        return (
            None,
            (wins - met * p).sum(axis=1) - x / 4,
            np.diag(weight.sum(axis=1)) - weight + np.eye(m) / 4,
        )

    return maximise(curvature, np.zeros(m), "audit_judge").x
