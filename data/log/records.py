"""What the vote log keeps, one record for each thing that happens, and what it refuses with.

A battle is drawn, its turns are asked, each answer is a generation, a side that failed may be replaced, and
at most one vote ends it. A battle of a study has an assignment, and may be skipped instead; its attention
items are no battles. Later its voter may say why, withdraw the vote, erase the texts, or show the battle to
others. Beside the battles stand what the organiser says of the models and asks people to agree to, and who
agreed.
Times are aware; the database keeps them in UTC. vote_log.py keeps the records.

LogError                   the log cannot be opened, read or written
├── LogInUse               another process, or this one, has it open
├── AlreadyVoted           this battle has its vote
├── UnknownBattle          no battle of this id was drawn
└── Conflict               another record stands there already
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from agon.ranking.errors import AgonError, VotesError, suggest


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
NAMED_POLICY = "named"  # the policy of a battle whose voter chose the models and saw their names
TESTING_POLICY = "testing"  # that of a battle for which a model was drawn that is not listed yet
ModelStatus = Literal["testing", "listed", "paused", "retired"]  # what the organiser says of a model
RATINGS = range(1, 8)  # what an answer may be rated with in a study


@dataclass(frozen=True, slots=True)
class Assignment:
    """The place of a battle in the schedule of a study."""

    study: str
    """The name of the study."""
    seat: int
    """The number of the voter in it, from 1."""
    cell: int
    """The number of the prompt with its group of models, from 1."""
    attempt: int = 1
    """From 1: a battle whose answers failed is drawn anew."""

    def __post_init__(self) -> None:
        if not self.study or min(self.seat, self.cell, self.attempt) < 1:
            raise VotesError(f"Seats, cells and attempts of a study count from 1, not as in {self}.")


@dataclass(frozen=True, slots=True)
class AttachedImage:
    """An image of a prompt; the store of the log keeps its file."""

    sha256: str
    """Of the file, in 64 hexadecimal digits."""
    alt: str | None = None
    """What the voter wrote of it, for those who cannot see it."""

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise VotesError(f"{self.sha256!r} is no SHA-256 of an image; give its 64 hexadecimal digits.")


@dataclass(frozen=True, slots=True)
class BattleRecord:
    """A draw: who answers which prompt, and how likely that was."""

    battle_id: str
    """A UUID in hexadecimal."""
    created: datetime
    models: tuple[str, ...]
    """K >= 2 names in shown order; a model's place here is its slot, from 0. One may stand twice."""
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
    assignment: Assignment | None = None
    """Its place in a study."""
    images: tuple[AttachedImage, ...] = ()
    """Of the first turn."""

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        k = len(self.models)
        if k < 2 or len(set(self.models)) < k - 1 or not all(name.strip() for name in self.models):
            raise VotesError(
                f"A battle is between two or more different models, or one of them stands twice, not "
                f"{list(self.models)}."
            )
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
    images: tuple[AttachedImage, ...] = ()

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
    criteria: Mapping[str, Ballot] = field(default_factory=dict)
    """The voter's ballot on each criterion that was asked for beside the verdict as a whole."""
    ratings: tuple[int | None, ...] | None = None
    """1 to 7, parallel to the places; None where the voter gave none."""
    comment: str | None = None
    network: str | None = None
    """Keyed hash of the network it was cast from, the same for votes of one day alone; None if not known."""

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        for places, acceptable in ((self.places, self.acceptable), *self.criteria.values()):
            _check_ballot(places, acceptable, len(self.places))
        if self.ratings is not None and (
            len(self.ratings) != len(self.places)
            or not all(rating is None or rating in RATINGS for rating in self.ratings)
        ):
            raise VotesError(
                f"The ratings {list(self.ratings)} are not one for each of the {len(self.places)} places, "
                "from 1 to 7, or null."
            )
        if self.last_turn < 1:
            raise VotesError(f"The last turn shown is {self.last_turn}; turns count from 1.")


@dataclass(frozen=True, slots=True)
class RemarksRecord:
    """What a voter said of a vote afterwards; of several the last one holds."""

    battle_id: str
    """Of a battle that has its vote."""
    reasons: tuple[str, ...]
    comment: str | None
    created: datetime

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)


@dataclass(frozen=True, slots=True)
class SkipRecord:
    """A battle of a study that its voter did not judge."""

    battle_id: str
    reason: str
    created: datetime

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)


@dataclass(frozen=True, slots=True)
class AttentionRecord:
    """What a voter said of answers of which the best is known; it is no vote, and counts on no board."""

    study: str
    seat: int
    item: int
    """The number of the item in the study, from 1."""
    voter: str
    created: datetime
    prompt: str
    answers: tuple[str, ...]
    """In shown order."""
    best: int
    """The slot of the answer that is known to be the best, from 0."""
    places: tuple[int | None, ...] | None
    """As of a vote; None if the voter skipped it."""

    def __post_init__(self) -> None:
        _check_moment(self.created)
        if not (0 <= self.best < len(self.answers)) or min(self.seat, self.item) < 1:
            raise VotesError(f"Item {self.item} of the study {self.study!r} has no answer {self.best}.")
        if self.places is not None:
            _check_ballot(self.places, None, len(self.answers))

    @property
    def passed(self) -> bool:
        """Whether the best one stands above all others."""
        if self.places is None:
            return False
        return self.places[self.best] == 1 and self.places.count(1) == 1


Wish = Literal["voter", "operator", "retention"]  # whose it is that something is withdrawn or erased


@dataclass(frozen=True, slots=True)
class WithdrawalRecord:
    """Votes that count no more: all of them, or none if one cannot be withdrawn."""

    battle_ids: tuple[str, ...]
    """Of battles that have a vote; they take no other one."""
    created: datetime
    reason: Wish = "voter"

    def __post_init__(self) -> None:
        _check_all(self.battle_ids, self.created)


@dataclass(frozen=True, slots=True)
class ErasureRecord:
    """Battles whose prompts, answers and comments are to be erased; nothing can be added to them any more."""

    battle_ids: tuple[str, ...]
    created: datetime
    reason: Wish = "voter"
    withdraw: bool = False
    """Whether their votes are withdrawn, too."""

    def __post_init__(self) -> None:
        _check_all(self.battle_ids, self.created)


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """A battle that was voted on is shown to whoever has the link."""

    battle_id: str
    link: str
    """SHA-256 of what the address ends with."""
    created: datetime

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)
        if not re.fullmatch("[0-9a-f]{64}", self.link):
            raise VotesError(f"{self.link!r} is no SHA-256 of a link; give its 64 hexadecimal digits.")


@dataclass(frozen=True, slots=True)
class RevocationRecord:
    """A battle is shown no more."""

    battle_id: str
    created: datetime

    def __post_init__(self) -> None:
        _check(self.battle_id, self.created)


@dataclass(frozen=True, slots=True)
class RosterRecord:
    """What the organiser says of models from now on; of those that are not named nothing changes."""

    statuses: Mapping[str, ModelStatus]
    created: datetime

    def __post_init__(self) -> None:
        _check_moment(self.created)
        for status in self.statuses.values():
            if status not in get_args(ModelStatus):
                raise VotesError(
                    f"There is no status {status!r} of a model; {suggest(status, get_args(ModelStatus))}"
                )


@dataclass(frozen=True, slots=True)
class ConsentTextsRecord:
    """What people are asked to agree to from now on; the same as before is not written again."""

    texts: Mapping[str, str]
    """By language; none: nothing is asked any more."""
    created: datetime

    def __post_init__(self) -> None:
        _check_moment(self.created)
        if not all(text.strip() for text in self.texts.values()):
            raise VotesError("A text that people agree to has words; leave the language out, or write it.")


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A person agrees to a text, or takes back what they agreed to."""

    voter: str
    """The pseudonym of the person."""
    text: str
    """SHA-256 of the text that was shown."""
    language: str
    given: bool
    created: datetime

    def __post_init__(self) -> None:
        _check_moment(self.created)
        if not re.fullmatch("[0-9a-f]{64}", self.text):
            raise VotesError(f"{self.text!r} is no SHA-256 of a text; give its 64 hexadecimal digits.")


Record = (
    BattleRecord
    | TurnRecord
    | GenerationRecord
    | ReplacementRecord
    | VoteRecord
    | RemarksRecord
    | SkipRecord
    | AttentionRecord
    | WithdrawalRecord
    | ErasureRecord
    | ShareRecord
    | RevocationRecord
    | RosterRecord
    | ConsentTextsRecord
    | ConsentRecord
)


def battles_of(record: Record) -> tuple[str, ...]:
    """The battles that a record belongs to."""
    if isinstance(record, AttentionRecord | RosterRecord | ConsentTextsRecord | ConsentRecord):
        return ()
    if isinstance(record, WithdrawalRecord | ErasureRecord):
        return record.battle_ids
    return (record.battle_id,)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the log answers once a record is on the disk."""

    battle_id: str | None
    """None of what is no battle, such as an attention item, or about several."""
    number: int | None = None
    """Of a vote: its place among all votes of the log, from 1."""
    hash: str | None = field(default=None, compare=False)
    """Of a vote: of its event, by which `find_vote` finds it."""


def shows_same(models: Collection[str]) -> bool:
    """Whether one model stands twice, as in an A/A battle."""
    return len(set(models)) < len(models)


def _check_all(battle_ids: Collection[str], moment: datetime) -> None:
    if not battle_ids or len(set(battle_ids)) < len(battle_ids):
        raise VotesError("Name at least one battle, and each of them once.")
    for battle_id in battle_ids:
        _check(battle_id, moment)


def _check(battle_id: str, moment: datetime) -> None:
    if not re.fullmatch("[0-9a-f]{32}", battle_id):
        raise VotesError(f"{battle_id!r} is no id of a battle; use the 32 digits of uuid.uuid4().hex.")
    _check_moment(moment)


def _check_ballot(places: tuple[int | None, ...], acceptable: tuple[bool, ...] | None, size: int) -> None:
    ranked = {place for place in places if place is not None}
    if len(places) < 2 or ranked != set(range(1, len(ranked) + 1)) or not ranked:
        raise VotesError(
            f"The places {list(places)} are no ballot: give every model a place from 1 without "
            "gaps, or null, and at least one a place."
        )
    if len(places) != size:
        raise VotesError(f"{len(places)} places are not one for each of {size} answers; give one each.")
    if acceptable is not None and len(acceptable) != size:
        raise VotesError(f"acceptable has {len(acceptable)} values for {size} places; give one each.")


def _check_moment(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise VotesError(f"The time {moment} names no zone; use an aware one, such as datetime.now(UTC).")
