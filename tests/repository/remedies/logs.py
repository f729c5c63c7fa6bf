"""Logs of votes: what is refused, and the remedy."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

import agon as ag
from agon.data.log.operation.backup import backup_log
from agon.data.log.records import AttachedImage, ConsentRecord, ConsentTextsRecord, ShareRecord
from agon.data.log.recovery.mending import recover_log
from agon.data.log.vote_log import VoteLog
from tests.repository.remedies.steps import Case, Given, agon, full, no_room, ranked, vote
from tests.support.log_records import NOON, battle, put, voted, without_events
from tests.support.log_records import vote as cast

NEW = {"min_votes": 0}


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder, at, log = given.folder, given.at, given.log
    drawn, whole = battle(("ada", "bob")), given.arena_log()
    taken, unready, newer, damaged, unasked = (given.arena_log() for _ in range(5))
    all_of_it = ("--before", "2099-01-01", "--yes")
    old = ("--before", "2026-12-31", "--yes")
    foreign = given.new()
    with duckdb.connect(str(foreign / "agon.duckdb")) as connection:
        connection.execute("CREATE TABLE other (i INTEGER)")
    with duckdb.connect(str(newer / "agon.duckdb")) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, now())")
    events = (damaged / "events.jsonl").read_bytes()
    (damaged / "agon.lock").write_text("1")
    (damaged / "events.jsonl").write_bytes(events[:500])

    older = given.arena_log()
    without_events(older)
    database = (older / "agon.duckdb").read_bytes()
    (older / "agon.duckdb").write_bytes(database[:5000])

    def mended() -> Path:
        (older / "agon.duckdb").replace(given.new() / "away")
        (older / "agon.duckdb").write_bytes(database)
        return older

    def recovered() -> Path:
        recover_log(damaged)
        return damaged

    drawn_votes, imported = given.new() / "drawn.csv", given.new() / "imported"
    agon("simulate", "--models", 3, "--votes", 600, "-o", drawn_votes)
    agon("import", drawn_votes, "--into", imported)
    pictured, backups = given.arena_log(), given.new()
    tarred = given.new() / "old.tar.gz"
    tarred.touch()
    picture = pictured / "images" / f"{'0' * 64}.png"
    picture.parent.mkdir()
    picture.write_bytes(b"no image of that name")

    def backed_up(source: Path, to: Path | None = None, **more: Any) -> Callable[[], Path]:
        return lambda: backup_log(source, to or backups, **more).path

    def without_the_image() -> Path:
        picture.unlink()
        return backup_log(pictured, backups).path

    def asking(question: Callable[[VoteLog], Any]) -> Any:
        def asked() -> Any:
            with VoteLog(whole) as kept:
                return question(kept)

        return asked

    def writing(*records: Any) -> Any:
        def written() -> None:
            with VoteLog(given.arena_log()) as kept:
                put(kept, *records)

        return written

    def shared(link: str) -> ShareRecord:
        return ShareRecord(drawn.battle_id, link, drawn.created)

    def agreed(text: str) -> ConsentRecord:
        return ConsentRecord("v1", text, "en", given=True, created=NOON)

    def opened_twice() -> None:
        with VoteLog(taken):
            VoteLog(taken)

    def open_elsewhere() -> None:
        code = (
            f"from agon.data.log.vote_log import VoteLog; VoteLog({str(taken)!r}); print(flush=True); input()"
        )
        given_to = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([sys.executable, "-c", code], **given_to) as other:  # type: ignore[call-overload]
            other.stdout.readline()
            try:
                VoteLog(taken)
            finally:
                other.communicate(b"\n")

    def closing_on_a_full_disk() -> None:
        kept = VoteLog(unready)
        voted(kept, ("ada", "bob"), (1, 2))
        with no_room(3000):
            kept.close()

    return [
        (vote(battle_id="7"), vote()),
        (vote(created=datetime(2026, 1, 1)), vote()),
        (vote(places=(1, 3)), vote(places=(1, 2))),
        (vote(acceptable=(True,)), vote(acceptable=(True, False))),
        (lambda: VoteLog(at), lambda: VoteLog(folder / "fresh").close()),
        (lambda: ag.open_log(folder / "no-log"), lambda: ag.open_log(log)),
        (lambda: ag.open_log(at), lambda: ag.open_log(log)),
        (lambda: ag.open_log(folder), lambda: ag.open_log(log)),
        (ranked(log / "agon.duckdb"), ranked(log), 100),
        (lambda: AttachedImage("cat.png"), lambda: AttachedImage("0123456789abcdef" * 4)),
        (lambda: shared("me"), lambda: shared("0123456789abcdef" * 4)),
        (lambda: agreed("me"), lambda: agreed("0123456789abcdef" * 4)),
        (lambda: ConsentTextsRecord({"en": " "}, NOON), lambda: ConsentTextsRecord({"en": "Yes?"}, NOON)),
        (lambda: agon("erase", whole, "--before", "May"), lambda: agon("erase", whole, *old)),
        (lambda: agon("erase", given.arena_log()), lambda: agon("erase", given.arena_log(), *all_of_it)),
        (lambda: agon("erase", unasked, *all_of_it[:2]), lambda: agon("erase", unasked, *all_of_it)),
        # what an open log is given, and asked
        (
            lambda: battle(("ada", "bob"), pair_probabilities=(0.1, 0.2)),
            lambda: battle(("ada", "bob"), pair_probabilities=(0.1,)),
        ),
        (writing(battle(("ada", "Bob"))), writing(battle(("ada", "bob")))),
        (writing(drawn, cast(drawn.battle_id, (1, 2, 3))), writing(drawn, cast(drawn.battle_id, (1, 2)))),
        (
            asking(lambda kept: ag.rank(kept.comparisons(), reweight="propensity", **NEW)),
            ranked(given.arena_log(), reweight="propensity", **NEW),
            2,
        ),
        (
            asking(lambda kept: ag.rank_by(kept.comparisons(), "langauge")),
            asking(lambda kept: ag.rank_by(kept.comparisons(), "language")),
        ),
        (
            asking(lambda kept: ag.rank(kept.comparisons(), control="lenght", **NEW)),
            asking(lambda kept: kept.comparisons().controlled(["length"], None)),
        ),
        # logs that cannot be opened, or written
        (opened_twice, asking(lambda kept: kept.count())),
        (open_elsewhere, ranked(taken, **NEW), 2),
        (lambda: VoteLog("/proc/none"), lambda: VoteLog(given.new()).close()),
        (lambda: VoteLog(foreign), lambda: VoteLog(given.new()).close()),
        (lambda: VoteLog(newer), lambda: VoteLog(given.new()).close()),
        (ranked(newer), ranked(newer / "votes" / "arena.parquet", **NEW), 2),
        (ranked(damaged), ranked(damaged / "votes", **NEW), 2),
        (lambda: VoteLog(damaged), lambda: VoteLog(recovered()).close()),
        (lambda: VoteLog(older), lambda: VoteLog(mended()).close()),
        (full(lambda: VoteLog(given.new()), 64), lambda: VoteLog(given.new()).close()),
        (closing_on_a_full_disk, ranked(unready, **NEW), 3),
        (full(lambda: ag.open_log(log).votes), lambda: ag.open_log(log).votes),
        (lambda: agon("verify", imported), lambda: agon("check", imported)),
        (lambda: recover_log(imported), lambda: agon("check", imported)),
        # backups
        (backed_up(imported), lambda: shutil.copytree(imported, backups / "imported")),
        (backed_up(folder / "no-log"), backed_up(whole)),
        (backed_up(whole, whole / "inside"), backed_up(whole)),
        (backed_up(whole, keep=0), backed_up(whole, keep=1)),
        (backed_up(whole, at), backed_up(whole, given.new())),
        (backed_up(whole, tarred), backed_up(whole, given.new() / "new.tar.gz")),
        (backed_up(pictured), without_the_image),
    ]
