"""The line on a terminal that says what is being done, how much of it is done, and how long it will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agon.ranking.leaderboard.row import plain
from agon.ranking.progress import listen_to_progress

SHORT = 2.0  # seconds for which nobody asks how long it will take


@contextmanager
def progress(message: str) -> Iterator[None]:
    """Show a line with a moving sign while work goes on, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    line = _Line(message)
    with Console(stderr=True).status(line), listen_to_progress(line.tell):  # type: ignore[arg-type]
        yield


class _Line:
    """What is shown, anew at every turn of the sign."""

    def __init__(self, message: str) -> None:
        self._message = plain(message)
        self._begun = self._counted_from = time.monotonic()
        self._share, self._end = 0.0, float("inf")

    def tell(self, share: float, left: float | None) -> None:
        """Take note of the share that is done, and of the seconds after which work stops anyway."""
        if share < self._share or share <= 0:
            self._counted_from = time.monotonic()  # other work
        self._share = share
        self._end = float("inf") if left is None else time.monotonic() + left

    def __rich__(self) -> object:
        """The line as rich prints it."""
        from rich.text import Text

        return Text(self._message + self.remaining(time.monotonic()))

    def remaining(self, now: float) -> str:
        """The share and the time left; the time so far where nothing is known; nothing of short work."""
        passed = now - self._begun
        if passed < SHORT:
            return ""
        if self._end < float("inf"):
            return f" · at most {_span(max(0.0, self._end - now))} left"
        if self._share <= 0:
            return f" · {_span(passed)}"
        left = (now - self._counted_from) * (1 / self._share - 1)
        return f" · {self._share:.0%}, about {_span(left)} left"


def _span(seconds: float) -> str:
    """Seconds, minutes or hours, whichever one would say."""
    for size, word in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds:.0f} s"
