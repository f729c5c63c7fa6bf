"""Which method predicts votes best: log loss, Brier score and calibration on votes held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import AgonError, InputError, MethodError, OptionError, SourceError
from agon.ranking.estimation.comparison_graph import connected
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, threads_for
from agon.ranking.prediction.held_out import HeldOut, HeldOutBy, hold_out, part_of
from agon.ranking.prediction.outcome_chances import (
    NO_STRENGTHS,
    OutcomeChances,
    chances_of,
    even_chances,
    no_chances,
    predicts,
)
from agon.ranking.registry import METHODS, Method, Rule, find
from agon.ranking.text import Readable, Sentence, join_names
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Battles, effective_number

if TYPE_CHECKING:
    import pandas as pd

# Compared where no others are named. Of models that say the same of pairwise votes one is there, and those
# that go by time are, where the votes say when they were cast.
COMPARED_METHODS = (
    "bradley_terry", "davidson", "elo", "glicko2", "kwise_bayes", "plackett_luce", "rao_kupper",
    "rao_kupper_bag", "thurstone", "weng_lin", "whole_history_rating",
)  # fmt: skip
BINS = 10
Wanted = str | Rule | Method | tuple[str | Rule | Method, Mapping[str, Any]]


@dataclass(frozen=True, repr=False)
class MethodScore(Readable):
    """How well one method predicts votes it has not seen.

    Attributes:
        method: its name, with the options that were given.
        log_loss: mean of minus the logarithm of the chance that it gave to what was voted, in nats.
        lower, upper: interval of that, at the level of the comparison; None with a single cluster.
        brier: mean squared distance of the three chances from what was voted, 0 to 2.
        calibration_error: how far the share of the points that favourites got is from what was expected of
            them, on average over tenths of the pairs by how much of a favourite one is.
        slope: of what was voted on what was expected, in log-odds: 1 is calibrated, below 1 too sure of
            itself; None where it expects nothing of anybody, or its favourites always or never win.
        slope_lower, slope_upper: interval of that.
        behind: how much larger its log loss is than that of the best.
        behind_lower, behind_upper: interval of that; together those of all methods hold at the level.
        verdict: "best", "not surely worse" or "surely worse".
    """

    method: str
    log_loss: float
    lower: float | None
    upper: float | None
    brier: float
    calibration_error: float
    slope: float | None
    slope_lower: float | None
    slope_upper: float | None
    behind: float
    behind_lower: float | None
    behind_upper: float | None
    verdict: str

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{self.method}: log loss {self.log_loss:.4f}, Brier score {self.brier:.4f}, {self.verdict}"


@dataclass(frozen=True, eq=False, repr=False)
class MethodComparison(Readable):
    """How well methods predict the same held-out votes.

    Attributes:
        scores: one for each method, the best first, and the reference "no_strengths", to which every pair is
            even.
        by: what was held out together.
        votes: votes that were asked about.
        unscored: of the votes held out those that were not, for a model in them had no vote to learn from, or
            none that links it to the other.
        clustered_by: the column whose votes are taken for dependent in the intervals; "vote" for none.
        clusters: how many of these there are.
        folds, seed: of the draw.
        level: of the intervals.
        left_out: method → why it says nothing of these votes.
    """

    scores: tuple[MethodScore, ...]
    by: str
    votes: int
    unscored: int
    clustered_by: str
    clusters: int
    folds: int
    seed: int
    level: float
    left_out: Mapping[str, str]

    @property
    def contenders(self) -> tuple[str, ...]:
        """The methods that are not surely worse than the one that predicts best."""
        return tuple(one.method for one in self.scores if one.verdict != "surely worse")

    def conclusion(self) -> str:
        """Say in one sentence which method predicts best, and whether that is sure."""
        first, others = self.scores[0], self.contenders[1:]
        what = f"{self.votes:,} held-out votes"
        if first.method == NO_STRENGTHS:
            return f"No method predicts {what} better than taking all models for equal."
        if not others:
            return (
                f"{first.method} surely predicts {what} best: log loss {first.log_loss:.4f}, and every other "
                f"method is worse beyond chance."
            )
        return (
            f"{first.method} predicts {what} best, with log loss {first.log_loss:.4f}, but not surely: "
            f"{join_names(others)} may be as good."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a method, the best first."""
        import pandas as pd

        columns = list(MethodScore.__dataclass_fields__)
        return pd.DataFrame(
            [[getattr(one, name) for name in columns] for one in self.scores], columns=columns
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        columns = list(MethodScore.__dataclass_fields__)
        return {
            "conclusion": self.conclusion(),
            "by": self.by,
            "votes": self.votes,
            "unscored": self.unscored,
            "clustered_by": self.clustered_by,
            "clusters": self.clusters,
            "folds": self.folds,
            "seed": self.seed,
            "level": self.level,
            "methods": [{name: getattr(one, name) for name in columns} for one in self.scores],
            "contenders": list(self.contenders),
            "left_out": dict(self.left_out),
        }


def compare_methods(
    votes: Votes,
    methods: Sequence[Wanted] | None = None,
    *,
    by: HeldOutBy = "vote",
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> MethodComparison:
    """Ask each method about votes that it has not seen, and compare what it said with what was voted.

    Every method gives chances of a win, a tie ("both bad" is one) and a loss. One without a parameter of ties
    gets Davidson's, fitted to the votes it learnt from so that its expected shares stay as they are. To all
    chances one vote of even chances is mixed, so that nothing is impossible. A vote on more than two models
    is asked as its pairs. Votes on a model that no vote in the training links to its opponent are not asked.

    Intervals are those of a mean over clusters: of the split by voter or prompt, else of voters or prompts
    where the votes name them, else of single votes. Those of differences are paired, and Bonferroni's for all
    methods at once: "surely worse" is wrong of any method in at most 1 − level of comparisons.

    Args:
        votes: as for `rank`, but no table of scores.
        methods: names, functions, or pairs of one and its options; None for `COMPARED_METHODS`, those that
            these votes carry enough for.
        by: what is held out together: single votes, those of a voter, those on a prompt; or "time": later
            votes are asked of what earlier ones tell.
        folds: in how many parts the votes are held out.
        level: of the intervals, between 0 and 1.
        seed: of the draw of the folds.
        progress: given a sentence, opened around each method.

    Raises:
        OptionError: a level outside 0 to 1, folds below 2, or an unknown split.
        MethodError: a method that gives no chances, or one named twice.
        SourceError: a table of scores, or votes without what they are to be held out by; no vote to ask.

    Source:
        Proper scores: T. Gneiting and A. Raftery, J. Amer. Stat. Assoc. 102 (2007). Intervals of
        cross-validated errors: P. Bayle et al., Cross-validation confidence intervals for test error,
        NeurIPS (2020). Slope: D. R. Cox, Biometrika 45 (1958). Ties: R. R. Davidson (1970).
    """
    if not isinstance(level, int | float) or not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}; 95% is 0.95.")
    given = as_comparisons(votes)
    if isinstance(given, ScoreTable):
        raise SourceError("A table of scores has no votes to hold out; compare its rules with compare_rules.")
    chosen = _chosen(given, methods)
    held = hold_out(given, by, folds, seed)
    asked = _Asked.of(held)
    told: dict[str, list[OutcomeChances]] = {}
    left_out: dict[str, str] = {}
    with threads_for(len(given.models)):
        for name, how, options in chosen:
            with progress(f"asking {name} about votes held out"):
                try:
                    told[name] = asked.predictions(how, options)
                except MethodError:
                    raise
                except (AgonError, ArithmeticError, np.linalg.LinAlgError) as error:
                    if methods is not None and isinstance(error, InputError):
                        raise
                    left_out[name] = str(error)
        told[NO_STRENGTHS] = asked.even()
    return asked.compared(told, level=level, seed=seed, left_out=left_out)


def _chosen(votes: Comparisons, methods: Sequence[Wanted] | None) -> list[tuple[str, Method, dict[str, Any]]]:
    """Names, methods and settings of those to be compared.

    Raises:
        MethodError: one that gives no chances, needs features, or is named twice.
    """
    if methods is None:
        usual = [METHODS[name] for name in COMPARED_METHODS]
        timed = votes.battles.times is not None
        return [(how.name, how, how.settings({})) for how in usual if timed or not how.by_time]
    if isinstance(methods, str):
        methods = [methods]
    found: list[tuple[str, Method, dict[str, Any]]] = []
    for one in methods:
        wanted, own = one if isinstance(one, tuple) else (one, {})
        how = find(wanted)
        if not predicts(how):
            raise no_chances(how.name)
        name = how.name + (f" ({', '.join(f'{o} = {v}' for o, v in own.items())})" if own else "")
        if name in {known for known, _, _ in found}:
            raise MethodError(f"{name} is named twice; name each method once.")
        found.append((name, how, how.settings(own)))
    if not found:
        raise MethodError("A comparison needs methods: name them with methods=[...].")
    return found


@dataclass(frozen=True, eq=False)
class _Part:
    """One fold: what is seen, and the P pairs of all distinct ballots with what is asked of them.

    Attributes:
        seen: the votes to learn from.
        battles: the same, one by one.
        first, second: (P,) models of the pairs.
        scored: (B,) ballots all of whose pairs can be asked about.
        asked: (N,) votes held out.
    """

    seen: Ballots
    battles: Battles
    first: IntArray
    second: IntArray
    scored: BoolArray
    asked: BoolArray


@dataclass(frozen=True, eq=False)
class _Asked:
    """All folds."""

    held: HeldOut
    parts: tuple[_Part, ...]

    @classmethod
    def of(cls, held: HeldOut) -> _Asked:
        """Cut the votes; a ballot is scored where its models are linked by the votes seen."""
        rows, parts = held.battles.ballots.pair_rows, []
        for learn, ask in held.folds():
            battles = part_of(held.battles, learn)
            pairs = PairCounts.from_ballots(battles.ballots)
            met = pairs.halves("half")
            group = connected(met + met.T)
            good = group[rows.first] == group[rows.second]
            scored = np.bincount(rows.ballot, ~good, len(battles.ballots.count)) == 0
            scored &= np.bincount(rows.ballot, minlength=len(scored)) > 0
            parts.append(_Part(battles.ballots, battles, rows.first, rows.second, scored, ask))
        if not any((part.asked & part.scored[held.battles.sequence]).any() for part in parts):
            raise SourceError(
                Sentence("None of the votes held out is on models that the others link; collect more votes.")
            )
        return cls(held, tuple(parts))

    def even(self) -> list[OutcomeChances]:
        """What is expected where nothing is known of the models."""
        return [
            even_chances(part.seen, len(part.first)).mixed(float(part.seen.count.sum()))
            for part in self.parts
        ]

    def predictions(self, how: Method, options: Mapping[str, Any]) -> list[OutcomeChances]:
        """What a method expects of each pair in each fold."""
        found = []
        for part in self.parts:
            view: Any = part.battles if how.view == "battles" else part.seen
            if how.view == "pairs":
                view = PairCounts.from_ballots(part.seen)
            result = how.function(view, **options)
            made = chances_of(how, result, options, part.seen, part.first, part.second)
            found.append(made.mixed(float(part.seen.count.sum())))
        return found

    def compared(
        self,
        told: Mapping[str, Sequence[OutcomeChances]],
        *,
        level: float,
        seed: int,
        left_out: Mapping[str, str],
    ) -> MethodComparison:
        """Score what the methods said."""
        ballots, sequence = self.held.battles.ballots, self.held.battles.sequence
        rows, size = ballots.pair_rows, int(self.held.cluster.max()) + 1
        shares = np.stack([rows.win, rows.tie + rows.both_bad, rows.loss])
        number = np.bincount(rows.ballot, minlength=len(ballots.count)).astype(np.float64)
        names, n = list(told), len(told)
        loss, met = np.zeros((n, size)), np.zeros(size)
        brier, votes, total = np.zeros(n), 0, 0.0
        favoured: list[list[FloatArray]] = [[] for _ in names]
        clusters: list[IntArray] = []
        for f, part in enumerate(self.parts):
            good = part.scored.copy()
            for name in names:
                bad = ~np.isfinite(told[name][f].win)
                good &= np.bincount(rows.ballot, bad, len(good)) == 0
            kept = part.asked & good[sequence]
            votes += int(kept.sum())
            ballot, cluster = sequence[kept], self.held.cluster[kept]
            weight = ballots.weight[ballot]
            met += np.bincount(cluster, weight * number[ballot], size)
            total += float((weight * number[ballot]).sum())
            cells, count = _cells(cluster, ballot, len(good))
            at, pair = _pairs_of(rows.ballot, cells[1])
            times = count[at] * ballots.weight[cells[1][at]]
            clusters.append(cells[0][at])
            score = shares[0, pair] + 0.5 * shares[1, pair]
            for k, name in enumerate(names):
                made = told[name][f]
                chance = np.stack([made.win, made.tie, made.loss])
                with np.errstate(divide="ignore", invalid="ignore"):
                    cost = -(shares * np.log(chance)).sum(axis=0)
                square = (chance**2).sum(axis=0) - 2 * (shares * chance).sum(axis=0) + 1
                each = np.bincount(rows.ballot, np.where(np.isfinite(cost), cost, 0.0), len(good))
                loss[k] += np.bincount(cluster, weight * each[ballot], size)
                per = np.bincount(rows.ballot, np.where(np.isfinite(square), square, 0.0), len(good))
                brier[k] += float((weight * per[ballot]).sum())
                favoured[k].append(np.stack([made.expected[pair], score, times]))
        belongs = np.concatenate(clusters)
        there = met > 0
        means, errors, df = _means_of(loss[:, there], met[there])
        best = int(np.argmin(means))
        gaps, gap_errors, _ = _means_of(loss[:, there] - loss[best, there], met[there])
        z, together = quantile(level, df), quantile(1 - (1 - level) / max(1, n - 1), df)
        scores = []
        for k, name in enumerate(names):
            expected, score, times = np.hstack(favoured[k])
            slope, slope_error = _slope(expected, score, times, belongs)
            known = math.isfinite(df)
            half, gap = z * errors[k], together * gap_errors[k]
            worse = gaps[k] - gap > 0 and known
            scores.append(
                MethodScore(
                    name,
                    float(means[k]),
                    float(means[k] - half) if known else None,
                    float(means[k] + half) if known else None,
                    brier[k] / total,
                    _calibration_error(expected, score, times),
                    slope,
                    None if slope is None or not known else slope - z * slope_error,
                    None if slope is None or not known else slope + z * slope_error,
                    float(gaps[k]),
                    float(gaps[k] - gap) if known else None,
                    float(gaps[k] + gap) if known else None,
                    "best" if k == best else "surely worse" if worse else "not surely worse",
                )
            )
        scores.sort(key=lambda one: (one.log_loss, one.method))
        return MethodComparison(
            tuple(scores),
            self.held.by,
            votes,
            int(self.held.asked.sum()) - votes,
            self.held.clustered_by,
            int(there.sum()),
            len(self.parts),
            seed,
            level,
            dict(left_out),
        )


def _cells(
    cluster: IntArray, ballot: IntArray, n_ballots: int
) -> tuple[tuple[IntArray, IntArray], FloatArray]:
    """Distinct (cluster, ballot), and how often each is there."""
    key, count = np.unique(cluster * n_ballots + ballot, return_counts=True)
    return (key // n_ballots, key % n_ballots), count.astype(np.float64)


def _pairs_of(ballot: IntArray, wanted: IntArray) -> tuple[IntArray, IntArray]:
    """For each pair of each wanted ballot its place among the wanted, and the row of the pair."""
    start = np.searchsorted(ballot, wanted, "left")
    length = np.searchsorted(ballot, wanted, "right") - start
    pair = np.repeat(start - np.cumsum(length) + length, length) + np.arange(length.sum())
    return np.repeat(np.arange(len(wanted)), length), pair


def _means_of(sums: FloatArray, met: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """(K,) means of (K, C) sums over clusters of (C,) sizes, their standard errors, degrees of freedom."""
    total = met.sum()
    means = sums.sum(axis=1) / total
    size = len(met)
    if size < 2:
        return means, np.full(len(means), np.nan), math.nan
    rest = sums - means[:, None] * met
    errors = np.sqrt((rest**2).sum(axis=1) * size / (size - 1)) / total
    return means, errors, max(effective_number(met) - 1, 1.0)


def _calibration_error(expected: FloatArray, score: FloatArray, weight: FloatArray) -> float:
    """Mean distance of the favourites' points from what was expected, over tenths of the pairs."""
    turned = expected < 0.5
    favoured, got = np.where(turned, 1 - expected, expected), np.where(turned, 1 - score, score)
    even = np.abs(expected - 0.5) < 1e-9
    got = np.where(even, 0.5, got)  # neither is the favourite
    order = np.argsort(favoured, kind="stable")
    upto = np.cumsum(weight[order]) - 0.5 * weight[order]
    place = np.minimum((upto / weight.sum() * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(place, (weight * (got - favoured))[order], BINS)
    return float(np.abs(gap).sum() / weight.sum())


def _slope(
    expected: FloatArray, score: FloatArray, weight: FloatArray, cluster: IntArray
) -> tuple[float | None, float]:
    """Slope of the points in log-odds on those expected, through even chances, and its clustered error."""
    x = np.log(expected / (1 - expected))
    told = np.abs(x) > 1e-9
    missed = np.where(x > 0, 1 - score, score)[told]  # points that the favourites did not get
    if not told.any() or not missed.any() or (missed == 1).all():
        return None, 0.0  # unknown, or without bound
    slope = 1.0
    for _ in range(100):
        p = 1 / (1 + np.exp(-slope * x))
        bend = float((weight * p * (1 - p) * x**2).sum())
        step = float((weight * (score - p) * x).sum()) / bend
        step = max(min(step, 1.0), -1.0)
        slope += step
        if abs(step) < 1e-10:
            break
    p = 1 / (1 + np.exp(-slope * x))
    bend = float((weight * p * (1 - p) * x**2).sum())
    each = np.bincount(cluster, weight * (score - p) * x)
    size = len(np.unique(cluster))
    return slope, math.sqrt(float((each**2).sum()) * size / max(size - 1, 1)) / bend
