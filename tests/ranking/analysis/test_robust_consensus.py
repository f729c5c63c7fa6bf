"""Tiers by downward merge and the breakdown point of an order: golden values and cases by hand."""

import json
from itertools import permutations

import numpy as np
import pytest

from agon.ranking import Ballots, OptionError, PairCounts, bradley_terry_world, breakdown_point, rank, tiers


@pytest.fixture(scope="module")
def golden(datasets):
    return json.loads((datasets.parent / "golden" / "breakdown.json").read_text())


def ballots(profile):
    places = np.argsort(np.array(profile), axis=1) + 1
    shown = np.broadcast_to(np.arange(places.shape[1]), places.shape)
    return Ballots.of([f"m{i}" for i in range(places.shape[1])], shown, places)


def test_the_golden_breakdown(golden):
    found = breakdown_point(ballots(golden["profile"]))
    assert found.order == tuple(f"m{i}" for i in golden["median"])
    assert found.share == pytest.approx(list(golden["mixture_epsilon_by_delta"].values()), abs=6e-7)
    assert found.pairs[:2] == (("m0", "m1"), ("m1", "m2"))
    assert "28.6% of false votes put m1 level with m0" in found.conclusion()


def test_the_bound_is_a_mixture_that_ties_the_pair(golden):
    """(1 − ε)P + ε(1 − P of the reversed order): the d-th pair is level, weaker ones have turned."""
    shares = np.array(golden["pairwise_P"])
    found = breakdown_point(ballots(golden["profile"]))
    for epsilon, (upper, lower) in zip(found.share, found.pairs, strict=True):
        assert (1 - epsilon) * shares[int(upper[1]), int(lower[1])] == pytest.approx(0.5)


def test_a_pair_against_its_majority_needs_no_false_votes():
    """A circle: whatever the order, one pair stands against its majority."""
    votes = PairCounts.of("abc", [[0, 60, 45], [40, 0, 60], [55, 40, 0]])
    found = breakdown_point(votes)
    assert found.share[0] == 0.0
    assert found.share[1:] == pytest.approx([1 - 0.5 / 0.6] * 2)


def votes_of(shares, total=1000):
    wins = np.array(shares) * total
    return PairCounts.of([f"m{i}" for i in range(len(wins))], wins)


SHARES = np.array(
    [
        [0.00, 0.51, 0.56, 0.80, 0.90],
        [0.49, 0.00, 0.53, 0.80, 0.90],
        [0.44, 0.47, 0.00, 0.80, 0.90],
        [0.20, 0.20, 0.20, 0.00, 0.54],
        [0.10, 0.10, 0.10, 0.46, 0.00],
    ]
)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.0, ["m0", "m1", "m2", "m3", "m4"]),
        (0.02, ["m0 m1", "m2", "m3", "m4"]),
        (0.042, ["m0 m1", "m2", "m3 m4"]),  # m0 m1 against m2 is (0.56 + 0.53) / 2 = 0.545: stays apart
        (0.05, ["m0 m1 m2", "m3 m4"]),
        (0.4, ["m0 m1 m2 m3 m4"]),
    ],
)
def test_merging_goes_on_until_nothing_is_close(threshold, expected):
    found = tiers(votes_of(SHARES), threshold=threshold)
    assert [" ".join(tier) for tier in found.tiers] == expected
    assert found.merges == 5 - len(expected)
    assert all(margin >= threshold for margin in found.margins)


def test_shares_are_pooled_over_the_votes_between_tiers():
    """m0, with 56 of 100 votes against m2, shares a tier with m1, with 530 of 1,000."""
    wins = SHARES * 1000
    wins[0, 2], wins[2, 0] = 56, 44
    found = tiers(PairCounts.of([f"m{i}" for i in range(5)], wins), threshold=0.02)
    assert found.tiers[0] == ("m0", "m1")
    assert found.margins[0] == pytest.approx(586 / 1100 - 0.5)


def test_tiers_keep_the_order_of_the_rule():
    """No neighbours are left below the threshold; every model is in one tier, in the board's order."""
    votes = bradley_terry_world(15, 4000, seed=2, spread=0.4).comparisons()
    found = tiers(votes, threshold=0.06)
    board = [row.model for row in rank(votes).rows]
    flat = [name for tier in found.tiers for name in tier]
    assert sorted(flat) == sorted(board)
    place = {name: k for k, tier in enumerate(found.tiers) for name in tier}
    assert [place[name] for name in board] == sorted(place[name] for name in board)
    assert 1 < len(found.tiers) < 15
    assert all(margin >= 0.06 for margin in found.margins)
    assert f"15 models form {len(found.tiers)} tiers" in found.conclusion()


def test_names_do_not_matter():
    expected = tiers(votes_of(SHARES), threshold=0.05).tiers
    for order in list(permutations(range(5)))[::17]:
        wins = (SHARES * 1000)[np.ix_(order, order)]
        found = tiers(PairCounts.of([f"m{i}" for i in order], wins), threshold=0.05).tiers
        assert [set(tier) for tier in found] == [set(tier) for tier in expected]


def test_other_components_are_left_out_and_named():
    wins = np.zeros((5, 5))
    wins[:3, :3] = 30 * (1 - np.eye(3))
    wins[3, 4] = wins[4, 3] = 10
    found = tiers(PairCounts.of("abcde", wins))
    assert found.tiers == (("a", "b", "c"),)
    assert found.left_out == ("d", "e")
    assert breakdown_point(PairCounts.of("abcde", wins), method="copeland").left_out == ("d", "e")


def test_neighbours_without_votes_stay_apart():
    """a and b only met c and d, and won 60% and 58% there: nothing says how near they are to each other."""
    wins = np.array([[0, 0, 60, 60], [0, 0, 58, 58], [40, 42, 0, 50], [40, 42, 50, 0]])
    found = tiers(PairCounts.of("abcd", wins), threshold=0.05)
    assert found.tiers == (("a",), ("b",), ("c", "d"))
    assert found.margins == (None, pytest.approx(0.08))


@pytest.mark.parametrize("threshold", [-0.1, 0.5, float("nan")])
def test_refusals(threshold):
    with pytest.raises(OptionError, match="threshold must be at least 0 and below"):
        tiers(votes_of(SHARES), threshold=threshold)
