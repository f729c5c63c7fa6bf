"""Voters whose votes no honest voter of this crowd would cast: tests with a stated rate of false alarms.

Every voter is judged by the strengths that the votes of the others give, and by what is usual among them:
honest voters differ in how surely they see the better answer, in their taste for single models and in their
habits of the eye, and as much as this crowd differs is allowed for. Three sums are tested, each the most
powerful against what it is for: votes for the stronger model (against the crowd, at random), votes for the
answer shown first (one side), and wins of one model (for it, against it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from agon.ranking.annotators.duels import Crowd, Duels, duels_of, fit_crowd, moment, voice
from agon.ranking.annotators.tail_probability import tails_of
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit, threads_for
from agon.ranking.text import Figure, Readable, Sentence
from agon.ranking.votes.comparisons import Comparisons

if TYPE_CHECKING:
    import pandas as pd

AnomalyKind = Literal["against the crowd", "at random", "one side", "for a model", "against a model"]
Verdict = Literal["review", "excluded"]
FALSE_ALARMS = 0.004  # of honest voters, over all tests of a voter
CERTAINTY = 0.05  # the chance that any honest voter is excluded, over all voters
LEAST_DUELS = 10  # that a voter must have decided to be tested
LEAST_VOTERS = 5  # with as many
MOST_SHARE = 1 / 3  # of all decided votes, beyond which the rest is no crowd to judge a voter by
# What honest voters differ by at least, in nats (discrimination as a multiple of the crowd's): an estimate of
# none at all would call a taste an attack.
LEAST_SPREAD = {"crowd": 0.05, "side": 0.3, "model": 0.4}
_SHARES = {"crowd": 1 / 2, "side": 1 / 4, "model": 1 / 4}  # of the level, for each sum
_SPREADS = np.array([0.0, 0.1, 0.2, 0.3, 0.45, 0.65, 0.9, 1.3, 2.0])
_SCREEN = 2.0  # standard errors below which no exact tail can matter
_SAMPLE = 200_000  # duels that the spreads are measured on
_ROUNDS = 3
_NAMED_BY_MODEL = 1e-4
_QUARTILE_ERROR = 1.06  # standard error of an upper quartile of |normal|, times the root of the number
LEAST_SPREAD_VOTERS = 20  # to measure how much voters differ


@dataclass(frozen=True, repr=False)
class VoterAnomaly(Readable):
    """A voter who stands out, and by what.

    Attributes:
        voter: the value of the column.
        kind: "against the crowd", "at random", "one side", "for a model" or "against a model".
        model: that it is about; None of the first three.
        votes: of this voter, all of them.
        judged: decided votes that the test is of.
        observed: share of them that went as the kind says: to the weaker model, to one side, to or against
            the model.
        expected: the same of the crowd.
        p_value: of an honest voter of this crowd, times the number of tests of this voter.
        verdict: "review", or "excluded" where even among all voters none honest would stand out so.
        side: "first" or "last" of "one side", else None.
    """

    voter: str
    kind: AnomalyKind
    model: str | None
    votes: int
    judged: int
    observed: float
    expected: float
    p_value: float
    verdict: Verdict
    side: Literal["first", "last"] | None = None

    def conclusion(self) -> str:
        """Say in one sentence what this voter did."""
        number = f"{self.observed:.0%} of {self.judged:,} decided votes"
        what = {
            "against the crowd": f"gave {number} to the weaker model",
            "at random": f"gave {number} to the weaker model, as chance would",
            "one side": f"gave {number} to the answer shown {self.side}",
            "for a model": f"let {self.model} win {number}",
            "against a model": f"let {self.model} lose {number}",
        }[self.kind]
        chance = f"p = {self.p_value:.2g}" if self.p_value >= 1e-6 else "p < 0.000001"
        return f"{self.voter} {what}, where {self.expected:.0%} were to be expected ({chance})."


@dataclass(frozen=True, repr=False)
class VoterAnomalies(Readable):
    """The voters who stand out among all who could be tested.

    Attributes:
        found: those who do, the least probable first.
        voters: how many there are.
        tested: with enough votes to be tested.
        votes: cast by all.
        spreads: what honest voters of this crowd differ by, in nats: in seeing the better answer (as a
            multiple of the crowd's), in habits of the eye, in taste for a model.
        false_alarms: share of honest voters whom the tests name.
    """

    found: tuple[VoterAnomaly, ...]
    voters: int
    tested: int
    votes: int
    spreads: dict[str, float]
    false_alarms: float = FALSE_ALARMS

    @property
    def named(self) -> dict[Verdict, tuple[str, ...]]:
        """The voters of each verdict."""
        return {
            verdict: tuple(one.voter for one in self.found if one.verdict == verdict)
            for verdict in ("review", "excluded")
        }

    def conclusion(self) -> Sentence:
        """Say in one sentence how many stand out."""
        if not self.tested:
            if self.voters == 1:
                return Sentence("The one voter has not decided votes enough to be tested.")
            return Sentence(
                "None of {voters} voters has decided votes enough to be tested.", voters=self.voters
            )
        if not self.found:
            return Sentence("None of {tested} voters tested stands out.", tested=self.tested)
        return Sentence(
            "{count} voter stands out of {tested} tested, with {votes} of {total} votes; of honest voters at "
            "most {share} would.",
            "{count} voters stand out of {tested} tested, with {votes} of {total} votes; of honest voters at "
            "most {share} would.",
            count=len(self.found),
            tested=self.tested,
            votes=sum(one.votes for one in self.found),
            total=self.votes,
            share=Figure(self.false_alarms, ".1%"),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each voter who stands out."""
        import pandas as pd

        names = list(VoterAnomaly.__dataclass_fields__)
        return pd.DataFrame([[getattr(one, name) for name in names] for one in self.found], columns=names)


@dataclass(frozen=True, eq=False)
class Reference:
    """What voters are held against: the crowd without those who stand out, and how much it differs."""

    crowd: Crowd
    spreads: dict[str, float]
    inside: BoolArray
    duels: Duels = field(repr=False)


def voter_anomalies(
    votes: Comparisons, *, by: str | None = None, false_alarms: float = FALSE_ALARMS, seed: int = 0
) -> VoterAnomalies:
    """Find the voters who vote against the crowd, at random, for one side, or for or against one model.

    The p-value of a voter is the smallest of its tests times their number (Bonferroni, a third of the level
    for each of the three sums), each an exact tail to three digits (saddle point), averaged over how much
    honest voters of this crowd differ. At most the share `false_alarms` of honest voters is named, "review";
    "excluded" are those whose p-value times the number of voters is below 0.05, so that with a chance of 95%
    no honest voter is among them. Votes of those who stand out are taken from the crowd and it is asked
    again, three times at most. The crowd is the judge: where most of it is one hand, the others stand out.

    Args:
        votes: with a column of voters.
        by: that column; the one there is if left out.
        false_alarms: the share of honest voters who may be named.
        seed: of the simulated honest voters by whom the spreads are measured.

    Raises:
        SourceError: no such column, or votes without a voter.
        OptionError: false_alarms outside 0 to 0.5.
    """
    if not 0 < false_alarms <= 0.5:
        raise OptionError(f"false_alarms must lie above 0 and be at most 0.5, not {false_alarms!r}.")
    duels = duels_of(votes, by)
    if not duels.names:
        raise SourceError("These votes do not say whose they are, so that no voter can be tested.")
    return find_anomalies(duels, false_alarms, seed)[0]


def find_anomalies(
    duels: Duels, false_alarms: float = FALSE_ALARMS, seed: int = 0
) -> tuple[VoterAnomalies, Reference]:
    """The same of duels, with the crowd that they were held against."""
    size = duels.n_voters
    cast = np.bincount(duels.votes, minlength=size)
    number = np.bincount(duels.voter, minlength=size)
    tested = (number >= LEAST_DUELS) & (number <= MOST_SHARE * len(duels.won))
    if tested.sum() < LEAST_VOTERS or not duels.names:
        tested = np.zeros(size, dtype=bool)
    inside = np.ones(size, dtype=bool)
    rng = np.random.default_rng([seed, 7])
    with threads_for(len(duels.models)):
        for _ in range(_ROUNDS):
            fitted = duels.where(inside[duels.voter])
            weight = np.zeros(len(duels.won))
            weight[inside[duels.voter]] = voice(fitted)
            crowd = fit_crowd(duels, weight)
            spreads = measure_spreads(fitted, crowd, rng) if tested.any() else dict(LEAST_SPREAD)
            found = _all_tests(duels, crowd, spreads, tested, weight)
            stands_out = np.zeros(size, dtype=bool)
            stands_out[found.voter[found.p_value < false_alarms]] = True
            if np.array_equal(~stands_out, inside) or stands_out.sum() > 0.5 * size:
                break
            inside = ~stands_out
    listed = _listed(duels, found, cast, false_alarms, int(tested.sum()))
    every = VoterAnomalies(listed, size, int(tested.sum()), len(duels.votes), spreads, false_alarms)
    return every, Reference(crowd, spreads, inside, duels)


def share_named(duels: Duels, reference: Reference, false_alarms: float = FALSE_ALARMS) -> float:
    """Which share of voters is named, whose votes are not in the crowd; numbered 0 to V − 1, all there."""
    size = duels.n_voters
    tested = np.bincount(duels.voter, minlength=size) >= LEAST_DUELS
    nothing = np.zeros(len(duels.won))
    found = _all_tests(duels, reference.crowd, reference.spreads, tested, nothing)
    return float((found.p_value < false_alarms).sum()) / size


def name_groups(
    duels: Duels, reference: Reference, tested: BoolArray, weight: FloatArray, false_alarms: float
) -> tuple[VoterAnomaly, ...]:
    """Which groups of votes, each judged as one voter, stand out from a crowd that they may be part of.

    Args:
        duels: whose voters are the groups, V of them.
        reference: the crowd.
        tested: (V,) which of them.
        weight: (R,) of each decided pair in the crowd's fit.
        false_alarms: the share that may be named.
    """
    with threads_for(len(duels.models)):
        found = _all_tests(duels, reference.crowd, reference.spreads, tested, weight)
    cast = np.bincount(duels.votes, minlength=duels.n_voters)
    return _listed(duels, found, cast, false_alarms, int(tested.sum()))


@dataclass(frozen=True, eq=False)
class _Found:
    """The least probable sum of each voter that was looked at closely; parallel columns."""

    voter: IntArray
    kind: np.ndarray[tuple[int], np.dtype[np.str_]]
    model: IntArray
    p_value: FloatArray
    effect: FloatArray
    judged: IntArray
    observed: FloatArray
    expected: FloatArray


@dataclass(frozen=True, eq=False)
class _Sums:
    """The rows of a statistic: (R,) duel, group, weight; (G,) the voter and the model of each group."""

    name: str
    duel: IntArray
    group: IntArray
    weight: FloatArray
    voter: IntArray
    model: IntArray

    def narrowed(self, keep: BoolArray) -> _Sums:
        """Only some groups, (G,) mask."""
        number = np.cumsum(keep) - 1
        rows = keep[self.group]
        group = number[self.group[rows]]
        return _Sums(self.name, self.duel[rows], group, self.weight[rows], self.voter[keep], self.model[keep])


def _statistics(duels: Duels, crowd: Crowd) -> list[_Sums]:
    """The three sums of all voters."""
    every, size, m = np.arange(len(duels.won)), duels.n_voters, len(duels.models)
    nobody = np.full(size, -1)
    gap = crowd.theta[duels.first] - crowd.theta[duels.second]
    some = np.abs(gap) > 1e-9
    sums = [_Sums("crowd", every[some], duels.voter[some], gap[some], np.arange(size), nobody)]
    known = duels.side != 0
    if known.any():
        sums.append(
            _Sums("side", every[known], duels.voter[known], duels.side[known], np.arange(size), nobody)
        )
    key = np.concatenate([duels.voter * m + duels.first, duels.voter * m + duels.second])
    there, group = _numbered(key, size * m)
    sign = np.repeat([1.0, -1.0], len(every))
    return [*sums, _Sums("model", np.tile(every, 2), group, sign, there // m, there % m)]


def _numbered(key: IntArray, top: int) -> tuple[IntArray, IntArray]:
    """The distinct keys below top in order, and the number of each among them."""
    if top > 50_000_000:
        there, group = np.unique(key, return_inverse=True)
        return there, group.reshape(-1)
    seen = np.zeros(top, dtype=bool)
    seen[key] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[key]


def _scores(sums: _Sums, won: BoolArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(G,) the sum less what is expected of it, and its variance."""
    size, rows = len(sums.voter), sums.duel
    score = np.bincount(sums.group, sums.weight * (won[rows] - p[rows]), size)
    variance = np.bincount(sums.group, sums.weight**2 * (p * (1 - p))[rows], size)
    return score.astype(np.float64), variance.astype(np.float64)


def measure_spreads(duels: Duels, crowd: Crowd, rng: np.random.Generator) -> dict[str, float]:
    """How much honest voters differ: the spreads at which simulated ones are as far from the crowd as these.

    "As far" is the upper quartile of the distances, which the few who are far off hardly move.
    """
    if len(duels.won) > _SAMPLE:
        order = rng.permutation(duels.n_voters)
        number = np.bincount(duels.voter, minlength=duels.n_voters)[order]
        chosen = np.zeros(duels.n_voters, dtype=bool)
        chosen[order[np.cumsum(number) <= _SAMPLE]] = True
        duels = duels.where(chosen[duels.voter])
    log_odds = crowd.log_odds(duels)
    p = expit(log_odds)
    found = dict(LEAST_SPREAD)
    for sums in _statistics(duels, crowd):
        score, variance = _scores(sums, duels.won, p)
        enough = _telling(sums, variance, duels)
        if enough is None:
            continue
        each = np.bincount(sums.voter[enough], minlength=duels.n_voters)
        share = 1 / each[sums.voter[enough]]  # of each voter as much, however many models
        seen = _quartile(score[enough], variance[enough], share)
        seen -= _QUARTILE_ERROR / np.sqrt(np.count_nonzero(each))
        size, rows = len(sums.voter), sums.duel
        curve = []
        for spread in _SPREADS.tolist():
            u = rng.normal(0, spread, size)
            shift = np.bincount(rows, sums.weight * u[sums.group], len(duels.won))
            won = rng.random(len(duels.won)) < expit(log_odds + shift)
            other, _ = _scores(sums, won, p)
            curve.append(_quartile(other[enough], variance[enough], share))
            if curve[-1] > seen:
                break
        rising = np.maximum.accumulate(curve)
        worth = float(np.interp(seen, rising, _SPREADS[: len(curve)]))
        found[sums.name] = max(worth, LEAST_SPREAD[sums.name])
    return found


def _telling(sums: _Sums, variance: FloatArray, duels: Duels) -> BoolArray | None:
    """(G,) groups with votes enough to tell honest voters apart; None if they are not those of most voters.

    Where only the busiest have as many, these are perhaps who is looked for.
    """
    number = np.bincount(duels.voter, minlength=duels.n_voters)
    voters = int((number >= LEAST_DUELS).sum())
    for least in (4.0, 2.0, 1.0, 0.5, 0.25):
        enough = variance >= least
        if len(np.unique(sums.voter[enough])) > max(0.5 * voters, LEAST_SPREAD_VOTERS):
            return enough
    return None


def _quartile(score: FloatArray, variance: FloatArray, share: FloatArray) -> float:
    distance = np.abs(score) / np.sqrt(variance)
    order = np.argsort(distance)
    upto = np.cumsum(share[order])
    return float(distance[order[np.searchsorted(upto, 0.75 * upto[-1])]])


def _all_tests(
    duels: Duels, crowd: Crowd, spreads: dict[str, float], tested: BoolArray, counted: FloatArray
) -> _Found:
    """The least probable of the sums of every voter who may stand out."""
    log_odds = crowd.log_odds(duels)
    p = expit(log_odds)
    statistics = _statistics(duels, crowd)
    heavy = np.bincount(duels.voter, counted, duels.n_voters) > 0.02 * counted.sum()  # who bends the crowd
    every: list[_Found] = []
    for sums in statistics:
        score, variance = _scores(sums, duels.won, p)
        distance = np.abs(score) / np.sqrt(np.maximum(variance, 1e-12))
        close = tested[sums.voter] & (variance > 0) & ((distance > _SCREEN) | heavy[sums.voter])
        tests = np.bincount(sums.voter, minlength=duels.n_voters)[sums.voter]
        if close.any():
            every.append(
                _one_test(sums.narrowed(close), tests[close], duels, crowd, spreads[sums.name], counted)
            )
    if not every:
        none = np.zeros(0)
        index = np.zeros(0, dtype=np.int64)
        return _Found(index, np.zeros(0, dtype=np.str_), index, none, none, index, none, none)
    names = list(_Found.__dataclass_fields__)
    whole = _Found(*(np.concatenate([getattr(one, name) for one in every]) for name in names))
    # Votes for one model go against the crowd too: who judges little else is named by the model.
    cast = np.bincount(duels.voter, minlength=duels.n_voters)[whole.voter]
    by_model = (whole.model >= 0) & (2 * whole.judged >= cast) & (whole.p_value < _NAMED_BY_MODEL)
    order = np.lexsort((whole.p_value, ~by_model, whole.voter))
    first = order[np.diff(whole.voter[order], prepend=-1) != 0]
    return _Found(*(getattr(whole, name)[first] for name in names))


def _one_test(
    sums: _Sums,
    tests: IntArray,
    duels: Duels,
    crowd: Crowd,
    spread: float,
    counted: FloatArray,
) -> _Found:
    """The tails of some groups of one sum, each voter held against the others."""
    m, size = len(duels.models), len(sums.voter)
    who, place = np.unique(sums.voter, return_inverse=True)
    theta, bias, share = _without(duels, crowd, who, counted)
    own = place.reshape(-1)[sums.group]
    first, second, side = duels.first[sums.duel], duels.second[sums.duel], duels.side[sums.duel]
    gap = theta[own, first] - theta[own, second]
    log_odds = gap + bias[own] * side
    weight = gap if sums.name == "crowd" else sums.weight
    if sums.name == "crowd":
        weight = np.where(np.abs(weight) < 1e-9, 1e-9, weight)
    won = duels.won[sums.duel]
    p = expit(log_odds)
    # How unsure the crowd's own strengths are, as a further difference of this voter from it.
    worth = weight * p * (1 - p)
    variance = np.bincount(sums.group, weight * worth, size)
    pull = np.zeros((size, m + 1))
    pull[:, :m] = np.bincount(sums.group * m + first, worth, size * m).reshape(size, m)
    pull[:, :m] -= np.bincount(sums.group * m + second, worth, size * m).reshape(size, m)
    pull[:, m] = np.bincount(sums.group, worth * side, size)
    unsure = np.einsum("gi,ij,gj->g", pull, crowd.inverse, pull, optimize=True)
    unsure /= (1 - share[place.reshape(-1)]) * np.maximum(variance, 1e-12) ** 2
    total = np.sqrt(spread**2 + unsure)
    tails = tails_of(sums.group, log_odds, weight, won, total, lattice=sums.name != "crowd")
    number = tests * (1 if sums.name == "crowd" else 2) / _SHARES[sums.name]
    p_value = tails.below if sums.name == "crowd" else np.minimum(tails.below, tails.above)
    up = np.zeros(size, dtype=bool) if sums.name == "crowd" else tails.above < tails.below
    # Of the decided votes, those that went as the kind says.
    toward = (weight > 0) == up[sums.group]
    judged = np.bincount(sums.group, minlength=size)
    observed = np.bincount(sums.group, won == toward, size) / judged
    expected = np.bincount(sums.group, np.where(toward, p, 1 - p), size) / judged
    words = {
        "crowd": np.where(tails.effect < -1.5, "against the crowd", "at random"),
        "side": np.where(up, "first", "last"),
        "model": np.where(up, "for a model", "against a model"),
    }[sums.name]
    p_value = np.minimum(p_value * number, 1.0)
    return _Found(sums.voter, words, sums.model, p_value, tails.effect, judged, observed, expected)


def _without(
    duels: Duels, crowd: Crowd, who: IntArray, counted: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(C, M) strengths and (C,) side of the crowd without each of some voters; (C,) their share of it.

    One step of Newton's method from the strengths of all; `counted` (R,) are the weights in that fit.
    """
    m, c = len(duels.models), len(who)
    number = np.full(duels.n_voters, -1)
    number[who] = np.arange(c)
    rows = np.flatnonzero(number[duels.voter] >= 0)
    part = duels.where(number[duels.voter] >= 0)
    of, weight = number[part.voter], counted[rows]
    p = expit(crowd.log_odds(part))
    score = weight * (part.won - p)
    pull = np.zeros((c, m + 1))
    pull[:, :m] = np.bincount(of * m + part.first, score, c * m).reshape(c, m)
    pull[:, :m] -= np.bincount(of * m + part.second, score, c * m).reshape(c, m)
    pull[:, m] = np.bincount(of, score * part.side, c)
    share = np.bincount(of, weight, c) / max(float(counted.sum()), 1.0)
    step = pull @ crowd.inverse
    for k in np.flatnonzero(share > 0.005).tolist():
        mine = of == k
        side, worth = part.side[mine], (weight * p * (1 - p))[mine]
        rest = crowd.information - moment(part.first[mine], part.second[mine], side, worth, m)
        step[k] = np.linalg.solve(rest, pull[k])
    largest = np.abs(step).max(axis=1, keepdims=True)
    step /= np.maximum(1.0, largest / 2.0)
    return crowd.theta - step[:, :m], crowd.bias - step[:, m], np.minimum(share, MOST_SHARE)


def _listed(
    duels: Duels, found: _Found, cast: IntArray, false_alarms: float, tested: int
) -> tuple[VoterAnomaly, ...]:
    """Those below the level, the least probable first."""
    below = np.flatnonzero(found.p_value < false_alarms)
    listed = []
    for i in below[np.argsort(found.p_value[below], kind="stable")].tolist():
        word, model = str(found.kind[i]), int(found.model[i])
        side = word in ("first", "last")
        verdict: Verdict = "excluded" if found.p_value[i] * tested < CERTAINTY else "review"
        listed.append(
            VoterAnomaly(
                duels.names[int(found.voter[i])],
                "one side" if side else word,  # type: ignore[arg-type]
                duels.models[model] if model >= 0 else None,
                int(cast[found.voter[i]]),
                int(found.judged[i]),
                float(found.observed[i]),
                float(found.expected[i]),
                float(found.p_value[i]),
                verdict,
                word if side else None,  # type: ignore[arg-type]
            )
        )
    return tuple(listed)
