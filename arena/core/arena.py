"""The arena: battles in memory, who may do what with them, and what is written to the log.

This is the only place that composes drawing, playing, voting and keeping. Pages and routes call it and
render what it returns; conversation, draw and right to vote live here and never in the browser. What it
refuses, it refuses with one sentence for the person at the page.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from time import monotonic

from agon.arena.core.battle import BALLOTS, Battle, IllegalMoveError, State
from agon.arena.core.language_id import detect_language
from agon.arena.core.matchmaking import substitute, uniform
from agon.arena.core.roster import Contestant, Example, Roster
from agon.arena.core.score_change import ScoreChange, compare_boards
from agon.arena.core.sessions import Keys
from agon.arena.core.turn import AnswerEnd, play_turn
from agon.data.log.records import (
    AlreadyVoted,
    BattleRecord,
    GenerationRecord,
    Receipt,
    Record,
    ReplacementRecord,
    TurnRecord,
    VoteRecord,
)
from agon.data.log.vote_log import VoteLog
from agon.ranking import Comparisons, Leaderboard, rank
from agon.ranking.errors import AgonError, SourceError
from agon.serving.generation import Limits
from agon.serving.protocol import Message


class Refusal(Exception):  # noqa: N818 (it says what happened)
    """What the arena will not do: an HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


@dataclass(frozen=True, slots=True)
class ArenaSettings:
    """What an arena allows.

    Times are seconds, lengths characters. `seed` makes the draws repeatable: on a public arena leave it
    None, or who is drawn can be foretold.
    """

    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    longest_prompt: int = 8_000
    most_turns: int = 10
    running_per_voter: int = 3
    running: int = 200
    unwatched: float = 30.0
    kept: float = 6 * 3600.0
    snapshot_every: float = 15.0


@dataclass(slots=True)
class Running:
    """A battle and what keeps it going."""

    battle: Battle
    stop: asyncio.Event
    task: asyncio.Task[None] | None = None
    watchers: int = 0
    touched: float = field(default_factory=monotonic)
    change: ScoreChange | None = None
    receipt: str | None = None


class Arena:
    """All battles of one process over one log."""

    def __init__(self, roster: Roster, log: VoteLog, keys: Keys, settings: ArenaSettings) -> None:
        self.roster, self.log, self.keys, self.settings = roster, log, keys, settings
        self._random = SystemRandom() if settings.seed is None else Random(settings.seed)
        self._battles: dict[str, Running] = {}
        self._examples = {example.prompt: example for example in roster.examples}
        self._chores: asyncio.Task[None] | None = None

    # --- battles -----------------------------------------------------------------------------------------

    def start(self, session: str, prompt: str) -> Battle:
        """Draw models for a prompt and let them answer."""
        prompt = self._prompt(prompt)
        voter = self.keys.voter(session)
        self._room_for(voter)
        if not self.roster.typed and prompt not in self._examples:
            raise Refusal(
                422, "unknown_prompt", "This arena compares recorded answers: choose a prompt of its list."
            )
        candidates = self.roster.candidates([Message("user", prompt)])
        seed = self._random.getrandbits(48)
        try:
            draw = uniform(candidates, 2, Random(seed))
        except ValueError:
            sentence = (
                "No two models can answer this prompt now. Try another prompt, or come back in a minute."
            )
            raise Refusal(503, "no_models", sentence) from None
        example = self._examples.get(prompt) or Example(prompt, language=detect_language(prompt))
        battle = Battle(
            id=uuid.uuid4().hex,
            voter=voter,
            draw=draw,
            seed=seed,
            prompt_id=example.prompt_id,
            category=example.category,
            language=example.language,
        )
        self._battles[battle.id] = running = Running(battle, asyncio.Event())
        battle.ask(prompt)
        self._keep(
            BattleRecord(
                battle_id=battle.id,
                created=battle.created,
                models=battle.models,
                prompt=prompt,
                policy=draw.policy,
                policy_version=draw.version,
                group_probability=draw.group_probability,
                pair_probabilities=draw.pair_probabilities,
                seed=seed,
                voter=voter,
                prompt_id=battle.prompt_id,
                category=battle.category,
                language=battle.language,
            )
        )
        self._play(running)
        return battle

    def ask(self, session: str, battle_id: str, prompt: str) -> Battle:
        """The next prompt of a battle, to both sides."""
        running = self._own(session, battle_id)
        battle = running.battle
        prompt = self._prompt(prompt)
        if not self.may_ask(battle):
            raise Refusal(409, "no_turn", "This battle takes no further prompt now.")
        self._room_for(battle.voter)
        battle.ask(prompt)
        self._keep(TurnRecord(battle.id, battle.turn, prompt, datetime.now(UTC)))
        running.stop = asyncio.Event()
        self._play(running)
        return battle

    def examples(self, most: int) -> list[Example]:
        """The prompts to offer: all of them, or so many drawn by lot, in the order of the list."""
        offered = self.roster.examples
        if len(offered) <= most:
            return list(offered)
        return [offered[at] for at in sorted(SystemRandom().sample(range(len(offered)), most))]

    def may_ask(self, battle: Battle) -> bool:
        """Whether both sides could answer a further prompt."""
        return (
            battle.state is State.READY
            and self.roster.typed
            and battle.turn < self.settings.most_turns
            and all(
                side.contestant.backend.accepts(
                    [*side.messages, Message("assistant", side.text), Message("user", "?")]
                )
                for side in battle.sides
            )
        )

    def stop(self, session: str, battle_id: str) -> Battle:
        """End both answers where they are; what is written may be judged."""
        running = self._own(session, battle_id)
        running.stop.set()
        return running.battle

    def battle(self, session: str, battle_id: str) -> Running:
        """A battle of one's own."""
        return self._own(session, battle_id)

    async def vote(self, session: str, battle_id: str, turn: int, outcome: str, token: str) -> Running:
        """The one vote of a battle; returns after it is in the log for good."""
        running = self._own(session, battle_id)
        battle = running.battle
        if not self.keys.may_vote(token, battle.id, turn, session):
            raise Refusal(
                403, "bad_token", "This vote does not carry the right of this battle. Reload the page."
            )
        if battle.state is State.VOTED:
            raise Refusal(409, "already_voted", "Your vote on this battle is already counted.")
        if battle.state is not State.READY or turn != battle.turn:
            raise Refusal(
                409, "not_ready", "Nothing was counted: both answers must have ended before the vote."
            )
        if outcome not in BALLOTS:
            raise Refusal(
                422, "bad_outcome", f"Nothing was counted: an outcome is one of {', '.join(BALLOTS)}."
            )
        places, acceptable = battle.vote(outcome)  # from here on no other post of this battle gets so far
        record = VoteRecord(
            battle_id=battle.id,
            places=places,
            acceptable=acceptable,
            last_turn=turn,
            voter=battle.voter,
            reasons=(),
            created=datetime.now(UTC),
        )
        try:
            before = await self._board_around()
            receipt = await asyncio.wrap_future(self.log.write(record))
        except AlreadyVoted:
            raise Refusal(409, "already_voted", "Your vote on this battle is already counted.") from None
        except asyncio.CancelledError:
            battle.unvote()  # if it was written after all, the log says so to the next try
            raise
        except Exception as error:
            battle.unvote()
            raise Refusal(
                503, "not_kept", "Your vote could not be kept. Nothing was counted: try again."
            ) from error
        running.receipt = str(receipt.number)
        running.change = compare_boards(before, await self._board_around(), battle.models)
        battle.revision += 1
        return running

    # --- boards ------------------------------------------------------------------------------------------

    def comparisons(self, category: str | None = None, language: str | None = None) -> Comparisons | None:
        """The votes so far; None without one."""
        try:
            return self.log.comparisons(category=category, language=language)
        except SourceError:
            return None

    def board(self, category: str | None = None, language: str | None = None) -> Leaderboard | None:
        """The board of the votes so far, recomputed from their counts; None without a vote."""
        votes = self.comparisons(category, language)
        return None if votes is None else rank(votes, "bradley_terry")

    # --- life --------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin the chores: forgotten battles, snapshots for other processes, the first one now."""
        await asyncio.to_thread(self.log.snapshot)  # a process that was killed left none of its last votes
        self._chores = asyncio.create_task(self._do_chores())

    async def close(self) -> None:
        """End what streams, write what is known, give back connections."""
        tasks = [running.task for running in self._battles.values() if running.task]
        for task in (*tasks, *([self._chores] if self._chores else [])):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for contestant in self.roster.contestants:
            await contestant.backend.close()

    # --- inside ------------------------------------------------------------------------------------------

    async def _board_around(self) -> Leaderboard | None:
        """The board beside a vote; None if there is none to compute, which must never cost the vote."""
        try:
            return await asyncio.to_thread(self.board)
        except AgonError:
            return None

    def _prompt(self, prompt: str) -> str:
        prompt = prompt.strip()
        longest = self.settings.longest_prompt
        if not prompt:
            raise Refusal(422, "empty_prompt", "Write a prompt first.")
        if len(prompt) > longest:
            sentence = (
                f"The prompt has {len(prompt):,} characters; this arena takes up to {longest:,}. Shorten it."
            )
            raise Refusal(422, "long_prompt", sentence)
        return prompt

    def _room_for(self, voter: str) -> None:
        streaming = [r.battle for r in self._battles.values() if r.battle.state is State.STREAMING]
        most = self.settings.running_per_voter
        if sum(battle.voter == voter for battle in streaming) >= most:
            sentence = f"You have {most} battles running. Finish or stop one first."
            raise Refusal(429, "too_many_battles", sentence)
        if len(streaming) >= self.settings.running:
            raise Refusal(
                503, "full", "The arena is full at the moment. Your prompt is kept: try again in a minute."
            )

    def _own(self, session: str, battle_id: str) -> Running:
        running = self._battles.get(battle_id)
        if running is None or running.battle.voter != self.keys.voter(session):
            raise Refusal(404, "no_battle", "This battle is over or was never yours. Start a new one.")
        running.touched = monotonic()
        return running

    def _play(self, running: Running) -> None:
        running.task = asyncio.create_task(self._turn(running))

    async def _turn(self, running: Running) -> None:
        battle = running.battle
        tried = set(battle.models)

        def another(ended: AnswerEnd) -> Contestant | None:
            everyone = self.roster.candidates([Message("user", battle.prompts[0])])
            fresh = [contestant for contestant in everyone if contestant.card.name not in tried]
            drawn = substitute(fresh, Random(f"{battle.seed}:{len(tried)}"))
            if drawn is None:
                return None
            contestant, probability = drawn
            tried.add(contestant.card.name)
            now = datetime.now(UTC)
            self._keep(ReplacementRecord(battle.id, ended.slot, contestant.card.name, probability, now))
            return contestant

        try:
            await play_turn(
                battle,
                limits=self.settings.limits,
                stop=running.stop,
                substitute=another,
                record=self._keep_generation,
            )
        except Exception:
            battle.void("the arena failed")
            raise

    def _keep_generation(self, ended: AnswerEnd) -> None:
        made = ended.generation
        self._keep(
            GenerationRecord(
                battle_id=ended.battle.id,
                turn=ended.turn,
                slot=ended.slot,
                model=ended.model,
                text=made.text,
                tokens=made.tokens,
                seconds=made.seconds,
                created=datetime.now(UTC),
                time_to_first_token=made.time_to_first_token,
                tokens_per_second=made.tokens_per_second,
                finish_reason=made.finish_reason,
                failure=made.failure,
                detail=made.detail,
            )
        )

    def _keep(self, record: Record) -> None:
        """Write without waiting: what a vote needs is in the log before the vote, or the vote is
        refused."""
        self.log.write(record).add_done_callback(_complain)

    async def _do_chores(self) -> None:
        written = self.log.count()
        snapshot = monotonic()
        while True:
            await asyncio.sleep(1.0)
            now = monotonic()
            for key, running in list(self._battles.items()):
                idle = now - running.touched
                if running.watchers:
                    running.touched = now
                elif running.battle.state is State.STREAMING and idle > self.settings.unwatched:
                    running.stop.set()
                elif idle > self.settings.kept:
                    del self._battles[key]
            if now - snapshot >= self.settings.snapshot_every and (count := self.log.count()) != written:
                await asyncio.to_thread(self.log.snapshot)
                written, snapshot = count, now


def _complain(written: Future[Receipt]) -> None:
    error = written.exception()
    if error is not None:
        print(f"agon: {error}", file=sys.stderr)


__all__ = ["Arena", "ArenaSettings", "IllegalMoveError", "Refusal", "Running"]
