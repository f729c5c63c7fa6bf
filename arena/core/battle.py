"""One battle as a state machine: drawn, streaming, ready, then keeping and voted, or void.

A prompt takes it from drawn or ready to streaming; the last side to end, from streaming to ready; the vote,
from ready to keeping, and to voted once it is in the log, which is when names may be told. Of more than two
sides one that fails is withdrawn, and the others are judged without it; of two, another model takes its
place, and the battle is void when none can.

The machine is plain data and knows no event loop, no page and no log: `arena/core/turn.py` feeds it
what models write, `arena/web/battle/view.py` renders it. Every move that the rules do not allow raises
`IllegalMoveError`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from agon.arena.core.matchmaking import Draw
from agon.arena.core.roster import Contestant
from agon.data.log.records import NAMED_POLICY, TESTING_POLICY, Ballot, shows_same
from agon.ranking.text import Sentence
from agon.serving.generation import Generation
from agon.serving.protocol import CUT_ENDS, ImagePart, Message

LETTERS = "ABCDEF"
NUMBERS = (
    Sentence("none"),
    Sentence("one"),
    Sentence("two"),
    Sentence("three"),
    Sentence("four"),
    Sentence("five"),
    Sentence("six"),
)
CAPITALS = (
    Sentence("None"),
    Sentence("One"),
    Sentence("Two"),
    Sentence("Three"),
    Sentence("Four"),
    Sentence("Five"),
    Sentence("Six"),
)


class State(StrEnum):
    """Where a battle stands."""

    DRAWN = "drawn"
    STREAMING = "streaming"
    READY = "ready"
    KEEPING = "keeping"  # the vote is cast, and not in the log yet
    VOTED = "voted"
    VOID = "void"


# The ballot of each outcome of two answers: places, and whether each is acceptable (None: nothing was said).
BALLOTS: dict[str, Ballot] = {
    "a": ((1, 2), None),
    "b": ((2, 1), None),
    "tie": ((1, 1), None),
    "both_bad": ((1, 1), (False, False)),
}


class IllegalMoveError(Exception):
    """This battle does not allow this move now."""


@dataclass(slots=True)
class Side:
    """One answer of a battle: who writes it, the conversation as that model sees it, what it wrote last, and
    the generations of the turns before."""

    contestant: Contestant
    messages: list[Message] = field(default_factory=list)
    text: str = ""
    generation: Generation | None = None
    earlier: list[Generation] = field(default_factory=list)
    replaced: bool = False
    withdrawn: bool = False  # failed, and the others are judged without it
    in_line: int = 0  # its number in the line for its server, 0 when it is its turn
    revision: int = 0

    @property
    def status(self) -> Literal["waiting", "writing", "finished", "stopped", "failed"]:
        """What the voter may know of this side."""
        if self.generation is None:
            return "writing" if self.text else "waiting"
        if self.generation.failure is not None:
            return "failed"
        return "stopped" if self.generation.finish_reason == "stopped" else "finished"

    @property
    def cut(self) -> bool:
        """Whether the answer ended because it was as long as it may be."""
        made = self.generation
        return made is not None and made.failure is None and (made.finish_reason or "").casefold() in CUT_ENDS


@dataclass(slots=True)
class Battle:
    """One prompt, two or more models under a blind.

    `revision` grows with every change that a page should show.
    """

    id: str
    voter: str
    draw: Draw
    seed: int
    prompt_id: str | None = None
    category: str | None = None
    language: str | None = None
    state: State = State.DRAWN
    sides: list[Side] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    images: list[tuple[ImagePart, ...]] = field(default_factory=list)  # of each prompt
    events: list[tuple[datetime, str]] = field(default_factory=list)
    ballot: Ballot | None = None
    reason: str | None = None
    refused: tuple[str, str] | None = None  # a further prompt that was taken back, and the kind of failure
    output_limit: int | None = None  # tokens of an answer, where all models of the arena have the same
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    revision: int = 0

    def __post_init__(self) -> None:
        self.sides = [Side(contestant) for contestant in self.draw.contestants]
        size = len(self.sides)
        if self.named:
            how = Sentence(
                "{number} model was chosen by name",
                "{number} models were chosen by name",
                count=size,
                number=CAPITALS[size],
            )
        else:
            how = Sentence(
                "{number} model was drawn by lot",
                "{number} models were drawn by lot",
                count=size,
                number=CAPITALS[size],
            )
        self._happened(how)

    @property
    def turn(self) -> int:
        """The number of the last prompt, from 1."""
        return len(self.prompts)

    @property
    def models(self) -> tuple[str, ...]:
        """The models' names in shown order: for the log and the reveal, never for a page before the
        vote."""
        return tuple(side.contestant.card.name for side in self.sides)

    @property
    def same_model(self) -> bool:
        """Whether it is an A/A battle, whose vote counts on no board."""
        return shows_same([one.card.name for one in self.draw.contestants])

    @property
    def named(self) -> bool:
        """Whether its voter chose the models and sees their names; its vote counts on no board."""
        return self.draw.policy == NAMED_POLICY

    @property
    def testing(self) -> bool:
        """Whether a model was drawn for it that is not listed; its vote counts on no board."""
        return self.draw.policy == TESTING_POLICY

    @property
    def standing(self) -> tuple[int, ...]:
        """The slots of the answers to be judged, to which a ballot is parallel: all that were not
        withdrawn."""
        return tuple(slot for slot, side in enumerate(self.sides) if not side.withdrawn)

    @property
    def judged(self) -> list[Side]:
        """The sides that stand."""
        return [side for side in self.sides if not side.withdrawn]

    @property
    def outcome(self) -> str | None:
        """The word for the ballot of the vote, if it is one of two answers."""
        return next((word for word, ballot in BALLOTS.items() if ballot == self.ballot), None)

    @property
    def first_answers(self) -> tuple[tuple[str, str], ...]:
        """Model and text of each answer to the first prompt."""
        asked = [1 + (side.messages[0].role == "system") for side in self.judged]
        return tuple(
            (side.contestant.card.name, side.messages[at].content if self.turn > 1 else side.text)
            for side, at in zip(self.judged, asked, strict=True)
        )

    @property
    def uneven(self) -> bool:
        """Whether an answer that was stopped stands against one that is whole, or more than twice as long."""
        stopped = [len(side.text.split()) for side in self.judged if side.status == "stopped"]
        longest = max(len(side.text.split()) for side in self.judged)
        return bool(stopped) and (len(stopped) < len(self.judged) or 2 * min(stopped) < longest)

    def ask(self, prompt: str, images: tuple[ImagePart, ...] = ()) -> None:
        """A prompt to all sides that stand, the first or the next."""
        self._must(State.DRAWN, State.READY)
        self.prompts.append(prompt)
        self.images.append(images)
        for side in self.judged:
            if self.turn > 1:
                side.messages.append(Message("assistant", side.text))
                if side.generation is not None:
                    side.earlier.append(side.generation)
            elif side.contestant.system_prompt:
                side.messages.append(Message("system", side.contestant.system_prompt))
            side.messages.append(Message("user", prompt, images))
            self._clear(side)
        self.state = State.STREAMING
        self.revision += 1

    def wrote(self, slot: int, text: str) -> None:
        """A piece of one answer."""
        self._must(State.STREAMING)
        side = self.sides[slot]
        if side.generation is not None:
            raise IllegalMoveError(f"answer {LETTERS[slot]} had already ended")
        if not side.text:
            self._happened(Sentence("{letter} began to write", letter=LETTERS[slot]))
        side.text += text
        side.revision += 1

    def stands_in_line(self, slot: int, number: int) -> None:
        """One side waits for its server, as so many in line, or no longer."""
        self._must(State.STREAMING)
        side = self.sides[slot]
        side.in_line = number
        side.revision += 1

    def began_anew(self, slot: int) -> None:
        """What one side wrote so far was thinking, and is no part of its answer."""
        self._must(State.STREAMING)
        side = self.sides[slot]
        side.text = ""
        side.revision += 1

    def ended(self, slot: int, generation: Generation) -> None:
        """One answer came to its end; when all are whole, the battle is ready."""
        self._must(State.STREAMING)
        side = self.sides[slot]
        side.generation, side.text = generation, generation.text
        side.revision += 1
        self._happened(Sentence(_ENDINGS[side.status], letter=LETTERS[slot]))
        self._settle()

    def replace(self, slot: int, contestant: Contestant) -> None:
        """Another model takes the place of a side that failed on the first turn: what it wrote is gone."""
        self._must(State.STREAMING)
        if self.turn != 1 or self.sides[slot].status != "failed":
            raise IllegalMoveError("only a side that failed on the first turn is replaced")
        messages = [Message("user", self.prompts[0], self.images[0])]
        if contestant.system_prompt:
            messages.insert(0, Message("system", contestant.system_prompt))
        self.sides[slot] = Side(contestant, messages, replaced=True, revision=self.sides[slot].revision + 1)
        self.revision += 1
        self._happened(Sentence("{letter} was replaced: another model was drawn", letter=LETTERS[slot]))

    def withdraw(self, slot: int) -> None:
        """One of more than two sides failed: what it wrote is gone, and the others are judged without it."""
        self._must(State.STREAMING)
        side = self.sides[slot]
        if side.withdrawn or side.status != "failed" or len(self.standing) < 3:
            raise IllegalMoveError("only a side that failed beside two others is withdrawn")
        side.text, side.withdrawn = "", True
        side.revision += 1
        self.revision += 1
        self._happened(
            Sentence("{letter} was left out: the others are judged without it", letter=LETTERS[slot])
        )
        self._settle()

    def take_back(self, slot: int) -> None:
        """A further prompt was refused by the model of one side: the answers before stand again, and the
        battle takes no other."""
        self._must(State.STREAMING)
        if self.turn < 2 or self.sides[slot].status != "failed":
            raise IllegalMoveError("only a further prompt that a side refused is taken back")
        made = self.sides[slot].generation
        self.refused = self.prompts.pop(), (made and made.failure) or "rejected"
        self.images.pop()
        for side in self.judged:
            side.messages[-2:] = []
            side.generation = side.earlier.pop()
            side.text, side.in_line = side.generation.text, 0
            side.revision += 1
        self.state = State.READY
        self.revision += 1
        self._happened(
            Sentence("{letter} refused the further prompt: it was taken back", letter=LETTERS[slot])
        )

    def vote(self, ballot: Ballot) -> None:
        """The one vote: a ballot on the answers that stand, in shown order, which is to be kept."""
        self._must(State.READY)
        wrong = fault_of(ballot, len(self.standing))
        if wrong:
            raise IllegalMoveError(wrong)
        self.state = State.KEEPING
        self.revision += 1

    def kept(self, ballot: Ballot) -> None:
        """The vote is in the log, with this ballot: it is final, and the names may be told."""
        self._must(State.READY, State.KEEPING)
        self.ballot = ballot
        self.state = State.VOTED
        self.revision += 1

    def unvote(self) -> None:
        """The vote could not be written: the battle is ready again."""
        self._must(State.KEEPING)
        self.state = State.READY
        self.revision += 1

    def void(self, reason: str) -> None:
        """No vote can come of this battle."""
        self._must(State.DRAWN, State.STREAMING, State.READY)
        self.state, self.reason = State.VOID, reason
        self.revision += 1
        self._happened(Sentence("Battle closed"))

    def _settle(self) -> None:
        """Ready, if all sides that stand are whole.

        One that was stopped before its first word is left out; it is void where fewer than two have any.
        """
        if any(side.generation is None or side.status == "failed" for side in self.judged):
            return
        silent = [slot for slot in self.standing if not self.sides[slot].text.strip()]
        if len(self.standing) - len(silent) < 2:
            self.void("stopped before all had written")
            return
        for slot in silent:
            self.sides[slot].withdrawn = True
            self._happened(
                Sentence(
                    "{letter} was left out: it had no word yet when all were stopped", letter=LETTERS[slot]
                )
            )
        self.state = State.READY
        self.revision += 1

    def _must(self, *states: State) -> None:
        if self.state not in states:
            raise IllegalMoveError(f"the battle is {self.state}, not {' or '.join(states)}")

    def _clear(self, side: Side) -> None:
        side.text, side.generation = "", None
        side.revision += 1

    def _happened(self, what: str) -> None:
        self.events.append((datetime.now(UTC), what))


def fault_of(ballot: Ballot, size: int) -> str | None:
    """What keeps a ballot from being one on `size` answers, as a clause of a sentence; None if it is one.

    Places count from 1 without gaps, null stands below all of them; of two answers both have one. No answer
    that is not acceptable stands above, or beside, one that is.
    """
    places, acceptable = ballot
    ranked = {place for place in places if place is not None}
    if len(places) != size:
        return Sentence("there are {size} answers and {places} places", size=size, places=len(places))
    if not ranked or ranked != set(range(1, len(ranked) + 1)):
        return Sentence("places count from 1 without gaps")
    if size == 2 and None in places:
        return Sentence("of two answers both have a place")
    if acceptable is not None and len(acceptable) != size:
        return Sentence(
            "there are {size} answers and {given} values of acceptable", size=size, given=len(acceptable)
        )
    order = [size + 1 if place is None else place for place in places]
    good = [place for place, well in zip(order, acceptable or (), strict=False) if well]
    bad = [place for place, well in zip(order, acceptable or (), strict=False) if not well]
    mixed = bool(good and bad) and max(good) >= min(bad)
    return Sentence("what is not acceptable stands below what is") if mixed else None


_ENDINGS = {
    "finished": Sentence("{letter} finished").template,
    "stopped": Sentence("{letter} was stopped").template,
    "failed": Sentence("{letter} failed").template,
}
