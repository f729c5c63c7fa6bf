"""How often a key may ask: so many requests in any minute, and in a day of UTC."""

from __future__ import annotations

import math
import time
from collections import deque
from datetime import UTC, datetime

from agon.arena.setup.routed_table import UseKey

MINUTE, DAY = 60.0, 86_400


class Quota:
    """What one key has asked for.

    Args:
        key: whose it is.
        day, today: the last day that something was asked on, as in 2026-11-30, and how often.
    """

    def __init__(self, key: UseKey, day: str = "", today: int = 0) -> None:
        self._key, self._day, self._today = key, day, today
        self._recent: deque[float] = deque()

    def take(self) -> tuple[int, str] | None:
        """Ask once; or the seconds to wait, and the sentence, if it may not."""
        now, clock = datetime.now(UTC), time.monotonic()
        if self._day != (day := f"{now:%Y-%m-%d}"):
            self._day, self._today = day, 0
        while self._recent and clock - self._recent[0] >= MINUTE:
            self._recent.popleft()
        if len(self._recent) >= self._key.per_minute:
            wait = math.ceil(MINUTE - (clock - self._recent[0]))
            return wait, (
                f"The key {self._key.name!r} may ask {self._key.per_minute} times a minute; ask again in "
                f"{wait} seconds."
            )
        if self._today >= self._key.per_day:
            wait = DAY - (now.hour * 3600 + now.minute * 60 + now.second)
            return wait, (
                f"The key {self._key.name!r} may ask {self._key.per_day:,} times a day; ask again after "
                "midnight UTC, or have per_day of [routed] raised."
            )
        self._recent.append(clock)
        self._today += 1
        return None
