"""Majority cycles: by hand, by enumeration, and on a real election with a Condorcet winner."""

from itertools import permutations

import numpy as np
import pytest

from agon.ranking import Ballots, OptionError, PairCounts
from agon.ranking.analysis.condorcet_cycles import majority_cycles


def test_rock_paper_scissors():
    votes = PairCounts.of(("paper", "rock", "scissors"), [[0, 7, 2], [3, 0, 9], [8, 1, 0]])
    found = majority_cycles(votes)
    assert found.winner is None and found.top == ("paper", "rock", "scissors")
    assert found.triples == 1 and len(found.cycles) == 1
    one = found.cycles[0]
    assert one.models == ("paper", "rock", "scissors")
    assert one.margins == (4, 8, 6) and one.weakest == 4
    assert one.shares == pytest.approx((0.4, 0.8, 0.6))
    assert str(one) == "paper > rock (+4) > scissors (+8) > paper (+6)"
    assert "weakest step is 4 (40.0% of its votes)" in found.conclusion()
    assert found.to_frame().shape == (1, 4) and found.to_dict()["triples"] == 1


def test_no_cycle():
    same = Ballots.of(["a", "b", "c"], [[0, 1, 2]], [[1, 2, 3]], count=[5])
    found = majority_cycles(same)
    assert found.winner == "a" and found.cycles == () and found.triples == 0 and found.knots == ()
    assert found.conclusion().startswith("a beats every other model, and no majorities")


def test_cycle_of_four_without_one_of_three():
    """With ties across, four models can go in a circle though no three do."""
    wins = np.zeros((4, 4))
    for i in range(4):
        wins[i, (i + 1) % 4] = 3
        wins[(i + 1) % 4, i] = 1
    ties = np.zeros((4, 4))
    ties[0, 2] = ties[2, 0] = ties[1, 3] = ties[3, 1] = 4
    found = majority_cycles(PairCounts.of(list("abcd"), wins, ties))
    assert found.triples == 0 and found.cycles[0].models == ("a", "b", "c", "d")
    assert found.knots == (("a", "b", "c", "d"),) and found.top == ("a", "b", "c", "d")


def test_against_enumeration():
    rng = np.random.default_rng(2)
    for _ in range(20):
        m = int(rng.integers(3, 8))
        wins = rng.integers(0, 6, (m, m)).astype(float)
        np.fill_diagonal(wins, 0)
        margin = wins - wins.T
        known = {
            trio: min(margin[trio[0], trio[1]], margin[trio[1], trio[2]], margin[trio[2], trio[0]])
            for trio in permutations(range(m), 3)
            if trio[0] == min(trio)
            and margin[trio[0], trio[1]] > 0
            and margin[trio[1], trio[2]] > 0
            and margin[trio[2], trio[0]] > 0
        }
        found = majority_cycles(
            PairCounts.of([f"m{i}" for i in range(m)], wins + 0, np.zeros((m, m))), limit=5
        )
        assert found.triples == len(known)
        of_three = [one for one in found.cycles if len(one.models) == 3]
        best = sorted(known.values(), reverse=True)[:5]
        assert [one.weakest for one in of_three] == best[: len(of_three)]
        for size in range(1, m + 1):  # the Smith set: the smallest set that beats all outside
            sets = [
                set(part)
                for part in permutations(range(m), size)
                if all(margin[i, j] > 0 for i in part for j in range(m) if j not in part)
            ]
            if sets:
                assert {int(name[1:]) for name in found.top} == sets[0]
                break


def test_places_look_at_the_top_alone():
    wins = np.triu(np.full((6, 6), 5.0), 1) + np.tril(np.full((6, 6), 1.0), -1)
    wins[3, 5], wins[5, 3] = 1, 5  # a circle among the last three
    votes = PairCounts.of(list("abcdef"), wins)
    assert majority_cycles(votes).triples == 1
    found = majority_cycles(votes, places=3)
    assert found.triples == 0 and found.among == ("a", "b", "c")
    with pytest.raises(OptionError):
        majority_cycles(votes, limit=0)
