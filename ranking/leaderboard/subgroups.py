"""The boards of the groups of one column, as one table and one figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agon.ranking.errors import OptionError, suggest
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.leaderboard.ranking import rank_all
from agon.ranking.registry import Method, Rule
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Votes

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure


@dataclass(frozen=True, repr=False)
class GroupedBoards(Readable):
    """One board for each value of a column, each of that group's votes alone.

    Attributes:
        by: the column.
        boards: in the order of its values.
    """

    by: str
    boards: tuple[Leaderboard, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The values of the column."""
        return tuple(str((board.by or {})[self.by]) for board in self.boards)

    def __iter__(self) -> Iterator[Leaderboard]:
        return iter(self.boards)

    def __len__(self) -> int:
        return len(self.boards)

    def __contains__(self, group: object) -> bool:
        return str(group) in self.groups

    def __getitem__(self, group: str) -> Leaderboard:
        """Return the board of one value of the column.

        Raises:
            OptionError: no such value; the message names the nearest.
        """
        if str(group) not in self.groups:
            raise OptionError(f"There is no {self.by} {group!r} here; {suggest(str(group), self.groups)}")
        return self.boards[self.groups.index(str(group))]

    def conclusion(self) -> str:
        """Say in one sentence who is first in which groups, and in how many that is open."""
        first: dict[str, list[str]] = {}
        for group, board in zip(self.groups, self.boards, strict=True):
            names = [row.model for row in board.ranked if row.rank == 1]
            first.setdefault(join_names(names) or "nobody", []).append(group)
        most = sorted(first.items(), key=lambda item: -len(item[1]))[:3]
        parts = [f"{names} in {join_names(groups)}" for names, groups in most]
        more = f"; {len(first) - 3} more in other groups" if len(first) > 3 else ""
        known = [board for board in self.boards if board.ranked and board.ranked[0].rank_upper is not None]
        rivals = sum(sum(row.rank_lower == 1 for row in board.ranked) > 1 for board in known)
        said = f"; another could be first too in {rivals} of {len(known)}" if rivals else ""
        return f"First by {self.by}: {'; '.join(parts)}{more}{said}."

    def to_frame(self) -> pd.DataFrame:
        """Return the rows of all boards as one pandas DataFrame, the group in the first column."""
        import pandas as pd

        parts = [board.to_frame() for board in self.boards]
        for group, part in zip(self.groups, parts, strict=True):
            part.insert(0, self.by, group)
        return pd.concat(parts, ignore_index=True)

    def plot(self) -> Figure:
        """Draw the scores with their intervals, one panel a group, the models in one order; needs plotly."""
        from agon.ranking.leaderboard.plots import group_plot

        return group_plot(self)


def rank_by(
    votes: Votes, by: str, method: str | Rule | Method = "bradley_terry", **options: Any
) -> GroupedBoards:
    """Rank each group of votes by itself.

    Args:
        votes: as for `rank`.
        by: column whose values are the groups.
        method: as for `rank`.
        options: as for `rank`.

    Raises:
        As `rank`; SourceError if there is no such column, OptionError if no column is named.
    """
    if not isinstance(by, str):
        raise OptionError(f"by is the name of one column, not {by!r}.")
    return GroupedBoards(by, tuple(rank_all(votes, [method], by=by, **options)))
