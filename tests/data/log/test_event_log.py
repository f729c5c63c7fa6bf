"""The events are what holds: the database follows them or is made anew, or the log is refused by name."""

import errno
import json
import os
import random
import shutil
from datetime import UTC, datetime

import duckdb
import pytest

from agon.data import comparisons
from agon.data.log import hash_chain
from agon.data.log.events import TEXT_COLUMNS, Layout, digests
from agon.data.log.migrations import SCHEMA_VERSION
from agon.data.log.records import (
    AlreadyVoted,
    Assignment,
    AttentionRecord,
    ConsentRecord,
    ConsentTextsRecord,
    ErasureRecord,
    LogError,
    RemarksRecord,
    ReplacementRecord,
    RevocationRecord,
    RosterRecord,
    ShareRecord,
    SkipRecord,
    TurnRecord,
    WithdrawalRecord,
)
from agon.data.log.recovery.mending import recover_log
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import NOON, answer, battle, put, vote, without_events

FILES = ("events.jsonl", "texts.jsonl", "events.head", "agon.duckdb")
ODD = 'é\u2028\n"\\\x00 \x1b[1m {"seq":1}\n'


def everything(folder):
    """A log with a row in every table, and letters that are hard to write."""
    with VoteLog(folder) as log:
        for n in range(3):
            first = battle(("ada", "bob", "cyn"), prompt=ODD * n, category="code" if n else None)
            put(
                log, first, answer(first.battle_id, 0, text=ODD, masked=("Ada",), reasoning="r", waited=1 / 3)
            )
            put(log, answer(first.battle_id, 1, "bob", text="", failure="timeout", detail=ODD, tokens=0))
            put(log, ReplacementRecord(first.battle_id, 1, "dan", 1 / 3, NOON))
            put(log, answer(first.battle_id, 1, "dan"), TurnRecord(first.battle_id, 2, "more", NOON))
            put(log, vote(first.battle_id, (2, 1, 2), (True, True, False), reasons=("short",)))
            place = Assignment("s", 1, n + 1)
            second, third = (battle(seed=n, assignment=a) for a in (place, Assignment("s", 2, n + 1)))
            crit = {"tone": ((2, 1), None), "facts": ((1, 1), (False, False))}
            put(log, second, vote(second.battle_id, criteria=crit, ratings=(7, None), comment=ODD))
            put(log, third, SkipRecord(third.battle_id, ODD, NOON))
            put(log, AttentionRecord("s", 1, n + 1, "v1", NOON, ODD, ("a", ODD), 1, (2, 1)))
        put(log, RosterRecord({"ada": "listed", "eve": "testing"}, NOON))
        put(log, ConsentTextsRecord({"en": "Yes?", "de": ODD}, NOON), ConsentTextsRecord({}, NOON))
        put(log, *(ConsentRecord("v1", "ab" * 32, "en", given, NOON) for given in (True, False)))
        for n in range(40):
            put(log, one := battle(("ada", "bob") if n % 3 else ("bob", "cyn")), vote(one.battle_id))
        put(log, ShareRecord(first.battle_id, "ab" * 32, NOON), ShareRecord(one.battle_id, "cd" * 32, NOON))
        put(log, WithdrawalRecord((second.battle_id, one.battle_id), NOON))
        put(log, RemarksRecord(one.battle_id, (), None, NOON))
        put(log, RemarksRecord(first.battle_id, ("clear", ODD), ODD, NOON))
        put(log, RevocationRecord(first.battle_id, NOON), ErasureRecord((third.battle_id,), NOON))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("whole") / "log")


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "log")


def counted(votes):
    """The distinct ballots and how often each was cast."""
    found = votes.ballots
    return [votes.models, found.shown.tolist(), found.places.tolist(), found.count.tolist()]


def rows(folder):
    """All rows of a database that is closed, as text."""
    with duckdb.connect(str(folder / "agon.duckdb"), read_only=True) as connection:
        layout = Layout.of(connection)
        return {table: connection.execute(f"FROM {table}").fetchall() for table in layout.tables}


def test_a_database_made_anew_has_every_row_in_its_place(folder):
    before = rows(folder)
    assert all(before.values()), "else this test compares nothing"
    (folder / "agon.duckdb").unlink()
    VoteLog(folder).close()
    assert rows(folder) == before
    assert verify_log(folder).wrong == ()


def test_a_row_that_is_gone_and_a_text_that_was_changed_are_seen_in_their_table(folder):
    """Of every table, and of every column whose text lies beside the events."""
    with duckdb.connect(str(folder / "agon.duckdb")) as connection:
        layout = Layout.of(connection)
        meant = digests(connection, layout, folder)
        changes = [(table, f"DELETE FROM {table} WHERE rowid = 0") for table in meant]
        for table, columns in TEXT_COLUMNS.items():
            for column in columns:
                other = "['x', 'y']" if layout.tables[table][column][0].endswith("[]") else "'xyz'"
                changes.append((table, f"UPDATE {table} SET {column} = {other} WHERE rowid = 0"))
        for table, change in changes:
            connection.execute("BEGIN")
            connection.execute(change)
            held = digests(connection, layout)
            connection.execute("ROLLBACK")
            assert [name for name in meant if held[name] != meant[name]] == [table], change
        assert digests(connection, layout) == meant


def test_the_chain_holds_no_text_and_the_erasure_of_one_leaves_it_whole(folder):
    """C16: texts and salts lie beside; what the board rests on does not."""
    board = counted(comparisons(folder))
    chain = (folder / "events.jsonl").read_text("utf-8")
    assert "Rayleigh" not in chain
    assert "sky" not in chain
    assert "Ada" not in chain
    texts = folder / "texts.jsonl"
    lines = texts.read_bytes().splitlines(keepends=True)
    salts = [json.loads(line)["salt"] for line in lines]
    assert len({*salts}) == len(salts)
    texts.write_bytes(b"".join(b" " * (len(line) - 1) + b"\n" for line in lines))
    (folder / "agon.duckdb").unlink()
    with VoteLog(folder) as log:
        assert not log._rows("SELECT prompt FROM turns WHERE prompt <> ''")
    found = verify_log(folder)
    assert (found.wrong, found.erased) == ((), len(lines))
    assert counted(comparisons(folder)) == board


def test_a_database_that_is_behind_ahead_or_of_another_log_is_set_right(folder, tmp_path):
    early = shutil.copytree(folder, tmp_path / "early")
    with VoteLog(folder) as log:
        put(log, one := battle(prompt="later"), vote(one.battle_id, comment="c"))
    now = rows(folder)
    other = everything(tmp_path / "other")
    for database in (early / "agon.duckdb", other / "agon.duckdb"):
        shutil.copy(database, folder / "agon.duckdb")
        VoteLog(folder).close()
        assert rows(folder) == now
    for name in FILES[:3]:  # a copy of the events was put back, not of the database
        shutil.copy(early / name, folder / name)
    both = shutil.copytree(folder, tmp_path / "both")
    with pytest.raises(LogError, match=r"and agon\.duckdb beside it was made of [\d,]+; agon recover"):
        VoteLog(folder)
    assert "remove it instead" in verify_log(folder).wrong[0], "and not that it follows when it is opened"
    recover_log(folder)
    VoteLog(folder).close()
    assert rows(folder) == now, "nothing that was acknowledged is lost"
    (both / "agon.duckdb").unlink()
    VoteLog(both).close()
    assert rows(both) == rows(early)


def test_what_a_killed_process_acknowledged_is_there_without_its_write_ahead_log(folder):
    log = VoteLog(folder)
    votes = log.counted()
    put(log, one := battle(), vote(one.battle_id))
    copied = folder.parent / "killed"
    shutil.copytree(folder, copied)
    log.close()
    (copied / "agon.duckdb.wal").unlink(missing_ok=True)
    assert len(comparisons(copied)) == votes + 1


def test_a_computer_that_lost_its_power_is_not_trusted(folder):
    """The lock names another start of the computer: the database was not synchronised."""
    log = VoteLog(folder)
    put(log, battle())
    copied = shutil.copytree(folder, folder.parent / "power")
    log.close()
    (copied / "agon.lock").write_text("1 00000000-0000-0000-0000-000000000000")
    with VoteLog(copied) as again:
        assert "made anew" in again.repairs[0]
    with VoteLog(copied) as again:
        assert again.repairs == ()


def check(folder, kept):
    """Whether the log is refused by name, or has everything and knows that it was mended."""
    try:
        with VoteLog(folder) as log:
            assert log.count() == kept
            mended = bool(log.repairs)
    except LogError as error:
        assert "agon recover" in str(error)
        return "refused"
    found = verify_log(folder)
    return "mended" if mended else "noticed" if found.wrong else "same"


def harm(folder, times, seed):
    """Flip a bit or cut an end off, so often; what was not noticed, and how often it was."""
    rng = random.Random(seed)
    silent, noticed = [], 0
    for n in range(times):
        path = folder / rng.choice(FILES[:3])
        content = path.read_bytes()
        place = rng.randrange(len(content))
        harmed = bytearray(content)
        if n % 11 == 10:
            del harmed[place:]
        else:
            harmed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(harmed)
        if verify_log(folder).wrong:
            noticed += 1
        else:
            silent.append((path.name, place, n % 11 == 10))
        path.write_bytes(content)
    return silent, noticed


def test_whatever_bit_is_flipped_is_noticed(folder):
    assert harm(folder, 22, 1) == ([], 22)


@pytest.mark.soak
def test_a_thousand_flipped_bits_and_a_hundred_cuts_are_noticed(folder):
    assert harm(folder, 1100, 2) == ([], 1100)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_made_anew_or_named_and_recovered(name, folder):
    with VoteLog(folder) as log:
        votes, before = log.count(), counted(log.comparisons())
    (folder / name).unlink()
    answer = check(folder, votes)
    assert answer == ("mended" if name == "agon.duckdb" else "refused")
    assert recover_log(folder)
    with VoteLog(folder) as log:
        assert counted(log.comparisons()) == before
    assert verify_log(folder).wrong == ()


def test_events_and_database_both_damaged_are_given_up_only_when_told(folder):
    content = (folder / "events.jsonl").read_bytes()
    (folder / "events.jsonl").write_bytes(content[: len(content) // 2])
    (folder / "agon.duckdb").unlink()
    with pytest.raises(LogError, match=r"acknowledged events would be lost.*--lossy"):
        recover_log(folder)
    assert "Events were given up" in recover_log(folder, lossy=True)[0]
    with VoteLog(folder) as log:
        assert 0 < log.count() < 46
    assert verify_log(folder).wrong == ()


@pytest.mark.parametrize("call", ["pwrite", "fsync", "ftruncate"])
def test_a_disk_that_fails_at_any_call_loses_nothing(call, tmp_path, monkeypatch):
    """D2: the n-th call fails, for all n of a few votes; whoever was told so sends again."""
    real = getattr(os, call)
    calls, fails = [0], [10**9]

    def failing(*given):
        calls[0] += 1
        if calls[0] == fails[0]:
            raise OSError(errno.ENOSPC if call == "pwrite" else errno.EIO, "No space left on device")
        return real(*given)

    with VoteLog(tmp_path) as log:
        put(log, battle())
        monkeypatch.setattr(hash_chain.os, call, failing)
        sent, told, n = 0, 0, 1
        while True:
            calls[0], fails[0] = 0, n
            one = battle(prompt=f"{n}")
            for record in (one, vote(one.battle_id)):
                while True:
                    try:
                        log.write(record).result(30)
                    except AlreadyVoted:
                        break
                    except LogError as error:
                        told += 1
                        if "already" in str(error):
                            break
                    else:
                        break
            sent += 1
            assert log.count() == sent
            if calls[0] < n:
                break
            n += 1
        assert told >= n - 1 or call == "ftruncate"
        monkeypatch.undo()
    assert verify_log(tmp_path).wrong == ()
    assert len(comparisons(tmp_path)) == sent


def test_a_log_of_the_version_before_is_adopted_with_its_digest(folder):
    """Without events, and without the table that says how far these were followed."""
    before = rows(folder)
    without_events(folder)
    with duckdb.connect(str(shutil.copy(folder / "agon.duckdb", folder.parent))) as connection:
        for column in ("testing BOOLEAN", "network VARCHAR"):  # of later versions
            connection.execute(f"ALTER TABLE votes ADD COLUMN {column}")
        held = digests(connection, Layout.of(connection))
    with VoteLog(folder) as log:
        put(log, one := battle(), vote(one.battle_id))
    first = json.loads((folder / "events.jsonl").read_text("utf-8").partition("\n")[0])
    assert first["adopted"]["votes"] == {"rows": 46, "digest": f"{held['votes'][1]:x}"}
    after = rows(folder)
    for table in TEXT_COLUMNS.keys() - {"turns", "votes", "remarks"}:
        assert after[table] == before[table]
    assert after["votes"][:46] == before["votes"]
    (folder / "agon.duckdb").unlink()
    VoteLog(folder).close()
    assert rows(folder) == after
    assert (folder / f"agon.duckdb.v{min(8, SCHEMA_VERSION - 1)}").exists()
    assert datetime.now(UTC).isoformat()[:4] in first["begun"]


class Uncommitting:
    """A connection whose next transaction cannot be committed, as on a disk that is full just then."""

    def __init__(self, real):
        self.real, self.fails = real, 1

    def execute(self, sql, *given):
        if sql == "COMMIT" and self.fails:
            self.fails -= 1
            raise duckdb.IOException("No space left on device")
        return self.real.execute(sql, *given)

    def __getattr__(self, name):
        return getattr(self.real, name)


def test_what_stands_in_the_events_is_acknowledged_though_the_database_cannot_commit(tmp_path):
    with VoteLog(tmp_path) as log:
        put(log, one := battle(), other := battle())
        log._writer._connection = Uncommitting(log._writer._connection)
        (receipt,) = put(log, vote(one.battle_id))  # it was refused, and counted all the same
        assert receipt.number == 1
        put(log, vote(other.battle_id))  # the database has got the first one from the events
        assert log.count() == 2
        assert [log.vote(each.battle_id) is not None for each in (one, other)] == [True, True]
    assert verify_log(tmp_path).wrong == ()
