"""Telling a model's thinking from its answer where both come as one text: `<think>…</think>` and its kin.

Servers with a parser for reasoning send it in a field of its own; without one it stands at the head of the
text, often without the opening tag, because the prompt's template already wrote that. Tags inside code are
part of an answer that speaks of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OPENING = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|channel|>analysis<|message|>": "<|end|>",  # gpt-oss without its parser
}
CLOSING = frozenset(OPENING.values()) - {"<|end|>"}
FINAL = ("<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>")  # likewise
ALL_TAGS = (*OPENING, *sorted(CLOSING))
_TAGS = re.compile("|".join(map(re.escape, ALL_TAGS)))
LONGEST_TAG = max(map(len, ALL_TAGS))
BEGINNINGS = frozenset(tag[:n] for tag in (*ALL_TAGS, "<|end|>") for n in range(1, len(tag)))
MOST_TAGS = 16  # looked at in one answer: each costs a look back over it


@dataclass(frozen=True, slots=True)
class Split:
    """What a piece adds. `thought_first`: all text so far was thinking; its opening tag was never sent."""

    text: str = ""
    reasoning: str = ""
    thought_first: bool = False


class ReasoningSplitter:
    """Splits a text that comes in pieces.

    `thinks_first` says that the answer begins inside the thinking, as earlier ones of the model did: it is
    held until its closing tag, and is the answer after all if none comes.
    """

    def __init__(self, *, thinks_first: bool = False) -> None:
        self._held = ""  # not yet told apart
        self._text: list[str] = []  # of the answer so far
        self._closing: str | None = None  # the tag that ends the thinking we are in
        self._waiting = thinks_first  # for a closing tag without an opening one
        self._after = False  # just behind a closing tag, where space is no part of the answer
        self._tags = 0

    def feed(self, piece: str) -> Split:
        """Take a piece; return what is certain by now."""
        self._held += piece
        text: list[str] = []
        reasoning: list[str] = []
        first = False
        while self._held:
            if self._closing is not None:
                at = self._held.find(self._closing)
                if at < 0:
                    certain = len(self._held) - _begun(self._held, BEGINNINGS)
                    reasoning.append(self._take(certain))
                    break
                reasoning.append(self._take(at))
                self._take(len(self._closing))
                self._closing, self._after = None, True
                continue
            if self._after:
                self._held = self._held.lstrip()
                if any(final.startswith(self._held) for final in FINAL):
                    break
                if final := next((final for final in FINAL if self._held.startswith(final)), None):
                    self._take(len(final))
                    continue
                self._after = False
            looked_at = self._tags < MOST_TAGS
            found = _TAGS.search(self._held) if looked_at else None
            if found is None:
                begun = _begun(self._held, BEGINNINGS) if looked_at else 0
                self._add(self._take(len(self._held) - begun), text)
                break
            self._tags += 1
            self._add(self._take(found.start()), text)
            tag = self._take(len(found[0]))
            said = "".join(self._text)
            if tag in OPENING and _opens(said) and not (self._waiting and said.strip()):
                self._closing, self._waiting = OPENING[tag], False
            elif tag in CLOSING and not _in_code(said):
                first = bool(said)
                reasoning.append(said if self._waiting else "".join(text))
                self._text.clear()
                text.clear()
                self._waiting, self._after = False, True
            else:
                self._add(tag, text)
        return Split("".join(text), "".join(reasoning), first)

    def finish(self) -> Split:
        """What was still held when the stream ended."""
        held = self._take(len(self._held))
        if self._closing is not None:
            return Split(reasoning=held)
        if self._waiting:
            return Split("".join(self._text) + held)
        return Split(held.lstrip() if self._after else held)

    def _take(self, count: int) -> str:
        """Cut so many characters from what is held."""
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _add(self, piece: str, text: list[str]) -> None:
        """A piece of the answer, told unless it may still turn out to be thinking."""
        self._text.append(piece)
        if not self._waiting:
            text.append(piece)


def _opens(said: str) -> bool:
    """Whether a tag behind this text opens thinking: at the head of the answer, or of a line outside code."""
    return not said.strip() or (said.endswith("\n") and not _in_code(said))


def _in_code(said: str) -> bool:
    """Whether the text ends inside code."""
    if len(re.findall(r"^ {0,3}(?:```|~~~)", said, re.MULTILINE)) % 2:
        return True
    return said.rpartition("\n")[2].count("`") % 2 == 1


def _begun(text: str, tags: frozenset[str]) -> int:
    """How many characters at the end of the text may become a tag; `tags` holds the beginnings of tags."""
    tail = text[-LONGEST_TAG:]
    if "<" not in tail and "[" not in tail:
        return 0
    return next((len(tail) - i for i in range(len(tail)) if tail[i] in "<[" and tail[i:] in tags), 0)
