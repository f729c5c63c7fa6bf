"""Masking a model's name where an answer says who it is, as it streams: "I am █████, trained by █████".

A name alone is no identification: answers may speak of any model. What was asked tells how far to go. Where
a voter asks who answers, all names are masked. Where he asks about models, a sentence must say that a name
in it is the speaker's, its maker's or its family's ("I'm", "trained me", "as an AI by"). Anywhere else the
first person in a sentence with such a name is enough, unless it uses or recommends something. The signs of
each language (en, de, fr, es, zh) and the names of models and makers stand in self_identification.toml; an
arena adds its own names. Only a sentence in which a name stands is held back, from the name to its end.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import takewhile

MASK = "█████"
BACK = 240  # characters before a name that belong to its sentence at most
AHEAD = 240  # and behind it
LONGEST = 60  # characters of a name, its version and what tells that it ends
INTRODUCTION = 120  # characters within which an answer that introduces its writer in fields begins to do so

LETTER = "A-Za-zÀ-ÖØ-öø-ÿ0-9"
_VERSION = (
    r"(?:[\s-]?(?:v?\d+(?:\.\d+)*[a-z]{0,2}|o\d|turbo|mini|nano|pro|ultra|flash|sonnet|opus|haiku|instruct|chat"
    rf"|large|small|medium|max|plus|lite|preview|coder|r1|it|hf)(?![{LETTER}]))*"
)
END = re.compile(  # of a sentence; a line that begins a paragraph, an item, a row or a field is another one
    r"[.!?…;](?=[\"”'»*_)\]]*\s)|[。！？；]"
    r"|\n(?=\s*(?:\n|[-*+•#>|]\s|\d{1,2}[.)]\s|```|(?:\*\*)?[^*\n:：.!?。！？]{1,40}(?:\*\*)?\s*[:：]))"
)
QUESTION = 60  # characters of a question that is read with its answer: "Who am I? Claude!"
CHINESE = "\u2e80"  # from here on there are scripts without spaces
SPACE = r"[\s,:;，、：；–—-]"
MARKUP = str.maketrans(dict.fromkeys('*_`"“”«»„‘()（）《》「」『』[]{}~#>\n\t', " ") | {"’": "'"})
# A name that nobody knows.
CAPITALISED = re.compile(rf"[\s*_`\"“]{{0,6}}(?P<name>[A-Z][{LETTER}.&'’-]*(?:[ -][A-Z0-9][{LETTER}.&-]*)*)")
PERSON = re.compile(
    r"Claude\s+(?P<surname>(?!Sonnet|Opus|Haiku|Instant|Code|Pro\b|Max\b)[A-Z][a-zà-ÿ]{2,})(?=[^a-zà-ÿ])"
)
BY = re.compile(r"(?:\bby|\bfrom|\bat|\bvon|\bpar|\bchez|\bpor|\bde)\s*$")
EVERYDAY, KNOWN = "\ua7fe", "\ua7ff"  # letters of no language, which stand for names in a sentence


@dataclass(frozen=True, slots=True)
class MaskedSpan:
    """A name that was masked: where its mask begins in the text that was shown, and what stood there."""

    start: int
    original: str


class IdentityMasker:
    """Masks one answer that comes in pieces.

    `names` are those of the arena's models and their makers; `asked` is what the voter wrote.
    """

    def __init__(self, names: Sequence[str] = (), asked: Iterable[str] = ()) -> None:
        self.spans: list[MaskedSpan] = []
        self._grammar = _grammar(tuple(sorted({name for name in names if len(name) > 2})))
        questions = list(asked)
        self._all = any(map(self._grammar.asks_who, questions))
        self._strict = any(map(self._grammar.asks_about_models, questions))
        self._buffer = ""  # what was shown last, and what is held
        self._plain = ""  # the same as `_plain` has it, for the patterns
        self._held = 0  # where in the buffer begins what is held
        self._decided = 0  # up to where names were masked or left
        self._gone = 0  # characters that have left the buffer
        self._shown = 0  # characters shown so far
        self._field = 0  # where the last field ended that introduced the writer

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
            start = self._grammar.candidate(self._buffer, self._plain, self._decided)
            if start is None:
                self._show(len(self._buffer) if final else self._safe(), shown)
                self._decided = self._held
                break
            found = END.search(self._buffer, start)
            enough = final or len(self._buffer) >= start + AHEAD + LONGEST
            if found is None and not enough:
                self._show(start, shown)
                break
            limit = min(start + AHEAD, len(self._buffer))
            stop = min(found.end(), limit) if found else limit
            for begin, end in self._names(start, stop):
                self._show(begin, shown)
                self.spans.append(MaskedSpan(self._shown, self._buffer[begin:end]))
                shown.append(MASK)
                self._shown += len(MASK)
                self._held = end
                stop = max(stop, end)
            self._decided = stop
        spare = self._held - BACK - LONGEST - QUESTION
        if spare > 0:
            self._buffer, self._plain = self._buffer[spare:], self._plain[spare:]
            self._held, self._decided = self._held - spare, max(0, self._decided - spare)
            self._gone += spare
        return "".join(shown)

    def _show(self, end: int, shown: list[str]) -> None:
        """Show the buffer up to there, where it is not shown yet."""
        if end > self._held:
            shown.append(self._buffer[self._held : end])
            self._shown += end - self._held
            self._held = end

    def _safe(self) -> int:
        """Where the end of the buffer may be the beginning of a name, or else its end."""
        text, end, beginnings = self._plain, len(self._plain), self._grammar.beginnings
        for at in range(max(self._held, self._decided, end - LONGEST), end):
            before = text[at - 1] if at else " "
            inside = before.isalnum() and before < CHINESE and text[at] < CHINESE  # a word
            if not inside and text[at] in self._grammar.initials and text[at:] in beginnings:
                return at
        return end

    def _names(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The names to mask between a name and the end of its sentence."""
        begin = low = max(0, start - BACK)
        for end in END.finditer(self._buffer, low):
            if end.start() >= start:
                break
            if self._buffer[end.start()] not in "?？" or end.start() - begin > QUESTION:
                begin = end.end()
        names, unknown = self._grammar.names(self._buffer, self._plain, begin, stop)
        if not (names or unknown):
            return []
        if not (
            unknown or self._all or self._grammar.claims(self._plain, begin, stop, names, strict=self._strict)
        ):
            if max(INTRODUCTION, self._field + LONGEST) < self._gone + begin:
                return []
            if not self._grammar.introduces(self._plain, begin, stop, names):
                return []
            self._field = self._gone + stop
        masked = sorted({span for span in [*names, *unknown] if span[0] >= max(start, self._held)})
        return [span for n, span in enumerate(masked) if not n or span[0] >= masked[n - 1][1]]


class _Grammar:
    """The patterns of all languages for a set of names."""

    def __init__(self, names: Sequence[str]) -> None:
        text = (files("agon.serving") / "self_identification.toml").read_text(encoding="utf-8")
        content = tomllib.loads(text)
        listed = [*content.pop("products"), *content.pop("makers"), *names]
        self._everyday = re.compile(rf"(?:{_alternatives(content.pop('everyday'))}){_VERSION}$")
        languages = list(content.values())
        fillers = _words(word for language in languages for word in language["fillers"])
        starts = _words(word for language in languages for word in (*language["starts"], *language["as_a"]))
        ai = "|".join(language["ai"] for language in languages)
        run = rf"(?:{SPACE}{{0,6}}+(?:{fillers}))*+{SPACE}{{0,6}}"
        self._known = re.compile(
            rf"(?<![{LETTER}])(?<!jean-)(?:{_alternatives(listed, r' ')}){_VERSION}(?![{LETTER}])"
        )
        self._run = re.compile(run)
        self._start = re.compile(rf"(?:{starts}){run}")
        self._ai = re.compile(rf"(?<![{LETTER}])(?:{ai})(?![{LETTER}])")
        self._kind = re.compile(
            rf"{SPACE}{{1,4}}(?:(?:{fillers})|{SPACE}{{1,4}}){{0,16}}?(?<![{LETTER}])(?:{ai})(?![{LETTER}])"
        )
        behind = _words(word for language in languages for word in language["starts"])
        own = _words(word for language in languages for word in language["as_a"])
        name = f"[{EVERYDAY}{KNOWN}]"
        claims = [
            rf"(?:{behind}){run}{name}",
            rf"(?:{own})(?={run}{name})[^{EVERYDAY}{KNOWN}]*(?<![{LETTER}])(?:{ai})(?![{LETTER}])",
        ]
        loose, asked, fields = [], [], []
        first, made = "|".join(one["first"] for one in languages), "|".join(one["made"] for one in languages)
        self._first = re.compile(rf"(?<![{LETTER}'-])(?:{first})(?![{LETTER}])")
        self._tied = re.compile(rf"(?<![{LETTER}])(?:{made}|{ai})(?![{LETTER}])")
        self._of_others = re.compile("|".join(one["of_others"] for one in languages))
        self._topic = re.compile("|".join(one["topic"] for one in languages))
        for language in languages:
            put = {"<run>": run, "<known>": KNOWN, "<ai>": f"(?:{language['ai']})"}
            put |= {"<made>": f"(?:{language['made']})", "<name>": rf"{name}(?:'s)?\s*"}
            claims += [_pattern(one, put) for one in (*language["claims"], *language["near"])]
            loose += [_pattern(one, put) for one in language["loose"]]
            asked += [_pattern(one, put) for one in language["asked"]]
            fields.append(_pattern(language["fields"], put))
        self._claims, self._loose, self._asked = (
            re.compile("|".join(all_)) for all_ in (claims, loose, asked)
        )
        self._fields = re.compile(
            rf"(?:^|[,;|])[^\w,;|]*(?:{'|'.join(fields)})[^\w,;|]{{0,6}}[:：=|]\W{{0,6}}(?:\w+\s+){{0,2}}?{name}"
        )
        self.beginnings = frozenset(_plain(name)[:n] for name in listed for n in range(1, len(name) + 1))
        self.initials = frozenset(beginning for beginning in self.beginnings if len(beginning) == 1)

    def candidate(self, text: str, plain: str, begin: int) -> int | None:
        """Where the first name stands that may be the speaker's."""
        first = next((start for start, _ in self._found(text, plain, begin)), None)
        if re.search("[A-Z]", text[begin:first]):
            for start in self._start.finditer(plain, max(0, begin - BACK)):
                unknown = CAPITALISED.match(text, start.end())
                if unknown and unknown.start("name") >= begin:
                    return unknown.start("name") if first is None else min(first, unknown.start("name"))
        return first

    def names(
        self, text: str, plain: str, begin: int, stop: int
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The names of the lists, and the speaker's that nobody knows, beside a word for an AI."""
        known = list(takewhile(lambda span: span[0] < stop, self._found(text, plain, begin)))
        unknown = []
        for start in self._start.finditer(plain, begin, stop):
            at = start.end()
            while found := CAPITALISED.match(text, at):
                said = plain[start.start() : at]
                made = BY.search(said) and self._ai.search(said)
                if not (made or self._kind.match(plain, found.end())):
                    break
                length = len(found["name"].rstrip(".&'’-"))
                unknown.append((found.start("name"), found.start("name") + length))
                run = self._run.match(plain, unknown[-1][1])
                at = run.end() if run else unknown[-1][1]
        return known, unknown

    def claims(
        self, plain: str, begin: int, stop: int, names: Sequence[tuple[int, int]], *, strict: bool
    ) -> bool:
        """Whether a sentence says that the names in it are the speaker's.

        Unless it is strict, who speaks in a sentence with a name speaks of himself, if of nothing else.
        """
        said = self._said(plain, begin, stop, names)
        if self._claims.search(said) or (KNOWN in said and self._loose.search(said)):
            return True
        if strict or self._of_others.search(said) or not self._first.search(said):
            return False
        return KNOWN in said or bool(self._tied.search(said))

    def introduces(self, plain: str, begin: int, stop: int, names: Sequence[tuple[int, int]]) -> bool:
        """Whether it is a field such as "Model: ..."."""
        return bool(self._fields.search(self._said(plain, begin, stop, names)))

    def asks_who(self, question: str) -> bool:
        """Whether a question asks who answers it."""
        return bool(self._asked.search(self._question(question)))

    def asks_about_models(self, question: str) -> bool:
        """Whether a question is about models or their makers."""
        said = self._question(question)
        return KNOWN in said or EVERYDAY in said or bool(self._topic.search(said))

    def _question(self, question: str) -> str:
        plain = _plain(question)
        return self._said(plain, 0, len(plain), list(self._found(question, plain, 0)))

    def _said(self, plain: str, begin: int, stop: int, names: Sequence[tuple[int, int]]) -> str:
        """A sentence with one letter for each name."""
        said = []
        for start, end in names:
            said += [plain[begin:start], EVERYDAY if self._everyday.match(plain[start:end]) else KNOWN]
            begin = end
        return "".join([*said, plain[begin:stop]])

    def _found(self, text: str, plain: str, begin: int) -> Iterator[tuple[int, int]]:
        """The names of the lists; neither the words apple and meta nor people called Claude are any."""
        for found in self._known.finditer(plain, begin):
            word = text[found.start()].islower() and self._everyday.match(found[0])
            person = PERSON.match(text, found.start())
            if not word and not (person and not self._ai.match(plain, person.start("surname"))):
                yield found.span()


@lru_cache(maxsize=16)
def _grammar(names: tuple[str, ...]) -> _Grammar:
    return _Grammar(names)


def _plain(text: str) -> str:
    """A text as patterns read it: small, without markup, with one kind of apostrophe; of the same length."""
    small = text.lower()
    if len(small) != len(text):
        small = "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)
    return small.translate(MARKUP)


def _pattern(pattern: str, put: dict[str, str]) -> str:
    """A pattern of the list, with any space and with what stands for its placeholders."""
    pattern = re.sub(r" (?=[?*])", r"\\s", pattern).replace(" ", r"\s+")
    for placeholder in ("<name>", "<made>", "<ai>", "<known>", "<run>"):
        pattern = pattern.replace(placeholder, put[placeholder].replace(" ", r"\s+"))
    return pattern


def _alternatives(phrases: Iterable[str], space: str = r"\s+") -> str:
    """Any of the phrases, the longest first."""
    found = sorted({_plain(phrase) for phrase in phrases}, key=len, reverse=True)
    return "|".join(re.escape(one).replace(r"\ ", space) for one in found)


def _words(phrases: Iterable[str]) -> str:
    """Any of the phrases as words of their own; what is written in Chinese has no boundaries."""
    every = list(phrases)
    latin = [phrase for phrase in every if phrase[-1] < CHINESE]
    chinese = [phrase for phrase in every if phrase[-1] >= CHINESE]
    elided = [phrase for phrase in latin if phrase.endswith("'")]  # l', d': a word follows at once
    parts = [rf"(?<![{LETTER}])(?:{_alternatives(set(latin) - set(elided))})(?![{LETTER}])"]
    parts += [rf"(?<![{LETTER}])(?:{_alternatives(elided)})"] if elided else []
    parts += [_alternatives(chinese)] if chinese else []
    return "|".join(parts)
