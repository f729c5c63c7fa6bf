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
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.stability import Lens, RulesQuery
from agon.arena.web.lens.weights_form import weights_fields
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking.analysis.condorcet_cycles import MajorityCycles
from agon.ranking.analysis.rule_comparison import RuleComparison

MODELS_ACROSS = 12  # models across
EVERY_VOTE = RulesQuery()
_STEPS = 6  # colours, .ag-q0 to .ag-q5
_ASKS = {
    "likelihood": "How strong must each model be for these votes to be likely? A win over a strong one "
    "counts more.",
    "online": "How strong did each model look after the last vote? What came late counts more.",
    "social_choice": "Which model would most ballots prefer? Majorities may run in circles; each rule "
    "breaks them in its own way.",
    "aggregation": "How much of what could be won was won? Easy opponents help.",
}


def rules_html(
    lens: Lens,
    *,
    about: About,
    offer: Offer,
    query: RulesQuery = EVERY_VOTE,
    link: Link = address,
    form: bool = True,
) -> str:
    """Return the page of rules.

    Args:
        lens: the comparison, and how firm it is.
        about: what is known of the votes.
        offer: what votes can be asked for.
        query: which were asked for, and how they weigh.
        link: the addresses of other pages; of boards, and of this page as "rules".
        form: whether a server answers what is asked next.
    """
    seen, votes = lens.rules, BoardQuery(query.where)

    def here(query: BoardQuery, form: str = "") -> str | None:
        return link(BoardQuery(query.where), form or "rules")

    menus = filters_html(offer, votes, about, here)
    if seen is None:
        body = f'<div class="ag-phead"><h1>No votes{escape(votes.words)} yet.</h1></div>{menus}'
    else:
        asked = _weights_form(offer, query) if form else ""
        body = _head(seen, about, votes, query) + menus + asked + _matrix(seen, about, votes, link)
        body += f'<div class="ag-figs">{_flips(lens, about)}{_cycle(lens.cycles, about)}'
        body += f"{_parting(seen, about)}{_clones(lens, about)}{_agreement(seen)}{_asks(seen)}</div>"
        words = ["agon", "rank", *about.words, "--compare-rules", *condition_words(about, votes)]
        if query.by is not None:
            words += ["--weights-by", query.by]
            words += [part for name, weight in query.weights for part in ("--weight", f"{name}={weight:g}")]
        elif query.weights:
            words += ["--weights", ",".join(f"{name}={weight:g}" for name, weight in query.weights)]
        body += (
            '<code class="ag-cmd" tabindex="0" role="group"'
            ' aria-label="The command that reproduces this page">'
            f"{escape(without_hidden(shell_words(words)))}</code>"
        )
    script = f'<script src="{about.site.static}lens.js" defer></script>' if form else ""
    return page_html(
        "Rules", body, current="rules", votes=about.total, site=about.site, english=True, head=script
    )


def _head(seen: RuleComparison, about: About, query: BoardQuery, weights: RulesQuery) -> str:
    counted = (
        f"The same {plural(about.total, about.unit)}" if not query.where else f"The same votes{query.words}"
    )
    lead = f"{counted} under {len(seen.methods)} rules"
    if seen.n_resamples:
        lead += (
            f": the ranks of each model in the middle {seen.level:.0%} of {seen.n_resamples} resamples of "
            "the votes, and in how many it is first."
        )
    else:
        lead += "."
    left_out = seen.left_out_sentence()
    if weights.by is not None or weights.weights:
        unit = "task" if weights.by is None else without_hidden(weights.by).replace("_", " ")
        named = ", ".join(f"{without_hidden(name)} {weight:g}" for name, weight in weights.weights)
        lead += f" Each {unit} counts by its weight ({named}; others 1)." if named else f" Each {unit} alike."
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
    colours = "".join(f'<i class="ag-q{step}"></i>' for step in range(_STEPS))
    return (
        '<div class="ag-card ag-lenswrap"><table class="ag-lens"><caption class="ag-sr">Ranks under each '
        f"rule, and the share of resamples in which a model is first</caption>"
        f"<thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
        f'<p class="ag-legend ag-fig" aria-hidden="true">First in 0%{colours}100% of the resamples'
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
    """One model under one rule: its ranks, or its share of a lottery; in how many resamples it is first."""
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
    kinds = f"ag-q{step}" + (" ag-deep" if step > 3 else "") + (" ag-other" if first and i else "")
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
            cells += f'<td class="ag-q{step}{" ag-deep" if step > 3 else ""}">{said}</td>'
        body += f'<tr><th scope="row">{i + 1} {rule_name(method)}</th>{cells}</tr>'
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>How far the rules agree</h2>'
        "<p>Kendall’s τ-b between the orders, times 100: 100 is the same order, 0 none in common. "
        "Empty: a rule that ranks nobody apart.</p>"
        f'<div class="ag-numbers" tabindex="0">'
        f'<table class="ag-tau"><thead><tr><td></td>{numbers}</tr></thead>'
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


def _weights_form(offer: Offer, query: RulesQuery) -> str:
    """Weights of categories or tasks, as a form that folds away until it is used."""
    fixed = [column for column, _ in query.where]
    fields = weights_fields(offer, query.by, query.weights, "rules", fixed)
    if not fields:
        return ""
    kept = "".join(
        f'<input type="hidden" name="{escape(column)}" value="{escape(value)}">'
        for column, value in query.where
    )
    used = query.by is not None or bool(query.weights)
    reset = '<a class="ag-btn ag-quiet" href="./rules">Start anew</a>' if used else ""
    return (
        f'<details class="ag-card ag-pad ag-weighing"{" open" if used else ""}><summary>Weigh these votes'
        f'</summary><form class="ag-decide ag-weigh" action="./rules" method="get">{kept}{fields}'
        f'<div class="ag-send"><button class="ag-btn ag-go" type="submit">Compare</button>{reset}</div>'
        "</form></details>"
    )


def _flips(lens: Lens, about: About) -> str:
    """How few votes would put the second of each rule above its first."""
    known = sorted(
        (one for one in lens.flips if one.number is not None), key=lambda one: (one.number or 0, one.method)
    )
    if not known:
        return ""
    most = max(one.number or 0 for one in known)
    rows = "".join(
        f'<tr><th scope="row">{rule_name(one.method)}</th><td class="ag-barcell"><svg viewBox="0 0 100 10" '
        'preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="10" fill="var(--sunken)"/>'
        f'<rect width="{100 * (one.number or 0) / most:.2f}" height="10" fill="var(--accent)"/></svg></td>'
        f'<td class="ag-r">{one.number:,}{"" if one.confirmed else " ?"}</td>'
        f"<td>{escape(about.info.name(one.lower))} above {escape(about.info.name(one.upper))}</td></tr>"
        for one in known
    )
    unsure = (
        " “?”: ranking the changed votes anew did not confirm it."
        if not all(o.confirmed for o in known)
        else ""
    )
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>Votes to change the winner</h2><p>The fewest '
        "votes found whose "
        f"change puts the second above the first; fewer may do. Of {known[0].total:,} votes.{unsure}</p>"
        '<div class="ag-numbers" tabindex="0">'
        '<table class="ag-bars"><caption class="ag-sr">Votes to change the '
        "winner of each "
        'rule</caption><thead><tr><th scope="col">Rule</th><td></td><th scope="col" class="ag-r">Votes</th>'
        f'<th scope="col">Would put</th></tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _cycle(seen: MajorityCycles | None, about: About) -> str:
    """The majority cycle that is hardest to break, as a drawing."""
    if seen is None:
        return ""
    head = '<section class="ag-card ag-pad ag-fig"><h2>Do majorities go in circles?</h2>'
    name = about.info.name
    if seen.winner is not None:
        top = f"{name(seen.winner)} beats every other model one to one."
    else:
        top = f"No model beats every other one to one: {len(seen.top)} share the top."
    if not seen.cycles or len(seen.cycles[0].models) != 3:
        return (
            f"{head}<p>{escape(top)}{'' if seen.cycles else ' No three models go in a circle.'}</p></section>"
        )
    cycle = seen.cycles[0]
    corners = ((220.0, 34.0), (352.0, 150.0), (88.0, 150.0))
    drawn, weakest = "", min(cycle.margins)
    for i in range(3):
        (x0, y0), (x1, y1) = corners[i], corners[(i + 1) % 3]
        ax, ay, bx, by = (
            x0 + 0.24 * (x1 - x0),
            y0 + 0.24 * (y1 - y0),
            x0 + 0.76 * (x1 - x0),
            y0 + 0.76 * (y1 - y0),
        )
        weak = cycle.margins[i] == weakest
        drawn += (
            f'<line x1="{ax:.0f}" y1="{ay:.0f}" x2="{bx:.0f}" y2="{by:.0f}" '
            f'stroke="{"var(--ink-3)" if weak else "var(--accent)"}"'
            f' stroke-width="{1.5 if weak else 2.5}"{" stroke-dasharray=4" if weak else ""} '
            'marker-end="url(#ag-arrow)"/>'
            f'<text x="{(ax + bx) / 2 + (14, 0, -14)[i]:.0f}" y="{(ay + by) / 2 + (-6, 18, -6)[i]:.0f}"'
            f' text-anchor="{("start", "middle", "end")[i]}" '
            f'fill="var(--ink-2)">+{_net(cycle.margins[i])}</text>'
        )
    for i, model in enumerate(cycle.models):
        x, y = corners[i]
        text = name(model)
        text = text if len(text) <= 22 else text[:21] + "…"
        drawn += (
            f'<text x="{x:.0f}" y="{y + (-8 if i == 0 else 26):.0f}" text-anchor="middle" font-weight="600"'
            f' fill="var(--ink)">{escape(text)}</text><circle cx="{x:.0f}" cy="{y:.0f}" r="5" '
            'fill="var(--ink)"/>'
        )
    steps = ", ".join(
        f"{name(cycle.models[i])} beats {name(cycle.models[(i + 1) % 3])} by {_net(cycle.margins[i])}"
        for i in range(3)
    )
    number = f"{seen.triples:,} circles of three" if seen.triples != 1 else "one circle of three"
    return (
        f"{head}<p>{escape(top)} There {'are' if seen.triples != 1 else 'is'} {number}; the hardest "
        "to break is drawn."
        f" No order of its models pleases every majority; its weakest step, dashed, is {_net(weakest)} "
        "net votes.</p>"
        f'<svg class="ag-cycle" viewBox="0 0 440 190" role="img" aria-label="{escape(steps)}" '
        'font-size="13"><defs>'
        '<marker id="ag-arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" '
        'orient="auto">'
        f'<path d="M0 0l8 4-8 4z" fill="var(--ink-2)"/></marker></defs>{drawn}</svg></section>'
    )


def _net(margin: float) -> str:
    return f"{margin:,.0f}" if margin >= 10 or margin == round(margin) else f"{margin:.1f}"


def _parting(seen: RuleComparison, about: About) -> str:
    """Which rules put whom first, and how sure each is of it."""
    champions = seen.champions
    if len(champions) < 2:
        return ""
    rows = ""
    for model, rules in champions.items():
        at = seen.models.index(model)
        chances = [] if seen.first is None else [float(seen.first[seen.methods.index(r), at]) for r in rules]
        sure = f"{_percent(min(chances))} to {_percent(max(chances))}" if chances else ""
        sure = _percent(chances[0]) if len(chances) == 1 else sure
        names = ", ".join(rule_name(rule) for rule in rules)
        rows += (
            f'<tr><th scope="row">{escape(about.info.name(model))}</th><td>{names}</td>'
            f'<td class="ag-r">{sure}</td></tr>'
        )
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>Where the rules part</h2><p>Who is first under '
        "which rules, and "
        'in how many of the resamples.</p><div class="ag-numbers" tabindex="0">'
        '<table class="ag-bars"><caption '
        'class="ag-sr">Who is '
        'first under which rules</caption><thead><tr><th scope="col">First</th><th scope="col">Under</th>'
        '<th scope="col" class="ag-r">Resamples</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _clones(lens: Lens, about: About) -> str:
    """Whether a second version of a model would change who is first."""
    if not lens.clones:
        return ""
    broken = [one for one in lens.clones if one.fails]
    items = ""
    for one in broken:
        said = one.message
        for model in one.models:
            said = said.replace(model, about.info.name(model))
        items += f"<li><b>{rule_name(one.method)}</b>: {escape(without_hidden(said))}</li>"
    held = [rule_name(one.method) for one in lens.clones if not one.fails]
    rest = f"<p>None of the clones tried changed the winner of {', '.join(held)}.</p>" if held else ""
    listed = f'<ul class="ag-clones">{items}</ul>' if items else ""
    return (
        '<section class="ag-card ag-pad ag-fig"><h2>A model entered twice</h2><p>Would a second, '
        "equal version of a "
        f"model, next to it on every ballot, change who is first?</p>{listed}{rest}</section>"
    )
