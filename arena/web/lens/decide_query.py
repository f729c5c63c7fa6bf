"""What a reader asks of the page Decide, and how it stands in its address."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from agon.arena.web.languages.texts import speaking
from agon.arena.web.leaderboard.query import Offer, QueryError, in_quotes
from agon.arena.web.lens.fact_words import fact_word
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking.errors import suggest
from agon.ranking.text import Sentence

Pairs = tuple[tuple[str, float], ...]
KINDS = ("weight", "atmost", "atleast", "beside")  # of NAME.WHAT=NUMBER in an address
LARGEST_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class DecideQuery:
    """Which model is looked for.

    Attributes:
        by: the column whose values weigh; None where there is none.
        weights: value, or task → weight, where it is not 1.
        at_most, at_least: fact → bound.
        only: fact → the values allowed.
        prefer: fact that is to be small, among models hardly worse.
        within: points that the choice may be below the best.
        beside: fact → its weight beside the score.
    """

    by: str | None = None
    weights: Pairs = ()
    at_most: Pairs = ()
    at_least: Pairs = ()
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()
    prefer: str | None = None
    within: float | None = None
    beside: Pairs = ()

    @classmethod
    def of(  # noqa: PLR0912 - one branch for each word of an address
        cls, given: Iterable[tuple[str, str]], offer: Offer, numbers: Sequence[str], words: Sequence[str]
    ) -> DecideQuery:
        """Read it from the parameters of an address; those without a value are left out, as forms send them.

        Args:
            given: (name, value) of each.
            offer: what can be weighed.
            numbers: facts that are numbers.
            words: facts that are words.

        Raises:
            QueryError: a parameter that there is not, or a value that is no number.
        """
        found: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
        only: dict[str, list[str]] = {}
        by = "category" if "category" in offer.filters else next(iter(offer.filters), None)
        prefer, within, weighed = None, None, False
        for name, text in given:
            value = text.strip()
            if not value:
                continue
            kind, _, what = name.partition(".")
            if kind in KINDS and what:
                found[kind][what] = _number(value, what)
                weighed = weighed or kind == "weight"
            elif kind == "only" and what in words:
                only.setdefault(what, []).append(value)
            elif name == "by" and value in offer.filters:
                by, weighed = value, True
            elif name == "prefer" and value in numbers:
                prefer = value
            elif name == "within":
                within = _number(value, "within")
            elif name in ("by", "prefer"):
                known = list(offer.filters) if name == "by" else list(numbers)
                what = "column" if name == "by" else "fact"
                raise _unknown(what, value, suggest(value, known))
            else:
                raise QueryError(
                    Sentence("There is no {name} to decide by; leave it out.", name=in_quotes(name))
                )
        for kind in ("atmost", "atleast", "beside"):
            for what in found[kind]:
                if what not in numbers:
                    none = Sentence("no numbers of these models are known.")
                    raise _unknown("fact", what, suggest(what, numbers) if numbers else none)
        groups = _groups(offer, by)
        for what, weight in found["weight"].items():
            if what not in groups:
                raise QueryError(
                    Sentence(
                        "There is no {name} to weigh; {remedy}",
                        name=in_quotes(what),
                        remedy=suggest(what, groups),
                    )
                )
            if weight > LARGEST_WEIGHT:
                raise QueryError(
                    Sentence(
                        "The weight of {name} must be 0 to 100, not {weight}.",
                        name=in_quotes(what),
                        weight=f"{weight:g}",
                    )
                )
        if prefer and any(found["beside"].values()):
            raise QueryError(Sentence("Prefer one fact, or let facts weigh beside the score, not both."))
        return cls(
            by if weighed else None,
            _pairs(found["weight"]) if weighed else (),
            _pairs(found["atmost"]),
            _pairs(found["atleast"]),
            tuple((name, tuple(sorted(values))) for name, values in sorted(only.items())),
            prefer,
            within,
            tuple((name, weight) for name, weight in _pairs(found["beside"]) if weight > 0),
        )

    @property
    def asks(self) -> set[str]:
        """The facts that it asks about."""
        bounds = (*self.at_most, *self.at_least, *self.beside)
        named = {name for name, _ in bounds} | {name for name, _ in self.only}
        return named | ({self.prefer} if self.prefer else set())

    @property
    def parameters(self) -> str:
        """The query of its address."""
        given: list[tuple[str, object]] = [] if self.by is None else [("by", self.by)]
        for kind, pairs in zip(KINDS, (self.weights, self.at_most, self.at_least, self.beside), strict=True):
            given += [(f"{kind}.{name}", f"{number:g}") for name, number in pairs]
        given += [(f"only.{name}", value) for name, values in self.only for value in values]
        given += [("prefer", self.prefer)] if self.prefer else []
        given += [] if self.within is None else [("within", f"{self.within:g}")]
        return urlencode(given)

    def command(self, table: bool) -> list[str]:
        """Its options of `agon decide`."""
        words: list[str] = []
        if self.by is not None and not table:
            words += ["--weights-by", self.by]
            words += [part for name, weight in self.weights for part in ("--weight", f"{name}={weight:g}")]
        if table and self.weights:
            words += ["--weights", ",".join(f"{name}={weight:g}" for name, weight in self.weights)]
        for option, pairs in (
            ("--at-most", self.at_most),
            ("--at-least", self.at_least),
            ("--weigh", self.beside),
        ):
            words += [part for name, number in pairs for part in (option, f"{name}={number:g}")]
        words += [part for name, values in self.only for part in ("--only", f"{name}={','.join(values)}")]
        words += ["--prefer", self.prefer] if self.prefer else []
        return words + ([] if self.within is None else ["--within", f"{self.within:g}"])


def _groups(offer: Offer, by: str | None) -> list[str]:
    return list(offer.tasks) if offer.tasks else list(offer.filters.get(by, {})) if by else []


def _unknown(what: str, value: str, remedy: Sentence) -> QueryError:
    if what == "fact":
        return QueryError(Sentence("There is no fact {name}; {remedy}", name=in_quotes(value), remedy=remedy))
    return QueryError(Sentence("There is no column {name}; {remedy}", name=in_quotes(value), remedy=remedy))


def _pairs(found: Mapping[str, float]) -> Pairs:
    return tuple(sorted(found.items()))


def _number(text: str, what: str) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        with speaking("en"):  # as is the sentence
            named = fact_word(without_hidden(what)).capitalize()
        raise QueryError(f"{named} must be a number of 0 or more, not {without_hidden(text)!r}.")
    return number
