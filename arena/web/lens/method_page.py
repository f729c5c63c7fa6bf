"""The page Method: every rule that the votes may be ranked by, in its own words, with source and options."""

from __future__ import annotations

import inspect
from html import escape

from agon.arena.web.languages.texts import _, in_english, language, ngettext
from agon.arena.web.layout import page_html
from agon.arena.web.leaderboard.board_words import FAMILIES, family_name, rule_name
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.leaderboard.sources import About
from agon.ranking.registry import find


def method_html(*, about: About, offer: Offer) -> str:
    """Return the page.

    Args:
        about: what is known of the votes.
        offer: whose rules are described.
    """
    families = dict.fromkeys(FAMILIES, "")
    for rule in sorted(offer.rules, key=rule_name):
        families[family_name(rule)] += _rule(rule)
    parts = "".join(
        f'<section class="ag-section"><h2>{_(FAMILIES[family])}</h2>{text}</section>'
        for family, text in families.items()
        if text
    )
    first = ngettext(
        "These votes may be ranked by {count} rule.",
        "These votes may be ranked by {count} rules.",
        len(offer.rules),
    )
    lead = _(
        "What each computes, who proposed it, and what can be set. The board on the first page is by {rule}.",
        rule=f"<span{in_english()}>{rule_name(offer.rules[0])}</span>",
    )
    if language() != "en":
        lead += " " + _("The rules are described in English.")
    body = f'<div class="ag-phead"><h1>{first}</h1><p class="ag-lead">{lead}</p></div>{parts}'
    votes = about.total if about.unit != "task" else None
    return page_html(_("Method"), body, current="method", votes=votes, site=about.site)


def method_words(text: str) -> str:
    """What the documentation of a method says of it, without its arguments, in one line."""
    for part in ("Args", "Source", "Raises"):
        text = text.split(f"\n\n{part}:", maxsplit=1)[0]
    return " ".join(text.replace("`", "").split())


def _rule(rule: str) -> str:
    how = find(rule)
    said = method_words(inspect.getdoc(how.function) or "")
    options = ", ".join(
        f"{escape(name)} ({escape(str(option.default))})" for name, option in how.options.items()
    )
    usual = _("Can be set, with what is usual: {options}.", options=f'<span dir="ltr">{options}</span>')
    set_by = f"<p>{usual}</p>" if options else ""
    return (
        f'<details class="ag-card ag-pad ag-method" id="{escape(rule)}"><summary>'
        f"<bdi{in_english()}><b>{rule_name(rule)}</b> <span>{escape(how.source)}</span></bdi></summary>"
        f"<p{in_english()}>{escape(said)}</p>{set_by}</details>"
    )
