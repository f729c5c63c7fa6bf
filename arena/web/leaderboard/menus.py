"""The menus of a board as links: which votes, under which rule, adjusted for what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from html import escape
from itertools import groupby

from agon.arena.web.languages.texts import _
from agon.arena.web.languages.texts import number as number_text
from agon.arena.web.leaderboard.addresses import Link
from agon.arena.web.leaderboard.board_words import (
    FAMILIES,
    column_title,
    family_name,
    filter_value,
    rule_name,
)
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.leaderboard.sources import About
from agon.data.files.schema import PERIODS

CHIPS = 8  # values of a filter that are shown at once


def filters_html(offer: Offer, query: BoardQuery, about: About, link: Link) -> str:
    """Which votes, as links."""
    columns = list(offer.filters)
    groups = ""
    for column, counts in offer.filters.items():
        if not counts:
            continue
        every = about.total if not query.where else None
        options: list[tuple[BoardQuery, str, int | None]] = [
            (query.within(column, None, columns), _("Any"), every)
        ]
        for value, number in counts.items() if column in PERIODS else _by_size(counts):
            options.append((query.within(column, value, columns), filter_value(column, value), number))
        groups += _chips(column_title(column), options, query, link)
    return f'<nav class="ag-filters" aria-label="{_("Which votes")}">{groups}</nav>' if groups else ""


def counting_html(offer: Offer, query: BoardQuery, link: Link) -> str:
    """Under which rule, and adjusted for what, as links."""
    menus = _rules(offer, query, link) + (_features(offer, query, link) if offer.features else "")
    return f'<nav class="ag-filters" aria-label="{_("How they are counted")}">{menus}</nav>' if menus else ""


def _rules(offer: Offer, query: BoardQuery, link: Link) -> str:
    """The menu of rules by family, the one in use on its button."""
    if len(offer.rules) < 2:
        return ""
    families = ""
    by_family = sorted(offer.rules, key=lambda rule: list(FAMILIES).index(family_name(rule)))
    for family, rules in groupby(by_family, key=family_name):
        options = [(query.under(rule), rule_name(rule), None) for rule in sorted(rules, key=rule_name)]
        families += (
            f'<p class="ag-label">{_(FAMILIES[family])}</p>'
            f'<div class="ag-chips">{"".join(_links(options, query, link))}</div>'
        )
    return (
        f'<div class="ag-g"><span class="ag-label">{_("Rule")}</span>'
        '<details class="ag-more ag-rules"><summary'
        f' class="ag-chip" aria-current="true">{rule_name(query.rule)}</summary>{families}</details></div>'
    )


def _features(offer: Offer, query: BoardQuery, link: Link) -> str:
    options = [(query.toggled(name, offer.features), name.capitalize(), None) for name in offer.features]
    chips = _links(options, query, link, pressed={name.capitalize() for name in query.adjust})
    if not chips:
        return ""
    return (
        f'<div class="ag-g"><span class="ag-label">{_("Adjust for")}</span>'
        f'<div class="ag-chips" role="group" aria-label="{_("Adjust for")}">{"".join(chips)}</div></div>'
    )


def _by_size(values: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(values.items(), key=lambda item: (-item[1], item[0]))


def _links(
    options: Sequence[tuple[BoardQuery, str, int | None]],
    query: BoardQuery,
    link: Link,
    pressed: Collection[str] = (),
) -> list[str]:
    """Options as links, without those that lead nowhere."""
    shown = []
    for target, text, count in options:
        here = link(target)
        if here is None:
            continue
        current = " aria-current=true" if target.plain == query.plain or text in pressed else ""
        number = "" if count is None else f"<span class=ag-n>{number_text(count)}</span>"
        shown.append(f'<a class="ag-chip" href="{escape(here)}"{current}>{escape(text)}{number}</a>')
    return shown


def _chips(
    label: str, options: list[tuple[BoardQuery, str, int | None]], query: BoardQuery, link: Link
) -> str:
    shown = _links(options, query, link)
    if not shown:
        return ""
    here = next((i for i, chip in enumerate(shown) if "aria-current" in chip), 0)
    first = shown[:CHIPS] if here < CHIPS else [*shown[: CHIPS - 1], shown.pop(here)]
    more = "".join(chip for chip in shown if chip not in first)
    rest = (
        f'<details class="ag-more"><summary class="ag-chip">{_("More")}</summary>'
        f'<div class="ag-chips">{more}</div></details>'
    )
    return (
        f'<div class="ag-g"><span class="ag-label">{escape(label)}</span>'
        f'<div class="ag-chips" role="group" aria-label="{escape(label)}">'
        f"{''.join(first)}{rest if more else ''}</div></div>"
    )
