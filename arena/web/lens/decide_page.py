"""The page Decide: a sentence on which model to take, the form that asks for it, the figures behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from agon.arena.web.languages.texts import _, language, names_listed, ngettext, paragraph, percent
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.board_command import shell_words
from agon.arena.web.leaderboard.board_words import told_html, votes_in_words
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.decide_query import DecideQuery
from agon.arena.web.lens.deciding import Decided
from agon.arena.web.lens.fact_words import (
    COST,
    MOST_VALUES,
    TIME,
    TOO_FEW,
    KnownFacts,
    fact_heading,
    fact_names,
    fact_word,
    figure_text,
    is_number,
    priced_sentence,
    reason_words,
    short_number,
)
from agon.arena.web.lens.pareto import pareto_html, points_of
from agon.arena.web.lens.weights_form import column_word, number_field, weights_fields
from agon.arena.web.markdown.markdown import without_hidden
from agon.data.model_facts import Measured
from agon.ranking import Candidate, Decision
from agon.ranking.leaderboard.dynascore import MORE_IS_BETTER
from agon.ranking.text import rounded

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
        nothing = _("No votes yet, so there is nothing to decide by.")
        body = f'<div class="ag-phead"><h1>{nothing}</h1></div>'
    elif made.decision is None:
        body = (
            f'<div class="ag-phead"><h1>{_("These conditions give no decision.")}</h1>'
            f'<p class="ag-lead">{told_html(made.why_not or "")}</p></div>{asked}'
        )
    else:
        body = _head(made.decision, made, about, offer, query) + asked + _figures(made, about)
        body += _command(made.facts, about, query)
    script = f'<script src="{about.site.static}lens.js" defer></script>' if form else ""
    return page_html(_("Decide"), body, current="decide", votes=_votes(about), site=about.site, head=script)


def _command(known: KnownFacts, about: About, query: DecideQuery) -> str:
    """The command that decides the same; nothing where it would need facts that lie in no file."""
    measured = {fact for own in known.measured.values() for fact in own}
    if not about.facts and (not measured or not query.asks <= measured):
        return ""
    words = ["agon", "decide", *about.words, *about.facts, *query.command(about.unit == "task")]
    words += [] if about.gates == "none" else ["--gates", about.gates]
    words += ["--where", about.where] if about.where else []
    return (
        '<code class="ag-cmd" tabindex="0" role="group"'
        f' aria-label="{_("The command that decides the same")}">'
        f"{escape(without_hidden(shell_words(words)))}</code>"
    )


def no_decision_html(sentence: str, *, about: About) -> str:
    """Return the page for conditions that there are not."""
    body = (
        f'<div class="ag-phead"><h1>{_("That cannot be decided by.")}</h1>'
        f'<p class="ag-lead">{told_html(sentence)}</p></div>'
        f'<a class="ag-btn" href="./decide">{_("Decide without conditions")}</a>'
    )
    return page_html(_("No such decision"), body, current="decide", votes=_votes(about), site=about.site)


def _votes(about: About) -> int | None:
    return about.total if about.unit != "task" else None


def decision_sentence(made: Decision, about: About) -> str:
    """The decision in a sentence, with models and facts as pages call them.

    The engine's own in English, the same facts in other languages.
    """
    if language() != "en":
        return _translated_decision(made, about)
    facts = sorted({fact for one in made.candidates for fact in one.facts} | _conditions(made))
    said = tuple(
        one if one.why_not is None else replace(one, why_not=reason_words(one.why_not, facts))
        for one in made.candidates
    )
    return replace(made, candidates=said).conclusion(about.info.name, fact_word)


def _translated_decision(made: Decision, about: About) -> str:
    name, every = about.info.name, len(made.candidates)
    if made.choice is None or made.best is None:
        if all(one.why_not == TOO_FEW for one in made.candidates):
            return ngettext(
                "The {count} model has not votes enough yet.",
                "None of the {count} models has votes enough yet.",
                every,
            )
        facts = sorted({fact for one in made.candidates for fact in one.facts} | _conditions(made))
        reasons = Counter(reason_words(one.why_not, facts) for one in made.candidates if one.why_not)
        said = [_("{number} of {why}", number=count, why=why) for why, count in reasons.most_common()]
        return ngettext(
            "The {count} model does not meet the conditions: {reasons}.",
            "None of the {count} models meets the conditions: {reasons}.",
            every,
            reasons=said,
        )
    known = {one.model: one for one in made.allowed}
    count, chosen = len(known), known[made.choice]
    taken, best = name(made.choice), name(made.best)
    if count == 1:
        return _(
            "Take {model}: it is the only model of {count} that meets the conditions.",
            model=taken,
            count=every,
        )
    if made.weigh:
        return paragraph(_weighed_sentences(made, known, chosen, about))
    if made.choice != made.best and made.prefer is not None:
        own, other = (float(known[one].facts[made.prefer]) for one in (made.choice, made.best))
        parts = [
            _(
                "Take {model}: it is at most {points} points below {best}, the best of {count} that meet the "
                "conditions, at {level}.",
                model=taken,
                points=_points(chosen.below_best),
                best=best,
                count=count,
                level=percent(made.level),
            ),
            _(
                "Its {fact} is {own} instead of {other}.",
                fact=fact_word(made.prefer),
                own=figure_text(f"{own:g}"),
                other=figure_text(f"{other:g}"),
            ),
        ]
        parts += [_("That is {share} less.", share=percent(1 - own / other))] if other > 0 else []
        return paragraph(parts)
    if count == every:
        parts = [_("Take {model}: it is the best of {count}.", model=taken, count=count)]
    else:
        parts = [
            _("Take {model}: it is the best of {count} that meet the conditions.", model=taken, count=count)
        ]
    parts += _chance_sentence(chosen)
    if made.prefer is not None:
        amounts = [float(one.facts[made.prefer]) for one in known.values()]
        fact = fact_word(made.prefer)
        if min(amounts) < float(chosen.facts[made.prefer]):
            points = _points(made.within)
            parts.append(
                _(
                    "None with a smaller {fact} is shown to be within {points} points of it.",
                    fact=fact,
                    points=points,
                )
            )
        else:
            parts.append(_("Its {fact} is the smallest.", fact=fact))
    wanted = [
        _("about {votes} on {model}", votes=figure_text(rounded(votes)), model=name(model))
        for model, votes in made.more_votes.items()
    ]
    parts += [_("More votes would tell: {list}.", list=wanted)] if wanted else []
    return paragraph(parts)


def _weighed_sentences(
    made: Decision, known: Mapping[str, Candidate], chosen: Candidate, about: About
) -> list[str]:
    """The decision where facts weigh beside the score."""
    weights = [f"{fact_word(one)} {figure_text(f'{weight:g}')}" for one, weight in made.weigh.items()]
    parts = [
        _(
            "Take {model}: weighing the score 1 and {weights}, it is the best of {count} that meet the "
            "conditions.",
            model=about.info.name(chosen.model),
            weights=weights,
            count=len(known),
        ),
        *_chance_sentence(chosen),
    ]
    rates = [
        _("{rate} of {fact}", rate=figure_text(f"{rate:.2g}"), fact=fact_word(one))
        for one, rate in made.rates.items()
        if rate > 0
    ]
    if rates:
        parts.append(_("A point of score goes with {rates} among these models.", rates=rates))
    if made.swayed_by:
        swayed = names_listed([about.info.name(one) for one in made.swayed_by])
        parts.append(_("The choice depends on {models} being listed.", models=swayed))
    else:
        parts.append(_("The choice stays whichever other one is taken off the list."))
    return parts


def _chance_sentence(chosen: Candidate) -> list[str]:
    if chosen.probability is None:
        return []
    if chosen.probability > 0.99:
        return [_("Its chance of being the best is more than {chance}.", chance=percent(0.99))]
    return [_("Its chance of being the best is {chance}.", chance=percent(chosen.probability))]


def _points(points: float | None) -> str:
    return figure_text(f"{points or 0.0:.0f}" if (points or 0.0) >= 10 else f"{points or 0.0:.2g}")


def _conditions(made: Decision) -> set[str]:
    """Facts that a model was not taken for, though it has none."""
    return {one.why_not.removeprefix("unknown ") for one in made.candidates if one.why_not}


def _head(made: Decision, seen: Decided, about: About, offer: Offer, query: DecideQuery) -> str:
    board = seen.board
    assert board is not None  # noqa: S101 - it was decided on it
    lead = _(
        "By {votes} on {models}, at {level} certainty.",
        votes=votes_in_words(int(board.settings["votes"]), about.unit),
        models=ngettext("{count} model", "{count} models", len(board.rows)),
        level=percent(board.level),
    )
    if query.by is not None or query.weights:
        lead += " " + _weights_sentence(offer, query)
    if made.weigh:
        lead += " " + _(
            "What a point of score is worth in price or time is read off the models listed here "
            "(Dynascore): with others on the list it would be another."
        )
    elif made.prefer and made.within >= 1:
        lead += " " + _(
            "“At most … below” is a test of non-inferiority over all pairs at once; near enough is "
            "{points} points.",
            points=figure_text(f"{made.within:.0f}"),
        )
    elif made.prefer:
        lead += " " + _("“At most … below” is a test of non-inferiority over all pairs at once.")
    return (
        f'<div class="ag-phead"><h1>{escape(without_hidden(decision_sentence(made, about)))}</h1>'
        f'<p class="ag-lead">{escape(paragraph([lead]))}</p></div>'
    )


def _weights_sentence(offer: Offer, query: DecideQuery) -> str:
    """How categories or tasks weigh."""
    weights: object = tuple(
        f"{without_hidden(name)} {figure_text(f'{weight:g}')}" for name, weight in query.weights
    )
    weights = _("{weights}; others 1", weights=weights) if weights else _("all alike")
    if offer.tasks:
        return _("Each task counts by its weight, however many votes it has ({weights}).", weights=weights)
    return _(
        "Each {what} counts by its weight, however many votes it has ({weights}).",
        what=column_word(query.by or ""),
        weights=weights,
    )


def _form(known: KnownFacts, offer: Offer, query: DecideQuery) -> str:
    numbers, words = fact_names(known)
    parts = weights_fields(offer, query.by, query.weights, "decide")
    if numbers:
        bounds = dict(query.at_most) | dict(query.at_least)
        parts += f'<fieldset class="ag-cond"><legend>{_("What it may cost, and must give")}</legend>'
        for fact in numbers:
            kind, label = "atmost", _("{fact}, at most", fact=fact_heading(fact))
            if fact in MORE_IS_BETTER:
                kind, label = "atleast", _("{fact}, at least", fact=fact_heading(fact))
            parts += number_field(f"{kind}.{fact}", label, bounds.get(fact))
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
        legend = escape(_("{fact}, any of", fact=fact_heading(fact)))
        parts += f'<fieldset class="ag-cond"><legend>{legend}</legend>{boxes}</fieldset>'
    if numbers:
        options = "".join(
            f'<option value="{escape(fact)}"{" selected" if fact == query.prefer else ""}>'
            f"{escape(_('the smallest {fact}', fact=fact_word(fact)))}</option>"
            for fact in numbers
            if fact not in MORE_IS_BETTER
        )
        parts += (
            f'<fieldset class="ag-cond"><legend>{_("Among models hardly worse than the best")}</legend>'
            f'<label><span>{_("Take")}</span><select name="prefer">'
            f'<option value="">{_("the best itself")}</option>{options}</select></label>'
            + number_field("within", _("Points below the best that are near enough"), query.within, "20")
            + "</fieldset>"
        )
        beside = dict(query.beside)
        inputs = "".join(
            number_field(f"beside.{fact}", fact_heading(fact), beside.get(fact), "0", slider=2)
            for fact in numbers
        )
        how = _(
            "Quality weighs 1. A fact of weight 1 counts as much as quality, at the rate at which both "
            "change between the models listed."
        )
        parts += (
            f'<details class="ag-cond"{" open" if beside else ""}>'
            f"<summary>{_('Weigh facts beside quality')}</summary><p>{how}</p>{inputs}</details>"
        )
    if not parts:
        nothing = _(
            "Nothing is known here of these models but their votes: neither categories nor prices nor speed."
        )
        return f'<p class="ag-note ag-above">{nothing}</p>'
    reset = f'<a class="ag-btn ag-quiet" href="./decide">{_("Start anew")}</a>' if query != ANYTHING else ""
    return (
        f'<form class="ag-card ag-pad ag-decide" action="./decide" method="get">{parts}'
        f'<div class="ag-send"><button class="ag-btn ag-go" type="submit">{_("Decide")}</button>'
        f"{reset}</div></form>"
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
            _("Score"),
            *([_("Weighed")] if weighed else []),
            _("Chance of being the best"),
            *([_("At most below the best")] if not weighed else []),
            *map(fact_heading, facts),
        )
    )
    shown = decision.candidates[:_ROWS]
    body = "".join(_row(one, decision, known, about, facts, weighed) for one in shown)
    more = len(decision.candidates) - len(shown)
    under = (
        [ngettext("{count} more model below these.", "{count} more models below these.", more)]
        if more
        else []
    )
    if any(isinstance(m, Measured) for own in known.measured.values() for m in own.values()):
        under.append(
            _(
                "Times, lengths and speeds are medians of the answers in the log, failures their share, with "
                "intervals at 95% that allow for battles of several turns."
            )
        )
    under += [priced_sentence(known)] if known.priced else []
    notes = paragraph(under)
    title = _("Every model, and why")
    caption = _("Every model with its score, what is known of it, and why it is not taken")
    return (
        f'<section class="ag-section"><h2>{title}</h2><div class="ag-card ag-known" tabindex="0"'
        f' role="group" aria-label="{title}"><table><caption class="ag-sr">{caption}</caption>'
        f'<thead><tr><th scope="col">{_("Model")}</th>'
        f'<th scope="col">{_("May be taken")}</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="ag-small ag-data">{escape(notes)}</p></section>'
    )


def _row(
    one: Candidate, decision: Decision, known: KnownFacts, about: About, facts: Sequence[str], weighed: bool
) -> str:
    own = one.model == decision.choice
    why = _("taken") if own else _("yes") if one.why_not is None else reason_words(one.why_not, [*facts])
    score = "" if one.score is None else short_number(one.score)
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
    if 0 < chance < 0.005:
        return f"<{percent(0.01)}"
    return f">{percent(0.99)}" if 0.995 <= chance < 1 else percent(chance)


def _fact(known: KnownFacts, model: str, fact: str) -> str:
    """A fact with its interval, if it was measured."""
    value = known.values.get(model, {}).get(fact)
    if value is None:
        return "–"
    if not is_number(value):
        return escape(without_hidden(str(value)))
    share = fact == "failures"
    text = percent(value, 1) if share else short_number(float(value))
    measured = known.measured.get(model, {}).get(fact)
    if measured is None or (measured.lower is None and measured.upper is None):
        return text
    if not (measured.lower or 0) <= value <= (measured.upper or value):
        return text
    low, high = (
        "…" if bound is None else percent(bound, 1) if share else short_number(bound)
        for bound in (measured.lower, measured.upper)
    )
    return f'{text} <span class="ag-dim ag-nw">{_("{low} to {high}", low=low, high=high)}</span>'
