"""The arena: battles in memory, who may do what with them, and what is written to the log.

This is the only place that composes drawing, playing, voting and keeping. Pages and routes call it and
render what it returns; conversation, draw and right to vote live here and never in the browser. What it
refuses, it refuses with one sentence for the person at the page.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network
from math import ceil
from random import Random, SystemRandom
from time import monotonic
from typing import Literal

from agon.arena.core.attachments import RATE_SECONDS, Attachments
from agon.arena.core.battle import BALLOTS, LETTERS, Battle, IllegalMoveError, Side, State, fault_of
from agon.arena.core.endings import OF_THE_PROMPT, AnswerEndings
from agon.arena.core.fair_shares import HourlyRate
from agon.arena.core.language_id import detect_language, detection_problem
from agon.arena.core.matchmaking import SCHEDULE, Draw, Matchmaker, substitute
from agon.arena.core.modes.talk import Talk
from agon.arena.core.pacing import Pacing
from agon.arena.core.resume import CLOSED, SKIPPED, resume_battle
from agon.arena.core.roster import (
    IN_TESTING,
    Contestant,
    ContestantSettings,
    Example,
    ListedModelError,
    ModelCard,
    Roster,
    measure_within,
)
from agon.arena.core.score_change import ScoreChange, change_of_scores
from agon.arena.core.sessions import AdminSettings, DailyHash, Keys
from agon.arena.core.turn import AnswerEnd, play_turn
from agon.arena.core.visitors.access import AccessSettings
from agon.arena.core.visitors.moderation import Moderation, ModerationError
from agon.data.log.image_files import CleanImage
from agon.data.log.records import (
    NAMED_POLICY,
    AlreadyVoted,
    Assignment,
    AttachedImage,
    Ballot,
    BattleRecord,
    Conflict,
    GenerationRecord,
    ModelStatus,
    Receipt,
    Record,
    ReplacementRecord,
    RosterRecord,
    SkipRecord,
    TurnRecord,
    UnknownBattle,
    VoteRecord,
)
from agon.data.log.shared_store.shared_record import StoreAwayError
from agon.data.log.vote_log import CONTESTANTS_FILE, VoteLog
from agon.ranking import Comparisons, Leaderboard, rank
from agon.ranking.errors import AgonError, SourceError
from agon.ranking.leaderboard.row import plain
from agon.ranking.matchmaking import POLICIES, Policy
from agon.ranking.text import Sentence, in_turn
from agon.serving.generation import Generation, Limits
from agon.serving.protocol import IMAGE_TOKENS, ImagePart, Measuring, Message
from agon.serving.recorded import RecordedAnswers
from agon.serving.self_identification import IdentityMasker

IMAGES_A_MINUTE = 10  # times the images of one prompt, that a voter may attach
LONGEST_ALT = 500  # characters of what is written of an image
NO_IMAGES = Sentence("These models cannot see images. Remove them, and ask with words.")
KEPT_BACK = 10  # the tenth part of all places is for those who have no battle running
ERASED_SINCE = "the texts were erased"
RETENTION_SECONDS = 3600.0  # between two looks for texts that are too old
ERASING_SHARE = 20  # of the time, one part at the most goes into taking erased texts out of files
FOLLOWED_SECONDS = 0.02  # between two looks at what other processes wrote, for battles not known here
TESTING_SHARE = 0.1  # of the battles, where a model is in testing
AWAITED = 900.0  # seconds after which nobody counts on the vote of a battle that was left alone


Mode = Literal["blind", "named", "direct"]  # ways to compare: by lot, by name, one model alone
MOST_NAMED = 4  # models that one may choose by name
_OFF = {
    "named": "Here answers are compared without names alone. Ask, and models are drawn by lot.",
    "direct": "Here nobody talks to one model alone. Ask, and models are drawn by lot.",
}


LogFormat = Literal["text", "json"]
_telling: list[LogFormat] = ["text"]  # how this process tells its operator


class Refusal(Exception):  # noqa: N818 (it says what happened)
    """What the arena will not do: an HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


@dataclass(frozen=True, slots=True)
class ArenaSettings:
    """What an arena allows.

    Times are seconds, lengths characters. A prompt may have so many `images`, each sent as a file of so many
    `image_bytes` at the most. `modes` are the ways to compare, of which "blind" is always one. `answers` are
    those of a battle by lot, 2 to 6. `policy` draws their models, those of `paused` never; it learns from new
    votes every `learn_every` seconds. `same_model` is the share of A/A battles, which show one model twice,
    and `testing_share` that of the others with a model in testing: both count on no board. `reveal`
    says whether a vote is answered with the names, as everywhere but in
    studies; `pacing`, how answers appear. `public_url` is where a proxy shows the arena, `root_path` the path
    that it passes on, `embed` who may show it in a frame, `open_data` whether pages
    of other sites may read its boards, `proxies` whose word on addresses is taken, `admin`
    who may see the page of the operators, `access` who may vote at all; a session does so many bits of
    `work` first, and a model with fewer than `preliminary` votes is marked so. So many
    battles run for a voter, for a network, and in all, and so many are begun in an hour. With
    `networks` votes carry a hash of their network by the day's key. Texts older than `retention_days` are
    erased; `moderation` says which prompts are not taken. `seed` makes the draws repeatable: on a public
    arena leave it None, or who is drawn can be foretold.
    """

    answers: int = 2
    modes: tuple[Mode, ...] = ("blind",)
    policy: Policy = POLICIES["uniform"]
    paused: tuple[str, ...] = ()
    testing_share: float = TESTING_SHARE
    pacing: Pacing = "even"
    same_model: float = 0.0
    learn_every: float = 5.0
    seed: int | None = None
    limits: Limits = field(default_factory=Limits)
    longest_prompt: int = 8_000
    images: int = 4
    image_bytes: int = 10_000_000
    most_turns: int = 10
    running_per_voter: int = 3
    running_per_network: int = 50
    running: int = 200
    hourly_per_voter: int = 240
    hourly_per_network: int = 2_400
    networks: bool = True
    unwatched: float = 30.0
    kept: float = 6 * 3600.0
    snapshot_every: float = 15.0
    reveal: bool = True
    public_url: str | None = None
    root_path: str | None = None
    embed: tuple[str, ...] = ()
    open_data: bool = False
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    retention_days: int | None = None
    admin: AdminSettings | None = None
    access: AccessSettings | None = None
    work: int = 0
    preliminary: int = 0
    moderation: Moderation | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a voter says in a study beside the verdict, as a `VoteRecord` keeps it."""

    criteria: Mapping[str, Ballot] = field(default_factory=dict)
    ratings: tuple[int | None, ...] | None = None
    reasons: tuple[str, ...] = ()
    comment: str | None = None


VERDICT_ALONE = Judgement()


@dataclass(slots=True)
class Running:
    """A battle and what keeps it going."""

    battle: Battle
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_one: dict[int, asyncio.Event] = field(default_factory=dict)  # by slot
    task: asyncio.Task[None] | None = None
    keeping: asyncio.Task[None] | None = None  # writes the vote, whether or not the voter still waits for it
    unwritten: list[Record] = field(default_factory=list)  # what the log could not take, in order
    ends: list[tuple[str, str | None]] = field(default_factory=list)  # told when it is over
    watchers: int = 0
    touched: float = field(default_factory=monotonic)
    number: int | None = None  # of the vote, among all votes of the log
    record: str | None = None  # hash of the vote's event, while the process lives that wrote it
    queued: bool = False  # whether it came by itself, as the next of a list
    after: str | None = None  # the battle before it in the list
    network: str = ""  # that it was started from, for the limits
    blind: bool = True  # False once the voter was found to have been told who wrote an answer
    withdrawn: bool = False  # the vote, by its voter

    def stop_all(self) -> None:
        """End all answers."""
        for one in (self.stop, *self.stop_one.values()):
            one.set()

    @property
    def counted(self) -> bool:
        """Whether the vote counts on boards."""
        apart = self.battle.same_model or self.battle.testing or self.withdrawn
        return self.blind and not apart


class Arena:
    """All battles of one process over one log."""

    def __init__(self, roster: Roster, log: VoteLog, keys: Keys, settings: ArenaSettings) -> None:
        self.roster, self.log, self.keys, self.settings = roster, log, keys, settings
        self._random = SystemRandom() if settings.seed is None else Random(settings.seed)
        self._battles: dict[str, Running] = {}
        self.tally: Counter[str] = Counter()  # battles of this process: started, ready, void
        self._examples = {example.prompt: example for example in roster.examples}
        self._answerers: dict[str, frozenset[str]] | None = None  # counted when somebody asks
        self._contestants = {one.card.name: one for one in roster.contestants}
        self._unlisted = log.unlisted()
        self._must_be_new(roster)
        self.matchmaker = self._new_matchmaker()
        self._chores: list[asyncio.Task[None]] = []
        self._failures: Counter[str] = Counter()
        self._unwritten = 0  # records that the log could not take at once
        left_alone = datetime.now(UTC) - timedelta(seconds=settings.kept)
        self.endings = AnswerEndings(log.endings(left_alone))
        self._retired: list[Contestant] = []  # whose connections battles may still need
        self._known = ContestantSettings(log.folder)
        self._known.take(roster.contestants, self.endings.all_asked())
        log.share_document(CONTESTANTS_FILE)
        self._unable: dict[str, str] = {}  # model → how its last answer failed, or the one at opening
        self.attachments = Attachments(log)
        self.talks: dict[str, Talk] = {}  # with one model alone: in memory, and nowhere else
        self._hourly = HourlyRate(), HourlyRate()  # of voters, of networks
        self._days_hash = DailyHash()
        self._next_erasing = 0.0
        self._followed = 0.0
        self.refused: Counter[str] = Counter()  # requests since the start, by code
        self._noted: Counter[str] = Counter()  # of them, those that were told

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
        prompt = self.checked_prompt(prompt)
        voter = self.keys.voter(session)
        self._room_for(voter, network)
        self._must_be_offered(prompt)
        messages = [Message("user", prompt, images)]
        draw, seed = self._draw(self.roster.candidates(messages), messages, images)
        example = None if images else self._examples.get(prompt)  # with an image it is another prompt
        example = example or Example(prompt, language=detect_language(prompt))
        self._not_too_often(voter, network)
        running = self.begin(voter, draw, seed, example, images=images)[0]
        running.network = network
        return running.battle

    def must_allow(self, mode: Mode) -> None:
        """Raise Refusal where the organiser has not switched a way to compare on."""
        if mode not in self.modes:
            raise Refusal(403, "mode_off", _OFF[mode])

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The ways to compare; of a list of prompts no conversation can come."""
        return tuple(one for one in self.settings.modes if one != "direct" or self.roster.typed)

    def drop_talks(self, voter: str) -> None:
        """Forget what a visitor said to models alone."""
        for key in [key for key, talk in self.talks.items() if talk.voter == voter]:
            self.talks.pop(key).stop.set()

    def admit(self, voter: str, network: str) -> None:
        """Count an answer outside battles that is about to begin, or refuse it where there is no place."""
        self._room_for(voter, network)
        self._not_too_often(voter, network)

    def start_named(
        self,
        session: str,
        prompt: str,
        models: Sequence[str],
        images: tuple[ImagePart, ...] = (),
        network: str = "",
    ) -> Battle:
        """Let models answer that somebody chose, and whose names they see: their vote does not count."""
        self.must_allow("named")
        prompt = self.checked_prompt(prompt)
        voter = self.keys.voter(session)
        self._room_for(voter, network)
        self._must_be_offered(prompt)
        if not 2 <= len(models) <= MOST_NAMED or len(set(models)) < len(models):
            raise Refusal(422, "bad_models", "Choose two to four different models.")
        messages = [Message("user", prompt, images)]
        chosen = tuple(self.able(name, messages) for name in models)
        pairs = len(chosen) * (len(chosen) - 1) // 2
        draw = Draw(chosen, NAMED_POLICY, 1, 1.0, (1.0,) * pairs)
        example = None if images else self._examples.get(prompt)
        example = example or Example(prompt, language=detect_language(prompt))
        self._not_too_often(voter, network)
        running = self.begin(voter, draw, 0, example, images=images)[0]
        running.network = network
        return running.battle

    def able(self, name: str, messages: Sequence[Message]) -> Contestant:
        """A model that somebody chose, if it can answer this conversation now."""
        found = self.offered.get(name)
        if found is None:
            raise Refusal(422, "no_model", "A model that you chose is not here any more. Choose another one.")
        if not found.backend.accepts(messages):
            sentence = (
                f"{found.card.display_name} cannot answer this now. Choose another model, or another prompt."
            )
            raise Refusal(503 if found.outage else 422, "unable", sentence)
        return found

    @property
    def offered(self) -> dict[str, Contestant]:
        """The models that may be chosen by name: all but the paused."""
        return {one.card.name: one for one in self.matchmaker.drawable(self.roster.contestants)}

    def _must_be_offered(self, prompt: str) -> None:
        if not self.roster.typed and prompt not in self._examples:
            raise Refusal(
                422, "unknown_prompt", "This arena compares recorded answers: choose a prompt of its list."
            )

    def start_queued(
        self, session: str, prompt: str, told: Collection[str], after: str | None, network: str = ""
    ) -> Running:
        """Draw models for a prompt of the list, none of those whose names its voter was `told` for it.

        Args:
            session: who judges.
            prompt: of an example.
            told: names of models.
            after: the battle of the list that was judged before.
            network: as for `start`.
        """
        voter = self.keys.voter(session)
        self._room_for(voter, network)
        messages = [Message("user", prompt.strip())]
        fresh = tuple(one for one in self.roster.candidates(messages) if one.card.name not in told)
        draw, seed = self._draw(fresh, messages, ())
        self._not_too_often(voter, network)
        running, _ = self.begin(voter, draw, seed, self._examples[prompt])
        running.queued, running.after, running.network = True, after, network
        return running

    def queued(self, session: str) -> Running | None:
        """The battle that came to somebody by itself, and waits for the vote."""
        voter, going = self.keys.voter(session), (State.STREAMING, State.READY)
        mine = (one for one in self._battles.values() if one.queued and one.battle.voter == voter)
        return next((one for one in mine if one.battle.state in going), None)

    def battles_of(self, voter: str) -> Iterator[Battle]:
        """The battles of a voter that are in memory."""
        return (one.battle for one in self._battles.values() if one.battle.voter == voter)

    @property
    def answerers(self) -> Mapping[str, frozenset[str]]:
        """The names of those that can be drawn for each prompt of the list.

        Of recordings that follows from the file; a server that is out may be back when it is asked.
        """
        if self._answerers is None:
            drawn = self.matchmaker.drawable(self.roster.contestants)
            self._answerers = {
                prompt: frozenset(
                    one.card.name
                    for one in drawn
                    if not isinstance(one.backend, RecordedAnswers)
                    or one.backend.accepts([Message("user", prompt)])
                )
                for prompt in self._examples
            }
        return self._answerers

    def _draw(
        self, candidates: Sequence[Contestant], messages: Sequence[Message], images: tuple[ImagePart, ...]
    ) -> tuple[Draw, int]:
        """Who of the candidates meets whom, and the seed of that lot."""
        twins = {one.card.name: twin for one in candidates if (twin := one.twin(messages))}
        seed = self._random.getrandbits(48)
        try:
            drawn = self.matchmaker.draw(
                candidates, self.settings.answers, Random(seed), self._awaited(), twins
            )
        except ValueError:
            self._must_be_readable(candidates, images)
            raise Refusal(503, "no_models", self._too_few_sentence(candidates, images)) from None
        return drawn, seed

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
        self._battles[battle.id] = running = Running(battle, blind=not battle.named)
        battle.ask(example.prompt, images)
        self.tally["started"] += 1
        self._let_go(voter, images)
        written = self._keep(
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
        running = self._own(session, battle_id)
        battle = running.battle
        prompt = self.checked_prompt(prompt)
        if not self.may_ask(battle):
            raise Refusal(409, "no_turn", "This battle takes no further prompt now.")
        if images and not self.most_images(battle):
            raise Refusal(422, "no_images", NO_IMAGES)
        if not all(
            side.contestant.backend.accepts(_continued(side, prompt, images)) for side in battle.judged
        ):
            raise Refusal(422, "long_prompt", self._too_long_sentence(images, conversation=True))
        self._room_for(battle.voter, running.network)
        battle.ask(prompt, images)
        self._let_go(battle.voter, images)
        now = datetime.now(UTC)
        self._keep(running, TurnRecord(battle.id, battle.turn, prompt, now, _attached(images)))
        running.stop = asyncio.Event()
        running.stop_one.clear()
        self._play(running)
        return battle

    def examples(self, most: int) -> list[Example]:
        """The prompts to offer: all of them, or so many drawn by lot, in the order of the list."""
        offered = self.roster.examples
        if len(offered) <= most:
            return list(offered)
        return [offered[at] for at in sorted(SystemRandom().sample(range(len(offered)), most))]

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
            able = self.roster.typed and len(self.matchmaker.drawable(seeing)) >= self.settings.answers
        return self.settings.images if able else 0

    def room_for_image(self, session: str) -> str:
        """The voter, if another image may be attached now."""
        voter = self.keys.voter(session)
        most = IMAGES_A_MINUTE * self.settings.images
        wait = self.attachments.seconds_until_room(voter, most)
        if wait:
            sentence = Sentence(
                "You attached {most} images in {window} seconds. Wait {seconds} seconds.",
                most=most,
                window=round(RATE_SECONDS),
                seconds=ceil(wait),
            )
            raise Refusal(429, "too_many_images", sentence)
        return voter

    def image(self, session: str, sha256: str, battle_id: str | None = None) -> CleanImage | ImagePart:
        """An image that one has attached, or asked with in a battle."""
        voter = self.keys.voter(session)
        mine = [self._own(session, battle_id)] if battle_id else self._battles.values()
        asked = (
            part for one in mine if one.battle.voter == voter for turn in one.battle.images for part in turn
        )
        found = self.attachments.held(voter, sha256) or next((p for p in asked if p.sha256 == sha256), None)
        if found is None:
            raise Refusal(404, "no_image", "An image is not here any more. Remove it, and attach it again.")
        return found

    async def keep_images(
        self, session: str, images: Sequence[tuple[str, str | None]], battle_id: str | None = None
    ) -> tuple[ImagePart, ...]:
        """Keep the images of a prompt that is about to be asked; they are on the disk when this returns.

        Args:
            session: whose they are.
            images: the hash of each, and what was written of it.
            battle_id: of the battle that goes on with them; a new one, if left out.
        """
        most = self.most_images(self._own(session, battle_id).battle if battle_id else None)
        if images and not most:
            raise Refusal(422, "no_images", NO_IMAGES)
        if len(images) > most:
            sentence = Sentence(
                "A prompt takes up to {count} image. Remove some.",
                "A prompt takes up to {count} images. Remove some.",
                count=most,
            )
            raise Refusal(422, "too_many_images", sentence)
        found = [self.image(session, sha256) for sha256, _ in images]
        try:
            await self.attachments.keep([one for one in found if isinstance(one, CleanImage)])
        except AgonError as error:
            tell(f"an image could not be kept: {error}", "image_not_kept", error=type(error).__name__)
            raise Refusal(
                503, "not_kept", "The images could not be kept. Try again, or remove them."
            ) from error
        alts = [" ".join((alt or "").split())[:LONGEST_ALT] or None for _, alt in images]
        given = zip(images, alts, strict=True)
        return tuple(self.attachments.part(AttachedImage(sha256, alt)) for (sha256, _), alt in given)

    async def must_be_fit(self, prompt: str) -> None:
        """Refuse a prompt that moderation does not take; those that are offered are the organiser's."""
        moderation, prompt = self.settings.moderation, prompt.strip()
        if moderation is None or prompt in self._examples or len(prompt) > self.settings.longest_prompt:
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
            for side in self._own(session, battle_id).battle.judged
            if isinstance(side.contestant.backend, Measuring)
        )

    async def skip(self, session: str, battle_id: str, reason: str) -> Battle:
        """Leave a battle without a vote, in a study or a list; the reason is in the log when this returns."""
        running = self._own(session, battle_id)
        battle = running.battle
        if battle.state not in (State.STREAMING, State.READY):
            raise Refusal(409, "not_open", "This one is judged or skipped already. Go on with the next.")
        if running.task is not None:
            running.task.cancel()
            await asyncio.gather(running.task, return_exceptions=True)
        battle.void(SKIPPED)
        self._over(running)
        try:
            await self._write_again(running)
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
        running = self._own(session, battle_id)
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
        return self._own(session, battle_id)

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
        running = self._own(session, battle_id)
        battle = running.battle
        if not self.keys.may_vote(token, battle.id, turn, session):
            raise Refusal(
                403, "bad_token", "This vote does not carry the right of this battle. Reload the page."
            )
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
            network=self._days_hash.of(network) if self.settings.networks else None,
        )
        running.keeping = asyncio.create_task(self._keep_vote(running, record))
        await asyncio.shield(running.keeping)
        return running

    def names_shown(self, battle: Battle) -> bool:
        """Whether the voter of a battle was told before who wrote one of its answers, or chose its models.

        A recorded answer comes again word by word, and the vote on the battle before named its model.
        """
        if not self.settings.reveal:
            return False
        told = self._told_now(battle.voter).get(battle.prompts[0], set())
        return bool(told & set(battle.models)) or self.log.names_shown(
            battle.id, battle.voter, battle.prompts[0], battle.first_answers
        )

    def names_told(self, voter: str) -> Mapping[str, set[str]]:
        """Of whom somebody was told that they wrote an answer to each prompt."""
        told = self.log.names_told(voter)
        for prompt, models in self._told_now(voter).items():
            told.setdefault(prompt, set()).update(models)
        return told

    def _told_now(self, voter: str) -> dict[str, set[str]]:
        """The same of what runs under names: the log may learn of it a moment later."""
        told: dict[str, set[str]] = {}
        for battle in self.battles_of(voter):
            for prompt in battle.prompts if battle.named else ():
                told.setdefault(prompt, set()).update(battle.models)
        for talk in self.talks.values():
            for prompt in talk.asked if talk.voter == voter else ():
                told.setdefault(prompt, set()).add(talk.contestant.card.name)
        return told

    async def change(self, session: str, battle_id: str) -> ScoreChange | None:
        """What the vote of one's battle changed: the boards just before and just after it.

        None where there is no vote, or no board; whatever goes wrong here, the vote is in the log.
        """
        running = self._own(session, battle_id)
        number = running.number
        if running.battle.state is not State.VOTED or number is None or not running.counted:
            return None
        models = tuple(side.contestant.card.name for side in running.battle.judged)
        try:
            return await asyncio.to_thread(
                lambda: change_of_scores(self._board_upto(number - 1), self._board_upto(number), models)
            )
        except Exception as error:
            tell(f"what a vote changed could not be computed: {type(error).__name__}: {error}")
            return None

    @property
    def unavailable(self) -> dict[str, str]:
        """The models that cannot answer, and how they failed: their server, or their last answer of a battle
        that is over."""
        out = {one.card.name: one.outage for one in self.roster.contestants}
        return self._unable | {name: one.failure.kind for name, one in out.items() if one and one.failure}

    @property
    def answering(self) -> tuple[Contestant, ...]:
        """The models that are not unavailable."""
        unable = self.unavailable
        return tuple(one for one in self.roster.listed if one.card.name not in unable)

    def reconfigure(self, roster: Roster, settings: ArenaSettings) -> None:
        """Go on with other models, examples, policy and limits; battles that were drawn stay as they are.

        Raises:
            InputError: a name looks like another one of the log, or a model is asked otherwise than before.
        """
        names = [one.card.name for one in roster.contestants]
        self.log.check_models(names)
        self._unlisted = self.log.unlisted()
        self._must_be_new(roster)
        self._known.take(roster.contestants, self.endings.all_asked())
        self.log.share_document(CONTESTANTS_FILE)
        self._retired += self.roster.contestants
        self.roster, self.settings = roster, settings
        self._examples, self._answerers = {example.prompt: example for example in roster.examples}, None
        self._contestants |= {one.card.name: one for one in roster.contestants}
        self.matchmaker = self._new_matchmaker()
        self._enrol()
        self._unable = {name: kind for name, kind in self._unable.items() if name in names}

    def pause(self, names: Collection[str]) -> None:
        """Draw all but these from now on, until the configuration is read again.

        Raises Refusal: too few are left.
        """
        left = len([one for one in self.roster.listed if one.card.name not in names])
        if left < self.settings.answers:
            sentence = (
                f"Nothing was changed: a battle needs {self.settings.answers} models, and {left} "
                "would be left."
            )
            raise Refusal(409, "too_few", sentence)
        self.settings = replace(self.settings, paused=tuple(sorted(names)))
        self.matchmaker = self._new_matchmaker()
        self._enrol()
        self._answerers = None

    def _new_matchmaker(self) -> Matchmaker:
        """One for the models and settings of now, which has learned nothing yet."""
        everyone, allowed = [one.card.name for one in self.roster.contestants], self.settings
        shares = allowed.same_model, allowed.testing_share
        return Matchmaker(allowed.policy, everyone, allowed.paused, *shares)

    @property
    def hidden(self) -> frozenset[str]:
        """The models that no page may name: in testing, or taken out of it without having been listed."""
        listed = {one.card.name for one in self.roster.listed}
        testing = {one.card.name for one in self.roster.contestants if one.status == "testing"}
        return frozenset(testing | (self._unlisted - listed))

    def called(self, model: str) -> str:
        """The name by which whoever is no operator knows a model."""
        return IN_TESTING if model in self.hidden else model

    def _must_be_new(self, roster: Roster) -> None:
        """Refuse to test what was listed: votes that count would not be counted any more, in silence.

        Raises:
            ListedModelError: such a model.
        """
        for name in self.log.listed_once():
            if any(one.card.name == name and one.status == "testing" for one in roster.contestants):
                raise ListedModelError(
                    f"The log has {plain(name)!r} as a listed model, and votes on it count, so that it is in "
                    'testing no more; write status = "retired", or give what is tested a name of its own, '
                    f"such as {plain(name) + '-2'!r}."
                )

    def _enrol(self) -> None:
        """Write into the log what became of the models since that was written last."""

        def done(written: Future[Receipt]) -> None:
            if (error := written.exception()) is not None:
                tell(f"what became of the models could not be written: {error}", "roster_not_written")

        known, paused = self.log.statuses(), self.settings.paused
        now: dict[str, ModelStatus] = {
            one.card.name: "paused" if one.status == "listed" and one.card.name in paused else one.status
            for one in self.roster.contestants
        }
        now |= {name: "retired" for name in known if name not in now}
        changed = {name: status for name, status in now.items() if known.get(name) != status}
        if changed:
            self.log.write(RosterRecord(changed, datetime.now(UTC))).add_done_callback(done)

    @property
    def places_taken(self) -> int:
        """How many battles are answered now."""
        return sum(one.battle.state is State.STREAMING for one in self._battles.values())

    def answers_from(self, place: object) -> bool:
        """Whether a battle waits for an answer from a server."""
        return any(
            running.battle.state is State.STREAMING and side.contestant.backend.route().place is place
            for running in self._battles.values()
            for side in running.battle.judged
        ) or any(
            talk.streaming and talk.contestant.backend.route().place is place for talk in self.talks.values()
        )

    async def ask_models(self) -> None:
        """Ask every model for the beginning of an answer, and name those that cannot give one."""
        try:
            failed = await self.roster.unavailable()
        except Exception as error:
            tell(f"the models could not be asked whether they answer: {type(error).__name__}: {error}")
            return
        for name, failure in failed.items():
            self._unable[name] = failure.kind
            tell(
                f"{name} cannot answer now ({failure.kind}): {failure.detail}",
                "model_unavailable",
                model=name,
                why=failure.kind,
            )
        if len(self.answering) < 2:
            tell("every battle is void until two models can answer.", "too_few_models")

    # --- what is over ------------------------------------------------------------------------------------

    def past(self, battle_id: str) -> Running | None:
        """A battle of the log with its vote, however old it is; None where there is none."""
        found = self._battles.get(battle_id)
        if found is not None and found.battle.state is State.VOTED:
            return found
        found = self._resumed(battle_id, old=True)
        return found if found is not None and found.battle.state is State.VOTED else None

    def mark_withdrawn(self, battle_ids: Sequence[str]) -> None:
        """Let the pages of battles know that their votes count no more."""
        for battle_id in battle_ids:
            if (running := self._battles.get(battle_id)) is not None:
                running.withdrawn = True

    def running(self) -> list[Running]:
        """The battles that are in memory now."""
        return list(self._battles.values())

    def streaming(self, voter: str) -> list[str]:
        """The battles of a voter in which answers are being written."""
        return [
            key
            for key, running in self._battles.items()
            if running.battle.voter == voter and running.battle.state is State.STREAMING
        ]

    async def forget(self, battle_ids: Sequence[str]) -> None:
        """Let battles go whose texts are to be erased, ending what is being written."""
        for battle_id in battle_ids:
            running = self._battles.pop(battle_id, None)
            if running is None:
                continue
            if running.keeping is not None:
                await asyncio.gather(asyncio.shield(running.keeping), return_exceptions=True)
            if running.task is not None:
                running.task.cancel()
                await asyncio.gather(running.task, return_exceptions=True)
            running.unwritten.clear()
            if running.battle.state in (State.STREAMING, State.READY):
                running.battle.void(ERASED_SINCE)
                self._over(running)

    async def _erase_left(self) -> None:
        """Take texts that were erased out of all files, not more often than it is cheap."""
        if not self.log.erasing or monotonic() < self._next_erasing:
            return
        began = monotonic()
        try:
            removed = await asyncio.to_thread(self.log.finish_erasing)
        finally:
            self._next_erasing = monotonic() + ERASING_SHARE * (monotonic() - began)
        if removed:
            tell(f"copies that held erased texts were removed: {', '.join(removed)}.")

    async def _retain(self) -> None:
        """Erase the texts that are older than this arena keeps any."""
        if self.settings.retention_days is None:
            return
        before = datetime.now(UTC) - timedelta(days=self.settings.retention_days)
        battles = await asyncio.to_thread(lambda: self.log.unerased(before=before))
        if battles:
            await self.forget(battles)
            await asyncio.to_thread(lambda: self.log.erase(battles, "retention"))
            tell(f"the texts of {len(battles):,} battles were erased: they are older than retention_days.")

    # --- boards ------------------------------------------------------------------------------------------

    def comparisons(self, chosen: Mapping[str, str]) -> Comparisons | None:
        """The votes so far that have these values of these labels; None without one."""
        try:
            return self.log.comparisons(chosen)
        except SourceError:
            return None

    # --- life --------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin the chores: forgotten battles, snapshots for other processes, the first one now."""
        try:
            await self._snapshot()  # a process that was killed left none of its last votes
        except AgonError as error:
            tell(f"the snapshot of the votes failed, and is tried again: {error}")
        self._enrol()
        self._chores = [
            asyncio.create_task(self._repeat("looking after battles", 1.0, self._look_after)),
            asyncio.create_task(
                self._repeat("the snapshot of the votes", self.settings.snapshot_every, self._snapshot)
            ),
            asyncio.create_task(self._warm_up()),
            asyncio.create_task(self._repeat("erasing texts", 2.0, self._erase_left)),
            asyncio.create_task(self._repeat("erasing old texts", RETENTION_SECONDS, self._retain, now=True)),
        ]
        self._chores.append(asyncio.create_task(self._repeat("counting refusals", 60.0, self._note_refusals)))
        what = "learning from votes whom to draw"
        try:
            await self._learn()
        except AgonError as error:
            tell(f"{what} failed, and is tried again: {error}")
        self._chores.append(asyncio.create_task(self._repeat(what, self.settings.learn_every, self._learn)))

    async def close(self) -> None:
        """Keep the votes that were cast, end what streams, give back connections."""
        keeping = [running.keeping for running in self._battles.values() if running.keeping]
        await asyncio.gather(*keeping, return_exceptions=True)
        tasks = [running.task for running in self._battles.values() if running.task]
        tasks += [talk.task for talk in self.talks.values() if talk.task]
        for task in (*tasks, *self._chores):
            task.cancel()
        await asyncio.gather(*tasks, *self._chores, return_exceptions=True)
        for contestant in (*self.roster.contestants, *self._retired):
            await contestant.backend.close()
        await self._note_refusals()

    # --- inside ------------------------------------------------------------------------------------------

    async def _keep_vote(self, running: Running, vote: VoteRecord) -> None:
        """Write a vote that was cast, behind whatever of its battle the log could not take before."""
        battle = running.battle
        try:
            await self._write_again(running)
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
            self._over(running)
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
        self._over(running)

    async def _write_again(self, running: Running) -> None:
        while running.unwritten:
            with suppress(Conflict):  # it was written after all
                await asyncio.wrap_future(self.log.write(running.unwritten[0]))
            running.unwritten.pop(0)

    def _over(self, running: Running) -> None:
        """Count how the answers of a battle ended: not before, or a public page would tell whose they are."""
        before = len(self.answering)
        for model, failure in running.ends:
            self.endings.add(model, failure)
            if failure is None:
                self._unable.pop(model, None)
            elif failure not in OF_THE_PROMPT:
                self._unable[model] = failure
        running.ends.clear()
        if len(self.answering) < 2 <= before:
            tell("every battle is void until two models can answer.", "too_few_models")

    def _board_upto(self, number: int) -> Leaderboard | None:
        """The board of the votes up to a number; None if there is none to compute."""
        try:
            return rank(self.log.comparisons(upto=number), "bradley_terry", interval="none")
        except AgonError:
            return None

    def _too_few_sentence(self, candidates: Sequence[Contestant], images: Sequence[ImagePart]) -> str:
        """Why nobody can be drawn for a prompt."""
        left = len(self.matchmaker.drawable(candidates))
        out = [one.outage for one in self.roster.contestants if one not in candidates and one.outage]
        if out:
            who = Sentence("No two models can answer now: the others are out.")
            if self.settings.answers > 2:
                who = Sentence(
                    "A battle needs {needed} models, and {able} can answer now: the others are out.",
                    needed=self.settings.answers,
                    able=left or Sentence("none"),
                )
            seconds = max(1, min(one.seconds_left for one in out))
            if seconds < 100:
                return in_turn(
                    who, Sentence("The next one is looked for in {seconds} seconds.", seconds=seconds)
                )
            minutes = round(seconds / 60)
            return in_turn(who, Sentence("The next one is looked for in {minutes} minutes.", minutes=minutes))
        who = Sentence("No two models can answer this prompt now.")
        if self.settings.answers > 2:
            who = Sentence(
                "A battle needs {needed} models, and {able} can answer this prompt now.",
                needed=self.settings.answers,
                able=left or Sentence("none"),
            )
        if images:
            return in_turn(who, Sentence("Remove the images, or come back in a minute."))
        return in_turn(who, Sentence("Try another prompt, or come back in a minute."))

    def _must_be_readable(self, candidates: Sequence[Contestant], images: tuple[ImagePart, ...]) -> None:
        """Raise Refusal if a shorter prompt would have found enough models."""
        anything = self.roster.candidates([Message("user", "?", images)])
        able = [one for one in anything if isinstance(one.backend, Measuring) or one in candidates]
        if len(self.matchmaker.drawable(able)) >= self.settings.answers:
            raise Refusal(422, "long_prompt", self._too_long_sentence(images, conversation=False))

    def _too_long_sentence(self, images: Sequence[ImagePart], *, conversation: bool) -> Sentence:
        """That models cannot read so much, how much they can if they say so, and what would be less."""
        backends = [one.backend for one in self.roster.contestants]
        known = [one.context for one in backends if isinstance(one, Measuring) and one.context]
        most = max(known, default=0)
        if conversation and known:
            what = Sentence(
                "With this prompt the conversation is longer than these models can read ({most} tokens).",
                most=most,
            )
        elif conversation:
            what = Sentence("With this prompt the conversation is longer than these models can read.")
        elif known:
            what = Sentence("The prompt is longer than these models can read ({most} tokens).", most=most)
        else:
            what = Sentence("The prompt is longer than these models can read.")
        if conversation and images:
            less = Sentence(
                "Shorten it or send fewer images, which count as {tokens} tokens each, or vote on what is "
                "there.",
                tokens=IMAGE_TOKENS,
            )
        elif conversation:
            less = Sentence("Shorten it, or vote on what is there.")
        elif images:
            less = Sentence(
                "Shorten it or send fewer images, which count as {tokens} tokens each.", tokens=IMAGE_TOKENS
            )
        else:
            less = Sentence("Shorten it.")
        return in_turn(what, less)

    def _let_go(self, voter: str, images: Sequence[ImagePart]) -> None:
        """Hold images no longer that a prompt has."""
        for image in images:
            self.attachments.let_go(voter, image.sha256)

    def checked_prompt(self, prompt: str) -> str:
        """A prompt without the space around it, if it is neither empty nor too long."""
        prompt = prompt.strip()
        longest = self.settings.longest_prompt
        if not prompt:
            raise Refusal(422, "empty_prompt", "Write a prompt first.")
        if len(prompt) > longest:
            sentence = Sentence(
                "The prompt has {characters} characters; this arena takes up to {longest}. Shorten it.",
                characters=len(prompt),
                longest=longest,
            )
            raise Refusal(422, "long_prompt", sentence)
        return prompt

    def _room_for(self, voter: str, network: str = "") -> None:
        """Refuse a battle for which there is no place, or none for who has some already when few are left."""
        streaming = [one for one in self._battles.values() if one.battle.state is State.STREAMING]
        talking = [talk for talk in self.talks.values() if talk.streaming]
        voters = [*(one.battle.voter for one in streaming), *(talk.voter for talk in talking)]
        own = voters.count(voter)
        networks = [*(one.network for one in streaming), *(talk.network for talk in talking)]
        near = networks.count(network) if network else 0
        allowed = self.settings
        if own >= allowed.running_per_voter:
            sentence = Sentence(
                "You have {count} battle running. Finish or stop one first.",
                "You have {count} battles running. Finish or stop one first.",
                count=allowed.running_per_voter,
            )
            raise Refusal(429, "too_many_battles", sentence)
        if near >= allowed.running_per_network:
            sentence = Sentence(
                "{battles} battles run from your network. Your prompt is kept: try again in a minute.",
                battles=near,
            )
            raise Refusal(429, "full_network", sentence)
        taken = len(streaming) + len(talking)
        scarce = allowed.running - taken <= allowed.running // KEPT_BACK
        if taken >= allowed.running or (scarce and (own or near)):
            raise Refusal(
                503, "full", "The arena is full at the moment. Your prompt is kept: try again in a minute."
            )

    def _not_too_often(self, voter: str, network: str) -> None:
        """Count a battle that is about to begin, or refuse it where a session or a network began too many."""
        allowed, (voters, networks) = self.settings, self._hourly
        if wait := voters.seconds_until(voter, allowed.hourly_per_voter):
            sentence = Sentence(
                "You began {battles} battles within the hour. Your prompt is kept: try again in {minutes} "
                "minutes.",
                battles=allowed.hourly_per_voter,
                minutes=max(ceil(wait / 60), 2),
            )
            raise Refusal(429, "too_often", sentence)
        if network and (wait := networks.seconds_until(network, allowed.hourly_per_network)):
            sentence = Sentence(
                "Visitors from your network began {battles} battles within the hour. Your prompt is kept: "
                "try again in {minutes} minutes.",
                battles=allowed.hourly_per_network,
                minutes=max(ceil(wait / 60), 2),
            )
            raise Refusal(429, "too_often", sentence)

    def _own(self, session: str, battle_id: str) -> Running:
        running = self._battles.get(battle_id)
        if running is not None and self._goes_on_elsewhere(running):
            running = None
        running = running or self._resumed(battle_id)
        if running is None or running.battle.voter != self.keys.voter(session):
            raise Refusal(404, "no_battle", "This battle is over or was never yours. Start a new one.")
        self._battles[battle_id] = running
        running.touched = monotonic()
        return running

    def _goes_on_elsewhere(self, running: Running) -> bool:
        """Whether another process wrote of a battle since, so that the log knows better how it stands."""
        if not self.log.moved_on(running.battle.id):
            return False
        return running.keeping is None and running.battle.state is not State.STREAMING

    def _resumed(self, battle_id: str, *, old: bool = False) -> Running | None:
        """A battle from before this process was started; None if the log has none, or an old one and that
        is not wanted."""
        try:
            records = self._records(battle_id)
            number = self.log.vote_number(battle_id) if records else None
            withdrawn = number is not None and self.log.withdrawn(battle_id)
        except StoreAwayError as error:
            raise Refusal(
                503,
                "store_away",
                "This battle cannot be looked up now. Nothing is lost: try again in a moment.",
            ) from error
        except AgonError as error:
            tell(f"a battle could not be read again: {error}")
            return None
        battle = resume_battle(records, self._contestant, self.attachments.part)
        oldest = datetime.now(UTC) - timedelta(seconds=self.settings.kept)
        in_a_study = any(isinstance(record, BattleRecord) and record.assignment for record in records)
        if battle is None or (battle.created < oldest and not in_a_study and not old):
            return None
        uncounted = battle.state is State.READY
        answers = [record for record in records if uncounted and isinstance(record, GenerationRecord)]
        votes = [record for record in records if isinstance(record, VoteRecord)]
        blind = not battle.named and all(vote.blind for vote in votes)
        ends = [(made.model, made.failure) for made in answers]
        return Running(battle, number=number, blind=blind, withdrawn=withdrawn, ends=ends)

    def _records(self, battle_id: str) -> list[Record]:
        """What the log has of a battle; where several processes share it, also what came a moment ago.

        Raises Refusal: another process is at it.
        """
        records = self.log.records(battle_id)
        if not self.log.shared or any(isinstance(one, VoteRecord | SkipRecord) for one in records):
            return records
        if monotonic() - self._followed > FOLLOWED_SECONDS:  # whoever guesses addresses costs no more
            self._followed = monotonic()
            self.log.follow()
            records = self.log.records(battle_id)
        battle = resume_battle(records, self._contestant, self.attachments.part)
        if battle is not None and battle.reason == CLOSED and self.log.written_elsewhere(battle_id):
            raise Refusal(409, "elsewhere", "The answers are still being written. Reload in a moment.")
        return records

    def _contestant(self, model: str) -> Contestant:
        """A model of this arena, or one that was in it once: it has a name, and answers no more."""
        gone = RecordedAnswers({}, words_per_second=0)
        found = self._contestants.get(model) or Contestant(ModelCard(model, model), gone)
        return replace(found, card=found.card.covered) if model in self.hidden else found

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
            fresh = [one for one in self.matchmaker.drawable(everyone) if one.card.name not in tried]
            refused[0] += ended.generation.failure == "overloaded"
            if refused[0] > 1:  # more requests would only make more load
                return None
            place = self._contestant(ended.model).backend.route().place
            elsewhere = [one for one in fresh if one.backend.route().place is not place]
            fresh = elsewhere or fresh
            drawn = substitute(fresh, Random(f"{battle.seed}:{len(tried)}"))
            if drawn is None:
                return None
            contestant, probability = drawn
            tried.add(contestant.card.name)
            now = datetime.now(UTC)
            replaced = ReplacementRecord(battle.id, ended.slot, contestant.card.name, probability, now)
            self._keep(running, replaced)
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
                record=lambda ended: self._keep_generation(running, ended),
            )
        except Exception as error:
            battle.void("the arena failed")
            broken = type(error).__name__
            tell(f"a battle broke off: {broken}: {error}", "battle_broken", error=broken)
        finally:
            if battle.state is State.VOID:
                self.tally["void"] += 1
                note("battle_void", failures=[end for end in running.ends if end[1]])
                self._over(running)
            elif battle.state is State.READY and battle.turn == 1:
                self.tally["ready"] += 1

    def _keep_generation(self, running: Running, ended: AnswerEnd) -> None:
        made = ended.generation
        running.ends.append((ended.model, made.failure))
        if made.failure is not None:
            self._tell_failure(ended.model, made)
        self._keep(
            running,
            GenerationRecord(
                battle_id=ended.battle.id,
                turn=ended.turn,
                slot=ended.slot,
                model=ended.model,
                text=made.text,
                tokens=made.tokens,
                seconds=made.seconds,
                created=ended.moment,
                time_to_first_token=made.time_to_first_token,
                tokens_per_second=made.tokens_per_second,
                finish_reason=made.finish_reason,
                failure=made.failure,
                detail=made.detail,
                reasoning=made.reasoning or None,
                reasoning_tokens=made.reasoning_tokens if made.reasoning else None,
                masked=tuple(span.original for span in made.masked),
                waited=made.waited,
            ),
        )

    def _tell_failure(self, model: str, made: Generation) -> None:
        """Name a model's first failure, and every tenth, to whoever runs the arena."""
        self._failures[model] += 1
        times = self._failures[model]
        if times == 1 or times % 10 == 0:
            often = "" if times == 1 else f" for the {times}th time"
            sentence = f"{model} failed{often} ({made.failure}): {made.detail}"
            tell(sentence, "model_failed", model=model, why=made.failure, times=times)

    def _keep(self, running: Running, record: Record) -> Future[Receipt]:
        """Write without waiting; what could not be written is written before the vote."""

        def done(written: Future[Receipt]) -> None:
            error = written.exception()
            if error is not None:
                running.unwritten.append(record)
                self._tell_unwritten(error)

        written = self.log.write(record)
        written.add_done_callback(done)
        return written

    def _tell_unwritten(self, error: BaseException) -> None:
        """Say that the log takes no records: at the first and each hundredth, a battle having several."""
        if isinstance(error, UnknownBattle):  # its battle was not written, and that was said
            return
        self._unwritten += 1
        if self._unwritten % 100 == 1:
            often = "" if self._unwritten == 1 else f" ({self._unwritten:,} records so far)"
            sentence = f"{error} It is written before its vote{often}."
            tell(sentence, "record_not_written", records=self._unwritten)

    async def _repeat(
        self, what: str, every: float, work: Callable[[], Awaitable[None]], *, now: bool = False
    ) -> None:
        """Do a chore for as long as the arena is open; an error is told, and does not end it."""
        told = ""
        while True:
            await asyncio.sleep(0.0 if now else every)
            now = False
            try:
                await work()
                told = ""
            except Exception as error:
                if str(error) != told:
                    told = str(error)
                    kind = type(error).__name__
                    sentence = f"{what} failed, and is tried again: {told or kind}"
                    tell(sentence, "chore_failed", chore=what, error=kind)

    async def _look_after(self) -> None:
        now = monotonic()
        for key, running in list(self._battles.items()):
            idle = now - running.touched
            if running.watchers:
                running.touched = now
            elif running.battle.state is State.STREAMING and idle > self.settings.unwatched:
                running.stop_all()
            elif idle > self.settings.kept and running.keeping is None:
                self._over(running)
                del self._battles[key]
        for key, talk in list(self.talks.items()):
            if not talk.streaming and now - talk.touched > self.settings.kept:
                del self.talks[key]
        needed = {id(side.contestant) for running in self._battles.values() for side in running.battle.sides}
        needed |= {id(talk.contestant) for talk in self.talks.values()}
        for contestant in [one for one in self._retired if id(one) not in needed]:
            self._retired.remove(contestant)
            await contestant.backend.close()

    def _awaited(self) -> Iterator[tuple[str, ...]]:
        """The models of battles whose votes will be learned from, and may still come or came already."""
        now, learned = monotonic(), self.matchmaker.learned
        for running in self._battles.values():
            if running.battle.same_model or running.battle.testing or running.battle.named:
                continue
            waits = running.battle.state is not State.VOID and now - running.touched < AWAITED
            if running.number > learned if running.number is not None else waits:
                yield running.battle.models

    async def _learn(self) -> None:
        """Let a policy that learns do so from the votes of the log, if there are new ones."""
        if not self.settings.policy.learns:
            return
        number = await asyncio.to_thread(self.log.count)
        if number > self.matchmaker.learned:
            with suppress(SourceError):  # none of them counts
                votes = await asyncio.to_thread(lambda: self.log.comparisons(upto=number))
                await asyncio.to_thread(self.matchmaker.learn, votes, number)

    async def _note_refusals(self) -> None:
        """Tell which requests were refused since the last time, as counts."""
        fresh = self.refused - self._noted
        self._noted = self.refused.copy()
        if fresh:
            note("refused", counts=dict(fresh))

    async def _snapshot(self) -> None:
        await asyncio.to_thread(self.log.snapshot)
        if self.log.shared:  # what ended in other processes counts here, too
            before = datetime.now(UTC) - timedelta(seconds=self.settings.kept)
            self.endings = AnswerEndings(await asyncio.to_thread(self.log.endings, before))

    async def _warm_up(self) -> None:
        """Make ready what the first battle needs, the names to mask and the model that tells languages, and
        what boards import."""
        await asyncio.to_thread(IdentityMasker, self.roster.identities())  # a second of patterns
        problem = await asyncio.to_thread(detection_problem)
        if problem:
            tell(f"the languages of prompts are not told here, and stay empty: {problem}")
        for package in ("scipy.sparse", "scipy.special"):  # a quarter of a second of the first page
            await asyncio.to_thread(import_module, package)


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


def tell_as(form: LogFormat) -> None:
    """Let `tell` write lines of this form from now on."""
    _telling[0] = form


def tell(sentence: str, event: str = "notice", **facts: object) -> None:
    """One line for whoever runs the arena: the sentence, or as JSON what happened, with its facts.

    A sentence may hold what a server wrote, or an address; as JSON only that of a "notice" is told.
    """
    if _telling[0] == "text":
        print(f"agon: {plain(sentence)}", file=sys.stderr, flush=True)
        return
    told = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    if event == "notice":
        told["sentence"] = plain(sentence)
    print(json.dumps(told, ensure_ascii=False, default=str), file=sys.stderr, flush=True)


def note(event: str, **facts: object) -> None:
    """Tell as JSON what is told elsewhere, or not at all, where people read."""
    if _telling[0] == "json":
        tell("", event, **facts)


__all__ = [
    "Arena",
    "ArenaSettings",
    "IllegalMoveError",
    "Judgement",
    "LogFormat",
    "Mode",
    "Refusal",
    "Running",
    "ballot_of",
    "note",
    "tell",
    "tell_as",
]
