"""Ties and spread by model: exact shares, the model with one threshold, and what a model that ties does."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize

from agon.ranking import METHODS, Comparisons, OptionError, PairCounts, compare_methods, rank
from agon.ranking.methods.likelihood.multinomial import OutcomeCounts
from agon.ranking.methods.likelihood.tie_models import _Likelihood
from tests.support.paths import REPOSITORY

CASE = json.loads((REPOSITORY / "tests/known_answers/rao_kupper_by_model.json").read_text())["cases"][0]


def fit(wins, ties, **options):
    names = [f"m{i}" for i in range(len(wins))]
    return METHODS["rao_kupper_by_model"].function(PairCounts.of(names, wins, ties), **options)


def chances(theta, phi, sigma):
    """(3, M, M) chances of a win, a tie and a loss of the row, by the formulas in tie_models.py."""
    gap = (theta[:, None] - theta) / np.sqrt((sigma[:, None] ** 2 + sigma**2) / 2)
    both = np.sqrt(phi[:, None] * phi)
    win, loss = 1 / (1 + both * np.exp(-gap)), 1 / (1 + both * np.exp(gap))
    return np.stack([win, 1 - win - loss, loss])


def random_counts(seed, m=5):
    rng = np.random.default_rng(seed)
    wins = rng.integers(1, 30, (m, m)).astype(float)
    np.fill_diagonal(wins, 0)
    ties = np.triu(rng.integers(0, 20, (m, m)), 1).astype(float)
    return wins, ties + ties.T


def test_thresholds_by_hand():
    found = fit(CASE["wins"], CASE["ties"], tie_sd=100.0, spread_sd=0.0)
    assert np.exp(found.thresholds) == pytest.approx([4, 9, 16], rel=1e-5)
    assert found.spreads.tolist() == [1, 1, 1]


def test_chances_that_spreads_make_are_found_again():
    theta, phi = np.array([1.0, 0.3, -0.2, -1.1, 0.0]), np.array([1.2, 2.0, 1.5, 3.0, 1.1])
    truth = chances(theta, phi, np.array([0.5, 1.0, 2.0, 1.0, 0.7]))
    total = 1e8 * (1 - np.eye(5))
    ties = total * (truth[1] + truth[1].T) / 2
    found = fit(total * truth[0], ties, tie_sd=10.0, spread_sd=3.0)
    first, second = np.nonzero(total)
    told = np.exp(found.log_chances(first, second))
    assert told == pytest.approx(truth[:, first, second], abs=1e-5)
    assert np.exp(found.log_chances(first, second)).sum(axis=0) == pytest.approx(1.0)


def test_with_one_threshold_and_spread_it_is_rao_kupper():
    wins, ties = random_counts(1)
    known = METHODS["rao_kupper"].function(PairCounts.of("abcde", 1e4 * wins, 1e4 * ties))
    found = fit(1e4 * wins, 1e4 * ties, tie_sd=1e-5, spread_sd=0.0)
    assert found.values == pytest.approx(known.values, abs=1e-5)
    assert found.parameters["φ"] == pytest.approx(known.parameters["φ"], abs=1e-4)


def test_without_a_tie_it_is_bradley_terry_and_all_ties_are_one_place():
    wins, ties = random_counts(2)
    known = METHODS["bradley_terry"].function(PairCounts.of("abcde", 1e4 * wins, 0 * ties))
    found = fit(1e4 * wins, 0 * ties, spread_sd=0.0)
    assert found.values == pytest.approx(known.values, abs=1e-5)
    assert found.thresholds.tolist() == [0] * 5
    even = fit(0 * wins, ties)
    assert even.values == pytest.approx([0] * 5, abs=1e-9)


def test_the_maximum_is_that_of_another_search():
    wins, ties = random_counts(3)
    counts = OutcomeCounts.of(PairCounts.of("abcde", wins, ties), "half")

    def cost(x):
        theta, e, g, r = x[:5], x[5:10], x[10], x[11:]
        told = np.log(chances(theta, 1 + np.exp(e), np.exp(r)))
        seen = (wins * told[0] + np.triu(ties * told[1])).sum()
        prior = (theta @ theta + g * g) / 100 + ((e - g) ** 2).sum() / 0.49 + r @ r / 0.04
        return prior / 2 - seen

    best = minimize(cost, np.zeros(16), method="BFGS", options={"gtol": 1e-8})
    found = fit(wins, ties, tie_sd=0.7, spread_sd=0.2)
    assert found.values == pytest.approx(best.x[:5] - best.x[:5].mean(), abs=1e-5)
    model, rng = _Likelihood(counts, 0.7, 0.2), np.random.default_rng(0)
    x, tiny = rng.normal(0, 0.5, 16), 1e-5 * np.eye(16)
    _, gradient, hessian = model.curvature(x)
    up, down = ([model.curvature(x + side * one) for one in tiny] for side in (1, -1))
    slope = [(a[0] - b[0]) / 2e-5 for a, b in zip(up, down, strict=True)]
    bend = [(b[1] - a[1]) / 2e-5 for a, b in zip(up, down, strict=True)]
    assert gradient == pytest.approx(np.array(slope), abs=1e-6)
    assert hessian == pytest.approx(np.array(bend), abs=1e-6)


def planted(seed, phi, votes=6000, m=6):
    """Votes of models with thresholds of their own."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(1, -1, m)
    told = chances(theta, phi, np.ones(m))
    first = rng.integers(0, m, votes)
    second = (first + rng.integers(1, m, votes)) % m
    draw = rng.random(votes)
    win, tie = told[0, first, second], told[1, first, second]
    places = np.where((draw < win)[:, None], [1, 2], np.where((draw < win + tie)[:, None], [1, 1], [2, 1]))
    return Comparisons.of([f"m{i}" for i in range(m)], np.stack([first, second], axis=1), places), theta


def test_it_predicts_better_where_models_tie_differently_and_not_worse_where_they_do_not():
    votes, theta = planted(1, np.array([1.1, 1.1, 6.0, 1.1, 6.0, 1.1]))
    both = ["rao_kupper", "rao_kupper_by_model"]
    seen = compare_methods(votes, both, folds=2)
    assert [one.method for one in seen.scores[:2]] == both[::-1]
    assert seen.scores[1].verdict == "surely worse"
    board = rank(votes, "rao_kupper_by_model", scale="natural")
    for row in board:
        truth = theta[votes.models.index(row.model)]
        assert row.lower - 0.15 < truth < row.upper + 0.15  # the scale is that of the mean spread
    alike, _ = planted(2, np.full(6, 1.6))
    same = {one.method: one for one in compare_methods(alike, both, folds=2).scores}
    assert same["rao_kupper_by_model"].log_loss == pytest.approx(same["rao_kupper"].log_loss, abs=0.002)


@pytest.mark.parametrize(("name", "value"), [("tie_sd", 0.0), ("spread_sd", -1.0), ("tie_sd", np.nan)])
def test_priors_have_a_range(name, value):
    with pytest.raises(OptionError, match=f"rao_kupper_by_model: {name} must be a finite number"):
        fit([[0, 2], [1, 0]], [[0, 1], [1, 0]], **{name: value})
