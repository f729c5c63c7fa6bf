"""A battle taken up again from the records of the log, as it stood when the arena was closed or killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from agon.arena.core.battle import LETTERS, Battle, State
from agon.arena.core.endings import REFUSALS
from agon.arena.core.matchmaking import Draw
from agon.arena.core.roster import Contestant
from agon.data.log.records import (
    AttachedImage,
    BattleRecord,
    GenerationRecord,
    Record,
    ReplacementRecord,
    SkipRecord,
    TurnRecord,
    VoteRecord,
)
from agon.serving.generation import Generation
from agon.serving.protocol import FailureKind, ImagePart

CLOSED = "the arena was closed"
SKIPPED = "skipped"


def resume_battle(
    records: Sequence[Record],
    contestant: Callable[[str], Contestant],
    image: Callable[[AttachedImage], ImagePart],
) -> Battle | None:
    """Play the records of one battle again; None if there are none.

    What was being written is lost with the process that read it: a battle that was streaming is void.

    Args:
        records: as `VoteLog.records` gives them.
        contestant: whom a model's name stands for.
        image: the file of an image.
    """
    if not records or not isinstance(records[0], BattleRecord):
        return None
    drawn = records[0]
    models = tuple(map(contestant, drawn.models))
    battle = Battle(
        id=drawn.battle_id,
        voter=drawn.voter,
        draw=Draw(
            models, drawn.policy, drawn.policy_version, drawn.group_probability, drawn.pair_probabilities
        ),
        seed=drawn.seed,
        prompt_id=drawn.prompt_id,
        category=drawn.category,
        language=drawn.language,
        created=drawn.created,
    )
    answers = {(r.turn, r.slot, r.model): r for r in records if isinstance(r, GenerationRecord)}
    replaced = [record for record in records if isinstance(record, ReplacementRecord)]
    asked_then = [record for record in records if isinstance(record, BattleRecord | TurnRecord)]
    for asked in asked_then:
        battle.ask(asked.prompt, tuple(map(image, asked.images)))
        for slot in battle.standing:
            others = [contestant(record.model) for record in replaced if record.slot == slot]
            _answer(battle, slot, answers, others if battle.turn == 1 else ())
        if battle.state is not State.READY:
            break
    if battle.state is State.STREAMING:
        battle.void(CLOSED)
    vote = next((record for record in records if isinstance(record, VoteRecord)), None)
    if vote is not None and battle.state is State.READY:
        battle.kept((vote.places, vote.acceptable))
    if any(isinstance(record, SkipRecord) for record in records) and battle.state is State.READY:
        battle.void(SKIPPED)
    last = max(record.created for record in records)
    battle.events = [(drawn.created, battle.events[0][1]), *((last, what) for _, what in battle.events[1:])]
    return battle


def _answer(
    battle: Battle,
    slot: int,
    answers: Mapping[tuple[int, int, str], GenerationRecord],
    others: Sequence[Contestant],
) -> None:
    """Give one side of the last turn its answer; where it failed, the others take its place, if any did."""
    for other in (None, *others):
        if battle.state is not State.STREAMING:
            return
        if other is not None:
            battle.replace(slot, other)
        found = answers.get((battle.turn, slot, battle.sides[slot].contestant.card.name))
        if found is None:
            return
        battle.ended(slot, _generation(found))
    made = battle.sides[slot].generation
    if battle.state is State.STREAMING and made is not None and made.failure is not None:
        if len(battle.standing) > 2:
            battle.withdraw(slot)
        elif battle.turn > 1 and made.failure in REFUSALS and not made.text:
            battle.take_back(slot)
        else:
            battle.void(f"answer {LETTERS[slot]} failed")


def _generation(record: GenerationRecord) -> Generation:
    return Generation(
        text=record.text,
        tokens=record.tokens,
        time_to_first_token=record.time_to_first_token,
        seconds=record.seconds,
        finish_reason=record.finish_reason,
        failure=cast("FailureKind | None", record.failure),
        detail=record.detail,
        reasoning=record.reasoning or "",
        reasoning_tokens=record.reasoning_tokens or 0,
    )
