"""Rules on many resampled votes at once, faster than one call each: (R, M) values of R resamples.

Positional points are sums over ballots, so one matrix product gives those of all resamples. Eliminations
on ballots of two models run side by side (side_by_side.py). Ranked pairs looks only at the majorities that
lie on a cycle of majorities no weaker. An equilibrium draws from the Smith set alone: a mixture outside
it loses to the set's own equilibrium. Each function gives what the rule itself gives; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ranking import elimination, positional
from ranking.ballots import Ballots, FloatArray, IntArray
from ranking.counts import BothBad, PairCounts
from ranking.lottery import SEEN, equilibrium, maximal_lottery, nash_averaging
from ranking.majority import margins, ranked_pairs, widest_paths
from ranking.ordinal import Ordinal, Ties, ordinal, steady
from ranking.results import Choice, Scores, as_values
from ranking.rounds import FirstPlaces, LastPlaces, Seating, first_seating, run
from ranking.side_by_side import BordaRaces, FirstRaces, LastRaces, Masks, side_by_side

Found = tuple[FloatArray, FloatArray | None]  # values and, if the rule elects by lot, lotteries
Together = Callable[..., Found]


def gathered(results: Iterable[Scores | Choice], n_models: int) -> Found:
    """(R, M) values of what a rule returned for each resample, and (R, M) its lotteries if it has any."""
    known = list(results)
    lots = [one.lottery for one in known if isinstance(one, Choice) and one.lottery is not None]
    return np.stack([as_values(one, n_models) for one in known]), np.stack(lots) if lots else None


def _points(rule: Callable[..., Any]) -> Together:
    """A positional rule gives the scores of all resamples when its ballots hold all their counts."""
    return lambda ballots, **options: (rule(ballots, **options).values, None)


def _each(rule: Callable[..., Scores | Choice]) -> Together:
    """Call a rule, or a function like one, for each of the resampled pair counts."""

    def together(pairs: PairCounts, **options: Any) -> Found:
        return gathered((rule(one, **options) for one in apart(pairs)), len(pairs.models))

    return together


def apart(pairs: PairCounts) -> Iterator[PairCounts]:
    """The counts of each resample."""
    for tables in zip(pairs.wins, pairs.ties, pairs.both_bad, pairs.votes, strict=True):
        yield PairCounts(pairs.models, *tables)


def _separate(cast: Ordinal) -> Iterator[Ordinal]:
    """The ballots of each resample."""
    for weight in cast.weight:
        yield replace(cast, weight=weight)


def _instant_runoff(ballots: Ballots, *, ties: Ties = "share", missing: elimination.Gaps = "refuse") -> Found:
    cast = ordinal(ballots, "instant_runoff", missing)
    if cast.level.shape[1] == 2:
        return side_by_side(FirstRaces(cast, ties), len(cast.models), cast.total), None
    seating = first_seating(cast)
    each = (Choice(run(FirstPlaces(one, ties, seating), one.total)) for one in _separate(cast))
    return gathered(each, len(cast.models))


def _coombs(
    ballots: Ballots,
    *,
    majority_stops: bool = False,
    ties: Ties = "share",
    missing: elimination.Gaps = "refuse",
) -> Found:
    cast = ordinal(ballots, "coombs", missing)
    if majority_stops:
        draws = (ballots.with_count(count) for count in ballots.count)
        results = (elimination.coombs(one, majority_stops=True, ties=ties, missing=missing) for one in draws)
        return gathered(results, len(cast.models))
    if cast.level.shape[1] == 2:
        return side_by_side(LastRaces(cast, ties), len(cast.models), cast.total), None
    seating = Seating(cast, cast.level)
    each = (Choice(run(LastPlaces(one, ties, seating), one.total)) for one in _separate(cast))
    return gathered(each, len(cast.models))


def _baldwin(ballots: Ballots, *, ties: Ties = "share", missing: str = "refuse") -> Found:
    credit, total = elimination.borda_credit(ballots, "baldwin", ties, missing)
    n_models = len(ballots.models)
    return side_by_side(BordaRaces(credit), n_models, total * n_models), None


def _nanson(
    ballots: Ballots,
    *,
    drop: Literal["below", "at_or_below"] = "below",
    ties: Ties = "share",
    missing: str = "refuse",
) -> Found:
    credit, total = elimination.borda_credit(ballots, "nanson", ties, missing)

    def low(score: FloatArray, left: Masks) -> Masks:
        known = np.where(left, score, 0.0)
        gap = score - known.sum(axis=1, keepdims=True) / np.maximum(left.sum(axis=1, keepdims=True), 1)
        gap = steady(np.where(left, gap, 0.0), np.abs(known).max(axis=1, keepdims=True))
        gone = left & (gap < 0 if drop == "below" else gap <= 0)
        return np.asarray(gone & (gone != left).any(axis=1, keepdims=True))

    n_models = len(ballots.models)
    return side_by_side(BordaRaces(credit), n_models, total * n_models, low), None


def _threshold(ballots: Ballots, *, ties: Ties = "published", missing: elimination.Gaps = "refuse") -> Found:
    tables = elimination.low_places(ordinal(ballots, "threshold", missing), ties)
    return gathered((Choice(elimination.fewest_last(table)) for table in tables), len(ballots.models))


def _two_round(ballots: Ballots, *, ties: Ties = "share", missing: elimination.Gaps = "refuse") -> Found:
    rounds = zip(*elimination.rounds_of_two(ballots, ties, missing), strict=True)
    each = (Choice(elimination.run_off(first, margin)) for first, margin in rounds)
    return gathered(each, len(ballots.models))


def _ranked_pairs(
    pairs: PairCounts, *, measure: str = "margins", tie_break: str = "together", seed: int = 0
) -> Found:
    """Minus the tier of each model under ranked pairs.

    A majority can only be left out if it lies on a cycle of majorities no weaker: these are looked at level
    by level, each level together with all majorities above it that were not left out.
    """
    if tie_break != "together" or measure != "margins":
        return _each(ranked_pairs)(pairs, measure=measure, tie_break=tie_break, seed=seed)
    margin = np.stack([np.maximum(margins(one), 0.0) for one in apart(pairs)])
    back = np.stack([widest_paths(one).T for one in margin])
    doubtful = (margin > 0) & (margin <= back)
    levels = [np.unique(one[there])[::-1] for one, there in zip(margin, doubtful, strict=True)]
    locked = margin > 0
    for step in range(max(map(len, levels), default=0)):
        row = np.array([r for r, level in enumerate(levels) if step < len(level)])
        level = np.array([levels[r][step] for r in row])[:, None, None]
        reach = _reach(locked[row] & (margin[row] >= level))
        r, winner, loser = np.nonzero(doubtful[row] & (margin[row] == level))
        closing = reach[winner >> 6, r, loser] >> (winner & 63).astype(np.uint64) & np.uint64(1) > 0
        locked[row[r[closing]], winner[closing], loser[closing]] = False
    return -_depth(locked), None


def _reach(graph: Masks) -> NDArray[np.uint64]:
    """(W, R, M) bits of the models that each model leads to, itself included, in words of 64 (Warshall)."""
    r, m, _ = graph.shape
    packed = np.zeros((r, m, (m + 63) // 64 * 8), dtype=np.uint8)
    bits = np.packbits(graph | np.eye(m, dtype=bool), axis=2, bitorder="little")
    packed[..., : bits.shape[2]] = bits
    reach = np.ascontiguousarray(np.moveaxis(packed.view("<u8"), 2, 0))
    for k in range(m):
        leads = reach[k >> 6] >> np.uint64(k & 63) & np.uint64(1)
        reach |= (np.uint64(0) - leads) & reach[:, :, k, None]
    return reach


def _depth(above: Masks) -> FloatArray:
    """(R, M) longest chain above each model in relations without cycles: its tier, from 0."""
    r, m, _ = above.shape
    words = np.moveaxis(_reach(above), 0, 2).copy()
    reach = np.unpackbits(words.view(np.uint8), axis=2, count=m, bitorder="little")
    order = np.argsort(reach.sum(axis=1), axis=1, kind="stable")  # a model has more above it than those above
    depth = np.zeros((r, m))
    each = np.arange(r)
    for model in order.T:
        depth[each, model] = np.where(above[each, :, model], depth + 1.0, 0.0).max(axis=1)
    return depth


def smith_lottery(pairs: PairCounts) -> Choice:
    """The maximal lottery, from the Smith set alone."""
    first = smith(margins(pairs))
    lottery = np.zeros(len(pairs.models))
    if len(first) == 1:
        lottery[first] = 1.0
    else:
        inner = maximal_lottery(some(pairs, first))
        lottery[first] = inner.lottery if isinstance(inner, Choice) and inner.lottery is not None else np.nan
    drawn = lottery > SEEN
    tiers = tuple(tuple(np.flatnonzero(part).tolist()) for part in (drawn, ~drawn) if part.any())
    return Choice(tiers, lottery=lottery)


def smith_averaging(pairs: PairCounts, *, prior: float = 0.5, both_bad: BothBad = "half") -> Scores | Choice:
    """Nash averaging, with an equilibrium of the Smith set alone."""
    wins = pairs.halves(both_bad)
    met = wins + wins.T > 0
    log_odds = np.where(met, np.log(wins + prior) - np.log(wins.T + prior), 0.0)
    first = smith(log_odds)
    if len(first) == len(log_odds):
        return nash_averaging(pairs, prior=prior, both_bad=both_bad)
    lottery = np.zeros(len(log_odds))
    lottery[first] = 1.0 if len(first) == 1 else equilibrium(log_odds[np.ix_(first, first)])
    values = log_odds @ lottery
    values[np.abs(values) <= 1e-9 * max(1.0, float(np.abs(log_odds).max()))] = 0.0
    return Scores(values)


def smith(margin: FloatArray) -> IntArray:
    """The smallest set of models that each beat every model outside it; (M, M) skew-symmetric margins.

    The first c models by Copeland score are such a set if their scores sum to what they have when they
    split their own games and win all others.
    """
    m = len(margin)
    score = 0.5 * (np.sign(margin).sum(axis=1) + m - 1)
    order = np.argsort(-score, kind="stable")
    size = np.arange(1, m + 1)
    full = size * (size - 1) / 2 + size * (m - size)
    return np.sort(order[: int(np.argmax(np.cumsum(score[order]) > full - 0.25)) + 1])


def some(pairs: PairCounts, part: IntArray) -> PairCounts:
    """The counts of some models among themselves."""
    at = np.ix_(part, part)
    names = tuple(pairs.models[i] for i in part)
    return PairCounts(names, pairs.wins[at], pairs.ties[at], pairs.both_bad[at], pairs.votes[part])


TOGETHER: Mapping[Callable[..., Any], Together] = MappingProxyType(
    {
        **{
            rule: _points(rule)
            for rule in (
                positional.plurality,
                positional.veto,
                positional.approval_k,
                positional.borda,
                positional.dowdall,
                positional.scoring_vector,
            )
        },
        elimination.instant_runoff: _instant_runoff,
        elimination.coombs: _coombs,
        elimination.baldwin: _baldwin,
        elimination.nanson: _nanson,
        elimination.threshold: _threshold,
        elimination.two_round: _two_round,
        ranked_pairs: _ranked_pairs,
        maximal_lottery: _each(smith_lottery),
        nash_averaging: _each(smith_averaging),
    }
)
