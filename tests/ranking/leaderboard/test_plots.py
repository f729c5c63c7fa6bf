"""Figures: what they show is the board, nothing is drawn that is not known, names are no markup."""

import json
import subprocess
import sys

import numpy as np
import pytest

from agon.ranking import (
    Comparisons,
    MethodError,
    OptionError,
    PairCounts,
    bradley_terry_world,
    rank,
    win_rate_map,
)

pytest.importorskip("plotly")


@pytest.fixture(scope="module")
def votes():
    return bradley_terry_world(6, 1500, seed=1).comparisons()


def test_a_board_is_drawn_with_its_intervals(votes):
    board = rank(votes)
    figure = board.plot()
    (points,) = figure.data
    assert list(points.y) == [row.model for row in board.rows]
    assert list(points.x) == [row.score for row in board.rows]
    low = np.array(points.x) - np.array(points.error_x.arrayminus)
    assert low == pytest.approx([row.lower for row in board.rows])
    assert np.array(points.x) + np.array(points.error_x.array) == pytest.approx([r.upper for r in board.rows])
    assert figure.layout.title.text == board.conclusion()
    assert figure.layout.yaxis.autorange == "reversed", "the first is on top"
    json.loads(figure.to_json())


def test_an_open_side_runs_to_the_edge_and_no_interval_is_none(votes):
    wins = np.array([[0, 40, 9], [40, 0, 0], [0, 0, 0]])
    figure = rank(PairCounts.of("abc", wins), min_votes=0).plot()
    (points,) = figure.data
    at = list(points.y).index("c")
    assert points.x[at] - points.error_x.arrayminus[at] == pytest.approx(figure.layout.xaxis.range[0])
    assert np.isfinite(points.error_x.array).all()
    bare = rank(votes, interval="none").plot()
    assert bare.data[0].error_x.visible is False


def test_differences_are_pale_where_they_are_not_certain(votes):
    board = rank(votes)
    figure = board.difference_map()
    (cells,) = figure.data
    names = [row.model for row in board.ranked]
    assert list(cells.x) == list(cells.y) == names
    values = np.array(cells.z, dtype=float)
    assert np.isnan(np.diag(values)).all()
    sure = 0
    for i, one in enumerate(names):
        for j, two in enumerate(names):
            if i != j:
                found = board.difference(one, two)
                certain = found.lower > 0 or found.upper < 0
                assert values[i, j] == pytest.approx(found.difference * (1 if certain else 0.25))
                sure += certain
    assert sure > 0
    assert cells.zmin == -cells.zmax


def test_win_rates_are_those_of_the_counts(votes):
    pairs = votes.pairs
    order = [row.model for row in rank(votes).rows]
    (cells,) = win_rate_map(votes, order).data
    half = pairs.wins + 0.5 * (pairs.ties + pairs.both_bad)
    for i, one in enumerate(order):
        for j, two in enumerate(order):
            a, b = pairs.models.index(one), pairs.models.index(two)
            if a != b:
                assert cells.z[i][j] == pytest.approx(half[a, b] / (half[a, b] + half[b, a]))
    assert (cells.zmin + cells.zmax) / 2 == pytest.approx(0.5)
    by_rate = list(win_rate_map(votes).data[0].y)
    rates = {row.model: row.score for row in rank(votes, "win_rate", interval="none").rows}
    assert by_rate == sorted(rates, key=lambda name: -rates[name])


def test_pairs_that_never_met_stay_empty():
    votes = PairCounts.of("abc", [[0, 3, 0], [2, 0, 4], [0, 1, 0]])
    (cells,) = win_rate_map(votes, ["a", "b", "c"]).data
    assert np.isnan(cells.z[0][2]) and not np.isnan(cells.z[0][1])


def test_names_are_text_not_markup():
    votes = Comparisons.from_counts(["<b>bold</b>", "plain\n"], [[0, 30], [20, 0]])
    board = rank(votes)
    for figure in (board.plot(), board.difference_map(), win_rate_map(votes)):
        (part,) = figure.data
        assert sorted(part.y) == ["&lt;b>bold&lt;/b>", "plain\\n"]
        texts = [text for row in part.text for text in ([row] if isinstance(row, str) else row)]
        assert not any("<b" in text for text in texts)
    assert "<b" not in board.plot().layout.title.text


def test_refusals(votes):
    with pytest.raises(OptionError, match="no intervals"):
        rank(votes, interval="none").difference_map()
    with pytest.raises(OptionError, match="There is no model 'x'"):
        win_rate_map(votes, ["x"])


def test_without_plotly_there_is_one_clear_sentence(votes, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(
        MethodError, match=r"Figures need plotly, which is not installed: pip install 'agon-arena\[plots\]'"
    ):
        rank(votes).plot()


def test_plotly_is_loaded_only_for_a_figure():
    code = "import agon.ranking, sys; print('plotly' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
