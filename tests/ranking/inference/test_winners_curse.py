"""The first of a field, corrected for having been picked."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, truncnorm

from agon.ranking import Comparisons, Leaderboard, ScoreTable, rank
from agon.ranking.inference.intervals import from_covariance
from agon.ranking.inference.winners_curse import correct_winner


def corrected(values, covariance, level=0.95):
    unsure = from_covariance(values, covariance, level)
    return correct_winner("m", values, unsure, np.argsort(-values), level)


def test_against_the_truncated_normal_of_scipy():
    """Two independent scores: the first, given the second, is normal and cut off at the second from below."""
    found = corrected(np.array([1.0, 0.6]), np.eye(2))
    far = norm.ppf(1 - 0.005 / 4)  # a tenth of 5%, both scores, both sides

    def truth(chance):
        def over(mean):
            start, stop = max(0.6, mean - far), mean + far
            return truncnorm.cdf(1.0, start - mean, stop - mean, loc=mean) - chance

        return brentq(over, 1.0 - far + 1e-9, 1.0 + far - 1e-9)

    inner = (0.05 - 0.005) / (1 - 0.005)
    assert (found.lower, found.corrected, found.upper) == pytest.approx(
        (truth(1 - inner / 2), truth(0.5), truth(inner / 2)), abs=1e-6
    )


def test_a_far_first_keeps_its_score_and_all_but_its_interval():
    """Nothing was picked where nothing else could have come first: 1.96, at 0.95 less the tenth, is 2.01."""
    found = corrected(np.array([30.0, 0.0, -1.0]), np.eye(3))
    assert found.corrected == pytest.approx(30.0, abs=1e-6)
    assert found.upper - 30 == pytest.approx(2.01, abs=0.05)
    assert not found.notable


@pytest.mark.parametrize("models", [2, 10])
@pytest.mark.slow
def test_the_interval_of_the_first_of_equal_models_holds(models):
    """Scores of zero sum, as boards have: the plain interval of the first of ten holds in 77 of 100."""
    rng, rounds = np.random.default_rng(8), 1000
    covariance = np.eye(models) - 1 / models
    held = plain = high = 0
    for _ in range(rounds):
        values = rng.normal(size=models)
        values -= values.mean()
        found = corrected(values, covariance)
        held += found.lower <= 0 <= found.upper
        high += found.corrected > 0
        plain += abs(found.score) <= norm.ppf(0.975) * np.sqrt(1 - 1 / models)
    assert held / rounds >= 0.93
    assert abs(high / rounds - 0.5) < 0.05  # three standard errors
    assert models == 2 or plain / rounds < 0.85


def test_a_board_says_it_where_it_matters_and_its_json_keeps_it():
    """Ten equal models on votes; no intervals or no scores, no correction."""
    rng = np.random.default_rng(1)
    pairs = np.array([rng.choice(10, 2, replace=False) for _ in range(1500)])
    places = np.where(rng.random(1500)[:, None] < 0.5, [1, 2], [2, 1])
    votes = Comparisons.of([f"m{i}" for i in range(10)], pairs, places)
    board = rank(votes)
    first = board.winner
    assert first.model == board[0].model and first.corrected < first.score == board[0].score
    assert first.lower <= 1000 <= first.upper
    assert first.notable and any("raised by luck" in text for text in board.remarks())
    assert Leaderboard.from_json(board.to_json()).winner == first
    assert rank(votes, interval="none").winner is None and rank(votes, "schulze").winner is None


def test_the_first_of_a_table_of_scores():
    """Student's intervals of eight tasks are as wide at least as the plain one."""
    rng = np.random.default_rng(2)
    table = ScoreTable.of(list("abcd"), list("12345678"), rng.normal(size=(4, 8)))
    board = rank(table, "mean")
    assert board.winner.upper - board.winner.lower > board[0].upper - board[0].lower
