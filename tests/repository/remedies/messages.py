"""The messages with a remedy: every one that the code holds, and those that a text is made of."""

import ast
import re
from functools import cache
from typing import NamedTuple

from tests.support.paths import REPOSITORY

FOLDERS = ("ranking", "data", "serving", "arena", "agon")
_VERBS = (
    "ask|use|pass|give|name|add|choose|drop|leave|write|correct|rename|install|take|set|say|remove|delete|move|"
    "download|trim|keep|make|read|annotate|spell|fill|put|check"
)
_REMEDY = re.compile(
    rf"(?:[;:.,(] |\bor |\band )(?:first |only |either )?(?:{_VERBS}) |; (?:rank|show) | try again"
    r"|(?<![\w-])--[a-z][a-z-]+|\bagon (?:rank|serve|check|export|convert|import|recover) |did you mean"
)
_NO_MESSAGE = re.compile(r"SELECT|count\(|<\w|\n|^\W*lower\(")
# Lists of commands, what OpenAPI says of statuses, and ends of other sentences: no answers to a mistake.
_LISTS = {"arena/cli/methods.py", "arena/web/api/document.py", "ranking/errors.py"}
_ONE_OF_MANY: dict[str, str] = {}  # a sentence for one → that for many
_HOLE, _WORD = "\x00", "\x01"


class Template(NamedTuple):
    """A sentence of the code: where it stands, and its text with holes."""

    file: str
    line: int
    text: str

    def plain(self) -> str:
        """Its text, in which `{rows}` and the like, filled in later by format, are holes too."""
        text = re.sub(r"(?<!\{)\{\w+\}(?!\})", _HOLE, self.text)
        return text.replace("{{", "{").replace("}}", "}")

    def fixed(self) -> str:
        """Its longest part without a hole: a text without that is not of it."""
        return max(re.split(f"[{_HOLE}{_WORD}]", self.plain()), key=len)

    def pattern(self) -> re.Pattern[str]:
        """What fits it."""
        made = (
            re.escape(self.plain()).replace(_HOLE, ".*?").replace(_WORD, r"(?:did you mean .+\?|known: .+)")
        )
        return re.compile(made, re.DOTALL)

    def words(self) -> int:
        """How much of it is fixed."""
        return len(self.plain().replace(_HOLE, "").replace(_WORD, ""))


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(_WORD if "suggest(" in ast.unparse(part) else _HOLE)
    return "".join(parts)


@cache
def templates() -> tuple[Template, ...]:
    """Every sentence with a remedy, without docstrings, the help of options, SQL and HTML.

    A sentence for one and that for many are met together.
    """
    found = {}
    for path in (p for folder in FOLDERS for p in sorted((REPOSITORY / folder).rglob("*.py"))):
        tree, skipped = ast.parse(path.read_text()), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                skipped.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                skipped |= {part for part in node.values if isinstance(part, ast.Constant)}
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("Sentence", "ngettext"):
                texts = [text for one in node.args if (text := _text(one)) is not None]
                _ONE_OF_MANY.update({texts[0]: texts[1]} if len(texts) > 1 else {})
            elif isinstance(node, ast.keyword) and node.arg in ("help", "description", "epilog"):
                skipped |= set(ast.walk(node.value))
        for node in ast.walk(tree):
            text = None if node in skipped else _text(node)
            if (
                text
                and " " in text
                and not _NO_MESSAGE.search(text)
                and (_WORD in text or _REMEDY.search(text))
            ):
                found.setdefault(text, Template(path.relative_to(REPOSITORY).as_posix(), node.lineno, text))
    return tuple(one for one in found.values() if one.file not in _LISTS)


@cache
def patterns() -> tuple[tuple[Template, str, re.Pattern[str]], ...]:
    """Every template with what fits it."""
    return tuple((one, one.fixed(), one.pattern()) for one in templates())


def met(said: str) -> list[Template]:
    """The most specific template that a text fits, and those of other sentences within it."""
    fits = [(pattern.search(said), one) for one, fixed, pattern in patterns() if fixed in said]
    spans = sorted(((one, match.span()) for match, one in fits if match), key=lambda item: -item[0].words())
    kept: list[tuple[Template, tuple[int, int]]] = []
    for one, (start, end) in spans:
        if all(end <= first or last <= start for _, (first, last) in kept):
            kept.append((one, (start, end)))
    twins = {**_ONE_OF_MANY, **{many: one for one, many in _ONE_OF_MANY.items()}}
    known = {one.text: one for one in templates()}
    seen = [one for one, _ in kept]
    return [*seen, *(known[twins[one.text]] for one in seen if twins.get(one.text) in known)]
