"""Chances of draws: shares, epsilon-greedy, Thompson's against draws of posteriors."""

import numpy as np
import pytest

from agon.ranking.errors import OptionError
from agon.ranking.routed.draw_policies import DRAW_POLICIES, DrawPolicy

COUNT, TOTAL = np.array([40.0, 60, 20]), np.array([20.0, 36, 9])


def test_thompson_is_the_chance_to_be_best():
    """Against 400,000 draws of the posteriors; the floor is shared by all."""
    chance = DrawPolicy("thompson", floor=0.1).probabilities(COUNT, TOTAL, TOTAL)
    mean = TOTAL.sum() / COUNT.sum()
    spread = np.sqrt(mean - mean**2)
    rng = np.random.default_rng(0)
    draws = rng.normal((TOTAL + mean) / (COUNT + 1), spread / np.sqrt(COUNT + 1), (400_000, 3))
    best = np.bincount(draws.argmax(axis=1)) / 400_000
    np.testing.assert_allclose(chance, 0.1 / 3 + 0.9 * best, atol=0.003)


def test_epsilon_greedy_takes_the_best_and_tries_the_others():
    chance = DrawPolicy("epsilon_greedy", epsilon=0.3).probabilities(COUNT, TOTAL, TOTAL)
    np.testing.assert_allclose(chance, [0.1, 0.8, 0.1])


@pytest.mark.parametrize("name", DRAW_POLICIES)
@pytest.mark.parametrize("count", [np.zeros(3), np.array([5.0, 0, 1]), np.full(3, 1e6)])
def test_every_model_remains_possible(name, count):
    chance = DrawPolicy(name).probabilities(count, count * [0.1, 0.5, 0.9], count * [0.1, 0.5, 0.9])
    assert chance.sum() == pytest.approx(1)
    assert chance.min() > 0.01


def test_bad_options_are_named():
    with pytest.raises(OptionError, match="There is no policy 'tompson'; did you mean 'thompson'"):
        DrawPolicy("tompson")
    with pytest.raises(OptionError, match="floor is a share of the draws"):
        DrawPolicy("thompson", floor=0)
    with pytest.raises(OptionError, match="shares are numbers above 0"):
        DrawPolicy("shares", shares=(1, 0))
