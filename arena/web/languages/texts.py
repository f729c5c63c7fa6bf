"""The words of pages in the language of whoever reads them.

A page writes `_("Whole sentence with {name}.", name=...)` or `ngettext("{count} vote", "{count} votes", n)`,
and catalogues in `translations/` hold the same in other languages; `make translations` renews them.
A message has no `"`, `&`, `<` or `>` but tags that its translations have too, so it stands in HTML as it is;
what is put into it is text that its caller escapes (templates escape it themselves). Without a request, as
in files that are published, the language is English unless `speaking` says another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from math import isfinite
from typing import Any

from babel import Locale
from babel.dates import format_datetime, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup

from agon.ranking.text import Figure, Names, Sentence, join_names

# The languages there are, by their own names, in the order in which they are offered.
PAGE_LANGUAGES = {
    "en": "English",
    "fr": "Français",
    "de": "Deutsch",
    "es": "Español",
    "zh": "简体中文",
    "ar": "العربية",
}
RIGHT_TO_LEFT = {"ar"}
_COMMAS = {"zh": "，", "ar": "، "}


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a page is for.

    Attributes:
        language: one of PAGE_LANGUAGES.
        query: of the address that was asked for, without a choice of language; None where nobody asks.
    """

    language: str = "en"
    query: tuple[tuple[str, str], ...] | None = None


_reader: ContextVar[Reader | None] = ContextVar("agon_reader", default=None)


def reader() -> Reader:
    """Whom this page is for."""
    return _reader.get() or Reader()


def language() -> str:
    """The language of this page."""
    return reader().language


def direction() -> str:
    """Where lines of this page begin: "ltr" or "rtl"."""
    return "rtl" if language() in RIGHT_TO_LEFT else "ltr"


def read_by(one: Reader) -> None:
    """Say whom everything that follows in this context is for."""
    _reader.set(one)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """What is written inside is in this language."""
    token = _reader.set(Reader(code))
    try:
        yield
    finally:
        _reader.reset(token)


@cache
def _catalogue(code: str) -> NullTranslations:
    if code == "en":
        return NullTranslations()
    with (files(__package__) / "translations" / code / "LC_MESSAGES" / "agon.mo").open("rb") as file:
        return GNUTranslations(file)


def message(text: str) -> str:
    """Mark a text to be translated when it is shown, by `translated`."""
    return text


def _filled(template: str, values: dict[str, Any]) -> str:
    if not values:
        return template
    text = template.format(**{name: _shown(value) for name, value in values.items()})
    return text.replace("。 ", "。") if language() == "zh" else text


def _shown(value: Any) -> Any:
    """A value as it stands in a sentence: numbers and sentences in the language of the page."""
    found = value
    if isinstance(value, Sentence):
        found = translated(value)
    elif isinstance(value, Names):
        found = names_listed(value)
    elif isinstance(value, Figure):
        found = figure(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = number(value)
    elif isinstance(value, list):
        found = all_of([_shown(one) for one in value])
    elif isinstance(value, tuple):
        found = comma_list([_shown(one) for one in value])
    return found


def _(text: str, /, **values: Any) -> str:
    """A message in the language of the page, with its values in it; numbers as that language writes them."""
    return _filled(_catalogue(language()).gettext(text), values)


def ngettext(one: str, many: str, count: int, /, **values: Any) -> str:
    """A message about a number of things, `{count}` in it."""
    found = _catalogue(language()).ngettext(one, many, count)
    return _filled(found, {"count": count, **values})


def translated(text: str) -> str:
    """A text of the inner parts as the reader is told it: a `Sentence`, or one that is always the same."""
    if not isinstance(text, Sentence):
        return _catalogue(language()).gettext(text) if text else text
    if text.plural is None:
        return _(text.template, **text.values)
    count = text.values["count"]
    return ngettext(text.template, text.plural, count, **text.values)


def template_text(text: str, /, **values: Any) -> Markup:
    """As `_`, for templates: HTML, with what is put in escaped."""
    found = Markup(_catalogue(language()).gettext(text))  # noqa: S704 (catalogues are ours)
    return Markup(_filled(found, values)) if values else found  # noqa: S704


def template_plural(one: str, many: str, count: int, /, **values: Any) -> Markup:
    """As `ngettext`, for templates: HTML, with what is put in escaped."""
    found = Markup(_catalogue(language()).ngettext(one, many, count))  # noqa: S704
    return Markup(_filled(found, {"count": count, **values}))  # noqa: S704


def number(value: float, digits: int | None = None) -> str:
    """A number as the language of the page writes it; `digits` is how many follow the point."""
    if language() == "en":
        return f"{value:,.{digits}f}" if digits is not None else f"{value:,}"
    pattern = None if digits is None else f"#,##0.{'0' * digits}" if digits else "#,##0"
    return str(format_decimal(value, pattern, locale=language()))


def percent(share: float, digits: int = 0) -> str:
    """A share as percent: 0.123 is "12%"."""
    if language() == "en":
        return f"{share:.{digits}%}"
    pattern = Locale.parse(language()).percent_formats[None].pattern
    if digits:
        pattern = pattern.replace("#,##0", f"#,##0.{'0' * digits}")
    return str(format_percent(share, pattern, locale=language()))


def figure(value: Figure) -> str:
    """A number with its digits as the language of the page writes it."""
    text = str(value)
    digits = len(text.partition(".")[2].rstrip("%"))
    if text.endswith("%"):
        return percent(value.value, digits)
    if language() == "en" or not isfinite(value.value) or "e" in text:
        return text
    return number(float(text.replace(",", "")), digits)


def short_date(when: date) -> str:
    """A day where there is little room: "4 Mar 2026"."""
    if language() == "en":
        return f"{when.day} {when:%b %Y}"
    return str(format_skeleton("yMMMd", when, locale=language()))


def date_and_time(when: datetime) -> str:
    """A day and a time."""
    if language() == "en":
        return f"{when.day} {when:%B %Y, %H:%M}"
    return str(format_datetime(when, "medium", locale=language()))


def in_english() -> str:
    """The attributes of what stands in English on every page, such as the sentences of the engine."""
    return "" if language() == "en" else ' lang="en" dir="ltr"'


def language_called(code: str) -> str | None:
    """A language by its name in the language of the page; None for one that is not known."""
    return Locale.parse(language()).languages.get(code)


def comma_list(items: Sequence[str]) -> str:
    """Things after each other, with the language's comma."""
    return _COMMAS.get(language(), ", ").join(items)


def dotted(parts: Sequence[str]) -> str:
    """Parts of a line with dots between; each keeps its own direction where lines begin on the right."""
    return ("\u200f · \u200f" if direction() == "rtl" else " · ").join(parts)


def all_of(items: Sequence[str]) -> str:
    """Things in a sentence, with the language's "and" before the last."""
    if language() == "en":
        return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
    return str(format_list(list(items), locale=language()))


def paragraph(sentences: Sequence[str]) -> str:
    """Sentences after each other; Chinese has no space between them."""
    text = " ".join(sentences)
    return text.replace("。 ", "。") if language() == "zh" else text


def names_listed(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence: all of them, or the first few and how many more."""
    if language() == "en":
        return join_names(names, most)
    if len(names) <= most + 1:
        return all_of(list(names))
    left = len(names) - most
    return all_of([*names[:most], ngettext("{count} more", "{count} more", left)])
