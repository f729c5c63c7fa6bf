"""Rules that eliminate: instant run-off, Baldwin, Nanson, Coombs, threshold, two rounds.

The tiers of their `Choice` are the rounds read backwards: who is eliminated last is above who is
eliminated before. Models equal in the round's score go together, so no rule here draws lots. `ties` and
`missing` are those of the positional rules; a gap under missing="worst" is a place below all shown.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ranking.ballots import Ballots, FloatArray
from ranking.counts import PairCounts
from ranking.ordinal import ABSENT, LAST, Ordinal, Ties, ordinal, positional, steady
from ranking.registry import method
from ranking.results import Choice, Diagnostic
from ranking.rounds import FirstPlaces, LastPlaces, run

Gaps = Literal["refuse", "worst", "drop_task"]
Mask = NDArray[np.bool_]
Tiers = tuple[tuple[int, ...], ...]


@method("instant_runoff", source="Hare; Ware (1871); ties: Delemazure and Peters (2024)")
def instant_runoff(ballots: Ballots, *, ties: Ties = "share", missing: Gaps = "refuse") -> Choice:
    """Eliminate the model with the fewest first places, again and again.

    A ballot counts for the best of its models still in the race; when none of those it ranks is left it
    counts for nobody. All models with the fewest first places go together.

    Args:
        ties: among the best of a ballot: "share" splits it (split instant run-off), "best" counts it
            whole for each (approval instant run-off), "worst" and "published" for none.
        missing: see the module.

    Axioms: majority, pareto.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        T. Delemazure and D. Peters, Generalizing Instant Runoff Voting to Allow for Indifferences (2024).
    """
    cast = ordinal(ballots, "instant_runoff", missing)
    return Choice(run(FirstPlaces(cast, ties), cast.total))


@method("coombs", source="Coombs (1964)")
def coombs(
    ballots: Ballots, *, majority_stops: bool = False, ties: Ties = "share", missing: Gaps = "refuse"
) -> Choice:
    """Eliminate the model with the most last places, again and again.

    Args:
        majority_stops: end as soon as one model is first on more than half of the ballots; the others
            still in the race then share the second tier.
        ties: among the last of a ballot: "share" splits its last place, "worst" and "published" count it
            whole for each of them, "best" for none unless nobody else is left.
        missing: see the module.

    Axioms: pareto.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        C. Coombs, A Theory of Data (1964); B. Grofman and S. Feld, Electoral Studies 23 (2004) on the
        two ways to stop.
    """
    cast = ordinal(ballots, "coombs", missing)
    race, first = LastPlaces(cast, ties), FirstPlaces(cast, "share")

    def stop() -> Mask:
        out = np.flatnonzero(first.left & ~race.left)
        if len(out):
            first.drop(out)
        return np.asarray(first.score() > 0.5 * cast.total)

    return Choice(run(race, cast.total, stop if majority_stops else None))


@method("baldwin", source="Baldwin (1926); Vote'n'Rank (Rofin et al. 2023)")
def baldwin(
    ballots: Ballots,
    *,
    ties: Ties = "share",
    missing: Literal["refuse", "worst", "drop_task", "partial_borda"] = "refuse",
) -> Choice:
    """Eliminate the model with the lowest Borda score among those left, again and again.

    Args:
        ties: as for `borda`; published: a tie gives neither side a point.
        missing: see the module; "partial_borda" as for `borda`.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        J. Baldwin, Proceedings of the Royal Society of Victoria 39 (1926).
    """
    return Choice(_borda_rounds(ballots, "baldwin", ties, missing, lambda score: score == score.min()))


@method("nanson", source="Nanson (1882)")
def nanson(
    ballots: Ballots,
    *,
    drop: Literal["below", "at_or_below"] = "below",
    ties: Ties = "share",
    missing: Literal["refuse", "worst", "drop_task", "partial_borda"] = "refuse",
) -> Choice:
    """Eliminate all models whose Borda score is below the mean of those left, again and again.

    Args:
        drop: "at_or_below" eliminates those exactly at the mean too, unless all are (Niou 1987).
        ties: as for `borda`.
        missing: see the module; "partial_borda" as for `borda`.

    Axioms: majority, condorcet, condorcet_loser, smith, pareto.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        E. Nanson, Transactions of the Royal Society of Victoria 19 (1882).
    """

    def low(score: FloatArray) -> Mask:
        gap = steady(score - score.mean(), max(float(np.abs(score).max()), 1e-300))
        return np.asarray(gap < 0 if drop == "below" else gap <= 0)

    return Choice(_borda_rounds(ballots, "nanson", ties, missing, low))


@method("threshold", source="Aleskerov, Chistyakov and Kalyagin (2010); Vote'n'Rank (Rofin et al. 2023)")
def threshold(ballots: Ballots, *, ties: Ties = "published", missing: Gaps = "refuse") -> Choice:
    """The fewest last places win; among equals the fewest places before last, and so on up to the second.

    Args:
        ties: which place a tie takes: "worst" and "published" the worst it covers, "best" the best,
            "share" a part of each.
        missing: see the module.

    Axioms: monotonicity, reinforcement.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        F. Aleskerov, V. Chistyakov and V. Kalyagin, The threshold aggregation, Economics Letters 107 (2010).
    """
    return Choice(fewest_last(low_places(ordinal(ballots, "threshold", missing), ties)))


@method("two_round", source="plurality with run-off; certificate: Rezaei et al. (2023)")
def two_round(ballots: Ballots, *, ties: Ties = "share", missing: Gaps = "refuse") -> Choice:
    """The two models with the most first places meet; the majority between them decides.

    Where equal scores leave open which two meet, every such pair does, and whoever wins one is a winner.
    The note "certificate" says how many voters may change their ballots at will without a change of the
    winner (no more is claimed than is proven: the true number may be higher).

    Args:
        ties: as for `plurality`.
        missing: see the module.

    Axioms: majority, condorcet_loser, pareto.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        K. Rezaei, K. Banihashem, A. Chegini and S. Feizi, Run-off election: improved provable defense
        against data poisoning attacks, ICML 2023, for the certificate of two rounds.
    """
    first, margin = rounds_of_two(ballots, ties, missing)
    tiers = run_off(first, margin)
    notes: tuple[Diagnostic, ...] = ()
    if len(tiers[0]) == 1 < len(first):
        winner = tiers[0][0]
        heaviest = float(ballots.weight[ballots.count > 0].max())
        safe = _certificate(winner, first / heaviest, margin / heaviest, 4 if ties == "best" else 3)
        name = ballots.models[winner]
        message = f"{name} stays the only winner however any {safe} voters change their ballots."
        notes = (Diagnostic("certificate", (name,), message),)
    return Choice(tiers, notes=notes)


def rounds_of_two(ballots: Ballots, ties: Ties, missing: Gaps) -> tuple[FloatArray, FloatArray]:
    """(M,) first places and (M, M) margins; with one more axis in front for resamples."""
    cast = ordinal(ballots, "two_round", missing)
    given = positional(ballots, "two_round", _first_place, "worst" if ties == "published" else ties, missing)
    wins = complete_pairs(ballots, cast, missing)[0]
    return steady(given, cast.total), steady(wins - np.swapaxes(wins, -1, -2), cast.total[..., None])


def run_off(first: FloatArray, margin: FloatArray) -> Tiers:
    """Tiers of two rounds: who wins a run-off that may happen, who loses it, the others by first places."""
    levels = np.unique(first)[::-1]
    level = [tuple(np.flatnonzero(first == value).tolist()) for value in levels]
    if len(first) == 1:
        return tuple(level)
    top, second = level[0], level[0] if len(level[0]) > 1 else level[1]
    winners = {
        winner
        for a in top
        for b in second
        if a != b
        for winner in ((a, b) if margin[a, b] == 0 else (a,) if margin[a, b] > 0 else (b,))
    }
    tiers = [tuple(sorted(winners)), tuple(sorted({*top, *second} - winners))]
    tiers += [tuple(sorted(set(part) - {*top, *second})) for part in level]
    return tuple(tier for tier in tiers if tier)


def _first_place(n: int) -> FloatArray:
    """(n,) a point for the first place alone."""
    return np.eye(1, n).ravel()


def _certificate(winner: int, first: FloatArray, margin: FloatArray, both: int) -> int:
    """How many voters can change nothing, in units of the heaviest ballot.

    One changed ballot moves the difference of two first-place scores by at most 2, and the differences of
    one score to two others by at most `both` together; it moves a margin by at most 2. To unseat the winner,
    two others must reach its first-place score, or one must reach the second place and the winner's votes.
    """
    others = np.delete(np.arange(len(first)), winner)
    gap = np.sort(np.maximum(first[winner] - first[others], 0.0))
    needed = [math.inf]
    if len(gap) > 1:
        needed.append(max(_at_least(gap[1] / 2), _at_least((gap[0] + gap[1]) / both)))
    ahead = first[others].max() - first[others]
    needed += [_at_least(worst / 2) for worst in np.maximum(margin[winner, others], ahead).tolist()]
    return max(0, int(min(needed)) - 1)


def _at_least(number: float) -> int:
    """The least whole number of voters not below a bound, forgiving rounding."""
    return max(0, math.ceil(number - 1e-9))


def _borda_rounds(
    ballots: Ballots, rule: str, ties: Ties, missing: str, low: Callable[[FloatArray], Mask]
) -> Tiers:
    """Eliminate by Borda among the models left; the scores are row sums of pair credits, kept up to date."""
    credit, total = borda_credit(ballots, rule, ties, missing)
    left = np.arange(len(credit))
    score = credit.sum(axis=1)
    out: list[tuple[int, ...]] = []
    while len(left):
        gone = low(steady(score[left], total * len(credit)))
        if not gone.any() or gone.all():
            out.append(tuple(left.tolist()))
            break
        out.append(tuple(left[gone].tolist()))
        score -= credit[:, left[gone]].sum(axis=1)
        left = left[~gone]
    return tuple(reversed(out))


def borda_credit(ballots: Ballots, rule: str, ties: Ties, missing: str) -> tuple[FloatArray, FloatArray]:
    """(M, M) Borda points of the row against the column, and the weight of all; (R, ...) for resamples."""
    cast = ordinal(ballots, rule, missing)
    wins, tied = complete_pairs(ballots, cast, missing)
    credit = wins + {"share": 0.5, "best": 1.0}.get(ties, 0.0) * tied
    if missing == "partial_borda":
        credit += 0.5 * (cast.total[..., None] - wins - np.swapaxes(wins, -1, -2) - tied)
    _clear_diagonal(credit)
    return credit, cast.total


def complete_pairs(ballots: Ballots, cast: Ordinal, missing: str) -> tuple[FloatArray, FloatArray]:
    """(M, M) weight that puts row above column, and weight that ties them, once gaps are treated.

    Models shown but not ranked are tied with each other here; "worst" puts all shown above all absent
    and ties these; under "partial_borda" pairs that a ballot cannot compare are in neither matrix.
    One more axis in front for resamples.
    """
    pairs = PairCounts.from_ballots(_cast_only(ballots, missing))
    tied = pairs.ties + pairs.both_bad
    unranked = cast.only(np.flatnonzero((cast.level == LAST).sum(axis=1) > 1))
    if len(unranked.size):
        row, column = np.nonzero(unranked.level == LAST)
        last = np.zeros((len(unranked.size), len(cast.models)))
        last[row, unranked.seats[row, column]] = 1.0
        more = [(last * weight[:, None]).T @ last for weight in np.atleast_2d(unranked.weight)]
        tied = tied + np.reshape(more, tied.shape)
        _clear_diagonal(tied)
    if missing == "partial_borda" or not (cast.size < len(cast.models)).any():
        return pairs.wins, tied
    shown = cast.sums(np.ones(cast.level.shape))
    beside = pairs.wins + np.swapaxes(pairs.wins, -1, -2) + tied
    alone = shown[..., None] - beside  # the row is shown, the column is not
    _clear_diagonal(alone)
    wins = pairs.wins + alone
    return wins, cast.total[..., None] - wins - np.swapaxes(wins, -1, -2)


def _clear_diagonal(table: FloatArray) -> None:
    """Set what models have against themselves to 0."""
    each = np.arange(table.shape[-1])
    table[..., each, each] = 0.0


def _cast_only(ballots: Ballots, missing: str) -> Ballots:
    """The ballots that count: all, or with "drop_task" those that show every model."""
    if missing != "drop_task":
        return ballots
    full = (ballots.shown >= 0).sum(axis=1) == len(ballots.models)
    return ballots.with_count(np.where(full, ballots.count, 0))


def fewest_last(table: FloatArray) -> Tiers:
    """Tiers of rows (M, n) compared number by number, the smallest first."""
    order = np.lexsort(table[:, ::-1].T) if table.shape[1] else np.arange(len(table))
    change = np.append(True, (table[order[1:]] != table[order[:-1]]).any(axis=1))
    begins = [*np.flatnonzero(change).tolist(), len(table)]
    return tuple(tuple(sorted(order[a:b].tolist())) for a, b in itertools.pairwise(begins))


def low_places(cast: Ordinal, ties: Ties) -> FloatArray:
    """(M, M - 1) weight of the ballots that put a model last, second to last and so on, up to second.

    The absent share the last places. One more axis in front for resamples.
    """
    n = len(cast.models)
    row, column = np.nonzero(cast.level != ABSENT)
    seat, part = cast.seats[row, column], np.ones(len(row))
    best, worst = cast.best[row, column], cast.worst[row, column]
    if ties == "share":
        part = part / (worst - best + 1)
    else:
        best = worst = best if ties == "best" else worst
    cells = np.concatenate([seat * (n + 1) + best - 1, seat * (n + 1) + worst])
    steps = cast.tally(cells, np.tile(row, 2), np.concatenate([part, -part]), n * (n + 1))
    table: FloatArray = np.cumsum(steps.reshape(*steps.shape[:-1], n, n + 1), axis=-1)[..., :n]
    for size in np.unique(cast.size[cast.size < n]).tolist():
        short = cast.only(np.flatnonzero(cast.size == size))
        absent = short.total - short.sums(np.ones(short.level.shape))
        if ties == "share":
            table[..., size:] += absent[..., None] / (n - size)
        else:
            table[..., size if ties == "best" else n - 1] += absent
    return steady(table, cast.total[..., None])[..., :0:-1]
