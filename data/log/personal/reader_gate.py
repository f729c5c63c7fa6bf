"""A gate for the readers of a database: it is shut for the moment in which another file takes its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReaderGate:
    """Many read at once, or one thread has the database alone. Whoever reads already may read within that."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._mine = threading.local()
        self._readers, self._shut = 0, False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read; waits while the gate is shut."""
        depth = getattr(self._mine, "depth", 0)
        with self._condition:
            if not depth:
                self._condition.wait_for(lambda: not self._shut)
            self._readers += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    @contextmanager
    def alone(self, seconds: float) -> Iterator[bool]:
        """Shut the gate and wait until nobody reads; false where somebody does after so many seconds."""
        with self._condition:
            self._shut = True
            left = self._condition.wait_for(lambda: not self._readers, seconds)
        try:
            yield left
        finally:
            with self._condition:
                self._shut = False
                self._condition.notify_all()
