"""Prompts that an arena does not take: by a list of words of its organiser, and by a moderation service.

It is a door and no judge: a list finds words and not what is meant, and whoever wants around it finds a way.
A prompt that is refused is asked of no model, and nothing of it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from agon.ranking.errors import AgonError

DEFAULT_WORDS = "default"
MOST_ENTRIES = 20_000


class WordListError(AgonError):
    """A list of words cannot be read."""


class ModerationError(AgonError):
    """A moderation service did not say what it thinks of a text."""


@dataclass(frozen=True)
class WordList:
    """What a text must not hold: words and phrases, whole and in any case, and patterns.

    Attributes:
        name: of the file.
        pattern: that finds any of them; None of an empty list.
    """

    name: str
    pattern: re.Pattern[str] | None = field(repr=False)

    @classmethod
    def read(cls, path: str | Path) -> WordList:
        """Read a file: an entry a line, a pattern between slashes, # before what is none.

        Args:
            path: of the file, or "default" for the short list that comes with Agon.

        Raises:
            WordListError: no file, no text, or a pattern that is none.
        """
        if str(path) == DEFAULT_WORDS:
            text = (files("agon.arena.setup") / "moderation_words.txt").read_text(encoding="utf-8")
            return cls.of(text, "the list that comes with Agon")
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise WordListError(
                f"The list of words {path} cannot be read: {error.strerror}; check the path."
            ) from None
        except UnicodeDecodeError:
            raise WordListError(f"The list of words {path} is not UTF-8 text; save it as UTF-8.") from None
        return cls.of(text, str(path))

    @classmethod
    def of(cls, text: str, name: str) -> WordList:
        """The list that a text holds; raises as `read`."""
        entries = []
        for number, line in enumerate(text.splitlines(), start=1):
            entry = line.strip()
            if not entry or entry.startswith("#"):
                continue
            if len(entry) > 2 and entry.startswith("/") and entry.endswith("/"):
                try:
                    re.compile(entry[1:-1])
                except re.error as error:
                    raise WordListError(
                        f"Line {number} of {name} is no pattern: {error}; mend it, or leave the slashes out."
                    ) from None
                entries.append(f"(?:{entry[1:-1]})")
            else:
                words = r"\s+".join(map(re.escape, entry.split()))
                # Scripts that write no spaces between words have no bounds to look for.
                start, end = (
                    r"(?<!\w)" if _spaced(entry[0]) else "",
                    r"(?!\w)" if _spaced(entry[-1]) else "",
                )
                entries.append(f"{start}{words}{end}")
        if len(entries) > MOST_ENTRIES:
            raise WordListError(f"{name} has {len(entries):,} entries; {MOST_ENTRIES:,} are the most.")
        return cls(name, re.compile("|".join(entries), re.IGNORECASE) if entries else None)

    def found(self, text: str) -> bool:
        """Whether a text holds one of them."""
        return self.pattern is not None and self.pattern.search(text) is not None


def _spaced(letter: str) -> bool:
    """Whether words of this script stand apart."""
    return letter.isalnum() and not "\u2e80" <= letter <= "\u9fff" and not "\uac00" <= letter <= "\ud7af"


@dataclass(frozen=True)
class ModerationService:
    """A server that speaks POST /v1/moderations as OpenAI's does.

    Attributes:
        url: up to and with /v1.
        key: None where it asks for none.
        model: that it should ask; None for its own.
        seconds: how long it may take.
    """

    url: str
    key: str | None = field(default=None, repr=False)
    model: str | None = None
    seconds: float = 5.0

    async def flags(self, text: str) -> bool:
        """Whether the service finds that a text is not to be taken.

        Raises:
            ModerationError: it did not answer in time, or not as such a service does.
        """
        import httpx

        headers = {} if self.key is None else {"authorization": f"Bearer {self.key}"}
        body: dict[str, Any] = {"input": text} | ({} if self.model is None else {"model": self.model})
        try:
            secure = self.url.startswith("https:")  # certificates take long to read
            async with httpx.AsyncClient(
                timeout=self.seconds, follow_redirects=False, verify=secure, trust_env=False
            ) as client:
                answer = await client.post(f"{self.url}/moderations", json=body, headers=headers)
            if answer.status_code != 200:
                raise ModerationError(f"the moderation service answered {answer.status_code}")
            flagged = [one["flagged"] for one in answer.json()["results"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ModerationError(f"the moderation service did not answer: {type(error).__name__}") from None
        if not flagged or not all(isinstance(one, bool) for one in flagged):
            raise ModerationError("the moderation service did not say whether a text is flagged")
        return any(flagged)


@dataclass(frozen=True)
class Moderation:
    """What stands between a prompt and the models.

    Attributes:
        words: None where there is no list.
        service: None where none is asked.
        closed: whether a prompt is refused when the service does not answer; else it is taken.
    """

    words: WordList | None = None
    service: ModerationService | None = None
    closed: bool = True

    async def refuses(self, text: str, tell: Callable[[str], None]) -> bool:
        """Whether a prompt is not taken.

        Args:
            text: of the prompt.
            tell: takes a sentence for the operator, of a service that did not answer where prompts go on.

        Raises:
            ModerationError: the service did not answer, and it is closed.
        """
        if self.words is not None and self.words.found(text):
            return True
        if self.service is None:
            return False
        try:
            return await self.service.flags(text)
        except ModerationError as error:
            if self.closed:
                raise
            tell(f"{error}; the prompt was taken, because [moderation] says closed = false.")
            return False
