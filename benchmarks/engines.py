"""The same votes counted by DuckDB, Spark and PostgreSQL: are the counts equal, what does each take.

    python -m benchmarks.engines                                  1M votes; a minute
    python -m benchmarks.engines --votes 100000000 --folder DIR   as many, kept in DIR for the next time
    python -m benchmarks.engines --clusters                       also by voter, as intervals need them
    python -m benchmarks.engines --postgres postgresql://…        a database to fill; else a server is started

150 models, a million voters, a folder of parquet files. Each engine counts in a process of its own, started
anew. Seconds are by the clock: from the call to the counts, and apart from them how long Python, Java and the
session take to start, and how long the table takes to load into PostgreSQL. Memory is the most that was
resident: of our process, and of Java or of all processes of the server (shared memory once).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np

MODELS, VOTERS, PART = 150, 1_000_000, 10_000_000
TABLE = "agon_benchmark_votes"
# Skewed pairs, a fifth ties, one in twenty both bad, by hashes: the same votes each time.
MAKE = f"""
    COPY (
        SELECT printf('model-%03d', a) AS model_a, printf('model-%03d', (a + 1 + b) % {MODELS}) AS model_b,
            CASE WHEN u < 5 THEN 'both_bad' WHEN u < 25 THEN 'tie'
                WHEN u < 25 + 75 * (0.5 + 0.4 * (b - a) / {MODELS}) THEN 'model_a'
                ELSE 'model_b' END AS winner,
            CAST(hash(i, 4) % {VOTERS} AS INTEGER) AS voter
        FROM (SELECT i, hash(i, 3) % 100 AS u,
                CAST(floor({MODELS} * pow((hash(i, 1) % 1000000) / 1e6, 2)) AS INTEGER) AS a,
                CAST(floor({MODELS - 1} * pow((hash(i, 2) % 1000000) / 1e6, 2)) AS INTEGER) AS b
            FROM range({{begin}}, {{end}}) AS t(i)))
    TO '{{path}}' (FORMAT parquet)"""


def make_votes(folder: Path, votes: int) -> None:
    """Write them in files of ten million, one after the other."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        for begin in range(0, votes, PART):
            path, end = folder / f"part-{begin // PART:03d}.parquet", min(votes, begin + PART)
            if not path.exists():
                beside = path.with_suffix(".half")
                connection.execute(MAKE.format(begin=begin, end=end, path=beside))
                beside.rename(path)


def load(folder: Path, address: str) -> float:
    """Put the votes into a table, through CSV as anybody can; the seconds that the server took."""
    import duckdb
    import psycopg

    taken = 0.0
    with psycopg.connect(address, autocommit=True) as connection, duckdb.connect() as reader:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        connection.execute(
            f"CREATE UNLOGGED TABLE {TABLE} (model_a text, model_b text, winner text, voter integer)"
        )
        for path in sorted(folder.glob("*.parquet")):
            with tempfile.TemporaryDirectory(dir=folder) as place:
                csv = Path(place) / "votes.csv"
                reader.execute(f"COPY (FROM '{path}') TO '{csv}' (FORMAT csv, HEADER false)")
                start = perf_counter()
                with (
                    csv.open("rb") as file,
                    connection.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT csv)") as into,
                ):
                    while block := file.read(1 << 20):
                        into.write(block)
                taken += perf_counter() - start
        start = perf_counter()
        connection.execute(f"VACUUM ANALYZE {TABLE}")
    return taken + perf_counter() - start


def count(engine: str, source: str, *, clusters: bool) -> dict[str, Any]:
    """Count in this process, and say what came of it."""
    start = perf_counter()
    import agon as ag

    given: dict[str, Any] = {"table": TABLE} if engine == "postgres" else {}
    if engine == "spark":
        given["engine"] = "spark"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyspark.sql import SparkSession

            making = SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g")
            making.config("spark.ui.enabled", "false").config("spark.log.level", "OFF").getOrCreate()
    ready = perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        votes = ag.comparisons(source, **given)
        counted = perf_counter()
        digest = hashlib.sha256()
        found: dict[str, Any] = {"start": ready - start, "seconds": counted - ready}
        for name in ("models", "shown", "places", "acceptable", "count"):
            digest.update(np.asarray(getattr(votes.ballots, name)).astype(bytes).tobytes())
        found |= {"counts": digest.hexdigest(), "votes": votes.ballots.total}
        if clusters:
            begin = perf_counter()
            groups = votes.clusters("voter")
            found["clusters"] = perf_counter() - begin
            for array in (groups.ballot, groups.cluster, groups.count):
                digest.update(np.ascontiguousarray(array).tobytes())
            found |= {"counts": digest.hexdigest(), "rows": len(groups.count)}
    found["ours"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found


def resident(names: tuple[str, ...]) -> int:
    """Bytes resident in all processes of these names; shared ones once."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, StopIteration):
            if (process / "comm").read_text().strip() in names:
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024
    return total


def measure(engine: str, source: str, *, clusters: bool, limit: float) -> dict[str, Any]:
    """Count in a process of its own, and watch its helpers."""
    names = {"spark": ("java",), "postgres": ("postgres", "postmaster")}.get(engine, ())
    words = [sys.executable, "-m", "benchmarks.engines", "--count", engine, source]
    words += ["--clusters"] * clusters
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.is_set():
            most[0] = max(most[0], resident(names) if names else 0)
            sleep(0.5)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"not within {limit:.0f} s"}
    finally:
        over.set()
        watching.join()
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["killed"])[-1][:120]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found | {"helpers": most[0]}


@contextlib.contextmanager
def server(address: str | None) -> Iterator[str | None]:
    """The database that was named, or one of a server of our own; None where there is no PostgreSQL."""
    if address is not None or not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        yield address
        return
    from tests.support.postgres_server import postgres_server

    with postgres_server() as opened:
        yield opened.database()


def row(name: str, found: dict[str, Any], wanted: str | None, loading: float | None) -> str:
    """A line of the table."""
    if "failed" in found:
        return f"| {name} | {found['failed']} | | | | | |"
    gigabytes = f"{found['ours'] / 1e9:.2f} + {found['helpers'] / 1e9:.2f}"
    groups = f"{found['clusters']:.1f} ({found['rows']:,} rows)" if "clusters" in found else "–"
    before = f"{found['start']:.1f}" + ("" if loading is None else f", and {loading:.0f} to load")
    equal = "yes" if wanted in (None, found["counts"]) else "NO"
    cells = (name, f"{found['seconds']:.1f}", groups, before, gigabytes, f"{found['votes']:,}", equal)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__.splitlines()[0])
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the votes are kept")
    parser.add_argument("--engines", default="duckdb,spark,postgres")
    parser.add_argument("--postgres", help="address of a database in which a table is made, and removed")
    parser.add_argument("--clusters", action="store_true", help="count ballots by voter, too")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one engine")
    parser.add_argument("--count", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.count:
        print(json.dumps(count(*given.count, clusters=given.clusters)))
        return
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = folder / f"votes-{given.votes}"
        make_votes(folder, given.votes)
        size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
        print(f"{given.votes:,} votes, {size / 1e6:,.0f} MB of parquet\n")
        print("| engine | count, s | by voter, s | start, s | GB: ours + theirs | votes | equal |")
        print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
        how: dict[str, Any] = {"clusters": given.clusters, "limit": given.limit}
        wanted = None
        for engine in given.engines.split(","):
            source, loading = str(folder), None
            if engine == "postgres":
                import psycopg

                address = stack.enter_context(server(given.postgres))
                if address is None:
                    print("| PostgreSQL | not installed; name a database with --postgres | | | | | |")
                    continue
                source, loading = address, load(folder, address)
            found = measure(engine, source, **how)
            name = {"duckdb": "DuckDB", "spark": "Spark local[2]", "postgres": "PostgreSQL"}[engine]
            print(row(name, found, wanted, loading), flush=True)
            wanted = wanted or found.get("counts")
            if engine == "postgres":
                with psycopg.connect(source, autocommit=True) as connection:
                    connection.execute(f"DROP TABLE {TABLE}")


if __name__ == "__main__":
    main()
