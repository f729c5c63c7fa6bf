"""Program text in answers: tokens of Pygments in seven classes of our own, coloured by the stylesheet."""

from __future__ import annotations

import html
from functools import lru_cache
from itertools import groupby
from time import thread_time

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token, _TokenType

_LONGEST = 6_000  # characters of one block that are coloured
_PATIENCE = 0.04  # seconds of processor time for one block: some lexers take the square of its length
_NAMES = (
    "bash c c# clojure cpp csharp css dart diff docker dockerfile elixir erlang fortran go golang haskell"
    " html ini java javascript js json jsx julia kotlin latex lua make makefile matlab nix ocaml octave perl"
    " php powershell ps1 py python python3 r rb ruby rs rust scala sh shell sql swift tex toml ts tsx"
    " typescript vim xml yaml yml zig zsh"
)
_LANGUAGES = frozenset(_NAMES.split())
CLASSES = {
    Comment: "ag-com",
    Keyword: "ag-kw",
    Operator.Word: "ag-kw",
    Name.Tag: "ag-kw",
    Name.Builtin: "ag-fn",
    Name.Class: "ag-fn",
    Name.Decorator: "ag-fn",
    Name.Function: "ag-fn",
    Name.Attribute: "ag-fn",
    Number: "ag-num",
    String: "ag-str",
    Token.Generic.Deleted: "ag-del",
    Token.Generic.Inserted: "ag-ins",
}


@lru_cache(maxsize=64)
def highlighted(code: str, language: str) -> str:
    """Return program text as HTML; what is long, slow, or of a language not known, is only escaped."""
    lexer = _lexer(language.lower())
    if lexer is None or len(code) > _LONGEST:
        return html.escape(code, quote=False)
    deadline = thread_time() + _PATIENCE
    pieces = []
    for _, kind, text in lexer.get_tokens_unprocessed(code):
        if thread_time() > deadline:
            return html.escape(code, quote=False)
        pieces.append((_class(kind), text))
    runs = groupby(pieces, lambda piece: piece[0])
    return "".join(_span(name, "".join(text for _, text in run)) for name, run in runs)


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    return get_lexer_by_name(language) if language in _LANGUAGES else None


@lru_cache(maxsize=512)
def _class(kind: _TokenType) -> str | None:
    while kind is not Token:
        if kind in CLASSES:
            return CLASSES[kind]
        kind = kind.parent
    return None


def _span(name: str | None, text: str) -> str:
    escaped = html.escape(text, quote=False)
    return escaped if name is None or text.isspace() else f'<span class="{name}">{escaped}</span>'
