"""The sections of the page Integrity on hostile votes: who stands out, when, what an attack would cost."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.auditing import Audit
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import VoterAnomaly, WindowAnomaly
from agon.ranking.annotators.overturning import AttackCost

_LISTED = 12  # voters, and windows, that the page lists


def gates_html(audit: Audit, about: About) -> str:
    """Three sections; nothing where the votes carry none of these tests.

    Args:
        audit: what was found.
        about: what is known of the votes.
    """
    if audit.gated is None:
        return ""
    return _voters(audit, about) + _windows(audit, about) + _cost(audit.cost, about)


def _voters(audit: Audit, about: About) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>Who votes as no honest voter would?</h2>'
    seen = audit.gated.voters if audit.gated is not None else None
    if seen is None:
        return f"{head}<p>These votes do not say whose they are, so no voter can be tested.</p></section>"
    rows = "".join(
        f'<tr><th scope="row">{i + 1}. {_did(one, about)}: {_verdict(one)}</th>'
        f'<td class="ag-r">{one.judged:,}</td><td class="ag-r">{one.observed:.0%}</td>'
        f'<td class="ag-r">{one.expected:.0%}</td></tr>'
        for i, one in enumerate(seen.found[:_LISTED])
    )
    more = len(seen.found) - _LISTED
    table = _table("Voters who stand out", ("What they did", "Votes", "Share", "Usual"), rows)
    rest = f"<p>And {more:,} more.</p>" if more > 0 else ""
    how = (
        "Every voter with ten decided votes is held against what the others say, and as much as the voters "
        "here differ in care, taste and habits of the eye is allowed for. “Excluded” are those whom none of "
        "all these voters would resemble by chance, with 95%."
    )
    return f"{head}<p>{escape(seen.conclusion())} {how}</p>{table}{rest}{_with_gates(audit, about)}</section>"


def _verdict(one: VoterAnomaly) -> str:
    return "excluded" if one.verdict == "excluded" else "for review"


def _table(caption: str, heads: tuple[str, ...], rows: str) -> str:
    """A table of numbers after a first column of words; nothing without rows."""
    if not rows:
        return ""
    first, *others = heads
    cells = f'<th scope="col">{first}</th>' + "".join(
        f'<th scope="col" class="ag-r">{head}</th>' for head in others
    )
    return (
        f'<div class="ag-numbers"><table class="ag-bars"><caption class="ag-sr">{caption}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _did(one: VoterAnomaly, about: About) -> str:
    """What a voter did, in a few words; voters are not named here."""
    model = escape(about.info.name(one.model)) if one.model is not None else ""
    return {
        "against the crowd": "Chose the weaker model",
        "at random": "Chose the weaker model as often as a coin would",
        "one side": f"Chose the answer shown {one.side}",
        "for a model": f"Let {model} win",
        "against a model": f"Let {model} lose",
    }[one.kind]


def _with_gates(audit: Audit, about: About) -> str:
    """What the board would be without their votes."""
    gone = sum(audit.gated.set_aside.values()) if audit.gated is not None else 0
    if not gone:
        return ""
    votes = "1 vote" if gone == 1 else f"{gone:,} votes"
    if not audit.moved:
        said = f"Without their {votes} every model keeps its rank."
    else:
        names = "; ".join(
            f"{escape(about.info.name(model))} from {before} to {after}"
            for model, before, after in audit.moved[:_LISTED]
        )
        said = f"Without their {votes} these change their rank: {names}."
    return (
        f"<p>{said} The leaderboard counts them: a board without them is made on request, and nothing is "
        "deleted.</p>"
    )


def _windows(audit: Audit, about: About) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>Does a model win more at one time?</h2>'
    scan = audit.gated.windows if audit.gated is not None else None
    if scan is None or not scan.windows:
        return f"{head}<p>There are too few votes with a time to look at windows of it.</p></section>"
    rows = "".join(
        f'<tr><th scope="row">{escape(about.info.name(one.model))}, {_when(one)}</th>'
        f'<td class="ag-r">{one.judged:,}</td><td class="ag-r">{one.voters:,}</td>'
        f'<td class="ag-r">{one.excess:+.0f}</td></tr>'
        for one in scan.found[:_LISTED]
    )
    table = _table("Windows of time that stand out", ("Model and time", "Votes", "Voters", "Excess"), rows)
    said = scan.conclusion()
    for model in {one.model for one in scan.found}:
        said = said.replace(model, about.info.name(model))
    why = "Many voters with a few votes each pass every test of a voter; in a short time they show together."
    changed = " A model that was changed under its name, and a new kind of voters, show too." if rows else ""
    return f"{head}<p>{escape(without_hidden(said))} {why}{changed}</p>{table}</section>"


def _when(one: WindowAnomaly) -> str:
    """From when to when."""
    if one.start is None or one.stop is None:
        return f"votes {one.begin + 1:,} to {one.end + 1:,}"
    try:
        ends = [f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M}" for t in (one.start, one.stop)]
    except (OverflowError, ValueError, OSError):  # times that are no dates
        return f"votes {one.begin + 1:,} to {one.end + 1:,}"
    return " to ".join(ends)


def _cost(cost: AttackCost | None, about: About) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>What would an attack cost?</h2>'
    if cost is None:
        return f"{head}<p>There are too few decided votes to say.</p></section>"
    said = cost.conclusion()
    for model in (cost.first, cost.second):
        said = said.replace(model, about.info.name(model), 1)
    burst = (
        ""
        if cost.in_a_burst is None
        else f" {cost.in_a_burst:,} hostile wins in a fiftieth of the time would raise the alarm of a window."
    )
    return (
        f"{head}<p>{escape(without_hidden(said))}{burst}</p><p>Computed by adding expected votes and fitting "
        "the strengths anew. Assumed is an attacker who always recognises both models, battles drawn as they "
        "were so far, hostile votes as even in time as the others, and no honest votes meanwhile. Battles "
        "drawn by the server cannot be chosen; votes on chosen pairs can only be in a file.</p></section>"
    )
