"""The arena under simultaneous battles: raw HTTP clients against one process, served as `agon serve` does.

    python -m benchmarks.arena_load [--battles 30] [--seconds 10]

Prints when the first token of each answer came, how often answers were brought up to date, and how long a
quick answer beside a slow one took. The peers' arenas need a GPU or a key, so they are not in the same run.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.support.arena_server import Scripted, open_arena, roster


def watch(visitor, battle):
    """Follow a battle: seconds to the first token and to the end of each side, and the updates of each."""
    began, first, ended, updates = time.perf_counter(), {}, {}, {}
    with visitor.http.stream("GET", f"/api/battles/{battle}/events") as answer:
        kind = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                now, data = time.perf_counter() - began, json.loads(line[6:])
                for side in data["sides"] if kind == "view" else [data]:
                    slot = side["slot"]
                    updates[slot] = updates.get(slot, 0) + (kind == "side")
                    if side["text"]:
                        first.setdefault(slot, now)
                    if side["status"] == "finished":
                        ended.setdefault(slot, now)
                if kind == "view":
                    state = data["state"]
    return state, first, ended, updates


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--battles", type=int, default=30)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of the slow answer; the quick one takes one"
    )
    chosen = parser.parse_args()
    quick = Scripted(" ".join(["word"] * 50), gap=1 / 50)
    slow = Scripted(" ".join(["word"] * round(50 * chosen.seconds)), gap=1 / 50)
    with tempfile.TemporaryDirectory() as folder, open_arena(Path(folder), roster(quick, slow)) as server:
        visitors = [server.visitor() for _ in range(chosen.battles)]
        found = []

        def one(visitor):
            found.append(watch(visitor, visitor.start()["battle"]))

        threads = [threading.Thread(target=one, args=(visitor,)) for visitor in visitors]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.perf_counter() - began
    firsts = [value for _, first, _, _ in found for value in first.values()]
    quickest = [min(ended.values()) for _, _, ended, _ in found]
    slowest = [max(ended.values()) for _, _, ended, _ in found]
    rates = [max(updates.values()) / max(ended.values()) for _, _, ended, updates in found]
    print(f"{chosen.battles} battles at once, a 1 s answer beside one of {chosen.seconds:g} s")
    complete = sum(state == "ready" for state, *_ in found)
    print(f"  complete               {complete} of {chosen.battles}, {wall:.1f} s")
    measured = {"first token, s": firsts, "quick answer, s": quickest, "slow answer, s": slowest}
    for name, values in measured.items():
        print(f"  {name:<22} {statistics.median(values):.2f} median, {max(values):.2f} worst")
    print(f"  updates a second       {statistics.median(rates):.1f} median, {max(rates):.1f} worst")


if __name__ == "__main__":
    main()
