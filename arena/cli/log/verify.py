"""`agon verify`: every event of a log, its texts and its database, against the hashes."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.tables import console, say
from agon.data.log.database import DATABASE
from agon.data.log.events import EVENTS, HEAD
from agon.data.log.hash_chain import DamagedChain, Head
from agon.data.log.operation.receipts import find_vote
from agon.data.log.recovery.verifying import LogCheck, verify_log
from agon.data.log.shared_store.opening import copied_log
from agon.data.log.study_journal import study_heads
from agon.data.store_address import StoreAddress, store_of
from agon.ranking.errors import SourceError

NO_VOTES = LogCheck(None, 0, False, 0, ())  # a study or routed use has begun, and no arena


def verify_command(
    log: Annotated[str, Parameter(help="A log folder, or postgresql://… of a store that several share.")],
    /,
    *,
    receipt: Annotated[
        str | None, Parameter(help="What a voter was shown: say of that vote where it stands and counts.")
    ] = None,
    format: FindingsFormat = "table",
) -> int:
    """Say whether the record of a log is whole: its events, its texts and its database; exit status 1 if not.

    The head that is printed stands for all of it: whoever kept one can tell later what was changed.

    For example:

    agon verify agon-log

    agon verify agon-log --receipt 3f9c0b6d51aa20e7
    """
    where = store_of(log)
    try:
        with copied_log(where) if isinstance(where, StoreAddress) else nullcontext(where) as folder:
            if receipt is not None:
                print(find_vote(folder, receipt))
                return 0
            used, harmed = _of_use(folder)
            studies, more = _of_studies(folder)
            beside = bool(used or harmed or studies or more)
            begun = any((folder / name).exists() for name in (EVENTS, HEAD, DATABASE, "votes"))
            found = verify_log(folder) if begun or not beside else NO_VOTES
    except DamagedChain as error:
        if receipt is not None:
            raise
        found, used, harmed = LogCheck(None, 0, False, 0, (str(error),)), None, ()
        studies, more = {}, ()
    found = replace(found, wrong=(*found.wrong, *harmed, *more))
    if format == "json":
        use = used and {"events": used.events, "head": used.hash}
        of = {name: {"events": head.events, "head": head.hash} for name, head in studies.items()}
        print(json.dumps({**_document(found), "use": use, "studies": of}, indent=2, ensure_ascii=False))
    else:
        out = console(sys.stdout)
        for sentence in (*found.wrong, _concluded(found)):
            say(out, sentence)
        if used is not None:
            say(
                out,
                f"The log of use: {used.events:,} event{'' if used.events == 1 else 's'}. Head: {used.hash}",
            )
        for name, head in studies.items():
            lines = f"{head.events:,} line{'' if head.events == 1 else 's'}"
            say(out, f"The journal of the study {name}: {lines}. Head: {head.hash}")
    return int(bool(found.wrong))


def _of_use(folder: Path) -> tuple[Head | None, tuple[str, ...]]:
    """How far the log of routed use in a store goes, if there is one; and what is wrong with it."""
    from agon.data.use_log.use_writing import use_head

    try:
        return use_head(folder), ()
    except DamagedChain as error:
        return None, (str(error),)


def _of_studies(folder: Path) -> tuple[dict[str, Head], tuple[str, ...]]:
    """How far the journals of the studies in a store go, and what is wrong with one."""
    try:
        return study_heads(folder), ()
    except SourceError as error:
        return {}, (str(error),)


def _concluded(found: LogCheck) -> str:
    """Say in a sentence what a log is."""
    if found == NO_VOTES:
        return "There are no votes, and no events of an arena."
    if found.head is None:
        return "The events are not whole, and nothing else was compared."
    erased = f", {found.erased:,} texts erased" if found.erased else ""
    database = "the database says the same" if not found.wrong else "see above"
    if not found.compared:
        database = "the database was not compared"
    return (
        f"{found.head.events:,} events with {found.votes:,} votes{erased}; {database}. "
        f"Head: {found.head.hash}"
    )


def _document(found: LogCheck) -> dict[str, object]:
    """What was found, for JSON."""
    head = found.head
    return {
        "schema": 1,
        "whole": not found.wrong,
        "events": None if head is None else head.events,
        "votes": None if head is None else found.votes,
        "head": None if head is None else head.hash,
        "erased": found.erased,
        "database_compared": found.compared,
        "wrong": list(found.wrong),
    }
