"""What became of the models: by hand, from records whose times are given."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from agon.arena.cli.commands import main
from agon.data import open_log, roster_history
from agon.data.log.records import RosterRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking.errors import SourceError, VotesError
from tests.support.log_records import NOON, battle, put, vote

DAY = timedelta(days=1)


def voted_at(log, models, day, **changes):
    drawn = battle(models, created=NOON + day * DAY, **changes)
    put(log, drawn, vote(drawn.battle_id, created=NOON + day * DAY))


def enrolled(log, day, **statuses):
    put(log, RosterRecord(statuses, NOON + day * DAY))


def filled(log):
    enrolled(log, 0, ada="listed", bob="listed", cyn="testing", dan="testing")
    voted_at(log, ("ada", "bob"), 1)
    voted_at(log, ("cyn", "ada"), 2, policy="testing")
    voted_at(log, ("bob", "cyn"), 3, policy="testing")
    voted_at(log, ("dan", "bob"), 3, policy="testing")
    enrolled(log, 4, cyn="listed", dan="retired")
    voted_at(log, ("cyn", "ada"), 5)
    enrolled(log, 6, bob="paused")
    enrolled(log, 7, bob="listed")
    enrolled(log, 8, ada="retired")
    voted_at(log, ("bob", "bob"), 9, policy="same_model")


def test_each_model_as_the_log_has_it(tmp_path, capsys):
    with VoteLog(tmp_path) as log:
        filled(log)
        assert log.statuses() == {"ada": "retired", "bob": "listed", "cyn": "listed", "dan": "retired"}
        assert log.unlisted() == {"dan"}
        assert log.listed_once() == {"ada", "bob", "cyn"}
        assert log.counted() == 2
    found = roster_history(tmp_path)
    assert {one.model: (one.status, one.battles, one.tests) for one in found.models} == {
        "ada": ("retired", 3, 0),
        "bob": ("listed", 4, 0),
        "cyn": ("listed", 1, 2),
        "dan": ("retired", 0, 1),
    }
    moments = {one.model: (one.came, one.listed, one.last) for one in found.models}
    assert moments["cyn"] == (NOON + 2 * DAY, NOON + 4 * DAY, NOON + 5 * DAY)
    assert moments["dan"] == (NOON + 3 * DAY, None, NOON + 3 * DAY)
    assert (found.battles, found.same_model, found.testing) == (6, 1, 3)
    assert (found.never_listed, found.in_testing, found.unlisted) == (1, 0, {"dan"})
    assert [((one.when - NOON) // DAY, one.model, one.change) for one in found.changes] == [
        (0, "ada", "listed"),
        (0, "bob", "listed"),
        (0, "cyn", "testing"),
        (0, "dan", "testing"),
        (4, "cyn", "listed"),
        (4, "dan", "retired"),
        (6, "bob", "paused"),
        (7, "bob", "resumed"),
        (8, "ada", "retired"),
    ]
    assert "dan" not in json.dumps(found.to_dict(names=False))
    assert "dan" in json.dumps(found.to_dict())
    assert main(["roster", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "4 models: 2 listed, 2 retired; 1 taken out of testing without having been listed." in said
    assert "6 battles are over; of these 1 showed one model twice, 3 had a model in testing." in said
    assert main(["roster", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["tested_and_never_listed"] == 1
    assert len(open_log(tmp_path).roster) == 9


def test_a_battle_that_waits_for_its_vote_is_not_counted(tmp_path):
    """Whoever compares two looks at the draws would know who answers."""
    now = datetime.now(UTC)
    with VoteLog(tmp_path) as log:
        fresh = battle(("ada", "bob"), created=now)
        stale = battle(("ada", "bob"), created=now - timedelta(hours=7))
        decided = battle(("bob", "cyn"), created=now)
        put(log, fresh, stale, decided, vote(decided.battle_id, created=now))
    found = roster_history(tmp_path)
    assert found.battles == 2
    assert {one.model: one.battles for one in found.models} == {"ada": 1, "bob": 2, "cyn": 1}


def test_of_an_older_log_the_battles_tell_alone(tmp_path):
    """It wrote down nobody: whoever was drawn was listed then."""
    with VoteLog(tmp_path) as log:
        voted_at(log, ("ada", "bob"), 1)
        assert (log.statuses(), log.unlisted()) == ({}, set())
    found = roster_history(tmp_path)
    assert [(one.model, one.change) for one in found.changes] == [("ada", "listed"), ("bob", "listed")]
    with VoteLog(tmp_path) as log:
        enrolled(log, 2, ada="listed")
    found = roster_history(tmp_path)
    assert {one.model: one.status for one in found.models} == {"ada": "listed", "bob": "retired"}
    assert [(one.model, one.change) for one in found.changes] == [("ada", "listed"), ("bob", "listed")]


def test_the_database_made_anew_of_the_events_says_the_same(tmp_path):
    with VoteLog(tmp_path) as log:
        filled(log)
        before = log.statuses(), log.unlisted(), log.counted()
    (tmp_path / "agon.duckdb").unlink()
    with VoteLog(tmp_path) as log:
        assert (log.statuses(), log.unlisted(), log.counted()) == before
    with duckdb.connect(str(tmp_path / "agon.duckdb")) as connection:
        found = connection.execute("SELECT testing, count(*) FROM votes GROUP BY testing").fetchall()
    assert dict(found) == {None: 3, True: 3}


def test_what_is_no_log_and_no_status(tmp_path):
    with pytest.raises(SourceError):
        roster_history(tmp_path / "nothing")
    with pytest.raises(VotesError, match="There is no status 'tested'"):
        RosterRecord({"ada": "tested"}, NOON)
    with VoteLog(tmp_path / "empty"):
        pass
    assert roster_history(tmp_path / "empty").conclusion().startswith("0 models: none")
