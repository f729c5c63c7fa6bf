"""Distinct ballots in canonical order, and the pairs they order (design.md, "The ballot, exactly")."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.ranking import Ballots
from tests.support.votes import Vote, Votes, any_votes

FOUR = ["a", "b", "c", "d"]


def pairs(places, acceptable=None):
    """(first, second, outcome) of every pair one ballot over a, b, c, d orders."""
    fine = None if acceptable is None else [acceptable]
    rows = Ballots.of(FOUR, [[0, 1, 2, 3]], [places], acceptable=fine).pair_rows
    kinds = np.stack([rows.win, rows.loss, rows.tie, rows.both_bad], axis=1)
    assert np.all(kinds.sum(axis=1) == 1)
    words = [("win", "loss", "tie", "both_bad")[i] for i in kinds.argmax(axis=1)]
    return list(zip(rows.first.tolist(), rows.second.tolist(), words, strict=True))


def test_best_of_four_orders_only_the_winner():
    """[1, null, null, null]: above every other answer, which are not compared with one another."""
    assert pairs([1, 0, 0, 0]) == [(0, 1, "win"), (0, 2, "win"), (0, 3, "win")]


def test_three_tied_seconds_are_another_vote():
    """[1, 2, 2, 2] also says that the other three are equal."""
    won = [(0, 1, "win"), (0, 2, "win"), (0, 3, "win")]
    assert pairs([1, 2, 2, 2]) == [*won, (1, 2, "tie"), (1, 3, "tie"), (2, 3, "tie")]


def test_four_answers_with_a_tie():
    """[2, 1, 1, 3] of design.md."""
    assert pairs([2, 1, 1, 3]) == [
        (0, 1, "loss"),
        (0, 2, "loss"),
        (0, 3, "win"),
        (1, 2, "tie"),
        (1, 3, "win"),
        (2, 3, "win"),
    ]


def test_unranked_is_below_the_last_ranked():
    assert pairs([2, 0, 1, 0]) == [
        (0, 1, "win"),
        (0, 2, "loss"),
        (0, 3, "win"),
        (1, 2, "loss"),
        (2, 3, "win"),
    ]


def test_nobody_ranked_orders_nothing():
    assert pairs([0, 0, 0, 0]) == []


def test_both_bad_needs_equal_places_and_both_unacceptable():
    """A strict order below the line of acceptability stays a win; one acceptable answer makes it a tie."""
    assert pairs([1, 1, 2, 2], [0, 0, 0, 0]) == [
        (0, 1, "both_bad"),
        (0, 2, "win"),
        (0, 3, "win"),
        (1, 2, "win"),
        (1, 3, "win"),
        (2, 3, "both_bad"),
    ]
    assert pairs([1, 1, 2, 2], [1, 0, 0, -1])[0] == (0, 1, "tie")
    assert pairs([1, 1, 2, 2], [1, 0, 0, -1])[-1] == (2, 3, "tie")


def test_a_soft_judgement_is_a_share_of_a_win_for_each():
    """p_a belongs to the first shown model, here b, which is second by name."""
    rows = Ballots.of(["a", "b"], [[1, 0]], [[0, 0]], p_a=[0.3]).pair_rows
    assert (rows.first[0], rows.second[0], rows.tie[0], rows.both_bad[0]) == (0, 1, 0.0, 0.0)
    assert rows.win[0] == pytest.approx(0.7, abs=1e-15)
    assert rows.loss[0] == pytest.approx(0.3, abs=1e-15)


def test_models_are_sorted_and_equal_votes_merged():
    """b beat a twice, seen from both sides, and once the other way."""
    ballots = Ballots.of(["b", "a"], [[0, 1], [1, 0], [0, 1]], [[1, 2], [2, 1], [2, 1]])
    assert ballots.models == ("a", "b")
    assert ballots.shown.tolist() == [[0, 1], [0, 1]]
    assert dict(zip(map(tuple, ballots.places.tolist()), ballots.count.tolist(), strict=True)) == {
        (2, 1): 2,
        (1, 2): 1,
    }
    assert (ballots.total, ballots.votes.tolist()) == (3, [3, 3])


def test_weight_and_probability_keep_votes_apart():
    ballots = Ballots.of(
        ["a", "b"],
        [[0, 1]] * 4,
        [[1, 2]] * 4,
        p_a=[np.nan, np.nan, 0.5, 0.5],
        weight=[1, 2, 1, 1],
    )
    assert sorted(ballots.count.tolist()) == [1, 1, 2]
    assert not ballots.unweighted
    assert ballots.total == 4


def test_counts_stand_for_votes():
    ballots = Ballots.of(["a", "b"], [[0, 1], [1, 0]], [[1, 2], [2, 1]], count=[3, 4])
    assert ballots.count.tolist() == [7]


def test_padding_is_no_model():
    """Two ballots of two models and one of three; what stands in a padded seat does not matter."""
    ballots = Ballots.of(
        ["a", "b", "c"], [[0, 1, -1], [-1, 1, 0], [2, 1, 0]], [[1, 2, 0], [7, 2, 1], [1, 2, 3]]
    )
    assert sorted(ballots.count.tolist()) == [1, 2]
    assert ballots.votes.tolist() == [3, 3, 1]
    assert len(ballots.pair_rows.ballot) == 1 + 3


def test_a_pairwise_table_may_hold_a_ballot_of_one():
    """An empty seat must not look like another pair: it once merged (b, -) into (a, c)."""
    ballots = Ballots.of(["a", "b", "c"], [[0, 2], [1, -1]], [[1, 0], [1, 0]])
    assert sorted(ballots.shown.tolist()) == [[0, 2], [1, -1]]
    assert ballots.votes.tolist() == [1, 1, 1]
    assert len(ballots.pair_rows.ballot) == 1


def test_ballots_of_one_model_order_nothing():
    ballots = Ballots.of(["a"], [[0], [0]], [[1], [1]])
    assert (ballots.total, len(ballots.pair_rows.ballot)) == (2, 0)


def test_no_votes_at_all():
    ballots = Ballots.of(["a", "b"], [], [])
    assert (ballots.total, ballots.votes.tolist(), len(ballots.pair_rows.ballot)) == (0, [0, 0], 0)


def test_resampling_keeps_the_number_of_votes_and_the_distinct_ballots():
    ballots = Ballots.of(
        ["a", "b", "c"], [[0, 1], [1, 2], [0, 2]], [[1, 2], [1, 1], [2, 1]], count=[50, 30, 20]
    )
    drawn = ballots.resample(np.random.default_rng(3))
    assert drawn.total == 100
    assert drawn.count.tolist() != ballots.count.tolist()
    assert np.array_equal(drawn.shown, ballots.shown)
    again = ballots.resample(np.random.default_rng(3))
    assert np.array_equal(drawn.count, again.count)
    many = np.mean([ballots.resample(np.random.default_rng(s)).count for s in range(300)], axis=0)
    assert np.allclose(many, [50, 20, 30], atol=1.5)  # canonical order: (a, b), (a, c), (b, c)


def test_a_subset_keeps_only_ballots_of_the_kept_models():
    ballots = Ballots.of(["a", "b", "c"], [[0, 1], [1, 2], [0, 2]], [[1, 2], [1, 1], [2, 1]])
    kept = ballots.subset(np.array([True, False, True]))
    assert kept.models == ("a", "c")
    assert kept.shown.tolist() == [[0, 1]]
    assert kept.places.tolist() == [[2, 1]]


@given(any_votes())
def test_the_pairs_are_those_of_the_definition(votes):
    """Sum of shares per ordered pair, against the definition written out in conftest."""
    ballots = votes.comparisons().ballots
    rows = ballots.pair_rows
    weight = (ballots.weight * ballots.count)[rows.ballot]
    m = len(ballots.models)
    ours = np.zeros((m, m))
    np.add.at(ours, (rows.first, rows.second), weight * (rows.win + 0.5 * (rows.tie + rows.both_bad)))
    np.add.at(ours, (rows.second, rows.first), weight * (rows.loss + 0.5 * (rows.tie + rows.both_bad)))
    expected = np.zeros((m, m))
    for vote, ordered in zip(votes.rows, votes.pairs(), strict=True):
        for i, j, share in ordered:
            expected[i, j] += vote.weight * share
            expected[j, i] += vote.weight * (1 - share)
    mean = np.mean([vote.weight for vote in votes.rows])
    assert np.allclose(ours, expected / mean, rtol=0, atol=1e-12)


@given(any_votes(), st.randoms(use_true_random=False))
def test_canonical_order_forgets_the_order_of_rows(votes, random):
    """Every array is the same, bit for bit."""
    shuffled = list(votes.rows)
    random.shuffle(shuffled)
    one = votes.comparisons().ballots
    two = Votes(votes.models, tuple(shuffled)).comparisons().ballots
    for name in ("shown", "places", "acceptable", "p_a", "weight", "count"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_canonical_order_forgets_the_sides():
    vote = Vote((0, 1), (1, 1), (True, False))
    one = Votes(("a", "b"), (vote,)).comparisons().ballots
    two = Votes(("a", "b"), (vote.swapped(),)).comparisons().ballots
    assert one.acceptable.tolist() == two.acceptable.tolist() == [[1, 0]]
