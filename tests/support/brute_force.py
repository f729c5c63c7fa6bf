"""Voting rules written again from their definitions, by enumeration and in fractions; slow and independent.

A ballot is (weight, {model: place}) with None for shown but not ranked; a model that is not in it was not
shown. Models are numbers.
"""

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import strategies as st

from agon.ranking import METHODS, Ballots, ScoreTable
from tests.support.paths import DATASETS, GOLDEN

needs_golden = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"no golden values in {GOLDEN}; set AGON_GOLDEN"
)
needs_datasets = pytest.mark.skipif(not DATASETS.is_dir(), reason=f"no data in {DATASETS}; set AGON_DATASETS")


def golden_json(name):
    return json.loads((GOLDEN / name).read_text())


def run(name, votes, **options):
    """The method by name on ballots or on a table, as the registry calls it."""
    how = METHODS[name]
    if isinstance(votes, Ballots) and how.view == "pairs":
        from agon.ranking import PairCounts

        votes = PairCounts.from_ballots(votes)
    elif isinstance(votes, ScoreTable):
        votes = how.view_of(votes)
    return how.function(votes, **how.settings(options))


def names(m):
    return [f"m{i:02d}" for i in range(m)]


def ballots_of(m, profile):
    """The profile as the engine takes it."""
    width = max([2, *(len(ballot) for _, ballot in profile)])
    shown = np.full((len(profile), width), -1)
    places = np.zeros((len(profile), width), dtype=int)
    for row, (_, ballot) in enumerate(profile):
        taken = sorted({place for place in ballot.values() if place is not None})
        for column, (model, place) in enumerate(ballot.items()):
            shown[row, column] = model
            places[row, column] = 0 if place is None else taken.index(place) + 1
    return Ballots.of(names(m), shown, places, weight=[float(w) for w, _ in profile])


@st.composite
def profiles(draw, *, ties=True, gaps=False, unranked=False, max_models=5, max_ballots=6):
    """(number of models, profile): every model on a ballot somewhere."""
    m = draw(st.integers(2, max_models))
    profile = []
    for row in range(draw(st.integers(1, max_ballots))):
        weight = draw(st.sampled_from([Fraction(1), Fraction(2), Fraction(3), Fraction(1, 2)]))
        order = draw(st.permutations(range(m)))
        levels = (
            [draw(st.integers(1, 3)) for _ in range(m)] if ties and draw(st.booleans()) else range(1, m + 1)
        )
        ballot = dict(zip(order, levels, strict=True))
        if gaps and row:
            for model in draw(st.sets(st.integers(0, m - 1), max_size=m - 1)):
                del ballot[model]
        if unranked and draw(st.booleans()):
            ranked = max(1, draw(st.integers(1, m)))
            ballot = {k: (p if i < ranked else None) for i, (k, p) in enumerate(ballot.items())}
        dense = sorted({p for p in ballot.values() if p is not None})
        profile.append((weight, {k: None if p is None else dense.index(p) + 1 for k, p in ballot.items()}))
    return m, profile


def level(ballot, model):
    place = ballot[model]
    return 10**6 if place is None else place


def orders(ballot, models):
    """All strict orders of the models that agree with the ballot's weak order."""
    groups = [
        [x for x in models if level(ballot, x) == value]
        for value in sorted({level(ballot, x) for x in models})
    ]
    for choice in itertools.product(*(itertools.permutations(group) for group in groups)):
        yield [x for group in choice for x in group]


def points(m, profile, vector, ties, models=None):
    """Points of complete ballots by averaging, or taking the best or worst, over all ways to break ties."""
    models = list(range(m)) if models is None else list(models)
    total = dict.fromkeys(models, Fraction(0))
    for weight, ballot in profile:
        broken = list(orders(ballot, models))
        for x in models:
            got = [Fraction(vector[order.index(x)]) for order in broken]
            value = {"share": sum(got) / len(got), "best": max(got), "worst": min(got)}[ties]
            total[x] += weight * value
    return total


def wins(m, profile):
    """(m, m) weight for row over column; unranked is below ranked and not compared with unranked."""
    table = [[Fraction(0)] * m for _ in range(m)]
    for weight, ballot in profile:
        for a, b in itertools.permutations(ballot, 2):
            if level(ballot, a) < level(ballot, b):
                table[a][b] += weight
    return table


def margin(m, profile):
    table = wins(m, profile)
    return [[table[a][b] - table[b][a] for b in range(m)] for a in range(m)]


def subsets(models):
    models = list(models)
    for size in range(1, len(models) + 1):
        yield from (set(chosen) for chosen in itertools.combinations(models, size))


def smith(m, g):
    """The smallest set all of whose members beat all others."""
    return next(s for s in subsets(range(m)) if all(g[a][b] > 0 for a in s for b in set(range(m)) - s))


def schwartz(m, g):
    """The union of the minimal sets that nobody outside beats."""
    closed = [s for s in subsets(range(m)) if all(g[b][a] <= 0 for a in s for b in set(range(m)) - s)]
    return set().union(*(s for s in closed if not any(t < s for t in closed)))


def paths(m, a, b):
    for size in range(m - 1):
        for middle in itertools.permutations(set(range(m)) - {a, b}, size):
            yield [a, *middle, b]


def schulze_winners(m, strength):
    def best(a, b):
        return max(min(strength[x][y] for x, y in itertools.pairwise(path)) for path in paths(m, a, b))

    return {a for a in range(m) if all(best(a, b) >= best(b, a) for b in range(m) if b != a)}


def split_cycle_winners(m, g):
    """A defeats B if its margin exceeds the smallest margin of every majority cycle with both on it."""
    cycles = []
    for chosen in subsets(range(m)):
        first, *rest = sorted(chosen)
        for order in itertools.permutations(rest):
            steps = list(itertools.pairwise([first, *order, first]))
            if len(chosen) > 2 and all(g[x][y] > 0 for x, y in steps):
                cycles.append((chosen, min(g[x][y] for x, y in steps)))
    return {
        b
        for b in range(m)
        if not any(
            g[a][b] > 0 and all(g[a][b] > weakest for on, weakest in cycles if {a, b} <= on) for a in range(m)
        )
    }


def _leads(edges, a, b):
    front, seen = [a], set()
    while front:
        x = front.pop()
        if x == b:
            return True
        seen.add(x)
        front += [y for x2, y in edges if x2 == x and y not in seen]
    return False


def ranked_pairs_winners(m, g, tie_break):
    """Lock strong majorities in first; equal ones by name, or together if on no cycle with each other."""
    edges = [(a, b) for a in range(m) for b in range(m) if g[a][b] > 0]
    locked = set()
    for value in sorted({g[a][b] for a, b in edges}, reverse=True):
        batch = [edge for edge in edges if g[edge[0]][edge[1]] == value]
        if tie_break == "together":
            locked |= {(a, b) for a, b in batch if not _leads(locked | set(batch), b, a)}
        else:
            for a, b in batch:
                if not _leads(locked, b, a):
                    locked.add((a, b))
    return {b for b in range(m) if not any((a, b) in locked for a in range(m))}


def kemeny_costs(m, table):
    """The least disagreement and all orders that have it."""
    cost = {
        order: sum(table[b][a] for i, a in enumerate(order) for b in order[i + 1 :])
        for order in itertools.permutations(range(m))
    }
    least = min(cost.values())
    return least, [order for order, value in cost.items() if value == least]


def eliminated(m, score):
    """Tiers when all with the lowest score(left) go, again and again, until all left are equal."""
    left, tiers = set(range(m)), []
    while left:
        values = score(left)
        gone = {x for x in left if values[x] == min(values.values())}
        tiers.insert(0, tuple(sorted(gone)))
        left -= gone
    return tuple(tiers)


def tops(profile, ties):
    """First places among those left; a ballot that ranks none of them is exhausted."""

    def score(left):
        total = dict.fromkeys(left, Fraction(0))
        for weight, ballot in profile:
            ranked = {x: p for x, p in ballot.items() if x in left and p is not None}
            first = [x for x in ranked if ranked[x] == min(ranked.values())]
            for x in first:
                total[x] += (
                    weight * {"share": Fraction(1, len(first)), "best": 1, "worst": len(first) == 1}[ties]
                )
        return total

    return score


def borda_tiers(m, profile, ties, drop):
    left, tiers = set(range(m)), []
    while left:
        score = points(m, profile, range(len(left) - 1, -1, -1), ties, sorted(left))
        mean = sum(score.values()) / len(left)
        gone = {
            "least": {x for x in left if score[x] == min(score.values())},
            "below": {x for x in left if score[x] < mean},
            "at_or_below": {x for x in left if score[x] <= mean},
        }[drop]
        gone = gone if gone and gone != left else left
        tiers.insert(0, tuple(sorted(gone)))
        left = left - gone
    return tuple(tiers)


def threshold_winners(m, profile):
    """As printed: for step n..2 keep those with the largest weight of ballots not at that place."""
    left = set(range(m))
    for step in range(m, 1, -1):
        score = {
            x: sum(w for w, b in profile if sum(level(b, y) <= level(b, x) for y in b) != step) for x in left
        }
        left = {x for x in left if score[x] == max(score.values())}
    return left
