"""Thurstone's strengths against 50-digit arithmetic, normal tables, and a loop over the votes."""

import math

import mpmath
import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, ConvergenceError, PairCounts, rank
from agon.ranking.errors import OptionError
from agon.ranking.estimation import newton
from agon.ranking.methods.likelihood.thurstone import slope_and_bend
from tests.support import fifty_digits, reference


def fit(wins, ties=None, **options):
    names = [f"m{i:04d}" for i in range(len(wins))]
    return METHODS["thurstone"].function(PairCounts.of(names, wins, ties), **options)


@pytest.mark.parametrize("block", range(4))
def test_eighty_problems_agree_with_fifty_digits_to_1e_8(block):
    checked = 0
    for seed in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng([seed, 9])
        m = int(rng.integers(2, 5))
        wins = reference.half_wins(m, reference.hard_votes(rng, m, int(rng.integers(m, 12 * m))))
        if not reference.strongly_connected(wins):
            continue

        def value(x, wins=wins, m=m):
            theta = fifty_digits.strengths(x)
            return mpmath.fsum(
                wins[i, j] * mpmath.log(mpmath.ncdf(theta[i] - theta[j]))
                for i in range(m)
                for j in range(m)
                if wins[i, j]
            )

        assert fifty_digits.distance(value, fit(wins).values[:-1]) < 1e-8
        checked += 1
    assert checked >= 10


def test_derivatives_in_both_tails():
    """Mills' ratio: for D → −∞ the slope tends to −D and the bend to 1; for D → ∞ both vanish."""
    with mpmath.workdps(40):
        for gap in (-300.0, -40.0, -3.0, 0.0, 2.0, 9.0):
            slope = mpmath.npdf(gap) / mpmath.ncdf(gap)
            found = slope_and_bend(np.array([gap]))
            assert found[0][0] == pytest.approx(float(slope), rel=1e-10)
            assert found[1][0] == pytest.approx(float(slope * (gap + slope)), rel=1e-6)


@pytest.mark.slow
def test_a_long_chain_has_steps_of_the_normal_quantile():
    m = 200
    wins = np.zeros((m, m))
    wins[np.arange(m - 1), np.arange(1, m)] = 3
    wins[np.arange(1, m), np.arange(m - 1)] = 1
    assert -np.diff(fit(wins).values) == pytest.approx(np.full(m - 1, 0.6744897501960817), abs=1e-9)


def test_the_elo_scale_is_elos_own_normal_model():
    """Performances of standard deviation 200: 3 wins of 4 are 200·√2·0.67449 = 190.8 points apart."""
    board = rank(Comparisons.from_counts(["a", "b"], [[0, 30], [10, 0]]), "thurstone")
    assert board["a"].score - board["b"].score == pytest.approx(200 * math.sqrt(2) * 0.6744897501960817)


def test_the_sandwich_is_the_jackknife():
    rng = np.random.default_rng(2)
    votes = reference.hard_votes(rng, 4, 120)

    expected = reference.jackknife(
        lambda weights: fit(reference.half_wins(4, votes, weights)).values, np.ones(len(votes))
    )
    board = rank(reference.comparisons(list("abcd"), votes), "thurstone", scale="natural")
    assert np.allclose(board.covariance, expected, rtol=1e-5, atol=1e-9)


def test_all_ties_have_the_information_of_the_normal_curve():
    """50 ties of two models: information 50 · φ(0)²/(1/4) = 50 · 2/π about the difference."""
    board = rank(
        Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), [[0, 50], [50, 0]]),
        "thurstone",
        scale="natural",
    )
    found = board.difference("a", "b")
    assert found.upper == pytest.approx(1.959963984540054 * math.sqrt(math.pi / 100), rel=1e-9)


def test_models_outside_are_placed_and_move_nobody():
    wins = np.zeros((4, 4))
    wins[:3, :3] = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
    before = fit(wins[:3, :3])
    wins[3, 0] = 4
    found = fit(wins)
    assert found.values[:3] == pytest.approx(before.values, abs=1e-12)
    grid = np.linspace(-1, 4, 500_001)
    from scipy.special import log_ndtr

    best = grid[np.argmax(4 * log_ndtr(grid - found.values[0]) - grid**2 / 2)]
    assert found.values[3] == pytest.approx(best, abs=2e-5)
    assert [note.code for note in found.notes] == ["undefeated"]


def test_bad_options_and_no_convergence(monkeypatch):
    with pytest.raises(OptionError, match="thurstone: prior_sd must be above 0"):
        fit([[0, 1], [1, 0]], prior_sd=0.0)
    monkeypatch.setattr(newton, "ROUNDS", 1)
    with pytest.raises(ConvergenceError, match="thurstone did not converge in 1 Newton steps"):
        fit([[0, 30], [2, 0]])
