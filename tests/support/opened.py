"""A command that opens pages, in a process of its own, ended by INT, which must go well."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Opened:
    """What is open: its address, and what was printed once it has ended."""

    url: str
    out: str = ""
    said: str = ""


@contextlib.contextmanager
def opened_by(*words: str, cwd: Path | str) -> Iterator[Opened]:
    """Run `agon WORDS` on a free port until the block ends; three minutes at the most."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agon", *words, "--port", "0"],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = threading.Timer(180, process.kill)
    watch.start()
    try:
        greeting = process.stdout.readline()
        assert " is open at " in greeting, process.stderr.read()
        found = Opened(greeting.split(" at ")[1].split()[0])
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        out, said = process.communicate()
        watch.cancel()
    found.out, found.said = out, said
    assert process.returncode == 0, said
    assert "Traceback" not in said
