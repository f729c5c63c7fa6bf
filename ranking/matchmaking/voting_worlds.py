"""Worlds in which policies are tried: who votes how, and what the right ranking is.

Every answer has a utility, the strength of its model for the voter with noise; a vote orders the answers by
it. Voters may differ in taste, answer at random, in the order shown, or against their own taste.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.matchmaking.sampling_design import Group
from agon.ranking.numerics import FloatArray, expit


@dataclass(frozen=True, eq=False)
class VotingWorld:
    """M models and those who vote on them.

    Attributes:
        tastes: (T, M) strengths for each kind of voter, log-odds where the noise is Gumbel's.
        chances: (T,) the share of each kind.
        noise: of every answer: "none", "gumbel" (Plackett-Luce orders), or "normal" of unit variance.
        at_random: share of votes that are a random order.
        lazy: share of votes that are the order shown.
        hostile: share of votes that are the reverse of the order meant.
        first_bonus: what the answer shown first gains.
        tie_margin: neighbours in the order closer than this share a place.
    """

    tastes: FloatArray
    chances: FloatArray
    noise: Literal["none", "gumbel", "normal"] = "gumbel"
    at_random: float = 0.0
    lazy: float = 0.0
    hostile: float = 0.0
    first_bonus: float = 0.0
    tie_margin: float = 0.0

    @property
    def truth(self) -> FloatArray:
        """(M,) what the right ranking goes by: strengths, or with several tastes the mean chance to win."""
        if len(self.tastes) == 1:
            return np.asarray(self.tastes[0])
        chance = self.win_chances()
        return np.asarray((chance.sum(axis=1) - 0.5) / (len(chance) - 1))

    def win_chances(self) -> FloatArray:
        """(M, M) chance that the row's answer beats the column's: honest voters, noise of Gumbel."""
        gaps = self.tastes[:, :, None] - self.tastes[:, None, :]
        return np.asarray(np.tensordot(self.chances, expit(gaps), axes=1))

    def vote(self, shown: Group, rng: np.random.Generator) -> tuple[int, ...]:
        """The places of the models in shown order: 1 is best, equal numbers are ties."""
        k, what = len(shown), rng.random()
        if what < self.at_random:
            return tuple((rng.permutation(k) + 1).tolist())
        if what < self.at_random + self.lazy:
            return tuple(range(1, k + 1))
        kind = 0
        if len(self.chances) > 1:
            kind = int(self.chances[:-1].cumsum().searchsorted(rng.random(), side="right"))
        utility = self.tastes[kind][list(shown)]
        if self.noise == "gumbel":
            utility = utility + rng.gumbel(size=k)
        elif self.noise == "normal":
            utility = utility + rng.normal(size=k)
        utility[0] += self.first_bonus
        if what > 1 - self.hostile:
            utility = -utility
        order = np.argsort(-utility)
        steps = np.diff(-utility[order], prepend=-np.inf) > self.tie_margin
        places = np.empty(k, dtype=np.int64)
        places[order] = np.cumsum(steps)
        return tuple(places.tolist())


def _plain(m: int, rng: np.random.Generator, spread: float = 1.0) -> tuple[FloatArray, FloatArray]:
    return rng.normal(0, spread, (1, m)), np.ones(1)


def _cyclic(m: int, rng: np.random.Generator) -> VotingWorld:
    """Three kinds of voters, each of which prefers another third of the models: rock, paper, scissors."""
    base, third = rng.normal(0, 0.7, m), np.arange(m) % 3
    return VotingWorld(np.array([base + 2.0 * ((third + kind) % 3) for kind in range(3)]), np.full(3, 1 / 3))


def _clustered(m: int, rng: np.random.Generator) -> VotingWorld:
    """Two kinds of voters whose tastes have a correlation of one half."""
    shared, own = rng.normal(0, 0.5**0.5, m), rng.normal(0, 0.5**0.5, (2, m))
    return VotingWorld(shared + own, np.array([0.6, 0.4]))


WORLDS: Mapping[str, Callable[[int, np.random.Generator], VotingWorld]] = {
    "noise-free": lambda m, rng: VotingWorld(*_plain(m, rng), noise="none"),
    "random-orders": lambda m, rng: VotingWorld(*_plain(m, rng), noise="none", at_random=0.1),
    "gumbel": lambda m, rng: VotingWorld(*_plain(m, rng)),
    "gaussian": lambda m, rng: VotingWorld(*_plain(m, rng, 2.0), noise="normal"),
    "ties": lambda m, rng: VotingWorld(*_plain(m, rng), tie_margin=0.5),
    "cyclic": _cyclic,
    "clustered": _clustered,
    "position-bias": lambda m, rng: VotingWorld(*_plain(m, rng), first_bonus=0.7),
    "lazy": lambda m, rng: VotingWorld(*_plain(m, rng), lazy=0.25),
    "hostile": lambda m, rng: VotingWorld(*_plain(m, rng), hostile=0.1),
}


def draw_world(name: str, n_models: int, seed: int) -> VotingWorld:
    """A world of `WORLDS`; the same seed gives the same.

    Raises:
        OptionError: no such world.
    """
    if name not in WORLDS:
        raise OptionError(f"There is no world {name!r}; {suggest(name, WORLDS)}")
    return WORLDS[name](n_models, np.random.default_rng([seed, 3]))
