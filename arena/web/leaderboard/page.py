"""The leaderboard page: the conclusion in a sentence, then the rows that show it, then the figures.

`leaderboard_html` is a pure function of a board and what is known of its models. Everything that comes from
votes, configuration or address is escaped here.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.figures import figures_html
from agon.arena.web.leaderboard.filters import ALL, Filter, FilterError, language_name
from agon.arena.web.leaderboard.table import ModelInfo, cards_html, table_html
from agon.arena.web.leaderboard.who_answers import model_states, model_states_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard, PairCounts
from agon.ranking.leaderboard.row import Row
from agon.ranking.registry import find
from agon.ranking.settings import Settings
from agon.ranking.text import join_names

CHIPS = 8  # values of a filter that are shown at once
SCRIPTS = '<script src="/static/plotly.min.js" defer></script><script src="/static/charts.js" defer></script>'
_INTERVAL_WORDS = {
    "sandwich": "from the sandwich covariance",
    "bootstrap": "from the bootstrap",
    "posterior": "from the posterior",
    "none": "not computed",
}


def leaderboard_html(
    board: Leaderboard | None,
    *,
    votes: int,
    info: ModelInfo | None = None,
    pairs: PairCounts | None = None,
    categories: Mapping[str, int] | None = None,
    languages: Mapping[str, int] | None = None,
    chosen: Filter = ALL,
    notice: str | None = None,
    log: str = "LOG",
    imported: Sequence[str] = (),
    yours: int | None = None,
) -> str:
    """Return the leaderboard page.

    Args:
        board: of the votes that the filter chooses; None if there are none.
        votes: all that the arena has counted, whatever the filter.
        info: cards and reliability of the models.
        pairs: counts behind the board, for the heat map.
        categories, languages: their votes, for the filters.
        chosen: the filter of this page.
        notice: what visitors should know of what is compared here.
        log: how the votes are called in the command that reproduces the board.
        imported: files of votes beside the arena's own, which this board does not count.
        yours: votes of this visitor.
    """
    info = ModelInfo() if info is None else info
    note = f'<p class="ag-note ag-above">{escape(without_hidden(notice))}</p>' if notice else ""
    if imported:
        note += (
            '<p class="ag-note ag-above">This board counts the votes cast here. Its folder holds imported '
            f"votes too ({escape(without_hidden(join_names(imported)))}); <code>agon rank</code> on "
            "the folder "
            "counts both.</p>"
        )
    if board is None or not board.rows:
        body = note + _empty(votes, chosen)
    else:
        body = _head(board, chosen, info) + note
        body += _filters(categories or {}, languages or {}, chosen, votes)
        body += _rows(board, info, log, chosen) + figures_html(board, pairs, info)
    body += model_states_html(model_states(board, info), info)
    head = SCRIPTS if board is not None and board.rows else ""
    return page_html("Leaderboard", body, current="leaderboard", votes=votes, yours=yours, head=head)


def unknown_filter_html(error: FilterError, *, votes: int) -> str:
    """Return the page for an address whose filter does not exist; it is answered with 404."""
    body = (
        '<div class="ag-phead"><h1>There is no such board.</h1><p'
        f' class="ag-lead">{escape(str(error))}</p></div>'
        '<a class="ag-btn" href="/leaderboard">Show the board of all votes</a>'
    )
    return page_html("No such board", body, current="leaderboard", votes=votes)


def command(board: Leaderboard, log: str, chosen: Filter) -> str:
    """The words that rank the same votes again on any machine, ready for a shell."""
    options = find(board.method).options
    own = ",".join(
        f"{name}={board.settings[name]}"
        for name, option in options.items()
        if name in board.settings and board.settings[name] != option.default
    )
    words = ["agon", "rank", log, "-m", f"{board.method}:{own}" if own else board.method]
    words += ["--interval", str(board.settings["interval"])]
    plain = Settings()
    shared = "cluster", "control", "reweight", "floor", "level", "n_resamples", "min_votes", "scale", "seed"
    for name in shared:
        value = board.settings.get(name, getattr(plain, name))
        if value != getattr(plain, name):
            words += [f"--{name.replace('_', '-')}", ",".join(value) if name == "control" else str(value)]
    if board.settings.get("simultaneous"):
        words.append("--simultaneous")
    if board.settings.get("anchor") is not None:
        score = board.settings.get("anchor_score")
        words += ["--anchor", f"{board.settings['anchor']}" + ("" if score is None else f"={score}")]
    if chosen.condition:
        words += ["--where", chosen.condition]
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """A word for a shell; in double quotes where nothing in it is special to them, which reads better."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)


def _head(board: Leaderboard, chosen: Filter, info: ModelInfo) -> str:
    votes = plural(int(board.settings["votes"]), "blind vote")
    counted = f"{plural(len(board.rows), 'model')}, {votes}{chosen.words}."
    if board.ranked:
        lead = (
            f"{counted} A rank is a range: the places a model may hold at {board.level:.0%} certainty. "
            "The shaded band is the interval of the first row."
        )
    else:
        lead = f"{counted} {_missing(board, info)}"
    return (
        f'<div class="ag-phead"><h1>{escape(board.conclusion(info.name))}</h1>'
        f'<p class="ag-lead">{escape(lead)}</p></div>'
    )


def _missing(board: Leaderboard, info: ModelInfo) -> str:
    """How many votes are needed before the first model is ranked, and before all are."""
    least = int(board.settings.get("min_votes", 0))
    drawn = [row for row in board.rows if not info.retired(row.model)] or list(board.rows)
    nearest_row = max(drawn, key=lambda row: row.votes)
    if nearest_row.votes >= least:
        return (
            "The models have votes enough, but not with others that have as many, or all alike: "
            "more votes between the same models will rank them."
        )
    short = sum(max(0, least - row.votes) for row in drawn)
    together = plural(-(-short // 2), "more vote")
    return (
        f"A model is ranked from {least} votes on; {info.name(nearest_row.model)} is nearest with "
        f"{nearest_row.votes}. About {together}, spread evenly, would rank all of them."
    )


def _filters(categories: Mapping[str, int], languages: Mapping[str, int], chosen: Filter, votes: int) -> str:
    groups = ""
    if categories:
        options = [(replace(chosen, category=None), "All", votes if chosen.language is None else None)]
        options += [(replace(chosen, category=c), without_hidden(c), n) for c, n in _by_size(categories)]
        groups += _chips("Category", options, chosen)
    if languages:
        options = [(replace(chosen, language=None), "Any", votes if chosen.category is None else None)]
        options += [
            (replace(chosen, language=code), language_name(code), n) for code, n in _by_size(languages)
        ]
        groups += _chips("Language", options, chosen)
    return f'<nav class="ag-filters" aria-label="Which votes">{groups}</nav>' if groups else ""


def _by_size(values: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))


def _chips(label: str, options: list[tuple[Filter, str, int | None]], chosen: Filter) -> str:
    shown = [
        f'<a class="ag-chip" href="{escape(target.address)}"'
        f"{' aria-current=true' if target == chosen else ''}>"
        f"{escape(text)}{'' if count is None else f'<span class=ag-n>{count:,}</span>'}</a>"
        for target, text, count in options
    ]
    here = next((i for i, (target, _, _) in enumerate(options) if target == chosen), 0)
    first = shown[:CHIPS] if here < CHIPS else [*shown[: CHIPS - 1], shown.pop(here)]
    more = "".join(chip for chip in shown if chip not in first)
    rest = (
        '<details class="ag-more"><summary class="ag-chip">More</summary>'
        f'<div class="ag-chips">{more}</div></details>'
    )
    return (
        f'<div class="ag-g"><span class="ag-label">{label}</span>'
        f'<div class="ag-chips" role="group" aria-label="{label}">'
        f"{''.join(first)}{rest if more else ''}</div></div>"
    )


def _rows(board: Leaderboard, info: ModelInfo, log: str, chosen: Filter) -> str:
    words = command(board, log, chosen)
    apart = [row for row in board.rows if row.status == "component"]
    return (
        table_html(board, info, board.conclusion(info.name))
        + cards_html(board, info)
        + (_apart(board, apart, info) if apart else "")
        + f'<div class="ag-under"><p>{escape(_settings(board))}</p><p>{escape(_health(board))}</p></div>'
        + '<code class="ag-cmd" tabindex="0" role="group" aria-label="The command that reproduces'
        ' this board">'
        f"{escape(without_hidden(words))}</code>" + _diagnostics(board, info)
    )


def _apart(board: Leaderboard, rows: list[Row], info: ModelInfo) -> str:
    """The models of other components: boards of their own, or a sentence for those that stand alone."""
    parts = ""
    for component in board.components:
        names = join_names([info.name(row.model) for row in component.rows])
        if len(component.rows) < 2:
            parts += (
                f"<p>{escape(names)} is not linked to any other model by wins and losses in both"
                " directions yet, "
                "so no score can be given.</p>"
            )
            continue
        parts += (
            f"<p>{escape(names)} have only been linked with one another, so they are on a scale of"
            " their own and "
            "are not compared with the models above.</p>"
            + table_html(component, info, component.conclusion(info.name))
            + cards_html(component, info)
        )
    heading = "Not yet connected" if rows else ""
    return f'<section class="ag-section"><h2>{heading}</h2>{parts}</section>'


def _settings(board: Leaderboard) -> str:
    """How the board was made, in a sentence."""
    settings = board.settings
    clustered = f", clustered by {settings['cluster']}" if settings.get("cluster") else ""
    interval = _INTERVAL_WORDS.get(str(settings["interval"]), str(settings["interval"]))
    return (
        f"{board.method.replace('_', '-').title()}, intervals {interval}{clustered}, level"
        f" {board.level:.0%}, "
        f"Agon {settings['version']}, fingerprint {board.fingerprint[:12]}."
    )


def _health(board: Leaderboard) -> str:
    connected = (
        "All models connected" if not board.components else plural(len(board.components) + 1, "component")
    )
    remarks = board.remarks()
    return f"{connected} · {plural(len(remarks), 'remark') if remarks else 'no warnings'}"


def _diagnostics(board: Leaderboard, info: ModelInfo) -> str:
    items = "".join(
        f'<li class="ag-note"><span>{escape(without_hidden(text))}</span></li>'
        for text in board.remarks(info.name)
    )
    return (
        f'<section class="ag-section"><h2>What to know</h2><ul class="ag-diag">{items}</ul></section>'
        if items
        else ""
    )


def _empty(votes: int, chosen: Filter) -> str:
    if votes and chosen != ALL:
        return (
            f'<div class="ag-phead"><h1>No votes{escape(chosen.words)} yet.</h1></div>'
            '<a class="ag-btn" href="/leaderboard">Show the board of all votes</a>'
        )
    return (
        '<div class="ag-phead"><h1>No votes yet: the first one can be yours.</h1>'
        '<p class="ag-lead">This board is made of blind votes and of nothing else. Ask something,'
        " read two answers "
        "without names, say which is better, and the board begins here.</p></div>"
        '<div class="ag-card ag-invite"><h2>What will stand here</h2><p>Every model with the range'
        " of ranks it may "
        "hold, its score, and how sure the votes are of it, computed again with every vote.</p>"
        '<a class="ag-btn ag-go" href="/">Start the first battle</a></div>'
    )
