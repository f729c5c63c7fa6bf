"""C16: what is erased is in no file any more, the chain is whole, and boards are what they were."""

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.data.log.image_files import CleanImage, keep_image
from agon.data.log.records import AttachedImage, Conflict, SkipRecord, TurnRecord
from agon.data.log.recovery.mending import recover_log
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import NOON, answer, battle, put, vote
from tests.support.paths import REPOSITORY

MINE, YOURS = "Mnemosyne", "Lethe"  # in every text of the one person, and of the other
WORDS = random.Random(5)


def text(mark):
    """A text that no file can hold in fewer bytes, so that it is found where it is."""
    return f"{mark} " + " ".join(f"{mark}{WORDS.getrandbits(64):x}" for _ in range(8))


def filled(folder, rounds=6):
    """A log of two people: every text that there can be, images of one's own and a shared one."""
    shared, own = CleanImage(b"\x89PNG shared", ".png"), CleanImage(b"\x89PNG own", ".png")
    with VoteLog(folder) as log:
        for image in (shared, own):
            keep_image(folder, image)
        for n in range(rounds):
            for voter, mark in (("me", MINE), ("you", YOURS)):
                images = (AttachedImage(shared.sha256, text(mark)),)
                images += (AttachedImage(own.sha256, None),) if voter == "me" else ()
                drawn = battle(
                    voter=voter, prompt=text(mark), images=images, created=NOON + timedelta(days=n)
                )
                kept = answer(drawn.battle_id, text=text(mark), reasoning=text(mark), masked=(text(mark),))
                lost = answer(drawn.battle_id, 1, "bob", text="", failure="timeout", detail=text(mark))
                put(log, drawn, kept, lost, TurnRecord(drawn.battle_id, 2, text(mark), NOON))
                put(log, vote(drawn.battle_id, (1, 2) if n % 2 else (2, 1), voter=voter, comment=text(mark)))
                left = battle(voter=voter, prompt=text(mark))
                put(log, left, SkipRecord(left.battle_id, text(mark), NOON))
        log.snapshot()
    for name in ("agon.duckdb.v9", "agon.duckdb.damaged-2"):
        shutil.copy(folder / "agon.duckdb", folder / name)
    shutil.copy(folder / "texts.jsonl", folder / "texts.jsonl.damaged")
    return folder, own, shared


def salts(folder, mark):
    lines = (folder / "texts.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["salt"] for line in lines if mark in line]


def files_with(folder, *wanted):
    """The files that hold any of these words, as bytes, or as values of what is compressed."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += str(pq.read_table(path).to_pylist()).encode()
        if "duckdb" in path.name and not path.name.endswith(".wal"):
            copy = folder.parent / "looked-at.duckdb"
            shutil.copy(path, copy)
            with duckdb.connect(str(copy)) as connection:
                for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                    content += str(connection.execute(f"FROM {table}").fetchall()).encode()
        if any(word.encode() in content for word in wanted):
            found.append(str(path.relative_to(folder)))
    return found


def ballots(votes):
    found = votes.ballots
    return [votes.models, found.shown.tolist(), found.places.tolist(), found.count.tolist()]


def test_erased_texts_and_salts_are_in_no_file_while_others_write(tmp_path):
    folder, own, shared = filled(tmp_path / "log")
    before, salt = ballots(comparisons(folder)), salts(folder, MINE)
    holding = files_with(folder, MINE)
    assert {"texts.jsonl", "agon.duckdb", "agon.duckdb.v9", "turns/000000.parquet"} <= {*holding}
    assert "votes/arena.parquet" in holding, "the comments"
    assert len(salt) > 20
    with VoteLog(folder) as log:
        first = log.unerased(voter="me")
        assert len(first) == 12
        gone, more = threading.Event(), []

        def others():  # votes go on meanwhile
            while not gone.is_set():
                drawn = battle(voter="third", prompt=text("Third"))
                more.append(put(log, drawn, vote(drawn.battle_id, voter="third"))[1].number)

        busy = threading.Thread(target=others)
        busy.start()
        try:
            log.erase(first)
            assert log.erasing
            assert "agon.duckdb.v9" in log.finish_erasing()
            assert not log.erasing
        finally:
            gone.set()
            busy.join()
        assert more[-1] == log.count() == 12 + len(more), "nothing was lost meanwhile"
        with pytest.raises(Conflict, match="was erased; nothing is added"):
            put(log, TurnRecord(first[0], 3, "late", NOON))
        assert log.records(first[0]) == []
        assert ballots(log.comparisons(upto=12)) == before
    assert files_with(folder, MINE, *salt) == []
    assert {path.stem for path in (folder / "images").iterdir()} == {shared.sha256}, own.sha256
    assert "texts.jsonl" in files_with(folder, YOURS), "another person's texts are there"
    found = verify_log(folder)
    assert (found.wrong, found.votes) == ((), 12 + len(more))
    assert found.erased == len(salt)
    (folder / "agon.duckdb").unlink()
    with VoteLog(folder) as log:
        assert ballots(log.comparisons(upto=12)) == before
    assert verify_log(folder).wrong == ()


def test_a_process_that_is_killed_leaves_all_of_the_texts_or_none(tmp_path):
    """SIGKILL before the n-th change of a file: then what opens the log finds it as before, or as after."""
    folder, _, _ = filled(tmp_path / "log", rounds=2)
    salt, whole = salts(folder, MINE), ballots(comparisons(folder))

    def killed(*steps):
        command = [sys.executable, "-m", "tests.support.killed_erasure", str(folder), "me", *map(str, steps)]
        return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout

    steps = int(killed(0))
    assert steps > 15
    chosen = sorted({1, 2, 3, 6, *range(8, steps + 1, max(1, steps // 4))})
    killed(*chosen)
    outcomes = []
    for number, step in enumerate(chosen):
        copy = tmp_path / f"log-{step}"
        if (copy / "erasing").exists():
            assert any("goes on when the log is opened" in one for one in verify_log(copy).wrong)
        if number % 3 == 0:
            recover_log(copy)
        with VoteLog(copy) as log:
            counted = ballots(log.comparisons())
            done = not log.unerased(voter="me")
        assert verify_log(copy).wrong == (), step
        assert bool(files_with(copy, MINE)) is not done, step
        assert (files_with(copy, *salt) == []) is done, step
        assert (counted == whole) is not done, "the votes are withdrawn with the texts, or neither"
        assert not (copy / "erasing").exists()
        outcomes.append(done)
    assert outcomes == sorted(outcomes), "before, then after"
    assert {*outcomes} == {False, True}


def test_what_is_old_is_found_by_its_day(tmp_path):
    folder, _, _ = filled(tmp_path / "log", rounds=3)
    with VoteLog(folder) as log:
        day = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        old = log.unerased(before=day)
        assert len(old) == 8, "the first of each, and those that were skipped"
        log.erase(old, "retention")
        assert log.unerased(before=day) == []
        assert len(log.unerased()) == 4
    assert not (folder / "erasing").exists(), "what was left to do is done when the log is closed"


def test_what_was_handed_over_before_is_erased_with_the_rest(tmp_path):
    """All is said to be erased: a battle that the writer had not come to was left."""
    with VoteLog(tmp_path / "log") as log:

        def slow(connection):
            time.sleep(0.3)
            return connection

        log._writer.exchange(slow)
        drawn, given = battle(voter="me"), log.unerased(voter="me")
        assert given == []
        log._writer.exchange(slow)
        log.write(drawn)
        assert [one["battle"] for one in log.personal_data("me")["battles"]] == [drawn.battle_id]
        log._writer.exchange(slow)
        more = battle(voter="me")
        log.write(more)
        assert {*log.unerased(voter="me")} == {drawn.battle_id, more.battle_id}


def test_the_network_of_a_vote_lies_beside_the_chain_and_is_erased_with_its_texts(tmp_path):
    folder, mine, other = tmp_path / "log", "5ca1ab1e5ca1ab1e", "0ddba110ddba1100"
    with VoteLog(folder) as log:
        drawn = battle(voter="me")
        put(log, drawn, vote(drawn.battle_id, voter="me", network=mine))
        for _ in range(2):
            again = battle(voter="third")
            put(log, again, vote(again.battle_id, voter="third", network=other))
    assert mine not in (folder / "events.jsonl").read_text("utf-8")
    assert {"texts.jsonl", "votes/arena.parquet"} <= {*files_with(folder, mine)}
    (folder / "agon.duckdb").unlink()  # made anew of the events and what lies beside them
    with VoteLog(folder) as log:
        assert log.personal_data("me")["battles"][0]["vote"]["network"] == mine
        voters = log.comparisons().clustered("voter")
        assert sorted(voters.networks.names[i] for i in voters.networks.number) == [other, other, mine]
        log.erase(log.unerased(voter="me"))
        log.finish_erasing()
        assert log.count() == 3
        kept = log.comparisons().clustered("voter").networks
        assert (kept.names, sorted(kept.number.tolist())) == ((other,), [-1, 0, 0])
    assert files_with(folder, mine) == []
    assert verify_log(folder).wrong == ()


def test_a_folder_of_imported_votes_is_made_no_log(tmp_path, capsys):
    votes, folder = tmp_path / "votes.csv", tmp_path / "imported"
    votes.write_text("model_a,model_b,winner,voter\nann,bob,model_a,v1\nbob,ann,model_a,v2\n")
    assert main(["import", str(votes), "--into", str(folder)]) == 0
    before = sorted(folder.rglob("*"))
    for wish in (["--voter", "v1"], ["--before", "2099-01-01"]):
        assert main(["erase", str(folder), *wish, "--yes"]) == 2
        assert "holds files of votes alone, as agon import writes them" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
