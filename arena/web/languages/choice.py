"""Which language a page is in: what was chosen in its footer, else what the browser asks for."""

from __future__ import annotations

from collections.abc import MutableMapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from babel import negotiate_locale

from agon.arena.web.languages.texts import PAGE_LANGUAGES, Reader, _, reader

PARAMETER, COOKIE_NAME = "lang", "agon-language"


def reader_of(
    scope: MutableMapping[str, Any], headers: MutableMapping[str, str]
) -> tuple[Reader, str | None]:
    """Who asks, and the language that was chosen by this very request, to be kept in a cookie.

    The choice is taken out of the address, so that no page has to know of it.
    """
    chosen = None
    query = scope.get("query_string", b"").decode("latin-1")
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(name == PARAMETER for name, _value in pairs):
        chosen = next((value for name, value in pairs if name == PARAMETER and value in PAGE_LANGUAGES), None)
        pairs = [(name, value) for name, value in pairs if name != PARAMETER]
        scope["query_string"] = urlencode(pairs).encode()
    found = chosen or _kept(headers.get("cookie")) or asked_for(headers.get("accept-language", ""))
    return Reader(found, tuple(pairs)), chosen


def _kept(cookies: str | None) -> str | None:
    try:
        morsel = SimpleCookie(cookies or "").get(COOKIE_NAME)
    except CookieError:
        return None
    return morsel.value if morsel and morsel.value in PAGE_LANGUAGES else None


def asked_for(header: str) -> str:
    """The language of ours that an Accept-Language header likes best; English where it likes none."""
    liked = []
    for number, part in enumerate(header[:1000].split(",")):
        code, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        try:
            quality = float(weight)
        except ValueError:
            continue
        if code and code != "*" and quality > 0:
            liked.append((-quality, number, code))
    return negotiate_locale([code for *_order, code in sorted(liked)], list(PAGE_LANGUAGES), sep="-") or "en"


def choice_html() -> str:
    """The languages as links to this address in each; nothing where nobody asks."""
    one = reader()
    if one.query is None:
        return ""
    links = []
    for code, name in PAGE_LANGUAGES.items():
        address = escape("?" + urlencode([*one.query, (PARAMETER, code)]))
        here = " aria-current=true" if code == one.language else ""
        links.append(f'<li><a href="{address}" lang="{code}" hreflang="{code}"{here}>{name}</a></li>')
    return f'<nav class="ag-langs" aria-label="{_("Language")}"><ul>{"".join(links)}</ul></nav>'
