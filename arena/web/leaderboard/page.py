"""The leaderboard page: the conclusion in a sentence, then the rows that show it, then the figures.

`leaderboard_html` is a pure function of a board and what is known of its models. Everything that comes from
votes, configuration or address is escaped here.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from itertools import groupby
from typing import Protocol
from urllib.parse import urlencode

from agon.arena.web.languages.texts import _, language, message, ngettext, percent, translated
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.layout import Current, page_html
from agon.arena.web.leaderboard.board_words import (
    conclusion_of,
    filter_value,
    gates_note_html,
    scope_of,
    told_html,
    votes_in_words,
)
from agon.arena.web.leaderboard.columns import BoardColumn, arrange_rows, chosen_columns, known_columns
from agon.arena.web.leaderboard.figures import figures_html
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import (
    ALL,
    DEFAULT_RULE,
    BoardQuery,
    BoardView,
    ChangedBoardError,
    Offer,
    QueryError,
    in_quotes,
)
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.leaderboard.table import ShownRows, cards_html, score_text, table_html
from agon.arena.web.leaderboard.who_answers import lives_html, model_states, model_states_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.data.files.schema import PERIODS
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.errors import OptionError, suggest
from agon.ranking.leaderboard.row import Row
from agon.ranking.registry import find
from agon.ranking.settings import Settings
from agon.ranking.text import Sentence, join_names

LEAST_AT = 8  # digits of a fingerprint in an address
MOST_OPTIONS = 200  # models that the menu of differences lists
CHIPS = 8  # values of a filter that are shown at once
NOTHING = Offer()
ROWS_AT_FIRST = 20  # rows before all are asked for
_NAMES = {
    "bradley_terry": "Bradley-Terry",
    "bradley_terry_ridge": "Bradley-Terry with a ridge",
    "robust_bradley_terry": "Robust Bradley-Terry",
    "plackett_luce": "Plackett-Luce",
    "rao_kupper": "Rao-Kupper",
    "rao_kupper_bag": "Rao-Kupper with both bad",
    "rao_kupper_by_model": "Rao-Kupper by model",
    "kwise_bayes": "K-wise Bayes",
    "weng_lin": "Weng-Lin",
    "elo": "Elo",
    "pagerank": "PageRank",
    "kwiksort": "KwikSort",
    "approval_k": "Approval of the first k",
    "nash_averaging": "Nash averaging",
    "weak_condorcet": "Weak Condorcet",
}  # of methods whose name is not its identifier with blanks
FAMILIES = {
    "likelihood": message("Strengths by maximum likelihood"),
    "online": message("Ratings vote by vote"),
    "social_choice": message("Voting rules"),
    "aggregation": message("Shares and walks"),
}
_INTERVAL_WORDS = {
    "sandwich": message("intervals from the sandwich covariance"),
    "bootstrap": message("intervals from the bootstrap"),
    "posterior": message("intervals from the posterior"),
    "none": message("intervals not computed"),
}


class Link(Protocol):
    """The address of a board as a page, "csv", "json" or "png"; or of another page on the same votes.

    Those are "rules", "rules.json", "prediction.json", "tastes.json", "history", "overview:COLUMN",
    "model:NAME", and "compare:NAMES" with a name in each line. "form" and "compare-form" are where forms are
    sent, "at" the board's lasting address. None where there is none to go to.
    """

    def __call__(self, query: BoardQuery, form: str = "") -> str | None:
        """Return it."""


_PATHS = {
    "": "./leaderboard",
    "at": "./leaderboard",
    "csv": "./leaderboard.csv",
    "png": "./leaderboard.png",
    "json": "./api/leaderboard",
    "history": "./history",
    "model": "./model",
    "compare": "./compare",
    "overview": "./overview",
    "rules": "./rules",
    "rules.json": "./api/rules",
    "prediction.json": "./api/prediction",
    "tastes.json": "./api/tastes",
}


_GIVEN: Mapping[str, Callable[[str], list[tuple[str, str]]]] = {
    "model": lambda name: [("name", name)],
    "compare": lambda names: [("models", name) for name in names.split("\n") if name],
    "overview": lambda column: [("of", column)] if column else [],
}  # what the detail of a form adds to an address


_FORMS = {"form": "./leaderboard", "compare-form": "./compare"}


def address(query: BoardQuery, form: str = "") -> str | None:
    """Where the board of a query is on a server."""
    if form in _FORMS:
        return _FORMS[form]
    kind, _, detail = form.partition(":")
    given = _GIVEN[kind](detail) if kind in _GIVEN else []
    words = "&".join(part for part in (urlencode(given), query.parameters) if part)
    return f"{_PATHS[kind]}?{words}" if words else _PATHS[kind]


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
    menus = filters_html(offer, query, about, link) + _counting(offer, query, link)
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


def check_fingerprint(board: Leaderboard, query: BoardQuery) -> None:
    """Refuse a board that is not the one that a permalink was made for.

    Raises:
        ChangedBoardError: it has another fingerprint.
    """
    at = query.view.at
    if at and not (len(at) >= LEAST_AT and board.fingerprint.startswith(at.casefold())):
        raise ChangedBoardError(
            Sentence(
                "This link is to the board with the fingerprint {before}, and today's is {now}: votes "
                "came in, "
                "or Agon changed.",
                before=without_hidden(at)[:16],
                now=board.fingerprint[:16],
            )
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


def rule_name(rule: str) -> str:
    """The name of a method as people write it: "Bradley-Terry", "Instant runoff"."""
    written = rule.replace("_", " ")
    return _NAMES.get(rule, written[:1].upper() + written[1:])


def command(board: Leaderboard, about: About, query: BoardQuery = ALL) -> str:
    """The words that rank the same votes again on any machine, ready for a shell."""
    options = find(board.method).options
    own = ",".join(
        f"{name}={board.settings[name]}"
        for name, option in options.items()
        if name in board.settings and board.settings[name] != option.default
    )
    words = ["agon", "rank", *about.words, "-m", f"{board.method}:{own}" if own else board.method]
    judged = "judges" in board.settings
    words += about.judges if judged else ["--interval", str(board.settings["interval"])]
    plain = Settings()
    shared = (
        *("cluster", "control", "reweight", "floor", "level", "n_resamples", "min_votes", "scale", "seed"),
        "ranks",
    )
    for name in shared:
        value = board.settings.get(name, getattr(plain, name))
        if value != getattr(plain, name) and not (name == "scale" and value not in ("elo", "natural")):
            text = ",".join(value) if name == "control" else "none" if value is None else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    if board.settings.get("simultaneous"):
        words.append("--simultaneous")
    if board.settings.get("anchor") is not None:
        score = board.settings.get("anchor_score")
        words += ["--anchor", f"{board.settings['anchor']}" + ("" if score is None else f"={score}")]
    return shell_words([*words, *condition_words(about, query)])


def condition_words(about: About, query: BoardQuery) -> list[str]:
    """The options of a command for the votes of a query, if they are not all."""
    gates = [] if about.gates == "none" else ["--gates", about.gates]
    both = [condition for condition in (about.where, query.condition(about.periods)) if condition]
    if not both:
        return gates
    return [*gates, "--where", both[0] if len(both) == 1 else " AND ".join(f"({one})" for one in both)]


def shell_words(words: Sequence[str]) -> str:
    """A command for a shell."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """A word for a shell; in double quotes where nothing in it is special to them, which reads better."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


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


_COLUMN_TITLES = {
    "category": message("Category"),
    "language": message("Language"),
    "day": message("Day"),
    "month": message("Month"),
    "year": message("Year"),
}


def column_title(column: str) -> str:
    """The name of a filter as a heading."""
    title = _COLUMN_TITLES.get(column)
    return _(title) if title else without_hidden(column).replace("_", " ").capitalize()


def filters_html(offer: Offer, query: BoardQuery, about: About, link: Link) -> str:
    """Which votes, as links."""
    columns = list(offer.filters)
    groups = ""
    for column, counts in offer.filters.items():
        if not counts:
            continue
        every = about.total if not query.where else None
        options: list[tuple[BoardQuery, str, int | None]] = [
            (query.within(column, None, columns), _("Any"), every)
        ]
        for value, number in counts.items() if column in PERIODS else _by_size(counts):
            options.append((query.within(column, value, columns), filter_value(column, value), number))
        groups += _chips(column_title(column), options, query, link)
    return f'<nav class="ag-filters" aria-label="{_("Which votes")}">{groups}</nav>' if groups else ""


def _counting(offer: Offer, query: BoardQuery, link: Link) -> str:
    """Under which rule, and adjusted for what, as links."""
    menus = _rules(offer, query, link) + (_features(offer, query, link) if offer.features else "")
    return f'<nav class="ag-filters" aria-label="{_("How they are counted")}">{menus}</nav>' if menus else ""


def _rules(offer: Offer, query: BoardQuery, link: Link) -> str:
    """The menu of rules by family, the one in use on its button."""
    if len(offer.rules) < 2:
        return ""
    families = ""
    by_family = sorted(offer.rules, key=lambda rule: list(FAMILIES).index(family_name(rule)))
    for family, rules in groupby(by_family, key=family_name):
        options = [(query.under(rule), rule_name(rule), None) for rule in sorted(rules, key=rule_name)]
        families += (
            f'<p class="ag-label">{_(FAMILIES[family])}</p>'
            f'<div class="ag-chips">{"".join(_links(options, query, link))}</div>'
        )
    return (
        f'<div class="ag-g"><span class="ag-label">{_("Rule")}</span>'
        '<details class="ag-more ag-rules"><summary'
        f' class="ag-chip" aria-current="true">{rule_name(query.rule)}</summary>{families}</details></div>'
    )


def family_name(rule: str) -> str:
    """The family of a method: the folder that it lies in."""
    return find(rule).function.__module__.rpartition(".")[0].rpartition(".")[2]


def _features(offer: Offer, query: BoardQuery, link: Link) -> str:
    options = [(query.toggled(name, offer.features), name.capitalize(), None) for name in offer.features]
    chips = _links(options, query, link, pressed={name.capitalize() for name in query.adjust})
    if not chips:
        return ""
    return (
        f'<div class="ag-g"><span class="ag-label">{_("Adjust for")}</span>'
        f'<div class="ag-chips" role="group" aria-label="{_("Adjust for")}">{"".join(chips)}</div></div>'
    )


def _by_size(values: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))


def _links(
    options: Sequence[tuple[BoardQuery, str, int | None]],
    query: BoardQuery,
    link: Link,
    pressed: Collection[str] = (),
) -> list[str]:
    """Options as links, without those that lead nowhere."""
    shown = []
    for target, text, count in options:
        here = link(target)
        if here is None:
            continue
        current = " aria-current=true" if target.plain == query.plain or text in pressed else ""
        number = "" if count is None else f"<span class=ag-n>{number_text(count)}</span>"
        shown.append(f'<a class="ag-chip" href="{escape(here)}"{current}>{escape(text)}{number}</a>')
    return shown


def _chips(
    label: str, options: list[tuple[BoardQuery, str, int | None]], query: BoardQuery, link: Link
) -> str:
    shown = _links(options, query, link)
    if not shown:
        return ""
    here = next((i for i, chip in enumerate(shown) if "aria-current" in chip), 0)
    first = shown[:CHIPS] if here < CHIPS else [*shown[: CHIPS - 1], shown.pop(here)]
    more = "".join(chip for chip in shown if chip not in first)
    rest = (
        f'<details class="ag-more"><summary class="ag-chip">{_("More")}</summary>'
        f'<div class="ag-chips">{more}</div></details>'
    )
    return (
        f'<div class="ag-g"><span class="ag-label">{escape(label)}</span>'
        f'<div class="ag-chips" role="group" aria-label="{escape(label)}">'
        f"{''.join(first)}{rest if more else ''}</div></div>"
    )


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


def differences(board: Leaderboard, base: str) -> dict[str, str]:
    """How far each model is above one of them, with the interval, in words; not those that cannot be told.

    Raises:
        QueryError: there is no such model.
    """
    if base not in board:
        names = [row.model for row in board.rows]
        raise QueryError(
            Sentence(
                "There is no model {name} on this board; {remedy}",
                name=in_quotes(base),
                remedy=suggest(base, names),
            )
        )
    found = {}
    for row in board.rows:
        with suppress(OptionError):
            gap = board.difference(row.model, base)
            low, high = (signed(score_text(board, end) or "…") for end in (gap.lower, gap.upper))
            found[row.model] = in_range(signed(score_text(board, gap.difference)), low, high)
    return found | {base: "0"}


def in_range(value: str, low: str, high: str) -> str:
    """A number with its interval, in words."""
    return _("{value} ({low} to {high})", value=value, low=low, high=high)


def as_value(text: str) -> str:
    """A text as the value of a field, which comes back as it is: whatever is hidden in it is spelt out."""
    return escape(text).encode("ascii", "xmlcharrefreplace").decode()


def signed(number: str) -> str:
    """A number with its sign, and a minus as wide as a plus."""
    return (
        number if number in ("0", "…", "") else number.replace("-", "−") if number[0] == "-" else f"+{number}"
    )


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


def settings_sentence(board: Leaderboard) -> str:
    """How the board was made, in a sentence."""
    settings = board.settings
    interval = _INTERVAL_WORDS.get(str(settings["interval"]), str(settings["interval"]))
    parts = [rule_name(board.method), _(interval)]
    if settings.get("cluster"):
        parts.append(_("clustered by {what}", what=str(settings["cluster"]).split(",")))
    parts += [
        _("level {level}", level=percent(board.level)),
        f"Agon {settings['version']}",
        _("fingerprint {fingerprint}", fingerprint=board.fingerprint[:12]),
    ]
    return _("{list}.", list=tuple(parts))


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


def no_votes(query: BoardQuery) -> str:
    """That there are no votes of this kind yet."""
    if language() == "en":
        return f"No votes{query.words} yet."
    return _("No votes yet.") + scope_of(query)
