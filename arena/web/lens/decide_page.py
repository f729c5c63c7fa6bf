"""The page Decide: a sentence on which model to take, the form that asks for it, the figures behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

from agon.arena.web.layout import page_html, plural
from agon.arena.web.leaderboard.page import shell_words
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.decide_query import DecideQuery
from agon.arena.web.lens.deciding import Decided
from agon.arena.web.lens.fact_words import (
    COST,
    MOST_VALUES,
    TIME,
    KnownFacts,
    bound_word,
    fact_heading,
    fact_names,
    fact_word,
    is_number,
    priced_sentence,
    reason_words,
    short_number,
)
from agon.arena.web.lens.pareto import pareto_html, points_of
from agon.arena.web.lens.weights_form import number_field, weights_fields
from agon.arena.web.markdown.markdown import without_hidden
from agon.data.model_facts import Measured
from agon.ranking import Candidate, Decision

_ROWS = 60  # models in the table
ANYTHING = DecideQuery()


def decide_html(
    made: Decided, *, about: About, offer: Offer, query: DecideQuery = ANYTHING, form: bool = True
) -> str:
    """Return the page.

    Args:
        made: the decision.
        about: what is known of the votes.
        offer: what can be weighed.
        query: what was asked for.
        form: whether a server answers what is asked next.
    """
    asked = _form(made.facts, offer, query) if form else ""
    if made.board is None:
        body = '<div class="ag-phead"><h1>No votes yet, so there is nothing to decide by.</h1></div>'
    elif made.decision is None:
        body = (
            '<div class="ag-phead"><h1>These conditions give no decision.</h1>'
            f'<p class="ag-lead">{escape(without_hidden(made.why_not or ""))}</p></div>{asked}'
        )
    else:
        body = _head(made.decision, made, about, offer, query) + asked + _figures(made, about)
        body += _command(made.facts, about, query)
    script = f'<script src="{about.site.static}lens.js" defer></script>' if form else ""
    return page_html(
        "Decide", body, current="decide", votes=_votes(about), site=about.site, english=True, head=script
    )


def _command(known: KnownFacts, about: About, query: DecideQuery) -> str:
    """The command that decides the same; nothing where it would need facts that lie in no file."""
    measured = {fact for own in known.measured.values() for fact in own}
    if not about.facts and (not measured or not query.asks <= measured):
        return ""
    words = ["agon", "decide", *about.words, *about.facts, *query.command(about.unit == "task")]
    words += ["--where", about.where] if about.where else []
    return (
        '<code class="ag-cmd" tabindex="0" role="group" aria-label="The command that decides the same">'
        f"{escape(without_hidden(shell_words(words)))}</code>"
    )


def no_decision_html(sentence: str, *, about: About) -> str:
    """Return the page for conditions that there are not."""
    body = (
        '<div class="ag-phead"><h1>That cannot be decided by.</h1><p'
        f' class="ag-lead">{escape(without_hidden(sentence))}</p></div>'
        '<a class="ag-btn" href="./decide">Decide without conditions</a>'
    )
    return page_html(
        "No such decision", body, current="decide", votes=_votes(about), site=about.site, english=True
    )


def _votes(about: About) -> int | None:
    return about.total if about.unit != "task" else None


def decision_sentence(made: Decision, about: About) -> str:
    """The decision in a sentence, with models and facts as pages call them."""
    facts = sorted({fact for one in made.candidates for fact in one.facts} | _conditions(made))
    said = tuple(
        one if one.why_not is None else replace(one, why_not=reason_words(one.why_not, facts))
        for one in made.candidates
    )
    return replace(made, candidates=said).conclusion(about.info.name, fact_word)


def _conditions(made: Decision) -> set[str]:
    """Facts that a model was not taken for, though it has none."""
    return {one.why_not.removeprefix("unknown ") for one in made.candidates if one.why_not}


def _head(made: Decision, seen: Decided, about: About, offer: Offer, query: DecideQuery) -> str:
    board = seen.board
    assert board is not None  # noqa: S101 - it was decided on it
    votes = plural(int(board.settings["votes"]), about.unit)
    lead = f"By {votes} on {plural(len(board.rows), 'model')}, at {board.level:.0%} certainty."
    if query.by is not None or query.weights:
        unit = "task" if offer.tasks else without_hidden(query.by or "").replace("_", " ")
        named = ", ".join(f"{without_hidden(name)} {weight:g}" for name, weight in query.weights)
        others = "" if offer.tasks and not named else "; others 1" if named else "all alike"
        lead += f" Each {unit} counts by its weight, however many votes it has ({named}{others})."
    if made.weigh:
        lead += (
            " What a point of score is worth in price or time is read off the models listed here "
            "(Dynascore): with others on the list it would be another."
        )
    elif made.prefer:
        lead += (
            f" “At most … below” is a test of non-inferiority over all pairs at once; near enough is "
            f"{made.within:.0f} points."
            if made.within >= 1
            else " “At most … below” is a test of non-inferiority over all pairs at once."
        )
    return (
        f'<div class="ag-phead"><h1>{escape(without_hidden(decision_sentence(made, about)))}</h1>'
        f'<p class="ag-lead">{escape(lead)}</p></div>'
    )


def _form(known: KnownFacts, offer: Offer, query: DecideQuery) -> str:
    numbers, words = fact_names(known)
    parts = weights_fields(offer, query.by, query.weights, "decide")
    if numbers:
        bounds = dict(query.at_most) | dict(query.at_least)
        parts += '<fieldset class="ag-cond"><legend>What it may cost, and must give</legend>'
        for fact in numbers:
            kind = "atleast" if bound_word(fact) == "at least" else "atmost"
            parts += number_field(
                f"{kind}.{fact}", f"{fact_heading(fact)}, {bound_word(fact)}", bounds.get(fact)
            )
        parts += "</fieldset>"
    chosen = dict(query.only)
    for fact in words:
        values = sorted({str(own[fact]) for own in known.values.values() if fact in own})
        if not 1 < len(values) <= MOST_VALUES:
            continue
        boxes = "".join(
            f'<label><input type="checkbox" name="only.{escape(fact)}" value="{escape(value)}"'
            f"{' checked' if value in chosen.get(fact, ()) else ''}> {escape(without_hidden(value))}</label>"
            for value in values
        )
        parts += (
            f'<fieldset class="ag-cond"><legend>{escape(fact_heading(fact))}, any of</legend>'
            f"{boxes}</fieldset>"
        )
    if numbers:
        options = "".join(
            f'<option value="{escape(fact)}"{" selected" if fact == query.prefer else ""}>'
            f"the smallest {escape(fact_word(fact))}</option>"
            for fact in numbers
            if bound_word(fact) == "at most"
        )
        parts += (
            '<fieldset class="ag-cond"><legend>Among models hardly worse than the best</legend>'
            '<label><span>Take</span><select name="prefer"><option value="">the best itself</option>'
            f"{options}</select></label>"
            + number_field("within", "Points below the best that are near enough", query.within, "20")
            + "</fieldset>"
        )
        beside = dict(query.beside)
        inputs = "".join(
            number_field(f"beside.{fact}", fact_heading(fact), beside.get(fact), "0", slider=2)
            for fact in numbers
        )
        parts += (
            f'<details class="ag-cond"{" open" if beside else ""}>'
            "<summary>Weigh facts beside quality</summary>"
            "<p>Quality weighs 1. A fact of weight 1 counts as much as quality, at the rate at which both "
            f"change between the models listed.</p>{inputs}</details>"
        )
    if not parts:
        return (
            '<p class="ag-note ag-above">Nothing is known here of these models but their votes: neither '
            "categories nor prices nor speed.</p>"
        )
    reset = '<a class="ag-btn ag-quiet" href="./decide">Start anew</a>' if query != ANYTHING else ""
    return (
        f'<form class="ag-card ag-pad ag-decide" action="./decide" method="get">{parts}'
        f'<div class="ag-send"><button class="ag-btn ag-go" type="submit">Decide</button>{reset}</div></form>'
    )


def _figures(made: Decided, about: About) -> str:
    board, decision, known = made.board, made.decision, made.facts
    assert board is not None  # noqa: S101 - there is a decision
    assert decision is not None  # noqa: S101
    numbers, words = fact_names(known)
    allowed = {one.model for one in decision.allowed}
    drawn = ""
    for group in (COST, TIME):
        fact = next((name for name in group if name in numbers), None)
        if fact is not None:
            values = {model: float(own[fact]) for model, own in known.values.items() if fact in own}
            points = points_of(board, fact, values, allowed)
            drawn += pareto_html(board, fact, points, decision.choice, about.info.name)
    if not drawn and numbers:
        fact = numbers[0]
        values = {model: float(own[fact]) for model, own in known.values.items() if fact in own}
        drawn = pareto_html(
            board, fact, points_of(board, fact, values, allowed), decision.choice, about.info.name
        )
    figures = f'<div class="ag-figs">{drawn}</div>' if drawn else ""
    return figures + _table(decision, known, about, [*numbers, *words])


def _table(decision: Decision, known: KnownFacts, about: About, facts: Sequence[str]) -> str:
    """All models with what speaks for each."""
    weighed = any(one.weighed is not None for one in decision.candidates)
    head = "".join(
        f'<th scope="col" class="ag-r">{escape(title)}</th>'
        for title in (
            "Score",
            *(["Weighed"] if weighed else []),
            "Chance of being the best",
            *(["At most below the best"] if not weighed else []),
            *map(fact_heading, facts),
        )
    )
    shown = decision.candidates[:_ROWS]
    body = "".join(_row(one, decision, known, about, facts, weighed) for one in shown)
    more = len(decision.candidates) - len(shown)
    under = [f"{plural(more, 'more model')} below these."] if more else []
    if any(isinstance(m, Measured) for own in known.measured.values() for m in own.values()):
        under.append(
            "Times, lengths and speeds are medians of the answers in the log, failures their share, with "
            "intervals at 95% that allow for battles of several turns."
        )
    under += [priced_sentence(known)] if known.priced else []
    notes = " ".join(under)
    return (
        '<section class="ag-section"><h2>Every model, and why</h2><div class="ag-card ag-known" tabindex="0"'
        ' role="group" aria-label="Every model, and why"><table><caption class="ag-sr">Every model with its '
        'score, what is known of it, and why it is not taken</caption><thead><tr><th scope="col">Model</th>'
        f'<th scope="col">May be taken</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="ag-small ag-data">{escape(notes)}</p></section>'
    )


def _row(
    one: Candidate, decision: Decision, known: KnownFacts, about: About, facts: Sequence[str], weighed: bool
) -> str:
    own = one.model == decision.choice
    why = "taken" if own else "yes" if one.why_not is None else reason_words(one.why_not, [*facts])
    score = "" if one.score is None else f"{one.score:,.0f}" if abs(one.score) >= 100 else f"{one.score:.3g}"
    chance = "" if one.probability is None else _percent(one.probability)
    bound = "" if one.below_best is None else short_number(one.below_best)
    value = "" if one.weighed is None else short_number(one.weighed)
    cells = [score, *([value] if weighed else []), chance, *([bound] if not weighed else [])]
    cells += [_fact(known, one.model, fact) for fact in facts]
    return (
        f'<tr{" class=ag-taken" if own else ""}><th scope="row">{escape(about.info.name(one.model))}</th>'
        f"<td>{escape(why)}</td>" + "".join(f'<td class="ag-r">{cell}</td>' for cell in cells) + "</tr>"
    )


def _percent(chance: float) -> str:
    return "<1%" if 0 < chance < 0.005 else ">99%" if 0.995 <= chance < 1 else f"{chance:.0%}"


def _fact(known: KnownFacts, model: str, fact: str) -> str:
    """A fact with its interval, if it was measured."""
    value = known.values.get(model, {}).get(fact)
    if value is None:
        return "–"
    if not is_number(value):
        return escape(without_hidden(str(value)))
    share = fact == "failures"
    text = f"{value:.1%}" if share else short_number(float(value))
    measured = known.measured.get(model, {}).get(fact)
    if measured is None or (measured.lower is None and measured.upper is None):
        return text
    if not (measured.lower or 0) <= value <= (measured.upper or value):
        return text
    low, high = (
        "…" if bound is None else f"{bound:.1%}" if share else short_number(bound)
        for bound in (measured.lower, measured.upper)
    )
    return f'{text} <span class="ag-dim ag-nw">{low} to {high}</span>'
