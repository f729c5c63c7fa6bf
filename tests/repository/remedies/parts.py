"""Parts, which are counts of votes: what is refused, and the remedy."""

import shutil
from pathlib import Path

import numpy as np

import agon as ag
from agon.data import write_counts
from tests.repository.remedies.steps import FRAME, STYLED, Case, Given, command


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder = given.folder / "parts"
    folder.mkdir()
    part, copy, rest = folder / "part.parquet", folder / "copy.parquet", folder / "rest.csv"
    voted = FRAME.assign(voter=np.arange(len(FRAME)) % 7)
    write_counts(voted, part)
    shutil.copy(part, copy)
    voted.to_csv(rest, index=False)
    several = [{"model_a": "ada", "model_b": "bob", "winner": "tie", "category": ["x", "y"]}] * 2
    missing = voted.assign(voter=[None if v == 3 else f"v{v}" for v in voted["voter"]])
    election = folder / "votes.toi"
    ag.export([{"models": ["ada", "bob"], "places": [1, 2]}] * 3, "preflib", election)
    new = iter(folder / f"{n}.parquet" for n in range(100))

    def counted_too() -> object:
        write_counts(rest, folder / "rest-counts.parquet")
        return ag.comparisons([part, folder / "rest-counts.parquet"])

    def lengths() -> object:
        return ag.rank(STYLED, control="length")

    long = folder / "long.parquet"
    write_counts(voted.assign(length=np.arange(len(FRAME)) % 3 * 1.0), long, keep=["length"])
    return [
        (command("convert", part, "-o", folder / "x.csv"), lambda: Path(part).read_bytes()),
        (lambda: write_counts(voted, next(new), groups=5), lambda: write_counts(voted, next(new), groups=20)),
        (lambda: write_counts(election, next(new)), lambda: ag.rank(election)),
        (lambda: write_counts(part, next(new)), lambda: ag.comparisons(part), len(FRAME)),
        (
            lambda: write_counts(voted, next(new), by=[], match=["voter"]),
            lambda: write_counts(voted, next(new), by=["voter"], match=["voter"]),
        ),
        (
            lambda: write_counts(missing, next(new)),
            lambda: write_counts(missing, next(new), where="voter IS NOT NULL"),
        ),
        (lambda: ag.comparisons([part, rest]), counted_too, 2 * len(FRAME)),
        (lambda: ag.comparisons([part, copy]), lambda: ag.comparisons(part), len(FRAME)),
        (lambda: ag.rank(part, "elo"), lambda: ag.rank(part, "bradley_terry")),
        (lambda: ag.rank(long, control="length"), lengths),
        (
            lambda: write_counts(several, next(new), keep=["category"]),
            lambda: write_counts(several, next(new)),
        ),
        (command("import", part, "--into", folder / "log"), command("rank", part)),
    ]
