"""How a source is read: one set of options for every command, and the same as keywords and as words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from agon.arena.cli.arguments import labels_of, number_of, pairs_of, values_of
from agon.arena.cli.output.progress_line import progress
from agon.data import read_any
from agon.data.store_address import StoreAddress
from agon.ranking.errors import OptionError
from agon.ranking.votes.comparisons import Comparisons, Votes

ColumnOption = Annotated[
    list[str] | None,
    Parameter(negative="", help="OURS=THEIRS: use the column THEIRS as OURS, such as voter=judge."),
]
LabelOption = Annotated[
    list[str] | None,
    Parameter(negative="", help="WORD=LABEL: read WORD in the column winner as LABEL, such as left=model_a."),
]
InvalidOption = Annotated[
    Literal["error", "drop"],
    Parameter(help="What to do with rows that are not votes: refuse them, or leave them out and count them."),
]
FormatOption = Annotated[
    str | None,
    Parameter(name="--as", help="Name of the format, if it is not recognised [formats: docs/data.md]."),
]
GradeOption = Annotated[
    float | None,
    Parameter(
        name="--grade-weight",
        help="What the strongest grade weighs, such as A>>B, where the weakest weighs 1 [default: 1].",
    ),
]


EngineOption = Annotated[
    Literal["spark"] | None,
    Parameter(help="Count in Spark: SOURCE is a folder of parquet, a Delta table, or the name of a table."),
]


@dataclass(frozen=True)
class VoteColumns:
    """Which votes are read, and from which columns."""

    where: Annotated[
        str | None, Parameter(help="SQL condition on the columns, such as \"language = 'en'\".")
    ] = None
    column: ColumnOption = None
    label: LabelOption = None
    table: Annotated[
        str | None, Parameter(help="Table of a DuckDB file or of PostgreSQL [default: votes].")
    ] = None
    voters: Annotated[
        Literal["human", "llm", "all"] | None,
        Parameter(help="Whose votes, by voter_kind [default: people's, if there are both]."),
    ] = None

    def keywords(self) -> dict[str, Any]:
        """The same as keywords of `agon.data.comparisons`.

        Raises:
            OptionError: a text of another form.
        """
        return {
            "where": self.where,
            "table": self.table,
            "columns": pairs_of(self.column) or None,
            "labels": labels_of(self.label) or None,
            "voters": self.voters,
        }


@dataclass(frozen=True)
class SourceShape(VoteColumns):
    """Of which format a source is, and what its columns are: votes, a table of scores or an election."""

    read_as: FormatOption = None
    grade_weight: GradeOption = None
    weights: Annotated[str | None, Parameter(help="TASK=W,... of a table of scores; others weigh 1.")] = None
    groups: Annotated[
        str | None, Parameter(help="TASK=GROUP,... of a table of scores, for two_level or --by group.")
    ] = None
    ignore: Annotated[str | None, Parameter(help="COLUMN,... of a table of scores that are no tasks.")] = None
    lower: Annotated[str | None, Parameter(help="TASK,... of a table of scores where less is better.")] = None
    higher: Annotated[
        str | None,
        Parameter(
            help="TASK,... of a table of scores where more is better, although the name sounds like a cost."
        ),
    ] = None
    metric: Annotated[
        str | None,
        Parameter(help="METRIC,... of a table of scores whose tasks have several, in order of preference."),
    ] = None

    def keywords(self) -> dict[str, Any]:
        """The same as keywords of `agon.data.read_any` and `check`.

        Raises:
            OptionError: a text of another form, or a weight that is no number.
        """
        weights = values_of(self.weights)
        directions = {
            **dict.fromkeys(_names(self.lower), "lower"),
            **dict.fromkeys(_names(self.higher), "higher"),
        }
        return {
            **super().keywords(),
            "format": self.read_as,
            "grade_weight": self.grade_weight,
            "weights": {task: number_of("--weights", value) for task, value in weights.items()},
            "groups": values_of(self.groups),
            "ignore": _names(self.ignore),
            "directions": directions,
            "metric": _names(self.metric),
        }


@dataclass(frozen=True)
class Reading(SourceShape):
    """How a source is read to be ranked."""

    invalid: InvalidOption = "error"
    criterion: Annotated[
        str | None,
        Parameter(help="Criterion of a study in a log folder, instead of the verdicts as a whole."),
    ] = None
    engine: EngineOption = None

    def keywords(self) -> dict[str, Any]:
        """The same as keywords of `agon.data.read_any`.

        Raises:
            OptionError: a text of another form, or a weight that is no number.
        """
        given = {"invalid": self.invalid, "criterion": self.criterion, "engine": self.engine}
        return {**super().keywords(), **given}

    def read(self, paths: Sequence[Path | StoreAddress]) -> Votes:
        """Read what lies there.

        Raises:
            AgonError: it cannot be read in this way.
        """
        return read_any(list(paths), **self.keywords())

    def words(self) -> Iterator[str]:
        """The same as words of a command line, but for --where, which a page gives with its filters."""
        given: dict[str, Sequence[str]] = {
            "--column": self.column or (),
            "--label": self.label or (),
            "--table": [self.table] if self.table else (),
            "--voters": [self.voters] if self.voters else (),
            "--invalid": [self.invalid] if self.invalid != "error" else (),
            "--criterion": [self.criterion] if self.criterion else (),
            "--engine": [self.engine] if self.engine else (),
            "--as": [self.read_as] if self.read_as else (),
            "--grade-weight": [] if self.grade_weight is None else [f"{self.grade_weight:g}"],
            "--weights": [self.weights] if self.weights else (),
            "--groups": [self.groups] if self.groups else (),
            "--ignore": [self.ignore] if self.ignore else (),
            "--lower": [self.lower] if self.lower else (),
            "--higher": [self.higher] if self.higher else (),
            "--metric": [self.metric] if self.metric else (),
        }
        return (word for option, values in given.items() for one in values for word in (option, one))


def read_judges(judges: Sequence[Path], reading: Reading) -> Comparisons:
    """Votes of LLM judges, read with the columns, labels and table of the votes of people.

    Raises:
        OptionError: a table of scores.
        AgonError: they cannot be read.
    """
    known = VoteColumns(column=reading.column, label=reading.label, table=reading.table)
    with progress("reading votes of judges"):
        found = read_any(list(judges), **known.keywords(), invalid=reading.invalid)
    if not isinstance(found, Comparisons):
        raise OptionError(f"--judges {judges[0]} is a table of scores; give the votes of judges.")
    return found


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").split(",") if name]


VoteColumnOptions = Annotated[VoteColumns, Parameter(name="*", negative="")]
ShapeOptions = Annotated[SourceShape, Parameter(name="*", negative="")]
ReadingOptions = Annotated[Reading, Parameter(name="*", negative="")]
EVERY_ROW = VoteColumns()
AS_IT_IS = SourceShape()
USUAL = Reading()
