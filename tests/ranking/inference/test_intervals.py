"""Intervals and rank ranges: bootstrap against sandwich, coverage, open sides."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from agon.ranking import Comparisons, Settings, bradley_terry_world, rank
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.inference.difference import compare_scores
from agon.ranking.inference.intervals import from_covariance, from_samples, posterior_ranks
from agon.ranking.inference.simultaneous import quantile, tail_of

Z = 1.959963984540054  # scipy.stats.norm.ppf(0.975)


def test_the_quantile():
    """Standard tables: 1.959964 at 95%, 1.644854 at 90%, 2.575829 at 99%."""
    assert [round(quantile(level), 6) for level in (0.95, 0.9, 0.99)] == [1.959964, 1.644854, 2.575829]


@pytest.mark.parametrize("method", ["bradley_terry", "win_rate"])
def test_bootstrap_and_sandwich_agree(method):
    """8,000 votes: both estimate the same standard error; 1,000 rounds leave 3% noise in a percentile."""
    votes = bradley_terry_world(8, 8000, ties=0.2, both_bad=0.05, seed=1).comparisons()
    one = rank(votes, method)
    two = rank(votes, method, interval="bootstrap", n_resamples=1000)
    assert (one.rank_method, two.rank_method) == ("differences", "bootstrap")
    for row in one.rows:
        other = two[row.model]
        assert other.score == row.score
        assert (other.upper - other.lower) == pytest.approx(row.upper - row.lower, rel=0.15)
        assert (other.upper + other.lower) / 2 == pytest.approx(row.score, abs=0.15 * (row.upper - row.lower))


def test_bootstrap_and_sandwich_agree_by_voter():
    """30 voters, each with a favourite of its own: intervals grow, by about as much in both."""
    world = bradley_terry_world(4, 3000, ties=0, both_bad=0, voters=30, seed=2)
    liked = world.voter % 4
    outcome = np.where(world.first == liked, 0, np.where(world.second == liked, 1, world.outcome))
    votes = Comparisons.of(
        world.models,
        np.stack([world.first, world.second], axis=1),
        np.array([[1, 2], [2, 1]])[outcome],
        labels={"voter": world.voter.tolist()},
    )
    plain, sandwich = rank(votes, cluster=None), rank(votes, cluster="voter")
    drawn = rank(votes, cluster="voter", interval="bootstrap", n_resamples=600)
    for row in sandwich.rows:
        width = row.upper - row.lower
        assert width > 2 * (plain[row.model].upper - plain[row.model].lower)
        assert drawn[row.model].upper - drawn[row.model].lower == pytest.approx(width, rel=0.2)


@pytest.mark.slow
def test_the_interval_of_a_difference_covers_the_truth():
    """300 decisive worlds of 400 votes: 95% intervals cover 95% ± 3%, twice their binomial error of 1.3%."""
    truth = np.array([0.8, 0.2, -0.3, -0.7])
    covered, below = 0, 0
    for seed in range(300):
        votes = bradley_terry_world(n_votes=400, ties=0, both_bad=0, strengths=truth, seed=seed).comparisons()
        found = rank(votes, scale="natural").difference("model-1", "model-3")
        covered += found.lower <= 1.1 <= found.upper
        below += found.upper < 1.1
    assert 0.92 <= covered / 300 <= 0.98
    assert 1 <= below <= 300 - covered - 1  # misses on both sides


def test_a_replicate_that_breaks_the_component_opens_a_side():
    """c won one of its 40 votes: a third of the resamples leave that win out, so nothing bounds c below."""
    wins = [[0, 60, 20], [50, 0, 19], [0, 1, 0]]
    votes = Comparisons.from_counts(list("abc"), wins)
    board = rank(votes, interval="bootstrap", n_resamples=300)
    exact = rank(votes)
    assert board["c"].status == "ranked"
    assert board["c"].lower is None
    assert math.isfinite(board["c"].upper)
    assert board["c"].upper < board["a"].lower
    for model in "ab":  # the broken replicates keep the scale of the others
        row = board[model]
        assert exact[model].lower < row.lower  # zero mean without c would put it 120 points lower
        assert row.lower < row.score < row.upper


def test_two_models_whose_resamples_break():
    """29 : 1, so e⁻¹ = 37% of the resamples have no win of b: open above for a and below for b."""
    board = rank(
        Comparisons.from_counts(["a", "b"], [[0, 29], [1, 0]]), interval="bootstrap", n_resamples=200
    )
    a, b = board["a"], board["b"]
    assert (a.upper, b.lower) == (None, None)
    assert a.lower == pytest.approx(2000 - b.upper, abs=1e-9)
    assert a.lower > 1000


def test_an_anchor_that_drops_out_of_a_replicate():
    """Relative to c, which is winless in a third of the resamples, nothing bounds a and b above."""
    votes = Comparisons.from_counts(list("abc"), [[0, 60, 20], [50, 0, 19], [0, 1, 0]])
    board = rank(votes, interval="bootstrap", anchor="c", anchor_score=500)
    assert (board["c"].score, board["c"].lower, board["c"].upper) == (500, 500, 500)
    for model in "ab":
        assert board[model].upper is None
        assert 500 < board[model].lower < board[model].score


def test_few_rounds_tell_less_of_many_pairs():
    """0 to 199 and 2.5 standard deviations below it: certain of a pair (p = 0.012), not of six (0.05/6)."""
    column = np.arange(200.0)
    values = np.array([99.5, 99.5 - 2.5 * np.sqrt(2) * column.std(), 99.5, 99.5])
    rng = np.random.default_rng(0)
    samples = np.stack([values[k] - 99.5 + rng.permutation(column) for k in range(4)], axis=1)
    pair, four = (from_samples(samples[:, :k], 0.95, values[:k]).above[0, 1] for k in (2, 4))
    assert pair
    assert not four


def test_rank_ranges_come_from_differences():
    """Scores 3, 2.5, 0 with unit-free variances: 3 - 2.5 < 1.96 √2 · 0.4, the others are certain."""
    covariance = np.eye(3) * 0.16
    found = from_covariance(np.array([3.0, 2.5, 0.0]), covariance, 0.95)
    assert found.above.tolist() == [[False, False, True], [False, False, True], [False, False, False]]
    assert found.upper[0] == pytest.approx(3 + Z * 0.4)


def test_correlated_scores_are_told_apart_although_their_intervals_overlap():
    """Variance of the difference 1 + 1 - 2 · 0.99 = 0.02."""
    covariance = np.array([[1.0, 0.99], [0.99, 1.0]])
    found = from_covariance(np.array([0.5, 0.0]), covariance, 0.95)
    assert found.lower[0] < found.upper[1]
    assert found.above.tolist() == [[False, True], [False, False]]


def test_percentiles_of_samples():
    """Replicates 0 ... 199: bounds cut at most 2.5% a side; 6 of 200 the other way keep it open."""
    column = np.arange(200.0)
    found = from_samples(np.stack([column, column - 0.5], axis=1), 0.95, np.array([99.5, 99.0]))
    assert (found.lower[0], found.upper[0]) == (4, 195)
    assert found.above.tolist() == [[False, True], [False, False]]
    other = np.where(column < 6, column + 1, column - 1)
    assert not from_samples(np.stack([column, other], axis=1), 0.95, np.array([99.5, 98.6])).above.any()


def test_percentiles_of_few_clusters_are_those_of_student():
    """The formula of Hesterberg (2015) by scipy: for n = 40, 0.025 becomes Φ(−√(40/39) · 2.0227) = 0.0203."""
    tail = tail_of(0.95, 39)
    assert tail == pytest.approx(norm.cdf(-np.sqrt(40 / 39) * student.ppf(0.975, 39)), rel=1e-12)
    assert tail == pytest.approx(0.0203, abs=5e-5)
    column = np.arange(200.0)
    found = from_samples(column[:, None], 0.95, np.array([99.5]), df=39)
    assert (found.lower[0], found.upper[0]) == (3, 196), "201 · 0.0203 is nearest to 4"
    assert tail_of(0.95) == pytest.approx(0.025) == tail_of(0.95, 1e9)


def test_normal_replicates_of_clusters_give_the_sandwich_interval():
    """Their variance is (n − 1)/n of the sandwich's, whose interval is Student's; p-values agree."""
    n, error = 12, 0.7
    centre = norm.ppf((np.arange(20001) + 0.5) / 20001)
    samples = np.stack([1 + error * np.sqrt((n - 1) / n) * centre, np.zeros(20001)], axis=1)
    found = from_samples(samples, 0.95, np.array([1.0, 0.0]), df=n - 1)
    half = error * student.ppf(0.975, n - 1)
    assert (found.lower[0], found.upper[0]) == pytest.approx((1 - half, 1 + half), abs=2e-3)
    gap = compare_scores(("a", "b"), 1.0, (0, 1), found, 0.95, None)
    assert (gap.lower, gap.upper) == pytest.approx((1 - half, 1 + half), abs=2e-3)
    assert gap.p_value == pytest.approx(2 * student.sf(1 / error, n - 1), abs=1e-3)


def test_infinite_and_missing_replicates():
    samples = np.stack([np.r_[np.full(10, np.inf), np.arange(90.0)], np.r_[np.nan, np.arange(99.0)]], axis=1)
    found = from_samples(samples, 0.95, np.array([45.0, 49.0]))
    assert (found.lower[0], found.upper[0]) == (2, np.inf)
    assert (found.lower[1], found.upper[1]) == (-np.inf, np.inf)


def test_one_voter_cannot_be_clustered():
    votes = Comparisons.of(["a", "b"], [[0, 1]] * 60, [[1, 2], [2, 1]] * 30, labels={"voter": ["solo"] * 60})
    with pytest.raises(OptionError, match="All votes are of one voter"):
        rank(votes, cluster="voter")
    with pytest.raises(SourceError, match="no column 'prompt'"):
        rank(votes, cluster="prompt")


def two_way_votes(taste, prompt, voters=20, prompts=15):
    rng = np.random.default_rng(4)
    v, p = (grid.ravel() for grid in np.meshgrid(np.arange(voters), np.arange(prompts)))
    bonus = 0.4 + rng.normal(0, taste, voters)[v] + rng.normal(0, prompt, prompts)[p]
    won = rng.random(len(v)) < 1 / (1 + np.exp(-bonus))
    labels = {"voter": v.tolist(), "prompt": p.tolist()}
    return Comparisons.of(
        "ab", np.tile([0, 1], (len(v), 1)), np.where(won[:, None], [1, 2], [2, 1]), labels=labels
    )


def test_two_ways_of_clustering_add_up():
    """Cameron, Gelbach and Miller: V(voter) + V(prompt) - V(votes), and the fewer clusters' Student t."""
    votes = two_way_votes(1.0, 1.0)
    both = rank(votes, cluster=("voter", "prompt"))
    parts = [rank(votes, cluster=by) for by in ("voter", "prompt", None)]
    expected = parts[0].covariance + parts[1].covariance - parts[2].covariance
    assert np.allclose(both.covariance, expected, rtol=1e-9, atol=1e-6)
    assert both.uncertainty.df == pytest.approx(min(part.uncertainty.df for part in parts[:2]))
    assert rank(votes, cluster="voter,prompt").rows == both.rows
    assert both.settings["cluster"] == "voter,prompt"
    for wrong in ({"interval": "bootstrap"}, {"control": "length"}):
        with pytest.raises(OptionError, match="voter and prompt need the sandwich without control"):
            rank(votes, cluster="voter,prompt", **wrong)
    with pytest.raises(OptionError, match="one column or two different ones"):
        rank(votes, cluster="voter,voter")


def test_voters_who_agree_by_chance_take_no_more_than_half_away():
    """Three voters who all decide 7:3, and never against the same prompt: less than no variance was left."""
    votes = Comparisons.of(
        "ab",
        [(0, 1)] * 30,
        [
            (2, 1) if 3 * voter <= prompt < 3 * voter + 3 else (1, 2)
            for voter in range(3)
            for prompt in range(10)
        ],
        labels={"voter": [k // 10 for k in range(30)], "prompt": [k % 10 for k in range(30)]},
    )
    both, single = rank(votes, cluster="voter,prompt"), rank(votes, cluster=None)
    assert both.difference("a", "b").p_value > single.difference("a", "b").p_value > 0
    assert np.allclose(both.covariance, single.covariance / 2)


def test_every_vote_its_own_cluster_is_the_plain_sandwich_but_for_its_leverage():
    """Four free strengths and 500 votes: a vote takes part in its own fit by 0.8%, twice in a variance."""
    world = bradley_terry_world(5, 500, seed=4)
    places = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[world.outcome]
    votes = Comparisons.of(
        world.models,
        np.stack([world.first, world.second], axis=1),
        places,
        labels={"battle": list(range(500))},
    )
    plain, clustered = rank(votes).covariance, rank(votes, cluster="battle").covariance
    assert np.allclose(clustered, plain * (1 + 2 * 4 / 500), rtol=0.01, atol=1e-4 * np.trace(plain))


def test_the_default_settings():
    """design.md: sandwich where there is one, else 200 rounds with seed 0, at 0.95, 30 votes."""
    found = Settings()
    assert (found.interval, found.n_resamples, found.seed) == ("auto", 200, 0)
    assert (found.level, found.min_votes, found.cluster) == (0.95, 30, "auto")


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_ranks_by_empirical_bayes_are_those_of_the_posterior(level):
    """Against importance sampling: uniform spreads, weighed by the likelihood of differences."""
    rng = np.random.default_rng(4)
    half = rng.normal(size=(5, 5))
    covariance, values = half @ half.T / 5 + 0.3 * np.eye(5), np.array([1.7, 0.9, 0.4, -1.2, -1.8])
    unsure = from_covariance(values, covariance, level)
    low, high = posterior_ranks(values, unsure, np.arange(5), level, seed=0)
    contrast = np.eye(5)[1:] - np.eye(5)[0]
    widest = max(np.ptp(values), np.sqrt(np.linalg.eigvalsh(covariance).max()))
    draws = rng.normal(size=(400_000, 5)) * rng.uniform(0, 2 * widest, size=(400_000, 1))
    away = (values - draws) @ contrast.T
    far = np.einsum("si,ij,sj->s", away, np.linalg.inv(contrast @ covariance @ contrast.T), away)
    weight = np.exp(-(far - far.min()) / 2)
    ranks = 1 + (draws[:, None, :] > draws[:, :, None]).sum(axis=2)
    below = np.array([[weight[ranks[:, i] <= r].sum() for r in range(1, 6)] for i in range(5)]) / weight.sum()
    tail = (1 - level) / 2
    assert np.abs(below - tail).min() > 0.004 and np.abs(below - 1 + tail).min() > 0.004  # no toss-up
    assert low.tolist() == (1 + (below < tail).sum(axis=1)).tolist()
    assert high.tolist() == (1 + (below < 1 - tail).sum(axis=1)).tolist()


def test_ranks_by_empirical_bayes_hold_and_are_narrower_in_a_wide_field():
    """30 models of spread two standard errors: 95% of the ranks at least, in fewer places than by pairs."""
    rng, held, places, by_pairs = np.random.default_rng(6), [], 0, 0
    for seed in range(12):
        truth = 2 * rng.normal(size=30)
        values = truth + rng.normal(size=30)
        unsure = from_covariance(values, np.eye(30), 0.95)
        low, high = posterior_ranks(values, unsure, np.arange(30), 0.95, seed)
        rank = 1 + (truth[None, :] > truth[:, None]).sum(axis=1)
        held += ((low <= rank) & (rank <= high)).tolist()
        places += (high - low).sum()
        by_pairs += (30 - unsure.above.sum(axis=1) - 1 - unsure.above.sum(axis=0)).sum()
    assert np.mean(held) > 0.935  # 360 ranks of 95%, less 1.3 standard errors
    assert places < 0.9 * by_pairs


def test_a_board_with_ranks_by_empirical_bayes():
    """An undefeated model stands first; what has no covariance is refused, with the remedy."""
    rng, names = np.random.default_rng(2), ["champ", *"abcdef"]
    pairs = np.array(
        [rng.choice(6, 2, replace=False) + 1 for _ in range(900)] + [[0, i] for i in range(1, 7)] * 50
    )
    swap = rng.random(900) < 1 / (1 + np.exp(0.2 * (pairs[:900, 1] - pairs[:900, 0])))
    places = np.tile([1, 2], (len(pairs), 1))
    places[:900][swap] = [2, 1]
    both = Comparisons.of(names, pairs, places)
    board = rank(both, ranks="empirical_bayes")
    assert board.rank_method == "empirical_bayes"
    assert (board[0].model, board[0].rank_lower, board[0].rank_upper) == ("champ", 1, 1)
    for row in board.rows[1:]:
        assert 2 <= row.rank_lower <= row.rank <= row.rank_upper <= 7
    assert [row.score for row in board] == [row.score for row in rank(both)]
    with pytest.raises(OptionError, match=r"needs a covariance.*bradley_terry"):
        rank(both, "elo", ranks="empirical_bayes")
    with pytest.raises(OptionError, match="leave out ranks or simultaneous"):
        Settings(ranks="empirical_bayes", simultaneous=True)
    with pytest.raises(OptionError, match="did you mean"):
        Settings(ranks="empirical_baies")
