"""Quality against one fact of the models, drawn and as a table; the efficient ones are joined by a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from agon.arena.web.languages.texts import _, ngettext, paragraph
from agon.arena.web.leaderboard.table import Axis, score_text
from agon.arena.web.lens.fact_words import fact_heading, fact_word, short_number
from agon.ranking import Leaderboard
from agon.ranking.leaderboard.dynascore import MORE_IS_BETTER

_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 46
_DECADES = 15.0  # how many times the smallest value the largest is, for an axis of logarithms
_LABELLED = 14  # names that fit the drawing
_LETTER = 6.3  # width of one, in pixels


@dataclass(frozen=True, slots=True)
class PlottedModel:
    """One model: its score with bounds, a fact, whether it may be taken, and whether it is efficient."""

    model: str
    score: float
    lower: float | None
    upper: float | None
    fact: float
    allowed: bool
    efficient: bool


def efficient_models(points: Sequence[tuple[str, float, float]], *, more: bool = False) -> set[str]:
    """Names of those of (model, score, fact) that no other beats in one without losing in the other.

    Args:
        points: the models.
        more: whether more of the fact is better.
    """
    way = -1.0 if more else 1.0
    return {
        name
        for name, score, fact in points
        if not any(
            other >= score and way * amount <= way * fact and (other > score or way * amount < way * fact)
            for _name, other, amount in points
        )
    }


def points_of(
    board: Leaderboard, fact: str, values: dict[str, float], allowed: set[str]
) -> list[PlottedModel]:
    """The models of a board of which the fact is known, by the fact."""
    rows = [row for row in board.rows if row.score is not None and row.status == "ranked"]
    there = [(row.model, float(row.score or 0.0), values[row.model]) for row in rows if row.model in values]
    best = efficient_models(there, more=fact in MORE_IS_BETTER)
    found = [
        PlottedModel(
            row.model,
            float(row.score or 0.0),
            row.lower,
            row.upper,
            values[row.model],
            row.model in allowed,
            row.model in best,
        )
        for row in rows
        if row.model in values
    ]
    return sorted(found, key=lambda one: (one.fact, -one.score))


def pareto_html(
    board: Leaderboard,
    fact: str,
    points: Sequence[PlottedModel],
    choice: str | None,
    name: Callable[[str], str],
) -> str:
    """The figure of quality against a fact, with what it says in a sentence and its numbers in a table."""
    if len(points) < 2:
        return ""
    line = [one for one in points if one.efficient]
    names: object = tuple(name(one.model) for one in line[:6])
    if len(line) > 6:
        names = _("{models} and more", models=names)
    said = _("On the line: {models}.", models=names) + " "
    if fact in MORE_IS_BETTER:
        said += _(
            "By the scores as they stand no other model has a better score for more or an equal {fact}; "
            "bars are the intervals of the scores.",
            fact=fact_word(fact),
        )
    else:
        said += _(
            "By the scores as they stand no other model has a better score for less or an equal {fact}; "
            "bars are the intervals of the scores.",
            fact=fact_word(fact),
        )
    left_out = len([row for row in board.rows if row.status == "ranked"]) - len(points)
    more = ""
    if left_out > 0:
        more = " " + ngettext(
            "Of {count} more models it is not known.", "Of {count} more models it is not known.", left_out
        )
    rows = "".join(
        f'<tr><th scope="row">{escape(name(one.model))}</th><td class="ag-r">{short_number(one.fact)}</td>'
        f'<td class="ag-r">{score_text(board, one.score)}</td>'
        f"<td>{_('on the line') if one.efficient else ''}</td></tr>"
        for one in points
    )
    title = _("Score against {fact}", fact=fact_word(fact))
    under = paragraph([said + more])
    numbers = _("{title}, in numbers", title=title)
    return (
        f'<section class="ag-card ag-pad ag-fig"><h2>{escape(title)}</h2><p>{escape(under)}</p>'
        f'<div class="ag-pareto" tabindex="0" role="group" aria-label="{escape(title)}">'
        f"{_svg(board, fact, points, choice, name, said)}</div>"
        f'<details class="ag-fold"><summary>{escape(numbers)}</summary><div class="ag-numbers"'
        f' tabindex="0" role="group" aria-label="{escape(title)}"><table><caption class="ag-sr">'
        f'{escape(title)}</caption><thead><tr><th scope="col">{_("Model")}</th><th scope="col" class="ag-r">'
        f'{escape(fact_heading(fact))}</th><th scope="col" class="ag-r">{_("Score")}</th>'
        f'<th scope="col">{_("Efficient")}</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div></details></section>"
    )


def _svg(
    board: Leaderboard,
    fact: str,
    points: Sequence[PlottedModel],
    choice: str | None,
    name: Callable[[str], str],
    said: str,
) -> str:
    values = [one.fact for one in points]
    logs = min(values) > 0 and max(values) / min(values) > _DECADES
    scores = [
        bound
        for one in points
        for bound in (one.score, one.lower, one.upper)
        if bound is not None and abs(bound - one.score) < 400
    ]
    low, high = min(scores), max(scores)
    pad = 0.06 * (high - low) or 1.0
    low, high = low - pad, high + pad

    def x(value: float) -> float:
        first, last = (log10(min(values)), log10(max(values))) if logs else (min(values), max(values))
        at = log10(value) if logs else value
        margin = 0.07 * (last - first) or 1.0
        share = (at - first + margin) / (last - first + 2 * margin)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(score: float) -> float:
        share = (min(max(score, low), high) - low) / (high - low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    drawn = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick)}" y2="{y(tick)}" stroke="var(--line)"/>'
        f'<text x="{_LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{score_text(board, tick)}</text>'
        for tick in Axis(low, high).ticks()
    )
    for tick in _ticks(min(values), max(values), logs):
        drawn += (
            f'<line x1="{x(tick)}" x2="{x(tick)}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM + 5}"'
            f' stroke="var(--control)"/><text x="{x(tick)}" y="{_HEIGHT - _BOTTOM + 18}"'
            f' text-anchor="middle">{short_number(tick)}</text>'
        )
    axis = fact_heading(fact)
    if logs:
        axis = _("{fact} (logarithms)", fact=axis)
    drawn += (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"'
        f' stroke="var(--line-strong)"/><text x="{(_LEFT + _WIDTH - _RIGHT) / 2:g}" y="{_HEIGHT - 8}"'
        f' text-anchor="middle">{escape(axis)}</text>'
    )
    line = sorted((one for one in points if one.efficient), key=lambda one: one.fact)
    if len(line) > 1:
        way = " ".join(f"{x(one.fact)},{y(one.score)}" for one in line)
        drawn += (
            f'<polyline points="{way}" fill="none" stroke="var(--accent)" stroke-width="1.5" opacity=".55"/>'
        )
    for one in points:
        colour = "var(--accent)" if one.allowed else "var(--ink-3)"
        at = x(one.fact)
        if one.lower is not None and one.upper is not None:
            drawn += (
                f'<line x1="{at}" x2="{at}" y1="{y(one.lower)}" y2="{y(one.upper)}" stroke="{colour}"'
                f' stroke-width="1.5" opacity=".6"/>'
            )
        fill = colour if one.efficient else "var(--surface)"
        drawn += _circle(at, y(one.score), 4.5, fill, colour)
        if one.model == choice:
            drawn += _circle(at, y(one.score), 8.5, "none", "var(--ink)")
    drawn += _labels(points, choice, name, x, y)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(said)}" font-size="11.5"'
        f' fill="var(--ink-3)">{drawn}</svg>'
    )


def _circle(x: float, y: float, r: float, fill: str, stroke: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" stroke="{stroke}" stroke-width="1.6"/>'


def _ticks(low: float, high: float, logs: bool) -> list[float]:
    """Round numbers between two."""
    if not logs:
        return Axis(low, high).ticks() if high > low else [low]
    steps = (1, 3) if log10(high / low) < 3 else (1,)
    every = [
        step * 10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1) for step in steps
    ]
    return [tick for tick in every if low <= tick <= high] or [low, high]


def _labels(
    points: Sequence[PlottedModel],
    choice: str | None,
    name: Callable[[str], str],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    """The names of the models that matter most, where they do not lie on one another."""
    order = sorted(
        points, key=lambda one: (one.model != choice, not one.efficient, not one.allowed, -one.score)
    )
    taken = [(x(one.fact) - 5, y(one.score) - 5, x(one.fact) + 5, y(one.score) + 5) for one in points]
    drawn, number = "", 0
    for one in order:
        text = name(one.model)
        text = text if len(text) <= 26 else text[:25] + "…"
        wide, at, up = _LETTER * len(text), x(one.fact), y(one.score)
        for left, top, anchor in (
            (at + 9, up - 7, "start"),
            (at - 9 - wide, up - 7, "end"),
            (at + 7, up - 20, "start"),
            (at + 7, up + 6, "start"),
            (at - 7 - wide, up - 20, "end"),
            (at - 7 - wide, up + 6, "end"),
        ):
            box = (left, top, left + wide, top + 14)
            inside = left >= _LEFT and left + wide <= _WIDTH - 2 and 0 <= top <= _HEIGHT - _BOTTOM - 12
            if not inside or any(
                box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
            ):
                continue
            taken.append(box)
            start = left if anchor == "start" else left + wide
            weight = ' font-weight="600"' if one.model == choice else ""
            drawn += (
                f'<text x="{start:.1f}" y="{top + 11:.1f}" text-anchor="{anchor}" paint-order="stroke"'
                f' stroke="var(--surface)" stroke-width="3"{weight}'
                ' fill="var(--ink-2)">'
                f"{escape(text)}</text>"
            )
            number += 1
            break
        if number >= _LABELLED:
            break
    return drawn
