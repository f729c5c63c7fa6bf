"""One client against everybody: what another network's visitor waits while one network does its worst.

Run it: python -m benchmarks.one_client. The arena is a process of its own. The visitor, from 127.0.1.1,
opens pages and compares; the other, from 127.0.0.1, in a process of its own too, does one of the attacks.
Times with and without alternate, as a busy machine touches both; printed are ratios of the visitor's 50th
and 99th percentiles, in medians over the rounds, and what the attacker was answered.
"""

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import httpx
import numpy as np

SECONDS, ROUNDS = 8.0, 5
ATTACKS: dict[str, Callable[[str], Awaitable[str]]] = {}


def attack(act: Callable[[str], Awaitable[str]]) -> Callable[[str], Awaitable[str]]:
    """Name an attack: something done once or again and again, that answers with what it got."""
    ATTACKS[act.__name__.replace("_", " ")] = act
    return act


async def raw(url: str, content: bytes, more: bytes = b"", pause: float = 0.0) -> str:
    """A connection, what is sent on it, and how it was answered."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(content)
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                while more:
                    await asyncio.sleep(pause)
                    writer.write(more)
                    await writer.drain()
                    if reader.at_eof():
                        break
                return (await reader.read(12)).decode("latin-1")[9:] or "cut"
        writer.close()
    except OSError:
        return "cut"
    return "held"


@attack
async def connections_without_a_request(url: str) -> str:
    """1,100 at a time."""
    return await raw(url, b"")


@attack
async def heads_that_never_end(url: str) -> str:
    """A line of a header every second."""
    return await raw(url, b"GET / HTTP/1.1\r\nHost: a\r\n", b"X-A: b\r\n", 1.0)


@attack
async def bodies_of_10_mb(url: str) -> str:
    """Announced, and sent as fast as they are taken."""
    head = (
        b"POST /api/battles HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    return await raw(url, head + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 160)


@attack
async def boards_again_and_again(url: str) -> str:
    """Of another rule each time."""
    return await asked(url, f"/leaderboard?rule={next(RULES)}")


@attack
async def battles_again_and_again(url: str) -> str:
    """With a cookie of its own each."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as client:
        try:
            await client.get("/about")
            answer = await client.post("/api/battles", json={"prompt": PROMPT[0]})
            return str(answer.status_code)
        except httpx.HTTPError as error:
            return type(error).__name__


@attack
async def a_thousand_streams(url: str) -> str:
    """Of one battle of one session, as long as it lasts."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as client:
        try:
            if not SESSION:
                SESSION.append(asyncio.ensure_future(_battle(client)))
            cookies, battle = await SESSION[0]
            request = client.build_request(
                "GET", f"/api/battles/{battle}/events", headers={"cookie": cookies}
            )
            answer = await client.send(request, stream=True)
            async for _ in answer.aiter_raw():
                pass
            SESSION.clear()  # it was over: the next one
            return str(answer.status_code)
        except (httpx.HTTPError, KeyError) as error:
            return type(error).__name__


SESSION: list[asyncio.Future[tuple[str, str]]] = []
RULES = itertools.cycle(("elo", "bradley_terry", "borda", "copeland", "win_rate", "kemeny"))
PROMPT: list[str] = []


async def _battle(client: httpx.AsyncClient) -> tuple[str, str]:
    page = await client.get("/")
    cookie = page.headers["set-cookie"].split(";")[0]
    view = await client.post("/api/battles", json={"prompt": PROMPT[0]}, headers={"cookie": cookie})
    return cookie, view.json()["battle"]


async def asked(url: str, path: str) -> str:
    """The status of a page."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as client:
        try:
            return str((await client.get(path)).status_code)
        except httpx.HTTPError as error:
            return type(error).__name__


def attacking(url: str, name: str, prompt: str, at_once: int, told: multiprocessing.Queue) -> None:
    """Do one attack with so many hands until the time is over."""
    PROMPT.append(prompt)
    got: Counter[str] = Counter()

    async def hand(ends: float) -> None:
        while time.monotonic() < ends:
            got[await ATTACKS[name](url)] += 1

    async def all_hands() -> None:
        ends = time.monotonic() + SECONDS
        await asyncio.gather(*(hand(ends) for _ in range(at_once)))

    asyncio.run(all_hands())
    told.put(dict(got))


def visiting(url: str, prompt: str, seconds: float) -> list[float]:
    """The times of a visitor's requests."""
    times, ends = [], time.monotonic() + seconds
    transport = httpx.HTTPTransport(local_address="127.0.1.1")
    with httpx.Client(base_url=url, transport=transport, trust_env=False, timeout=60) as http:

        def timed(method: str, path: str, **given: object) -> httpx.Response:
            began = time.perf_counter()
            answer = http.request(method, path, **given)
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:200])
            return answer

        while time.monotonic() < ends:
            timed("GET", "/")
            battle = timed("POST", "/api/battles", json={"prompt": prompt}).json()["battle"]
            for _ in range(20):
                timed("GET", f"/api/battles/{battle}")
                timed("GET", "/leaderboard")
                time.sleep(0.02)
            timed("POST", f"/api/battles/{battle}/stop", json={})
    return times


def main() -> None:
    """Print a line for each attack."""
    with tempfile.TemporaryDirectory() as folder:
        command = "import sys; from agon.arena.cli.commands import main; sys.exit(main())"
        serve = [sys.executable, "-c", command, "serve", "--port", "0", "--store", folder]
        with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as arena:
            try:
                greeting = ""
                while "Ctrl+C" not in greeting:
                    greeting += arena.stdout.readline()
                url = re.search(r"http://\S+", greeting)[0]
                page = httpx.get(url, trust_env=False).text
                prompt = json.loads(re.search(r'data-prompt="([^"]*)"', page)[1].join('""'))
                time.sleep(25)  # until Gradio is imported
                visiting(url, prompt, 3)
                for name in sys.argv[1:] or ATTACKS:
                    at_once = 1100 if "connections" in name or "heads" in name else 300
                    ratios: list[tuple[float, float]] = []
                    got: Counter[str] = Counter()
                    for _ in range(ROUNDS):
                        quiet = visiting(url, prompt, SECONDS - 2)
                        told: multiprocessing.Queue = multiprocessing.Queue()
                        other = multiprocessing.Process(
                            target=attacking, args=(url, name, prompt, at_once, told)
                        )
                        other.start()
                        time.sleep(1)
                        loud = visiting(url, prompt, SECONDS - 2)
                        got.update(told.get())
                        other.join()
                        ratios.append(
                            tuple(float(np.quantile(loud, q) / np.quantile(quiet, q)) for q in (0.5, 0.99))
                        )
                    half, most = (statistics.median(each) for each in zip(*ratios, strict=True))
                    print(
                        f"{name:32} p50 x{half:5.2f}  p99 x{most:5.2f}  {dict(got.most_common(4))}",
                        flush=True,
                    )
            finally:
                arena.terminate()


if __name__ == "__main__":
    main()
