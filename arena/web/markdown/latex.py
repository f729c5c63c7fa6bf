r"""LaTeX in model text: where a formula begins and ends in Markdown, and its MathML.

A formula stands between `$…$`, `$$…$$`, `\(…\)`, `\[…\]` or `\begin{env}…\end{env}`; what does not close, or
closes too far away, stays text. Every search is bounded, so that the cost is linear in the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from latex2mathml.converter import Converter
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LONGEST, _LINES = 1_000, 40  # characters and lines of one formula
_DEEPEST = 24  # braces within braces
_ENVIRONMENTS = "align|aligned|alignat|gather|gathered|equation|multline|cases|split|array|[bBpvV]?matrix"
_TAGS = (
    "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover"
    " mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none"
)
_ATTRIBUTES = (
    "display displaystyle stretchy fence form accent accentunder movablelimits mathvariant scriptlevel"
    " linethickness columnalign columnspacing rowspacing columnlines rowlines notation minsize maxsize"
    " width lspace rspace"
)
TAGS, ATTRIBUTES = frozenset(_TAGS.split()), frozenset(_ATTRIBUTES.split())
_CLOSING = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}
_NOT_OPERATORS = "∞∂∇∀∃∅"
_BEGIN = re.compile(rf"\\begin\{{(({_ENVIRONMENTS})\*?)\}}")
_DISPLAY = re.compile(r"\$\$|\\\[|" + _BEGIN.pattern)
_MACRO = re.compile(r"\\(?:(?:re)?newcommand|providecommand|def|gdef|edef|let|newenvironment|DeclareMath)")
_WORD = re.compile(r"\s[A-Za-z]{2,}\s")
# What is an instruction and not text: commands, and what some of them are given.
_COMMAND = re.compile(
    r"\\(?:begin|end)\{[A-Za-z*]+\}(?:\[\w\])?(?:\{[lcr|@ ]*\})?"
    r"|\\(?:[hvm]space|color|textcolor|label)\*?\s*\{[^{}]*\}|\\[A-Za-z]+|\\."
)
_TAG = re.compile(r"<[^>]*>")
_VALUE = re.compile(r"[A-Za-z -]{1,32}|-?\d{0,2}(?:\.\d{1,4})?(?:em|ex|px|pt|mu)?")


def formulas_plugin(md: MarkdownIt) -> None:
    """Teach a Markdown parser to find formulas; their tokens are `formula` and `formula_block`."""
    md.inline.ruler.before("escape", "formula", _inline)
    md.block.ruler.before(
        "fence", "formula_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


@lru_cache(maxsize=2048)
def mathml(latex: str, display: bool) -> str | None:
    """Return the MathML of a formula, or None where it cannot be read (the source is shown instead)."""
    latex = latex.strip()
    if not latex or len(latex) > _LONGEST or _MACRO.search(latex) or _depth(latex) > _DEEPEST:
        return None
    try:
        found = _serialised(Converter(display="block" if display else "inline").convert_to_element(latex))
    except Exception:  # whatever a stranger's LaTeX makes of the converter: the source is shown
        return None
    return found if _whole(latex, found) else None


def _whole(latex: str, found: str) -> bool:
    """Whether every letter and digit of a formula is in its MathML; those behind % are not."""
    written = Counter(filter(str.isalnum, _COMMAND.sub("", latex)))
    drawn = Counter(unicodedata.normalize("NFKC", html.unescape(_TAG.sub("", found))))
    return written <= drawn


def _depth(latex: str) -> int:
    deepest = depth = 0
    for character in latex:
        if character == "{":
            depth += 1
            deepest = max(deepest, depth)
        elif character == "}":
            depth -= 1
    return max(deepest, latex.count(r"\left"), latex.count(r"\begin"))


def _serialised(element: Element) -> str:
    """Write the tree with every text escaped: the converter's own writer lets tags in `\\text` through."""
    inner = html.escape(html.unescape(element.text or ""), quote=False) + "".join(map(_serialised, element))
    tail = html.escape(html.unescape(element.tail or ""), quote=False)
    tag = element.tag
    if tag not in TAGS:
        return inner + tail
    if (
        tag == "mi"
        and len(inner) == 1
        and unicodedata.category(inner) == "Sm"
        and inner not in _NOT_OPERATORS
    ):
        tag = "mo"  # the converter calls ± and its like identifiers, which are set without space around them
    kept = "".join(
        f' {name}="{value}"'
        for name, value in element.attrib.items()
        if name in ATTRIBUTES and _VALUE.fullmatch(value)
    )
    return f"<{tag}{kept}>{inner}</{tag}>{tail}"


def _end(text: str, start: int, closing: str) -> int:
    """Where the closing mark begins, not behind a backslash and not too far away; -1 if nowhere."""
    while (found := text.find(closing, start, start + _LONGEST + 2)) >= 0:
        if closing[0] == "\\" or not _escaped(text, found):
            return found
        start = found + 1
    return -1


def _escaped(text: str, at: int) -> bool:
    before = text[max(0, at - 32) : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _opening(text: str, at: int) -> str | None:
    """The mark that opens a formula here, if one does."""
    two = text[at : at + 2]
    if two in _CLOSING:
        return two
    if text[at] != "$" or not text[at + 1 : at + 2].strip() or text[at - 1 : at].isalnum():
        return None  # "$5", but not "US$5" nor "5 $ a day"
    return "$"


def _is_prose(content: str) -> bool:
    """Whether this stands between two prices, as in "$5 and $10", rather than in a formula."""
    return content[-1].isspace() or ("\\" not in content and _WORD.search(content) is not None)


def _inline(state: StateInline, silent: bool) -> bool:
    text, at = state.src, state.pos
    if text[at] not in "$\\":
        return False
    environment = _BEGIN.match(text, at)
    opening = None if environment else _opening(text, at)
    if environment:
        closing = rf"\end{{{environment[1]}}}"
        end = text.find(closing, environment.end(), at + _LONGEST)
        content = text[at : end + len(closing)]
    elif opening:
        closing = _CLOSING[opening]
        end = _end(text, at + len(opening), closing)
        content = text[at + len(opening) : end]
    else:
        return False
    if end < 0 or not content.strip():
        return False
    if opening == "$" and (text[end + 1 : end + 2].isdigit() or _is_prose(content)):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = content
        token.markup = opening or ""
    state.pos = end + len(closing)
    return True


def _block(state: StateBlock, start: int, last: int, silent: bool) -> bool:
    """Take a formula that begins a line and whose closing mark ends one, without an empty line between."""
    at = state.bMarks[start] + state.tShift[start]
    opening = _DISPLAY.match(state.src, at, state.eMarks[start])
    if not opening or state.is_code_block(start):
        return False
    closing = _CLOSING.get(opening[0]) or rf"\end{{{opening[1]}}}"
    if state.src.find(closing, opening.end(), opening.end() + _LONGEST + _LINES) < 0:
        return False
    content, after, line = _lines(state, start, last, opening.end(), closing)
    if after is None:
        return False
    if not silent:
        token = state.push("formula_block", "math", 0)
        token.block = True
        token.content = content if opening[0] in _CLOSING else opening[0] + content + closing
        token.info = after.strip()
        token.map = [start, line + 1]
        state.line = line + 1
    return True


def _lines(state: StateBlock, start: int, last: int, at: int, closing: str) -> tuple[str, str | None, int]:
    """The content up to the closing mark, what is written after it (None: no formula), and its line."""
    lines: list[str] = []
    for line in range(start, min(last, start + _LINES)):
        begin = at if line == start else state.bMarks[line] + state.tShift[line]
        text = state.src[begin : state.eMarks[line]]
        if line > start and (not text.strip() or state.sCount[line] < state.blkIndent):
            break
        content, mark, after = text.partition(closing)
        lines.append(content)
        if mark:
            return "\n".join(lines), None if after.strip(" .,;:") else after, line
    return "", None, start
