"""What a board shows, in the language of the page: the engine says it in English.

Its conclusion, the names of rules and of columns, and the reasons why votes are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from agon.arena.web.languages.texts import (
    _,
    in_english,
    language,
    language_called,
    message,
    names_listed,
    ngettext,
    number,
    percent,
    translated,
)
from agon.arena.web.leaderboard.query import BoardQuery, language_name
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.registry import find
from agon.ranking.text import Sentence, rounded
from agon.ranking.votes.vote_source import (
    EXCLUDED,
    FOR_REVIEW,
    GATED,
    IN_NETWORK,
    IN_WINDOW,
    NOT_BLIND,
    OTHER_VOTERS,
)

_REASONS = {
    NOT_BLIND: message("not blind (the names were shown)"),
    FOR_REVIEW: message("of voters set aside for review"),
    EXCLUDED: message("of voters excluded for how they voted"),
    IN_NETWORK: message("of networks whose voters vote as one"),
    IN_WINDOW: message("on a model in a window under alarm"),
    OTHER_VOTERS[0]: message("votes of people"),
    OTHER_VOTERS[1]: message("votes of LLM judges"),
}
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
_COLUMN_TITLES = {
    "category": message("Category"),
    "language": message("Language"),
    "day": message("Day"),
    "month": message("Month"),
    "year": message("Year"),
}


def conclusion_of(board: Leaderboard, name: Callable[[str], str]) -> str:
    """The conclusion of a board: the engine's own sentence in English, the same facts in other languages."""
    if language() == "en":
        return board.conclusion(name)
    ranked = board.ranked
    if not ranked:
        return _("No model has a rank yet.")
    first = [name(row.model) for row in ranked if row.rank == 1]
    if len(ranked) == 1:
        return _("{model} is the only model with a rank.", model=first[0])
    if len(first) == 1:
        said = [_("{model} is first of {count}.", model=first[0], count=len(ranked))]
    else:
        said = [
            _("{models} share the first place of {count}.", models=names_listed(first), count=len(ranked))
        ]
    if board.rank_method == "none":
        return " ".join([*said, _("No interval was computed.")])
    rivals = [name(row.model) for row in ranked if row.rank_lower == 1 and row.rank != 1]
    level = percent(board.level)
    if rivals:
        said.append(
            _("{models} could be first too at {level} certainty.", models=names_listed(rivals), level=level)
        )
    elif len(first) == 1:
        said.append(_("No other model is within reach at {level} certainty.", level=level))
    if board.lead is not None and board.lead.more_votes and (rivals or len(first) > 1):
        said.append(
            _("About {votes} more votes between them would decide.", votes=rounded(board.lead.more_votes))
        )
    return " ".join(said)


def votes_in_words(count: int, unit: str) -> str:
    """A number of what is counted: votes, blind votes, tasks, ballots."""
    if unit == "blind vote":
        return ngettext("{count} blind vote", "{count} blind votes", count)
    if unit == "task":
        return ngettext("{count} task", "{count} tasks", count)
    if unit == "vote":
        return ngettext("{count} vote", "{count} votes", count)
    return ngettext("{count} ballot", "{count} ballots", count)


def scope_of(query: BoardQuery) -> str:
    """Of what the votes are, behind their number: nothing for all."""
    if language() == "en":
        return query.words
    return "".join(f" · {filter_value(column, value)}" for column, value in query.where)


def filter_value(column: str, value: str) -> str:
    """A value of a filter as it is shown: languages by their names."""
    if column != "language":
        return without_hidden(value)
    return (language() != "en" and language_called(value)) or language_name(value)


def told_html(text: str) -> str:
    """A sentence of the engine as HTML: one that keeps what it was made of in the language of the page."""
    if isinstance(text, Sentence):
        return escape(without_hidden(translated(text)))
    return f"<span{in_english()}>{escape(without_hidden(text))}</span>"


def reason_html(reason: str) -> str:
    """Why votes are left out; in English where a file has a reason of its own."""
    return _(_REASONS[reason]) if reason in _REASONS else told_html(reason)


def gates_note_html(board: Leaderboard | None, about: About) -> str:
    """What the gates of the arena set aside of a board's votes; nothing where it has none."""
    if about.gates == "none":
        return ""
    left_out = {} if board is None else board.settings.get("left_out") or {}
    aside = {reason: left_out[reason] for reason in GATED if left_out.get(reason)}
    total = number(sum(aside.values()))
    several = len(aside) > 1
    reasons = "; ".join(
        f"{number(count)} {reason_html(reason)}" if several else reason_html(reason)
        for reason, count in aside.items()
    )
    said = _(
        "Votes of this board that the gate “{gate}” sets aside: {count}.",
        gate=about.gates,
        count=f"{total} ({reasons})" if reasons else total,
    )
    link = f'<a href="{dict(about.site.pages)["integrity"][0]}">{_("Integrity")}</a>'
    why = _("{link} says why, and none is deleted.", link=link)
    return f'<p class="ag-note ag-above"><span>{said} {why}</span></p>'


def rule_name(rule: str) -> str:
    """The name of a method as people write it: "Bradley-Terry", "Instant runoff"."""
    written = rule.replace("_", " ")
    return _NAMES.get(rule, written[:1].upper() + written[1:])


def family_name(rule: str) -> str:
    """The family of a method: the folder that it lies in."""
    return find(rule).function.__module__.rpartition(".")[0].rpartition(".")[2]


def column_title(column: str) -> str:
    """The name of a filter as a heading."""
    title = _COLUMN_TITLES.get(column)
    return _(title) if title else without_hidden(column).replace("_", " ").capitalize()


def in_range(value: str, low: str, high: str) -> str:
    """A number with its interval, in words."""
    return _("{value} ({low} to {high})", value=value, low=low, high=high)


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
    if board.head is not None:
        parts.append(
            _("log up to event {number} ({hash})", number=board.head.events, hash=board.head.hash[:12])
        )
    return _("{list}.", list=tuple(parts))


def no_votes(query: BoardQuery) -> str:
    """That there are no votes of this kind yet."""
    if language() == "en":
        return f"No votes{query.words} yet."
    return _("No votes yet.") + scope_of(query)
