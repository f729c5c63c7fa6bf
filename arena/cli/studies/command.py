"""`agon study`: invite voters, see how far they are, end it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat
from agon.data import comparisons, open_log
from agon.data.log.study_journal import StudyHistory, StudyJournal, read_study
from agon.ranking import OptionError, SourceError, panel_lead
from agon.ranking.leaderboard.row import plain

TERMINAL = "terminal"


@dataclass(frozen=True)
class SeatStatus:
    """How far one voter is."""

    seat: int
    name: str | None
    voted: int
    skipped: int
    passed: int
    failed: int
    total: int | None


def study_command(
    action: Annotated[
        Literal["invite", "status", "close"],
        Parameter(help="Invite voters, see how far they are, or end it."),
    ],
    study: Annotated[
        Path, Parameter(help="The .toml with the [study]; for status and close also the store.")
    ],
    /,
    *,
    voters: Annotated[
        str | None, Parameter(help="How many voters in all, or their names: --voters Ada,Ben,Cleo.")
    ] = None,
    replace: Annotated[
        str | None,
        Parameter(help="Number or name of a voter whose seat goes to somebody else, named by --voters."),
    ] = None,
    url: Annotated[
        str | None, Parameter(help="Where voters find the arena [default: as the configuration says].")
    ] = None,
    qr: Annotated[
        str | None, Parameter(help="Also QR codes: terminal, or a folder for an SVG of each link.")
    ] = None,
    store: Annotated[
        Path | None, Parameter(help="Folder that keeps the votes [default: of the .toml].")
    ] = None,
    name: Annotated[str | None, Parameter(help="The study, where a store holds several.")] = None,
    format: FindingsFormat = "table",
) -> None:
    """Run a study: these prompts, these models, these voters, until a decision is safe.

    The same links are printed whenever invite runs again. What status says is at most 15 seconds old.

    For example:

    agon study invite study.toml --voters 5

    agon study status study.toml

    agon study close agon-log
    """
    if action == "invite":
        _invite(study, voters, replace, url, qr, store, format)
        return
    for option, value in (("--voters", voters), ("--replace", replace), ("--url", url), ("--qr", qr)):
        if value is not None:
            raise OptionError(f"{option} belongs to agon study invite, not to {action}.")
    folder, history = find_study(study, store, name)
    if action == "close":
        _close(folder, history, format)
    else:
        _status(folder, history, format)


def _invite(
    study: Path,
    voters: str | None,
    replace: str | None,
    url: str | None,
    qr: str | None,
    store: Path | None,
    format: str,
) -> None:
    from agon.arena.setup.config import read_configuration
    from agon.arena.setup.invitations import (
        address_for_others,
        link,
        owner_link,
        qr_svg,
        qr_text,
        replace_voter,
        seat_voters,
        study_keys,
    )

    given = read_configuration(study)
    plan = given.study
    if plan is None:
        raise OptionError(f"{study} has no [study]; add one, with answers or prompts (docs/running.md).")
    if url is not None and not url.startswith(("http://", "https://")):
        raise OptionError(f"--url {url} is no address; write it as --url https://arena.example.")
    folder = store or given.folder
    journal = StudyJournal(folder, plan.name)
    if replace is not None:
        replace_voter(journal, replace, voters)
        seats = journal.history().seats
    else:
        seats = seat_voters(journal, plan, voters)
    keys = study_keys(folder)
    address = f"{url.rstrip('/')}/" if url is not None else address_for_others(given, 7860)
    links = [(one, link(keys, plan.name, one, address)) for one in seats]
    owner = owner_link(keys, plan.name, address)
    if format == "json":
        shown = [{"seat": one.seat, "name": one.name, "link": where} for one, where in links]
        print(json.dumps({"schema": 1, "voters": shown, "owner": owner}, indent=2, ensure_ascii=False))
    else:
        for one, where in links:
            print(f"{_called(one.seat, one.name)}: {where}")
            if qr == TERMINAL:
                print(qr_text(where))
        print(f"You, the owner: {owner}")
    if qr is not None and qr != TERMINAL:
        _write_codes(Path(qr), {one.seat: qr_svg(where) for one, where in links})
    if url is None and given.public_url is None and given.host in ("127.0.0.1", "localhost"):
        print(
            'agon: these links open on this machine alone; for others set host = "0.0.0.0" or public_url in '
            "[arena], or give --url.",
            file=sys.stderr,
        )


def _write_codes(folder: Path, codes: dict[int, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for seat, code in codes.items():
            (folder / f"voter-{seat}.svg").write_text(code, encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"The QR codes cannot be written to {folder}: {error.strerror}; name another."
        ) from None
    print(f"{len(codes)} QR codes in {folder}/.", file=sys.stderr)


def find_study(study: Path, store: Path | None, name: str | None) -> tuple[Path, StudyHistory]:
    """The store and the journal of a study that is named by its configuration or by its store."""
    if study.suffix.lower() != ".toml":
        return study, read_study(study, name)
    from agon.arena.setup.config import read_configuration

    given = read_configuration(study)
    if given.study is None:
        raise OptionError(
            f"{study} has no [study]; name the store instead: agon study status {given.folder}."
        )
    folder = store or given.folder
    return folder, read_study(folder, name or given.study.name)


def _close(folder: Path, history: StudyHistory, format: str) -> None:
    sentence = _lead_sentence(folder, history)
    if not StudyJournal(folder, history.name).close("hand", sentence):
        raise OptionError(f"The study {history.name!r} has ended already.")
    if format == "json":
        print(json.dumps({"schema": 1, "study": history.name, "closed": "hand"}))
        return
    print(f"The study {history.name} is closed: nobody is asked for more. {plain(sentence)}")


def _status(folder: Path, history: StudyHistory, format: str) -> None:
    seats = seat_statuses(folder, history)
    sentence = _lead_sentence(folder, history)
    closed = history.closed
    if format == "json":
        found: dict[str, Any] = {
            "schema": 1,
            "study": history.name,
            "begun": history.opened is not None,
            "closed": closed.by if closed else None,
            "board": sentence,
            "voters": [asdict(one) for one in seats],
        }
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for one in seats:
        total = "" if one.total is None else f" of {one.total}"
        done = one.voted + one.skipped + one.passed + one.failed
        more = [f"{one.skipped} skipped"] if one.skipped else []
        more += [f"attention {one.passed} of {one.passed + one.failed}"] if one.passed + one.failed else []
        print(f"{_called(one.seat, one.name)}: {done}{total}{''.join(f', {part}' for part in more)}")
    votes = sum(one.voted for one in seats)
    state = "has not begun" if history.opened is None else "goes on"
    if closed is not None:
        state = f"has ended ({closed.by})"
    print(f"The study {history.name} {state}: {votes:,} votes. {plain(sentence)}")


def seat_statuses(folder: Path, history: StudyHistory) -> list[SeatStatus]:
    """How far each voter of a study is, as the snapshots of its store tell.

    Raises:
        SourceError: the store cannot be read.
    """
    voted, skipped, checks = Counter[int](), Counter[int](), Counter[tuple[int, bool]]()
    totals: list[int] = []
    if history.opened is not None:
        from agon.arena.core.studies.study_plan import seat_totals

        totals = seat_totals(history.design)
        log = open_log(folder, "arrow")
        mine = [row for row in log.assignments.to_pylist() if row["study"] == history.name]
        seat_of = {row["battle_id"]: row["seat"] for row in mine}
        voted.update(seat_of[one] for one in log.votes["battle_id"].to_pylist() if one in seat_of)
        skipped.update(seat_of[one] for one in log.skips["battle_id"].to_pylist() if one in seat_of)
        rows = log.attention_checks.to_pylist()
        checks.update((row["seat"], row["passed"]) for row in rows if row["study"] == history.name)
    return [
        SeatStatus(
            one.seat,
            one.name,
            voted[one.seat],
            skipped[one.seat],
            checks[one.seat, True],
            checks[one.seat, False],
            totals[one.seat - 1] if totals else None,
        )
        for one in history.seats
    ]


def _lead_sentence(folder: Path, history: StudyHistory) -> str:
    from agon.arena.core.studies.study import tell_lead

    level = float(history.design.get("level", 0.95))
    try:
        votes = comparisons(folder, where=f"study = '{history.name}'")
        return tell_lead(panel_lead(votes, panel=history.panel, level=level))
    except (SourceError, OptionError):
        return tell_lead(None)


def _called(seat: int, name: str | None) -> str:
    return f"Voter {seat}" + (f", {plain(name)}" if name else "")
