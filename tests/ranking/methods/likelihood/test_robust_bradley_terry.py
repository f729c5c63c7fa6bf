"""The robust board: suspects found and named, honest votes left alone, the order recovered."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binom, kendalltau

from agon.ranking import (
    METHODS,
    Comparisons,
    OptionError,
    PairCounts,
    bradley_terry_world,
    outlier_pairs,
    rank,
)
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.methods.likelihood.robust_bradley_terry import _clipped, _deviations
from tests.support.paths import REPOSITORY

CASE = json.loads((REPOSITORY / "tests/known_answers/robust_bradley_terry.json").read_text())["cases"][1]


def corrupted(rng, n=20, votes=2000):
    """Strengths from N(0, 1), their log-odds with 10% of the pairs off by 5, the counts, the pairs."""
    theta = rng.normal(0, 1, n)
    logits = theta[:, None] - theta[None, :]
    one, two = np.triu_indices(n, 1)
    chosen = rng.choice(len(one), len(one) // 10, replace=False)
    off = np.zeros((n, n))
    off[one[chosen], two[chosen]] = rng.choice([-5.0, 5.0], len(chosen))
    logits = logits + off - off.T
    up = np.triu(np.round(votes / (1 + np.exp(-logits))), 1)
    wins = up + np.triu(votes - up, 1).T
    names = [f"m{i:02d}" for i in range(n)]
    pairs = {frozenset((names[i], names[j])) for i, j in zip(one[chosen], two[chosen], strict=True)}
    return theta, logits, PairCounts.of(names, wins), pairs


def test_the_order_survives_a_tenth_of_the_pairs_corrupted(datasets):
    """The published experiment: 20 models, 10% of pairs off by 5, 20 trials; robust PCA has τ 0.984."""
    golden = json.loads((datasets.parent / "golden" / "curatron_like.json").read_text())
    assert (golden["n"], golden["trials"]) == (20, 20)
    rng = np.random.default_rng(0)
    plain, robust = [], []
    for _ in range(golden["trials"]):
        theta, logits, pairs, false = corrupted(rng)
        plain.append(kendalltau(logits.mean(axis=1), theta).statistic)
        robust.append(kendalltau(METHODS["robust_bradley_terry"].function(pairs).values, theta).statistic)
        assert {frozenset((pair.model, pair.other)) for pair in outlier_pairs(pairs)} == false
    assert np.mean(plain) == pytest.approx(golden["tau_plain_row_means"], abs=0.05), "the same experiment"
    assert np.mean(robust) >= golden["tau_rank2_rpca"]


def test_a_suspect_is_described():
    votes = PairCounts.of(CASE["models"], CASE["wins"])
    (pair,) = outlier_pairs(votes)
    assert (pair.model, pair.other, pair.votes) == ("m1", "m2", 300)
    assert pair.share == pytest.approx(280 / 300)
    assert pair.expected == pytest.approx(1 / 3)
    assert pair.log_odds == pytest.approx(np.log(280.5 / 20.5) + np.log(2))
    assert "m1 won 93% of 300 votes against m2 where 33% were to be expected" in str(pair)
    board = rank(votes, "robust_bradley_terry")
    (note,) = [note for note in board.diagnostics if note.code == "outlier_pairs"]
    assert note.models == ("m1", "m2")
    assert str(pair) in note.message
    assert [row.model for row in board.rows] == CASE["models"][::-1]


def test_intervals_do_not_see_the_suspect():
    """The sandwich is that of the votes without the pair."""
    wins = np.array(CASE["wins"], dtype=float)
    wins[1, 2] = wins[2, 1] = 0
    without = rank(PairCounts.of(CASE["models"], wins))
    board = rank(PairCounts.of(CASE["models"], CASE["wins"]), "robust_bradley_terry")
    for row in without.rows:
        assert board[row.model].lower == pytest.approx(row.lower, abs=1e-9)
        assert board[row.model].upper == pytest.approx(row.upper, abs=1e-9)


def test_honest_votes_have_no_suspects():
    """At the default chance at most 5% of honest sets may have one; then the board is Bradley-Terry's."""
    flagged = 0
    for seed in range(60):
        votes = bradley_terry_world(10, 1500, seed=seed).comparisons()
        if found := outlier_pairs(votes):
            flagged += 1
            assert len(found) <= 2
        else:
            plain, robust = rank(votes), rank(votes, "robust_bradley_terry")
            assert [row.score for row in robust.rows] == [row.score for row in plain.rows]
            assert [row.lower for row in robust.rows] == [row.lower for row in plain.rows]
    assert flagged <= 5


def test_the_first_stage_is_the_minimum_of_its_criterion():
    """Against scipy on the penalised form: a free S on every pair under an L1 penalty, minimised too."""
    rng = np.random.default_rng(3)
    wins = rng.integers(1, 40, (4, 4)).astype(float)
    np.fill_diagonal(wins, 0)
    wins[0, 1], wins[1, 0] = 2, 60
    met, cut = wins + wins.T, 2.0
    inside = met > 0
    ours = _clipped(wins, inside, identify(wins), np.zeros(4), cut)
    one, two = np.triu_indices(4, 1)
    penalty = 0.5 * cut * np.sqrt(met[one, two])

    def loss(x):
        theta, up, down = np.append(x[:3], 0.0), x[3:9], x[9:]
        gap = theta[one] - theta[two] + up - down
        fit = (met[one, two] * np.logaddexp(0, gap) - wins[one, two] * gap).sum()
        return fit + (penalty * (up + down)).sum()

    bounds = [(None, None)] * 3 + [(0, None)] * 12
    theirs = minimize(
        loss,
        np.zeros(15),
        bounds=bounds,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5000},
    )
    theta = np.append(theirs.x[:3], 0.0)
    assert ours - ours.mean() == pytest.approx(theta - theta.mean(), abs=2e-4)


def test_deviations_are_binomial_tails():
    wins = np.array([[0.0, 9.0], [1.0, 0.0]])
    z = _deviations(wins, np.array([0.3, -0.2]))
    from scipy.special import expit
    from scipy.stats import norm

    assert z[0, 1] == pytest.approx(norm.isf(binom.sf(8, 10, expit(0.5))))
    assert z[1, 0] == -z[0, 1]


def test_a_pair_that_alone_links_models_is_not_left_out():
    """a-b-c and d-e-f, tied together by two pairs that contradict each other: one of them must stay."""
    names = list("abcdef")
    wins = np.zeros((6, 6))
    for group in (range(3), range(3, 6)):
        for i in group:
            for j in group:
                wins[i, j] = 50 * (i != j)
    wins[0, 3], wins[3, 0] = 190, 10
    wins[1, 4], wins[4, 1] = 10, 190
    board = rank(PairCounts.of(names, wins), "robust_bradley_terry")
    assert len(board.ranked) == 6
    assert not board.components
    assert len(outlier_pairs(PairCounts.of(names, wins))) <= 1


def test_votes_without_a_component_are_placed_as_bradley_terry_places_them():
    votes = PairCounts.of(["a", "b"], [[0, 40], [0, 0]])
    assert rank(votes, "robust_bradley_terry").rows == rank(votes).rows


def test_refusals():
    votes = Comparisons.from_counts(["a", "b"], [[0, 3], [2, 0]])
    for chance in (0.0, -1.0, 0.7, float("nan")):
        with pytest.raises(OptionError, match="chance must be above 0"):
            rank(votes, "robust_bradley_terry", chance=chance)
