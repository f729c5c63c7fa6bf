"""However the process ends, while people vote: every acknowledged vote is on the board, and no other."""

import random
import signal
import sys
import threading
import time
from itertools import count

import httpx
import pytest

from agon.data import comparisons
from agon.data.log.vote_log import VoteLog
from tests.arena.core.test_arena import ANSWERS, battle, served
from tests.support.small_disk import fill, make_room, small_disk

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
VOTERS = 4


class Told:
    """What the voters were told of their battles."""

    def __init__(self):
        self.kept, self.not_kept = set(), set()

    def vote_on(self, url):
        """Vote until the arena is gone; what was answered with a receipt was acknowledged."""
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
            while True:
                asked = []
                client.cookies.clear()  # each time another person, who was told no names
                try:
                    voted = battle(client, random.choice(["Why?", "How?"]), asked)
                except (httpx.HTTPError, KeyError, ValueError, AssertionError):
                    return
                if voted.get("state") == "voted":
                    self.kept.add(voted["battle"])
                elif voted.get("error") == "not_kept":
                    self.not_kept.add(asked[0])


def ended(folder, how, draw, disk=None, least=0):
    """Let four people vote, end the arena at some point, and look for the votes they were told of.

    At least `least` votes are acknowledged before it ends. A disk is filled at some point, up to some bytes;
    in half the cases there is room again before the end.
    """
    (folder / "answers.csv").write_text(ANSWERS, encoding="utf-8")
    told = Told()
    with served("answers.csv", cwd=folder) as (url, process):
        voters = [threading.Thread(target=told.vote_on, args=(url,)) for _ in range(VOTERS)]
        for voter in voters:
            voter.start()
        time.sleep(draw.uniform(0.2, 2.0))
        late = time.monotonic() + 60
        while len(told.kept) < least:
            assert time.monotonic() < late, "nobody could vote in a minute"
            time.sleep(0.02)
        freed = disk is None
        if disk is not None:
            fill(disk, draw.randrange(300_000))
            time.sleep(draw.uniform(0.1, 2.0))
            if freed := draw.random() < 0.5:
                make_room(disk)
                time.sleep(draw.uniform(0.1, 1.0))
        process.send_signal(how)
        out, _ = process.communicate(timeout=60)
        for voter in voters:
            voter.join(30)
    log = folder / "agon-log"
    if how is not signal.SIGKILL and freed:
        assert process.returncode == 0, out
        assert (log / "votes" / "arena.parquet").exists() == bool(told.kept)
    if disk is not None:
        make_room(disk)
    on_board = len(comparisons(log)) if told.kept else 0
    with VoteLog(log) as votes:
        kept = votes.count()
        assert [one for one in told.kept if votes.vote(one) is None] == []
        assert [one for one in told.not_kept if votes.vote(one) is not None] == []
    if told.kept:
        assert on_board == kept
    assert kept - len(told.kept) <= VOTERS, "those that waited for their answer when it ended"
    if how is not signal.SIGKILL:
        assert f"Closed. {kept:,} vote" in out
    return len(told.kept), kept, len(told.not_kept)


@pytest.mark.parametrize("how", ENDS, ids=lambda one: one.name)
def test_what_was_acknowledged_is_kept(tmp_path, how):
    acknowledged, kept, _ = ended(tmp_path, how, random.Random(1), least=5)
    assert kept >= acknowledged >= 5


@pytest.mark.parametrize("how", ENDS, ids=lambda one: one.name)
def test_what_was_acknowledged_on_a_full_disk_is_kept(tmp_path, how):
    with small_disk(tmp_path / "disk") as disk:
        assert ended(disk, how, random.Random(how), disk, least=5)[0] >= 5


@pytest.mark.soak
def test_two_hundred_endings(tmp_path):
    """Half of them on a disk that becomes full; more, until that has refused 50 votes."""
    draw, told, kept, not_kept = random.Random(5), 0, 0, 0
    for number in count():
        if number >= 200 and (not_kept > 50 or number >= 400):
            break
        how, folder = draw.choice(ENDS), tmp_path / str(number)
        if number % 2:
            with small_disk(folder) as disk:
                found = ended(disk, how, draw, disk)
        else:
            folder.mkdir()
            found = ended(folder, how, draw)
        told, kept, not_kept = told + found[0], kept + found[1], not_kept + found[2]
        if number % 20 == 19:
            so_far = f"{told:,} votes acknowledged, {kept:,} on boards, {not_kept:,} refused"
            sys.stdout.write(f"{number + 1} endings: {so_far}\n")
            sys.stdout.flush()
    assert kept >= told > 200
    assert not_kept > 50, "else the disks were hardly ever full"
