"""800 random elections against pref_voting 1.18.2, wherever both define the rule.

400 are of strict complete ballots, 400 of ballots with ties and gaps; in half of the latter a model
left out is "shown but not ranked" (pref_voting: extended strict preference), in half "not shown".

Differences, none of them in a winner:
- pref_voting's instant run-off stops at a majority; ours goes on, for the sake of the lower tiers.
- Its Coombs stops at a majority too, which can change the winner: ours does so with majority_stops.
- Its minimax, Schulze (beat path) and split cycle weigh majorities by margins: ours are told to.
- Its ranked pairs elects whoever some order of equal majorities elects. Ours locks them together: one
  order and one result, so our winners are among its winners only where no majorities are equal (then
  they are the same); with tie_break="names" or "random" ours is one of its orders.
- Its Kemeny lists all best orders; ours finds one of them.
- Its Dowdall compares floating-point sums, in which 1/2 + 1/6 and 1/3 + 1/3 may differ: ours may tie more.
- Its condorcet elects everybody where there is no winner, ours nobody.
"""

import math

import numpy as np
import pytest

from agon.ranking import Ballots, PairCounts
from tests.support.brute_force import names, run

pytest.importorskip("pref_voting")
pytestmark = pytest.mark.filterwarnings("ignore")

import pref_voting.voting_methods as theirs  # noqa: E402
from pref_voting.probabilistic_methods import maximal_lottery  # noqa: E402
from pref_voting.profiles import Profile  # noqa: E402
from pref_voting.profiles_with_ties import ProfileWithTies  # noqa: E402

pytestmark = pytest.mark.slow

PARTS = range(10)
EACH = 40


def strict_election(rng):
    m, n = int(rng.integers(2, 7)), int(rng.integers(1, 9))
    orders = [rng.permutation(m).tolist() for _ in range(n)]
    counts = rng.integers(1, 4, n).tolist()
    places = np.array([[order.index(x) + 1 for x in range(m)] for order in orders])
    ours = Ballots.of(names(m), [range(m)] * n, places, count=counts)
    return ours, Profile(orders, rcounts=counts), m


def loose_election(rng, *, shown):
    """Ballots with ties and gaps; a gap is not ranked if all models are shown, else not there."""
    m, n = int(rng.integers(2, 7)), int(rng.integers(1, 9))
    counts = rng.integers(1, 4, n).tolist()
    level = rng.integers(1, 4, (n, m))
    gap = rng.random((n, m)) < 0.25
    gap[0] = False
    dense = np.zeros((n, m), dtype=int)
    for row in range(n):
        kept = np.flatnonzero(~gap[row])
        if not len(kept):
            kept = np.array([0])
            gap[row, 0] = False
        dense[row, kept] = 1 + np.unique(level[row, kept], return_inverse=True)[1]
    seats = np.tile(np.arange(m), (n, 1)) if shown else np.where(gap, -1, np.arange(m))
    ours = Ballots.of(names(m), seats, dense, count=counts)
    rankings = [{x: int(dense[row, x]) for x in range(m) if not gap[row, x]} for row in range(n)]
    other = ProfileWithTies(rankings, rcounts=counts, candidates=list(range(m)))
    if shown:
        other.use_extended_strict_preference()
    return ours, other, m


def top(rule, votes, **options):
    result = run(rule, votes, **options)
    if hasattr(result, "winners"):
        return sorted(result.winners)
    return np.flatnonzero(result.values >= result.values.max() - 1e-9).tolist()


def compare_majorities(ours, other, m):
    margin = PairCounts.from_ballots(ours).wins
    margin = margin - margin.T
    assert all(margin[a, b] == other.margin(a, b) for a in range(m) for b in range(m))
    assert top("smith_set", ours) == theirs.smith_set(other)
    assert top("schwartz_set", ours) == theirs.schwartz_set(other)
    assert top("copeland", ours) == theirs.copeland(other)
    assert top("minimax", ours, measure="margins") == theirs.minimax(other)
    assert top("schulze", ours, measure="margins") == theirs.beat_path(other)
    assert top("split_cycle", ours) == theirs.split_cycle(other)
    condorcet = top("condorcet", ours)
    assert (condorcet or list(range(m))) == theirs.condorcet(other)
    assert (top("weak_condorcet", ours) or list(range(m))) == theirs.weak_condorcet(other)
    sizes = np.unique(margin[margin > 0], return_counts=True)[1].tolist()
    sizes.append(int((margin == 0).sum()) - m)  # it orders tied pairs, both ways, too
    if m <= 5 and math.prod(map(math.factorial, sizes)) <= 24:  # it tries every order of equal majorities
        elected = theirs.ranked_pairs(other)
        assert set(top("ranked_pairs", ours, tie_break="names")) & set(elected)
        if max(sizes) == 1 and not sizes[-1]:
            assert top("ranked_pairs", ours) == elected
    if m <= 5:
        assert set(run("kemeny", ours).winners) == set(theirs.kemeny_young(other))
    lottery = maximal_lottery(other)
    ours_drawn = run("maximal_lottery", ours).lottery
    assert (np.array([lottery[x] for x in range(m)]) @ margin).min() > -1e-6 * max(1, np.abs(margin).max())
    assert (ours_drawn @ margin).min() > -1e-8 * max(1, np.abs(margin).max())


@pytest.mark.parametrize("part", PARTS)
def test_strict_elections(part):
    rng = np.random.default_rng(part)
    for _ in range(EACH):
        ours, other, m = strict_election(rng)
        compare_majorities(ours, other, m)
        assert top("plurality", ours) == theirs.plurality(other)
        assert top("veto", ours) == theirs.anti_plurality(other)
        assert top("borda", ours) == theirs.borda(other)
        scores = other.borda_scores()
        assert run("borda", ours).values.tolist() == [scores[x] for x in range(m)]
        assert set(top("dowdall", ours)) >= set(theirs.dowdall(other))
        assert top("instant_runoff", ours) == theirs.instant_runoff(other)
        assert top("coombs", ours, majority_stops=True) == theirs.coombs(other)
        assert top("baldwin", ours) == theirs.baldwin(other)
        assert top("nanson", ours) == theirs.strict_nanson(other)
        assert top("nanson", ours, drop="at_or_below") == theirs.weak_nanson(other)
        assert top("two_round", ours) == theirs.plurality_with_runoff_put(other)


@pytest.mark.parametrize("part", PARTS)
def test_elections_with_ties_and_gaps(part):
    rng = np.random.default_rng(1000 + part)
    for i in range(EACH):
        shown = i % 2 == 0
        ours, other, m = loose_election(rng, shown=shown)
        compare_majorities(ours, other, m)
        if shown:
            assert top("instant_runoff", ours, ties="share") == theirs.split_irv(other)
            assert top("instant_runoff", ours, ties="best") == theirs.approval_irv(other)
