"""One row of a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Literal

import numpy as np

from agon.ranking.inference.conformal import ConformalLine
from agon.ranking.inference.intervals import Uncertainty, first, posterior_ranks
from agon.ranking.inference.prediction_powered import WeighedFit
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.results import Diagnostic
from agon.ranking.text import Readable

Status = Literal["ranked", "provisional", "unplaced", "predicted", "component"]
_Ranks = tuple[int | None, int | None, int | None]
LEAST_TO_PREDICT = 3  # ranked models through which a line says what it misses others by
COLUMNS = (
    "rank",
    "model",
    "score",
    "lower",
    "upper",
    "rank_lower",
    "rank_upper",
    "votes",
    "status",
    "p_first",
)


@dataclass(frozen=True, repr=False)
class Row(Readable):
    """One model on a board; None where there is no number.

    Attributes:
        rank: 1 + the number of models that stand above; None unless `status` is "ranked".
        model: its name.
        score: on the board's scale; None for a model on another board, or under a rule that gives none.
        lower, upper: bounds of the score at the board's level; None on an open side.
        rank_lower, rank_upper: best and worst rank compatible with the data at the board's level.
        votes: ballots in which the model was shown, unweighted.
        status: "ranked", "provisional" (too few votes), "unplaced" (the rule gives it no place: it elects
            others, or nobody), "predicted" (nobody voted on it: score and interval are foretold from verdicts
            of judges), or "component" (no votes compare it with the models ranked here).
        p_first: probability that it is truly the first of the ranked models; None without an interval.
    """

    rank: int | None
    model: str
    score: float | None
    lower: float | None
    upper: float | None
    rank_lower: int | None
    rank_upper: int | None
    votes: int
    status: Status
    p_first: float | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        score = "no score" if self.score is None else f"{self.score:.6g}"
        if self.lower is not None or self.upper is not None:
            low, high = ("…" if bound is None else f"{bound:.6g}" for bound in (self.lower, self.upper))
            score += f" ({low} to {high})"
        return f"{rank_text(self)} {self.model}: {score}, {self.votes:,} votes, {self.status}"


def rank_text(row: Row) -> str:
    """The rank of a row as text: its range if there is one, a dash if it has no rank."""
    if row.rank is None:
        return "–"
    if row.rank_lower is None or row.rank_lower == row.rank_upper:
        return str(row.rank)
    return f"{row.rank_lower}–{row.rank_upper}"


def plain(text: str) -> str:
    """A text from the votes as it may stand in a terminal: control and direction characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def score_range(rows: Sequence[Row]) -> tuple[float, float] | None:
    """The lowest and highest number a drawing spans: intervals of ranked models, and every score; or None.

    Models with few votes have intervals so wide that nothing else could be told apart beside them.
    """
    ranked = [row for row in rows if row.status == "ranked"] or rows
    numbers = [n for row in ranked for n in (row.lower, row.upper) if n is not None]
    numbers += [row.score for row in rows if row.score is not None]
    return (min(numbers), max(numbers)) if numbers else None


def rows(
    models: Sequence[str],
    board: int,
    eligibility: Eligibility,
    standing: BoolArray,
    values: FloatArray,
    shown: FloatArray,
    votes: IntArray,
    unsure: Uncertainty,
    *,
    has_intervals: bool,
    posterior: float | None = None,
    seed: int = 0,
) -> tuple[Row, ...]:
    """Write the rows of one board, best first.

    On board 0 the models of the others follow without a number, because nothing compares them with it.

    Args:
        models: M names.
        board: number of the board.
        eligibility: who may be ranked.
        standing: (M, M) True where the row's model has a better rank than the column's.
        values: (M,) scores, which order models that share a rank.
        shown: (M,) what the score column shows; NaN for nothing.
        votes: (M,) ballots in which each was shown.
        unsure: bounds and the order that is certain.
        has_intervals: False for a board without intervals.
        posterior: level of rank ranges by empirical Bayes; None for those of the order that is certain.
        seed: of the draws behind the probability of being first and these ranges.
    """
    inside = eligibility.board == board
    shown = np.where(eligibility.compared, shown, np.nan)
    ranked = np.flatnonzero(inside & eligibility.ranked)
    at = np.ix_(ranked, ranked)
    rank = np.zeros(len(models), dtype=np.int64)
    rank[ranked] = 1 + standing[at].sum(axis=0)
    names = np.asarray(models, dtype=object)[ranked].astype(str)
    size = np.nan_to_num(values[ranked], posinf=np.inf, neginf=-np.inf)
    largest = float(np.abs(size[np.isfinite(size)]).max(initial=0.0))
    size = np.round(size / max(largest, 1e-300), 9)  # rounding orders nobody
    ranked = ranked[np.lexsort((names, -size, rank[ranked]))]
    above = unsure.above[np.ix_(ranked, ranked)]
    centre = values if unsure.centre is None else unsure.centre
    chance = first(centre, unsure, ranked, seed)
    best, worst = 1 + above.sum(axis=0), len(ranked) - above.sum(axis=1)
    if posterior is not None:
        best, worst = posterior_ranks(centre, unsure, ranked, posterior, seed)
        best, worst = np.minimum(best, rank[ranked]), np.maximum(worst, rank[ranked])

    def row(i: int, status: Status, ranks: _Ranks = (None, None, None)) -> Row:
        score = _number(shown[i])
        lower, upper = (_number(b[i]) if score is not None else None for b in (unsure.lower, unsure.upper))
        p_first = _number(chance[i]) if status == "ranked" else None
        place, low, high = ranks
        return Row(place, models[i], score, lower, upper, low, high, int(votes[i]), status, p_first)

    made = [
        row(i, "ranked", (int(rank[i]), *((low, high) if has_intervals else (None, None))))
        for i, low, high in zip(ranked.tolist(), best.tolist(), worst.tolist(), strict=True)
    ]
    waiting = np.flatnonzero(inside & ~eligibility.ranked).tolist()
    waiting.sort(key=lambda i: (-np.nan_to_num(values[i], nan=-np.inf), models[i]))
    nowhere = eligibility.compared & np.isnan(values)
    made += [row(i, "unplaced" if nowhere[i] else "provisional") for i in waiting]
    if board == 0:
        apart = sorted(np.flatnonzero(~inside).tolist(), key=lambda i: (eligibility.board[i], models[i]))
        made += [
            Row(None, models[i], None, None, None, None, None, int(votes[i]), "component") for i in apart
        ]
    return tuple(made)


def waiting_rows(
    models: Sequence[str], found: Mapping[str, tuple[float, float, float]], votes: Mapping[str, int]
) -> tuple[Row, ...]:
    """Write the rows of models with too few votes to be ranked, highest score first.

    Args:
        models: their names.
        found: score and bounds of those that have some.
        votes: ballots in which each was shown.
    """
    made = []
    for name in models:
        score, lower, upper = map(_number, found.get(name, (nan, nan, nan)))
        made.append(Row(None, name, score, lower, upper, None, None, votes[name], "provisional"))
    return tuple(sorted(made, key=lambda row: (inf if row.score is None else -row.score, row.model)))


def predict_rows(
    weighed: WeighedFit, voted: Sequence[str], lines: Sequence[Row], level: float
) -> tuple[tuple[Row, ...], tuple[Diagnostic, ...]]:
    """Write the rows of models that judges judged and nobody voted on, highest score first, and what to say.

    The scores of ranked models are fitted by the log-odds of the judges' verdicts on them, and the intervals
    are those of the jackknife+: what the fit to the others misses each of them by.

    Args:
        weighed: people's votes with the judges', and the judges' strengths.
        voted: the models that people voted on.
        lines: the rows of these.
        level: of the intervals.
    """
    strengths, known = weighed.strengths, set(voted)
    names = sorted(name for name in strengths if name not in known)
    points = [
        (strengths[row.model], row.score)
        for row in lines
        if row.status == "ranked" and row.score is not None and row.model in strengths
    ]
    if not names:
        return (), ()
    if len(points) < LEAST_TO_PREDICT:
        message = (
            "{models} were judged and have no vote of a person; their scores are not predicted, which takes "
            f"{LEAST_TO_PREDICT} ranked models that were judged too."
        )
        return (), (Diagnostic.of("not_predicted", names, message),)
    table = np.array(points, dtype=np.float64)
    line = ConformalLine.fit(table[:, :1], table[:, 1])
    found = line.predict(np.array([[strengths[name]] for name in names]), level)
    made = [
        Row(None, name, _number(score), _number(low), _number(high), None, None, 0, "predicted")
        for name, score, low, high in zip(names, *(part.tolist() for part in found), strict=True)
    ]
    message = (
        "Nobody voted on {models}: predicted from the verdicts of judges, by a line through "
        f"{len(points)} ranked models, each of which the line through the others misses by "
        f"{line.error:.3g} on average."
    )
    if not np.isfinite(found[1]).all():
        needed = round(level / (1 - level))
        message += f" An interval at {level:.0%} takes {needed} such models, and is open."
    rows_made = tuple(sorted(made, key=lambda row: (inf if row.score is None else -row.score, row.model)))
    return rows_made, (Diagnostic.of("predicted", names, message),)


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
