"""How far long work is, told to whoever listens in the same context; nobody listens unless they ask to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import length_hint
from typing import TypeVar

Item = TypeVar("Item")
Listener = Callable[[float, float | None], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listen_to_progress(listener: Listener) -> Iterator[None]:
    """Call `listener` with the share that is done, and the seconds after which work stops anyway or None."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


class CountedWork:
    """Work in equal steps, as a context; work inside of it is part of what it is at.

    Args:
        total: how many steps, or None where that is not known.
        limit: the seconds after which it stops anyway, or None.

    Attributes:
        step: how many steps the work inside is.
    """

    def __init__(self, total: int | None = None, limit: float | None = None) -> None:
        self.total, self.done, self.step, self._limit = total, 0, 1, limit

    def __enter__(self) -> CountedWork:
        self._listener = _listener.get()
        self._token = _listener.set(self._part if self._listener and self.total else None)
        self._begun = time.monotonic()
        self.reach(0)
        return self

    def __exit__(self, *_: object) -> None:
        _listener.reset(self._token)

    def reach(self, done: int) -> None:
        """So many steps are done now."""
        self.done = done
        if self._listener is not None:
            left = None if self._limit is None else self._limit - (time.monotonic() - self._begun)
            self._listener(done / self.total if self.total else 0.0, left)

    def _part(self, share: float, _: float | None) -> None:
        """A share of the work inside is done."""
        if self._listener is not None and self.total:
            self._listener((self.done + share * self.step) / self.total, None)

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give the items; each is a step, done when the next is asked for."""
        for item in items:
            yield item
            self.reach(self.done + 1)


def counted(items: Iterable[Item]) -> Iterator[Item]:
    """The items, each a step of work; nothing is told where their number is not known."""
    with CountedWork(length_hint(items) or None) as work:
        yield from work.each(items)


class SizedViews(Iterable[Item]):
    """Items that are made one by one, and whose number is known before."""

    def __init__(self, items: Iterable[Item], number: int) -> None:
        self._items, self._number = items, number

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return self._number
