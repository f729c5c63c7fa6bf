"""What was acknowledged is there: after kill -9 at any moment, and when the disk is full."""

import random
import subprocess
import sys
import threading

import pytest

from agon.data.log.vote_log import VoteLog
from tests.support.paths import REPOSITORY


def start(folder, *words):
    command = [sys.executable, "-m", "tests.support.log_writers", str(folder), *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY
    )


def killed(folder, seconds, threads):
    """{battle: number} of the votes that a process acknowledged before it was killed."""
    with start(folder, threads) as child:
        first = child.stdout.readline()
        assert first, child.stderr.read()
        threading.Timer(seconds, child.kill).start()
        lines = [first, *child.stdout]
    return {words[0]: int(words[1]) for words in map(str.split, lines) if len(words) == 2}


def check(folder, acknowledged):
    """Every acknowledged vote is there under its number, and everything there is whole."""
    with VoteLog(folder) as log, log._connection.cursor() as cursor:
        there = cursor.execute(
            "SELECT replace(battle_id::VARCHAR, '-', ''), number FROM votes JOIN battles USING (battle_id) "
            "JOIN lineups s ON s.lineup = votes.lineup JOIN ballots USING (ballot)"
        ).fetchall()
        assert log.count() == len(there)
    held = dict(there)
    lost = {battle: number for battle, number in acknowledged.items() if held.get(battle) != number}
    assert lost == {}
    assert sorted(number for _, number in there) == list(range(1, len(there) + 1))


def rounds(folder, times, threads=8):
    acknowledged = {}
    rng = random.Random(3)
    for number in range(times):
        found = killed(folder, rng.uniform(0.0, 0.5), threads)
        assert not found.keys() & acknowledged.keys()
        acknowledged |= found
        check(folder, acknowledged)
        if number % 20 == 19:
            sys.stdout.write(f"{number + 1} kills, {len(acknowledged):,} acknowledged votes, none lost\n")
            sys.stdout.flush()
    return len(acknowledged)


def test_no_acknowledged_vote_is_lost_when_the_process_is_killed(tmp_path):
    assert rounds(tmp_path / "log", 3) >= 3


@pytest.mark.soak
def test_no_acknowledged_vote_is_lost_in_two_hundred_kills(tmp_path):
    assert rounds(tmp_path / "log", 200, threads=48) > 200  # 300 votes a second and more


@pytest.mark.parametrize("limit", [300_000, 1_000_000])
def test_a_full_disk_is_told_to_the_voter_and_the_log_lives_on(limit, tmp_path):
    """No file may grow beyond the limit; when it is lifted, the same log takes votes again."""
    with start(tmp_path / "log", 4, limit) as child:
        lines = []
        for line in child.stdout:
            lines.append(line.split())
            if ["readable"] in [words[:1] for words in lines[:-1]]:
                break
        child.kill()
        assert lines, child.stderr.read()
    acknowledged = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[0] != "readable"}
    failed = [words for words in lines if words[0] == "failed"]
    assert failed
    assert all(words[1] == "LogError" for words in failed)
    assert all("was not written, and may be sent again" in " ".join(words) for words in failed)
    assert len(acknowledged) >= 2
    check(tmp_path / "log", acknowledged)
