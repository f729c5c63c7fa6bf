"""Win rates and their influence functions against numerical derivatives by the weight of each vote."""

import numpy as np
import pytest
from hypothesis import assume, given

from agon.ranking import METHODS, Comparisons, PairCounts, rank
from tests.support import reference
from tests.support.votes import any_votes


@pytest.mark.parametrize("average", ["votes", "opponents"])
@given(votes=any_votes())
def test_scores_and_covariance_by_brute_force(average, votes):
    """The infinitesimal jackknife (Jaeckel 1972) needs nothing but the definition of the score."""
    pairs, m = votes.pairs(), len(votes.models)
    assume({model for ordered in pairs for i, j, _ in ordered for model in (i, j)} == set(range(m)))
    weights = [vote.weight for vote in votes.rows]

    def value(given_weights):
        return reference.share_won(m, pairs, average, given_weights)

    fit = METHODS["win_rate"].function(votes.comparisons().pairs, average=average)
    assert np.allclose(fit.values, value(weights), rtol=0, atol=1e-12)
    board = rank(votes.comparisons(), "win_rate", average=average, min_votes=0, cluster=None)
    expected = reference.jackknife(value, weights)
    tied = np.diag(expected) <= 1e-15  # won all, none or half of everything: the Wilson centre stands in
    inside = ~(tied[:, None] | tied[None, :])
    assert np.allclose(board.covariance[inside], expected[inside], rtol=1e-5, atol=1e-8)


def test_clustered_by_voter():
    rng = np.random.default_rng(1)
    votes = reference.hard_votes(rng, 4, 120)
    voters = rng.integers(0, 9, 120).tolist()
    made = reference.comparisons(list("abcd"), votes, labels={"voter": voters})
    board = rank(made, "win_rate", cluster="voter")
    rate = reference.share_won(4, [[vote] for vote in votes], "votes", np.ones(120))
    scores, told = np.zeros((9, 4)), np.zeros((9, 4, 4))
    for (i, j, share), voter in zip(votes, voters, strict=True):
        for model, won in ((i, share), (j, 1 - share)):
            scores[voter, model] += won - rate[model]
            told[voter, model, model] += 1
    expected, _ = reference.delete_one_cluster(scores, told)
    assert np.allclose(board.covariance, expected, rtol=1e-6, atol=1e-10)


def test_wilson_by_hand():
    """80 of 100: Wilson (1927); R's prop.test(80, 100, correct = FALSE) prints 0.7111708 0.8666331."""
    board = rank(Comparisons.from_counts(["a", "b"], [[0, 80], [20, 0]]), "win_rate")
    assert board["a"].score == 0.8
    assert (board["a"].lower, board["a"].upper) == pytest.approx((0.7111708, 0.8666331), abs=5.1e-8)


def test_all_wins_and_no_wins():
    """Wilson for 40 of 40: lower bound n / (n + z²) = 40 / 43.8415, upper 1; mirrored for 0 of 40."""
    board = rank(Comparisons.from_counts(["a", "b"], [[0, 40], [0, 0]]), "win_rate")
    edge = 40 / (40 + 1.959963984540054**2)
    assert (board["a"].score, board["b"].score) == (1, 0)
    assert (board["a"].lower, board["a"].upper) == pytest.approx((edge, 1), abs=1e-12)
    assert (board["b"].lower, board["b"].upper) == pytest.approx((0, 1 - edge), abs=1e-12)
    assert (board["a"].rank_upper, board["b"].rank_lower) == (1, 2)


@given(any_votes())
def test_intervals_stay_between_0_and_1(votes):
    board = rank(votes.comparisons(), "win_rate", min_votes=0)
    for part in (board, *board.components):
        for row in part.rows:
            if row.score is not None:
                lower, upper = row.lower or 0.0, 1.0 if row.upper is None else row.upper  # None: open
                assert -1e-12 <= lower <= row.score + 1e-12
                assert row.score - 1e-12 <= upper <= 1 + 1e-12


def test_both_bad_dropped():
    """3 wins, 1 loss, 4 both bad: (3 + 2) / 8 with halves, 3 / 4 without."""
    counts = PairCounts.of(["a", "b"], [[0, 3], [1, 0]], None, [[0, 4], [4, 0]])
    function = METHODS["win_rate"].function
    assert function(counts).values.tolist() == [0.625, 0.375]
    assert function(counts, both_bad="drop").values.tolist() == [0.75, 0.25]


def test_a_model_whose_votes_are_all_left_out_has_no_score():
    """Both bad dropped, c has nothing left: no number, no rank."""
    bad = np.zeros((3, 3))
    bad[0, 2] = bad[2, 0] = 50
    votes = Comparisons.from_counts(list("abc"), [[0, 30, 0], [20, 0, 0], [0, 0, 0]], None, bad)
    row = rank(votes, "win_rate", both_bad="drop")["c"]
    assert (row.rank, row.score, row.lower, row.upper) == (None, None, None, None)
    assert row.status == "component"
