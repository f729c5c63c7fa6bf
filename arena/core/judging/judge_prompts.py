"""What a judge is asked: pairs, lists, scores, rubrics or checklists, in our words or in a template.

A template is a text with fields in braces; its version is a digest of everything that a judge is told but the
prompt and its answers, so that votes of two wordings are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from string import ascii_uppercase
from typing import Literal, get_args

from agon.ranking.errors import OptionError, suggest

Ask = Literal["pairs", "list", "score", "rubric", "checklist"]
ASKS: tuple[Ask, ...] = get_args(Ask)
LEVELS: Mapping[Ask, tuple[int, int]] = {"score": (1, 10), "rubric": (1, 5), "checklist": (0, 1)}
_FIELD = re.compile(r"\{(prompt|answer_a|answer_b|answers|answer|criteria)\}")
_NEEDED: Mapping[Ask, tuple[str, ...]] = {
    "pairs": ("prompt", "answer_a", "answer_b"),
    "list": ("prompt", "answers"),
    "score": ("prompt", "answer"),
    "rubric": ("prompt", "answer", "criteria"),
    "checklist": ("prompt", "answer", "criteria"),
}
_HEAD = "You compare answers of two assistants to one prompt. Judge what they say, not how long it is or in \
which order it stands.\n\n[Prompt]\n{prompt}\n\n"
_ONE = (
    "You judge the answer of an assistant to a prompt. Judge what it says, not how long it is.\n\n[Prompt]\n\
{prompt}\n\n[Answer]\n{answer}\n\n"
)
TEMPLATES: Mapping[Ask, str] = {
    "pairs": _HEAD
    + "[Answer A]\n{answer_a}\n\n[Answer B]\n{answer_b}\n\nWhich answer is better? Write one letter "
    "and nothing else: A, B, or C if they are equally good.",
    "list": _HEAD.replace("two assistants", "several assistants")
    + "{answers}\n\nOrder the answers from best to worst. Write one line, such as B > A = C, "
    "in which = stands between answers that are equally good.",
    "score": _ONE
    + "How good is the answer, from 1 (useless) to 10 (perfect)? Write the number and nothing else.",
    "rubric": _ONE
    + "Rate the answer from 1 (not at all) to 5 (fully) by each criterion:\n{criteria}\nWrite one "
    "line for each and nothing else, such as 1: 4.",
    "checklist": _ONE
    + "Check the answer:\n{criteria}\nWrite one line for each and nothing else, such as 1: yes or "
    "1: no.",
}
USUAL_CRITERIA: Mapping[Ask, tuple[str, ...]] = {
    "rubric": ("It is correct.", "It is complete.", "It is clear.", "It does what was asked."),
    "checklist": (
        "Does it answer what was asked?",
        "Is everything it says correct?",
        "Does it follow all instructions?",
        "Is it clear?",
    ),
}


@dataclass(frozen=True)
class JudgePrompt:
    """What a judge is asked, and how.

    Attributes:
        ask: what is asked.
        template: a text with fields.
        criteria: of a rubric or a checklist.
    """

    ask: Ask
    template: str
    criteria: tuple[str, ...] = ()

    @classmethod
    def of(cls, ask: str, template: str | None = None, criteria: Sequence[str] | None = None) -> JudgePrompt:
        """Check and keep; our own words where none are given.

        Raises:
            OptionError: no such thing to ask, a template that lacks a field, or criteria of what has none.
        """
        if ask not in ASKS:
            raise OptionError(f"There is nothing to ask called {ask!r}; {suggest(ask, ASKS)}")
        known: Ask = ask
        if criteria is not None and known not in USUAL_CRITERIA:
            raise OptionError(f"criteria belong to a rubric or a checklist, not to {ask}; leave them out.")
        text = TEMPLATES[known] if template is None else template
        found = set(_FIELD.findall(text))
        if lacking := [field for field in _NEEDED[known] if field not in found]:
            fields = ", ".join(f"{{{field}}}" for field in _NEEDED[known])
            raise OptionError(f"The template lacks {{{lacking[0]}}}; one for {ask} has the fields {fields}.")
        given = USUAL_CRITERIA.get(known, ()) if criteria is None else tuple(criteria)
        if known in USUAL_CRITERIA and not given:
            raise OptionError(f"A {ask} needs at least one criterion; write one on each line.")
        return cls(known, text, given)

    @property
    def version(self) -> str:
        """Ten hex digits of what a judge is told."""
        told = "\0".join((self.ask, self.template, *self.criteria))
        return sha1(told.encode(), usedforsecurity=False).hexdigest()[:10]

    def text(self, prompt: str, answers: Sequence[str]) -> str:
        """The question about answers in the order shown."""
        listed = "\n\n".join(
            f"[Answer {letter}]\n{answer}" for letter, answer in zip(ascii_uppercase, answers, strict=False)
        )
        numbered = "\n".join(f"{number}. {one}" for number, one in enumerate(self.criteria, 1))
        fields = {"prompt": prompt, "answers": listed, "criteria": numbered, "answer": answers[0]}
        if len(answers) > 1:
            fields |= {"answer_a": answers[0], "answer_b": answers[1]}
        return _FIELD.sub(lambda found: fields.get(found[1], found[0]), self.template)
