"""`agon backup`: a whole copy of a log, made while the arena goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.tables import console, say
from agon.data.log.operation.backup import Backup, backup_log


def backup_command(
    log: Annotated[Path, Parameter(help="A log folder; an arena may be writing to it.")],
    /,
    *,
    to: Annotated[
        Path, Parameter(help="Folder of backups, each a folder in it; or a file .tar, .tar.gz or .tgz.")
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
    """
    made = backup_log(log, to, keep=keep)
    if format == "json":
        print(json.dumps(_document(made), indent=2, ensure_ascii=False))
        return
    out = console(sys.stdout)
    gone = f" Removed: {', '.join(one.name for one in made.removed)}." if made.removed else ""
    pictures = f", {made.images:,} images" if made.images else ""
    say(
        out,
        f"{made.path} is whole: {made.head.events:,} events with {made.votes:,} votes{pictures}, "
        f"{made.size / 1e6:,.1f} MB. Head: {made.head.hash}.{gone}",
    )
    say(out, "It holds the key of the sessions, which is as secret as a password.")


def _document(made: Backup) -> dict[str, object]:
    """What was made, for JSON."""
    return {
        "schema": 1,
        "path": str(made.path),
        "events": made.head.events,
        "votes": made.votes,
        "images": made.images,
        "bytes": made.size,
        "head": made.head.hash,
        "made": made.made.isoformat(),
        "removed": [str(one) for one in made.removed],
    }
