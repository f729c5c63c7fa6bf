"""What the vote log keeps, one record for each thing that happens, and what it refuses with.

A battle is drawn, its turns are asked, each answer is a generation, a side that failed may be replaced, and
at most one vote ends it. Times are aware; the database keeps them in UTC. vote_log.py keeps the records.

LogError                   the log cannot be opened, read or written
├── LogInUse               another process, or this one, has it open
├── AlreadyVoted           this battle has its vote
├── UnknownBattle          no battle of this id was drawn
└── Conflict               another record stands there already
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from agon.ranking.errors import AgonError, VotesError


class LogError(AgonError):
    """The log cannot be opened, read or written; the message is one sentence for a person."""


class LogInUse(LogError):  # noqa: N818 (it says what happened)
    """Another process, or this one, has the log open."""


class AlreadyVoted(LogError):  # noqa: N818 (it says what happened)
    """A battle has one vote, and this one has it."""


class UnknownBattle(LogError):  # noqa: N818 (it says what happened)
    """A record belongs to a battle that was never drawn."""


class Conflict(LogError):  # noqa: N818 (it says what happened)
    """Another record stands where this one would: a battle's id, a turn's number or an answer's place."""


Ballot = tuple[tuple[int | None, ...], tuple[bool, ...] | None]  # places and acceptable of a VoteRecord


@dataclass(frozen=True, slots=True)
class BattleRecord:
    """A draw: who answers which prompt, and how likely that was."""

    battle_id: str
    """A UUID in hexadecimal."""
    created: datetime
    models: tuple[str, ...]
    """K >= 2 names in shown order; a model's place here is its slot, from 0."""
    prompt: str
    """The first turn's."""
    policy: str
    policy_version: int
    group_probability: float
    """That the policy draws this set of models for this prompt, whatever the order."""
    pair_probabilities: tuple[float, ...]
    """That the policy draws a group with both models of the pair; pairs (0, 1), (0, 2), ... (1, 2), ..."""
    seed: int
    """Of the draw."""
    voter: str
    """The pseudonym of the person the battle was drawn for."""
    prompt_id: str | None = None
    category: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        k = len(self.models)
        if k < 2 or len(set(self.models)) < k or not all(name.strip() for name in self.models):
            raise VotesError(f"A battle is between two or more different models, not {list(self.models)}.")
        if len(self.pair_probabilities) != k * (k - 1) // 2:
            raise VotesError(
                f"{k} models make {k * (k - 1) // 2} pairs; give a probability for each, "
                f"not {len(self.pair_probabilities)}."
            )
        for chance in (self.group_probability, *self.pair_probabilities):
            if not 0 < chance <= 1:
                raise VotesError(f"What was drawn had a probability above 0 and at most 1, not {chance}.")


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A later prompt of a battle; the first one is the battle's."""

    battle_id: str
    turn: int
    """From 2."""
    prompt: str
    created: datetime

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        if self.turn < 2:
            raise VotesError(f"Turn {self.turn} is not a later turn: the first one is the battle's prompt.")


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """One model's answer to one turn, or how it failed."""

    battle_id: str
    turn: int
    """From 1."""
    slot: int
    """The side, from 0."""
    model: str
    text: str
    tokens: int
    seconds: float
    created: datetime
    time_to_first_token: float | None = None
    """Seconds."""
    tokens_per_second: float | None = None
    finish_reason: str | None = None
    """As the server says, "stopped" if the voter ended it; None if it said nothing."""
    failure: str | None = None
    """The kind of failure; None if the answer may be judged."""
    detail: str | None = None
    """What the server said of the failure."""
    reasoning: str | None = None
    """What the model thought before the answer."""
    reasoning_tokens: int | None = None
    masked: tuple[str, ...] = ()
    """Names of its own that the answer gave and the voter did not see, in the order of their masks."""
    waited: float | None = None
    """Seconds in line before the request."""

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        if self.turn < 1 or self.slot < 0:
            raise VotesError(f"Turns count from 1 and slots from 0, not {self.turn} and {self.slot}.")


@dataclass(frozen=True, slots=True)
class ReplacementRecord:
    """Another model took a side that failed; from now on the battle is between the models with it."""

    battle_id: str
    slot: int
    model: str
    probability: float
    """That this model was drawn among those that could take the side."""
    created: datetime

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        if not 0 < self.probability <= 1:
            raise VotesError(
                f"What was drawn had a probability above 0 and at most 1, not {self.probability}."
            )


@dataclass(frozen=True, slots=True)
class VoteRecord:
    """The one final vote on a battle."""

    battle_id: str
    places: tuple[int | None, ...]
    """Parallel to the models whose answers came: 1 is best, no gaps, equal is a tie, None is not ranked."""
    last_turn: int
    """The last turn that was shown when the vote was cast."""
    voter: str
    created: datetime
    acceptable: tuple[bool, ...] | None = None
    """Parallel to the models; None if the voter was not asked. Both bad is equal places, all False."""
    reasons: tuple[str, ...] = ()
    blind: bool = True
    """False if the voter had been told who wrote an answer before: such a vote is kept and does not count."""

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        ranked = {place for place in self.places if place is not None}
        if len(self.places) < 2 or ranked != set(range(1, len(ranked) + 1)) or not ranked:
            raise VotesError(
                f"The places {list(self.places)} are no ballot: give every model a place from 1 without "
                "gaps, or null, and at least one a place."
            )
        if self.acceptable is not None and len(self.acceptable) != len(self.places):
            raise VotesError(
                f"acceptable has {len(self.acceptable)} values for {len(self.places)} places; give one each."
            )
        if self.last_turn < 1:
            raise VotesError(f"The last turn shown is {self.last_turn}; turns count from 1.")


Record = BattleRecord | TurnRecord | GenerationRecord | ReplacementRecord | VoteRecord


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the log answers once a record is on the disk."""

    battle_id: str
    number: int | None = None
    """Of a vote: its place among all votes of the log, from 1."""


def _check(battle_id: str, moment: datetime) -> None:
    if not re.fullmatch("[0-9a-f]{32}", battle_id):
        raise VotesError(f"{battle_id!r} is no id of a battle; use the 32 digits of uuid.uuid4().hex.")
    if moment.tzinfo is None:
        raise VotesError(f"The time {moment} names no zone; use an aware one, such as datetime.now(UTC).")
