"""What the log holds of one battle, as the records that were written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from agon.data.log.records import (
    Assignment,
    AttachedImage,
    Ballot,
    BattleRecord,
    GenerationRecord,
    Record,
    ReplacementRecord,
    SkipRecord,
    TurnRecord,
    VoteRecord,
)

_Rows = Callable[[str, Sequence[str]], list[tuple[Any, ...]]]
_THIS = "battle_id = TRY_CAST(? AS UUID)"
_BATTLE = f"""
    SELECT b.created, models, prompt, policy, policy_version, group_probability, pair_probabilities, seed,
        voter, prompt_id, category, language, images, image_alts, study, seat, cell, attempt
    FROM battles AS b JOIN lineups USING (lineup) JOIN turns USING (battle_id)
    LEFT JOIN assignments USING (battle_id) WHERE turn = 1 AND b.{_THIS}
        AND b.battle_id NOT IN (SELECT battle_id FROM erasures)"""
_TURNS = (
    f"SELECT turn, prompt, created, images, image_alts FROM turns WHERE turn > 1 AND {_THIS} ORDER BY turn"
)
_GENERATIONS = f"""
    SELECT turn, slot, model, text, tokens, seconds, created, time_to_first_token, tokens_per_second,
        finish_reason, failure, detail, reasoning, reasoning_tokens, masked, waited
    FROM generations WHERE {_THIS} ORDER BY turn, created"""
_REPLACEMENTS = f"SELECT slot, model, probability, created FROM replacements WHERE {_THIS} ORDER BY attempt"
_VOTE = f"""
    SELECT places, acceptable, last_turn, voter, reasons, created, blind, ratings, comment,
        network
    FROM votes JOIN ballots USING (ballot) WHERE {_THIS}"""
_CRITERIA = f"""
    SELECT criterion, places, acceptable FROM criterion_votes JOIN ballots USING (ballot) WHERE {_THIS}
    ORDER BY criterion"""
_SKIP = f"SELECT reason, created FROM skips WHERE {_THIS}"


def read_battle(rows: _Rows, battle_id: str) -> list[Record]:
    """Read a battle: its draw, then turns, answers and replacements, then its vote, or that it was skipped.

    There is nothing if there is no such battle, or it was erased.

    Args:
        rows: runs SQL with parameters on the log.
        battle_id: of the battle; any text, because it may come from an address.
    """
    found: list[Record] = []
    for created, models, prompt, policy, version, chance, chances, *rest in rows(_BATTLE, [battle_id]):
        drawn = (policy, version, chance, tuple(chances))
        *whose, images, alts, study, seat, cell, attempt = rest
        whose += [None if study is None else Assignment(study, seat, cell, attempt), _images(images, alts)]
        found.append(BattleRecord(battle_id, _aware(created), tuple(models), prompt, *drawn, *whose))
    for turn, prompt, created, images, alts in rows(_TURNS, [battle_id]) if found else ():
        found.append(TurnRecord(battle_id, turn, prompt, _aware(created), _images(images, alts)))
    for turn, slot, model, text, tokens, seconds, created, *end, masked, waited in (
        rows(_GENERATIONS, [battle_id]) if found else ()
    ):
        answer = (turn, slot, model, text, tokens, seconds, _aware(created))
        apart = [*end, tuple(masked or ()), waited]
        found.append(GenerationRecord(battle_id, *answer, *apart))
    for slot, model, probability, created in rows(_REPLACEMENTS, [battle_id]) if found else ():
        found.append(ReplacementRecord(battle_id, slot, model, probability, _aware(created)))
    if found and (vote := read_vote(rows, battle_id)):
        found.append(vote)
    for reason, created in rows(_SKIP, [battle_id]) if found else ():
        found.append(SkipRecord(battle_id, reason, _aware(created)))
    return found


def read_vote(rows: _Rows, battle_id: str) -> VoteRecord | None:
    """Read the vote of a battle, if it has one."""
    for places_of, fine, last_turn, voter, reasons, created, blind, ratings, *beside in rows(
        _VOTE, [battle_id]
    ):
        places, judged = _ballot(places_of, fine)
        criteria = {name: _ballot(*ballot) for name, *ballot in rows(_CRITERIA, [battle_id])}
        rated = None if ratings is None else tuple(ratings)
        who = (last_turn, voter, _aware(created))
        return VoteRecord(battle_id, places, *who, judged, tuple(reasons), blind, criteria, rated, *beside)
    return None


def _images(hashes: Sequence[str] | None, alts: Sequence[str | None] | None) -> tuple[AttachedImage, ...]:
    return tuple(map(AttachedImage, hashes or (), alts or ()))


def _ballot(places: Sequence[int | None], acceptable: Sequence[bool] | None) -> Ballot:
    return tuple(places), None if acceptable is None else tuple(acceptable)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
