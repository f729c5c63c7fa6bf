"""`agon simulate`: a simulated world as a file of votes, and its strengths beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from agon.data.files.writer import check_target, write_table
from agon.ranking import OptionError, World, bradley_terry_world
from agon.ranking.leaderboard.estimates import ELO_PER_NAT
from agon.ranking.simulate import OUTCOMES

START = 1_767_225_600  # 2026-01-01, the time of the first simulated vote; one follows a minute


def simulate_votes(out: Path | None, truth: Path | None, *, force: bool, **world: Any) -> None:
    """Draw a world and write it.

    Raises:
        OptionError: a value outside its range, or a file of another ending.
        SourceError: a file that is there already, or cannot be written.
    """
    for path in (out, truth):
        if path is not None:
            check_target(path, replace=force)
    if truth is not None and truth == out:
        raise OptionError(f"{out} cannot hold both the votes and the strengths; name another file for one.")
    drawn = bradley_terry_world(**world)
    votes = as_table(drawn)
    if out is None:
        pc.write_csv(votes, sys.stdout.buffer)
    else:
        path = write_table(votes, out, replace=force)
        print(f"{votes.num_rows:,} votes on {len(drawn.models)} models are in {path}.", file=sys.stderr)
    if truth is not None:
        elo = 1000 + ELO_PER_NAT * drawn.strengths
        table = pa.table({"model": list(drawn.models), "strength": drawn.strengths, "elo": elo})
        write_table(table, truth, replace=force)


def as_table(world: World) -> pa.Table:
    """The votes of a world as rows of the vote file format."""
    n = len(world.outcome)
    names = np.array(world.models)
    return pa.table(
        {
            "battle_id": np.arange(1, n + 1),
            "model_a": pa.array(names[world.first]),
            "model_b": pa.array(names[world.second]),
            "winner": pa.array(np.array(OUTCOMES)[world.outcome]),
            "voter": pa.array([f"voter-{voter:03d}" for voter in world.voter.tolist()]),
            "timestamp": START + 60 * np.arange(n),
        }
    )
