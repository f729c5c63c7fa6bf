"""A board as a PNG for a slide or a message: ranks, names, scores and their intervals."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw

from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.pictures.picture_text import (
    PICTURE_SCALE,
    cut_to_width,
    draw_text,
    text_lines,
)
from agon.arena.web.leaderboard.table import axis_of, half_text, score_text
from agon.ranking import Leaderboard
from agon.ranking.leaderboard.row import rank_text

MOST_ROWS = 40
_WIDTH, _ROW, _TOP = 1000, 34, 124
_NAME, _SCORE, _PLOT, _PLOT_WIDTH = 92, 470, 500, 476
_PAPER, _INK, _FAINT, _LINE, _ACCENT, _BAND = "#fbfbf9", "#1f2228", "#5b6067", "#e1e1dc", "#0b6173", "#e2f1f4"


def board_png(board: Leaderboard, info: ModelInfo) -> bytes:
    """Draw the first rows of a board.

    Args:
        board: what to draw.
        info: what its models are called.

    Returns:
        the file, 2000 pixels wide.
    """
    rows = [row for row in board.rows if row.status != "component"][:MOST_ROWS]
    axis = axis_of(rows, _PLOT_WIDTH)
    height = _TOP + _ROW * len(rows) + 48
    image = Image.new("RGB", (_WIDTH * PICTURE_SCALE, height * PICTURE_SCALE), _PAPER)
    draw = ImageDraw.Draw(image)

    def text(
        x: float, y: float, said: str, size: int, *, at: str = "l", ink: str = _INK, bold: bool = False
    ) -> None:
        draw_text(draw, x, y, said, size, at=at, ink=ink, bold=bold)

    def line(x: float, y: float, right: float, below: float, ink: str, wide: float = 1.0) -> None:
        ends = [part * PICTURE_SCALE for part in (x, y, right, below)]
        draw.line(ends, fill=ink, width=round(wide * PICTURE_SCALE))

    for number, said in enumerate(text_lines(board.conclusion(info.name), 19, _WIDTH - 56)):
        text(28, 32 + 26 * number, said, 19, bold=True)
    bottom = _TOP + _ROW * len(rows)
    first = rows[0]
    if first.status == "ranked" and first.lower is not None and first.upper is not None:
        band = [_PLOT + axis.at(first.lower), _TOP, _PLOT + axis.at(first.upper), bottom]
        draw.rectangle([part * PICTURE_SCALE for part in band], fill=_BAND)
    for tick in axis.ticks():
        x = _PLOT + axis.at(tick)
        line(x, _TOP - 6, x, bottom, _LINE)
        text(x, _TOP - 18, score_text(board, tick), 13, at="m", ink=_FAINT)
    for number, row in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        ink = _ACCENT if row.status == "ranked" else _FAINT
        line(28, y + _ROW / 2, _WIDTH - 24, y + _ROW / 2, _LINE)
        text(28, y, rank_text(row), 15, bold=True)
        text(_NAME, y, cut_to_width(info.name(row.model), 15, _SCORE - _NAME - 100), 15)
        text(_SCORE - 52, y, score_text(board, row.score), 15, at="r", bold=True)
        text(_SCORE - 46, y, half_text(board, row), 12, ink=_FAINT)
        if row.score is None:
            continue
        if row.lower is not None or row.upper is not None:
            left = _PLOT + axis.at(axis.low if row.lower is None else row.lower)
            right = _PLOT + axis.at(axis.high if row.upper is None else row.upper)
            line(left, y, right, y, ink, 2)
            for end, x in ((row.lower, left), (row.upper, right)):
                if end is not None:
                    line(x, y - 4, x, y + 4, ink, 1.5)
        x, r = _PLOT + axis.at(row.score), 4.2
        dot = [part * PICTURE_SCALE for part in (x - r, y - r, x + r, y + r)]
        draw.ellipse(dot, fill=ink if row.status == "ranked" else _PAPER, outline=ink, width=3)
    said = f"Agon {board.settings['version']}, fingerprint {board.fingerprint[:16]}"
    text(28, bottom + 26, said, 12, ink=_FAINT)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
