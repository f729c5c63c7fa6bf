"""The pages of one visitor: the list of their battles with their board, and one battle with its receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from agon.arena.core.arena import Arena
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.roster import IN_TESTING
from agon.arena.core.visitors.people import A_PAGE, HistoryPage, turns_of
from agon.arena.web.battle.view import render
from agon.arena.web.languages.texts import _, date_and_time, message, translated
from agon.arena.web.layout import page_html
from agon.arena.web.markdown.markdown import reachable_html, words_html
from agon.arena.web.you.own_board import too_few_sentence
from agon.data.log.personal.consents import SaidConsent, held_consents
from agon.data.log.personal.history import PastBattle
from agon.ranking.text import Sentence

# Nobody else sees these pages, so no search engine does; forms say where they come from, else their origin
# is "null" where a browser keeps quiet of what it knows.
HEAD = (
    '<meta name="robots" content="noindex"><meta name="referrer" content="same-origin">'
    '<link rel="stylesheet" href="./static/battle.css"><link rel="stylesheet" href="./static/you.css">'
)
DONE = {
    "withdrawn": message("It is withdrawn. Boards do not count it any more."),
    "erased": message("It is erased. Within some minutes no file of this arena holds its texts any more."),
    "all-erased": message(
        "All of it is erased. Within some minutes no file of this arena holds your texts any more."
    ),
    "shared": message("Whoever has the link can see it now. You can take it back here at any time."),
    "revoked": message("Nobody can see it by that link any more."),
    "not-agreed": message(
        "It is taken back. Nothing more of yours is kept or sent until you agree again. Your votes stay as "
        "they are."
    ),
    "all": message("All are withdrawn. Boards do not count them any more."),
}
_LONGEST = 160  # characters of a prompt in the list


def list_html(
    arena: Arena,
    history: HistoryPage,
    board: Mapping[str, Any] | None,
    voter: str,
    agreed: Mapping[str, Any],
    yours: int,
    done: str = "",
) -> str:
    """The page with the battles of a visitor, and what they `agreed` to."""
    name = name_of(arena)
    body = render(
        "you.html",
        totals=history.totals,
        battles=[listed(one, history.hashes, name) for one in history.battles],
        board=board,
        agreed=agreed,
        too_few=too_few_sentence(history.totals.counted),
        start=(history.number - 1) * A_PAGE + 1,
        page=history.number,
        pages=history.pages,
        done=translated(DONE.get(done, "")),
        voter=voter,
    )
    return page_html(_("Your votes"), body, current=None, yours=yours, head=HEAD)


def consents_shown(said: Sequence[SaidConsent], texts: Mapping[str, str]) -> dict[str, Any]:
    """What a visitor said to texts, the last first, and the text by which all can be taken back, if any can.

    Args:
        said: the first first.
        texts: {SHA-256: text}.
    """
    rows = [
        {
            "given": one.given,
            "date": _moment(one.created),
            "iso": one.created.isoformat(timespec="seconds"),
            "language": one.language,
            "html": words_html(texts.get(one.text, one.text)),
        }
        for one in reversed(said[-A_PAGE:])
    ]
    return {"rows": rows, "held": next(reversed(held_consents(said)), None)}


def battle_html(
    arena: Arena,
    past: PastBattle,
    hashes: Mapping[int, str],
    running: Running | None,
    link: str | None,
    yours: int,
    done: str = "",
) -> str:
    """The page of one battle; `link` is the address by which others see it."""
    one = listed(past, hashes, name_of(arena))
    nothing = _("Who wrote the answers is told after a vote, so nothing is shown of a battle without one.")
    if past.erased:
        nothing = _("The texts of this battle are erased.")
    body = render(
        "your_battle.html",
        one=one,
        turns=replayed(running) if running else [],
        nothing=nothing,
        link=link,
        done=translated(DONE.get(done, "")),
    )
    return page_html(one["verdict"], body, current=None, yours=yours, head=HEAD)


def replayed(running: Running) -> list[dict[str, Any]]:
    """The turns of a battle that was voted on: each prompt with the answers and who wrote them."""
    return [
        {"prompt": prompt, "answers": [_answer(*one) for one in answers]}
        for prompt, _images, answers in turns_of(running.battle)
    ]


def _answer(letter: str, name: str, text: str) -> dict[str, Any]:
    name = translated(name) if isinstance(name, Sentence) else name
    return {"letter": letter, "name": name, "html": Markup(reachable_html(text))}


def name_of(arena: Arena) -> Callable[[str], str]:
    """What a model is called on pages."""
    cards = {one.card.name: one.card.display_name for one in arena.roster.contestants}
    hidden = arena.contestants.hidden
    return lambda model: translated(IN_TESTING) if model in hidden else cards.get(model, model)


def listed(past: PastBattle, hashes: Mapping[int, str], name: Callable[[str], str]) -> dict[str, Any]:
    """What the pages say of a battle."""
    prompt = " ".join(past.prompt.split())
    when = past.voted or past.created
    return {
        "battle": past.battle_id,
        "address": f"./you?battle={past.battle_id}",
        "prompt": prompt if len(prompt) <= _LONGEST else prompt[: _LONGEST - 1] + "…",
        "verdict": verdict(past, name),
        "state": state_words(past),
        "counts": past.counts,
        "number": past.number,
        "hash": hashes.get(past.number or 0, ""),
        "date": _moment(when),
        "iso": when.isoformat(timespec="seconds"),
        "withdrawn": past.withdrawn and _moment(past.withdrawn),
        "erased": past.erased is not None,
        "shared": past.link is not None,
    }


def _moment(when: datetime) -> str:
    return _("{moment} UTC", moment=date_and_time(when))


def verdict(past: PastBattle, name: Callable[[str], str], *, own: bool = True) -> str:
    """What a vote said, with the names; nobody's name where there is no vote.

    Args:
        past: the battle.
        name: what a model is called.
        own: whether its voter reads it, or somebody else.
    """
    if past.ballot is None:
        return _("You did not vote.")
    names = [name(model) for model in past.models]
    places, acceptable = past.ballot
    if len(names) > 2:
        groups = [
            " = ".join(one for one, place in zip(names, places, strict=True) if place == wanted)
            for wanted in (*sorted({place for place in places if place is not None}), None)
        ]
        order = " > ".join(group for group in groups if group)
        return _("You ranked {order}.", order=order) if own else _("The verdict: {order}.", order=order)
    one, other = names
    if places[0] != places[1]:
        one, other = (one, other) if places[0] == 1 else (other, one)
        said = (
            _("You preferred {winner} to {loser}.", winner=one, loser=other),
            _("{winner} was preferred to {loser}.", winner=one, loser=other),
        )
    elif acceptable is not None and not any(acceptable):
        said = (
            _("You found {first} and {second} both bad.", first=one, second=other),
            _("{first} and {second} were both found bad.", first=one, second=other),
        )
    else:
        said = (
            _("You found {first} and {second} equally good.", first=one, second=other),
            _("{first} and {second} were found equally good.", first=one, second=other),
        )
    return said[0 if own else 1]


def state_words(past: PastBattle) -> str:
    """Whether a vote counts, and why not."""
    states = (
        (past.number is None, _("No vote")),
        (past.withdrawn is not None, _("Withdrawn")),
        (past.same_model, _("Does not count: one model was drawn twice")),
        (past.testing, _("Does not count: a model was drawn that is in testing")),
        (past.named, _("Does not count: you saw the names from the beginning")),
        (not past.blind, _("Does not count: an earlier vote had told you who wrote this")),
    )
    return next((words for holds, words in states if holds), _("Counts"))
