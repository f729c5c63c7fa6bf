"""The side an answer is shown on: recovered, calibrated, against a GLM, from arrays and files alike."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from agon.data import comparisons
from agon.ranking import Comparisons, OptionError, VotesError, position_bias, rank

M = 8


def world(bias, votes=4000, seed=0, ties=0.0):
    """Votes on random pairs and sides, strengths N(0, 1), `bias` nats for the left."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(0, 1, M)
    one = rng.integers(0, M, votes)
    two = (one + rng.integers(1, M, votes)) % M
    left = rng.random(votes) < 1 / (1 + np.exp(-(theta[one] - theta[two] + bias)))
    places = np.where(left[:, None], [1, 2], [2, 1])
    places[rng.random(votes) < ties] = [1, 1]
    return np.stack([one, two], axis=1), places


def votes_of(shown, places, **more):
    return Comparisons.of([f"m{k}" for k in range(M)], shown, places, **more)


def as_frame(shown, places):
    winner = np.select(
        [places[:, 0] < places[:, 1], places[:, 0] > places[:, 1]], ["model_a", "model_b"], "tie"
    )
    names = np.array([f"m{k}" for k in range(M)])
    return pd.DataFrame({"model_a": names[shown[:, 0]], "model_b": names[shown[:, 1]], "winner": winner})


def test_it_is_the_maximum_likelihood_with_one_more_parameter():
    """Against scipy, vote by vote; the standard error against the vote-by-vote sandwich."""
    shown, places = world(0.3, votes=800, seed=1, ties=0.2)
    found = position_bias(votes_of(shown, places))
    y = np.where(places[:, 0] == places[:, 1], 0.5, places[:, 0] < places[:, 1])
    design = np.zeros((len(y), M + 1))
    design[np.arange(len(y)), shown[:, 0]] += 1
    design[np.arange(len(y)), shown[:, 1]] -= 1
    design[:, M] = 1
    design = design[:, 1:]  # the first model is the zero

    def loss(x):
        return (np.logaddexp(0, design @ x) - y * (design @ x)).sum()

    best = minimize(loss, np.zeros(M), method="BFGS", options={"gtol": 1e-9}).x
    p = 1 / (1 + np.exp(-(design @ best)))
    bread = np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design)
    covariance = bread @ ((design * ((y - p) ** 2)[:, None]).T @ design) @ bread
    assert found.bias == pytest.approx(best[-1], abs=1e-6)
    assert found.upper - found.bias == pytest.approx(1.959964 * np.sqrt(covariance[-1, -1]), rel=1e-5)
    assert found.votes == 800


def test_the_interval_covers_the_bias():
    """100 worlds: a standard error of 2.2%."""
    inside = [
        found.lower <= 0.2 <= found.upper
        for seed in range(100)
        for found in [position_bias(votes_of(*world(0.2, votes=600, seed=seed)))]
    ]
    assert 0.89 <= np.mean(inside) <= 1.0


def test_a_favoured_side_is_said_in_words():
    found = position_bias(votes_of(*world(0.4)))
    assert found.lower > 0 and found.p_value < 1e-6
    assert found.share == pytest.approx(1 / (1 + np.exp(-found.bias)))
    assert found.conclusion().startswith(f"Of two equal answers the one on the left wins {found.share:.1%}")
    other = position_bias(votes_of(*world(-0.4)))
    assert "on the right wins 5" in other.conclusion() or "on the right wins 6" in other.conclusion()


def test_exchanging_the_sides_turns_the_sign_and_leaves_the_board():
    shown, places = world(0.4, ties=0.1)
    one, two = votes_of(shown, places), votes_of(shown[:, ::-1], places[:, ::-1])
    assert position_bias(one).bias == pytest.approx(-position_bias(two).bias, abs=1e-9)
    assert rank(one).to_dict() == rank(two).to_dict()


def test_files_and_arrays_agree():
    shown, places = world(0.25, votes=700, ties=0.15, seed=4)
    expected = position_bias(votes_of(shown, places))
    assert position_bias(comparisons(as_frame(shown, places))) == expected
    part = as_frame(shown, places).assign(half=np.arange(700) % 2)
    halves = dict(comparisons(part).split("half"))
    given = votes_of(shown, places, labels={"half": [str(k % 2) for k in range(700)]})
    for name, votes in given.split("half"):
        assert position_bias(votes) == position_bias(halves[name])


def test_soft_judgements_and_weights_count_by_side():
    shown, places = [[0, 1], [1, 0], [0, 1]], [[0, 0], [2, 1], [1, 1]]
    votes = Comparisons.of("ab", shown, places, p_a=[0.7, np.nan, np.nan], weight=[2.0, 1.0, 3.0])
    left, right, tie = votes.counts_by_position * 2  # the mean weight: weights carry no unit
    assert left == pytest.approx(np.array([[0, 1.4], [0, 0]]))
    assert right == pytest.approx(np.array([[0, 0.6], [1, 0]]))
    assert tie == pytest.approx(np.array([[0, 3.0], [0, 0]]))


def test_refusals():
    kwise = Comparisons.of("abc", [[0, 1, 2]] * 2, [[1, 2, 3], [3, 2, 1]])
    assert kwise.counts_by_position is None
    counts = Comparisons.from_counts(["a", "b"], [[0, 3], [2, 0]])
    for votes in (kwise, counts):
        with pytest.raises(VotesError, match="do not say which answer was first"):
            position_bias(votes)
    with pytest.raises(VotesError, match="No two models both won and lost"):
        position_bias(Comparisons.of("ab", [[0, 1]], [[1, 2]]))
    always_left = Comparisons.of("ab", [[0, 1], [1, 0]] * 9, [[1, 2]] * 18)
    kept_sides = Comparisons.of("ab", [[0, 1]] * 9, [[1, 2], [2, 1], [1, 2]] * 3)
    with pytest.raises(VotesError, match="do not bound the effect of the sides"):
        position_bias(always_left)
    with pytest.raises(VotesError, match="a is on the left of every vote"):  # nothing that more votes mend
        position_bias(kept_sides)
    with pytest.raises(OptionError, match="level must lie between 0 and 1"):
        position_bias(votes_of(*world(0.0)), level=1.0)


def test_a_baseline_on_one_side_of_every_vote_is_refused():
    """Issue 12.9, AlpacaEval: the baseline is always on the left, so its strength and the side are one."""
    shown = [[0, k] for k in (1, 2, 3) for _ in range(40)]
    places = [[1, 2], [2, 1], [1, 2], [1, 2]] * 30
    with pytest.raises(VotesError, match=r"base is on the left of every vote, so a favour .* show each pair"):
        position_bias(Comparisons.of(["base", "x", "y", "z"], shown, places))
