"""What can be controlled for: features of two answers, from columns that count them or from their texts.

A feature `length` is taken from the first of these that the votes have: columns `length_a` and `length_b`
(amounts), a column `length` (a number toward model_a), or the texts `answer_a` and `answer_b`, in which
length, headers, lists, bold and citations are counted here. `measure` counts the same in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agon.data.files.encoding import list_numbers, seats_of
from agon.data.sql import quote_name
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.covariates import relative

# Matched by the database and by Python, which differ in what \d, \s and \w are: they are not used here.
CODE = r"```[\s\S]*?(?:```|$)"  # what looks like Markdown inside code is none
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "headers": r"(?m)^ {0,3}#{1,6}[ \t]",
        "lists": r"(?m)^[ \t]*(?:[-*+]|[0-9]{1,3}[.)])[ \t]",
        "bold": r"\*\*[^*\n]+\*\*|__[^_\n]+__",
        "citations": r"\[[^\]\n]*\]\(https?://[^) \t\r\n]+\)|\[[0-9]{1,3}\]",
    }
)
MEASURES = ("length", *PATTERNS)
TEXTS = (("answer_a", "answer_b"), ("response_a", "response_b"))
NUMERIC = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "HUGEINT", "BOOLEAN")


def measure(text: str) -> dict[str, int]:
    """Count what can be controlled for in an answer: length in characters, headers, lists, bold, citations.

    Headers, list items, bold passages and citations inside code blocks do not count.
    """
    prose = re.sub(CODE, "", text)
    counts = {name: len(re.findall(pattern, prose)) for name, pattern in PATTERNS.items()}
    return {"length": len(text), **counts}


def toward_a(name: str, columns: Mapping[str, str], source: str) -> str:
    """SQL for a feature toward model_a: NULL where it is missing, NaN where an amount is below 0.

    Amounts a and b become (a − b)/(a + b), and 0 where both are 0.

    Args:
        name: of the feature.
        columns: those of the votes and their SQL types.
        source: what messages call the votes.

    Raises:
        SourceError: nothing there to make it from.
        OptionError: a column that is no number.
    """
    known = {column.lower(): column for column in columns}
    sides = [known.get(f"{name}_{side}".lower()) for side in "ab"]
    if sides[0] is not None and sides[1] is not None:
        a, b = (_number(column, columns, source) for column in sides if column is not None)
    elif name.lower() in known:
        return _number(known[name.lower()], columns, source)
    elif name in MEASURES and (texts := _texts(known)) is not None:
        a, b = (counted_in(name, quote_name(column)) for column in texts)
    else:
        raise SourceError(_missing(name, columns, source))
    return (
        f"CASE WHEN {a} < 0 OR {b} < 0 THEN 'NaN'::DOUBLE WHEN {a} + {b} = 0 THEN 0 "
        f"ELSE (CAST({a} AS DOUBLE) - {b}) / ({a} + {b}) END"
    )


def _texts(known: Mapping[str, str]) -> tuple[str, str] | None:
    """The columns of the answers, if they are there."""
    for a, b in TEXTS:
        if a in known and b in known:
            return known[a], known[b]
    return None


def counted_in(name: str, text: str) -> str:
    """SQL that counts one of `MEASURES` in a text."""
    if name == "length":
        return f"length({text})"
    prose = f"regexp_replace({text}, '{CODE}', '', 'g')"
    return f"len(regexp_extract_all({prose}, '{PATTERNS[name]}'))"


def counts_of_pairs(columns: Mapping[str, str], derived: Mapping[str, str]) -> dict[str, str]:
    """SQL for everything that is counted in the two answers of a vote, or can be: `length_a`, `length_b`, ...

    Args:
        columns: those of the votes and their SQL types.
        derived: further columns, as SQL over these.

    Returns:
        Amounts by column: pairs of numbers that are there, and what of `MEASURES` can be counted in texts.
    """
    every = {name: quote_name(name) for name in columns} | {name: f"({sql})" for name, sql in derived.items()}
    found: dict[str, str] = {}
    for name in every:
        pair = (name, f"{name[:-2]}_b") if name.endswith("_a") else ("", "")
        if not set(pair) <= every.keys() or pair[0] in ("model_a", "answer_a", "response_a", "p_a"):
            continue
        stem = name[:-2]
        numeric = all(columns.get(one, "DOUBLE").startswith(("U", *NUMERIC)) for one in pair)
        if numeric or (stem in MEASURES and all(columns.get(one, "VARCHAR") == "VARCHAR" for one in pair)):
            found |= {one: f"TRY_CAST({every[one]} AS DOUBLE)" for one in pair}
    texts = next((pair for pair in TEXTS if set(pair) <= every.keys()), None)
    for feature in MEASURES if texts is not None else ():
        if f"{feature}_a" not in found:
            for side, text in zip("ab", texts or (), strict=True):
                found[f"{feature}_{side}"] = f"CAST({counted_in(feature, every[text])} AS DOUBLE)"
    return found


def _number(column: str, columns: Mapping[str, str], source: str) -> str:
    """A numeric column as SQL."""
    kind = columns[column]
    if not kind.startswith(("U", *NUMERIC)) and not kind.endswith("INT"):
        raise OptionError(
            f"{source}: the column {column!r} is {kind} and no number; control for a column of numbers."
        )
    return f"CAST({quote_name(column)} AS DOUBLE)"


def _missing(name: str, columns: Mapping[str, str], source: str) -> str:
    """Say what a feature could have been made from."""
    from_texts = ", or the texts answer_a and answer_b" if name in MEASURES else ""
    listed = ", ".join(list(columns)[:8]) + (f" and {len(columns) - 8} more" if len(columns) > 8 else "")
    return (
        f"{source} has nothing to control for {name!r} with: give the columns {name}_a and {name}_b, or a "
        f"column {name} of numbers toward model_a{from_texts}; it has {listed}."
    )


LIST_TEXTS = ("answers", "responses")


def of_each(name: str, columns: Mapping[str, str], source: str) -> str:
    """SQL for a feature of each model of a vote, a list of numbers; or for one number toward the first model.

    Args:
        name: of the feature.
        columns: those of the votes and their SQL types.
        source: what messages call the votes.

    Raises:
        SourceError: nothing there to make it from.
        OptionError: a column of something else than numbers.
    """
    known = {column.lower(): column for column in columns}
    if (column := known.get(name.lower())) is not None:
        kind, quoted = columns[column], quote_name(column)
        if kind == "VARCHAR":  # JSON, as lists stand in CSV files
            return f"CAST(TRY_CAST({quoted} AS JSON) AS DOUBLE[])"
        if "VARCHAR" in kind or "STRUCT" in kind or kind.count("[") > 1:
            raise OptionError(f"{source}: the column {column!r} is {kind}; control for lists of numbers.")
        return f"CAST({quoted} AS DOUBLE{'[]' if kind.endswith(']') else ''})"
    texts = [known[text] for text in LIST_TEXTS if columns.get(known.get(text, ""), "") == "VARCHAR[]"]
    if name in MEASURES and texts:
        return f"list_transform({texts[0]}, lambda x: CAST({counted_in(name, 'x')} AS DOUBLE))"
    what = f"the texts in a list {LIST_TEXTS[0]}, or " if name in MEASURES else ""
    raise SourceError(
        f"{source} has nothing to control for {name!r} with: give {what}a column {name} of lists, a number "
        f"for each model; it has {', '.join(list(columns)[:8])}."
    )


def pair_amounts(
    names: Sequence[str],
    columns: Sequence[pa.ChunkedArray],
    turned: NDArray[np.bool_],
    which: Callable[[NDArray[np.bool_]], str],
) -> FloatArray:
    """(F, N) features of pairwise votes toward their ballots' first models, NaN where there is none.

    Args:
        names: F names.
        columns: what `toward_a` selected for each, of N votes.
        turned: (N,) whether the ballot's first model stood on the right.
        which: says which of the N votes a mask means, for messages.

    Raises:
        SourceError: amounts below 0.
    """
    toward, table = np.where(turned, -1.0, 1.0), np.empty((len(names), len(turned)))
    for name, column, row in zip(names, columns, table, strict=True):
        values = np.asarray(column.to_numpy(), dtype=np.float64)
        if not np.isfinite(values.sum()) and np.isnan(values).sum() > column.null_count:
            below = np.isnan(values) & column.is_valid().to_numpy()
            raise SourceError(
                f"There is less than 0 of {name!r} to control for in {which(below)}; "
                "correct it, or leave such rows out with where=."
            )
        np.multiply(values, toward, out=row)
    return table


def list_amounts(
    names: Sequence[str],
    columns: Sequence[pa.ChunkedArray],
    table: pa.Table,
    models: Sequence[str],
    which: Callable[[NDArray[np.bool_]], str],
) -> FloatArray:
    """(F, N, K) amounts in the order of each ballot's models; (F, N) toward its first if some are numbers.

    Args:
        names: F names.
        columns: what `of_each` selected for each, of N votes.
        table: the same votes, with their lists of models.
        models: all names, sorted.
        which: says which of the N votes a mask means, for messages.

    Raises:
        SourceError: amounts below 0, or as many as there are models.
    """
    words, seats, sizes = seats_of(table)
    place = {name: i for i, name in enumerate(models)}
    position = np.array([*(place[str(word)] for word in words), len(models)])  # pads, -1, come last
    order = np.argsort(position[seats], axis=1, kind="stable")
    found = []
    for name, column in zip(names, columns, strict=True):
        if not pa.types.is_list(column.type):
            found.append(np.where(order[:, 0] == 0, 1.0, -1.0) * column.to_numpy())
            continue
        values, given = list_numbers(column.combine_chunks(), seats.shape[1])
        if (bad := (given != sizes) & (given > 0)).any():
            raise SourceError(
                f"There is another number of {name!r} than of models in {which(bad)}; give one a model."
            )
        if (bad := np.any(values < 0, axis=1)).any():
            raise SourceError(f"There is less than 0 of {name!r} to control for in {which(bad)}; correct it.")
        found.append(np.take_along_axis(values, order, axis=1))
    if any(values.ndim == 1 for values in found):
        found = [values if values.ndim == 1 else relative(*values[:, :2].T) for values in found]
    return np.stack(found)
