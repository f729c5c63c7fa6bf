"""Weights carry no unit: all of them times any number are the same votes, under every method."""

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, InputError, ScoreTable, rank
from agon.ranking.annotators.presentation_order import position_bias
from agon.ranking.simulate import bradley_terry_world

EVERY = [name for name, how in METHODS.items() if how.view != "scores"]
FACTORS = [100.0, 0.01, 1e-9, 1e9]


def votes(factor, uneven):
    world = bradley_terry_world(6, 600, ties=0.15, both_bad=0.05, seed=3)
    weight = np.random.default_rng(1).choice([0.5, 1.0, 3.0], 600) if uneven else np.ones(600)
    return Comparisons.of(
        world.models,
        np.stack([world.first, world.second], axis=1),
        np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[world.outcome],
        acceptable=np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])[world.outcome],
        weight=weight * factor,
        labels={"voter": world.voter.tolist()},
        features={"length": np.random.default_rng(2).normal(size=600)},
    )


def board(given, name, **more):
    gaps = {"missing": "worst"} if "missing" in METHODS[name].options else {}
    gaps |= {"control": "length"} if METHODS[name].view == "contexts" else {}
    return rank(given, name, n_resamples=10, **gaps, **more)


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.slow
def test_a_factor_changes_nothing(name, uneven):
    one = board(votes(1.0, uneven), name)
    for factor in FACTORS:
        two = board(votes(factor, uneven), name)
        for row, other in zip(one.rows, two.rows, strict=True):
            assert (row.model, row.rank, row.rank_lower, row.rank_upper) == (
                other.model,
                other.rank,
                other.rank_lower,
                other.rank_upper,
            )
            for mine, theirs in zip(
                (row.score, row.lower, row.upper), (other.score, other.lower, other.upper), strict=True
            ):
                assert theirs == (mine if mine is None else pytest.approx(mine, rel=1e-6, abs=1e-6))
        assert [(d.code, d.message) for d in one.diagnostics] == [
            (d.code, d.message) for d in two.diagnostics
        ]


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.slow
def test_a_factor_of_the_weights_of_tasks_changes_nothing(name):
    """Under every method that ranks a table, those of scores among them; the others refuse it either way."""
    rng = np.random.default_rng(4)
    scores, weights = rng.normal(0, 1, (5, 12)).round(2), rng.choice([0.5, 1.0, 3.0], 12)
    groups = {f"t{k}": "one" if k < 5 else "two" for k in range(12)}

    def ranked(factor):
        weight = dict(zip(groups, (weights * factor).tolist(), strict=True))
        table = ScoreTable.of("abcde", list(groups), scores, weights=weight, groups=groups)
        return rank(table, name, n_resamples=10)

    try:
        one = ranked(1.0)
    except InputError:
        for factor in FACTORS:
            with pytest.raises(InputError):
                ranked(factor)
        return
    for factor in FACTORS:
        two = ranked(factor)
        for row, other in zip(one.rows, two.rows, strict=True):
            assert (row.model, row.rank, row.rank_lower, row.rank_upper) == (
                other.model,
                other.rank,
                other.rank_lower,
                other.rank_upper,
            )
            assert other.score == (
                None if row.score is None else pytest.approx(row.score, rel=1e-6, abs=1e-6)
            )


def test_nor_for_posteriors_features_and_sides():
    for factor in FACTORS:
        for name, more in (
            ("plackett_luce", {"interval": "posterior"}),
            ("bradley_terry", {"control": "length", "cluster": "voter"}),
        ):
            one, two = (rank(votes(f, True), name, **more) for f in (1.0, factor))
            for row in one.rows:
                assert two[row.model].lower == pytest.approx(row.lower, abs=1e-6)
        one, two = (position_bias(votes(f, True)) for f in (1.0, factor))
        assert (two.lower, two.upper) == pytest.approx((one.lower, one.upper), abs=1e-9)
