"""A command of Agon that serves, as a process that is started, stopped and killed."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress

from tests.support.paths import REPOSITORY


class AgonProcess:
    """One `agon COMMAND ...` on a free port; `said` is what it wrote.

    Args:
        words: the command and what follows it.
        environment: beside that of the tests.
    """

    def __init__(self, *words, environment) -> None:
        self.words, self.environment, self.url = words, environment, ""
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def start(self):
        """Start it and wait until it is open."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agon", *map(str, self.words), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **self.environment, "PYTHONPATH": str(REPOSITORY)},
        )
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"open at (http://\S+)", line):
                self.url = found[1].rstrip("/")
                break
        else:
            raise AssertionError(f"it did not open: {''.join(self.said)}")
        threading.Thread(target=self._listen, args=[self.process], daemon=True).start()
        return self

    def _listen(self, process) -> None:
        with process.stdout as lines, suppress(ValueError):
            self.said.extend(lines)

    def kill(self) -> None:
        """As the power would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.url = ""

    def stop(self) -> None:
        """As an operator does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
