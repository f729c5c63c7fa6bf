"""The orders in which ratings that learn vote by vote play the votes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError
from agon.ranking.numerics import FloatArray, IntArray, hashed, scattered
from agon.ranking.results import Diagnostic
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.validation import UNRANKED
from agon.ranking.votes.vote_source import Battles

Colours = NDArray[np.uint64]


def orders(
    battles: Battles, permutations: int | None, seed: int, name: str
) -> tuple[list[IntArray], Colours | None, list[int]]:
    """Sequences of ballots to play, models that the votes cannot tell apart, and an order of all models.

    Args:
        battles: N votes.
        permutations: number of seeded random orders, which depend on the votes but not on names or rows; 0
            for the votes as they come; None for 0 if they say when they were cast, else 1.
        seed: of the random orders.
        name: of the method, for the error.

    Returns:
        (N,) rows of `battles.ballots` for each order; (M,) colours, equal for models that are alike, or
        None for votes as they come; M ranks that depend on the votes and not on the names, to break ties.

    Raises:
        OptionError: a negative number of permutations.
    """
    if permutations is None:
        permutations = 0 if battles.order == "timestamp" else 1
    if permutations < 0:
        raise OptionError(f"{name}: permutations must be 0 or more, not {permutations!r}.")
    ballots = battles.ballots
    code = _codes(ballots)
    colour = _refined(ballots, code, np.zeros(len(ballots.models), dtype=np.uint64))
    apart = _told_apart(ballots, code, colour)
    rank = np.argsort(np.argsort(apart)).tolist()
    if permutations == 0:
        return [battles.sequence], None, rank
    by_votes = np.argsort(_ballot_colours(ballots, code, apart), kind="stable")
    every = np.repeat(by_votes, ballots.count[by_votes])
    lanes = [np.random.default_rng([seed, run]).permutation(every) for run in range(permutations)]
    return lanes, colour, rank


def shared_by_alike(values: FloatArray, colour: Colours | None) -> FloatArray:
    """(M,) values, the mean of those of models that the votes cannot tell apart."""
    if colour is None:
        return values
    _, group = np.unique(colour, return_inverse=True)
    return np.asarray((np.bincount(group, values) / np.bincount(group))[group])


def order_notes(battles: Battles, permutations: int | None) -> tuple[Diagnostic, ...]:
    """Say on what order of the votes the scores rest, unless it is that of time."""
    if battles.order == "timestamp" and not permutations:
        return ()
    if permutations == 0:
        message = (
            "One pass in the order of the rows: another order of the same votes gives another board; "
            "give timestamps, or leave permutations at None."
        )
        return (Diagnostic("file_order", (), message),)
    count = "one random order" if permutations in (None, 1) else f"{permutations} random orders"
    message = f"Votes learnt from one by one, in {count} of the same votes: another order moves the scores."
    return (Diagnostic("random_order", (), message),)


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


def _codes(ballots: Ballots) -> Colours:
    """(B, K) a hash of what a ballot says about each of its models."""
    p = np.round(ballots.p_a, 9)
    graded = ~np.isnan(p)
    place = ballots.places.astype(np.float64)
    unranked = (ballots.places == UNRANKED) & (ballots.shown >= 0)
    lone = unranked & (unranked.sum(axis=1, keepdims=True) == 1)  # as good as placed last
    place = np.where(lone, place.max(axis=1, keepdims=True) + 1, place)
    if ballots.shown.shape[1] >= 2:
        place[graded, 0], place[graded, 1] = -1.0 - p[graded], -1.0 - np.round(1.0 - ballots.p_a[graded], 9)
    weight = np.broadcast_to(ballots.weight[:, None], place.shape)
    return hashed(place, weight)


def _ballot_colours(ballots: Ballots, code: Colours, colour: Colours) -> Colours:
    """(B,) a colour of each ballot: what it says about models of which colours."""
    seats = ballots.shown
    said = np.where(seats >= 0, scattered(scattered(colour)[seats] ^ code), np.uint64(0))
    return scattered(said.sum(axis=1, dtype=np.uint64))


def _refined(ballots: Ballots, code: Colours, colour: Colours) -> Colours:
    """Refine colours of models by their ballots until no more are told apart."""
    real = ballots.shown >= 0
    seats, times = ballots.shown[real], np.broadcast_to(ballots.count[:, None], code.shape)[real]
    distinct = 0
    while (now := len(np.unique(colour))) > distinct:
        distinct = now
        seen = scattered(_ballot_colours(ballots, code, colour)[:, None] ^ code)[real]
        total = np.zeros(len(colour), dtype=np.uint64)
        np.add.at(total, seats, seen * times.astype(np.uint64))
        colour = scattered(scattered(colour) + total)
    return colour


def _told_apart(ballots: Ballots, code: Colours, colour: Colours) -> Colours:
    """Give every model a colour of its own: pick one of those alike, refine, repeat."""
    while True:
        shared, sizes = np.unique(colour, return_counts=True)
        if len(shared) == len(colour):
            return colour
        pick = np.flatnonzero(colour == shared[sizes > 1][0])[:1]
        colour = colour.copy()
        colour[pick] = scattered(scattered(colour[pick]))
        colour = _refined(ballots, code, colour)
