"""Everything that the log holds of one person, to take along: battles, texts, votes, what was taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from agon.data.log.personal.consents import read_every_text, read_said
from agon.data.log.personal.history import PastBattle, list_battles

_Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
_MINE = """
    battle_id IN (SELECT battle_id FROM battles WHERE voter = $1)
    AND battle_id NOT IN (SELECT battle_id FROM erasures)"""
_HEX = "replace(battle_id::VARCHAR, '-', '')"
_TURNS = f"SELECT {_HEX}, turn, created, prompt, images, image_alts FROM turns WHERE {_MINE} ORDER BY turn"
_ANSWERS = f"""
    SELECT {_HEX}, turn, slot, model, text, reasoning, created FROM generations
    WHERE failure IS NULL AND {_MINE} ORDER BY turn, slot, created"""
_VOTES = f"""
    SELECT {_HEX}, last_turn, reasons, ratings, comment, network,
        (SELECT list({{'criterion': criterion, 'places': places, 'acceptable': acceptable}}
            ORDER BY criterion)
            FROM criterion_votes AS c JOIN ballots USING (ballot) WHERE c.battle_id = votes.battle_id)
    FROM votes WHERE battle_id IN (SELECT battle_id FROM battles WHERE voter = $1)"""
_REMARKS = f"SELECT {_HEX}, reasons, comment, created FROM remarks WHERE {_MINE} ORDER BY rowid"
_SKIPS = f"SELECT {_HEX}, reason FROM skips WHERE {_MINE}"
_CHECKS = """
    SELECT study, item, created, prompt, answers, places FROM attention_checks WHERE voter = $1
    ORDER BY created"""
_MOST = 1 << 30
_LETTERS = "ABCDEF"


def personal_data(rows: _Rows, voter: str, open_yet: Collection[str] = ()) -> dict[str, Any]:
    """What there is of a voter, as JSON has it: the latest battle first.

    Who wrote an answer, and what came before or failed, is told of battles with a vote alone.

    Args:
        rows: runs SQL with parameters on the log.
        voter: the pseudonym.
        open_yet: battles whose answers are being written, of which the prompts alone are told.
    """
    turns, answers = defaultdict(list), defaultdict(list)
    for battle, *turn in rows(_TURNS, [voter]):
        turns[battle].append(turn)
    for battle, *answer in rows(_ANSWERS, [voter]):
        answers[battle].append(answer)
    said = {battle: rest for battle, *rest in rows(_VOTES, [voter])}
    remarks = defaultdict(list)
    for battle, reasons, comment, sent in rows(_REMARKS, [voter]):
        remarks[battle].append({"sent": _moment(sent), "reasons": reasons, "comment": comment})
    skipped: dict[str, str] = dict(rows(_SKIPS, [voter]))
    battles = []
    for past in list_battles(rows, voter, _MOST):
        told = [] if past.battle_id in open_yet else answers[past.battle_id]
        battles.append(
            {
                "battle": past.battle_id,
                "drawn": _moment(past.created),
                "turns": [_turn(turn, told, past) for turn in turns[past.battle_id]],
                "vote": _vote(past, said.get(past.battle_id)),
                "remarks": remarks[past.battle_id],  # the last one holds
                "skipped": skipped.get(past.battle_id),
                "erased": _moment(past.erased),
                "shared": past.link is not None,
            }
        )
    checks = [
        {"study": study, "item": item, "when": _moment(when), "prompt": prompt, "answers": texts, "places": p}
        for study, item, when, prompt, texts, p in rows(_CHECKS, [voter])
    ]
    words = read_every_text(rows)
    consents = [
        {
            "text": words.get(one.text),
            "text_sha256": one.text,
            "language": one.language,
            "given": one.given,
            "when": _moment(one.created),
        }
        for one in read_said(rows, voter)
    ]
    found = {"battles": battles, "attention_checks": checks, "consents": consents}
    return {"schema": 1, "voter": voter, **found}


def _turn(asked: Sequence[Any], told: Sequence[Sequence[Any]], past: PastBattle) -> dict[str, Any]:
    number, created, prompt, images, alts = asked
    shown = []
    for turn, slot, model, text, reasoning, _ in told:
        if turn != number:
            continue
        answer = {"answer": _LETTERS[slot], "text": text}
        if past.number is not None:
            answer |= {"model": model} | ({"reasoning": reasoning} if reasoning else {})
        shown.append(answer)
    return {
        "asked": _moment(created),
        "prompt": prompt,
        "images": [{"sha256": one, "alt": alt} for one, alt in zip(images or (), alts or (), strict=True)],
        "answers": shown,
    }


def _vote(past: PastBattle, said: Sequence[Any] | None) -> dict[str, Any] | None:
    if past.number is None or past.ballot is None or said is None:
        return None
    last_turn, reasons, ratings, comment, network, criteria = said
    return {
        "number": past.number,
        "cast": _moment(past.voted),
        "models": list(past.models),
        "places": list(past.ballot[0]),
        "acceptable": None if past.ballot[1] is None else list(past.ballot[1]),
        "last_turn": last_turn,
        "reasons": reasons,
        "ratings": ratings,
        "comment": None if past.erased else comment,
        "network": None if past.erased else network,
        "criteria": criteria or [],
        "counts": past.counts,
        "blind": past.blind,
        "one_model_twice": past.same_model,
        "in_testing": past.testing,
        "withdrawn": _moment(past.withdrawn),
    }


def _moment(when: datetime | None) -> str | None:
    """A time in UTC, as ISO 8601 has it."""
    if when is None:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat()
