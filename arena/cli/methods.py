"""`agon methods`: the registry as a table, as JSON, and as the page docs/methods.md."""

from __future__ import annotations

import inspect
import json
import re
import sys
from itertools import groupby
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import MethodWord
from agon.arena.cli.output.tables import console, say
from agon.ranking import METHODS, Method
from agon.ranking.registry import METHOD_ALIASES, Option, describe_type, find

_HEAD = """# Ranking methods

Generated from the registry by `agon methods --format markdown`; do not edit. Every method is called as
`rank(votes, "name", option=value)` or `agon rank SOURCE -m name:option=value`. Views, statuses,
intervals and formulas are in [data.md](data.md).
"""


# What a view is, and what does without one.
_VIEWS = {
    "pairs": ("who beat whom how often: votes, a table of scores, an election", ""),
    "ballots": ("rankings of models: a table of scores, an election, K-wise votes, or --ballots-by", ""),
    "battles": ("votes one by one", "Not for a table of scores, whose tasks have no order."),
    "contexts": ("votes and features of their answers (--control)", "Not for votes without features."),
    "scores": ("a table of scores", "Not for votes, which only say who was better."),
}
_GIVES = {
    "Scores": "a score for every model",
    "Fit": "ratings with intervals of their own",
    "Choice": "winners or tiers, not scores",
}


def methods_command(
    name: Annotated[
        MethodWord | None, Parameter(help="Show this method alone, whole.", show_choices=False)
    ] = None,
    /,
    *,
    format: Annotated[
        Literal["table", "json", "markdown"], Parameter(name=["--format", "-f"], help="How to print it.")
    ] = "table",
) -> None:
    """List the ranking methods by family, with when to use which; or show one with options and an example.

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
        out = console(sys.stdout)
        for line in _details(chosen[0]).splitlines():
            say(out, line)
    else:
        _show_table(chosen)


def as_dict(method: Method) -> dict[str, Any]:
    """A method as plain values."""
    texts = _texts_of_options(method)
    options = {
        option.name: {
            "default": option.default,
            "type": describe_type(option.type),
            "meaning": texts.get(option.name, ""),
        }
        for option in method.options.values()
    }
    title, use, avoid = family_texts(method)
    return {
        "name": method.name,
        "family": title,
        "needs": method.view,
        "gives": method.gives,
        "source": method.source,
        "summary": method.summary,
        "use": use,
        "avoid": avoid,
        "example": example_of(method),
        "axioms": None if method.axioms is None else list(method.axioms),
        "options": options,
    }


def family_texts(method: Method) -> tuple[str, str, str]:
    """The title of a method's family, when to use it, and when not."""
    title, _, uses = said(family_of(method)).partition("\n\n")
    use, _, avoid = uses.partition("\n")
    return title.rstrip("."), use, " ".join(filter(None, [avoid, _VIEWS[method.view][1]]))


def traits_of(method: Method) -> list[str]:
    """What is known of a method beside its options, a sentence each."""
    said = []
    if method.axioms is not None:
        said.append(f"Axioms on strict complete ballots: {', '.join(method.axioms) or 'none'}.")
    if method.by_margin:
        said.append("Only wins less losses of a pair count: a tie changes nothing.")
    if method.leaves_out:
        said.append(f"Votes that are {method.leaves_out} are left out and counted.")
    if method.random_orders:
        said.append(
            f"A mean over random orders, as many as `{method.random_orders}`; the board says their spread."
        )
    return said


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
                lines += [part for sentence in traits_of(method) for part in (sentence, "")]
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
    """A command that runs on the votes of `agon simulate -o votes.parquet`, or on a table of scores."""
    as_given = next(
        (
            f":{option.name}={option.default}"
            for option in method.options.values()
            if isinstance(option.default, int | float | str)
        ),
        "",
    )
    rule = family_of(method).endswith("social_choice")
    tasks = method.view == "scores" or (rule and method.view == "ballots")
    source = "scores.csv" if tasks else "votes.parquet"
    more = " --control length" if method.view == "contexts" else ""
    more = " --groups cola=grammar,sst2=meaning,mrpc=meaning" if method.name == "two_level" else more
    return f"agon rank {source} -m {method.name}{as_given}{more}"


def _texts_of_options(method: Method) -> dict[str, str]:
    """What the docstring says of each option."""
    text = inspect.getdoc(method.function) or ""
    _, _, rest = text.partition("\nArgs:\n")
    section = re.split(r"^\S", rest, maxsplit=1, flags=re.M)[0]
    parts = re.split(r"^ {4}(\w[\w, ]*): ", section, flags=re.M)
    return {
        name: " ".join(meaning.split())
        for names, meaning in zip(parts[1::2], parts[2::2], strict=True)
        for name in names.split(", ")
    }


def _details(method: Method) -> str:
    """One method: what it is, needs and gives, when to use it, its options, an example, and the rest."""
    title, use, avoid = family_texts(method)
    also = sorted(alias for alias, name in METHOD_ALIASES.items() if name == method.name)
    rows = [
        ("Family", title),
        ("Also called", ", ".join(also)),
        ("Needs", f"{method.view}: {_VIEWS[method.view][0]}"),
        ("Gives", f"{method.gives}: {_GIVES[method.gives]}"),
        ("Use", use.removeprefix("Use ")),
        ("Do not use", avoid.removeprefix("Not ").replace(" Not ", " Nor ")),
        ("Source", method.source),
        ("For example", example_of(method)),
    ]
    lines = [f"{method.name}: {method.summary}", ""]
    lines += [f"{head:13}{text}" for head, text in rows if text]
    lines += [f"{'':13}{sentence}" for sentence in traits_of(method)]
    texts = _texts_of_options(method)
    for option in method.options.values():
        lines += ["", f"  {option.name}={option.default!r}  ({describe_type(option.type)})"]
        lines += [f"      {texts[option.name]}"] if texts.get(option.name) else []
    text = inspect.getdoc(method.function) or ""
    about, _, rest = text.partition("\n\n")[2].partition("Args:\n")
    sections = re.split(r"(?=^\S)", rest, flags=re.M)[1:]
    body = "\n\n".join(filter(None, [about.strip(), *(section.strip() for section in sections)]))
    module = said(module_of(method)) if "see the module" in text else ""
    return "\n".join([*lines, "", body, *(["", module] if module else [])]).rstrip()


def _show_table(methods: list[Method]) -> None:
    from rich.table import Table

    out = console(sys.stdout)
    for family, members in groupby(sorted(methods, key=family_of), key=family_of):
        title, _, uses = said(family).partition("\n\n")
        say(out, title.rstrip("."), "bold")
        for use in uses.splitlines():
            say(out, use, "dim")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for column in ("method", "needs", "what it is"):
            table.add_column(column, no_wrap=column != "what it is")
        for method in members:
            table.add_row(method.name, method.view, method.summary)
        out.print(table)
        out.print()
    say(out, "agon methods NAME shows one with its options, an example and its source.", "dim")
