"""The images of prompts: files beside the log, each named by the SHA-256 of what it holds and kept once.

A file is on the disk before the record that names it, so that a log never names one that is not there. One
that no record names is of a prompt that was refused at the last moment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from agon.data.files.writer import whole_file

IMAGES = "images"  # the folder of the store
_ENDINGS = (".png", ".jpg")


@dataclass(frozen=True, slots=True)
class CleanImage:
    """An image as it is kept and sent: decoded, and written anew without anything but its pixels."""

    content: bytes
    ending: Literal[".png", ".jpg"]
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", sha256(self.content).hexdigest())


def keep_image(folder: Path, image: CleanImage) -> Path:
    """Keep an image in a log folder; it is safe on the disk when this returns, and there once.

    Raises:
        SourceError: it cannot be written.
    """
    path = folder / IMAGES / f"{image.sha256}{image.ending}"
    if not path.exists():
        with whole_file(path) as file:
            file.write(image.content)
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)  # the name, too
        finally:
            os.close(handle)
    return path


def image_path(folder: Path, sha256: str) -> Path:
    """Where an image of this hash stands in a log folder, or would."""
    paths = [folder / IMAGES / f"{sha256}{ending}" for ending in _ENDINGS]
    return next((path for path in paths if path.exists()), paths[0])


def files_of_images(folder: Path, sha256: str = "*") -> list[Path]:
    """The files of an image in a log folder, or of all of them."""
    return [path for ending in _ENDINGS for path in sorted((folder / IMAGES).glob(f"{sha256}{ending}"))]


def remove_half_written(folder: Path) -> None:
    """Remove what a process that was killed has left of an image; the folder must be this process's."""
    for path in (folder / IMAGES).glob(".*"):
        path.unlink(missing_ok=True)
