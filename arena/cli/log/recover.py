"""`agon recover`: a log that is damaged, made whole of what is left of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.output.tables import console, say
from agon.data.log.recovery.mending import recover_log


def recover_command(
    log: Annotated[Path, Parameter(help="A log folder that no arena has open.")],
    /,
    *,
    lossy: Annotated[
        bool, Parameter(negative="", help="Give up acknowledged events that are nowhere any more.")
    ] = False,
) -> None:
    """Mend a log: its database from whole events, or its events from a whole database.

    For example:

    agon recover agon-log
    """
    for sentence in recover_log(log, lossy=lossy):
        say(console(sys.stdout), sentence)
