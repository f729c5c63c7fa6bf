"""Mending a log: its database made anew of its events, or its events of its database."""

from __future__ import annotations

import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

from agon.data.log.database import DATABASE, lock, open_database
from agon.data.log.events import EVENTS, HEAD, TEXTS, position, texts_of
from agon.data.log.hash_chain import ChainWriter, DamagedChain, Head, read_chain, read_head
from agon.data.log.personal.erasing import blank_texts, erased_battles, is_marked
from agon.data.log.records import LogError
from agon.data.log.recovery.opening import (
    ASIDE,
    adopt_database,
    begin_events,
    check_events,
    erase_or_refuse,
    finish_erasure,
    must_be_log,
    older_copy,
    rebuild,
    stands_on_chain,
)
from agon.data.log.recovery.verifying import compare_texts


def recover_log(folder: Path, *, lossy: bool = False) -> list[str]:
    """Mend a log: make its database anew of its events, or, where these are damaged, its events anew of that.

    What is replaced is set aside under the same name with .damaged.

    Args:
        folder: the log folder.
        lossy: whether acknowledged events may be given up that neither of both has.

    Returns:
        Sentences on what was done.

    Raises:
        LogError: nothing can be saved without losing what was acknowledged, or the disk fails.
    """
    must_be_log(folder)
    held = lock(folder)
    try:
        none = not (folder / EVENTS).exists() and not (folder / HEAD).exists()
        if none and _database_position(folder) is None:
            opened = begin_events(folder)
            opened.connection.close()
            opened.events.chain.close()
            return [f"{folder} had no events yet; it has {opened.events.chain.at.events:,} now."]
        done: list[str] = []
        erasing = is_marked(folder)
        if erasing:  # else what is half erased would be taken for damage, and from the database
            with suppress(DamagedChain):
                whole = check_events(folder, [])
                battles = erased_battles(folder, whole)
                erase_or_refuse(folder, lambda: blank_texts(folder, whole, battles))
        try:
            end = _sound_events(folder, done)
        except DamagedChain as error:
            return [*done, *_save(folder, str(error), lossy=lossy)]
        connection = rebuild(folder, end)
        if erasing:
            finish_erasure(connection, folder, blanked=True)
        connection.close()
        ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, end).close()
        return [*done, f"The database of {folder} was made anew of its {end.events:,} events."]
    finally:
        held.release(closed=False)  # so that whoever reads it next writes its snapshot


def _sound_events(folder: Path, done: list[str]) -> Head:
    """How far events and texts are whole; without a head, as far as they go."""
    try:
        read_head(folder / HEAD)
    except DamagedChain:
        end = texts_of(folder, Head(), read_chain(folder / EVENTS, Head())[0])
        at = _database_position(folder)
        if at is not None and (at.events > end.events or not stands_on_chain(folder, at, end)):
            raise
        if not end.events:
            raise
        done.append(
            f"The head was made anew: {end.events:,} events are whole, and "
            + ("the database has no more." if at is not None else "nothing tells whether there were more.")
        )
        ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, end).close()
        return end
    end = check_events(folder, done)
    wrong: list[str] = []
    compare_texts(folder, end, wrong)
    if wrong:
        raise DamagedChain(wrong[0])
    at = _database_position(folder)
    if at is not None and at.events > end.events:
        raise DamagedChain(older_copy(folder, at, end))
    return end


def _database_position(folder: Path) -> Head | None:
    """How far a database followed the events, if it can be opened."""
    if not (folder / DATABASE).exists():
        return None
    try:
        connection = open_database(folder)
    except LogError:
        return None
    with connection:
        return position(connection)


def _save(folder: Path, why: str, *, lossy: bool) -> list[str]:
    """Begin the events anew of the database; or give up what follows the last whole event."""
    try:
        known: Head | None = read_head(folder / HEAD)[0]
    except DamagedChain:
        known = None
    at = _database_position(folder)
    aside = {name: _aside(folder / name) for name in (EVENTS, TEXTS, HEAD) if (folder / name).exists()}
    if at is not None and (known is None or at.events >= known.events):
        connection = open_database(folder)
        try:
            for name, kept in aside.items():
                (folder / name).replace(kept)
            before = {"events": at.events, "hash": at.hash}
            now = adopt_database(connection, folder, {"recovered": before})
        finally:
            connection.close()
        return [
            why.partition("; agon recover")[0] + ".",
            f"The database has everything up to event {at.events:,}: the events were begun anew with what it "
            f"holds ({now.events:,}), and those that were damaged stand in {aside.get(EVENTS, folder)}.",
        ]
    whole = _last_whole(folder)
    gone = f"{known.events - whole.events:,} of {known.events:,}" if known else "some"
    if not lossy:
        raise LogError(
            f"{why.partition('; agon recover')[0]}, and the database does not have everything either: {gone} "
            f"acknowledged events would be lost. Put a copy of {folder} back, or give them up: "
            f"agon recover {folder} --lossy."
        )
    for name in (EVENTS, TEXTS):
        if name in aside:
            shutil.copyfile(folder / name, aside[name])
    ChainWriter(folder / EVENTS, folder / TEXTS, folder / HEAD, whole).close()
    rebuild(folder, whole).close()
    return [f"Events were given up: {gone}. The log goes on after event {whole.events:,}."]


def _aside(path: Path) -> Path:
    """Where a file is set aside without replacing one that was before."""
    names = (f"{path.name}{ASIDE}{f'-{n}' * (n > 1)}" for n in count(1))
    return next(found for name in names if not (found := path.with_name(name)).exists())


def _last_whole(folder: Path) -> Head:
    """How far the events are whole, whatever the head says."""
    if not (folder / EVENTS).exists():
        return Head()
    return texts_of(folder, Head(), read_chain(folder / EVENTS, Head())[0])
