"""What a vote changed, as the page draws it: the same axis as the leaderboard's."""

from types import SimpleNamespace

import pytest

from agon.arena.core.battles.score_change import ModelChange, ScoreChange
from agon.arena.web.battle.view import _score_change
from agon.ranking.leaderboard.row import Row


def test_a_provisional_interval_leaves_room_for_the_others():
    """By hand: 1400 to 1510 and 6% on each side, 1393.4 to 1516.6; what goes on ends in an arrow."""
    ranked = Row(1, "a", 1500.0, 1490.0, 1510.0, 1, 1, 500, "ranked")
    provisional = Row(None, "b", 1400.0, 0.0, 3000.0, None, None, 3, "provisional")
    change = ScoreChange((ModelChange(ranked, 1495.0), ModelChange(provisional, None)), 0, False, 30)
    cards = [SimpleNamespace(contestant=SimpleNamespace(card=_card(name))) for name in "ab"]
    shown = _score_change(change, SimpleNamespace(sides=cards, models=("a", "b"), standing=(0, 1)))
    one, two = shown["rows"]
    assert shown["axis"] == ["1,393", "1,455", "1,517"]
    assert (one["lower"], one["upper"]) == pytest.approx((78.41, 94.64), abs=0.01)
    assert not one["open_below"] and not one["open_above"]
    assert (two["lower"], two["upper"]) == (0.0, 100.0)
    assert two["open_below"] and two["open_above"] and not two["open"]
    assert two["words"] == "1,400, from 0 to 3,000"


def _card(name):
    return SimpleNamespace(name=name, display_name=name.upper())
