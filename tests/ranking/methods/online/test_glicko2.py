"""Glicko-2 against the example that its author prints, and what time does to it."""

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, OptionError, rank
from agon.ranking.methods.online.glicko2 import GLICKO_UNIT, rate_period

DAY = 86_400
EVERY = np.ones(4, dtype=bool)


def votes(times, rows=((0, 1), (1, 2), (2, 0), (0, 1)), names="abc"):
    return Comparisons.of(list(names), rows, [[1, 2]] * len(rows), timestamp=times)


def test_the_example_that_glickman_prints():
    """Example of the Glicko-2 system (2013): 1464.06, 151.52 and 0.05999, from rounded steps in between."""
    mu = (np.array([1500.0, 1400.0, 1550.0, 1700.0]) - 1500) / GLICKO_UNIT
    deviation = np.array([200.0, 30.0, 100.0, 300.0]) / GLICKO_UNIT
    games = np.array([0, 0, 0]), np.array([1, 2, 3]), np.ones(3), np.array([1.0, 0.0, 0.0])
    mu, variance, sigma = rate_period(mu, deviation**2, np.full(4, 0.06), *games, 0.5, EVERY)
    assert 1500 + GLICKO_UNIT * mu[0] == pytest.approx(1464.06, abs=0.011)
    assert GLICKO_UNIT * np.sqrt(variance[0]) == pytest.approx(151.52, abs=0.005)
    assert sigma[0] == pytest.approx(0.05999, abs=0.00001)


def test_who_is_not_voted_on_grows_uncertain():
    """Step 6 of the example: the deviation becomes the root of φ² + σ², once for each period."""
    one, two = (
        METHODS["glicko2"].function(votes([0, 0, 0, last * DAY], [(0, 1), (1, 2), (2, 0), (0, 1)]).battles)
        for last in (1, 31)
    )
    c = 2  # who plays on the first day alone
    before = one.history.errors[0, c] / GLICKO_UNIT
    sigma = one.parameters["volatility of c"]
    assert one.history.errors[1, c] / GLICKO_UNIT == pytest.approx(np.sqrt(before**2 + sigma**2))
    assert two.history.errors[1, c] / GLICKO_UNIT == pytest.approx(np.sqrt(before**2 + 31 * sigma**2))
    assert two.history.scores[1, c] == one.history.scores[1, c]


def test_votes_of_one_period_are_one_update_in_any_order():
    rows = [(0, 1), (1, 2), (2, 0), (0, 1)]
    one, two = (rank(votes([0] * 4, some), "glicko2", min_votes=0) for some in (rows, rows[::-1]))
    assert one.rows == two.rows
    assert one.fingerprint == two.fingerprint


def test_the_days_are_part_of_what_the_votes_are():
    """The same votes in the same order, but a month apart."""
    near, far = (rank(votes([0, 1 * DAY, 2 * DAY, last * DAY]), "glicko2", min_votes=0) for last in (3, 33))
    assert near.fingerprint != far.fingerprint
    assert near["c"].upper < far["c"].upper


def test_votes_without_times_are_of_one_period_and_the_board_says_so():
    silent = Comparisons.of(list("abc"), [(0, 1), (1, 2), (2, 0), (0, 1)], [[1, 2]] * 4)
    board = rank(silent, "glicko2", min_votes=0)
    timed = rank(votes([5, 6, 7, 8]), "glicko2", min_votes=0)
    assert [row.score for row in board.rows] == [row.score for row in timed.rows]
    assert [note.code for note in board.diagnostics if note.code == "no_times"] == ["no_times"]
    assert not [note for note in timed.diagnostics if note.code == "no_times"]


def test_the_history_is_on_the_board():
    board = rank(votes([0, 1 * DAY, 2 * DAY, 2 * DAY]), "glicko2", min_votes=0)
    frame = board.history.to_frame()
    assert frame["time"].dt.day.unique().tolist() == [1, 2, 3]
    last = frame[frame["time"] == frame["time"].max()].set_index("model")
    for row in board.rows:
        assert last.score[row.model] == row.score
        assert row.upper - row.score == pytest.approx(1.959964 * last.error[row.model], rel=1e-6)
    assert len(frame) == 2 + 3 + 3


@pytest.mark.parametrize(
    "wrong", [{"period": 0.0}, {"tau": -1.0}, {"deviation": float("inf")}, {"start": float("nan")}]
)
def test_options_outside_their_range_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        rank(votes([0] * 4), "glicko2", **wrong)
