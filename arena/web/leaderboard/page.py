"""The leaderboard page: the conclusion in a sentence, then the rows that show it, then the figures.

`leaderboard_html` is a pure function of a board and what is known of its models. Everything that comes from
votes, configuration or address is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape

from agon.arena.web.languages.texts import _, ngettext, percent, translated
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.layout import Current, page_html
from agon.arena.web.leaderboard.addresses import Link, address
from agon.arena.web.leaderboard.board_command import command
from agon.arena.web.leaderboard.board_words import (
    conclusion_of,
    gates_note_html,
    no_votes,
    scope_of,
    settings_sentence,
    told_html,
    votes_in_words,
)
from agon.arena.web.leaderboard.columns import BoardColumn, arrange_rows, chosen_columns, known_columns
from agon.arena.web.leaderboard.figures import figures_html
from agon.arena.web.leaderboard.menus import counting_html, filters_html
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import (
    ALL,
    DEFAULT_RULE,
    BoardQuery,
    BoardView,
    Offer,
    check_fingerprint,
)
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.leaderboard.table import ShownRows, cards_html, differences, table_html
from agon.arena.web.leaderboard.who_answers import lives_html, model_states, model_states_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.leaderboard.row import Row
from agon.ranking.text import join_names

MOST_OPTIONS = 200  # models that the menu of differences lists
NOTHING = Offer()
ROWS_AT_FIRST = 20  # rows before all are asked for


def leaderboard_html(
    board: Leaderboard | None,
    *,
    about: About,
    pairs: PairCounts | None = None,
    offer: Offer = NOTHING,
    query: BoardQuery = ALL,
    link: Link = address,
) -> str:
    """Return the leaderboard page.

    Args:
        board: the one asked for; None if there are no such votes.
        about: what is known of the votes.
        pairs: counts behind the board, for the heat map.
        offer: what else can be asked for.
        query: what was asked for.
        link: the addresses of other boards.
    """
    info = about.info
    note = (
        f'<p class="ag-note ag-above" dir="auto">{escape(without_hidden(translated(about.notice)))}</p>'
        if about.notice
        else ""
    )
    if about.imported:
        note += '<p class="ag-note ag-above" dir="auto">{}</p>'.format(
            _(
                "This board counts the votes cast here. Its folder holds imported votes too ({names}); "
                "<code>agon rank</code> on the folder counts both.",
                names=escape(without_hidden(join_names(about.imported))),
            )
        )
    note += gates_note_html(board, about)
    menus = filters_html(offer, query, about, link) + counting_html(offer, query, link)
    if board is None or not board.rows:
        body = note + _empty(about, query, link)
    else:
        check_fingerprint(board, query)
        body = _head(board, query, about) + note + menus
        body += _rows(board, about, query, link) + figures_html(board, pairs, info)
    body += model_states_html(model_states(board, info), info)
    return page_html(
        _("Leaderboard"),
        body,
        current="leaderboard",
        votes=about.total if about.unit != "task" else None,
        site=about.site,
    )


def no_board_html(
    sentence: str, *, about: About, title: str | None = None, way: str = "./leaderboard"
) -> str:
    """Return the page for an address without a board: unknown words, or a rule that cannot be used."""
    said = _("Show the board of all votes") if way == "./leaderboard" else _("Show the board of today")
    title = title or _("There is no such board.")
    body = (
        f'<div class="ag-phead"><h1>{escape(title)}</h1>'
        f'<p class="ag-lead">{told_html(sentence)}</p></div>'
        f'<a class="ag-btn" href="{escape(way)}">{said}</a>'
    )
    return page_html(_("No such board"), body, current="leaderboard", votes=about.total, site=about.site)


def waiting_html(what: str, query: BoardQuery, *, about: About, current: Current = "leaderboard") -> str:
    """Return the page that stands until something is computed, and loads itself again."""
    body = (
        f'<div class="ag-phead"><h1>{_("{what} is being computed.", what=escape(translated(what)))}</h1>'
        f'<p class="ag-lead">{escape(_words_of_waiting(query, about))}</p></div>'
    )
    again = again_html(about, 2)
    return page_html(_("Being computed"), body, current=current, head=again, site=about.site)


def again_html(about: About, seconds: int) -> str:
    """Return what loads a page again, for its head."""
    return (
        f'<noscript><meta http-equiv="refresh" content="{seconds}"></noscript>'
        f'<script src="{about.site.static}again.js" data-again="{seconds}" defer></script>'
    )


def _words_of_waiting(query: BoardQuery, about: About) -> str:
    votes = votes_in_words(about.total, about.unit) + scope_of(query)
    return _("This takes longer on {votes}. The page shows it as soon as it is there.", votes=votes)


def _head(board: Leaderboard, query: BoardQuery, about: About) -> str:
    votes = votes_in_words(int(board.settings["votes"]), about.unit)
    models = ngettext("{count} model", "{count} models", len(board.rows))
    counted = _("{list}.", list=(models, votes + scope_of(query))) + _judges_sentence(board)
    if not board.ranked:
        lead = f"{counted} {_missing(board, about.info)}"
    elif any(row.rank_upper != row.rank_lower for row in board.ranked):
        said = _(
            "A rank is a range: all models are within theirs at {level} certainty.",
            level=percent(board.level),
        )
        lead = f"{counted} {said}"
        if any(row.lower is not None for row in board.ranked):
            lead += " " + _("The shaded stripe is the interval of the first model.")
    else:
        lead = counted
    return (
        f'<div class="ag-phead"><h1>{escape(conclusion_of(board, about.info.name))}</h1>'
        f'<p class="ag-lead">{escape(lead)}</p></div>'
    )


def _judges_sentence(board: Leaderboard) -> str:
    """What votes of judges add to those of people; nothing where there are none."""
    worth = board.settings.get("judges")
    if not worth:
        return ""
    if worth["lower"] <= 1:
        return " " + _("{count} votes of judges beside them tell nothing more.", count=worth["judged"])
    return " " + _(
        "With {count} votes of judges beside them they tell as much as {ratio} times as many "
        "({low} to {high}).",
        count=worth["judged"],
        ratio=number_text(worth["ratio"], 2),
        low=number_text(worth["lower"], 2),
        high=number_text(worth["upper"], 2),
    )


def _missing(board: Leaderboard, info: ModelInfo) -> str:
    """How many votes are needed before the first model is ranked, and before all are."""
    least = int(board.settings.get("min_votes", 0))
    still = ("preliminary", "listed")
    drawn = [one for one in board.rows if info.life(one.model, one.votes) in still] or list(board.rows)
    nearest_row = max(drawn, key=lambda row: row.votes)
    if nearest_row.votes >= least:
        return _(
            "The models have votes enough, but not with others that have as many, or all alike: "
            "more votes between the same models will rank them."
        )
    short = sum(max(0, least - row.votes) for row in drawn)
    nearest_said = _(
        "A model is ranked from {least} votes on; {model} is nearest with {votes}.",
        least=least,
        model=info.name(nearest_row.model),
        votes=nearest_row.votes,
    )
    together = ngettext(
        "About {count} more vote, spread evenly, would rank all of them.",
        "About {count} more votes, spread evenly, would rank all of them.",
        -(-short // 2),
    )
    return f"{nearest_said} {together}"


def _rows(board: Leaderboard, about: About, query: BoardQuery, link: Link) -> str:
    info, view = about.info, query.view
    known = known_columns(board, info)
    columns = chosen_columns(known, view)
    rows = arrange_rows(board, view, known, info)
    apart = [row for row in board.rows if row.status == "component"]
    bands = {} if view.sort else {name: i for i, band in enumerate(board.bands) for name in band}
    shown = ShownRows(
        rows if view.everyone else rows[:ROWS_AT_FIRST],
        columns,
        band=bands if len(set(bands.values())) > 1 else {},
        sorted_by=view.sort or "rank",
        sort=lambda key: link(replace(query, view=replace(view, sort=key))),
        page=lambda model: link(query.plain, f"model:{model}"),
        gaps=(_("Less {model}", model=info.name(view.base)), differences(board, view.base))
        if view.base
        else None,
    )
    hidden = len(rows) - len(shown.rows)
    everyone = link(replace(query, view=replace(view, everyone=True))) if hidden else None
    what = _("Show all {count} found", count=len(rows))
    if not view.search and view.life is None:
        what = _("Show all {count} models", count=len(rows))
    more = (
        f'<p class="ag-under"><a class="ag-btn" href="{escape(everyone)}">{what}</a></p>' if everyone else ""
    )
    found = (
        table_html(board, info, conclusion_of(board, info.name), shown) + cards_html(board, info, shown)
        if rows
        else _nothing_found(query, link)
    )
    words = command(board, about, query)
    said = (
        " " + _("Rows of one shade are a band: none of its models is certainly below its first.")
        if shown.band
        else ""
    )
    return (
        lives_html(board, info, query, link)
        + _form(board, known, columns, info, query, link)
        + found
        + more
        + (_apart(board, apart, info) if apart else "")
        + f'<div class="ag-under"><p>{escape(settings_sentence(board) + said)}</p>'
        f"<p>{escape(_health(board))}</p></div>" + '<code class="ag-cmd" tabindex="0" role="group" '
        f'aria-label="{_("The command that reproduces this board")}">'
        f"{escape(without_hidden(words))}</code>" + _downloads(board, query, link) + _diagnostics(board, info)
    )


def as_value(text: str) -> str:
    """A text as the value of a field, which comes back as it is: whatever is hidden in it is spelt out."""
    return escape(text).encode("ascii", "xmlcharrefreplace").decode()


def _form(
    board: Leaderboard,
    known: Mapping[str, BoardColumn],
    columns: Mapping[str, BoardColumn],
    info: ModelInfo,
    query: BoardQuery,
    link: Link,
) -> str:
    """What a reader types or picks: a name to find, a model to compare with, the columns; needs no script."""
    action = link(query, "form")
    if action is None:
        return ""
    view = query.view
    kept = dict(query.where) | {"rule": query.rule if query.rule != DEFAULT_RULE else ""}
    kept |= {"adjust": ",".join(query.adjust), "sort": view.sort, "all": "1" if view.everyone else ""}
    kept |= {"state": view.life or ""}
    hidden = "".join(
        f'<input type="hidden" name="{as_value(name)}" value="{as_value(value)}">'
        for name, value in {**kept, "columns": ""}.items()
        if value or name == "columns"
    )
    picks = "".join(
        f'<label class="ag-pick"><input type="checkbox" name="columns" value="{as_value(name)}"'
        f"{' checked' if name in columns else ''}>{escape(column.title)}</label>"
        for name, column in known.items()
    )
    models = dict.fromkeys(
        [*(row.model for row in board.ranked[:MOST_OPTIONS]), *([view.base] if view.base else [])]
    )
    options = "".join(
        f'<option value="{as_value(model)}"{" selected" if model == view.base else ""}>'
        f"{escape(info.name(model))}</option>"
        for model in models
    )
    less = (
        f'<label class="ag-label" for="ag-base">{_("Difference from")}</label>'
        f'<select id="ag-base" name="from"><option value="">{_("nobody")}</option>{options}</select>'
        if board.uncertainty is not None
        else ""
    )
    return (
        f'<form class="ag-look" action="{escape(action)}" method="get" role="search">{hidden}'
        f'<input type="search" name="search" placeholder="{_("Find a model")}"'
        f' aria-label="{_("Find a model")}"'
        f' value="{escape(without_hidden(view.search))}">{less}'
        f'<details class="ag-more"><summary class="ag-chip">{_("Columns")}</summary>'
        f'<fieldset class="ag-picks"><legend class="ag-sr">{_("Columns")}</legend>'
        f"{picks}</fieldset></details>"
        f'<button class="ag-btn">{_("Show")}</button></form>'
    )


def _nothing_found(query: BoardQuery, link: Link) -> str:
    every = link(replace(query, view=replace(query.view, search="", life=None)))
    way = f' <a href="{escape(every)}">{_("Show all of them.")}</a>' if every else ""
    said = (
        _("No model here is called {name}.", name=escape(without_hidden(query.view.search)))
        if query.view.search
        else _("No model here is in this state.")
    )
    return f'<p class="ag-note"><span>{said}{way}</span></p>'


def _downloads(board: Leaderboard, query: BoardQuery, link: Link) -> str:
    """The board as data, as a picture, and its lasting address."""
    files = [(link(query.plain, form), form.upper()) for form in ("csv", "json", "png")]
    links = " · ".join(f'<a href="{escape(here)}">{name}</a>' for here, name in files if here)
    said = _("This board as {links}", links=links) if links else ""
    if lasting := link(replace(query, view=BoardView(at=board.fingerprint[:16])), "at"):
        said += " · " + _(
            "{link} with its fingerprint", link=f'<a href="{escape(lasting)}">{_("Permalink")}</a>'
        )
    if history := link(query.plain, "history"):
        said += f' · <a href="{escape(history)}">{_("Ranks over time")}</a>'
    first = [row.model for row in board.ranked[:2]]
    if len(first) == 2 and (both := link(query.plain, "compare:" + "\n".join(first))):
        said += f' · <a href="{escape(both)}">{_("Compare models")}</a>'
    return f'<p class="ag-small ag-data">{said}</p>' if said else ""


def _apart(board: Leaderboard, rows: list[Row], info: ModelInfo) -> str:
    """The models of other components: boards of their own, or a sentence for those that stand alone."""
    parts = ""
    for component in board.components:
        names = join_names([info.name(row.model) for row in component.rows])
        if len(component.rows) < 2:
            parts += "<p>{}</p>".format(
                _(
                    "{model} is not linked to any other model by wins and losses in both directions yet, "
                    "so no score can be given.",
                    model=escape(names),
                )
            )
            continue
        parts += (
            "<p>{}</p>".format(
                _(
                    "{models} have only been linked with one another, so they are on a scale of their own "
                    "and are not compared with the models above.",
                    models=escape(names),
                )
            )
            + table_html(component, info, conclusion_of(component, info.name))
            + cards_html(component, info)
        )
    heading = _("Not yet connected") if rows else ""
    return f'<section class="ag-section"><h2>{heading}</h2>{parts}</section>'


def _health(board: Leaderboard) -> str:
    connected = _("All models connected")
    if board.components:
        connected = ngettext("{count} component", "{count} components", len(board.components) + 1)
    remarks = len(board.remarks())
    warned = ngettext("{count} remark", "{count} remarks", remarks) if remarks else _("no warnings")
    return f"{connected} · {warned}"


def _diagnostics(board: Leaderboard, info: ModelInfo) -> str:
    items = "".join(
        f'<li class="ag-note"><div>{told_html(text)}</div></li>' for text in board.remarks(info.name)
    )
    return (
        f'<section class="ag-section"><h2>{_("What to know")}</h2><ul class="ag-diag">{items}</ul></section>'
        if items
        else ""
    )


def _empty(about: About, query: BoardQuery, link: Link) -> str:
    everything = link(ALL)
    if about.total and query != ALL and everything:
        return (
            f'<div class="ag-phead"><h1>{escape(no_votes(query))}</h1></div>'
            f'<a class="ag-btn" href="{escape(everything)}">{_("Show the board of all votes")}</a>'
        )
    if about.unit != "blind vote":
        return f'<div class="ag-phead"><h1>{_("There are no votes here.")}</h1></div>'
    how = _(
        "This board is made of blind votes and of nothing else. Ask something, read two answers without "
        "names, say which is better, and the board begins here."
    )
    what = _(
        "Every model with the range of ranks it may hold, its score, and how sure the votes are of it, "
        "computed again with every vote."
    )
    return (
        f'<div class="ag-phead"><h1>{_("No votes yet: the first one can be yours.")}</h1>'
        f'<p class="ag-lead">{how}</p></div>'
        f'<div class="ag-card ag-invite"><h2>{_("What will stand here")}</h2><p>{what}</p>'
        f'<a class="ag-btn ag-go" href="./">{_("Start the first battle")}</a></div>'
    )
