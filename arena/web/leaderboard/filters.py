"""Which votes a board on the page counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking.errors import InputError, suggest

_LANGUAGE_NAMES = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sv": "Swedish", "sw": "Swahili", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


class FilterError(InputError):
    """The address asks for a category or language without votes; the page answers 404 with the sentence."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which votes a board is of; None is all of them."""

    category: str | None = None
    language: str | None = None

    @classmethod
    def of(
        cls, query: Mapping[str, str], categories: Mapping[str, int], languages: Mapping[str, int]
    ) -> Filter:
        """Read the filter from the parameters of an address.

        Raises:
            FilterError: a parameter or a value that there is not.
        """
        for name in query:
            if name not in {"category", "language"}:
                raise FilterError(
                    f"There is no filter {without_hidden(name)!r}; {suggest(name, ['category', 'language'])}"
                )
        for name, known in (("category", categories), ("language", languages)):
            value = query.get(name)
            if value is not None and value not in known:
                remedy = suggest(value, known) if known else "the votes of this arena name none yet."
                raise FilterError(f"There are no votes with the {name} {without_hidden(value)!r}; {remedy}")
        return cls(query.get("category"), query.get("language"))

    @property
    def address(self) -> str:
        """The page with this filter."""
        chosen = {"category": self.category, "language": self.language}
        query = urlencode({name: value for name, value in chosen.items() if value is not None})
        return f"/leaderboard?{query}" if query else "/leaderboard"

    @property
    def words(self) -> str:
        """What the votes are of, to follow "votes": " on Code in German"; empty for all."""
        on = "" if self.category is None else f" on {without_hidden(self.category)}"
        return on + ("" if self.language is None else f" in {language_name(self.language)}")

    @property
    def condition(self) -> str:
        """The filter in SQL, for a command to copy."""
        chosen = {"category": self.category, "language": self.language}
        quoted = {name: value.replace("'", "''") for name, value in chosen.items() if value is not None}
        return " AND ".join(f"{name} = '{value}'" for name, value in quoted.items())


ALL = Filter()


def language_name(code: str) -> str:
    """The English name of a language by its code; the code itself where there is none."""
    return _LANGUAGE_NAMES.get(code.lower(), without_hidden(code))
