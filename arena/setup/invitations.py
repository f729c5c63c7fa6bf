"""Invitations to a study: who has which seat, the links that are sent out, and their QR codes."""

from __future__ import annotations

import io
import socket
from collections.abc import Sequence
from pathlib import Path

from agon.arena.core.sessions import Keys
from agon.arena.core.studies.study_plan import StudyPlan
from agon.arena.setup.config import Configuration
from agon.data.log.study_journal import Invitation, StudyJournal
from agon.ranking.errors import OptionError, SourceError, suggest
from agon.ranking.text import join_names

OWNER = "owner"  # stands for an invitation in the link of the owner
_MOST = 10_000  # voters


def seat_voters(journal: StudyJournal, plan: StudyPlan, voters: str | None) -> tuple[Invitation, ...]:
    """Give seats to the voters of a study, those who have one keeping it.

    Args:
        journal: of the study.
        plan: of the study.
        voters: how many there are in all, or their names, with commas between; None adds nobody.

    Returns:
        The invitation of every seat.

    Raises:
        OptionError: fewer voters than the overlap, more than there are once the study has begun, no number.
    """
    history = journal.history()
    names = _names(voters)
    known = {one.name for one in history.seats}
    unnamed = len(names) - history.voters if None in names else 0
    fresh = [None] * unnamed + [name for name in names if name is not None and name not in known]
    number = history.voters + len(fresh)
    if number < plan.overlap:
        raise OptionError(
            f"[study] asks {plan.overlap} voters about every prompt (overlap), and {number} would be "
            f"invited; invite --voters {plan.overlap} or more, or lower overlap."
        )
    if fresh and history.opened is not None:
        raise OptionError(
            f"The study {plan.name!r} has begun with {history.voters} voters, among whom everything is dealt "
            "out; give the seat of one to somebody else with --replace, or begin another study."
        )
    if fresh:
        journal.invite_all([(history.voters + 1 + i, name) for i, name in enumerate(fresh)])
    return journal.history().seats


def replace_voter(journal: StudyJournal, who: str, name: str | None) -> Invitation:
    """Give the seat of a voter to somebody else, who goes on where that one was.

    Args:
        journal: of the study.
        who: the seat's number, or the name of who has it.
        name: of the new voter.

    Raises:
        OptionError: there is no such voter, nobody is invited yet, or the study has ended.
    """
    history = journal.history()
    if history.closed is not None:
        raise OptionError(f"The study {history.name!r} has ended, and its links open nothing any more.")
    if not history.seats:
        raise OptionError(f"--replace {who}: nobody is invited yet; name voters with --voters.")
    seats = {str(one.seat): one for one in history.seats}
    named = {one.name: one for one in seats.values() if one.name is not None}
    found = seats.get(who) or named.get(who)
    if found is None:
        raise OptionError(f"--replace {who}: there is no such voter; {suggest(who, [*seats, *named])}")
    return journal.invite(found.seat, name)


def study_keys(folder: Path) -> Keys:
    """The keys of a log folder, which is made if it is not there.

    Raises:
        SourceError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"The store {folder} cannot be made: {error.strerror}; name another.") from error
    return Keys.of_folder(folder)


def link(keys: Keys, study: str, invitation: Invitation, address: str) -> str:
    """The link of an invitation."""
    return f"{address}study?invite={keys.invitation_token(study, invitation.id)}"


def owner_link(keys: Keys, study: str, address: str) -> str:
    """The link of the owner's page."""
    return f"{address}progress?key={keys.invitation_token(study, OWNER)}"


def address_for_others(given: Configuration, port: int) -> str:
    """Where others find the arena of a configuration, as far as it says so."""
    if given.public_url:
        return f"{given.public_url}{given.root_path or ''}/"
    host = socket.gethostname() if given.host in ("0.0.0.0", "::") else given.host  # noqa: S104 - a comparison
    return f"http://{f'[{host}]' if ':' in host else host}:{given.port or port}/"


def qr_svg(text: str) -> str:
    """A text as a QR code in SVG."""
    import segno

    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", scale=4, xmldecl=False)
    return out.getvalue().decode()


def qr_text(text: str) -> str:
    """A text as a QR code for a terminal."""
    import segno

    out = io.StringIO()
    segno.make(text, error="l").terminal(out, compact=True)
    return out.getvalue()


def _names(voters: str | None) -> Sequence[str | None]:
    """A number as so many voters without a name, or the names."""
    if voters is None:
        return ()
    if voters.strip().lstrip("-").isdecimal():
        number = int(voters)
        if not 1 <= number <= _MOST:
            raise OptionError(f"--voters must be 1 to {_MOST:,} or names, not {voters}.")
        return (None,) * number
    names = [name.strip() for name in voters.split(",")]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(name and name.isprintable() for name in names):
        wrong = f"names {join_names(twice)} twice" if twice else "has an empty name"
        raise OptionError(f"--voters {wrong}; write it as --voters Ada,Ben,Cleo.")
    return names
