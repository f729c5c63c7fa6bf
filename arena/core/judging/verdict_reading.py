"""What a judge said, as probabilities: from the log-probabilities of its verdict where they came.

An answer outside the format is no verdict: None, never a guess.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from agon.arena.core.judging.judge_prompts import LEVELS, JudgePrompt
from agon.serving.protocol import TokenChances

_MARKUP = " \t\r\n*_`[]()<>.,:;\"'#"
_SAID = re.compile(
    r"(?:(?:final |my )?(?:verdict|answer|choice|winner|judgement|judgment)(?: is)?|"
    r"(?:the )?(?:better|best) (?:answer|one)(?: is)?)?[\s:*\[\]()\"'`.]*(?:answer )?([ABC]|tie)",
    re.IGNORECASE,
)
_LINE = re.compile(r"\W*(\d+)\s*[:.)=-]\s*\W*(\w+)\W*$")
_WORDS = {"yes": 1, "no": 0, "true": 1, "false": 0}


def read_verdict(
    asked: JudgePrompt, text: str, chances: Sequence[TokenChances], answers: int
) -> tuple[list[float], bool] | None:
    """Read an answer of a judge.

    Returns:
        Numbers, and whether they are from log-probabilities; None where it is no verdict. Of pairs (3,) the
        probabilities of the first, of a tie and of the second; of a list (K,) the places of the answers; else
        (J · L,) the probabilities of L levels of J criteria one after the other.
    """
    if asked.ask == "pairs":
        return _read_pair(text, chances)
    if asked.ask == "list":
        places = _read_order(text, answers)
        return None if places is None else (places, False)
    return _read_levels(asked, text, chances)


def _read_pair(text: str, chances: Sequence[TokenChances]) -> tuple[list[float], bool] | None:
    letter = _letter_in(text)
    if letter is None:
        return None
    for one in reversed(chances):
        if one.token.strip(_MARKUP) == letter:
            found = _shares(one.logprobs, {"A": 0, "C": 1, "B": 2})
            return found, True
    return [float(letter == one) for one in "ACB"], False


def _letter_in(text: str) -> str | None:
    """The verdict of a text: alone, in [[brackets]], or on its last line."""
    if bracketed := re.findall(r"\[\[([ABC])\]\]", text):
        return str(bracketed[-1])
    lines = [line.strip(_MARKUP) for line in text.splitlines() if line.strip(_MARKUP)]
    if not lines:
        return None
    found = _SAID.fullmatch(lines[-1])
    if found is None or (len(found[1]) == 1 and not found[1].isupper()):
        return None
    return "C" if found[1].lower() == "tie" else found[1]


def _shares(logprobs: Mapping[str, float], places: Mapping[str, int]) -> list[float]:
    """The probabilities of some words among the tokens that could have stood there."""
    found = [0.0] * (max(places.values()) + 1)
    for token, logprob in logprobs.items():
        word = token.strip(_MARKUP)
        if word in places:
            found[places[word]] += math.exp(min(logprob, 0.0))
    total = sum(found)
    return [share / total for share in found]


def _read_order(text: str, answers: int) -> list[float] | None:
    """The places of the answers, from the last line that orders all of them."""
    wanted = set(ascii_uppercase[:answers])
    for line in reversed(text.splitlines()):
        bare = re.sub(r"[^A-Z>=]", "", re.sub(r"[Aa]nswer|[Rr]anking", "", line))
        if not re.fullmatch(r"[A-Z](?:[>=][A-Z])+", bare):
            continue
        letters = re.findall("[A-Z]", bare)
        if set(letters) != wanted or len(letters) != answers:
            return None
        place, places = 1, {letters[0]: 1}
        for sign, letter in zip(re.findall("[>=]", bare), letters[1:], strict=True):
            place += sign == ">"
            places[letter] = place
        return [float(places[letter]) for letter in ascii_uppercase[:answers]]
    return None


def _read_levels(
    asked: JudgePrompt, text: str, chances: Sequence[TokenChances]
) -> tuple[list[float], bool] | None:
    low, high = LEVELS[asked.ask]
    values: dict[int, tuple[int, int]] = {}  # criterion → level, and where it stands in the text
    at = 0
    for line in text.splitlines(keepends=True):
        body = line.strip(_MARKUP)
        if asked.ask == "score" and re.fullmatch(r"(?:score\W*|rating\W*)?\d+(?:\s*/\s*10)?", body, re.I):
            digits = re.search(r"\d+", line)
            assert digits is not None  # noqa: S101 (the line above has one)
            values[1] = int(digits[0]), at + digits.start()
        elif asked.ask != "score" and (written := _LINE.match(line)):
            word = written[2].lower()
            level = _WORDS.get(word) if asked.ask == "checklist" else int(word) if word.isdecimal() else None
            if level is not None and int(written[1]) not in values:
                values[int(written[1])] = level, at + written.start(2)
        at += len(line)
    count = max(1, len(asked.criteria))
    if set(values) != set(range(1, count + 1)) or not all(low <= v <= high for v, _ in values.values()):
        return None
    names = {str(level): level - low for level in range(low, high + 1)}
    if asked.ask == "checklist":
        names = {form: v for word, v in _WORDS.items() for form in (word, word.title(), word.upper())}
    starts, place = [], 0
    for one in chances:
        starts.append(place)
        place += len(one.token)
    found_all: list[float] = []
    soft = True
    for number in range(1, count + 1):
        level, where = values[number]
        token = next(
            (c for c, start in zip(chances, starts, strict=True) if start <= where < start + len(c.token)),
            None,
        )
        word = "" if token is None else token.token.strip(_MARKUP)
        if token is not None and names.get(word) == level - low:
            shares = _shares(token.logprobs, names)
            found_all += shares + [0.0] * (high - low + 1 - len(shares))
        else:
            soft = False
            found_all += [float(level == one) for one in range(low, high + 1)]
    return found_all, soft
