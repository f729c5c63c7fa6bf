"""The frozen result of a ranking: rows, the settings that made them, and what to know about the votes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from agon.ranking.errors import OptionError, SourceError, suggest
from agon.ranking.inference.difference import Difference, compare_scores
from agon.ranking.inference.intervals import Uncertainty
from agon.ranking.inference.simultaneous import MaxT, max_t
from agon.ranking.inference.winners_curse import Winner
from agon.ranking.leaderboard.board_change import BoardChange, compare_boards
from agon.ranking.leaderboard.conclusions import Lead, conclude
from agon.ranking.leaderboard.exchange import (
    board_to_html,
    board_to_latex,
    boards_to_csv,
    column_heads,
    read_boards,
)
from agon.ranking.leaderboard.one_way_wins import PROBIT
from agon.ranking.leaderboard.row import COLUMNS, Row, plain, rank_text
from agon.ranking.numerics import FloatArray
from agon.ranking.results import Coefficient, Diagnostic, RatingHistory
from agon.ranking.text import Readable, Sentence
from agon.ranking.votes.vote_source import LogHead

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

SCHEMA = 1


@dataclass(frozen=True, repr=False)
class WinProbability(Readable):
    """How often an answer of `model` is preferred to one of `other`, with the interval at a level."""

    model: str
    other: str
    probability: float
    lower: float
    upper: float

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return (
            f"Answers of {self.model} are preferred to those of {self.other} in "
            f"{self.probability:.1%} of cases ({self.lower:.1%} to {self.upper:.1%})."
        )


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """A ranking of models; best first, then provisional models, then those of other components.

    Attributes:
        rows: one `Row` a model.
        method: name of the method.
        settings: every option and setting that made the board.
        level: of the intervals and rank ranges.
        rank_method: where the rank ranges come from: "differences" (a covariance), "bootstrap",
            "empirical_bayes" or "none".
        diagnostics: what to know about the votes.
        fingerprint: SHA-256 of the votes, the settings and the version, hexadecimal.
        head: of votes of the log of an arena, up to which event; else None.
        by: the group this board is of, such as {"language": "en"}, or None.
        components: boards of the other components, each on a scale of its own.
        coefficients: what the method fitted beside the scores, such as the effect of an answer's length.
        lead: whether the first leads however often one looks; None of rules whose scores cannot tell.
        winner: the first, corrected for having been picked; None where its interval is open or place shared.
        log_odds: one log-odds on the scale of the scores; None where they are none.
        uncertainty: covariance or bootstrap samples of the scores in the order of `models`.
        models: the names in the order of `uncertainty`.
        history: how the scores moved, of methods that go by time; without an anchor.
    """

    rows: tuple[Row, ...]
    method: str
    settings: Mapping[str, Any]
    level: float
    rank_method: Literal["differences", "bootstrap", "empirical_bayes", "none"]
    diagnostics: tuple[Diagnostic, ...]
    fingerprint: str
    head: LogHead | None = None
    by: Mapping[str, Any] | None = None
    components: tuple[Leaderboard, ...] = ()
    coefficients: tuple[Coefficient, ...] = ()
    lead: Lead | None = None
    winner: Winner | None = None
    log_odds: float | None = field(default=None, repr=False)
    uncertainty: Uncertainty | None = field(default=None, repr=False)
    models: tuple[str, ...] = field(default=(), repr=False)
    history: RatingHistory | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping cannot be pickled, what it shows can
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return partial(Leaderboard, **{**values, "settings": dict(self.settings)}), ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __contains__(self, model: object) -> bool:
        """Whether a model of this name, or this row, is on the board."""
        return any(model in (row.model, row) for row in self.rows)

    @overload
    def __getitem__(self, model: str | int) -> Row: ...
    @overload
    def __getitem__(self, model: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, model: str | int | slice) -> Row | tuple[Row, ...]:
        """Return the row of a model, or the row or rows at a position: board[0] is the first.

        Raises:
            OptionError: no such model; the message names the nearest.
            IndexError: no such position.
        """
        if isinstance(model, slice):
            return self.rows[model]
        if isinstance(model, int | np.integer):
            if -len(self) <= model < len(self):
                return self.rows[model]
            raise IndexError(f"The board has {len(self)} rows, from board[0] to board[{len(self) - 1}].")
        for row in self.rows:
            if row.model == model:
                return row
        if model in COLUMNS:
            raise OptionError(f"{model!r} is a column: take board.to_frame()[{model!r}].")
        if not isinstance(model, str):
            raise OptionError(f"A row has a name or a position, such as board[0], not {model!r}.")
        raise OptionError(f"No model {model!r} on this board; {suggest(model, [r.model for r in self.rows])}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what a board has instead of what it lacks."""
            said = f"A board has no {name!r}"
            if name.startswith("_"):
                raise AttributeError(f"{said}.", name=name, obj=self)
            near = suggest(name, [one for one in dir(type(self)) if not one.startswith("_")])
            column = name if name in COLUMNS else name.removesuffix("s")
            if column in COLUMNS:
                near = f"a row has: board[0].{column}, or board.to_frame()[{column!r}] of all."
            elif not near.startswith("did") or name in ("head", "tail"):
                near = "board.to_frame() is a pandas DataFrame."
            raise AttributeError(f"{said}; {near}", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        """Whether the other board says the same, down to the last digit, of the same votes and settings."""
        return isinstance(other, Leaderboard) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.fingerprint, str(self.by)))

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that have a rank."""
        return tuple(row for row in self.rows if row.status == "ranked")

    @property
    def bands(self) -> tuple[tuple[str, ...], ...]:
        """The ranked models in bands, best first: no model is certainly below the first of its band.

        Where the next model is, at the board's level, the next band begins; empty without intervals.
        """
        if self.uncertainty is None or self.rank_method == "none":
            return ()
        found: list[list[str]] = []
        first = -1
        for row in self.ranked:
            at = self.models.index(row.model)
            if not found or self.uncertainty.above[first, at]:
                found.append([])
                first = at
            found[-1].append(row.model)
        return tuple(map(tuple, found))

    def conclusion(self, name: Callable[[str], str] = str) -> str:
        """Say in one sentence what the board shows; `name` says how to call a model."""
        return conclude(self, name)

    def difference(self, model: str, other: str, *, simultaneous: bool | None = None) -> Difference:
        """Compare two models of this board, by the covariance of their scores or its bootstrap.

        Where scores are cautious bounds, as μ − 3σ is, what they are bounds of is compared.

        Args:
            model, other: names of two models on this board.
            simultaneous: whether to allow for all pairs of the board at once; None for as the board does.

        Raises:
            OptionError: an unknown model, one whose score the votes do not bound, or a board without
                scores or intervals.
        """
        one, two = self[model], self[other]
        model, other = one.model, two.model
        for row in (one, two):
            if row.score is None:
                raise OptionError(f"{row.model!r} has no score on this board to compare.")
            if self.rank_method != "none" and (row.lower is None or row.upper is None):
                raise OptionError(
                    f"{row.model!r} has an open interval: the votes do not bound this difference."
                )
        if one.score is None or two.score is None or self.uncertainty is None:
            raise OptionError('This board has no intervals; rank with interval="auto" to compare two models.')
        for name in (model, other):
            if name not in self.models:
                raise OptionError(f"{name!r} has too few votes on this board to compare.")
        wanted = bool(self.settings.get("simultaneous")) if simultaneous is None else simultaneous
        at = self.models.index(model), self.models.index(other)
        centre = self.uncertainty.centre
        gap = one.score - two.score if centre is None else float(centre[at[0]] - centre[at[1]])
        largest = self._max_t if wanted else None
        return compare_scores((model, other), gap, at, self.uncertainty, self.level, largest)

    def win_probability(self, model: str, other: str) -> WinProbability:
        """The chance that one model's answer is preferred to another's, with its interval.

        By the curve of the method's scale from the difference of the two scores; a tie counts half.

        Raises:
            OptionError: as `difference`, or a board whose scores are no log-odds.
        """
        if self.log_odds is None:
            raise OptionError(f"The scores of {self.method} are no log-odds; rank with bradley_terry.")
        found = self.difference(model, other)
        low, gap, high = (
            None if bound is None else bound / self.log_odds
            for bound in (found.lower, found.difference, found.upper)
        )

        def share(bound: float | None, otherwise: float) -> float:
            if bound is None:
                return otherwise
            normal = self.method == "thurstone"
            return 0.5 * math.erfc(-bound / PROBIT / math.sqrt(2)) if normal else 1 / (1 + math.exp(-bound))

        return WinProbability(model, other, share(gap, 0.5), share(low, 0.0), share(high, 1.0))

    @cached_property
    def _max_t(self) -> MaxT | None:
        """How far the differences of the ranked models stray at once."""
        known = self.uncertainty
        if known is None or known.max_t is not None:
            return None if known is None else known.max_t
        group = np.full(len(self.models), -1, dtype=np.int64)
        group[[self.models.index(row.model) for row in self.ranked]] = 0
        seed = int(self.settings.get("seed", 0))
        return max_t(group, seed=seed, covariance=known.covariance, samples=known.samples, df=known.df)

    @property
    def covariance(self) -> FloatArray | None:
        """(M, M) of the scores in the order of `models`; None on a board from the bootstrap."""
        return None if self.uncertainty is None else self.uncertainty.covariance

    def plot(self) -> Figure:
        """Draw the scores with their intervals; needs plotly."""
        from agon.ranking.leaderboard.plots import board_plot

        return board_plot(self)

    def difference_map(self) -> Figure:
        """Draw the differences of all ranked models, pale where they are not certain; needs plotly."""
        from agon.ranking.leaderboard.plots import difference_map

        return difference_map(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame; whole numbers that may be missing are Int64."""
        import pandas as pd

        frame = pd.DataFrame(
            [{name: getattr(row, name) for name in COLUMNS} for row in self.rows], columns=COLUMNS
        )
        kinds = dict.fromkeys(("rank", "rank_lower", "rank_upper"), "Int64")
        kinds |= dict.fromkeys(("score", "lower", "upper", "p_first"), "float64")
        return frame.astype(kinds)

    @property
    def counted(self) -> str:
        """What the board counts: "tasks" of a table of scores, else "votes"."""
        return "tasks" if "tasks" in self.settings else "votes"

    def to_dict(self) -> dict[str, Any]:
        """Return the board as plain values, as in the JSON of the command line (docs/data.md)."""
        return {
            "method": self.method,
            "settings": dict(self.settings),
            "level": self.level,
            "rank_method": self.rank_method,
            "by": dict(self.by) if self.by is not None else None,
            "counted": self.counted,
            "fingerprint": self.fingerprint,
            "head": None if self.head is None else asdict(self.head),
            "diagnostics": [
                {"code": d.code, "models": list(d.models), "message": d.message} for d in self.diagnostics
            ],
            "models": [
                {"model": row.model} | {name: getattr(row, name) for name in COLUMNS if name != "model"}
                for row in self.rows
            ],
            "lead": None if self.lead is None else asdict(self.lead),
            "winner": None if self.winner is None else asdict(self.winner),
            "coefficients": [
                {"name": c.name, "value": c.value, "lower": c.lower, "upper": c.upper}
                for c in self.coefficients
            ],
        }

    def to_json(self) -> str:
        """Return the board, and those of its components, as JSON of the command line's schema."""
        return boards_to_json([self])

    def to_markdown(self, top: int | None = None) -> str:
        """Return a Markdown table of the first rows under the conclusion."""
        head = column_heads(self)
        lines = [_marked(self.conclusion()), "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        first = self.first_rows(top)
        lines += ["| " + " | ".join(map(_marked, self.cells(row))) + " |" for row in first]
        lines += [""] + [f"- {_marked(text)}" for text in self.remarks()]
        return "\n".join(lines).rstrip() + "\n"

    def first_rows(self, top: int | None) -> tuple[Row, ...]:
        """Return the first rows, all for None.

        Raises:
            OptionError: a negative number, or none at all.
        """
        if isinstance(top, str):
            raise OptionError(
                f"These methods return text and write no file: Path({top!r}).write_text(board.to_...())."
            )
        if top is not None and (not isinstance(top, int) or top < 0):
            raise OptionError(f"top is the number of rows from the top, not {top!r}.")
        return self.rows[:top]

    def to_csv(self, top: int | None = None) -> str:
        """Return the first rows, and those of its components, as CSV with the columns of `to_frame`."""
        return boards_to_csv([self], top)

    def to_html(self, top: int | None = None) -> str:
        """Return conclusion, first rows and diagnostics as HTML without styles of its own."""
        return board_to_html(self, top)

    def to_latex(self, top: int | None = None) -> str:
        """Return the first rows as a LaTeX table under the conclusion."""
        return board_to_latex(self, top)

    @classmethod
    def from_json(cls, text: str) -> Leaderboard:
        """Read a board, with those of its components, from what `to_json` wrote.

        The JSON holds no covariance, so that the board has no differences.

        Raises:
            SourceError: no JSON of boards, or of several; `agon.ranking.boards_from_json` reads these.
        """
        boards = read_boards(text, cls)
        if len(boards) > 1:
            raise SourceError(f"The JSON holds {len(boards)} boards; read them with boards_from_json.")
        return boards[0]

    def compare(self, other: Leaderboard) -> BoardChange:
        """Say who moved from this board to another of the same method, by how much, and if beyond chance.

        Raises:
            OptionError: boards of different methods, scales or levels.
        """
        return compare_boards(self, other)

    def cells(self, row: Row) -> tuple[str, ...]:
        """Texts of a row: rank range, model, score, interval, votes, status."""
        return (
            rank_text(row),
            row.model,
            self.number(row.score),
            self.interval_text(row),
            f"{row.votes:,}",
            row.status,
        )

    def remarks(self, name: Callable[[str], str] = str) -> tuple[str, ...]:
        """What to read below the table: coefficients, diagnostics, and what luck may have added to the first.

        Args:
            name: how to call a model.
        """
        found = [c.sentence(self.level) for c in self.coefficients]
        found += [d.rename_models(name) for d in self.diagnostics]
        first = self.winner
        if first is not None and first.notable:
            score, low, high = map(self.number, (first.corrected, first.lower, first.upper))
            found.append(
                Sentence(
                    "A first score is raised by luck: corrected for being picked out of {number}, {model} "
                    "scores {score} ({low} to {high}).",
                    number=len(self.ranked),
                    model=name(first.model),
                    score=score,
                    low=low,
                    high=high,
                )
            )
        return tuple(found)

    def interval_text(self, row: Row) -> str:
        """The interval of a score as text; an open side is an ellipsis, no interval is empty."""
        if row.lower is None and row.upper is None:
            return ""
        if row.model == self.settings.get("anchor"):
            return "fixed"
        return f"{self.number(row.lower) or '…'} to {self.number(row.upper) or '…'}"

    def number(self, value: float | None) -> str:
        """A score as text, with the digits that suit the board's scale."""
        if value is None:
            return ""
        digits = {"share": 3, "natural": 3}.get(str(self.settings.get("scale")), 1)
        return f"{value:.{digits}f}"

    def __repr__(self) -> str:
        group = "".join(f", {name}={value}" for name, value in (self.by or {}).items())
        return f"Leaderboard({self.method}{group}: {self.conclusion()})"

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_markdown()


def boards_from_json(text: str) -> list[Leaderboard]:
    """Read boards from what `boards_to_json` or `agon rank --format json` wrote.

    Raises:
        SourceError: no JSON of boards.
    """
    return read_boards(text, Leaderboard)


def boards_to_json(boards: Sequence[Leaderboard]) -> str:
    """Return boards, each followed by those of its components, as JSON: {"schema": 1, "boards": [...]}."""
    every = [part for board in boards for part in (board, *board.components)]
    document = {"schema": SCHEMA, "boards": [board.to_dict() for board in every]}
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2, default=_plain)


def _marked(text: str) -> str:
    """A text from the votes as it may stand in a Markdown table."""
    return plain(text).replace("|", "\\|").replace("<", "&lt;")


def _plain(value: object) -> object:
    """Turn numpy numbers into Python's for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a value of a board")
