"""What the pages that ask more of the votes show, as plain values for programs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agon.arena.web.leaderboard.board_words import family_name, rule_name
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.leaderboard.sources import About
from agon.arena.web.lens.auditing import Audit
from agon.arena.web.lens.data_page import citation
from agon.arena.web.lens.deciding import Decided
from agon.arena.web.lens.method_page import method_words
from agon.arena.web.lens.stability import Lens
from agon.ranking import Leaderboard, NetworkVoters
from agon.ranking.registry import find

_FLIP = ("method", "upper", "lower", "unit", "number", "total", "exact", "confirmed")
_CLONE = ("method", "fails", "tried", "message")


def rules_values(lens: Lens | None) -> dict[str, Any]:
    """Everything that `rules_html` shows; None where there are no votes."""
    lens = lens or Lens()
    return {
        "schema": 1,
        "comparison": None if lens.rules is None else lens.rules.to_dict(),
        "flips": [
            {name: getattr(one, name) for name in _FLIP} | {"conclusion": one.conclusion()}
            for one in lens.flips
        ],
        "circles": None if lens.cycles is None else dict(lens.cycles.to_dict()),
        "clones": [
            {name: getattr(one, name) for name in _CLONE} | {"models": list(one.models)}
            for one in lens.clones
        ],
    }


def decide_values(made: Decided | None) -> dict[str, Any]:
    """Everything that `decide_html` shows."""
    decision = made.decision.to_dict() if made and made.decision else None
    return {"schema": 1, "decision": decision, "why_not": made.why_not if made else None}


def integrity_values(audit: Audit) -> dict[str, Any]:
    """Everything that `integrity_html` shows."""
    side, voters, draws = audit.side, audit.voters, audit.draws
    return {
        "schema": 1,
        "table": audit.table,
        "counted": audit.counted,
        "left_out": dict(audit.left_out),
        "side": side and asdict(side) | {"share": side.share, "conclusion": side.conclusion()},
        "no_side": audit.no_side,
        "voters": voters and asdict(voters),
        "same_model": audit.noise and asdict(audit.noise) | {"conclusion": audit.noise.conclusion()},
        "draws": draws and asdict(draws) | {"conclusion": draws.conclusion()},
        "gates": _gates(audit),
        "anonymity": audit.anonymity
        and asdict(audit.anonymity) | {"conclusion": audit.anonymity.conclusion()},
        "withdrawals": audit.withdrawals
        and asdict(audit.withdrawals) | {"conclusion": audit.withdrawals.conclusion()},
        "roster": audit.roster and audit.roster.to_dict(names=False),
    }


def _gates(audit: Audit) -> dict[str, Any] | None:
    """Who and what stands out, what the usual gate sets aside, and what an attack would cost; no names."""
    if (gated := audit.gated) is None:
        return None
    voters, windows = gated.voters, gated.windows
    named = [asdict(one) for one in voters.found] if voters is not None else []
    for one in named:
        del one["voter"]
    return {
        "gate": gated.gate,
        "on_boards": audit.gates != "none",
        "set_aside": dict(gated.set_aside),
        "conclusion": gated.conclusion(),
        "voters": named if voters is not None else None,
        "voters_tested": None if voters is None else voters.tested,
        "windows": None if windows is None else [asdict(one) for one in windows.found],
        "networks": None if gated.networks is None else [_network(one) for one in gated.networks.crowded],
        "attack_cost": audit.cost and asdict(audit.cost) | {"conclusion": audit.cost.conclusion()},
        "ranks_behind_gates": [
            {"model": model, "rank": before, "rank_behind": after} for model, before, after in audit.moved
        ],
    }


def _network(one: NetworkVoters) -> dict[str, Any]:
    did = None if one.anomaly is None else asdict(one.anomaly)
    if did is not None:
        del did["voter"]
    return {"voters": one.voters, "votes": one.votes, "as_one": did}


def method_values(offer: Offer) -> dict[str, Any]:
    """Everything that `method_html` shows."""
    return {"schema": 1, "methods": [_method(rule) for rule in offer.rules]}


def data_values(board: Leaderboard | None, about: About, downloads: Mapping[str, str]) -> dict[str, Any]:
    """Everything that `data_html` shows."""
    return {
        "schema": 1,
        "votes": about.total,
        "unit": about.unit,
        "fingerprint": None if board is None else board.fingerprint,
        "cite": None if board is None else citation(board, about),
        "downloads": dict(downloads) if board is not None else {},
    }


def _method(rule: str) -> dict[str, Any]:
    how = find(rule)
    return {
        "method": rule,
        "name": rule_name(rule),
        "family": family_name(rule),
        "about": method_words(inspect.getdoc(how.function) or ""),
        "source": how.source,
        "options": [
            {"name": name, "default": _plain(option.default)} for name, option in how.options.items()
        ],
    }


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else str(value)
