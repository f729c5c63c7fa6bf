"""The page of rules: the same votes under several, who is first, how likely, and how far the rules agree."""

from __future__ import annotations

from html import escape

import numpy as np

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.page import (
    FAMILIES,
    Link,
    address,
    condition_words,
    family_name,
    filters_html,
    rule_name,
    shell_words,
)
from agon.arena.web.leaderboard.query import ALL, BoardQuery, Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking.analysis.rule_comparison import RuleComparison

MODELS_ACROSS = 12  # models across
_STEPS = 6  # colours, --h0 to --h5
_ASKS = {
    "likelihood": "How strong must each model be for these votes to be likely? A win over a strong one "
    "counts more.",
    "online": "How strong did each model look after the last vote? What came late counts more.",
    "social_choice": "Which model would most ballots prefer? Majorities may run in circles; each rule "
    "breaks them in its own way.",
    "aggregation": "How much of what could be won was won? Easy opponents help.",
}


def rules_html(
    seen: RuleComparison | None, *, about: About, offer: Offer, query: BoardQuery = ALL, link: Link = address
) -> str:
    """Return the page of rules.

    Args:
        seen: the comparison; None if there are no such votes.
        about: what is known of the votes.
        offer: what votes can be asked for.
        query: which were asked for.
        link: the addresses of other pages; of boards, and of this page as "rules".
    """

    def here(query: BoardQuery, form: str = "") -> str | None:
        return link(BoardQuery(query.where), form or "rules")

    menus = filters_html(offer, BoardQuery(query.where), about, here)
    if seen is None:
        body = f'<div class="ag-phead"><h1>No votes{escape(query.words)} yet.</h1></div>{menus}'
    else:
        body = _head(seen, about, query) + menus + _matrix(seen, about, query, link)
        body += f'<div class="ag-figs">{_agreement(seen)}{_asks(seen)}</div>'
        words = ["agon", "rank", *about.words, "--compare-rules", *condition_words(about, query)]
        body += (
            '<code class="ag-cmd" tabindex="0" role="group"'
            ' aria-label="The command that reproduces this page">'
            f"{escape(without_hidden(shell_words(words)))}</code>"
        )
    return page_html("Rules", body, current="rules", votes=about.total, site=about.site)


def _head(seen: RuleComparison, about: About, query: BoardQuery) -> str:
    counted = (
        f"The same {plural(about.total, about.unit)}" if not query.where else f"The same votes{query.words}"
    )
    draws = f" from {seen.n_resamples} resamples" if seen.n_resamples else ""
    lead = (
        f"{counted} under {len(seen.methods)} rules: the ranks a model may hold at {seen.level:.0%}, and the "
        f"chance that it comes first{draws}."
    )
    left_out = seen.left_out_sentence()
    return (
        f'<div class="ag-phead"><h1>{escape(without_hidden(seen.conclusion()))}</h1>'
        f'<p class="ag-lead">{escape(lead)} {escape(without_hidden(left_out))}</p></div>'
    )


def _matrix(seen: RuleComparison, about: About, query: BoardQuery, link: Link) -> str:
    """Rules down, models across."""
    names = seen.models[:MODELS_ACROSS]
    elects = seen.nobody is not None and bool((seen.nobody > 0).any())
    head = "".join(f'<th scope="col">{escape(about.info.name(name))}</th>' for name in names)
    head += '<th scope="col">Nobody</th>' if elects else ""
    body, family = "", ""
    order = sorted(range(len(seen.methods)), key=lambda i: list(FAMILIES).index(family_name(seen.methods[i])))
    for number in order:
        method = seen.methods[number]
        if family_name(method) != family:
            family = family_name(method)
            body += (
                f'<tr class="ag-family"><th colspan="{len(names) + 1 + elects}">{FAMILIES[family]}</th></tr>'
            )
        target = link(BoardQuery(query.where).under(method))
        said = f'<a href="{escape(target)}">{rule_name(method)}</a>' if target else rule_name(method)
        cells = "".join(_cell(seen, number, i) for i in range(len(names)))
        if elects and seen.nobody is not None:
            chance = float(seen.nobody[number])
            cells += f"<td>{_percent(chance) if chance > 0 else ''}</td>"
        body += f'<tr><th scope="row">{said}</th>{cells}</tr>'
    colours = "".join(f'<i class="ag-h{step}"></i>' for step in range(_STEPS))
    return (
        '<div class="ag-card ag-lenswrap"><table class="ag-lens"><caption class="ag-sr">Ranks under each '
        f"rule, and the chance of being first</caption><thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
        f'<p class="ag-legend ag-fig" aria-hidden="true">Chance of being first 0%{colours}100%'
        '<b class="ag-other">another first</b></p></div>' + _data(seen, query, link)
    )


def _data(seen: RuleComparison, query: BoardQuery, link: Link) -> str:
    """The way to all of it as JSON, with the number of models that the table does not show."""
    target, more = link(BoardQuery(query.where), "rules.json"), len(seen.models) - MODELS_ACROSS
    if target is None:
        return ""
    said = f", with {plural(more, 'more model')}" if more > 0 else ""
    return f'<p class="ag-small ag-data">This comparison as <a href="{escape(target)}">JSON</a>{said}</p>'


def _cell(seen: RuleComparison, number: int, i: int) -> str:
    """One model under one rule: its ranks, or its share of a lottery, and its chance of being first."""
    method = seen.methods[number]
    rank, low, high = (int(t[number, i]) for t in (seen.rank, seen.rank_lower, seen.rank_upper))
    chance = None if seen.first is None else float(seen.first[number, i])
    if method in seen.lotteries:
        share = float(seen.lotteries[method][i])
        words, under = (f"{share:.0%}", "of the lottery") if share > 5e-4 else ("–", "")
        step, first = _step(share), share == float(seen.lotteries[method].max())
    else:
        words = "–" if not rank else f"{low}–{high}" if 0 < low < high else str(low or rank)
        under = "" if chance is None or chance < 0.005 else _percent(chance)
        step, first = _step(chance or 0.0), rank == 1
    kinds = f"ag-h{step}" + (" ag-deep" if step > 3 else "") + (" ag-other" if first and i else "")
    return f'<td class="{kinds}"><b>{words}</b><span>{under}</span></td>'


def _percent(chance: float) -> str:
    return ">99%" if 0.995 <= chance < 1 else f"{chance:.0%}"


def _step(chance: float) -> int:
    return min(int(chance * _STEPS), _STEPS - 1)


def _agreement(seen: RuleComparison) -> str:
    """Kendall's τ-b of every two rules, times 100."""
    numbers = "".join(f'<th scope="col">{i + 1}</th>' for i in range(len(seen.methods) - 1))
    body = ""
    for i, method in enumerate(seen.methods):
        cells = ""
        for j in range(i):
            tau = float(seen.agreement[i, j])
            step = 0 if np.isnan(tau) else _step(max(0.0, (tau - 0.5) * 2))
            said = "" if np.isnan(tau) else f"{100 * tau:.0f}"
            cells += f'<td class="ag-h{step}{" ag-deep" if step > 3 else ""}">{said}</td>'
        body += f'<tr><th scope="row">{i + 1} {rule_name(method)}</th>{cells}</tr>'
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>How far the rules agree</h2>'
        "<p>Kendall’s τ-b between the orders, times 100: 100 is the same order, 0 none in common. "
        "Empty: a rule that ranks nobody apart.</p>"
        f'<div class="ag-numbers"><table class="ag-tau"><thead><tr><td></td>{numbers}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _asks(seen: RuleComparison) -> str:
    families = {family_name(method) for method in seen.methods}
    items = "".join(
        f"<dt>{FAMILIES[family]}</dt><dd>{_ASKS[family]}</dd>" for family in FAMILIES if family in families
    )
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>What each family asks</h2>'
        f'<dl class="ag-asks">{items}</dl></section>'
    )
