"""Write docs/reference.md: every public name of `agon`, `agon.ranking` and `agon.data`, from its docstring.

`make docs` runs it, and a test compares the page with the code.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import agon
from agon import data, ranking

TARGET = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
HEAD = """# Reference

Written from docstrings by `make docs`; do not edit. `import agon as ag` is the front door; `agon.ranking`
holds analyses, types and errors, `agon.data` what reads and writes. Methods and their options:
[methods.md](methods.md); formats and formulas: [data.md](data.md).
"""
SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Attributes|Source|Sources):$")
ENTRY = re.compile(r"^([\w, *]+?): (.*)$")


def write() -> str:
    """The text of the page."""
    return "\n".join([HEAD, *_contents(), *_every()]).rstrip() + "\n"


def public() -> dict[str, list[tuple[str, Any]]]:
    """Dotted module → its public names and what they are, each name where it is first met."""
    modules: tuple[ModuleType, ...] = (agon, ranking, data)
    seen: set[str] = set()
    found = {}
    for module in modules:
        names = [name for name in sorted(module.__all__, key=str.lower) if name not in seen]
        things = [(name, getattr(module, name)) for name in names]
        found[module.__name__] = [(n, t) for n, t in things if inspect.isclass(t) or inspect.isfunction(t)]
        seen |= {name for name, _ in found[module.__name__]}
    return found


def _contents() -> Iterator[str]:
    met: Counter[str] = Counter()  # a heading that is there already gets a number, as on GitHub
    for module, things in public().items():
        links = []
        for name, _ in things:
            anchor = name.lower()
            links.append(f"[{name}](#{anchor}{f'-{met[anchor]}' if met[anchor] else ''})")
            met[anchor] += 1
        yield f"**{module}**: {', '.join(links)}\n"


def _every() -> Iterator[str]:
    for module, things in public().items():
        yield f"\n## {module}\n"
        for name, thing in things:
            yield f"### {name}\n"
            if inspect.isclass(thing):
                yield from _class(thing)
            else:
                yield from _function(name, thing)


def _function(name: str, thing: Any) -> Iterator[str]:
    yield f"```text\n{name}{_signature(thing)}\n```\n"
    yield from _prose(inspect.getdoc(thing) or "")


def _class(thing: type) -> Iterator[str]:
    bases = [base.__name__ for base in thing.__bases__ if base is not object and base.__name__ != "Readable"]
    if bases:
        yield f"A kind of {' and '.join(bases)}.\n"
    yield from _prose(inspect.getdoc(thing) or "")
    for name, member in _members(thing):
        if isinstance(member, property):
            yield f"- `.{name}`: {_first(member.fget)}"
        else:
            function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            yield f"- `.{name}{_signature(function, bound=True)}`: {_first(function)}"
    yield ""


def _members(thing: type) -> Iterator[tuple[str, Any]]:
    """Properties and methods that a class of ours defines or has from another of ours."""
    seen = set()
    for base in thing.__mro__:
        if base.__module__.startswith("agon.") and base.__name__ != "Readable":
            for name, member in vars(base).items():
                known = inspect.isfunction(member) or isinstance(
                    member, property | classmethod | staticmethod
                )
                if known and not name.startswith("_") and name not in seen:
                    seen.add(name)
                    yield name, member


def _first(function: Any) -> str:
    """The first sentence of a docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def _signature(function: Any, *, bound: bool = False) -> str:
    """Parameters with their defaults; types stand in the docstrings and in editors."""
    signature = inspect.signature(function)
    plain = [
        parameter.replace(annotation=parameter.empty)
        for number, parameter in enumerate(signature.parameters.values())
        if not (bound and number == 0)
    ]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


def _prose(text: str) -> Iterator[str]:
    """A docstring as Markdown: its sections become lists."""
    inside = False
    entries: list[str] = []
    for line in text.splitlines():
        if SECTION.match(line):
            yield from _listed(entries)
            entries, inside = [], True
            yield f"\n*{line[:-1]}*\n"
        elif inside and (line.startswith("    ") or not line.strip()):
            body = line[4:]
            if body.startswith("    ") and entries:
                entries[-1] += f" {body.strip()}"
            elif body.strip():
                entries.append(body.strip())
        else:
            yield from _listed(entries)
            entries, inside = [], False
            yield line
    yield from _listed(entries)
    yield ""


def _listed(entries: list[str]) -> Iterator[str]:
    for entry in entries:
        found = ENTRY.match(entry)
        yield f"- `{found[1]}`: {found[2]}" if found else f"- {entry}"


if __name__ == "__main__":
    TARGET.write_text(write(), encoding="utf-8")
