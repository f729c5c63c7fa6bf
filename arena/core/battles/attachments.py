"""The images that voters attach: held in memory until a prompt is asked with them, then kept beside the log.

What is taken away before it was asked with was never on the disk.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable

from agon.data.log.image_files import CleanImage, remove_half_written
from agon.data.log.records import AttachedImage
from agon.data.log.vote_log import VoteLog
from agon.serving.protocol import ImagePart

# Images that no prompt has yet, of which the oldest are let go: bytes of all voters, and how many of one.
MOST_HELD, MOST_OF_ONE = 256_000_000, 16
HELD_SECONDS = 3600.0
RATE_SECONDS = 60.0


class Attachments:
    """The images of one log."""

    def __init__(self, log: VoteLog) -> None:
        self._log = log
        remove_half_written(log.folder)
        self._held: OrderedDict[tuple[str, str], tuple[CleanImage, float]] = (
            OrderedDict()
        )  # by voter and hash
        self._size = 0
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def seconds_until_room(self, voter: str, most: int) -> float:
        """How long a voter is to wait who may attach so many images in `RATE_SECONDS`; 0 counts as one."""
        now = time.monotonic()
        for one in [one for one, times in self._times.items() if times[-1] <= now - RATE_SECONDS]:
            del self._times[one]
        times = self._times[voter]
        while times and times[0] <= now - RATE_SECONDS:
            times.popleft()
        if len(times) >= most:
            return times[0] + RATE_SECONDS - now
        times.append(now)
        return 0.0

    def hold(self, voter: str, image: CleanImage) -> None:
        """Hold an image for its voter."""
        self.let_go(voter, image.sha256)
        now = time.monotonic()
        self._held[voter, image.sha256] = image, now
        self._size += len(image.content)
        mine = [key for key in self._held if key[0] == voter]
        if len(mine) > MOST_OF_ONE:
            self.let_go(*mine[0])
        while self._size > MOST_HELD or next(iter(self._held.values()))[1] < now - HELD_SECONDS:
            self.let_go(*next(iter(self._held)))

    def held(self, voter: str, sha256: str) -> CleanImage | None:
        """An image that this voter has attached, and nobody else's."""
        return self._held.get((voter, sha256), (None, 0.0))[0]

    def let_go(self, voter: str, sha256: str) -> None:
        """Hold an image no longer."""
        if (found := self._held.pop((voter, sha256), None)) is not None:
            self._size -= len(found[0].content)

    def let_go_all(self, voter: str, images: Iterable[ImagePart]) -> None:
        """Hold images no longer that a prompt has."""
        for image in images:
            self.let_go(voter, image.sha256)

    async def keep(self, images: Iterable[CleanImage]) -> None:
        """Write images beside the log.

        Raises:
            SourceError: one cannot be written.
        """
        for image in images:
            await asyncio.to_thread(self._log.keep_image, image)

    def part(self, image: AttachedImage) -> ImagePart:
        """An image of a prompt, as messages have it."""
        path = self._log.image(image.sha256)
        kind = "image/png" if path.suffix == ".png" else "image/jpeg"
        return ImagePart(image.sha256, kind, path, image.alt)
