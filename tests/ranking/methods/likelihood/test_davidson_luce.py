"""Davidson-Luce against its likelihood written out vote by vote and maximised by scipy, and its relatives."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize

from agon.ranking import METHODS, Comparisons, OptionError, rank
from agon.ranking.errors import InputError
from agon.ranking.simulate import bradley_terry_world

NAMES = list("abcdef")


def kwise(n, seed, levels=3):
    """n votes on three to five of six models; cut into levels so that two, three and more often tie."""
    rng = np.random.default_rng(seed)
    shown, places = np.full((n, 5), -1), np.zeros((n, 5), dtype=int)
    for row, place in zip(shown, places, strict=True):
        k = int(rng.integers(3, 6))
        row[:k] = rng.permutation(6)[:k]
        felt = np.round(0.6 * (2.5 - row[:k]) / 2 + rng.gumbel(size=k))
        place[:k] = 1 + np.searchsorted(np.unique(-felt), -felt)
        place[:k] = np.minimum(place[:k], levels)
    return shown, places


def log_likelihood(x, votes, orders):
    """By the formula of Firth, Kosmidis and Turner (2019), eq. 4, vote by vote; x strengths, then log δ."""
    theta = np.append(x[:5], -x[:5].sum())
    delta = {1: 0.0, **dict(zip(orders, x[5:], strict=True))}
    value = 0.0
    for row, place in zip(*votes, strict=True):
        left = [(model, p) for model, p in zip(row, place, strict=True) if model >= 0]
        while len(left) > 1:
            best = min(p for _, p in left)
            chosen = [model for model, p in left if p == best]
            among = [model for model, _ in left]
            sets = [s for k in delta if k <= len(among) for s in combinations(among, k)]
            weights = [math.exp(theta[list(s)].mean() + delta[len(s)]) for s in sets]
            value += theta[chosen].mean() + delta[len(chosen)] - math.log(sum(weights))
            left = [(model, p) for model, p in left if p > best]
    return value


@pytest.mark.slow
def test_the_maximum_is_that_of_the_likelihood_written_out():
    votes = kwise(60, 1)
    fit = METHODS["davidson_luce"].function(Comparisons.of(NAMES, *votes).ballots)
    orders = [int(name[1:]) for name in fit.parameters]
    assert len(orders) >= 2
    start = np.zeros(5 + len(orders))
    found = minimize(
        lambda x: -log_likelihood(x, votes, orders), start, method="BFGS", options={"gtol": 1e-7}
    )
    assert fit.values == pytest.approx([*found.x[:5], -found.x[:5].sum()], abs=2e-5)
    assert np.log(list(fit.parameters.values())) == pytest.approx(found.x[5:], abs=2e-5)


@pytest.mark.slow
def test_the_sandwich_is_that_of_numeric_derivatives():
    """White (1982) with a numeric Hessian and numeric scores of single votes, by central differences."""
    votes = kwise(60, 3, levels=2)
    comparisons = Comparisons.of(NAMES, *votes)
    fit = METHODS["davidson_luce"].function(comparisons.ballots)
    orders = [int(name[1:]) for name in fit.parameters]
    x = np.append(fit.values[:5], np.log(list(fit.parameters.values())))
    step, eye = 1e-4, np.eye(len(x))

    def slope(at, some):
        return np.array(
            [
                (log_likelihood(at + step * e, some, orders) - log_likelihood(at - step * e, some, orders))
                / (2 * step)
                for e in eye
            ]
        )

    hessian = -np.array([(slope(x + step * e, votes) - slope(x - step * e, votes)) / (2 * step) for e in eye])
    scores = np.array([slope(x, (votes[0][[i]], votes[1][[i]])) for i in range(60)])
    inverse = np.linalg.inv(hessian)
    covariance = (inverse @ scores.T @ scores @ inverse)[:5, :5]
    board = rank(comparisons, "davidson_luce", scale="natural", min_votes=0)
    assert board.covariance[:5, :5] == pytest.approx(covariance, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("more", [{}, {"cluster": "voter"}, {"both_bad": "drop"}])
def test_of_pairs_it_is_davidson(more):
    world = bradley_terry_world(6, 600, ties=0.15, both_bad=0.05, seed=3)
    votes = Comparisons.of(
        world.models,
        np.stack([world.first, world.second], axis=1),
        np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[world.outcome],
        acceptable=np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])[world.outcome],
        labels={"voter": world.voter.tolist()},
    )
    one, two = (rank(votes, name, **more) for name in ("davidson", "davidson_luce"))
    for mine, theirs in zip(two.rows, one.rows, strict=True):
        assert (mine.model, mine.rank_lower, mine.rank_upper) == (
            theirs.model,
            theirs.rank_lower,
            theirs.rank_upper,
        )
        assert (mine.score, mine.lower, mine.upper) == pytest.approx(
            (theirs.score, theirs.lower, theirs.upper), abs=1e-6
        )


def test_without_ties_it_is_plackett_luce_without_a_prior():
    rng = np.random.default_rng(0)
    shown = np.array([rng.permutation(6)[:4] for _ in range(200)])
    felt = np.linspace(1, -1, 6)[shown] + rng.gumbel(size=shown.shape)
    votes = Comparisons.of(NAMES, shown, 1 + np.argsort(np.argsort(-felt, axis=1), axis=1))
    one = METHODS["plackett_luce"].function(votes.ballots, precision=0.0)
    two = METHODS["davidson_luce"].function(votes.ballots)
    assert two.values == pytest.approx(one.values, abs=1e-9)
    assert two.parameters == {}


def test_ties_that_grow_with_the_strengths_have_no_maximum():
    """a over b over c, and neighbours tie: drawn apart while δ2 grows as fast, no vote is less likely."""
    votes = Comparisons.of(
        list("abc"),
        [[0, 1, 2], [0, 1, -1], [1, 2, -1]],
        [[1, 2, 3], [1, 1, 0], [1, 1, 0]],
    )
    board = rank(votes, "davidson_luce", min_votes=0)
    assert {note.code for note in board.diagnostics} >= {"loose_ties"}
    assert not board.ranked
    more = votes + Comparisons.of(list("abc"), [[0, 1], [1, 2], [0, 2]], [[2, 1]] * 3)
    assert len(rank(more, "davidson_luce", min_votes=0).ranked) == 3


def test_a_size_of_tie_that_was_not_seen_has_no_parameter():
    """PlackettLuce 0.4 does the same; here ties of two and of four."""
    places = [
        [1, 2, 0, 0],
        [4, 1, 2, 3],
        [2, 1, 1, 0],
        [1, 2, 3, 0],
        [2, 1, 3, 0],
        [1, 0, 3, 2],
        [1, 1, 1, 1],
    ]
    shown = np.where(np.array(places) > 0, np.arange(4), -1)
    fit = METHODS["davidson_luce"].function(Comparisons.of(list("abcd"), shown, places).ballots)
    assert list(fit.parameters) == ["δ2", "δ4"]


def test_too_many_outcomes_are_refused_in_one_sentence():
    votes = Comparisons.of(
        [f"m{i:02d}" for i in range(14)], [range(14)] * 2, [[1] * 7 + [2] * 7, [2] * 7 + [1] * 7]
    )
    with pytest.raises(OptionError, match=r"a choice from 14 models .* use plackett_luce") as refused:
        rank(votes, "davidson_luce", min_votes=0)
    assert isinstance(refused.value, InputError)
    assert len(rank(votes, "plackett_luce", min_votes=0, interval="none")) == 14
