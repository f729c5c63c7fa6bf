"""Ranks over time: a line for each of the first models, and the numbers in a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from agon.arena.web.languages.texts import _, direction, ngettext, short_date
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.addresses import Link
from agon.arena.web.leaderboard.board_words import rule_name, scope_of
from agon.arena.web.leaderboard.menus import filters_html
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.models.board_series import Moment

MOST_LINES = 12
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 860.0, 34.0, 190.0, 26.0, 12.0


def history_html(
    moments: Sequence[Moment], *, about: About, offer: Offer, query: BoardQuery, link: Link
) -> str:
    """Return the page of ranks over time.

    Args:
        moments: the ranks at each time, the last ones last; empty where votes have no times.
        about: what is known of the votes.
        offer: what can be asked for.
        query: what was asked for.
        link: the addresses of other pages.
    """

    def here(query: BoardQuery, form: str = "") -> str | None:
        return link(query, form or "history")

    back = link(query.plain) or "./"
    if len(moments) < 2:
        need = _(
            "Ranks over time need votes with a timestamp, cast at several times, that this rule can use."
        )
        body = (
            f'<div class="ag-phead"><h1>{_("These votes say nothing of time.")}</h1>'
            f'<p class="ag-lead">{need}</p></div>'
            f'<a class="ag-btn" href="{escape(back)}">{_("Show the leaderboard")}</a>'
        )
    else:
        body = _head(moments, about.info, query) + filters_html(offer, query, about, here)
        body += (
            f'<section class="ag-card ag-pad ag-fig"><h2 class="ag-sr">{_("Ranks over time")}</h2>'
            f"{history_figure(moments, about.info)}</section>"
            f'<p class="ag-small ag-data"><a href="{escape(back)}">{_("Back to the leaderboard")}</a></p>'
        )
    return page_html(_("Ranks over time"), body, current="leaderboard", votes=about.total, site=about.site)


def _head(moments: Sequence[Moment], info: ModelInfo, query: BoardQuery) -> str:
    firsts: list[str] = []
    for moment in moments:
        leaders = [info.name(model) for model, rank in moment.ranks.items() if rank == 1]
        if leaders and (not firsts or firsts[-1] not in leaders):
            firsts.append(leaders[0])
    changes = len(firsts) - 1
    if not firsts:
        said = _("No model has a rank yet.")
    elif not changes:
        said = _("{model} was first all the time.", model=firsts[-1])
    else:
        said = ngettext(
            "{model} is first; the first place changed hands once.",
            "{model} is first; the first place changed hands {count} times.",
            changes,
            model=firsts[-1],
        )
    lead = _(
        "Ranks under {rule}{scope}, each by all votes cast until then ({first} at first, {now} now). The "
        "line is the rank by the score alone; how sure it is stands on the leaderboard.",
        rule=rule_name(query.rule),
        scope=scope_of(query),
        first=moments[0].votes,
        now=moments[-1].votes,
    )
    return f'<div class="ag-phead"><h1>{escape(said)}</h1><p class="ag-lead">{escape(lead)}</p></div>'


def history_figure(moments: Sequence[Moment], info: ModelInfo, models: Sequence[str] = ()) -> str:
    """The lines as a drawing with its table; of the models named, or of those that are first now."""
    now = moments[-1].ranks
    drawn = list(models) or sorted(now, key=lambda model: (now[model], model))[:MOST_LINES]
    drawn = [model for model in drawn if any(model in moment.ranks for moment in moments)]
    if not drawn:
        return f"<p>{_('Too few votes for a rank.')}</p>"
    ranks = [moment.ranks[model] for model in drawn for moment in moments if model in moment.ranks]
    low, high = min(ranks), max(ranks)
    begin, end = moments[0].seconds, moments[-1].seconds
    right = _WIDTH - _RIGHT

    def x(seconds: float) -> float:
        return round(_LEFT + (right - _LEFT) * (seconds - begin) / max(1.0, end - begin), 1)

    def y(rank: float) -> float:
        return round(_TOP + _ROW * (rank - low + 0.5), 1)

    height = y(high) + _ROW + 16
    parts = ""
    step = max(1, (high - low + 1) // 12)
    for rank in range(low, high + 1, step):
        parts += (
            f'<line x1="{_LEFT}" x2="{right}" y1="{y(rank)}" y2="{y(rank)}" stroke="var(--line)"/>'
            f'<text x="{_LEFT - 10}" y="{y(rank) + 4}" text-anchor="end" font-size="12"'
            f' fill="var(--ink-3)">{rank}</text>'
        )
    way = ' direction="rtl"' if direction() == "rtl" else ""  # drawings run from left to right
    for moment in (moments[0], moments[len(moments) // 2], moments[-1]):
        parts += (
            f'<text x="{x(moment.seconds)}" y="{height - 4}" text-anchor="middle" font-size="12"{way} '
            f'fill="var(--ink-3)">{day(moment.seconds)}</text>'
        )
    for number, model in enumerate(drawn):
        points = [(x(m.seconds), y(m.ranks[model])) for m in moments if model in m.ranks]
        path = "M" + "L".join(f"{a} {b}" for a, b in points)
        colour = "var(--accent)" if number % 2 == 0 else "var(--ink-3)"
        dots = "".join(f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in points)
        parts += f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
        if model in now:
            name = info.name(model)
            name = name if len(name) < 28 else name[:26] + "…"
            parts += (
                f'<text x="{right + 12}" y="{y(now[model]) + 4}" font-size="12.5" fill="var(--ink)">'
                f"{escape(name)}</text>"
            )
    said = "; ".join(
        _(
            "{model} rank {first} at first, {now} now",
            model=info.name(model),
            first=str(moments[0].ranks.get(model, _("none"))),
            now=str(now.get(model, _("none"))),
        )
        for model in drawn
    )
    head = "".join(f'<th scope="col" class="ag-r">{day(moment.seconds)}</th>' for moment in moments)
    rows = "".join(
        f'<tr><th scope="row">{escape(info.name(model))}</th>'
        + "".join(f'<td class="ag-r">{moment.ranks.get(model, "–")}</td>' for moment in moments)
        + "</tr>"
        for model in drawn
    )
    title = _("Ranks over time, in numbers")
    counted = "".join(f'<td class="ag-r">{number_text(moment.votes)}</td>' for moment in moments)
    return (
        f'<div class="ag-scroll" tabindex="0" role="group" aria-label="{_("Ranks over time, drawn")}">'
        f'<svg class="ag-hist" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'aria-label="{escape(said)}">{parts}</svg></div>'
        f'<details class="ag-fold"><summary>{title}</summary><div class="ag-numbers" tabindex="0" '
        f'role="group" aria-label="{title}"><table><caption class="ag-sr">{_("Ranks over time")}</caption>'
        f'<thead><tr><th scope="col">{_("Model")}</th>{head}</tr></thead><tbody>{rows}'
        f'<tr><th scope="row">{_("Votes")}</th>'
        f"{counted}</tr></tbody></table></div></details>"
    )


def day(seconds: float) -> str:
    """A time as its day, in UTC: "3 Feb 2026"."""
    return short_date(datetime.fromtimestamp(seconds, UTC))
