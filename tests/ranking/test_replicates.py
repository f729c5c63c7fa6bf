"""Faster ways to rank resampled votes give what the rules themselves give."""

import numpy as np
import pytest

from ranking import METHODS, PairCounts
from ranking.replicates import FAST, line, smith
from ranking.uncertainty import as_values


def random_pairs(rng):
    """Few votes (ties and cycles) or many (a near order with knots), of 2 to 9 models."""
    m = int(rng.integers(2, 10))
    strength = rng.normal(size=m) * rng.choice([0.0, 0.5, 2.0])
    number = int(rng.choice([1, 3, 20, 400]))
    chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
    upper = np.triu(rng.binomial(number, chance), 1)
    wins = (upper + np.triu(number - upper, 1).T).astype(float)
    np.fill_diagonal(wins, 0)
    ties = np.triu(rng.integers(0, 3, (m, m)), 1).astype(float) * rng.integers(0, 2)
    return PairCounts.of([f"m{i}" for i in range(m)], wins, ties + ties.T)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("function", list(FAST), ids=lambda function: function.__name__)
def test_same_as_the_rule(function, seed):
    pairs = random_pairs(np.random.default_rng(seed))
    how = METHODS[function.__name__]
    for options in ({}, {"tie_break": "names"}) if function.__name__ == "ranked_pairs" else ({},):
        chosen = how.settings(options)
        result = how.function(pairs, **chosen)
        values, lottery = FAST[function](pairs, **chosen)
        assert np.allclose(values, as_values(result, len(pairs.models)), atol=1e-8)
        if lottery is not None:
            assert np.allclose(lottery, result.lottery, atol=1e-7)


def test_parts_stand_in_line():
    """By definition: each model beats every model of later parts, and no part can be cut."""
    rng = np.random.default_rng(1)
    for _ in range(80):
        m = int(rng.integers(1, 9))
        sign = np.triu(rng.choice([-1.0, 0.0, 1.0], (m, m), p=[0.3, 0.1, 0.6]), 1)
        margin = sign - sign.T
        parts = line(margin)
        assert sorted(np.concatenate(parts).tolist()) == list(range(m))
        reach = (margin >= 0) & ~np.eye(m, dtype=bool)  # not beaten by
        for _ in range(m):
            reach = reach | ((reach.astype(int) @ reach.astype(int)) > 0)
        for k, part in enumerate(parts):
            assert all(reach[i, j] for i in part for j in part if i != j)
            later = np.concatenate([*parts[k + 1 :], np.zeros(0, dtype=int)]).astype(int)
            assert (margin[np.ix_(part, later)] > 0).all()
        assert smith(margin).tolist() == parts[0].tolist()
