"""Which model answers a conversation: drawn by the policy with a chance that is logged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from agon.data.use_log.use_reading import UseHistory
from agon.ranking.routed.draw_policies import DrawPolicy
from agon.ranking.routed.use_signals import UseSignal

LEARN_SECONDS = 10.0  # between two looks of a policy at what it learnt


class ModelDraws:
    """The draws of one server.

    Args:
        models: M names.
        policy: by which they are drawn.
        signal: that it learns from.
        history: what the log says so far.
        tell: is told new chances: their number, and {model: chance} of all models.
    """

    def __init__(
        self,
        models: Sequence[str],
        policy: DrawPolicy,
        signal: UseSignal,
        history: UseHistory,
        tell: Callable[[int, Mapping[str, float]], object],
    ) -> None:
        self.models, self._policy, self.signal, self._tell = tuple(models), policy, signal, tell
        self._place = {name: i for i, name in enumerate(self.models)}
        self._values: dict[str, float] = {}  # of conversations, 0 where silence has no value
        self._count, self._total, self._squares = (np.zeros(len(models)) for _ in range(3))
        for one in history.conversations.values():
            self.begin(one.id, one.model)
            if self.signal.name in one.sent or self.signal.measured:
                self.learn(one.id, one.model, one.value(self.signal.name))
        self._number = max(history.draws, default=0)
        self._told: dict[tuple[float, ...], int] = {}
        self._learnt, self._whole = -np.inf, np.zeros(0)
        self._random = random.SystemRandom()

    def begin(self, conversation: str, model: str) -> None:
        """A conversation began, of which nobody has said anything."""
        if self.signal.silence is not None:
            self.learn(conversation, model, self.signal.silence)

    def learn(self, conversation: str, model: str, value: float) -> None:
        """A conversation has this value of the signal now."""
        place = self._place.get(model)
        if place is None or not np.isfinite(value):
            return
        value = value if self.signal.higher_is_better else -value
        before = self._values.get(conversation)
        self._values[conversation] = value
        self._count[place] += before is None
        self._total[place] += value - (before or 0.0)
        self._squares[place] += value**2 - (before or 0.0) ** 2

    def draw(self, able: Sequence[str]) -> tuple[int, str]:
        """Draw one of the models that can answer; the number of the chances, and its name."""
        if not len(self._whole) or (self._policy.learns and time.monotonic() - self._learnt >= LEARN_SECONDS):
            self._whole = self._policy.probabilities(self._count, self._total, self._squares)
            self._learnt = time.monotonic()
        inside = np.array([name in able for name in self.models])
        able_alone = np.where(inside, self._whole, 0.0)
        chances: tuple[float, ...] = tuple((able_alone / able_alone.sum()).tolist())
        number = self._told.get(chances)
        if number is None:
            self._number += 1
            number = self._told[chances] = self._number
            self._tell(number, dict(zip(self.models, chances, strict=True)))
        return number, self._random.choices(self.models, chances)[0]

    def forget(self, number: int) -> None:
        """Chances could not be kept: they are told again, by another number."""
        self._told = {chances: told for chances, told in self._told.items() if told != number}

    def another(self, able: Sequence[str]) -> str:
        """A model that answers where the one that was drawn failed; the conversation stays that one's."""
        return self._random.choice(list(able))
