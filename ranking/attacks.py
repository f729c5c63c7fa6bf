"""Hostile votes on top of a simulated world, so that one can rehearse what finds them and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.numerics import IntArray, expit
from agon.ranking.simulate import OUTCOMES, World, draw_amounts

_BURST = (0.60, 0.62)  # of the time in which all votes come
_Draw = Callable[[World, int, int, np.random.Generator], tuple[IntArray, IntArray, IntArray]]
_A, _B = OUTCOMES.index("model_a"), OUTCOMES.index("model_b")


def _pairs(world: World, n: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Pairs as an arena draws them: every one alike."""
    m = len(world.models)
    first = rng.integers(0, m, n)
    return first, (first + rng.integers(1, m, n)) % m


def _undecided(world: World, n: int, rng: np.random.Generator) -> IntArray:
    """As many ties and "both bad" as the others cast; −1 for a vote that decides."""
    seen = np.bincount(world.outcome, minlength=len(OUTCOMES)) / max(len(world.outcome), 1)
    kind = rng.random(n)
    return np.where(kind < seen[2], 2, np.where(kind < seen[2] + seen[3], 3, -1))


def _decide(first_wins: np.ndarray[tuple[int], np.dtype[np.bool_]], undecided: IntArray) -> IntArray:
    return np.where(undecided >= 0, undecided, np.where(first_wins, _A, _B))


def _honest(world: World, first: IntArray, second: IntArray, rng: np.random.Generator) -> IntArray:
    better = rng.random(len(first)) < expit(world.strengths[first] - world.strengths[second])
    return _decide(better, _undecided(world, len(first), rng))


def _target(
    world: World, target: int, n: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    first, second = _pairs(world, n, rng)
    outcome = _honest(world, first, second, rng)
    return first, second, np.where(first == target, _A, np.where(second == target, _B, outcome))


def _script(
    world: World, target: int, n: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    first, second, outcome = _random(world, target, n, rng)
    return first, second, np.where(first == target, _A, np.where(second == target, _B, outcome))


def _target_only(
    world: World, target: int, n: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    m = len(world.models)
    other = (target + rng.integers(1, m, n)) % m
    return _sided(np.full(n, target), other, rng)


def _forged(
    world: World, target: int, n: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    best = np.argsort(-world.strengths)[: max(3, len(world.models) // 4)]
    return _sided(np.full(n, target), rng.choice(best[best != target], n), rng)


def _sided(
    winner: IntArray, loser: IntArray, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    """Wins, each on a side by chance."""
    left = rng.random(len(winner)) < 0.5
    return np.where(left, winner, loser), np.where(left, loser, winner), np.where(left, _A, _B)


def _inverted(world: World, _: int, n: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    first, second = _pairs(world, n, rng)
    outcome = _honest(world, first, second, rng)
    return first, second, np.where(outcome == _A, _B, np.where(outcome == _B, _A, outcome))


def _random(world: World, _: int, n: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    first, second = _pairs(world, n, rng)
    return first, second, _decide(rng.random(n) < 0.5, _undecided(world, n, rng))


def _one_sided(world: World, _: int, n: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    first, second = _pairs(world, n, rng)
    return first, second, np.full(n, _A)


ATTACKS: Mapping[str, _Draw] = {
    "target": _target,
    "target-only": _target_only,
    "inverted": _inverted,
    "random": _random,
    "one-sided": _one_sided,
    "forged": _forged,
    "burst": _target_only,
    "cookies": _script,
}
_OFFICE = 5  # honest voters who share a network, where votes name theirs


def add_attack(
    world: World, kind: str, votes: int = 500, voters: int = 5, *, target: int | None = None, seed: int = 0
) -> World:
    """Add hostile votes to those of a world, as if attackers had been among its voters.

    "target" votes for one model whenever it is drawn, and honestly else; "target-only" leaves every battle
    without it; "forged" lets it beat the best models in pairs of its own choice; "inverted" turns honest
    votes round; "random" tosses a coin; "one-sided" takes the answer on the left; "burst" is target-only in
    the time in which one fiftieth of all votes come; "cookies" are one script on one network, a voter for
    each cookie, which votes for one model whenever it is drawn and tosses a coin else: votes then name their
    networks, each of which five honest voters share. Ties are as frequent as among the others, save where one
    model or side always wins.

    Args:
        world: whose voters and votes stay as they are.
        kind: one of `ATTACKS`.
        votes: how many, at least 1.
        voters: identities that share them evenly.
        target: index of the model; the one in the middle if left out.
        seed: of everything drawn.

    Raises:
        OptionError: no such attack, or numbers out of range.
    """
    if kind not in ATTACKS:
        raise OptionError(f"There is no attack {kind!r}; {suggest(kind, ATTACKS)}")
    if not 1 <= voters <= votes:
        raise OptionError(f"An attack needs at least 1 voter and a vote for each, not {votes} by {voters}.")
    m = len(world.models)
    if target is not None and not 0 <= target < m:
        raise OptionError(f"There is no model {target} among {m}; count from 0.")
    aim = int(np.argsort(-world.strengths, kind="stable")[m // 2]) if target is None else target
    rng = np.random.default_rng([seed, 5])
    first, second, outcome = ATTACKS[kind](world, aim, votes, rng)
    number = int(world.voter.max(initial=-1)) + 1
    voter = number + rng.permutation(np.arange(votes) % voters)
    begin, end = _BURST if kind == "burst" else (0.0, 1.0)
    networks = _networks(world, kind, voter)
    n = len(world.outcome)
    times = np.concatenate([(np.arange(n) + 0.5) / max(n, 1), rng.uniform(begin, end, votes)])
    order = np.argsort(times, kind="stable")

    def both(old: IntArray, new: IntArray) -> IntArray:
        return np.concatenate([old, new])[order]

    more: Mapping[str, IntArray] = {}
    if world.amounts:
        more = draw_amounts(votes, int(rng.integers(1 << 31)))
    hostile = np.zeros(n, dtype=np.int64) if world.hostile is None else world.hostile
    return replace(
        world,
        first=both(world.first, first),
        second=both(world.second, second),
        outcome=both(world.outcome, outcome),
        voter=both(world.voter, voter),
        amounts={name: np.concatenate([old, more[name]])[order] for name, old in world.amounts.items()},
        hostile=both(hostile, np.full(votes, 1 + list(ATTACKS).index(kind))),
        network=None if networks is None else both(*networks),
    )


def _networks(world: World, kind: str, voter: IntArray) -> tuple[IntArray, IntArray] | None:
    """Of the world's votes, and of the hostile ones; None where no vote names its network."""
    if world.network is None and kind != "cookies":
        return None
    old = world.voter // _OFFICE if world.network is None else world.network
    number = int(old.max(initial=-1)) + 1
    return old, number + (np.zeros_like(voter) if kind == "cookies" else voter - voter.min())
