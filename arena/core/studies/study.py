"""A study at work: who is asked for what next, what they said, and whether it has ended.

The schedule follows from the plan and the journal, what was done from the log; memory holds nothing that a
process that is killed could lose. Pages and routes call this as they call the arena.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from agon.arena.core.arena import Arena, Judgement, ballot_of
from agon.arena.core.battle import LETTERS, Battle, State
from agon.arena.core.battles.open_battles import Running
from agon.arena.core.matchmaking import SCHEDULE, Draw
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import Contestant, ModelCard
from agon.arena.core.studies.study_plan import StudyPlan, StudyTask
from agon.data.log.records import RATINGS, Assignment, AttentionRecord, Ballot, Conflict
from agon.data.log.study_journal import Closing, EndedBy, Invitation, StudyJournal
from agon.ranking import PanelLead, panel_lead
from agon.ranking.errors import AgonError, InputError
from agon.ranking.text import Sentence, join_names
from agon.serving.generation import Generation
from agon.serving.recorded import RecordedAnswers

INVITED = "invited:"  # what the session of an invited person begins with
ITEM = "item"  # what the id of an attention item begins with, which is no battle of the log
_COMMENT = 2_000  # characters
_REASON = 300
_NO_MODEL = RecordedAnswers({}, words_per_second=0)


class StudyError(InputError):
    """A study that cannot go on as it is configured."""


@dataclass(slots=True)
class Drawn:
    """The last battle of a cell for a seat."""

    attempt: int
    battle: str
    state: str  # open, voted or skipped


@dataclass(frozen=True, slots=True)
class VoterProgress:
    """Where a voter stands: `done` tasks of `total`; `state` says whether there is a next one."""

    invitation: Invitation
    done: int
    total: int
    state: Literal["going", "done", "ended"]


@dataclass(frozen=True, slots=True)
class SeatProgress:
    """What the owner sees of one voter."""

    invitation: Invitation
    voted: int
    skipped: int
    passed: int
    failed: int
    total: int


class Study:
    """One study over the battles of an arena.

    Raises:
        StudyError: the plan is another one than that with which the study began.
    """

    def __init__(self, plan: StudyPlan, arena: Arena, journal: StudyJournal) -> None:
        self.plan, self.arena, self.journal = plan, arena, journal
        self._contestants = {one.card.name: one for one in arena.roster.contestants}
        design = journal.history().design
        if design and (other := plan.changed(design)):
            raise StudyError(
                f"The study {plan.name!r} began with other {join_names(other)} than [study] gives now; put "
                "them back, or give it another name."
            )
        self._drawn = {
            (seat, cell): Drawn(attempt, battle, state)
            for seat, cell, attempt, battle, state in arena.log.assigned(plan.name)
        }
        self._checks = {(seat, item): passed for seat, item, passed in arena.log.attended(plan.name)}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(
            asyncio.Lock
        )  # one move of a seat at a time
        self._ending = asyncio.Lock()

    # --- who -----------------------------------------------------------------------------------------------

    def join(self, token: str) -> str:
        """The session of the person who opened the link of an invitation."""
        found = self.arena.keys.invitation(self.plan.name, token)
        if found is None:
            raise Refusal(
                403, "forged", "This is no invitation to this study. Open the whole link that you were sent."
            )
        session = f"{INVITED}{found}"
        self.invitation(session)
        return session

    def invitation(self, session: str | None) -> Invitation:
        """The invitation of a session; a refusal for everybody else."""
        known = {one.id: one for one in self.journal.history().invitations}
        one = (
            known.get((session or "").removeprefix(INVITED)) if (session or "").startswith(INVITED) else None
        )
        if one is None:
            raise Refusal(
                403,
                "not_invited",
                "This study is for people who were invited: open the link that you were sent.",
            )
        if {held.seat: held.id for held in self.journal.history().seats}[one.seat] != one.id:
            raise Refusal(403, "used_up", "This invitation was given to somebody else. Ask for a new link.")
        return one

    def progress(self, session: str | None) -> VoterProgress:
        """Where a voter stands."""
        one = self.invitation(session)
        tasks = self._tasks(one.seat)
        done = sum(self._is_done(one.seat, task) for task in tasks)
        ended = self.journal.history().closed is not None
        state: Literal["going", "done", "ended"] = (
            "done" if done == len(tasks) else "ended" if ended else "going"
        )
        return VoterProgress(one, done, len(tasks), state)

    @property
    def closed(self) -> Closing | None:
        """How the study ended; None while it goes on."""
        return self.journal.history().closed

    # --- what comes next -----------------------------------------------------------------------------------

    async def next(self, session: str) -> Running | None:
        """The battle that a voter is to judge now, drawn if it was not; None if there is none any more."""
        one = self.invitation(session)
        async with self._turns[one.seat]:
            if self.closed is not None:
                return None
            await self.arena.consents.must_be_given(self.arena.keys.voter(session))
            if self.journal.history().opened is None:
                await asyncio.to_thread(self.journal.open, self.plan.design(self._voters))
            tasks = [task for task in self._tasks(one.seat) if not self._is_done(one.seat, task)]
            for task in tasks:
                drawn = self._drawn.get((one.seat, task.number)) if task.kind == "cell" else None
                if drawn is not None and (running := self._open(session, drawn)) is not None:
                    return running
            if not tasks:
                return None
            task = min(tasks, key=lambda one_of: self._attempts(one.seat, one_of))  # void ones come last
            return (
                self._item(one, session, task)
                if task.kind == "item"
                else await self._draw(one, session, task)
            )

    def battle(self, session: str, battle_id: str) -> Running:
        """A battle, or attention item, of one's own."""
        one = self.invitation(session)
        task = self._item_task(one.seat, battle_id)
        return self._item(one, session, task) if task else self.arena.battle(session, battle_id)

    # --- what is said --------------------------------------------------------------------------------------

    async def vote(
        self,
        session: str,
        battle_id: str,
        turn: int,
        vote: str | Ballot,
        token: str,
        *,
        unfinished: bool = False,
        criteria: Mapping[str, str] | None = None,
        ratings: Sequence[int] | None = None,
        reasons: Sequence[str] = (),
        comment: str | None = None,
    ) -> None:
        """The judgement of a battle; returns when it is in the log for good.

        `criteria` has for each criterion the letter of the answer that is best by it, in lower case, or
        "tie".
        """
        one = self.invitation(session)
        async with self._turns[one.seat]:
            running = self.battle(session, battle_id)
            if running.battle.state is not State.VOTED:
                await self.arena.consents.must_be_given(running.battle.voter)
            judgement = self._judgement(running.battle, criteria or {}, ratings, reasons, comment)
            if (task := self._item_task(one.seat, battle_id)) is not None:
                if not self.arena.keys.may_vote(token, battle_id, turn, session):
                    raise Refusal(
                        403, "bad_token", "This does not carry the right of this task. Reload the page."
                    )
                await self._keep_item(one, task, ballot_of(vote, len(task.order))[0])
            else:
                cast = (battle_id, turn, vote, token)
                try:
                    await self.arena.vote(session, *cast, unfinished=unfinished, judgement=judgement)
                finally:
                    if running.battle.state is State.VOTED:
                        self._mark(battle_id, "voted")
        await self._end_if_due()

    async def skip(self, session: str, battle_id: str, reason: str) -> None:
        """Leave a battle without a judgement."""
        one = self.invitation(session)
        reason = reason.strip()
        if not reason or len(reason) > _REASON:
            raise Refusal(
                422, "no_reason", Sentence("Say why you skip it, in up to {most} characters.", most=_REASON)
            )
        await self.arena.consents.must_be_given(self.arena.keys.voter(session))
        async with self._turns[one.seat]:
            if (task := self._item_task(one.seat, battle_id)) is not None:
                await self._keep_item(one, task, None)
            else:
                await self.arena.skip(session, battle_id, reason)
                self._mark(battle_id, "skipped")
        await self._end_if_due()

    # --- the owner -----------------------------------------------------------------------------------------

    def seats(self) -> tuple[SeatProgress, ...]:
        """What the owner sees of each voter."""
        found = []
        for one in self.journal.history().seats:
            mine = [drawn.state for (seat, _), drawn in self._drawn.items() if seat == one.seat]
            checks = [passed for (seat, _), passed in self._checks.items() if seat == one.seat]
            total = len(self._tasks(one.seat))
            counts = (mine.count("voted"), mine.count("skipped"), checks.count(True), checks.count(False))
            found.append(SeatProgress(one, *counts, total))
        return tuple(found)

    @property
    def votes(self) -> int:
        """How many votes there are."""
        return sum(drawn.state == "voted" for drawn in self._drawn.values())

    def lead(self) -> PanelLead | None:
        """Whether its panel has decided; None without a vote."""
        try:
            votes = self.arena.log.comparisons({"study": self.plan.name})
            return panel_lead(votes, panel=self.journal.history().panel, level=self.plan.level)
        except AgonError:
            return None

    # --- inside --------------------------------------------------------------------------------------------

    @property
    def _voters(self) -> int:
        history = self.journal.history()
        return int(history.design.get("voters", history.voters))

    def _tasks(self, seat: int) -> tuple[StudyTask, ...]:
        voters = self._voters
        if voters < self.plan.overlap:
            sentence = Sentence(
                "The study waits for its voters: {voters} of at least {least} are invited.",
                voters=voters,
                least=self.plan.overlap,
            )
            raise Refusal(503, "waiting", sentence)
        return self.plan.tasks(seat, voters)

    def _is_done(self, seat: int, task: StudyTask) -> bool:
        if task.kind == "item":
            return (seat, task.number) in self._checks
        drawn = self._drawn.get((seat, task.number))
        return drawn is not None and drawn.state != "open"

    def _attempts(self, seat: int, task: StudyTask) -> int:
        drawn = self._drawn.get((seat, task.number)) if task.kind == "cell" else None
        return drawn.attempt if drawn else 0

    def _open(self, session: str, drawn: Drawn) -> Running | None:
        """A battle that was drawn and waits for its vote; None if none can come of it."""
        try:
            running = self.arena.battle(session, drawn.battle)
        except Refusal:  # of somebody who held the seat before
            return None
        return None if running.battle.state is State.VOID else running

    async def _draw(self, one: Invitation, session: str, task: StudyTask) -> Running:
        cell = self.plan.cells[task.number - 1]
        models = tuple(self._contestants[self.plan.models[model]] for model in task.order)
        pairs = len(models) * (len(models) - 1) // 2
        attempt = self._attempts(one.seat, task) + 1
        running, written = self.arena.begin(
            self.arena.keys.voter(session),
            Draw(models, SCHEDULE, 1, 1.0, (1.0,) * pairs),
            self.plan.seed,
            self.plan.prompts[cell.prompt],
            Assignment(self.plan.name, one.seat, task.number, attempt),
        )
        try:
            await asyncio.wrap_future(written)
        except Exception as error:
            raise Refusal(
                503, "not_kept", "The next task could not be drawn. Try again in a minute."
            ) from error
        self._drawn[one.seat, task.number] = Drawn(attempt, running.battle.id, "open")
        return running

    def _item(self, one: Invitation, session: str, task: StudyTask) -> Running:
        """An attention item as a battle of nobody, ready to be judged."""
        item = self.plan.attention[task.number - 1]
        nobody = tuple(Contestant(ModelCard(f"{number}", f"{number}"), _NO_MODEL) for number in task.order)
        draw = Draw(nobody, SCHEDULE, 1, 1.0, ())
        battle = Battle(f"{ITEM}{task.number}", self.arena.keys.voter(session), draw, self.plan.seed)
        battle.ask(item.prompt)
        for slot, number in enumerate(task.order):
            text = item.answers[number]
            battle.ended(slot, Generation(text, len(text.split()), None, 0.0, "stop", None, None))
        if (one.seat, task.number) in self._checks:
            battle.void("judged")
        return Running(battle)

    def _item_task(self, seat: int, battle_id: str) -> StudyTask | None:
        number = battle_id.removeprefix(ITEM)
        if not (battle_id.startswith(ITEM) and number.isdecimal()):
            return None
        found = [task for task in self._tasks(seat) if task.kind == "item" and task.number == int(number)]
        if not found:
            raise Refusal(404, "no_battle", "There is no such task. Go on with the next.")
        return found[0]

    async def _keep_item(
        self, one: Invitation, task: StudyTask, places: tuple[int | None, ...] | None
    ) -> None:
        if (one.seat, task.number) in self._checks:
            raise Refusal(409, "already_voted", "Your judgement of this one is already counted.")
        item = self.plan.attention[task.number - 1]
        voter = self.arena.keys.voter(f"{INVITED}{one.id}")
        record = AttentionRecord(
            study=self.plan.name,
            seat=one.seat,
            item=task.number,
            voter=voter,
            created=datetime.now(UTC),
            prompt=item.prompt,
            answers=tuple(item.answers[number] for number in task.order),
            best=task.order.index(0),
            places=places,
        )
        try:
            await asyncio.wrap_future(self.arena.log.write(record))
        except Conflict:
            pass  # it was kept by a try that was told that it failed
        except Exception as error:
            tell(f"an attention item could not be kept: {error}")
            raise Refusal(
                503, "not_kept", "This could not be kept. Nothing was counted: try again."
            ) from error
        self._checks[one.seat, task.number] = record.passed

    def _mark(self, battle_id: str, state: str) -> None:
        for drawn in self._drawn.values():
            if drawn.battle == battle_id:
                drawn.state = state

    def _judgement(
        self,
        battle: Battle,
        criteria: Mapping[str, str],
        ratings: Sequence[int] | None,
        reasons: Sequence[str],
        comment: str | None,
    ) -> Judgement:
        """What was said beside the verdict, if it is all that is asked for and nothing else."""
        plan, size = self.plan, len(battle.standing)
        letters = [LETTERS[slot].lower() for slot in battle.standing]
        for name in plan.criteria:
            if criteria.get(name) not in (*letters, "tie"):
                raise Refusal(
                    422,
                    "no_criterion",
                    Sentence("Say which answer is best by {criterion}, or that none is.", criterion=name),
                )
        if set(criteria) - set(plan.criteria) or set(reasons) - set(plan.reasons):
            raise Refusal(
                422, "unknown", "Nothing was counted: this study does not ask for that. Reload the page."
            )
        rated = plan.rating and ratings is not None and len(ratings) == size
        if plan.rating and not (rated and all(one in RATINGS for one in ratings or ())):
            raise Refusal(422, "no_rating", "Rate every answer from 1 to 7.")
        said = (comment or "").strip() if plan.comment else ""
        if len(said) > _COMMENT:
            raise Refusal(
                422,
                "long_comment",
                Sentence(
                    "The comment has {characters} characters; write up to {most}.",
                    characters=len(said),
                    most=_COMMENT,
                ),
            )
        return Judgement(
            criteria={name: _best(criteria[name], letters) for name in plan.criteria},
            ratings=tuple(ratings or ()) if plan.rating else None,
            reasons=tuple(dict.fromkeys(reasons)),
            comment=said or None,
        )

    async def _end_if_due(self) -> None:
        """End the study if its last task is done, its quota is reached or a decision is safe."""
        async with self._ending:
            if self.closed is not None:
                return
            try:
                found = await asyncio.to_thread(self._ended)
                if found is not None:
                    await asyncio.to_thread(self.journal.close, *found)
            except Exception as error:
                tell(f"whether the study has ended could not be told: {type(error).__name__}: {error}")

    def _ended(self) -> tuple[EndedBy, str] | None:
        plan, seats = self.plan, [one.seat for one in self.journal.history().seats]
        lead = self.lead()
        concluded = tell_lead(lead)
        if plan.until == "decision" and lead is not None and lead.certain:
            return "decision", concluded
        if plan.quota is not None and self.votes >= plan.quota:
            return "quota", concluded
        if all(self._is_done(seat, task) for seat in seats for task in self._tasks(seat)):
            return "complete", concluded
        return None


def tell_lead(lead: PanelLead | None) -> str:
    """What the votes of a study show so far, in a sentence."""
    return "There are no votes yet." if lead is None else lead.conclusion()


def _best(choice: str, letters: Sequence[str]) -> Ballot:
    """The ballot on a criterion: of two answers both places, of more the best alone, or all equal."""
    if choice == "tie":
        return (1,) * len(letters), None
    rest = 2 if len(letters) == 2 else None
    return tuple(1 if letter == choice else rest for letter in letters), None
