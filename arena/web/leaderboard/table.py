"""The rows of the leaderboard page: a table with each interval drawn in its row, cards on narrow screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from math import floor, log10

from agon.arena.core.endings import AnswerEndings
from agon.arena.core.roster import ModelCard
from agon.arena.web.layout import plural
from agon.arena.web.markdown.markdown import without_hidden
from agon.ranking import Leaderboard
from agon.ranking.leaderboard.row import Row, rank_text, score_range

_WIDE, _NARROW = 404.0, 330.0  # pixels of the drawn axis in the table and on a card
_EDGE = 12.0  # pixels left free at both ends


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of the models beside their scores; by the name they have in the votes."""

    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    endings: AnswerEndings = field(default_factory=AnswerEndings)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    """How those failed that cannot answer now."""
    closed: bool = False
    """Whether `cards` are all that can be drawn: other models are retired."""

    def name(self, model: str) -> str:
        """The name to show, safe to stand anywhere in text; not yet escaped for HTML."""
        card = self.cards.get(model)
        return without_hidden(card.display_name if card else model) or repr(model)

    def retired(self, model: str) -> bool:
        """Whether a model has votes and is not drawn any more."""
        return self.closed and model not in self.cards

    def about(self, model: str) -> str:
        """Organisation and licence, as far as they are known."""
        card = self.cards.get(model)
        return (
            " · ".join(without_hidden(part) for part in (card.organisation, card.licence) if part)
            if card
            else ""
        )

    def price(self, model: str) -> str:
        """Dollars for a million tokens of output."""
        card = self.cards.get(model)
        return "" if card is None or card.price is None else f"${card.price:,.2f}"

    def reliable(self, model: str) -> str:
        """The share of answers that arrived."""
        return self.endings.reliability(model)


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
    return f"{value:,.0f}" if board.settings.get("scale") == "elo" else board.number(value)


def half_text(board: Leaderboard, row: Row) -> str:
    """Half the width of an interval, "± 12"; empty for one that is open."""
    if row.lower is None or row.upper is None:
        return ""
    return f"± {score_text(board, (row.upper - row.lower) / 2)}"


def in_words(board: Leaderboard, row: Row) -> str:
    """The score and its interval as a sentence for those who do not see the drawing."""
    words = f"Score {score_text(board, row.score)}"
    if row.lower is None and row.upper is None:
        return f"{words}, no interval"
    low, high = (score_text(board, bound) or "unbounded" for bound in (row.lower, row.upper))
    return f"{words}, {board.level:.0%} interval {low} to {high}"


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
    if info.retired(row.model):
        return "Retired", "not drawn any more"
    if row.status == "ranked":
        if row.upper is None and row.lower is not None:
            return "Ranked", "never beaten"
        return "Ranked", "never won" if row.lower is None and row.upper is not None else ""
    least = int(board.settings.get("min_votes", 0))
    if row.status == "unplaced":
        return "No place", "the rule elects others, or nobody"
    if row.votes < least:
        return "Provisional", f"{row.votes:,} of {least:,} votes"
    return "Provisional", "too few votes with models that have enough"


def table_html(board: Leaderboard, info: ModelInfo, caption: str) -> str:
    """The rows of a board as a table; price and reliability only where one of them is known."""
    rows = [row for row in board.rows if row.status != "component"]
    axis = axis_of(rows)
    prices, reliable = (any(map(of, (r.model for r in rows))) for of in (info.price, info.reliable))
    marks = "".join(
        f'<text x="{axis.at(tick)}" y="26" text-anchor="middle" font-size="12" fill="var(--ink-3)">'
        f"{score_text(board, tick)}</text>"
        for tick in axis.ticks()
    )
    head = (
        '<th scope="col">Rank</th><th scope="col">Model</th><th scope="col" class="ag-r">Score</th>'
        f'<th scope="col" class="ag-plot"><span class="ag-sr">{board.level:.0%} interval</span>'
        f'<svg viewBox="0 0 {_WIDE:g} 34" aria-hidden="true">{marks}</svg></th><th scope="col"'
        f' class="ag-r">{board.counted.capitalize()}</th>'
        + ('<th scope="col" class="ag-r">Price / M</th>' if prices else "")
        + ('<th scope="col" class="ag-r">Reliability</th>' if reliable else "")
        + '<th scope="col">State</th>'
    )
    body = "".join(_table_row(board, row, info, axis, rows[0], prices, reliable) for row in rows)
    return (
        '<div class="ag-card ag-tablewrap"><table class="ag-lb"><caption'
        f' class="ag-sr">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _table_row(
    board: Leaderboard, row: Row, info: ModelInfo, axis: Axis, first: Row, prices: bool, reliable: bool
) -> str:
    word, why = state(board, row, info)
    ranked = row.status == "ranked"
    shown = (
        f'<span class="ag-dim">{word}</span>' if ranked else f'<span class="ag-pill ag-dash">{word}</span>'
    )
    reason = f' <span class="ag-tiny ag-dim">{why}</span>' if why else ""
    about = info.about(row.model)
    return (
        f'<tr{"" if ranked else " class=ag-prov"}><td class="ag-rk">{rank_text(row)}</td>'
        f'<th scope="row" class="ag-m"><b>{escape(info.name(row.model))}</b>'
        + (f"<span>{escape(about)}</span>" if about else "")
        + f'</th><td class="ag-r ag-sc">{score_text(board, row.score)} '
        f"<span>{half_text(board, row)}</span></td>"
        f'<td class="ag-plot">{drawing(board, row, axis, first, 48)}</td><td class="ag-r">{row.votes:,}</td>'
        + (f'<td class="ag-r">{info.price(row.model) or "–"}</td>' if prices else "")
        + (f'<td class="ag-r">{info.reliable(row.model) or "–"}</td>' if reliable else "")
        + f"<td>{shown}{reason}</td></tr>"
    )


def cards_html(board: Leaderboard, info: ModelInfo) -> str:
    """The same rows for a narrow screen, one card each."""
    rows = [row for row in board.rows if row.status != "component"]
    axis = axis_of(rows, _NARROW)
    marks = "".join(
        f'<text x="{axis.at(tick)}" y="12" text-anchor="middle" font-size="11" fill="var(--ink-3)">'
        f"{score_text(board, tick)}</text>"
        for tick in axis.ticks()
    )
    head = (
        '<div class="ag-lc ag-lh" aria-hidden="true"><span>Rank</span><span>Model</span><span>Score</span>'
        f'<span class="ag-plot"><svg viewBox="0 0 {_NARROW:g} 16">{marks}</svg></span></div>'
    )
    return (
        f'<div class="ag-card ag-cards">{head}<ol>'
        + "".join(_card(board, row, info, axis, rows[0]) for row in rows)
        + "</ol></div>"
    )


def _card(board: Leaderboard, row: Row, info: ModelInfo, axis: Axis, first: Row) -> str:
    word, why = state(board, row, info)
    votes = [] if why.endswith(" votes") else [plural(row.votes, "vote")]  # which it says already
    parts = [info.about(row.model), *votes, info.price(row.model)]
    if info.reliable(row.model):
        parts.append(f"{info.reliable(row.model)} reliable")
    if row.status != "ranked":
        parts.append(f"{word.lower()}{': ' + why if why else ''}")
    about = " · ".join(escape(part) for part in parts if part)
    return (
        f'<li class="ag-lc{"" if row.status == "ranked" else " ag-prov"}"><span class="ag-rk">'
        f'<span class="ag-sr">Rank </span>{rank_text(row)}</span><b>{escape(info.name(row.model))}</b>'
        f'<span class="ag-sc">{score_text(board, row.score)} <span>{half_text(board, row)}</span></span>'
        f'<span class="ag-o">{about}</span>'
        f'<span class="ag-plot">{drawing(board, row, axis, first, 26)}</span></li>'
    )
