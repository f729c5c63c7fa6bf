"""Agon: compare language models blind, and turn the votes into leaderboards one can trust.

    import agon as ag

    board = ag.rank("votes.parquet")              # a file, a frame or votes that were read before
    votes = ag.comparisons("votes.parquet", where="language = 'en'")
    ag.rank_all(votes, ["bradley_terry", "elo"])  # ag.METHODS lists every method
    ag.check("votes.parquet").findings            # what stands between these votes and a ranking
    ag.open_log("agon-log").generations           # what an arena asked, answered and timed, while it serves

What is here is loaded when it is first used. The rest lies in `agon.ranking` (analyses, types, errors),
`agon.data` (reading and writing), `agon.serving` (talking to models) and `agon.arena` (pages, command line).
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agon import arena, data, ranking, serving
    from agon.data import Checked, check, comparisons, export, open_log, preflib, read_any, score_table
    from agon.face import (
        compare_methods,
        compare_rules,
        decide,
        effects,
        rank,
        rank_all,
        rank_by,
        report,
        win_rate_map,
    )
    from agon.ranking import (
        METHODS,
        AgonError,
        Comparisons,
        Leaderboard,
        RuleComparison,
        ScoreTable,
        agreement,
        method,
        to_svg,
    )

if sys.version_info < (3, 11):  # noqa: UP036  # who works from a checkout has no pip that says so
    raise ImportError(f"Agon needs Python 3.11 or later, and this is {sys.version.split()[0]}.")

__version__ = "0.2.0"
__all__ = [
    "METHODS",
    "AgonError",
    "Checked",
    "Comparisons",
    "Leaderboard",
    "RuleComparison",
    "ScoreTable",
    "__version__",
    "agreement",
    "arena",
    "check",
    "compare_methods",
    "compare_rules",
    "comparisons",
    "data",
    "decide",
    "effects",
    "export",
    "method",
    "open_log",
    "preflib",
    "rank",
    "rank_all",
    "rank_by",
    "ranking",
    "read_any",
    "report",
    "score_table",
    "serving",
    "to_svg",
    "win_rate_map",
]
_HOMES = {
    "agon.data": (
        "Checked",
        "check",
        "comparisons",
        "export",
        "open_log",
        "preflib",
        "read_any",
        "score_table",
    ),
    "agon.face": (
        "compare_methods",
        "compare_rules",
        "decide",
        "effects",
        "rank",
        "rank_all",
        "rank_by",
        "report",
        "win_rate_map",
    ),
    "agon.ranking": (
        "METHODS",
        "AgonError",
        "Comparisons",
        "Leaderboard",
        "RuleComparison",
        "ScoreTable",
        "agreement",
        "method",
        "to_svg",
    ),
}


def __getattr__(name: str) -> Any:
    """Load what is asked for, so that `import agon` costs nothing."""
    if name in ("arena", "data", "ranking", "serving"):
        return import_module(f"agon.{name}")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"agon has no {name!r}; {_instead(name)}", name=name)


def _instead(name: str) -> str:
    """What to write for a name that is not here."""
    import difflib

    from agon.method_options import MethodName

    methods: tuple[str, ...] = MethodName.__args__  # type: ignore[attr-defined]
    if name.lower() in methods:
        return f"it is a method: ag.rank(votes, {name.lower()!r})."
    if name.startswith(("read", "load", "open", "from_")):
        return "ag.rank reads by itself, and ag.comparisons reads votes to rank them again."
    if not name.startswith("_") and name in getattr(import_module("agon.ranking"), "__all__", ()):
        return f"it lies deeper: from agon.ranking import {name}."
    close = difflib.get_close_matches(name, __all__, n=1)
    return f"did you mean ag.{close[0]}?" if close else "dir(agon) lists what it has."


def __dir__() -> list[str]:
    """What can be had, loaded or not."""
    return sorted({*globals(), *__all__})
