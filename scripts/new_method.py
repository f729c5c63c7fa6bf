"""`make new-method NAME=... [FAMILY=...]`: the two files of a new ranking method, and its line in the list.

What it writes ranks by the number of wins. The suite fails until a published answer is there.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAMILIES = ("likelihood", "online", "aggregation", "social_choice")
TEMPLATE = '''"""One sentence: what {name} is."""

from __future__ import annotations

from agon.ranking.registry import method
from agon.ranking.results import Scores
from agon.ranking.votes.pair_counts import BothBad, PairCounts


@method("{name}", source="author (year)")
def {name}(pairs: PairCounts, *, both_bad: BothBad = "half") -> Scores:
    """One sentence: what the score is.

    Args:
        both_bad: "half" counts a "both bad" as a tie, "drop" leaves it out.

    Source:
        Author, title, journal (year), equation.
    """
    return Scores(pairs.halves(both_bad).sum(axis=1), "points")
'''


def write_method(name: str, family: str) -> list[Path]:
    """Write the method, its file of known answers and its line in `ranking/methods/__init__.py`.

    Raises:
        SystemExit: a name that is none or is taken, or an unknown family.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise SystemExit(f"NAME={name!r} is no name of a method: lower case, with underscores.")
    if family not in FAMILIES:
        raise SystemExit(f"There is no FAMILY={family!r}; known: {', '.join(FAMILIES)}.")
    code = ROOT / "ranking" / "methods" / family / f"{name}.py"
    answers = ROOT / "tests" / "known_answers" / f"{name}.json"
    index = ROOT / "ranking" / "methods" / "__init__.py"
    if code.exists() or answers.exists():
        raise SystemExit(f"{name} is there already: {code.relative_to(ROOT)}.")
    code.write_text(TEMPLATE.format(name=name), encoding="utf-8")
    answers.write_text(json.dumps({"method": name, "cases": []}, indent=1) + "\n", encoding="utf-8")
    line = f"from agon.ranking.methods.{family} import {name}\n"
    index.write_text(index.read_text(encoding="utf-8") + line, encoding="utf-8")
    return [code, answers, index]


if __name__ == "__main__":
    for file in write_method(*sys.argv[1:3]):
        print(f"wrote {file.relative_to(ROOT)}")
    print("Next: the method, a published answer (tests/known_answers/README.md), make docs, make quick.")
