"""Surrogate boards: AlpacaEval 2 against LMArena, planted lines, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from agon import ranking
from agon.ranking import OptionError, predict_ratings
from benchmarks.calibrated_boards import FEATURES, ratings_by_day, surrogate, worth


def planted(n=40, rated=30, seed=0):
    rng = np.random.default_rng(seed)
    rate, length = rng.normal(size=n), rng.normal(size=n)
    rating = 1100 + 80 * rate - 30 * length + rng.normal(0, 15, n)
    names = [f"m{i:02d}" for i in range(n)]
    table = pd.DataFrame({"model": names, "rate": rate, "length": length})
    return dict(zip(names[:rated], rating[:rated], strict=True)), table, dict(zip(names, rating, strict=True))


def test_alpacaeval_foretells_lmarena_within_eighteen_points_until_may_2024_and_its_intervals_hold(datasets):
    """The published best is 17.9 on a set of its own. Missed later: 22.3 on the last board of 56 models."""
    days = ratings_by_day(datasets)
    found = {day: surrogate(datasets, day) for day in (20240418, 20240426, 20240508, max(days))}
    for day in (20240418, 20240426, 20240508):
        assert found[day].error < 18
    assert found[max(days)].error == pytest.approx(22.3, abs=0.1)
    assert all(0.87 <= one.coverage <= 0.93 for one in found.values())
    assert found[20240426].features == FEATURES and len(found[20240426]) == 46


def test_the_error_is_that_of_a_fit_by_another_library_without_each_model(datasets):
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import LeaveOneOut, cross_val_predict

    ratings, table, _ = planted()
    known = table[table["model"].isin(ratings)]
    seen = np.array([ratings[name] for name in known["model"]])
    theirs = cross_val_predict(LinearRegression(), known[["rate", "length"]], seen, cv=LeaveOneOut())
    found = predict_ratings(ratings, table, names=["rate", "length"])
    assert found.error == pytest.approx(np.abs(seen - theirs).mean())
    np.testing.assert_allclose([found[name].predicted for name in known["model"]], theirs)
    np.testing.assert_allclose(found.coefficients, [1100, 80, -30], atol=12)


def test_models_that_nobody_rated_lie_in_their_intervals():
    inside = []
    for seed in range(100):
        ratings, table, truth = planted(seed=seed)
        found = predict_ratings(ratings, table, level=0.9)
        assert {row.model for row in found.predicted} == set(truth) - set(ratings)
        inside += [row.lower <= truth[row.model] <= row.upper for row in found.predicted]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.03)


def test_a_board_of_votes_gives_the_ratings_of_its_ranked_models():
    board = ranking.rank(ranking.bradley_terry_world(12, 6000, seed=2).comparisons())
    table = {row.model: {"half": row.score / 2} for row in board} | {"new": {"half": 500.0}}
    found = predict_ratings(board, table, level=0.8)
    assert found["new"].predicted == pytest.approx(1000, abs=1e-6)
    assert (found["new"].rating, found["new"].status) == (None, "predicted")


def test_judges_of_llmfao_buy_nothing_that_matters(datasets):
    """GPT-4's verdicts beside those of the crowd: about 1.005 was seen elsewhere."""
    found = worth(datasets, "gpt-4")
    assert (found["votes"], found["judged"]) == (8931, 2139)
    assert found["limit_lower"] < 1.005 < found["limit_upper"] < 1.06
    assert found["lower"] < 1 and abs(found["ratio"] - 1) < 0.01


def test_what_cannot_be_predicted_from_is_refused():
    ratings, table, _ = planted()
    for given, features, options, said in [
        (ratings, table, {"level": 90}, "90% is 0.9"),
        (ratings, table, {"names": ["rat"]}, "There is no feature 'rat'"),
        (ratings, table.rename(columns={"model": "name"}), {}, "need a column model"),
        (ratings, pd.concat([table, table]), {}, "name a model twice; keep one row of each"),
        (ratings, table.assign(rate=np.nan), {}, "which is no number; correct it, or leave the model out"),
        (ratings, [1, 2], {}, "or a frame with a column model"),
        ({"m00": 1000.0, "m01": np.nan}, table, {}, "which is no number; correct it"),
        ({"m00": 1000.0}, table, {}, "name the models alike in both, or give fewer features"),
        ([1, 2], table, {}, "columns model and rating"),
    ]:
        with pytest.raises(OptionError, match=said):
            predict_ratings(given, features, **options)
