"""The signals of use: what each measures, its range, which way is better, and what silence says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from agon.ranking.errors import OptionError, suggest


@dataclass(frozen=True, slots=True)
class UseSignal:
    """One signal of a conversation.

    Attributes:
        name: of the signal.
        meaning: in a few words.
        least, most: of a value.
        higher_is_better: which way is better.
        silence: the value of a conversation of which nobody said anything; None where it has none and is
            left out.
        measured: whether the server measures it, and nobody sends it.
    """

    name: str
    meaning: str
    least: float
    most: float
    higher_is_better: bool
    silence: float | None
    measured: bool = False

    def check(self, value: object) -> float:
        """The value as a number.

        Raises:
            OptionError: it is none, or out of the range.
        """
        number = float(value) if isinstance(value, int | float) else math.nan  # true is 1, false 0
        if not self.least <= number <= self.most:
            raise OptionError(
                f"The signal {self.name} is a number from {self.least:g} to {self.most:g}, not {value!r:.60}."
            )
        return number


def _signals(*signals: UseSignal) -> Mapping[str, UseSignal]:
    return {one.name: one for one in signals}


SIGNALS = _signals(
    UseSignal("thumb", "1 for up, -1 for down", -1, 1, True, 0.0),
    UseSignal("retry", "the user asked for another answer", 0, 1, False, 0.0),
    UseSignal("edit", "share of the answer that the user changed", 0, 1, False, None),
    UseSignal("copied", "the user copied the answer", 0, 1, True, 0.0),
    UseSignal("task_done", "what the user came for was done", 0, 1, True, 0.0),
    UseSignal("first_token", "seconds to the first token", 0, math.inf, False, None, measured=True),
    UseSignal("seconds", "seconds to the end of an answer", 0, math.inf, False, None, measured=True),
    UseSignal("cost", "price of all answers", 0, math.inf, False, None, measured=True),
    UseSignal("failure", "share of the answers that failed", 0, 1, False, 0.0, measured=True),
)
SENT = tuple(name for name, one in SIGNALS.items() if not one.measured)  # by those who use the models


def signal_named(name: str) -> UseSignal:
    """The signal of a name.

    Raises:
        OptionError: there is none.
    """
    if name not in SIGNALS:
        raise OptionError(f"There is no signal {name!r:.60}; {suggest(name, SIGNALS)}")
    return SIGNALS[name]
