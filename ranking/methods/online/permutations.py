"""The orders in which ratings that learn vote by vote play the votes."""

from __future__ import annotations

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Diagnostic
from agon.ranking.text import Sentence
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.validation import UNRANKED
from agon.ranking.votes.vote_source import Battles

MOST, ENOUGH = 20, 200_000  # orders at most, and votes played in all of them


def random_orders(
    battles: Battles, permutations: int | None, seed: int, name: str
) -> list[tuple[IntArray, list[int]]]:
    """Sequences of ballots to play, each with an order of the models.

    Args:
        battles: N votes.
        permutations: number of seeded random orders; 0 for the votes as they come; None for 0 if they say
            when they were cast, else 20, or fewer where 20 would be more than 200,000 votes.
        seed: of the random orders.
        name: of the method, for the error.

    Returns:
        For each order (N,) rows of `battles.ballots`, and M numbers that say which of tied models of equal
        beliefs comes first: random ones with a random order, so that the spread holds what they do.

    Raises:
        OptionError: a negative number of permutations.
    """
    ballots, m = battles.ballots, len(battles.models)
    if permutations is None:
        fit = ENOUGH // max(1, ballots.total)
        permutations = 0 if battles.order == "timestamp" else min(max(fit, 1), MOST)
    if permutations < 0:
        raise OptionError(f"{name}: permutations must be 0 or more, not {permutations!r}.")
    if permutations == 0:
        return [(battles.sequence, list(range(m)))]
    unranked = (ballots.places == UNRANKED) & (ballots.shown >= 0)
    alone = unranked & (unranked.sum(axis=1, keepdims=True) == 1)  # as good as placed last
    places = np.where(alone, ballots.places.max(axis=1, keepdims=True) + 1, ballots.places)
    content = np.lexsort((ballots.weight, ballots.p_a, *places.T, *ballots.shown.T))
    every = np.repeat(content, ballots.count[content])  # in an order that forgets how votes were grouped
    draws = [np.random.default_rng([seed, run]) for run in range(permutations)]
    return [(rng.permutation(every), rng.permutation(m).tolist()) for rng in draws]


def order_notes(battles: Battles, permutations: int | None, played: int) -> tuple[Diagnostic, ...]:
    """Say on what order of the votes, of how many played, the scores rest, unless it is that of time."""
    if battles.order == "timestamp" and not permutations:
        return ()
    if permutations == 0:
        message = Sentence(
            "One pass in the order of the rows: another order of the same votes gives another board; give "
            "timestamps, or leave permutations at {usual}.",
            usual="None",
        )
        return (Diagnostic("file_order", (), message),)
    said = Sentence(
        "Votes learnt from one by one, in one random order of the same votes: another order moves the "
        "scores.",
        "Votes learnt from one by one, in {count} random orders of the same votes: another order moves the "
        "scores.",
        count=played,
    )
    return (Diagnostic("random_order", (), said),)


def learnt_from(ballots: Ballots) -> FloatArray:
    """(M, M) votes that order two models by their places, and not by a probability."""
    rows, m = ballots.pair_rows, len(ballots.models)
    count = np.where(np.isnan(ballots.p_a), ballots.count, 0)[rows.ballot]
    met = np.bincount(rows.first * m + rows.second, count, m * m).reshape(m, m)
    return np.asarray(met + met.T)


def unused_notes(ballots: Ballots) -> tuple[Diagnostic, ...]:
    """Say which votes a method that learns from places left out, and that it took every weight for one."""
    notes = []
    graded = ~np.isnan(ballots.p_a)
    if count := int(ballots.count[graded].sum()):
        what = (
            "vote is a probability, not places, and was"
            if count == 1
            else "votes are probabilities, not places, and were"
        )
        notes.append(Diagnostic("left_out_votes", (), f"{count:,} {what} left out."))
    said = np.zeros(len(ballots.count), dtype=bool)
    said[ballots.pair_rows.ballot] = True
    if count := int(ballots.count[~said & ~graded].sum()):
        what = "vote orders no two models and was" if count == 1 else "votes order no two models and were"
        notes.append(Diagnostic("left_out_votes", (), f"{count:,} {what} left out."))
    if not ballots.unweighted:
        message = "The votes have weights, and this method takes each for one vote."
        notes.append(Diagnostic("weights_ignored", (), message))
    return tuple(notes)
