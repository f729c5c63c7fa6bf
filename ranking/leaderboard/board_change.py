"""`compare_boards`: who moved from one board to another, by how much, and whether beyond chance."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from agon.ranking.errors import OptionError
from agon.ranking.leaderboard.row import Row, plain
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from agon.ranking.leaderboard.leaderboard import Leaderboard

CHANGE_HEADS = (
    "model",
    "rank before",
    "rank after",
    "score before",
    "score after",
    "change",
    "beyond chance",
)


@dataclass(frozen=True, repr=False)
class Move(Readable):
    """One model on two boards; None where a board does not say.

    Attributes:
        model: its name.
        rank_before, rank_after: on the two boards.
        score_before, score_after: each on its board's scale.
        change: of the score, if both boards are on one scale.
        margin: half the width of the interval of the change at the boards' level: √(a² + b²) of the
            half-widths a and b of the two scores, as of votes that have nothing in common. Where boards share
            votes the change is surer than that.
    """

    model: str
    rank_before: int | None
    rank_after: int | None
    score_before: float | None
    score_after: float | None
    change: float | None
    margin: float | None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        if self.change is None:
            return f"{self.model}: rank {self.rank_before or '–'} to {self.rank_after or '–'}."
        sure = {True: "beyond chance", False: "within chance", None: "without an interval"}[
            self.beyond_chance
        ]
        return f"{self.model}: score {self.change:+.4g}, {sure}."

    @property
    def beyond_chance(self) -> bool | None:
        """Whether the score changed by more than its margin; None where that is not known."""
        if self.change is None or self.margin is None:
            return None
        return abs(self.change) > self.margin


@dataclass(frozen=True, repr=False)
class BoardChange(Readable):
    """Two boards of the same models, side by side.

    Attributes:
        moves: one a model, in the order of the board after; then those that it lacks.
        level: of the boards' intervals, where they have the same.
    """

    moves: tuple[Move, ...]
    level: float

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves)

    def __len__(self) -> int:
        return len(self.moves)

    @property
    def beyond_chance(self) -> tuple[Move, ...]:
        """The models whose score changed by more than chance explains."""
        return tuple(move for move in self.moves if move.beyond_chance)

    def conclusion(self) -> str:
        """Say in one sentence what changed."""
        moved = [move.model for move in self.beyond_chance]
        new = [move.model for move in self.moves if move.score_before is None and move.rank_before is None]
        gone = [move.model for move in self.moves if move.score_after is None and move.rank_after is None]
        said = [f"{join_names(moved)} changed beyond chance at {self.level:.0%}"] if moved else []
        said += [f"{join_names(new)} came in"] if new else []
        said += [f"{join_names(gone)} went out"] if gone else []
        if not said:
            return f"No model changed beyond chance at {self.level:.0%}."
        return "; ".join(said) + "."

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model as a pandas DataFrame."""
        import pandas as pd

        names = ("model", "rank_before", "rank_after", "score_before", "score_after", "change", "margin")
        rows = [{name: getattr(move, name) for name in names} for move in self.moves]
        frame = pd.DataFrame(rows, columns=names).astype(
            dict.fromkeys(("rank_before", "rank_after"), "Int64")
        )
        frame["beyond_chance"] = pd.array([move.beyond_chance for move in self.moves], dtype="boolean")
        return frame

    def cells(self, move: Move) -> tuple[str, ...]:
        """Texts of a row, in the order of `CHANGE_HEADS`."""
        ranks = ("–" if rank is None else str(rank) for rank in (move.rank_before, move.rank_after))
        scores = ("" if score is None else f"{score:.4g}" for score in (move.score_before, move.score_after))
        change = "" if move.change is None else f"{move.change:+.3g}"
        sure = {True: "yes", False: "no", None: ""}[move.beyond_chance]
        return (plain(move.model), *ranks, *scores, change, sure)

    def plot(self) -> Figure:
        """Draw a bump chart: ranks on the board before and after; needs plotly."""
        from agon.ranking.leaderboard.plots import bump_chart

        return bump_chart(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in CHANGE_HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in self.cells(move)) + "</tr>"
            for move in self.moves
        )
        conclusion = html.escape(self.conclusion())
        return f"<p>{conclusion}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def compare_boards(before: Leaderboard, after: Leaderboard) -> BoardChange:
    """Put two boards side by side.

    Raises:
        OptionError: boards of different methods, scales or levels, whose scores are not comparable.
    """
    if not hasattr(after, "rank_method"):
        raise OptionError(
            f"A board is compared with another board, not with a {type(after).__name__}: rank it first, or "
            "read its JSON with Leaderboard.from_json."
        )
    for what, one, two in (
        ("methods", before.method, after.method),
        ("scales", before.settings.get("scale"), after.settings.get("scale")),
        ("levels", before.level, after.level),
    ):
        if one != two:
            raise OptionError(f"The boards have different {what} ({one} and {two}); rank both the same way.")
    old, new = ({row.model: row for row in board.rows} for board in (before, after))
    names = [*new, *(name for name in old if name not in new)]
    return BoardChange(tuple(_move(name, old.get(name), new.get(name)) for name in names), after.level)


def _move(model: str, before: Row | None, after: Row | None) -> Move:
    ranks = [None if row is None else row.rank for row in (before, after)]
    scores = [None if row is None else row.score for row in (before, after)]
    change = margin = None
    if before and after and before.score is not None and after.score is not None:
        change = after.score - before.score
        sides = [
            before.upper - before.score if change > 0 and before.upper is not None else None,
            after.score - after.lower if change > 0 and after.lower is not None else None,
        ]
        if change <= 0:
            sides = [
                before.score - before.lower if before.lower is not None else None,
                after.upper - after.score if after.upper is not None else None,
            ]
        known = [side for side in sides if side is not None]
        margin = hypot(*known) if len(known) == 2 else None
    return Move(model, ranks[0], ranks[1], scores[0], scores[1], change, margin)
