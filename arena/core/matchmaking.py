"""Who meets whom: drawing the models of a battle, with the probability of what was drawn.

A policy is one function from the candidates to a `Draw`. What it drew is logged with its name, its
version and its probabilities, because votes of a policy that favours some pairs can only be re-weighted
with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from random import Random

from agon.arena.core.roster import Contestant


@dataclass(frozen=True, slots=True)
class Draw:
    """The contestants in shown order, and how likely they were.

    `group_probability` is that of this set of models in any order; `pair_probabilities` holds, for each
    pair i < j of the shown models, the probability that the policy puts the two into one battle.
    """

    contestants: tuple[Contestant, ...]
    policy: str
    version: int
    group_probability: float
    pair_probabilities: tuple[float, ...]


def uniform(candidates: Sequence[Contestant], size: int, random: Random) -> Draw:
    """Every set of `size` candidates is equally likely, and so is every order of it.

    Raises ValueError if there are fewer candidates than `size`.
    """
    if len(candidates) < size:
        raise ValueError(f"{size} models are needed for a battle, {len(candidates)} can answer")
    contestants = tuple(random.sample(list(candidates), size))
    n = len(candidates)
    pair = comb(n - 2, size - 2) / comb(n, size)
    pairs = tuple(pair for _ in combinations(contestants, 2))
    return Draw(contestants, "uniform", 1, 1 / comb(n, size), pairs)


def substitute(candidates: Sequence[Contestant], random: Random) -> tuple[Contestant, float] | None:
    """Draw one of `candidates`, equally likely each, for a side that failed; with its probability.

    None if nobody is left.
    """
    if not candidates:
        return None
    return random.choice(list(candidates)), 1 / len(candidates)
