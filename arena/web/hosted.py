"""An arena in somebody else's server: a notebook, a Space of Hugging Face, an application of one's own."""

from __future__ import annotations

import asyncio
import atexit
from pathlib import Path

from agon.arena.core.arena import Arena
from agon.arena.core.operation.life_cycle import start_arena
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.sessions import Keys
from agon.arena.web.gradio_components import ArenaBlocks
from agon.arena.web.languages.texts import PAGE_LANGUAGES, speaking
from agon.arena.web.server import ServeError, configured
from agon.data.log.shared_store.opening import open_store
from agon.ranking.errors import OptionError, suggest


def hosted_arena(
    source: str | Path | None = None,
    *,
    store: str | Path | None = None,
    seed: int | None = None,
    answers: int | None = None,
    language: str = "en",
) -> ArenaBlocks:
    """What `agon.arena.build` gives."""
    if language not in PAGE_LANGUAGES:
        raise OptionError(f"The pages are not in {language!r}; {suggest(language, list(PAGE_LANGUAGES))}")
    given = configured(None if source is None else Path(source), seed, answers)
    if given.study is not None:
        raise ServeError(
            f"{source} is a study, whose pages are not Gradio's; open it with agon serve {source}."
        )
    if given.access is not None or given.work:
        raise ServeError(
            f"{source} has [access] or work, which keep people out of pages of agon serve alone; leave them "
            "out, and let the server that shows this arena say who comes in."
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
        await arena.contestants.ask_models()

    async def opened() -> None:
        await start_arena(arena)
        for one in given.supervised:
            one.start(votes.folder / "servers", tell)
        asking.append(asyncio.create_task(ask()))

    atexit.register(votes.close)
    with speaking(language):
        return ArenaBlocks(arena, opened, votes.close)
