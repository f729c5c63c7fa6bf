"""Intervals of shares and medians: published values, and that they hold the truth as often as they say."""

import numpy as np
import pytest

from agon.ranking.inference.shares import median_interval, share_interval


def test_wilson_by_the_published_example():
    """Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 is 0.2553 to 0.3662 at 95%."""
    assert share_interval(np.arange(263) < 81, np.arange(263), 0.95) == pytest.approx(
        (81 / 263, 0.2553, 0.3662), abs=5e-5
    )


@pytest.mark.parametrize("size", [1, 5])
def test_medians_hold_the_truth(size):
    """600 samples of log-normal values in clusters of equal ones: 95%, give or take the draws."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(600):
        values = np.repeat(np.exp(rng.normal(size=40)), size)
        _, low, high = median_interval(values, np.repeat(np.arange(40), size), 0.95)
        held += low <= 1 <= high
    assert 0.93 <= held / 600 <= 0.995
    assert median_interval([3.0, 1.0], [0, 1], 0.95) == (2.0, None, None)
