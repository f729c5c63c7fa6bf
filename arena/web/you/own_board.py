"""The board of one visitor's votes beside that of everybody's, over the same models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from agon.arena.web.languages.texts import _, number
from agon.arena.web.leaderboard.boards import Made
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import DEFAULT_RULE
from agon.arena.web.leaderboard.sources import BoardSource
from agon.arena.web.leaderboard.table import axis_of, drawing, score_text
from agon.ranking import Leaderboard, rank
from agon.ranking.errors import AgonError
from agon.ranking.leaderboard.row import Row, rank_text

FEWEST = 10  # votes that count, before a board is shown
_WIDTH = 200.0  # pixels of the drawn axis


@dataclass(frozen=True, slots=True)
class VoterQuery:
    """The votes of one voter; called to be made."""

    voter: str

    def __call__(self, source: BoardSource, query: VoterQuery) -> Made:
        """Compute the board by the rule of the leaderboard; empty where these votes have none."""
        votes = source.votes({"voter": query.voter})
        try:
            return Made() if votes is None else Made(rank(votes, DEFAULT_RULE))
        except AgonError:
            return Made()


def boards_beside(yours: Made | None, all_votes: Made | None, info: ModelInfo) -> dict[str, Any] | None:
    """What the page shows of both boards; None where there is no board of one's own."""
    mine = yours.board if yours else None
    if mine is None:
        return None
    models = {row.model for row in mine.rows}
    least = int(mine.settings.get("min_votes", 0))
    sentence = _("Both are computed by the same rule; lines are 95% intervals.")
    if not any(row.status == "ranked" for row in mine.rows):
        sentence = _(
            "No model has {least} votes of yours yet: these are first scores with wide intervals, no ranks.",
            least=least,
        )
    tables = [(_("Your votes alone"), mine, list(mine.rows))]
    if all_votes is not None and all_votes.board is not None:
        shown = [row for row in all_votes.board.rows if row.model in models]
        tables.append((_("All votes, of the same models"), all_votes.board, shown))
    return {
        "sentence": sentence,
        "tables": [
            {"title": title, "rows": _shown(board, rows, info)} for title, board, rows in tables if rows
        ],
    }


def _shown(board: Leaderboard, rows: Any, info: ModelInfo) -> list[dict[str, Any]]:
    axis = axis_of(rows, _WIDTH)
    first: Row = rows[0]
    return [
        {
            "rank": rank_text(row),
            "name": info.name(row.model),
            "score": score_text(board, row.score) or "–",
            "drawing": Markup(drawing(board, row, axis, first, 28)),
            "votes": row.votes,
        }
        for row in rows
    ]


def too_few_sentence(counted: int) -> str:
    """Why there is no board of one's own yet."""
    return _(
        "Your own board appears here with {fewest} votes that count; you have {counted}.",
        fewest=number(FEWEST),
        counted=number(counted),
    )
