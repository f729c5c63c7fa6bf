"""Four arenas on one PostgreSQL: the votes a second that they take while processes are killed.

    python -m benchmarks.shared_store [--battles 200] [--rate 300] [--kills 1] [--arenas 4]

Starts a PostgreSQL server that synchronises its disk, and arenas, each a process; prepares battles, each of a
visitor with an address of its own; then offers so many votes a second, each to an arena drawn by lot, while
arenas drawn by lot are killed and started again. Who gets no answer sends the same vote to another arena, as
a proxy would. Printed is what became of the votes, by the rows of the store: lost are those that were
acknowledged and are not there as they were sent, doubled are second votes on one battle. The exit status is 1
if there are any.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.arena_load import TICK, cpu
from tests.support.arena_processes import ArenaProcess, write_config
from tests.support.postgres_server import postgres_server

PLACES = {"a": [1, 2], "b": [2, 1], "tie": [1, 1]}
PATIENCE = 120.0  # seconds for one vote


@dataclass
class Visitor:
    """Somebody with a network of their own, who has a battle."""

    number: int
    cookies: dict[str, str] = field(default_factory=dict)
    battle: str = ""
    token: str = ""

    async def ask(self, url: str, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Status and content of an answer; 0 where none came whole."""
        host, _, port = url.removeprefix("http://").partition(":")
        sent = b"" if body is None else json.dumps(body).encode()
        address = f"127.{1 + self.number // 250}.{1 + self.number % 250}.1"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
            f"Cookie: {'; '.join(f'{name}={value}' for name, value in self.cookies.items())}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(30):
                reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0))
                try:
                    writer.write(head.encode() + sent)
                    answer = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return 0, {}
        told, _, content = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", told)
        if length is None or len(content) != int(length[1]):  # its process was killed in between
            return 0, {}
        for name, value in re.findall(r"(?i)\r\nset-cookie: ([^=]+)=([^;\r]*)", told.decode()):
            self.cookies[name] = value
        return int(told.split()[1]), json.loads(content) if b"json" in told else {}

    async def prepare(self, url: str) -> None:
        """Begin a battle and wait until it is ready."""
        await self.ask(url, "GET", "/about")
        status, view = await self.ask(url, "POST", "/api/battles", {"prompt": f"Why {self.number}?"})
        assert status == 200, (status, view)
        while view.get("state") != "ready":
            await asyncio.sleep(0.1)
            status, view = await self.ask(url, "GET", f"/api/battles/{view['battle']}")
            assert status == 200, (status, view)
        self.battle, self.token = view["battle"], view["token"]


@dataclass
class Tally:
    """What visitors were told."""

    outcomes: dict[str, str] = field(default_factory=dict)  # of each battle, as it was sent
    acknowledged: dict[str, float] = field(default_factory=dict)  # and how long it took
    found: set[str] = field(default_factory=set)  # voted already, when it was sent again
    answers: Counter[int] = field(default_factory=Counter)
    last: float = 0.0


async def vote(
    who: Visitor, arenas: list[ArenaProcess], due: float, tally: Tally, lot: random.Random
) -> None:
    """Vote when it is time, at any arena, until it is acknowledged."""
    tally.outcomes[who.battle] = outcome = lot.choice(list(PLACES))
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    body = {"turn": 1, "outcome": outcome, "token": who.token}
    sent = 0
    while time.perf_counter() < due + PATIENCE:
        if url := lot.choice(arenas).url:
            status, said = await who.ask(url, "POST", f"/api/battles/{who.battle}/vote", body)
            sent += 1
            tally.answers[status] += 1
            if status == 200:
                tally.last = time.perf_counter()
                tally.acknowledged[who.battle] = tally.last - due
                return
            if status == 409 and said.get("error") == "already_voted" and sent > 1:
                tally.found.add(who.battle)
                return
            if status not in (0, 429, 503):
                return
        await asyncio.sleep(0.02)


class Reaper:
    """Kills arenas and starts them again, and keeps count of their processor time."""

    def __init__(self, arenas: list[ArenaProcess]) -> None:
        self.arenas, self.used, self.killed = arenas, 0.0, 0
        self.since = {id(arena): cpu(arena.process.pid) for arena in arenas}

    def cpu(self) -> float:
        """Processor seconds of all arenas since the beginning, without those of their starts."""
        return self.used + sum(cpu(one.process.pid) - self.since[id(one)] for one in self.arenas)

    async def reap(self, kills: int, every: float, lot: random.Random, done: asyncio.Event) -> None:
        """Kill so many at the most, one after the other."""
        while self.killed < kills:
            await asyncio.sleep(every * lot.uniform(0.5, 1.5))
            if done.is_set():
                return
            arena = lot.choice(self.arenas)
            self.used += cpu(arena.process.pid) - self.since[id(arena)]
            arena.kill()
            self.killed += 1
            await asyncio.to_thread(arena.start)
            self.since[id(arena)] = cpu(arena.process.pid)


def server_cpu(folder: Path) -> float:
    """Processor seconds of a PostgreSQL server, of its processes that live and of those that ended."""
    first, used = int((folder / "data" / "postmaster.pid").read_text().split()[0]), 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(path.parent.name) == first:
                used += sum(map(int, fields[11:15]))
            elif int(fields[1]) == first:
                used += sum(map(int, fields[11:13]))
    return used / TICK


def kept(address: str) -> list[tuple[str, list[int]]]:
    """Battle and places of each vote in the rows of a store."""
    with psycopg.connect(address) as connection:
        lines = connection.execute("SELECT line FROM agon_events ORDER BY seq").fetchall()
    events = [json.loads(bytes(line)) for (line,) in lines]
    ballots = {row["ballot"]: row["places"] for event in events for row in event.get("ballots", ())}
    return [(row["battle_id"], ballots[row["ballot"]]) for event in events for row in event.get("votes", ())]


def spread(values: list[float]) -> str:
    """Median, 99th percentile and the longest."""
    ordered = sorted(values)
    found = [ordered[int(part * (len(ordered) - 1))] for part in (0.5, 0.99, 1)]
    return "p50 {:.3f}, p99 {:.3f}, at most {:.3f}".format(*found)


async def offered(arenas: list[ArenaProcess], folder: Path, given: argparse.Namespace) -> Tally:
    """Prepare battles, offer votes, and print what became of them."""
    lot, tally = random.Random(given.seed), Tally()
    visitors = [Visitor(number) for number in range(given.battles)]
    begun = time.perf_counter()
    for start in range(0, len(visitors), 8):
        some = visitors[start : start + 8]
        await asyncio.gather(*(one.prepare(lot.choice(arenas).url) for one in some))
    print(f"{len(visitors)} battles ready after {time.perf_counter() - begun:.0f} s")
    await asyncio.sleep(2)  # until all have heard of them
    reaper, own, server = Reaper(arenas), time.process_time(), server_cpu(folder)
    begun = time.perf_counter()
    done = asyncio.Event()
    reaping = asyncio.create_task(reaper.reap(given.kills, given.every, lot, done))
    dues = [begun + number / given.rate for number in range(len(visitors))]
    await asyncio.gather(
        *(vote(who, arenas, due, tally, lot) for who, due in zip(visitors, dues, strict=True))
    )
    took = tally.last - begun
    own, server = time.process_time() - own, server_cpu(folder) - server
    done.set()
    await reaping
    said, each = tally.acknowledged, 1000 / max(1, len(tally.acknowledged))
    print(f"{given.rate:g} votes a second offered, {reaper.killed} kills; answers {dict(tally.answers)}")
    print(f"{len(said)} acknowledged in {took:.1f} s, {len(said) / took:.0f} a second")
    print(f"s from when it was due: {spread([*said.values()])}")
    print(
        f"processor, ms a vote: arenas {reaper.cpu() * each:.1f}, PostgreSQL {server * each:.1f}, "
        f"visitors {own * each:.1f}"
    )
    return tally


def main() -> int:
    """Print what is measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--battles", type=int, default=200)
    parser.add_argument("--rate", type=float, default=300.0, help="votes a second that are offered")
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--every", type=float, default=0.3, help="seconds to a kill, in the mean")
    parser.add_argument("--arenas", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, postgres_server(durable=True) as server:
        address = server.database()
        config = write_config(Path(home) / "arena.toml", address)
        arenas = [ArenaProcess(config, Path(home) / "cache") for _ in range(given.arenas)]
        try:
            for arena in arenas:
                arena.start()
            tally = asyncio.run(offered(arenas, server.folder, given))
        finally:
            for arena in arenas:
                if arena.process is not None:
                    arena.stop()
        rows = kept(address)
        held = dict(rows)
        lost = sum(
            held.get(one) != PLACES[tally.outcomes[one]] for one in {*tally.acknowledged, *tally.found}
        )
        doubled = len(rows) - len(held)
        words = [sys.executable, "-m", "agon", "verify", address]
        verified = subprocess.run(words, check=False, stdout=subprocess.DEVNULL).returncode
        unsaid = len(held.keys() - tally.acknowledged.keys() - tally.found)
        print(
            f"{len(rows)} votes in the store: {lost} lost, {doubled} doubled, {len(tally.found)} found when "
            f"they were sent again, {unsaid} acknowledged to nobody; load {os.getloadavg()[0]:.1f}"
        )
    return int(bool(lost or doubled or verified))


if __name__ == "__main__":
    sys.exit(main())
