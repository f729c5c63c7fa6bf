"""Writes agon/method_options.py from the registry, so that editors and mypy know methods and options."""

from __future__ import annotations

import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from agon.ranking import METHODS, Settings
from agon.ranking.registry import METHOD_ALIASES

TARGET = Path(__file__).parents[1] / "agon" / "method_options.py"
HEAD = '''"""Names of the methods and of their options, for editors and type checkers.

Written from the registry by `make docs`; do not edit.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict

'''


def write() -> str:
    """The text of the module: every name of a method, every option with the types that methods give it."""
    names = "".join(f'    "{name}",\n' for name in sorted([*METHODS, *METHOD_ALIASES]))
    kinds: dict[str, list[Any]] = {}
    for method in METHODS.values():
        for option in method.options.values():
            if option.name in Settings.__dataclass_fields__:
                continue  # a setting, which `rank` has by itself
            kinds.setdefault(option.name, []).append(option.type)
    lines = "".join(f"    {name}: {written(kinds[name])}\n" for name in sorted(kinds))
    doc = (
        '    """Options of methods; each method takes its own and names them when it is given another."""\n\n'
    )
    options = f"class MethodOptions(TypedDict, total=False):\n{doc}{lines}"
    return f"{HEAD}MethodName = Literal[\n{names}]\n\n\n{options}"


def written(kinds: Iterable[Any]) -> str:
    """The union of some types as Python writes it."""
    parts: list[Any] = []
    for kind in kinds:
        parts += get_args(kind) if get_origin(kind) in (Union, types.UnionType) else [kind]
    values = sorted({value for part in parts if get_origin(part) is Literal for value in get_args(part)})
    plain = {part for part in parts if get_origin(part) is not Literal}
    if float in plain:
        plain.discard(int)  # a whole number is a number
    found = [f"Literal[{', '.join(repr(value) for value in values)}]".replace("'", '"')] if values else []
    named = {part: "None" if part is type(None) else getattr(part, "__name__", "") for part in plain}
    named |= {part: str(part).removeprefix("collections.abc.") for part in plain if get_args(part)}
    return " | ".join(found + sorted(named.values(), key=lambda name: (name == "None", name)))


if __name__ == "__main__":
    TARGET.write_text(write(), encoding="utf-8")
