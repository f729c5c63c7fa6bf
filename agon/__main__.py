"""`python -m agon` is the command `agon`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> int:
    """Run the command; an interrupt ends it with status 130 even while it is still being loaded."""
    signal.signal(signal.SIGTERM, _end_in_order)
    try:
        from agon.arena.cli.commands import main as run

        status = run()
    except KeyboardInterrupt:
        print("agon: interrupted; nothing is half written.", file=sys.stderr)
        status = 130
    if status == 130:
        _leave(status)
    return status


def _end_in_order(number: int, _: object) -> NoReturn:
    """TERM ends the work with the status of a signal, but folders that were made for the time are removed."""
    raise SystemExit(128 + number)


def _leave(status: int) -> NoReturn:
    """End with this status, whatever a library made of the interrupt while it was being imported."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
