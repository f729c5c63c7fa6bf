"""The figures of the leaderboard page: the numbers in them, words and tables, and how a row is drawn."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.arena.web.leaderboard.figures import figures_html
from agon.arena.web.leaderboard.table import Axis, ModelInfo, axis_of
from agon.ranking import PairCounts, rank, win_rate_map
from agon.ranking.figures.win_rates import WinRates
from tests.support.boards import BOARD, HTML, VOTES, Page


@pytest.fixture(scope="module")
def page():
    return Page(HTML)


# ------------------------------------------------------------------------------------------------- figures


def test_win_rates_by_hand():
    pairs = PairCounts.of(
        ["a", "b", "c"],
        [[0, 6, 0], [2, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
    )
    rates = WinRates.of(["b", "a", "c"], pairs)
    assert rates.votes[0, 1] == 10
    assert rates.share[0, 1] == pytest.approx(0.3)  # 2 wins and 2 halves of 10
    assert rates.share[1, 0] == pytest.approx(0.7)
    assert np.isnan(rates.share[0, 2])


def test_an_interval_that_goes_on_is_drawn_open():
    """An end that the votes do not bound reaches the edge and ends in an arrow, not in a cap at the score."""
    first, *rest = BOARD.rows
    board = replace(BOARD, rows=(replace(first, upper=None), *rest))
    data = Page(figures_html(board, None, ModelInfo())).data["ag-figures"]["ag-forest"]["data"]
    (arrow,) = [trace for trace in data if trace["marker"]["symbol"] == "triangle-right"]
    ends = [end for row in board.rows for end in (row.lower, row.score, row.upper) if end is not None]
    assert arrow["y"] == [0]
    assert arrow["x"][0] > max(ends)
    assert data[0]["x"][0] + data[0]["error_x"]["array"][0] == pytest.approx(arrow["x"][0])
    assert not [trace for trace in data if trace["marker"]["symbol"] == "triangle-left"]


def test_the_figures_carry_the_numbers_of_the_board(page):
    figures = page.data["ag-figures"]
    ranked, provisional = figures["ag-forest"]["data"]
    assert ranked["x"] == [row.score for row in BOARD.ranked]
    assert ranked["error_x"]["array"] == [row.upper - row.score for row in BOARD.ranked]
    assert provisional["y"] == [3]
    cells = figures["ag-heat"]["data"][0]
    at = next(i for i, text in enumerate(cells["hovertext"]) if text.startswith("Ann 2 against cy"))
    assert cells["text"][at] == "75"
    assert "won 75% of 80 votes" in cells["hovertext"][at]
    assert len(figures["ag-heat"]["layout"]["shapes"]) == len(cells["text"]) == 8  # di met only cy


def test_a_page_and_a_notebook_have_one_drawing_of_the_win_rates(page):
    """The same squares at the same places, the same numbers: only colours and names are the page's."""
    ours = page.data["ag-figures"]["ag-heat"]
    theirs = win_rate_map(VOTES, BOARD).to_plotly_json()
    sides = ("x0", "x1", "y0", "y1")
    for one, two in zip(ours["layout"]["shapes"], theirs["layout"]["shapes"], strict=True):
        assert [one[side] for side in sides] == pytest.approx([two[side] for side in sides])
    for what in ("x", "y", "text"):
        assert list(ours["data"][0][what]) == list(theirs["data"][0][what])


def test_colours_are_names_of_tokens(page):
    colours = re.findall(
        r'"(?:color|fillcolor|bgcolor|bordercolor|gridcolor)": "([^"]+)"', json.dumps(page.data)
    )
    assert colours
    assert all(re.fullmatch(r"var\(--[a-z0-9-]+\)", colour) for colour in colours)


def test_each_figure_has_its_words_and_its_table(page):
    charts = page.named("div", class_="ag-chart")
    assert [chart["id"] for chart in charts] == ["ag-forest", "ag-heat"]
    assert all(chart["role"] == "img" and len(chart["aria-label"]) > 60 for chart in charts)
    assert len(page.named("details")) == 2
    assert "Ann 2 won 50% of 40 votes against bob." in charts[1]["aria-label"]


def test_a_board_of_one_model_has_no_heat_map():
    one = replace(BOARD, rows=BOARD.rows[:1])
    assert "ag-heat" not in figures_html(one, PairCounts.of(["ann", "bob"], [[0, 1], [0, 0]]), ModelInfo())


def test_the_heat_map_is_of_the_first_models_and_says_so():
    names = [f"m{i:02}" for i in range(20)]
    wins = np.ones((20, 20)) - np.eye(20)
    board = rank(PairCounts.of(names, 30 * wins), interval="none")
    text = figures_html(board, PairCounts.of(names, 30 * wins), ModelInfo())
    assert "the first 16 models" in text
    assert len(Page(text).data["ag-figures"]["ag-heat"]["layout"]["shapes"]) == 16 * 15


# ------------------------------------------------------------------------------------------------ drawing


@given(st.floats(-1e4, 1e4), st.floats(0.001, 1e4))
def test_ticks_are_few_round_and_on_the_axis(low, span):
    axis = Axis(low, low + span)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(axis.low - 1e-9 * abs(low) <= tick <= axis.high + 1e-9 * abs(low) for tick in ticks)


def test_what_is_outside_the_axis_is_drawn_at_its_edge():
    axis = Axis(900, 1100, 404)
    assert axis.at(0) == 12
    assert axis.at(1000) == 202
    assert axis.at(9999) == 392


def test_a_wide_provisional_interval_does_not_squeeze_the_others():
    wide = replace(BOARD.rows[-1], lower=-5000.0, upper=9000.0)
    axis = axis_of([*BOARD.rows[:-1], wide])
    assert axis.low > 0
    assert axis.high < 2000
