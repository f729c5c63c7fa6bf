"""Preference embeddings: a published circle, planted ones, and Bradley-Terry where there is none."""

from itertools import pairwise

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, OptionError, ScoreTable, SourceError
from agon.ranking.numerics import expit
from agon.ranking.prediction.general_preferences import _fit, _log_odds, preference_embedding


def crowd(seed, size, votes=4000, m=6):
    """Votes of strengths with a circle of three of some size, and the chances they were drawn from."""
    rng = np.random.default_rng(seed)
    theta, turn = np.linspace(0.6, -0.6, m), np.arange(m) * 2 * np.pi / 3
    chance = expit(theta[:, None] - theta + size * np.sin(turn - turn[:, None]))
    first = rng.integers(0, m, votes)
    second = (first + rng.integers(1, m, votes)) % m
    won = rng.random(votes) < chance[first, second]
    places = np.where(won[:, None], [1, 2], [2, 1])
    return Comparisons.of([f"m{i}" for i in range(m)], np.stack([first, second], axis=1), places), chance


def test_rock_paper_scissors_by_hand():
    """Three models on a circle, a third apart: each beats the next with the logistic of sin 120°, 0.7039."""
    won = 1 / (1 + np.exp(-np.sqrt(3) / 2))
    chance = np.array([[0.5, won, 1 - won], [1 - won, 0.5, won], [won, 1 - won, 0.5]])
    theta, left, right = _fit(1e6 * chance * (1 - np.eye(3)), 1, 1.0)
    assert theta == pytest.approx([0, 0, 0], abs=1e-6)
    assert expit(_log_odds(theta, left, right)) == pytest.approx(chance, abs=1e-5)


def test_two_planes_hold_four_models_with_any_chances():
    """Skew-symmetric scores of four models have two planes at most, so that two reach all of them."""
    score = np.zeros((4, 4))
    score[np.triu_indices(4, 1)] = [0.85, -0.41, 1.39, 2.2, 1.1, 1.73]
    score = score - score.T
    theta, left, right = _fit(1e7 * expit(score) * (1 - np.eye(4)), 2, 10.0)
    assert _log_odds(theta, left, right) == pytest.approx(score, abs=1e-3)


def test_a_planted_circle_is_found_where_strengths_cannot_hold_it():
    votes, chance = crowd(1, 1.2)
    found = preference_embedding(votes, folds=3)
    assert found.planes == 1
    assert found.gain_lower[0] > 0.03
    assert found.probabilities == pytest.approx(chance, abs=0.08)
    assert {frozenset(names) for names in found.cycles} >= {frozenset(("m0", "m1", "m2"))}
    for a, b, c in found.cycles[:2]:
        places = [votes.models.index(one) for one in (a, b, c, a)]
        assert all(chance[i, j] > 0.5 for i, j in pairwise(places))
    assert "models go in circles, such as m" in found.conclusion()


def test_without_a_circle_it_is_bradley_terry():
    votes, _ = crowd(1, 0.0)
    found = preference_embedding(votes, folds=3)
    assert (found.planes, found.cycles) == (0, ())
    known = METHODS["bradley_terry"].function(votes.pairs)
    assert found.strengths == pytest.approx(known.values, abs=1e-3)
    again = preference_embedding(votes, folds=3)
    assert again.log_loss == found.log_loss


def test_the_slope_is_that_of_the_loss():
    """A maximum: no small step from it makes the posterior larger."""
    rng = np.random.default_rng(4)
    wins = rng.integers(1, 40, (5, 5)).astype(float)
    np.fill_diagonal(wins, 0)
    theta, left, right = _fit(wins, 1, 0.8)
    x = np.concatenate([theta, left.ravel(), right.ravel()])

    def posterior(x):
        t, a, b = x[:5], x[5:10, None], x[10:, None]
        gap = _log_odds(t, a, b)
        return float((wins * np.log(expit(gap))).sum()) - t @ t / 200 - (x[5:] @ x[5:]) / (2 * 0.64)

    top = posterior(x)
    assert all(posterior(x + 0.01 * rng.normal(size=15)) < top for _ in range(50))


def test_what_is_wrong_is_said():
    votes, _ = crowd(2, 0.0, votes=60)
    for options, text in (
        ({"most": 0}, "most must be at least 1"),
        ({"spread": 0.0}, "spread above 0"),
        ({"level": 1.0}, "level must lie"),
        ({"folds": 1}, "folds must be"),
    ):
        with pytest.raises(OptionError, match=text):
            preference_embedding(votes, **options)
    with pytest.raises(SourceError, match="has no votes"):
        preference_embedding(ScoreTable.of(["a", "b"], ["x", "y"], [[1, 2], [2, 1]]))
