"""Every fault that independent computation found (cases/ranking.md): its right value, or the test with it."""

import re
from importlib import import_module

import numpy as np
import pytest

from agon.ranking import Comparisons, ScoreTable, rank
from agon.ranking.inference.intervals import first, from_covariance
from tests.support.paths import CASES

HELD = {  # fault: tests that hold its right value
    "F1": (
        "tests.ranking.properties.test_what_others_get_wrong:test_an_undefeated_model_is_first",
        "tests.ranking.properties.test_what_others_get_wrong:test_a_winless_model_is_last",
        "tests.ranking.properties.test_what_others_get_wrong:test_a_component_above_another_by_one_way_wins",
    ),
    "F2": (
        "tests.ranking.inference.test_dependence:test_intervals_hold_whether_votes_depend_or_not",
        "tests.ranking.methods.likelihood.test_plackett_luce:test_clusters_are_left_out_one_by_one",
    ),
    "F3": (
        "tests.ranking.leaderboard.test_newcomers:test_one_vote_of_a_newcomer_moves_nobody_in_any_analysis",
    ),
    "F4": ("tests.ranking.leaderboard.test_newcomers:test_one_vote_of_a_newcomer_moves_no_rank",),
    "F5": ("tests.ranking.leaderboard.test_newcomers:test_pairs_that_never_met_are_named",),
    "F6a": (
        "tests.ranking.methods.social_choice.test_majority_graph:"
        "test_nobody_is_elected_where_there_is_no_condorcet_winner",
    ),
    "F6b": ("tests.ranking.leaderboard.test_newcomers:test_shared_first_places_are_said_to_be_shared",),
    "F6c": ("tests.ranking.methods.social_choice.test_kemeny:test_a_cycle_of_three_has_no_first",),
    "F6d": (
        "tests.data.files.test_duplicates:test_equal_votes_alone_are_no_repeats",
        "tests.data.files.test_duplicates:test_a_voter_alone_makes_equal_rows_no_repeats",
    ),
    "F6e": (
        "tests.ranking.methods.social_choice.test_positional:"
        "test_the_remedy_for_votes_on_pairs_keeps_their_order",
    ),
    "F6f": ("tests.ranking.methods.likelihood.test_plackett_luce:test_a_prior_at_its_limit_was_not_chosen",),
    "F6g": ("tests.ranking.methods.social_choice.test_maximal_lotteries:test_several_lotteries_are_told",),
    "F6h": ("tests.repository.test_reproductions:test_every_board_is_rebuilt_within_its_bound",),
    "F7a": (f"{__name__}:test_the_chance_of_being_first_of_a_close_field_is_one",),
    "F7b": (
        "tests.ranking.methods.online.test_trueskill:test_chances_and_differences_are_those_of_the_means",
    ),
    "F7c": ("tests.ranking.inference.test_simultaneous:test_few_clusters_make_being_first_less_sure",),
    "F8": (
        "tests.ranking.properties.test_weights:test_a_factor_changes_nothing",
        "tests.ranking.properties.test_weights:test_nor_for_posteriors_features_and_sides",
        "tests.ranking.methods.likelihood.test_tie_models:"
        "test_the_interval_of_the_tie_parameter_is_that_of_the_scores",
    ),
    "F9": ("tests.ranking.leaderboard.test_anytime:test_the_mean_of_few_tasks_has_students_interval",),
    "F10": (
        "tests.data.test_reading:test_times_with_offsets_are_ordered_in_utc",
        f"{__name__}:test_prices_per_token_are_told_apart",
    ),
}


@pytest.mark.parametrize("fault", HELD)
def test_its_right_value_is_held_by_a_test(fault):
    for name in HELD[fault]:
        module, function = name.split(":")
        assert callable(getattr(import_module(module), function)), name


def test_no_fault_of_the_page_is_without_a_test():
    page = CASES / "ranking.md"
    if not page.exists():
        pytest.skip("needs cases/ranking.md, which is not in the repository")
    found = set()
    for part in re.split(r"^### (?=F\d)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        number = re.match(r"F\d+", part)[0]
        letters = re.findall(r"^ ([a-z])\. ", part.split("\n## ")[0], flags=re.MULTILINE)
        found |= {number + letter for letter in letters} or {number}
    assert found == set(HELD)


def cycle(n, m):
    """a over b over c over a, n wins to m."""
    pairs = np.array([[0, 1], [1, 2], [2, 0]])
    shown = np.repeat(pairs, n + m, axis=0)
    return Comparisons.of("abc", shown, np.tile([[1, 2]] * n + [[2, 1]] * m, (3, 1)))


def test_one_side_of_two_that_won_everything_is_first():
    """F1: 100 to none is rank 1 and 2, each alone, with the winner's score open above."""
    board = rank(Comparisons.of("xy", [[0, 1]] * 100, [[1, 2]] * 100))
    assert [(row.model, row.rank_lower, row.rank_upper) for row in board] == [("x", 1, 1), ("y", 2, 2)]
    assert board[0].upper is None and board[1].lower is None


def test_a_cycle_has_no_condorcet_winner_but_votes():
    """F6a, F6b: 180 votes compare all three; nobody beats both others; shared places are said to be."""
    board = rank(cycle(40, 20), "condorcet", interval="none")
    said = board.conclusion() + " ".join(board.remarks())
    assert "No vote" not in said and {row.status for row in board} == {"unplaced"}
    assert "share the first place" in rank(cycle(40, 20), "smith_set", interval="none").conclusion()


@pytest.mark.slow
def test_the_chance_of_being_first_of_a_close_field_is_one():
    """F7a: 50 models that lie a third of a standard error apart: what is said is what is true."""
    rng, said, true = np.random.default_rng(9), [], []
    for seed in range(150):
        truth = rng.normal(size=50) / 3
        values = truth + rng.normal(size=50)
        unsure = from_covariance(values, np.eye(50), 0.95)
        best = int(values.argmax())
        said.append(first(values, unsure, np.arange(50), seed)[best])
        true.append(best == truth.argmax())
    assert np.mean(said) == pytest.approx(np.mean(true), abs=0.06)  # two and a half standard errors


def test_prices_per_token_are_told_apart():
    """F10: units do not decide who is tied."""
    prices = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 5.0]])
    for unit in (1e-9, 1.0, 1e9):
        board = rank(ScoreTable.of("abc", ["in", "out"], prices * unit), "mean", interval="none")
        assert [(row.model, row.rank) for row in board] == [("c", 1), ("b", 2), ("a", 3)]
