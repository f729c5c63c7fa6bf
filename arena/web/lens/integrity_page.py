"""The page Integrity: what became of all votes, whose they are, and whether sides and draws are even."""

from __future__ import annotations

from html import escape
from math import exp

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.auditing import Audit, VoterShares
from agon.arena.web.lens.gates_section import gates_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import AATest, PositionBias
from agon.ranking.matchmaking.exposure import DrawShares
from agon.ranking.text import join_names

_MOST_DRAWN = 40  # models in the figure of draws
_WIDTH = 440  # of an interval's drawing


def integrity_html(audit: Audit, *, about: About) -> str:
    """Return the page.

    Args:
        audit: what was found.
        about: what is known of the votes.
    """
    if audit.table:
        body = (
            '<div class="ag-phead"><h1>These are scores, and nobody voted on them.</h1>'
            '<p class="ag-lead">Sides, voters and draws are of votes. What holds of a table is on the '
            "leaderboard, under “What to know”.</p></div>"
        )
    elif not audit.counted:
        body = '<div class="ag-phead"><h1>No votes yet, so there is nothing to check.</h1></div>'
    else:
        body = _head(audit, about) + '<div class="ag-figs ag-two-one">'
        body += _funnel(audit) + _side(audit.side, audit.no_side) + _voters(audit.voters, about)
        body += gates_html(audit, about)
        body += _noise(audit.noise, about) + _draws(audit.draws, about) + _unseen(audit, about) + "</div>"
    votes = about.total if about.unit != "task" else None
    return page_html("Integrity", body, current="integrity", votes=votes, site=about.site, english=True)


def _head(audit: Audit, about: About) -> str:
    total = audit.counted + sum(audit.left_out.values())
    number = f"{audit.counted:,}"
    first = (
        f"All {number} votes count"
        if total == audit.counted
        else f"{number} of {total:,} votes count ({_share(audit.counted / total)})"
    )
    side = audit.side
    if side is None:
        second = ""
    elif side.lower > 0 or side.upper < 0:
        second = f", and the {'left' if side.bias > 0 else 'right'} side is favoured"
    else:
        second = ", and neither side is certainly favoured"
    lead = (
        "Nothing is deleted: a vote that does not count stays in the log, with the reason."
        if about.unit == "blind vote"
        else "What these votes say of their own making. A vote that does not count stays in the file."
    )
    return f'<div class="ag-phead"><h1>{first}{second}.</h1><p class="ag-lead">{lead}</p></div>'


def _funnel(audit: Audit) -> str:
    """What went in, what was left out at each reason, what counts."""
    total = audit.counted + sum(audit.left_out.values())
    rows, left = _bar("All votes", total, total), total
    for reason, number in sorted(audit.left_out.items(), key=lambda item: -item[1]):
        left -= number
        rows += _bar(f"Left out: {without_hidden(reason)}", left, total, number)
    rows += _bar("Counted", audit.counted, total)
    left = audit.counted
    for reason, number in (audit.gated.set_aside if audit.gated is not None else {}).items():
        left -= number
        rows += _bar(f"Gates would set aside: {reason}", left, total, number)
    none = "" if audit.left_out else "<p>No vote was left out.</p>"
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>What became of all votes</h2>'
        f'{none}<div class="ag-numbers" tabindex="0">'
        '<table class="ag-bars"><caption class="ag-sr">Votes left after each '
        'reason to leave some out</caption><thead><tr><th scope="col">Step</th><td></td><th scope="col" '
        'class="ag-r">Left</th><th scope="col" class="ag-r">Out</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _bar(label: str, left: int, total: int, out: int | None = None) -> str:
    wide = 100 * left / total if total else 0
    lost = 100 * (out or 0) / total if total else 0
    return (
        f'<tr><th scope="row">{escape(label)}</th><td class="ag-barcell"><svg viewBox="0 0 100 10" '
        'preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" fill="var(--sunken)"/>'
        f'<rect width="{wide:.2f}" height="10" fill="var(--accent)"/>'
        f'<rect x="{wide:.2f}" width="{lost:.2f}" height="10" fill="var(--bad)"/></svg></td>'
        f'<td class="ag-r">{left:,}</td><td class="ag-r">{"" if out is None else f"{out:,}"}</td></tr>'
    )


def _side(side: PositionBias | None, why: str | None) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>Is a side favoured?</h2>'
    if side is None:
        return f"{head}<p>{escape(without_hidden(why or ''))}</p></section>"
    low, high = (_logistic(bound) for bound in (side.lower, side.upper))
    holds = (
        "The interval holds 50%: the side shows no certain effect."
        if low <= 0.5 <= high
        else "The interval does not hold 50%: the side decides some votes."
    )
    test = f"p = {side.p_value:.2g}" if side.p_value >= 1e-4 else "p < 0.0001"
    return (
        f"{head}{_interval(side.share, low, high, 'Left side')}<p>{escape(side.conclusion())} {holds} "
        f"({test}, the strengths of the models allowed for.) Boards stay the same when the sides of all "
        "votes are exchanged.</p></section>"
    )


def _noise(noise: AATest | None, about: About) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>The same model on both sides</h2>'
    if noise is None:
        said = (
            "No battle showed one model twice, so how noisy the votes are by themselves is not known."
            if about.folders
            else "Only the log of an arena holds battles that show one model twice."
        )
        return f"{head}<p>{said}</p></section>"
    drawn = ""
    if noise.first is not None:
        drawn = _interval(noise.first, noise.first_lower, noise.first_upper, "Shown first, of those decided")
    return f"{head}{drawn}<p>{escape(noise.conclusion())} They count on no board.</p></section>"


def _voters(seen: VoterShares | None, about: About) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>Whose votes they are</h2>'
    if seen is None:
        return (
            f"{head}<p>These votes do not say whose they are, so nobody can tell how often one came back.</p>"
            "</section>"
        )
    if seen.voters == 1:
        return (
            f"{head}<p>All {seen.total:,} votes carry one voter’s name, so these are one voter’s opinions, "
            "or the file does not tell its voters apart.</p></section>"
        )
    top = seen.votes[0] / seen.total
    rows = "".join(
        f'<tr><th scope="row">{"Busiest" if i == 0 else f"{i + 1}."}</th><td class="ag-barcell">'
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * votes / seen.votes[0]:.2f}" height="10" fill="var(--accent)"/></svg></td>'
        f'<td class="ag-r">{votes:,}</td><td class="ag-r">{_share(votes / seen.total)}</td></tr>'
        for i, votes in enumerate(seen.votes)
    )
    names = join_names([about.info.name(model) for model in seen.carried])
    carried = (
        f"One voter cast half or more of the votes of {names}: such a score is one voter's opinion."
        if names
        else "No model with 30 votes owes half of them to one voter."
    )
    return (
        f"{head}<p>{plural(seen.voters, 'voter')}, of whom {seen.again:,} voted more than once; the busiest "
        f"cast {_share(top)}. They say as much as {seen.effective:,.0f} voters with equally many votes. "
        "Intervals allow for votes of one voter being alike where that makes them wider. "
        f'{escape(without_hidden(carried))}</p><div class="ag-numbers" tabindex="0">'
        '<table class="ag-bars"><caption '
        'class="ag-sr">Votes of the busiest voters</caption><thead><tr><th scope="col">Voter</th><td></td>'
        '<th scope="col" class="ag-r">Votes</th><th scope="col" class="ag-r">Share</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _draws(seen: DrawShares | None, about: About) -> str:
    head = '<section class="ag-card ag-pad ag-fig"><h2>Who was drawn how often</h2>'
    if seen is None:
        said = "Only the log of an arena says which battles were drawn, and by which plan."
        return f"{head}<p>{said}</p></section>"
    most = max(one.upper for one in seen.shares)
    rows = ""
    for one in seen.shares[:_MOST_DRAWN]:
        planned = ""
        if one.planned is not None:
            at = 100 * one.planned / most
            planned = f'<rect x="{at - 0.35:.2f}" width="0.7" height="10" fill="var(--ink)"/>'
        rows += (
            f'<tr><th scope="row">{escape(about.info.name(one.model))}</th><td class="ag-barcell">'
            '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect y="2" width="{100 * one.share / most:.2f}" height="6" fill="var(--accent)"/>'
            f"{planned}</svg>"
            f'</td><td class="ag-r">{_share(one.share)}</td><td class="ag-r ag-dim">{_share(one.lower)} to '
            f'{_share(one.upper)}</td><td class="ag-r">'
            f"{'–' if one.planned is None else _share(one.planned)}</td></tr>"
        )
    more = len(seen.shares) - _MOST_DRAWN
    rest = f"<p>{plural(more, 'more model')} below these.</p>" if more > 0 else ""
    why = (
        " A share is planned for all battles only where one policy drew evenly from the same models "
        "throughout; the log keeps the probability of every draw."
        if seen.p_value is None
        else " Bar: drawn. Line: planned."
    )
    said = seen.conclusion()
    for one in seen.shares:
        said = said.replace(f"{one.model}: drawn", f"{about.info.name(one.model)}: drawn")
    return (
        f'{head}<p>{escape(said)}{why}</p><div class="ag-numbers" tabindex="0">'
        '<table class="ag-bars"><caption '
        'class="ag-sr">Shares of battles</caption><thead><tr><th scope="col">Model</th><td></td>'
        '<th scope="col" class="ag-r">Drawn</th><th scope="col" class="ag-r">95% interval</th>'
        f'<th scope="col" class="ag-r">Planned</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{rest}</section>"
    )


def _unseen(audit: Audit, about: About) -> str:
    unknown = []
    if audit.voters is None or audit.voters.voters == 1:
        unknown.append("how many people cast these votes")
    else:
        unknown.append("whether two voters are one person")
    if audit.draws is None:
        unknown.append("how the models were drawn")
    if audit.noise is None:
        unknown.append("how often a voter prefers one of two answers of the same model")
    rules = dict(about.site.pages).get("rules")
    link = f' <a href="{rules[0]}">How far the rules agree</a> is on its own page.' if rules else ""
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>What cannot be seen here</h2>'
        f"<p>Nothing on this page tells {escape(join_names(unknown, most=5))}, or whether somebody casts a "
        f"few votes for one model on purpose.{link}</p></section>"
    )


def _interval(share: float, low: float, high: float, label: str) -> str:
    """A share with its interval around one half."""
    reach = max(abs(low - 0.5), abs(high - 0.5), 0.01) * 1.25

    def x(value: float) -> float:
        return round(20 + (value - 0.5 + reach) / (2 * reach) * (_WIDTH - 40), 1)

    ticks = "".join(
        f'<line x1="{x(tick)}" x2="{x(tick)}" y1="34" y2="40" stroke="var(--control)"/><text x="{x(tick)}" '
        f'y="54" text-anchor="middle">{tick:.1%}</text>'
        for tick in (0.5 - reach * 0.8, 0.5, 0.5 + reach * 0.8)
    )
    said = f"{label}: {share:.1%}, interval {low:.1%} to {high:.1%}; even is 50%."
    return (
        f'<svg class="ag-span" viewBox="0 0 {_WIDTH} 60" role="img" aria-label="{escape(said)}" '
        f'font-size="12" fill="var(--ink-3)"><line x1="20" x2="{_WIDTH - 20}" y1="34" y2="34"'
        ' stroke="var(--line-strong)"/>'
        f'{ticks}<line x1="{x(0.5)}" x2="{x(0.5)}" y1="4" y2="34" stroke="var(--ink)" stroke-width="1.5"/>'
        f'<line x1="{x(low)}" x2="{x(high)}" y1="19" y2="19" stroke="var(--accent)" stroke-width="2"/>'
        f'<path d="M{x(low)} 14v10M{x(high)} 14v10" stroke="var(--accent)" stroke-width="1.5"/>'
        f'<circle cx="{x(share)}" cy="19" r="4.5" fill="var(--accent)"/></svg>'
    )


def _logistic(nats: float) -> float:
    return 1 / (1 + exp(-nats))


def _share(value: float) -> str:
    """A share that never rounds to all or nothing."""
    if 0 < value < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 <= value < 1 else f"{value:.1%}"
