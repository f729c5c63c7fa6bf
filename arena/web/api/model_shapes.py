"""The shapes of what is said of one model, of several beside each other, and of ranks over time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agon.arena.web.api.board_shapes import BoardShape, RowShape
from agon.arena.web.api.shapes import Number, Rank, Shape


class DifferenceShape(Shape):
    """Score of `model` less that of `other`; null bounds where the votes give none."""

    difference: float
    lower: Number
    upper: Number
    p_value: float


class ChanceShape(Shape):
    """The chance, by the scores, that an answer of `model` is preferred to one of `other`, a tie half."""

    probability: float
    lower: float
    upper: float


class RecordShape(Shape):
    """What was voted between the two."""

    won: float
    lost: float
    ties: float
    both_bad: float
    share: Annotated[Number, Field(description="Won, a tie half; null if they never met.")]
    share_lower: Annotated[Number, Field(description="Wilson's interval at the board's level.")]
    share_upper: Number


class PairShape(Shape):
    """One model beside another."""

    model: str
    other: str
    difference: Annotated[DifferenceShape | None, Field(description="null where the board gives none.")]
    win_probability: ChanceShape | None
    record: RecordShape
    decided: Annotated[bool | None, Field(description="Whether one is above however often one looks.")]
    more_votes: Annotated[int | None, Field(description="About how many more between them would decide.")]


class UnderShape(Shape):
    """A model under one rule."""

    method: str
    rank: Rank
    rank_lower: Rank
    rank_upper: Rank
    first: Annotated[Number, Field(description="Share of resamples in which it is first.")]
    lottery: Annotated[Number, Field(description="Its share, under a rule that elects by lot.")]


class GroupShape(Shape):
    """The rows of the board of one value."""

    value: str
    votes: Annotated[int, Field(description="Votes, or tasks, with this value; 0 without a board.")]
    fingerprint: str | None
    models: list[RowShape]


class MomentShape(Shape):
    """The ranks by all votes cast before a time."""

    time: Annotated[float, Field(description="Seconds since 1970.")]
    votes: int
    ranks: dict[str, int]


class FactsShape(Shape):
    """What is known of a model beside its votes."""

    model: str
    name: Annotated[str, Field(description="What pages call it.")]
    facts: Annotated[dict[str, Any], Field(description="Price, licence, speed, ... as far as known.")]
    failures: dict[str, int]
    reliability: Annotated[Number, Field(description="Per cent of answers that came.")]


class ModelAnswer(Shape):
    """Everything the page of a model shows."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    method: str
    level: float
    fingerprint: str
    row: RowShape
    known: FactsShape
    rules: list[UnderShape]
    column: Annotated[str | None, Field(description="The filter whose values `groups` are.")]
    groups: list[GroupShape]
    others: Annotated[list[PairShape], Field(description="Beside every other model of the board.")]
    history: list[MomentShape]


class CompareAnswer(Shape):
    """Two to four models side by side."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    method: str
    level: float
    fingerprint: str
    models: list[RowShape]
    pairs: list[PairShape]
    column: str | None
    groups: list[GroupShape]
    known: list[FactsShape]


class OverviewAnswer(Shape):
    """The ranks of all models by the values of a column."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    column: Annotated[str | None, Field(description="null where the votes are of one kind.")]
    all: BoardShape | None
    groups: list[GroupShape]


class HistoryAnswer(Shape):
    """Ranks over time; empty where the votes have no times."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    rule: str
    moments: list[MomentShape]
