"""Worlds with known strengths: frequencies against the probabilities that are claimed."""

import numpy as np
import pytest

from agon.ranking import OptionError, bradley_terry_world


def test_frequencies_are_those_of_the_model():
    """100,000 votes on one pair, 1 nat apart: win 0.731059 of the decided ones, errors of 0.0017."""
    world = bradley_terry_world(n_votes=100_000, ties=0.2, both_bad=0.1, strengths=np.array([1.0, 0.0]))
    share = np.bincount(world.outcome, minlength=4) / 100_000
    assert share[2] == pytest.approx(0.2, abs=0.006)
    assert share[3] == pytest.approx(0.1, abs=0.005)
    decided = world.outcome < 2
    winner = np.where(world.outcome == 0, world.first, world.second)[decided]
    assert (winner == 0).mean() == pytest.approx(0.7310586, abs=0.007)


def test_what_a_world_is_made_of():
    world = bradley_terry_world(12, 500, voters=7, seed=1)
    assert world.models[0] == "model-01"
    assert (len(world.models), len(world.outcome)) == (12, 500)
    assert np.all(world.first != world.second)
    assert set(world.first.tolist()) == set(range(12))
    assert (world.voter.min(), world.voter.max()) == (0, 6)
    assert world.strengths.mean() == pytest.approx(0, abs=1e-12)


def test_strengths_are_centred_and_spread():
    assert bradley_terry_world(strengths=np.array([3.0, 1.0])).strengths.tolist() == [1, -1]
    assert bradley_terry_world(4000, 0, spread=0.5).strengths.std() == pytest.approx(0.5, abs=0.03)
    assert not bradley_terry_world(4, 10, spread=0).strengths.any()


def test_the_seed_makes_the_world():
    one, two, three = (bradley_terry_world(seed=seed) for seed in (4, 4, 5))
    assert np.array_equal(one.outcome, two.outcome)
    assert not np.array_equal(one.outcome, three.outcome)


def test_the_votes_are_those_of_the_world():
    world = bradley_terry_world(5, 300, ties=0.3, both_bad=0.2, seed=2)
    votes = world.comparisons()
    pairs = votes.pairs
    assert pairs.ties.sum() / 2 == (world.outcome == 2).sum()
    assert pairs.both_bad.sum() / 2 == (world.outcome == 3).sum()
    i, j = world.first[0], world.second[0]
    expected = sum(
        (a == i and b == j and o == 0) or (a == j and b == i and o == 1)
        for a, b, o in zip(world.first, world.second, world.outcome, strict=True)
    )
    assert pairs.wins[i, j] == expected
    assert votes.clusters("voter").size == len(set(world.voter.tolist()))


def test_no_votes_are_a_world_too():
    assert len(bradley_terry_world(3, 0).comparisons()) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_models": 1},
        {"n_votes": -1},
        {"voters": 0},
        {"ties": -0.1},
        {"ties": 0.7, "both_bad": 0.5},
        {"both_bad": float("nan")},
        {"spread": -1.0},
        {"spread": float("inf")},
        {"strengths": np.array([0.0, np.nan])},
    ],
)
def test_impossible_worlds(wrong):
    with pytest.raises(OptionError, match=r"world needs|are shares|finite"):
        bradley_terry_world(**wrong)
