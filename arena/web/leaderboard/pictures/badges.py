"""Small pictures that others show beside a link: who is first, and where one model stands."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from unicodedata import east_asian_width
from urllib.parse import quote

from agon.arena.web.languages.texts import _, ngettext
from agon.arena.web.leaderboard.sources import About
from agon.ranking import Leaderboard
from agon.ranking.leaderboard.row import Row, rank_text

_LONGEST = 40  # letters of a name


def badge_address(model: str) -> str:
    """Where the badge of a model is."""
    return f"./badge/{quote(model, safe='')}.svg"


def badge_svg(board: Leaderboard | None, about: About) -> str:
    """Return a badge that says who is first."""
    if board is None or not board.ranked:
        return _badge("Agon", _("no ranking yet"))
    first = [row for row in board.ranked if (row.rank_lower or row.rank) == 1]
    name = _cut(about.info.name(board.ranked[0].model))
    if len(first) == 1:
        return _badge("Agon", _("first: {name}", name=name))
    others = len(first) - 1
    said = ngettext("first: {name} or {count} other", "first: {name} or {count} others", others, name=name)
    return _badge("Agon", said)


def model_badge_svg(board: Leaderboard, row: Row, about: About, seconds: float | None) -> str:
    """Return a badge that says which ranks a model may hold, by how many votes, and until when.

    Args:
        board: that the model is on.
        row: of the model.
        about: what is known of the votes.
        seconds: when the last vote was cast, since 1970; None where that is not known.
    """
    parts = [_("not ranked yet")]
    if row.rank is not None:
        parts = [_("rank {rank} of {models}", rank=rank_text(row), models=len(board.ranked))]
    if board.counted == "tasks":
        parts.append(ngettext("{count} task", "{count} tasks", row.votes))
    else:
        parts.append(ngettext("{count} vote", "{count} votes", row.votes))
    if seconds is not None:
        parts.append(datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d"))
    return _badge(_cut(about.info.name(row.model)), " · ".join(parts))


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _badge(left: str, right: str) -> str:
    """Two texts, each on its ground; light on dark, with an edge, so it reads on any page."""
    widths = [_width(text) for text in (left, right)]
    wide, more = (width + 12 for width in widths)
    texts = "".join(
        f'<text x="{middle:g}" y="14" textLength="{width}">{escape(text)}</text>'
        for middle, width, text in zip((wide / 2, wide + more / 2), widths, (left, right), strict=True)
    )
    said = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide + more}" height="20" role="img" '
        f'aria-label="{said}"><title>{said}</title>'
        f'<rect width="{wide + more}" height="20" rx="3" fill="#20222a"/>'
        f'<path d="M{wide} 0h{more - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{wide}z" fill="#0b6574"/>'
        f'<rect x=".5" y=".5" width="{wide + more - 1}" height="19" rx="2.5" fill="none" stroke="#8a8f98" '
        'stroke-opacity=".6"/><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        f'text-anchor="middle">{texts}</g></svg>'
    )


def _width(text: str) -> int:
    """About how wide a text is, in pixels; it is drawn just as wide."""
    return round(sum(map(_letter_width, text)))


def _letter_width(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return 11.0
    if letter in "mwMW@%…":
        return 10.0
    if letter in " ijlftr.,:;'|!·-–()/":
        return 4.4
    return 7.3 if letter.isupper() or letter.isdigit() else 6.6
