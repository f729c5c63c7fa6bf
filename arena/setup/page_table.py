"""The table [page] of a configuration: the organiser's words, logo and colour, checked when it is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from agon.arena.core.roster import PageWords
from agon.arena.setup.tables import ConfigError, Table

Code = Literal["en", "fr", "de", "es", "zh", "ar"]
MOST_LOGO = 262_144  # bytes
LEAST_CONTRAST = 4.5  # of text, by WCAG 2.2 AA
# What links stand on, of arena/web/static/agon.css: the page, its cards and its sunken parts.
GROUNDS = {"light": ("#fafaf7", "#ffffff", "#f4f3f0"), "dark": ("#101114", "#18191d", "#0b0c0f")}
SOFT = {"light": 0.1, "dark": 0.16}  # how much of the colour is in the ground of a chosen chip
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "image/webp",
}


def _visible(text: str) -> str:
    if not text.strip():
        raise ValueError("must have a text")
    return text.strip()


Text = Annotated[str, Field(max_length=2000), AfterValidator(_visible)]
Words = Text | dict[Code, Text]


class AccentTable(Table):
    """The colour of links in each theme."""

    light: str
    dark: str | None = None


class PageTable(Table):
    """What the organiser says on the pages, and how they look."""

    title: Words | None = None
    intro: Words | None = None
    consent: Words | None = None
    contact: str | None = None
    logo: str | None = None
    accent: str | AccentTable | None = None

    @field_validator("contact")
    @classmethod
    def _reachable(cls, contact: str) -> str:
        if not re.fullmatch(r"[^@\s\"<>]+@[^@\s\"<>]+\.[^@\s\"<>]+|https?://[^\s\"<>]+", contact):
            raise ValueError("must be an e-mail address or an address that begins with https://")
        return contact


def page_words(path: Path, table: PageTable | None) -> PageWords:
    """What the pages of a configuration say.

    Args:
        path: of the configuration; a logo is looked for beside it.
        table: [page] as it was read; None where there is none.

    Raises:
        ConfigError: a logo that is not there, too large or no image; a colour that is none, or on which
            the words of links could not be read.
    """
    if table is None:
        return PageWords()
    return PageWords(
        title=_by_language(table.title),
        intro=_by_language(table.intro),
        consent=_by_language(table.consent),
        contact=table.contact,
        logo=None if table.logo is None else _logo(path, table.logo),
        accent=None if table.accent is None else _accent(path, table.accent),
    )


def _by_language(words: Words | None) -> dict[str, str]:
    if words is None:
        return {}
    return {"en": words} if isinstance(words, str) else dict(words.items())


def _logo(path: Path, name: str) -> tuple[bytes, str]:
    file = path.parent / name
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_LOGO + 1)
    except OSError as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ConfigError(f"{path}, [page]: the logo {name} cannot be read: {why}; check its path.") from None
    if len(content) > MOST_LOGO:
        raise ConfigError(
            f"{path}, [page]: the logo {name} is larger than {MOST_LOGO // 1024} kB; save it smaller."
        )
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            return content, kind
    if content.lstrip().startswith((b"<svg", b"<?xml")) and b"<svg" in content:
        return content, "image/svg+xml"
    kinds = "PNG, JPEG, WebP or SVG"
    raise ConfigError(f"{path}, [page]: the logo {name} is no {kinds}; save it as one of them.")


def _accent(path: Path, given: str | AccentTable) -> tuple[str, str]:
    light, dark = (given, None) if isinstance(given, str) else (given.light, given.dark)
    _check_colour(path, light, "light")
    if dark is None:
        dark = nearest_readable(light, "dark")
    _check_colour(path, dark, "dark")
    return light.lower(), dark.lower()


def _check_colour(path: Path, colour: str, theme: str) -> None:
    if not _COLOUR.fullmatch(colour):
        raise ConfigError(
            f'{path}, [page]: accent is {colour!r:.60}, but must be a colour such as "#006375".'
        )
    worst = least_contrast(colour, theme)
    if worst < LEAST_CONTRAST:
        near = nearest_readable(colour, theme)
        raise ConfigError(
            f"{path}, [page]: accent {colour} has a contrast of {worst:.1f}:1 in the {theme} theme, and "
            f"links need {LEAST_CONTRAST}:1 to be read; the nearest that has it is {near}."
        )


def least_contrast(colour: str, theme: str) -> float:
    """The contrast of a colour with the worst of what it stands on in a theme."""
    grounds = [*GROUNDS[theme], soft_ground(colour, theme)]
    return min(contrast(colour, ground) for ground in grounds)


def soft_ground(colour: str, theme: str) -> str:
    """The ground of what is chosen: a little of the colour in that of cards."""
    return _mixed(GROUNDS[theme][1], colour, SOFT[theme])


def text_on(colour: str) -> str:
    """White or nearly black, whatever is read better on a colour."""
    return max(("#ffffff", "#091619"), key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, by WCAG: from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def nearest_readable(colour: str, theme: str) -> str:
    """The colour with as little black, or in the dark theme white, in it as makes it readable."""
    end = "#000000" if theme == "light" else "#ffffff"
    for step in range(101):
        mixed = _mixed(colour, end, step / 100)
        if least_contrast(mixed, theme) >= LEAST_CONTRAST:
            return mixed
    return end


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
