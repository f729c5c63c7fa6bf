"""Votes that a process left behind, a database that wants to be opened anew: acknowledged votes count."""

import os
import shutil
import signal
import subprocess
import sys

import duckdb
import pytest

from agon.data import comparisons
from agon.data.log.index import WriterIndex
from agon.data.log.vote_log import VoteLog
from agon.ranking import SourceError
from tests.support.log_records import battle, vote

KILLED = """
import sys
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import battle, vote

log = VoteLog(sys.argv[1])
for n in range(6):
    drawn = battle(("ada", "bob"))
    for record in (drawn, vote(drawn.battle_id)):
        log.write(record).result()
    if n == 2:
        log.snapshot()
print("six acknowledged", flush=True)
sys.stdin.read()
"""


def put(log, n=1):
    for _ in range(n):
        drawn = battle(("ada", "bob"))
        for record in (drawn, vote(drawn.battle_id)):
            log.write(record).result()


def test_votes_of_a_process_that_was_killed_are_ranked(tmp_path):
    """Its snapshot holds three of six acknowledged votes; a board of three would be one of half the votes."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"six acknowledged\n"
    assert len(comparisons(tmp_path)) == 3, "while it runs, what it has given away is read"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert len(comparisons(tmp_path)) == 6


def test_a_log_that_was_closed_is_not_opened_again(tmp_path, monkeypatch):
    with VoteLog(tmp_path) as log:
        put(log, 2)
    monkeypatch.setattr(VoteLog, "__init__", lambda *_: pytest.fail("opened"))
    assert len(comparisons(tmp_path)) == 2


def test_a_newer_database_that_cannot_be_opened_is_named(tmp_path):
    with VoteLog(tmp_path) as log:
        put(log, 2)
    (tmp_path / "agon.lock").write_text("1 killed")
    events, snapshot = tmp_path / "events.jsonl", tmp_path / "votes" / "arena.parquet"
    events.write_bytes(b"no events" * 1000)
    with pytest.raises(SourceError, match="may be behind, and the log cannot be opened"):
        comparisons(tmp_path)
    assert len(comparisons(snapshot)) == 2, "the remedy works"


def test_the_writer_opens_a_database_anew_that_does_not_outlive_an_error(tmp_path, monkeypatch):
    """DuckDB invalidates a database after a fatal error: every later query fails until it is opened again."""
    remember, failed = WriterIndex.remember, []

    def fatal(index, connection, records):
        if not failed:
            failed.append(True)
            connection.close()
            raise duckdb.FatalException("database has been invalidated because of a previous fatal error")
        remember(index, connection, records)

    with VoteLog(tmp_path) as log:
        put(log)
        monkeypatch.setattr(WriterIndex, "remember", fatal)
        drawn = battle(("ada", "bob"))
        assert log.write(drawn).exception() is not None
        for record in (drawn, vote(drawn.battle_id)):
            log.write(record).result()
        put(log)
        assert log.count() == 3
    assert len(comparisons(tmp_path)) == 3


def test_a_copied_log_is_read_whatever_its_times(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        put(log, 2)
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    os.utime(tmp_path / "copy" / "votes" / "arena.parquet", (1, 1))
    assert len(comparisons(tmp_path / "copy")) == 2


def test_a_snapshot_that_failed_at_the_end_is_made_up_for(tmp_path, monkeypatch):
    """The disk is full when the log is closed: the snapshot before must not pass for one of all votes."""
    log = VoteLog(tmp_path)
    put(log, 2)
    log.snapshot()
    put(log, 3)
    with monkeypatch.context() as patch:
        patch.setattr("agon.data.log.vote_log.write_table", refuse_to_write)
        with pytest.raises(SourceError, match="No space left"):
            log.close()
    assert len(comparisons(tmp_path)) == 5


def refuse_to_write(*_, **__):
    raise SourceError("No space left on device")


def test_a_clock_that_was_put_back_hides_no_votes(tmp_path):
    """The snapshot of a killed process is from the future; its write-ahead log is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"six acknowledged\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    os.utime(tmp_path / "votes" / "arena.parquet", (4e9, 4e9))
    assert len(comparisons(tmp_path)) == 6
