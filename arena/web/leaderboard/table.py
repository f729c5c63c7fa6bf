"""The rows of the leaderboard page: a table with each interval drawn in its row, cards on narrow screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from math import floor, log10

from agon.arena.web.languages.texts import _, dotted, percent
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.leaderboard.board_words import in_range, votes_in_words
from agon.arena.web.leaderboard.columns import USUAL_COLUMNS, BoardColumn, chosen_columns, known_columns
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import PLAIN_VIEW, QueryError, in_quotes
from agon.ranking import Leaderboard
from agon.ranking.errors import OptionError, suggest
from agon.ranking.leaderboard.row import Row, rank_text, score_range
from agon.ranking.text import Sentence

_WIDE, _NARROW = 404.0, 330.0  # pixels of the drawn axis in the table and on a card
_EDGE = 12.0  # pixels left free at both ends


@dataclass(frozen=True, slots=True)
class Axis:
    """The scores that one drawing spans, and where it draws them."""

    low: float
    high: float
    width: float = _WIDE

    def at(self, score: float) -> float:
        """Pixels from the left, kept within the drawing."""
        share = (score - self.low) / (self.high - self.low)
        return round(_EDGE + min(max(share, 0.0), 1.0) * (self.width - 2 * _EDGE), 1)

    def ticks(self) -> list[float]:
        """Three to six round numbers on the axis."""
        span = self.high - self.low
        power = 10.0 ** floor(log10(span / 5))
        step = next(power * k for k in (1, 2, 5, 10) if span / (power * k) <= 5)
        first = -floor(-self.low / step)
        return [step * k for k in range(first, floor(self.high / step) + 1)]


def axis_of(rows: Sequence[Row], width: float = _WIDE) -> Axis:
    """The axis of some rows: all intervals of ranked models, and of the others as far as they fit beside."""
    low, high = score_range(rows) or (0.0, 1.0)
    margin = 0.04 * (high - low) or 1.0
    return Axis(low - margin, high + margin, width)


def score_text(board: Leaderboard, value: float | None) -> str:
    """A score with the digits that suit its scale: whole points, or three decimals."""
    if value is None:
        return ""
    return number_text(value, 0) if board.settings.get("scale") == "elo" else board.number(value)


def half_text(board: Leaderboard, row: Row) -> str:
    """Half the width of an interval, "± 12"; empty for one that is open."""
    if row.lower is None or row.upper is None:
        return ""
    return f"± {score_text(board, (row.upper - row.lower) / 2)}"


def in_words(board: Leaderboard, row: Row) -> str:
    """The score and its interval as a sentence for those who do not see the drawing."""
    score = score_text(board, row.score)
    if row.lower is None and row.upper is None:
        return _("Score {score}, no interval", score=score)
    low, high = (score_text(board, bound) or _("unbounded") for bound in (row.lower, row.upper))
    level = percent(board.level)
    return _("Score {score}, {level} interval {low} to {high}", score=score, level=level, low=low, high=high)


def drawing(board: Leaderboard, row: Row, axis: Axis, first: Row, height: int) -> str:
    """The interval of one row on the shared axis, over the band of the first row's interval."""
    middle = height / 2
    colour = "var(--accent)" if row.status == "ranked" else "var(--ink-3)"
    band = ""
    if first.status == "ranked" and first.lower is not None and first.upper is not None:
        left, right = axis.at(first.lower), axis.at(first.upper)
        band = (
            f'<rect x="{left}" width="{right - left:.1f}" y="0" height="{height}" fill="var(--accent-soft)"/>'
        )
    lines = "".join(
        f'<line x1="{x}" x2="{x}" y1="0" y2="{height}" stroke="var(--line)"/>'
        for x in map(axis.at, axis.ticks())
    )
    return (
        f'<svg viewBox="0 0 {axis.width:g} {height}" role="img"'
        f' aria-label="{in_words(board, row)}">{band}{lines}'
        f"{_interval(row, axis, middle, colour)}</svg>"
    )


def _interval(row: Row, axis: Axis, y: float, colour: str) -> str:
    """The line, its ends (a cap, or an arrow where it goes on), and the score."""
    if row.score is None:
        return ""
    drawn = ""
    if row.lower is not None or row.upper is not None:
        low = axis.low if row.lower is None else row.lower
        high = axis.high if row.upper is None else row.upper
        left, right = axis.at(low), axis.at(high)
        dash = ' stroke-dasharray="3 3"' if row.status != "ranked" else ""
        ends = "".join(
            f"M{x + 4 * way} {y - 4:g}l{-4 * way} 4 {4 * way} 4" if beyond else f"M{x} {y - 4:g}v8"
            for x, way, beyond in (
                (left, 1, row.lower is None or row.lower < axis.low),
                (right, -1, row.upper is None or row.upper > axis.high),
            )
        )
        drawn = (
            f'<line x1="{left}" x2="{right}" y1="{y:g}" y2="{y:g}" stroke="{colour}" stroke-width="2"{dash}/>'
            f'<path d="{ends}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
    fill = colour if row.status == "ranked" else "var(--surface)"
    at = axis.at(row.score)
    return f'{drawn}<circle cx="{at}" cy="{y:g}" r="4.2" fill="{fill}" stroke="{colour}" stroke-width="1.6"/>'


def state(board: Leaderboard, row: Row, info: ModelInfo) -> tuple[str, str]:
    """The state of a model in a word, and why."""
    life = info.life(row.model, row.votes)
    if life == "retired":
        return _("Retired"), _("not drawn any more")
    word, why = _standing(board, row, info)
    return (_("Paused"), why or _("not drawn at present")) if life == "paused" else (word, why)


def _standing(board: Leaderboard, row: Row, info: ModelInfo) -> tuple[str, str]:
    """What its votes make of a model in a word, and why."""
    if row.status == "ranked" and info.all_votes(row.model, row.votes) < info.preliminary:
        return _("Preliminary"), _(
            "{votes} of {least} votes", votes=info.all_votes(row.model, row.votes), least=info.preliminary
        )
    if row.status == "ranked":
        unbounded = row.lower is None, row.upper is None
        return _("Ranked"), {(False, True): _("never beaten"), (True, False): _("never won")}.get(
            unbounded, ""
        )
    if row.status in ("unplaced", "predicted"):
        unplaced = _("No place"), _("the rule elects others, or nobody")
        return (
            unplaced
            if row.status == "unplaced"
            else (_("Predicted"), _("judges voted on it, people did not"))
        )
    least = int(board.settings.get("min_votes", 0))
    if row.votes < least:
        return _("Provisional"), _("{votes} of {least} votes", votes=row.votes, least=least)
    return _("Provisional"), _("too few votes with models that have enough")


@dataclass(frozen=True, slots=True)
class ShownRows:
    """Which rows and columns of a board are shown.

    Attributes:
        rows: in this order.
        columns: beside rank, model and score.
        band: model → number of its band from 0; empty where no bands are drawn.
        sorted_by: the column by which the rows are sorted, after a "-" from the largest on.
        sort: the address of the same board by a column; None where there is none.
        page: the address of the page of a model; None where there is none.
        gaps: the head of the column of differences, and the differences by model; None without one.
    """

    rows: Sequence[Row]
    columns: Mapping[str, BoardColumn]
    band: Mapping[str, int] = field(default_factory=dict)
    sorted_by: str = ""
    sort: Callable[[str], str | None] = lambda _: None
    page: Callable[[str], str | None] = lambda _: None
    gaps: tuple[str, Mapping[str, str]] | None = None


def all_shown(board: Leaderboard, info: ModelInfo) -> ShownRows:
    """All rows with the usual columns, without links."""
    rows = [row for row in board.rows if row.status != "component"]
    return ShownRows(rows, chosen_columns(known_columns(board, info), PLAIN_VIEW))


def table_html(board: Leaderboard, info: ModelInfo, caption: str, shown: ShownRows | None = None) -> str:
    """The rows of a board as a table; columns only where something is known."""
    shown = shown or all_shown(board, info)
    axis = axis_of([row for row in board.rows if row.status != "component"])
    marks = "".join(
        f'<text x="{axis.at(tick)}" y="26" text-anchor="middle" font-size="12" fill="var(--ink-3)">'
        f"{score_text(board, tick)}</text>"
        for tick in axis.ticks()
    )
    head = _head("rank", _("Rank"), shown, right=False) + _head("model", _("Model"), shown, right=False)
    head += _head("score", _("Score"), shown)
    interval = _("{level} interval", level=percent(board.level))
    head += (
        f'<th scope="col" class="ag-plot"><span class="ag-sr">{interval}</span>'
        f'<svg viewBox="0 0 {_WIDE:g} 34" aria-hidden="true">{marks}</svg></th>'
    )
    if shown.gaps:
        head += f'<th scope="col" class="ag-r">{escape(shown.gaps[0])}</th>'
    head += "".join(_head(name, one.title, shown, right=one.right) for name, one in shown.columns.items())
    first = board.rows[0]
    bodies = "".join(
        f"<tbody{' class=ag-band' if isinstance(number, int) and number % 2 else ''}>"
        + "".join(_table_row(board, row, info, axis, first, shown) for row in rows)
        + "</tbody>"
        for number, rows in groupby(shown.rows, key=lambda row: shown.band.get(row.model, "none"))
    )
    wide = " ag-wide" if len(shown.columns) + bool(shown.gaps) > len(USUAL_COLUMNS) else ""
    label = ' aria-label="{}"'.format(_("Leaderboard")) if wide else ""
    return (
        f'<div class="ag-card ag-tablewrap{wide}"{" tabindex=0 role=group" if wide else ""}'
        f'{label}><table class="ag-lb"><caption'
        f' class="ag-sr">{escape(caption)}</caption><thead><tr>{head}</tr></thead>{bodies}</table></div>'
    )


def _head(name: str, title: str, shown: ShownRows, *, right: bool = True) -> str:
    """The head of a column; a link that sorts by it, the other way where that is done."""
    now = shown.sorted_by.removeprefix("-") == name
    falls = shown.sorted_by.startswith("-")
    first = "" if name in ("rank", "model", "state") else "-"
    key = ("" if falls else "-") + name if now else first + name
    here = shown.sort("" if key == "rank" else key)
    said = escape(title)
    if here is not None:
        arrow = f'<span aria-hidden="true">{"↓" if falls else "↑"}</span>' if now else ""
        said = f'<a href="{escape(here)}" title="{_("Sort")}">{said}{arrow}</a>'
    order = f' aria-sort="{"descending" if falls else "ascending"}"' if now else ""
    return f'<th scope="col"{" class=ag-r" if right else ""}{order}>{said}</th>'


def _name(model: str, info: ModelInfo, shown: ShownRows) -> str:
    here = shown.page(model)
    said = escape(info.name(model))
    return said if here is None else f'<a href="{escape(here)}">{said}</a>'


def _table_row(
    board: Leaderboard, row: Row, info: ModelInfo, axis: Axis, first: Row, shown: ShownRows
) -> str:
    ranked = row.status == "ranked"
    about = info.about(row.model)
    cells = ""
    if shown.gaps:
        cells += f'<td class="ag-r">{shown.gaps[1].get(row.model, "–")}</td>'
    for name, column in shown.columns.items():
        if name == "state":
            word, why = state(board, row, info)
            said = (
                f'<span class="ag-dim">{word}</span>'
                if ranked and info.life(row.model, row.votes) == "listed"
                else f'<span class="ag-pill ag-dash">{word}</span>'
            )
            reason = f' <span class="ag-tiny ag-dim">{why}</span>' if why else ""
            cells += f"<td>{said}{reason}</td>"
        else:
            said = escape(column.text(row)) or "–"
            cells += f"<td{' class=ag-r' if column.right else ''}>{said}</td>"
    return (
        f'<tr{"" if ranked else " class=ag-prov"}><td class="ag-rk">{rank_text(row)}</td>'
        f'<th scope="row" class="ag-m"><b>{_name(row.model, info, shown)}</b>'
        + (f"<span>{escape(about)}</span>" if about else "")
        + f'</th><td class="ag-r ag-sc">{score_text(board, row.score)} '
        f"<span>{half_text(board, row)}</span></td>"
        f'<td class="ag-plot">{drawing(board, row, axis, first, 48)}</td>{cells}</tr>'
    )


def cards_html(board: Leaderboard, info: ModelInfo, shown: ShownRows | None = None) -> str:
    """The same rows for a narrow screen, one card each."""
    shown = shown or all_shown(board, info)
    axis = axis_of([row for row in board.rows if row.status != "component"], _NARROW)
    marks = "".join(
        f'<text x="{axis.at(tick)}" y="12" text-anchor="middle" font-size="11" fill="var(--ink-3)">'
        f"{score_text(board, tick)}</text>"
        for tick in axis.ticks()
    )
    head = (
        f'<div class="ag-lc ag-lh" aria-hidden="true"><span>{_("Rank")}</span>'
        f"<span>{_('Model')}</span>"
        f"<span>{_('Score')}</span>"
        f'<span class="ag-plot"><svg viewBox="0 0 {_NARROW:g} 16">{marks}</svg></span></div>'
    )
    return (
        f'<div class="ag-card ag-cards">{head}<ol>'
        + "".join(_card(board, row, info, axis, shown) for row in shown.rows)
        + "</ol></div>"
    )


def _said_in(row: Row, board: Leaderboard, info: ModelInfo, why: str) -> bool:
    """Whether the votes of a row stand in its state already."""
    least = int(board.settings.get("min_votes", 0)) if row.status != "ranked" else info.preliminary
    return bool(why) and why == _("{votes} of {least} votes", votes=row.votes, least=least)


def _card(board: Leaderboard, row: Row, info: ModelInfo, axis: Axis, shown: ShownRows) -> str:
    word, why = state(board, row, info)
    parts = [info.about(row.model)]
    for name, column in shown.columns.items():
        said = column.text(row)
        if name == "votes":
            parts += (
                [] if _said_in(row, board, info, why) else [votes_in_words(row.votes, board.counted[:-1])]
            )
        elif name == "reliability" and said:
            parts.append(_("{share} reliable", share=said))
        elif name == "price":
            parts.append(said)
        elif name not in ("state", "organisation", "licence") and said:
            parts.append(_("{what} {value}", what=column.title.lower(), value=said))
    if shown.gaps and row.model in shown.gaps[1]:
        parts.append(f"{shown.gaps[0]}: {shown.gaps[1][row.model]}")
    if row.status != "ranked" or info.life(row.model, row.votes) != "listed":
        parts.append(f"{word.lower()}{': ' + why if why else ''}")
    about = dotted([escape(part) for part in parts if part])
    kinds = ("" if row.status == "ranked" else " ag-prov") + (
        " ag-band" if shown.band.get(row.model, 0) % 2 else ""
    )
    return (
        f'<li class="ag-lc{kinds}"><span class="ag-rk">'
        f'<span class="ag-sr">{_("Rank")} </span>{rank_text(row)}</span>'
        f"<b>{_name(row.model, info, shown)}</b>"
        f'<span class="ag-sc">{score_text(board, row.score)} <span>{half_text(board, row)}</span></span>'
        f'<span class="ag-o">{about}</span>'
        f'<span class="ag-plot">{drawing(board, row, axis, board.rows[0], 26)}</span></li>'
    )


def differences(board: Leaderboard, base: str) -> dict[str, str]:
    """How far each model is above one of them, with the interval, in words; not those that cannot be told.

    Raises:
        QueryError: there is no such model.
    """
    if base not in board:
        names = [row.model for row in board.rows]
        raise QueryError(
            Sentence(
                "There is no model {name} on this board; {remedy}",
                name=in_quotes(base),
                remedy=suggest(base, names),
            )
        )
    found = {}
    for row in board.rows:
        with suppress(OptionError):
            gap = board.difference(row.model, base)
            low, high = (signed(score_text(board, end) or "…") for end in (gap.lower, gap.upper))
            found[row.model] = in_range(signed(score_text(board, gap.difference)), low, high)
    return found | {base: "0"}


def signed(number: str) -> str:
    """A number with its sign, and a minus as wide as a plus."""
    return (
        number if number in ("0", "…", "") else number.replace("-", "−") if number[0] == "-" else f"+{number}"
    )
