"""The page of rules: the same votes under several, who is first, how likely, and how far the rules agree."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np

from agon.arena.web.languages.texts import (
    _,
    comma_list,
    language,
    message,
    names_listed,
    ngettext,
    number,
    paragraph,
    percent,
)
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.addresses import Link, address
from agon.arena.web.leaderboard.board_command import condition_words, shell_words
from agon.arena.web.leaderboard.board_words import (
    FAMILIES,
    family_name,
    no_votes,
    rule_name,
    scope_of,
    told_html,
    votes_in_words,
)
from agon.arena.web.leaderboard.menus import filters_html
from agon.arena.web.leaderboard.page import again_html
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.fact_words import figure_text
from agon.arena.web.lens.stability import Lens, RulesQuery
from agon.arena.web.lens.weights_form import column_word, weights_fields
from agon.arena.web.markdown.markdown import without_hidden
from agon.arena.web.tastes.kinds_section import SeenTastes, tastes_html
from agon.arena.web.tastes.prediction_section import Predicted, prediction_html
from agon.ranking.analysis.axiom_violations import CLONE
from agon.ranking.analysis.condorcet_cycles import MajorityCycles
from agon.ranking.analysis.rule_comparison import RuleComparison
from agon.ranking.text import Sentence

MODELS_ACROSS = 12  # models across
EVERY_VOTE = RulesQuery()
_STEPS = 6  # colours, .ag-q0 to .ag-q5
_ASKS = {
    "likelihood": message(
        "How strong must each model be for these votes to be likely? A win over a strong one counts more."
    ),
    "online": message("How strong did each model look after the last vote? What came late counts more."),
    "social_choice": message(
        "Which model would most ballots prefer? Majorities may run in circles; each rule breaks them in "
        "its own way."
    ),
    "aggregation": message("How much of what could be won was won? Easy opponents help."),
}


def rules_html(
    lens: Lens,
    predicted: Predicted | None,
    tastes: SeenTastes | None,
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
        predicted: how well the rules predict these votes; None while that is being computed.
        tastes: kinds of voters; None while they are being computed.
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
        body = f'<div class="ag-phead"><h1>{escape(no_votes(votes))}</h1></div>{menus}'
    else:
        asked = _weights_form(offer, query) if form else ""
        body = _head(seen, about, votes, query) + menus + asked + _matrix(seen, about, votes, link)
        body += f'<div class="ag-figs">{_flips(lens, about)}{_cycle(lens.cycles, about)}'
        body += f"{_parting(seen, about)}{_clones(lens, about)}"
        body += prediction_html(predicted, about, link(votes, "prediction.json"))
        body += tastes_html(tastes, about, link(votes, "tastes.json"))
        body += f"{_agreement(seen)}{_asks(seen)}</div>"
        words = ["agon", "rank", *about.words, "--compare-rules", *condition_words(about, votes)]
        if query.by is not None:
            words += ["--weights-by", query.by]
            words += [part for name, weight in query.weights for part in ("--weight", f"{name}={weight:g}")]
        elif query.weights:
            words += ["--weights", ",".join(f"{name}={weight:g}" for name, weight in query.weights)]
        body += (
            '<code class="ag-cmd" tabindex="0" role="group"'
            f' aria-label="{_("The command that reproduces this page")}">'
            f"{escape(without_hidden(shell_words(words)))}</code>"
        )
    script = f'<script src="{about.site.static}lens.js" defer></script>' if form else ""
    if seen is not None and (predicted is None or tastes is None):
        script += again_html(about, 4)
    return page_html(_("Rules"), body, current="rules", votes=about.total, site=about.site, head=script)


def _head(seen: RuleComparison, about: About, query: BoardQuery, weights: RulesQuery) -> str:
    votes = votes_in_words(about.total, about.unit)
    if query.where:
        votes = _("votes") + scope_of(query)
    if seen.n_resamples:
        lead = _(
            "The same {votes} under {count} rules: the ranks of each model in the middle {level} of "
            "{resamples} resamples of the votes, and in how many it is first.",
            votes=votes,
            count=len(seen.methods),
            level=percent(seen.level),
            resamples=figure_text(str(seen.n_resamples)),
        )
    else:
        lead = _("The same {votes} under {count} rules.", votes=votes, count=len(seen.methods))
    if weights.by is not None or weights.weights:
        lead += " " + _weights_sentence(weights)
    left_out = seen.left_out_sentence()
    if seen.provisional and language() != "en":
        names = names_listed([about.info.name(model) for model in seen.provisional])
        left_out = _("Left out for having too few votes: {models}.", models=names)
    return (
        f'<div class="ag-phead"><h1>{escape(without_hidden(rules_sentence(seen, about)))}</h1>'
        f'<p class="ag-lead">{escape(paragraph([lead]))} {escape(without_hidden(left_out))}</p></div>'
    )


def _weights_sentence(query: RulesQuery) -> str:
    """How categories or tasks weigh."""
    named = tuple(f"{without_hidden(name)} {figure_text(f'{weight:g}')}" for name, weight in query.weights)
    weights = _("{weights}; others 1", weights=named) if named else ""
    if query.by is None:
        return _("Each task counts by its weight ({weights}).", weights=weights)
    what = column_word(query.by)
    if weights:
        return _("Each {what} counts by its weight ({weights}).", what=what, weights=weights)
    return _("Each {what} alike.", what=what)


def rules_sentence(seen: RuleComparison, about: About) -> str:
    """Who is first under which rules: the engine's own sentence in English, the same facts in others."""
    if language() == "en":
        return seen.conclusion()
    name, champions, rules = about.info.name, seen.champions, len(seen.methods)
    if not champions:
        return ngettext(
            "The {count} rule puts no model first.", "None of the {count} rules puts a model first.", rules
        )
    if len(champions) == 1:
        ((model, first),) = champions.items()
        if len(first) == rules:
            parts = [_("{model} is first under all {count} rules.", model=name(model), count=rules)]
        else:
            parts = [
                _(
                    "{model} is first under all {count} of {rules} rules that elect.",
                    model=name(model),
                    count=len(first),
                    rules=rules,
                )
            ]
        if seen.first is not None:
            where = [seen.methods.index(rule) for rule in first]
            least = float(seen.first[where, seen.models.index(model)].min())
            if least == 1.0:
                parts.append(_("It is so in every resample of each."))
            else:
                parts.append(
                    _("It is so in at least {share} of the resamples of each.", share=percent(least))
                )
    else:
        listed = [
            _(
                "{model} under {count} ({rules})",
                model=name(model),
                count=len(own),
                rules=tuple(map(rule_name, own)),
            )
            if len(own) <= 3
            else _("{model} under {count}", model=name(model), count=len(own))
            for model, own in list(champions.items())[:4]
        ]
        if len(champions) > 4:
            more = len(champions) - 4
            listed.append(ngettext("{count} more", "{count} more", more))
        parts = [
            _(
                "{count} models are first under at least one of {rules} rules: {list}.",
                count=len(champions),
                rules=rules,
                list=tuple(listed),
            )
        ]
    taus = seen.agreement[np.triu_indices(rules, 1)]
    taus = taus[~np.isnan(taus)]
    if len(taus):
        low, high = (figure_text(f"{end:.2f}") for end in (float(taus.min()), float(taus.max())))
        parts.append(_("The rules’ orders agree with τ-b from {low} to {high}.", low=low, high=high))
    return paragraph(parts)


def _matrix(seen: RuleComparison, about: About, query: BoardQuery, link: Link) -> str:
    """Rules down, models across."""
    names = seen.models[:MODELS_ACROSS]
    elects = seen.nobody is not None and bool((seen.nobody > 0).any())
    head = "".join(f'<th scope="col">{escape(about.info.name(name))}</th>' for name in names)
    head += f'<th scope="col">{_("Nobody")}</th>' if elects else ""
    body, family = "", ""
    order = sorted(range(len(seen.methods)), key=lambda i: list(FAMILIES).index(family_name(seen.methods[i])))
    for at in order:
        method = seen.methods[at]
        if family_name(method) != family:
            family = family_name(method)
            body += (
                f'<tr class="ag-family"><th colspan="{len(names) + 1 + elects}">{_(FAMILIES[family])}</th>'
                "</tr>"
            )
        target = link(BoardQuery(query.where).under(method))
        said = f'<a href="{escape(target)}">{rule_name(method)}</a>' if target else rule_name(method)
        cells = "".join(_cell(seen, at, i) for i in range(len(names)))
        if elects and seen.nobody is not None:
            chance = float(seen.nobody[at])
            cells += f"<td>{_percent(chance) if chance > 0 else ''}</td>"
        body += f'<tr><th scope="row">{said}</th>{cells}</tr>'
    colours = "".join(f'<i class="ag-q{step}"></i>' for step in range(_STEPS))
    caption = _("Ranks under each rule, and the share of resamples in which a model is first")
    legend = _("First in 0%{colours}100% of the resamples", colours=colours)
    return (
        f'<div class="ag-card ag-lenswrap"><table class="ag-lens"><caption class="ag-sr">{caption}</caption>'
        f"<thead><tr><td></td>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
        f'<p class="ag-legend ag-fig" aria-hidden="true">{legend}'
        f'<b class="ag-other">{_("another first")}</b></p></div>' + _data(seen, query, link)
    )


def _data(seen: RuleComparison, query: BoardQuery, link: Link) -> str:
    """The way to all of it as JSON, with the number of models that the table does not show."""
    target, more = link(BoardQuery(query.where), "rules.json"), len(seen.models) - MODELS_ACROSS
    if target is None:
        return ""
    way = f'<a href="{escape(target)}">JSON</a>'
    said = _("This comparison as {link}", link=way)
    if more > 0:
        said = ngettext(
            "This comparison as {link}, with {count} more model",
            "This comparison as {link}, with {count} more models",
            more,
            link=way,
        )
    return f'<p class="ag-small ag-data">{said}</p>'


def _cell(seen: RuleComparison, at: int, i: int) -> str:
    """One model under one rule: its ranks, or its share of a lottery; in how many resamples it is first."""
    method = seen.methods[at]
    rank, low, high = (int(t[at, i]) for t in (seen.rank, seen.rank_lower, seen.rank_upper))
    chance = None if seen.first is None else float(seen.first[at, i])
    if method in seen.lotteries:
        share = float(seen.lotteries[method][i])
        words, under = (percent(share), _("of the lottery")) if share > 5e-4 else ("–", "")
        step, first = _step(share), share == float(seen.lotteries[method].max())
    else:
        words = "–" if not rank else f"{low}–{high}" if 0 < low < high else str(low or rank)
        under = "" if chance is None or chance < 0.005 else _percent(chance)
        step, first = _step(chance or 0.0), rank == 1
    kinds = f"ag-q{step}" + (" ag-deep" if step > 3 else "") + (" ag-other" if first and i else "")
    return f'<td class="{kinds}"><b>{words}</b><span>{under}</span></td>'


def _percent(chance: float) -> str:
    return f">{percent(0.99)}" if 0.995 <= chance < 1 else percent(chance)


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
            said = "" if np.isnan(tau) else number(100 * tau, 0)
            cells += f'<td class="ag-q{step}{" ag-deep" if step > 3 else ""}">{said}</td>'
        body += f'<tr><th scope="row">{i + 1} {rule_name(method)}</th>{cells}</tr>'
    how = _(
        "Kendall’s τ-b between the orders, times 100: 100 is the same order, 0 none in common. Empty: a rule "
        "that ranks nobody apart."
    )
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{_("How far the rules agree")}</h2><p>{how}</p>'
        f'<div class="ag-numbers" tabindex="0">'
        f'<table class="ag-tau"><thead><tr><td></td>{numbers}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _asks(seen: RuleComparison) -> str:
    families = {family_name(method) for method in seen.methods}
    items = "".join(
        f"<dt>{_(FAMILIES[family])}</dt><dd>{_(_ASKS[family])}</dd>"
        for family in FAMILIES
        if family in families
    )
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{_("What each family asks")}</h2>'
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
    reset = f'<a class="ag-btn ag-quiet" href="./rules">{_("Start anew")}</a>' if used else ""
    return (
        f'<details class="ag-card ag-pad ag-weighing"{" open" if used else ""}>'
        f"<summary>{_('Weigh these votes')}</summary>"
        f'<form class="ag-decide ag-weigh" action="./rules" method="get">{kept}{fields}'
        f'<div class="ag-send"><button class="ag-btn ag-go" type="submit">{_("Compare")}</button>'
        f"{reset}</div></form></details>"
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
        f'<td class="ag-r">{number(one.number or 0)}{"" if one.confirmed else " ?"}</td>'
        f"<td>{_above(about.info.name(one.lower), about.info.name(one.upper))}</td></tr>"
        for one in known
    )
    said = _(
        "The fewest votes found whose change puts the second above the first; fewer may do. "
        "Of {votes} votes.",
        votes=known[0].total,
    )
    if not all(one.confirmed for one in known):
        said += " " + _("“?”: ranking the changed votes anew did not confirm it.")
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{_("Votes to change the winner")}</h2><p>{said}</p>'
        '<div class="ag-numbers" tabindex="0"><table class="ag-bars">'
        f'<caption class="ag-sr">{_("Votes to change the winner of each rule")}</caption>'
        f'<thead><tr><th scope="col">{_("Rule")}</th><td></td><th scope="col" class="ag-r">{_("Votes")}</th>'
        f'<th scope="col">{_("Would put")}</th></tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _above(model: str, other: str) -> str:
    return _("{model} above {other}", model=escape(model), other=escape(other))


def _cycle(seen: MajorityCycles | None, about: About) -> str:
    """The majority cycle that is hardest to break, as a drawing."""
    if seen is None:
        return ""
    head = f'<section class="ag-card ag-pad ag-fig"><h2>{_("Do majorities go in circles?")}</h2>'
    name = about.info.name
    if seen.winner is not None:
        top = _("{model} beats every other model one to one.", model=name(seen.winner))
    else:
        top = _("No model beats every other one to one: {count} share the top.", count=len(seen.top))
    if not seen.cycles or len(seen.cycles[0].models) != 3:
        none = "" if seen.cycles else " " + _("No three models go in a circle.")
        return f"{head}<p>{escape(top)}{none}</p></section>"
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
    steps = comma_list(
        [
            _(
                "{model} beats {other} by {votes}",
                model=name(cycle.models[i]),
                other=name(cycle.models[(i + 1) % 3]),
                votes=_net(cycle.margins[i]),
            )
            for i in range(3)
        ]
    )
    circles = ngettext(
        "There is one circle of three; the hardest to break is drawn.",
        "There are {count} circles of three; the hardest to break is drawn.",
        seen.triples,
    )
    weak_step = _(
        "No order of its models pleases every majority; its weakest step, dashed, is {votes} net votes.",
        votes=_net(weakest),
    )
    return (
        f"{head}<p>{escape(top)} {circles} {weak_step}</p>"
        f'<svg class="ag-cycle" viewBox="0 0 440 190" role="img" aria-label="{escape(steps)}" '
        'font-size="13"><defs>'
        '<marker id="ag-arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="5" markerHeight="5" '
        'orient="auto">'
        f'<path d="M0 0l8 4-8 4z" fill="var(--ink-2)"/></marker></defs>{drawn}</svg></section>'
    )


def _net(margin: float) -> str:
    return number(margin, 0 if margin >= 10 or margin == round(margin) else 1)


def _parting(seen: RuleComparison, about: About) -> str:
    """Which rules put whom first, and how sure each is of it."""
    champions = seen.champions
    if len(champions) < 2:
        return ""
    rows = ""
    for model, rules in champions.items():
        at = seen.models.index(model)
        chances = [] if seen.first is None else [float(seen.first[seen.methods.index(r), at]) for r in rules]
        sure = _chances(min(chances), max(chances)) if chances else ""
        sure = _percent(chances[0]) if len(chances) == 1 else sure
        names = comma_list([rule_name(rule) for rule in rules])
        rows += (
            f'<tr><th scope="row">{escape(about.info.name(model))}</th><td>{names}</td>'
            f'<td class="ag-r">{sure}</td></tr>'
        )
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{_("Where the rules part")}</h2>'
        f"<p>{_('Who is first under which rules, and in how many of the resamples.')}</p>"
        '<div class="ag-numbers" tabindex="0"><table class="ag-bars ag-parting">'
        f'<caption class="ag-sr">{_("Who is first under which rules")}</caption>'
        f'<thead><tr><th scope="col">{_("First")}</th><th scope="col">{_("Under")}</th>'
        f'<th scope="col" class="ag-r">{_("Resamples")}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _chances(least: float, most: float) -> str:
    return _("{low} to {high}", low=_percent(least), high=_percent(most))


def _with_clones(about: About) -> Callable[[str], str]:
    """What models and their clones are called."""
    return lambda model: about.info.name(model.removesuffix(CLONE)) + CLONE * model.endswith(CLONE)


def _clones(lens: Lens, about: About) -> str:
    """Whether a second version of a model would change who is first."""
    if not lens.clones:
        return ""
    broken = [one for one in lens.clones if one.fails]
    items = ""
    for one in broken:
        said = one.message.renamed(_with_clones(about)) if isinstance(one.message, Sentence) else one.message
        items += f"<li><b>{rule_name(one.method)}</b>: {told_html(said)}</li>"
    held = tuple(rule_name(one.method) for one in lens.clones if not one.fails)
    rest = ""
    if held:
        rest = f"<p>{_('None of the clones tried changed the winner of {rules}.', rules=held)}</p>"
    how = _("Would a second, equal version of a model, next to it on every ballot, change who is first?")
    listed = f'<ul class="ag-clones">{items}</ul>' if items else ""
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{_("A model entered twice")}</h2><p>{how}</p>'
        f"{listed}{rest}</section>"
    )
