"""Runs a command so that nothing of it is left once whoever asked for it is gone, however that ended.

    python process_reaper.py COMMAND ...

Standard input is a pipe into which nobody writes: its end says that the other side has closed it, has ended
or was killed. Then, or when the command itself ends, all that it started is told to end and, where it does
not, killed. On Linux that holds for processes that left the group too, because orphans become children of
this process, and the command itself dies with this process, should that be killed. The exit status is the
command's, 128 + N if signal N ended it, 127 if it could not be started.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TERM_SECONDS = 10.0  # from being told to end to being killed
DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER: see prctl(2)


def run_and_reap(command: Sequence[str]) -> int:
    """Run a command until it ends or standard input does, and end all that it has started."""
    control = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    if control is not None:
        control(ADOPT_ORPHANS, 1)
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(one, lambda *_: None)  # a signal to the whole group ends the command, not this process
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        child = subprocess.Popen(  # noqa: S603 (it is what whoever runs the arena wrote)
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=control and (lambda: control(DIE_WITH_PARENT, int(signal.SIGKILL))),  # noqa: PLW1509 (there is one thread)
        )
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        return 127
    ended: dict[int, int] = {}
    while _any_left(ended) and child.pid not in ended:
        if 0 in select.select([0, woken], [], [])[0]:
            break
        os.read(woken, 4096)
    _end_all(ended)
    if sys.platform != "linux":  # of what the command left behind, this process is not the parent
        os.killpg(0, signal.SIGKILL)
    child.returncode = code = ended[child.pid]  # it was collected here
    return code if code >= 0 else 128 - code


def _end_all(ended: dict[int, int]) -> None:
    """Tell all that is left to end; kill what has not after the time of grace."""
    os.killpg(0, signal.SIGTERM)
    patience = time.monotonic() + TERM_SECONDS
    told: set[int] = set()
    while _any_left(ended):
        for process in _children():
            if process not in told or time.monotonic() > patience:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM if process not in told else signal.SIGKILL)
                told.add(process)
        time.sleep(0.05)


def _any_left(ended: dict[int, int]) -> bool:
    """Collect the exit codes of children that have ended; whether one runs."""
    try:
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return True
            ended[process] = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        return False


def _children() -> list[int]:
    """Processes whose parent this one is; elsewhere than on Linux, its whole group."""
    if sys.platform != "linux":
        return [-os.getpgid(0)]
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
            if parent == os.getpid():
                found.append(int(status.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(run_and_reap(sys.argv[1:]))
