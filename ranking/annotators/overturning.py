"""What it would cost to overturn the first rank: votes, and identities that no test names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from agon.ranking.annotators.duels import Crowd, Duels, fit_cells
from agon.ranking.annotators.unusual_voters import LEAST_DUELS, Reference, share_named
from agon.ranking.annotators.window_scan import WindowScan
from agon.ranking.numerics import FloatArray, IntArray, expit, threads_for
from agon.ranking.settings import Settings
from agon.ranking.text import Names, Readable, Sentence, rounded

_SIZES = (10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000)  # votes of an identity that are tried
_IDENTITIES = 200  # simulated for each
_RANKED = Settings().min_votes  # decided votes of a model, below which it has no rank to lose
_MOST = 64  # times as many hostile votes as there are, beyond which nobody asks


@dataclass(frozen=True, repr=False)
class AttackCost(Readable):
    """The fewest hostile votes, on average, that put the second model on the first rank.

    Attributes:
        first, second: of the board.
        votes: that there are.
        forged: hostile votes on pairs of the attacker's choice, the two against each other.
        drawn: hostile votes in battles as they were drawn so far: for the second, against the first, and
            honest where neither stands.
        each: the most votes of an identity of which at most half are named for casting them so.
        identities: that so many votes need.
        in_a_burst: hostile wins in a fiftieth of the time that raise an alarm; None without times.
    """

    first: str
    second: str
    votes: int
    forged: int
    drawn: int | None
    each: int
    identities: int | None
    in_a_burst: int | None

    def conclusion(self) -> Sentence:
        """Say in one sentence what it takes."""
        told: dict[str, Any] = {"first": Names([self.first]), "second": Names([self.second])}
        told["forged"] = _few(self.forged, Sentence("{count} vote", "{count} votes", count=self.forged))
        if self.drawn is None or self.identities is None:
            return Sentence(
                "{second} would pass {first} with {forged} on pairs of an attacker's choice; in drawn "
                "battles "
                "they hardly meet.",
                **told,
            )
        hostile = Sentence("{count} hostile vote", "{count} hostile votes", count=self.drawn)
        identities = Sentence("{count} identity", "{count} identities", count=self.identities)
        return Sentence(
            "{second} would pass {first} with {hostile} in drawn battles by {identities} of {each} "
            "votes, half of "
            "whom no test names, or with {forged} on pairs of an attacker's choice.",
            **told,
            hostile=_few(self.drawn, hostile),
            identities=_few(self.identities, identities),
            each=self.each,
        )


def attack_cost(
    reference: Reference, windows: WindowScan | None = None, *, seed: int = 0
) -> AttackCost | None:
    """Find how many hostile votes overturn the first rank of these votes.

    Votes are added in their expected numbers and the strengths fitted anew, until the second model is level
    with the first. Assumed is that the attacker recognises both models always, that battles are drawn as they
    were so far, that nobody adds honest votes meanwhile, and that the votes come as evenly in time as the
    others, so that no window shows them. How large an identity may become is tried with simulated ones.

    Args:
        reference: the crowd, from `find_anomalies`; of all votes, decided ones count.
        windows: what was found in time.
        seed: of the simulated identities.

    Returns:
        The cost; None where fewer than two models have the 30 decided votes of a rank.
    """
    duels = reference.duels
    m = len(duels.models)
    if m < 2 or not len(duels.won):
        return None
    with threads_for(m):
        cells, at = np.unique(duels.first * m + duels.second, return_inverse=True)
        met = np.bincount(at.reshape(-1)).astype(np.float64)
        won = np.bincount(at.reshape(-1), duels.won, len(cells)).astype(np.float64)
        one, other, side = cells // m, cells % m, np.zeros(len(cells))  # boards do not use the sides
        crowd = fit_cells(one, other, side, met, won, m)
        decided_of = np.bincount(duels.first, minlength=m) + np.bincount(duels.second, minlength=m)
        order = np.argsort(-crowd.theta, kind="stable")
        order = order[decided_of[order] >= _RANKED]
        if len(order) < 2:
            return None
        first, second = int(order[0]), int(order[1])
        honest = expit(crowd.theta[one] - crowd.theta[other])
        p = _hostile(one, other, honest, first, second)
        share = met / met.sum()

        def lead(more: float, *, forged: bool) -> float:
            if forged:
                new = fit_cells(
                    np.append(one, second), np.append(other, first), np.append(side, 0.0),
                    np.append(met, more), np.append(won, more), m,
                )  # fmt: skip
            else:
                new = fit_cells(one, other, side, met + more * share, won + more * share * p, m)
            return float(new.theta[first] - new.theta[second])

        forged = _root(lambda n: lead(n, forged=True), len(duels.won))
        drawn = _root(lambda n: lead(n, forged=False), len(duels.won))
        decided = len(duels.won) / len(duels.votes)
        each = _largest(reference, one, other, share, (first, second), seed)
    if forged is None:
        return None
    number = None if drawn is None else int(np.ceil(drawn / decided))
    return AttackCost(
        duels.models[first],
        duels.models[second],
        len(duels.votes),
        forged=int(np.ceil(forged)),
        drawn=number,
        each=each,
        identities=None if number is None else int(np.ceil(number / each)),
        in_a_burst=_burst(duels, crowd, second, windows),
    )


def _few(number: int, said: Sentence) -> Sentence:
    """A number of things with no more digits than are known."""
    return Sentence(said.template, said.plural, count=int(rounded(number).replace(",", "")))


def _hostile(one: IntArray, other: IntArray, honest: FloatArray, first: int, second: int) -> FloatArray:
    """(C,) chance that the first model of a cell wins a hostile vote."""
    for_it = (one == second) | (other == first)
    against = (other == second) | (one == first)
    return np.where(for_it, 1.0, np.where(against, 0.0, honest))


def _root(lead: Callable[[float], float], scale: int) -> float | None:
    """The number of votes at which the lead is gone; None if no number in reach does it."""
    low, high = 0.0, 1.0
    while lead(high) > 0:
        low, high = high, 2 * high
        if high > _MOST * scale:
            return None
    while high - low > max(0.5, 0.005 * high):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if lead(middle) > 0 else (low, middle)
    return high


def _largest(
    reference: Reference,
    one: IntArray,
    other: IntArray,
    share: FloatArray,
    models: tuple[int, int],
    seed: int,
) -> int:
    """The most decided votes of an identity that casts hostile ones of which at most half are named."""
    rng = np.random.default_rng([seed, 9])
    crowd, best = reference.crowd, LEAST_DUELS - 1
    sides = np.unique(reference.duels.side)
    for size in _SIZES:
        cell = rng.choice(len(share), _IDENTITIES * size, p=share)
        side = rng.choice(sides, len(cell))
        honest = expit(crowd.theta[one[cell]] - crowd.theta[other[cell]] + crowd.bias * side)
        won = rng.random(len(cell)) < _hostile(one[cell], other[cell], honest, *models)
        voter = np.repeat(np.arange(_IDENTITIES), size)
        tried = Duels(
            reference.duels.models,
            one[cell],
            other[cell],
            won,
            side,
            voter,
            np.arange(len(cell)),
            voter,
            tuple(map(str, range(_IDENTITIES))),
            None,
        )
        if share_named(tried, reference) > 0.5:
            break
        best = size
    return best


def _burst(duels: Duels, crowd: Crowd, model: int, windows: WindowScan | None) -> int | None:
    """Hostile wins in a fiftieth of the time that pass the threshold of a window."""
    if windows is None or not windows.windows:
        return None
    mine = (duels.first == model) | (duels.second == model)
    p = expit(crowd.log_odds(duels))[mine]
    usual = float((p * (1 - p)).sum()) / 50
    chance = float(np.where(duels.first[mine] == model, p, 1 - p).mean())
    number = np.arange(1, 100_000)
    far = number * (1 - chance) / np.sqrt(usual + number * chance * (1 - chance))
    enough = far > windows.threshold
    return int(number[np.argmax(enough)]) if enough.any() else None
