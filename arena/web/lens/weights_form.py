"""The fields of numbers that forms of these pages share; complete without a script, which adds sliders."""

from __future__ import annotations

from collections.abc import Collection
from html import escape
from urllib.parse import quote

from agon.arena.web.languages.texts import _, language
from agon.arena.web.leaderboard.board_words import column_title
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.markdown.markdown import without_hidden

_MOST_GROUPS = 60  # values or tasks with a weight of their own


def weights_fields(
    offer: Offer, by: str | None, given: tuple[tuple[str, float], ...], page: str, fixed: Collection[str] = ()
) -> str:
    """Return the fields of a form for the weights of categories, or of tasks; nothing where none can weigh.

    Args:
        offer: what can weigh.
        by: the column whose values weigh, if one was chosen.
        given: the weights so far.
        page: the page that the form is of.
        fixed: columns that are bound to one value, which cannot weigh.
    """
    chosen = by
    columns = [name for name in offer.filters if name not in fixed]
    by = by or ("category" if "category" in columns else next(iter(columns), None))
    values = list(offer.tasks) if offer.tasks else list(offer.filters.get(by, {})) if by else []
    if not 1 < len(values) <= _MOST_GROUPS:
        return ""
    weights = dict(given)
    inputs = "".join(
        number_field(
            f"weight.{value}", without_hidden(value), weights.get(value), "1" if weights else "", slider=5
        )
        for value in values
    )
    others = "".join(
        f'<a class="ag-chip" href="./{page}?by={escape(quote(other))}">{escape(column_word(other))}</a>'
        for other in ([] if offer.tasks else columns)
        if other != by
    )
    more = f'<p class="ag-chips"><span class="ag-label">{_("Weigh by")}</span>{others}</p>' if others else ""
    hidden = f'<input type="hidden" name="by" value="{escape(chosen)}">' if chosen else ""
    if offer.tasks:
        legend = _("What each task weighs for you")
        how = _(
            "Left empty, the weights are those of the table; one weight given, the others weigh 1, and 0 "
            "leaves out."
        )
    else:
        legend = _("What each {what} weighs for you", what=column_word(by or ""))
        how = _(
            "Left empty, every vote counts alike; one weight given, the others weigh 1, and 0 leaves out."
        )
    return (
        f'<fieldset class="ag-cond ag-weights"><legend>{escape(legend)}</legend>'
        f"{hidden}<p>{how}</p>"
        f'<div class="ag-inputs">{inputs}</div>{more}</fieldset>'
    )


def column_word(column: str) -> str:
    """A column in a sentence: "category"."""
    return without_hidden(column).replace("_", " ") if language() == "en" else column_title(column)


def number_field(name: str, label: str, value: float | None, hint: str = "", *, slider: int = 0) -> str:
    """A labelled field of a number; a script puts a slider beside those that have a span."""
    given = "" if value is None else f"{value:g}"
    span = f' data-slider="{slider}"' if slider else ""
    return (
        f'<label><span>{escape(label)}</span><input type="number" name="{escape(name)}" min="0" step="any"'
        f' value="{given}" placeholder="{hint}" inputmode="decimal"{span}></label>'
    )
