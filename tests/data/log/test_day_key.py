"""The key of a day outlives its process and nothing else: no backup has it, and the next day it is gone."""

import stat

from agon.data.log.operation.backup import backup_log
from agon.data.log.personal.day_key import DAY_KEY
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import voted


def test_a_key_is_that_of_its_day_whichever_process_asks(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        key = log.key_of_day(20_000)
        assert len(key) == 32
        assert log.key_of_day(20_000) == key
    with VoteLog(tmp_path / "log") as again:
        assert again.key_of_day(20_000) == key
        assert again.key_of_day(19_999) == key, "at midnight the later clock holds"
        other = again.key_of_day(20_001)
    assert other != key
    kept = tmp_path / "log" / DAY_KEY
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert key.hex() not in kept.read_text()
    with VoteLog(tmp_path / "log") as log:
        log.forget_day_key(20_001)
        assert log.key_of_day(20_001) == other
        log.forget_day_key(20_002)
        assert not kept.exists()
        assert log.key_of_day(30_000) and log.key_of_day(20_002) != other, "a clock that was wrong by years"


def test_a_key_that_was_cut_off_is_made_anew(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        key = log.key_of_day(20_000)
        (tmp_path / "log" / DAY_KEY).write_text("20000 ab")
        assert log.key_of_day(20_000) not in (key, b"\xab")


def test_no_backup_has_the_key(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        voted(log, ("ada", "bob"), (1, 2))
        key = log.key_of_day(20_000)
        made = backup_log(tmp_path / "log", tmp_path / "backups").path
    files = [path.read_bytes() for path in made.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not any(key in content or key.hex().encode() in content for content in files)
