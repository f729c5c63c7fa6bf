"""The log of use: what is acknowledged stays, what is damaged is said, and what it says of conversations."""

import errno
import json
import math
import os
from hashlib import sha256

import numpy as np
import pytest

from agon.data import comparisons
from agon.data.log.hash_chain import DamagedChain, read_head
from agon.data.log.operation.backup import backup_log
from agon.data.log.records import LogError, LogInUse
from agon.data.log.vote_log import VoteLog
from agon.data.use_log.use_reading import read_history, routed_use
from agon.data.use_log.use_writing import USE, UseLog
from agon.ranking.errors import SourceError
from tests.support.log_records import voted


def begin(log, id_="c1", *, draw=1, model="ada", user="u1", key="k", thread="t"):
    return log.put("conversation", id=id_, key=key, user=user, thread=thread, draw=draw, model=model)


def filled(folder):
    """Two chances, three conversations of two users, and what came of them."""
    with UseLog(folder) as log:
        log.put("draws", number=1, policy={"name": "uniform"}, probabilities={"ada": 0.5, "bob": 0.5})
        begin(log)
        log.put("turn", conversation="c1", turn=1, model="ada", first_token=0.5, seconds=2.0, cost=0.01)
        log.put("turn", conversation="c1", turn=2, model="ada", first_token=1.5, seconds=4.0, cost=0.03)
        log.put("signals", conversation="c1", values={"thumb": 1.0, "copied": 1.0})
        log.put("draws", number=2, policy={"name": "uniform"}, probabilities={"bob": 0.25, "cyn": 0.75})
        begin(log, "c2", draw=2, model="bob")
        failed = [{"model": "bob", "kind": "timeout"}]
        log.put("turn", conversation="c2", turn=1, model="cyn", failed=failed, first_token=9.0, seconds=10.0)
        log.put("signals", conversation="c2", values={"thumb": -1.0})
        log.put("signals", conversation="c2", values={"thumb": 1.0})
        begin(log, "c3", draw=2, model="cyn", user="u2")
        log.put("turn", conversation="c3", turn=1, model="cyn", stopped=True, first_token=0.1).result(10)
    return folder


def test_what_it_says_of_conversations(tmp_path):
    use = routed_use(filled(tmp_path))
    assert use.models == ("ada", "bob", "cyn")
    assert [use.models[k] for k in use.model] == ["ada", "bob", "cyn"]
    np.testing.assert_allclose(use.probabilities[use.draw], [[0.5, 0.5, 0], [0, 0.25, 0.75], [0, 0.25, 0.75]])
    assert use.user.tolist() == [0, 0, 1]
    nan = math.nan
    for signal, expected in {
        "thumb": [1, 1, nan],  # the last one counts
        "copied": [1, nan, nan],
        "first_token": [1.0, 9.0, nan],  # the mean of answers that came to their end
        "seconds": [3.0, 10.0, nan],
        "cost": [0.04, nan, nan],  # bob's answer has no price
        "failure": [0, 1, 0],  # bob was drawn and failed, whoever answered then
    }.items():
        np.testing.assert_equal(use.signals[signal], np.array(expected, dtype=float))
    assert "edit" not in use.signals


def test_every_line_has_the_hash_of_all_before(tmp_path):
    filled(tmp_path)
    now = bytes(32)
    for number, line in enumerate((tmp_path / USE / "events.jsonl").read_bytes().splitlines(), start=1):
        event = json.loads(line)
        assert event["seq"] == number
        body = b"{" + line[len(f'{{"hash":"{event["hash"]}",') :]
        now = sha256(now + body).digest()
        assert event["hash"] == now.hex()
    assert read_head(tmp_path / USE / "events.head")[0].hash == now.hex()


def test_it_goes_on_where_it_was(tmp_path):
    filled(tmp_path)
    with UseLog(tmp_path) as log:
        assert log.head.events == 12
        log.put("signals", conversation="c3", values={"edit": 0.5}).result(10)
    assert read_history(tmp_path).conversations["c3"].sent == {"edit": 0.5}


def test_an_event_that_was_never_acknowledged_and_is_torn_is_cut_off(tmp_path):
    filled(tmp_path)
    path = tmp_path / USE / "events.jsonl"
    with path.open("ab") as file:
        file.write(b'{"hash":"00')
    assert len(read_history(tmp_path).conversations) == 3
    with UseLog(tmp_path) as log:
        log.put("signals", conversation="c3", values={"edit": 0.5}).result(10)
    assert read_history(tmp_path).conversations["c3"].sent == {"edit": 0.5}


@pytest.mark.parametrize("harm", ["changed", "cut", "headless"])
def test_damage_is_said_and_the_remedy_works(tmp_path, harm):
    filled(tmp_path)
    path = tmp_path / USE / "events.jsonl"
    content = path.read_bytes()
    if harm == "changed":
        path.write_bytes(content.replace(b'"thumb":-1.0', b'"thumb":+1.0'))
    elif harm == "cut":
        path.write_bytes(content[:-1])
    else:
        (tmp_path / USE / "events.head").unlink()
    for attempt in (UseLog, read_history):
        with pytest.raises(
            DamagedChain, match=r"The log of use is damaged: .*; put .*use back from a backup"
        ):
            attempt(tmp_path)
    (tmp_path / USE).rename(tmp_path / "use.before")
    with UseLog(tmp_path) as log:
        assert log.head.events == 0


def test_a_backup_has_it(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        voted(log, ("ada", "bob"), (1, 2))
    filled(tmp_path / "log")
    made = backup_log(tmp_path / "log", tmp_path / "backups")
    assert len(routed_use(made.path)) == 3
    assert comparisons(made.path).pairs.wins.sum() == 1  # and no vote is of it


def test_one_process_writes(tmp_path):
    with UseLog(tmp_path), pytest.raises(LogInUse, match="Another process writes the log of use in"):
        UseLog(tmp_path)
    UseLog(tmp_path).close()


def test_a_full_disk_acknowledges_nothing_and_is_recovered_from(tmp_path, monkeypatch):
    with UseLog(tmp_path) as log:
        log.put("draws", number=1, policy={}, probabilities={"ada": 1.0})
        begin(log).result(10)
        real = os.pwrite

        def full(file, content, where):
            real(file, bytes(content)[: len(content) // 2], where)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "pwrite", full)
        refused = log.put("signals", conversation="c1", values={"thumb": 1.0})
        with pytest.raises(LogError, match="It was not written, and may be sent again: No space left"):
            refused.result(10)
        monkeypatch.undo()
        log.put("signals", conversation="c1", values={"thumb": -1.0}).result(10)
    assert read_history(tmp_path).conversations["c1"].sent == {"thumb": -1.0}


def test_a_folder_without_it_is_named(tmp_path):
    with pytest.raises(SourceError, match="has no log of use; name the folder that agon route-server keeps"):
        routed_use(tmp_path)
    UseLog(tmp_path).close()
    with pytest.raises(SourceError, match="has no conversation yet"):
        routed_use(tmp_path)
    closed = UseLog(tmp_path)
    closed.close()
    with pytest.raises(LogError, match="is closed"):
        closed.put("draws", number=1)
