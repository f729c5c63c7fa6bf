"""Opening a log: one process, a known version, a whole file, a folder to write in; else one sentence."""

import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.data.log import migrations
from agon.data.log.migrations import schema
from agon.data.log.records import LogError
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import battle, put, vote, voted
from tests.support.paths import REPOSITORY

DATA = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")

NOW = migrations.SCHEMA_VERSION


def refusal(folder):
    """The sentence with which a log is refused."""
    with pytest.raises(LogError) as caught:
        VoteLog(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def structure(connection):
    """Columns, types, keys and constraints of a database."""
    columns = "SELECT table_name, column_name, data_type, is_nullable, column_default "
    columns += "FROM duckdb_columns() WHERE NOT internal"
    keys = "SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints()"
    return [sorted(connection.execute(sql).fetchall(), key=str) for sql in (columns, keys)]


CHILD = """
import sys
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import battle, put, vote
with VoteLog(sys.argv[1]) as log:
    for n in range(40):
        drawn = battle(("ada", "bob") if n % 2 else ("bob", "cyn") if n % 4 else ("cyn", "ada"))
        put(log, drawn, vote(drawn.battle_id))
    log.snapshot()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A log with 40 votes that another process has open, and that process."""
    command = [sys.executable, "-c", CHILD, str(tmp_path / "log")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as child:
        assert child.stdout.readline() == "ready\n"
        yield tmp_path / "log", child
        child.stdin.close()
        assert child.wait(60) == 0


def test_a_second_process_is_refused_at_once_and_told_who_is_first(held):
    folder, child = held
    started = time.perf_counter()
    text = refusal(folder)
    assert time.perf_counter() - started < 1
    assert f"is open in process {child.pid}" in text


def test_another_process_ranks_the_snapshot_meanwhile(held, capsys):
    folder, _ = held
    assert main(["rank", str(folder), "--format", "csv"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("ada", "bob", "cyn"))
    assert len(comparisons(folder)) == 40


def test_a_second_log_of_the_same_process_is_refused(tmp_path):
    with VoteLog(tmp_path) as log:
        assert "is open in this process already" in refusal(tmp_path)
        put(log, battle())
    VoteLog(tmp_path).close()


def test_a_program_that_has_the_database_open_is_named(tmp_path):
    """DuckDB's own lock: somebody looks into the file with another program."""
    VoteLog(tmp_path).close()
    code = f"import duckdb; c = duckdb.connect({str(tmp_path / 'agon.duckdb')!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        assert f"is open in process {child.pid}" in refusal(tmp_path)
        child.communicate(b"\n")
    VoteLog(tmp_path).close()


def test_threads_that_open_it_at_once_get_one_log(tmp_path):
    opened, refused = [], []
    start = threading.Barrier(8)

    def work():
        start.wait(30)
        try:
            opened.append(VoteLog(tmp_path))
        except LogError as error:
            refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(opened), len(refused)) == (1, 7)
    opened[0].close()


def test_a_newer_log_is_refused_and_left_as_it_is(tmp_path):
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob"), (1, 2))
    path = tmp_path / "agon.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, now()::TIMESTAMP)")
    before = path.read_bytes()
    text = refusal(tmp_path)
    assert "written by a newer version of Agon (its schema is 99" in text
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused(tmp_path):
    with duckdb.connect(str(tmp_path / "agon.duckdb")) as connection:
        connection.execute("CREATE TABLE receipts (total DOUBLE)")
    assert "is a database of something else" in refusal(tmp_path)


@pytest.mark.parametrize("folder", ["/proc/agon-log", "/dev/null", "/dev/null/log", "/sys/agon-log"])
def test_a_folder_that_cannot_be_written_is_named(folder):
    if not Path(folder).parent.exists():
        pytest.skip(f"there is no {Path(folder).parent} here")
    assert folder in refusal(folder)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "log").write_text("")
    assert "log is a file, and a log is a folder" in refusal(tmp_path / "log")


def test_a_disk_that_is_full_is_no_damage(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        text = refusal(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "agon.duckdb cannot be opened: " in text
    assert "damaged" not in text


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A closed log with 300 votes."""
    folder = tmp_path_factory.mktemp("whole")
    drawn = [battle((("ada", "bob"), ("bob", "cyn"), ("cyn", "ada"))[n % 3]) for n in range(300)]
    with VoteLog(folder) as log:
        put(log, *drawn, *(vote(one.battle_id) for one in drawn))
    return folder


def damaged(whole, tmp_path, change):
    folder = tmp_path / "log"
    shutil.copytree(whole, folder)
    path = folder / "agon.duckdb"
    path.write_bytes(change(bytearray(path.read_bytes())))
    return folder


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:100],
        lambda content: b"",
        lambda content: b"not a database at all" * 1000,
        lambda content: bytes(len(content)),
        lambda content: content[:4096] + bytes(len(content) - 4096),
    ],
    ids=["half", "start", "empty", "text", "zeros", "header"],
)
def test_a_damaged_database_is_made_anew_of_its_events(change, whole, tmp_path):
    folder = damaged(whole, tmp_path, change)
    with VoteLog(folder) as log:
        assert log.repairs == (f"The database of {folder} was made anew of its 601 events.",)
        assert (log.count(), len(log.comparisons())) == (300, 300)
    assert verify_log(folder).wrong == ()


def test_a_log_is_opened_as_often_as_one_likes(tmp_path):
    """DuckDB cuts free blocks off a file that it closes, and counts them in the header all the same."""
    free = 0
    for times in range(1, 7):
        drawn = [battle(prompt="p" * 2000) for _ in range(300)]
        with VoteLog(tmp_path) as log:
            put(log, *drawn, *(vote(one.battle_id) for one in drawn))
            assert log.count() == 300 * times
        path = tmp_path / "agon.duckdb"
        with duckdb.connect(str(path), read_only=True) as connection:
            sql = "SELECT total_blocks * block_size > ? FROM pragma_database_size()"
            free += connection.execute(sql, [path.stat().st_size]).fetchall()[0][0]
    assert free, "else this test meets no file that is shorter than its header says"


def test_a_flipped_bit_is_noticed_or_harmless(whole, tmp_path):
    """Anywhere in the file of a closed log: it is refused, or every vote is still there."""
    rng = np.random.default_rng(11)
    size = (whole / "agon.duckdb").stat().st_size
    refused = 0
    for n, place in enumerate(rng.integers(0, size, 30)):

        def flip(content, place=place):
            content[place] ^= 1 << rng.integers(8)
            return content

        folder = damaged(whole, tmp_path / str(n), flip)
        try:
            with VoteLog(folder) as log:
                assert (log.count(), len(log.comparisons())) == (300, 300)
        except LogError as error:
            refused += 1
            assert str(folder) in str(error)
    assert refused > 0, "else this test flips nothing that is read"


def test_the_first_version_becomes_the_current_one(tmp_path):
    """The schema of version 1, written down here, with a vote in it."""
    sql = (REPOSITORY / "tests" / "support" / "log_version_1.sql").read_text(encoding="utf-8")
    with duckdb.connect(str(tmp_path / "agon.duckdb")) as connection:
        connection.execute(sql)
    with VoteLog(tmp_path) as log:
        found = structure(log._connection.cursor())
        assert (log.count(), log.comparisons().models) == (1, ("ada", "bob"))
        voted(log, ("ada", "cyn"), (1, 2))
        assert log.count() == 2
    with duckdb.connect() as fresh:
        fresh.execute(schema())
        assert found == structure(fresh)


def test_a_step_is_taken_once_and_the_old_file_is_kept(tmp_path, monkeypatch):
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob"), (1, 2))
    monkeypatch.setattr(
        migrations,
        "STEPS",
        {NOW + 1: "ALTER TABLE votes ADD COLUMN weight DOUBLE", NOW + 2: "CREATE TABLE more (n INTEGER)"},
    )
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", NOW + 2)
    monkeypatch.setattr("agon.data.log.database.SCHEMA_VERSION", NOW + 2)
    for _ in range(2):
        with VoteLog(tmp_path) as log:
            assert log.count() == 1
            cursor = log._connection.cursor()
            versions = cursor.execute("SELECT version FROM migrations ORDER BY 1").fetchall()
            assert versions == [(number,) for number in range(1, NOW + 3)]
            assert cursor.execute("SELECT weight FROM votes").fetchall() == [(None,)]
    with duckdb.connect(str(tmp_path / f"agon.duckdb.v{NOW}"), read_only=True) as old:
        assert old.execute("SELECT max(version) FROM migrations").fetchone() == (NOW,)


def test_a_step_that_fails_changes_nothing(tmp_path, monkeypatch):
    VoteLog(tmp_path).close()
    monkeypatch.setattr(
        migrations,
        "STEPS",
        {NOW + 1: "CREATE TABLE more (n INTEGER)", NOW + 2: "ALTER TABLE nowhere ADD COLUMN n INTEGER"},
    )
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", NOW + 2)
    monkeypatch.setattr("agon.data.log.database.SCHEMA_VERSION", NOW + 2)
    refusal(tmp_path)
    monkeypatch.undo()
    with VoteLog(tmp_path) as log:
        tables = {name for (name,) in log._connection.cursor().execute("SHOW TABLES").fetchall()}
    assert "more" not in tables


def explained(text):
    """{table.column: (type, meaning)} of a schema."""
    found = {}
    for table, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\);", text, re.S):
        for column, kind, meaning in re.findall(r"^ {4}(\w+) ([A-Z]+(?:\[\])?).*? -- (.+)$", body, re.M):
            found[f"{table}.{column}"] = (kind, meaning)
    return found


def test_every_column_is_explained_in_the_schema_and_on_the_page():
    with duckdb.connect() as fresh:
        fresh.execute(schema())
        there = fresh.execute(
            "SELECT table_name || '.' || column_name, data_type FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
    said = explained(schema())
    assert {name: kind for name, (kind, _) in said.items()} == dict(there)
    page = dict(re.findall(r"^\| `(\w+\.\w+)` \| ([A-Z\[\]]+) \|", DATA, re.M))
    assert page == dict(there)


def test_a_lock_does_not_outlive_its_process(tmp_path):
    code = "import os, sys; from agon.data.log.vote_log import VoteLog; VoteLog(sys.argv[1]); os._exit(1)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    VoteLog(tmp_path).close()


def handles():
    """How many files this process has open, where that can be asked."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_a_log_needs_no_more_handles_after_a_refusal(tmp_path):
    with VoteLog(tmp_path):
        before = handles()
        for _ in range(20):
            refusal(tmp_path)
        assert handles() <= before
