"""What makes a row a valid vote, and the one sentence for each way in which it is not.

Works on distinct rows ("cells"), so that checking ten million votes costs as much as checking their
few thousand distinct outcomes; row numbers are looked up only when something is wrong.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.numerics import BoolArray

LABELS = {
    "model_a": 0,
    "model_b": 1,
    "tie": 2,
    "both_bad": 3,
    "tie (bothbad)": 3,
    "both bad": 3,
    "bothbad": 3,
}
# Letters of other alphabets that look like Latin ones (Unicode TR 39, the common part).
LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕһԁԛԝαονρτυικ",
    "aeopcyxijshdqwaovptuik",
)


@dataclass(frozen=True)
class Problem:
    """One way in which rows are not votes.

    Attributes:
        reason: short, for counting what was left out.
        sentence: for a person, with {rows} where the row numbers go.
        where: an SQL condition that finds the rows, with a parameter for each `?`.
        parameters: their values.
        rows: mask of the cells it concerns.
    """

    reason: str
    sentence: str
    where: str
    parameters: tuple[Any, ...]
    rows: BoolArray


def quoted(text: str) -> str:
    """A text from the votes as it may stand in a message: quoted, escaped, short, braces doubled."""
    short = text if len(text) <= 80 else text[:77] + "..."
    shown = repr(short) if short.isprintable() else ascii(short)
    return shown.replace("{", "{{").replace("}", "}}")


def any_of(texts: Iterable[str]) -> str:
    """Different texts as they may stand in a message: "'a'", "'a' or 'b'", "'a', 'b', 'c' or 4 others"."""
    known = sorted(set(texts))
    shown = [quoted(text) for text in known[:3]]
    if len(known) > 3:
        shown.append(f"{len(known) - 3} other{'s' if len(known) > 4 else ''}")
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def skeleton(name: str) -> str:
    """What a name looks like: case, width, spacing, dashes, invisible and look-alike letters removed."""
    if name.isascii():
        return " ".join(name.casefold().split())
    text = unicodedata.normalize("NFKC", name).casefold().translate(LOOK_ALIKE)
    kept = ("-" if unicodedata.category(c) == "Pd" else c for c in text if unicodedata.category(c) != "Cf")
    return " ".join("".join(kept).split())


def looks_like(name: str, usual: str) -> str:
    """Say what a name looks like and, unless both are ASCII, by the code points where they first differ."""
    if name == usual or (name.isascii() and usual.isascii()):
        return f"looks like {quoted(usual)}"
    first = next(pair for pair in zip_longest(name, usual) if pair[0] != pair[1])
    had, instead = (f"U+{ord(c):04X}" if c else "nothing" for c in first)
    return f"looks like {quoted(usual)} but has {had} instead of {instead}"


def name_problems(
    names: Sequence[str | None], used: NDArray[np.int64], weight: NDArray[np.int64], *, listed: bool
) -> list[Problem]:
    """Find names that are missing, padded or look like another one.

    Args:
        names: N distinct names.
        used: (C, K) index into `names` of each cell's models; negative for none.
        weight: (C,) rows of each cell, to tell the usual spelling from the rare one.
        listed: whether the models stand in lists (K-wise) or in model_a and model_b.
    """
    empty = [i for i, name in enumerate(names) if name is None or not skeleton(name)]
    padded = [i for i, name in enumerate(names) if name and i not in empty and name != name.strip()]
    alike: dict[str, list[int]] = defaultdict(list)
    for i, name in enumerate(names):
        if name and i not in empty and i not in padded:
            alike[skeleton(name)].append(i)
    problems = []
    if empty:
        blank = [str(names[i]) for i in empty if names[i] is not None]
        text = "A model has no name in {rows} of {source}; fill it in"
        found = _any_model(blank, listed=listed, null=True)
        problems.append(Problem("without a model name", text, *found, _uses(used, empty)))
    if padded:
        spaced = [str(names[i]) for i in padded]
        text = f"The model name {any_of(spaced)} has spaces around it in {{rows}} of {{source}}; trim it"
        found = _any_model(spaced, listed=listed)
        problems.append(Problem("with a padded model name", text, *found, _uses(used, padded)))
    for _, members in sorted(alike.items()):
        if len(members) == 1:
            continue
        often = {i: int(weight[(used == i).any(axis=1)].sum()) for i in members}
        usual = max(members, key=lambda i: (often[i], str(names[i])))
        rare = [i for i in members if i != usual]
        spellings = [str(names[i]) for i in rare]
        text = (
            f"The model name {any_of(spellings)} in {{rows}} of {{source}} "
            f"{looks_like(spellings[0], str(names[usual]))}; spell one model one way, or rename the other"
        )
        found = _any_model(spellings, listed=listed)
        problems.append(Problem("with a look-alike model name", text, *found, _uses(used, rare)))
    return problems


def _uses(used: NDArray[np.int64], bad: list[int]) -> BoolArray:
    """(C,) cells in which one of the names stands."""
    return np.asarray(np.isin(used, bad).any(axis=1))


def _any_model(
    spellings: list[str], *, listed: bool, null: bool = False
) -> tuple[str, tuple[list[str], ...]]:
    """SQL for rows in which a model is spelt so, or is null too, with its parameters."""
    one = "list_contains(?, {m})" + (" OR {m} IS NULL" if null else "")
    if listed:
        return f"len(list_filter(models, lambda m: {one.format(m='m')})) > 0", (spellings,)
    either = " OR ".join(f"({one.format(m=column)})" for column in ("model_a", "model_b"))
    return either, (spellings, spellings)


def rows_text(numbers: Sequence[int | str | None], total: int, what: str = "row") -> str:
    """Row numbers as text: "row 3", "rows 3 and 8", "rows 1, 2, 3, 4, 5 and 12 more"; or those of votes.

    Rows that are elsewhere have no numbers: "12 rows".
    """
    numbers = [number for number in numbers if number is not None]
    if not numbers:
        return f"{total:,} {what}{'' if total == 1 else 's'}"
    if total == 1:
        return f"{what} {numbers[0]}"
    shown = [str(number) for number in numbers[:5]]
    if total > len(shown):
        return f"{what}s {', '.join(shown)} and {total - len(shown):,} more"
    return f"{what}s {', '.join(shown[:-1])} and {shown[-1]}"
