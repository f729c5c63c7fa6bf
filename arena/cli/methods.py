"""`agon methods`: the registry as a table, as JSON, and as the page docs/methods.md."""

from __future__ import annotations

import inspect
import json
import sys
from itertools import groupby
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from agon.ranking import METHODS, Method
from agon.ranking.registry import Option, describe_type, find

_HEAD = """# Ranking methods

Generated from the registry by `agon methods --format markdown`; do not edit. Every method is called as
`rank(votes, "name", option=value)` or `agon rank SOURCE -m name:option=value`. Views, statuses,
intervals and formulas are in [data.md](data.md).
"""


def methods_command(
    name: Annotated[str | None, Parameter(help="Show one method with its options.")] = None,
    /,
    *,
    format: Annotated[Literal["table", "json", "markdown"], Parameter(name=["--format", "-f"])] = "table",
) -> None:
    """List every ranking method: what it needs, what it gives, its source.

    For example:

    agon methods

    agon methods elo
    """
    show_methods(name, format)


def show_methods(name: str | None, how: str) -> None:
    """Print all methods, or one with its options."""
    chosen = [find(name)] if name is not None else [METHODS[key] for key in sorted(METHODS)]
    if how == "json":
        print(json.dumps([as_dict(method) for method in chosen], indent=2, ensure_ascii=False))
    elif how == "markdown":
        print(methods_page(chosen), end="")
    elif name is not None:
        print(_details(chosen[0]))
    else:
        _show_table(chosen)


def as_dict(method: Method) -> dict[str, Any]:
    """A method as plain values."""
    options = {
        option.name: {"default": option.default, "type": describe_type(option.type)}
        for option in method.options.values()
    }
    return {
        "name": method.name,
        "needs": method.view,
        "gives": method.gives,
        "source": method.source,
        "summary": method.summary,
        "options": options,
    }


def methods_page(methods: list[Method]) -> str:
    """The Markdown of docs/methods.md: a table, then family by family and module by module."""
    lines = [_HEAD, "| method | needs | gives | source |", "| --- | --- | --- | --- |"]
    lines += [f"| [{m.name}](#{m.name}) | {m.view} | {m.gives} | {m.source} |" for m in methods]
    for family, members in groupby(sorted(methods, key=module_of), key=family_of):
        title, _, use = said(family).partition("\n\n")
        lines += ["", f"## {title.rstrip('.')}", "", use]
        for module, held in groupby(members, key=module_of):
            path = module.removeprefix("agon.").replace(".", "/")
            lines += ["", f"In `{path}.py`:", "", "```text", said(module), "```"]
            for method in held:
                text = inspect.getdoc(method.function) or ""
                lines += ["", f"### {method.name}", "", "```text", text, "```", ""]
                lines += [_option_line(option) for option in method.options.values()]
    return "\n".join(lines) + "\n"


def module_of(method: Method) -> str:
    """The dotted module of a method; its parent is the family."""
    return method.function.__module__


def family_of(method: Method) -> str:
    """The dotted package of a method's family, such as agon.ranking.methods.likelihood."""
    return module_of(method).rpartition(".")[0]


def said(module: str) -> str:
    """The docstring of a module or package."""
    return inspect.getdoc(sys.modules[module]) or ""


def _option_line(option: Option) -> str:
    return f"- `{option.name}` = `{option.default!r}`: {describe_type(option.type)}"


def example_of(method: Method) -> str:
    """A call of the method, with its first option that a command line can say."""
    said = [o for o in method.options.values() if isinstance(o.default, int | float | str)]
    return f"agon rank SOURCE -m {method.name}" + "".join(f":{o.name}={o.default}" for o in said[:1])


def _details(method: Method) -> str:
    options = [f"  {o.name}={o.default!r}  ({describe_type(o.type)})" for o in method.options.values()]
    head = f"{method.name}: needs {method.view}, gives {method.gives}. {method.source}"
    use = said(family_of(method)).partition("\n\n")[2]
    body = [head, use, "", inspect.getdoc(method.function) or "", "", f"For example: {example_of(method)}"]
    return "\n".join([*body, "", "Options:", *options] if options else body)


def _show_table(methods: list[Method]) -> None:
    from rich.table import Table

    from agon.arena.cli.tables import console, say

    out = console(sys.stdout)
    for family, members in groupby(sorted(methods, key=family_of), key=family_of):
        title, _, use = said(family).partition("\n\n")
        say(out, title.rstrip("."), "bold")
        say(out, use, "dim")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for column in ("method", "needs", "what it is"):
            table.add_column(column, no_wrap=column != "what it is")
        for method in members:
            table.add_row(method.name, method.view, method.summary)
        out.print(table)
        out.print()
    say(out, "agon methods NAME shows one with its options, an example and its source.", "dim")
