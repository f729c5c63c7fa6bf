"""The errors of the engine, and of the folders that feed it.

AgonError                  anything Agon refuses, always with one sentence: the thing, the place, the remedy
├── InputError             something that was given is wrong (a ValueError too)
│   ├── SourceError        a file, table or frame that cannot be read as votes
│   ├── VotesError         rows that are not valid votes; `problems` holds one line each
│   ├── MethodError        an unknown method, or votes that lack what the method needs
│   └── OptionError        an unknown option, or a value outside its range
└── ConvergenceError       an iteration did not reach its tolerance; never a silent answer
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from agon.ranking.text import Sentence


class AgonError(Exception):
    """Anything Agon refuses to do; the message is one sentence for a person."""

    @property
    def told(self) -> str:
        """The message; a `Sentence` where it was made of one, which pages say in other languages."""
        said = self.args[0] if self.args else ""
        return said if isinstance(said, str) else str(self)


class InputError(AgonError, ValueError):
    """Something that was given is wrong."""


class SourceError(InputError):
    """A file, table or frame cannot be read as votes."""


class VotesError(InputError):
    """Some rows are not valid votes.

    `problems` holds one sentence for each kind of problem; the message is the first of them and
    the count of the others.
    """

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems or (message,)


class MethodError(InputError):
    """An unknown ranking method, or votes that do not carry what it needs."""


class OptionError(InputError):
    """An unknown option, or a value outside its range."""


class ConvergenceError(AgonError):
    """An iterative method did not reach its tolerance."""


def suggest(word: str, known: Iterable[str]) -> Sentence:
    """End a sentence with the known word that was probably meant, or with the known ones, at most twelve."""
    known = sorted(known)
    match = get_close_matches(word, known, n=1, cutoff=0.6)
    if match:
        return Sentence("did you mean {word}?", word=repr(match[0]))
    if len(known) > 12:
        return Sentence("known: {words} and {number} more.", words=tuple(known[:12]), number=len(known) - 12)
    return Sentence("known: {words}.", words=tuple(known))
