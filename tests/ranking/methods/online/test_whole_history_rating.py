"""Whole-History Rating against its posterior written out, a published implementation and Bradley-Terry."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize

from agon.ranking import METHODS, Comparisons, OptionError, rank
from tests.support.paths import REPOSITORY

DAY = 86_400
ELO = 400 / math.log(10)
CASE = json.loads((REPOSITORY / "tests/known_answers/whole_history_rating.json").read_text())["cases"][1]
# PyPI whole-history-rating 3.7.1 on the votes of the second known answer: (day, rating) of days with games
HISTORY = {
    "a": [(0, 244.6678), (1, 246.4315), (2, 247.534), (6, 249.2726), (7, 249.0666)],
    "b": [(0, 2.773), (1, 0.9149), (2, -0.6051), (3, -2.1398), (6, -7.7642), (7, -7.2025)],
    "c": [(0, -9.7881), (1, -8.6803), (2, -7.2492), (3, -6.2199), (6, 0.8868), (7, 0.7298)],
    "d": [(2, -233.7711), (3, -233.7004), (6, -236.4868), (7, -236.6855)],
}


def votes(rows, times, names="abcd"):
    shown = [[names.index(a), names.index(b)] for a, b, _ in rows]
    places = [{"model_a": (1, 2), "model_b": (2, 1), "tie": (1, 1)}[winner] for *_, winner in rows]
    return Comparisons.of(list(names), shown, places, timestamp=times)


def posterior(x, rows, days, w2, prior):
    """Minus the log-posterior by Coulom (2008), eqs. 2 to 4, game by game; x (D, 4) on distinct days."""
    known = sorted(set(days))
    theta = dict(zip(known, x.reshape(len(known), 4), strict=True))
    value, seen = 0.0, set()
    for (a, b, winner), day in zip(rows, days, strict=True):
        gap = theta[day]["abcd".index(a)] - theta[day]["abcd".index(b)]
        share = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5}[winner]
        value += math.log1p(math.exp(-gap)) + (1 - share) * gap
        for model in (a, b):
            if model not in seen:
                seen.add(model)
                r = theta[day]["abcd".index(model)]
                value += prior * (math.log1p(math.exp(-r)) + math.log1p(math.exp(r)))
    for one, two in pairwise(known):
        value += ((theta[two] - theta[one]) ** 2).sum() / (2 * (two - one) * w2 / ELO**2)
    return value


def test_the_history_is_that_of_a_published_implementation():
    fit = METHODS["whole_history_rating"].function(votes(CASE["rows"], CASE["times"]).battles)
    days = (fit.history.times / DAY).round().astype(int).tolist()
    for name, published in HISTORY.items():
        mine = {day: ELO * fit.history.scores[days.index(day), "abcd".index(name)] for day, _ in published}
        if name == "a":
            base = mine
            continue
        for day, rating in published:
            if day in base:  # relative to a, on days when both played
                assert mine[day] - base[day] == pytest.approx(rating - dict(HISTORY["a"])[day], abs=1e-3)


def test_mode_and_covariance_are_those_of_the_posterior_written_out():
    rows = [tuple(row) for row in CASE["rows"][:24]]
    rows[3] = (*rows[3][:2], "tie")
    days = [int(t) // DAY for t in CASE["times"][:24]]
    fit = METHODS["whole_history_rating"].function(
        votes(rows, [d * DAY for d in days]).battles, w2=5000.0, prior_games=0.5
    )
    size = 4 * len(set(days))
    found = minimize(
        posterior, np.zeros(size), (rows, days, 5000.0, 0.5), method="BFGS", options={"gtol": 1e-7}
    )
    last = found.x.reshape(-1, 4)[-1]
    assert fit.values == pytest.approx(last - last.mean(), abs=1e-5)
    step, eye = 1e-3, np.eye(size)

    def value(x):
        return posterior(x, rows, days, 5000.0, 0.5)

    hessian = np.array(
        [
            [
                value(found.x + step * (e + f))
                - value(found.x + step * (e - f))
                - value(found.x - step * (e - f))
                + value(found.x - step * (e + f))
                for f in eye
            ]
            for e in eye
        ]
    ) / (4 * step**2)
    centre = np.eye(4) - 0.25
    covariance = np.linalg.inv(hessian).reshape(-1, 4, size // 4, 4)
    assert fit.posterior == pytest.approx(centre @ covariance[-1, :, -1] @ centre, abs=1e-4)
    for d in range(size // 4):
        own = np.sqrt(np.diag(centre @ covariance[d, :, d] @ centre))
        there = ~np.isnan(fit.history.errors[d])
        assert fit.history.errors[d][there] == pytest.approx(own[there], abs=1e-4)


def test_strengths_that_hardly_move_are_bradley_terrys():
    """With 400 votes a pair the prior of one win and one loss is worth a hundredth of them."""
    rng = np.random.default_rng(0)
    strength = np.array([0.6, 0.2, -0.2, -0.6])
    shown = np.array([rng.permutation(4)[:2] for _ in range(2400)])
    won = rng.random(2400) < 1 / (1 + np.exp(strength[shown[:, 1]] - strength[shown[:, 0]]))
    places = np.where(won[:, None], [1, 2], [2, 1])
    timed = Comparisons.of(list("abcd"), shown, places, timestamp=np.arange(2400) * DAY / 24)
    still = rank(timed, "whole_history_rating", w2=1e-6)
    ours, theirs = rank(timed, "bradley_terry"), still
    for row in ours.rows:
        assert theirs[row.model].score == pytest.approx(row.score, abs=1.0)
        assert theirs[row.model].upper == pytest.approx(row.upper, abs=1.5)


def test_a_model_that_changed_is_where_it_is_now():
    """Fifty days of losses, then fifty of wins: the last day's rating is that of the wins."""
    rows = [("a", "b", "model_b")] * 100 + [("a", "b", "model_a")] * 100
    times = np.repeat(np.arange(100), 2) * DAY
    board = rank(votes(rows, times, "ab"), "whole_history_rating")
    assert board["a"].rank == 1
    scores = board.history.to_frame().set_index(["model", "time"]).score["a"]
    assert scores.iloc[10] < 900
    assert scores.iloc[-1] > 1100
    assert scores.iloc[-1] == board["a"].score


@pytest.mark.parametrize("name", ["whole_history_rating", "glicko2"])
def test_rows_in_any_order_and_names_change_nothing(name):
    rows, times = [tuple(row) for row in CASE["rows"]], CASE["times"]
    order = np.random.default_rng(1).permutation(len(rows))
    one = rank(votes(rows, times), name, min_votes=0)
    two = rank(votes([rows[i] for i in order], [times[i] for i in order]), name, min_votes=0)
    assert one.rows == two.rows
    assert one.fingerprint == two.fingerprint
    called = dict(zip("abcd", "dbca", strict=True))
    three = rank(votes([(called[a], called[b], w) for a, b, w in rows], times), name, min_votes=0)
    for row in one.rows:
        assert three[called[row.model]].score == pytest.approx(row.score, abs=1e-9)
        assert three[called[row.model]].rank == row.rank


def test_what_does_not_fit_into_memory_is_refused_with_a_length_that_does():
    several = np.arange(30_000)
    shown = np.stack([several % 100, (several + 1) % 100], axis=1)
    many = Comparisons.of(
        [f"m{i:02d}" for i in range(100)], shown, [[1, 2]] * 30_000, timestamp=several * DAY
    )
    with pytest.raises(OptionError, match="set a longer period, such as 2 days"):
        rank(many, "whole_history_rating")
