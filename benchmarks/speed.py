"""Speed, memory and exactness of the ranking engine beside other libraries, one table per case.

Every run of every entrant is a fresh process, and the entrants take turns, so that a busy moment of the
machine hits all of them. In a process the work is done once and, unless that took long, once more:

    cold   from starting the process to its end, the second run taken out (and for votes in a
           frame importing pandas and reading the frame)
    warm   the second run: imports, compilation and first-use costs are behind it
    peak   the largest resident memory of the process when the first run ended (not of a pool's workers)
    off    the largest distance of a score from the exact maximum likelihood, in Elo points, both centred

    python -m benchmarks.speed                      everything; some minutes
    python -m benchmarks.speed --quick              a tenth of the votes, two repeats
    python -m benchmarks.speed --cases bt_10m       one case

Who takes part and how is in `benchmarks.entrants.peers`, the votes are from
`benchmarks.worlds.worlds`. This module imports neither at the top: a child process inherits
the peak memory of a fat parent.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

HOUSE = Path(__file__).resolve().parent.parent
ENOUGH = 30.0  # seconds: a first run longer than this counts as the warm one
BUDGET = 60.0  # seconds: an entrant that has used this many is not repeated any more
LIMIT = 900.0  # seconds: a process that runs longer is stopped
OURS = ("arena", "data", "ranking", "serving")
PACKAGES = {"arena_rank": "arena-rank"} | dict.fromkeys(OURS, "-e .")
CLONE = "not there (git clone https://github.com/lm-sys/FastChat, and FASTCHAT names its folder)"
SHOWN = ("numpy", "scipy", "pandas", "pyarrow", "duckdb", "arena-rank", "choix", "evalica")


@dataclass(frozen=True)
class Case:
    """One table: who is compared, on how many times `--votes`, and whether the exact answer is known.

    The votes are in a Parquet file, or in a pandas `frame`; `styled` ones have features to control for.
    """

    title: str
    entrants: tuple[str, ...]
    votes: Callable[[int], int] = lambda votes: votes
    exact: bool = False
    paired: bool = False
    command: bool = False
    frame: bool = False
    styled: bool = False


BRADLEY_TERRY = (
    "ours, sandwich",
    "arena-rank, sandwich",
    "evalica, no intervals",
    "choix ilsr, no intervals",
    "FastChat, bootstrap 100",
)
CASES = {
    "bt_1m": Case("Bradley-Terry with 95% intervals, Parquet to board", BRADLEY_TERRY, exact=True),
    "bt_10m": Case(
        "Bradley-Terry with sandwich intervals on ten times the votes, against reading the file",
        ("ours, sandwich", "reading alone"),
        votes=lambda votes: 10 * votes,
        exact=True,
        paired=True,
    ),
    "bt_frame": Case(
        "Bradley-Terry with 95% intervals, frame to board",
        ("ours, sandwich", "arena-rank, sandwich", "evalica, no intervals", "FastChat, bootstrap 100"),
        exact=True,
        frame=True,
    ),
    "bootstrap": Case(
        "Bradley-Terry with intervals from 100 bootstrap rounds, frame to board",
        (
            "ours, bootstrap 100",
            "FastChat, bootstrap 100",
            "FastChat recipe, bootstrap 100",
        ),
        exact=True,
        frame=True,
    ),
    "style": Case(
        "style control with 4 features and 95% intervals, frame to board",
        ("ours, style control", "FastChat, style control", "arena-rank, style control"),
        frame=True,
        styled=True,
    ),
    "elo_permutations": Case(
        "online Elo over 100 random orders, Parquet to board",
        ("ours, Elo x 100", "plain loop, Elo x 100", "evalica, Elo x 100"),
    ),
    "elo_1m": Case(
        "online Elo, one pass, Parquet to board",
        ("ours, Elo", "evalica, Elo", "FastChat, Elo", "plain loop, Elo", "dictionary loop, Elo"),
    ),
    "cli": Case(
        "the whole process `agon rank FILE -m bradley_terry` (cold is all there is)",
        ("ours, command", "importing numpy and pandas", "arena-rank, sandwich", "evalica, no intervals"),
        votes=lambda _: 25_000,
        exact=True,
        command=True,
    ),
    "bt_10m_peers": Case(  # minutes and gigabytes: only when asked for by name
        "Bradley-Terry on ten times the votes, the other libraries",
        ("ours, sandwich", "arena-rank, sandwich", "evalica, no intervals", "choix ilsr, no intervals"),
        votes=lambda votes: 10 * votes,
        exact=True,
    ),
}
USUAL = tuple(case for case in CASES if case != "bt_10m_peers")


@dataclass
class Runs:
    """What the runs of one entrant gave: seconds, megabytes, the last scores, why it stopped if it did."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    note: str = ""
    stopped: bool = False
    failed: bool = False
    spent: float = 0.0


# ---- inside a child process


def measure(who: str, path: Path, *, frame: bool) -> dict[str, Any]:
    """Do an entrant's work once or twice in this process and say what it took."""
    from benchmarks.entrants.peers import ENTRANTS

    votes, reading = _timed(_frame, path) if frame else (path, 0.0)
    try:
        work = ENTRANTS[who]()
    except ModuleNotFoundError as error:
        return {"missing": (error.name or "").partition(".")[0]}
    answer, first = _timed(work, votes)
    found = {"scores": answer.scores, "note": answer.note, "peak": _peak_mb(), "apart": reading}
    if answer.seconds is not None:  # a part of the work: nothing to say of the whole process
        return found | {"warm": answer.seconds, "partial": True}
    again = _timed(work, votes)[1] if first < ENOUGH else 0.0
    return found | {"warm": again or first, "apart": reading + again, "partial": False}


def _frame(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


def paired(path: Path, repeats: int) -> dict[str, Any]:
    """Reading the file and our whole work by turns in one process: the seconds of each turn."""
    from benchmarks.entrants.peers import ENTRANTS

    turns = {who: ENTRANTS[who]() for who in ("reading alone", "ours, sandwich")}
    seconds: dict[str, list[float]] = {who: [] for who in turns}
    for _ in range(repeats + 1):
        for who, work in turns.items():
            seconds[who].append(_timed(work, path)[1])
    return {"reading": seconds["reading alone"][1:], "ours": seconds["ours, sandwich"][1:]}


def _timed(work: Callable[[Path], Any], path: Path) -> tuple[Any, float]:
    """The answer and the seconds it took."""
    start = perf_counter()
    answer = work(path)
    return answer, perf_counter() - start


def _peak_mb() -> float:
    """Largest resident memory so far in megabytes; the kernel counts kilobytes, macOS bytes."""
    unit = 1e6 if sys.platform == "darwin" else 1e6 / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


# ---- the process that starts them


def _start(command: list[str]) -> tuple[dict[str, Any], float]:
    """Run a command with this checkout importable; its last line or how it failed, and the seconds."""
    paths = [str(HOUSE), *filter(None, [os.environ.get("PYTHONPATH")])]
    options = {"env": {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, "cwd": HOUSE, "timeout": LIMIT}
    start = perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    except subprocess.TimeoutExpired:
        return {"failure": f"stopped after {LIMIT:.0f} s"}, LIMIT
    seconds = perf_counter() - start
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return {"failure": f"failed: {lines[-1][:120]}"}, seconds
    return {"last": (done.stdout.splitlines() or [""])[-1]}, seconds


def _child(*arguments: str) -> tuple[dict[str, Any], float]:
    """Run this module in a fresh process; its JSON answer and the seconds from start to end."""
    found, seconds = _start([sys.executable, "-m", "benchmarks.speed", *arguments])
    return json.loads(found["last"]) if "last" in found else found, seconds


def _agon(path: Path) -> list[str]:
    """The command as installed beside this Python, or as a module where it is not installed."""
    agon = Path(sys.executable).with_name("agon")
    words = [str(agon)] if agon.exists() else [sys.executable, "-m", "agon"]
    return [*words, "rank", str(path), "-m", "bradley_terry"]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {  # whole processes: cold times only
    "ours, command": _agon,
    "importing numpy and pandas": lambda _: [sys.executable, "-c", "import numpy, pandas"],
}


def _run_once(who: str, path: Path, runs: Runs, *, frame: bool) -> None:
    """Add one fresh process of an entrant to its runs."""
    command, given = COMMANDS.get(who), ("--frame",) if frame else ()
    found, seconds = (
        _start(command(path)) if command else _child("--measure", who, "--file", str(path), *given)
    )
    runs.spent += seconds
    runs.stopped = runs.spent > BUDGET or "missing" in found or "failure" in found
    if "missing" in found:
        missing = found["missing"]
        runs.note = f"not installed (pip install {PACKAGES.get(missing, missing)})"
        runs.note = CLONE if missing == "FastChat" else runs.note
        runs.failed = found["missing"] in OURS
    elif "failure" in found:
        runs.note, runs.failed = found["failure"], True
    elif command:
        runs.cold.append(seconds)
    else:
        runs.warm.append(found["warm"])
        runs.peak.append(found["peak"])
        runs.scores, runs.note = found["scores"], found["note"]
        if not found["partial"]:
            runs.cold.append(seconds - found["apart"])


def run_case(case: Case, path: Path, repeats: int) -> dict[str, Runs]:
    """All entrants by turns, `repeats` fresh processes each."""
    results = {who: Runs() for who in case.entrants}
    for _ in range(repeats):
        for who, runs in results.items():
            if not runs.stopped:
                _run_once(who, path, runs, frame=case.frame)
    return results


def distance(scores: dict[str, float], exact: dict[str, float]) -> float | None:
    """The largest difference of two boards over the models of both, each centred, if any."""
    common = scores.keys() & exact.keys()
    if not common:
        return None
    gaps = [scores[model] - exact[model] for model in common]
    middle = sum(gaps) / len(gaps)
    return max(abs(gap - middle) for gap in gaps)


# ---- printing


def table(case: Case, results: dict[str, Runs], exact: dict[str, float]) -> str:
    """The case's table as text; the first entrant is ours, and ratios are to it."""
    head = ["who", "runs", "cold min", "cold med", "warm min", "warm med", "peak MB", "ratio", "off", ""]
    ours = next(iter(results.values()))
    rows = [head]
    for who, runs in results.items():
        times = (lambda r: r.cold) if case.command else (lambda r: r.warm)
        ratio = median(times(runs)) / median(times(ours)) if times(runs) and times(ours) else None
        off = distance(runs.scores, exact)
        rows.append(
            [
                who,
                str(max(len(runs.cold), len(runs.warm))),
                *_least_and_middle(runs.cold),
                *_least_and_middle(runs.warm),
                f"{max(runs.peak):.0f}" if runs.peak else "-",
                "-" if ratio is None else f"{ratio:.2f}",
                "-" if off is None else f"{off:.1e}",
                runs.note,
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1]]).rstrip()
        for row in rows
    )


def _least_and_middle(values: list[float]) -> tuple[str, str]:
    return (f"{min(values):.3f}", f"{median(values):.3f}") if values else ("-", "-")


def paired_line(path: Path, repeats: int, peak: list[float]) -> str:
    """How much longer we take than reading the file alone, side by side in one process."""
    found, _ = _child("--paired", str(repeats), "--file", str(path))
    if "failure" in found:
        return f"ratio to reading: {found['failure']}"
    least, middle = (which(found["ours"]) / which(found["reading"]) for which in (min, median))
    seconds = f"{median(found['ours']):.3f} s against {median(found['reading']):.3f} s, {repeats} turns each"
    return f"ratio to reading: min {least:.2f} median {middle:.2f}   peak {max(peak):.0f} MB   ({seconds})"


def _versions() -> str:
    found = [f"Python {sys.version.split()[0]}", f"{os.cpu_count()} processors"]
    for package in SHOWN:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join(found)


def _votes_file(folder: Path, votes: int, *, styled: bool) -> Path:
    """The votes of a case, made once and in a process of their own."""
    kind = ("--styled",) if styled else ()
    path = folder / f"votes-{votes}{'-styled' if styled else ''}.parquet"
    if not path.exists():
        command = [sys.executable, "-m", "benchmarks.worlds.worlds", str(votes), str(path), *kind]
        subprocess.run(command, cwd=HOUSE, check=True, stdout=subprocess.DEVNULL)
    return path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--votes", type=int, default=1_000_000, help="of bt_1m and both Elo cases")
    parser.add_argument("--quick", action="store_true", help="a tenth of the votes, two repeats")
    cases = {"nargs": "+", "choices": CASES, "default": USUAL, "metavar": "CASE"}
    parser.add_argument("--cases", help=f"of {', '.join(CASES)}; all but the last unless said", **cases)
    parser.add_argument("--repeat", type=int, default=5, help="fresh processes per entrant")
    parser.add_argument("--only", default="", help="only the entrants whose name contains this, and ours")
    parser.add_argument("--files", type=Path, help="a folder that keeps the votes for the next time")
    for inner in ("--measure", "--paired", "--file"):  # how this module starts itself
        parser.add_argument(inner, help=argparse.SUPPRESS)
    parser.add_argument("--frame", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(name: str, given: argparse.Namespace, folder: Path) -> bool:
    """Run and print one case; whether nothing failed."""
    case = CASES[name]
    chosen = tuple(who for place, who in enumerate(case.entrants) if not place or given.only in who)
    case = replace(case, entrants=chosen)
    votes = case.votes(given.votes)
    path = _votes_file(folder, votes, styled=case.styled)
    exact = _child("--measure", "exact", "--file", str(path))[0].get("scores", {}) if case.exact else {}
    print(f"\n{name}: {case.title}; {votes:,} votes", flush=True)
    results = run_case(case, path, given.repeat)
    print(table(case, results, exact), flush=True)
    if case.paired and (peak := results[case.entrants[0]].peak):
        print(paired_line(path, 3 * given.repeat, peak), flush=True)
    return not any(runs.failed for runs in results.values())


def main() -> int:
    """Run the cases; 1 if an installed entrant failed."""
    given = _arguments()
    if given.file:
        path = Path(given.file)
        turns = given.paired and paired(path, int(given.paired))
        print(json.dumps(turns or measure(given.measure, path, frame=given.frame)))
        return 0
    if given.quick:
        given.votes, given.repeat = given.votes // 10, 2
    print(_versions())
    print("seconds; ratio: warm median to that of the first row; off: Elo points from the exact fit")
    with tempfile.TemporaryDirectory() as scratch:
        fine = [_compare(name, given, given.files or Path(scratch)) for name in given.cases]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
