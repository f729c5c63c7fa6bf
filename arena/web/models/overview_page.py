"""The overview: models down, kinds of votes across, each cell the ranks that a model may hold there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from agon.arena.web.languages.texts import _, language, message, names_listed, ngettext, percent
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.addresses import Link
from agon.arena.web.leaderboard.board_words import column_title, filter_value, no_votes, rule_name, scope_of
from agon.arena.web.leaderboard.boards import Made
from agon.arena.web.leaderboard.menus import filters_html
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.leaderboard.row import Row, rank_text

MOST_MODELS = 60  # down
_STEPS = 7  # colours, --h0 to --h6
_IN_SENTENCES = {
    "category": message("category"),
    "language": message("language"),
    "day": message("day"),
    "month": message("month"),
    "year": message("year"),
}
_SEMICOLONS = {"fr": " ; ", "zh": "；", "ar": "؛ "}  # between clauses


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
        body = f'<div class="ag-phead"><h1>{escape(no_votes(query))}</h1></div>'
    elif column is None:
        body = (
            '<div class="ag-phead"><h1>{}</h1><p class="ag-lead">{}</p></div>'
            '<a class="ag-btn" href="{}">{}</a>'
        ).format(
            _("These votes are of one kind."),
            _(
                "An overview shows the ranks of the models by category, language or time, "
                "and the votes name none of these."
            ),
            escape(link(query.plain) or "./"),
            _("Show the leaderboard"),
        )
    else:
        body = _head(board, by_value, column, about, query) + _menus(offer, column, query, about, link)
        body += _matrix(board, by_value, column, about, query, link)
    return page_html(_("Overview"), body, current="overview", votes=about.total, site=about.site)


def column_words(column: str) -> str:
    """The name of a filter in a sentence."""
    if column in _IN_SENTENCES:
        return _(_IN_SENTENCES[column])
    return without_hidden(column).replace("_", " ")


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
            firsts.setdefault(about.info.name(leaders[0]), []).append(filter_value(column, value))
        else:
            open_in += 1
    said = [
        _("{name} leads in {values}", name=name, values=names_listed(values, 6))
        for name, values in list(firsts.items())[:3]
    ]
    if not said:
        said = [_("Nobody leads for certain in any {column}", column=column_words(column))]
    elif open_in:
        said.append(_("open in {count} of {total}", count=open_in, total=len(known)))
    sentence = _("{list}.", list=_SEMICOLONS.get(language(), "; ").join(said))
    lead = ngettext(
        "Ranks of {count} model by {column}{scope}, under {rule}: the range that the votes of each allow at "
        "{level}. Hatched: the rank says little there, for it spans more than a third of the models, or "
        "there are too few votes.",
        "Ranks of {count} models by {column}{scope}, under {rule}: the range that the votes of each allow at "
        "{level}. Hatched: the rank says little there, for it spans more than a third of the models, or "
        "there are too few votes.",
        len(board.rows),
        column=column_words(column),
        scope=scope_of(query),
        rule=rule_name(query.rule),
        level=percent(board.level),
    )
    return f'<div class="ag-phead"><h1>{escape(sentence)}</h1><p class="ag-lead">{escape(lead)}</p></div>'


def _menus(offer: Offer, column: str, query: BoardQuery, about: About, link: Link) -> str:
    """What stands across, and which votes, as links."""
    chips = ""
    for name, counts in offer.filters.items():
        here = link(query.plain, f"overview:{name}")
        if here is None or len(counts) < 2:
            continue
        now = ' aria-current="true"' if name == column else ""
        chips += f'<a class="ag-chip" href="{escape(here)}"{now}>{escape(column_title(name))}</a>'
    across = (
        f'<nav class="ag-filters" aria-label="{_("What stands across")}"><div class="ag-g"><span'
        f' class="ag-label">{_("Across")}</span><div class="ag-chips">{chips}</div></div></nav>'
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
    head = f'<th scope="col">{_("Model")}</th><th scope="col">{_("All")}</th>'
    for value in values:
        here = link(query.within(column, value, [*dict(query.where), column]))
        said = escape(filter_value(column, value))
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
    said = ngettext("{count} more model on the leaderboard.", "{count} more models on the leaderboard.", more)
    rest = f'<p class="ag-small">{said}</p>' if more > 0 else ""
    colours = "".join(f'<i class="ag-h{step}"></i>' for step in reversed(range(_STEPS)))
    caption = _("Ranks by {column}", column=escape(column_words(column)))
    return (
        f'<div class="ag-card ag-over" tabindex="0" role="group" aria-label="{_("Ranks")}"><table><caption'
        f' class="ag-sr">{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
        f'<p class="ag-legend ag-fig" aria-hidden="true">{_("first")}{colours}{_("last")}'
        f'<b class="ag-hatched">{_("says little")}</b></p>{rest}'
    )


def _cell(row: Row | None, ranked: int) -> str:
    if row is None or row.status == "component":
        return f'<td><span class="ag-sr">{_("no votes")}</span></td>'
    if row.rank is None:
        said = f"<span>{number_text(row.votes)}</span>" if row.votes else "–"
        return f'<td class="ag-hatched">{said}</td>'
    middle = ((row.rank_lower or row.rank) + (row.rank_upper or row.rank)) / 2
    share = 1 - (middle - 1) / max(1, ranked - 1)
    step = min(int(share * _STEPS), _STEPS - 1)
    kinds = "ag-hatched" if unsure(row, ranked) else f"ag-h{step}"
    said = f'<span class="ag-sr"> ({_("says little")})</span>' if unsure(row, ranked) else ""
    return f'<td class="{kinds}">{rank_text(row)}{said}</td>'
