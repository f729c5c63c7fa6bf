"""For whom, on the page of rules: kinds of voters who like different models, and pairs that split people."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from agon.arena.web.languages.texts import _, names_listed, ngettext, number, paragraph, percent
from agon.arena.web.leaderboard.query import BoardQuery
from agon.arena.web.leaderboard.sources import About, BoardSource
from agon.ranking import Comparisons, Tastes, voter_tastes
from agon.ranking.errors import AgonError
from agon.ranking.tastes.personal import contested_pairs
from agon.ranking.tastes.voter_kinds import KindOfVoters

MOST_VOTES = 100_000  # above which voters are not sorted into kinds while a page waits
_MODELS, _PAIRS = 12, 5  # of the board, and of contested pairs


@dataclass(frozen=True, slots=True)
class SeenTastes:
    """Who likes what, as a page shows it.

    Attributes:
        tastes: the kinds; None where votes do not say who cast them, or all are of one voter.
        contested: first, second, votes, share, lower, upper and contested of pairs that surely split people.
    """

    tastes: Tastes | None = None
    contested: tuple[dict[str, Any], ...] = ()


def make_tastes(source: BoardSource, query: BoardQuery) -> SeenTastes:
    """Look for kinds of voters."""
    votes = source.votes(query.chosen)
    if not isinstance(votes, Comparisons) or len(votes) > MOST_VOTES:
        return SeenTastes()
    try:
        found = voter_tastes(votes)
        pairs = contested_pairs(votes, level=found.level)
    except AgonError:
        return SeenTastes()
    if len(found.voters) < 2:
        return SeenTastes()
    sure = pairs[pairs["contested"] >= found.level].head(_PAIRS)
    contested = [{str(name): value for name, value in row.items()} for row in sure.to_dict("records")]
    return SeenTastes(found, tuple(contested))


def tastes_html(made: SeenTastes | None, about: About, data: str | None = None) -> str:
    """Return the section; empty where there are no kinds to look for.

    Args:
        made: what was found; None while it is being computed.
        about: what is known of the votes.
        data: the address of the same as JSON.
    """
    head = f'<section class="ag-card ag-pad ag-fig"><h2>{_("For whom: kinds of voters")}</h2>'
    if made is None:
        said = _("{what} is being computed.", what=_("The search for kinds of voters"))
        return f"{head}<p>{escape(said)}</p></section>"
    found = made.tastes
    if found is None:
        return ""
    said = _("This comparison as {link}", link=f'<a href="{escape(data)}">JSON</a>') if data else ""
    return (
        f"{head}{_sentences(found, about)}{_board(found, about)}{_contested(made, about)}"
        + (f'<p class="ag-small ag-data">{said}</p>' if said else "")
        + "</section>"
    )


def tastes_values(made: SeenTastes) -> dict[str, Any]:
    """Everything that `tastes_html` shows, for programs; no voter is named."""
    found = None if made.tastes is None else made.tastes.to_dict()
    if found is not None and made.tastes is not None:
        found["voters"] = len(made.tastes.voters)
    return {"schema": 1, "tastes": found, "contested": list(made.contested)}


def _sentences(found: Tastes, about: About) -> str:
    voters, kinds = len(found.voters), len(found.kinds)
    if kinds == 1:
        parts = [
            _(
                "The {count} voters are of one kind, as far as their votes tell: more kinds predict no "
                "better.",
                count=voters,
            )
        ]
        gain = next((one for one in found.tried if one.kinds == 2 and one.lower is not None), None)
        if gain is not None:
            parts.append(_two_kinds(gain.gain or 0.0, gain.lower or 0.0, gain.upper or 0.0))
        return f"<p>{escape(paragraph(parts))}</p>"
    lead = ngettext(
        "{count} kind of the {voters} voters predicts their votes best.",
        "{count} kinds of the {voters} voters predict their votes best.",
        kinds,
        voters=voters,
    )
    items = "".join(f"<li>{escape(_kind(one, about))}</li>" for one in found.kinds)
    return f'<p>{escape(lead)}</p><ol class="ag-clones">{items}</ol>'


def _two_kinds(gain: float, lower: float, upper: float) -> str:
    """How much better two kinds predict than one, or worse."""
    if gain < 0:
        return _(
            "With two kinds the log loss of votes held out is larger by {loss} ({low} to {high}).",
            loss=number(-gain, 4),
            low=number(-upper, 4),
            high=number(-lower, 4),
        )
    return _(
        "With two kinds the log loss of votes held out is smaller by {gain} ({low} to {high}), "
        "which is within chance.",
        gain=number(gain, 4),
        low=number(lower, 4),
        high=number(upper, 4),
    )


def _kind(one: KindOfVoters, about: About) -> str:
    name = about.info.name
    share = percent(one.share)
    if one.lower is not None and one.upper is not None:
        low, high = percent(one.lower), percent(one.upper)
        share += f" ({_('{low} to {high}', low=low, high=high)})"
    parts = [_("{share} of the voters put {model} first.", share=share, model=name(one.first))]
    if one.likes:
        liked = names_listed([name(model) for model in one.likes])
        parts.append(_("They like more than the others do: {models}.", models=liked))
    if one.dislikes:
        disliked = names_listed([name(model) for model in one.dislikes])
        parts.append(_("They like less: {models}.", models=disliked))
    return paragraph(parts)


def _board(found: Tastes, about: About) -> str:
    """The score of each model among the kind that likes it least, and among each."""
    if len(found.kinds) == 1:
        return ""
    order = sorted(range(len(found.models)), key=lambda i: (-float(found.worst[i]), found.models[i]))
    kinds = range(len(found.kinds))
    rows = ""
    for i in order[:_MODELS]:
        cells = "".join(f'<td class="ag-r">{number(float(found.strengths[k, i]), 0)}</td>' for k in kinds)
        rows += (
            f'<tr><th scope="row">{escape(about.info.name(found.models[i]))}</th><td class="ag-r">'
            f"<b>{number(float(found.worst[i]), 0)}</b></td>{cells}</tr>"
        )
    heads = [_("Worst group"), *(_("Kind {number}", number=str(k + 1)) for k in kinds)]
    head = "".join(f'<th scope="col" class="ag-r">{escape(one)}</th>' for one in heads)
    caption = _("Scores among the kind that likes a model least, and among each")
    lead = _("Each model by its score among the kind that likes it least:")
    return (
        f'<p>{escape(lead)}</p><div class="ag-numbers" tabindex="0" role="group"'
        f' aria-label="{escape(caption)}">'
        f'<table class="ag-bars"><caption class="ag-sr">{escape(caption)}</caption>'
        f'<thead><tr><th scope="col">{_("Model")}</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _contested(made: SeenTastes, about: About) -> str:
    if not made.contested or made.tastes is None:
        return ""
    lead = _(
        "Pairs that surely split people, 40 to 60 of 100 votes each way at {level}:",
        level=percent(made.tastes.level),
    )
    items = ""
    for pair in made.contested:
        share, low, high = (percent(float(pair[name])) for name in ("share", "lower", "upper"))
        said = _(
            "{model} against {other}: {share}", model=about.info.name(pair["first"]), share=share,
            other=about.info.name(pair["second"]),
        )  # fmt: skip
        items += f"<li>{escape(said)} ({escape(_('{low} to {high}', low=low, high=high))})</li>"
    return f'<p>{escape(lead)}</p><ul class="ag-clones">{items}</ul>'
