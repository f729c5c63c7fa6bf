"""An arena in somebody else's server: a notebook, a Space of Hugging Face, an application of one's own."""

from __future__ import annotations

import asyncio
import atexit
from pathlib import Path

from agon.arena.core.arena import Arena, tell
from agon.arena.core.sessions import Keys
from agon.arena.web.gradio_components import ArenaBlocks
from agon.arena.web.server import ServeError, configured
from agon.data.log.shared_store.opening import open_store


def hosted_arena(
    source: str | Path | None = None,
    *,
    store: str | Path | None = None,
    seed: int | None = None,
    answers: int | None = None,
) -> ArenaBlocks:
    """What `agon.arena.build` gives."""
    given = configured(None if source is None else Path(source), seed, answers)
    if given.study is not None:
        raise ServeError(
            f"{source} is a study, whose pages are not Gradio's; open it with agon serve {source}."
        )
    votes = open_store(store or given.log)
    try:
        votes.check_models(contestant.card.name for contestant in given.roster.contestants)
        arena = Arena(given.roster, votes, Keys.of_folder(votes.folder), given.settings(seed))
    except BaseException:
        votes.close()
        raise
    asking: list[asyncio.Task[None]] = []

    async def ask() -> None:
        await asyncio.gather(*(one.tried() for one in given.supervised))
        await arena.ask_models()

    async def opened() -> None:
        await arena.open()
        for one in given.supervised:
            one.start(votes.folder / "servers", tell)
        asking.append(asyncio.create_task(ask()))

    atexit.register(votes.close)
    return ArenaBlocks(arena, opened, votes.close)
