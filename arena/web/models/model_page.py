"""The page of one model: its row, its ranks under several rules, whom it beats, where it is strong,"
" its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape
from math import sqrt

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.board_words import filter_value
from agon.arena.web.leaderboard.boards import Compared, Made
from agon.arena.web.leaderboard.page import FAMILIES, Link, family_name, filters_html, rule_name
from agon.arena.web.leaderboard.query import BoardQuery, Offer, QueryError
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.leaderboard.table import ShownRows, all_shown, cards_html, state, table_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.arena.web.models.board_series import Moment
from agon.arena.web.models.comparison_page import facts_html, record_words
from agon.arena.web.models.history_page import history_figure
from agon.arena.web.models.overview_page import column_words, unsure
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.analysis.rule_comparison import RuleComparison
from agon.ranking.errors import OptionError, suggest
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.leaderboard.row import Row, rank_text
from agon.ranking.text import join_names

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
        body += _section("Ranks over time", "<p>They are being computed.</p>")
    elif len(moments) > 1 and any(name in moment.ranks for moment in moments):
        body += _section("Ranks over time", history_figure(moments, info, [name]))
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
        english=True,
    )


def asked_model(name: str, board: Leaderboard | None) -> tuple[Leaderboard, Row]:
    """The board with the row of a model.

    Raises:
        QueryError: the model is not on the board.
    """
    known = [row.model for row in board.rows] if board else []
    if board is None or name not in known:
        raise QueryError(f"There is no model {without_hidden(name)!r} here; {suggest(name, known)}")
    return board, board[name]


def _section(title: str, body: str) -> str:
    return f'<section class="ag-section"><h2>{escape(title)}</h2>{body}</section>'


def _head(board: Leaderboard, row: Row, about: About, query: BoardQuery) -> str:
    info = about.info
    called = info.name(row.model)
    if row.rank is None:
        said = (
            f"{called} has no rank yet: {state(board, row, info)[1] or 'too little links it to the others'}."
        )
    elif row.rank_lower is None or row.rank_lower == row.rank_upper:
        said = f"{called} is number {row.rank} of {len(board.ranked)}."
    else:
        said = f"{called} is number {row.rank_lower} to {row.rank_upper} of {len(board.ranked)}."
    counted = plural(row.votes, board.counted[:-1])
    parts = [info.about(row.model), f"{counted}{query.words}", f"under {rule_name(board.method)}"]
    if row.p_first is not None and row.p_first >= 0.005:
        parts.append(f"first with a chance of {row.p_first:.0%}")
    lead = " · ".join(part for part in parts if part)
    return f'<div class="ag-phead"><h1>{escape(said)}</h1><p class="ag-lead">{escape(lead)}</p></div>'


def _ways(board: Leaderboard, row: Row, about: About, query: BoardQuery, link: Link) -> str:
    """To the board, and to the comparison with the neighbours."""
    ways = []
    if back := link(query.plain):
        ways.append(f'<a href="{escape(back)}">Leaderboard</a>')
    order = [one.model for one in board.ranked]
    if row.model in order:
        at = order.index(row.model)
        for other in order[max(0, at - 1) : at + 2]:
            both = link(query.plain, f"compare:{row.model}\n{other}") if other != row.model else None
            if both:
                ways.append(f'<a href="{escape(both)}">Compare with {escape(about.info.name(other))}</a>')
    return f'<p class="ag-small ag-data">{" · ".join(ways)}</p>' if ways else ""


def _under_rules(name: str, compared: Compared | None, query: BoardQuery, link: Link) -> str:
    title = "Under several rules"
    if compared is None:
        return _section(title, "<p>The comparison of rules is being computed.</p>")
    seen = compared.rules
    if seen is None or name not in seen.models:
        return _section(title, "<p>No other rule was asked about this model on these votes.</p>")
    i, body = seen.models.index(name), ""
    order = sorted(range(len(seen.methods)), key=lambda n: list(FAMILIES).index(family_name(seen.methods[n])))
    for number in order:
        method = seen.methods[number]
        target = link(BoardQuery(query.where).under(method))
        said = f'<a href="{escape(target)}">{rule_name(method)}</a>' if target else rule_name(method)
        first = "–" if seen.first is None else f"{float(seen.first[number, i]):.0%}"
        body += (
            f'<tr><th scope="row">{said}</th><td>{FAMILIES[family_name(method)]}</td>'
            f'<td class="ag-r">{_rank_under(seen, number, i)}</td><td class="ag-r">{first}</td></tr>'
        )
    columns = '<th scope="col">Rule</th><th scope="col">Family</th><th scope="col" class="ag-r">Rank</th>'
    columns += '<th scope="col" class="ag-r">First</th>'
    said = (
        f"<p>Ranks in the middle {seen.level:.0%} of {seen.n_resamples} resamples of the votes, and in how "
        "many it is first: beside each other they show what the rule changes.</p>"
        if seen.n_resamples
        else ""
    )
    return _section(title, said + _table(title, columns, body))


def _rank_under(seen: RuleComparison, number: int, i: int) -> str:
    method = seen.methods[number]
    if method in seen.lotteries:
        return f"{float(seen.lotteries[method][i]):.0%} of the lottery"
    rank, low, high = (int(t[number, i]) for t in (seen.rank, seen.rank_lower, seen.rank_upper))
    return "–" if not rank else f"{low}–{high}" if 0 < low < high else str(low or rank)


def _by_value(row: Row, by_value: Mapping[str, Made] | None, column: str | None) -> str:
    if column is None:
        return ""
    title = f"By {column_words(column)}"
    if by_value is None:
        return _section(title, "<p>These boards are being computed.</p>")
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
        note = "says little" if unsure(there, ranked) else ""
        if not note and row.rank_lower and row.rank_upper and there.rank_lower and there.rank_upper:
            if there.rank_upper < row.rank_lower:
                strong.append(said)
                note = "better than overall"
            elif there.rank_lower > row.rank_upper:
                weak.append(said)
                note = "worse than overall"
        body += (
            f'<tr><th scope="row">{escape(said)}</th><td class="ag-r">{rank_text(there)}</td>'
            f'<td class="ag-r">{there.votes:,}</td><td>{note}</td></tr>'
        )
    said = (f"Stronger in {join_names(strong)}. " if strong else "") + (
        f"Weaker in {join_names(weak)}. " if weak else ""
    )
    said = said or f"In no {column_words(column)} is its rank certainly another than overall."
    columns = f'<th scope="col">{escape(column_words(column).capitalize())}</th>'
    columns += (
        '<th scope="col" class="ag-r">Rank</th><th scope="col" class="ag-r">Votes</th><th'
        ' scope="col">Beside all</th>'
    )
    return _section(title, f"<p>{escape(said)}</p>" + _table(title, columns, body))


def _others(
    board: Leaderboard, pairs: PairCounts | None, row: Row, about: About, query: BoardQuery, link: Link
) -> str:
    """What was voted between this model and each other one, beside what the scores expect."""
    others = [one for one in board.rows if one.model != row.model and one.status != "component"]
    body = ""
    for other in others[:MOST_OTHERS]:
        met, rate, expected = record_words(pairs, row.model, other.model), "–", "–"
        if pairs is not None and met != "never met":
            i, j = pairs.models.index(row.model), pairs.models.index(other.model)
            halves = pairs.halves("half")
            won, of = float(halves[i, j]), float(halves[i, j] + halves[j, i])
            low, high = wilson(won / of, of, board.level)
            rate = f"{won / of:.0%} ({low:.0%} to {high:.0%})"
        with suppress(OptionError):
            said = board.win_probability(row.model, other.model)
            expected = f"{said.probability:.0%} ({said.lower:.0%} to {said.upper:.0%})"
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
    columns = (
        '<th scope="col">Against</th><th scope="col" class="ag-r">Rank</th><th scope="col"'
        ' class="ag-r">Won</th>'
    )
    columns += '<th scope="col">Record</th><th scope="col" class="ag-r">Expected by the scores</th>'
    more = len(others) - MOST_OTHERS
    rest = f"; the first {MOST_OTHERS} of {len(others)}" if more > 0 else ""
    lead = (
        "<p>The share of the votes between the two that it won, a tie half, with its"
        f" {board.level:.0%} interval as of "
        f"independent votes{rest}.</p>"
    )
    return _section("Whom it beats", lead + _table("Whom it beats", columns, body))


def wilson(share: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's interval of a share of n independent votes (E. B. Wilson, J. Am. Stat. Assoc. 22 (1927))."""
    z = quantile(level)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _table(title: str, columns: str, body: str) -> str:
    return (
        f'<div class="ag-numbers ag-shown" tabindex="0" role="group" aria-label="{escape(title)}">'
        "<table><caption"
        f' class="ag-sr">{escape(title)}</caption><thead><tr>{columns}</tr></thead><tbody>{body}'
        "</tbody></table></div>"
    )
