"""The page Integrity: what became of all votes, whose they are, and whether sides and draws are even."""

from __future__ import annotations

from html import escape
from math import exp

from agon.arena.web.languages.texts import _, all_of, language, ngettext, number, percent
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.board_words import reason_html, told_html
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.auditing import Audit, VoterShares
from agon.arena.web.lens.gates_section import card_head, gates_html, withdrawals_html
from agon.arena.web.markdown.markdown import without_hidden
from agon.arena.web.models.roster_section import roster_html
from agon.ranking import AATest, AnonymityTest
from agon.ranking.matchmaking.exposure import DrawShares
from agon.ranking.text import Sentence, join_names

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
            f'<div class="ag-phead"><h1>{_("These are scores, and nobody voted on them.")}</h1>'
            '<p class="ag-lead">{}</p></div>'.format(
                _(
                    "Sides, voters and draws are of votes. What holds of a table is on the leaderboard, "
                    "under “What to know”."
                )
            )
        )
    elif not audit.counted:
        body = f'<div class="ag-phead"><h1>{_("No votes yet, so there is nothing to check.")}</h1></div>'
    else:
        body = _head(audit, about) + '<div class="ag-figs ag-two-one">'
        body += _funnel(audit) + _side(audit, about) + _voters(audit.voters, about)
        body += gates_html(audit, about)
        body += (
            _anonymity(audit.anonymity)
            + _noise(audit.noise, about)
            + _draws(audit.draws, about)
            + withdrawals_html(audit.withdrawals, about)
            + roster_html(audit.roster, about)
        )
        body += _unseen(audit, about) + "</div>"
    votes = about.total if about.unit != "task" else None
    return page_html(_("Integrity"), body, current="integrity", votes=votes, site=about.site)


def _head(audit: Audit, about: About) -> str:
    total = audit.counted + sum(audit.left_out.values())
    side, favoured = audit.side, None
    if side is not None:
        favoured = "none" if side.lower <= 0 <= side.upper else "left" if side.bias > 0 else "right"
    if total == audit.counted:
        said = {
            None: _("All {number} votes count."),
            "left": _("All {number} votes count, and the left side is favoured."),
            "right": _("All {number} votes count, and the right side is favoured."),
            "none": _("All {number} votes count, and neither side is certainly favoured."),
        }[favoured]
    else:
        said = {
            None: _("{number} of {total} votes count ({share})."),
            "left": _("{number} of {total} votes count ({share}), and the left side is favoured."),
            "right": _("{number} of {total} votes count ({share}), and the right side is favoured."),
            "none": _("{number} of {total} votes count ({share}), and neither side is certainly favoured."),
        }[favoured]
    said = said.format(number=number(audit.counted), total=number(total), share=_share(audit.counted / total))
    lead = (
        _("Nothing is deleted: a vote that does not count stays in the log, with the reason.")
        if about.unit == "blind vote"
        else _("What these votes say of their own making. A vote that does not count stays in the file.")
    )
    return f'<div class="ag-phead"><h1>{said}</h1><p class="ag-lead">{lead}</p></div>'


def _funnel(audit: Audit) -> str:
    """What went in, what was left out at each reason, what counts."""
    total = audit.counted + sum(audit.left_out.values())
    rows, left = _bar(_("All votes"), total, total), total
    for reason, out in sorted(audit.left_out.items(), key=lambda item: -item[1]):
        left -= out
        rows += _bar(_("Left out: {reason}", reason=reason_html(reason)), left, total, out)
    rows += _bar(_("Counted"), audit.counted, total)
    left = audit.counted
    more = audit.gated.set_aside if audit.gated is not None and audit.gates == "none" else {}
    for reason, out in more.items():
        left -= out
        rows += _bar(_("Gates would set aside: {reason}", reason=reason_html(reason)), left, total, out)
    none = "" if audit.left_out else f"<p>{_('No vote was left out.')}</p>"
    return f"{card_head(_('What became of all votes'))}{none}" + _bars(
        _("Votes left after each reason to leave some out"), _("Step"), (_("Left"), _("Out")), rows
    )


def _bars(caption: str, first: str, others: tuple[str, ...], rows: str, after: str = "") -> str:
    """A table of bars, which ends its section."""
    heads = "".join(f'<th scope="col" class="ag-r">{head}</th>' for head in others)
    return (
        f'<div class="ag-numbers" tabindex="0"><table class="ag-bars"><caption class="ag-sr">{caption}'
        f'</caption><thead><tr><th scope="col">{first}</th><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{after}</section>"
    )


def _bar(label: str, left: int, total: int, out: int | None = None) -> str:
    """A row of the funnel; `label` is HTML."""
    wide = 100 * left / total if total else 0
    lost = 100 * (out or 0) / total if total else 0
    return (
        f'<tr><th scope="row">{label}</th><td class="ag-barcell"><svg viewBox="0 0 100 10" '
        'preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" fill="var(--sunken)"/>'
        f'<rect width="{wide:.2f}" height="10" fill="var(--accent)"/>'
        f'<rect x="{wide:.2f}" width="{lost:.2f}" height="10" fill="var(--bad)"/></svg></td>'
        f'<td class="ag-r">{number(left)}</td><td class="ag-r">{"" if out is None else number(out)}</td></tr>'
    )


def _side(audit: Audit, about: About) -> str:
    head, side = card_head(_("Is a side favoured?")), audit.side
    if side is None:
        why = audit.no_side or ""
        why = why.renamed(about.info.name) if isinstance(why, Sentence) else why
        return f"{head}<p>{told_html(why)}</p></section>"
    low, high = (_logistic(bound) for bound in (side.lower, side.upper))
    holds = (
        _("The interval holds 50%: the side shows no certain effect.")
        if low <= 0.5 <= high
        else _("The interval does not hold 50%: the side decides some votes.")
    )
    allowed = _(
        "({test}, the strengths of the models allowed for.) Boards stay the same when the sides of all "
        "votes are exchanged.",
        test=f"p = {side.p_value:.2g}" if side.p_value >= 1e-4 else "p &lt; 0.0001",
    )
    drawn, said = _interval(side.share, low, high, _("Left side")), told_html(side.conclusion())
    return f"{head}{drawn}<p>{said} {holds} {allowed}</p></section>"


def _noise(noise: AATest | None, about: About) -> str:
    head = card_head(_("The same model on both sides"))
    if noise is None:
        said = (
            _("No battle showed one model twice, so how noisy the votes are by themselves is not known.")
            if about.folders
            else _("Only the log of an arena holds battles that show one model twice.")
        )
        return f"{head}<p>{said}</p></section>"
    drawn = ""
    if noise.first is not None:
        label = _("Shown first, of those decided")
        drawn = _interval(noise.first, noise.first_lower, noise.first_upper, label)
    return f"{head}{drawn}<p>{told_html(noise.conclusion())} {_('They count on no board.')}</p></section>"


def _anonymity(found: AnonymityTest | None) -> str:
    """Whether answers can be told apart by what is seen of them; nothing where no log says."""
    if found is None:
        return ""
    said = told_html(found.conclusion())
    drawn = ""
    if found.text.told is not None:
        label = _("Battles in which texts tell whose is which")
        drawn = _interval(found.text.told, found.text.told_lower, found.text.told_upper, label)
    timed = ""
    if found.times is not None and found.times.told is not None:
        timed = " " + _(
            "The times of the servers would tell it in {share} ({low} to {high}); with an even pace no page "
            "shows them.",
            share=percent(found.times.told, 0),
            low=percent(found.times.told_lower, 0),
            high=percent(found.times.told_upper, 0),
        )
    honest = _(
        "Models have styles, and whoever knows them well may recognise one: what an arena can promise is "
        "that it shows nothing beside the text. The program had read other answers of the same models, to "
        "other prompts."
    )
    return f"{card_head(_('Can answers be told apart?'))}{drawn}<p>{said}{timed}</p><p>{honest}</p></section>"


def _voters(seen: VoterShares | None, about: About) -> str:
    head = card_head(_("Whose votes they are"))
    if seen is None:
        return (
            f"{head}<p>"
            f"{_('These votes do not say whose they are, so nobody can tell how often one came back.')}"
            "</p></section>"
        )
    if seen.voters == 1:
        alone = _(
            "All {total} votes carry one voter’s name, so these are one voter’s opinions, or the file does "
            "not tell its voters apart.",
            total=seen.total,
        )
        return f"{head}<p>{alone}</p></section>"
    top = seen.votes[0] / seen.total
    rows = "".join(
        f'<tr><th scope="row">{_("Busiest") if i == 0 else f"{i + 1}."}</th><td class="ag-barcell">'
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * votes / seen.votes[0]:.2f}" height="10" fill="var(--accent)"/></svg></td>'
        f'<td class="ag-r">{number(votes)}</td><td class="ag-r">{_share(votes / seen.total)}</td></tr>'
        for i, votes in enumerate(seen.votes)
    )
    names = [about.info.name(model) for model in seen.carried]
    carried = (
        _(
            "One voter cast half or more of the votes of {models}: such a score is one voter's opinion.",
            models=escape(without_hidden(_joined(names))),
        )
        if names
        else _("No model with 30 votes owes half of them to one voter.")
    )
    told = _(
        "{voters} voters, of whom {again} voted more than once; the busiest cast {share}. They say as much "
        "as {effective} voters with equally many votes.",
        voters=seen.voters,
        again=seen.again,
        share=_share(top),
        effective=number(seen.effective, 0),
    )
    alike = _("Intervals allow for votes of one voter being alike where that makes them wider.")
    return f"{head}<p>{told} {alike} {carried}</p>" + _bars(
        _("Votes of the busiest voters"), _("Voter"), (_("Votes"), _("Share")), rows
    )


def _joined(words: list[str], most: int = 3) -> str:
    return join_names(words, most=most) if language() == "en" else all_of(words)


def _draws(seen: DrawShares | None, about: About) -> str:
    head = card_head(_("Who was drawn how often"))
    if seen is None:
        said = _("Only the log of an arena says which battles were drawn, and by which plan.")
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
            f'</td><td class="ag-r">{_share(one.share)}</td><td class="ag-r ag-dim">'
            f"{_('{low} to {high}', low=_share(one.lower), high=_share(one.upper))}"
            f'</td><td class="ag-r">'
            f"{'–' if one.planned is None else _share(one.planned)}</td></tr>"
        )
    more = len(seen.shares) - _MOST_DRAWN
    below = ngettext("{count} more model below these.", "{count} more models below these.", more)
    rest = f"<p>{below}</p>" if more > 0 else ""
    why = (
        _(
            "A share is planned for all battles only where one policy drew evenly from the same models "
            "throughout; the log keeps the probability of every draw."
        )
        if seen.p_value is None
        else _("Bar: drawn. Line: planned.")
    )
    said = told_html(seen.conclusion().renamed(about.info.name))
    heads = (_("Drawn"), _("95% interval"), _("Planned"))
    return f"{head}<p>{said} {why}</p>" + _bars(_("Shares of battles"), _("Model"), heads, rows, rest)


def _unseen(audit: Audit, about: About) -> str:
    unknown = []
    if audit.voters is None or audit.voters.voters == 1:
        unknown.append(_("how many people cast these votes"))
    else:
        unknown.append(_("whether two voters are one person"))
    if audit.draws is None:
        unknown.append(_("how the models were drawn"))
    if audit.noise is None:
        unknown.append(_("how often a voter prefers one of two answers of the same model"))
    said = _(
        "Nothing on this page tells {things}, or whether somebody casts a few votes for one model on "
        "purpose.",
        things=_joined(unknown, most=5),
    )
    if rules := dict(about.site.pages).get("rules"):
        link = f'<a href="{rules[0]}">{_("How far the rules agree")}</a>'
        said += " " + _("{link} is on its own page.", link=link)
    return f"{card_head(_('What cannot be seen here'))}<p>{said}</p></section>"


def _interval(share: float, low: float, high: float, label: str) -> str:
    """A share with its interval around one half."""
    reach = max(abs(low - 0.5), abs(high - 0.5), 0.01) * 1.25

    def x(value: float) -> float:
        return round(20 + (value - 0.5 + reach) / (2 * reach) * (_WIDTH - 40), 1)

    ticks = "".join(
        f'<line x1="{x(tick)}" x2="{x(tick)}" y1="34" y2="40" stroke="var(--control)"/><text x="{x(tick)}" '
        f'y="54" text-anchor="middle">{percent(tick, 1)}</text>'
        for tick in (0.5 - reach * 0.8, 0.5, 0.5 + reach * 0.8)
    )
    said = _(
        "{label}: {share}, interval {low} to {high}; even is 50%.",
        label=label,
        share=percent(share, 1),
        low=percent(low, 1),
        high=percent(high, 1),
    )
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
        return f"&lt;{percent(0.001, 1)}"
    return f"&gt;{percent(0.999, 1)}" if 0.9995 <= value < 1 else percent(value, 1)
