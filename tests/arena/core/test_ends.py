"""However the process ends, while people vote: every vote that was acknowledged is in the log."""

import random
import signal
import threading
import time

import httpx
import pytest

from agon.data.log.vote_log import VoteLog
from tests.arena.core.test_arena import ANSWERS, battle, served

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


def vote_on(url, acknowledged):
    """Vote until the arena is gone; what was answered with a receipt was acknowledged."""
    with httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        while True:
            try:
                voted = battle(client, random.choice(["Why?", "How?"]))
            except (httpx.HTTPError, KeyError, ValueError, AssertionError):
                return
            if voted.get("state") == "voted":
                acknowledged.append(voted["battle"])


def ended(folder, how, draw, least=0):
    """Let four people vote, end the arena at some point, and look for the votes they were told of.

    At least `least` votes are acknowledged before it ends.
    """
    (folder / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    acknowledged = []
    with served("answers.csv", cwd=folder) as (url, process):
        voters = [threading.Thread(target=vote_on, args=(url, acknowledged)) for _ in range(4)]
        for voter in voters:
            voter.start()
        time.sleep(draw.uniform(0.2, 2.5))
        late = time.monotonic() + 60
        while len(acknowledged) < least:
            assert time.monotonic() < late, "nobody could vote in a minute"
            time.sleep(0.02)
        process.send_signal(how)
        out, _ = process.communicate(timeout=60)
        for voter in voters:
            voter.join(30)
    log = folder / "agon-log"
    if how is not signal.SIGKILL:
        assert process.returncode == 0, out
        assert (log / "votes" / "arena.parquet").exists() == bool(acknowledged)
    with VoteLog(log) as votes:
        kept = votes.count()
        assert [one for one in acknowledged if votes.vote(one) is None] == []
        if how is not signal.SIGKILL:
            assert f"Closed. {kept:,} vote" in out
    return len(acknowledged), kept


@pytest.mark.parametrize("how", ENDS, ids=lambda one: one.name)
def test_what_was_acknowledged_is_kept(tmp_path, how):
    acknowledged, kept = ended(tmp_path, how, random.Random(1), least=5)
    assert kept >= acknowledged >= 5


@pytest.mark.soak
def test_two_hundred_endings(tmp_path):
    draw, told, kept = random.Random(5), 0, 0
    for number in range(200):
        folder = tmp_path / str(number)
        folder.mkdir()
        acknowledged, found = ended(folder, draw.choice(ENDS), draw)
        told, kept = told + acknowledged, kept + found
    assert kept >= told > 200
