"""Reading pages over a million votes on 150 models in 20 categories: bytes, and seconds until they are there.

    python -m benchmarks.board_pages [--votes 1000000] [--voters 50000]

Every address is asked once of a fresh server in this process, in the order shown; "later" is the median of
three more. A page that says that it is being computed is asked again until it is there.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from fastapi.testclient import TestClient

from agon.arena.web.leaderboard.sources import VoteFile
from agon.arena.web.reading import reading_app
from agon.data import read_any

MODELS, CATEGORIES = 150, 20
PAGES = (
    "/leaderboard",
    "/leaderboard?category=kind+3",
    "/leaderboard?category=kind+4&language=de",
    "/leaderboard?language=en",
    "/leaderboard?month=2025-03",
    "/leaderboard?rule=davidson&category=kind+3",
    "/leaderboard?rule=copeland",
    "/leaderboard?rule=win_rate",
    "/leaderboard?adjust=length&category=kind+3",
    "/leaderboard?sort=-votes&columns=votes,first&from=lab/model-003",
    "/leaderboard?all=1",
    "/overview",
    "/history",
    "/compare",
)


def million(path: Path, n: int, voters: int) -> None:
    """Write votes of known strengths, with times, categories, languages, lengths and perhaps voters."""
    rng = np.random.default_rng(1)
    strength = np.linspace(2, -2, MODELS)
    a = rng.integers(0, MODELS, n)
    b = (a + rng.integers(1, MODELS, n)) % MODELS
    won = rng.random(n) < 1 / (1 + np.exp(strength[b] - strength[a]))
    names = np.array([f"lab/model-{i:03d}" for i in range(MODELS)])
    days = np.sort(rng.integers(0, 86400 * 600, n))
    frame = pd.DataFrame(
        {
            "model_a": names[a],
            "model_b": names[b],
            "winner": np.where(rng.random(n) < 0.15, "tie", np.where(won, "model_a", "model_b")),
            "category": np.array([f"kind {i}" for i in range(CATEGORIES)])[rng.integers(0, CATEGORIES, n)],
            "language": np.array(["en", "de", "fr", "es", "zh", "ru", "ja", "ar"])[rng.integers(0, 8, n)],
            "length_a": rng.integers(20, 900, n),
            "length_b": rng.integers(20, 900, n),
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="s"),
        }
    )
    if voters:
        frame["voter"] = rng.integers(0, voters, n).astype(str)
    frame.to_parquet(path)


def seconds_of(client: TestClient, address: str) -> tuple[float, int]:
    """How long until a page is there, and its bytes."""
    begin = time.perf_counter()
    while 'http-equiv="refresh"' in (page := client.get(address)).text:
        time.sleep(0.02)
    if page.status_code != 200:
        raise SystemExit(f"{address}: {re.sub('<[^>]*>', ' ', page.text)[:300]}")
    return time.perf_counter() - begin, len(page.content)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--voters", type=int, default=0, help="0 leaves the column out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.parquet"
        million(path, given.votes, given.voters)
        begin = time.perf_counter()
        source = VoteFile([path], (path.name,), None, lambda paths: read_any(list(paths)))
        print(f"opened in {time.perf_counter() - begin:.2f} s")
        print(f"| {'page':62} | first, s | later, s | kB |\n| --- | --- | --- | --- |")
        with TestClient(reading_app(source)) as client:
            for address in PAGES:
                first, size = seconds_of(client, address)
                later = sorted(seconds_of(client, address)[0] for _ in range(3))[1]
                print(f"| {address:62} | {first:.2f} | {later:.3f} | {size / 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main()
