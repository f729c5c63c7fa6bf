"""Names in sentences, and what a result shows of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Self

LONGEST_REPR = 300  # characters that a result prints of its sentence
LISTED_ROWS = 30  # rows that a notebook shows of a result


def join_names(names: Sequence[str], most: int = 3) -> str:
    """Names for a sentence: "a", "a and b", or the first few and how many more; nothing for none."""
    if not names:
        return ""
    if len(names) <= most + 1:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def rounded(number: int) -> str:
    """A number in two digits that count."""
    digits = max(0, len(str(number)) - 2)
    return f"{-(-number // 10**digits) * 10**digits:,}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in a sentence with the digits that it is told with.

    Attributes:
        value: the number.
        form: of its text, as Python's format takes it: ".1%", ",.3g".
    """

    value: float
    form: str

    def __str__(self) -> str:
        return format(self.value, self.form)


class Names(tuple[str, ...]):
    """Models in a sentence: their names, or the first few and how many more."""

    __slots__ = ()

    def __str__(self) -> str:
        return join_names(self)


class Sentence(str):
    """A sentence in English that keeps what it was made of, so that a page can say it in another language.

    `Sentence("Nothing was counted: {why}.", why=...)`; numbers get thousands separators, lists an "and"
    before the last, tuples commas. With `plural` the value `count` says which of the two forms is meant.
    """

    template: str
    plural: str | None
    values: dict[str, Any]

    def __new__(cls, template: str, plural: str | None = None, /, **values: Any) -> Self:
        """Fill the template."""
        chosen = template if plural is None or values["count"] == 1 else plural
        filled = {name: _shown(one) for name, one in values.items()}
        self = super().__new__(cls, chosen.format(**filled) if filled else chosen)
        self.template, self.plural, self.values = template, plural, values
        return self

    def renamed(self, name: Callable[[str], str]) -> Sentence:
        """The same sentence with its models, which are `Names` in it, called by other names."""
        return Sentence(
            self.template, self.plural, **{key: _renamed(value, name) for key, value in self.values.items()}
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def _renamed(value: Any, name: Callable[[str], str]) -> Any:
    if isinstance(value, Names):
        return Names(map(name, value))
    if isinstance(value, Sentence):
        return value.renamed(name)
    return [_renamed(one, name) for one in value] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    """A value as it stands in a sentence: lists end with "and", tuples have commas alone."""
    if isinstance(value, list):
        return join_names(value, len(value))
    if isinstance(value, Names):
        return str(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:,}" if isinstance(value, int | float) else value


def dependence_word(column: str) -> str:
    """By what votes depend on one another: a word that pages translate, or a column as it is called."""
    return {"voter": Sentence("voter"), "prompt": Sentence("prompt", "prompts", count=1)}.get(column, column)


def in_turn(*sentences: Sentence) -> Sentence:
    """Sentences that follow each other, as one."""
    template = " ".join(f"{{said_{number}}}" for number in range(len(sentences)))
    return Sentence(template, **{f"said_{number}": one for number, one in enumerate(sentences)})


class Readable:
    """A result that says itself: in one sentence where it is printed, with its rows in a notebook.

    A class of results gives `conclusion()`, and `to_frame()` where it has rows.
    """

    def conclusion(self) -> str:
        """Say in one sentence what was found."""
        raise NotImplementedError

    def __repr__(self) -> str:
        text = self.conclusion()
        return (
            f"{type(self).__name__}({text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 1] + '…'})"
        )

    def _repr_html_(self) -> str:
        text = f"<p>{escape(self.conclusion())}</p>"
        frame = getattr(self, "to_frame", None)
        return text if frame is None else text + frame().to_html(index=False, max_rows=LISTED_ROWS, border=0)
