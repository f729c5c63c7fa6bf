"""What is known when a group is drawn: counts by hand, strengths against an optimiser of scipy's."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize

from agon.ranking.matchmaking.standing import Standing
from agon.ranking.methods.online.trueskill import update_skills
from agon.ranking.votes.ballots import Ballots


def test_counts_by_hand():
    """c > a = b; a > c, b not ranked; and a pair without votes."""
    ballots = Ballots.of(["b", "a", "c"], [[2, 1, 0], [1, 2, 0]], [[1, 2, 2], [1, 2, 0]], count=[1, 2])
    found = Standing.of(ballots, ["a", "b", "c", "d"])
    assert found.met.tolist() == [[0, 3, 3, 0], [3, 0, 3, 0], [3, 3, 0, 0], [0, 0, 0, 0]]
    assert found.shown.tolist() == [3, 3, 3, 0]
    assert found.wins.tolist() == [[0, 2, 2, 0], [0, 0, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0]]
    assert found.ties[0, 1] == found.ties[1, 0] == 1
    assert found.ties.sum() == 2
    assert found.mean[3] == pytest.approx(0, abs=1e-9)  # a newcomer has the prior
    assert found.covariance[3, 3] == pytest.approx(1 / found.precision)


def test_groups_that_wait_count_as_met():
    found = Standing.blank("abc").drawn([(0, 2)])
    assert found.met.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert found.shown.tolist() == [1, 0, 1]
    assert found.among([2, 0]).waiting == ((1, 0),)
    assert found.among([1, 2]).waiting == ()
    assert found.groups_of([("c", "a"), ("b", "gone")]) == [(2, 0)]


def test_strengths_are_the_mode_and_the_prior_fits_them():
    """BFGS on the likelihood written out; the covariance is the inverse of a numerical Hessian."""
    rng = np.random.default_rng(1)
    m, shown = 5, np.array([rng.choice(5, 3, replace=False) for _ in range(40)])
    utility = np.linspace(-1, 1, m)[shown] + rng.gumbel(size=shown.shape)
    order = np.take_along_axis(shown, (-utility).argsort(axis=1), axis=1)
    places = (-utility).argsort(axis=1).argsort(axis=1) + 1
    found = Standing.of(Ballots.of(tuple("abcde"), shown, places), tuple("abcde"))

    def loss(theta):
        value = found.precision / 2 * theta @ theta
        for one, two, three in order:
            for best, among in ((one, [one, two, three]), (two, [two, three])):
                value -= theta[best] - np.log(np.exp(theta[among]).sum())
        return value

    best = minimize(loss, np.zeros(m), method="BFGS", options={"gtol": 1e-9}).x
    assert found.mean == pytest.approx(best, abs=1e-4)
    step, hessian = 1e-3 * np.eye(m), np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
            hessian[i, j] = sum(a * b * loss(best + a * step[i] + b * step[j]) for a, b in signs) / 4e-6
    assert found.covariance == pytest.approx(np.linalg.inv(hessian), abs=1e-3)
    chosen = m / (found.mean @ found.mean + np.trace(found.covariance))
    assert found.precision == pytest.approx(min(max(chosen, 0.02), 4), rel=0.02)


def test_models_that_stand_elsewhere_still_tell_about_strengths():
    """a beat the absent z, and b lost to it: of a and b, a is the stronger one."""
    ballots = Ballots.of(["a", "b", "z"], [[0, 2], [2, 1]], [[1, 2], [1, 2]], count=[9, 9])
    found = Standing.of(ballots, ["a", "b"])
    assert found.models == ("a", "b")
    assert found.mean[0] > 0.5 > -0.5 > found.mean[1]


def test_skills_are_those_of_trueskill():
    """Three four-wise votes as trueskill 0.4.5 takes them, run for known_answers/kwise_bayes.json too."""
    mean, variance = [25.0] * 6, [(25 / 3) ** 2] * 6
    for order in ([0, 1, 2, 3], [4, 5, 0, 1], [2, 3, 4, 5]):
        update_skills(mean, variance, order, [1, 2, 3, 4])
    assert mean == pytest.approx([29.12259, 23.1138, 29.47552, 24.8077, 28.5583, 24.28378], abs=1e-3)
    sigma = np.sqrt(variance)
    assert sigma == pytest.approx([4.77292, 4.82788, 4.53469, 4.46435, 4.34387, 4.3328], abs=1e-3)


def test_the_distance_from_the_field_leaves_out_what_all_share():
    """With C = I + s·11ᵀ the distance of one of M from the mean has the variance 1 − 1/M, whatever s."""
    base = Standing.blank("abcd")
    shared = base.covariance + 7.0
    found = Standing(base.models, base.met, base.shown, base.wins, base.ties, base.mean, shared)
    assert found.spread == pytest.approx(np.sqrt(0.75) * np.ones(4))


def test_every_pair_of_a_vote_counts():
    ballots = Ballots.of(tuple("abcd"), [[0, 1, 2, 3]], [[4, 3, 2, 1]])
    found = Standing.of(ballots, tuple("abcd"))
    for one, two in combinations(range(4), 2):
        assert (found.wins[two, one], found.wins[one, two], found.met[one, two]) == (1, 0, 1)
