"""The arena under load and at rest: a stub of servers, one `agon serve` and its visitors, each a process.

    python -m benchmarks.arena_load [--battles 100] [--tokens 500] [--idle 60]
    python -m benchmarks.arena_load --beside 30 [--battles 40] [--tokens 100]

Prints how soon answers are seen, how long battles take beside what their servers alone would need, the
processor time of the arena for a streamed token and at rest, and how soon a stop reaches the server. With
`--beside` instead, how long battles of two quick servers take with and without others on one that is so many
times slower.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rest(pid, seconds):
    """The share of a core that a process takes over so many seconds."""
    before, begun = cpu(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu(pid) - before) / (time.perf_counter() - begun)


@contextlib.contextmanager
def started(words, pattern):
    """A child process, and what its first line that fits says."""
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, words)], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child.pid, next(found for line in child.stdout if (found := re.search(pattern, line)))[0]
        finally:
            child.terminate()


@contextlib.contextmanager
def open_process(folder, models, head=""):
    """An arena over models of the stub by their names there: its process, its address, the stub's."""
    with started(["benchmarks.stub_server", 0], r"\d+") as (_, port):
        config = Path(folder) / "arena.toml"
        stub = f"http://127.0.0.1:{port}"
        tables = [f'[[model]]\nname = "{name}"\nbase_url = "{stub}/v1"\n' for name in models]
        config.write_text(head + "\n".join(tables))
        words = ["agon", "serve", config, "--port", 0, "--store", Path(folder) / "store"]
        with started(words, r"http://\S+") as (pid, url):
            yield pid, url, stub


async def battle(url, *, stop_after=None, vote=False):
    """One battle of a new visitor: state, seconds to the first texts and to the end, moment of the stop.

    With a vote: seconds to the first texts and to the end, and the models.
    """
    async with httpx.AsyncClient(base_url=url, timeout=600, trust_env=False) as visitor:
        await visitor.get("/about")
        begun = time.perf_counter()
        view = (await visitor.post("/api/battles", json={"prompt": "Why?"})).json()
        key, first, stopped, kind, state = view["battle"], {}, None, "", None
        async with visitor.stream("GET", f"/api/battles/{key}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: ") and kind == "side":
                    slot = line[15:16]  # {"slot": 0
                    if slot not in first and json.loads(line[6:])["html"]:
                        first[slot] = time.perf_counter() - begun
                    if stop_after and stopped is None and time.perf_counter() - begun > stop_after:
                        stopped = time.time()
                        await visitor.post(f"/api/battles/{key}/stop", json={})
                elif line.startswith("data: "):
                    view = json.loads(line[6:])
                    state = view["state"]
        took = time.perf_counter() - begun
        if vote:
            body = {"turn": 1, "outcome": "tie", "token": view["token"]}
            models = (await visitor.post(f"/api/battles/{key}/vote", json=body)).json()["models"]
            return list(first.values()), took, models
        return state, list(first.values()), took, stopped


def spread(values):
    """Median and 99th percentile in words."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.2f} median, {ordered[int(0.99 * (len(ordered) - 1))]:.2f} p99"


async def load(url, pid, battles, tokens, rate):
    """Many battles at once."""
    await battle(url)  # what is imported at the first battle
    before, begun = cpu(pid), time.perf_counter()
    found = await asyncio.gather(*(battle(url) for _ in range(battles)))
    used, wall = cpu(pid) - before, time.perf_counter() - begun
    answers = sum(len(first) for state, first, *_ in found if state == "ready")
    ideal, streamed = tokens / rate, 2 * battles * tokens
    print(f"{battles} battles at once, answers of {tokens} tokens at {rate:g} a second")
    print(f"  complete               {answers} of {2 * battles} answers")
    print(f"  first text, s          {spread([one for _, first, *_ in found for one in first])}")
    print(f"  battle to ideal        {spread([end / ideal for *_, end, _ in found])} (ideal {ideal:g} s)")
    print(f"  arena's processor      {1000 * used / streamed:.3f} ms a token ({used / wall:.0%} of a core)")


async def cancelled(url, stub, times):
    """How long after a stop both answers of a battle have ended at their servers."""
    waits = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(times):
            *_, stopped = await battle(url, stop_after=1.0)
            while (said := (await client.get(f"{stub}/closed")).json())["open"]:
                await asyncio.sleep(0.02)
            waits.append(said["last"] - stopped)
    print(f"stop to the end at the server, s: {spread(waits)}, {max(waits):.2f} worst of {times}")


async def quick_ones(url, battles):
    """Seconds to the first texts and to the end of the battles in which no slow server answered."""
    await battle(url)
    found = await asyncio.gather(*(battle(url, vote=True) for _ in range(battles)))
    quick = [one for one in found if not any("slow" in name for name in one[2])]
    return [first for one in quick for first in one[0]], [took for _, took, _ in quick]


def beside(chosen):
    """Battles of quick servers without and with a slow one that others wait for."""
    quick = [f"{chosen.tokens}@{chosen.rate:g} {letter}" for letter in "ab"]
    slow = f"{chosen.tokens}@{chosen.rate / chosen.beside:g} slow"
    for models, battles in ((quick, chosen.battles // 3), ([*quick, slow], chosen.battles)):
        with tempfile.TemporaryDirectory() as folder, open_process(folder, models) as (_, url, _):
            firsts, took = asyncio.run(quick_ones(url, battles))
        print(f"{battles} battles of {len(models)} servers, {len(took)} of them of quick ones alone")
        print(f"  first text, s          {spread(firsts)}")
        print(f"  battle, s              {spread(took)} (ideal {chosen.tokens / chosen.rate:g} s)")


def main():
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--battles", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second of each answer")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds at rest")
    parser.add_argument("--pacing", default="even", choices=("even", "raw"))
    parser.add_argument("--beside", type=float, help="how many times slower a further server is")
    chosen = parser.parse_args()
    if chosen.beside:
        beside(chosen)
        return
    models = [f"{chosen.tokens}@{chosen.rate:g} {letter}" for letter in "ab"]
    head = f'[battle]\npacing = "{chosen.pacing}"\n' if chosen.pacing != "even" else ""
    with tempfile.TemporaryDirectory() as folder, open_process(folder, models, head) as (pid, url, stub):
        time.sleep(5)  # what is imported after the start
        print(f"at rest: {rest(pid, chosen.idle):.2%} of a core")
        asyncio.run(load(url, pid, chosen.battles, chosen.tokens, chosen.rate))
        asyncio.run(cancelled(url, stub, 5))
        time.sleep(3)
        print(f"at rest after: {rest(pid, chosen.idle):.2%} of a core")


if __name__ == "__main__":
    main()
