"""What was withdrawn of the votes of a log, read from what it has published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.data.files.snapshot_folder import WITHDRAWN
from agon.data.read_errors import sentence
from agon.ranking import SourceError, WithdrawalTest, withdrawal_test

_PLACES = {"model_a": [1, 2], "model_b": [2, 1]}  # of a pairwise vote; else a tie
_LISTS = ["models", "places", "acceptable"]
_PAIRS = ["model_a", "model_b", "winner"]


def read_withdrawals(folder: Path) -> WithdrawalTest | None:
    """Test which way the withdrawals lean: of votes that count, or would if they were not withdrawn.

    Args:
        folder: the log folder, as published.

    Returns:
        None where no such vote was withdrawn.

    Raises:
        SourceError: it cannot be read.
    """
    stand, gone = (folder / place / "arena.parquet" for place in ("votes", WITHDRAWN))
    if not gone.exists():
        return None
    try:
        parts = [_read(path) for path in (gone, stand) if path.exists()]
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{folder} cannot be read: {sentence(error)}") from None
    if not parts[0].num_rows:
        return None
    votes = pa.concat_tables(parts).combine_chunks()
    withdrawn = np.arange(votes.num_rows) < parts[0].num_rows
    sizes = pc.list_value_length(votes["places"]).to_numpy().astype(np.int64)
    start = np.cumsum(sizes) - sizes
    vote = np.repeat(np.arange(len(sizes)), sizes)
    models = pc.list_flatten(votes["models"]).to_numpy(zero_copy_only=False)
    given = pc.list_flatten(votes["places"]).cast(pa.float64()).to_numpy(zero_copy_only=False)
    best, worst = np.fmin.reduceat(given, start), np.fmax.reduceat(given, start)
    apart = (best < worst)[vote]
    top, bottom = apart & (given == best[vote]), apart & (given == worst[vote])
    sided = top | bottom
    return withdrawal_test(
        votes["voter"].to_numpy(zero_copy_only=False),
        withdrawn,
        _results(votes, given == best[vote], vote, start, len(sizes)),
        vote[sided],
        models[sided],
        np.where(top, 1, -1)[sided],
    )


def _read(path: Path) -> pa.Table:
    """The blind votes of a snapshot: voter, models, places, and whether both are bad."""
    file = pq.ParquetFile(path)
    if "places" in file.schema_arrow.names:
        votes = file.read(columns=[*_LISTS, "voter", "blind"])
        bad = [None if marks is None else not any(marks) for marks in votes["acceptable"].to_pylist()]
        lists = [votes["models"], votes["places"]]
    else:
        votes = file.read(columns=[*_PAIRS, "voter", "blind"])
        winner = votes["winner"].to_pylist()
        bad = [one == "both_bad" for one in winner]
        flat = np.column_stack([votes[name].to_numpy() for name in _PAIRS[:2]]).reshape(-1)
        places = np.array([_PLACES.get(one, [1, 1]) for one in winner], dtype=np.int64).reshape(-1)
        ends = pa.array(np.arange(0, len(flat) + 1, 2), pa.int32())
        lists = [pa.ListArray.from_arrays(ends, pa.array(one)) for one in (flat, places)]
    table = pa.table(
        {
            "voter": votes["voter"].cast(pa.string()),
            "models": lists[0].cast(pa.list_(pa.string())),
            "places": lists[1].cast(pa.list_(pa.int64())),
            "bad": pa.array(bad, pa.bool_()),
        }
    )
    return table.filter(pc.fill_null(pc.not_equal(votes["blind"].cast(pa.bool_()), False), True))


def _results(
    votes: pa.Table, first: np.ndarray, vote: np.ndarray, start: np.ndarray, count: int
) -> np.ndarray:
    """(N,) "A" where the answer shown first is best alone, "B" where the second is, and so on; or a tie."""
    winners = np.bincount(vote, first, count)
    place = np.zeros(count, dtype=np.int64)
    place[vote[first]] = (np.arange(len(vote)) - start[vote])[first]
    letters = np.array([chr(ord("A") + i) for i in range(int(place.max(initial=0)) + 1)], dtype=object)
    tied = np.where(votes["bad"].fill_null(False).to_numpy(zero_copy_only=False), "both bad", "tie")
    return np.where(winners == 1, letters[place], tied).astype(str)
