"""`python -m agon` is the command `agon`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

_came: list[int] = []  # signals, of which a library may say something else


def main() -> int:
    """Run the command; an interrupt ends it with status 130 even while it is still being loaded."""
    signal.signal(signal.SIGTERM, _end_in_order)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else the shell said to ignore it
        signal.signal(signal.SIGINT, _end_in_order)
    try:
        _open_standard_streams()
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


def _open_standard_streams() -> None:
    """A standard stream that is closed leads nowhere: else the next file that is opened would take its place.

    What a library prints would then be written into that file, a log's among them.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(number, True)
    os.close(number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)  # for as long as the process runs


def _interrupted() -> int:
    print("agon: interrupted; nothing is half written.", file=sys.stderr)
    return 130


def _end_in_order(number: int, frame: FrameType | None) -> None:
    """TERM ends the work with the status of a signal, but what was made for the time is removed; INT too.

    An interrupt while a library loads a module is lost in it, or aborts it: the end comes when that is
    loaded, before the next line of the function that wanted it.
    """
    _came.append(number)
    end: BaseException = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
    loading = _loading(frame)
    if loading is None:
        raise end

    def end_it(_frame: FrameType, _event: str, _value: object) -> None:
        raise end

    loading.f_trace = end_it
    sys.settrace(lambda *_: None)  # without it no function is looked at


def _loading(frame: FrameType | None) -> FrameType | None:
    """The function that wants a module which is being loaded, the outermost of them; None if none is."""
    found = None
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            found = frame.f_back
        frame = frame.f_back
    return found


def _leave(status: int) -> NoReturn:
    """End with this status, whatever a library made of the interrupt while it was being imported."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
