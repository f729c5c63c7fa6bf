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
