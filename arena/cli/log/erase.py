"""`agon erase`: texts of a log taken out for good, by the person, the battle or the age."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.output.tables import console, say
from agon.data.log.log_frames import check_log
from agon.data.log.recovery.opening import must_be_log
from agon.data.log.shared_store.opening import open_store, shared_record
from agon.data.store_address import store_of
from agon.ranking.errors import OptionError


def erase_command(
    log: Annotated[
        str, Parameter(help="A log folder that no arena has open; or postgresql://…, which arenas may have.")
    ],
    /,
    *,
    voter: Annotated[
        str | None, Parameter(help="The pseudonym of a person, as their page Your votes names it.")
    ] = None,
    battle: Annotated[str | None, Parameter(help="The id of one battle.")] = None,
    before: Annotated[
        str | None, Parameter(help="All battles drawn before a day such as 2026-03-01, in UTC.")
    ] = None,
    withdraw: Annotated[
        bool, Parameter(negative="", help="Withdraw the votes of these battles, too.")
    ] = False,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
) -> None:
    """Erase the prompts, answers, images and comments of battles from every file of a log.

    The record stays whole, and boards stay as they are unless votes are withdrawn.

    For example:

    agon erase agon-log --before 2026-03-01 --yes

    agon erase agon-log --voter 5f0c9a3be1d24c7788a6b2c1 --withdraw
    """
    if sum(one is not None for one in (voter, battle, before)) != 1:
        raise OptionError("Say what is to be erased by one of --voter, --battle and --before.")
    where = store_of(log)
    if isinstance(where, Path):
        must_be_log(check_log(where))
    else:
        shared_record(where, make=False).close()
    with open_store(where) as opened:
        log = opened.name
        there = opened.unerased(voter=voter, before=None if before is None else _day(before))
        if battle is not None:
            there = [one for one in there if one == battle.strip().lower().replace("-", "")]
        if not there:
            of = f"of the voter {voter!r}" if voter else f"{battle!r}" if battle else f"before {before}"
            raise OptionError(f"{log} has no battle {of} whose texts are not erased; nothing was done.")
        votes = " and their votes" if withdraw else ""
        what = f"the texts of {len(there):,} battle{'s' * (len(there) != 1)}{votes}"
        if not yes and not _agreed(what, log):
            raise OptionError(
                f"Nothing was erased: say --yes to erase {what} from {log} without being asked."
            )
        opened.erase(there, "operator", withdraw=withdraw)
        removed = opened.finish_erasing()
    out = console(sys.stdout)
    say(out, f"Erased {what}: nothing of them is left in {log}, and its record is whole.")
    if removed:
        say(out, f"Copies that held such texts were removed: {', '.join(removed)}.")


def _agreed(what: str, log: str) -> bool:
    """Whether somebody at a terminal says yes."""
    if not sys.stdin.isatty():
        return False
    print(f"Erase {what} from {log}? This cannot be undone. [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _day(given: str) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise OptionError(f"--before is a day such as 2026-03-01, not {given!r}.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
