"""Every row of peers.md, "What they get wrong: each is a test for us"."""

import math

import numpy as np
import pytest

from agon.ranking import Ballots, Comparisons, bradley_terry_world, rank
from agon.ranking.errors import SourceError, VotesError
from tests.support.families import RATINGS
from tests.support.reference import NAT

THREE = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]


def board_of(wins, names="abcdefgh", method="bradley_terry", **options):
    return rank(Comparisons.from_counts(list(names[: len(wins)]), wins), method, **options)


def with_one_more(wins, won=0.0, lost=0.0):
    """The counts with a model more that won and lost so often against each of the others."""
    more = np.zeros((len(wins) + 1,) * 2)
    more[:-1, :-1] = wins
    more[-1, :-1], more[:-1, -1] = won, lost
    return more


def codes(board):
    return {note.code: note.models for note in board.diagnostics}


def test_an_undefeated_model_is_first():
    """evalica: every model 1e-6; arena-rank: 3813 ± 0.01. Ours: first, finite, open above, named.

    Were it no better than a, its 50 wins over a alone would have a chance of at most 2^-50.
    """
    board = board_of(with_one_more(THREE, won=50))
    row = board["d"]
    assert (row.rank, row.status, row.upper, row.votes) == (1, "ranked", None, 150)
    assert (row.rank_lower, row.rank_upper) == (1, 1)
    assert board.conclusion() == "d leads all 3 others at 95%, however often one looks."
    assert board.rows[0] == row
    assert math.isfinite(row.score)
    assert row.lower < row.score
    assert row.score > max(board[m].score for m in "abc")
    assert codes(board)["undefeated"] == ("d",)
    assert [r.rank for r in board.ranked] == [1, 2, 3, 4]


def test_a_winless_model_is_last():
    row = (board := board_of(with_one_more(THREE, lost=50)))["d"]
    assert (row.rank, row.status, row.lower) == (4, "ranked", None)
    assert (row.rank_lower, row.rank_upper) == (4, 4)
    assert row.score < min(board[m].score for m in "abc")
    assert row.upper > row.score
    assert codes(board)["winless"] == ("d",)


def test_a_newcomer_with_one_win_is_never_first_and_moves_nobody():
    """evalica: the board collapses; arena-rank and FastChat: first at 3231 and 3074."""
    votes = np.zeros((4, 4))
    votes[:3, :3] = THREE
    votes[3, 0] = 1
    before, after = board_of(THREE), board_of(votes)
    assert after.rows[0].model == before.rows[0].model
    assert after["d"].rank is None
    for model in "abc":
        assert abs(after[model].score - before[model].score) < 1  # design.md: not more than 1 Elo point
        assert after[model].rank == before[model].rank
        assert after[model].lower == pytest.approx(before[model].lower, abs=1)


LIKELIHOODS = [
    "bradley_terry",
    "davidson",
    "newman",
    "plackett_luce",
    "rao_kupper",
    "rao_kupper_bag",
    "thurstone",
]


@pytest.mark.parametrize("method", LIKELIHOODS)
def test_undefeated_winless_and_new_models_by_every_likelihood(method):
    """First or last, with an open side, and named; nobody else moves by a billionth of a point."""
    options = {"precision": 1.0} if method == "plackett_luce" else {}
    before = rank(Comparisons.from_counts("abc", THREE), method, **options)
    for won, lost, code in ((50, 0, "undefeated"), (0, 50, "winless")):
        votes = Comparisons.from_counts("abcd", with_one_more(THREE, won=won, lost=lost))
        board = rank(votes, method, **options)
        row = board["d"]
        assert (row.rank, row.status) == (1 if won else 4, "ranked")
        assert (row.upper if won else row.lower) is None
        assert (row.lower if won else row.upper) is not None
        assert codes(board)[code] == ("d",)
        for other in before.rows:
            assert board[other.model].score == pytest.approx(other.score, abs=1e-9)
            assert board[other.model].lower == pytest.approx(other.lower, abs=1e-9)
            assert board[other.model].rank == other.rank + (won > 0)


@pytest.mark.parametrize("method", LIKELIHOODS)
def test_fifty_votes_among_three_millions_by_every_likelihood(method):
    """No ridge that grows with n: the interval of 40 wins and 10 losses hardly sees the other votes."""
    if method == "newman":
        pytest.skip("the same likelihood as davidson")
    wins = np.full((4, 4), 250_000.0)
    np.fill_diagonal(wins, 0)
    wins = with_one_more(wins)
    wins[4, 0], wins[0, 4] = 40, 10
    options = {"precision": 0.0} if method == "plackett_luce" else {}
    board = board_of(wins, names="abcdz", anchor="a", anchor_score=1000, method=method, **options)
    if method == "thurstone":
        p, scale = 0.8, 200 * math.sqrt(2)
        gap, density = 0.8416212335729143, math.exp(-0.5 * 0.8416212335729143**2) / math.sqrt(2 * math.pi)
        expected = 1.959963984540054 * scale * math.sqrt(p * (1 - p) / 50) / density
        assert board["z"].score == pytest.approx(1000 + scale * gap, abs=0.01)
    else:
        expected = 120.37
        assert board["z"].score == pytest.approx(1000 + NAT * math.log(4), abs=0.01)
    assert board["z"].upper - board["z"].score == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("method", RATINGS)
def test_a_newcomer_is_not_first_by_any_method(method):
    votes = np.zeros((4, 4))
    votes[:3, :3] = THREE
    votes[3, 0] = 1
    board = rank(Comparisons.from_counts(list("abcd"), votes), method, n_resamples=20)
    assert board["d"].status == "provisional"
    assert board.rows[0].model != "d"
    assert "d" in codes(board)["few_votes"]


def test_disconnected_models_are_never_on_one_scale():
    """evalica: an arbitrary offset; the others: one ranking with finite intervals."""
    wins = np.zeros((5, 5))
    wins[:3, :3] = THREE
    wins[3, 4], wins[4, 3] = 60, 20
    for method in RATINGS:
        board = rank(Comparisons.from_counts(list("abcde"), wins), method, n_resamples=4)
        assert [r.model for r in board.rows[3:]] == ["d", "e"]
        for row in board.rows[3:]:
            assert row.status == "component"
            assert (row.rank, row.score, row.lower, row.upper) == (None, None, None, None)
            assert (row.rank_lower, row.rank_upper) == (None, None)
        (other,) = board.components
        # each of the two lost only to the other, whom a surfer follows however seldom it happened
        second = 1 if method == "pagerank" else 2
        assert [(r.model, r.rank) for r in other.rows] == [("d", 1), ("e", second)]
        assert other.by == {"component": 2}
        assert codes(board)["component"] == ("d", "e")
        alone = board_of(THREE)
        if method == "bradley_terry":
            assert [r.score for r in board.ranked] == pytest.approx([r.score for r in alone.rows], abs=1e-9)
            gap = other["d"].score - other["e"].score
            assert gap == pytest.approx(NAT * math.log(3), abs=1e-9)


def test_a_component_above_another_by_one_way_wins():
    """a, b, c all lost to d and e and never beat them: no maximum likelihood, and yet no doubt."""
    wins = np.zeros((5, 5))
    wins[:3, :3] = THREE
    wins[3, 4], wins[4, 3] = 60, 20
    wins[3:, :3] = 10
    board = board_of(wins)
    assert [(row.model, row.rank) for row in board.rows[:2]] == [("d", 1), ("e", 2)]
    assert [(row.rank_lower, row.rank_upper) for row in board.rows[:2]] == [(1, 1), (2, 2)]
    assert [row.upper for row in board.rows[:2]] == [None, None]
    assert board["d"].score - board["e"].score == pytest.approx(NAT * math.log(3))
    assert min(board[m].lower for m in "de") > max(board[m].upper for m in "abc")
    assert {row.rank_lower for row in board.rows[2:]} >= {3}
    assert board.components == ()
    alone = board_of(THREE)
    assert [board[m].score for m in "abc"] == pytest.approx([alone[m].score for m in "abc"], abs=1e-9)


def test_beating_the_weakest_says_little_about_the_strongest():
    """f beat only c, 40 times; c lost 95% of its votes to a: 0.95^40 = 13% is no proof of being above a."""
    wins = np.zeros((4, 4))
    wins[:3, :3] = [[0, 100, 380], [60, 0, 300], [20, 40, 0]]
    wins[3, 2] = 40
    row = board_of(wins)["d"]
    assert (row.rank, row.upper) == (1, None)
    assert row.rank_upper == 3  # above c, and perhaps not above a and b


def test_between_components_without_votes_there_is_no_order():
    """x and y both beat a, b and c, and never met: both stand above these, and neither above the other."""
    wins = np.zeros((5, 5))
    wins[:3, :3] = THREE
    wins[3:, :3] = 30
    board = board_of(wins)
    assert [(r.model, r.rank, r.rank_lower, r.rank_upper) for r in board.rows[:2]] == [
        ("d", 1, 1, 2),
        ("e", 1, 1, 2),
    ]


@pytest.mark.parametrize("method", [*LIKELIHOODS, "eigenvector", "rank_centrality"])
def test_two_models_of_which_one_won_everything(method):
    board = rank(Comparisons.from_counts("xy", [[0, 100], [0, 0]]), method, n_resamples=20)
    assert [(row.model, row.rank, row.rank_lower, row.rank_upper) for row in board.rows] == [
        ("x", 1, 1, 1),
        ("y", 2, 2, 2),
    ]


def test_an_anchor_says_nothing_about_another_component():
    wins = np.zeros((5, 5))
    wins[:3, :3] = THREE
    wins[3, 4], wins[4, 3] = 40, 35
    plain, anchored = board_of(wins), board_of(wins, anchor="a", anchor_score=700)
    assert anchored["a"].score == 700
    assert anchored.components[0].rows == plain.components[0].rows


def test_all_ties_have_an_interval_and_a_flag():
    """arena-rank: width 0. The information about a difference after 50 ties of two models is 50/4."""
    tie = [[0, 50], [50, 0]]
    board = rank(Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), tie))
    assert [(row.rank, row.score) for row in board.rows] == [(1, 1000), (1, 1000)]
    half = 1.959963984540054 * NAT * math.sqrt(4 / 50) / 2
    assert board["a"].upper - 1000 == pytest.approx(half, rel=1e-9)
    assert "all_ties" in codes(board)
    for method in ("win_rate", "elo"):
        other = rank(Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), tie), method, n_resamples=20)
        assert "all_ties" in codes(other)
        if method == "win_rate":
            assert other["a"].upper - other["a"].lower > 0.1


def test_a_model_that_only_ties_has_an_interval():
    """d tied 40 times with each of the others: not a single score differs from its expectation by much."""
    tie = np.zeros((4, 4))
    tie[3, :3] = tie[:3, 3] = 40
    wins = [[0, 30, 30, 0], [30, 0, 30, 0], [30, 30, 0, 0], [0, 0, 0, 0]]
    board = rank(Comparisons.from_counts(list("abcd"), wins, tie))
    information = 120 / 4  # of d against three equal models, were they known
    half = 1.959963984540054 * NAT / math.sqrt(information)
    assert board["d"].score == pytest.approx(1000, abs=1e-9)
    assert 0.5 * half < board["d"].upper - board["d"].score < 1.2 * half


def test_fifty_votes_among_three_millions_have_an_honest_interval():
    """A ridge that grows with n gives ± 26 to 31; the truth is the newcomer's own binomial error.

    z won 40 and lost 10 against a. With a known, its score is a + ln 4 with variance 1/(50 · 0.8 · 0.2)
    = 0.125, so ± 1.96 · 173.72 · √0.125 = 120.4; the 3,000,000 other votes add a thousandth of it.
    """
    wins = np.full((4, 4), 250_000.0)
    np.fill_diagonal(wins, 0)
    wins = with_one_more(wins)
    wins[4, 0], wins[0, 4] = 40, 10
    board = board_of(wins, names="abcdz", anchor="a", anchor_score=1000)
    assert sum(row.votes for row in board.rows) == 2 * (3_000_000 + 50)
    assert board["z"].score == pytest.approx(1000 + NAT * math.log(4), abs=0.01)
    assert board["z"].upper - board["z"].score == pytest.approx(120.37, abs=0.1)
    drawn = board_of(wins, names="abcdz", anchor="a", interval="bootstrap", n_resamples=400)
    assert (drawn["z"].upper - drawn["z"].lower) / 2 == pytest.approx(120.37, rel=0.15)


def test_shuffling_the_rows_changes_nothing():
    """Others: 1.5e-5 points (Elo: 30)."""
    world = bradley_terry_world(8, 2000, seed=6)
    order = np.random.default_rng(0).permutation(2000)
    places = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[world.outcome]
    shown = np.stack([world.first, world.second], axis=1)
    fine = np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])[world.outcome]
    other = Comparisons.of(world.models, shown[order], places[order], acceptable=fine[order])
    for method in RATINGS:
        both = (world.comparisons(), other)  # the other has no voters
        one, two = (rank(votes, method, n_resamples=4, cluster=None) for votes in both)
        assert one.rows == two.rows
        assert one.fingerprint == two.fingerprint


@pytest.mark.parametrize("method", RATINGS)
def test_no_votes_at_all(method):
    empty = np.zeros((0, 2), dtype=int)
    for votes in (
        Comparisons.of(["a", "b"], empty, empty),
        Comparisons.of(["a", "b"], [], []),
        Comparisons.of([], [], []),
        Comparisons.from_counts(["a", "b"], np.zeros((2, 2))),
        Ballots.of(["a", "b"], [[0, 1]], [[1, 2]], count=[0]),
    ):
        with pytest.raises(SourceError, match="no votes to rank"):
            rank(votes, method)


@pytest.mark.parametrize("method", RATINGS)
def test_one_model_alone(method):
    """It met nobody: on the board, with no rank."""
    board = rank(Comparisons.of(["a"], [[0]] * 3, [[1]] * 3), method, n_resamples=5)
    (row,) = board.rows
    assert (row.model, row.rank, row.votes, row.status) == ("a", None, 3, "provisional")


def test_a_listed_model_without_votes():
    """It is on the list of models and was never shown."""
    wins = np.zeros((4, 4))
    wins[:3, :3] = THREE
    board = board_of(wins)
    assert (board["d"].rank, board["d"].score, board["d"].votes) == (None, None, 0)
    assert [r.model for r in board.ranked] == [r.model for r in board_of(THREE).ranked]


@pytest.mark.parametrize("weight", [-1.0, 0.0, math.nan, math.inf])
def test_bad_weights_are_refused(weight):
    """evalica: silent or an assertion."""
    with pytest.raises(VotesError, match="A weight is"):
        Comparisons.of(["a", "b"], [[0, 1]] * 2, [[1, 2]] * 2, weight=[1.0, weight])


@pytest.mark.parametrize("name", [None, math.nan, 3, "", "  "])
def test_a_missing_name_is_refused(name):
    """evalica: a model called "nan"; arena-rank and FastChat: the votes go to another model."""
    with pytest.raises(VotesError, match="A model is named"):
        Comparisons.of(["a", name], [[0, 1]], [[1, 2]])
