"""The models of an arena while it is open: who can be drawn, who cannot answer, who was here once.

The roster says what the organiser wrote; here is what became of it since: how answers ended, what was
paused, what the log knows of models that are gone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom

from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.battles.draw_refusals import no_draw
from agon.arena.core.endings import OF_THE_PROMPT, AnswerEndings
from agon.arena.core.language_id import detect_language
from agon.arena.core.matchmaking import Draw, Matchmaker
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.arena.core.roster import (
    IN_TESTING,
    Contestant,
    ContestantSettings,
    Example,
    ListedModelError,
    ModelCard,
    Roster,
)
from agon.data.log.records import ModelStatus, Receipt, RosterRecord
from agon.data.log.vote_log import CONTESTANTS_FILE, VoteLog
from agon.ranking.errors import SourceError
from agon.ranking.leaderboard.row import plain
from agon.serving.generation import Generation
from agon.serving.protocol import ImagePart, Message
from agon.serving.recorded import RecordedAnswers


class Contestants:
    """The models of one arena over one log, and the prompts that it offers them.

    Args:
        roster: at the opening.
        log: that knows which models were listed, and how their answers ended.
        settings: which policy draws, who is paused, how long battles without a vote are kept.

    Raises:
        InputError: a model is tested that votes count for, or is asked otherwise than before.
    """

    def __init__(self, roster: Roster, log: VoteLog, settings: ArenaSettings) -> None:
        self.roster, self._log = roster, log
        self._random = SystemRandom() if settings.seed is None else Random(settings.seed)
        self.examples = {example.prompt: example for example in roster.examples}
        self._answerers: dict[str, frozenset[str]] | None = None  # counted when somebody asks
        self._ever = {one.card.name: one for one in roster.contestants}
        self._unlisted = log.unlisted()
        self._must_be_new(roster)
        self.matchmaker = _new_matchmaker(roster, settings)
        self._failures: Counter[str] = Counter()
        left_alone = datetime.now(UTC) - timedelta(seconds=settings.kept)
        self.endings = AnswerEndings(log.endings(left_alone))
        self._retired: list[Contestant] = []  # whose connections battles may still need
        self._known = ContestantSettings(log.folder)
        self._known.take(roster.contestants, self.endings.all_asked())
        log.share_document(CONTESTANTS_FILE)
        self._unable: dict[str, str] = {}  # model → how its last answer failed, or the one at opening

    # --- who is here -------------------------------------------------------------------------------------

    @property
    def offered(self) -> dict[str, Contestant]:
        """The models that may be chosen by name: all but the paused."""
        return {one.card.name: one for one in self.matchmaker.drawable(self.roster.contestants)}

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

    def ever(self, model: str) -> Contestant:
        """A model of this arena, or one that was in it once: it has a name, and answers no more."""
        gone = RecordedAnswers({}, words_per_second=0)
        found = self._ever.get(model) or Contestant(ModelCard(model, model), gone)
        return replace(found, card=found.card.covered) if model in self.hidden else found

    @property
    def hidden(self) -> frozenset[str]:
        """The models that no page may name: in testing, or taken out of it without having been listed."""
        listed = {one.card.name for one in self.roster.listed}
        testing = {one.card.name for one in self.roster.contestants if one.status == "testing"}
        return frozenset(testing | (self._unlisted - listed))

    def called(self, model: str) -> str:
        """The name by which whoever is no operator knows a model."""
        return IN_TESTING if model in self.hidden else model

    def must_offer(self, prompt: str) -> None:
        """Raise Refusal for a prompt that is not of the list, where there is nothing else."""
        if not self.roster.typed and prompt not in self.examples:
            raise Refusal(
                422, "unknown_prompt", "This arena compares recorded answers: choose a prompt of its list."
            )

    def example_of(self, prompt: str, images: Sequence[ImagePart] = ()) -> Example:
        """What is known of a prompt: what the list says, or else its language."""
        example = None if images else self.examples.get(prompt)  # with an image it is another prompt
        return example or Example(prompt, language=detect_language(prompt))

    def choose_examples(self, most: int) -> list[Example]:
        """The prompts to offer: all of them, or so many drawn by lot, in the order of the list."""
        offered = self.roster.examples
        if len(offered) <= most:
            return list(offered)
        return [offered[at] for at in sorted(SystemRandom().sample(range(len(offered)), most))]

    # --- who answers -------------------------------------------------------------------------------------

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

    def count_ends(self, ends: list[tuple[str, str | None]]) -> None:
        """Count how the answers of a battle ended: not before, or a public page would tell whose they are."""
        before = len(self.answering)
        for model, failure in ends:
            self.endings.add(model, failure)
            if failure is None:
                self._unable.pop(model, None)
            elif failure not in OF_THE_PROMPT:
                self._unable[model] = failure
        ends.clear()
        if len(self.answering) < 2 <= before:
            tell("every battle is void until two models can answer.", "too_few_models")

    def tell_failure(self, model: str, made: Generation) -> None:
        """Name a model's first failure, and every tenth, to whoever runs the arena."""
        self._failures[model] += 1
        times = self._failures[model]
        if times == 1 or times % 10 == 0:
            often = "" if times == 1 else f" for the {times}th time"
            sentence = f"{model} failed{often} ({made.failure}): {made.detail}"
            tell(sentence, "model_failed", model=model, why=made.failure, times=times)

    async def recount_ends(self, kept: float) -> None:
        """Count anew how answers ended, those in other processes among them.

        Args:
            kept: seconds after which a battle without a vote is over.
        """
        before = datetime.now(UTC) - timedelta(seconds=kept)
        self.endings = AnswerEndings(await asyncio.to_thread(self._log.endings, before))

    # --- who is drawn ------------------------------------------------------------------------------------

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
                for prompt in self.examples
            }
        return self._answerers

    def draw(
        self,
        size: int,
        candidates: Sequence[Contestant],
        messages: Sequence[Message],
        images: tuple[ImagePart, ...],
        awaited: Iterable[Sequence[str]],
    ) -> tuple[Draw, int]:
        """Who of the candidates meets whom, and the seed of that lot.

        Args:
            size: how many meet.
            candidates: those that can answer.
            messages: what they are to answer.
            images: of the prompt.
            awaited: the models of battles whose votes may still come.
        """
        twins = {one.card.name: twin for one in candidates if (twin := one.twin(messages))}
        seed = self._random.getrandbits(48)
        try:
            drawn = self.matchmaker.draw(candidates, size, Random(seed), awaited, twins)
        except ValueError:
            raise no_draw(self.roster, self.matchmaker, size, candidates, images) from None
        return drawn, seed

    async def learn(self) -> None:
        """Let a policy that learns do so from the votes of the log, if there are new ones."""
        if not self.matchmaker.policy.learns:
            return
        number = await asyncio.to_thread(self._log.count)
        if number > self.matchmaker.learned:
            with suppress(SourceError):  # none of them counts
                votes = await asyncio.to_thread(lambda: self._log.comparisons(upto=number))
                await asyncio.to_thread(self.matchmaker.learn, votes, number)

    # --- what the organiser changes ----------------------------------------------------------------------

    def reconfigure(self, roster: Roster, settings: ArenaSettings) -> None:
        """Go on with other models, examples, policy and limits; battles that were drawn stay as they are.

        Raises:
            InputError: a name looks like another one of the log, or a model is asked otherwise than before.
        """
        names = [one.card.name for one in roster.contestants]
        self._log.check_models(names)
        self._unlisted = self._log.unlisted()
        self._must_be_new(roster)
        self._known.take(roster.contestants, self.endings.all_asked())
        self._log.share_document(CONTESTANTS_FILE)
        self._retired += self.roster.contestants
        self.roster = roster
        self.examples, self._answerers = {example.prompt: example for example in roster.examples}, None
        self._ever |= {one.card.name: one for one in roster.contestants}
        self.matchmaker = _new_matchmaker(self.roster, settings)
        self.enrol()
        self._unable = {name: kind for name, kind in self._unable.items() if name in names}

    def pause(self, names: Collection[str], settings: ArenaSettings) -> ArenaSettings:
        """Draw all but these from now on, until the configuration is read again; the settings with that.

        Raises Refusal: too few are left.
        """
        left = len([one for one in self.roster.listed if one.card.name not in names])
        if left < settings.answers:
            sentence = (
                f"Nothing was changed: a battle needs {settings.answers} models, and {left} would be left."
            )
            raise Refusal(409, "too_few", sentence)
        settings = replace(settings, paused=tuple(sorted(names)))
        self.matchmaker = _new_matchmaker(self.roster, settings)
        self.enrol()
        self._answerers = None
        return settings

    async def close_retired(self, needed: Collection[int]) -> None:
        """Give back the connections of models that are gone.

        Args:
            needed: the `id`s of those that a battle or a conversation may still ask.
        """
        for contestant in [one for one in self._retired if id(one) not in needed]:
            self._retired.remove(contestant)
            await contestant.backend.close()

    async def close(self) -> None:
        """Give back all connections."""
        for contestant in (*self.roster.contestants, *self._retired):
            await contestant.backend.close()

    def _must_be_new(self, roster: Roster) -> None:
        """Refuse to test what was listed: votes that count would not be counted any more, in silence.

        Raises:
            ListedModelError: such a model.
        """
        for name in self._log.listed_once():
            if any(one.card.name == name and one.status == "testing" for one in roster.contestants):
                raise ListedModelError(
                    f"The log has {plain(name)!r} as a listed model, and votes on it count, so that it is in "
                    'testing no more; write status = "retired", or give what is tested a name of its own, '
                    f"such as {plain(name) + '-2'!r}."
                )

    def enrol(self) -> None:
        """Write into the log what became of the models since that was written last."""

        def done(written: Future[Receipt]) -> None:
            if (error := written.exception()) is not None:
                tell(f"what became of the models could not be written: {error}", "roster_not_written")

        known, paused = self._log.statuses(), self.matchmaker.paused
        now: dict[str, ModelStatus] = {
            one.card.name: "paused" if one.status == "listed" and one.card.name in paused else one.status
            for one in self.roster.contestants
        }
        now |= {name: "retired" for name in known if name not in now}
        changed = {name: status for name, status in now.items() if known.get(name) != status}
        if changed:
            self._log.write(RosterRecord(changed, datetime.now(UTC))).add_done_callback(done)


def _new_matchmaker(roster: Roster, settings: ArenaSettings) -> Matchmaker:
    """One for these models and settings, which has learned nothing yet."""
    everyone = [one.card.name for one in roster.contestants]
    shares = settings.same_model, settings.testing_share
    return Matchmaker(settings.policy, everyone, settings.paused, *shares)
