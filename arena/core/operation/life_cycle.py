"""The opening and closing of an arena, and what it does by itself in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from time import monotonic

from agon.arena.core.arena import Arena
from agon.arena.core.battle import State
from agon.arena.core.battles.open_battles import AWAITED
from agon.arena.core.language_id import detection_problem
from agon.arena.core.operation.erasing import ErasedFiles, retain
from agon.arena.core.operation.operator_messages import note, tell
from agon.arena.core.sessions import today
from agon.ranking.errors import AgonError
from agon.serving.self_identification import IdentityMasker

RETENTION_SECONDS = 3600.0  # between two looks for texts that are too old
VOTED_SECONDS = 60.0  # for which a battle that nobody looks at stays in memory after the vote
SHARING_SECONDS = 1.0  # between two looks at what clients have of other processes
FORGETTING_SECONDS = 300.0  # after which, at the most, the key of a day that is over is gone


async def start_arena(arena: Arena) -> None:
    """Begin the chores: forgotten battles, snapshots for other processes, the first one now."""
    settings, contestants = arena.settings, arena.contestants
    snapshot, what = partial(_snapshot, arena), "learning from votes whom to draw"
    try:
        await snapshot()  # a process that was killed left none of its last votes
    except AgonError as error:
        tell(f"the snapshot of the votes failed, and is tried again: {error}")
    contestants.enrol()
    work = [
        _repeat("looking after battles", 1.0, partial(_look_after, arena)),
        _repeat("the snapshot of the votes", settings.snapshot_every, snapshot),
        _warm_up(arena),
        _repeat("erasing texts", 2.0, ErasedFiles(arena.log).finish),
        _repeat("erasing old texts", RETENTION_SECONDS, partial(retain, arena), now=True),
        _repeat("forgetting the key of a day", FORGETTING_SECONDS, partial(_forget, arena), now=True),
        _repeat("counting refusals", 60.0, partial(_note_refusals, arena)),
    ]
    if arena.log.shared:
        sharing = "counting what visitors begin in other processes"
        work.append(_repeat(sharing, SHARING_SECONDS, arena.share_use, now=True))
    arena.chores += map(asyncio.create_task, work)
    try:
        await contestants.learn()
    except AgonError as error:
        tell(f"{what} failed, and is tried again: {error}")
    arena.chores.append(asyncio.create_task(_repeat(what, settings.learn_every, contestants.learn)))


async def stop_arena(arena: Arena) -> None:
    """Keep the votes that were cast, end what streams, give back connections."""
    here = arena.battles.all()
    keeping = [running.keeping for running in here if running.keeping]
    await asyncio.gather(*keeping, return_exceptions=True)
    tasks = [running.task for running in here if running.task]
    tasks += [talk.task for talk in arena.talks.values() if talk.task]
    for task in (*tasks, *arena.chores):
        task.cancel()
    await asyncio.gather(*tasks, *arena.chores, return_exceptions=True)
    await arena.contestants.close()
    await _note_refusals(arena)


async def _repeat(what: str, every: float, work: Callable[[], Awaitable[None]], *, now: bool = False) -> None:
    """Do a chore for as long as the arena is open; an error is told, and does not end it."""
    told = ""
    while True:
        await asyncio.sleep(0.0 if now else every)
        now = False
        try:
            await work()
            told = ""
        except Exception as error:
            if str(error) != told:
                told = str(error)
                kind = type(error).__name__
                sentence = f"{what} failed, and is tried again: {told or kind}"
                tell(sentence, "chore_failed", chore=what, error=kind)


async def _look_after(arena: Arena) -> None:
    """Let go what nobody reads any more: answers, battles, conversations, models that are gone."""
    now = monotonic()
    for running in arena.battles.all():
        idle = now - running.touched
        if running.watchers:
            running.touched = now
        elif running.battle.state is State.STREAMING and idle > arena.settings.unwatched:
            running.stop_all()
        elif idle > arena.settings.kept and running.keeping is None:
            arena.contestants.count_ends(running.ends)
            arena.battles.drop(running.battle.id)
        elif idle > (VOTED_SECONDS if running.battle.state is State.VOTED else AWAITED):
            arena.battles.set_aside(running)
    for ends in arena.battles.given_up(arena.settings.kept):
        arena.contestants.count_ends(ends)
    for key, talk in list(arena.talks.items()):
        if not talk.streaming and now - talk.touched > arena.settings.kept:
            del arena.talks[key]
    needed = {id(side.contestant) for running in arena.battles.all() for side in running.battle.sides}
    needed |= {id(talk.contestant) for talk in arena.talks.values()}
    await arena.contestants.close_retired(needed)


async def _snapshot(arena: Arena) -> None:
    await asyncio.to_thread(arena.log.snapshot)
    if arena.log.shared:  # what ended in other processes counts here, too
        await arena.contestants.recount_ends(arena.settings.kept)


async def _warm_up(arena: Arena) -> None:
    """Make ready what the first battle needs, the names to mask and the model that tells languages, and
    what boards import."""
    await asyncio.to_thread(IdentityMasker, arena.roster.identities())  # a second of patterns
    problem = await asyncio.to_thread(detection_problem)
    if problem:
        tell(f"the languages of prompts are not told here, and stay empty: {problem}")
    for package in ("scipy.sparse", "scipy.special"):  # a quarter of a second of the first page
        await asyncio.to_thread(import_module, package)


async def _forget(arena: Arena) -> None:
    await asyncio.to_thread(arena.log.forget_day_key, today())


async def _note_refusals(arena: Arena) -> None:
    """Tell which requests were refused since the last time, as counts."""
    fresh = arena.refused - arena.noted
    arena.noted = arena.refused.copy()
    if fresh:
        note("refused", counts=dict(fresh))
