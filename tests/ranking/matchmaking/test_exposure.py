"""Who was drawn how often: the test by simulation, the plan told by the log and by nothing else."""

from itertools import combinations

import numpy as np
import pytest

from agon.ranking import VotesError
from agon.ranking.matchmaking.exposure import draw_shares

NAMES = "abcde"
PAIRS = list(combinations(NAMES, 2))


def test_even_draws_fail_as_often_as_the_level_says():
    """400 worlds of 300 even draws of 2 of 5: p is below 5% in about 5% of them."""
    rng = np.random.default_rng(2)
    low = 0
    for _ in range(400):
        drawn = [PAIRS[i] for i in rng.integers(0, 10, 300)]
        low += (draw_shares(drawn, [0.1] * 300, ["uniform"] * 300).p_value or 0) < 0.05
    assert 0.025 <= low / 400 <= 0.08


def test_uneven_draws_are_found_and_the_model_named():
    rng = np.random.default_rng(3)
    drawn = [PAIRS[i] for i in rng.choice(10, 2000, p=[0.16] * 4 + [0.06] * 6)]
    seen = draw_shares(drawn, [0.1] * 2000, ["uniform"] * 2000)
    assert seen.p_value < 1e-6
    assert seen.shares[0].model == "a"
    assert seen.shares[0].lower > seen.shares[0].planned == 0.4
    assert "not drawn as evenly as planned" in seen.conclusion()
    assert "a: drawn in" in seen.conclusion()


@pytest.mark.parametrize(
    ("odds", "policy"), [(None, None), ([0.1] * 20, ["bald"] * 20), ([0.2] * 20, ["uniform"] * 20)]
)
def test_no_share_is_planned_where_the_log_tells_none(odds, policy):
    seen = draw_shares(PAIRS * 2, odds, policy)
    assert seen.p_value is None
    assert {one.planned for one in seen.shares} == {None}
    assert {one.share for one in seen.shares} == {0.4}


def test_a_model_twice_is_no_draw():
    assert draw_shares([("a", "a"), ("a", "b")]).battles == 1
    with pytest.raises(VotesError, match="no battles"):
        draw_shares([("a", "a")])
