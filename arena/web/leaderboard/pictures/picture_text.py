"""Text in pictures: our own font, and fonts of this machine for the letters that it lacks."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from io import BytesIO

from PIL import ImageDraw, ImageFont

PICTURE_SCALE = 2  # pixels of a picture for one of the page
# What Linux, macOS and Windows may have, in the order in which they are asked for a letter.
_OTHERS = (
    *("NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSansArabic-Regular.ttf", "DejaVuSans.ttf"),
    *("NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf", "FreeSans.ttf", "wqy-zenhei.ttc"),
    *("Arial Unicode.ttf", "PingFang.ttc", "msyh.ttc", "malgun.ttf", "segoeui.ttf", "NotoColorEmoji.ttf"),
)


@cache
def picture_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The font of pictures, in pixels of the page."""
    file = f"ibm-plex-sans-latin-{600 if bold else 400}-normal.woff2"
    with (files("agon.arena.web") / "static" / "fonts" / file).open("rb") as font:
        return ImageFont.truetype(BytesIO(font.read()), size * PICTURE_SCALE)


@cache
def _others(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    """Those of the other fonts that this machine has."""
    found = []
    for name in _OTHERS:
        try:
            found.append(ImageFont.truetype(name, size * PICTURE_SCALE))
        except OSError:
            continue  # not here, or of one size alone
    return tuple(found)


@cache
def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font draws this letter; one that it lacks is the box that stands for nothing."""
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))


def _runs(said: str, size: int, *, bold: bool = False) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """A text in pieces of one font each."""
    own, pieces = picture_font(size, bold=bold), list[tuple[str, ImageFont.FreeTypeFont]]()
    for letter in said:
        last = pieces[-1][1] if pieces else own
        if last is not own and not letter.isalnum() and _has(last, letter):
            font = last  # words of another script stay together, or they would change places
        elif _has(own, letter):
            font = own
        else:
            font = next((one for one in _others(size) if _has(one, letter)), own)
        if pieces and font is last:
            pieces[-1] = pieces[-1][0] + letter, font
            continue
        before = pieces[-1][0] if pieces else ""
        if (
            before.rstrip() != before
        ):  # the space between two scripts, which one from the right would put first
            pieces[-1] = before.rstrip(), last
        pieces.append((before[len(before.rstrip()) :] + letter, font))
    return pieces


def drawable(said: str) -> bool:
    """Whether some font here has every letter of it."""
    own = picture_font(15)
    return all(_has(own, one) or any(_has(font, one) for font in _others(15)) for one in said)


def drawn_width(said: str, size: int, *, bold: bool = False) -> float:
    """How wide it is, in pixels of the page."""
    return sum(font.getlength(piece) for piece, font in _runs(said, size, bold=bold)) / PICTURE_SCALE


def draw_text(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    said: str,
    size: int,
    *,
    ink: str,
    at: str = "l",
    bold: bool = False,
) -> None:
    """Draw a line whose middle is at `y`.

    Args:
        draw: the picture.
        x, y: in pixels of the page.
        said: the text.
        size: of the font.
        ink: its colour.
        at: whether `x` is its left ("l"), its middle ("m") or its right ("r").
        bold: whether it is, in our font.
    """
    above, below = picture_font(size, bold=bold).getmetrics()
    base = y * PICTURE_SCALE + (above - below) / 2
    left = (x - drawn_width(said, size, bold=bold) * {"l": 0, "m": 0.5, "r": 1}[at]) * PICTURE_SCALE
    for piece, font in _runs(said, size, bold=bold):
        draw.text((left, base), piece, fill=ink, font=font, anchor="ls")
        left += font.getlength(piece)


def text_lines(said: str, size: int, width: float, most: int = 2) -> list[str]:
    """A bold sentence in so many lines at most."""
    lines = [""]
    for word in said.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and drawn_width(longer, size, bold=True) > width and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = longer
    return [*lines[:-1], cut_to_width(lines[-1], size, width, bold=True)]


def cut_to_width(said: str, size: int, width: float, *, bold: bool = False) -> str:
    """A text that fits, with an ellipsis where it was longer."""
    while drawn_width(said, size, bold=bold) > width and len(said) > 1:
        said = said[:-2].rstrip() + "…"
    return said
