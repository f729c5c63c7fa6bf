"""The operators' page as HTML: models, votes, refusals, the record, and what can be done about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from agon.arena.core.arena import Arena
from agon.arena.core.roster import Contestant
from agon.arena.web.languages.texts import speaking
from agon.arena.web.layout import page_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.data.log.operation.log_figures import VOTER_CLASSES, LogFigures

MINUTES, SPANS = 10, 36  # of the figure of votes: six hours
DONE_WORDS = {
    "paused": "It is not drawn any more; battles that run go on. The configuration rules again when it is "
    "read anew.",
    "resumed": "It is drawn again. The configuration rules again when it is read anew.",
    "backup": "A backup is being made.",
    "verify": "The record is being checked.",
}
# Forms say where they come from, as on a visitor's own pages.
_HEAD = (
    '<meta name="robots" content="noindex"><meta name="referrer" content="same-origin">'
    "<style>.ag-admin form{display:inline}.ag-admin .ag-phead form{display:block;margin-top:10px}"
    ".ag-admin section>form+p{margin-top:14px}"
    ".ag-admin .ag-btn{min-height:32px;padding:3px 10px;"
    "font-size:var(--t-small)}.ag-admin section>form{display:block;margin-top:12px}"
    ".ag-admin p{overflow-wrap:anywhere}.ag-admin .ag-numbers{max-height:none}"
    ".ag-admin .ag-models{grid-column:1/-1}.ag-signin{max-width:420px}"
    ".ag-signin input{display:block;width:100%;min-height:44px;margin:6px 0 14px;padding:8px 12px;"
    "font:inherit;color:var(--ink);background:var(--surface);border:1px solid var(--control);"
    "border-radius:6px}</style>"
)
_WIDE, _HIGH = 440, 130


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows.

    Attributes:
        arena: as it is now.
        who: how whoever reads is called.
        form: what the forms carry.
        figures: of the log.
        measured: of each model, as `VoteLog.measured` has it.
        backup: the last one, as it was noted.
        backups: whether some can be made here.
        backing: what became of the last one that was begun here.
        checking: what the last check of the record found.
        disk: total, used and free bytes.
        by_proxy: whether a proxy vouches for them, so that nobody can sign out here.
    """

    arena: Arena
    who: str
    form: str
    figures: LogFigures
    measured: Mapping[str, Mapping[str, float]]
    backup: Mapping[str, Any] | None
    backups: bool
    backing: str | None
    checking: str | None
    disk: tuple[int, int, int]
    by_proxy: bool


def sign_in_html(*, token: bool) -> str:
    """The page for somebody who is not signed in."""
    form = (
        '<form class="ag-signin" method="post" action="./admin/enter"><label for="token">Token</label>'
        '<input id="token" name="token" type="password" autocomplete="current-password" required>'
        '<button type="submit" class="ag-btn ag-go">Sign in</button></form>'
        if token
        else "<p>Sign in where your organisation does; its proxy opens this page.</p>"
    )
    with speaking("en"):
        body = (
            '<div class="ag-phead"><h1>For whoever runs this arena</h1><p class="ag-lead">'
            "The token is in the environment variable that the configuration names.</p></div>" + form
        )
        return page_html("Operators", body, current=None, head=_HEAD)


def admin_html(seen: Overview, done: str = "") -> str:
    """The page; `done` is a key of DONE_WORDS."""
    arena, figures = seen.arena, seen.figures
    unable = arena.contestants.unavailable
    able = [
        one
        for one in arena.contestants.matchmaker.drawable(arena.roster.contestants)
        if one.card.name not in unable
    ]
    recent = sum(votes for _, votes in figures.spans[-60 // MINUTES :])
    head = (
        f"{len(able)} of {len(arena.roster.listed)} models can be drawn, and {recent:,} "
        f"{'vote' if recent == 1 else 'votes'} came in the last hour."
    )
    said = f'<p class="ag-lead" role="status">{escape(DONE_WORDS[done])}</p>' if done in DONE_WORDS else ""
    out = (
        ""
        if seen.by_proxy
        else _form(seen, "leave", '<button type="submit" class="ag-btn">Sign out</button>')
    )
    with speaking("en"):
        body = (
            f'<div class="ag-phead"><h1>{head}</h1>{said}<p class="ag-lead">Signed in: {escape(seen.who)}. '
            f"Only operators see this page.</p>{out}</div>"
            '<div class="ag-figs ag-two-one">'
            f"{_models(seen, unable)}{_votes(figures)}{_record(seen)}{_load(arena)}{_voters(figures)}</div>"
        )
        return page_html("Operators", f'<div class="ag-admin">{body}</div>', current=None, head=_HEAD)


def _form(seen: Overview, action: str, inside: str) -> str:
    return (
        f'<form method="post" action="./admin/{action}"><input type="hidden" name="form" '
        f'value="{escape(seen.form)}">{inside}</form>'
    )


def _card(title: str, inside: str, more: str = "") -> str:
    return f'<section class="ag-card ag-pad ag-fig{more}"><h2>{title}</h2>{inside}</section>'


def _table(caption: str, heads: Iterable[str], rows: Iterable[str]) -> str:
    top = "".join(
        f'<th scope="col"{"" if n == 0 else " class=ag-r"}>{name}</th>' for n, name in enumerate(heads)
    )
    return (
        f'<div class="ag-numbers" tabindex="0" role="region" aria-label="{caption}"><table><thead><tr>{top}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, *values: object) -> str:
    cells = "".join(f'<td class="ag-r">{value}</td>' for value in values)
    return f'<tr><th scope="row">{escape(without_hidden(name))}</th>{cells}</tr>'


def _models(seen: Overview, unable: Mapping[str, str]) -> str:
    arena = seen.arena
    total = sum(seen.figures.drawn.values()) or 1
    now = {one.card.name for one in arena.roster.contestants}
    rows = [
        _row(
            one.card.name,
            escape(_state(arena, one, unable)),
            "" if one.status == "retired" else _draw_button(seen, one.card.name),
            *_facts(seen, one.card.name, total),
        )
        for one in arena.roster.contestants
    ]
    rows += [
        _row(name, "retired", "", *_facts(seen, name, total))
        for name in seen.figures.drawn
        if name not in now
    ]
    heads = ("Model", "State", "Drawing", "Battles", "Share of draws", "Failures", "First token", "Tokens/s")
    return _card("Models", _table("Models", heads, rows), " ag-models")


def _state(arena: Arena, one: Contestant, unable: Mapping[str, str]) -> str:
    if one.card.name in arena.settings.paused:
        return "paused"
    if one.status == "retired":
        return "retired"
    kind = unable.get(one.card.name)
    if one.status == "testing":
        return "in testing" if kind is None else f"in testing, out: {kind}"
    return "answers" if kind is None else f"out: {kind}"


def _facts(seen: Overview, name: str, total: int) -> tuple[str, ...]:
    drawn, facts = seen.figures.drawn.get(name, 0), seen.measured.get(name, {})
    failures = ", ".join(f"{kind} {n:,}" for kind, n in seen.arena.contestants.endings.failures(name).items())
    first, speed = facts.get("first_token"), facts.get("tokens_per_second")
    return (
        f"{drawn:,}",
        f"{drawn / total:.1%}",
        escape(failures) or "none",
        "" if first is None else f"{first:.2f} s",
        "" if speed is None else f"{speed:,.0f}",
    )


def _draw_button(seen: Overview, name: str) -> str:
    paused = name in seen.arena.settings.paused
    word, verb = ("resume", "Resume") if paused else ("pause", "Pause")
    button = (
        f'<button type="submit" class="ag-btn" name="{word}" value="{escape(name)}" '
        f'aria-label="{verb} {escape(without_hidden(name))}">{verb}</button>'
    )
    return _form(seen, "draw", button)


def _votes(figures: LogFigures) -> str:
    """Votes of the last hours, as bars and as a table."""
    most = max((votes for _, votes in figures.spans), default=0)
    total = sum(votes for _, votes in figures.spans)
    hours = figures.minutes * len(figures.spans) // 60
    if not total:
        return _card("Votes", f"<p>No vote came in the last {hours} hours; {figures.votes:,} in all.</p>")
    step = _WIDE / len(figures.spans)
    bars = "".join(
        f'<rect x="{n * step + 1:.1f}" y="{_HIGH - 20 - (_HIGH - 40) * votes / most:.1f}" '
        f'width="{step - 2:.1f}" height="{(_HIGH - 40) * votes / most:.1f}" fill="var(--accent)"/>'
        for n, (_, votes) in enumerate(figures.spans)
        if votes
    )
    every = 120 // figures.minutes
    ticks = "".join(
        f'<text x="{n * step:.1f}" y="{_HIGH - 4}" text-anchor="{"start" if n == 0 else "middle"}">'
        f"{begin:%H:%M}</text>"
        for n, (begin, _) in enumerate(figures.spans)
        if n % every == 0
    )
    said = f"{total:,} votes in {hours} hours, at most {most / figures.minutes:.1f} a minute."
    drawing = (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{said}" font-size="13" '
        f'fill="var(--ink-3)" width="100%">{bars}<line x1="0" x2="{_WIDE}" y1="{_HIGH - 20}" '
        f'y2="{_HIGH - 20}" stroke="var(--line-strong)"/>{ticks}</svg>'
    )
    rows = (
        _row(f"{begin:%H:%M}", f"{votes:,}", f"{votes / figures.minutes:.1f}")
        for begin, votes in reversed(figures.spans)
    )
    table = _table("Votes by time", ("From (UTC)", "Votes", "A minute"), rows)
    numbers = f"<details><summary>As numbers</summary>{table}</details>"
    return _card("Votes", f"<p>{said} {figures.votes:,} in all.</p>{drawing}{numbers}")


def _record(seen: Overview) -> str:
    head, folder = seen.arena.log.head, seen.arena.log.folder
    total, _, free = seen.disk
    size = sum(one.stat().st_size for one in folder.glob("*") if one.is_file())
    last = "No backup was made yet."
    if seen.backup is not None:
        made = datetime.fromisoformat(str(seen.backup["made"]))
        behind = head.events - int(seen.backup["events"])
        last = f"The last backup is of {made:%Y-%m-%d %H:%M} UTC, {behind:,} events ago."
    inside = (
        f"<p>{head.events:,} events, {size / 1e6:,.1f} MB. Head: <code>{head.hash[:16]}</code>. "
        f"Disk: {free / 1e9:,.1f} of {total / 1e9:,.1f} GB free.</p><p>{escape(last)} "
        f"{escape(seen.backing or '')}</p>"
    )
    if seen.backups:
        inside += _form(seen, "backup", '<button type="submit" class="ag-btn">Make a backup</button>')
    else:
        inside += "<p>Name a folder in the configuration to make backups from here.</p>"
    inside += f"<p>{escape(seen.checking or 'The record was not checked since the start.')}</p>"
    inside += _form(seen, "verify", '<button type="submit" class="ag-btn">Check the record</button>')
    return _card("The record", inside)


def _load(arena: Arena) -> str:
    """Places that are taken, and requests that were refused."""
    allowed = arena.settings
    said = (
        f"<p>{arena.battles.places_taken:,} of {allowed.running:,} battles are being answered; one visitor "
        f"may have {allowed.running_per_voter}, one network {allowed.running_per_network}.</p>"
    )
    refused = sorted(arena.refused.items(), key=lambda item: -item[1])
    rows = [_row(code, f"{n:,}") for code, n in refused]
    table = _table("Refused requests", ("Refused, by reason", "Since the start"), rows)
    return _card("Places and refusals", said + (table if rows else "<p>Nothing was refused.</p>"))


def _voters(figures: LogFigures) -> str:
    def name(low: int, high: int | None) -> str:
        return f"{low} or more" if high is None else f"{low}" if low == high else f"{low} to {high}"

    rows = [_row(name(*each), f"{n:,}") for each, n in zip(VOTER_CLASSES, figures.voters, strict=True)]
    counted = figures.votes - sum(figures.left_out.values())
    said = (
        f"<p>{sum(figures.voters):,} voters; the busiest cast {figures.most:,}. {counted:,} of "
        f"{figures.votes:,} votes count.</p>"
    )
    out = [_row(reason, f"{n:,}") for reason, n in figures.left_out.items()]
    said += _table("Votes that do not count", ("Not counted", "Votes"), out) if out else ""
    return _card("Voters", said + _table("Voters by number of votes", ("Votes of a voter", "Voters"), rows))
