"""The schedule of a study: which voter judges which prompt with which models, in which order.

A design in blocks that is known before the first vote, where a policy draws vote by vote: every cell, a
prompt with a group of models, goes to the same number of voters; nobody gets one twice; and the orders in
which the answers stand are balanced for every voter and for every prompt at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from random import Random

from agon.ranking.errors import OptionError

Nesting = Sequence[tuple[Hashable, ...]]  # of each item: the sets it lies in, the smallest first


@dataclass(frozen=True, slots=True)
class StudyCell:
    """A prompt with a group of models, both by number from 0; the models ascend."""

    prompt: int
    group: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """A cell, by number, for one voter, with its models in the order shown."""

    cell: int
    order: tuple[int, ...]


def study_cells(
    prompts: int, models: int, size: int, *, groups: int | None = None, seed: int = 0
) -> tuple[StudyCell, ...]:
    """The cells of a study: each prompt with all groups of models, or with so many of them.

    Args:
        prompts: their number.
        models: their number.
        size: K, the models of a group.
        groups: of each prompt; None for all. Every group then gets as many prompts as another, up to one.
        seed: of the choice.

    Raises:
        OptionError: fewer models than a group has, or more groups than there are.
    """
    if not 2 <= size <= models:
        raise OptionError(
            f"A group of {size} cannot be made of {models} models; compare 2 to {models} at once."
        )
    most = comb(models, size)
    if groups is not None and not 1 <= groups <= most:
        raise OptionError(
            f"There are {most} groups of {size} among {models} models, so not {groups} a prompt."
        )
    all_groups = list(combinations(range(models), size))
    if groups is None:
        return tuple(StudyCell(prompt, group) for prompt in range(prompts) for group in all_groups)
    random = Random(f"groups:{seed}")  # noqa: S311 - a schedule is no secret
    deck, found = list[tuple[int, ...]](), list[StudyCell]()
    for prompt in range(prompts):
        chosen: list[tuple[int, ...]] = []
        while len(chosen) < groups:  # the whole deck is dealt before a group comes again
            if not deck:
                deck = [group for group in random.sample(all_groups, most) if group not in chosen]
                deck += [group for group in random.sample(all_groups, most) if group in chosen]
            chosen.append(deck.pop(0))
        found += [StudyCell(prompt, group) for group in sorted(chosen)]
    return tuple(found)


def schedule(
    cells: Sequence[StudyCell], voters: int, overlap: int, *, seed: int = 0
) -> tuple[tuple[Placement, ...], ...]:
    """Deal cells to voters: for each voter the cells in the order in which they are judged.

    Each cell goes to `overlap` different voters. Voters get equal numbers of cells, up to one. Each model of
    a group has each place in the order shown equally often, up to one, among the votes of a voter on the
    group and among those on the cell; of two models so among all votes of a voter and on a prompt. (Edges of
    a bipartite graph are coloured so that each vertex has each colour equally often: de Werra 1971.)

    Args:
        cells: in any order.
        voters: their number.
        overlap: voters of each cell.
        seed: the same one gives the same schedule.

    Raises:
        OptionError: an overlap below one or above the number of voters.
    """
    if not 1 <= overlap <= voters:
        raise OptionError(f"An overlap of {overlap} needs as many voters, and there are {voters}.")
    random = Random(f"schedule:{seed}")  # noqa: S311 - likewise
    load, edges = [0] * voters, list[tuple[int, int]]()  # (cell, voter)
    for cell in random.sample(range(len(cells)), len(cells)):
        least = sorted(range(voters), key=lambda voter: (load[voter], random.random()))[:overlap]
        for voter in least:
            load[voter] += 1
            edges.append((cell, voter))
    size = max((len(one.group) for one in cells), default=2)
    by_voter = [((voter, cells[cell].group), voter) for cell, voter in edges]
    by_cell = [(("cell", cell), ("prompt", cells[cell].prompt)) for cell, _ in edges]
    turned = balanced_colours(by_voter, by_cell, size, random)
    shown: list[list[Placement]] = [[] for _ in range(voters)]
    basis = {group: random.sample(group, len(group)) for group in sorted({one.group for one in cells})}
    for (cell, voter), turn in zip(edges, turned, strict=True):
        order = basis[cells[cell].group]
        shown[voter].append(Placement(cell, tuple(order[turn:] + order[:turn])))
    return tuple(tuple(random.sample(own, len(own))) for own in shown)


def balanced_colours(first: Nesting, second: Nesting, colours: int, random: Random) -> list[int]:
    """Colour items so that in every set of two families of nested sets colours are as frequent, up to one.

    Args:
        first: of each item, the sets of the first family that it lies in, the smallest first.
        second: likewise of the second family.
        colours: their number.
        random: that breaks ties.
    """
    colour = [random.randrange(colours) for _ in first]
    uneven = True
    while uneven:  # every step takes squares off the counts of some set, so it ends
        uneven = False
        for one, other in combinations(range(colours), 2):
            items = [item for item, found in enumerate(colour) if found in (one, other)]
            if all(_even(items, family, colour, one) for family in (first, second)):
                continue
            uneven = True
            halves = _halves(_pairs(items, first), _pairs(items, second), items, random)
            for item, half in halves.items():
                colour[item] = (one, other)[half]
    return colour


def _even(items: Sequence[int], family: Nesting, colour: Sequence[int], one: int) -> bool:
    """Whether the items of this colour and of the other differ by at most one in every set."""
    excess: dict[Hashable, int] = defaultdict(int)
    for item in items:
        for held in family[item]:
            excess[held] += 1 if colour[item] == one else -1
    return all(abs(number) <= 1 for number in excess.values())


def _pairs(items: Sequence[int], family: Nesting) -> dict[int, int]:
    """Pair items within the smallest sets; what is left of each, within the sets around them."""
    partner: dict[int, int] = {}
    left = list(items)
    for level in range(len(family[items[0]])):
        waiting: dict[Hashable, int] = {}
        for item in left:
            held = family[item][level]
            if held in waiting:
                other = waiting.pop(held)
                partner[item], partner[other] = other, item
            else:
                waiting[held] = item
        left = list(waiting.values())
    return partner


def _halves(
    first: dict[int, int], second: dict[int, int], items: Sequence[int], random: Random
) -> dict[int, int]:
    """Halve items so that partners are apart: two pairings make paths and even cycles, never odd ones."""
    half: dict[int, int] = {}
    for start in items:
        if start in half:
            continue
        half[start] = random.randrange(2)
        for pairing, then in ((first, second), (second, first)):
            item, now, after = start, pairing, then
            while (partner := now.get(item)) is not None and partner not in half:
                half[partner] = 1 - half[item]
                item, now, after = partner, after, now
    return half
