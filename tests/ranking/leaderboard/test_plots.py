"""Figures: what they show is the board, nothing is drawn that is not known, names are no markup."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from agon.ranking import (
    Comparisons,
    MethodError,
    OptionError,
    PairCounts,
    bradley_terry_world,
    rank,
    rank_by,
    to_svg,
    win_rate_map,
)
from agon.ranking.leaderboard.plots import PAPER

pytest.importorskip("plotly")


@pytest.fixture(scope="module")
def votes():
    return bradley_terry_world(6, 1500, seed=1).comparisons()


def cells_of(figure):
    """(row, column) → (text, colour of the number, colour and side of the square)."""
    (numbers,) = figure.data
    shapes = {}
    for shape in figure.layout.shapes:
        at = round((shape.y0 + shape.y1) / 2), round((shape.x0 + shape.x1) / 2)
        assert shape.x1 - shape.x0 == pytest.approx(shape.y1 - shape.y0)
        shapes[at] = shape.fillcolor, shape.x1 - shape.x0
    texts = zip(numbers.y, numbers.x, numbers.text, numbers.textfont.color, strict=True)
    return {(i, j): (text, colour, *shapes[i, j]) for i, j, text, colour in texts}


def test_a_board_is_drawn_with_its_intervals(votes):
    board = rank(votes)
    figure = board.plot()
    (points,) = figure.data
    assert list(figure.layout.yaxis.ticktext) == [row.model for row in board.rows]
    assert list(points.y) == list(figure.layout.yaxis.tickvals) == [*range(6)]
    assert list(points.x) == [row.score for row in board.rows]
    low = np.array(points.x) - np.array(points.error_x.arrayminus)
    assert low == pytest.approx([row.lower for row in board.rows])
    assert np.array(points.x) + np.array(points.error_x.array) == pytest.approx([r.upper for r in board.rows])
    assert figure.layout.title.text.replace("<br>", " ") == board.conclusion()
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the first is on top"
    assert figure.layout.xaxis.title.text == "Elo points (bradley_terry), with 95% intervals"
    json.loads(figure.to_json())


def test_an_open_side_runs_to_the_edge_and_no_interval_is_none(votes):
    wins = np.array([[0, 40, 9], [40, 0, 0], [0, 0, 0]])
    figure = rank(PairCounts.of("abc", wins), min_votes=0).plot()
    (points,) = figure.data
    at = list(figure.layout.yaxis.ticktext).index("c")
    assert points.x[at] - points.error_x.arrayminus[at] == pytest.approx(figure.layout.xaxis.range[0])
    assert np.isfinite(points.error_x.array).all()
    bare = rank(votes, interval="none").plot()
    assert bare.data[0].error_x.visible is False
    assert bare.layout.xaxis.title.text == "Elo points (bradley_terry)"


def test_differences_have_a_colour_only_where_they_are_certain(votes):
    board = rank(votes)
    names = [row.model for row in board.ranked]
    figure = board.difference_map()
    assert list(figure.layout.xaxis.ticktext) == list(figure.layout.yaxis.ticktext) == names
    assert "Elo points" in figure.layout.title.text
    cells, sure = cells_of(figure), 0
    assert len(cells) == 6 * 5, "none on the diagonal"
    for (i, j), (text, ink, fill, _) in cells.items():
        found = board.difference(names[i], names[j])
        certain = found.lower > 0 or found.upper < 0
        assert text == f"{found.difference:+.0f}".replace("-", "−")
        assert ink == (PAPER.ink if certain else PAPER.faint)
        assert certain or fill == PAPER.steps[3]
        sure += certain
    assert 0 < sure < len(cells)


def test_win_rates_are_those_of_the_counts_in_the_order_of_the_board(votes):
    pairs = votes.pairs
    order = [row.model for row in rank(votes).rows]
    half = pairs.wins + 0.5 * (pairs.ties + pairs.both_bad)
    figure = win_rate_map(votes, order)
    assert list(figure.layout.yaxis.ticktext) == order
    cells = cells_of(figure)
    assert len(cells) == 6 * 5
    met = {}
    for (i, j), (text, _, fill, side) in cells.items():
        a, b = pairs.models.index(order[i]), pairs.models.index(order[j])
        share = half[a, b] / (half[a, b] + half[b, a])
        assert text == f"{100 * share:.0f}"
        assert fill == PAPER.steps[int(share * 7)], "seven colours, even in the middle one"
        met[i, j] = half[a, b] + half[b, a], side
    for number, side in met.values():  # the area of a square is its share of the most votes
        most = max(number for number, _ in met.values())
        assert side == pytest.approx(0.94 * max(0.45, (number / most) ** 0.5))
    for same in (win_rate_map(votes), win_rate_map(votes, rank(votes))):
        assert list(same.layout.yaxis.ticktext) == order


def test_pairs_that_never_met_stay_empty():
    votes = PairCounts.of("abc", [[0, 3, 0], [2, 0, 4], [0, 1, 0]])
    assert cells_of(win_rate_map(votes, ["a", "b", "c"])).keys() == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_many_models_are_cut_and_the_title_says_so():
    m = 34
    votes = PairCounts.of([f"m{i:02}" for i in range(m)], 20 * (np.ones((m, m)) - np.eye(m)))
    figure = win_rate_map(votes)
    assert len(figure.layout.yaxis.ticktext) == 30
    assert "first 30 of 34 models" in figure.layout.title.text.replace("<br>", " ")
    assert len(win_rate_map(votes, votes.models).layout.yaxis.ticktext) == m


def test_names_are_text_not_markup():
    votes = Comparisons.from_counts(["<b>bold</b>", "plain\n"], [[0, 30], [20, 0]])
    board = rank(votes)
    for figure in (board.plot(), board.difference_map(), win_rate_map(votes)):
        assert sorted(figure.layout.yaxis.ticktext) == ["&lt;b>bold&lt;/b>", "plain\\n"]
        (part,) = figure.data
        assert not any("<b>" in text for text in part.hovertext)
        texts = {"".join(element.itertext()) for element in ElementTree.fromstring(to_svg(figure))}
        assert {"<b>bold</b>", "plain\\n"} <= texts
    assert "<b>" not in board.plot().layout.title.text


@pytest.fixture(scope="module")
def grouped():
    world = bradley_terry_world(5, 900, seed=3)
    places = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[world.outcome]
    labels = {"language": [("de", "en", "fr", "zh")[i % 4] for i in range(900)]}
    return Comparisons.of(world.models, np.stack([world.first, world.second], 1), places, labels=labels)


def test_groups_are_panels_on_one_scale_with_the_models_on_the_same_lines(grouped):
    boards = rank_by(grouped, "language")
    figure = boards.plot()
    assert len(figure.data) == 4
    axes = [figure.layout[f"{way}axis{which}"] for way in "xy" for which in ("", "2", "3", "4")]
    assert len({tuple(axis.range) for axis in axes[:4]}) == 1
    names = list(axes[4].ticktext)
    assert all(list(axis.ticktext) == names for axis in axes[4:])
    for trace, board in zip(figure.data, boards, strict=True):
        assert {names[y]: x for x, y in zip(trace.x, trace.y, strict=True)} == {
            r.model: r.score for r in board
        }
    said = [note.text for note in figure.layout.annotations]
    assert said == [f"language {group}, 225 votes" for group in ("de", "en", "fr", "zh")]


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("what", ["board", "groups", "differences", "win rates", "bump chart"])
def test_every_figure_is_written_as_svg_without_a_browser(votes, grouped, what):
    board, part = rank(votes), rank(bradley_terry_world(6, 400, seed=2).comparisons())
    figure = {
        "board": board.plot,
        "groups": rank_by(grouped, "language").plot,
        "differences": board.difference_map,
        "win rates": lambda: win_rate_map(votes),
        "bump chart": board.compare(part).plot,
    }[what]()
    page = ElementTree.fromstring(to_svg(figure))
    width, height = float(page.get("width")), float(page.get("height"))
    assert page.find(f"{SVG}title").text == figure.layout.title.text.replace("<br>", " ")
    texts = [element.text for element in page.iter(f"{SVG}text")]  # without what hovering says
    assert {row.model for row in board} <= set(texts) or what == "groups"
    points = sum(len(trace.x) for trace in figure.data if "markers" in (trace.mode or ""))
    assert len(page.findall(f"{SVG}circle")) == points
    assert len(page.findall(f"{SVG}rect")) == 1 + len(figure.layout.shapes)
    for element in page:
        for name in ("cx", "x", "x1", "x2"):
            assert 0 <= float(element.get(name, 0)) <= width
        for name in ("cy", "y", "y1", "y2"):
            assert 0 <= float(element.get(name, 0)) <= height


def test_points_of_the_svg_lie_where_the_axis_says(votes):
    """Between two numbers written on the axis, every score lies as far as it should."""
    board = rank(votes)
    page = ElementTree.fromstring(to_svg(board.plot()))
    ticks = {}
    for element in page.iter(f"{SVG}text"):
        if element.get("text-anchor") == "middle":
            ticks[float(element.text.replace(",", ""))] = float(element.get("x"))
    (a, at_a), *_, (b, at_b) = sorted(ticks.items())
    for row, circle in zip(board.rows, page.iter(f"{SVG}circle"), strict=True):
        expected = at_a + (row.score - a) / (b - a) * (at_b - at_a)
        assert float(circle.get("cx")) == pytest.approx(expected, abs=0.2)


def test_what_is_no_figure_of_ours_is_refused(votes):
    from plotly.graph_objects import Figure, Pie

    with pytest.raises(
        OptionError, match=r"to_svg takes a figure, such as board\.plot\(\), not a Leaderboard"
    ):
        to_svg(rank(votes))
    with pytest.raises(OptionError, match=r"not pie; figure\.write_image needs kaleido"):
        to_svg(Figure(Pie(values=[1, 2])))


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
