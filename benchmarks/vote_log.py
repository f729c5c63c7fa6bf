"""The vote log: votes a second with group commit, and a board from ten million votes.

python -m benchmarks.vote_log                  both
python -m benchmarks.vote_log --only board     one
python -m benchmarks.vote_log --votes 1000000  a smaller log

write   threads each draw a battle, then wait for its vote to be safe on the disk: the next one comes after
        the answer, as in an arena. `group` is how many records a commit held.
board   counts and Bradley-Terry with intervals from the database, in this process: the minimum and the
        median of the repeats. `live` is the same from the votes of a small arena, the board after each vote.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from agon.data.log.records import BattleRecord, VoteRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import rank

MODELS = tuple(f"organisation-{m % 20}/model-{m}-instruct" for m in range(150))
# Met as often as Zipf's law says, 20% ties, 5% both bad, categories and languages of uneven frequency.
FILL = """
    INSERT INTO votes SELECT number, uuid(), 1 + a * 149 + b - (b > a)::INT, 1 + outcome, NULL,
        CASE WHEN outcome % 2 = 0 THEN 'code' WHEN number % 3 = 0 THEN 'writing' ELSE 'facts' END,
        CASE WHEN number % 7 < 5 THEN 'en' ELSE 'de' END, 1, 'v' || (number % 10000), [], now()::TIMESTAMP,
        [900 + number % 700, 900 + number % 900], [number % 3, number % 2], [number % 5, number % 7],
        [number % 11, number % 13], [0, 0]
    FROM (SELECT number, a, b, CASE WHEN c < 0.2 THEN 2 WHEN c < 0.25 THEN 3
            WHEN d < 1 / (1 + exp((a - b) / 50.0)) THEN 0 ELSE 1 END AS outcome
        FROM (SELECT range AS number, floor(150 ** random())::INT - 1 AS a,
                floor(150 ** random())::INT - 1 AS b, random() AS c, random() AS d FROM range(1, $1 + 1))
        WHERE a <> b)"""


@contextmanager
def filled(folder: Path, votes: int) -> Iterator[VoteLog]:
    """A log with about so many votes, loaded at once; a model drawn against itself is no vote."""
    log = VoteLog(folder)
    with log._connection.cursor() as cursor:
        groups = [[a, b] for a in MODELS for b in MODELS if a != b]
        cursor.execute(
            "INSERT INTO lineups SELECT unnest($1::INT[]), unnest($2::VARCHAR[][])",
            [list(range(1, len(groups) + 1)), groups],
        )
        cursor.execute(
            "INSERT INTO ballots VALUES (1, [1, 2], NULL), (2, [2, 1], NULL), (3, [1, 1], NULL), "
            "(4, [1, 1], [false, false])"
        )
        cursor.execute(FILL, [votes])
        cursor.execute("CHECKPOINT")
    yield log
    log._writer.close()  # and no snapshot of votes without battles
    log._connection.close()


def timed(name: str, work: Callable[[], object], repeats: int) -> None:
    work()
    seconds = []
    for _ in range(repeats):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    print(f"{name:58s} {min(seconds) * 1e3:8.1f} {median(seconds) * 1e3:8.1f}")


def board(folder: Path, votes: int, repeats: int) -> None:
    """Boards of a large log and of a small one."""
    with filled(folder / "large", votes) as log, filled(folder / "small", 400) as live:
        print(f"\n{'':58s} {'min ms':>8s} {'median':>8s}")
        timed(f"counts of {len(log.comparisons()):,} votes", log.comparisons, repeats)
        timed("counts, Bradley-Terry, sandwich intervals", lambda: rank(log.comparisons()), repeats)
        chosen = {"category": "facts", "language": "en"}
        timed("the same of one category and language", lambda: rank(log.comparisons(**chosen)), repeats)
        styled = "one category and language, controlled for style"
        timed(styled, lambda: rank(log.comparisons(**chosen), control="style"), repeats)
        timed(f"live: the board of {live.count():,} votes", lambda: rank(live.comparisons()), 4 * repeats)


def write(folder: Path, threads: int, seconds: float) -> None:
    """Threads that vote as fast as they are answered."""
    now = datetime.now(UTC)
    with VoteLog(folder) as log:
        drawn = [[uuid.uuid4().hex for _ in range(20_000 // threads)] for _ in range(threads)]
        chance = {"group_probability": 1.0, "pair_probabilities": (1.0,), "seed": 1, "voter": "v"}
        waiting = [
            log.write(BattleRecord(name, now, MODELS[:2], "?", "uniform", 1, **chance))
            for names in drawn
            for name in names
        ]
        for future in waiting:
            future.result()
        commits = count_commits(log)
        done = [0] * threads
        end = perf_counter() + seconds

        def work(thread: int) -> None:
            for name in drawn[thread]:
                if perf_counter() > end:
                    return
                log.write(VoteRecord(name, (1, 2), 1, "v", now)).result()
                done[thread] += 1

        busy = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
        started = perf_counter()
        for thread in busy:
            thread.start()
        for thread in busy:
            thread.join()
        took = perf_counter() - started
        assert log.count() == sum(done)
    each = sum(done) / max(1, commits[0])
    print(f"{threads:8d} {sum(done) / took:12,.0f} {each:8.1f} {took / max(1, commits[0]) * 1e3:12.2f}")


def count_commits(log: VoteLog) -> list[int]:
    """A counter that goes up with each commit of the log from now on."""
    commits, commit = [0], log._writer._commit

    def counted(records):
        commits[0] += 1
        return commit(records)

    log._writer._commit = counted
    return commits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("write", "board"))
    parser.add_argument("--votes", type=int, default=10_500_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp())
    try:
        if given.only != "board":
            print(f"{'threads':>8s} {'votes/s':>12s} {'group':>8s} {'ms a commit':>12s}")
            for threads in (1, 16, 64, 256):
                write(home / f"write-{threads}", threads, given.seconds)
        if given.only != "write":
            board(home / "board", given.votes, given.repeat)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
