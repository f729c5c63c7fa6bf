"""The sentences of the scripts of a page, in its language: English ones stand in the scripts themselves."""

from __future__ import annotations

import json
import re
from functools import cache
from html import escape
from importlib.resources import files

from agon.arena.web.languages.texts import _, language

_LOADED = re.compile(r"([a-z]+\.js)\"")
_SAID = re.compile(r'\bagonText\("((?:[^"\\\\]|\\\\.)*)"')


@cache
def sentences_in(script: str) -> tuple[str, ...]:
    """The sentences of one file of `arena/web/static`."""
    text = (files("agon.arena.web") / "static" / script).read_text(encoding="utf-8")
    return tuple(dict.fromkeys(_SAID.findall(text)))


def script_texts(head: str) -> str:
    """The attribute of a body whose head loads scripts; nothing in English."""
    if language() == "en":
        return ""
    said = {text: _(text) for script in _LOADED.findall(head) for text in sentences_in(script)}
    return f' data-texts="{escape(json.dumps(said, ensure_ascii=False))}"'
