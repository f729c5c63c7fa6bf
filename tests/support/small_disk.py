"""A disk of a few megabytes, to be filled: a real file system in memory, where the tests may mount one."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

MEGABYTES = 12


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder that is a disk of its own; skips where none can be mounted."""
    folder.mkdir()
    size = ["-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", *size], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here, which makes a small disk")
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int) -> None:
    """Leave so many bytes of a disk, or fewer, where others write beside this."""
    found = os.statvfs(disk)
    with contextlib.suppress(OSError), (disk / "filler").open("ab", buffering=0) as file:
        file.write(bytes(max(0, found.f_bavail * found.f_frsize - left)))


def make_room(disk: Path) -> None:
    """Take away what filled it."""
    (disk / "filler").unlink(missing_ok=True)
