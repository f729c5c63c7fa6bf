"""A process that votes from several threads and says what was acknowledged, until it is killed.

    python -m tests.support.log_writers FOLDER THREADS [FILE_LIMIT]

With a limit, no file may grow beyond so many bytes: a disk that is full. Then the process says how its votes
failed, the limit is lifted, and it votes once more.
"""

import os
import resource
import sys
import threading
import time

from agon.data.log.records import LogError
from agon.data.log.vote_log import VoteLog
from tests.support.log_records import battle, put, vote


def say(line):
    os.write(1, f"{line}\n".encode())  # in one piece, whichever thread it is


def work(log, ended):
    while not ended.is_set():
        drawn = battle(prompt="p" * 2000)
        try:
            log.write(drawn)
            receipt = log.write(vote(drawn.battle_id)).result(60)
        except LogError as error:
            say(f"failed {type(error).__name__} {error}")
            ended.set()
        else:
            say(f"{receipt.battle_id} {receipt.number}")


def main(folder, threads, limit=0):
    log = VoteLog(folder)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    ended = threading.Event()
    busy = [threading.Thread(target=work, args=(log, ended)) for _ in range(threads)]
    for thread in busy:
        thread.start()
    for thread in busy:
        thread.join()
    say(f"readable {log.count()}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    drawn = battle()
    for receipt in put(log, drawn, vote(drawn.battle_id))[1:]:
        say(f"{receipt.battle_id} {receipt.number}")
    time.sleep(600)  # to be killed: nothing is saved by closing


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
