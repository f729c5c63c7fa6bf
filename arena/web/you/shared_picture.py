"""What other sites show of a battle that somebody shares: the prompt, who answered, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw

from agon.arena.core.battle import LETTERS
from agon.arena.core.visitors.people import SharedBattle
from agon.arena.core.visitors.private_data import COVER
from agon.arena.web.leaderboard.pictures.picture_text import (
    PICTURE_SCALE,
    cut_to_width,
    draw_text,
    drawable,
    text_lines,
)
from agon.arena.web.you.your_pages import verdict
from agon.data.log.personal.history import PastBattle

_WIDTH, _HEIGHT = 600, 315  # of the picture, whose file is twice as large
_PAPER, _INK, _FAINT, _LINE, _CARD = "#fbfbf9", "#1f2228", "#5b6067", "#e1e1dc", "#ffffff"
_SIDES = ("#5a4fa2", "#96580b", "#0b6173", "#8a3b52", "#3c6e2f", "#555a61")


def shared_png(past: PastBattle, shown: SharedBattle, name: Callable[[str], str]) -> bytes:
    """Draw it.

    Returns:
        the file, 1200 by 630 pixels.
    """
    image = Image.new("RGB", (_WIDTH * PICTURE_SCALE, _HEIGHT * PICTURE_SCALE), _PAPER)
    draw = ImageDraw.Draw(image)

    def text(x: float, y: float, said: str, size: int, *, ink: str = _INK, bold: bool = False) -> None:
        draw_text(draw, x, y, said, size, ink=ink, bold=bold)

    text(32, 34, "Agon", 15, bold=True)
    text(76, 34, "Answers compared" if past.named else "A blind battle", 13, ink=_FAINT)
    prompt = " ".join(shown.turns[0][0].replace(COVER, "[…]").split())
    if not drawable(prompt):
        prompt = ""
    for number, line in enumerate(text_lines(prompt, 19, _WIDTH - 64, most=3)):
        text(32, 76 + 27 * number, line, 19, bold=True)
    names = [name(model) if drawable(name(model)) else "?" for model in past.models]
    places = past.ballot[0] if past.ballot else ()
    wide = (_WIDTH - 64 - 12) / 2 if len(names) < 3 else (_WIDTH - 64 - 24) / 3
    for slot, model in enumerate(names):
        x, y = 32 + (slot % 3) * (wide + 12), 178 + (slot // 3) * 40
        tall, colour = (64 if len(names) < 4 else 34), _SIDES[slot]
        first = slot < len(places) and places[slot] == 1 and list(places).count(1) < len(places)
        box = [part * PICTURE_SCALE for part in (x, y, x + wide, y + tall)]
        draw.rounded_rectangle(
            box, 6 * PICTURE_SCALE, fill=_CARD, outline=colour if first else _LINE, width=4
        )
        text(x + 14, y + tall / 2, LETTERS[slot], 15, ink=colour, bold=True)
        text(x + 36, y + tall / 2, cut_to_width(model, 15, wide - 48), 15, bold=first)
    said = verdict(past, lambda model: names[past.models.index(model)], own=False)
    if drawable(said):
        text(32, 282, cut_to_width(said, 14, _WIDTH - 64), 14, ink=_FAINT)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
