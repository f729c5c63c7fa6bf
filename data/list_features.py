"""What can be controlled for where votes list their models: amounts of the answers, in lists beside these.

A feature `length` is taken from a column `length`, a list parallel to `models`, or counted in the texts of a
list `answers`. A plain number is one toward the first model, which only votes on two models can have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.encoding import list_numbers, seats_of
from data.features import MEASURES, counted_in
from ranking.contexts import relative
from ranking.errors import OptionError, SourceError

FloatArray = NDArray[np.float64]
TEXTS = ("answers", "responses")


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
        kind, quoted = columns[column], '"' + column.replace('"', '""') + '"'
        if kind == "VARCHAR":  # JSON, as lists stand in CSV files
            return f"CAST(TRY_CAST({quoted} AS JSON) AS DOUBLE[])"
        if "VARCHAR" in kind or "STRUCT" in kind or kind.count("[") > 1:
            raise OptionError(f"{source}: the column {column!r} is {kind}; control for lists of numbers.")
        return f"CAST({quoted} AS DOUBLE{'[]' if kind.endswith(']') else ''})"
    texts = [known[text] for text in TEXTS if columns.get(known.get(text, ""), "") == "VARCHAR[]"]
    if name in MEASURES and texts:
        return f"list_transform({texts[0]}, lambda x: CAST({counted_in(name, 'x')} AS DOUBLE))"
    what = f"the texts in a list {TEXTS[0]}, or " if name in MEASURES else ""
    raise SourceError(
        f"{source} has nothing to control for {name!r} with: give {what}a column {name} of lists, a number "
        f"for each model; it has {', '.join(list(columns)[:8])}."
    )


def amounts(
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
