"""The arena: battles in memory, who may do what with them, and what is written to the log.

This is the only place that composes drawing, playing, voting and keeping. Pages and routes call it and
render what it returns; conversation, draw and right to vote live here and never in the browser. What it
refuses, it refuses with one sentence for the person at the page.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from agon.arena.core.arena_settings import ArenaSettings, Mode
from agon.arena.core.battle import BALLOTS, LETTERS, Battle, Side, State, fault_of
from agon.arena.core.battles.attachments import Attachments
from agon.arena.core.battles.battle_limits import BattleLimits, checked_prompt
from agon.arena.core.battles.draw_refusals import too_long_sentence
from agon.arena.core.battles.open_battles import OpenBattles, Running
from agon.arena.core.battles.record_keeping import RecordKeeping
from agon.arena.core.battles.resume import SKIPPED
from agon.arena.core.battles.score_change import ScoreChanges
from agon.arena.core.battles.told_names import ToldNames
from agon.arena.core.contestants import Contestants
from agon.arena.core.matchmaking import SCHEDULE, Draw, substitute
from agon.arena.core.modes.talk import Talk
from agon.arena.core.operation.operator_messages import note, tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import Contestant, Example, Roster, measure_within
from agon.arena.core.sessions import DailyHash, Keys
from agon.arena.core.turn import AnswerEnd, play_turn
from agon.arena.core.visitors.consent import Consents
from agon.arena.core.visitors.moderation import ModerationError
from agon.data.log.records import (
    AlreadyVoted,
    Assignment,
    AttachedImage,
    Ballot,
    BattleRecord,
    Receipt,
    ReplacementRecord,
    SkipRecord,
    TurnRecord,
    VoteRecord,
)
from agon.data.log.vote_log import VoteLog
from agon.ranking import Comparisons
from agon.ranking.errors import AgonError, SourceError
from agon.ranking.text import Sentence
from agon.serving.protocol import ImagePart, Measuring, Message

NO_IMAGES = Sentence("These models cannot see images. Remove them, and ask with words.")
_OFF = {
    "named": "Here answers are compared without names alone. Ask, and models are drawn by lot.",
    "direct": "Here nobody talks to one model alone. Ask, and models are drawn by lot.",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a voter says in a study beside the verdict, as a `VoteRecord` keeps it."""

    criteria: Mapping[str, Ballot] = field(default_factory=dict)
    ratings: tuple[int | None, ...] | None = None
    reasons: tuple[str, ...] = ()
    comment: str | None = None


VERDICT_ALONE = Judgement()


class Arena:
    """All battles of one process over one log."""

    def __init__(self, roster: Roster, log: VoteLog, keys: Keys, settings: ArenaSettings) -> None:
        self.log, self.keys, self.settings = log, keys, settings
        self.contestants = Contestants(roster, log, settings)
        self.attachments = Attachments(log)
        self.battles = OpenBattles(log, self.contestants.ever, self.attachments.part)
        self.talks: dict[str, Talk] = {}  # with one model alone: in memory, and nowhere else
        self.told = ToldNames(log, self.battles, self.talks)
        self.records = RecordKeeping(log)
        self.limits = BattleLimits()
        self.changes = ScoreChanges(log, lambda: self.settings.gates)
        self.tally: Counter[str] = Counter()  # battles of this process: started, ready, void
        self.refused: Counter[str] = Counter()  # requests since the start, by code
        self.noted: Counter[str] = Counter()  # of them, those that were told
        self.chores: list[asyncio.Task[None]] = []  # what is done as long as it is open
        self._days_hash = DailyHash(log.key_of_day)
        self.consents = Consents(log)
        self.consents.ask(roster.page.consent)

    @property
    def roster(self) -> Roster:
        """The models and prompts of now."""
        return self.contestants.roster

    # --- what may be done --------------------------------------------------------------------------------

    def must_allow(self, mode: Mode) -> None:
        """Raise Refusal where the organiser has not switched a way to compare on."""
        if mode not in self.modes:
            raise Refusal(403, "mode_off", _OFF[mode])

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The ways to compare; of a list of prompts no conversation can come."""
        return tuple(one for one in self.settings.modes if one != "direct" or self.roster.typed)

    def must_have_room(self, voter: str, network: str = "") -> None:
        """Refuse an answer, or a battle, for which there is no place now."""
        self.limits.must_have_room(self.settings, voter, network, self._taken())

    def _taken(self) -> list[tuple[str, str]]:
        """Voter and network of each answer or battle that is being written."""
        streaming = [one for one in self.battles.all() if one.battle.state is State.STREAMING]
        taken = [(one.battle.voter, one.network) for one in streaming]
        taken += [(talk.voter, talk.network) for talk in self.talks.values() if talk.streaming]
        return taken

    async def share_use(self) -> None:
        """Tell other processes of the store what clients have of this one, and hear what they have of those.

        Raises:
            LogError: the store cannot be reached.
        """
        key = await self._days_hash.key() if self.settings.networks else None
        told = self.limits.use(self._taken(), key)
        self.limits.hear(await asyncio.to_thread(self.log.exchange_use, told), told, self.settings)

    async def must_be_fit(self, session: str, prompt: str) -> None:
        """Refuse a prompt of whoever did not agree to what is asked, before anybody else gets to see it, and
        one that moderation does not take; those that are offered are the organiser's."""
        await self.consents.must_be_given(self.keys.voter(session))
        moderation, prompt = self.settings.moderation, prompt.strip()
        if (
            moderation is None
            or prompt in self.contestants.examples
            or len(prompt) > self.settings.longest_prompt
        ):
            return
        try:
            refused = await moderation.refuses(prompt, tell)
        except ModerationError as error:
            tell(f"a prompt was refused, because [moderation] says closed = true: {error}.")
            raise Refusal(
                503,
                "unmoderated",
                "Your prompt could not be looked through just now. It is kept here: try again in a minute.",
            ) from error
        if refused:
            raise Refusal(
                422,
                "moderated",
                "This arena does not take this prompt. Nothing was asked or kept: change it, and try again.",
            )

    def may_ask(self, battle: Battle) -> bool:
        """Whether all sides that stand could answer a further prompt."""
        return (
            battle.state is State.READY
            and battle.refused is None
            and self.roster.typed
            and battle.turn < self.settings.most_turns
            and all(side.contestant.backend.accepts(_continued(side, "?")) for side in battle.judged)
        )

    def most_images(self, battle: Battle | None = None) -> int:
        """How many images the next prompt may have: none, if too few of the models take any."""
        if battle is not None:
            able = self.may_ask(battle) and all(side.contestant.images for side in battle.judged)
        else:
            seeing = [one for one in self.roster.contestants if one.images]
            able = (
                self.roster.typed
                and len(self.contestants.matchmaker.drawable(seeing)) >= self.settings.answers
            )
        return self.settings.images if able else 0

    async def measure(
        self,
        session: str,
        prompt: str,
        battle_id: str | None = None,
        images: tuple[ImagePart, ...] = (),
    ) -> None:
        """Let the models learn whether a prompt, or a further one, is too long for them."""
        prompt = prompt.strip()
        if len(prompt) > self.settings.longest_prompt:
            return
        if battle_id is None:
            await self.roster.measure([Message("user", prompt, images)])
            return
        await measure_within(
            side.contestant.backend.measure(_continued(side, prompt, images))
            for side in self.battle(session, battle_id).battle.judged
            if isinstance(side.contestant.backend, Measuring)
        )

    # --- battles -----------------------------------------------------------------------------------------

    def start(
        self, session: str, prompt: str, images: tuple[ImagePart, ...] = (), network: str = ""
    ) -> Battle:
        """Draw models for a prompt and let them answer.

        Args:
            session: whose battle it is.
            prompt: what is asked.
            images: those that `keep_images` gave.
            network: that it is started from, which has limits of its own, because cookies cost nothing.
        """
        prompt = checked_prompt(prompt, self.settings.longest_prompt)
        voter = self.keys.voter(session)
        self.must_have_room(voter, network)
        self.contestants.must_offer(prompt)
        messages = [Message("user", prompt, images)]
        draw, seed = self.draw(self.roster.candidates(messages), messages, images)
        example = self.contestants.example_of(prompt, images)
        return self.begin_counted(voter, network, draw, seed, example, images).battle

    def draw(
        self, candidates: Sequence[Contestant], messages: Sequence[Message], images: tuple[ImagePart, ...]
    ) -> tuple[Draw, int]:
        """Who of the candidates meets whom, and the seed of that lot."""
        awaited = self.battles.awaited(self.contestants.matchmaker.learned)
        return self.contestants.draw(self.settings.answers, candidates, messages, images, awaited)

    def begin_counted(
        self,
        voter: str,
        network: str,
        draw: Draw,
        seed: int,
        example: Example,
        images: tuple[ImagePart, ...] = (),
    ) -> Running:
        """Let models that were drawn answer, if the voter and the network did not begin too many battles."""
        self.limits.begin(self.settings, voter, network)
        running, _ = self.begin(voter, draw, seed, example, images=images)
        running.network = network
        return running

    def begin(
        self,
        voter: str,
        draw: Draw,
        seed: int,
        example: Example,
        assignment: Assignment | None = None,
        images: tuple[ImagePart, ...] = (),
    ) -> tuple[Running, Future[Receipt]]:
        """Let models that were drawn answer a prompt; the battle is in the log when the future is done."""
        self.consents.must_hold(voter)
        battle = Battle(
            id=uuid.uuid4().hex,
            voter=voter,
            draw=draw,
            seed=seed,
            prompt_id=example.prompt_id,
            category=example.category,
            language=example.language,
            output_limit=self.roster.output_limit,
        )
        running = Running(battle, blind=not battle.named)
        self.battles.add(running)
        battle.ask(example.prompt, images)
        self.tally["started"] += 1
        self.attachments.let_go_all(voter, images)
        written = self.records.keep(
            running,
            BattleRecord(
                battle_id=battle.id,
                created=battle.created,
                models=battle.models,
                prompt=example.prompt,
                policy=draw.policy,
                policy_version=draw.version,
                group_probability=draw.group_probability,
                pair_probabilities=draw.pair_probabilities,
                seed=seed,
                voter=voter,
                prompt_id=battle.prompt_id,
                category=battle.category,
                language=battle.language,
                assignment=assignment,
                images=_attached(images),
            ),
        )
        self._play(running)
        return running, written

    def ask(self, session: str, battle_id: str, prompt: str, images: tuple[ImagePart, ...] = ()) -> Battle:
        """The next prompt of a battle, to all sides that stand."""
        running = self.battle(session, battle_id)
        battle = running.battle
        self.consents.must_hold(battle.voter)
        prompt = checked_prompt(prompt, self.settings.longest_prompt)
        if not self.may_ask(battle):
            raise Refusal(409, "no_turn", "This battle takes no further prompt now.")
        if images and not self.most_images(battle):
            raise Refusal(422, "no_images", NO_IMAGES)
        if not all(
            side.contestant.backend.accepts(_continued(side, prompt, images)) for side in battle.judged
        ):
            raise Refusal(422, "long_prompt", too_long_sentence(self.roster, images, conversation=True))
        self.must_have_room(battle.voter, running.network)
        battle.ask(prompt, images)
        self.attachments.let_go_all(battle.voter, images)
        now = datetime.now(UTC)
        self.records.keep(running, TurnRecord(battle.id, battle.turn, prompt, now, _attached(images)))
        running.stop = asyncio.Event()
        running.stop_one.clear()
        self._play(running)
        return battle

    async def skip(self, session: str, battle_id: str, reason: str) -> Battle:
        """Leave a battle without a vote, in a study or a list; the reason is in the log when this returns."""
        running = self.battle(session, battle_id)
        battle = running.battle
        if battle.state not in (State.STREAMING, State.READY):
            raise Refusal(409, "not_open", "This one is judged or skipped already. Go on with the next.")
        if running.task is not None:
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
        battle.void(SKIPPED)
        self.contestants.count_ends(running.ends)
        try:
            await self.records.write_again(running)
            await asyncio.wrap_future(self.log.write(SkipRecord(battle.id, reason, datetime.now(UTC))))
        except Exception as error:
            tell(f"a skip could not be kept: {error}", "skip_not_kept", error=type(error).__name__)
            raise Refusal(503, "not_kept", "This could not be kept. Try again.") from error
        return battle

    def stop(self, session: str, battle_id: str, slot: int | None = None) -> Battle:
        """End all answers where they are, or one; what is written may be judged.

        No other answer takes its place: whoever may draw once more, having read the first one, votes for the
        luckier model.
        """
        running = self.battle(session, battle_id)
        battle = running.battle
        if slot is None:
            running.stop_all()
            return battle
        if slot not in battle.standing:
            raise Refusal(422, "no_answer", "There is no such answer in this battle. Reload the page.")
        side = battle.sides[slot]
        if battle.state is not State.STREAMING or side.generation is not None:
            raise Refusal(409, "not_writing", "This answer has ended already. Judge it when the others have.")
        if not side.text.strip():
            sentence = "This answer has no word yet. Wait for its first one, or stop all."
            raise Refusal(409, "no_word", sentence)
        running.stop_one[slot].set()
        return battle

    def battle(self, session: str, battle_id: str) -> Running:
        """A battle of one's own."""
        return self.battles.own(self.keys.voter(session), battle_id, self.settings.kept)

    def _play(self, running: Running) -> None:
        running.stop_one |= {slot: asyncio.Event() for slot in running.battle.standing}
        running.task = asyncio.create_task(self._turn(running))

    async def _turn(self, running: Running) -> None:
        battle = running.battle
        tried, refused = set(battle.models), [0]

        def another(ended: AnswerEnd) -> Contestant | None:
            if (
                battle.draw.policy == SCHEDULE or battle.same_model or battle.testing or battle.named
            ):  # it is about these models alone
                return None
            everyone = self.roster.candidates([Message("user", battle.prompts[0], battle.images[0])])
            drawable = self.contestants.matchmaker.drawable(everyone)
            fresh = [one for one in drawable if one.card.name not in tried]
            refused[0] += ended.generation.failure == "overloaded"
            if refused[0] > 1:  # more requests would only make more load
                return None
            place = self.contestants.ever(ended.model).backend.route().place
            elsewhere = [one for one in fresh if one.backend.route().place is not place]
            fresh = elsewhere or fresh
            drawn = substitute(fresh, Random(f"{battle.seed}:{len(tried)}"))
            if drawn is None:
                return None
            contestant, probability = drawn
            tried.add(contestant.card.name)
            now = datetime.now(UTC)
            replaced = ReplacementRecord(battle.id, ended.slot, contestant.card.name, probability, now)
            self.records.keep(running, replaced)
            return contestant

        try:
            await play_turn(
                battle,
                limits=self.settings.limits,
                stop=running.stop,
                stop_one=running.stop_one,
                masked_names=None if battle.named else self.roster.identities(),
                pacing="raw" if battle.named else self.settings.pacing,
                substitute=another,
                record=lambda ended: self._answered(running, ended),
            )
        except Exception as error:
            battle.void("the arena failed")
            broken = type(error).__name__
            tell(f"a battle broke off: {broken}: {error}", "battle_broken", error=broken)
        finally:
            if battle.state is State.VOID:
                self.tally["void"] += 1
                note("battle_void", failures=[end for end in running.ends if end[1]])
                self.contestants.count_ends(running.ends)
            elif battle.state is State.READY and battle.turn == 1:
                self.tally["ready"] += 1

    def _answered(self, running: Running, ended: AnswerEnd) -> None:
        made = ended.generation
        running.ends.append((ended.model, made.failure))
        if made.failure is not None:
            self.contestants.tell_failure(ended.model, made)
        self.records.keep_generation(running, ended)

    # --- votes -------------------------------------------------------------------------------------------

    async def vote(
        self,
        session: str,
        battle_id: str,
        turn: int,
        vote: str | Ballot,
        token: str,
        *,
        unfinished: bool = False,
        judgement: Judgement = VERDICT_ALONE,
        network: str = "",
    ) -> Running:
        """The one vote of a battle; returns when it is in the log for good, and names may be told.

        Once cast it is written to its end, even if the voter's connection is not there any more.
        `vote` is an outcome of two answers, or a ballot on all that stand, in shown order; `unfinished` says
        that the voter means to judge a stopped answer against one that is whole or longer; `judgement` is
        what else was said in a study; `network`, where it comes from.
        """
        near = await self._days_hash.of(network) if self.settings.networks else None
        running = self.battle(session, battle_id)
        battle = running.battle
        if not self.keys.may_vote(token, battle.id, turn, session):
            raise Refusal(
                403, "bad_token", "This vote does not carry the right of this battle. Reload the page."
            )
        if battle.state is State.READY:
            await self.consents.must_be_given(battle.voter)
        if running.keeping is not None:  # another post of this vote; what becomes of it answers both
            with suppress(Refusal):
                await asyncio.shield(running.keeping)
        if battle.state is State.VOTED:
            raise Refusal(409, "already_voted", "Your vote on this battle is already counted.")
        if battle.state is not State.READY or turn != battle.turn:
            sentence = Sentence("Nothing was counted: both answers must have ended before the vote.")
            if len(battle.standing) > 2:
                sentence = Sentence("Nothing was counted: all answers must have ended before the vote.")
            raise Refusal(409, "not_ready", sentence)
        ballot = ballot_of(vote, len(battle.standing))
        if battle.uneven and not unfinished:
            raise Refusal(409, "unfinished", _uneven_sentence(battle))
        self.consents.must_hold(battle.voter)
        battle.vote(ballot)  # from here on no other post of this battle gets so far
        places, acceptable = ballot
        record = VoteRecord(
            battle_id=battle.id,
            places=places,
            acceptable=acceptable,
            last_turn=turn,
            voter=battle.voter,
            reasons=judgement.reasons,
            created=datetime.now(UTC),
            criteria=judgement.criteria,
            ratings=judgement.ratings,
            comment=judgement.comment,
            network=near,
        )
        running.keeping = asyncio.create_task(self._keep_vote(running, record))
        await asyncio.shield(running.keeping)
        return running

    def names_shown(self, battle: Battle) -> bool:
        """Whether the voter of a battle was told before who wrote one of its answers, or chose its models."""
        return self.settings.reveal and self.told.of_battle(battle)

    async def _keep_vote(self, running: Running, vote: VoteRecord) -> None:
        """Write a vote that was cast, behind whatever of its battle the log could not take before."""
        battle = running.battle
        try:
            await self.records.write_again(running)
            await asyncio.to_thread(self.log.follow)  # who was told names by another process is not blind
            running.blind = not await asyncio.to_thread(self.names_shown, battle)
            receipt = await asyncio.wrap_future(self.log.write(replace(vote, blind=running.blind)))
        except AlreadyVoted:  # written by a try that was told that it failed: that one is the vote
            await self._find_vote(running)
            raise Refusal(409, "already_voted", "Your vote on this battle is already counted.") from None
        except Exception as error:
            battle.unvote()
            tell(f"a vote could not be kept: {error}", "vote_not_kept", error=type(error).__name__)
            raise Refusal(
                503, "not_kept", "Your vote could not be kept. Nothing was counted: try again."
            ) from error
        else:
            running.number, running.record = receipt.number, receipt.hash
            battle.kept((vote.places, vote.acceptable))
            self.contestants.count_ends(running.ends)
        finally:
            running.keeping = None

    async def _find_vote(self, running: Running) -> None:
        """Take over the vote that the log holds."""
        try:
            vote = await asyncio.to_thread(self.log.vote, running.battle.id)
            running.number = await asyncio.to_thread(self.log.vote_number, running.battle.id)
            number = running.number or 0
            running.record = (await asyncio.to_thread(self.log.vote_hashes, [number])).get(number)
        except AgonError:
            vote = None
        if vote is None:
            running.battle.unvote()
            return
        running.blind = vote.blind
        running.battle.kept((vote.places, vote.acceptable))
        self.contestants.count_ends(running.ends)

    # --- the whole ---------------------------------------------------------------------------------------

    def reconfigure(self, roster: Roster, settings: ArenaSettings) -> None:
        """Go on with other models, examples, policy and limits; battles that were drawn stay as they are.

        Raises:
            InputError: a name looks like another one of the log, or a model is asked otherwise than before.
            LogError: what people are asked to agree to from now on cannot be written.
        """
        before = self.roster.page.consent
        self.contestants.reconfigure(roster, settings)
        self.settings = settings
        if roster.page.consent != before:  # what another process asks by now is not taken back by the way
            self.consents.ask(roster.page.consent)

    def pause(self, names: Collection[str]) -> None:
        """Draw all but these from now on, until the configuration is read again.

        Raises Refusal: too few are left.
        """
        self.settings = self.contestants.pause(names, self.settings)

    def answers_from(self, place: object) -> bool:
        """Whether a battle waits for an answer from a server."""
        return self.battles.answers_from(place) or any(
            talk.streaming and talk.contestant.backend.route().place is place for talk in self.talks.values()
        )

    def comparisons(self, chosen: Mapping[str, str]) -> Comparisons | None:
        """The votes so far that have these values of these labels; None without one."""
        try:
            return self.log.comparisons(chosen)
        except SourceError:
            return None


def ballot_of(vote: str | Ballot, size: int) -> Ballot:
    """The ballot that somebody sent on `size` answers.

    Raises Refusal: it is none.
    """
    if isinstance(vote, str):
        if vote in BALLOTS and size == 2:
            return BALLOTS[vote]
        how = Sentence("an outcome is one of {words}", words=", ".join(BALLOTS))
        if size > 2:
            how = Sentence("send the places of the {size} answers", size=size)
        raise Refusal(422, "bad_outcome", Sentence("Nothing was counted: {why}.", why=how))
    wrong = fault_of(vote, size)
    if wrong:
        raise Refusal(422, "bad_places", Sentence("Nothing was counted: {why}.", why=wrong))
    return vote


def _continued(side: Side, prompt: str, images: tuple[ImagePart, ...] = ()) -> list[Message]:
    """The conversation of a side with its last answer and a further prompt."""
    return [*side.messages, Message("assistant", side.text), Message("user", prompt, images)]


def _attached(images: Sequence[ImagePart]) -> tuple[AttachedImage, ...]:
    """Images as the log has them."""
    return tuple(AttachedImage(image.sha256, image.alt) for image in images)


def _uneven_sentence(battle: Battle) -> str:
    """What a voter should know before a stopped answer is judged against a longer one."""
    parts = tuple(
        Sentence(
            "{letter} was stopped after {count} word",
            "{letter} was stopped after {count} words",
            letter=LETTERS[slot],
            count=len(side.text.split()),
        )
        if side.status == "stopped"
        else Sentence("{letter} is whole", letter=LETTERS[slot])
        for slot, side in enumerate(battle.sides)
        if not side.withdrawn
    )
    return Sentence(
        "Nothing is counted yet: {parts}. Vote once more to judge them as they stand.", parts=parts
    )
