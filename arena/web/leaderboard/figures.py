"""The two figures of the leaderboard page: a forest plot and a heat map of win rates, each with its numbers.

A figure is plain JSON for Plotly, drawn by static/charts.js; colours are names of tokens ("var(--accent)"),
which the script replaces by those of the theme. Names are escaped for Plotly, which reads tags in its labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from agon.arena.web.layout import data_script
from agon.arena.web.leaderboard.table import ModelInfo, in_words, score_text
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.figures.win_rates import WinRates, draw_win_rates
from agon.ranking.leaderboard.plots import Palette
from agon.ranking.leaderboard.row import Row, rank_text

_MODELS = 16  # models in the heat map
_THEME = Palette(tuple(f"var(--h{step})" for step in range(7)), "var(--ink)", "var(--ink-3)")
Figure = dict[str, Any]


def figures_html(board: Leaderboard, pairs: PairCounts | None, info: ModelInfo) -> str:
    """Return both figures with words and numbers, and their data for the script."""
    rows = [row for row in board.rows if row.score is not None]
    figures = {"ag-forest": forest(board, rows, info)}
    parts = [_forest_html(board, rows, info)]
    rates = None if pairs is None else win_rates(rows, pairs)
    if rates is not None:
        figures["ag-heat"] = heat(rates, info)
        parts.append(_heat_html(rates, info, more=len(rows) > _MODELS))
    return f'<div class="ag-figs">{"".join(parts)}</div>{data_script("ag-figures", figures)}'


def forest(board: Leaderboard, rows: Sequence[Row], info: ModelInfo) -> Figure:
    """Scores with their intervals, best on top."""
    place = {row.model: number for number, row in enumerate(rows)}
    ends = [n for row in rows for n in (row.lower, row.score, row.upper) if n is not None]
    room = 0.06 * (max(ends, default=1.0) - min(ends, default=0.0)) or 1.0
    edges = (min(ends, default=0.0) - room, max(ends, default=1.0) + room)
    traces = [
        _points(
            board, [row for row in rows if (row.status == "ranked") is ranked], place, info, ranked, edges
        )
        for ranked in (True, False)
        if any((row.status == "ranked") is ranked for row in rows)
    ]
    shown = len(traces)
    for way, symbol in ((0, "triangle-left"), (1, "triangle-right")):  # where an interval goes on
        beyond = [row for row in rows if (row.lower, row.upper)[way] is None]
        if beyond:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [edges[way]] * len(beyond),
                    "y": [place[row.model] for row in beyond],
                    "marker": {"color": "var(--ink-3)", "size": 8, "symbol": symbol},
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
    labels = [_plain(info.name(row.model)) for row in rows]
    layout = _layout(90 + 26 * len(rows)) | {
        "showlegend": shown > 1,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -0.02,
            "yanchor": "top",
            "font": {"color": "var(--ink-2)"},
        },
        "xaxis": _ticks() | {"showgrid": True, "gridcolor": "var(--line)", "side": "top", "tickformat": ","},
        "yaxis": _ticks()
        | {"tickvals": [*range(len(rows))], "ticktext": labels, "range": [len(rows) - 0.4, -0.6]},
    }
    return {"data": traces, "layout": layout}


def _points(
    board: Leaderboard,
    rows: Sequence[Row],
    place: dict[str, int],
    info: ModelInfo,
    ranked: bool,
    edges: tuple[float, float],
) -> Figure:
    colour = "var(--accent)" if ranked else "var(--ink-3)"
    scores = [row.score or 0.0 for row in rows]
    lowest, highest = edges
    lower = [lowest if row.lower is None else row.lower for row in rows]
    upper = [highest if row.upper is None else row.upper for row in rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Ranked" if ranked else "Provisional",
        "x": scores,
        "y": [place[row.model] for row in rows],
        "marker": {"color": colour, "size": 9, "symbol": "circle" if ranked else "circle-open"},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [end - score for end, score in zip(upper, scores, strict=True)],
            "arrayminus": [score - end for end, score in zip(lower, scores, strict=True)],
            "color": colour,
            "thickness": 2 if ranked else 1,
            "width": 4,
        },
        "hoverinfo": "text",
        "hovertext": [f"{_plain(info.name(row.model))}<br>{_plain(in_words(board, row))}" for row in rows],
    }


def _forest_html(board: Leaderboard, rows: Sequence[Row], info: ModelInfo) -> str:
    words = "; ".join(f"{info.name(row.model)}: {in_words(board, row)}" for row in rows[:_MODELS])
    body = "".join(
        f'<tr><th scope="row">{escape(info.name(row.model))}</th><td>{rank_text(row)}</td>'
        f'<td class="ag-r">{score_text(board, row.score)}</td><td'
        f' class="ag-r">{score_text(board, row.lower) or "…"}'
        f'</td><td class="ag-r">{score_text(board, row.upper) or "…"}</td><td class="ag-r">{row.votes:,}</td>'
        f'<td class="ag-r">{"" if row.p_first is None else f"{row.p_first:.0%}"}</td></tr>'
        for row in rows
    )
    columns = ("Model", "Rank", "Score", "Lower", "Upper", "Votes", "Chance of being first")
    return _figure_html(
        "ag-forest",
        "Scores and intervals",
        f"Where two intervals of {board.level:.0%} overlap widely, the votes do not tell the models apart.",
        f"Forest plot of scores. {words}.",
        columns,
        body,
        numbers_from=2,
    )


def win_rates(rows: Sequence[Row], pairs: PairCounts) -> WinRates | None:
    """The win rates between the first models of a board; None if none of them met."""
    models = [row.model for row in rows if row.model in set(pairs.models)][:_MODELS]
    rates = WinRates.of(models, pairs) if len(models) > 1 else None
    return rates if rates is not None and rates.votes.any() else None


def heat(rates: WinRates, info: ModelInfo) -> Figure:
    """The drawing that notebooks have too, in the colours of the theme."""
    drawing = draw_win_rates(rates, _THEME, [info.name(model) for model in rates.models])
    data, shared = drawing["data"], drawing["layout"]
    layout = _layout(110 + 30 * len(rates.models)) | {"showlegend": False, "shapes": shared["shapes"]}
    for axis in ("xaxis", "yaxis"):
        layout[axis] = _ticks() | shared[axis]
    return {"data": data, "layout": layout}


def _heat_html(rates: WinRates, info: ModelInfo, *, more: bool) -> str:
    names = [info.name(model) for model in rates.models]
    m = len(names)
    lead = " ".join(
        f"{names[0]} won {rates.won(0, j)} against {names[j]}." for j in range(1, m) if rates.votes[0, j] > 0
    )
    body = "".join(
        f'<tr><th scope="row">{escape(names[i])}</th>'
        + "".join(
            f'<td class="ag-r">{rates.share[i, j]:.0%} of {rates.votes[i, j]:,.0f}</td>'
            if rates.votes[i, j] > 0
            else '<td class="ag-r">–</td>'
            for j in range(m)
        )
        + "</tr>"
        for i in range(m)
    )
    which = f"the first {m} models" if more else "all models of the table"
    legend = "".join(f'<i class="ag-h{step}"></i>' for step in range(len(_THEME.steps)))
    return _figure_html(
        "ag-heat",
        "Who beats whom",
        f"Per cent of their votes that the model of the row won against the one of the column, {which}; "
        "a tie counts half. The larger the square, the more votes; gaps: the two have not met.",
        f"Heat map of win rates between {which}. {lead}",
        ("Model", *names),
        body,
        f'<p class="ag-legend" aria-hidden="true">0%{legend}100%</p>',
    )


def _figure_html(
    name: str,
    title: str,
    sentence: str,
    words: str,
    columns: Sequence[str],
    body: str,
    extra: str = "",
    numbers_from: int = 1,
) -> str:
    head = "".join(
        f'<th scope="col"{" class=ag-r" if number >= numbers_from else ""}>{escape(column)}</th>'
        for number, column in enumerate(columns)
    )
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{title}</h2><p>{escape(sentence)}</p>{extra}'
        f'<div class="ag-chart" id="{name}" role="img" aria-label="{escape(words)}"></div>'
        f'<details><summary>The numbers</summary><div class="ag-numbers" tabindex="0" role="group" '
        f'aria-label="{title}: the numbers"><table><caption class="ag-sr">{title}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details></section>"
    )


def _layout(height: int) -> Figure:
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "Agon Sans, system-ui, sans-serif", "size": 12, "color": "var(--ink-2)"},
        "hoverlabel": {
            "bgcolor": "var(--surface)",
            "bordercolor": "var(--control)",
            "font": {"family": "Agon Sans, system-ui, sans-serif", "size": 13, "color": "var(--ink)"},
            "align": "left",
        },
        "dragmode": False,
    }


def _ticks() -> Figure:
    return {
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "ticks": "",
        "showline": False,
    }


def _plain(text: str) -> str:
    """A name as Plotly shows it unchanged: its labels know tags such as <b> and <a>."""
    return escape(text, quote=False)
