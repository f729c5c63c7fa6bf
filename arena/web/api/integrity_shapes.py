"""The shapes of what became of the votes: whose they are, how sides and draws fell, what stands out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agon.arena.web.api.shapes import Number, Shape


class SideShape(Shape):
    """What the left side is worth."""

    bias: Annotated[float, Field(description="Log-odds of the answer shown first, above 0 favoured.")]
    lower: float
    upper: float
    p_value: float
    votes: float
    level: float
    share: Annotated[float, Field(description="Its chance against an equal answer.")]
    conclusion: str


class VotersShape(Shape):
    """Whose the votes are."""

    voters: int
    again: Annotated[int, Field(description="Of them, with more than one vote.")]
    votes: Annotated[list[int], Field(description="Of the busiest, the most first.")]
    total: int
    effective: Annotated[float, Field(description="Equal voters that would say as much.")]
    carried: Annotated[list[str], Field(description="Models with half of their votes by one voter.")]


class NoiseShape(Shape):
    """Battles of one model with itself."""

    votes: int
    preferred: float
    preferred_lower: float
    preferred_upper: float
    first: Number
    first_lower: float
    first_upper: float
    level: float
    conclusion: str


class DrawnShape(Shape):
    """How often one model was drawn."""

    model: str
    drawn: int
    share: float
    lower: float
    upper: float
    planned: Number


class DrawsShape(Shape):
    """Who was drawn how often."""

    battles: int
    p_value: Annotated[Number, Field(description="Of draws as uneven; null where no plan is told.")]
    level: float
    shares: list[DrawnShape]
    conclusion: str


class OddVoterShape(Shape):
    """A voter who stands out, without a name."""

    kind: str
    model: str | None
    votes: int
    judged: int
    observed: float
    expected: float
    p_value: float
    verdict: str
    side: str | None


class OddWindowShape(Shape):
    """A time in which a model's wins are not those of its other votes."""

    model: str
    begin: int
    end: int
    start: Number
    stop: Number
    judged: int
    voters: int
    excess: float
    z: float
    threshold: float


class CrowdedNetworkShape(Shape):
    """The voters of one network and day, and how they vote as one hand, if they do."""

    voters: int
    votes: int
    as_one: OddVoterShape | None


class AttackShape(Shape):
    """How many hostile votes overturn the first rank."""

    first: str
    second: str
    votes: int
    forged: int
    drawn: int | None
    each: int
    identities: int | None
    in_a_burst: int | None
    conclusion: str


class MovedShape(Shape):
    """A model whose rank is another without the votes that gates set aside."""

    model: str
    rank: int
    rank_behind: int


class GatesShape(Shape):
    """Who and what stands out, what a gate sets aside, what an attack would cost."""

    gate: Literal["default", "strict"]
    on_boards: Annotated[bool, Field(description="Whether boards leave these out.")]
    set_aside: Annotated[dict[str, int], Field(description="Reason → votes.")]
    conclusion: str
    voters: list[OddVoterShape] | None
    voters_tested: int | None
    windows: list[OddWindowShape] | None
    networks: list[CrowdedNetworkShape] | None
    attack_cost: AttackShape | None
    ranks_behind_gates: list[MovedShape]


class ModelHistoryShape(Shape):
    """What became of one model."""

    model: str
    status: Literal["testing", "listed", "paused", "retired"]
    came: Annotated[str | None, Field(description="When it was drawn first.")]
    listed: Annotated[str | None, Field(description="Since when votes on it count.")]
    last: Annotated[str | None, Field(description="When it was drawn last.")]
    battles: int
    tests: Annotated[int, Field(description="Battles for which it was drawn in testing.")]


class RosterChangeShape(Shape):
    """One thing that happened to a model."""

    when: str
    model: str
    change: str


class RosterShape(Shape):
    """What became of the models; those that were never listed are counted, and not named."""

    conclusion: str
    in_testing: int
    tested_and_never_listed: int
    battles: Annotated[int, Field(description="That are over.")]
    same_model: Annotated[int, Field(description="Of these, A/A battles.")]
    testing: Annotated[int, Field(description="Of these, those with a model in testing.")]
    models: list[ModelHistoryShape]
    changes: list[RosterChangeShape]


class NamedShape(Shape):
    """How often a program gave answers to the right models."""

    named: Annotated[float, Field(description="Share of the answers whose model it named.")]
    named_lower: float
    named_upper: float
    chance: Annotated[float, Field(description="Share that the most frequent model would get right.")]
    told: Annotated[
        float | None,
        Field(description="Share of battles of two in which it told whose is which; even is 0.5."),
    ]
    told_lower: float
    told_upper: float


class AnonymityShape(Shape):
    """Whether a program that read other answers of the models names who wrote one."""

    answers: int
    models: int
    prompts: int
    text: Annotated[NamedShape, Field(description="By their texts.")]
    times: Annotated[NamedShape | None, Field(description="By the times of servers, which no page shows.")]
    level: float
    conclusion: str


class ResultWithdrawalsShape(Shape):
    """The votes with one result."""

    result: Annotated[str, Field(description="“A” where the answer shown first is best, “tie”, “both bad”.")]
    cast: int
    withdrawn: int
    expected: Annotated[float, Field(description="Had each voter withdrawn as many, whatever they said.")]
    p_value: float
    lean: Annotated[Literal["more", "less", "none"], Field(description="Beyond chance.")]


class ModelWithdrawalsShape(Shape):
    """The votes for and against one model."""

    model: str
    cast_for: int
    withdrawn_for: int
    cast_against: int
    withdrawn_against: int
    expected_against: float
    p_value: float
    lean: Annotated[Literal["more", "less", "none"], Field(description="Of votes against it.")]


class WithdrawalsShape(Shape):
    """What was withdrawn of what was cast, and whether that leans."""

    votes: Annotated[int, Field(description="That were cast, those withdrawn among them.")]
    withdrawn: int
    voters: Annotated[int, Field(description="Who withdrew one or more.")]
    partly: Annotated[int, Field(description="Of these, those who kept a vote; only they say anything.")]
    results: list[ResultWithdrawalsShape]
    models: list[ModelWithdrawalsShape]
    level: float
    conclusion: str


class IntegrityAnswer(Shape):
    """What became of all votes, whose they are, and whether sides and draws are even."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    table: Annotated[bool, Field(description="Whether these are scores, which nobody voted on.")]
    counted: int
    left_out: Annotated[dict[str, int], Field(description="Reason → votes that do not count.")]
    side: SideShape | None
    no_side: str | None
    voters: VotersShape | None
    same_model: NoiseShape | None
    draws: DrawsShape | None
    gates: Annotated[GatesShape | None, Field(description="Null where no vote can be tested.")]
    anonymity: Annotated[AnonymityShape | None, Field(description="Null without 30 prompts of a log.")]
    withdrawals: Annotated[WithdrawalsShape | None, Field(description="Null where no vote was withdrawn.")]
    roster: Annotated[RosterShape | None, Field(description="Null where no log says.")]
