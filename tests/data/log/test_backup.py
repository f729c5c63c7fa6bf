"""Backups of a log to which a process writes: whole, with all that was acknowledged, or not there at all."""

import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from agon.arena.cli.commands import main
from agon.arena.core.sessions import Keys
from agon.data.log.image_files import CleanImage, keep_image
from agon.data.log.operation.backup import backup_log, last_backup
from agon.data.log.records import LogError
from agon.data.log.recovery.mending import recover_log
from agon.data.log.recovery.verifying import verify_log
from agon.data.log.study_journal import StudyJournal, read_study
from agon.data.log.vote_log import VoteLog
from agon.ranking.errors import OptionError
from tests.support.log_records import voted
from tests.support.paths import REPOSITORY


def test_backups_of_an_arena_that_is_voting_hold_every_vote_that_was_acknowledged(tmp_path, capsys):
    log, place = tmp_path / "our log", tmp_path / "backups"
    log.mkdir()
    keys = Keys.of_folder(log)
    keep_image(log, CleanImage(b"pixels", ".png"))
    StudyJournal(log, "tone").invite(1, "Ada")
    (log / "votes").mkdir()
    (log / "votes" / "imported.parquet").write_bytes(b"votes of elsewhere")
    words = [sys.executable, "-m", "tests.support.log_writers", str(log), "8"]
    with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, bufsize=0) as writers:
        try:
            numbers = []
            for _ in range(2):
                acknowledged = [writers.stdout.readline() for _ in range(200)]
                made = backup_log(log, place)
                numbers.append(made.votes)
                found = verify_log(made.path)
                assert (found.wrong, found.votes, found.head) == ((), made.votes, made.head)
                events = (made.path / "events.jsonl").read_text()
                assert not [one for one in acknowledged if one.split()[0].decode() not in events]
                assert writers.poll() is None, "nobody had to stop"
        finally:
            writers.kill()
    assert 200 <= numbers[0] < numbers[1]
    assert main(["verify", str(made.path)]) == 0, "a backup lacks nothing, though it has no database"
    assert "not compared" in capsys.readouterr().out
    with VoteLog(made.path) as restored:  # as agon serve --store opens it
        assert restored.count() == made.votes
    assert verify_log(made.path).wrong == ()
    assert Keys.of_folder(made.path).voter("somebody") == keys.voter("somebody")
    assert (made.path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert made.path.stat().st_mode & 0o077 == 0, "the folder is its owner's alone"
    assert [one.name for one in (made.path / "images").iterdir()] == [
        one.name for one in (log / "images").iterdir()
    ]
    assert read_study(made.path).seats[0].name == "Ada"
    assert (made.path / "votes" / "imported.parquet").read_bytes() == b"votes of elsewhere"
    assert last_backup(log)["head"] == made.head.hash


def test_a_backup_that_is_killed_has_no_name_and_the_next_one_clears_it_away(tmp_path):
    log, place = tmp_path / "log", tmp_path / "backups"
    with VoteLog(log) as kept:
        voted(kept, ("ada", "bob"), (1, 2))
    with (log / "large.bin").open("wb") as large:
        large.truncate(8 << 30)  # nobody copies that before the kill
    words = [sys.executable, "-m", "agon", "backup", str(log), "--to", str(place)]
    with subprocess.Popen(words, cwd=REPOSITORY) as copying:
        while not list(place.glob(".*/large.bin")):
            assert copying.poll() is None
            time.sleep(0.005)
        os.kill(copying.pid, signal.SIGKILL)
    assert [one.name[0] for one in place.iterdir()] == ["."], "there is a half, under no name"
    (log / "large.bin").unlink()
    made = backup_log(log, place)
    assert list(place.iterdir()) == [made.path]


def test_the_oldest_backups_go_and_those_with_which_an_arena_went_on_stay(tmp_path):
    log, place = tmp_path / "log", tmp_path / "backups"
    with VoteLog(log) as kept:
        voted(kept, ("ada", "bob"), (1, 2))
    used = backup_log(log, place)
    with VoteLog(used.path) as kept:
        voted(kept, ("ada", "bob"), (1, 2))
    others = [backup_log(log, place) for _ in range(3)]
    last = backup_log(log, place, keep=2)
    assert last.removed == tuple(one.path for one in others[:2])
    assert sorted(place.iterdir()) == sorted([used.path, others[2].path, last.path])


def test_an_archive_of_another_kind_is_no_folder(tmp_path):
    with pytest.raises(OptionError, match=r"b\.zip is no archive that is made here; name a folder"):
        backup_log(tmp_path, tmp_path / "b.zip")


def test_an_archive_holds_the_same_and_a_damaged_log_is_not_backed_up(tmp_path):
    log, archive = tmp_path / "log", tmp_path / "elsewhere" / "monday.tar.gz"
    with VoteLog(log) as kept:
        voted(kept, ("ada", "bob"), (1, 2))
    made = backup_log(log, archive)
    assert [one.name for one in archive.parent.iterdir()] == ["monday.tar.gz"]
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    assert verify_log(tmp_path / "monday").head == made.head
    events = log / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b"ada", b"eve"))
    with pytest.raises(LogError, match="is not what was written"):
        backup_log(log, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_log_without_events_gets_them_before_it_is_copied(tmp_path):
    log = tmp_path / "log"
    with VoteLog(log):
        pass
    for name in ("events.jsonl", "events.head", "texts.jsonl"):
        (log / name).unlink(missing_ok=True)
    with pytest.raises(LogError, match=r"has no events to copy; .* gets them by agon recover"):
        backup_log(log, tmp_path / "copies")
    recover_log(log)
    assert backup_log(log, tmp_path / "copies").path.is_dir()
