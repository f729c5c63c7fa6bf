"""When a voter sees what: the text of a turn, released so that its pace tells nothing of who writes it.

Servers differ in speed, and a voter who sees which answer is the quick one knows more than its text. `even`
lets the sides appear together, character for character, at the pace of the slowest that still writes; once
all have ended, what is left of a longer one goes on at the paces of before. `raw` shows text as it comes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from math import inf
from typing import Literal

Pacing = Literal["even", "raw"]
RELEASE_SECONDS = 0.1  # seconds between two releases
_SHARE = 0.85  # of the mean pace of the slowest side so far: its bursts and pauses are not seen
_NOISE = 0.3  # of a step, as it would be without this, to hide what changes of that mean
_MARGIN = 12  # characters behind it, so that what is seen does not end where its pieces end
_FLOOR = 40.0  # characters a second at least: twice what is read


@dataclass(slots=True)
class _Paced:
    """One side: what was released, what is held, whether its source has ended."""

    shown: int = 0
    held: list[str] = field(default_factory=list)
    size: int = 0  # characters held
    ended: bool = False
    frozen: bool = False  # stopped alone: what was seen stands, and no more of it is

    @property
    def written(self) -> int:
        return self.shown + self.size

    def release(self, upto: int) -> str:
        """What is held up to a number of characters."""
        count = min(upto - self.shown, self.size)
        if count <= 0:
            return ""
        text = "".join(self.held)
        self.held = [text[count:]] if count < len(text) else []
        self.shown += count
        self.size -= count
        return text[:count]


class Pacer:
    """The sides of one turn, by slot; moments are seconds of any clock, chance is for tests."""

    def __init__(self, pacing: Pacing, chance: random.Random | None = None) -> None:
        self.even = pacing == "even"
        self._random = chance or random.Random()
        self._sides: dict[int, _Paced] = {}
        self._restart()

    def _restart(self) -> None:
        self._upto = 0.0  # characters of each side that may be seen
        self._begun: float | None = None  # when all had begun
        self._moved = 0.0  # the moment of the last release
        self._pace: float | None = None  # characters a second, once one was seen
        self._most = inf  # characters a second, since one side was stopped

    def begin(self, slot: int) -> None:
        """A side, or another model in its place, begins to write; the others wait for it where they are."""
        self._sides[slot] = _Paced()
        self._restart()

    def leave(self, slot: int) -> None:
        """A side is not shown any more."""
        del self._sides[slot]

    def write(self, slot: int, text: str) -> None:
        """A piece came from the source."""
        side = self._sides[slot]
        if side.frozen:
            return
        side.held.append(text)
        side.size += len(text)

    def freeze(self, slot: int) -> None:
        """One side is stopped, and the others go on no faster than before.

        Were it the slow one that held them back, they would jump ahead, and tell whose server is quick.
        """
        side = self._sides[slot]
        if side.frozen:
            return
        side.held, side.size, side.ended, side.frozen = [], 0, True, True
        if self.even:
            self._most = min(self._most, max(self._pace or 0.0, _FLOOR))

    def end(self, slot: int) -> None:
        """The source of a side has ended."""
        self._sides[slot].ended = True

    def shown(self, slot: int) -> int:
        """How many characters of a side were released."""
        return self._sides[slot].shown

    def stands(self, slot: int) -> int:
        """How many characters of a side stand when all are stopped: those that were released.

        Where none were, because one side had not begun, as many as all others had, who then can be compared.
        """
        if any(side.shown for side in self._sides.values()):
            return self._sides[slot].shown
        return min((side.written for side in self._sides.values() if side.written), default=0)

    def done(self, slot: int) -> bool:
        """Whether a side has ended and is shown whole."""
        return self._sides[slot].ended and not self._sides[slot].size

    @property
    def behind(self) -> bool:
        """Whether time alone will release more: there is something to show, and nobody to wait for."""
        held = any(side.size for side in self._sides.values())
        return held and (not self.even or all(side.ended or side.written for side in self._sides.values()))

    def release(self, now: float) -> dict[int, str]:
        """What may be seen from this moment on, by slot."""
        if self.even:
            self._advance(now)
            upto = {slot: int(self._upto) for slot in self._sides}
        else:
            upto = {slot: side.written for slot, side in self._sides.items()}
        found = {slot: side.release(upto[slot]) for slot, side in self._sides.items()}
        return {slot: text for slot, text in found.items() if text}

    def _advance(self, now: float) -> None:
        """Move on with the slowest that still writes; when all have ended, as fast as before."""
        writing = [side.written for side in self._sides.values() if not side.ended]
        front = min(writing) - _MARGIN if writing else max(side.written for side in self._sides.values())
        if front <= 0:
            return
        if self._begun is None:
            self._begun = self._moved = now
        passed, self._moved = now - self._moved, now
        if writing:
            if now > self._begun:
                self._pace = _SHARE * front / (now - self._begun)
        elif self._pace is None:  # all came at once, and nothing tells one from the other
            self._upto = front
        step = (
            min(max(self._pace or 0.0, _FLOOR), self._most)
            * passed
            * self._random.lognormvariate(0.0, _NOISE)
        )
        self._upto = max(self._upto, min(front, self._upto + step))
