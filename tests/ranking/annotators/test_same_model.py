"""Votes on two answers of one model: published Wilson intervals, clusters by hand, sentences."""

import numpy as np
import pytest

from agon.ranking import OptionError, VotesError, aa_test


# Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (Wilson's score without correction).
@pytest.mark.parametrize(
    ("yes", "n", "lower", "upper"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_those_of_wilson(yes, n, lower, upper):
    preferred = aa_test([1] * yes + [0] * (n - yes))
    assert (preferred.preferred_lower, preferred.preferred_upper) == pytest.approx((lower, upper), abs=5e-5)
    sides = aa_test([1] * yes + [-1] * (n - yes))
    assert sides.preferred == 1.0
    assert (sides.first, sides.first_lower, sides.first_upper) == pytest.approx(
        (yes / n, lower, upper), abs=5e-5
    )


def test_votes_of_a_person_who_says_the_same_each_time_are_one():
    """The variance of the mean of C persons is p(1 - p)/(C - 1), so they are worth C - 1 votes: by hand."""
    said = [1] * 6 + [-1] * 10
    many = aa_test(np.repeat(said, 50), np.repeat(np.arange(16), 50))
    assert many.votes == 800
    middle, worth, z = 6 / 16, 15, 1.959963984540054
    spread = z * np.sqrt(middle * (1 - middle) / worth + z**2 / (4 * worth**2)) / (1 + z**2 / worth)
    center = (middle + z**2 / (2 * worth)) / (1 + z**2 / worth)
    assert (many.first_lower, many.first_upper) == pytest.approx((center - spread, center + spread))


def test_nobody_who_prefers_the_first_by_chance_is_told_of_a_side():
    rng = np.random.default_rng(0)
    false = sum(
        not (found.first_lower <= 0.5 <= found.first_upper)
        for found in (aa_test(rng.choice([1, -1], 200)) for _ in range(400))
    )
    assert false <= 30  # 5% of 400 are 20, with a standard error of 4.4


def test_what_it_says():
    assert aa_test([1, 0, 0, 0]).conclusion() == (
        "Of 4 votes on two answers of one model (A/A) 25.0% preferred one (4.6% to 69.9% at 95%), 100.0% of "
        "these the one shown first (20.7% to 100.0%), and whether it was shown first made no certain "
        "difference."
    )
    assert "the first is favoured" in aa_test([1] * 90 + [-1] * 10).conclusion()
    assert "the last is favoured" in aa_test([-1] * 90 + [1] * 10).conclusion()
    assert aa_test([0]).conclusion() == (
        "Of 1 vote on two answers of one model (A/A) 0.0% preferred one (0.0% to 79.3% at 95%)."
    )


def test_what_is_refused():
    with pytest.raises(VotesError, match="no votes on two answers of one model"):
        aa_test([])
    with pytest.raises(VotesError, match="is 1, 0 or -1"):
        aa_test([2])
    with pytest.raises(OptionError, match="level"):
        aa_test([1], level=1.0)
