"""An arena that runs for long: its memory does not grow with the battles that are over."""

import asyncio
import os
import sys
from collections import Counter

import numpy as np
import pytest

from benchmarks.arena_load import open_process
from benchmarks.full_arena import LIMITS, memory, ready_battle, vote

BATTLES = int(os.environ.get("AGON_MEMORY_BATTLES", "10000"))
MODELS = [f"20@2000 m{number:02d}" for number in range(12)]
LOOKS, AT_ONCE, READ_EVERY = 20, 16, 50
PAGES = ("/leaderboard", "/api/leaderboard", "/integrity", "/overview")


async def one_battle(url, number):
    """Somebody new votes once; every so often they read before."""
    http, *rest = await ready_battle(url)
    if number % READ_EVERY == 0:
        for page in PAGES:
            assert (await http.get(page)).status_code == 200
    said = Counter()
    await vote((http, *rest), [], said)
    assert said == {200: 1}


async def watched(url, pid):
    """Resident megabytes of the arena, each time that a part of the battles is over."""
    found, each = [], BATTLES // LOOKS
    for begin in range(0, BATTLES, each):
        for first in range(begin, begin + each, AT_ONCE):
            await asyncio.gather(
                *(one_battle(url, number) for number in range(first, min(first + AT_ONCE, begin + each)))
            )
        found.append(memory(pid)[0])
        sys.stdout.write(f"{begin + each:,} battles: {found[-1]:.0f} MB\n")
        sys.stdout.flush()
    return found


@pytest.mark.soak
def test_memory_is_flat_over_ten_thousand_battles(tmp_path):
    """Prints it. By the second half every page was made, all is loaded, and battles leave as they come.

    What a vote keeps in memory (its models, its voter) may take a kilobyte or two, texts nothing.
    """
    with open_process(tmp_path, MODELS, head=f"[limits]\n{LIMITS}\n") as (pid, url, _):
        found = asyncio.run(watched(url, pid))
    late = found[LOOKS // 2 :]
    grown = np.polyfit(np.arange(len(late)) * BATTLES / LOOKS, late, 1)[0] * 1000
    sys.stdout.write(f"{grown:.2f} kB a battle\n")
    assert grown < 4
