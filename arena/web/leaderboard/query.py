"""Which board a reader asks for: votes of some kind, under one rule, adjusted for features of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args
from urllib.parse import urlencode

from agon.arena.web.markdown.markdown import without_hidden
from agon.data.files.schema import PERIODS
from agon.data.log.operation.life_cycle import Life
from agon.data.sql import quote_name, quote_text
from agon.ranking import Leaderboard
from agon.ranking.errors import InputError, suggest
from agon.ranking.text import Sentence, join_names

DEFAULT_RULE = "bradley_terry"
LEAST_AT = 8  # digits of a fingerprint in an address
LIVES: tuple[Life, ...] = get_args(Life)
# Words of an address beside the columns; a column so called is no filter.
OTHER_WORDS = (
    "rule",
    "adjust",
    "all",
    "search",
    "sort",
    "from",
    "columns",
    "at",
    "name",
    "models",
    "of",
    "state",
)
_LANGUAGE_NAMES = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sv": "Swedish", "sw": "Swahili", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


class QueryError(InputError):
    """The address asks for what there is not; the page answers 404 with the sentence."""


class ChangedBoardError(InputError):
    """The address is of a board that is another one by now; the page answers 410 with the sentence."""


def no_model(name: str, known: Sequence[str]) -> QueryError:
    """The error of an address with a model that there is not."""
    return QueryError(
        Sentence("There is no model {name} here; {remedy}", name=in_quotes(name), remedy=suggest(name, known))
    )


def in_quotes(text: str) -> str:
    """What was asked for as it stands in a refusal."""
    return repr(without_hidden(text))


@dataclass(frozen=True, slots=True)
class Offer:
    """What a reader can ask for.

    Attributes:
        filters: {column: {value: votes}}, each column's votes within the values chosen of the others.
        rules: names of methods that these votes may be ranked by.
        features: of the answers, that Bradley-Terry can adjust for.
        tasks: of a table of scores.
    """

    filters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rules: Sequence[str] = (DEFAULT_RULE,)
    features: Sequence[str] = ()
    tasks: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class BoardView:
    """How a board is shown, whatever it says.

    Attributes:
        everyone: whether all models are shown, however many.
        search: what the names of those shown have in them.
        sort: name of the column that they are sorted by, after a "-" from the largest on; empty for by rank.
        base: the model from which the differences are shown; empty for none.
        columns: names of the columns shown beside rank, model and score; None for the usual.
        at: the beginning of the fingerprint that the board must have; empty for any.
        life: the state of the models that are shown; empty for any.
    """

    everyone: bool = False
    search: str = ""
    sort: str = ""
    base: str = ""
    columns: tuple[str, ...] | None = None
    at: str = ""
    life: Life | None = None

    @property
    def kept(self) -> BoardView:
        """What of it stays when another board is asked for: the columns, and whom it is compared with."""
        return BoardView(base=self.base, columns=self.columns)

    @property
    def parameters(self) -> dict[str, str]:
        """What it adds to an address."""
        given = {"all": "1" if self.everyone else "", "search": self.search, "sort": self.sort}
        given |= {"from": self.base, "at": self.at, "state": self.life or ""}
        given = {name: value for name, value in given.items() if value}
        return given if self.columns is None else given | {"columns": ",".join(self.columns)}


PLAIN_VIEW = BoardView()


@dataclass(frozen=True, slots=True)
class BoardQuery:
    """Which board is asked for.

    Attributes:
        where: columns and the value that votes must have, in the order of the columns.
        rule: name of the method.
        adjust: features to adjust for.
        view: how it is shown.
    """

    where: tuple[tuple[str, str], ...] = ()
    rule: str = DEFAULT_RULE
    adjust: tuple[str, ...] = ()
    view: BoardView = PLAIN_VIEW

    @classmethod
    def of(cls, parameters: Mapping[str, str], offer: Offer) -> BoardQuery:
        """Read it from the parameters of an address.

        Raises:
            QueryError: a parameter or a value that there is not.
        """
        where = []
        for name, value in parameters.items():
            if name in OTHER_WORDS:
                continue
            if name not in offer.filters:
                raise QueryError(
                    Sentence(
                        "There is no filter {name}; {remedy}",
                        name=in_quotes(name),
                        remedy=suggest(name, [*offer.filters, "rule"]),
                    )
                )
            known = offer.filters[name]
            if value not in known:
                remedy = (
                    suggest(value, known) if known else Sentence("the votes of this arena name none yet.")
                )
                raise QueryError(
                    Sentence(
                        "There are no votes with the {column} {value}; {remedy}",
                        column=Sentence(name),
                        value=in_quotes(value),
                        remedy=remedy,
                    )
                )
            where.append((name, value))
        rule = parameters.get("rule", DEFAULT_RULE)
        if rule not in offer.rules:
            remedy = suggest(rule, offer.rules)
            raise QueryError(
                Sentence(
                    "There is no rule {rule} for these votes; {remedy}", rule=in_quotes(rule), remedy=remedy
                )
            )
        adjust = tuple(name for name in parameters.get("adjust", "").split(",") if name)
        for name in adjust:
            if name not in offer.features:
                remedy = (
                    suggest(name, offer.features) if offer.features else Sentence("these votes have none.")
                )
                raise QueryError(
                    Sentence(
                        "There is no feature {name} to adjust for; {remedy}",
                        name=in_quotes(name),
                        remedy=remedy,
                    )
                )
        if adjust and rule != DEFAULT_RULE:
            raise QueryError(
                Sentence("Only Bradley-Terry can be adjusted; leave out adjust= or rule={rule}.", rule=rule)
            )
        order = list(offer.filters)
        where.sort(key=lambda item: order.index(item[0]))
        columns = None
        if "columns" in parameters:
            columns = tuple(dict.fromkeys(name for name in parameters["columns"].split(",") if name))
        shown = {name: parameters.get(name, "").strip() for name in ("search", "sort", "from", "at")}
        life = parameters.get("state", "")
        if life not in ("", *LIVES):
            raise QueryError(
                Sentence(
                    "There is no state {name}; {remedy}", name=in_quotes(life), remedy=suggest(life, LIVES)
                )
            )
        view = BoardView(
            "all" in parameters,
            shown["search"],
            shown["sort"],
            shown["from"],
            columns,
            shown["at"],
            next((one for one in LIVES if one == life), None),
        )
        return cls(tuple(where), rule, tuple(f for f in offer.features if f in adjust), view)

    @property
    def chosen(self) -> dict[str, str]:
        """The value of each column that is bound."""
        return dict(self.where)

    def within(self, column: str, value: str | None, columns: Sequence[str]) -> BoardQuery:
        """The same board of the votes with this value of a column, or with any; `columns` is their order."""
        chosen = {name: kept for name, kept in self.where if name != column}
        if value is not None:
            chosen[column] = value
        where = tuple((name, chosen[name]) for name in columns if name in chosen)
        return replace(self, where=where, view=self.view.kept)

    def under(self, rule: str) -> BoardQuery:
        """The same votes under another rule."""
        return replace(
            self, rule=rule, adjust=self.adjust if rule == DEFAULT_RULE else (), view=self.view.kept
        )

    def toggled(self, feature: str, features: Sequence[str]) -> BoardQuery:
        """The same votes, adjusted for one feature more, or less."""
        adjust = tuple(name for name in features if (name in self.adjust) != (name == feature))
        return replace(self, rule=DEFAULT_RULE, adjust=adjust, view=self.view.kept)

    @property
    def parameters(self) -> str:
        """The query of its address; empty for the board of all votes."""
        given = dict(self.where)
        if self.rule != DEFAULT_RULE:
            given["rule"] = self.rule
        if self.adjust:
            given["adjust"] = ",".join(self.adjust)
        return urlencode(given | self.view.parameters)

    @property
    def plain(self) -> BoardQuery:
        """The same board, shown as usual."""
        return replace(self, view=PLAIN_VIEW)

    @property
    def words(self) -> str:
        """What the votes are of, to follow "votes": " on Code in German"; empty for all."""
        said = ""
        others = []
        for column, value in self.where:
            if column == "category":
                said += f" on {without_hidden(value)}"
            elif column == "language":
                said += f" in {language_name(value)}"
            elif column in PERIODS:
                said += f" of {without_hidden(value)}"
            else:
                others.append(f"{without_hidden(column)} {without_hidden(value)}")
        return said + (f" with {join_names(others)}" if others else "")

    def condition(self, periods: Mapping[str, str]) -> str:
        """The filter in SQL, for a command to copy; `periods` is the SQL of what is no column."""
        return " AND ".join(
            f"{periods.get(name) or _column(name)} = {quote_text(value)}" for name, value in self.where
        )


def _column(name: str) -> str:
    return name if name in ("category", "language") else quote_name(name)


ALL = BoardQuery()


def language_name(code: str) -> str:
    """The English name of a language by its code; the code itself where there is none."""
    return _LANGUAGE_NAMES.get(code.lower(), without_hidden(code))


def check_fingerprint(board: Leaderboard, query: BoardQuery) -> None:
    """Refuse a board that is not the one that a permalink was made for.

    Raises:
        ChangedBoardError: it has another fingerprint.
    """
    at = query.view.at
    if at and not (len(at) >= LEAST_AT and board.fingerprint.startswith(at.casefold())):
        raise ChangedBoardError(
            Sentence(
                "This link is to the board with the fingerprint {before}, and today's is {now}: votes "
                "came in, or Agon changed.",
                before=without_hidden(at)[:16],
                now=board.fingerprint[:16],
            )
        )
