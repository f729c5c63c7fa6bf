"""Files that appear whole or not at all, and snapshots of a log that are written once."""

import json
import os
import stat

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from agon.data import comparisons, read_published
from agon.data.files.writer import WRITERS, write_table
from agon.data.importers.log_snapshot import into_log
from agon.ranking import OptionError, SourceError

TABLE = pa.table({"model_a": ["ada", 'b"o,b'], "model_b": ["cyn", "ada"], "winner": ["tie", "model_a"]})
PUBLISHED = [
    {"question_id": "q1", "model_a": "ada", "model_b": "bob", "winner": "model_a", "judge": "u1", "turn": 1},
    {
        "question_id": "q2",
        "model_a": "bob",
        "model_b": "ada",
        "winner": "tie (bothbad)",
        "judge": "u2",
        "turn": 2,
    },
]


def published(folder, name="clean.json", rows=PUBLISHED):
    path = folder / name
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", ["votes.parquet", "votes.csv", "deep/er/votes.csv"])
def test_a_table_is_written_by_its_ending(name, tmp_path):
    path = write_table(TABLE, tmp_path / name)
    back = pq.read_table(path) if path.suffix == ".parquet" else pc.read_csv(path)
    assert back.to_pylist() == TABLE.to_pylist()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "no part is left behind"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_that_is_there_is_kept_unless_replaced(tmp_path):
    path = write_table(TABLE, tmp_path / "votes.csv")
    before = path.read_bytes()
    with pytest.raises(SourceError, match=r"votes\.csv exists already; choose another name, or .* --force"):
        write_table(TABLE.slice(1), path)
    assert path.read_bytes() == before
    write_table(TABLE.slice(1), path, replace=True)
    assert pc.read_csv(path).num_rows == 1


@pytest.mark.parametrize("name", ["votes.txt", "votes", "votes.parquet.gz", "votes.PARQUET"])
def test_other_endings_are_refused(name, tmp_path):
    with pytest.raises(OptionError, match=r"must end in \.parquet or \.csv"):
        write_table(TABLE, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="cannot be written"):
        write_table(TABLE, tmp_path / "file" / "votes.csv")


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = write_table(TABLE, tmp_path / "votes.csv")
    before = path.read_bytes()

    def full(table, file):
        file.write(b"half a ro")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(WRITERS, ".csv", full)
    with pytest.raises(SourceError, match=r"votes\.csv cannot be written: No space left on device\."):
        write_table(TABLE.slice(1), path, replace=True)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["votes.csv"]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(table, file):
        raise KeyboardInterrupt

    monkeypatch.setitem(WRITERS, ".parquet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_table(TABLE, tmp_path / "votes.parquet")
    assert not list(tmp_path.iterdir())


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    """fsync of the part comes before the rename."""
    done = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("fsync"))
    monkeypatch.setattr(type(tmp_path), "replace", lambda part, path: done.append("rename"))
    write_table(TABLE, tmp_path / "votes.csv")
    assert done == ["fsync", "rename"]


def test_votes_are_imported_once(tmp_path):
    path, log = published(tmp_path), tmp_path / "log"
    target, new, _ = into_log(read_published(path), path, log)
    assert new
    assert target.parent == log / "votes"
    before = target.stat().st_mtime_ns
    assert into_log(read_published(path), path, log) == (target, False, 0)
    assert [entry.name for entry in target.parent.iterdir()] == [target.name]
    assert target.stat().st_mtime_ns == before
    assert len(comparisons(log)) == 2


def test_the_same_name_with_other_votes_is_another_snapshot(tmp_path):
    path, log = published(tmp_path), tmp_path / "log"
    one, *_ = into_log(read_published(path), path, log)
    path = published(tmp_path, rows=[*PUBLISHED, {**PUBLISHED[0], "question_id": "q3"}])
    two, new, known = into_log(read_published(path), path, log)
    assert (new, known) == (True, 2)
    assert one != two
    assert len(comparisons(log)) == 3


def test_a_snapshot_leads_back_to_the_rows_of_the_file(tmp_path):
    path = published(tmp_path)
    target, *_ = into_log(read_published(path), path, tmp_path / "log")
    rows = pq.read_table(target).to_pylist()
    assert [(row["source"], row["source_row"], row["battle_id"]) for row in rows] == [
        ("clean.json", 1, "q1"),
        ("clean.json", 2, "q2"),
    ]
    assert "row" not in rows[0]


def test_snapshots_of_different_columns_make_one_log(tmp_path):
    """One file names voters, the other does not: the log has the column, empty for the other's votes."""
    log = tmp_path / "log"
    bare = [{key: row[key] for key in ("model_a", "model_b", "winner")} for row in PUBLISHED]
    for name, rows in (("a.json", PUBLISHED), ("b.json", bare)):
        path = published(tmp_path, name, rows)
        into_log(read_published(path, format="battles"), path, log)
    assert len(comparisons(log)) == 4
    assert comparisons(log, where="voter IS NOT NULL").clusters("voter").size == 2


def test_a_log_that_is_a_file(tmp_path):
    path = published(tmp_path)
    (tmp_path / "log").write_text("")
    with pytest.raises(SourceError, match="log is a file, and a log is a folder"):
        into_log(read_published(path), path, tmp_path / "log")


def test_a_file_without_votes_is_not_kept(tmp_path):
    path = published(tmp_path, rows=[{**row, "anony": False} for row in PUBLISHED])
    with pytest.raises(SourceError, match=r"clean\.json holds no votes to import"):
        into_log(read_published(path), path, tmp_path / "log")
    assert not (tmp_path / "log").exists()
