"""How the answers of each model ended, counted when their battle is over.

Counted as they end, two loads of a public page would tell who is answering whom. Reliability is the share of
answers that came, of those that a healthy server should have given: a prompt that it refused, a key that it
did not take or a server that nobody reached says nothing of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import floor

# The failures of a server that was there and took the request.
OWN_FAILURES = frozenset({"timeout", "interrupted", "malformed", "empty"})
# Those that another prompt would not have met: they say nothing of whether the model can answer.
OF_THE_PROMPT = frozenset({"rejected", "no_images", "too_long", "filtered", "empty"})

# Those of a request on which no model worked.
REFUSALS = frozenset({"rejected", "no_images", "too_long", "filtered"}) | {
    "overloaded",
    "unreachable",
    "unauthorised",
    "unknown_model",
}


class AnswerEndings:
    """Of each model, how often its answers ended how: {kind of failure, or None if it came: times}."""

    def __init__(self, counted: Iterable[tuple[str, str | None, int]] = ()) -> None:
        self._of: dict[str, Counter[str | None]] = {}
        for model, failure, times in counted:
            self.add(model, failure, times)

    def add(self, model: str, failure: str | None, times: int = 1) -> None:
        """Count one answer of a battle that is over."""
        self._of.setdefault(model, Counter())[failure] += times

    def asked(self, model: str) -> int:
        """How many answers were asked of a model."""
        return sum(self._of.get(model, Counter[str | None]()).values())

    def all_asked(self) -> dict[str, int]:
        """How many answers were asked of every model."""
        return {model: self.asked(model) for model in self._of}

    def failures(self, model: str) -> Mapping[str, int]:
        """How often a model failed, by kind, the most frequent first."""
        found = self._of.get(model, Counter[str | None]()).most_common()
        return {kind: times for kind, times in found if kind is not None}

    def reliability(self, model: str) -> str:
        """Share of answers that came, rounded down: a failure never rounds to 100%; empty without any."""
        ends = self._of.get(model, Counter[str | None]())
        failed = sum(ends[kind] for kind in OWN_FAILURES)
        asked = ends[None] + failed
        return f"{floor(1000 * ends[None] / asked) / 10:.1f}%" if asked else ""
