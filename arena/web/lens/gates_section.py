"""The sections of the page Integrity on hostile votes: who stands out, when, what was withdrawn, the cost."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from agon.arena.web.languages.texts import _, ngettext, number, percent
from agon.arena.web.leaderboard.board_words import told_html
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.auditing import Audit
from agon.ranking import VoterAnomaly, WindowAnomaly, WithdrawalTest
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
    return _voters(audit, about) + _networks(audit) + _windows(audit, about) + _cost(audit.cost, about)


def card_head(title: str) -> str:
    """How a section of this page begins; `title` is HTML."""
    return f'<section class="ag-card ag-pad ag-fig"><h2>{title}</h2>'


def _voters(audit: Audit, about: About) -> str:
    head = card_head(_("Who votes as no honest voter would?"))
    seen = audit.gated.voters if audit.gated is not None else None
    if seen is None:
        none = _("These votes do not say whose they are, so no voter can be tested.")
        return f"{head}<p>{none}</p></section>"
    rows = "".join(
        f'<tr><th scope="row">{_did(one, about, i + 1)}</th>'
        f'<td class="ag-r">{number(one.judged)}</td><td class="ag-r">{percent(one.observed)}</td>'
        f'<td class="ag-r">{percent(one.expected)}</td></tr>'
        for i, one in enumerate(seen.found[:_LISTED])
    )
    more = len(seen.found) - _LISTED
    heads = (_("What they did"), _("Votes"), _("Share"), _("Usual"))
    table = _table(_("Voters who stand out"), heads, rows)
    rest = f"<p>{ngettext('And {count} more.', 'And {count} more.', more)}</p>" if more > 0 else ""
    how = _(
        "Every voter with ten decided votes is held against what the others say, and as much as the voters "
        "here differ in care, taste and habits of the eye is allowed for. “Excluded” are those whom none of "
        "all these voters would resemble by chance, with 95%."
    )
    said = told_html(seen.conclusion())
    return f"{head}<p>{said} {how}</p>{table}{rest}{_with_gates(audit, about)}</section>"


def _networks(audit: Audit) -> str:
    """From which networks many voted on one day; nothing where no vote says its network."""
    scan = audit.gated.networks if audit.gated is not None else None
    if scan is None or not scan.networks:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{i}. '
        f"{_('votes as one hand') if one.anomaly else _('differ as honest voters do')}"
        f'</th><td class="ag-r">{number(one.voters)}</td><td class="ag-r">{number(one.votes)}</td></tr>'
        for i, one in enumerate(scan.crowded[:_LISTED], start=1)
    )
    table = _table(_("Networks with many voters on one day"), (_("Network"), _("Voters"), _("Votes")), rows)
    how = _(
        "All voters of one network and day are held against the others once more as if they were one, where "
        "they are more than five. A class differs as honest voters do, and counts; so would a patient hand."
    )
    kept = _("Networks are known as hashes by a key that lives one day, and no address is kept.")
    said = told_html(scan.conclusion())
    return f"{card_head(_('Many voters on one network?'))}<p>{said} {how} {kept}</p>{table}</section>"


def withdrawals_html(found: WithdrawalTest | None, about: About) -> str:
    """What was withdrawn, by result and by model; nothing where nothing was.

    Args:
        found: the withdrawals.
        about: what is known of the votes.
    """
    if found is None:
        return ""
    names = {"tie": _("Tie"), "both bad": _("Both bad")}
    results = "".join(
        f'<tr><th scope="row">{names.get(one.result) or _("For {side}", side=one.result)}</th>'
        f'<td class="ag-r">{_of(one.withdrawn, one.cast)}</td></tr>'
        for one in found.results
    )
    models = "".join(
        f'<tr><th scope="row">{escape(about.info.name(one.model))}</th>'
        f'<td class="ag-r">{_of(one.withdrawn_for, one.cast_for)}</td>'
        f'<td class="ag-r">{_of(one.withdrawn_against, one.cast_against)}</td></tr>'
        for one in found.models
    )
    how = _(
        "The votes that a voter withdrew are held against those that the same voter kept, so whoever "
        "withdrew all of theirs tells nothing."
    )
    title, said = _("Which votes were withdrawn?"), told_html(found.conclusion().renamed(about.info.name))
    by_result = _table(_("Withdrawn votes by result"), (_("Result"), _("Withdrawn")), results)
    heads = (_("Model"), _("For it"), _("Against it"))
    by_model = _table(_("Withdrawn votes by model"), heads, models)
    return f"{card_head(title)}<p>{said} {how}</p>{by_result}{by_model}</section>"


def _of(part: int, whole: int) -> str:
    return _("{part} of {whole}", part=number(part), whole=number(whole))


def _verdict(one: VoterAnomaly) -> str:
    return _("excluded") if one.verdict == "excluded" else _("for review")


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


def _did(one: VoterAnomaly, about: About, place: int) -> str:
    """What a voter did, in a few words; voters are not named here."""
    model = escape(about.info.name(one.model)) if one.model is not None else ""
    side = {"first": _("Chose the answer shown first"), "last": _("Chose the answer shown last")}
    deed = {
        "against the crowd": _("Chose the weaker model"),
        "at random": _("Chose the weaker model as often as a coin would"),
        "one side": side.get(str(one.side), ""),
        "for a model": _("Let {model} win", model=model),
        "against a model": _("Let {model} lose", model=model),
    }[one.kind]
    return _("{place}. {deed}: {verdict}", place=place, deed=deed, verdict=_verdict(one))


def _with_gates(audit: Audit, about: About) -> str:
    """What the board would be without their votes."""
    gone = sum(audit.gated.set_aside.values()) if audit.gated is not None else 0
    if not gone:
        return ""
    if not audit.moved:
        said = ngettext(
            "Without their {count} vote every model keeps its rank.",
            "Without their {count} votes every model keeps its rank.",
            gone,
        )
    else:
        moves = "; ".join(
            _(
                "{model} from {before} to {after}",
                model=escape(about.info.name(model)),
                before=before,
                after=after,
            )
            for model, before, after in audit.moved[:_LISTED]
        )
        said = ngettext(
            "Without their {count} vote these change their rank: {moves}.",
            "Without their {count} votes these change their rank: {moves}.",
            gone,
            moves=moves,
        )
    counted = (
        _("The leaderboard counts them: a board without them is made on request, and nothing is deleted.")
        if audit.gates == "none"
        else _("The leaderboard does not count them, and nothing is deleted.")
    )
    return f"<p>{said} {counted}</p>"


def _windows(audit: Audit, about: About) -> str:
    head = card_head(_("Does a model win more at one time?"))
    scan = audit.gated.windows if audit.gated is not None else None
    if scan is None or not scan.windows:
        few = _("There are too few votes with a time to look at windows of it.")
        return f"{head}<p>{few}</p></section>"
    rows = "".join(
        '<tr><th scope="row">'
        f"{_('{model}, {time}', model=escape(about.info.name(one.model)), time=_when(one))}</th>"
        f'<td class="ag-r">{number(one.judged)}</td><td class="ag-r">{number(one.voters)}</td>'
        f'<td class="ag-r">{one.excess:+.0f}</td></tr>'
        for one in scan.found[:_LISTED]
    )
    heads = (_("Model and time"), _("Votes"), _("Voters"), _("Excess"))
    table = _table(_("Windows of time that stand out"), heads, rows)
    said = told_html(scan.conclusion().renamed(about.info.name))
    why = _(
        "Many voters with a few votes each pass every test of a voter; in a short time they show together."
    )
    if rows:
        why += " " + _("A model that was changed under its name, and a new kind of voters, show too.")
    return f"{head}<p>{said} {why}</p>{table}</section>"


def _when(one: WindowAnomaly) -> str:
    """From when to when."""
    rows = _("votes {first} to {last}", first=one.begin + 1, last=one.end + 1)
    if one.start is None or one.stop is None:
        return rows
    try:
        ends = [f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M}" for t in (one.start, one.stop)]
    except (OverflowError, ValueError, OSError):  # times that are no dates
        return rows
    return f'<span dir="ltr">{_("{low} to {high}", low=ends[0], high=ends[1])}</span>'


def _cost(cost: AttackCost | None, about: About) -> str:
    head = card_head(_("What would an attack cost?"))
    if cost is None:
        return f"{head}<p>{_('There are too few decided votes to say.')}</p></section>"
    said = told_html(cost.conclusion().renamed(about.info.name))
    burst = ""
    if cost.in_a_burst is not None:
        burst = " " + ngettext(
            "{count} hostile win in a fiftieth of the time would raise the alarm of a window.",
            "{count} hostile wins in a fiftieth of the time would raise the alarm of a window.",
            cost.in_a_burst,
        )
    how = _(
        "Computed by adding expected votes and fitting "
        "the strengths anew. Assumed is an attacker who always recognises both models, battles drawn as they "
        "were so far, hostile votes as even in time as the others, and no honest votes meanwhile. Battles "
        "drawn by the server cannot be chosen; votes on chosen pairs can only be in a file."
    )
    return f"{head}<p>{said}{burst}</p><p>{how}</p></section>"
