"""What every entrant of the benchmarks is given and gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.worlds.worlds import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

K_FACTOR = 4.0
ROUNDS = 100  # of every bootstrap, and the number of permutations


@dataclass(frozen=True)
class Answer:
    """What an entrant found out.

    `scores` are Elo points per model with any origin. `seconds` replaces the measured time where the entrant
    did only a part of the work; `note` then says which part.
    """

    scores: dict[str, float]
    seconds: float | None = None
    note: str = ""


Votes = "Path | pd.DataFrame"
Work = Callable[[Any], Answer]


def frame(votes: Votes) -> pd.DataFrame:
    """The votes as a pandas frame: that given, or the columns of strings in a file."""
    import pandas as pd

    return votes if isinstance(votes, pd.DataFrame) else pd.read_parquet(votes, columns=COLUMNS)
