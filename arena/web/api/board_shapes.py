"""The shapes of boards, and of what can be asked for of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agon.arena.web.api.shapes import Number, Rank, Shape


class RowShape(Shape):
    """One model on a board."""

    model: Annotated[str, Field(description="The name, as in the votes.")]
    rank: Annotated[Rank, Field(description="1 + the models above; null unless the status is ranked.")]
    score: Annotated[Number, Field(description="On the board's scale.")]
    lower: Annotated[Number, Field(description="Bound of the score at the board's level; null if open.")]
    upper: Number
    rank_lower: Annotated[Rank, Field(description="The best rank that the votes allow at the level.")]
    rank_upper: Annotated[Rank, Field(description="The worst one.")]
    votes: Annotated[int, Field(description="Ballots in which the model was shown.")]
    status: Literal["ranked", "provisional", "unplaced", "predicted", "component"]
    p_first: Annotated[Number, Field(description="Chance of truly being the first.")]


class RemarkShape(Shape):
    """Something to know about the votes of a board."""

    code: str
    models: list[str]
    message: str


class LeadShape(Shape):
    """Whether the first leads however often one looks."""

    certain: bool
    more_votes: Annotated[int | None, Field(description="About how many more votes would decide.")]


class WinnerShape(Shape):
    """The first, corrected for having been picked as the highest score."""

    model: str
    score: float
    corrected: float
    lower: float
    upper: float
    notable: bool


class CoefficientShape(Shape):
    """What a feature of the answers is worth, where a board is adjusted for it."""

    name: str
    value: float
    lower: Number
    upper: Number


class HeadShape(Shape):
    """Up to which event of the log votes go."""

    events: Annotated[int, Field(description="Events up to it.")]
    hash: Annotated[str, Field(description="Of it, for `agon rank LOG --at`.")]


class BoardShape(Shape):
    """A leaderboard, as `agon rank --format json` prints it."""

    method: str
    settings: Annotated[dict[str, Any], Field(description="Everything that made the board, with `votes`.")]
    level: float
    rank_method: Annotated[str, Field(description="differences, bootstrap, empirical_bayes or none.")]
    by: Annotated[dict[str, str] | None, Field(description="The group of votes, of a board of one.")]
    counted: Literal["votes", "tasks"]
    fingerprint: Annotated[str, Field(description="Equal for equal votes, settings and version.")]
    head: Annotated[HeadShape | None, Field(description="Of votes of the log of an arena.")]
    diagnostics: list[RemarkShape]
    models: Annotated[list[RowShape], Field(description="Best first.")]
    lead: LeadShape | None
    winner: WinnerShape | None
    coefficients: list[CoefficientShape]


class StateShape(Shape):
    """Whether a model answers, and how its answers of battles that are over ended."""

    model: str
    state: Literal["answering", "unavailable", "paused", "retired"]
    life: Annotated[
        Literal["preliminary", "listed", "paused", "retired"],
        Field(description="preliminary: with fewer votes than the organiser wants."),
    ]
    votes: Annotated[int, Field(description="On the board that was asked for.")]
    reason: Annotated[str | None, Field(description="The kind of failure of one that is unavailable.")]
    asked: int
    failures: Annotated[dict[str, int], Field(description="Kind of failure → times.")]


class LeaderboardAnswer(Shape):
    """The board asked for, with one for each component that nothing links to it; empty without votes."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    boards: list[BoardShape]
    models: Annotated[list[StateShape], Field(description="All that can be drawn or have votes.")]
    gates: Annotated[
        Literal["none", "default", "strict"],
        Field(description="That votes passed; `left_out` and `diagnostics` of a board say what did not."),
    ]


class OfferAnswer(Shape):
    """What can be asked for of these votes, within the filters given."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    votes: Annotated[int, Field(description="Votes, or tasks of a table of scores, in all.")]
    unit: Annotated[str, Field(description="What is counted: blind vote, vote or task.")]
    filters: Annotated[
        dict[str, dict[str, int]], Field(description="Column → value → its votes within the other filters.")
    ]
    rules: Annotated[list[str], Field(description="Names for `rule`; the first is the usual one.")]
    features: Annotated[list[str], Field(description="Names for `adjust`.")]
    tasks: Annotated[list[str], Field(description="Of a table of scores.")]
