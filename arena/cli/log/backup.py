"""`agon backup`: a whole copy of a log, made while the arena goes on."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.tables import console, say
from agon.data.log.operation.backup import Backup, backup_log
from agon.data.log.shared_store.opening import copied_log, fill_store
from agon.data.store_address import StoreAddress, store_of
from agon.ranking.errors import OptionError


def backup_command(
    log: Annotated[str, Parameter(help="A log folder, or postgresql://…; an arena may be writing to it.")],
    /,
    *,
    to: Annotated[
        str,
        Parameter(
            help="Folder of backups, each a folder in it; or a file .tar, .tar.gz or .tgz; or the "
            "postgresql://… of an empty database, where arenas go on."
        ),
    ],
    keep: Annotated[
        int | None, Parameter(help="Backups of this log that the folder keeps; the oldest are removed.")
    ] = None,
    format: FindingsFormat = "table",
) -> None:
    """Copy a log whole while the arena is voting, and verify the copy.

    The copy holds the key that signs sessions: keep it as secret as a password.

    For example:

    agon backup agon-log --to /mnt/backups --keep 14

    agon backup agon-log --to agon-log.tar.gz

    agon backup agon-log --to postgresql://agon@db.example/agon
    """
    where, into = store_of(log), store_of(to)
    if isinstance(into, StoreAddress) and keep is not None:
        raise OptionError("--keep is for a folder of backups; leave it out.")
    with copied_log(where) if isinstance(where, StoreAddress) else nullcontext(where) as folder:
        if isinstance(into, StoreAddress):
            made, path = fill_store(folder, into), into.shown
        else:
            made = backup_log(folder, into, keep=keep)
            path = str(made.path)
    if format == "json":
        print(json.dumps(_document(made, path), indent=2, ensure_ascii=False))
        return
    out = console(sys.stdout)
    gone = f" Removed: {', '.join(one.name for one in made.removed)}." if made.removed else ""
    pictures = f", {made.images:,} images" if made.images else ""
    say(
        out,
        f"{path} is whole: {made.head.events:,} events with {made.votes:,} votes{pictures}, "
        f"{made.size / 1e6:,.1f} MB. Head: {made.head.hash}.{gone}",
    )
    say(out, "It holds the key of the sessions, which is as secret as a password.")


def _document(made: Backup, path: str) -> dict[str, object]:
    """What was made, for JSON."""
    return {
        "schema": 1,
        "path": path,
        "events": made.head.events,
        "votes": made.votes,
        "images": made.images,
        "bytes": made.size,
        "head": made.head.hash,
        "made": made.made.isoformat(),
        "removed": [str(one) for one in made.removed],
    }
