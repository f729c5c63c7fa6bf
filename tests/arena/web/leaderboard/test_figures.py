"""The figures of the leaderboard page: the numbers in them, words and tables, and how a row is drawn."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agon.arena.web.leaderboard.figures import figures_html
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.table import Axis, axis_of, table_html
from agon.ranking import PairCounts, rank, win_rate_map
from agon.ranking.figures.win_rates import WinRates
from agon.ranking.leaderboard.row import rank_text
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


def squares(text):
    """(x, y, width, fill) of the squares of the heat map, and its numbers with what hovering says."""
    drawn = re.search(r'<div class="ag-heat".*?</svg>', text, re.DOTALL)[0]
    rects = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="[\d.]+" fill="([^"]+)"', drawn
    )
    words = re.findall(r'text-anchor="middle">(\d+)<title>([^<]+)</title>', drawn)
    return rects, words


def test_an_interval_that_goes_on_is_drawn_open():
    """An end that the votes do not bound ends in an arrow at the edge, and is no number in the table."""
    first, *rest = BOARD.rows
    board = replace(BOARD, rows=(replace(first, upper=None), *rest))
    page = Page(figures_html(board, None, ModelInfo()))
    assert f"{first.lower:,.0f} …" in page.text
    drawn = table_html(board, ModelInfo(), "")
    assert f"95% interval {first.lower:,.0f} to unbounded" in drawn


def test_the_figures_carry_the_numbers_of_the_board(page):
    rects, words = squares(HTML)
    assert len(rects) == len(words) == 8  # di met only cy
    assert ("75", "Ann 2 against cy: won 75% of 80 votes") in words
    for row in BOARD.rows:
        cells = f"{rank_text(row)} {row.score:,.0f} {row.lower:,.0f} {row.upper:,.0f} {row.votes:,}"
        assert cells in page.text


def test_a_page_and_a_notebook_have_one_drawing_of_the_win_rates():
    """The same squares and numbers in the same order, as large beside one another."""
    rects, words = squares(HTML)
    theirs = win_rate_map(VOTES, BOARD).to_plotly_json()
    shapes = theirs["layout"]["shapes"]
    ours = np.array([float(width) for _, _, width, _ in rects])
    wide = np.array([shape["x1"] - shape["x0"] for shape in shapes])
    assert ours / ours.max() == pytest.approx(wide / wide.max(), abs=0.01)
    assert [text for text, _ in words] == list(theirs["data"][0]["text"])


def test_colours_are_names_of_tokens():
    drawn = re.search(r'<div class="ag-heat".*?</svg>', HTML, re.DOTALL)[0]
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn))
    assert colours > {"none"}
    assert all(re.fullmatch(r"none|var\(--[a-z0-9-]+\)", colour) for colour in colours)


def test_the_drawing_has_its_words_and_its_table(page):
    (heat,) = page.named("div", class_="ag-heat")
    assert "Ann 2 won 50% of 40 votes against bob." in heat["aria-label"]
    assert len(page.named("details", class_="ag-fold")) == 2


def test_a_board_of_one_model_has_no_heat_map():
    one = replace(BOARD, rows=BOARD.rows[:1])
    assert "ag-heat" not in figures_html(one, PairCounts.of(["ann", "bob"], [[0, 1], [0, 0]]), ModelInfo())


def test_the_heat_map_is_of_the_first_models_and_says_so():
    names = [f"m{i:02}" for i in range(20)]
    wins = np.ones((20, 20)) - np.eye(20)
    board = rank(PairCounts.of(names, 30 * wins), interval="none")
    text = figures_html(board, PairCounts.of(names, 30 * wins), ModelInfo())
    assert "the first 16 models" in text
    assert len(squares(text)[0]) == 16 * 15


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
