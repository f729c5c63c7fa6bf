"""What each model does to a signal of use: means that are unbiased however models were drawn, and how sure.

A conversation whose model had a small chance stands for many that had other models, so it is weighed by one
over that chance. An augmented estimate weighs so only what a prediction from earlier conversations missed,
which leaves the mean as it is and makes it vary less. Everything is summed by user first: conversations of
one user are dependent, users are not. Votes have no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.inference.simultaneous import max_t, surely_above
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.routed.routed_use import RoutedUse
from agon.ranking.routed.use_signals import UseSignal, signal_named
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd

Estimator = Literal["aipw", "ipw"]
UseWeights = Literal["stabilised", "uniform"]
LEAST_USERS = 20  # who were answered by a model, from which it is ranked
_PRIOR = 1.0  # conversations that the mean of all counts as in the prediction of a model's
_USER_PRIOR = 8.0  # conversations of a user, as 0, beside his own in the mean of how he differs from others
_FIRST_SLOPE = 128  # conversations from which on that is believed at all


@dataclass(frozen=True, repr=False)
class ModelEffect(Readable):
    """What one model does to a signal.

    Attributes:
        model: its name.
        conversations: that it was drawn for and whose signal is known.
        users: of these.
        mean: what the signal would be on average, had it answered everybody; None where nothing tells.
        lower, upper: of the mean; those of all models hold together, at the level.
        difference: to the average of the other models, drawn at the same times.
        difference_lower, difference_upper: of that; those of all models hold together.
        rank_lower, rank_upper: the best and the worst rank that the data allow, all pairs at once; None where
            too few users are known.
    """

    model: str
    conversations: int
    users: int
    mean: float | None
    lower: float | None
    upper: float | None
    difference: float | None
    difference_lower: float | None
    difference_upper: float | None
    rank_lower: int | None
    rank_upper: int | None

    def conclusion(self) -> str:
        """Say in one sentence what it does."""
        if self.mean is None:
            return f"{self.model}: nothing is known of its {self.conversations:,} conversations."
        said = f"{self.model}: a mean of {_figure(self.mean)}"
        said += f" ({_figure(self.lower)} to {_figure(self.upper)})" if self.lower is not None else ""
        return f"{said} by {self.conversations:,} conversations of {self.users:,} users."


@dataclass(frozen=True, repr=False)
class SignalEffects(Readable):
    """The models by what they do to one signal.

    Attributes:
        signal: its name.
        meaning: what it measures.
        higher_is_better: which way is better.
        rows: the models, the better ones first, those with too few users last.
        conversations: whose signal is known, or is that of silence.
        given: share of all conversations with a value of the signal itself.
        given_lower, given_upper: the smallest and the largest such share of a model.
        users: of them.
        estimator: "aipw" or "ipw".
        weights: of the conversations, "stabilised" or "uniform".
        adaptive: whether the chances changed from draw to draw.
        level: of the intervals.
    """

    signal: str
    meaning: str
    higher_is_better: bool
    rows: tuple[ModelEffect, ...]
    conversations: int
    given: float
    given_lower: float
    given_upper: float
    users: int
    estimator: Estimator
    weights: UseWeights
    adaptive: bool
    level: float

    def conclusion(self) -> str:
        """Say in one sentence which models are better by this signal."""
        known = [row for row in self.rows if row.rank_lower is not None]
        counted = f"{self.conversations:,} conversations of {self.users:,} users"
        if len(known) < 2:
            return (
                f"{self.signal}: {counted} rank no two models; a model is ranked from {LEAST_USERS} users on."
            )
        first = [row.model for row in known if row.rank_lower == 1]
        way = "highest" if self.higher_is_better else "lowest"
        if len(first) == 1:
            row = next(one for one in known if one.model == first[0])
            return (
                f"{self.signal}: {row.model} is best of {len(known)} models at {self.level:.0%}, with a mean "
                f"of {_figure(row.mean)} ({_figure(row.lower)} to {_figure(row.upper)}), by {counted}."
            )
        if len(first) == len(known):
            return f"{self.signal}: {counted} do not tell {len(known)} models apart at {self.level:.0%}."
        return (
            f"{self.signal}: {join_names(first)} can be best ({way} mean) of {len(known)} models at "
            f"{self.level:.0%}, by {counted}."
        )

    def notes(self) -> tuple[str, ...]:
        """What is to be known about the numbers."""
        found = [
            f"{self.meaning}; {'more' if self.higher_is_better else 'less'} is better. Means are what a "
            f"model would have, had it answered every conversation ({self.estimator.upper()}, by user, "
            f"{self.weights} weights); intervals of all models hold together at {self.level:.0%}."
        ]
        if signal_named(self.signal).silence is None and self.given < 1:
            found.append(
                f"{self.given:.1%} of the conversations have this signal, from {self.given_lower:.1%} to "
                f"{self.given_upper:.1%} by model; the others are left out, so a model can also be ahead by "
                "who says nothing."
            )
        elif self.given < 1:
            silence = signal_named(self.signal).silence
            found.append(
                f"{self.given:.1%} of the conversations have this signal; silence counts as {silence:g}."
            )
        if few := [row.model for row in self.rows if row.rank_lower is None]:
            found.append(f"{join_names(few)}: fewer than {LEAST_USERS} users, not ranked.")
        return tuple(found)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each model."""
        import pandas as pd

        return pd.DataFrame(
            [{name: getattr(row, name) for name in ModelEffect.__dataclass_fields__} for row in self.rows]
        )

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON has it."""
        head = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "rows"}
        rows = [{name: getattr(row, name) for name in ModelEffect.__dataclass_fields__} for row in self.rows]
        return {**head, "conclusion": self.conclusion(), "notes": list(self.notes()), "models": rows}


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}"


def signal_effects(
    use: RoutedUse,
    signal: str,
    *,
    estimator: Estimator = "aipw",
    weights: UseWeights = "stabilised",
    level: float = 0.95,
) -> SignalEffects:
    """Estimate the mean of a signal that each model would have, had it answered every conversation.

    With e_t(k) the chance of model k at conversation t, A_t the model drawn, Y_t the signal and m_t(k) what
    the conversations before foretell, the augmented estimate is the weighted mean of
    m_t(k) + 1{A_t = k} (Y_t − m_t(k)) / e_t(k), and "ipw" the mean of Y weighed by 1{A_t = k} / e_t(k)
    (Hájek). The weights h_t ∝ (Σ_k 1 / e_t(k))^(−1/2), known before the draw, keep the variance of that sum
    steady where chances learn, so that it is normal nevertheless; they are the same for all models, so that
    none is weighed more at times when everybody is content. Where chances are fixed they are equal.
    Standard errors are of sums by user. A difference is to the average of the other models over conversations
    for which both could be drawn.

    Args:
        use: conversations in the order of their draws.
        signal: its name.
        estimator: "aipw" or "ipw".
        weights: "stabilised", or "uniform" for every conversation alike.
        level: of the intervals, which hold together for all models, and of all ranks together.

    Raises:
        OptionError: an unknown signal, estimator or weights, or a level outside 0 to 1.
        VotesError: fewer than two users, or no conversation with the signal.

    Source:
        Horvitz and Thompson (1952); Hájek (1971); Robins, Rotnitzky and Zhao (1994) for the augmented form;
        Hadad, Hirshberg, Zhan, Wager and Athey, PNAS 118 (2021), and Zhan, Hadad, Hirshberg and Athey, KDD
        (2021), for adaptive draws; Liang and Zeger (1986) for sums by cluster.
    """
    kind = signal_named(signal)
    if estimator not in ("aipw", "ipw") or weights not in ("stabilised", "uniform"):
        raise OptionError(
            f"estimator is 'aipw' or 'ipw' and weights are 'stabilised' or 'uniform', not {estimator!r} and "
            f"{weights!r}."
        )
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    value, known = _values(use, kind)
    if not known.any():
        if kind.measured:
            raise VotesError(
                f"No conversation has the signal {signal}, which is measured: a cost needs price and "
                "input_price of the models, and servers that count tokens; ask for another one."
            )
        raise VotesError(
            f"No conversation has the signal {signal}; send it to /v1/feedback, or ask for another one."
        )
    rows = np.flatnonzero(known)
    users, user = np.unique(use.user[rows], return_inverse=True)
    if len(users) < 2:
        raise VotesError(
            f"All conversations with the signal {signal} are of one user, and how users differ cannot be "
            "told; give each user a key or an id of their own."
        )
    sums = _sum_cells(use, rows, user, value[rows], estimator, weights)
    estimated = _estimate(sums, len(users), level, kind.higher_is_better)
    given = np.isfinite(use.signals.get(signal, np.full(len(use), np.nan)))
    shares = [given[use.model == k].mean() for k in range(len(use.models)) if (use.model == k).any()]
    drawn = use.model[rows]
    counts = np.bincount(drawn, minlength=len(use.models))
    pairs = np.unique(drawn * len(users) + user)
    by_users = np.bincount(pairs // len(users), minlength=len(use.models))
    found = [
        estimated.row(k, use.models[k], int(counts[k]), int(by_users[k])) for k in range(len(use.models))
    ]
    sign = -1.0 if kind.higher_is_better else 1.0
    order = sorted(
        found,
        key=lambda row: (
            row.rank_lower is None,
            row.rank_lower or 0,
            row.rank_upper or 0,
            sign * (row.mean if row.mean is not None else np.inf),
            row.model,
        ),
    )
    inside = np.unique(use.draw[rows])
    return SignalEffects(
        signal,
        kind.meaning,
        kind.higher_is_better,
        tuple(order),
        len(rows),
        float(given.mean()),
        float(min(shares)),
        float(max(shares)),
        len(users),
        estimator,
        weights,
        bool(np.ptp(use.probabilities[inside], axis=0).max() > 1e-12),
        level,
    )


def _values(use: RoutedUse, kind: UseSignal) -> tuple[FloatArray, BoolArray]:
    """(N,) the signal, and where it is known."""
    value = use.signals.get(kind.name, np.full(len(use), np.nan))
    if kind.silence is not None and np.isfinite(value).any():
        value = np.where(np.isfinite(value), value, kind.silence)
    return value, np.isfinite(value)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Weighted sums by cell: a user's conversations for which the same models could be drawn.

    `total` and `size` are (C, M): a model's mean over cells is the sum of `total` over that of `size`.
    """

    total: FloatArray
    size: FloatArray
    possible: BoolArray  # (C, M)
    user: IntArray  # (C,)
    enough: BoolArray  # (M,) whether so many users were answered by the model that it is ranked


def _sum_cells(
    use: RoutedUse,
    rows: IntArray,
    user: IntArray,
    value: FloatArray,
    estimator: Estimator,
    weights: UseWeights,
) -> _Cells:
    drawn, draw = use.model[rows], use.draw[rows]
    table = use.probabilities
    possible = table > 0
    patterns, pattern = np.unique(possible, axis=0, return_inverse=True)
    cells, cell = np.unique(user * len(patterns) + pattern.reshape(-1)[draw], return_inverse=True)
    with np.errstate(divide="ignore"):
        inverse = np.where(possible, 1.0 / table, 0.0)
    # The weights before the draw; the constant is that of models that are equally likely.
    shares = np.sqrt(possible.sum(axis=1) ** 2 / inverse.sum(axis=1))
    h = (shares if weights == "stabilised" else np.ones(len(table)))[draw]
    m = len(use.models)
    total, size = np.zeros((len(cells), m)), np.zeros((len(cells), m))
    by_user = _user_part(drawn, user, value, m) if estimator == "aipw" else None
    mean_before = _running(np.ones(len(value)), value)
    enough = np.zeros(m, dtype=bool)
    for k in range(m):
        mine = (drawn == k).astype(np.float64)
        enough[k] = len(np.unique(user[drawn == k])) >= LEAST_USERS
        odds = mine * inverse[draw, k]
        if by_user is None:
            term, count = h * odds * value, h * odds
        else:
            foretold = _running(mine, value * mine, mean_before) + by_user
            count = h * possible[draw, k]
            term = count * foretold + h * odds * (value - foretold)
        total[:, k] = np.bincount(cell, term, len(cells))
        size[:, k] = np.bincount(cell, count, len(cells))
    return _Cells(total, size, patterns[cells % len(patterns)], cells // len(patterns), enough)


def _running(count: FloatArray, value: FloatArray, prior: FloatArray | float = 0.0) -> FloatArray:
    """(N,) mean of what came before each conversation, to which `prior` is added as one value."""
    sums, counts = np.cumsum(value) - value, np.cumsum(count) - count
    return np.asarray((sums + _PRIOR * prior) / (counts + _PRIOR))


def _user_part(drawn: IntArray, user: IntArray, value: FloatArray, m: int) -> FloatArray:
    """(N,) by how much a user's earlier conversations, as far as that told so far, were above those of all.

    The mean of his earlier residuals is believed by the slope that it had on the residuals before: it is
    fitted anew whenever there are twice as many conversations.
    """
    foretold = np.zeros(len(value))
    mean_before = _running(np.ones(len(value)), value)
    for k in range(m):
        mine = drawn == k
        part = _running(mine.astype(np.float64), value * mine, mean_before)
        foretold[mine] = part[mine]
    rest = value - foretold
    order = np.argsort(user, kind="stable")
    sums = np.cumsum(rest[order]) - rest[order]
    begin = np.r_[True, user[order][1:] != user[order][:-1]]
    start = np.maximum.accumulate(np.where(begin, np.arange(len(order)), 0))
    lean = np.empty(len(order))
    lean[order] = (sums - sums[start]) / (np.arange(len(order)) - start + _USER_PRIOR)
    slope, last = np.zeros(len(rest)), _FIRST_SLOPE
    while last < len(rest):
        seen, square = lean[:last], float(lean[:last] @ lean[:last])
        slope[last:] = min(max(float(seen @ rest[:last]) / square, 0.0), 2.0) if square > 0 else 0.0
        last *= 2
    return slope * lean


@dataclass(frozen=True, eq=False)
class _Estimates:
    """Means, differences to the others and rank ranges of M models; NaN where there is none."""

    mean: FloatArray
    half: FloatArray
    difference: FloatArray
    difference_half: FloatArray
    rank_lower: IntArray
    rank_upper: IntArray

    def row(self, k: int, name: str, conversations: int, users: int) -> ModelEffect:
        def at(center: FloatArray, half: FloatArray, side: int) -> float | None:
            found = center[k] + side * half[k] if side else center[k]
            return float(found) if np.isfinite(found) else None

        ranked = self.rank_lower[k] > 0
        return ModelEffect(
            name,
            conversations,
            users,
            mean=at(self.mean, self.half, 0),
            lower=at(self.mean, self.half, -1),
            upper=at(self.mean, self.half, 1),
            difference=at(self.difference, self.difference_half, 0),
            difference_lower=at(self.difference, self.difference_half, -1),
            difference_upper=at(self.difference, self.difference_half, 1),
            rank_lower=int(self.rank_lower[k]) if ranked else None,
            rank_upper=int(self.rank_upper[k]) if ranked else None,
        )


def _estimate(cells: _Cells, users: int, level: float, higher_is_better: bool) -> _Estimates:
    m = cells.total.shape[1]
    mean, score = _mean_of(cells, np.arange(m), np.ones(len(cells.user), dtype=bool), users)
    ranked = np.flatnonzero(cells.enough & np.isfinite(mean))
    factor = users / (users - 1)
    half, difference, difference_half = (np.full(m, np.nan) for _ in range(3))
    lower, upper = np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    if not len(ranked):
        return _Estimates(mean, half, difference, difference_half, lower, upper)
    df = degrees_of_freedom(score[:, ranked])
    one = np.zeros(len(ranked), dtype=np.int64)
    covariance = factor * score[:, ranked].T @ score[:, ranked]
    reach = max_t(one, seed=0, covariance=covariance, df=df).for_scores(level)
    half[ranked] = reach * np.sqrt(np.diag(covariance))
    if len(ranked) > 1:
        gap, error, against = _compare(cells, ranked, users, factor)
        away = np.nanmean(gap, axis=1)
        others = np.isfinite(gap).sum(axis=1)
        known = np.flatnonzero(others)
        apart = against[:, known] / others[known]
        covariance = factor * apart.T @ apart
        reach = max_t(one[known], seed=0, covariance=covariance, df=df).for_scores(level)
        difference[ranked] = away
        difference_half[ranked[known]] = reach * np.sqrt(np.diag(covariance))
        above = surely_above(gap if higher_is_better else -gap, error, level, df)
    else:
        above = np.zeros((1, 1), dtype=bool)
    lower[ranked] = 1 + above.sum(axis=0)
    upper[ranked] = len(ranked) - above.sum(axis=1)
    return _Estimates(mean, half, difference, difference_half, lower, upper)


def _mean_of(cells: _Cells, models: IntArray, inside: BoolArray, users: int) -> tuple[FloatArray, FloatArray]:
    """Means of models over some cells, and (users, len(models)) by how much each user moves them."""
    total, size = cells.total[inside][:, models], cells.size[inside][:, models]
    whole = size.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total.sum(axis=0) / whole
        moved = (total - size * mean) / whole
    score = np.empty((users, len(models)))
    for k, column in enumerate(moved.T):
        score[:, k] = np.bincount(cells.user[inside], column, users)
    return mean, score


def _compare(
    cells: _Cells, ranked: IntArray, users: int, factor: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Differences of pairs of models over conversations for which both could be drawn.

    Returns:
        (M, M) differences and their standard errors, NaN where the two could never both be drawn; and
        (users, M) by how much each user moves the sum of a model's differences.
    """
    m = len(ranked)
    gap, error = np.full((m, m), np.nan), np.full((m, m), np.nan)
    against = np.zeros((users, m))
    everywhere = cells.possible[:, ranked].all()
    inside = np.ones(len(cells.user), dtype=bool)
    whole = _mean_of(cells, ranked, inside, users) if everywhere else None
    for i in range(m):
        for j in range(i + 1, m):
            if whole is None:
                inside = cells.possible[:, ranked[i]] & cells.possible[:, ranked[j]]
                if not inside.any():
                    continue
                mean, score = _mean_of(cells, ranked[[i, j]], inside, users)
            else:
                mean, score = whole[0][[i, j]], whole[1][:, [i, j]]
            apart = score[:, 0] - score[:, 1]
            if not np.isfinite(mean).all():
                continue
            gap[i, j], gap[j, i] = mean[0] - mean[1], mean[1] - mean[0]
            error[i, j] = error[j, i] = np.sqrt(factor * (apart @ apart))
            against[:, i] += apart
            against[:, j] -= apart
    return gap, error, against


def degrees_of_freedom(score: FloatArray) -> float:
    """Of standard errors by user: fewer where few users weigh much, at most the users less one.

    The variance is a sum of squares s², whose own variance is that of Σ s⁴ − (Σ s²)² / n; a χ² with so many
    degrees of freedom has the same mean and variance (Satterthwaite 1946).

    Args:
        score: (users, M) by how much each user moves each mean.

    Returns:
        The fewest of the models.
    """
    n = len(score)
    square = score**2
    total = square.sum(axis=0)
    spread = (square**2).sum(axis=0) - total**2 / n
    found = [2 * t**2 / s for t, s in zip(total.tolist(), spread.tolist(), strict=True) if s > 0 and t > 0]
    return float(max(1.0, min([n - 1.0, *found])))
