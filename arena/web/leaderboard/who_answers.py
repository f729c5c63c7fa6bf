"""Who can be drawn, who cannot answer, who is paused or retired: a board alone would show survivors only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from agon.arena.web.languages.texts import _, message, number
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import BoardQuery
from agon.data.log.operation.life_cycle import Life
from agon.ranking import Leaderboard


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model: whether it answers, how often it was asked in battles that are over, how it failed."""

    model: str
    state: Literal["answering", "unavailable", "paused", "retired"]
    life: Life
    """Where it is in the life that its organiser gives a model."""
    votes: int
    """On the board that was asked for."""
    reason: str | None
    """The kind of the failure of one that is unavailable."""
    asked: int
    failures: Mapping[str, int]

    @property
    def words(self) -> str:
        """The state in words."""
        if self.state == "unavailable":
            return _("Cannot answer now: {why}", why=str(self.reason).replace("_", " "))
        if self.state == "paused":
            return _("Paused: not drawn at present")
        return _("It answers") if self.state == "answering" else _("Retired: not drawn any more")

    @property
    def kinds(self) -> str:
        """How it failed, in words."""
        return ", ".join(f"{kind.replace('_', ' ')} {times:,}" for kind, times in self.failures.items())


def model_states(board: Leaderboard | None, info: ModelInfo) -> list[ModelState]:
    """Every model that can be drawn, then those that only have votes."""
    voted = {row.model: row.votes for row in board.rows} if board else {}
    found = []
    for model in dict.fromkeys([*info.cards, *voted]):
        life, failed = info.life(model, voted.get(model, 0)), info.unavailable.get(model)
        found.append(
            ModelState(
                model,
                life if life in ("paused", "retired") else "answering" if failed is None else "unavailable",
                life,
                voted.get(model, 0),
                failed,
                info.endings.asked(model),
                info.endings.failures(model),
            )
        )
    return found


_LIVES: Mapping[Life, str] = {
    "listed": message("Listed"),
    "preliminary": message("Preliminary"),
    "paused": message("Paused"),
    "retired": message("Retired"),
}


def lives_html(
    board: Leaderboard, info: ModelInfo, query: BoardQuery, link: Callable[[BoardQuery], str | None]
) -> str:
    """The states that models of a board have, as links to those of one; nothing where all have one."""
    lives = Counter(info.life(row.model, row.votes) for row in board.rows if row.status != "component")
    if len(lives) < 2 and query.view.life is None:
        return ""
    chips = ""
    for life in (None, *(one for one in _LIVES if one in lives or one == query.view.life)):
        here = link(replace(query, view=replace(query.view, life=life)))
        if here is None:
            return ""
        current = " aria-current=true" if life == query.view.life else ""
        said, count = (_("Any"), lives.total()) if life is None else (_(_LIVES[life]), lives[life])
        chips += (
            f'<a class="ag-chip" href="{escape(here)}"{current}>{said}'
            f"<span class=ag-n>{number(count)}</span></a>"
        )
    label = _("State")
    return (
        f'<nav class="ag-filters" aria-label="{label}"><div class="ag-g">'
        f'<span class="ag-label">{label}</span>'
        f'<div class="ag-chips" role="group" aria-label="{label}">{chips}</div></div></nav>'
    )


def model_states_html(states: list[ModelState], info: ModelInfo) -> str:
    """The models in a table, wherever one failed, cannot answer, is paused or retired; else nothing."""
    if not any(one.failures or one.state != "answering" for one in states):
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(info.name(one.model))}</th><td>{escape(one.words)}</td>'
        f'<td>{escape(one.kinds) or "–"}</td><td class="ag-r">{one.asked:,}</td></tr>'
        for one in states
    )
    return (
        f'<section class="ag-section"><h2>{_("Who answers")}</h2>'
        '<div class="ag-numbers" tabindex="0" role="group" '
        f'aria-label="{_("Who answers")}"><table><caption class="ag-sr">{_("Who answers")}</caption>'
        f'<thead><tr><th scope="col">{_("Model")}</th><th scope="col">{_("State")}</th>'
        f'<th scope="col">{_("Failures, by kind")}</th>'
        f'<th scope="col" class="ag-r">{_("Asked")}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )
