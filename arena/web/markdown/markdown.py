"""Model text as HTML one may show: Markdown, tables, code and LaTeX in, a short allow-list of tags out.

Model text is a stranger's. Raw HTML in it is shown as written, images are named and never loaded, links say
where they lead and open apart; no styles, ids, scripts or remote loads can come of it. The parser makes only
tags of this list, and nh3 takes out once more what is not on it. `.ag-body` in agon.css contains the rest.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import cast

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_block.table import escapedSplit
from markdown_it.rules_core import StateCore, text_join
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from agon.arena.web.markdown import latex as formulas
from agon.arena.web.markdown.latex import formulas_plugin, mathml
from agon.arena.web.markdown.syntax import CLASSES, highlighted

_FORMATTED, _LINES = 40_000, 1_500  # characters and lines read as Markdown; the rest is shown as written
_PARAGRAPH = 8_000  # characters of a paragraph in which marks are looked for
_FORMULAS, _CODE = 8_000, 18_000  # characters of an answer that are typeset, that are coloured
_CELLS = 2_000  # of all tables of an answer
_DEEPEST = 20  # lists and quotations within one another
_TAGS = "p h3 h4 h5 h6 ul ol li blockquote pre code em strong s a br hr table thead tbody tr th td span div"
TAGS = frozenset(_TAGS.split())
ALLOWED_CLASSES = {
    "span": {"ag-image", *CLASSES.values()},
    "div": {"ag-tw", "ag-tex", "ag-plain"},
    "code": {"ag-tex"},
    "th": {"ag-right", "ag-mid"},
    "td": {"ag-right", "ag-mid"},
}
ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),  # not even the title and language that nh3 would keep
    "a": {"href"},
    "ol": {"start"},
    **{tag: set(formulas.ATTRIBUTES) for tag in formulas.TAGS},
}
REL = "noopener noreferrer nofollow ugc"
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
    # joiners stay between letters of scripts that need them, and within emoji
    "|(?<![\u0300-\U0001ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0300-\U0001ffff])|(?<=[\u200c\u200d])[\u200c\u200d]"
)


def answer_html(text: str, *, writing: bool = False) -> str:
    """Return the HTML of an answer; `writing` holds back the marks at its end that are not complete yet.

    What is read as Markdown, typeset and coloured is bounded, so that the cost is linear in the text.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")  # half of a surrogate pair cannot be shown
    text = without_hidden(text.replace("\r\n", "\n").replace("\r", "\n"))
    if writing:
        text = _settled(text)
    text, rest = _cut(text)
    body = _parser().render(text, {"formulas": _FORMULAS, "code": _CODE, "cells": _CELLS})
    if rest:
        body += f'<div class="ag-plain">{html.escape(rest, quote=False)}</div>'
    return without_hidden(_cleaner().clean(body))


def reachable_html(text: str) -> str:
    """A whole answer as `answer_html` gives it, in which keys reach what scrolls: code and tables."""
    found = answer_html(text).replace("<pre>", '<pre tabindex="0">')
    return found.replace('<div class="ag-tw">', '<div class="ag-tw" tabindex="0">')


@lru_cache(64)
def words_html(text: str | None) -> Markup:
    """What the organiser says, in Markdown, for a template; nothing of None."""
    return Markup(answer_html(text or "").strip())  # noqa: S704 (it is cleaned)


def without_hidden(text: str) -> str:
    """Return a text without characters that are invisible or turn the direction of what follows."""
    return _HIDDEN.sub("", text)


def _cut(text: str) -> tuple[str, str]:
    """Part a text that is longer than any model writes into what is formatted and what is shown as it is."""
    lines = text.split("\n", _LINES)
    cut = len(text) - len(lines[-1]) if len(lines) > _LINES else len(text)
    if cut > _FORMATTED:
        cut = text.rfind("\n", _FORMATTED // 2, _FORMATTED) + 1 or _FORMATTED
    return text[:cut], text[cut:]


_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{0,24}")  # what may stand behind a fence without being text
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_MARKS_ONLY = re.compile(r"\s*(?:[-=*+#>_~`|:.$\\]+|\d{1,9}[.)]?)?\s*")
_HEAD = re.compile(r"\s*\|[^\n]*(?:\n[ \t|:-]*)?")
_OPEN_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})(?:\](?:\([^()\n]{0,500})?)?$")
_MARK = re.compile(r"\\.|(`+)|(\*\*|~~)")


def _settled(text: str) -> str:
    """Hold back or close what the end of a text begins, so that the next words do not change its shape."""
    fence, begun = None, 0
    for found in _FENCE.finditer(text):
        if fence is None:
            fence, begun = found[1], found.start()
        elif found[1].startswith(fence) and not found[2].strip():
            fence = None
    last = text.rfind("\n") + 1
    if fence is not None:  # an open block of code ends with the text by itself
        return text if text[last:].strip("`~ ") and begun < last else text[:last]
    if _MARKS_ONLY.fullmatch(text, last):
        text = text[:last]
    paragraph = text[text.rfind("\n\n") + 1 :]
    if _HEAD.fullmatch(paragraph.strip("\n")) and "|" in paragraph:
        return text[: len(text) - len(paragraph)]
    text = _OPEN_LINK.sub(r"\1", text)
    return text + _closers(text[max(text.rfind("\n\n"), text.rfind("\n|")) + 1 :])


def _closers(paragraph: str) -> str:
    """The marks that close what is open at the end of a paragraph: code, strong, struck out."""
    code: str | None = None
    open_marks: list[str] = []
    for found in _MARK.finditer(paragraph[-_PARAGRAPH:]):
        ticks, mark = found[1], found[2]
        if code is not None:
            code = None if ticks == code else code
        elif ticks:
            code = ticks
        elif mark in open_marks:
            open_marks.remove(mark)
        elif mark and paragraph[found.end() : found.end() + 1].strip():
            open_marks.append(mark)
    return (code or "") + "".join(reversed(open_marks))


def _fence(token: Token, env: EnvType) -> str:
    env["code"] -= len(token.content)
    info = token.info.strip()
    named = _LANGUAGE.fullmatch(info)
    language = info if named and env["code"] >= 0 else ""
    said = "" if named else f'<div class="ag-plain">{html.escape(info, quote=False)}</div>'
    return f"{said}<pre><code>{highlighted(token.content, language)}</code></pre>\n"


def _code_block(token: Token, _: EnvType) -> str:
    return f"<pre><code>{html.escape(token.content, quote=False)}</code></pre>\n"


def _image(token: Token, _: EnvType) -> str:
    words = html.escape(token.content.strip() or "without a description", quote=False)
    return f'<span class="ag-image">image: {words}</span>'


def _formula(token: Token, env: EnvType) -> str:
    display = token.markup not in {"$", r"\("}
    return (mathml(token.content, display) if env["typeset"] else None) or _source(token)


def _formula_block(token: Token, env: EnvType) -> str:
    written = mathml(token.content, True) if env["formulas"] > 0 else None
    env["formulas"] -= len(token.content)
    return f'<div class="ag-tex">{written or _source(token)}{html.escape(token.info)}</div>\n'


def _source(token: Token) -> str:
    return f'<code class="ag-tex">{html.escape(token.content, quote=False)}</code>'


def _cell(token: Token, _: EnvType) -> str:
    style = str(token.attrs.get("style", ""))
    name = {"text-align:right": ' class="ag-right"', "text-align:center": ' class="ag-mid"'}.get(style, "")
    return f"<{token.tag}{name}>"


def _heading(tag: str) -> str:
    """The page has an h1 and each answer an h2: what a model calls h1 is an h3 here."""
    return f"h{min(int(tag[1]) + 2, 6)}"


# How a token is written, where the parser's own way is not ours; `env` holds what is left of the budgets.
_WRITERS: dict[str, Callable[[Token, EnvType], str]] = {
    "heading_open": lambda token, _: f"<{_heading(token.tag)}>",
    "heading_close": lambda token, _: f"</{_heading(token.tag)}>\n",
    "table_open": lambda *_: '<div class="ag-tw"><table>\n',
    "table_close": lambda *_: "</table></div>\n",
    "th_open": _cell,
    "td_open": _cell,
    "fence": _fence,
    "code_block": _code_block,
    "image": _image,
    "formula": _formula,
    "formula_block": _formula_block,
}


def _rule(write: Callable[[Token, EnvType], str]) -> Callable[..., str]:
    def rule(
        _renderer: RendererHTML, tokens: Sequence[Token], at: int, _options: OptionsDict, env: EnvType
    ) -> str:
        return write(tokens[at], env)

    return rule


def _too_deep(state: StateBlock, start: int, last: int, silent: bool) -> bool:
    """Show what is nested too deeply as it was written, where the parser would leave it out."""
    if state.level < _DEEPEST:
        return False
    if not silent:
        token = state.push("code_block", "code", 0)
        token.content = state.getLines(start, last, 0, True)
        token.map = [start, last]
        state.line = last
    return True


def _table(state: StateBlock, start: int, last: int, silent: bool) -> bool:
    """Read a table as far as the answer's cells reach: rows of one mark could ask for any number."""
    columns = state.src.count("|", state.bMarks[start], state.eMarks[start]) + 1
    rows = state.env["cells"] // columns
    last = min(last, start + 1 + rows)
    if columns == 1 or rows < 1 or not table(state, start, last, True) or _ragged(state, start, last):
        return False
    if not silent:
        table(state, start, last, False)
        state.env["cells"] -= columns * (state.line - start)
    return True


def _ragged(state: StateBlock, start: int, last: int) -> bool:
    """Whether a row has more cells than the head: the parser would leave their text out.

    Lines before one that was found so are no table either, so that each line is counted once.
    """
    if start < state.env.get("ragged", 0):
        return True
    most = None
    for line in range(start, last):
        text = state.getLines(line, line + 1, state.blkIndent, False).strip()
        if not text or state.sCount[line] < state.blkIndent:
            return False
        cells = len(escapedSplit(text)) - text.startswith("|") - (text.endswith("|") and len(text) > 1)
        if most is None:
            most = cells
        elif cells > most:
            state.env["ragged"] = line
            return True
    return False


def _line_break(state: StateInline, silent: bool) -> bool:
    """Read `<br>`, which models write into tables for want of another way, as a line break."""
    found = _BREAK.match(state.src, state.pos) if state.src[state.pos] == "<" else None
    if found is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _inlines(state: StateCore) -> None:
    """Write what stands within paragraphs, cells and headings; what was written before is not read again."""
    for token in state.tokens:
        if token.type == "inline":
            written, typeset = _inline(state, token.content)
            state.env["formulas"] -= typeset
            token.children = [Token("html_inline", "", 0, content=written)]


def _inline(state: StateCore, content: str) -> tuple[str, int]:
    if len(content) > _PARAGRAPH:  # looking for marks costs more than they would say
        return html.escape(content, quote=False), 0
    typeset = state.env["formulas"] > 0
    if state.env.get("references") or len(content) > 1_000:
        return _inline_html(content, typeset, state.env.get("references"))
    return _kept_inline_html(content, typeset)


def _inline_html(content: str, typeset: bool, references: object = None) -> tuple[str, int]:
    """Return the HTML within a paragraph, and how many characters of formulas it holds."""
    md = _parser()
    env: EnvType = {"references": references or {}, "typeset": typeset}
    children: list[Token] = []
    md.inline.parse(content, md, env, children)
    whole = Token("inline", "", 0, children=children)
    text_join(StateCore("", md, env, [whole]))  # which makes a shorter list of its own
    children = whole.children or []
    length = sum(len(child.content) for child in children if child.type == "formula")
    return RendererHTML.renderInline(cast(RendererHTML, md.renderer), children, md.options, env), length


@lru_cache(maxsize=1024)
def _kept_inline_html(content: str, typeset: bool) -> tuple[str, int]:
    return _inline_html(content, typeset)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    md = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": _DEEPEST + 4})
    md.enable(["table", "strikethrough"]).use(formulas_plugin)
    md.validateLink = lambda url: _ADDRESS.match(url) is not None  # type: ignore[method-assign]
    md.core.ruler.at("inline", _inlines)
    md.core.ruler.disable("text_join")
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    md.block.ruler.before("table", "too_deep", _too_deep)
    md.inline.ruler.before("autolink", "line_break", _line_break)
    for name, write in _WRITERS.items():
        md.add_render_rule(name, _rule(write))
    return md


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS | formulas.TAGS),
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        allowed_classes=ALLOWED_CLASSES,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel=REL,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        strip_comments=True,
    )
