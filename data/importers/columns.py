"""The rows of a foreign file as columns of votes: kinds of value, and the draft in which readers build votes.

Nothing here opens a file or knows a published format: see published.py and formats.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agon.data.files.reader import Rows
from agon.data.validation import LABELS
from agon.ranking.numerics import BoolArray
from agon.ranking.text import join_names

Column = Any  # an Arrow array, chunked or not: not every version of pyarrow that will do describes its types
_OURS = ("model_a", "model_b", "tie", "both_bad")
WINNERS = {label: _OURS[place] for label, place in LABELS.items()}
LATEST = 1e11  # so many seconds are past the year 5138: a larger number is milliseconds, not Unix seconds


@dataclass(frozen=True)
class _Kind:
    """A kind of value: how a whole Arrow column of it is read at once, and how one Python value is."""

    noun: str
    type: pa.DataType
    value: Callable[[Any], Any]
    """Read one value that is not null; TypeError or ValueError where it is not of this kind."""
    column: Callable[[Column], Column | None] = lambda values: None  # noqa: ARG005
    """Read a whole column, or return None where it must be read value by value."""

    def read(self, values: Column | list[Any]) -> tuple[Column, BoolArray]:
        """Return the values as one Arrow array, and which of them are not of this kind (null in it)."""
        array = self.column(values if isinstance(values, pa.ChunkedArray) else _inferred(values))
        if array is not None:
            return array.cast(self.type).combine_chunks(), np.zeros(len(values), np.bool_)
        if isinstance(values, pa.ChunkedArray):
            values = values.to_pylist()
        read: list[Any] = []
        wrong: list[bool] = []
        for value in values:
            null = value is None or value != value  # noqa: PLR0124  NaN, the null of pandas, is not itself
            try:
                read.append(None if null else self.value(value))
                wrong.append(False)
            except (TypeError, ValueError, OverflowError):
                read.append(None)
                wrong.append(True)
        return pa.array(read, self.type), np.array(wrong, np.bool_)


def _inferred(values: list[Any]) -> Column:
    """Return a list as an Arrow column; where its values are of several kinds, one of no kind."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds in ({str}, {int}, {float}, {int, float}, {bool}):
        with suppress(UnicodeEncodeError, OverflowError):
            return pa.chunked_array([pa.array(values)])
    return pa.chunked_array([pa.nulls(0)])


def digest(text: str) -> str:
    """Return the id of a prompt that was published without one: ten hex digits of its SHA-1."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:10]


def _digest(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return digest(value)


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    text = str(value)
    text.encode()  # half of a surrogate pair cannot be stored; a UnicodeEncodeError is a ValueError
    return text


def _text_column(values: Column) -> Column | None:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    known = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer)
    return values.cast(pa.string()) if any(test(kind) for test in known) else None


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return float(value)


def _number_column(values: Column) -> Column | None:
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        return None
    floats = values.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)


def _time(value: object) -> float:
    try:
        seconds = _number(value)
    except (TypeError, ValueError):
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds < LATEST:
        raise ValueError
    return seconds


def _time_column(values: Column) -> Column | None:
    if pa.types.is_timestamp(values.type):  # without a zone, as pandas writes it: taken as UTC
        micro = values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(pa.int64())
        values = pc.divide(micro.cast(pa.float64(), safe=False), 1e6)
    seconds = _number_column(values)
    if seconds is None:
        return None
    within = pc.and_(pc.greater_equal(seconds, pa.scalar(0.0)), pc.less(seconds, pa.scalar(LATEST)))
    return seconds if pc.all(within, min_count=0).as_py() else None


def _whole(value: object) -> int:
    number = _number(value)
    if not 0 <= number < 2**31 or number != int(number):
        raise ValueError
    return int(number)


def _whole_column(values: Column) -> Column | None:
    if not pa.types.is_integer(values.type):
        return None
    within = pc.and_(pc.greater_equal(values, pa.scalar(0)), pc.less(values, pa.scalar(2**31)))
    return values if pc.all(within, min_count=0).as_py() else None


def _flag(value: object) -> bool:
    word = value.lower() if isinstance(value, str) else value
    if word not in (True, False, "true", "false", "1", "0"):
        raise ValueError
    return word in (True, "true", "1")


def _flag_column(values: Column) -> Column | None:
    return values if pa.types.is_boolean(values.type) else None


def as_stored(text: str | None) -> str | None:
    """A text as it can be stored: half of a surrogate pair becomes the sign for what cannot be read."""
    return None if text is None else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _answer(value: object) -> str | None:
    if not isinstance(value, str):
        raise TypeError
    return as_stored(value)


TEXT = _Kind("text", pa.string(), _text, _text_column)
PROMPT = _Kind("text", pa.string(), _digest)
ANSWER = _Kind("text", pa.string(), _answer)
NUMBER = _Kind("a number", pa.float64(), _number, _number_column)
TIME = _Kind("a time in Unix seconds or ISO 8601", pa.float64(), _time, _time_column)
WHOLE = _Kind("a whole number", pa.int32(), _whole, _whole_column)
FLAG = _Kind("true or false", pa.bool_(), _flag, _flag_column)


def as_mask(array: Column) -> BoolArray:
    """Return an Arrow column of booleans as a mask, in which a null is false."""
    mask: BoolArray = array.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _filled(texts: Column) -> BoolArray:
    return as_mask(pc.not_equal(texts, pa.scalar("")))


@dataclass(frozen=True)
class Fault:
    """One reason why rows are not votes."""

    reason: str
    mask: BoolArray
    shown: Column | list[Any] | None = None
    """The values to quote in the message, parallel to the rows; None where there is nothing to quote."""


@dataclass
class Draft:
    """The votes of a file while a reader builds them: columns parallel to the rows, and what is wrong."""

    rows: Rows
    columns: dict[str, Column] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    others: BoolArray | None = None
    """Rows of a log that are not votes at all."""
    left_out: dict[str, BoolArray] = field(default_factory=dict)
    """Votes that never count, by reason: the names were shown, or an answer was none."""
    strongest: float = 0.0
    """The largest grade of the scale that `grade` is on; 0 where votes have no grades."""

    def fault(self, reason: str, mask: BoolArray, shown: Column | list[Any] | None = None) -> None:
        """Note rows that are wrong."""
        if mask.any():
            self.faults.append(Fault(reason, mask, shown))

    def leave_out(self, reason: str, mask: BoolArray) -> None:
        """Note votes that are valid but do not count."""
        if mask.any():
            self.left_out[reason] = mask

    def put(self, column: str, source: str, values: Column | list[Any], kind: _Kind) -> None:
        """Fill a column from values, and note the rows in which they are not of this kind."""
        self.columns[column], wrong = kind.read(values)
        self.fault(f"{source} that is not {kind.noun}", wrong, values)

    def take(self, column: str, sources: tuple[str, ...], kind: _Kind) -> None:
        """Fill a column from the first of these columns that the file has, if it has one."""
        source = next((name for name in sources if name in self.rows.columns), None)
        if source is not None:
            self.put(column, source, self.rows.values(source), kind)

    def check(self) -> Draft:
        """Note the rows whose names or winner are missing or wrong, and give the winners our spelling."""
        a, b = self.columns["model_a"], self.columns["model_b"]
        bare_a, bare_b = pc.utf8_trim_whitespace(a), pc.utf8_trim_whitespace(b)
        self.fault("no model name", ~(_filled(bare_a) & _filled(bare_b)))
        padded = as_mask(pc.not_equal(a, bare_a))
        shown = pc.if_else(pa.array(padded), a, b)
        self.fault("padded model name", padded | as_mask(pc.not_equal(b, bare_b)), shown)
        self.fault("self-battle", as_mask(pc.equal(a, b)), a)
        if "winner" in self.columns:
            labels = self.columns["winner"]
            for word, ours in self.rows.labels.items():
                labels = pc.if_else(pc.fill_null(pc.equal(labels, word), False), ours, labels)
            bare = pc.utf8_lower(pc.utf8_trim_whitespace(labels))
            known: Column = pc.index_in(bare, value_set=pa.array(list(WINNERS)))
            named = pc.if_else(pc.equal(labels, a), 0, pc.if_else(pc.equal(labels, b), 1, None))
            known = pc.coalesce(known, named.cast(pa.int32()))
            soft = as_mask(pc.is_valid(self.columns["p_a"])) if "p_a" in self.columns else padded & ~padded
            self.fault("no winner", ~_filled(labels) & ~soft)
            self.fault("unknown winner label", as_mask(pc.is_null(known)) & ~soft, labels)
            self.columns["winner"] = pa.array(list(WINNERS.values())).take(known)
        return self


@dataclass(frozen=True)
class Derived:
    """What SQL makes of the rows of a file in which a row is a vote already."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Our name of a column → SQL over the columns of the file; evaluated only where it is asked for."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Why a row is not what it should be → SQL that is true of such rows."""


@dataclass(frozen=True)
class Format:
    """A published format."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    """Sets of columns, each enough to recognise and read it."""
    read: Callable[[Rows], Draft]
    """Turn the rows of a file into votes."""
    rather_than: tuple[str, ...] = ()
    """The more general formats that fit such a file too, and are then not meant."""
    derive: Callable[[pa.Schema], Derived] | None = None
    """Where a row is a vote: our columns in SQL, from the names and types of the file's."""

    def recognises(self, columns: Iterable[str]) -> bool:
        """Whether these columns are enough to read it."""
        return any(set(columns).issuperset(wanted) for wanted in self.needs)

    def missing(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The columns of its nearest set that are not there."""
        there = set(columns)
        best = min(self.needs, key=lambda wanted: (len(set(wanted) - there), -len(set(wanted) & there)))
        return tuple(name for name in best if name not in there)

    @property
    def needed(self) -> str:
        """The columns it is recognised by, in words."""
        return ", or ".join(join_names(wanted, 9) for wanted in self.needs)


def read_as(path: object, form: Format) -> str:
    """What messages call a file in a format."""
    return f"{path} (read as {form.name})"
