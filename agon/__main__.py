"""`python -m agon` is the command `agon`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

_came: list[int] = []  # signals, of which a library may say something else
_LOADING = 0.05  # seconds between two looks whether a module is loaded still


def main() -> int:
    """Run the command; an interrupt ends it with status 130 even while it is still being loaded."""
    signal.signal(signal.SIGTERM, _end_in_order)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else the shell said to ignore it
        signal.signal(signal.SIGINT, _end_in_order)
    try:
        from agon.arena.cli.commands import main as run

        status = run()
    except KeyboardInterrupt:
        status = _interrupted()
    except RuntimeError:  # "Query interrupted", of DuckDB
        if not _came:
            raise
        status = _interrupted() if _came[0] == signal.SIGINT else 128 + _came[0]
    if status == 130:
        _leave(status)
    return status


def _interrupted() -> int:
    print("agon: interrupted; nothing is half written.", file=sys.stderr)
    return 130


def _end_in_order(number: int, frame: FrameType | None) -> None:
    """TERM ends the work with the status of a signal, but what was made for the time is removed; INT too."""
    _came.append(number)
    _end_if_loaded(frame)


def _end_if_loaded(frame: FrameType | None) -> None:
    """End, or look again soon: an interrupt while a library loads a module is lost in it, or aborts it."""
    if _importing(frame) and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, lambda _, where: _end_if_loaded(where))
        signal.setitimer(signal.ITIMER_REAL, _LOADING)
        return
    number = _came[-1]
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being loaded."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave(status: int) -> NoReturn:
    """End with this status, whatever a library made of the interrupt while it was being imported."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
