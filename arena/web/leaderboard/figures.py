"""What stands below the table of the leaderboard page: all numbers, and who beats whom as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agon.arena.web.languages.texts import _, number, percent
from agon.arena.web.leaderboard.columns import counted_title
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.table import score_text
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.figures.svg import to_svg
from agon.ranking.figures.win_rates import WinRates, draw_win_rates
from agon.ranking.leaderboard.plots import Palette
from agon.ranking.leaderboard.row import Row, rank_text

_MODELS = 16  # models in the heat map
_THEME = Palette(tuple(f"var(--h{step})" for step in range(7)), "var(--ink)", "var(--ink-3)")


def figures_html(board: Leaderboard, pairs: PairCounts | None, info: ModelInfo) -> str:
    """Return the numbers of all rows, and the win rates between the first of them; no script is needed."""
    rows = [row for row in board.rows if row.score is not None]
    rates = None if pairs is None else win_rates(rows, pairs)
    drawn = "" if rates is None else _heat_html(rates, info, more=len(rows) > _MODELS)
    return _numbers_html(board, rows, info) + drawn


def _numbers_html(board: Leaderboard, rows: Sequence[Row], info: ModelInfo) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(info.name(row.model))}</th><td>{rank_text(row)}</td>'
        f'<td class="ag-r">{score_text(board, row.score)}</td><td'
        f' class="ag-r">{score_text(board, row.lower) or "…"}'
        f'</td><td class="ag-r">{score_text(board, row.upper) or "…"}</td>'
        f'<td class="ag-r">{number(row.votes)}</td>'
        f'<td class="ag-r">{"" if row.p_first is None else percent(row.p_first)}</td></tr>'
        for row in rows
    )
    counted = counted_title(board)
    columns = (_("Model"), _("Rank"), _("Score"), _("Lower"), _("Upper"), counted, _("Chance of being first"))
    return _table_html(_("All numbers, with the chance of being first"), columns, body, numbers_from=2)


def win_rates(rows: Sequence[Row], pairs: PairCounts) -> WinRates | None:
    """The win rates between the first models of a board; None if none of them met."""
    models = [row.model for row in rows if row.model in set(pairs.models)][:_MODELS]
    rates = WinRates.of(models, pairs) if len(models) > 1 else None
    return rates if rates is not None and rates.votes.any() else None


def heat_svg(rates: WinRates, info: ModelInfo) -> str:
    """The drawing that notebooks have too, in the colours of the theme."""
    drawing = draw_win_rates(rates, _THEME, [info.name(model) for model in rates.models])
    layout = drawing["layout"] | {"paper_bgcolor": "none", "font": {"color": "var(--ink-2)"}}
    drawn = to_svg({"data": drawing["data"], "layout": layout})
    return drawn.replace(' role="img"', ' aria-hidden="true"', 1)  # its frame has the words


def _heat_html(rates: WinRates, info: ModelInfo, *, more: bool) -> str:
    names = [info.name(model) for model in rates.models]
    m = len(names)
    lead = " ".join(
        _("{model} won {share} against {other}.", model=names[0], share=rates.won(0, j), other=names[j])
        for j in range(1, m)
        if rates.votes[0, j] > 0
    )
    body = "".join(
        f'<tr><th scope="row">{escape(names[i])}</th>'
        + "".join(
            f'<td class="ag-r">{_share(rates.share[i, j], rates.votes[i, j])}</td>'
            if rates.votes[i, j] > 0
            else '<td class="ag-r">–</td>'
            for j in range(m)
        )
        + "</tr>"
        for i in range(m)
    )
    which = _("the first {count} models", count=m) if more else _("all models of the table")
    how = _(
        "Per cent of their votes that the model of the row won against the one of the column, {which}; a "
        "tie counts half. The larger the square, the more votes; gaps: the two have not met.",
        which=which,
    )
    legend = "".join(f'<i class="ag-h{step}"></i>' for step in range(len(_THEME.steps)))
    said = escape(_("Heat map of win rates between {which}.", which=which) + " " + lead)
    return (
        f'<section class="ag-card ag-pad ag-fig ag-section"><h2>{_("Who beats whom")}</h2><p>{how}</p>'
        f'<p class="ag-legend" aria-hidden="true">0%{legend}100%</p>'
        f'<div class="ag-heat" tabindex="0" role="group" aria-label="{said}">{heat_svg(rates, info)}</div>'
        f"{_table_html(_('Who beats whom, in numbers'), (_('Model'), *names), body)}</section>"
    )


def _share(share: float, votes: float) -> str:
    return _("{share} of {votes}", share=percent(float(share)), votes=number(float(votes), 0))


def _table_html(title: str, columns: Sequence[str], body: str, *, numbers_from: int = 1) -> str:
    """A table that is folded away until somebody wants it."""
    head = "".join(
        f'<th scope="col"{" class=ag-r" if place >= numbers_from else ""}>{escape(column)}</th>'
        for place, column in enumerate(columns)
    )
    return (
        f'<details class="ag-fold"><summary>{title}</summary><div class="ag-numbers" tabindex="0"'
        f' role="group" aria-label="{title}"><table><caption class="ag-sr">{title}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
    )
