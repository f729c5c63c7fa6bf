"""Sampling designs: how likely each group of models is, exactly, as survey statisticians have it.

A policy returns one. It draws a group, and says of any group, and of any pair, how likely it is that the draw
holds them. Three kinds are enough: a subset at random around fixed members, a subset in proportion to the
product of its weights, and a mixture. All models are positions, 0 to M − 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from math import comb, prod
from random import Random
from typing import Protocol

Group = tuple[int, ...]


class SamplingDesign(Protocol):
    """A probability for every group of K models."""

    def draw(self, random: Random) -> Group:
        """Draw a group; its order says nothing."""

    def probability(self, group: Group) -> float:
        """How likely exactly this group is, whatever its order."""

    def pair_probability(self, one: int, two: int) -> float:
        """How likely a group with both models is."""


@dataclass(frozen=True)
class RandomSubset:
    """Fixed members, filled up to `size` from a pool, every subset of which is equally likely."""

    fixed: frozenset[int]
    pool: Sequence[int]
    size: int
    _pool: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pool", frozenset(self.pool))

    @property
    def _more(self) -> int:
        return self.size - len(self.fixed)

    def draw(self, random: Random) -> Group:
        """Draw a group."""
        return (*sorted(self.fixed), *random.sample(self.pool, self._more))

    def probability(self, group: Group) -> float:
        """One over the number of subsets, or 0."""
        found = set(group)
        if not (self.fixed <= found and found - self.fixed <= self._pool):
            return 0.0
        return 1 / comb(len(self.pool), self._more)

    def pair_probability(self, one: int, two: int) -> float:
        """By counting."""
        n, more = len(self.pool), self._more
        free = {one, two} - self.fixed
        if not free <= self._pool:
            return 0.0
        return prod((more - k) / (n - k) for k in range(len(free)))


@dataclass(frozen=True)
class ProductDesign:
    """Groups in proportion to the product of their members' weights: conditional Poisson sampling.

    With e_k the sum over all groups of k of the product of their weights, a group has probability
    Π w / e_K, a pair w_i w_j e_{K−2}(without both) / e_K.

    Args:
        weights: (M,) above 0.
        size: K.

    Source:
        Hájek (1964); the sums: Chen, Dempster and Liu, Biometrika 81 (1994).
    """

    weights: tuple[float, ...]
    size: int

    @cached_property
    def _sums(self) -> list[list[float]]:
        """e_0 to e_K of the models from each position on."""
        now = [1.0] + [0.0] * self.size
        found = [now]
        for weight in reversed(self.weights):
            now = [1.0, *(now[k] + weight * now[k - 1] for k in range(1, self.size + 1))]
            found.append(now)
        return found[::-1]

    def draw(self, random: Random) -> Group:
        """Go through the models; each is in with its chance given those before."""
        group: list[int] = []
        for i, weight in enumerate(self.weights):
            left = self.size - len(group)
            if left and random.random() * self._sums[i][left] < weight * self._sums[i + 1][left - 1]:
                group.append(i)
        return tuple(group)

    def probability(self, group: Group) -> float:
        """The product of the weights over the sum of all products."""
        return prod(self.weights[i] for i in group) / self._sums[0][self.size]

    def pair_probability(self, one: int, two: int) -> float:
        """The groups with both."""
        others = [weight for i, weight in enumerate(self.weights) if i not in (one, two)]
        rest = ProductDesign(tuple(others), self.size - 2)._sums[0][self.size - 2]
        return self.weights[one] * self.weights[two] * rest / self._sums[0][self.size]

    def inclusion(self) -> list[float]:
        """(M,) how likely a group with each model is."""
        before, found = [1.0] + [0.0] * self.size, []
        for i, weight in enumerate(self.weights):
            after = self._sums[i + 1]
            rest = sum(before[k] * after[self.size - 1 - k] for k in range(self.size))
            found.append(weight * rest / self._sums[0][self.size])
            before = [1.0, *(before[k] + weight * before[k - 1] for k in range(1, self.size + 1))]
        return found


@dataclass(frozen=True)
class Mixture:
    """One of several designs, each with its probability."""

    parts: tuple[tuple[float, SamplingDesign], ...]

    def draw(self, random: Random) -> Group:
        """Draw a design, then a group."""
        chances, designs = zip(*self.parts, strict=True)
        design: SamplingDesign = random.choices(designs, chances)[0]
        return design.draw(random)

    def probability(self, group: Group) -> float:
        """The mean over the designs."""
        return sum(chance * design.probability(group) for chance, design in self.parts)

    def pair_probability(self, one: int, two: int) -> float:
        """The mean over the designs."""
        return sum(chance * design.pair_probability(one, two) for chance, design in self.parts)


@dataclass(frozen=True)
class RepeatedMember:
    """An A/A battle: one member of a pool twice, each equally likely, with any others of M models.

    Args:
        pool: the models that can stand twice.
        n_models: M.
        size: K, the twin included.
    """

    pool: Sequence[int]
    n_models: int
    size: int

    def draw(self, random: Random) -> Group:
        """Draw a group; its first two are the same model."""
        twice = random.choice(self.pool)
        others = [model for model in range(self.n_models) if model != twice]
        return (twice, twice, *random.sample(others, self.size - 2))

    def probability(self, group: Group) -> float:
        """One over the number of such groups, or 0."""
        found = set(group)
        twice = [model for model in found if group.count(model) == 2]
        if len(found) != self.size - 1 or len(twice) != 1 or twice[0] not in self.pool:
            return 0.0
        return 1 / (len(self.pool) * comb(self.n_models - 1, self.size - 2))

    def pair_probability(self, one: int, two: int) -> float:
        """By counting; of a model with itself, that it stands twice."""
        here, n, more = [model in self.pool for model in (one, two)], self.n_models, self.size - 2
        if one == two:
            return here[0] / len(self.pool)
        apart = len(self.pool) - sum(here)  # of those that stand twice, neither of the two
        with_both = more * (more - 1) / ((n - 1) * max(n - 2, 1))
        return (sum(here) * more / (n - 1) + apart * with_both) / len(self.pool)


def fixed_group(group: Sequence[int]) -> RandomSubset:
    """This group, for certain."""
    return RandomSubset(frozenset(group), (), len(group))


def any_group(n_models: int, size: int) -> RandomSubset:
    """Every group of `size` models, equally likely."""
    return RandomSubset(frozenset(), range(n_models), size)


def with_floor(design: SamplingDesign, floor: float, n_models: int, size: int) -> SamplingDesign:
    """Mix a share of draws at random into a design, so that every pair remains possible."""
    if floor <= 0:
        return design
    return Mixture(((1 - floor, design), (floor, any_group(n_models, size))))


def pair_probabilities(design: SamplingDesign, group: Group) -> tuple[float, ...]:
    """The pairs (0, 1), (0, 2), ... (1, 2), ... of a group."""
    return tuple(design.pair_probability(one, two) for one, two in combinations(group, 2))
