"""An answer while it is written, as HTML at the cost of its last block.

The whole text is rendered once it has ended. Until then it is cut where one block surely ends and another
begins, and finished blocks are kept: a page brought up to date eight times a second must not parse the
same paragraphs again each time.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agon.arena.web.markdown.markdown import answer_html

# After an empty line, a line that starts a block of its own: no list, quotation, table row or indented text.
_START = re.compile(r"\n\n(?=[^\s>|\-*+\d$\\`~#])")
_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
_kept = lru_cache(maxsize=4096)(answer_html)


@lru_cache(maxsize=64)  # several pages follow one answer
def streaming_html(text: str) -> str:
    """Render what there is of an answer; the marks at its end that are not complete are held back."""
    blocks, begin = [], 0
    for match in _START.finditer(text):
        block = text[begin : match.end()]
        if (
            len(_FENCE.findall(block)) % 2
            or block.count("$$") % 2
            or block.count(r"\[") != block.count(r"\]")
        ):
            continue
        blocks.append(block)
        begin = match.end()
    return "".join(map(_kept, blocks)) + answer_html(text[begin:], writing=True)
