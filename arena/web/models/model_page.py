"""The page of one model: its row, its ranks under several rules, whom it beats, where it is strong,"
" its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape

from agon.arena.web.languages.texts import _, dotted, names_listed, percent
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.addresses import Link
from agon.arena.web.leaderboard.board_words import (
    FAMILIES,
    column_title,
    family_name,
    filter_value,
    in_range,
    rule_name,
    scope_of,
    votes_in_words,
)
from agon.arena.web.leaderboard.boards import Compared, Made
from agon.arena.web.leaderboard.menus import filters_html
from agon.arena.web.leaderboard.query import BoardQuery, Offer, no_model
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.leaderboard.table import ShownRows, all_shown, cards_html, state, table_html
from agon.arena.web.models.board_series import Moment
from agon.arena.web.models.comparison_page import facts_html, have_met, record_words
from agon.arena.web.models.history_page import history_figure
from agon.arena.web.models.overview_page import column_words, unsure
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.analysis.rule_comparison import RuleComparison
from agon.ranking.errors import OptionError
from agon.ranking.inference.shares import wilson_interval
from agon.ranking.leaderboard.row import Row, rank_text

MOST_OTHERS = 60  # models that a model is compared with


def model_html(
    name: str,
    made: Made,
    compared: Compared | None,
    by_value: Mapping[str, Made] | None,
    column: str | None,
    moments: Sequence[Moment] | None,
    *,
    about: About,
    offer: Offer,
    query: BoardQuery,
    link: Link,
) -> str:
    """Return the page of a model.

    Args:
        name: of the model, as in the votes.
        made: the board of all votes asked for.
        compared: the same votes under several rules; None while they are computed.
        by_value: the board of each value of the column; None while they are computed.
        column: the kinds of votes in which the model may be strong; None where there are none.
        moments: its ranks over time; None while they are computed.
        about: what is known of the votes.
        offer: what can be asked for.
        query: what was asked for.
        link: the addresses of other pages.

    Raises:
        QueryError: the model is not on the board.
    """
    board, row = asked_model(name, made.board)
    info = about.info

    def here(query: BoardQuery, form: str = "") -> str | None:
        return link(query, form or f"model:{name}")

    only = all_shown(board, info)
    shown = ShownRows([row], only.columns)
    body = _head(board, row, about, query) + filters_html(offer, query, about, here)
    if row.status != "component":
        body += table_html(board, info, info.name(name), shown) + cards_html(board, info, shown)
    body += _ways(board, row, about, query, link)
    body += _under_rules(name, compared, query, link)
    body += _by_value(row, by_value, column)
    body += _others(board, made.pairs, row, about, query, link)
    if moments is None:
        body += _section(_("Ranks over time"), f"<p>{_('They are being computed.')}</p>")
    elif len(moments) > 1 and any(name in moment.ranks for moment in moments):
        body += _section(_("Ranks over time"), history_figure(moments, info, [name]))
    body += facts_html([name], about)
    waiting = compared is None or by_value is None or moments is None
    again = (
        '<noscript><meta http-equiv="refresh" content="3"></noscript>'
        f'<script src="{about.site.static}again.js" data-again="3" defer></script>'
        if waiting
        else ""
    )
    return page_html(
        info.name(name),
        body,
        current="leaderboard",
        votes=about.total,
        head=again,
        site=about.site,
    )


def asked_model(name: str, board: Leaderboard | None) -> tuple[Leaderboard, Row]:
    """The board with the row of a model.

    Raises:
        QueryError: the model is not on the board.
    """
    known = [row.model for row in board.rows] if board else []
    if board is None or name not in known:
        raise no_model(name, known)
    return board, board[name]


def _section(title: str, body: str) -> str:
    return f'<section class="ag-section"><h2>{escape(title)}</h2>{body}</section>'


def _head(board: Leaderboard, row: Row, about: About, query: BoardQuery) -> str:
    info = about.info
    called, models = info.name(row.model), str(len(board.ranked))
    if row.rank is None:
        why = state(board, row, info)[1] or _("too little links it to the others")
        said = _("{model} has no rank yet: {why}.", model=called, why=why)
    elif row.rank_lower is None or row.rank_lower == row.rank_upper:
        said = _("{model} is number {rank} of {count}.", model=called, rank=str(row.rank), count=models)
    else:
        said = _(
            "{model} is number {low} to {high} of {count}.",
            model=called,
            low=str(row.rank_lower),
            high=str(row.rank_upper),
            count=models,
        )
    counted = votes_in_words(row.votes, board.counted[:-1])
    under = _("under {rule}", rule=rule_name(board.method))
    parts = [info.about(row.model), counted + scope_of(query), under]
    if row.p_first is not None and row.p_first >= 0.005:
        parts.append(_("first with a chance of {share}", share=percent(row.p_first)))
    lead = dotted([part for part in parts if part])
    return f'<div class="ag-phead"><h1>{escape(said)}</h1><p class="ag-lead">{escape(lead)}</p></div>'


def _ways(board: Leaderboard, row: Row, about: About, query: BoardQuery, link: Link) -> str:
    """To the board, and to the comparison with the neighbours."""
    ways = []
    if back := link(query.plain):
        ways.append(f'<a href="{escape(back)}">{_("Leaderboard")}</a>')
    order = [one.model for one in board.ranked]
    if row.model in order:
        at = order.index(row.model)
        for other in order[max(0, at - 1) : at + 2]:
            both = link(query.plain, f"compare:{row.model}\n{other}") if other != row.model else None
            if both:
                said = _("Compare with {model}", model=escape(about.info.name(other)))
                ways.append(f'<a href="{escape(both)}">{said}</a>')
    return f'<p class="ag-small ag-data">{" · ".join(ways)}</p>' if ways else ""


def _under_rules(name: str, compared: Compared | None, query: BoardQuery, link: Link) -> str:
    title = _("Under several rules")
    if compared is None:
        return _section(title, f"<p>{_('The comparison of rules is being computed.')}</p>")
    seen = compared.rules
    if seen is None or name not in seen.models:
        said = _("No other rule was asked about this model on these votes.")
        return _section(title, f"<p>{said}</p>")
    i, body = seen.models.index(name), ""
    order = sorted(range(len(seen.methods)), key=lambda n: list(FAMILIES).index(family_name(seen.methods[n])))
    for number in order:
        method = seen.methods[number]
        target = link(BoardQuery(query.where).under(method))
        said = f'<a href="{escape(target)}">{rule_name(method)}</a>' if target else rule_name(method)
        first = "–" if seen.first is None else percent(float(seen.first[number, i]))
        body += (
            f'<tr><th scope="row">{said}</th><td>{_(FAMILIES[family_name(method)])}</td>'
            f'<td class="ag-r">{_rank_under(seen, number, i)}</td><td class="ag-r">{first}</td></tr>'
        )
    columns = _heads(_("Rule"), _("Family"), right=(_("Rank"), _("First")))
    said = _(
        "Ranks in the middle {level} of {count} resamples of the votes, and in how many it is first: "
        "beside each other they show what the rule changes.",
        level=percent(seen.level),
        count=str(seen.n_resamples),
    )
    said = f"<p>{said}</p>" if seen.n_resamples else ""
    return _section(title, said + _table(title, columns, body))


def _rank_under(seen: RuleComparison, number: int, i: int) -> str:
    method = seen.methods[number]
    if method in seen.lotteries:
        return _("{share} of the lottery", share=percent(float(seen.lotteries[method][i])))
    rank, low, high = (int(t[number, i]) for t in (seen.rank, seen.rank_lower, seen.rank_upper))
    return "–" if not rank else f"{low}–{high}" if 0 < low < high else str(low or rank)


def _by_value(row: Row, by_value: Mapping[str, Made] | None, column: str | None) -> str:
    if column is None:
        return ""
    title = _("By {column}", column=column_words(column))
    if by_value is None:
        return _section(title, f"<p>{_('These boards are being computed.')}</p>")
    strong, weak, body = [], [], ""
    for value, made in by_value.items():
        there = next((one for one in (made.board.rows if made.board else ()) if one.model == row.model), None)
        said = filter_value(column, value)
        if there is None:
            body += (
                f'<tr><th scope="row">{escape(said)}</th><td class="ag-r">–</td><td'
                ' class="ag-r">0</td><td></td></tr>'
            )
            continue
        ranked = len(made.board.ranked) if made.board else 0
        note = _("says little") if unsure(there, ranked) else ""
        if not note and row.rank_lower and row.rank_upper and there.rank_lower and there.rank_upper:
            if there.rank_upper < row.rank_lower:
                strong.append(said)
                note = _("better than overall")
            elif there.rank_lower > row.rank_upper:
                weak.append(said)
                note = _("worse than overall")
        body += (
            f'<tr><th scope="row">{escape(said)}</th><td class="ag-r">{rank_text(there)}</td>'
            f'<td class="ag-r">{number_text(there.votes)}</td><td>{note}</td></tr>'
        )
    parts = [_("Stronger in {values}.", values=names_listed(strong))] if strong else []
    parts += [_("Weaker in {values}.", values=names_listed(weak))] if weak else []
    if not parts:
        named = column_words(column)
        parts = [_("In no {column} is its rank certainly another than overall.", column=named)]
    columns = _heads(column_title(column), right=(_("Rank"), _("Votes")))
    columns += _heads(_("Beside all"))
    return _section(title, f"<p>{escape(' '.join(parts))}</p>" + _table(title, columns, body))


def _others(
    board: Leaderboard, pairs: PairCounts | None, row: Row, about: About, query: BoardQuery, link: Link
) -> str:
    """What was voted between this model and each other one, beside what the scores expect."""
    others = [one for one in board.rows if one.model != row.model and one.status != "component"]
    body = ""
    for other in others[:MOST_OTHERS]:
        met, rate, expected = record_words(pairs, row.model, other.model), "–", "–"
        if pairs is not None and have_met(pairs, row.model, other.model):
            i, j = pairs.models.index(row.model), pairs.models.index(other.model)
            halves = pairs.halves("half")
            won, of = float(halves[i, j]), float(halves[i, j] + halves[j, i])
            low, high = wilson_interval(won / of, of, board.level)
            rate = in_range(percent(won / of), percent(low), percent(high))
        with suppress(OptionError):
            said = board.win_probability(row.model, other.model)
            expected = in_range(percent(said.probability), percent(said.lower), percent(said.upper))
        both = link(query.plain, f"compare:{row.model}\n{other.model}")
        name = escape(about.info.name(other.model))
        name = f'<a href="{escape(both)}">{name}</a>' if both else name
        body += (
            f'<tr><th scope="row">{name}</th><td class="ag-r">{rank_text(other)}</td><td'
            f' class="ag-r">{rate}</td>'
            f'<td>{met}</td><td class="ag-r">{expected}</td></tr>'
        )
    if not body:
        return ""
    columns = _heads(_("Against"), right=(_("Rank"), _("Won")))
    columns += _heads(_("Record"), right=(_("Expected by the scores"),))
    lead = _(
        "The share of the votes between the two that it won, a tie half, with its {level} interval as of "
        "independent votes.",
        level=percent(board.level),
    )
    if len(others) > MOST_OTHERS:
        lead = _(
            "The share of the votes between the two that it won, a tie half, with its {level} interval as "
            "of independent votes; the first {count} of {total}.",
            level=percent(board.level),
            count=str(MOST_OTHERS),
            total=str(len(others)),
        )
    title = _("Whom it beats")
    return _section(title, f"<p>{lead}</p>" + _table(title, columns, body))


def _heads(*titles: str, right: Sequence[str] = ()) -> str:
    """Heads of columns; those on the right are of numbers."""
    return "".join(f'<th scope="col">{escape(title)}</th>' for title in titles) + "".join(
        f'<th scope="col" class="ag-r">{escape(title)}</th>' for title in right
    )


def _table(title: str, columns: str, body: str) -> str:
    return (
        f'<div class="ag-numbers ag-shown" tabindex="0" role="group" aria-label="{escape(title)}">'
        "<table><caption"
        f' class="ag-sr">{escape(title)}</caption><thead><tr>{columns}</tr></thead><tbody>{body}'
        "</tbody></table></div>"
    )
