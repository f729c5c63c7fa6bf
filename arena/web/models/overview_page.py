"""The overview: models down, kinds of votes across, each cell the ranks that a model may hold there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.boards import Made
from agon.arena.web.leaderboard.page import Link, filters_html, rule_name
from agon.arena.web.leaderboard.query import BoardQuery, Offer, language_name
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.leaderboard.row import Row, rank_text
from agon.ranking.text import join_names

MOST_MODELS = 60  # down
_STEPS = 7  # colours, --h0 to --h6


def overview_html(
    board: Leaderboard | None,
    by_value: Mapping[str, Made],
    column: str | None,
    *,
    about: About,
    offer: Offer,
    query: BoardQuery,
    link: Link,
) -> str:
    """Return the overview.

    Args:
        board: of all votes asked for.
        by_value: the board of each value of the column.
        column: the filter whose values stand across; None where there is none.
        about: what is known of the votes.
        offer: what can be asked for.
        query: what was asked for.
        link: the addresses of other pages.
    """
    if board is None or not board.rows:
        body = f'<div class="ag-phead"><h1>No votes{escape(query.words)} yet.</h1></div>'
    elif column is None:
        body = (
            '<div class="ag-phead"><h1>These votes are of one kind.</h1><p class="ag-lead">An'
            " overview shows the "
            "ranks of the models by category, language or time, and the votes name none of these.</p></div>"
            '<a class="ag-btn" href="' + escape(link(query.plain) or "./") + '">Show the leaderboard</a>'
        )
    else:
        body = _head(board, by_value, column, about, query) + _menus(offer, column, query, about, link)
        body += _matrix(board, by_value, column, about, query, link)
    return page_html("Overview", body, current="overview", votes=about.total, site=about.site, english=True)


def column_words(column: str) -> str:
    """The name of a filter in a sentence."""
    return without_hidden(column).replace("_", " ")


def value_words(column: str, value: str) -> str:
    """A value of a filter as it is shown."""
    return language_name(value) if column == "language" else without_hidden(value)


def unsure(row: Row, ranked: int) -> bool:
    """Whether a rank says little: none yet, or a range over more than a third of the models."""
    if row.rank is None:
        return True
    return (row.rank_upper or row.rank) - (row.rank_lower or row.rank) > max(1.0, ranked / 3)


def _head(
    board: Leaderboard, by_value: Mapping[str, Made], column: str, about: About, query: BoardQuery
) -> str:
    firsts: dict[str, list[str]] = {}
    open_in = 0
    known = [(value, made.board) for value, made in by_value.items() if made.board and made.board.ranked]
    for value, one in known:
        leaders = [row.model for row in one.ranked if row.rank_lower == 1 or row.rank == 1]
        if len(leaders) == 1:
            firsts.setdefault(about.info.name(leaders[0]), []).append(value_words(column, value))
        else:
            open_in += 1
    said = [f"{name} leads in {join_names(values, 6)}" for name, values in list(firsts.items())[:3]]
    sentence = "; ".join(said) if said else f"Nobody leads for certain in any {column_words(column)}"
    if said and open_in:
        sentence += f"; open in {open_in} of {len(known)}"
    lead = (
        f"Ranks of {plural(len(board.rows), 'model')} by {column_words(column)}{query.words}, under "
        f"{rule_name(query.rule)}: the range that the votes of each allow at {board.level:.0%}. "
        "Hatched: the rank says little there, for it spans more than a third of the models, or there are too "
        "few votes."
    )
    return f'<div class="ag-phead"><h1>{escape(sentence)}.</h1><p class="ag-lead">{escape(lead)}</p></div>'


def _menus(offer: Offer, column: str, query: BoardQuery, about: About, link: Link) -> str:
    """What stands across, and which votes, as links."""
    chips = ""
    for name, counts in offer.filters.items():
        here = link(query.plain, f"overview:{name}")
        if here is None or len(counts) < 2:
            continue
        now = ' aria-current="true"' if name == column else ""
        chips += (
            f'<a class="ag-chip" href="{escape(here)}"{now}>{escape(column_words(name).capitalize())}</a>'
        )
    across = (
        '<nav class="ag-filters" aria-label="What stands across"><div class="ag-g"><span'
        ' class="ag-label">Across'
        f'</span><div class="ag-chips">{chips}</div></div></nav>'
        if chips
        else ""
    )

    def here_link(query: BoardQuery, form: str = "") -> str | None:
        return link(query, form or f"overview:{column}")

    others = Offer({name: counts for name, counts in offer.filters.items() if name != column})
    return across + filters_html(others, query, about, here_link)


def _matrix(
    board: Leaderboard, by_value: Mapping[str, Made], column: str, about: About, query: BoardQuery, link: Link
) -> str:
    values = list(by_value)
    head = '<th scope="col">Model</th><th scope="col">All</th>'
    for value in values:
        here = link(query.within(column, value, [*dict(query.where), column]))
        said = escape(value_words(column, value))
        head += (
            f'<th scope="col">{f"<a href={chr(34)}{escape(here)}{chr(34)}>{said}</a>" if here else said}</th>'
        )
    boards = [board, *(by_value[value].board for value in values)]
    rows = {}
    for number, one in enumerate(boards):
        for row in one.rows if one else ():
            rows[number, row.model] = row
    body = ""
    for row in [row for row in board.rows if row.status != "component"][:MOST_MODELS]:
        here = link(query.plain, f"model:{row.model}")
        name = escape(about.info.name(row.model))
        name = f'<a href="{escape(here)}">{name}</a>' if here else name
        cells = "".join(
            _cell(rows.get((number, row.model)), len(one.ranked) if one else 0)
            for number, one in enumerate(boards)
        )
        body += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    more = len(board.rows) - MOST_MODELS
    rest = f'<p class="ag-small">{plural(more, "more model")} on the leaderboard.</p>' if more > 0 else ""
    colours = "".join(f'<i class="ag-h{step}"></i>' for step in reversed(range(_STEPS)))
    return (
        '<div class="ag-card ag-over" tabindex="0" role="group" aria-label="Ranks"><table><caption'
        f' class="ag-sr">Ranks by {escape(column_words(column))}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f'<p class="ag-legend ag-fig" aria-hidden="true">first{colours}last'
        f'<b class="ag-hatched">says little</b></p>{rest}'
    )


def _cell(row: Row | None, ranked: int) -> str:
    if row is None or row.status == "component":
        return '<td><span class="ag-sr">no votes</span></td>'
    if row.rank is None:
        return f'<td class="ag-hatched">{"–" if not row.votes else f"<span>{row.votes:,}</span>"}</td>'
    middle = ((row.rank_lower or row.rank) + (row.rank_upper or row.rank)) / 2
    share = 1 - (middle - 1) / max(1, ranked - 1)
    step = min(int(share * _STEPS), _STEPS - 1)
    kinds = "ag-hatched" if unsure(row, ranked) else f"ag-h{step}"
    said = '<span class="ag-sr"> (says little)</span>' if unsure(row, ranked) else ""
    return f'<td class="{kinds}">{rank_text(row)}{said}</td>'
