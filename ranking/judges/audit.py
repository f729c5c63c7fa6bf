"""The audit of a judge: agreement with people, biases, consistency and calibration, each with its interval.

A judge that says the same whatever it is shown, or agrees with people no more than chance, is refused.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.estimation.newton import maximise
from agon.ranking.judges.pair_verdicts import PairVerdicts
from agon.ranking.judges.prompt_jackknife import UNKNOWN, Estimate, jackknife, ratio, sum_by_prompt
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit, threads_for
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd

_ELO = 400 / np.log(10)
_FOLDS = 10  # of the prompts, whose strengths are taken from the others
_LONGEST = 3.0  # doublings of the length that count
_WEAK = 0.998  # level at which people's votes must tell answers apart, or biases are not told
_BINS = 10


@dataclass(frozen=True, repr=False)
class AuditLimits(Readable):
    """What a judge must reach, else its votes make no board.

    Attributes:
        signal: the lower bound of how far its verdicts hang on the answers must be above this.
        kappa: the lower bound of its agreement with people must be above this.
        bias: no bias may be surely beyond this, as a share of the votes between equal answers.
        unread: the largest share of its answers that were no verdict.
    """

    signal: float = 0.0
    kappa: float = 0.0
    bias: float = 0.15
    unread: float = 0.2

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return (
            f"A judge needs a signal above {self.signal:g} and a κ above {self.kappa:g}, no bias beyond "
            f"{self.bias:.0%} and at most {self.unread:.0%} answers without a verdict."
        )


@dataclass(frozen=True, repr=False)
class AuditMeasure(Readable):
    """One figure of an audit.

    Attributes:
        name: a word for programs.
        label: what it is.
        value: NaN where the verdicts do not say it; `said` tells why.
        lower, upper: its interval at the level of the audit, from leaving out prompts.
        expected: what it is of a judge without the fault; None where there is no such number.
        number: pairs of answers, people's votes, triples or verdicts it rests on.
        said: one sentence.
        found: whether it surely differs from what is expected, allowing for how many such figures there
            are (Bonferroni); None where nothing tells.
    """

    name: str
    label: str
    value: float
    lower: float
    upper: float
    expected: float | None
    number: int
    said: str
    found: bool | None = None

    def conclusion(self) -> str:
        """Say in one sentence what was found."""
        return self.said


@dataclass(frozen=True, repr=False)
class ReliabilityBin(Readable):
    """Verdicts of about equal certainty: how sure the judge was, how often people agreed, people's votes."""

    sure: float
    right: float
    number: int

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"At {self.sure:.0%} certainty people agreed in {self.right:.0%} of {self.number:,} votes."


@dataclass(frozen=True, repr=False)
class JudgeAudit(Readable):
    """What the verdicts of a judge are worth.

    Attributes:
        judge: its name.
        measures: each figure by itself.
        curve: the reliability curve, from the least certain verdicts to the most; empty without people.
        reasons: why its votes should make no board; empty where nothing stands against them.
        verdicts: of the judge, on `pairs` of answers to `prompts`.
        people: votes of people on pairs that it judged too.
        level: of the intervals.
    """

    judge: str
    measures: tuple[AuditMeasure, ...]
    curve: tuple[ReliabilityBin, ...]
    reasons: tuple[str, ...]
    verdicts: int
    pairs: int
    prompts: int
    people: int
    level: float
    limits: AuditLimits = field(default_factory=AuditLimits)

    def __getitem__(self, name: str) -> AuditMeasure:
        return next(one for one in self.measures if one.name == name)

    @property
    def passed(self) -> bool:
        """Whether its votes may make a board."""
        return not self.reasons

    def conclusion(self) -> str:
        """Say in one sentence whether the judge may vote, and what was found."""
        if self.reasons:
            return f"{self.judge} is refused: {'; '.join(self.reasons)}."
        biases = ("position_bias", "length_bias", "self_preference", "overconfidence")
        found = [one.label for one in self.measures if one.name in biases and one.found]
        with_people = (
            f" against {self.people:,} votes of people" if self.people else ", without people's votes"
        )
        swayed = f"; found: {join_names(found)}" if found else "; no bias was found"
        return f"{self.judge} passes its audit on {self.pairs:,} pairs{with_people}{swayed}."

    def to_frame(self) -> pd.DataFrame:
        """Return the figures, one row each."""
        import pandas as pd

        rows = [(m.name, m.value, m.lower, m.upper, m.expected, m.found, m.number) for m in self.measures]
        columns = ["measure", "value", "lower", "upper", "expected", "found", "number"]
        return pd.DataFrame(rows, columns=columns)


class _Pairs(NamedTuple):
    """One row for each pair of answers that was judged, turned so that the lower number is the first.

    `shown` (U, 2) says what the judge thought of the first, less ½, when it was shown first and second; NaN
    where it was not shown so. `lean` is their mean. `total`, `square` and `votes` are of people's votes on
    the pair, less ½.
    """

    first: IntArray
    second: IntArray
    prompt: IntArray
    shown: FloatArray
    lean: FloatArray
    total: FloatArray
    square: FloatArray
    even: FloatArray
    distance: FloatArray
    votes: FloatArray
    doublings: FloatArray


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
    models, prompts, pairs = _paired(judge, people)
    size = len(prompts)
    measures = [_kappa(pairs, size, level), _people_kappa(pairs, size, level)]
    if n_resamples:
        measures += _boards(pairs, size, level, n_resamples, seed)
    measures += [
        _signal(pairs, size, level),
        _consistency(pairs, size, level),
        _repeats(judge, level),
        _position(pairs, len(models), size, level),
        *_sways(pairs, models, size, level, own),
        _cycles(pairs, size, level),
    ]
    calibration, curve = _calibration(pairs, size, level)
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


def _paired(
    judge: PairVerdicts, people: PairVerdicts | None
) -> tuple[tuple[str, ...], tuple[str, ...], _Pairs]:
    """The models and prompts of both, and the pairs that either judged."""
    both = [judge] if people is None else [judge, people]
    models = tuple(sorted({name for one in both for name in one.models}))
    prompts = tuple(sorted({name for one in both for name in one.prompts}))
    keys, turned, lengths = [], [], []
    for one in both:
        place = {name: i for i, name in enumerate(models)}
        number = {name: i for i, name in enumerate(prompts)}
        names = np.array([place[name] for name in one.models], dtype=np.int64)
        first, second = names[one.first], names[one.second]
        prompt = np.array([number[name] for name in one.prompts], dtype=np.int64)[one.prompt]
        low, high = np.minimum(first, second), np.maximum(first, second)
        keys.append((prompt * len(models) + low) * len(models) + high)
        turned.append(first > second)
        given = np.full((len(one), 2), np.nan) if one.lengths is None else one.lengths
        lengths.append(np.where(turned[-1][:, None], given[:, ::-1], given))
    known, unit = np.unique(np.concatenate(keys), return_inverse=True)
    unit, count = unit.reshape(-1), len(known)
    of_judge, seen = unit[: len(judge)], turned[0]
    lean = np.where(seen, 1 - judge.p_first, judge.p_first) - 0.5
    shown = np.full((count, 2), np.nan)
    for side, rows in enumerate((~seen, seen)):
        times = np.bincount(of_judge[rows], minlength=count)
        held = np.bincount(of_judge[rows], lean[rows], count)
        np.divide(held, times, out=shown[:, side], where=times > 0)
    with np.errstate(invalid="ignore"):
        mean = np.where(np.isnan(shown).any(axis=1), np.nansum(shown, axis=1), shown.sum(axis=1) / 2)
    mean[np.isnan(shown).all(axis=1)] = np.nan
    sums = np.zeros((5, count))
    if people is not None:
        of_people = unit[len(judge) :]
        vote = np.where(turned[1], 1 - people.p_first, people.p_first) - 0.5
        at = mean[of_people]
        for i, one in enumerate(
            (vote, vote**2, vote == 0, np.abs(np.nan_to_num(at) - vote), np.ones(len(vote)))
        ):
            sums[i] = np.bincount(of_people, one, count)
    sizes = np.concatenate(lengths)
    fine = (sizes > 0).all(axis=1)
    ratio_of = np.zeros(len(sizes))
    ratio_of[fine] = np.log2(sizes[fine, 0] / sizes[fine, 1])
    times = np.bincount(unit[fine], minlength=count)
    doublings = np.full(count, np.nan)
    np.divide(np.bincount(unit, ratio_of, count), times, out=doublings, where=times > 0)
    pair = known % (len(models) ** 2)
    found = _Pairs(
        pair // len(models),
        pair % len(models),
        known // len(models) ** 2,
        shown,
        mean,
        sums[0],
        sums[1],
        sums[2],
        sums[3],
        sums[4],
        np.clip(doublings, -_LONGEST, _LONGEST),
    )
    return models, prompts, found


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _span(found: Estimate | AuditMeasure, digits: int = 2) -> str:
    return f"{found.lower:.{digits}f} to {found.upper:.{digits}f}"


def _kappa(pairs: _Pairs, size: int, level: float) -> AuditMeasure:
    """Agreement of the judge with each vote of people."""
    rows = np.isfinite(pairs.lean) & (pairs.votes > 0)
    votes, lean = pairs.votes[rows], pairs.lean[rows]
    found = _chance_corrected(
        pairs.distance[rows], votes, pairs.even[rows], np.abs(lean) * votes, pairs.prompt[rows], size, level
    )
    said = "No person voted on what it judged, so agreement with people is not known."
    if np.isfinite(found.value):
        said = f"κ with people is {found.value:.2f} ({_span(found)}): 1 is perfect agreement, 0 is chance."
    return AuditMeasure("kappa", "agreement with people (κ)", *found, None, int(votes.sum()), said)


def _people_kappa(pairs: _Pairs, size: int, level: float) -> AuditMeasure:
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
        said = f"One person's κ with another is {found.value:.2f} ({_span(found)})."
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


def _boards(pairs: _Pairs, size: int, level: float, n_resamples: int, seed: int) -> list[AuditMeasure]:
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
        told = f"Its board of {len(met)} models has τ-b {tau:.2f} ({_span(bounds)}) with that of people."
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


def _signal(pairs: _Pairs, size: int, level: float) -> AuditMeasure:
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
        f"Shown the other way round, its verdicts correlate {found.value:.2f} ({_span(found)}) with "
        "themselves: 1 hangs on the answers alone, 0 on the side or on chance."
    )
    return AuditMeasure("signal", label, *found, None, int(rows.sum()), said)


def _consistency(pairs: _Pairs, size: int, level: float) -> AuditMeasure:
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


def _repeats(judge: PairVerdicts, level: float) -> AuditMeasure:
    """How often two answers to the same question agree."""
    given = np.full(len(judge), np.nan) if judge.repeats is None else judge.repeats
    rows = np.isfinite(given)
    found = ratio(given[rows], np.ones(rows.sum()), judge.prompt[rows], len(judge.prompts), level)
    said = "Nothing was asked twice in the same order."
    if np.isfinite(found.value):
        said = f"Asked again in the same order, it says the same in {found.value:.0%} of cases."
    return AuditMeasure("repeat_consistency", "same verdict again", *found, None, int(rows.sum()), said)


def _position(pairs: _Pairs, m: int, size: int, level: float) -> AuditMeasure:
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
            f"Of two equal answers the one shown first gets {_points(found.value)} "
            f"({_points(found.lower)} to {_points(found.upper)})."
        )
    return AuditMeasure("position_bias", label, *found, 0.0, number, said)


def _one_way(pairs: _Pairs, m: int, size: int, level: float) -> tuple[Estimate, int]:
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


def _sways(
    pairs: _Pairs, models: tuple[str, ...], size: int, level: float, own: Collection[str]
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
                f"Of two answers that people find equal, {what} gets {_points(known.value)} "
                f"({_points(known.lower)} to {_points(known.upper)})."
            )
        measures.append(AuditMeasure(name, label, *known, 0.0, number if name in found else 0, sentence))
    return measures


def _instrumented(
    pairs: _Pairs, rows: BoolArray, columns: FloatArray, m: int, size: int, level: float
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


def _cycles(pairs: _Pairs, size: int, level: float) -> AuditMeasure:
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


def _calibration(
    pairs: _Pairs, size: int, level: float
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
            f"Its probabilities are {_points(gap.value)} ({_points(gap.lower)} to {_points(gap.upper)}) "
            "surer than people bear out.",
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
            f"{_span(signal)})"
        )
    kappa = found["kappa"]
    if np.isfinite(kappa.value) and not kappa.lower > limits.kappa:
        than = "chance" if limits.kappa == 0 else f"κ = {limits.kappa:g}"
        reasons.append(
            f"it does not surely agree with people more than {than} (κ {kappa.value:.2f}, {_span(kappa)})"
        )
    for name in ("length_bias", "self_preference"):
        one = found[name]
        if np.isfinite(one.value) and (one.lower > limits.bias or one.upper < -limits.bias):
            reasons.append(f"its {one.label} is {_points(one.value)}, surely beyond {100 * limits.bias:g}")
    if unread is not None and unread > limits.unread:
        reasons.append(f"{unread:.0%} of its answers were no verdict")
    return tuple(reasons)
