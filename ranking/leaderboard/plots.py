"""Figures of boards and votes, by plotly, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import MethodError, OptionError
from agon.ranking.leaderboard.row import plain, score_range
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.comparisons import Votes, as_comparisons

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from agon.ranking.leaderboard.board_change import BoardChange
    from agon.ranking.leaderboard.leaderboard import Leaderboard

LEAN = "#c9ced6"  # of what is not certain
SURE = "#2f5d8a"
MAP = [[0.0, "#a4442f"], [0.5, "#f7f7f5"], [1.0, SURE]]


def board_plot(board: Leaderboard) -> Figure:
    """Draw the scores of a board with their intervals, best on top; an open side runs to the edge.

    Raises:
        MethodError: plotly is not installed.
        OptionError: a board without scores.
    """
    rows = [row for row in board.rows if row.score is not None]
    if not rows:
        raise OptionError(f"The board of {board.method} has no scores to draw.")
    scores = np.array([row.score for row in rows], dtype=np.float64)
    lower = np.array([np.nan if row.lower is None else row.lower for row in rows], dtype=np.float64)
    upper = np.array([np.nan if row.upper is None else row.upper for row in rows], dtype=np.float64)
    low, high = score_range(rows) or (0.0, 1.0)
    room = 0.05 * (high - low) or 1.0
    edge = low - room, high + room
    measured = board.rank_method != "none"
    texts = [", ".join(filter(None, board.cells(row)[2:])) for row in rows]
    figure = _figure(_label(board.conclusion()), 120 + 22 * len(rows))
    figure.add_scatter(
        x=scores,
        y=[_label(row.model) for row in rows],
        mode="markers",
        marker={"size": 9, "color": [SURE if row.status == "ranked" else LEAN for row in rows]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": np.where(np.isnan(upper), edge[1], upper) - scores,
            "arrayminus": scores - np.where(np.isnan(lower), edge[0], lower),
            "color": SURE,
            "thickness": 1.5,
            "visible": measured,
        },
        text=[_label(text) for text in texts],
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    scale = {"elo": "Elo points", "natural": "log-odds", "share": "share"}
    title = scale.get(str(board.settings.get("scale")), str(board.settings.get("scale", "score")))
    intervals = f", {board.level:.0%} intervals" if measured else ""
    figure.update_xaxes(title=f"{_label(board.method)}, {title}{intervals}")
    figure.update_xaxes(range=edge, zeroline=False)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def difference_map(board: Leaderboard) -> Figure:
    """Draw how far each ranked model is above each other; what the level does not make certain stays pale.

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
                f"{_label(one)} − {_label(two)}: {found.difference:.3g} ({low:.3g} to {high:.3g}), "
                f"p = {found.p_value:.2g}"
            )
    shown = np.where(sure, gap, gap * 0.25)
    return _map(shown, names, text, "Row above column, pale where it could be the other way", 0.0)


def win_rate_map(votes: Votes, models: Sequence[str] | None = None) -> Figure:
    """Draw what share of its votes against each other model each model won, half for a tie.

    Args:
        votes: as for `rank`.
        models: in this order, such as that of a board; None for by win rate over all votes.

    Raises:
        MethodError: plotly is not installed.
        OptionError: a model without votes.
    """
    pairs = as_comparisons(votes).pairs
    wins = pairs.halves("half")
    met = wins + wins.T
    if models is None:
        total = met.sum(axis=1)
        rate = np.divide(wins.sum(axis=1), total, out=np.zeros(len(wins)), where=total > 0)
        models = [pairs.models[i] for i in np.argsort(-rate, kind="stable")]
    for name in models:
        if name not in pairs.models:
            raise OptionError(f"There is no model {name!r} among the votes.")
    at = [pairs.models.index(name) for name in models]
    wins, met = wins[np.ix_(at, at)], met[np.ix_(at, at)]
    share = np.divide(wins, met, out=np.full(wins.shape, np.nan), where=met > 0)
    text = [
        [
            f"{_label(one)} won {share[i, j]:.0%} of {met[i, j]:,.0f} votes against {_label(two)}"
            for j, two in enumerate(models)
        ]
        for i, one in enumerate(models)
    ]
    return _map(share, models, text, "Share of votes that the row won against the column", 0.5)


def _map(
    values: FloatArray, names: Sequence[str], text: list[list[str]], title: str, middle: float
) -> Figure:
    """A heat map whose colours are even around the middle."""
    widest = float(np.nanmax(np.abs(values - middle), initial=1e-9))
    figure = _figure(title, 160 + 22 * len(names))
    figure.add_heatmap(
        z=values,
        x=[_label(name) for name in names],
        y=[_label(name) for name in names],
        text=text,
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        colorscale=MAP,
        zmin=middle - widest,
        zmax=middle + widest,
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="category")
    return figure


def _label(text: str) -> str:
    """A text from the votes as it may stand in a figure, where a tag would be markup."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;")


def bump_chart(change: BoardChange) -> Figure:
    """Draw the ranks on two boards, linked by a line for each model; bold where it moved beyond chance.

    Raises:
        MethodError: plotly is not installed.
        OptionError: no model has a rank on both boards.
    """
    moves = [move for move in change.moves if move.rank_before is not None and move.rank_after is not None]
    if not moves:
        raise OptionError("No model has a rank on both boards, so there is nothing to draw.")
    figure = _figure(_label(change.conclusion()), 120 + 22 * len(moves))
    for move in moves:
        sure = bool(move.beyond_chance)
        figure.add_scatter(
            x=["before", "after"],
            y=[move.rank_before, move.rank_after],
            mode="lines+markers+text",
            line={"color": SURE if sure else LEAN, "width": 3 if sure else 1.5},
            text=["", _label(move.model)],
            textposition="middle right",
            showlegend=False,
            hovertemplate="%{text}%{x}: rank %{y}<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed", title="rank", dtick=1)
    figure.update_xaxes(range=[-0.1, 1.5])
    return figure


def _figure(title: str, height: int) -> Any:
    """An empty figure with the sentence above it."""
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise MethodError(
            "Figures need plotly, which is not installed: pip install 'agon-arena[plots]'"
        ) from None
    return Figure(
        layout={
            "title": {"text": title, "font": {"size": 15}},
            "height": height,
            "margin": {"l": 10, "r": 10, "t": 50, "b": 40},
            "template": "plotly_white",
            "showlegend": False,
        }
    )
