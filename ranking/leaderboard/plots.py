"""Figures of boards: drawings, plain data and layout in Plotly's schema; plotly is imported to show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import MethodError, OptionError
from agon.ranking.leaderboard.row import Row, plain, score_range

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from agon.ranking.leaderboard.board_change import BoardChange
    from agon.ranking.leaderboard.leaderboard import Leaderboard
    from agon.ranking.leaderboard.subgroups import GroupedBoards

Drawing = dict[str, Any]
LEAN = "#c9ced6"  # of what is not certain
SURE = "#2f5d8a"
ROW = 24  # pixels a model
PANELS = 3  # in a line of a figure of groups
SCALES = {"elo": "Elo points", "natural": "log-odds", "share": "share"}


@dataclass(frozen=True)
class Palette:
    """Colours of a map: `steps` from what is least to what is most, with the even one in the middle."""

    steps: tuple[str, ...]
    ink: str
    faint: str


PAPER = Palette(
    ("#e6a37e", "#f3c9b0", "#fae6da", "#f1f1ee", "#d6edf2", "#acdae5", "#6bb8c9"), "#1f2228", "#6b7076"
)


def board_plot(board: Leaderboard) -> Figure:
    """Draw the scores of a board with their intervals, best on top; an open side runs to the edge.

    Raises:
        MethodError: plotly is not installed.
        OptionError: a board without scores.
    """
    rows = [row for row in board.rows if row.score is not None]
    if not rows:
        raise OptionError(f"The board of {board.method} has no scores to draw.")
    names = [row.model for row in rows]
    edges = _edges(rows)
    drawing = empty_drawing(label(board.conclusion()), ROW * len(rows) + 12, left=_longest(names) + 20)
    drawing["data"].append(_points(board, rows, names, edges))
    drawing["layout"] |= {
        "xaxis": {"title": {"text": _unit(board)}, "range": list(edges), "zeroline": False},
        "yaxis": _named(names),
    }
    return show(drawing)


def group_plot(grouped: GroupedBoards) -> Figure:
    """Draw the boards of groups as panels on one scale, models in the order of their mean score.

    Raises:
        MethodError: plotly is not installed.
        OptionError: boards without scores.
    """
    boards = list(grouped)
    scores: dict[str, list[float]] = {}
    for row in (row for board in boards for row in board if row.score is not None):
        scores.setdefault(row.model, []).append(float(row.score or 0.0))
    if not scores:
        raise OptionError(f"The boards of {boards[0].method} have no scores to draw.")
    names = sorted(scores, key=lambda name: -float(np.mean(scores[name])))
    edges = _edges([row for board in boards for row in board if row.score is not None])
    wide = min(PANELS, len(boards))
    lines = ceil(len(boards) / wide)
    each, between = ROW * len(names) + 12, 56  # pixels
    inner = each * lines + between * (lines - 1)
    left = _longest(names) + 20
    drawing = empty_drawing(label(grouped.conclusion()), inner, left=left, above=24)
    drawing["layout"]["annotations"] = []
    for number, (group, board) in enumerate(zip(grouped.groups, boards, strict=True)):
        column, line = number % wide, number // wide
        which = "" if number == 0 else str(number + 1)
        rows = [row for row in board if row.score is not None]
        drawing["data"].append(
            _points(board, rows, names, edges) | {"xaxis": f"x{which}", "yaxis": f"y{which}"}
        )
        top = 1 - line * (each + between) / inner
        start, end = (column + 0.03) / wide, (column + 0.97) / wide
        below = number + wide >= len(boards)
        drawing["layout"][f"xaxis{which}"] = {
            "domain": [start, end],
            "anchor": f"y{which}",
            "range": list(edges),
            "zeroline": False,
            "nticks": 5,
            "title": {"text": _unit(board) if below and column == 0 else ""},
        }
        drawing["layout"][f"yaxis{which}"] = _named(names) | {
            "domain": [max(0.0, top - each / inner), top],
            "anchor": f"x{which}",
            "showticklabels": column == 0,
        }
        votes = int(board.settings.get("votes", 0))
        drawing["layout"]["annotations"].append(
            {
                "text": f"{label(grouped.by)} {label(group)}, {votes:,} votes",
                "x": start,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    return show(drawing)


def difference_map(board: Leaderboard) -> Figure:
    """Draw how far each ranked model is above each other; what the level does not make certain has no colour.

    Raises:
        MethodError: plotly is not installed.
        OptionError: a board without intervals.
    """
    names = [row.model for row in board.ranked]
    gap = np.full((len(names), len(names)), np.nan)
    sure = np.zeros(gap.shape, dtype=bool)
    text = [["" for _ in names] for _ in names]
    for i, one in enumerate(names):
        for j, two in enumerate(names):
            if i == j:
                continue
            found = board.difference(one, two)
            low = -np.inf if found.lower is None else found.lower
            high = np.inf if found.upper is None else found.upper
            gap[i, j], sure[i, j] = found.difference, low > 0 or high < 0
            text[i][j] = (
                f"{label(one)} − {label(two)}: {found.difference:.3g} ({low:.3g} to {high:.3g}), "
                f"p = {found.p_value:.2g}"
            )
    widest = float(np.nanmax(np.abs(gap), initial=1e-9))
    digits = 0 if widest >= 20 else 2
    unit = SCALES.get(str(board.settings.get("scale")), "score")
    cells = [
        Cell(
            i,
            j,
            0.5 + gap[i, j] / widest / 2 if sure[i, j] else 0.5,
            1.0,
            f"{gap[i, j]:+.{digits}f}".replace("-", "−"),
            text[i][j],
            faint=not sure[i, j],
        )
        for i in range(len(names))
        for j in range(len(names))
        if i != j
    ]
    title = f"How far the row is above the column, {unit}"
    title += f"<br>Pale: could be the other way round at {board.level:.0%}"
    return show(draw_map(cells, names, PAPER, title))


@dataclass(frozen=True)
class Cell:
    """One cell of a map.

    Attributes:
        row, column: its place.
        value: 0 to 1, of which 0.5 is even; its colour.
        size: of its square, 1 fills the cell.
        text, hover: what stands in it, and what pointing at it says.
        faint: whether the text is not certain.
    """

    row: int
    column: int
    value: float
    size: float
    text: str
    hover: str
    faint: bool = False


def draw_map(cells: Sequence[Cell], names: Sequence[str], palette: Palette, title: str = "") -> Drawing:
    """Draw squares with their numbers, models of the rows against those of the columns.

    The squares are shapes and the numbers text, so that a page can give both the colours of its theme.
    """
    m, labels = len(names), [label(name) for name in names]
    last = len(palette.steps) - 1
    longest = _longest(names)
    left, slanted = longest + 20, 0.71 * longest + 20
    width = max(left + 46 * m + slanted, 560)
    drawing = empty_drawing(title, 30 * m, left=left, right=slanted, above=slanted, below=14, width=width)
    drawing["data"].append(
        {
            "type": "scatter",
            "mode": "text",
            "x": [cell.column for cell in cells],
            "y": [cell.row for cell in cells],
            "text": [cell.text for cell in cells],
            "textfont": {
                "size": 12,
                "color": [palette.faint if cell.faint else palette.ink for cell in cells],
            },
            "hoverinfo": "text",
            "hovertext": [cell.hover for cell in cells],
        }
    )
    ticks = {"tickvals": [*range(m)], "ticktext": labels, "showgrid": False, "zeroline": False, "ticks": ""}
    drawing["layout"] |= {
        "shapes": [
            {
                "type": "rect",
                "layer": "below",
                "x0": cell.column - 0.47 * cell.size,
                "x1": cell.column + 0.47 * cell.size,
                "y0": cell.row - 0.47 * cell.size,
                "y1": cell.row + 0.47 * cell.size,
                "line": {"width": 0},
                "fillcolor": palette.steps[min(int(cell.value * (last + 1)), last)],
            }
            for cell in cells
        ],
        "xaxis": ticks | {"side": "top", "tickangle": -45, "range": [-0.5, m - 0.5]},
        "yaxis": ticks | {"range": [m - 0.5, -0.5]},
        "width": width,
    }
    return drawing


def bump_chart(change: BoardChange) -> Figure:
    """Draw the ranks on two boards, linked by a line for each model; bold where it moved beyond chance.

    Raises:
        MethodError: plotly is not installed.
        OptionError: no model has a rank on both boards.
    """
    moves = [move for move in change.moves if move.rank_before is not None and move.rank_after is not None]
    if not moves:
        raise OptionError("No model has a rank on both boards, so there is nothing to draw.")
    drawing = empty_drawing(label(change.conclusion()), ROW * len(moves) + 12, left=64)
    for move in moves:
        colour = SURE if move.beyond_chance else LEAN
        drawing["data"].append(
            {
                "type": "scatter",
                "x": [0, 1],
                "y": [move.rank_before, move.rank_after],
                "mode": "lines+markers+text",
                "line": {"color": colour, "width": 3 if move.beyond_chance else 1.5},
                "marker": {"color": colour, "size": 8},
                "text": ["", label(move.model)],
                "textposition": "middle right",
                "hovertext": [f"{label(move.model)}: rank {r}" for r in (move.rank_before, move.rank_after)],
                "hoverinfo": "text",
            }
        )
    last = max(max(move.rank_before or 0, move.rank_after or 0) for move in moves)
    ranks = [*range(1, last + 1)]
    drawing["layout"] |= {
        "xaxis": {
            "range": [-0.1, 1.5],
            "tickvals": [0, 1],
            "ticktext": ["before", "after"],
            "zeroline": False,
        },
        "yaxis": {
            "range": [last + 0.6, 0.4],
            "title": {"text": "rank"},
            "tickvals": ranks,
            "zeroline": False,
        },
    }
    return show(drawing)


def label(text: str) -> str:
    """A text from the votes as it may stand in a figure, where a tag would be markup."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;")


def text_width(text: str, size: float = 12) -> float:
    """About how many pixels a text takes in a wide font; letters of wide scripts count nearly twice."""
    return 0.56 * size * sum(map(_width, unescape(text)))


def _width(letter: str) -> float:
    """Of one letter, to that of most small ones."""
    if ord(letter) >= 0x1100:
        return 1.8
    if letter in "@%MWmw":
        return 1.6
    return 1.15 if letter.isdigit() or letter.isupper() else 1.0


def empty_drawing(
    title: str,
    inner: float,
    *,
    left: float,
    right: float = 16,
    above: float = 8,
    below: float = 48,
    width: float = 700,
) -> Drawing:
    """A drawing with a sentence above it, broken into lines.

    Args:
        title: the sentence; <br> begins a new line.
        inner: pixels of height of what is drawn.
        left, right, above, below: pixels beside it, for labels.
        width: pixels that the lines may take.
    """
    lines: list[str] = []
    for part in title.split("<br>"):
        lines.append("")
        for word in part.split(" "):
            if lines[-1] and text_width(f"{lines[-1]} {word}", 14) > width - 24:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word}".strip()
    lines = [line for line in lines if line]
    top = 24 + 20 * len(lines) + above
    return {
        "data": [],
        "layout": {
            "title": {
                "text": "<br>".join(lines),
                "font": {"size": 14},
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 1 - 12 / (top + inner + below),
                "yref": "container",
                "yanchor": "top",
                "pad": {"l": 12},
            },
            "height": top + inner + below,
            "margin": {"l": left, "r": right, "t": top, "b": below},
            "template": "plotly_white",
            "showlegend": False,
        },
    }


def show(drawing: Drawing) -> Figure:
    """Hand a drawing to plotly.

    Raises:
        MethodError: it is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise MethodError(
            "Figures need plotly, which is not installed: pip install 'agon-arena[plots]'"
        ) from None
    return Figure(drawing)


def _unit(board: Leaderboard) -> str:
    """What stands under the scores: their unit and what the bars are."""
    scale = str(board.settings.get("scale", "score"))
    intervals = f", with {board.level:.0%} intervals" if board.rank_method != "none" else ""
    return f"{SCALES.get(scale, scale)} ({label(board.method)}){intervals}"


def _named(names: Sequence[str]) -> dict[str, Any]:
    """An axis with a model on each line, the first on top."""
    return {
        "tickvals": [*range(len(names))],
        "ticktext": [label(name) for name in names],
        "range": [len(names) - 0.4, -0.6],
        "zeroline": False,
    }


def _longest(names: Sequence[str]) -> float:
    """Pixels of the widest name."""
    return max((text_width(plain(name)) for name in names), default=0.0)


def _edges(rows: Sequence[Row]) -> tuple[float, float]:
    low, high = score_range(rows) or (0.0, 1.0)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _points(
    board: Leaderboard, rows: Sequence[Row], names: Sequence[str], edges: tuple[float, float]
) -> dict[str, Any]:
    """The scores of one board at the places of the names, with their intervals."""
    scores = [float(row.score or 0.0) for row in rows]
    low = [edges[0] if row.lower is None else row.lower for row in rows]
    high = [edges[1] if row.upper is None else row.upper for row in rows]
    texts = [", ".join(filter(None, board.cells(row)[1:])) for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": scores,
        "y": [names.index(row.model) for row in rows],
        "marker": {"size": 9, "color": [SURE if row.status == "ranked" else LEAN for row in rows]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, end - score) for end, score in zip(high, scores, strict=True)],
            "arrayminus": [max(0.0, score - end) for end, score in zip(low, scores, strict=True)],
            "color": SURE,
            "thickness": 1.5,
            "visible": board.rank_method != "none",
        },
        "hoverinfo": "text",
        "hovertext": [label(text) for text in texts],
    }
