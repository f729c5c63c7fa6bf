"""What `agon route-server` adds to an answer: the same streams asked directly and through it, in turns.

    python benchmarks/routed_overhead.py [REQUESTS]

The models are a process that writes twenty words, one in 5 ms. Times are milliseconds to the first byte of an
answer and to its end, for one program at a time and for eight at once; the last columns are what the 95th
percentile of the time through the server is above that of the time without it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.http_server import Listening
from tests.support.paths import REPOSITORY
from tests.support.use_server import KEY, use_server

AT_ONCE = (1, 8)
BODY = {"messages": [{"role": "user", "content": "Why is the sky blue?"}], "stream": True}


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def cpu_seconds(process: int) -> float:
    """What a process has computed so far."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def one(client: httpx.AsyncClient, url: str, model: str) -> tuple[float, float]:
    """Milliseconds to the first byte of an answer, and to its end."""
    began, first = time.perf_counter(), 0.0
    async with client.stream("POST", f"{url}/chat/completions", json={**BODY, "model": model}) as response:
        response.raise_for_status()
        async for _ in response.aiter_bytes():
            first = first or time.perf_counter()
    return 1e3 * (first - began), 1e3 * (time.perf_counter() - began)


async def measure(direct: str, routed: str, number: int, at_once: int) -> dict[str, np.ndarray]:
    """(requests, 2) times by way, asked in turns."""
    found: dict[str, list[tuple[float, float]]] = {"direct": [], "routed": []}
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:

        async def worker() -> None:
            for _ in range(number // at_once):
                found["direct"].append(await one(client, direct, "served-a"))
                found["routed"].append(await one(client, routed, "agon"))

        await asyncio.gather(*(worker() for _ in range(at_once)))
    return {way: np.array(times[len(times) // 20 :]) for way, times in found.items()}


def main() -> None:
    """Measure, and print the table."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    port = free_port()
    words = [
        sys.executable,
        "-m",
        "tests.support.word_server",
        str(port),
        "served-a",
        "served-b",
        "--gap",
        "0.005",
    ]
    models = subprocess.Popen(words, cwd=REPOSITORY)
    try:
        here = Listening(f"http://127.0.0.1:{port}/v1")
        while True:
            try:
                httpx.get(f"{here.url}/models", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        with tempfile.TemporaryDirectory() as folder:
            more = "per_minute = 100000000\nper_day = 100000000"
            with use_server(Path(folder), {"a": here, "b": here}, more) as running:
                print(f"{number} requests each, milliseconds at the median and at the 95th percentile")
                print(
                    f"{'at once':>8} {'to':>8} {'direct':>16} {'routed':>16} {'added 50':>9} {'added 95':>9}"
                )
                for at_once in AT_ONCE:
                    before = cpu_seconds(running.process.pid)
                    times = asyncio.run(measure(here.url, running.url, number, at_once))
                    spent = 1e3 * (cpu_seconds(running.process.pid) - before) / (number // at_once * at_once)
                    for column, what in enumerate(("first", "end")):
                        q = {way: np.percentile(t[:, column], [50, 95]) for way, t in times.items()}
                        cells = (f"{q[way][0]:7.1f} {q[way][1]:8.1f}" for way in ("direct", "routed"))
                        added = q["routed"] - q["direct"]
                        print(f"{at_once:>8} {what:>8}", *cells, f"{added[0]:9.1f} {added[1]:9.1f}")
                    print(f"{at_once:>8} {'CPU':>8} {spent:7.1f} of the server for an answer of 20 words")
    finally:
        models.terminate()
        models.wait(10)


if __name__ == "__main__":
    main()
