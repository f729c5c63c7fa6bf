"""The page on which others see a battle of somebody, and how its voter sees that before."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from markupsafe import Markup

from agon.arena.core.arena import Arena
from agon.arena.core.visitors.people import SharedBattle
from agon.arena.web.battle.view import render
from agon.arena.web.languages.texts import _, all_of, ngettext
from agon.arena.web.layout import page_html
from agon.arena.web.markdown.markdown import reachable_html
from agon.arena.web.you.your_pages import HEAD, name_of, verdict
from agon.data.log.personal.history import PastBattle

_BODY = "@@body@@"  # takes the place of the body while addresses of the frame are written anew
_LONGEST = 200  # characters of what other sites show of a page


def shared_html(arena: Arena, past: PastBattle, shown: SharedBattle, address: str) -> str:
    """The page for others; `address` is its own, whole."""
    said = shared_verdict(arena, past)
    about = " ".join(shown.turns[0][0].split())
    about = about if len(about) <= _LONGEST else about[: _LONGEST - 1] + "…"
    told = {
        "og:title": said,
        "og:description": about,
        "og:type": "article",
        "og:url": address,
        "og:image": f"{address}.png",
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": said,
        "og:site_name": arena.roster.title,
    }
    metas = "".join(f'<meta property="{name}" content="{escape(value)}">' for name, value in told.items())
    metas += '<meta name="twitter:card" content="summary_large_image">'
    page = page_html(said, _BODY, current=None, head=HEAD + metas.replace(_BODY, ""))
    # The page lies one step down, and what people and models wrote is not touched.
    return page.replace('="./', '="../').replace(_BODY, _body(said, past, shown), 1)


def preview_html(arena: Arena, past: PastBattle, shown: SharedBattle, yours: int) -> str:
    """What its voter sees before anybody else does, with what is covered and the way to publish it."""
    said = shared_verdict(arena, past)
    body = render(
        "your_share.html",
        battle=past.battle_id,
        kinds=_kinds(shown.kinds),
        published=past.link is not None,
        body=Markup(_body(said, past, shown, preview=True)),
    )
    return page_html(_("Show it to others"), body, current=None, yours=yours, head=HEAD)


def shared_verdict(arena: Arena, past: PastBattle) -> str:
    """The verdict as others read it."""
    return verdict(past, name_of(arena), own=False)


def _body(said: str, past: PastBattle, shown: SharedBattle, *, preview: bool = False) -> str:
    turns: list[dict[str, Any]] = [
        {
            "prompt": prompt,
            "images": images,
            "answers": [
                {"letter": one.letter, "name": one.name, "html": Markup(reachable_html(one.text))}
                for one in answers
            ],
        }
        for prompt, images, answers in shown.turns
    ]
    return render(
        "shared.html",
        verdict=said,
        turns=turns,
        withdrawn=past.withdrawn is not None,
        named=past.named,
        preview=preview,
    )


def _kinds(kinds: Mapping[str, int]) -> str:
    """What is covered, in words."""
    words = {
        "e-mail address": lambda n: ngettext("{count} e-mail address", "{count} e-mail addresses", n),
        "phone number": lambda n: ngettext("{count} phone number", "{count} phone numbers", n),
        "key": lambda n: ngettext("{count} key or password", "{count} keys or passwords", n),
        "account": lambda n: ngettext("{count} bank account", "{count} bank accounts", n),
        "number": lambda n: ngettext("{count} card number", "{count} card numbers", n),
        "network address": lambda n: ngettext("{count} network address", "{count} network addresses", n),
    }
    return all_of([words[kind](n) for kind, n in kinds.items() if n])
