"""Conformal intervals: refits without each point, quantiles by hand, and how often they hold."""

import numpy as np
import pytest

from agon.ranking.inference.conformal import ConformalLine, conformal_coverage


def refitted(features, seen):
    """What least squares of the other points says of each, by another solver."""
    found = []
    for one in range(len(seen)):
        rest = np.arange(len(seen)) != one
        design = np.column_stack([np.ones(rest.sum()), features[rest]])
        found.append(np.linalg.lstsq(design, seen[rest], rcond=None)[0])
    return np.array(found)


def test_residuals_and_coefficients_are_those_of_refits_without_each_point():
    rng = np.random.default_rng(3)
    features, seen = rng.normal(size=(25, 2)), rng.normal(size=25)
    line, others = ConformalLine.fit(features, seen), refitted(features, seen)
    np.testing.assert_allclose(line.others, others, atol=1e-10)
    alone = seen - np.einsum("ij,ij->i", np.column_stack([np.ones(25), features]), others)
    np.testing.assert_allclose(line.residual, alone, atol=1e-10)
    assert line.error == pytest.approx(np.abs(alone).mean())


def test_the_interval_is_the_jackknife_plus_counted_by_hand():
    """Of 19 points at 90% the second lowest and second highest of the 19 ends: ⌊0.1 · 20⌋ and ⌈0.9 · 20⌉."""
    rng = np.random.default_rng(4)
    features, seen = rng.normal(size=(19, 1)), rng.normal(size=19)
    line, others = ConformalLine.fit(features, seen), refitted(features, seen)
    centre = others @ [1.0, 0.7]
    size = np.abs(line.residual)
    _, low, high = line.predict(np.array([[0.7]]), 0.9)
    assert low[0] == pytest.approx(sorted(centre - size)[1])
    assert high[0] == pytest.approx(sorted(centre + size)[17])


def test_too_few_points_bound_nothing():
    rng = np.random.default_rng(5)
    line = ConformalLine.fit(rng.normal(size=(18, 1)), rng.normal(size=18))
    _, low, high = line.predict(np.zeros((1, 1)), 0.95)
    assert (low[0], high[0]) == (-np.inf, np.inf)
    line = ConformalLine.fit(rng.normal(size=(19, 1)), rng.normal(size=19))
    assert np.isfinite(line.predict(np.zeros((1, 1)), 0.95)[1:]).all()


def test_intervals_hold_as_often_as_they_say_where_the_errors_are_skewed_and_the_curve_is_bent():
    """2,000 worlds of 30 models whose ratings bend, with errors of a long tail: 90% ± 2."""
    inside = []
    for world in range(2000):
        rng = np.random.default_rng(world)
        x = rng.normal(size=(31, 1))
        y = x[:, 0] + 0.2 * x[:, 0] ** 2 + rng.exponential(size=31)
        _, low, high = ConformalLine.fit(x[:30], y[:30]).predict(x[30:], 0.9)
        inside.append(bool(low[0] <= y[30] <= high[0]))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


def test_coverage_of_a_set_is_that_of_each_point_by_the_others():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(31, 1)), rng.standard_t(2, size=31)
    inside = 0
    for one in range(31):
        rest = np.arange(31) != one
        others = refitted(x[rest], y[rest])
        size = np.abs(y[rest] - others[:, 0] - others[:, 1] * x[rest, 0])
        centre = others @ [1.0, x[one, 0]]
        inside += sorted(centre - size)[2] <= y[one] <= sorted(centre + size)[27]  # ⌊3.1⌋ and ⌈27.9⌉ of 30
    assert conformal_coverage(x, y, 0.9) == pytest.approx(inside / 31)
