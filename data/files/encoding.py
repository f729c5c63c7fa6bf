"""From distinct rows of a source to arrays of ballots: labels to places, lists to padded columns.

Two layouts are known. Pairwise: `model_a`, `model_b` and `winner` (or `p_a`). K-wise: `models` and
`places` as parallel lists, optionally `acceptable`. What makes a row a valid vote is in ../validation.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agon.data.validation import LABELS, Problem, any_of, name_problems, quoted
from agon.ranking import Ballots
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.votes.ballots import arrange
from agon.ranking.votes.vote_source import VoteNetworks

PLACES = np.array([[1, 2], [2, 1], [1, 1], [1, 1], [0, 0]])  # of each winner label, last for none
FINE = np.array([[-1, -1], [-1, -1], [-1, -1], [0, 0], [-1, -1]])


@dataclass(frozen=True, eq=False)
class Cells:
    """C distinct rows as arrays; what `ranking.ballots.canonical` takes, with what is wrong in them."""

    names: tuple[str | None, ...]
    seats: IntArray
    places: IntArray
    acceptable: IntArray
    p_a: FloatArray
    weight: FloatArray
    count: IntArray
    problems: tuple[Problem, ...]
    grade: FloatArray | None = None

    @cached_property
    def fine(self) -> BoolArray:
        """(C,) which are votes."""
        fine = np.ones(len(self.count), dtype=bool)
        for problem in self.problems:
            fine &= ~problem.rows
        return fine

    @cached_property
    def canonical(self) -> tuple[Ballots, IntArray]:
        """The distinct ballots of those that are, and the ballot of each."""
        return _canonical(self, self.fine)

    @cached_property
    def turned(self) -> BoolArray:
        """(C,) of pairwise votes, whether the first model is the second of its ballot."""
        ballots, which = self.canonical
        place: dict[str | None, int] = {name: i for i, name in enumerate(ballots.models)}
        number = np.array([place.get(name, -1) for name in self.names], dtype=np.int64)
        turned = np.zeros(len(self.count), dtype=bool)
        turned[self.fine] = number[self.seats[self.fine, 0]] != ballots.shown[which, 0]
        return turned


def pairwise(table: pa.Table) -> Cells:
    """Encode rows of model_a, model_b and winner and/or p_a, optionally weight and count."""
    names, (a, b) = _codes([table["model_a"], table["model_b"]])
    labels: tuple[str | None, ...] = ()
    label = np.full(table.num_rows, -1)
    if "winner" in table.column_names:
        labels, (label,) = _codes([table["winner"]])
    count = _integers(table, "count", table.num_rows)
    p_a, p_text = _numbers(table, "p_a", len(a))
    weight, w_text = _numbers(table, "weight", len(a))
    given = {column: _given(table, column, len(a)) for column in ("p_a", "weight")}
    weight = np.where(np.isnan(weight) & ~given["weight"], 1.0, weight)
    meaning = np.array([4 if text is None else LABELS.get(text.strip().lower(), 4) for text in labels] + [4])
    outcome = meaning[label]
    number = {name: i for i, name in enumerate(names) if name is not None}
    named = np.array([-1 if text is None else number.get(text, -1) for text in labels] + [-1])[label]
    outcome = np.where((outcome == 4) & (named >= 0), np.select([named == a, named == b], [0, 1], 4), outcome)
    seats = np.stack([a, b], axis=1)
    problems = name_problems(names, seats, count, listed=False)
    columns = table.column_names
    problems += _pair_problems(names, labels, label, outcome, seats, given["p_a"], columns)
    problems += _number_problems(p_text, w_text, p_a, weight, given, columns)
    soft = ~np.isnan(p_a)
    places, fine = PLACES[outcome], FINE[outcome]
    places[soft], fine[soft] = 0, -1
    grade = None
    if "grade" in columns:
        grade = _numbers(table, "grade", len(a))[0]
        problems += _grade_problems(grade, outcome, soft)
    return Cells(names, seats, places, fine, p_a, weight, count, tuple(problems), grade)


def _grade_problems(grade: FloatArray, outcome: IntArray, soft: BoolArray) -> list[Problem]:
    """Find grades below 0, and those that do not go with what the vote says: of a tie 0, else above it."""
    tie = np.isin(outcome, (2, 3))
    kinds = [
        (
            "with an invalid grade",
            ~((grade >= 0) & np.isfinite(grade)) & ~np.isnan(grade),
            "grade is below 0 in {rows} of {source}: it says how much better the winner is; "
            "correct it, or leave the column out",
            "NOT (grade >= 0) OR isinf(grade)",
        ),
        (
            "with a grade of another outcome",
            ((grade > 0) & (tie | soft)) | ((grade == 0) & (outcome <= 1) & ~soft),
            "grade does not go with the winner in {rows} of {source}: of a tie it is 0, of a win above 0, "
            "empty where a vote does not say; correct it, or leave the column out",
            "(grade > 0) = (winner IS NULL OR lower(trim(winner)) NOT IN ('model_a', 'model_b'))",
        ),
    ]
    return [Problem(reason, text, where, (), bad) for reason, bad, text, where in kinds if bad.any()]


def _pair_problems(
    names: Sequence[str | None],
    labels: Sequence[str | None],
    label: IntArray,
    outcome: IntArray,
    seats: IntArray,
    soft: BoolArray,
    columns: Sequence[str],
) -> list[Problem]:
    """Find self-battles, unknown or missing winners, and rows with two verdicts."""
    problems = []
    a, b = seats.T
    own = a == b
    if own.any():
        selves = any_of(str(names[i]) for i in np.unique(a[own]))
        text = f"{selves} meets itself in {{rows}} of {{source}}; remove it, it says nothing"
        problems.append(Problem("self-battles", text, "model_a = model_b", (), own))
    no_label = np.array([text is None or not str(text).strip() for text in labels] + [True])[label]
    unknown = (outcome == 4) & ~no_label
    if unknown.any():
        strange = sorted({str(labels[i]) for i in np.unique(label[unknown])})
        text = f"{any_of(strange)} is not a known winner in {{rows}} of {{source}}; write one of "
        word = strange[0] if strange[0].isalnum() else "WORD"
        if set(map(str, names)) & LABELS.keys():
            text = (
                f"The column winner holds {any_of(strange)} in {{rows}} of {{source}}, and a column "
                "of models holds winners; say which is which, such as "
                "columns={{'winner': 'model_a', 'model_a': 'winner'}}"
            )
        else:
            text += (
                "model_a, model_b, tie, both_bad, or say which of these it means, such as "
                f"labels={{{{{quoted(strange[0])}: 'model_a'}}}} (--label {word}=model_a)"
            )
        where = "list_contains(?, CAST(winner AS VARCHAR))"
        problems.append(Problem("with an unknown winner", text, where, (strange,), unknown))
    if (missing := no_label & ~soft).any():
        text = "There is no winner in {rows} of {source}; say model_a, model_b, tie or both_bad, or give p_a"
        conditions = [f"{c} IS NULL OR trim(CAST({c} AS VARCHAR)) = ''" for c in ("winner", "p_a")]
        there = [c for c, name in zip(conditions, ("winner", "p_a"), strict=True) if name in columns]
        where = " AND ".join(f"({c})" for c in there)
        problems.append(Problem("without a winner", text, where, (), missing))
    if (both := soft & ~no_label).any():
        text = "Both a winner and p_a are given in {rows} of {source}; keep one verdict for each vote"
        where = "winner IS NOT NULL AND p_a IS NOT NULL"
        problems.append(Problem("with a winner and p_a", text, where, (), both))
    return problems


def _number_problems(
    p_text: Any,
    w_text: Any,
    p_a: FloatArray,
    weight: FloatArray,
    given: Mapping[str, BoolArray],
    columns: Sequence[str],
) -> list[Problem]:
    """Find probabilities outside [0, 1] and weights that are missing or not positive numbers."""
    problems = []
    number = "try_cast({c} AS DOUBLE)"
    if "weight" in columns and (none := ~given["weight"]).any():
        text = "There is no weight in {rows} of {source}; fill it in, 1 where a vote counts once"
        problems.append(Problem("without a weight", text, "weight IS NULL", (), none))
    kinds = [
        ("p_a", p_text, ~((p_a >= 0) & (p_a <= 1)), "must lie between 0 and 1", "BETWEEN 0 AND 1"),
        ("weight", w_text, ~((weight > 0) & np.isfinite(weight)), "must be a positive number", "> 0"),
    ]
    for column, texts, outside, rule, fine in kinds:
        bad = outside & given[column]
        if not bad.any():
            continue
        values = any_of(str(texts[i]) for i in np.flatnonzero(bad).tolist())
        text = f"{column} is {values} in {{rows}} of {{source}}, but {rule}; correct it"
        value = number.format(c=column)
        where = f"{column} IS NOT NULL AND ({value} IS NULL OR isnan({value}) OR isinf({value})"
        where += f" OR NOT ({value} {fine}))"
        problems.append(Problem(f"with an invalid {column}", text, where, (), bad))
    return problems


def kwise(table: pa.Table) -> Cells:
    """Encode rows of models and places (lists), optionally acceptable, weight and count.

    `models` must be a list of texts, `places` of whole numbers, `acceptable` of booleans.
    """
    n = table.num_rows
    names, seats, sizes = seats_of(table)
    width = seats.shape[1]
    place_list = table["places"].combine_chunks()
    places, place_sizes = list_numbers(place_list, width)
    fine = np.full((n, width), -1)
    fine_sizes = sizes
    if "acceptable" in table.column_names:
        fine_list = table["acceptable"].combine_chunks()
        told = pc.is_valid(fine_list).to_numpy(zero_copy_only=False)
        values, found = list_numbers(fine_list.cast(pa.list_(pa.int64())), width)
        fine = np.where(told[:, None] & ~np.isnan(values), np.nan_to_num(values), -1).astype(np.int64)
        fine_sizes = np.where(told, found, sizes)
    weight, w_text = _numbers(table, "weight", n)
    given = {"p_a": np.zeros(n, dtype=bool), "weight": _given(table, "weight", n)}
    weight = np.where(np.isnan(weight) & ~given["weight"], 1.0, weight)
    count = _integers(table, "count", n)
    problems = name_problems(names, seats, count, listed=True)
    problems += _list_problems(
        seats, places, sizes, place_sizes, fine_sizes, judged="acceptable" in table.column_names
    )
    soft = np.full(n, np.nan)
    problems += _number_problems([], w_text, soft, weight, given, table.column_names)
    return Cells(
        names, seats, _dense(np.where(seats >= 0, places, np.nan)), fine, soft, weight, count, tuple(problems)
    )


def _dense(places: FloatArray) -> IntArray:
    """(C, K) places from 1 without gaps, 0 for none: 0, 1, 1, 3 and 1, 2, 2, 4 are both 1, 2, 2, 3."""
    order = np.argsort(places, axis=1)  # NaN comes last
    climbing = np.take_along_axis(places, order, axis=1)
    steps = np.ones(places.shape, dtype=np.int64)
    steps[:, 1:] = climbing[:, 1:] > climbing[:, :-1]
    dense = np.zeros(places.shape, dtype=np.int64)
    np.put_along_axis(dense, order, np.cumsum(steps, axis=1), axis=1)
    return np.where(np.isnan(places), 0, dense)


def seats_of(table: pa.Table) -> tuple[tuple[str | None, ...], IntArray, IntArray]:
    """The distinct names in the lists `models`, (C, K) numbers of these, -1 pads, and the lengths."""
    lists = table["models"].combine_chunks()
    names, (flat,) = _codes([pa.chunked_array([pc.list_flatten(lists)])])
    sizes = _lengths(lists)
    return names, pad_lists(flat, sizes, int(max(2, sizes.max(initial=0))), -1), sizes


def _list_problems(
    seats: IntArray,
    places: FloatArray,
    sizes: IntArray,
    place_sizes: IntArray,
    fine_sizes: IntArray,
    *,
    judged: bool,
) -> list[Problem]:
    """Find ballots whose lists do not fit together or whose places are not dense from 1."""
    problems = []
    small = sizes < 2
    if small.any():
        text = "Fewer than two models are shown in {rows} of {source}; a vote compares at least two"
        problems.append(
            Problem("with fewer than two models", text, "len(models) < 2 OR models IS NULL", (), small)
        )
    uneven = (sizes != place_sizes) | (sizes != fine_sizes)
    if uneven.any():
        text = "Models and places differ in length in {rows} of {source}; give each shown model one place"
        where = "len(models) IS DISTINCT FROM len(places)"
        if judged:
            where += " OR len(acceptable) <> len(models)"
        problems.append(Problem("with places of the wrong length", text, where, (), uneven))
    ordered = np.sort(seats, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
    if twice.any():
        text = "One model is shown twice in {rows} of {source}; a model cannot meet itself"
        where = "len(list_distinct(models)) < len(models)"
        problems.append(Problem("self-battles", text, where, (), twice))
    there = ~np.isnan(places)
    whole = ~there | ((places >= 0) & (places <= sizes[:, None]) & (places == np.floor(places)))
    loose = ~(whole.all(axis=1) & there.any(axis=1)) & ~small & ~uneven
    if loose.any():
        text = "Places are not whole numbers from 1 in {rows} of {source}; number them from 1, best first"
        where = (
            "len(list_filter(places, lambda p: p IS NOT NULL)) = 0 OR list_min(places) < 0 OR "
            "list_max(places) > len(models) OR list_bool_or(list_transform(places, lambda p: p <> floor(p)))"
        )
        problems.append(Problem("with places that are no whole numbers from 1", text, where, (), loose))
    return problems


def _codes(columns: Sequence[Any]) -> tuple[tuple[str | None, ...], list[IntArray]]:
    """Number the distinct texts of several Arrow columns together; None has a number too."""
    names: dict[str | None, int] = {}
    coded = []
    for column in columns:
        encoded: Any = column.combine_chunks()
        if not pa.types.is_dictionary(encoded.type):
            encoded = pc.dictionary_encode(encoded, null_encoding="encode")
        words = [None if word is None else str(word) for word in encoded.dictionary.to_pylist()]
        used = np.flatnonzero(np.bincount(as_numpy(encoded.indices.drop_null()))).tolist()
        position = np.zeros(len(words) + 1, dtype=np.int64)
        for i in used:
            position[i] = names.setdefault(words[i], len(names))
        indices = encoded.indices
        if indices.null_count:
            position[-1] = names.setdefault(None, len(names))
            indices = pc.fill_null(indices.cast(pa.int64()), len(words))
        coded.append(position[as_numpy(indices)])
    return tuple(names), coded


def as_numpy(array: Any) -> NDArray[Any]:
    """(N,) the values of an Arrow array of numbers without nulls; `to_numpy` would import pandas."""
    return np.from_dlpack(array)


def _given(table: pa.Table, column: str, n: int) -> BoolArray:
    """(C,) rows in which the column has a value."""
    if column not in table.column_names:
        return np.zeros(n, dtype=bool)
    return np.asarray(pc.is_valid(table[column]).to_numpy())


def _numbers(table: pa.Table, column: str, n: int) -> tuple[FloatArray, Any]:
    """(C,) a column as numbers, NaN where there is none, and as it was written."""
    if column not in table.column_names:
        return np.full(n, np.nan), []
    values: Any = table[column].combine_chunks()
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        parsed = np.array([_number(text) for text in values.to_pylist()], dtype=np.float64)
        return parsed, values
    return values.cast(pa.float64()).to_numpy(zero_copy_only=False), values


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else float("nan")
    except ValueError:
        return float("nan")


def _integers(table: pa.Table, column: str, n: int) -> IntArray:
    if column not in table.column_names:
        return np.ones(n, dtype=np.int64)
    return as_numpy(table[column].combine_chunks()).astype(np.int64)


def _lengths(lists: Any) -> IntArray:
    """(C,) length of each list, 0 for none."""
    return np.asarray(pc.fill_null(pc.list_value_length(lists), 0)).astype(np.int64)


def pad_lists(flat: NDArray[Any], sizes: IntArray, width: int, pad: float) -> NDArray[Any]:
    """(C, K) values of lists side by side; lists longer than K are cut."""
    out = np.full((len(sizes), width), pad, dtype=flat.dtype)
    row = np.repeat(np.arange(len(sizes)), sizes)
    column = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    fits = column < width
    out[row[fits], column[fits]] = flat[fits]
    return out


def list_numbers(lists: Any, width: int) -> tuple[FloatArray, IntArray]:
    """(C, K) numbers of lists, NaN for null and padding, and the lengths."""
    flat = pc.list_flatten(lists).cast(pa.float64()).to_numpy(zero_copy_only=False)
    sizes = _lengths(lists)
    return pad_lists(flat.astype(np.float64), sizes, width, np.nan), sizes


def _canonical(cells: Cells, keep: BoolArray) -> tuple[Ballots, IntArray]:
    """The distinct ballots of what is kept, and the ballot of each kept cell."""
    kept: list[Any] = [cells.seats, cells.places, cells.acceptable, cells.p_a, cells.weight, cells.count]
    kept += [] if cells.grade is None else [cells.grade]
    if not keep.all():
        kept = [column[keep] for column in kept]
    seats, *rest = kept
    there = np.zeros(len(cells.names) + 1, dtype=bool)
    there[seats] = True  # a pad, -1, marks the place behind the last name
    used = np.flatnonzero(there[:-1])
    position = np.full(len(there), -1, dtype=np.int64)
    position[used] = np.arange(len(used))
    names = np.array([str(cells.names[i]) for i in used], dtype=object)
    return arrange(names, position[seats], *rest)


def networks_of(column: pa.ChunkedArray) -> VoteNetworks | None:
    """Number the networks of a column of text; None if no row has one."""
    encoded: Any = pc.if_else(pc.equal(column, ""), None, column).combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    place = np.full(len(words) + 1, -1, dtype=np.int64)
    place[order] = np.arange(len(words))
    number = np.from_dlpack(encoded.indices.cast(pa.int64()).fill_null(-1))
    return VoteNetworks(tuple(words[i] for i in order), place[number]) if words else None
