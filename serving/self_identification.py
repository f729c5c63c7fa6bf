"""Masking a model's name where an answer says who it is, as it streams: "I am █████, trained by █████".

A name alone is no identification: answers may speak of any model. Masked is one in the first person: behind
"I am" and "as an AI made by", with nothing between but words of such a sentence, or before "trained me". The
words of each language (en, de, fr, es, zh) and the names of models and makers stand in
self_identification.toml; an arena adds its own names. Text is held back only while it may still become such a
sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

MASK = "█████"
CONTEXT = 24  # characters of what was shown that are looked back at
GROWTH = 16  # characters behind a name within which it may still grow: "Claude 3.5 Sonnet"
LOOKAHEAD = 48  # characters within which a sentence shows whether it is about its speaker
SENTENCE = 160  # characters behind a name in which others of the same sentence are looked for
LONGEST_BEGINNING = 40  # characters of the longest beginning of such a sentence, and of a name

LETTER = "A-Za-zÀ-ÖØ-öø-ÿ0-9"
SPACE = r"[\s*_`\"“”«»„‘()（）《》\[\],:;，、：；–—-]"
_VERSION = (
    r"(?:[\s-]?(?:v?\d+(?:\.\d+)*[a-z]{0,2}|o\d|turbo|mini|nano|pro|ultra|flash|sonnet|opus|haiku|instruct|chat"
    rf"|large|small|medium|max|plus|lite|preview|coder|r1|it|hf)(?![{LETTER}]))*"
)
END = re.compile(r"[.!?](?=[\s*_\"”)])|[。！？\n]")  # of a sentence
# What shows that a sentence goes on with something else; six signs of Chinese are more than any name has.
NEXT_WORD = re.compile(
    rf"{SPACE}*+(?:[{LETTER}'’]+(?=[^{LETTER}'’])|[^\s{LETTER}\u2e80-\uffff]|[\u2e80-\uffff]{{6}})"
)
CHINESE = "\u2e80"  # from here on there are scripts without spaces
# A name that nobody knows.
CAPITALISED = re.compile(rf"{SPACE}{{1,6}}(?P<name>[A-Z][{LETTER}.&'’-]*(?:[ -][A-Z0-9][{LETTER}.&-]*)*)")
BY = re.compile(r"(?:\bby|\bfrom|\bat|\bvon|\bpar|\bchez|\bpor|\bde)$")
AS_BEFORE = re.compile(r"(?:\bas|\bals|\ben tant que|\bcomo|作为|身为)[\s*_]*$")
AS_AFTER = re.compile(
    r"[*_]*[,，]?\s*(?:(?:i|i'm|my|je|j'ai|ich|(?:kann|bin|habe) ich|yo"
    r"|(?:no )?(?:puedo|tengo|soy|estoy))\b|我)"
)
HERE_BEFORE = re.compile(r"(?:\bthis is|\bhier ist|\bhier spricht|\bici|\bc'est|\baquí|\bhabla)[\s*_]*$")
HERE_AFTER = re.compile(
    r"[*_]*(?:\s+speaking\b|\s*!|,\s+(?:your|an?|(?:created|made|built|developed) by|eine?|dein|ihr|une?"
    r"|votre|le modèle|l'assistant|una?|tu|su)\b)"
)


@dataclass(frozen=True, slots=True)
class MaskedSpan:
    """A name that was masked: where its mask begins in the text that was shown, and what stood there."""

    start: int
    original: str


class IdentityMasker:
    """Masks one answer that comes in pieces; `names` are those of the arena's models and their makers."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.spans: list[MaskedSpan] = []
        self._grammar = _grammar(tuple(sorted({name for name in names if len(name) > 2})))
        self._buffer = ""  # what was shown last, and what is held
        self._plain = ""  # the same as `_plain` has it, for the patterns
        self._held = 0  # where in the buffer begins what is held
        self._cleared = 0  # up to where that was found to be about nobody
        self._shown = 0  # characters shown so far

    def feed(self, piece: str) -> str:
        """Take a piece; return what may be shown by now."""
        self._buffer += piece
        self._plain += _plain(piece)
        return self._advance(final=False)

    def finish(self) -> str:
        """What was still held when the answer ended."""
        return self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        shown: list[str] = []
        while True:
            found = self._grammar.trigger.search(self._plain, max(self._held, self._cleared))
            safe = len(self._buffer) if final else self._safe()
            if found is None or safe < found.start():  # what ends the buffer may be a longer beginning
                self._show(safe, shown)
                break
            decided = self._decide(found, final=final)
            if decided is None:
                self._show(found.start(), shown)
                break
            names, end = decided
            for start, stop in names:
                self._show(start, shown)
                self.spans.append(MaskedSpan(self._shown, self._buffer[start:stop]))
                shown.append(MASK)
                self._shown += len(MASK)
                self._held = stop
            self._cleared = end
        spare = self._held - CONTEXT
        if spare > 0:
            self._buffer, self._plain = self._buffer[spare:], self._plain[spare:]
            self._held, self._cleared = CONTEXT, max(0, self._cleared - spare)
        return "".join(shown)

    def _show(self, end: int, shown: list[str]) -> None:
        """Show the buffer up to there, where it is not shown yet."""
        if end > self._held:
            shown.append(self._buffer[self._held : end])
            self._shown += end - self._held
            self._held = end

    def _safe(self) -> int:
        """Where the end of the buffer may be the beginning of a trigger, or else its end."""
        text, end, beginnings = self._plain, len(self._plain), self._grammar.beginnings
        for at in range(max(self._held, self._cleared, end - LONGEST_BEGINNING), end):
            before = text[at - 1] if at else " "
            inside = before.isalnum() and before < CHINESE and text[at] < CHINESE  # a word
            if not inside and text[at] in self._grammar.initials and text[at:] in beginnings:
                return at
        return end

    def _decide(self, found: re.Match[str], *, final: bool) -> tuple[list[tuple[int, int]], int] | None:
        """The names to mask behind a trigger and where to go on; None while that cannot be told.

        A name that stands by itself is one's own only by what stands around it.
        """
        if found["name"] is None:
            return self._behind(
                found.end(), soft=found["soft"] is not None, made=found["made"] is not None, final=final
            )
        text, end = self._plain, found.end()
        rest = self._buffer[end:]
        if not (final or len(rest) >= LOOKAHEAD or END.search(rest)):
            return None
        before = text[: found.start()]
        own = (
            self._grammar.after_name.match(text, end)
            or (AS_BEFORE.search(before) and AS_AFTER.match(text, end))
            or (HERE_BEFORE.search(before) and HERE_AFTER.match(text, end))
        )
        return self._to_the_end([found.span("name")], end, final=final) if own else ([], end)

    def _behind(
        self, begin: int, *, soft: bool, made: bool, final: bool
    ) -> tuple[list[tuple[int, int]], int] | None:
        """The names behind the beginning of a sentence about oneself."""
        text, plain, grammar = self._buffer, self._plain, self._grammar
        names: list[tuple[int, int]] = []
        at = begin
        while True:
            run = grammar.run.match(plain, at)
            at = run.end() if run else at
            rest = text[at:]
            named = grammar.name.match(plain, at)
            if named is not None:
                behind = text[named.end() :]
                if not final and len(behind) < GROWTH and not END.search(behind):
                    return None
                if soft and not names and not grammar.ai.search(plain, begin, named.end() + GROWTH):
                    return [], begin
                names.append(named.span("name"))
                at = named.end()
                continue
            if not final and len(rest) < LOOKAHEAD and not END.search(rest):
                following = NEXT_WORD.match(rest)
                if following is None or CAPITALISED.match(rest):
                    return None
            unknown = CAPITALISED.match(text, at)
            if unknown is not None and (
                (BY.search(plain, begin, at) and grammar.ai.search(plain, begin, at))
                or grammar.kind.match(plain, unknown.end())
            ):
                names.append(
                    (unknown.start("name"), unknown.start("name") + len(unknown["name"].rstrip(".&'’-")))
                )
                at = names[-1][1]
                continue
            if names or made:  # who says that somebody made it says who, wherever in the sentence
                return self._to_the_end(names, names[-1][1] if names else begin, final=final)
            return names, begin

    def _to_the_end(
        self, names: list[tuple[int, int]], at: int, *, final: bool
    ) -> tuple[list[tuple[int, int]], int] | None:
        """The names in the rest of a sentence that has said already whose it is: maker, family, version."""
        found = END.search(self._buffer, at)
        if not final and found is None and len(self._buffer) < at + SENTENCE:
            return None
        stop = min(found.start() if found else len(self._buffer), at + SENTENCE)
        more = [name.span() for name in self._grammar.known.finditer(self._plain, at, stop)]
        return [*names, *more], more[-1][1] if more else at


class _Grammar:
    """The patterns of all languages for a set of names."""

    def __init__(self, names: Sequence[str]) -> None:
        text = (files("agon.serving") / "self_identification.toml").read_text(encoding="utf-8")
        content = tomllib.loads(text)
        listed = [*content.pop("products"), *content.pop("makers"), *names]
        words = {
            key: [word for language in content.values() for word in language[key]]
            for key in ("starts", "soft_starts", "made_starts", "words_for_ai", "fillers")
        }
        after = "|".join(language["after_name"] for language in content.values())
        name = rf"(?<![{LETTER}])(?:{_alternatives(listed)}){_VERSION}(?![{LETTER}])"
        ai = _words(words["words_for_ai"])
        self.trigger = re.compile(
            rf"(?P<made>{_words(words['made_starts'])})|(?P<hard>{_words(words['starts'])})|(?P<soft>{_words(words['soft_starts'])})|(?P<name>{name})"
        )
        self.run = re.compile(rf"(?:{SPACE}{{0,6}}+(?:{_words(words['fillers'])}))*+")
        self.known = re.compile(name)
        self.name = re.compile(rf"{SPACE}{{0,6}}(?P<name>{name})")
        self.ai = re.compile(ai)
        self.kind = re.compile(
            rf"{SPACE}{{1,4}}(?:{_words(words['fillers'])}|{SPACE}{{1,4}}){{0,16}}?(?:{ai})"
        )
        self.after_name = re.compile(rf"[*_]{{0,3}},?\s*(?:{after})")
        phrases = (*words["starts"], *words["soft_starts"], *words["made_starts"], *listed)
        self.beginnings = frozenset(
            _plain(phrase)[:n] for phrase in phrases for n in range(1, len(phrase) + 1)
        )
        self.initials = frozenset(beginning for beginning in self.beginnings if len(beginning) == 1)


@lru_cache(maxsize=16)
def _grammar(names: tuple[str, ...]) -> _Grammar:
    return _Grammar(names)


def _plain(text: str) -> str:
    """A text as beginnings are compared: small, with one kind of space and apostrophe; of the same length."""
    small = text.lower()
    if len(small) != len(text):
        small = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
    return small.replace("’", "'").replace("\n", " ")


def _alternatives(phrases: Iterable[str]) -> str:
    """Any of the phrases, the longest first, with any space."""
    found = sorted({_plain(phrase) for phrase in phrases}, key=len, reverse=True)
    return "|".join(re.escape(one).replace(r"\ ", r"\s+") for one in found)


def _words(phrases: Iterable[str]) -> str:
    """Any of the phrases as words of their own; what is written in Chinese has no boundaries."""
    latin = [phrase for phrase in phrases if phrase[-1] < CHINESE]
    chinese = [phrase for phrase in phrases if phrase[-1] >= CHINESE]
    elided = [phrase for phrase in latin if phrase.endswith("'")]  # l', d': a word follows at once
    whole = _alternatives(phrase for phrase in latin if phrase not in elided)
    parts = [rf"(?<![{LETTER}])(?:{whole})(?![{LETTER}])"]
    parts += [rf"(?<![{LETTER}])(?:{_alternatives(elided)})"] if elided else []
    parts += [_alternatives(chinese)] if chinese else []
    return "|".join(parts)
