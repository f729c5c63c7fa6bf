"""Votes of people made to tell more by a judge's votes on the same and on other comparisons.

The judge is nowhere believed. What he says on comparisons that people voted on is weighed against what he
says on all: were the two alike, he adds nothing; where they differ, people happened to get comparisons that
favour a model, and its score is moved back by as much as his verdicts foretell theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import MethodError, SourceError
from agon.ranking.estimation.cluster_jackknife import jackknife_clusters
from agon.ranking.estimation.comparison_graph import connected
from agon.ranking.estimation.newton import inverse
from agon.ranking.inference.probability_calibration import SUREST, CalibrationName, cross_calibrate
from agon.ranking.inference.sandwich import two_way_sandwich
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.methods.likelihood.bradley_terry import curvature_of, place, solve
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, expit
from agon.ranking.results import Clustering, Covariance, Diagnostic, Fit, Identification
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import BothBad

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FOLDS = 5
_MANY_PROMPTS = 20  # with votes of people, from which votes and verdicts of one prompt stand together
_ROWS = 1 << 15  # clusters whose moves are held at once


@dataclass(frozen=True, repr=False)
class JudgeWorth(Readable):
    """What a judge's votes add to those of people.

    Attributes:
        votes: of people.
        on_judged: of these on comparisons that the judge judged.
        judged: votes of the judge, comparisons of which he judged both orders counting as often as he did.
        comparisons: prompts and pairs of models that he judged.
        tuning: share, 0 to 1, of his verdicts that was taken, of least variance.
        ratio: how many times as many votes of people alone would tell as much, with its bounds.
        lower, upper: of the ratio, at the level.
        limit: the ratio, were any number of comparisons judged, with its bounds.
        limit_lower, limit_upper: of the limit.
        calibration: how his probabilities were brought to what people say.
        level: of the bounds.
    """

    votes: int
    on_judged: int
    judged: int
    comparisons: int
    tuning: float
    ratio: float
    lower: float
    upper: float
    limit: float
    limit_lower: float
    limit_upper: float
    calibration: CalibrationName
    level: float

    @property
    def bought(self) -> bool:
        """Whether it is shown, at the level, that the judge's votes add something."""
        return self.lower > 1

    def per_vote(self, ratio: float | None = None) -> float:
        """How much of a person's vote one judged vote is worth; at a bound of the ratio if one is given."""
        times = self.ratio if ratio is None else ratio
        return (times - 1) * self.votes / self.judged if self.judged else 0.0

    def conclusion(self) -> str:
        """Say in one sentence what the judge's votes bought."""
        each, low, high = (self.per_vote(ratio) for ratio in (None, self.lower, self.upper))
        worth = f"one is worth {each:.3f} of a person's vote ({low:.3f} to {high:.3f} at {self.level:.0%})"
        if not self.bought:
            return (
                f"The {self.judged:,} votes of judges bought nothing that can be shown: beside the "
                f"{self.votes:,} of people {worth}."
            )
        return (
            f"With the {self.judged:,} votes of judges the {self.votes:,} of people tell what "
            f"{self.votes * self.ratio:,.0f} would: {worth}."
        )


@dataclass(frozen=True, eq=False)
class WeighedFit:
    """A fit of people's votes with a judge's, what these added, and the judge's own strengths.

    `strengths` are log-odds of the judge's verdicts by model, of all that he compared with one another.
    """

    fit: Fit
    worth: JudgeWorth
    strengths: dict[str, float]

    def note(self) -> Diagnostic:
        """What the board says of it."""
        return Diagnostic("judges", (), self.worth.conclusion())


def weigh_judges(
    votes: Comparisons,
    fit: Fit,
    judges: Comparisons,
    *,
    columns: Sequence[str] = (),
    calibration: CalibrationName = "isotonic",
    both_bad: BothBad = "half",
    prior_sd: float = 1.0,
    level: float = 0.95,
    seed: int = 0,
) -> WeighedFit:
    """Move a Bradley-Terry fit of people's votes by what a judge's votes tell, with the covariance of that.

    With m the judge's verdict on a comparison, calibrated on the votes of people on other prompts, and q what
    Bradley-Terry strengths of all his verdicts say of its two models, people's scores y − p become
    (y − p) − λ (m − q). λ is between 0 and 1 and makes the scores of the models vary least; 0 where other
    clusters say that it makes them vary more. A biased judge is in m and in q alike, and shifts nobody.

    Args:
        votes: of people, on pairs, with their prompts.
        fit: of them, by bradley_terry.
        judges: votes of a judge, or of several, with their prompts.
        columns: what votes are clustered by, as the board has decided.
        calibration: "isotonic" or "platt".
        both_bad, prior_sd: as the fit took them.
        level: of the bounds of what the votes are worth.
        seed: of the folds.

    Raises:
        MethodError: votes on more than two models.
        SourceError: votes that do not name their prompts, or no comparison that both people and judges saw.

    Source:
        A. Angelopoulos, J. Duchi and T. Zrnic, PPI++ (2023), for λ; Y.-H. Chen and H. Chen, JRSS B 62 (2000),
        for the difference of two fits of the second measurement; T. Zrnic and E. Candès, PNAS 121 (2024), for
        the folds.
    """
    data = _match(votes, fit, judges, columns, both_bad)
    seen = data.on >= 0
    verdict = cross_calibrate(
        data.forecast, _folds(data, seed), (data.on[seen], data.outcome[seen], data.weight[seen]), calibration
    )
    size = len(fit.values)
    expected, judge_bread = _judge_fit(data, verdict, size)
    own = verdict - expected[data.judged_first, data.judged_second]
    beside = np.where(seen, data.weight * own[data.on], 0.0)
    through = _through(data, expected, size) @ judge_bread
    bread = _core_bread(fit)
    unit = _Units.of(data, len(fit.values))
    judged_sums = unit.judged(own)
    favours = unit.rows(beside)
    scores = unit.rows(data.weight * (data.outcome - _chance(fit.values, data)))
    moves = [_moves(scores, favours, judged_sums, some, bread) for some in (through, None)]
    tuning, ratio, low, high = _gain(*moves[0], level)
    limit = _gain(*moves[1], level)[1:]
    worth = JudgeWorth(
        len(data.outcome),
        int(seen.sum()),
        data.judged,
        len(data.forecast),
        tuning,
        ratio,
        low,
        high,
        *limit,
        calibration,
        level,
    )
    strengths = judge_strengths(judges)
    if tuning == 0:
        return WeighedFit(fit, worth, strengths)
    favour = np.asarray(favours.sum(axis=0)).ravel()
    values, bread, placed = _moved(votes, fit, -tuning * (bread @ favour), both_bad, prior_sd)
    row = data.weight * (data.outcome - _chance(values, data)) - tuning * beside
    more = tuning * (judged_sums @ through.T)
    covariance = _covariance(data, unit, values, row, more, (bread, placed))
    moved = replace(fit, values=values, uncertainty=covariance)
    return WeighedFit(moved, worth, strengths)


@dataclass(frozen=True, eq=False)
class _Data:
    """N votes of people and J comparisons that were judged, models as in the votes of people.

    `on` (N,) is the comparison of each vote, -1 for one that was not judged; `member` (N,) the cluster by the
    column that is not the prompt, if any. Prompts have one number for both.
    """

    first: IntArray
    second: IntArray
    outcome: FloatArray
    weight: FloatArray
    prompt: IntArray
    on: IntArray
    member: IntArray | None
    judged_first: IntArray
    judged_second: IntArray
    judged_prompt: IntArray
    forecast: FloatArray
    judged: int
    by_prompt: bool


def _match(
    votes: Comparisons, fit: Fit, judges: Comparisons, columns: Sequence[str], both_bad: BothBad
) -> _Data:
    """Find the comparisons that the judge judged, and what people said on them."""
    for what, some in (("people's votes", votes), ("the judges' votes", judges)):
        if not some.ballots.pairwise:
            raise MethodError(
                f"Judges are weighed by pairs, and {what} have ballots on more than two models; "
                "leave such ballots out with where=."
            )
        if "prompt" not in some.cluster_columns and "prompt_id" not in some.cluster_columns:
            raise SourceError(
                f"There is no prompt in {what}: verdicts of judges are matched by prompt and pair of models; "
                "name the column with columns={'prompt': ...} (--column prompt=...)."
            )
    known = fit.identification
    if known is None:
        raise TypeError("judges are weighed into a Fit of bradley_terry")
    size = len(votes.models)
    battles = votes.clustered("prompt")
    first, second, outcome = _pairwise(battles.ballots, both_bad)
    row = battles.sequence
    prompt = _cluster(battles.cluster)
    other = [column for column in columns if column != "prompt"]
    member = _cluster(votes.clustered(other[0]).cluster) if other else None
    names = {name: i for i, name in enumerate(votes.clusters("prompt").names)}
    place_of = {name: i for i, name in enumerate(votes.models)}
    model = np.array([place_of.get(name, -1) for name in judges.models])
    given = judges.clusters("prompt")
    numbers = np.array([names.setdefault(name, len(names)) for name in given.names], dtype=np.int64)
    judged_first, judged_second, said = _pairwise(judges.ballots, both_bad)
    kept = (given.count > 0) & np.isfinite(said[given.ballot])
    one, two = (model[side[given.ballot]] for side in (judged_first, judged_second))
    kept &= (one >= 0) & (two >= 0)
    kept &= _together(known, one, two)
    if not kept.any():
        raise SourceError(
            "The judges' votes are on none of the pairs of models that people's votes rank; name the "
            "models alike in both."
        )
    key = (numbers[given.cluster] * size + one) * size + two
    number = given.count.astype(np.float64)
    found, at = np.unique(key[kept], return_inverse=True)
    forecast = np.bincount(at, (number * said[given.ballot])[kept]) / np.bincount(at, number[kept])
    fine = np.flatnonzero(np.isfinite(outcome[row]) & _together(known, first[row], second[row]))
    by = (row[fine], prompt[fine]) if member is None else (member[fine], row[fine], prompt[fine])
    fine = fine[np.lexsort(by)]  # sums are the same to the last digit in whatever order the votes came
    row, prompt = row[fine], prompt[fine]
    own = (prompt * size + first[row]) * size + second[row]
    on = np.minimum(np.searchsorted(found, own), len(found) - 1)
    on = np.where(found[on] == own, on, -1)
    if not (on >= 0).any():
        raise SourceError(
            "People voted on none of the comparisons (prompt and pair of models) that were judged, so that "
            "nothing says how far to trust the verdicts; judge comparisons with votes too."
        )
    prompts = np.unique(prompt[on >= 0])
    return _Data(
        first[row],
        second[row],
        outcome[row],
        battles.ballots.weight[row],
        prompt,
        on,
        None if member is None else member[fine],
        found // size % size,
        found % size,
        found // size**2,
        np.clip(forecast, 0.0, 1.0),
        int(given.count[kept].sum()),
        "prompt" in columns or len(prompts) >= _MANY_PROMPTS,
    )


def _cluster(given: IntArray | None) -> IntArray:
    if given is None:
        raise SourceError("The votes are not clustered.")
    return given


def _together(known: Identification, one: IntArray, two: IntArray) -> BoolArray:
    """Which pairs are of one component, whose scores the votes of people determine."""
    return np.asarray(known.core[one] & known.core[two] & (known.group[one] == known.group[two]))


def _pairwise(ballots: Ballots, both_bad: BothBad) -> tuple[IntArray, IntArray, FloatArray]:
    """(B,) first and second model of each ballot, and what the first got of the vote; NaN for nothing."""
    rows = ballots.pair_rows
    bad = rows.both_bad if both_bad == "half" else np.zeros_like(rows.both_bad)
    counted = rows.win + rows.loss + rows.tie + bad
    got = np.full(len(ballots.count), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        got[rows.ballot] = np.where(counted > 0, (rows.win + 0.5 * (rows.tie + bad)) / counted, np.nan)
    return ballots.shown[:, 0], ballots.shown[:, 1], got


def _folds(data: _Data, seed: int) -> IntArray:
    """(J,) folds: prompts as a whole, or comparisons where people saw fewer prompts than there are folds."""
    labelled = np.zeros(len(data.forecast), dtype=bool)
    labelled[data.on[data.on >= 0]] = True
    group = data.judged_prompt
    if len(np.unique(group[labelled])) < FOLDS:
        group = np.arange(len(data.forecast))
    fold = np.zeros(int(group.max()) + 1, dtype=np.int64)
    rng = np.random.default_rng(seed)
    with_votes = np.unique(group[labelled])
    for some in (with_votes, np.setdiff1d(np.unique(group), with_votes)):
        fold[some] = rng.permutation(len(some)) % FOLDS
    return np.asarray(fold[group])


def _judge_fit(data: _Data, verdict: FloatArray, size: int) -> tuple[FloatArray, FloatArray]:
    """(M, M) chance of the row by strengths of the calibrated verdicts, and their inverse information."""
    cell = size * size
    wins = np.zeros(cell)
    wins += np.bincount(data.judged_first * size + data.judged_second, verdict, cell)
    wins += np.bincount(data.judged_second * size + data.judged_first, 1 - verdict, cell)
    theta, bread = _strengths(wins.reshape(size, size))
    return expit(theta[:, None] - theta[None, :]), bread


def _strengths(wins: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(M,) strengths of verdicts between 0 and 1 in each connected part, and (M, M) inverse information."""
    met = wins + wins.T
    part = connected(met)
    theta, bread = np.zeros(len(wins)), np.zeros_like(wins)
    for one in range(int(part.max()) + 1):
        some = np.flatnonzero(part == one)
        if len(some) > 1:
            at = np.ix_(some, some)
            theta[some], bread[at], _, _ = solve(wins[at])
    return theta, bread


def judge_strengths(judges: Comparisons) -> dict[str, float]:
    """Log-odds of a judge's verdicts by model, of all that he compared with one another."""
    wins = judges.pairs.halves("half")
    met = wins + wins.T
    part = connected(met)
    some = np.flatnonzero(part == 0)
    inside = np.ix_(some, some)
    share = np.divide(wins, met, out=np.full_like(met, 0.5), where=met > 0)
    theta, _ = _strengths((met * np.clip(share, SUREST, 1 - SUREST))[inside])
    return {judges.models[i]: float(value) for i, value in zip(some.tolist(), theta, strict=True)}


def _through(data: _Data, expected: FloatArray, size: int) -> FloatArray:
    """(M, M) how the judge's strengths reach what he says on the comparisons that people voted on."""
    seen = data.on >= 0
    one, two = data.first[seen], data.second[seen]
    weight = data.weight[seen] * expected[one, two] * expected[two, one]
    cell = np.bincount(one * size + two, weight, size * size).reshape(size, size)
    cell = cell + cell.T
    return np.asarray(np.diag(cell.sum(axis=1)) - cell)


def _chance(values: FloatArray, data: _Data) -> FloatArray:
    """(N,) chance of the first model of each vote."""
    return expit(values[data.first] - values[data.second])


def _core_bread(fit: Fit) -> FloatArray:
    """(M, M) inverse information of the models whose scores votes determine."""
    if fit.equation is None or fit.identification is None:
        raise TypeError("judges are weighed into a Fit of bradley_terry")
    core = fit.identification.core
    return np.where(core[:, None] & core[None, :], fit.equation.bread, 0.0)


@dataclass(frozen=True, eq=False)
class _Units:
    """Votes and verdicts that belong together: of one prompt, or of one comparison; U of them.

    `row` (N,) is that of each vote, `comparison` (J,) that of each comparison judged.
    """

    data: _Data
    row: IntArray
    comparison: IntArray
    number: int
    models: int

    @classmethod
    def of(cls, data: _Data, models: int) -> _Units:
        """Group by prompt where there are enough, else by prompt and pair."""
        row, comparison = data.prompt, data.judged_prompt
        if not data.by_prompt:
            row = (row * models + data.first) * models + data.second
            comparison = (comparison * models + data.judged_first) * models + data.judged_second
        known, number = np.unique(np.concatenate([row, comparison]), return_inverse=True)
        return cls(data, number[: len(row)], number[len(row) :], len(known), models)

    def rows(self, values: FloatArray) -> csr_array[Any]:
        """(U, M) sums of (N,) values toward the first model of each vote, and away from the second."""
        return _sums(self.row, self.data.first, self.data.second, values, (self.number, self.models))

    def judged(self, values: FloatArray) -> csr_array[Any]:
        """(U, M) the same of (J,) values of comparisons."""
        data = self.data
        shape = (self.number, self.models)
        return _sums(self.comparison, data.judged_first, data.judged_second, values, shape)


def _sums(
    group: IntArray, first: IntArray, second: IntArray, values: FloatArray, shape: tuple[int, int]
) -> csr_array[Any]:
    from scipy.sparse import csr_array

    at = (np.tile(group, 2), np.concatenate([first, second]))
    return csr_array((np.concatenate([values, -values]), at), shape=shape)


def _moves(
    scores: csr_array[Any],
    favours: csr_array[Any],
    judged: csr_array[Any],
    through: FloatArray | None,
    bread: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(U,) of how far each unit moves the models by people's votes, by the judge's, and both at once.

    Squares and products summed over models. `through` None is for judged comparisons without end, of which no
    one counts.
    """
    people, judge, both = (np.empty(scores.shape[0]) for _ in range(3))
    for begin in range(0, scores.shape[0], _ROWS):
        some = slice(begin, begin + _ROWS)
        ours, his = scores[some] @ bread, favours[some] @ bread
        if through is not None:
            his = his - judged[some] @ (through.T @ bread)
        people[some], judge[some], both[some] = (ours**2).sum(1), (his**2).sum(1), (ours * his).sum(1)
    return people, judge, both


def _gain(
    people: FloatArray, judge: FloatArray, both: FloatArray, level: float
) -> tuple[float, float, float, float]:
    """The share of the judge to take, how many times people's votes count with it, and bounds of that.

    The share for a unit is that of the others, so that a useless judge makes the number less than 1; the
    bounds are of the delete-one jackknife of its logarithm.
    """
    used = (people > 0) | (judge > 0)
    people, judge, both = people[used], judge[used], both[used]
    number = len(people)
    if number < 2 or judge.sum() <= 1e-12 * people.sum():
        return 0.0, 1.0, 1.0, 1.0

    def share(product: FloatArray, square: FloatArray) -> FloatArray:
        return np.clip(np.divide(product, square, out=np.zeros_like(product), where=square > 0), 0.0, 1.0)

    less = [total.sum() - total for total in (people, judge, both)]
    others = share(less[2], less[1])
    left = float((people - 2 * others * both + others**2 * judge).sum())
    ratio = float(people.sum()) / left
    without = np.log(less[0] / (less[0] - 2 * others * less[2] + others**2 * less[1]))
    error = math.sqrt((number - 1) / number * float(((without - without.mean()) ** 2).sum()))
    half = quantile(level, number - 1.0) * error
    tuning = float(share(both.sum(keepdims=True), judge.sum(keepdims=True))[0]) if ratio > 1 else 0.0
    return tuning, ratio, ratio * math.exp(-half), ratio * math.exp(half)


def _moved(
    votes: Comparisons, fit: Fit, change: FloatArray, both_bad: BothBad, prior_sd: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(M,) scores after a change, the bread there, and the covariance of models that a prior places."""
    known = fit.identification
    if known is None:
        raise TypeError("judges are weighed into a Fit of bradley_terry")
    wins = votes.pairs.halves(both_bad)
    values = fit.values + change
    bread, placed = np.zeros(wins.shape), np.zeros(wins.shape)
    for group in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == group))
        outside = np.flatnonzero(~known.core & (known.group == group))
        if len(core):
            at = np.ix_(core, core)
            _, hessian = curvature_of(values[core], wins[at], (wins + wins.T)[at])
            bread[at] = inverse(hessian, len(core))
        if len(outside):
            place(wins, values, core, outside, prior_sd, bread, placed)
    return values, bread, placed


def _covariance(
    data: _Data,
    unit: _Units,
    values: FloatArray,
    row: FloatArray,
    more: FloatArray,
    known: tuple[FloatArray, FloatArray],
) -> Covariance:
    """(M, M) covariance of the scores: by units with the judge's votes, and by the other column.

    Args:
        data, unit: votes and verdicts.
        values: (M,) scores.
        row: (N,) score of each vote toward its first model, less what the judge says there.
        more: (U, M) what the judge's strengths add to each unit.
        known: bread, and covariance of models that a prior places, (M, M) each.
    """
    from scipy.sparse import csr_array

    bread, placed = known
    n, size = len(row), len(values)
    chance = _chance(values, data)
    root = np.sqrt(data.weight * chance * (1 - chance))
    each = np.arange(n)
    roots = _sums(each, data.first, data.second, root, (n, size))
    single = _sums(each, data.first, data.second, row, (n, size))
    free: BoolArray = np.asarray(np.diag(placed) == 0)
    inner = np.where(free[:, None] & free[None, :], bread, 0.0)

    def of(meat: FloatArray) -> FloatArray:
        found = bread @ meat @ bread.T + placed
        return np.asarray(0.5 * (found + found.T))

    both = Covariance(of((single.T @ single).toarray()))

    def clustered(scores: csr_array[Any], cluster: IntArray) -> Covariance:
        found = jackknife_clusters(scores, roots, cluster, inner, bread)
        matrix = of(found.meat)
        effect = float(np.trace(matrix) / np.trace(both.matrix))
        number = len(np.unique(cluster))
        return Covariance(matrix, Clustering(number, found.effective, effect, found.df), found.alone)

    sums = csr_array(unit.rows(row) + csr_array(more))
    first = clustered(sums, unit.row)
    if data.member is None:
        return first
    number = int(data.member.max()) + 1
    second = clustered(_sums(data.member, data.first, data.second, row, (number, size)), data.member)
    return two_way_sandwich(first, second, both, size)
