"""What people are asked to agree to: before they did, nothing of theirs is kept or sent to anybody.

What is asked and who agreed stands in the log alone and is looked up there each time, so that what another
process of a store wrote counts here, and what somebody takes back holds at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.data.log.personal.consents import ConsentTexts, agrees, held_consents
from agon.data.log.records import ConsentRecord, ConsentTextsRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence

_NOT_YET = Sentence("Nothing was sent or kept: this arena asks you to agree to its text first.")
_CHANGED = Sentence(
    "The text that you agreed to was changed. Nothing is lost: read the new one, agree, and go on."
)


class ConsentMissing(Refusal):
    """Somebody did not agree to what is asked.

    Attributes:
        asked: the texts, to one of which they are to agree.
    """

    def __init__(self, asked: ConsentTexts, *, changed: bool) -> None:
        super().__init__(403, "no_consent", _CHANGED if changed else _NOT_YET)
        self.asked = asked


class Consents:
    """What is asked in one arena, and who agreed.

    Args:
        log: that knows.
    """

    def __init__(self, log: VoteLog) -> None:
        self._log = log

    @property
    def asked(self) -> ConsentTexts:
        """What is asked now."""
        return self._log.consent_asked()

    def ask(self, texts: Mapping[str, str]) -> None:
        """Ask for this from now on, unless it is what is asked already.

        Raises:
            LogError: it cannot be written.
        """
        if dict(texts) != dict(self.asked.texts):
            self._log.write(ConsentTextsRecord(dict(texts), datetime.now(UTC))).result()

    def given(self, voter: str) -> bool:
        """Whether somebody agrees to what is asked now, or nothing is."""
        asked = self.asked.hashes
        return not asked or agrees(self._log.consents_of(voter), asked)

    def must_hold(self, voter: str) -> None:
        """Raise ConsentMissing for whoever does not agree, as far as this process knows.

        Raises:
            Refusal: nobody can tell now, for the log cannot be read.
        """
        try:
            asked = self.asked
            said = self._log.consents_of(voter) if asked.texts else []
        except AgonError as error:  # what it says is for the operator
            tell(f"whether a visitor agreed cannot be looked up: {error}")
            raise _not_kept() from error
        if asked.texts and not agrees(said, asked.hashes):
            raise ConsentMissing(asked, changed=bool(held_consents(said)))

    async def must_be_given(self, voter: str) -> None:
        """Raise ConsentMissing for whoever does not agree, as far as any process knows."""
        try:
            self.must_hold(voter)
        except ConsentMissing:
            if not self._log.shared:
                raise
            await asyncio.to_thread(self._log.follow)
            self.must_hold(voter)

    async def say(self, voter: str, text: str, *, given: bool) -> None:
        """Keep that somebody agrees to a text, or takes everything back; it is in the log when this returns.

        Args:
            voter: the pseudonym of the person.
            text: SHA-256 of the text that the person read.
            given: whether they agree to it.

        Raises:
            Refusal: nobody was ever asked that, or there is nothing to take back.
            ConsentMissing: something else is asked by now.
        """
        await asyncio.to_thread(self._log.follow)
        asked, said = self.asked, self._log.consents_of(voter)
        held = held_consents(said)
        if text not in self._log.every_consent_text():
            raise Refusal(422, "no_text", "This arena never asked anybody to agree to this text.")
        if given and text not in asked.hashes:
            raise ConsentMissing(asked, changed=True)
        if not given and not held:
            raise Refusal(409, "not_given", "You agree to nothing here that could be taken back.")
        if given and text in held:
            return
        language = asked.hashes[text] if given else held.get(text, said[-1].language)
        try:
            record = ConsentRecord(voter, text, language, given, datetime.now(UTC))
            await asyncio.wrap_future(self._log.write(record))
        except AgonError as error:
            tell(f"what a visitor agreed to could not be kept: {error}")
            raise _not_kept() from error


def _not_kept() -> Refusal:
    return Refusal(503, "not_kept", "This could not be kept. Nothing was changed: try again.")
