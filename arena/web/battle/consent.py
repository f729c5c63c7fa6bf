"""What visitors are asked to agree to, for pages and programs: the box at the prompt, and `/api/consent`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from agon.arena.core.arena import Arena
from agon.arena.core.roster import words_in
from agon.arena.core.visitors.people import People
from agon.arena.web.api.battle_shapes import ConsentShape
from agon.arena.web.api.document import played
from agon.arena.web.languages.texts import language
from agon.arena.web.markdown.markdown import words_html
from agon.arena.web.middleware import Session
from agon.data.log.personal.consents import ConsentTexts, text_hash

CONSENT_ROUTE = "/api/consent"
_FRESH = {"cache-control": "no-store"}


class ConsentBody(BaseModel):
    """The SHA-256 of a text, and whether one agrees to it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: str
    given: bool


def asked_text(asked: ConsentTexts) -> str | None:
    """What is asked, in the reader's language where there is such a text; None where nothing is."""
    return words_in(asked.texts, language())


def consent_shape(asked: ConsentTexts, texts: Mapping[str, str], *, agreed: bool) -> dict[str, Any]:
    """What is asked, with some of its texts, as JSON has it."""
    return {
        "since": asked.since and asked.since.isoformat(),
        "texts": [
            {"language": code, "text": text, "html": words_html(text), "sha256": text_hash(text)}
            for code, text in texts.items()
        ],
        "agreed": agreed,
    }


def consent_view(arena: Arena, session: str) -> dict[str, Any] | None:
    """What a visitor is asked, in the reader's language, and whether they agreed; None where nothing is."""
    asked = arena.consents.asked
    text = asked_text(asked)
    if text is None:
        return None
    chosen = {code: one for code, one in asked.texts.items() if one == text}
    code = language() if language() in chosen else next(iter(chosen))
    return consent_shape(asked, {code: text}, agreed=arena.consents.given(arena.keys.voter(session)))


def consent_router(arena: Arena) -> APIRouter:
    """What is asked, and the answer to it."""
    router, people = APIRouter(), People(arena)

    def stands(session: str) -> JSONResponse:
        asked = arena.consents.asked
        agreed = arena.consents.given(arena.keys.voter(session))
        return JSONResponse(consent_shape(asked, asked.texts, agreed=agreed), headers=_FRESH)

    @router.get(CONSENT_ROUTE, **played("What one is asked to agree to", ConsentShape, 403))
    async def look(session: Session) -> JSONResponse:
        return stands(session)

    @router.post(CONSENT_ROUTE, **played("Say whether one agrees", ConsentShape, 403, 409, 422, 429, 503))
    async def say(session: Session, body: ConsentBody) -> JSONResponse:
        await people.consent(session, body.text, given=body.given)
        return stands(session)

    return router
