"""Who may be ranked when a method leaves votes out, and what a board says where votes cannot tell."""

import re

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, rank
from tests.support.families import RATINGS
from tests.support.reference import NAT, comparisons, elo, hard_votes

THREE = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
DROPPING = sorted(
    name for name, how in METHODS.items() if "both_bad" in how.options and how.view != "contexts"
)
BY_PLACES = ["kwise_bayes", "weng_lin"]


def codes(board):
    return {note.code: note.models for note in board.diagnostics}


def with_both_bad(wins, number):
    """A model more, which met only the first, and all of these votes say that both are bad."""
    more, bad = np.zeros((2, len(wins) + 1, len(wins) + 1))
    more[:-1, :-1] = wins
    bad[-1, 0] = bad[0, -1] = number
    return more, bad


@pytest.mark.parametrize("name", DROPPING)
def test_a_model_whose_votes_are_all_dropped_is_not_compared(name):
    """40 votes, no comparison: no rank and no score, whatever start, prior or zero the method begins with."""
    wins, bad = with_both_bad(THREE, 40)
    board = rank(Comparisons.from_counts("abcd", wins, None, bad), name, both_bad="drop", n_resamples=5)
    row = board["d"]
    assert (row.rank, row.score, row.status, row.votes) == (None, None, "component", 40)
    assert {"not_compared", "unlinked", "by_the_ridge"} & codes(board).keys()
    assert "d" in {model for models in codes(board).values() for model in models}
    before = rank(Comparisons.from_counts("abc", THREE), name, both_bad="drop", n_resamples=5)
    assert [(r.model, r.rank) for r in board.ranked] == [(r.model, r.rank) for r in before.ranked]


@pytest.mark.parametrize("name", DROPPING)
def test_it_is_ranked_when_they_count_as_halves(name):
    wins, bad = with_both_bad(THREE, 40)
    board = rank(Comparisons.from_counts("abcd", wins, None, bad), name, both_bad="half", n_resamples=5)
    assert board["d"].status == "ranked"
    assert "not_compared" not in codes(board)


@pytest.mark.parametrize("name", BY_PLACES)
def test_probabilities_alone_rank_nobody_by_a_method_of_places(name):
    """The belief about each model is the prior: 0 ± 16 for all of them is no board."""
    pairs = [[0, 1], [1, 2], [0, 2]] * 20
    soft = {"p_a": [0.8] * 60, "timestamp": range(60)}
    board = rank(Comparisons.of("abc", pairs, [[1, 2]] * 60, **soft), name)
    assert not board.ranked
    assert {(row.rank, row.score, row.lower, row.upper) for row in board.rows} == {(None,) * 4}
    assert codes(board)["not_compared"] == ("a", "b", "c")
    assert codes(board)["left_out_votes"] == ()
    mixed = {"p_a": [np.nan] * 40 + [0.8] * 20, "timestamp": range(60)}
    shown = [[0, 1]] * 40 + [[1, 2]] * 20
    board = rank(Comparisons.of("abc", shown, [[1, 2], [2, 1]] * 30, **mixed), name, min_votes=20)
    assert {row.model for row in board.ranked} == {"a", "b"}
    assert codes(board)["not_compared"] == ("c",)


@pytest.mark.parametrize("name", BY_PLACES)
def test_probabilities_link_nobody_by_a_method_of_places(name):
    """a and b met, c and d met; between the two there are probabilities only, which are left out."""
    shown = [[0, 1]] * 40 + [[2, 3]] * 30 + [[1, 2]] * 30
    soft = {"p_a": [np.nan] * 70 + [0.8] * 30, "timestamp": range(100)}
    board = rank(Comparisons.of("abcd", shown, [[1, 2], [2, 1]] * 50, **soft), name, min_votes=20)
    assert [row.status for row in board.rows] == ["ranked", "ranked", "component", "component"]
    assert codes(board)["component"] == ("c", "d")
    assert {row.model for row in board.components[0].ranked} == {"c", "d"}
    hard = {"timestamp": range(100)}
    board = rank(Comparisons.of("abcd", shown, [[1, 2], [2, 1]] * 50, **hard), name, min_votes=20)
    assert (len(board.ranked), board.components) == (4, ())


@pytest.mark.parametrize("name", [*RATINGS, "borda", "copeland", "minimax"])
def test_no_interval_has_width_zero_where_every_vote_is_a_tie(name):
    """Resamples of ties are ties: a score that never moves is not certain, its interval stays open."""
    options = {"missing": "worst"} if name == "borda" else {}
    votes = Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), [[0, 50], [50, 0]])
    board = rank(votes, name, interval="bootstrap", n_resamples=20, **options)
    assert "all_ties" in codes(board)
    for row in board.rows:
        assert (row.lower is None and row.upper is None) or row.upper - row.lower > 1e-6
    if "loose_ties" in codes(board):  # with ties alone a model of ties bounds no strength either
        assert not board.ranked
    else:
        assert [(row.rank_lower, row.rank_upper) for row in board.rows] == [(1, 2)] * 2
        assert [row.rank for row in board.rows] == [1, 1] or name == "kwiksort"  # whose coins order them


def test_both_bad_counts_votes_and_not_their_pairs_or_weights():
    """A vote on four models with all of them bad is one vote, though it holds six pairs."""
    four = Comparisons.of(
        "abcd",
        [[0, 1, 2, 3]] * 3,
        [[1, 1, 1, 1], [1, 2, 3, 4], [1, 2, 2, 3]],
        acceptable=[[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]],
    )
    board = rank(four, min_votes=0)
    assert board.settings["both_bad_votes"] == 2
    (note,) = [note for note in board.diagnostics if note.code == "both_bad"]
    assert note.message.startswith("2 votes say that two or more answers are equally bad")
    pairs = {"acceptable": [[0, 0], [-1, -1], [-1, -1]], "weight": [0.25, 2.0, 3.0]}
    heavy = Comparisons.of("ab", [[0, 1]] * 3, [[1, 1], [1, 2], [2, 1]], **pairs)
    board = rank(heavy, min_votes=0)
    assert board.settings["both_bad_votes"] == 1
    assert "1 vote says that both are bad" in "".join(note.message for note in board.diagnostics)
    assert board["b"].score - board["a"].score == pytest.approx(NAT * np.log(3.125 / 2.125))


@pytest.mark.parametrize(("scale", "unit"), [("elo", 1.0), ("natural", NAT)])
def test_a_board_says_how_far_one_order_moves_the_scores(scale, unit):
    """Elo by a plain loop over 300 orders: the largest standard deviation within a quarter."""
    votes = hard_votes(np.random.default_rng(3), 5, 300)
    loop = np.random.default_rng(8)
    runs = [elo(5, [votes[i] for i in loop.permutation(300)], k=16.0) for _ in range(300)]
    board = rank(comparisons("abcde", votes), "elo", k=16.0, scale=scale, interval="none")
    (note,) = [note for note in board.diagnostics if note.code == "order_spread"]
    told = float(re.search(r"by up to ([\d.]+) \(standard deviation, of ([a-e])\)", note.message)[1])
    assert told == pytest.approx(np.std(runs, axis=0).max() / unit, rel=0.25)
    for options in ({"permutations": 0}, {"permutations": 1}):
        assert "order_spread" not in codes(
            rank(comparisons("abcde", votes), "elo", interval="none", **options)
        )
    ties = Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), [[0, 50], [50, 0]])
    assert "order_spread" not in codes(rank(ties, "elo", interval="none"))
