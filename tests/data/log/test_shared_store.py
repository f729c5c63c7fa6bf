"""Several processes on one store of PostgreSQL: a real server, and several logs open on it."""

import asyncio
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from agon.arena.core.visitors.consent import ConsentMissing, Consents
from agon.data.log.hash_chain import DamagedChain
from agon.data.log.operation.receipts import find_vote
from agon.data.log.records import AlreadyVoted, Conflict, LogError
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.shared_store.opening import (
    copied_log,
    copies_folder,
    fill_store,
    invitations_at,
    open_store,
    shared_record,
)
from agon.data.log.shared_store.shared_journal import invitations_of
from agon.data.log.shared_store.shared_record import StoreAwayError
from agon.data.log.vote_log import VoteLog
from agon.data.store_address import StoreAddress, store_of
from tests.support.log_records import answer, battle, put, vote, voted
from tests.support.postgres_server import PASSWORD, postgres_server


@pytest.fixture(scope="module")
def server():
    with postgres_server() as opened:
        yield opened


@pytest.fixture
def address(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return server.database()


def rows(address, sql, *given):
    with psycopg.connect(address) as connection:
        return connection.execute(sql, given).fetchall()


def change(address, sql, *given):
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql, given)


def test_who_agreed_in_one_process_agreed_in_all(address):
    with open_store(address) as one, open_store(address) as other:
        here, there = Consents(one), Consents(other)
        here.ask({"en": "You agree."})
        there.ask({"en": "You agree."})  # the same, asked by a process that did not hear of it yet
        events = "SELECT count(*) FROM agon_events WHERE position(%s IN line) > 0"
        assert rows(address, events, b"consent_texts") == [(1,)]
        text = next(iter(here.asked.hashes))
        asyncio.run(here.say("v1", text, given=True))
        asyncio.run(there.must_be_given("v1"))
        with pytest.raises(ConsentMissing):
            asyncio.run(there.must_be_given("v2"))
        asyncio.run(there.say("v1", text, given=False))
        one.follow()
        assert not here.given("v1")


def test_what_one_process_writes_the_other_reads(address):
    with open_store(address) as one, open_store(address) as other:
        drawn = battle(models=("dan", "ada"), prompt="Größe? 🙂")
        answers = answer(drawn.battle_id, 0, "dan", text="one"), answer(drawn.battle_id, 1, "ada", text="two")
        put(one, drawn, *answers)
        other.follow()
        assert other.records(drawn.battle_id) == one.records(drawn.battle_id) == [drawn, *answers]
        receipt = put(other, vote(drawn.battle_id, (2, 1)))[0]
        one.follow()
        assert one.head == other.head
        assert one.vote(drawn.battle_id) == vote(drawn.battle_id, (2, 1))
        assert one.vote_hashes([1]) == {1: receipt.hash}
        boards = [log.comparisons() for log in (one, other)]
        assert boards[0].ballots.count.tolist() == boards[1].ballots.count.tolist() == [1.0]


def test_one_vote_whoever_asks_and_however_often(address):
    with open_store(address) as one, open_store(address) as other, open_store(address) as third:
        logs = one, other, third
        drawn = [battle(models=(f"m{i}", f"n{i % 7}")) for i in range(60)]
        put(one, *drawn)

        def cast(at):
            try:
                return put(logs[at % 3], vote(drawn[at // 6].battle_id))[0]
            except AlreadyVoted:
                return None

        with ThreadPoolExecutor(12) as pool:
            receipts = [found for found in pool.map(cast, range(360)) if found]
        assert sorted(receipt.number for receipt in receipts) == list(range(1, 61))
        for log in logs:
            log.follow()
            assert log.count() == 60
        number = rows(
            address, "SELECT count(*), count(DISTINCT battle) FROM agon_events WHERE kind = 'votes'"
        )
        assert number == [(60, 60)]


def test_an_invitation_is_accepted_once_whichever_process_is_asked(address):
    with open_store(address) as one, open_store(address) as other:
        logs = one, other
        sent = one.invitations().invite(20)
        assert sent[0] not in str(rows(address, "SELECT content FROM agon_documents"))

        def accept(at):
            return logs[at % 2].invitations().accept(sent[at // 8])

        with ThreadPoolExecutor(8) as pool:
            states = list(pool.map(accept, range(160)))
        assert (states.count("open"), states.count("accepted")) == (20, 140)
        stamp = one.invitations().stamp()
        with invitations_at(store_of(address)) as journal:
            assert [found.state for found in journal.revoke([sent[3], sent[5]])] == ["revoked"] * 2
        assert one.invitations().stamp() != stamp
        assert len(other.invitations().revoked()) == 2
        assert other.invitations().accept(sent[3]) == "revoked"
        voted(one, ("ada", "bob"), (1, 2))
        known = [(found.id, found.state) for found in one.invitations().all()]
    with copied_log(store_of(address)) as folder:
        assert [(found.id, found.state) for found in invitations_of(folder, None).all()] == known


def test_invitations_move_with_a_log(address, server, tmp_path):
    folder, other = tmp_path / "log", store_of(server.database())
    with VoteLog(folder) as log:
        voted(log, ("ada", "bob"), (1, 2))
        journal = log.invitations()
        journal.revoke(journal.invite(3)[:1])
    fill_store(folder, other)
    with invitations_at(other) as moved:
        assert moved.all() == journal.all()
        assert [one.state for one in moved.all()] == ["revoked", "open", "open"]


def test_the_database_itself_takes_one_vote_a_battle(address):
    with open_store(address) as log:
        voted(log, ("ada", "bob"), (1, 2))
    with pytest.raises(psycopg.errors.UniqueViolation):
        change(
            address,
            "INSERT INTO agon_events SELECT seq + 1, line, kind, battle, process FROM agon_events "
            "WHERE kind = 'votes'",
        )


def test_what_is_refused_is_refused_alone(address):
    with open_store(address) as one, open_store(address) as other:
        drawn = battle()
        put(one, drawn)
        futures = [other.write(record) for record in (drawn, answer(drawn.battle_id), vote(drawn.battle_id))]
        with pytest.raises(Conflict):
            futures[0].result(30)
        assert futures[2].result(30).number == 1
        with pytest.raises(Conflict):
            put(one, answer(drawn.battle_id))


def test_a_store_that_goes_away_is_named_and_comes_back(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with postgres_server() as own, open_store(own.database()) as one:
        voted(one, ("ada", "bob"), (1, 2))
        drawn = battle()
        put(one, drawn)
        own.stop("immediate")
        with pytest.raises(StoreAwayError, match="cannot be reached") as told:
            put(one, vote(drawn.battle_id))
        assert PASSWORD not in str(told.value)
        assert one.count() == 1  # boards go on
        own.start()
        assert put(one, vote(drawn.battle_id))[0].number == 2
        assert one.count() == 2


def test_an_answer_that_was_lost_on_the_way_is_found_again(address, monkeypatch):
    """The commit went through, and the connection broke before anybody was told."""
    with open_store(address) as log:
        drawn = battle()
        put(log, drawn)
        record = log._shared
        commit = psycopg.Connection.commit

        def broken(connection):
            commit(connection)
            if connection is record._open and rows(address, "SELECT events FROM agon_head") == [(3,)]:
                connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(psycopg.Connection, "commit", broken)
        with pytest.raises(StoreAwayError):
            put(log, vote(drawn.battle_id))
        monkeypatch.undo()
        with pytest.raises(AlreadyVoted):
            put(log, vote(drawn.battle_id))
        assert log.count() == 1


def test_a_process_goes_on_with_the_copy_of_the_one_before(address):
    with open_store(address) as log:
        voted(log, ("ada", "bob"), (1, 2))
        first = log.folder
    with open_store(address) as log:
        assert log.folder == first
        with open_store(address) as other:
            assert other.folder != first
            voted(other, ("ada", "bob"), (2, 1))
        log.follow()
        assert log.count() == 2


@pytest.mark.parametrize("what", ["events.jsonl", "events.head", "texts.jsonl", "agon.duckdb"])
def test_a_copy_that_is_damaged_is_made_anew(address, what):
    with open_store(address) as log:
        for _ in range(5):
            voted(log, ("ada", "bob"), (1, 2))
        folder = log.folder
    path = folder / what
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[: len(content) * 2 // 3] if what != "events.jsonl" else content)
    with open_store(address) as log:
        assert log.folder == folder
        assert log.count() == 5
        put(log, battle())
        assert verify_log(folder).wrong == ()


def test_the_record_is_verified_from_its_rows(address):
    with open_store(address) as log:
        for _ in range(3):
            voted(log, ("ada", "bob"), (1, 2))
        head, receipt = log.head, log.vote_hashes([2])[2]
    with copied_log(StoreAddress(address)) as folder:
        assert verify_log(folder).head.hash == head.hash
        assert find_vote(folder, receipt).startswith("Vote 2 is event")


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE agon_events SET line = overlay(line placing 'x'::bytea from 120) WHERE seq = 3",
        "DELETE FROM agon_texts WHERE seq = 4; DELETE FROM agon_events WHERE seq = 4",
        "DELETE FROM agon_texts WHERE seq > 5; DELETE FROM agon_events WHERE seq > 5",
        "UPDATE agon_head SET events = 5",
        "UPDATE agon_head SET hash = repeat('0', 64)",
    ],
)
def test_rows_that_were_changed_are_found(address, harm):
    with open_store(address) as log:
        for _ in range(3):
            voted(log, ("ada", "bob"), (1, 2))
        folder = log.folder
    change(address, harm)
    with pytest.raises(DamagedChain), copied_log(StoreAddress(address)):
        pass
    shutil.rmtree(folder)
    with pytest.raises(DamagedChain):
        open_store(address)


def test_a_store_that_was_put_back_is_refused_by_who_knows_better(address):
    """The heads of the copies are kept apart from the store: they tell what a whole older state hides."""
    with open_store(address) as log:
        voted(log, ("ada", "bob"), (1, 2))
        older = rows(address, "SELECT events, size, hash FROM agon_head")[0]
        voted(log, ("ada", "bob"), (1, 2))
        folder = log.folder
    change(address, "DELETE FROM agon_texts WHERE seq > 3")
    change(address, "DELETE FROM agon_events WHERE seq > 3")
    change(address, "UPDATE agon_head SET events = %s, size = %s, hash = %s", *older)
    with pytest.raises(DamagedChain, match=r"has 3 events, and the copy of it in .* knows 5") as told:
        open_store(address)
    assert str(folder) in str(told.value)
    shutil.rmtree(folder)  # what the sentence says
    with open_store(address) as log:
        assert log.count() == 1


def test_texts_that_are_erased_are_in_no_table_and_no_copy(address):
    with open_store(address) as one, open_store(address) as other:
        drawn = battle(prompt="canary-prompt")
        put(one, drawn, answer(drawn.battle_id, text="canary-answer"))
        other.follow()
        with open_store(address) as third:
            third.follow()
            idle = third.folder
        assert b"canary-answer" in (idle / "texts.jsonl").read_bytes()
        one.erase([drawn.battle_id])
        other.follow()
        assert other.erasing
        one.finish_erasing()
        other.finish_erasing()
        found = rows(address, "SELECT line FROM agon_texts UNION ALL SELECT line FROM agon_events")
        assert not any(b"canary" in bytes(line) for (line,) in found)
        assert not idle.exists()
        for log in (one, other):
            for path in log.folder.rglob("*"):
                assert path.is_dir() or b"canary" not in path.read_bytes(), path
            assert verify_log(log.folder).wrong == ()
    with open_store(address) as log:
        assert log.records(drawn.battle_id) == []


def test_a_log_moves_into_a_store_and_back(address, tmp_path):
    with VoteLog(tmp_path / "log") as log:
        for _ in range(3):
            voted(log, ("ada", "bob"), (1, 2))
        drawn = battle()
        put(log, drawn)
        log.erase([drawn.battle_id])
        log.finish_erasing()
        head = log.head
    (tmp_path / "log" / "secret.key").write_bytes(b"k" * 32)
    made = fill_store(tmp_path / "log", StoreAddress(address))
    assert made.votes == 3
    with pytest.raises(LogError, match="holds a log of 9 events already"):
        fill_store(tmp_path / "log", StoreAddress(address))
    with open_store(address) as log:
        assert (log.head.events, log.head.hash) == (head.events, head.hash)
        assert (log.folder / "secret.key").read_bytes() == b"k" * 32
        voted(log, ("ada", "bob"), (2, 1))
    with copied_log(StoreAddress(address)) as folder:
        assert verify_log(folder).votes == 4
        assert (folder / "secret.key").read_bytes() == b"k" * 32


def test_a_database_of_something_else_is_refused(address):
    change(address, "CREATE TABLE customers (name text)")
    with pytest.raises(LogError, match=r"holds tables of another application \(customers\)") as told:
        open_store(address)
    assert PASSWORD not in str(told.value)
    assert rows(address, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("customers",)]
    with pytest.raises(LogError, match="another application"):
        shared_record(StoreAddress(address), make=False)


def test_an_empty_database_is_no_log_to_read(address):
    with pytest.raises(LogError, match="holds no log"), copied_log(StoreAddress(address)):
        pass
    assert rows(address, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


@pytest.mark.parametrize(
    "newer", ["UPDATE agon_store SET format = 99", "UPDATE agon_head SET log_schema = 99"]
)
def test_a_newer_store_is_refused(address, newer):
    with open_store(address) as log:
        drawn = battle()
        put(log, drawn)
        change(address, newer)
        if "head" in newer:  # a newer version came meanwhile, and writes what this one does not know
            with pytest.raises(LogError, match="newer version"):
                put(log, vote(drawn.battle_id))
    with pytest.raises(LogError, match="newer version of Agon"):
        open_store(address)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda a: a.replace(PASSWORD, "wrong-canary-password"), "password authentication failed"),
        (lambda a: a.replace("/agon_", "/none_"), "does not exist"),
        (lambda a: a.split("?")[0] + "?host=/nowhere", "cannot be reached"),
        (lambda a: "postgresql://u:canary-password@host:noport/db", "cannot be reached"),
        (lambda a: "postgresql://u:canary-password@[half/db", "no address of PostgreSQL"),
    ],
)
def test_whoever_is_not_let_in_is_told_without_the_password(address, harm, said):
    with pytest.raises(LogError, match=said) as told:
        open_store(harm(address))
    assert "canary" not in str(told.value)


def test_an_address_is_shown_without_its_secrets():
    address = StoreAddress("postgresql://me:s3cret@db.example:5433/agon?sslmode=require&password=s3cret")
    assert address.shown == "postgresql://me@db.example:5433/agon?sslmode=require"
    assert "s3cret" not in repr(address)
    assert (store_of("postgresql:///x").database, store_of("a/b").name) == ("x", "b")
    assert isinstance(store_of(str(address)), StoreAddress)


def test_copies_are_their_owners_alone(address):
    with open_store(address) as log:
        put(log, battle())
        assert (log.folder / "secret.key").stat().st_mode & 0o077 == 0
        assert copies_folder().stat().st_mode & 0o077 == 0


def test_a_process_that_stands_still_holds_nobody_up(address, monkeypatch):
    """Whoever holds the turn and does nothing is ended by the server."""
    from agon.data.log.shared_store import postgres

    with open_store(address) as log:
        monkeypatch.setattr(postgres, "_SETTINGS", "SET idle_in_transaction_session_timeout = '500ms'")
        asleep = shared_record(StoreAddress(address))
        held, go = threading.Event(), threading.Event()

        def sleep():
            try:
                with asleep.turn():
                    held.set()
                    go.wait(20)
            finally:
                asleep.close()

        thread = threading.Thread(target=sleep)
        thread.start()
        assert held.wait(10)
        put(log, battle())
        go.set()
        thread.join(10)


def test_events_are_rows_that_anybody_can_read(address):
    with open_store(address) as log:
        voted(log, ("ada", "bob"), (1, 2))
    for seq, line in rows(address, "SELECT seq, line FROM agon_events ORDER BY seq"):
        assert json.loads(bytes(line))["seq"] == seq
    assert os.environ["XDG_CACHE_HOME"] in str(copies_folder())
