"""The catalogues of the pages' languages: renewed from the code, compiled, and what is left to translate.

`make translations` writes `arena/web/languages/translations/LANGUAGE/LC_MESSAGES/agon.po` (new messages are
empty there, gone ones leave) and `agon.mo` beside it, and names what is missing. Messages are found in calls
of `_`, `ngettext`, `message`, `Sentence` and `Refusal` with a literal text, in templates, and in calls of
`agonText` in scripts.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from agon.arena.web.languages.scripts import sentences_in
from agon.arena.web.languages.texts import PAGE_LANGUAGES

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / "arena" / "web" / "languages" / "translations"
SOURCES = ("arena", "data", "ranking")
# Where the message stands among the arguments of a call; after it may stand its plural.
CALLS = {"_": 0, "ngettext": 0, "message": 0, "Sentence": 0, "Refusal": 2}
TARGETS = tuple(code for code in PAGE_LANGUAGES if code != "en")
Message = str | tuple[str, str]


class TextError(ValueError):
    """A message that cannot be translated, because it is made while the program runs."""


def main() -> None:
    """Write the catalogues, and say what each lacks."""
    found = extracted()
    for code in TARGETS:
        catalogue = renewed(code, found)
        po, mo = paths(code)
        po.parent.mkdir(parents=True, exist_ok=True)
        po.write_bytes(po_bytes(catalogue))
        mo.write_bytes(mo_bytes(catalogue))
        missing = sum(not complete(one.string) for one in catalogue if one.id)
        print(f"{code}: {len(catalogue)} messages, {missing} to translate")


def paths(code: str) -> tuple[Path, Path]:
    """The catalogue of a language as people edit it, and as it is read."""
    folder = FOLDER / code / "LC_MESSAGES"
    return folder / "agon.po", folder / "agon.mo"


def extracted() -> dict[Message, list[str]]:
    """Every message of the code → the files it is in."""
    found: dict[Message, list[str]] = {}
    for folder in SOURCES:
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            for one in python_messages(ast.parse(file.read_text(encoding="utf-8")), str(file)):
                found.setdefault(one, []).append(str(file.relative_to(REPOSITORY)))
    for file in sorted((REPOSITORY / "arena" / "web" / "static").glob("*.js")):
        for text in sentences_in(file.name):
            found.setdefault(text, []).append(str(file.relative_to(REPOSITORY)))
    for file in sorted((REPOSITORY / "arena" / "web" / "templates").glob("*.html")):
        for _line, name, given, _comments in babel_extract(
            BytesIO(file.read_bytes()),
            ("_", "ngettext"),
            [],
            {"trim_blocks": "true", "lstrip_blocks": "true"},
        ):
            texts = [given] if isinstance(given, str) else [text for text in given if isinstance(text, str)]
            one = (texts[0], texts[1]) if name == "ngettext" else texts[0]
            found.setdefault(one, []).append(str(file.relative_to(REPOSITORY)))
    return found


def python_messages(tree: ast.AST, where: str) -> Iterator[Message]:
    """The messages of a module, in their order."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        place = CALLS.get(name)
        if place is None or len(node.args) <= place:
            continue
        texts = [one.value if isinstance(one, ast.Constant) else None for one in node.args[place : place + 2]]
        if isinstance(node.args[place], ast.JoinedStr):
            raise TextError(
                f"{where}, line {node.lineno}: write {{name}} and name=... instead of an f-string."
            )
        if isinstance(texts[0], str) and texts[0]:
            plural = texts[1] if len(texts) > 1 and isinstance(texts[1], str) else None
            yield texts[0] if plural is None else (texts[0], plural)


def renewed(code: str, found: dict[Message, list[str]]) -> Catalog:
    """The catalogue of a language with all messages that there are, and no other."""
    catalogue = Catalog(
        locale=code, project="Agon", msgid_bugs_address="", copyright_holder="", charset="utf-8", fuzzy=False
    )
    catalogue.header_comment = (
        f"# The pages of Agon in {PAGE_LANGUAGES[code]}. `make translations` renews this file."
    )
    catalogue.revision_date = catalogue.creation_date
    before = read_catalogue(code)
    for one, files in found.items():
        key = one if isinstance(one, str) else one[0]
        kept = before.get(key) if before else None
        string = kept.string if kept and isinstance(kept.id, tuple) == isinstance(one, tuple) else None
        catalogue.add(one, string, locations=[(file, None) for file in dict.fromkeys(files)])
    return catalogue


def read_catalogue(code: str) -> Catalog | None:
    """The catalogue of a language as it is kept."""
    po, _mo = paths(code)
    if not po.exists():
        return None
    with po.open("rb") as file:
        return read_po(file, locale=code)


def complete(string: object) -> bool:
    """Whether a translation says something in all its forms."""
    forms = string if isinstance(string, tuple | list) else (string,)
    return all(isinstance(form, str) and form.strip() for form in forms)


def po_bytes(catalogue: Catalog) -> bytes:
    """A catalogue as people edit it: without dates, which would change each time."""
    out = BytesIO()
    write_po(out, catalogue, width=0, sort_by_file=True, include_lineno=False)
    lines = out.getvalue().decode("utf-8").splitlines(keepends=True)
    gone = ('"POT-Creation-Date', '"PO-Revision-Date', '"Last-Translator', '"Language-Team', '"Generated-By')
    return "".join(line for line in lines if not line.startswith((*gone, '"Report-Msgid'))).encode()


def mo_bytes(catalogue: Catalog) -> bytes:
    """A catalogue as it is read: made of what `po_bytes` writes, so that it is the same every time."""
    out, read = BytesIO(), read_po(BytesIO(po_bytes(catalogue)), locale=catalogue.locale)
    read.creation_date = read.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    write_mo(out, read)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
