"""What people were asked to agree to, what each of them said to it, and from when to when that held.

One rule everywhere: whoever agreed to one of the texts that are asked, and took nothing back since, agrees.
Who takes a text back, takes back all of them: nobody has to find every language that they once read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

_Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
LAST_ASKED = "SELECT created, languages, texts FROM consent_texts ORDER BY rowid DESC LIMIT 1"
_EVERY_TEXT = "SELECT languages, texts FROM consent_texts"
_SAID = "SELECT text, language, given, created FROM consents WHERE voter = ? ORDER BY rowid"
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def text_hash(text: str) -> str:
    """The name of a text in what people said to it: its SHA-256 in hexadecimal."""
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ConsentTexts:
    """What people are asked to agree to; they agree to one of the texts.

    Attributes:
        texts: by language; none where nothing is asked.
        since: when that began; None where nothing was ever asked.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None

    @property
    def hashes(self) -> dict[str, str]:
        """{SHA-256 of a text: its language}."""
        found: dict[str, str] = {}
        for language, text in self.texts.items():
            found.setdefault(text_hash(text), language)
        return found


@dataclass(frozen=True, slots=True)
class SaidConsent:
    """What a person said to a text: yes, or no more.

    Attributes:
        text: its SHA-256.
        language: of it.
        given: whether the person agreed.
        created: when that was.
    """

    text: str
    language: str
    given: bool
    created: datetime


def read_asked(rows: _Rows) -> ConsentTexts:
    """What people are asked to agree to now."""
    for created, languages, texts in rows(LAST_ASKED, ()):
        return ConsentTexts(dict(zip(languages, texts, strict=True)), created.replace(tzinfo=UTC))
    return ConsentTexts()


def read_every_text(rows: _Rows) -> dict[str, str]:
    """{SHA-256: text} of everything that people were ever asked to agree to."""
    return {text_hash(text): text for _, texts in rows(_EVERY_TEXT, ()) for text in texts}


def read_said(rows: _Rows, voter: str) -> list[SaidConsent]:
    """What a person said to texts, the first first."""
    return [
        SaidConsent(text, language, given, created.replace(tzinfo=UTC))
        for text, language, given, created in rows(_SAID, [voter])
    ]


def held_consents(said: Iterable[SaidConsent]) -> dict[str, str]:
    """{SHA-256 of a text: its language} of what somebody agreed to since they last took something back."""
    held: dict[str, str] = {}
    for one in said:
        if one.given:
            held[one.text] = one.language
        else:
            held.clear()
    return held


def agrees(said: Iterable[SaidConsent], asked: Collection[str]) -> bool:
    """Whether somebody agrees to one of the texts that are asked, by their SHA-256."""
    return not held_consents(said).keys().isdisjoint(asked)


@dataclass(frozen=True, slots=True)
class ConsentSpan:
    """From when to when somebody agreed to a text while it was asked.

    Attributes:
        voter: the pseudonym of the person.
        begun: the first moment.
        ended: the first moment at which that no longer held.
    """

    voter: str
    begun: datetime
    ended: datetime


def consent_periods(texts: Iterable[Mapping[str, Any]]) -> list[tuple[datetime, datetime, ConsentTexts]]:
    """What was asked from when to when, from the rows of the frame `consent_texts`."""
    found: list[tuple[datetime, datetime, ConsentTexts]] = []
    ended = _NEVER
    for row in reversed(list(texts)):
        asked = dict(zip(row["languages"], row["texts"], strict=True))
        found.insert(0, (row["created"], ended, ConsentTexts(asked, row["created"])))
        ended = row["created"]
    return found


def texts_asked(asked: Iterable[ConsentTexts]) -> list[dict[str, Any]]:
    """What was asked and since when, one after the other, as JSON has it."""
    return [{"since": one.since and one.since.isoformat(), "texts": dict(one.texts)} for one in asked]


def spans_of_consent(
    texts: Iterable[Mapping[str, Any]], consents: Iterable[Mapping[str, Any]]
) -> Iterator[ConsentSpan]:
    """From when to when each person agreed, but nobody whose last word is that they take it back.

    Args:
        texts: the rows of the frame `consent_texts`.
        consents: the rows of the frame `consents`.
    """
    asked = [(begun, ended, one.hashes) for begun, ended, one in consent_periods(texts)]
    said: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in consents:
        said[row["voter"]].append(row)
    for voter, rows in said.items():
        if not rows[-1]["given"]:
            continue
        until = _NEVER
        for row in reversed(rows):
            if not row["given"]:
                until = row["created"]
                continue
            for begun, ended, hashes in asked:
                first, last = max(begun, row["created"]), min(ended, until)
                if row["text"] in hashes and first < last:
                    yield ConsentSpan(voter, first, last)
