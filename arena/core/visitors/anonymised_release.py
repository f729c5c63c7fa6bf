"""A log as a data set for others, what looks private in its texts covered as on pages that are shared."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from agon.arena.core.visitors.moderation import WordList
from agon.arena.core.visitors.private_data import cover_private
from agon.data.exporters.data_release import DataRelease, Private, write_release


def release_log(
    log: str | Path,
    to: str | Path,
    *,
    licence: str,
    title: str | None = None,
    without: Collection[str] = (),
    private: Private = "cover",
    words: str | Path | None = None,
    replace: bool = False,
) -> DataRelease:
    """Write votes and texts of a log as a data set to publish, as `agon release` does; see `write_release`.

    Args:
        log, to, licence, title, without, private, replace: as for `write_release`.
        words: a list of words, or "default"; votes with a prompt or an answer that it finds are withheld.

    Raises:
        AgonError: one sentence about the log, the folder, the list or an option.
    """
    refused = None if words is None else WordList.read(words).found
    return write_release(
        log,
        to,
        licence=licence,
        title=title,
        without=without,
        private=private,
        cover=cover_private,
        refused=refused,
        replace=replace,
    )
