"""The section of the page Integrity on what became of the models."""

from __future__ import annotations

from html import escape

from agon.arena.web.languages.texts import _, date_and_time, message, ngettext, number, percent
from agon.arena.web.leaderboard.sources import About
from agon.data.log.operation.life_cycle import RosterHistory
from agon.ranking.inference.shares import share_interval

_LISTED = 40  # changes that the page lists
_CHANGES = {
    "testing": message("in testing"),
    "listed": message("listed: votes on it count from here on"),
    "paused": message("paused: not drawn for a time"),
    "resumed": message("drawn again"),
    "listed again": message("listed again"),
    "retired": message("retired: not drawn any more"),
}


def roster_html(history: RosterHistory | None, about: About) -> str:
    """The section; nothing where no log says.

    Args:
        history: what became of the models.
        about: what is known of the votes.
    """
    if history is None:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_("{moment} UTC", moment=date_and_time(one.when))}</th>'
        f"<td>{escape(about.info.name(one.model))}</td><td>{_(_CHANGES[one.change])}</td></tr>"
        for one in reversed(history.changes[-_LISTED:])
    )
    table = (
        '<div class="ag-numbers" tabindex="0"><table><caption class="ag-sr">{}</caption><thead><tr>'
        '<th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th></tr></thead>'
        "<tbody>{}</tbody></table></div>".format(
            _("What became of the models"), _("When"), _("Model"), _("What happened"), rows
        )
        if rows
        else ""
    )
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{_("Which models came and went?")}</h2>'
        f"<p>{_tested(history)} {_apart(history)}{_planned(about)}</p>"
        f"{table}</section>"
    )


def _tested(history: RosterHistory) -> str:
    """How many models are tested, and how many were and are not here: a board alone shows those chosen."""
    never = history.never_listed
    now = ngettext(
        "{count} model is in testing now.", "{count} models are in testing now.", history.in_testing
    )
    if not never:
        return now + " " + _("No model was taken out of testing without having been listed.")
    gone = ngettext(
        "{count} model was tested and never listed: whoever tests many and lists the best one has a "
        "better board than models.",
        "{count} models were tested and never listed: whoever tests many and lists the best one has a "
        "better board than models.",
        never,
    )
    return f"{now} {gone}"


def _planned(about: About) -> str:
    """The same shares as the organiser plans them now."""
    if about.shares is None:
        return ""
    same, testing = (percent(share, 1) for share in about.shares)
    return " " + _(
        "Planned now: {same} with one model twice, and {testing} of the others with a model in testing, "
        "where there is one.",
        same=same,
        testing=testing,
    )


def _apart(history: RosterHistory) -> str:
    """The shares of battles whose votes count on no board."""
    if not history.battles:
        return ""

    def share(part: int) -> str:
        found, low, high = share_interval(
            [n < part for n in range(history.battles)], list(range(history.battles)), 0.95
        )
        return _(
            "{share} ({low} to {high})", share=percent(found, 1), low=percent(low, 1), high=percent(high, 1)
        )

    return _(
        "Of {number} battles that are over {same} showed one model twice and {testing} had a model in "
        "testing: votes on these count on no board, also later. A model that is listed begins anew.",
        number=number(history.battles),
        same=share(history.same_model),
        testing=share(history.testing),
    )
