"""A log as frames: what an arena wrote, read by another process while it serves."""

import json
import subprocess
import sys
import threading
import time
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import agon as ag
from agon.arena.core.arena_settings import ArenaSettings
from agon.data import comparisons, open_log
from agon.data.files.writer import WRITERS
from agon.data.log import text_parts
from agon.data.log.log_frames import LogFrames
from agon.data.log.records import ReplacementRecord, TurnRecord
from agon.data.log.text_parts import LOG_TABLES, RIGHTS_TABLES, STUDY_TABLES, part_files
from agon.data.log.vote_log import VoteLog
from agon.ranking import OptionError, SourceError
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import NOON, answer, battle, put, vote, voted
from tests.support.paths import REPOSITORY

READ = """
import sys, json
import agon as ag
log = ag.open_log(sys.argv[1])
print(json.dumps({
    "winner": log.votes["winner"].tolist(), "prompts": log.turns["prompt"].tolist(),
    "texts": sorted(log.generations["text"]), "timed": bool((log.generations["seconds"] > 0).all()),
    "models": [list(pair) for pair in log.battles["models"]],
}))
"""


def test_another_process_reads_battles_answers_and_votes_while_the_arena_serves(tmp_path):
    settings = ArenaSettings(seed=7, snapshot_every=0.2)
    models = roster(Scripted("The first answer.", gap=0.01), Scripted("Another one.", gap=0.01))
    with open_arena(tmp_path / "log", models, settings) as server:
        visitor = server.visitor()
        for _ in range(3):
            visitor.vote(visitor.ready("Why is it so?"), "a")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            command = [sys.executable, "-c", READ, tmp_path / "log"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
            assert done.returncode == 0, done.stderr
            found = json.loads(done.stdout)
            if len(found["winner"]) == 3:
                break
            time.sleep(0.3)
    assert found["winner"] == ["model_a"] * 3
    assert found["prompts"] == ["Why is it so?"] * 3
    assert found["texts"] == ["Another one."] * 3 + ["The first answer."] * 3
    assert found["timed"]
    assert {tuple(sorted(pair)) for pair in found["models"]} == {("canary-0-id", "canary-1-id")}


def test_what_is_published_is_at_most_15_seconds_old():
    assert ArenaSettings().snapshot_every <= 15


@pytest.fixture
def log(tmp_path):
    with VoteLog(tmp_path / "log") as opened:
        yield opened


def filled(log):
    drawn = battle(("ada", "bob"), prompt="One?", seed=2**100 + 1, category="code")
    put(
        log,
        drawn,
        answer(drawn.battle_id, 0, "ada", text="yes", time_to_first_token=0.25, tokens_per_second=12.5),
        answer(drawn.battle_id, 1, "bob", text="", failure="timeout", detail="no byte in 60 s"),
        ReplacementRecord(drawn.battle_id, 1, "cyn", 0.5, NOON),
        answer(drawn.battle_id, 1, "cyn", text="no \ud83d", masked=("cyn",), reasoning="hm", waited=1.5),
        TurnRecord(drawn.battle_id, 2, "Two?", NOON),
        vote(drawn.battle_id, (2, 1)),
    )
    log.snapshot()
    return drawn.battle_id


def test_the_frames_hold_what_was_written(log):
    key = filled(log)
    found = open_log(log.folder, "arrow")
    (drawn,) = found.battles.to_pylist()
    assert (drawn["battle_id"], drawn["models"], drawn["seed"]) == (key, ["ada", "bob"], str(2**100 + 1))
    assert (drawn["created"], drawn["category"], drawn["pair_probabilities"]) == (NOON, "code", [1 / 6])
    assert [(row["turn"], row["prompt"]) for row in found.turns.to_pylist()] == [(1, "One?"), (2, "Two?")]
    answers = found.generations.to_pylist()
    assert [(row["slot"], row["model"], row["text"], row["failure"]) for row in answers] == [
        (0, "ada", "yes", None),
        (1, "bob", "", "timeout"),
        (1, "cyn", "no ?", None),
    ]
    assert [row["time_to_first_token"] for row in answers] == [0.25, None, None]
    assert (answers[2]["masked"], answers[2]["reasoning"], answers[2]["waited"]) == (["cyn"], "hm", 1.5)
    (replaced,) = found.replacements.to_pylist()
    assert (replaced["slot"], replaced["attempt"], replaced["model"]) == (1, 1, "cyn")
    (voted_on,) = found.votes.to_pylist()
    assert (voted_on["model_a"], voted_on["model_b"], voted_on["winner"]) == ("ada", "cyn", "model_b")
    assert "1 votes of the arena, 1 battles, 2 turns" in repr(found)


def test_the_frames_are_of_the_make_that_is_asked_for(log):
    filled(log)
    for make, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)):
        found = ag.open_log(log.folder, make)
        assert isinstance(found, LogFrames)
        for name in (*LOG_TABLES, "votes"):
            assert isinstance(getattr(found, name), kind), name
        assert comparisons(found.votes).pairs.wins.tolist() == [[0, 0], [1, 0]]
    assert str(open_log(log.folder).battles["created"].dtype) == "datetime64[us, UTC]"


def test_a_log_without_votes_has_frames_with_their_columns(log):
    found = open_log(log.folder)
    assert len(found.votes) == len(found.battles) == 0
    for name, schema in LOG_TABLES.items():
        assert list(getattr(found, name).columns) == schema.names


def test_the_frames_are_of_the_moment_in_which_the_log_was_opened(log):
    filled(log)
    before, whole = open_log(log.folder, "arrow"), open_log(log.folder, "arrow")
    assert len(whole.generations) == 3
    filled(log)
    empty = (*STUDY_TABLES, *RIGHTS_TABLES, "roster")
    sizes = {name: len(getattr(before, name)) for name in (*LOG_TABLES, "votes") if name not in empty}
    assert sizes == {"battles": 1, "turns": 2, "generations": 3, "replacements": 1, "votes": 1}
    assert len(open_log(log.folder).votes) == 2


def test_a_full_part_is_never_written_again(log, monkeypatch):
    monkeypatch.setattr(text_parts, "PART", 4)
    for n in range(10):
        voted(log, ("ada", "bob"), (1, 2), prompt=f"p{n}")
        log.snapshot()
    parts = part_files(log.folder, "turns")
    assert [pq.read_metadata(part).num_rows for part in parts] == [4, 4, 2]
    written = [part.stat().st_mtime_ns for part in parts]
    voted(log, ("ada", "bob"), (1, 2), prompt="p10")
    log.snapshot()
    assert [part.stat().st_mtime_ns == when for part, when in zip(parts, written, strict=True)] == [
        True,
        True,
        False,
    ]
    assert open_log(log.folder).turns["prompt"].tolist() == [f"p{n}" for n in range(11)]


def test_parts_are_taken_up_where_a_process_left_them_and_not_those_of_another_log(tmp_path, monkeypatch):
    monkeypatch.setattr(text_parts, "PART", 4)
    folder, other = tmp_path / "log", tmp_path / "other"
    for place, size in ((folder, 6), (other, 11)):
        with VoteLog(place) as log:
            for n in range(size):
                voted(log, ("ada", "bob"), (1, 2), prompt=f"{place.name} {n}")
    written = part_files(folder, "turns")[0].stat().st_mtime_ns
    VoteLog(folder).close()
    assert part_files(folder, "turns")[0].stat().st_mtime_ns == written
    for name in ("agon.duckdb", "events.jsonl", "texts.jsonl", "events.head"):  # a copy that was put back
        (folder / name).rename(other / name)
    VoteLog(other).close()
    assert open_log(other).turns["prompt"].tolist() == [f"log {n}" for n in range(6)]
    part_files(other, "turns")[0].write_bytes(b"PAR1 cut short")
    VoteLog(other).close()
    assert open_log(other).turns["prompt"].tolist() == [f"log {n}" for n in range(6)]


def test_every_vote_has_its_battle_whenever_one_looks(log):
    """Votes arrive, snapshots are written and the log is opened, all at once."""
    done = threading.Event()

    def arrive():
        while not done.is_set():
            voted(log, ("ada", "bob"), (1, 2), prompt=uuid.uuid4().hex)

    def publish():
        while not done.is_set():
            log.snapshot()

    filled(log)
    threads = [threading.Thread(target=work) for work in (arrive, publish)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            found = open_log(log.folder)
            votes, turns = found.votes, found.turns
            assert set(votes["battle_id"]) <= set(turns["battle_id"])
    finally:
        done.set()
        for thread in threads:
            thread.join(60)
    assert len(votes) > 1


def test_texts_that_cannot_be_written_keep_no_vote_from_the_board(log, monkeypatch):
    whole = WRITERS[".parquet"]

    def full(table, file):
        if "prompt" in table.schema.names:
            raise OSError(28, "No space left on device")
        whole(table, file)

    monkeypatch.setitem(WRITERS, ".parquet", full)
    voted(log, ("ada", "bob"), (1, 2))
    with pytest.raises(SourceError, match=r"000000\.parquet cannot be written: No space left on device\."):
        log.snapshot()
    assert len(comparisons(log.folder)) == 1
    monkeypatch.undo()
    log.snapshot()
    assert len(open_log(log.folder).turns) == 1


def test_a_log_of_before_is_published_when_its_texts_are_asked_for(tmp_path):
    with VoteLog(tmp_path) as log:
        filled(log)
    for name in LOG_TABLES:
        for part in part_files(tmp_path, name):
            part.unlink()
        if (tmp_path / name).exists():  # the tables of studies are empty
            (tmp_path / name).rmdir()
    assert len(comparisons(tmp_path)) == 1
    assert not (tmp_path / "battles").exists()
    assert open_log(tmp_path).turns["prompt"].tolist() == ["One?", "Two?"]
    with VoteLog(tmp_path):  # an older version that has the log open, so far as one can tell
        for part in part_files(tmp_path, "battles"):
            part.unlink()
        with pytest.raises(
            SourceError, match="is open in an older version of Agon, which publishes no texts"
        ):
            open_log(tmp_path)


def test_imported_votes_alone_are_a_log(tmp_path):
    (tmp_path / "votes").mkdir()
    rows = [{"model_a": "ada", "model_b": "bob", "winner": "tie", "source": "x", "source_row": 7}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "votes" / "x.parquet")
    found = open_log(tmp_path)
    assert found.votes["winner"].tolist() == ["tie"]
    assert len(found.battles) == 0
    assert np.isnan(found.generations["seconds"].sum()) or found.generations["seconds"].sum() == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "agon-lgo", r"There is no log folder .*agon-lgo; check the path"),
        (lambda p: (p / "f.txt").write_text("x") and p / "f.txt", r"f\.txt is a file, and a log is a folder"),
        (lambda p: (p / "d").mkdir() or p / "d", r"d is no log: it has neither agon\.duckdb nor votes/"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path, make, message):
    with pytest.raises(SourceError, match=message):
        open_log(make(tmp_path))


def test_another_make_is_refused(log):
    with pytest.raises(OptionError, match="There is no frames='panda'; did you mean 'pandas'"):
        open_log(log.folder, "panda")


def test_a_part_that_is_damaged_is_named(log):
    filled(log)
    found = open_log(log.folder)
    path = part_files(log.folder, "turns")[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SourceError, match=r"turns cannot be read"):
        _ = found.turns
    with pytest.raises(SourceError, match=r"cannot be read"):
        open_log(log.folder)
