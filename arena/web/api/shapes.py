"""The shapes of all answers as JSON, from which /openapi.json is written; no answer is checked as it is sent.

What the results of the engine say of their own fields is in docs/reference.md; here, what clients must know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = float | None  # null where there is none
Rank = int | None


class Shape(BaseModel):
    """An object that has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class ErrorShape(Shape):
    """Why a request was refused."""

    error: Annotated[str, Field(description="A code for programs, such as no_board.")]
    sentence: Annotated[str, Field(description="One sentence for people, with the remedy.")]


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


class BoardShape(Shape):
    """A leaderboard, as `agon rank --format json` prints it."""

    method: str
    settings: Annotated[dict[str, Any], Field(description="Everything that made the board, with `votes`.")]
    level: float
    rank_method: Annotated[str, Field(description="differences, bootstrap, empirical_bayes or none.")]
    by: Annotated[dict[str, str] | None, Field(description="The group of votes, of a board of one.")]
    counted: Literal["votes", "tasks"]
    fingerprint: Annotated[str, Field(description="Equal for equal votes, settings and version.")]
    diagnostics: list[RemarkShape]
    models: Annotated[list[RowShape], Field(description="Best first.")]
    lead: LeadShape | None
    winner: WinnerShape | None
    coefficients: list[CoefficientShape]


class StateShape(Shape):
    """Whether a model answers, and how its answers of battles that are over ended."""

    model: str
    state: Literal["answering", "unavailable", "retired"]
    life: Annotated[
        Literal["preliminary", "listed", "retired"],
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
    roster: Annotated[RosterShape | None, Field(description="Null where no log says.")]


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


class DataAnswer(Shape):
    """What can be taken along, and how to cite it; null fields where there are no votes."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    votes: int
    unit: str
    fingerprint: str | None
    cite: str | None
    downloads: Annotated[dict[str, str], Field(description="Name → address, relative to the site.")]


class OutShape(Shape):
    """A model whose server is out."""

    why: str | None
    asked_in: Annotated[int | float, Field(description="Seconds until it is asked again.")]


class HealthAnswer(Shape):
    """Whether people can vote here now."""

    votes: int
    models: int
    answering: int
    out: dict[str, OutShape] = {}
    sentence: Annotated[str | None, Field(description="Why not, with status 503.")] = None


class AnswerShape(BaseModel):
    """One answer of a battle, by its letter: whose it is, is told after the vote."""

    letter: str
    status: Annotated[str, Field(description="waiting, writing, finished, stopped or failed.")]
    text: str


class RemarksShape(BaseModel):
    """What decided a vote, as it is kept; what is sent later takes its place."""

    reasons: Annotated[
        list[str],
        Field(description="Of correct, complete, clear, well written, follows the instructions and safe."),
    ]
    comment: Annotated[str | None, Field(description="Up to 1,000 characters; null without one.")]


class BattleShape(BaseModel):
    """A battle as it stands. Pages get `html` and more beside; names only once the vote is kept."""

    battle: Annotated[str | None, Field(description="Its ID; null before the first.")]
    state: Annotated[str, Field(description="empty, streaming, ready, keeping, voted or void.")]
    votes: Annotated[int, Field(description="Of this visitor.")]
    html: str
    turn: int | None = None
    prompt: str | None = None
    sides: list[AnswerShape] = []
    standing: Annotated[list[int], Field(description="The answers to vote on, as indices of sides.")] = []
    token: Annotated[str | None, Field(description="The right to one vote, once the battle is ready.")] = None
    models: Annotated[list[str] | None, Field(description="After the vote: who wrote those voted on.")] = None
    outcome: str | None = None
    places: list[int | None] | None = None
    acceptable: list[bool] | None = None
    receipt: Annotated[int | None, Field(description="Number of the vote in the log.")] = None
    record: Annotated[str | None, Field(description="Hash of the vote's event.")] = None
    counted: bool | None = None
    remarks: Annotated[RemarksShape | None, Field(description="What the voter said decided it.")] = None


class WorkShape(BaseModel):
    """The puzzle before a session's first battle, where the arena has one."""

    needed: Annotated[bool, Field(description="Whether this session has to solve it.")]
    challenge: str | None = None
    bits: Annotated[int | None, Field(description="Zero bits that the digest must begin with.")] = None
    how: Annotated[str | None, Field(description="What to find, in a sentence.")] = None


class ChatShape(BaseModel):
    """A conversation with one model, of which nothing is kept."""

    chat: Annotated[str | None, Field(description="Its ID; null before the first prompt.")]
    state: Annotated[str, Field(description="empty, streaming or ready.")]
    model: Annotated[str | None, Field(description="The name of the model.")]
    may_ask: Annotated[bool, Field(description="Whether a further prompt can be answered.")]
    html: str


class ChangeAnswer(BaseModel):
    """What a vote changed on the board, as the page shows it."""

    html: str


class UploadAnswer(BaseModel):
    """An image that is held for the next prompt."""

    sha256: str
