"""Scores of methods on votes held out: by hand, by scikit-learn, on planted worlds."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, log_loss

import agon as ag
from agon.data import comparisons
from agon.ranking import (
    Comparisons,
    MethodError,
    OptionError,
    SourceError,
    bradley_terry_world,
    compare_methods,
)
from agon.ranking.numerics import expit
from agon.ranking.prediction.held_out import hold_out, part_of
from agon.ranking.prediction.outcome_chances import chances_of
from agon.ranking.registry import METHODS
from agon.ranking.votes.pair_counts import PairCounts

FAST = ["bradley_terry", "davidson", "rao_kupper"]
WORLD = bradley_terry_world(6, 1200, seed=8, voters=30)


def rao_kupper_votes(n_votes, seed, phi=4.0, models=8, voters=200):
    """Votes whose ties follow Rao and Kupper (1967), and of which Davidson's model is wrong."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(-2.5, 2.5, models)
    first = rng.integers(0, models, n_votes)
    second = (first + rng.integers(1, models, n_votes)) % models
    gap, step = theta[first] - theta[second], math.log(phi)
    draw = rng.random(n_votes)
    win, loss = expit(gap - step), expit(-gap - step)
    places = np.where((draw < win)[:, None], [1, 2], np.where((draw < win + loss)[:, None], [2, 1], [1, 1]))
    return Comparisons.of(
        [f"m{i}" for i in range(models)],
        np.stack([first, second], axis=1),
        places,
        labels={"voter": rng.integers(0, voters, n_votes).tolist()},
    )


def test_the_scores_are_scikit_learns():
    votes = WORLD.comparisons()
    seen = compare_methods(votes, ["davidson"], folds=4, seed=2)
    held = hold_out(votes, "vote", 4, 2)
    how, rows = METHODS["davidson"], held.battles.ballots.pair_rows
    chances, outcomes = [], []
    for learn, asked in held.folds():
        part = part_of(held.battles, learn)
        result = how.function(PairCounts.from_ballots(part.ballots))
        told = chances_of(how, result, how.settings({}), part.ballots, rows.first, rows.second)
        row = np.searchsorted(rows.ballot, held.battles.sequence[asked])
        share = 1 / (learn.sum() + 1)
        chance = np.stack([told.win, told.tie, told.loss], axis=1)[row] * (1 - share) + share / 3
        chances.append(chance)
        outcomes.append(
            np.argmax(np.stack([rows.win, rows.tie + rows.both_bad, rows.loss], axis=1)[row], axis=1)
        )
    chance, outcome = np.concatenate(chances), np.concatenate(outcomes)
    score = seen.scores[0]
    assert score.method == "davidson"
    assert score.log_loss == pytest.approx(log_loss(outcome, chance, labels=[0, 1, 2]))
    assert score.brier == pytest.approx(
        sum(brier_score_loss(outcome == k, chance[:, k], pos_label=True) for k in range(3))
    )


def test_the_reference_by_hand():
    """Of 90 votes 30 are ties, and every fold sees the share of the others: even chances cost about log 3."""
    places = [[1, 2]] * 30 + [[2, 1]] * 30 + [[1, 1]] * 30
    votes = Comparisons.of("ab", [[0, 1]] * 90, places)
    seen = compare_methods(votes, ["bradley_terry"], folds=90)
    reference = next(one for one in seen.scores if one.method == "no_strengths")
    win = (1 - 30 / 89) / 2 * (1 - 1 / 90) + 1 / 270  # 89 votes seen, one of even chances mixed in
    tie = 29 / 89 * (1 - 1 / 90) + 1 / 270
    assert reference.log_loss == pytest.approx(-(60 * math.log(win) + 30 * math.log(tie)) / 90)
    assert reference.slope is None


def test_the_model_that_made_the_votes_surely_predicts_best():
    votes = rao_kupper_votes(12_000, 1)
    seen = compare_methods(votes, ["davidson", "rao_kupper", "bradley_terry", "thurstone"])
    assert seen.contenders == ("rao_kupper",)
    assert seen.conclusion().startswith("rao_kupper surely predicts 12,000 held-out votes best")
    best = seen.scores[0]
    assert best.slope_lower < 1 < best.slope_upper
    assert best.calibration_error < 0.02
    # what the truth itself would cost, to which a good method comes near: its own simulation of many votes
    rng_gap = np.linspace(-2.5, 2.5, 8)
    gaps = (rng_gap[:, None] - rng_gap)[~np.eye(8, dtype=bool)]
    win, loss = expit(gaps - math.log(4)), expit(-gaps - math.log(4))
    chance = np.stack([win, 1 - win - loss, loss])
    truth = float(-(chance * np.log(chance)).sum(axis=0).mean())
    assert best.lower < truth < best.upper
    assert best.log_loss == pytest.approx(truth, abs=0.01)


def test_overconfident_ratings_have_a_slope_below_one():
    """Elo with a large step follows the last votes: what it expects is too sure."""
    seen = compare_methods(WORLD.comparisons(), [("elo", {"k": 200.0}), "bradley_terry"])
    slope = {one.method: one for one in seen.scores}["elo (k = 200.0)"]
    assert slope.slope_upper < 1


def test_votes_that_say_nothing_leave_the_reference_first():
    world = bradley_terry_world(6, 600, strengths=np.zeros(6), seed=5)
    seen = compare_methods(world.comparisons(), FAST)
    assert seen.scores[0].method == "no_strengths"
    assert "No method predicts" in seen.conclusion()


def test_strengths_that_move_are_foreseen_by_those_who_know_of_time():
    """Models change places day by day, by 9 Elo points; only what goes by time follows (a planted truth)."""
    rng = np.random.default_rng(4)
    days, each = 60, 80
    day = np.repeat(np.arange(days), each)
    theta = np.linspace(-1.5, 1.5, 6)
    first = rng.integers(0, 6, len(day))
    second = (first + rng.integers(1, 6, len(day))) % 6
    sign = np.linspace(1, -1, days)[day]
    won = rng.random(len(day)) < expit(sign * (theta[first] - theta[second]))
    votes = Comparisons.of(
        "abcdef",
        np.stack([first, second], axis=1),
        np.where(won[:, None], [1, 2], [2, 1]),
        timestamp=day * 86400.0,
    )
    seen = compare_methods(votes, ["bradley_terry", "whole_history_rating"], by="time", folds=11)
    assert seen.contenders == ("whole_history_rating",)
    shuffled = compare_methods(votes, ["bradley_terry", "whole_history_rating"], by="vote", folds=3)
    assert shuffled.scores[-1].method == "whole_history_rating"  # of the last day, asked about all days


@pytest.mark.parametrize("by", ["voter", "prompt"])
def test_nobody_held_out_is_seen(by):
    rng = np.random.default_rng(0)
    who = rng.integers(0, 23, 400)
    shown = rng.permuted(np.tile([0, 1, 2], (400, 1)), axis=1)[:, :2]
    votes = Comparisons.of("abc", shown, [[1, 2]] * 400, labels={by: who.tolist()})
    held = hold_out(votes, by, 5)
    for learn, asked in held.folds():
        assert not set(held.cluster[learn]) & set(held.cluster[asked])
    assert held.clustered_by == by
    assert sorted(np.bincount(held.fold[np.unique(held.cluster, return_index=True)[1]])) == [4, 4, 5, 5, 5]


def test_later_votes_are_asked_of_what_earlier_ones_tell():
    votes = Comparisons.of("ab", [[0, 1]] * 100, [[1, 2]] * 100, timestamp=np.arange(100) // 7)
    held = hold_out(votes, "time", 4)
    for learn, asked in held.folds():
        assert held.battles.times[learn].max() < held.battles.times[asked].min()
    assert not held.asked[: held.asked.argmax()].any()


def test_the_same_votes_in_another_order_of_rows_are_scored_alike():
    votes, order = WORLD, np.random.default_rng(1).permutation(1200)
    places = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[votes.outcome]
    shown = np.stack([votes.first, votes.second], axis=1)

    def scored(rows):
        made = Comparisons.of(
            votes.models, shown[rows], places[rows], labels={"voter": votes.voter[rows].tolist()}
        )
        return compare_methods(made, FAST).to_frame()

    pd.testing.assert_frame_equal(scored(np.arange(1200)), scored(order))


def test_a_model_that_nobody_saw_is_not_asked_about():
    votes = Comparisons.of("abc", [[0, 1]] * 60 + [[1, 2]], [[1, 2], [2, 1]] * 30 + [[1, 2]])
    seen = compare_methods(votes, FAST, folds=61)
    assert (seen.votes, seen.unscored) == (60, 1)


@pytest.mark.soak
def test_a_method_is_seldom_called_surely_worse_where_all_are_as_good():
    """Without ties davidson and bradley_terry are one model, and thurstone's is as good on equal models.

    Of 60 worlds at most 8 (binomial, 1%) may call one of three surely worse at 95%.
    """
    wrong = 0
    for seed in range(60):
        world = bradley_terry_world(5, 400, ties=0.0, both_bad=0.0, spread=0.5, seed=seed, voters=40)
        seen = compare_methods(
            world.comparisons(), ["bradley_terry", "thurstone", "plackett_luce"], seed=seed
        )
        wrong += sum(one.verdict == "surely worse" for one in seen.scores if one.method != "no_strengths") > 0
    assert wrong <= 5


def test_k_wise_votes_are_asked_as_their_pairs():
    rng = np.random.default_rng(2)
    scores = np.array([0.0, 0.5, 1.0, 1.5]) + rng.gumbel(size=(500, 4))
    places = (-scores).argsort(axis=1).argsort(axis=1) + 1
    votes = Comparisons.of("abcd", np.tile(np.arange(4), (500, 1)), places)
    seen = compare_methods(votes, ["plackett_luce", "davidson_luce", "elo"])
    assert seen.votes == 500
    assert set(seen.contenders) >= {"plackett_luce", "davidson_luce"}
    gap = np.arange(4)[:, None] * 0.5 - np.arange(4) * 0.5
    chance = expit(gap[np.triu_indices(4, 1)])
    truth = float(-(chance * np.log(chance) + (1 - chance) * np.log(1 - chance)).mean())
    assert seen.scores[0].log_loss == pytest.approx(truth, abs=0.02)


def test_what_is_wrong_is_said_with_its_remedy():
    votes = bradley_terry_world(4, 100).comparisons()
    bare = Comparisons.of("ab", [[0, 1]] * 9, [[1, 2]] * 9)
    for call, error, text in (
        (
            lambda: compare_methods(bare, FAST, by="voter"),
            SourceError,
            "do not say who voted: name the column",
        ),
        (
            lambda: compare_methods(bare, FAST, by="prompt"),
            SourceError,
            "on which prompt they were cast: name",
        ),
        (lambda: compare_methods(votes, FAST, by="time"), SourceError, "do not say when they were cast"),
        (lambda: compare_methods(votes, ["copeland"]), MethodError, "gives no chances of outcomes"),
        (lambda: compare_methods(votes, ["elo", "elo"]), MethodError, "elo is named twice"),
        (lambda: compare_methods(votes, []), MethodError, "needs methods"),
        (lambda: compare_methods(votes, FAST, level=2), OptionError, "level must lie between 0 and 1"),
        (lambda: compare_methods(votes, FAST, folds=1), OptionError, "folds must be a whole number"),
        (lambda: compare_methods(votes, FAST, by="day"), OptionError, "not by 'day'"),
        (
            lambda: compare_methods(ag.score_table(pd.DataFrame({"model": ["a", "b"], "x": [1, 2]}))),
            SourceError,
            "has no votes to hold out",
        ),
    ):
        with pytest.raises(error, match=text):
            call()


def test_a_file_is_read_and_scored(tmp_path):
    table = pd.DataFrame(
        {
            "model_a": np.take(["a", "b", "c"], WORLD.first % 3),
            "model_b": np.take(["a", "b", "c"], (WORLD.first + 1 + WORLD.second % 2) % 3),
            "winner": np.take(["model_a", "model_b", "tie", "both_bad"], WORLD.outcome),
            "judge": WORLD.voter,
        }
    )
    table.to_csv(tmp_path / "votes.csv", index=False)
    seen = ag.compare_methods(tmp_path / "votes.csv", "davidson", by="voter", columns={"voter": "judge"})
    assert (seen.by, seen.clustered_by, seen.clusters) == ("voter", "voter", 30)


def test_votes_that_every_favourite_wins_have_no_slope():
    """The slope has no bound there; logistic regression would run away."""
    rows = [
        {"model_a": a, "model_b": b, "winner": "model_a"} for a, b in ("ab", "bc", "ac") for _ in range(30)
    ]
    seen = compare_methods(comparisons(pd.DataFrame(rows)), ["davidson"])
    first = seen.scores[0]
    assert first.method == "davidson"
    assert (first.slope, first.slope_lower, first.slope_upper) == (None, None, None)
    assert first.log_loss < 0.2 < math.log(2)
