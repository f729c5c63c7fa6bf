"""The shapes of what follows from rules: who is first under which, and which model to take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agon.arena.web.api.shapes import Number, Rank, Shape


class RuleShape(Shape):
    """One rule on these votes; lists are parallel to the models of the comparison."""

    method: str
    first: list[str]
    contenders: Annotated[list[str], Field(description="Others whose range of ranks begins at 1.")]
    ranks: list[Rank]
    rank_lower: list[Rank]
    rank_upper: list[Rank]
    probability: Annotated[
        list[float] | None, Field(description="Share of resamples in which each is first.")
    ]
    nobody: Number
    lottery: list[float] | None


class ComparisonShape(Shape):
    """Who is first under which rule, and how likely."""

    conclusion: str
    level: float
    n_resamples: int
    seed: int
    models: list[str]
    provisional: list[str]
    champions: Annotated[dict[str, list[str]], Field(description="Model → rules under which it is first.")]
    methods: list[RuleShape]
    agreement: Annotated[list[list[Number]], Field(description="Kendall's τ-b between the rules.")]


class FlipShape(Shape):
    """The fewest votes found whose change puts `lower` above `upper`, the first, under a rule."""

    method: str
    upper: str
    lower: str
    unit: Literal["votes", "tasks"]
    number: Annotated[int | None, Field(description="null if none were found.")]
    total: int
    exact: Annotated[bool, Field(description="Whether every smaller number was tried.")]
    confirmed: Annotated[bool, Field(description="Whether ranking the changed votes anew confirmed it.")]
    conclusion: str


class CycleShape(Shape):
    """Models each of which beats the next, the last the first."""

    models: list[str]
    margins: list[float]
    shares: list[float]


class CirclesShape(Shape):
    """The circles that majorities go in."""

    conclusion: str
    top: list[str]
    winner: str | None
    knots: list[list[str]]
    triples: int
    cycles: Annotated[list[CycleShape], Field(description="The hardest to break.")]


class CloneShape(Shape):
    """Whether a second version of a model changes who is first under a rule."""

    method: str
    fails: bool
    tried: int
    models: list[str]
    message: str


class RulesAnswer(Shape):
    """The same votes under several rules; null where there are no votes."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    comparison: ComparisonShape | None
    flips: list[FlipShape]
    circles: CirclesShape | None
    clones: list[CloneShape]


class CandidateShape(Shape):
    """One model, and whether it may be taken."""

    model: str
    score: Number
    facts: dict[str, Any]
    why_not: Annotated[str | None, Field(description="The condition it does not meet.")]
    probability: Annotated[Number, Field(description="That it is truly the best of those allowed.")]
    below_best: Annotated[Number, Field(description="Points that it may be below the best, at most.")]
    pareto: bool
    weighed: Number


class DecisionShape(Shape):
    """Which model to take, and why."""

    conclusion: str
    choice: str | None
    best: str | None
    prefer: str | None
    within: float
    level: float
    candidates: list[CandidateShape]
    more_votes: dict[str, int]
    weigh: dict[str, float]
    rates: dict[str, float]
    swayed_by: list[str]


class DecideAnswer(Shape):
    """The decision asked for; `why_not` says why there is none."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    decision: DecisionShape | None
    why_not: str | None


class OptionShape(Shape):
    """What can be set of a method."""

    name: str
    default: Any


class MethodShape(Shape):
    """One rule that these votes may be ranked by."""

    method: str
    name: Annotated[str, Field(description="As people write it.")]
    family: str
    about: str
    source: str
    options: list[OptionShape]


class MethodsAnswer(Shape):
    """The rules that these votes may be ranked by."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    methods: list[MethodShape]
