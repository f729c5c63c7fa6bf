"""How many votes it takes: by the textbook's formula, and by runs that stop when the evidence says so."""

import json

import numpy as np
import pytest

from agon.arena.cli.commands import main
from agon.ranking import Comparisons, OptionError, open_pairs, plan_votes, rank
from agon.ranking.inference.anytime import log_evidence


def test_the_fixed_number_is_the_textbooks():
    """(1.959964 + 0.841621)² / (ln(0.65/0.35)² · 0.65 · 0.35) = 7.849 / (0.3832 · 0.2275) = 90.02."""
    assert plan_votes(0.65).once == 91


def test_most_runs_have_decided_by_then_and_not_much_later_than_at_a_single_look():
    rng = np.random.default_rng(0)
    stops = []
    for _ in range(200):
        wins = np.cumsum(rng.random(2000) < 0.65)
        for n in range(10, 2001):
            won = float(wins[n - 1])
            if 0 < won < n:
                z = np.log(won / (n - won)) / np.sqrt(1 / won + 1 / (n - won))
                if z > 2.5 and log_evidence(z, n) >= np.log(40):
                    break
        stops.append(n)
    planned = plan_votes(0.65)
    assert np.median(stops) <= planned.any_look <= 1.3 * np.median(stops)
    assert np.median(stops) <= 1.5 * planned.once


def test_more_models_and_ties_take_more():
    one, many, tied = plan_votes(0.6), plan_votes(0.6, 8), plan_votes(0.6, ties=0.5)
    assert one.any_look < many.any_look
    assert tied.any_look == pytest.approx(2 * one.any_look, rel=0.15)
    assert many.total == 28 * many.any_look
    with pytest.raises(OptionError, match="share must lie between"):
        plan_votes(0.5)
    with pytest.raises(OptionError, match="at least 2, not 1"):
        plan_votes(0.6, 1)


def test_so_many_more_votes_decide_a_pair(capsys, tmp_path):
    board = rank(Comparisons.from_counts("abc", [[0, 60, 90], [40, 0, 80], [10, 20, 0]]))
    close, clear = open_pairs(board)
    assert (close.upper, close.lower, close.decided) == ("a", "b", False)
    assert clear.decided
    more = close.more_votes
    wins = np.array([[0, 60, 90], [40, 0, 80], [10, 20, 0]], dtype=float)
    share = 1 / (1 + 10 ** ((board["b"].score - board["a"].score) / 400))
    wins[0, 1] += np.ceil(1.1 * more * share)
    wins[1, 0] += np.floor(1.1 * more * (1 - share))
    assert open_pairs(rank(Comparisons.from_counts("abc", wins)))[0].decided
    with pytest.raises(OptionError, match="needs a rating with intervals, not copeland"):
        open_pairs(rank(Comparisons.from_counts("abc", wins), "copeland", n_resamples=5))
    path = tmp_path / "votes.csv"
    path.write_text("model_a,model_b,winner\n" + "a,b,model_a\n" * 60 + "a,b,model_b\n" * 40)
    assert main(["plan", str(path)]) == 0
    assert "a above b: about " in capsys.readouterr().out
    assert main(["plan", "--share", "0.6", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["any_look"] == plan_votes(0.6).any_look


def test_a_panel_by_hand():
    """10 voters: t(0.99375, 9) = 3.111, ln 3 = 1.0986: 1 / 0.1875 / ((1.0986 / 3.111)² − 0.5² / 10) = 53.5.

    Of 65%, 0.6190 √V / 0.5 is 3.50 of 8 voters, above t(0.99375, 7) = 3.335, and 3.28 of 7, below 3.521.
    """
    planned = plan_votes(0.75, panel=10)
    assert planned.any_look == 54
    assert "For 10 voters whose tastes differ by 0.5" in planned.conclusion()
    never = plan_votes(0.65, panel=5)
    assert (never.any_look, never.total, never.least_panel) == (None, None, 8)
    assert "it takes at least 8" in never.conclusion()
    assert plan_votes(0.65, panel=8).any_look is not None
    assert plan_votes(0.65, panel=1000, taste=0).any_look == plan_votes(0.65).any_look
    with pytest.raises(OptionError, match="at least 2 voters"):
        plan_votes(0.65, panel=1)


def test_the_command_plans_for_a_panel(capsys):
    assert main(["plan", "--panel", "10", "--share", "0.75", "--format", "json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["any_look"], planned["panel"], planned["taste"]) == (54, 10, 0.5)
    assert main(["plan", "--panel", "5", "--taste", "0.5"]) == 0
    assert "at least 8" in capsys.readouterr().out
