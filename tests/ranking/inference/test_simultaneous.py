"""Who may be first, differences on every board, and intervals that hold all at once."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.stats import norm, studentized_range, t

from agon.ranking import Comparisons, bradley_terry_world, rank
from agon.ranking.errors import OptionError
from agon.ranking.inference.intervals import first, from_covariance, from_samples
from agon.ranking.inference.simultaneous import max_t, p_value_of, quantile

VOTES = bradley_terry_world(8, 1500, seed=5).comparisons()
METHODS = ["bradley_terry", "win_rate", "elo", "copeland", "minimax"]


def board_of(method, **options):
    if method == "elo":
        options = {"permutations": 9, "n_resamples": 30, **options}
    return rank(VOTES, method, **options)


def test_two_models_are_first_by_empirical_bayes():
    """Scores 0.5 and 0, their difference of standard error 0.5, by quadrature over the spread of the field.

    With a spread τ of each score the difference is N(0, 2τ²) before the votes; given them it is positive with
    the chance Φ(√(2τ²/(2τ² + 0.25)) · 0.5/0.5), weighed by the density of 0.5 under N(0, 2τ² + 0.25).
    """
    values, covariance = np.array([0.0, 0.5]), np.array([[0.2, 0.05], [0.05, 0.15]])
    chance = first(values, from_covariance(values, covariance, 0.95), np.arange(2), 0)
    assert chance.sum() == pytest.approx(1, abs=1e-12)
    spread = np.linspace(0.0005, 1.0, 20_000)
    total = 2 * spread**2 + 0.25
    weight = norm.pdf(0.5, scale=np.sqrt(total))
    expected = (weight * norm.cdf(np.sqrt(2 * spread**2 / total))).sum() / weight.sum()
    assert chance[1] == pytest.approx(expected, abs=0.01 + 4 * np.sqrt(0.2 / 10_000))


def test_few_clusters_make_being_first_less_sure():
    """Student's with 2 degrees of freedom has heavier tails than the normal."""
    values = np.array([0.0, 2.0, -3.0])
    wide, narrow = (
        first(values, from_covariance(values, 0.2 * np.eye(3), 0.95, df), np.arange(3), 0)[1]
        for df in (2.0, np.inf)
    )
    assert wide < narrow


def test_models_alike_are_first_alike():
    values = np.zeros(5)
    chance = first(values, from_covariance(values, np.eye(5), 0.95), np.arange(5), 0)
    assert np.allclose(chance, 0.2, rtol=0, atol=4 * 0.4 / 100)


def test_a_model_far_behind_is_never_first_and_one_unranked_has_no_chance():
    values = np.array([0.0, 9.0, 9.0])
    chance = first(values, from_covariance(values, np.eye(3), 0.95), np.array([0, 1]), 0)
    assert chance[:2].tolist() == [0, 1]
    assert np.isnan(chance[2])


def test_the_bootstrap_counts_rounds_and_shares_a_tie():
    samples = np.array([[3.0, 1.0, 2.0], [1.0, 3.0, 3.0], [np.nan, 2.0, 1.0], [np.inf, 5.0, 6.0]])
    chance = first(
        np.array([2.0, 1.5, 1.0]), from_samples(samples, 0.95, samples.mean(axis=0)), np.arange(3), 0
    )
    assert chance.tolist() == [0.5, 0.375, 0.125]


@pytest.mark.parametrize("method", METHODS)
def test_every_board_says_who_may_be_first(method):
    board = board_of(method)
    chances = [row.p_first for row in board.ranked]
    assert sum(chances) == pytest.approx(1, abs=1e-9)
    assert max(chances) == board.ranked[0].p_first
    for row in board.ranked:
        assert row.p_first < 0.05 or row.rank_lower <= 3, "who may be first is near the top"
    assert board.to_frame()["p_first"].notna().all()
    assert board_of(method, interval="none").ranked[0].p_first is None


@pytest.mark.parametrize("method", METHODS)
def test_every_board_compares_two_models(method):
    board = board_of(method)
    one, two = board.ranked[0].model, board.ranked[-1].model
    if board.ranked[0].score is None:
        pytest.skip(f"{method} gives no scores")
    found, back = board.difference(one, two), board.difference(two, one)
    assert 0 < found.lower <= found.difference <= found.upper
    assert (back.lower, back.upper) == pytest.approx((-found.upper, -found.lower), rel=0.2)
    assert found.p_value == back.p_value
    assert 0 < found.p_value < 0.1


def test_the_bootstrap_agrees_with_the_sandwich_about_a_difference():
    """1,000 rounds: percentiles within 15% of the width."""
    one, two = rank(VOTES), rank(VOTES, interval="bootstrap", n_resamples=1000)
    names = [row.model for row in one.ranked]
    for pair in pairwise(names):
        ours, theirs = one.difference(*pair), two.difference(*pair)
        width = ours.upper - ours.lower
        assert theirs.lower == pytest.approx(ours.lower, abs=0.15 * width)
        assert theirs.upper == pytest.approx(ours.upper, abs=0.15 * width)
        assert theirs.p_value == pytest.approx(ours.p_value, abs=0.06)


def test_the_p_value_of_a_bootstrap_is_never_zero():
    board = rank(VOTES, interval="bootstrap", n_resamples=99, cluster=None)
    found = board.difference(board.ranked[0].model, board.ranked[-1].model)
    assert found.p_value == 2 / 100


def test_quantiles_with_few_degrees_of_freedom():
    """Student's t of scipy: 2.0227 with 39, 1.95996 with infinitely many."""
    assert quantile(0.95, 39) == pytest.approx(t.ppf(0.975, 39), rel=1e-12)
    assert quantile(0.95) == pytest.approx(norm.ppf(0.975), rel=1e-12)
    assert p_value_of(2.0, 39) == pytest.approx(2 * t.sf(2.0, 39), rel=1e-12)
    assert p_value_of(-2.0) == pytest.approx(2 * norm.sf(2.0), rel=1e-12)


@pytest.mark.parametrize("models", [2, 5, 20])
def test_all_differences_at_once_are_the_studentised_range(models):
    """Independent equal variances: Tukey's q / √2 (scipy), within the noise of a simulated quantile."""
    found = max_t(np.zeros(models, dtype=np.int64), seed=0, covariance=np.eye(models))
    wanted = studentized_range.ppf(0.95, models, 1e6) / np.sqrt(2)
    assert found.for_differences(0.95) == pytest.approx(wanted, rel=0.02)
    alone = norm.ppf((1 + 0.95 ** (1 / models)) / 2)  # the largest of independent errors
    assert found.for_scores(0.95) == pytest.approx(alone, rel=0.02)
    assert found.p_value(wanted, 0.0) == pytest.approx(0.05, abs=0.01)


def test_few_clusters_need_more_room_at_once_too():
    """Tukey's q with 10 degrees of freedom."""
    found = max_t(np.zeros(4, dtype=np.int64), seed=0, covariance=np.eye(4), df=10)
    assert found.for_differences(0.95) == pytest.approx(
        studentized_range.ppf(0.95, 4, 10) / np.sqrt(2), rel=0.03
    )


def test_many_models_get_a_bound_that_is_not_too_small():
    """Šidák (1967) for 31,125 pairs of 250 models is above the studentised range."""
    found = max_t(np.zeros(250, dtype=np.int64), seed=0, covariance=np.eye(250))
    assert found.for_differences(0.95) > studentized_range.ppf(0.95, 250, 1e6) / np.sqrt(2)
    assert found.for_differences(0.95) == pytest.approx(norm.isf((1 - 0.95 ** (1 / 31125)) / 2), rel=1e-9)
    assert found.p_value(
        found.for_differences(0.95), p_value_of(found.for_differences(0.95))
    ) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("interval", ["sandwich", "bootstrap"])
def test_simultaneous_boards_are_wider_everywhere(interval):
    plain = rank(VOTES, interval=interval)
    board = rank(VOTES, interval=interval, simultaneous=True)
    for row in board.ranked:
        other = plain[row.model]
        assert row.score == other.score
        assert row.lower < other.lower < other.upper < row.upper
        assert row.rank_lower <= other.rank_lower
        assert row.rank_upper >= other.rank_upper
    one, two = board.ranked[0].model, board.ranked[1].model
    assert board.difference(one, two) == plain.difference(one, two, simultaneous=True)
    assert board.difference(one, two, simultaneous=False) == plain.difference(one, two)
    found = board.difference(one, two)
    assert found.simultaneous
    assert found.p_value > plain.difference(one, two).p_value
    assert found.upper - found.lower > 1.3 * (
        plain.difference(one, two).upper - plain.difference(one, two).lower
    )


@pytest.mark.parametrize("cluster", [None, "voter"])
def test_rank_ranges_are_those_of_all_pairs_at_once(cluster):
    """Holm by hand: the k-th smallest of K p-values of single pairs, while it is at most 0.05/(K − k + 1)."""
    votes = bradley_terry_world(8, 1500, voters=30, seed=5).comparisons()
    board = rank(votes, cluster=cluster)
    pairs = [(a.model, b.model) for a, b in combinations(board.ranked, 2)]
    found = sorted((board.difference(*pair).p_value, pair) for pair in pairs)
    number = next(k for k, (p, _) in enumerate(found) if p > 0.05 / (len(pairs) - k))
    sure = [pair for _, pair in found[:number]]
    assert 0 < number < sum(p <= 0.05 for p, _ in found)
    for row in board.ranked:
        above = sum(lower == row.model for _, lower in sure)
        below = sum(upper == row.model for upper, _ in sure)
        assert (row.rank_lower, row.rank_upper) == (1 + above, len(board.ranked) - below)


def test_of_equal_models_seldom_any_is_above_another():
    """20 equal models: 5% of 200 boards at most, and three times the error of that; one by one it was 94%."""
    rng, names, shown = np.random.default_rng(12), [f"m{k}" for k in range(20)], 0
    for _ in range(200):
        wins = np.triu(rng.binomial(20, 0.5, (20, 20)), 1)
        wins = wins + np.triu(20 - wins, 1).T
        board = rank(Comparisons.from_counts(names, wins))
        shown += any(row.rank_upper < 20 for row in board.rows)
    assert 0 < shown / 200 <= 0.05 + 3 * 0.0154


def test_simultaneous_is_true_or_false():
    with pytest.raises(OptionError, match="simultaneous must be True or False"):
        rank(VOTES, simultaneous="yes")


def test_a_board_that_only_elects_has_no_difference():
    with pytest.raises(OptionError, match="no score on this board"):
        rank(VOTES, "condorcet", n_resamples=10).difference("model-1", "model-2")


def test_clusters_widen_intervals_by_student():
    """t of the clusters instead of 1.96: nearly as many equal ones, so nearly one less than their number."""
    world = bradley_terry_world(4, 800, voters=12, seed=3)
    votes = world.comparisons()
    board = rank(votes, cluster="voter")
    spread = np.sqrt(np.diag(board.covariance))
    effective, df = board.uncertainty.clustering.effective, board.uncertainty.df
    assert 8 < effective < 12
    assert df == pytest.approx(effective - 1, rel=0.15)
    for i, model in enumerate(board.models):
        row = board[model]
        assert (row.upper - row.lower) / 2 == pytest.approx(t.ppf(0.975, df) * spread[i], rel=1e-9)


def test_the_anchor_is_fixed_and_the_others_are_relative():
    board = rank(Comparisons.from_counts(list("abc"), [[0, 60, 20], [50, 0, 40], [30, 15, 0]]), anchor="b")
    free = rank(Comparisons.from_counts(list("abc"), [[0, 60, 20], [50, 0, 40], [30, 15, 0]]))
    assert (board["b"].lower, board["b"].upper) == (1000, 1000)
    assert board.interval_text(board["b"]) == "fixed"
    for model in "ac":
        relative = free.difference(model, "b")
        assert board[model].lower == pytest.approx(1000 + relative.lower, abs=1e-9)
        assert board[model].upper == pytest.approx(1000 + relative.upper, abs=1e-9)
        assert board.difference(model, "b").p_value == pytest.approx(relative.p_value, rel=1e-9)
