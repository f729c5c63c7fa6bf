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


class KindShape(Shape):
    """One kind of voters."""

    share: float
    lower: Number
    upper: Number
    sure: Annotated[int, Field(description="Voters who are of it with a probability of at least 0.8.")]
    first: str
    likes: list[str]
    dislikes: list[str]


class KindsTriedShape(Shape):
    """How well so many kinds predict votes held out."""

    kinds: int
    log_loss: float
    gain: Number
    lower: Number
    upper: Number


class KindScoreShape(Shape):
    """The score of a model among one kind."""

    kind: int
    model: str
    score: float
    lower: Number
    upper: Number


class WorstGroupShape(Shape):
    """The score of a model among the kind that likes it least."""

    model: str
    score: float
    lower: Number
    kind: int


class FactorShape(Shape):
    """A direction in which voters differ."""

    share: float
    loadings: dict[str, float]


class TastesShape(Shape):
    """Who likes what; no voter is named."""

    conclusion: str
    kinds: list[KindShape]
    tried: list[KindsTriedShape]
    asked: bool
    level: float
    n_resamples: int
    seed: int
    boards: list[KindScoreShape]
    worst_group: list[WorstGroupShape]
    voters: Annotated[int, Field(description="How many.")]
    unsure: int
    factors: list[FactorShape]


class ContestedShape(Shape):
    """A pair of models that surely splits people."""

    first: str
    second: str
    votes: float
    share: float
    lower: float
    upper: float
    contested: Annotated[float, Field(description="Probability that the share is between 0.4 and 0.6.")]


class TastesAnswer(Shape):
    """Kinds of voters, as `agon tastes --format json` prints them; null where votes name no voters."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    tastes: TastesShape | None
    contested: list[ContestedShape]
