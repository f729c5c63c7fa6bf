"""What an answer to a typed prompt may hold: read from the prompt and the turns before it.

Part of the demonstration. No knowledge is looked up: what can be computed is computed; of the rest, what is
said follows from the words of the prompt. How it is said is the matter of serving/demonstration.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from agon.serving.demo.arithmetic import Computed, compute
from agon.serving.demo.code_snippets import code_for, without_code_words

TURNS, READ = 8, 4000  # how many turns back, and how many characters of a prompt, are read
_LETTERS = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_JAPANESE = re.compile(r"[\u4e00-\u9fff々]+|[\u30a0-\u30ff]{2,}")
_HELLO = re.compile(
    r"\W*(?:hi|hello|hey|good (?:morning|evening|day)|hallo|guten (?:tag|morgen|abend)|bonjour|salut"
    r"|hola|buen[oa]s (?:días|tardes|noches)|привет|здравствуйте|добрый день|こんにちは|おはよう)(?!\w)",
    re.I,
)
_THANKS = re.compile(r"\bthank|\bthx\b|\bdanke|\bmerci\b|\bgracias\b|спасибо|ありがとう", re.I)
_SELF = re.compile(
    r"\b(?:who|what) are you\b|\byour name\b|\bare you (?:an? )?(?:ai|bot|human|model|chatgpt|llm)\b"
    r"|\bwer bist du|\bwer sind sie|qui es-tu|qui êtes-vous|quién eres|quién es usted|кто ты|кто вы"
    r"|как тебя зовут|あなたは(?:誰|だれ|何)",
    re.I,
)
_TRANSLATE = re.compile(
    r"\btranslat|\bübersetz|\btradui|\btraduc|перевед|翻訳"
    r"|\b(?:say|put) .+ (?:in|into) \w+(?:ish|an|ese|ench)\b",
    re.I,
)
_WISHES = {  # what a later turn may ask of the answer before
    "short": re.compile(
        r"\bshort|\bbrief|\bsummar|\bkürzer|\bkurz\b|plus court|résum|más corto|короче|短く", re.I
    ),
    "table": re.compile(r"\btable\b|\btabelle|\btableau|\btabla|таблиц|表", re.I),
    "long": re.compile(
        r"\bmore\b|\blonger|\bdetail|\belaborat|\bgo on\b|^\W*why\W*$|\bausführlich|\bgenauer|\bmehr\b"
        r"|plus de|\bmás\b|подробнее|詳しく|もっと",
        re.I,
    ),
}
_NUMBERS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}


@dataclass(frozen=True, slots=True)
class Outline:
    """What may be said, in the prompt's language: any of `leads`, reasons, named points, code."""

    phrases: dict[str, Any]
    title: str
    leads: tuple[str, ...]
    preface: str = ""  # what links a later turn to the one before
    because: tuple[str, ...] = ()
    points: tuple[tuple[str, str], ...] = ()
    code: str = ""
    wrong: str | None = None  # what somebody careless would say instead of the lead
    ask: str | None = None
    whole: bool = False  # whether the points are what was asked for, all and in order
    wish: str | None = None  # what a later turn asks of the answer before: short, long or table


def outline(said: Sequence[str], replied: str = "") -> Outline:
    """Read the prompts of a conversation, oldest first, and gather what an answer to the last may hold.

    `replied` is the answer to the prompt before the last: somebody who asks for less gets its first sentence.
    """
    *before, prompt = [text[:READ].strip() for text in said[-TURNS:]]
    phrases = _phrases()[language_of(prompt)]
    blank = Outline(phrases, plain(prompt, 60), ())
    short = len(prompt.split()) <= 8 and len(prompt) <= 60
    previous: Fraction | None = None
    for text in before:
        known = compute(text, phrases["weekdays"], previous)
        previous = known.number if known is not None and known.number is not None else previous
    found = compute(prompt, phrases["weekdays"], previous)
    if found is not None:
        return _worked_out(blank, found)
    if before and short:
        for wish, pattern in _WISHES.items():
            if pattern.search(prompt):
                again = replace(outline(before), wish=wish)
                core = first_sentence(replied) if wish == "short" else ""
                return replace(again, leads=(core,), points=(), code="") if core else again
    for name, fits in (("thanks", _THANKS.search), ("self", _SELF.search), ("hello", _HELLO.match)):
        if short and fits(prompt):
            return replace(blank, leads=tuple(phrases[name]))
    fresh = _of_words(blank, prompt)
    return _linked(fresh, prompt, before[-1]) if before else fresh


def _linked(fresh: Outline, prompt: str, before: str) -> Outline:
    """The outline of a later turn, tied to the prompt before it."""
    phrases = fresh.phrases
    back = phrases["again"].format(before=plain(before, 60))
    old, new = terms_of(before)[:1], terms_of(prompt)[:1]
    link = phrases["points"][1].format(first=(old or new or ["…"])[0], second=(new or old or ["…"])[0])
    return replace(
        fresh,
        preface=back,
        points=((phrases["names"][1], link), *fresh.points),
    )


def language_of(text: str) -> str:
    """The language whose small words occur most often; English where none does."""
    if re.search(r"[\u3040-\u30ff]", text):
        return "ja"
    if re.search(r"[\u0400-\u04ff]{3}", text):
        return "ru"
    words = [word.casefold() for word in _LETTERS.findall(text)]
    signs = {"de": "äöüß", "fr": "çèêàœù", "es": "ñ¿¡áíóú"}
    scores = {
        code: sum(word in stop for word in words) + any(sign in text for sign in signs.get(code, ""))
        for code, stop in _stop_words().items()
        if code in ("en", *signs)
    }
    return max(scores, key=lambda code: (scores[code], code == "en"))


def terms_of(text: str) -> list[str]:
    """What a text is about, at most five: runs of words that carry meaning, the most frequent and longest."""
    code = language_of(text)
    if code == "ja":
        runs = _JAPANESE.findall(text)
    else:
        stop, runs = _stop_words()[code], []
        for part in re.split(r"[^\w\s'’-]+|\d+", text):
            run: list[str] = []
            for word in [*_LETTERS.findall(part), ""]:
                if word and word.casefold() not in stop and len(run) < 2:
                    run.append(word)
                else:
                    runs += [" ".join(run)] if run else []
                    run = [word] if word and word.casefold() not in stop else []
    counts: dict[str, int] = {}
    for found in runs:
        counts[found] = counts.get(found, 0) + 1
    best = sorted(counts, key=lambda term: -(counts[term] * (len(term) ** 0.5)))[:5]
    return [term[:60] for term in counts if term in best]


def plain(text: str, longest: int) -> str:
    """A piece of a prompt that can stand in a sentence: one line, without signs of Markdown."""
    text = re.sub(r"(?<=\d) *\* *(?=\d)", " × ", text)
    text = " ".join(re.sub(r"[`*_#<>|$\[\]\\~]+", " ", text).split()).strip(" .?!:")
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"


def first_sentence(answer: str) -> str:
    """The first sentence of an answer that is no heading, list, table or code; empty where there is none."""
    prose = re.sub(r"^```.*?(?:^```|\Z)", "", answer, flags=re.M | re.S)
    lines = [line.strip() for line in prose.splitlines()]
    lines = [line for line in lines if line and not re.match(r"[#|>*$-]|\d+\.", line)]
    found = re.match(r".+?[.!?。！？](?=\s|$|[^\x00-\x7f])", lines[0]) if lines else None
    return plain(found[0] if found else lines[0], 300) + "." if lines else ""


@cache
def _phrases() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8"))


@cache
def _stop_words() -> dict[str, frozenset[str]]:
    return {code: frozenset(phrases["stop"].split()) for code, phrases in _phrases().items()}


def _worked_out(blank: Outline, found: Computed) -> Outline:
    lead, wrong = (f"{found.question} = **{value}**" for value in (found.value, found.wrong))
    return replace(blank, leads=(lead,), wrong=wrong, because=found.steps)


def _of_words(blank: Outline, prompt: str) -> Outline:
    """The outline of a prompt that is not computed: by its kind, else by what it is about."""
    phrases, terms = blank.phrases, terms_of(prompt) or ["…"]
    code = code_for(prompt, terms)
    if code is not None:
        terms = without_code_words(terms) or terms
    quoted = phrases["between"].join(phrases["quote"].format(term) for term in terms)
    first, second = terms[0], terms[1] if len(terms) > 1 else terms[0]
    points = tuple(
        (name, text.format(first=first, second=second))
        for name, text in zip(phrases["names"], phrases["points"], strict=True)
        if second != first or "{second}" not in text
    )
    about = replace(
        blank,
        leads=tuple(lead.format(terms=quoted) for lead in phrases["topic"]),
        because=tuple(phrases["lack"]),
        points=points,
        ask=phrases["ask"].format(first=first),
    )
    if code is not None:
        return replace(about, code=code)
    if _TRANSLATE.search(prompt):
        return replace(blank, leads=tuple(phrases["translate"]))
    return _english(about, plain(prompt, 200)) if phrases is _phrases()["en"] else about


def _english(about: Outline, prompt: str) -> Outline:
    """The kinds of prompts that are told apart in English: the first whose pattern fits."""
    for name, kind in _phrases()["en"]["kinds"].items():
        match = re.search(kind["pattern"], prompt, re.I)
        if match:
            one, *rest = (plain(part, 60) for part in match.groups() if part)
            build = _angles if name == "angles" else _filled
            return build(about, kind, one, rest[0] if rest else one)
    return about


def _filled(about: Outline, kind: dict[str, Any], one: str, other: str) -> Outline:
    """The sentences of a kind with the words of the prompt put in; a bare kind has nothing beside them."""

    def put(text: str) -> str:
        return text.format(one=one, other=other, One=one[:1].upper() + one[1:])

    bare = "bare" in kind
    points = tuple((title, put(text)) for title, text in kind.get("points", []))
    return replace(
        about,
        leads=tuple(map(put, kind["leads"])),
        because=() if bare else (*_parts_of(one, kind), *about.because),
        points=() if bare else points or about.points,
        ask=put(kind["ask"]) if "ask" in kind else None if bare else about.ask,
    )


def _angles(about: Outline, kind: dict[str, Any], amount: str, topic: str) -> Outline:
    """As many angles on a topic as were asked for, beginning at one that the topic decides."""
    wanted = int(amount) if amount.isdigit() else _NUMBERS[amount.casefold()]
    known = kind["points"]
    count = max(1, min(wanted, len(known)))
    start = sum(map(ord, topic)) % len(known)
    chosen = [known[(start + i) % len(known)] for i in range(count)]
    items = tuple((name, text.format(one=topic)) for name, text in chosen)
    lead = kind["leads"][count != wanted]
    names = ", ".join(name.lower() for name, _ in items)
    said = lead.format(count=count, wanted=wanted, one=topic, names=names)
    return replace(about, leads=(said,), points=items, whole=True)


def _parts_of(thing: str, kind: dict[str, Any]) -> list[str]:
    """What well-known beginnings and endings say about a word that is to be defined."""
    return [
        kind["part"].format(one=thing, part=part.strip("-"), meaning=meaning)
        for part, meaning in kind.get("parts", {}).items()
        for word in thing.casefold().split()
        if len(word) > len(part)
        and (word.endswith(part[1:]) if part.startswith("-") else word.startswith(part))
    ]
