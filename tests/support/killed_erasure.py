"""Erase a person's texts in copies of a log, each in a process that is killed at another step.

    python -m tests.support.killed_erasure LOG VOTER STEP...

A step is the number of the call (of those that change a file) before which the process is killed. For each a
copy LOG-STEP is made; 0 is never killed. Says how many steps there are.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from agon.data.log.vote_log import VoteLog

CHANGES = ("pwrite", "fsync", "replace", "unlink", "ftruncate")


def counted(last):
    """Kill this process before the call of this number."""
    done = [0]

    def wrapped(real):
        def call(*given, **more):
            done[0] += 1
            if done[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **more)

        return call

    for name in CHANGES:
        setattr(os, name, wrapped(getattr(os, name)))
    return done


def main(folder, voter, steps):
    for step in steps:
        copy = Path(f"{folder}-{step}")
        shutil.copytree(folder, copy)
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        log = VoteLog(copy)
        done = counted(step)
        log.erase(log.unerased(voter=voter), withdraw=True)
        log.finish_erasing()
        os.write(1, f"{done[0]}\n".encode())
        log.close()
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], list(map(int, sys.argv[3:])))
