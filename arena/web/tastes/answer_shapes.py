"""What the API answers of predictions and tastes, as pydantic models: for the document and nothing else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agon.arena.web.api.shapes import Number, Shape


class MethodScoreShape(Shape):
    """How well one rule predicts votes that it has not seen."""

    method: str
    log_loss: Annotated[float, Field(description="In nats; log 3 is a die of three sides.")]
    lower: Number
    upper: Number
    brier: Annotated[float, Field(description="0 to 2.")]
    calibration_error: float
    slope: Number
    slope_lower: Number
    slope_upper: Number
    behind: Annotated[float, Field(description="Log loss less that of the best.")]
    behind_lower: Number
    behind_upper: Number
    verdict: Literal["best", "not surely worse", "surely worse"]


class MethodComparisonShape(Shape):
    """How well rules predict the same held-out votes."""

    conclusion: str
    by: str
    votes: int
    unscored: int
    clustered_by: str
    clusters: int
    folds: int
    seed: int
    level: float
    methods: list[MethodScoreShape]
    contenders: list[str]
    left_out: Annotated[dict[str, str], Field(description="Rule → why it says nothing of these votes.")]


class PredictionAnswer(Shape):
    """Which rule predicts these votes best, as `agon compare-methods --format json` prints it."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    comparison: MethodComparisonShape | None
    why_not: str | None
    unasked: Annotated[list[str], Field(description="Rules left out for taking too long on so many votes.")]
