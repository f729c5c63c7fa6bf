"""The battle page as a render of the battle's state: templates in, HTML and a small JSON view out.

Before the vote a view holds letters, texts and what happened, never a name, an address, a time or a count
that belongs to a model. Everything from a model goes through `arena.web.markdown`; everything else is
escaped by the templates.
"""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import Mode
from agon.arena.core.battle import CAPITALS, LETTERS, NUMBERS, Battle, Side, State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.battles.resume import CLOSED, SKIPPED
from agon.arena.core.battles.score_change import ScoreChange
from agon.arena.core.modes.by_name import MOST_NAMED
from agon.arena.core.modes.review_queue import review_progress
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import words_in
from agon.arena.core.visitors.people import MOST_COMMENT
from agon.arena.web.battle.consent import consent_view
from agon.arena.web.languages.texts import (
    _,
    comma_list,
    language,
    message,
    ngettext,
    number,
    percent,
    template_plural,
    template_text,
    translated,
)
from agon.arena.web.markdown.markdown import reachable_html, words_html
from agon.arena.web.markdown.streaming import streaming_html
from agon.ranking.leaderboard.row import Row, score_range
from agon.ranking.text import Sentence

_EXAMPLES = 48  # examples sent with the page; it shows six at a time
_IN_LINE = (
    message("First in line"),
    message("Second in line"),
    message("Third in line"),
    message("Fourth in line"),
    message("Fifth in line"),
    message("Sixth in line"),
    message("Seventh in line"),
    message("Eighth in line"),
    message("Ninth in line"),
    message("Tenth in line"),
)
_WORDS = {
    "waiting": message("Waiting"),
    "writing": message("Writing"),
    "finished": message("Finished"),
    "stopped": message("Stopped"),
    "failed": message("Failed"),
}
_PLACES = (
    message("1st"),
    message("2nd"),
    message("3rd"),
    message("4th"),
    message("5th"),
    message("6th"),
)

_REASONS = {  # as the log has them
    "correct": message("Correct"),
    "complete": message("Complete"),
    "clear": message("Clear"),
    "well written": message("Well written"),
    "follows the instructions": message("Follows the instructions"),
    "safe": message("Safe"),
}


@cache
def _templates() -> Environment:
    folder = files("agon.arena.web") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals.update(_=template_text, ngettext=template_plural, language=language, percent=percent)
    environment.globals["translated"] = translated
    environment.globals["key"] = lambda name: Markup("<kbd>{}</kbd>").format(name)
    return environment


def render(name: str, **values: Any) -> str:
    """One template of `arena/web/templates`, with everything escaped that is not marked as HTML."""
    return _templates().get_template(name).render(**values)


def panel_html(view: dict[str, Any], alert: str = "") -> str:
    """What stands on the page of a battle, as the server shows it first: a state, the votes, the prompt."""
    shown = {"html": Markup(view["html"]), "below": Markup(view["below"]), "alert": alert}
    return render("panel.html", consent=view["consent"], state=view["state"], **shown)


def panel_state(view: dict[str, Any]) -> str:
    """The attributes of what holds a panel: the state for the style, and the view for `static/battle.js`."""
    kept = {key: value for key, value in view.items() if key not in ("html", "below")}
    marks = {
        "typed": view["state"] == "empty" and view["typed"],
        "follow": view.get("may_ask"),
        "many": len(view.get("sides", ())) > 2,
    }
    shown = "".join(f" data-{mark}" for mark, is_so in marks.items() if is_so)
    state, data = escape(view["state"]), escape(json.dumps(kept, ensure_ascii=False))
    return f'data-agon data-state="{state}"{shown} data-view="{data}"'


def start_view(arena: Arena, session: str, mode: Mode = "blind") -> dict[str, Any]:
    """The page before a battle: the invitation, the examples, and how much has been counted."""
    roster = arena.roster
    facts = {"votes": arena.log.counted(), "models": len(roster.listed), "prompts": len(roster.examples)}
    values = {"roster": roster, "facts": facts, "examples": arena.contestants.choose_examples(_EXAMPLES)}
    values["intro"] = words_html(words_in(roster.page.intro, language()))
    values["invitation"] = _invitation(roster.typed, arena.settings.answers)
    values["review"] = review_progress(arena, session) if mode == "blind" else None
    values["mode"], values["modes"] = mode, arena.modes
    values["most_named"] = min(MOST_NAMED, len(arena.contestants.offered))
    values["models"] = [(name, one.card.display_name) for name, one in arena.contestants.offered.items()]
    return {
        "battle": None,
        "state": "empty",
        "mode": mode,
        "typed": roster.typed,
        "images": arena.most_images(),
        "image_bytes": arena.settings.image_bytes,
        "votes": arena.log.votes_of(arena.keys.voter(session)),
        "consent": consent_view(arena, session),
        "html": render("empty.html", **values),
        "below": render("examples.html", **values),
    }


def _invitation(typed: bool, answers: int) -> str:
    """What happens here, in a line."""
    if typed:
        return ngettext(
            "Ask once. {number} model answers.",
            "Ask once. {number} models answer.",
            answers,
            number=CAPITALS[answers],
        )
    return ngettext(
        "One prompt, {number} answer.", "One prompt, {number} answers.", answers, number=NUMBERS[answers]
    )


def battle_view(arena: Arena, session: str, running: Running, *, fresh: bool = False) -> dict[str, Any]:
    """The page of a battle in its state, for the browser and for programs.

    `fresh` is a vote that was kept this moment, of which nothing can have been said yet.
    """
    battle = running.battle
    named = battle.state is State.VOTED
    review = review_progress(arena, session)
    said = next(iter(arena.log.remarks(battle.id)), None) if named and not fresh else None
    remarks = {"reasons": list(said.reasons), "comment": said.comment} if said else None
    view: dict[str, Any] = {
        "battle": battle.id,
        "state": str(battle.state),
        "turn": battle.turn,
        "prompt": battle.prompts[0],
        "prompt_images": [{"sha256": image.sha256, "alt": image.alt} for image in battle.images[0]],
        "images": arena.most_images(battle),
        "image_bytes": arena.settings.image_bytes,
        "may_ask": arena.may_ask(battle),
        "votes": arena.log.votes_of(battle.voter),
        "consent": consent_view(arena, session),
        "sides": [side_view(battle, slot) for slot in range(len(battle.sides))],
        "standing": list(battle.standing),
        "html": render(
            _TEMPLATES[battle.state],
            **{**battle_values(arena, running), "review": review, "last": _last(arena, session, running)},
            remarks=remarks,
            reasons={reason: _(words) for reason, words in _REASONS.items()},
            most_comment=MOST_COMMENT,
        ),
        "below": "",
        "review": None if review is None else {"done": review.done, "total": review.total},
        "queued": running.queued,
        "mode": "named" if battle.named else "blind",
        "chosen": list(battle.models) if battle.named else None,
        "uneven": battle.uneven,
        "cut": any(side.cut for side in battle.judged),
    }
    if battle.state is State.READY:
        view["seen"] = arena.names_shown(battle)
        view["token"] = arena.keys.vote_token(battle.id, battle.turn, session)
    if named:
        view["models"] = [arena.contestants.called(side.contestant.card.name) for side in battle.judged]
        view["outcome"] = battle.outcome
        view["places"], view["acceptable"] = battle.ballot or (None, None)
        view["receipt"], view["record"] = running.number, running.record
        view["counted"] = running.counted
        view["remarks"] = remarks
    return view


def _last(arena: Arena, session: str, running: Running) -> dict[str, Any] | None:
    """The comparison before this one in the list, whose names may be told."""
    if running.after is None:
        return None
    try:
        before = arena.battle(session, running.after)
    except Refusal:
        return None
    battle = before.battle
    if battle.state is not State.VOTED:
        return None
    names = [(LETTERS[slot], name_shown(battle.sides[slot])) for slot in battle.standing]
    return {
        "id": battle.id,
        "judged": _judged(battle),
        "counted": before.counted,
        "names": names,
    }


def change_view(running: Running, change: ScoreChange | None) -> dict[str, Any]:
    """What a vote changed, as the page shows it beside the names."""
    battle = running.battle
    why = _("There is no board to compare with.")
    if running.withdrawn:
        why = _("Nothing any more: the vote is withdrawn.")
    elif battle.same_model:
        why = _(
            "Nothing: an answer was compared with another one of its own model, to see how far votes vary."
        )
    elif battle.testing:
        why = _("Nothing: a model was drawn that is in testing, and votes on those count on no board.")
    elif battle.named:
        why = _("Nothing: you saw the names, and such a vote does not count.")
    elif not running.blind:
        why = _("Nothing: a vote that is not blind does not count.")
    shown = {"rows": [], "sentence": why}
    return {"html": render("change.html", change=_score_change(change, battle) if change else shown)}


_TEMPLATES = {
    State.DRAWN: "battle.html",
    State.STREAMING: "battle.html",
    State.READY: "battle.html",
    State.KEEPING: "battle.html",
    State.VOTED: "revealed.html",
    State.VOID: "void.html",
}


def side_view(battle: Battle, slot: int) -> dict[str, Any]:
    """One answer as it stands: its letter, what it is doing, its text."""
    side = battle.sides[slot]
    return {
        "slot": slot,
        "letter": LETTERS[slot],
        "status": side.status,
        "words": _side_words(battle, side),
        "text": side.text,
    }


def _side_words(battle: Battle, side: Side) -> str:
    """What a side is doing. Where was it cut? Before the vote only a limit that all models have is told."""
    if side.cut:
        if battle.output_limit:
            return _("Cut at {tokens} tokens", tokens=battle.output_limit)
        return _("Cut at its limit")
    if side.status != "waiting" or not side.in_line:
        return _(_WORDS[side.status])
    if side.in_line > len(_IN_LINE):
        return _("Number {place} in line", place=side.in_line)
    return _(_IN_LINE[side.in_line - 1])


def name_shown(side: Side) -> str:
    """What the reader is told of who wrote an answer."""
    name = side.contestant.card.display_name
    return translated(name) if isinstance(name, Sentence) else name


def side_html(side: Side) -> str:
    """One answer's text as safe HTML."""
    return streaming_html(side.text) if side.status == "writing" else reachable_html(side.text)


def battle_values(arena: Arena, running: Running) -> dict[str, Any]:
    """What the templates of a battle are filled with."""
    battle = running.battle
    values: dict[str, Any] = {
        "battle": battle,
        "state": str(battle.state),
        "letters": LETTERS,
        "words": [_side_words(battle, side) for side in battle.sides],
        "many": len(battle.sides) > 2,
        "earlier": [(prompt, _answers(battle, turn)) for turn, prompt in enumerate(battle.prompts[:-1])],
        "bodies": [Markup(side_html(side)) for side in battle.sides],
        "may_ask": arena.may_ask(battle),
        "plan": None,  # of a study
        "names": [name_shown(side) for side in battle.sides] if battle.named else None,
        "queued": running.queued,
        "review": None,  # where its voter stands in a list
        "last": None,
    }
    if battle.state is State.VOTED:
        values["verdict"] = _verdict(battle)
        values["cards"] = [_card(battle, slot) for slot in _by_place(battle)]
        last = [(LETTERS[slot], values["bodies"][slot]) for slot in battle.standing]
        values["turns"] = [*values["earlier"], (battle.prompts[-1], last)]
        values["thoughts"] = [_thoughts(battle, turn) for turn in range(battle.turn)]
        values["receipt"], values["counted"] = running.number, running.counted
        values["record"], values["withdrawn"] = running.record, running.withdrawn
    if battle.state is State.VOID:
        began = battle.created
        values["events"] = [
            (_("{seconds} s", seconds=number((at - began).total_seconds(), 1)), translated(what))
            for at, what in battle.events
        ]
        values["sentence"] = _void_sentence(battle)
    return values


def _answers(battle: Battle, turn: int) -> list[tuple[str, Markup]]:
    """The letter of each side that stands, and its answer of a turn (from 0)."""
    found = []
    for slot in battle.standing:
        said = battle.sides[slot].messages
        text = said[2 * turn + 1 + (said[0].role == "system")].content
        found.append((LETTERS[slot], Markup(reachable_html(text))))
    return found


def _places(battle: Battle) -> dict[int, int | None]:
    """The place of each slot that stands; None was not ranked."""
    return dict(zip(battle.standing, battle.ballot[0] if battle.ballot else (), strict=False))


def _by_place(battle: Battle) -> list[int]:
    """The slots that stand: two as they were shown, more from the best to the worst."""
    if len(battle.sides) == 2:
        return list(battle.standing)
    places = _places(battle)
    return sorted(battle.standing, key=lambda slot: places[slot] or len(LETTERS))


def _thoughts(battle: Battle, turn: int) -> dict[str, tuple[Markup, int]]:
    """What the models thought before their answers of a turn (from 0), by letter, and in how many tokens.

    It is shown folded, after the vote.
    """
    found = {}
    for slot in battle.standing:
        side = battle.sides[slot]
        made = [*side.earlier, side.generation][turn]
        if made is not None and made.reasoning.strip():
            found[LETTERS[slot]] = Markup(reachable_html(made.reasoning)), made.reasoning_tokens
    return found


def _verdict(battle: Battle) -> str:
    """What the voter said, with the names; and which answers were of one model."""
    twice = [slot for slot in battle.standing if battle.models.count(battle.models[slot]) > 1]
    if not twice:
        return _preferred(battle)
    name = name_shown(battle.sides[twice[0]])
    if len(battle.sides) > 2:
        letters = [LETTERS[slot] for slot in twice]
        return f"{_preferred(battle)} {_('{letters} were both by {model}.', letters=letters, model=name)}"
    if battle.outcome in {"a", "b"}:
        letter = (battle.outcome or "").upper()
        return _("Both were by {model}, and you preferred {letter}.", model=name, letter=letter)
    if battle.outcome == "tie":
        return _("Both were by {model}, and you found them equally good.", model=name)
    return _("Both were by {model}, and you found both bad.", model=name)


def _judged(battle: Battle) -> str:
    """What the voter said, without a name."""
    if len(battle.sides) == 2:
        if battle.outcome in {"a", "b"}:
            return _("You preferred {letter}.", letter=(battle.outcome or "").upper())
        if battle.outcome == "tie":
            return _("You found both equally good.")
        return _("You found both bad.")
    first = [LETTERS[slot] for slot, place in _places(battle).items() if place == 1]
    return _("You put {letters} first.", letters=first)


def _preferred(battle: Battle) -> str:  # noqa: PLR0911 (a sentence each)
    names = [name_shown(side) for side in battle.sides]
    if battle.named and battle.outcome in {"a", "b"}:
        return _("You preferred {letter}.", letter=names["ab".index(battle.outcome)])
    if len(battle.sides) > 2:
        places, acceptable = battle.ballot or ((), None)
        first = [slot for slot, place in _places(battle).items() if place == 1]
        if acceptable is not None and not any(acceptable):
            return _("You found none of the {number} acceptable.", number=NUMBERS[len(places)])
        if len(first) == len(places):
            return _("You found all {number} equally good.", number=NUMBERS[len(places)])
        letters, named = [LETTERS[slot] for slot in first], [names[slot] for slot in first]
        if len(first) == 1:
            return _("You put {letter} first, which is {model}.", letter=letters[0], model=named[0])
        return _("You put {letters} first, which are {models}.", letters=letters, models=named)
    if battle.outcome in {"a", "b"}:
        slot = "ab".index(battle.outcome)
        return _("You preferred {letter}, which is {model}.", letter=LETTERS[slot], model=names[slot])
    if battle.outcome == "tie":
        return _("You found {first} and {second} equally good.", first=names[0], second=names[1])
    return _("You found {first} and {second} both bad.", first=names[0], second=names[1])


def _card(battle: Battle, slot: int) -> dict[str, Any]:
    side = battle.sides[slot]
    card, made, measured = side.contestant.card, side.generation, side.contestant.measured
    rate = made.tokens_per_second if made else None
    first = made.time_to_first_token if made else None
    return {
        "letter": LETTERS[slot],
        "name": name_shown(side),
        "about": " · ".join(part for part in (card.organisation, card.licence) if part),
        "first": "–" if first is None else number(first, 2),
        "rate": "–" if rate is None else number(rate, 0),
        "length": (made.tokens if measured else len(made.text.split())) if made else 0,
        "measured": measured,
        "cut": side.cut,
        "price": None if card.price is None else number(card.price, 2),
        "chosen": battle.outcome == "ab"[slot] if len(battle.sides) == 2 else _places(battle)[slot] == 1,
        "place": _place(battle, slot) if len(battle.sides) > 2 else None,
    }


def _place(battle: Battle, slot: int) -> dict[str, Any]:
    """Where the voter put an answer, in words."""
    acceptable = battle.ballot[1] if battle.ballot else None
    places = _places(battle)
    place = places[slot]
    bad = acceptable is not None and not acceptable[battle.standing.index(slot)]
    parts = [_("Not ranked") if place is None else _(_PLACES[place - 1])]
    if place is not None and list(places.values()).count(place) > 1:
        parts.append(_("tied"))
    if bad:
        parts.append(_("not acceptable"))
    return {"words": comma_list(parts), "bad": bad}


def _void_sentence(battle: Battle) -> str:  # noqa: PLR0911 (a sentence each)
    failed = [LETTERS[slot] for slot, side in enumerate(battle.sides) if side.status == "failed"]
    if battle.reason == SKIPPED:
        return _("You left this one for later. Nothing was counted.")
    if battle.reason == CLOSED:
        if len(battle.sides) == 2:
            return _("The arena was restarted before both had written. Nothing was counted.")
        return _("The arena was restarted before all had written. Nothing was counted.")
    if not any(side.status == "failed" for side in battle.judged):
        if len(battle.sides) == 2:
            return _("The battle was stopped before both had written. Nothing was counted.")
        return _("The battle was stopped before all had written. Nothing was counted.")
    if any(side.generation and side.generation.failure == "no_images" for side in battle.judged):
        return _("These models cannot see your images. Remove them, and ask with words. Nothing was counted.")
    if any(side.generation and side.generation.failure == "too_long" for side in battle.judged):
        return _("The prompt is longer than these models can read. Shorten it. Nothing was counted.")
    if len(failed) > 1:
        return _(
            "{failed} of {all} answers failed. Nothing was counted.",
            failed=CAPITALS[len(failed)],
            all=NUMBERS[len(battle.sides)],
        )
    if any(side.text for side in battle.sides if side.status == "failed"):
        return _("Answer {letter} stopped halfway. Nothing was counted.", letter=failed[0])
    return _("Answer {letter} never came. Nothing was counted.", letter=failed[0])


def _score_change(change: ScoreChange, battle: Battle) -> dict[str, Any]:
    """The two models on one axis, and the change in words."""
    names = {side.contestant.card.name: name_shown(side) for side in battle.sides}
    shown = [one for one in change.models if one.row.score is not None]
    order = _by_place(battle)  # as the cards above
    span = score_range([one.row for one in shown]) or (0.0, 1.0)
    ends = [*span, *(one.before for one in shown if one.before is not None)]
    low, high = min(ends), max(ends)
    margin = max((high - low) * 0.06, 1.0)
    low, high = low - margin, high + margin

    def at(value: float | None, open_end: float) -> float:
        if value is None:
            return open_end
        return round(100 * min(max((value - low) / (high - low), 0.0), 1.0), 2)

    def beyond(bound: float | None) -> bool:
        """Whether an interval goes on where the drawing ends."""
        return bound is None or not low <= bound <= high

    return {
        "axis": [number(low, 0), number((low + high) / 2, 0), number(high, 0)],
        "rows": [
            {
                "letter": LETTERS[battle.models.index(one.row.model)],
                "name": names[one.row.model],
                "score": number(one.row.score or 0.0, 0),
                "at": at(one.row.score, 50.0),
                "before": None if one.before is None else at(one.before, 50.0),
                "lower": at(one.row.lower, 0.0),
                "upper": at(one.row.upper, 100.0),
                "open_below": beyond(one.row.lower),
                "open_above": beyond(one.row.upper),
                "open": one.row.lower is None or one.row.upper is None,
                "words": _words(one.row),
            }
            for one in sorted(shown, key=lambda one: order.index(battle.models.index(one.row.model)))
        ],
        "sentence": _change_sentence(change, names),
    }


def _words(row: Row) -> str:
    score = number(row.score or 0.0, 0)
    lower, upper = (None if end is None else number(end, 0) for end in (row.lower, row.upper))
    if lower is None and upper is None:
        return _("{score}, open on both sides", score=score)
    if lower is None:
        return _("{score}, open below, to {upper}", score=score, upper=upper)
    if upper is None:
        return _("{score}, from {lower}, open above", score=score, lower=lower)
    return _("{score}, from {lower} to {upper}", score=score, lower=lower, upper=upper)


def _change_sentence(change: ScoreChange, names: dict[str, str]) -> str:
    parts = []
    fresh = [names[one.row.model] for one in change.models if one.change is None]
    together = len(change.models) > 2 and len(fresh) > 1
    if together and len(fresh) == len(change.models):
        parts.append(_("All {number} models now have a first score", number=NUMBERS[len(fresh)]))
    elif together:
        parts.append(_("{models} now have a first score", models=fresh))
    for one in change.models:
        name = names[one.row.model]
        if one.change is None and together:
            continue
        if one.change is None:
            parts.append(_("{model} now has a first score", model=name))
        elif abs(one.change) < 0.05:
            parts.append(_("{model} stays where it is", model=name))
        elif one.change > 0:
            parts.append(_("{model} gains {points} points", model=name, points=number(one.change, 1)))
        else:
            parts.append(_("{model} loses {points} points", model=name, points=number(-one.change, 1)))
    told = [_("{list}.", list=tuple(parts))] if parts else []
    if not change.ranked:
        told.append(
            _(
                "With fewer than {fewest} votes a model is provisional: it has a score, but no rank yet.",
                fewest=change.fewest,
            )
        )
    elif change.ranks_changed:
        told.append(ngettext("{count} rank changed.", "{count} ranks changed.", change.ranks_changed))
    else:
        told.append(_("No rank changes: single votes should not move a board."))
    return " ".join(told)
