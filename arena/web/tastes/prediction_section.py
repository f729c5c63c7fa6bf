"""Which rule predicts votes best, on the page of rules: the scores of each on votes held out."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from agon.arena.web.languages.texts import _, names_listed, number, paragraph, percent
from agon.arena.web.leaderboard.board_words import rule_name, told_html, votes_in_words
from agon.arena.web.leaderboard.query import BoardQuery
from agon.arena.web.leaderboard.sources import About, BoardSource
from agon.ranking import METHODS, Comparisons
from agon.ranking.errors import AgonError
from agon.ranking.prediction.method_scores import (
    COMPARED_METHODS,
    MethodComparison,
    MethodScore,
    compare_methods,
)
from agon.ranking.prediction.outcome_chances import NO_STRENGTHS

MOST_ONE_BY_ONE = 30_000  # votes above which rules that go vote by vote take too long for a page
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Predicted:
    """How well the rules predict the votes of a page.

    Attributes:
        seen: the comparison; None where there is none.
        why_not: why there is none of votes; None of a table of scores, which nobody voted on.
        unasked: rules that were left out because they take too long on so many votes.
    """

    seen: MethodComparison | None = None
    why_not: str | None = None
    unasked: tuple[str, ...] = ()


def make_prediction(source: BoardSource, query: BoardQuery) -> Predicted:
    """Ask the rules about votes that were held out."""
    votes = source.votes(query.chosen)
    if not isinstance(votes, Comparisons):
        return Predicted()
    unasked: tuple[str, ...] = ()
    if len(votes) > MOST_ONE_BY_ONE:
        unasked = tuple(name for name in COMPARED_METHODS if METHODS[name].view == "battles")
    wanted = [name for name in COMPARED_METHODS if name not in unasked] if unasked else None
    try:
        return Predicted(compare_methods(votes, wanted), unasked=unasked)
    except AgonError as error:
        return Predicted(why_not=error.told)


def prediction_html(made: Predicted | None, about: About, data: str | None = None) -> str:
    """Return the section; empty for a table of scores.

    Args:
        made: what was found; None while it is being computed.
        about: what is known of the votes.
        data: the address of the same as JSON.
    """
    head = f'<section class="ag-card ag-pad ag-fig"><h2>{_("Which rule predicts votes best")}</h2>'
    if made is None:
        what = _("{what} is being computed.", what=_("The prediction of votes"))
        votes = votes_in_words(about.total, about.unit)
        when = _("This takes longer on {votes}. The page shows it as soon as it is there.", votes=votes)
        return f"{head}<p>{escape(what)} {escape(when)}</p></section>"
    if made.seen is None:
        return f"{head}<p>{told_html(made.why_not)}</p></section>" if made.why_not else ""
    seen = made.seen
    parts = [_conclusion(seen)]
    parts.append(
        _(
            "Each of {votes} votes was hidden once, and every rule said how likely a win, a tie and a loss "
            "were. The log loss is smaller the more it gave to what was voted; the intervals hold for all "
            "rules together at {level}.",
            votes=seen.votes,
            level=percent(seen.level),
        )
    )
    if unasked := (*made.unasked, *seen.left_out):
        parts.append(_("Not asked: {rules}.", rules=tuple(map(rule_name, unasked))))
    rows = "".join(_row(one) for one in seen.scores)
    said = _("This comparison as {link}", link=f'<a href="{escape(data)}">JSON</a>') if data else ""
    columns = (_("Log loss"), _("Behind the best"), _("Brier score"))
    heads = "".join(f'<th scope="col" class="ag-r">{escape(one)}</th>' for one in columns)
    return (
        f"{head}<p>{escape(paragraph(parts))}</p>"
        '<div class="ag-numbers" tabindex="0"><table class="ag-bars">'
        f'<caption class="ag-sr">{_("Which rule predicts votes best")}</caption>'
        f'<thead><tr><th scope="col">{_("Rule")}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        + (f'<p class="ag-small ag-data">{said}</p>' if said else "")
        + "</section>"
    )


def prediction_values(made: Predicted) -> dict[str, Any]:
    """Everything that `prediction_html` shows, for programs."""
    return {
        "schema": 1,
        "comparison": None if made.seen is None else made.seen.to_dict(),
        "why_not": made.why_not,
        "unasked": list(made.unasked),
    }


def _conclusion(seen: MethodComparison) -> str:
    """Which rule predicts best, and whether that is beyond chance."""
    first, *others = seen.contenders
    if first == NO_STRENGTHS:
        return _("No rule predicts these votes better than taking all models for equal.")
    if not others:
        return _("{rule} predicts these votes best, beyond chance.", rule=_called(first))
    return _(
        "{rule} predicts these votes best; {rules} may predict them as well.",
        rule=_called(first),
        rules=names_listed([_called(one) for one in others]),
    )


def _called(method: str) -> str:
    return _("all models alike") if method == NO_STRENGTHS else rule_name(method)


def _row(one: MethodScore) -> str:
    gap = ""
    if one.verdict != "best":
        gap = number(one.behind, _DIGITS)
        if one.behind_lower is not None and one.behind_upper is not None:
            low, high = number(one.behind_lower, _DIGITS), number(one.behind_upper, _DIGITS)
            gap += f' <span class="ag-dim">{_("{low} to {high}", low=low, high=high)}</span>'
    name = escape(_called(one.method))
    name = name if one.verdict == "surely worse" else f"<b>{name}</b>"
    return (
        f'<tr><th scope="row">{name}</th><td class="ag-r">{number(one.log_loss, _DIGITS)}</td>'
        f'<td class="ag-r">{gap}</td><td class="ag-r">{number(one.brier, _DIGITS)}</td></tr>'
    )
