"""Processes that are found by a mark in their environment, which all that they start inherits."""

import os
import time
import uuid
from pathlib import Path

from tests.support.paths import REPOSITORY


class Mark:
    """A variable that no other process has."""

    def __init__(self):
        self._variable = "AGON_TEST_RUN", uuid.uuid4().hex

    @property
    def environment(self):
        """Ours with the mark, and the repository on Python's path."""
        return os.environ | dict([self._variable]) | {"PYTHONPATH": str(REPOSITORY)}

    def processes(self):
        """Those that have the mark, by what they run; none where there is no /proc."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if "=".join(self._variable).encode() in (place / "environ").read_bytes() and words:
                    found[int(place.name)] = words
            except OSError:
                pass
        return found

    def left(self, seconds=15.0, running=""):
        """Wait until there is none that runs something; those that there are then."""
        until = time.monotonic() + seconds
        while (
            left := {n: words for n, words in self.processes().items() if running in words}
        ) and time.monotonic() < until:
            time.sleep(0.05)
        return left
