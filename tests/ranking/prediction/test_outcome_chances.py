"""Chances of outcomes: against published formulas, roots found by scipy, and trueskill's own numbers."""

import math

import numpy as np
import pytest
import trueskill
from scipy.optimize import brentq

from agon.ranking import METHODS, MethodError, bradley_terry_world
from agon.ranking.prediction.outcome_chances import chances_of, fit_ties, with_ties
from agon.ranking.results import Fit, Posterior
from agon.ranking.votes.pair_counts import PairCounts

VOTES = bradley_terry_world(5, 1500, ties=0.2, both_bad=0.1, seed=3).comparisons()
FIRST, SECOND = np.triu_indices(5, 1)


def told(name, **options):
    how = METHODS[name]
    settings = how.settings(options)
    result = how.function(how.view_of(VOTES), **settings)
    return result, chances_of(how, result, settings, VOTES.ballots, FIRST, SECOND)


def test_ties_are_added_so_that_the_expected_share_stays():
    """The root of Davidson's equations, found by bisection."""
    for share in (0.01, 0.3, 0.5, 0.77, 0.99):
        for nu in (0.1, 1.0, 9.0):

            def off(gap, nu=nu, share=share):
                up = math.exp(gap / 2)
                return (up + nu / 2) / (up + 1 / up + nu) - share

            up = math.exp(brentq(off, -60, 60) / 2)
            made = with_ties(np.array([share]), nu)
            total = up + 1 / up + nu
            assert [made.win[0], made.tie[0], made.loss[0]] == pytest.approx(
                [up / total, nu / total, 1 / (up * total)], abs=1e-9
            )
            assert made.expected[0] == pytest.approx(share)


def test_without_ties_there_are_none():
    made = with_ties(np.array([0.8]), fit_ties(np.array([0.8]), np.ones(1), np.zeros(1), np.ones(1)))
    assert (made.win[0], made.tie[0], made.loss[0]) == pytest.approx((0.8, 0, 0.2))


def test_among_equals_ties_are_as_common_as_they_were():
    """30 ties of 100 votes of equal models: chances 0.35, 0.3 and 0.35 by hand."""
    nu = fit_ties(np.array([0.5]), np.array([35.0]), np.array([30.0]), np.array([35.0]))
    made = with_ties(np.array([0.5]), nu)
    assert (made.win[0], made.tie[0]) == pytest.approx((0.35, 0.3), abs=1e-5)


def test_models_of_ties_say_what_their_papers_say():
    result, made = told("davidson")
    gap = result.values[FIRST] - result.values[SECOND]
    nu = result.parameters["ν"]
    total = np.exp(gap / 2) + np.exp(-gap / 2) + nu
    assert made.win == pytest.approx(np.exp(gap / 2) / total)
    assert made.tie == pytest.approx(nu / total)

    result, made = told("rao_kupper")
    one, two = np.exp(result.values[FIRST]), np.exp(result.values[SECOND])
    phi = result.parameters["φ"]
    assert made.win == pytest.approx(one / (one + phi * two))
    assert made.loss == pytest.approx(two / (two + phi * one))

    result, made = told("rao_kupper_bag")
    one, two = np.exp(result.values[FIRST]), np.exp(result.values[SECOND])
    phi, bag = result.parameters["φ"], result.parameters["g"]
    assert made.win == pytest.approx(one / (one + phi * two + bag))
    assert made.loss == pytest.approx(two / (two + phi * one + bag))


@pytest.mark.parametrize("one", ["newman", "davidson_luce"])
def test_methods_that_find_the_same_maximum_say_the_same(one):
    assert told(one)[1].win == pytest.approx(told("davidson")[1].win, abs=1e-5)
    assert told(one)[1].tie == pytest.approx(told("davidson")[1].tie, abs=1e-5)


def test_without_grades_the_graded_model_is_rao_kuppers():
    assert told("graded_bradley_terry")[1].win == pytest.approx(told("rao_kupper")[1].win, abs=1e-6)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_that_predicts_gives_chances_that_sum_to_one(name):
    how = METHODS[name]
    if how.view in ("scores", "contexts") or (how.view == "ballots" and how.family == "social_choice"):
        return  # these need tables, features or ballots without gaps
    try:
        _, made = told(name)
    except MethodError as error:
        assert "gives no chances" in str(error)
        assert how.family in ("aggregation", "social_choice")
        return
    assert made.win + made.tie + made.loss == pytest.approx(np.ones(10))
    assert min(made.win.min(), made.tie.min(), made.loss.min()) >= 0
    strong = int(np.argmax(VOTES.pairs.halves("half").sum(axis=1)))  # all favour who wins most
    at = np.flatnonzero(strong == FIRST)
    assert (made.expected[at] > 0.5).all()


def test_trueskill_says_what_the_library_says():
    """The chance of a draw between two beliefs is the library's match quality in another form: its margin."""
    one, two = trueskill.Rating(27, 3), trueskill.Rating(24, 4)
    draws = 0.1
    env = trueskill.TrueSkill(draw_probability=draws)
    margin = trueskill.calc_draw_margin(draws, 2, env)
    spread = math.sqrt(2 * env.beta**2 + one.sigma**2 + two.sigma**2)
    fit = Fit(np.array([27.0, 24.0]), "points", uncertainty=Posterior(np.diag([9.0, 16.0])))
    how = METHODS["kwise_bayes"]
    made = chances_of(how, fit, how.settings({}), VOTES.ballots, np.array([0]), np.array([1]))
    assert made.win[0] == pytest.approx(
        env.cdf((one.mu - two.mu - margin) / spread), abs=1e-7
    )  # its own approximation of Φ
    assert made.loss[0] == pytest.approx(
        env.cdf((two.mu - one.mu - margin) / spread), abs=1e-7
    )  # its own approximation of Φ


def test_thurstones_share_is_the_normal_curve_and_elos_the_published_one():
    result, made = told("thurstone")
    gap = result.values[FIRST] - result.values[SECOND]
    normal = [0.5 * math.erfc(-x / math.sqrt(2)) for x in gap]
    assert made.expected == pytest.approx(normal, abs=1e-9)
    result, made = told("elo", permutations=3)
    gap = result.values[FIRST] - result.values[SECOND]
    assert made.expected == pytest.approx(1 / (1 + 10 ** (-gap / 400)), abs=1e-9)


def test_a_rule_of_majorities_is_refused():
    with pytest.raises(MethodError, match="copeland gives no chances of outcomes; compare ratings"):
        told("copeland")


def test_counts_as_a_view_are_the_same_votes():
    assert PairCounts.from_ballots(VOTES.ballots).wins.sum() == VOTES.pairs.wins.sum()
