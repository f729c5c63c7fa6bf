"""Rules that eliminate: instant run-off, Baldwin, Nanson, Coombs, threshold, two rounds.

The tiers of their `Choice` are the rounds read backwards: who is eliminated last is above who is
eliminated before. Models equal in the round's score go together, so no rule here draws lots. `ties` and
`missing` are those of the positional rules; a gap under missing="worst" is a place below all shown.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from agon.ranking.methods.social_choice.elimination_batched import (
    BordaRaces,
    FirstRaces,
    LastRaces,
    eliminate_batch,
)
from agon.ranking.methods.social_choice.elimination_tallies import (
    BallotIndex,
    FirstPlaces,
    Gaps,
    LastPlaces,
    _at_least,
    _borda_rounds,
    borda_credit,
    fewest_last,
    index_first_places,
    low_places,
    rounds_of_two,
    run,
    run_off,
)
from agon.ranking.methods.social_choice.rank_positions import Ties, position_ballots
from agon.ranking.numerics import BoolArray, FloatArray, steady
from agon.ranking.registry import ResampledScores, method, stack_results
from agon.ranking.results import Choice, Diagnostic
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.resamples import ResampledBallots


def _tie_notes(models: tuple[str, ...], tied: list[tuple[int, ...]]) -> tuple[Diagnostic, ...]:
    """Say which models went together because a round could not tell them apart."""
    if not tied:
        return ()
    names = tuple(models[i] for i in dict.fromkeys(i for part in tied for i in part))
    message = (
        f"A tie decided {'a round' if len(tied) == 1 else f'{len(tied)} rounds'}: {{models}} were "
        "equally low and went together; had lots been drawn instead, others might have won."
    )
    return (Diagnostic.of("elimination_tie", names, message),)


def _instant_runoff_resamples(
    ballots: ResampledBallots, _: object, *, ties: Ties, missing: Gaps
) -> ResampledScores:
    cast = position_ballots(ballots, "instant_runoff", missing)
    if cast.level.shape[1] == 2:
        return ResampledScores(eliminate_batch(FirstRaces(cast, ties), len(cast.models), cast.total))
    seating = index_first_places(cast)
    each = (Choice(run(FirstPlaces(one, ties, seating), one.total)) for one in cast.each())
    return stack_results(each, len(cast.models))


@method(
    "instant_runoff",
    source="Hare; Ware (1871); ties: Delemazure and Peters (2024)",
    batch=_instant_runoff_resamples,
    axioms="majority, pareto",
)
def instant_runoff(ballots: Ballots, *, ties: Ties = "share", missing: Gaps = "refuse") -> Choice:
    """Eliminate the model with the fewest first places, again and again.

    A ballot counts for the best of its models still in the race; when none of those it ranks is left it
    counts for nobody. All models with the fewest first places go together.

    Args:
        ties: among the best of a ballot: "share" splits it (split instant run-off), "best" counts it
            whole for each (approval instant run-off), "worst" and "published" for none.
        missing: see the module.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        T. Delemazure and D. Peters, Generalizing Instant Runoff Voting to Allow for Indifferences (2024).
    """
    cast = position_ballots(ballots, "instant_runoff", missing)
    tied: list[tuple[int, ...]] = []
    tiers = run(FirstPlaces(cast, ties), cast.total, tied=tied)
    return Choice(tiers, notes=_tie_notes(ballots.models, tied))


def _coombs_resamples(
    ballots: ResampledBallots, _: object, *, majority_stops: bool, ties: Ties, missing: Gaps
) -> ResampledScores | None:
    cast = position_ballots(ballots, "coombs", missing)
    if majority_stops:
        return None
    if cast.level.shape[1] == 2:
        return ResampledScores(eliminate_batch(LastRaces(cast, ties), len(cast.models), cast.total))
    seating = BallotIndex(cast, cast.level)
    each = (Choice(run(LastPlaces(one, ties, seating), one.total)) for one in cast.each())
    return stack_results(each, len(cast.models))


@method("coombs", source="Coombs (1964)", batch=_coombs_resamples, axioms="pareto")
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

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        C. Coombs, A Theory of Data (1964); B. Grofman and S. Feld, Electoral Studies 23 (2004) on the
        two ways to stop.
    """
    cast = position_ballots(ballots, "coombs", missing)
    race, first = LastPlaces(cast, ties), FirstPlaces(cast, "share")

    def stop() -> BoolArray:
        out = np.flatnonzero(first.left & ~race.left)
        if len(out):
            first.drop(out)
        return np.asarray(first.score() > 0.5 * cast.total)

    tied: list[tuple[int, ...]] = []
    tiers = run(race, cast.total, stop if majority_stops else None, tied)
    return Choice(tiers, notes=_tie_notes(ballots.models, tied))


def _baldwin_resamples(ballots: ResampledBallots, _: object, *, ties: Ties, missing: str) -> ResampledScores:
    credit, total = borda_credit(ballots, "baldwin", ties, missing)
    n_models = len(ballots.models)
    return ResampledScores(eliminate_batch(BordaRaces(credit), n_models, total * n_models))


@method(
    "baldwin",
    source="Baldwin (1926); Vote'n'Rank (Rofin et al. 2023)",
    batch=_baldwin_resamples,
    axioms="majority, condorcet, condorcet_loser, smith, pareto",
)
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

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        J. Baldwin, Proceedings of the Royal Society of Victoria 39 (1926).
    """
    tied: list[tuple[int, ...]] = []
    tiers = _borda_rounds(ballots, "baldwin", ties, missing, lambda score: score == score.min(), tied)
    return Choice(tiers, notes=_tie_notes(ballots.models, tied))


def _nanson_resamples(
    ballots: ResampledBallots, _: object, *, drop: Literal["below", "at_or_below"], ties: Ties, missing: str
) -> ResampledScores:
    credit, total = borda_credit(ballots, "nanson", ties, missing)

    def low(score: FloatArray, left: BoolArray) -> BoolArray:
        known = np.where(left, score, 0.0)
        gap = score - known.sum(axis=1, keepdims=True) / np.maximum(left.sum(axis=1, keepdims=True), 1)
        gap = steady(np.where(left, gap, 0.0), np.abs(known).max(axis=1, keepdims=True))
        gone = left & (gap < 0 if drop == "below" else gap <= 0)
        return np.asarray(gone & (gone != left).any(axis=1, keepdims=True))

    n_models = len(ballots.models)
    return ResampledScores(eliminate_batch(BordaRaces(credit), n_models, total * n_models, low))


@method(
    "nanson",
    source="Nanson (1882)",
    batch=_nanson_resamples,
    axioms="majority, condorcet, condorcet_loser, smith, pareto",
)
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

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        E. Nanson, Transactions of the Royal Society of Victoria 19 (1882).
    """

    def low(score: FloatArray) -> BoolArray:
        gap = steady(score - score.mean(), max(float(np.abs(score).max()), 1e-300))
        return np.asarray(gap < 0 if drop == "below" else gap <= 0)

    return Choice(_borda_rounds(ballots, "nanson", ties, missing, low))


def _threshold_resamples(
    ballots: ResampledBallots, _: object, *, ties: Ties, missing: Gaps
) -> ResampledScores:
    tables = low_places(position_ballots(ballots, "threshold", missing), ties)
    return stack_results((Choice(fewest_last(table)) for table in tables), len(ballots.models))


@method(
    "threshold",
    source="Aleskerov, Chistyakov and Kalyagin (2010); Vote'n'Rank (Rofin et al. 2023)",
    batch=_threshold_resamples,
    axioms="monotonicity, reinforcement",
)
def threshold(ballots: Ballots, *, ties: Ties = "published", missing: Gaps = "refuse") -> Choice:
    """The fewest last places win; among equals the fewest places before last, and so on up to the second.

    Args:
        ties: which place a tie takes: "worst" and "published" the worst it covers, "best" the best,
            "share" a part of each.
        missing: see the module.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        F. Aleskerov, V. Chistyakov and V. Kalyagin, The threshold aggregation, Economics Letters 107 (2010).
    """
    return Choice(fewest_last(low_places(position_ballots(ballots, "threshold", missing), ties)))


def _two_round_resamples(
    ballots: ResampledBallots, _: object, *, ties: Ties, missing: Gaps
) -> ResampledScores:
    rounds = zip(*rounds_of_two(ballots, ties, missing), strict=True)
    each = (Choice(run_off(first, margin)) for first, margin in rounds)
    return stack_results(each, len(ballots.models))


@method(
    "two_round",
    source="plurality with run-off; certificate: Rezaei et al. (2023)",
    batch=_two_round_resamples,
    axioms="majority, condorcet_loser, pareto",
)
def two_round(ballots: Ballots, *, ties: Ties = "share", missing: Gaps = "refuse") -> Choice:
    """The two models with the most first places meet; the majority between them decides.

    Where equal scores leave open which two meet, every such pair does, and whoever wins one is a winner.
    The note "certificate" says how many voters may change their ballots at will without a change of the
    winner (no more is claimed than is proven: the true number may be higher).

    Args:
        ties: as for `plurality`.
        missing: see the module.

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
        message = f"{{0}} stays the only winner however any {safe} voters change their ballots."
        notes = (Diagnostic.of("certificate", (ballots.models[winner],), message),)
    return Choice(tiers, notes=notes)


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
