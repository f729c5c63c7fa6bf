"""Writing the log of use: a chain of events as that of votes is, in a folder of its own, and no database.

An event is a line of canonical JSON whose hash follows from all before. Whoever waits for one is answered
when it is on the disk and acknowledged by the head; those that wait together are written together. No text of
anybody is in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from agon.data.log.events import EVENTS, HEAD, TEXTS
from agon.data.log.hash_chain import ChainWriter, DamagedChain, Head, read_chain, read_head
from agon.data.log.records import LogError, LogInUse

USE = "use"  # the folder of a store
_LOCK = "use.lock"
_TOGETHER = 1000  # events that are written together


def use_head(folder: Path) -> Head | None:
    """How far the log of use in a store is whole, at least to what was acknowledged; None without one.

    Raises:
        LogError: an event that was acknowledged was changed or is gone.
    """
    place = folder / USE
    sizes = [path.stat().st_size if path.exists() else 0 for path in (place / EVENTS, place / HEAD)]
    if not any(sizes):
        return None
    try:
        return read_chain(place / EVENTS, read_head(place / HEAD)[0])[0]
    except DamagedChain as error:
        what = str(error).partition("; agon recover")[0].removeprefix("The log is damaged: ")
        raise DamagedChain(
            f"The log of use is damaged: {what}; put {place} back from a backup, or move it away and a new "
            "one is begun."
        ) from error


class UseLog:
    """The log of use of a store, to be written; nobody else writes it while it is open.

    Args:
        folder: of the store; made if it is not there.

    Attributes:
        head: how far it went when it was opened.
    """

    def __init__(self, folder: Path) -> None:
        place = folder / USE
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LogError(
                f"The log of use cannot be kept in {place}: {error.strerror}; mend that, or name another "
                "folder with --store."
            ) from error
        try:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LogInUse(
                    f"Another process writes the log of use in {place}; end that, or name another folder "
                    "with --store."
                ) from None
            self.head = use_head(folder) or Head()
            self._chain = ChainWriter(place / EVENTS, place / TEXTS, place / HEAD, self.head)
        except BaseException:
            os.close(self._lock)
            raise
        self._queue: SimpleQueue[tuple[Mapping[str, Any], Future[None]] | None] = SimpleQueue()
        self._open = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="use log", daemon=True)
        self._thread.start()

    def put(self, event: str, /, **what: Any) -> Future[None]:
        """Hand an event over; the future is answered when it is on the disk, in the order of handing over.

        Args:
            event: its kind.
            what: what it says, as JSON takes it; None is left out.

        Raises:
            LogError: the log is closed.
        """
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        said = {name: value for name, value in what.items() if value is not None}
        with self._open:
            if self._closed:
                raise LogError("The log of use is closed; nothing can be written to it any more.")
            self._queue.put(({"event": event, "at": datetime.now(UTC).isoformat(), **said}, future))
        return future

    def close(self) -> None:
        """Write what was handed over, then end."""
        with self._open:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._chain.close()
        os.close(self._lock)

    def __enter__(self) -> UseLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        ended = False
        while not ended:
            waiting = [self._queue.get()]
            with suppress(Empty):
                while len(waiting) < _TOGETHER:
                    waiting.append(self._queue.get_nowait())
            given = [one for one in waiting if one is not None]
            ended = len(given) < len(waiting)
            if given:
                self._write(given)

    def _write(self, given: Sequence[tuple[Mapping[str, Any], Future[None]]]) -> None:
        try:
            self._chain.cut()  # of what was written before and not acknowledged
            first = self._chain.at.events + 1
            bodies = [_encode({"seq": first + i, **event}) for i, (event, _) in enumerate(given)]
            self._chain.acknowledge(self._chain.add(bodies))
        except Exception as error:  # the thread outlives every error; each reaches those who wait
            why = error.strerror if isinstance(error, OSError) else str(error)
            for _, future in given:
                future.set_exception(LogError(f"It was not written, and may be sent again: {why}."))
        else:
            for _, future in given:
                future.set_result(None)


def _encode(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
