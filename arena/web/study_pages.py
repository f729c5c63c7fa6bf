"""The web application of a study: without the battle page of the arena."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.routing import Route

from agon.arena.core.refusal import Refusal
from agon.arena.core.studies.study import Study
from agon.arena.web.about import about_router
from agon.arena.web.api.document import document_router
from agon.arena.web.battle.consent import consent_router
from agon.arena.web.health import health_router
from agon.arena.web.languages.organiser import logo_router
from agon.arena.web.leaderboard.boards import Boards
from agon.arena.web.leaderboard.sources import ArenaVotes
from agon.arena.web.lens.routes import reading_router
from agon.arena.web.middleware import ArenaMiddleware
from agon.arena.web.refusals import answer_errors, lifespan_of
from agon.arena.web.static_files import static_router
from agon.arena.web.study.page import STUDY
from agon.arena.web.study.routes import study_router


def study_app(study: Study) -> ArenaMiddleware:
    """The pages of a study: that of its voters, its progress, and once it has ended the leaderboard."""
    app = FastAPI(openapi_url=None, lifespan=lifespan_of(study.arena))
    answer_errors(app)

    def ended() -> None:
        if study.closed is None and not study.plan.reveal:
            raise Refusal(
                403, "blind", "The leaderboard opens when the study has ended: until then it is blind."
            )

    arena = study.arena
    routers = [
        study_router(study),
        consent_router(arena),
        about_router(arena),
        health_router(arena),
        logo_router(arena),
        static_router(arena),
    ]
    for router in routers:
        app.include_router(router)
    boards = reading_router({"": Boards(ArenaVotes(arena))})
    app.include_router(boards, dependencies=[Depends(ended)])
    described = document_router([boards])
    app.include_router(described)
    paths = [
        r.path_regex for one in (*routers, boards, described) for r in one.routes if isinstance(r, Route)
    ]
    return ArenaMiddleware(
        app,
        keys=arena.keys,
        paths=paths,
        settings=arena.settings,
        site=STUDY,
        organiser=lambda: arena.roster.page,
    )
