"""Two to four models side by side: differences, win probabilities, records, kinds of votes, facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from html import escape
from itertools import combinations

from agon.arena.web.languages.texts import _, comma_list, percent
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.addresses import Link
from agon.arena.web.leaderboard.board_words import column_title, filter_value, in_range, rule_name, scope_of
from agon.arena.web.leaderboard.boards import Made
from agon.arena.web.leaderboard.columns import fact_text, fact_title
from agon.arena.web.leaderboard.menus import filters_html
from agon.arena.web.leaderboard.page import as_value
from agon.arena.web.leaderboard.query import BoardQuery, Offer, QueryError, no_model
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.leaderboard.table import ShownRows, cards_html, differences, score_text, table_html
from agon.arena.web.models.overview_page import column_words
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import rank_text
from agon.ranking.leaderboard.vote_planning import open_pair
from agon.ranking.text import Sentence, rounded

FEWEST, MOST = 2, 4  # models that are compared
_MENU = 300  # models that a menu lists


def check_models(names: Sequence[str], board: Leaderboard) -> tuple[str, ...]:
    """The models that are to be compared, each once.

    Raises:
        QueryError: too few or too many, or one that is not on the board.
    """
    known = [row.model for row in board.rows]
    for name in names:
        if name not in known:
            raise no_model(name, known)
    found = tuple(dict.fromkeys(names))
    if not FEWEST <= len(found) <= MOST:
        raise QueryError(
            Sentence(
                "Two to four models can be compared, not {number}; choose them on the board.",
                number=len(found),
            )
        )
    return found


def comparison_html(
    made: Made,
    by_value: Mapping[str, Made] | None,
    column: str | None,
    names: Sequence[str],
    *,
    about: About,
    offer: Offer,
    query: BoardQuery,
    link: Link,
) -> str:
    """Return the page that compares models.

    Args:
        made: the board of all votes asked for.
        by_value: the board of each value of the column; None while they are computed.
        column: by whose values the models are compared too; None where there is none.
        names: of the models, two to four.
        about: what is known of the votes.
        offer: what can be asked for.
        query: what was asked for.
        link: the addresses of other pages.

    Raises:
        QueryError: other numbers of models, or one that is not on the board.
    """
    board = made.board
    if board is None:
        raise QueryError(Sentence("There are no votes that compare models."))
    names = check_models(names, board)
    rows = [row for row in board.rows if row.model in names]
    order = [row.model for row in rows]

    def here(query: BoardQuery, form: str = "") -> str | None:
        return link(query, form or "compare:" + "\n".join(names))

    shown = ShownRows(rows, {}, page=lambda model: link(query.plain, f"model:{model}"))
    body = _head(board, order, about, query) + filters_html(offer, query, about, here)
    body += _choice(board, order, about, query, link)
    body += table_html(board, about.info, _("The models compared"), shown) + cards_html(
        board, about.info, shown
    )
    body += _pairs(board, made.pairs, order, about)
    body += _by_value(by_value, column, order, about)
    body += facts_html(order, about)
    return page_html(_("Compare"), body, current="leaderboard", votes=about.total, site=about.site)


def _head(board: Leaderboard, names: Sequence[str], about: About, query: BoardQuery) -> str:
    one, two = names[0], names[1]
    names_of = {"model": about.info.name(one), "other": about.info.name(two)}
    sentence = _("{model} and {other} cannot be compared on this board.", **names_of)
    with suppress(OptionError):
        gap = board.difference(one, two)
        sure = gap.lower is not None and gap.lower > 0
        points = score_text(board, gap.difference)
        sentence = (
            _("{model} is above {other} by {points} points.", points=points, **names_of)
            if sure
            else _("{model} and {other} cannot be told apart.", **names_of)
        )
    lead = _(
        "Under {rule}{scope}, at {level} certainty, two models at a time.",
        rule=rule_name(board.method),
        scope=scope_of(query),
        level=percent(board.level),
    )
    return f'<div class="ag-phead"><h1>{escape(sentence)}</h1><p class="ag-lead">{escape(lead)}</p></div>'


def _choice(board: Leaderboard, names: Sequence[str], about: About, query: BoardQuery, link: Link) -> str:
    """Menus of the models, without script."""
    action = link(query, "compare-form")
    if action is None:
        return ""
    listed = dict.fromkeys([*names, *(row.model for row in board.rows[:_MENU])])
    menus = ""
    for number in range(MOST):
        chosen = names[number] if number < len(names) else ""
        options = "".join(
            f'<option value="{as_value(model)}"{" selected" if model == chosen else ""}>'
            f"{escape(about.info.name(model))}</option>"
            for model in listed
        )
        menus += (
            f'<select name="models" aria-label="{_("Model {number}", number=number + 1)}">'
            f'<option value="">{_("nobody")}</option>'
            f"{options}</select>"
        )
    kept = dict(query.where) | ({"rule": query.rule} if query.rule != BoardQuery().rule else {})
    hidden = "".join(
        f'<input type="hidden" name="{as_value(name)}" value="{as_value(value)}">'
        for name, value in kept.items()
    )
    return (
        f'<form class="ag-look" action="{escape(action)}" method="get" aria-label="{_("Which models")}">'
        f'{hidden}{menus}<button class="ag-btn">{_("Compare")}</button></form>'
    )


def _pairs(board: Leaderboard, pairs: PairCounts | None, names: Sequence[str], about: About) -> str:
    """Each two of them: difference, win probability, what was voted between them, votes missing."""
    body = ""
    for one, two in combinations(names, 2):
        gap = differences(board, two).get(one, _("cannot be told"))
        chance, missing = "–", "–"
        with suppress(OptionError):
            said = board.win_probability(one, two)
            chance = in_range(percent(said.probability), percent(said.lower), percent(said.upper))
        with suppress(OptionError):
            asked = open_pair(board, one, two)
            missing = (
                _("none: decided")
                if asked.decided
                else _("no foreseeable number")
                if asked.more_votes is None
                else _("about {votes}", votes=_two_digits(asked.more_votes))
            )
        less = _(
            "{model} <span>less</span> {other}",
            model=escape(about.info.name(one)),
            other=escape(about.info.name(two)),
        ).replace("<span>", '<span class="ag-dim">', 1)
        body += (
            f'<tr><th scope="row">{less}</th><td class="ag-r">{gap}</td>'
            f'<td class="ag-r">{chance}</td><td>{record_words(pairs, one, two)}</td><td'
            f' class="ag-r">{missing}</td></tr>'
        )
    title = _("Two at a time")
    lead = _(
        "The difference is of the scores; the win probability is what they say of a vote between the two, a "
        "tie half; the record is what was voted. Votes missing: about how many more between the two would "
        "decide, however often one looks."
    )
    return (
        f'<section class="ag-section"><h2>{title}</h2><p class="ag-small">{lead}</p>'
        f'<div class="ag-numbers ag-shown" tabindex="0" role="group" aria-label="{title}">'
        f'<table><caption class="ag-sr">{title}</caption><thead><tr><th scope="col">{_("Models")}</th>'
        f'<th scope="col" class="ag-r">{_("Difference")}</th>'
        f'<th scope="col" class="ag-r">{_("Win probability")}</th><th scope="col">{_("Record")}</th>'
        f'<th scope="col" class="ag-r">{_("Votes missing")}</th></tr></thead><tbody>{body}</tbody></table>'
        "</div></section>"
    )


def _two_digits(votes: int) -> str:
    """A number of votes in two digits that count, as the language of the page writes it."""
    return number_text(int(rounded(votes).replace(",", "")))


def have_met(pairs: PairCounts, one: str, two: str) -> bool:
    """Whether votes compare two models."""
    if one not in pairs.models or two not in pairs.models:
        return False
    i, j = pairs.models.index(one), pairs.models.index(two)
    return bool(pairs.wins[i, j] + pairs.wins[j, i] + pairs.ties[i, j] + pairs.both_bad[i, j])


def record_words(pairs: PairCounts | None, one: str, two: str) -> str:
    """What was voted between two models: "won 12, lost 7, 3 ties (1 both bad)"."""
    if pairs is None or not have_met(pairs, one, two):
        return _("never met")
    i, j = pairs.models.index(one), pairs.models.index(two)
    won, lost, ties, bad = pairs.wins[i, j], pairs.wins[j, i], pairs.ties[i, j], pairs.both_bad[i, j]
    counts = {"won": number_text(won, 0), "lost": number_text(lost, 0), "ties": number_text(ties, 0)}
    if not bad:
        return _("won {won}, lost {lost}, ties {ties}", **counts)
    return _("won {won}, lost {lost}, ties {ties}, both bad {bad}", bad=number_text(bad, 0), **counts)


def _by_value(
    by_value: Mapping[str, Made] | None,
    column: str | None,
    names: Sequence[str],
    about: About,
) -> str:
    if column is None:
        return ""
    title = _("By {column}", column=escape(column_words(column)))
    if by_value is None:
        said = _("These boards are being computed.")
        return f'<section class="ag-section"><h2>{title}</h2><p>{said}</p></section>'
    head = "".join(f'<th scope="col" class="ag-r">{escape(about.info.name(name))}</th>' for name in names)
    body = ""
    for value, made in by_value.items():
        cells = ""
        rows = {row.model: row for row in made.board.rows} if made.board else {}
        for name in names:
            row = rows.get(name)
            cells += f'<td class="ag-r">{rank_text(row) if row and row.rank is not None else "–"}</td>'
        gap = "–"
        if made.board and names[0] in rows and names[1] in rows:
            gap = differences(made.board, names[1]).get(names[0], "–")
        body += (
            f'<tr><th scope="row">{escape(filter_value(column, value))}</th>{cells}<td'
            f' class="ag-r">{gap}</td></tr>'
        )
    less = _("{model} less {other}", model=about.info.name(names[0]), other=about.info.name(names[1]))
    return (
        f'<section class="ag-section"><h2>{title}</h2><div class="ag-numbers ag-shown" tabindex="0"'
        ' role="group"'
        f' aria-label="{title}"><table><caption class="ag-sr">{title}</caption><thead><tr><th scope="col">'
        f'{escape(column_title(column))}</th>{head}<th scope="col"'
        f' class="ag-r">{escape(less)}</th></tr>'
        f"</thead><tbody>{body}</tbody></table></div></section>"
    )


def facts_html(names: Sequence[str], about: About) -> str:
    """What is known of the models beside the votes, side by side."""
    info = about.info
    facts = dict.fromkeys(fact for name in names for fact in info.facts(name))
    body = "".join(
        f'<tr><th scope="row">{escape(fact_title(fact))}</th>'
        + "".join(f"<td>{escape(fact_text(fact, info.fact(name, fact))) or '–'}</td>" for name in names)
        + "</tr>"
        for fact in facts
    )
    if any(info.reliable(name) for name in names):
        cells = "".join(f"<td>{info.reliable(name) or '–'}</td>" for name in names)
        body += f'<tr><th scope="row">{_("Answers that came")}</th>{cells}</tr>'
        failed = (
            comma_list(
                [
                    f"{kind.replace('_', ' ')} {number_text(n)}"
                    for kind, n in info.endings.failures(name).items()
                ]
            )
            or _("none")
            for name in names
        )
        cells = "".join(f"<td>{escape(said)}</td>" for said in failed)
        body += f'<tr><th scope="row">{_("Failures")}</th>{cells}</tr>'
    if not body:
        return ""
    head = "".join(f'<th scope="col">{escape(info.name(name))}</th>' for name in names)
    return (
        f'<section class="ag-section"><h2>{_("What is known beside the votes")}</h2>'
        f'<div class="ag-numbers ag-shown" tabindex="0" role="group" aria-label="{_("Facts")}">'
        f'<table><caption class="ag-sr">{_("Facts")}</caption><thead><tr>'
        f'<th scope="col">{_("Fact")}</th>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )
