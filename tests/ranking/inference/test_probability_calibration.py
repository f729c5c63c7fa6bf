"""Calibration of a judge's probabilities: scikit-learn's fits, and a planted curve."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from agon.ranking.inference.probability_calibration import cross_calibrate, fit_calibrator


def judged(n=2000, seed=0, slope=0.5):
    """A judge twice as sure as people: they agree with the chance of half its log-odds."""
    rng = np.random.default_rng(seed)
    forecast = rng.uniform(0.02, 0.98, n)
    chance = 1 / (1 + np.exp(-slope * np.log(forecast / (1 - forecast))))
    return forecast, (rng.random(n) < chance).astype(float), rng.integers(1, 4, n).astype(float)


def test_isotonic_is_that_of_scikit_learn_on_votes_seen_from_both_sides():
    forecast, outcome, weight = judged()
    ours = fit_calibrator(forecast, outcome, weight, "isotonic")
    theirs = IsotonicRegression(y_min=0.0, y_max=1.0).fit(
        np.r_[forecast, 1 - forecast], np.r_[outcome, 1 - outcome], sample_weight=np.r_[weight, weight]
    )
    at = np.linspace(0.05, 0.95, 41)
    np.testing.assert_allclose(ours(at), np.clip(theirs.predict(at), 0.01, 0.99), atol=1e-9)
    np.testing.assert_allclose(ours(at) + ours(1 - at), 1, atol=1e-9)


def test_platt_is_the_logistic_regression_of_scikit_learn_without_an_intercept():
    forecast, outcome, weight = judged()
    log_odds = np.log(forecast / (1 - forecast))[:, None]
    theirs = LogisticRegression(C=100.0, fit_intercept=False, tol=1e-10).fit(
        log_odds, outcome, sample_weight=weight
    )  # the prior's deviation of 10 is their C of 100
    ours = fit_calibrator(forecast, outcome, weight, "platt")
    assert ours.slope == pytest.approx(float(theirs.coef_[0, 0]), abs=1e-5)
    assert ours.slope == pytest.approx(0.5, abs=0.1)  # what was planted


@pytest.mark.parametrize("how", ["isotonic", "platt"])
def test_a_judge_who_is_always_right_or_says_nothing_keeps_finite_probabilities(how):
    outcome = np.tile([0.0, 1.0], 50)
    sure = fit_calibrator(outcome, outcome, np.ones(100), how)(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(sure, [0.01, 0.5, 0.99], atol=0.011)
    silent = fit_calibrator(np.full(100, 0.5), outcome, np.ones(100), how)(np.array([0.5]))
    np.testing.assert_allclose(silent, [0.5])


def test_a_fold_is_calibrated_by_the_others_alone():
    forecast = np.array([0.9, 0.9, 0.9, 0.9])
    fold = np.array([0, 0, 1, 1])
    votes = (np.array([0, 1, 2, 3]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    made = cross_calibrate(forecast, fold, votes, "isotonic")
    # what the others say of 0.9, pooled with 0.1 seen from the other side: 1 of 1 for fold 0, and for
    # fold 1, whose others always contradict, the rising curve is flat at ½
    np.testing.assert_allclose(made, [0.99, 0.99, 0.5, 0.5])
