"""An arena with a million votes: how soon it is verified and opens, and what readers and voters wait.

    python -m benchmarks.full_arena [--votes 1000000] [--readers 100] [--rate 50] [--keep DIR]

Writes the votes through the log as an arena does, then starts `agon verify`, `agon serve` over a stub of
servers, and visitors: readers who open one page after the other, two seconds apart in the mean, and voters
whose battles were ready before, so many votes a second. Each is a process of its own; printed is what a
visitor waits.
"""

import argparse
import asyncio
import random
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import httpx
import numpy as np

from agon.data.log.records import BattleRecord, VoteRecord
from agon.data.log.vote_log import VoteLog
from benchmarks.arena_load import cpu, started

MODELS, VOTERS, CATEGORIES = 150, 50_000, 20
NAMES = tuple(f"20@2000 m{number:03d}" for number in range(MODELS))
LANGUAGES = ("en", "de", "fr", "es", "zh", "ru", "ja", "ar")
PAGES = (
    *["/leaderboard"] * 6,
    "/leaderboard?category=kind+3",
    "/leaderboard?language=de",
    "/leaderboard?sort=-votes&columns=votes",
    "/leaderboard?rule=copeland",
    "/api/leaderboard",
    "/overview",
)
OUTCOMES = ((1, 2), (2, 1), (1, 1))
LIMITS = "".join(
    f"{name} = 1000000\n"
    for name in ("per_voter", "per_network", "per_voter_hour", "per_network_hour", "running")
)


def fill(folder: Path, votes: int) -> None:
    """A log with so many votes of known strengths, each in a battle of its own."""
    rng = np.random.default_rng(1)
    strength = np.linspace(2, -2, MODELS)
    a = rng.integers(0, MODELS, votes)
    b = (a + rng.integers(1, MODELS, votes)) % MODELS
    outcome = np.where(
        rng.random(votes) < 0.15,
        2,
        np.where(rng.random(votes) < 1 / (1 + np.exp(strength[b] - strength[a])), 0, 1),
    )
    kinds, spoken = rng.integers(0, CATEGORIES, votes), rng.integers(0, len(LANGUAGES), votes)
    voters = rng.integers(0, VOTERS, votes)
    first, waiting = datetime(2025, 1, 1, tzinfo=UTC), list[Future[object]]()
    chance = {"group_probability": 1 / 11175, "pair_probabilities": (1 / 11175,), "seed": 1}
    with VoteLog(folder) as log:
        for n in range(votes):
            name, voter = uuid.UUID(int=n + 1).hex, f"v{voters[n]}"
            then = first + timedelta(seconds=40 * n)
            about = {"category": f"kind {kinds[n]}", "language": LANGUAGES[spoken[n]]}
            log.write(
                BattleRecord(
                    name, then, (NAMES[a[n]], NAMES[b[n]]), "?", "uniform", 1, voter=voter, **chance, **about
                )
            )
            vote = log.write(VoteRecord(name, OUTCOMES[outcome[n]], 1, voter, then))
            waiting.append(vote)
            if len(waiting) == 5000:
                waiting[-1].result()
                waiting.clear()


def visitor(url: str, number: int) -> httpx.AsyncClient:
    """Somebody from a network of their own: one network alone has a share of the arena."""
    address = f"127.{1 + number // 250}.{1 + number % 250}.1"
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=url, timeout=120, transport=transport)


async def reader(
    url: str, until: float, waits: dict[str, list[float]], said: Counter[int], rng: random.Random
) -> None:
    """Somebody who reads one page after the other; a page that is being computed is asked for again."""
    async with visitor(url, rng.randrange(10_000)) as http:
        await asyncio.sleep(rng.random() * 2)
        while time.perf_counter() < until:
            page, begun = rng.choice(PAGES), time.perf_counter()
            answer = await http.get(page)
            said[answer.status_code] += 1
            waits.setdefault("again" if b"data-again" in answer.content else page, []).append(
                time.perf_counter() - begun
            )
            await asyncio.sleep(rng.expovariate(0.5))


async def ready_battle(url: str) -> tuple[httpx.AsyncClient, str, str]:
    """A visitor with a battle that waits for the vote."""
    http = visitor(url, random.randrange(10_000, 60_000))
    await http.get("/about")
    view = (await http.post("/api/battles", json={"prompt": "Why is the sky blue?"})).json()
    while view.get("state") != "ready":
        assert "state" in view, view
        await asyncio.sleep(0.2)
        view = (await http.get(f"/api/battles/{view['battle']}")).json()
    return http, view["battle"], view["token"]


async def vote(one: tuple[httpx.AsyncClient, str, str], waits: list[float], said: Counter[int]) -> None:
    """Its vote."""
    http, battle, token = one
    begun = time.perf_counter()
    body = {"turn": 1, "outcome": random.choice(("a", "b", "tie")), "token": token}
    answer = await http.post(f"/api/battles/{battle}/vote", json=body)
    waits.append(time.perf_counter() - begun)
    said[answer.status_code] += 1
    await http.aclose()


async def visited(url: str, readers: int, rate: float, seconds: float) -> None:
    """Readers and voters, and what they waited."""
    first, battles = time.perf_counter(), list[tuple[httpx.AsyncClient, str, str]]()
    for _ in range(int(rate * seconds) // 8 + 1):
        battles += await asyncio.gather(*(ready_battle(url) for _ in range(8)))
    read: dict[str, list[float]] = {}
    votes: list[float] = []
    pages, answers = Counter[int](), Counter[int]()
    begun = time.perf_counter()
    tasks = [
        asyncio.create_task(reader(url, begun + seconds, read, pages, random.Random(n)))
        for n in range(readers)
    ]
    for number in count():
        due = begun + number / rate
        if due > begun + seconds or not battles:
            break
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(vote(battles.pop(), votes, answers)))
    await asyncio.gather(*tasks)
    took = time.perf_counter() - begun
    print(f"ready after {begun - first:.0f} s")
    print(f"{readers} readers, {sum(map(len, read.values()))} pages {dict(pages)} in {took:.0f} s; s:")
    for page, waits in sorted(read.items()):
        print(f"  {page:40s} {len(waits):6d} {spread(waits)}")
    print(f"  {'all':40s} {'':6s} {spread([one for waits in read.values() for one in waits])}")
    if votes:
        print(f"{len(votes)} votes {dict(answers)}, {len(votes) / took:.0f} a second: {spread(votes)}")
    for http, *_ in battles:
        await http.aclose()


def spread(values: list[float]) -> str:
    """Median, 95th and 99th percentile."""
    ordered = sorted(values)
    return "  ".join(
        f"{word} {ordered[int(part * (len(ordered) - 1))]:.3f}"
        for word, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    )


def memory(pid: int) -> float:
    """Resident megabytes of a process, and the most there were."""
    text = Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024 for name in ("VmRSS", "VmHWM")]


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--keep", type=Path, help="where the log is kept for the next time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = (given.keep or Path(home)) / f"log-{given.votes}"
        if not folder.exists():
            begun = time.perf_counter()
            fill(folder, given.votes)
            print(
                f"written: {given.votes:,} votes, {given.votes / (time.perf_counter() - begun):,.0f} a second"
            )
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "agon", "verify", str(folder)], check=True)
        print(f"verified in {time.perf_counter() - begun:.1f} s")
        with started(["benchmarks.stub_server", 0], r"\d+") as (_, port):
            config = Path(home) / "arena.toml"
            tables = [
                f'[[model]]\nname = "{name}"\nbase_url = "http://127.0.0.1:{port}/v1"\n' for name in NAMES
            ]
            config.write_text(f"[limits]\n{LIMITS}\n" + "\n".join(tables))
            begun = time.perf_counter()
            words = ["agon", "serve", config, "--port", 0, "--store", folder]
            with started(words, r"http://\S+") as (pid, url):
                print(f"open in {time.perf_counter() - begun:.1f} s, {memory(pid)[0]:.0f} MB")
                begun, used = time.perf_counter(), cpu(pid)
                asyncio.run(visited(url, given.readers, given.rate, given.seconds))
                print(
                    f"{(cpu(pid) - used) / (time.perf_counter() - begun):.0%} of a core, "
                    f"{memory(pid)[0]:.0f} MB, at most {memory(pid)[1]:.0f}"
                )


if __name__ == "__main__":
    main()
