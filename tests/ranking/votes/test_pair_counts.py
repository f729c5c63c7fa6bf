"""Pair counts: the sufficient statistic, its bootstrap, and the way back to ballots."""

import numpy as np
import pytest

from agon.ranking import Ballots, Comparisons, PairCounts
from agon.ranking.errors import OptionError, VotesError
from tests.support.votes import Vote, Votes

NAMES = ("a", "b", "c")


def test_counting_by_hand():
    """a beat b twice, tied it once, both bad once; c beat a with weight 2.5; half a judgement b over c."""
    rows = (
        Vote((0, 1), (1, 2)),
        Vote((1, 0), (2, 1)),
        Vote((0, 1), (1, 1)),
        Vote((0, 1), (1, 1), (False, False)),
        Vote((2, 0), (1, 2), weight=2.5),
        Vote((1, 2), (None, None), p_a=0.25, weight=2.0),
    )
    counts = Votes(NAMES, rows).comparisons().pairs
    mean = 8.5 / 6  # of the weights, which carry no unit
    assert counts.wins * mean == pytest.approx(np.array([[0, 2, 0], [0, 0, 0.5], [2.5, 1.5, 0]]))
    assert counts.ties * mean == pytest.approx(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    assert counts.both_bad * mean == pytest.approx(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    assert counts.votes.tolist() == [5, 5, 2]  # ballots shown in, without weights


def test_halves():
    counts = PairCounts.of(["a", "b"], [[0, 3], [1, 0]], [[0, 4], [4, 0]], [[0, 6], [6, 0]])
    assert counts.halves("half").tolist() == [[0, 8], [6, 0]]
    assert counts.halves("drop").tolist() == [[0, 5], [3, 0]]
    with pytest.raises(OptionError, match="not 'third'"):
        counts.halves("third")


def test_there_and_back():
    """Counts written as ballots and counted again are the same counts."""
    wins, tie, bad = [[0, 5, 1], [2, 0, 0], [3, 4, 0]], np.zeros((3, 3)), np.zeros((3, 3))
    tie[0, 1] = tie[1, 0] = 7
    bad[1, 2] = bad[2, 1] = 2
    counts = PairCounts.from_ballots(PairCounts.of(NAMES, wins, tie, bad).to_ballots())
    assert np.array_equal(counts.wins, wins)
    assert np.array_equal(counts.ties, tie)
    assert np.array_equal(counts.both_bad, bad)
    assert counts.votes.tolist() == [5 + 1 + 2 + 3 + 7, 5 + 2 + 4 + 7 + 2, 1 + 3 + 4 + 2]


def test_names_may_come_in_any_order():
    counts = PairCounts.of(["z", "a"], [[0, 3], [1, 0]])
    again = Comparisons.from_counts(["z", "a"], [[0, 3], [1, 0]]).pairs
    assert counts.models == ("z", "a")
    assert again.models == ("a", "z")
    assert again.wins.tolist() == [[0, 1], [3, 0]]


def test_resampling_is_multinomial():
    """Total kept; means of 400 draws within 4 standard errors of the counts."""
    tie = np.array([[0, 40.0], [40.0, 0]])
    counts = PairCounts.of(["a", "b"], [[0, 100], [60, 0]], tie)
    rng = np.random.default_rng(0)
    drawn = [counts.resample(rng) for _ in range(400)]
    for one in drawn[:20]:
        assert one.wins.sum() + one.ties.sum() / 2 == 200
        assert np.array_equal(one.ties, one.ties.T)
    mean = np.mean([one.wins[0, 1] for one in drawn])
    assert abs(mean - 100) < 4 * np.sqrt(200 * 0.5 * 0.5 / 400)
    spread = np.var([one.wins[0, 1] for one in drawn])
    assert 0.7 < spread / (200 * 0.5 * 0.5) < 1.3


def test_weighted_counts_are_not_resampled_as_votes():
    with pytest.raises(VotesError, match="resample the ballots"):
        PairCounts.of(["a", "b"], [[0, 1.5], [2, 0]]).resample(np.random.default_rng(0))


def test_the_views_agree():
    """Counting the pairs of K-wise ballots gives one pair of each, whatever K."""
    ballots = Ballots.of(NAMES, [[0, 1, 2]], [[1, 2, 0]], count=[4])
    assert PairCounts.from_ballots(ballots).wins.tolist() == [[0, 4, 4], [0, 0, 4], [0, 0, 0]]
