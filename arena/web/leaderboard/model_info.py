"""What is known of the models beside their scores: their cards, facts, failures and states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agon.arena.core.endings import AnswerEndings
from agon.arena.core.roster import ModelCard
from agon.arena.web.markdown.markdown import without_hidden
from agon.data.log.operation.life_cycle import Life

_CARD = ("organisation", "licence", "price", "input_price", "priced")  # facts that a model's card has


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of the models beside their scores; by the name they have in the votes."""

    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    endings: AnswerEndings = field(default_factory=AnswerEndings)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    """How those failed that cannot answer now."""
    closed: bool = False
    """Whether `cards` are all that can be drawn: other models are retired."""
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """{model: {fact: value}}, of a table or measured."""

    gone: frozenset[str] = frozenset()
    """Those with a card that are retired."""
    paused: frozenset[str] = frozenset()
    """Those that are not drawn at present."""
    preliminary: int = 0
    """Votes that a model needs to be no preliminary one, where its organiser says so."""
    votes: Mapping[str, int] = field(default_factory=dict)
    """All votes of each model, whatever a board counts of them; none where that is not known."""

    def name(self, model: str) -> str:
        """The name to show, safe to stand anywhere in text; not yet escaped for HTML."""
        card = self.cards.get(model)
        return without_hidden(card.display_name if card else model) or repr(model)

    def retired(self, model: str) -> bool:
        """Whether a model has votes and is not drawn any more."""
        return model in self.gone or (self.closed and model not in self.cards)

    def all_votes(self, model: str, votes: int) -> int:
        """All votes of a model, of which a board counts so many."""
        return self.votes.get(model, votes)

    def life(self, model: str, votes: int) -> Life:
        """The state of a model, with so many votes on a board, in the life that its organiser gives it."""
        if self.retired(model):
            return "retired"
        if model in self.paused:
            return "paused"
        return "preliminary" if self.all_votes(model, votes) < self.preliminary else "listed"

    def about(self, model: str) -> str:
        """Organisation and licence, as far as they are known."""
        parts = (self.fact(model, "organisation"), self.fact(model, "licence"))
        return " · ".join(without_hidden(str(part)) for part in parts if part)

    def facts(self, model: str) -> dict[str, Any]:
        """Everything that is known of a model, by the name of the fact; what its card says goes first."""
        found = dict(self.known.get(model, {}))
        return found | {name: value for name in _CARD if (value := self.fact(model, name)) is not None}

    def fact(self, model: str, name: str) -> Any:
        """One fact of a model; None where it is not known."""
        card = self.cards.get(model)
        own = getattr(card, name) if card and name in _CARD else None
        own = own.isoformat() if isinstance(own, date) else own
        return self.known.get(model, {}).get(name) if own is None else own

    def reliable(self, model: str) -> str:
        """The share of answers that arrived, in words."""
        return self.endings.reliability(model)

    def reliability(self, model: str) -> float | None:
        """The same as a number of per cent, to sort by."""
        said = self.reliable(model)
        return float(said.rstrip("%")) if said else None
