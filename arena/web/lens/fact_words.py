"""What facts of models are called on pages, and which way they are good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agon.arena.web.languages.texts import _, language, message, number
from agon.arena.web.leaderboard.sources import SPEEDS, About
from agon.data.model_facts import Measured, measure_answers

_WORDS = {
    "price": (message("price"), message("Output price, $ per million tokens")),
    "input_price": (message("input price"), message("Input price, $ per million tokens")),
    "first_token": (message("time to the first token"), message("Time to the first token, s")),
    "seconds": (message("time for an answer"), message("Time for an answer, s")),
    "tokens": (message("number of tokens"), message("Tokens in an answer")),
    "length": (message("length of answers"), message("Characters in an answer")),
    "tokens_per_second": (message("tokens per second"), message("Tokens per second")),
    "failures": (message("share of failed answers"), message("Share of answers that failed")),
    "licence": (message("licence"), message("Licence")),
    "organisation": (message("organisation"), message("Organisation")),
}
COST, TIME = ("price", "input_price"), ("seconds", "first_token")
_ELSEWHERE = {"priced", "first_seen"}  # facts of which nothing is decided
TOO_FEW = "too few votes"  # why the engine does not take a model
MOST_VALUES = 12  # of a fact in words that can be ticked


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is known of models beside their votes.

    Attributes:
        values: model → fact → value.
        measured: model → fact → the same with its interval, where a log measured it.
        priced: model → the day of its prices.
    """

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    measured: Mapping[str, Mapping[str, Measured]] = field(default_factory=dict)
    priced: Mapping[str, str] = field(default_factory=dict)


def known_facts(about: About) -> KnownFacts:
    """Put together what cards and tables say and what logs measured; a replayed model has no speed."""
    info = about.info
    measured: dict[str, dict[str, Measured]] = {}
    for folder in about.folders:
        measured |= measure_answers(folder)
    for model, own in measured.items():
        if info.closed and not info.known.get(model, {}).keys() & SPEEDS:
            measured[model] = {fact: one for fact, one in own.items() if fact not in SPEEDS}
    values, priced = {}, {}
    for model in sorted({*info.cards, *info.known, *measured}):
        found = {fact: one.value for fact, one in measured.get(model, {}).items()} | info.facts(model)
        if "priced" in found:
            priced[model] = str(found["priced"])
        values[model] = {fact: value for fact, value in found.items() if fact not in _ELSEWHERE}
    return KnownFacts(values, measured, priced)


def fact_word(fact: str) -> str:
    """A fact in a sentence: "time to the first token"."""
    return _(_WORDS[fact][0]) if fact in _WORDS else fact.replace("_", " ")


def fact_heading(fact: str) -> str:
    """A fact above its column, with its unit."""
    return _(_WORDS[fact][1]) if fact in _WORDS else fact.replace("_", " ").capitalize()


def fact_names(known: KnownFacts) -> tuple[list[str], list[str]]:
    """The facts that are numbers and those that are words, in the order of this page."""
    values: dict[str, list[Any]] = {}
    for own in known.values.values():
        for name, value in own.items():
            values.setdefault(name, []).append(value)
    order = {name: place for place, name in enumerate(_WORDS)}
    names = sorted(values, key=lambda name: (order.get(name, len(order)), name))
    numbers = [name for name in names if all(is_number(value) for value in values[name])]
    return numbers, [name for name in names if name not in numbers]


def is_number(value: object) -> bool:
    """Whether a fact can be compared with a bound."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def short_number(value: float) -> str:
    """A number with the digits that a reader needs: 0.18, 12.4, 1,204."""
    return figure_text(f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}")


def figure_text(text: str) -> str:
    """A number as English writes it, in the writing of the page's language with as many digits."""
    if language() == "en" or "e" in text:
        return text
    return number(float(text.replace(",", "")), len(text.partition(".")[2]))


def reason_words(why: str, facts: Mapping[str, object] | list[str]) -> str:
    """Why a model is not taken, with its fact in words."""
    for fact in facts:
        word, rest = fact_word(fact), why.removeprefix(fact)
        if why == f"unknown {fact}":
            return _("unknown {fact}", fact=word)
        if why.startswith(f"{fact} above "):
            return _("{fact} above {bound}", fact=word, bound=figure_text(rest.removeprefix(" above ")))
        if why.startswith(f"{fact} below "):
            return _("{fact} below {bound}", fact=word, bound=figure_text(rest.removeprefix(" below ")))
        if why.startswith(f"{fact} other than "):
            return word + rest if language() == "en" else _("{fact} not among those asked for", fact=word)
    return _("too few votes") if why == TOO_FEW else why


def priced_sentence(known: KnownFacts) -> str:
    """Of which day the prices are, as far as that is said."""
    days = sorted(set(known.priced.values()))
    if not days:
        return ""
    if len(days) < 3:
        return _("Prices are as of {days}.", days=days)
    return _("Prices are as of {first} to {last}.", first=days[0], last=days[-1])
