"""The document of the API (OpenAPI): its routes as they are declared, and what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel
from starlette.routing import BaseRoute

from agon.arena.web.api.caching import unless_seen
from agon.arena.web.api.shapes import ErrorShape
from agon.arena.web.languages.texts import message
from agon.ranking.version import VERSION

_FILTERS: dict[str, Any] = {
    "name": "filters",
    "in": "query",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "description": "Any filter of /api/offer with one of its values, such as category=Code or month=2026-02: "
    "only votes that have it.",
}
_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "rule": ({"type": "string"}, "Name of a method; bradley_terry if left out."),
    "adjust": ({"type": "string"}, "Features of the answers, with commas between them; Bradley-Terry only."),
    "at": ({"type": "string", "minLength": 8}, "The beginning of the fingerprint that the board must have."),
    "name": ({"type": "string"}, "Name of the model, as in the votes."),
    "models": ({"type": "string"}, "Two to four names with commas between them; the first two if left out."),
    "of": ({"type": "string"}, "The filter whose values stand across; category if left out."),
    "by": ({"type": "string"}, "The filter whose values weigh; category if left out."),
    "prefer": ({"type": "string"}, "The fact that is to be small among models hardly worse."),
    "within": ({"type": "number", "minimum": 0}, "Points that the choice may be below the best."),
}
_PATTERNS: dict[str, tuple[dict[str, str], str]] = {
    "weights": (
        {r"^weight\.": "number"},
        "weight.VALUE=NUMBER, 0 to 100: what a value of `by`, or a task, weighs; the others weigh 1.",
    ),
    "conditions": (
        {r"^(atmost|atleast|beside)\.": "number", r"^only\.": "string"},
        "atmost.FACT=NUMBER and atleast.FACT=NUMBER: bounds; only.FACT=VALUE, several times for any of "
        "several; beside.FACT=NUMBER: what a fact weighs beside the score, which weighs 1.",
    ),
}  # parameters whose names hold a word of the votes
IMPORTED, POOLED = "/imported", "/pooled"  # what stands before the paths of other votes of one arena
ENDPOINTS = {
    "/api/leaderboard": message("A leaderboard"),
    "/api/offer": message("What can be asked for"),
    "/api/model": message("One model"),
    "/api/compare": message("Models side by side"),
    "/api/overview": message("Ranks by kind of votes"),
    "/api/history": message("Ranks over time"),
    "/api/rules": message("Several rules"),
    "/api/prediction": message("Which rule predicts votes best"),
    "/api/tastes": message("For whom: kinds of voters"),
    "/api/decide": message("Which model to take"),
    "/api/integrity": message("How these votes were made"),
    "/api/methods": message("The rules there are"),
    "/api/data": message("Downloads and citation"),
}  # of these votes, each with an example of what it takes
BOARD = ("filters", "rule", "adjust")
_NO_OTHERS: Mapping[int, dict[str, Any]] = MappingProxyType({})
_REFUSALS = {
    404: "What was asked for is not there: a filter, a value, a rule, a model.",
    410: "The board has another fingerprint than the one asked for.",
    422: "These votes cannot be ranked in that way.",
    429: "Too many requests of one network are being answered; wait for their answers.",
    503: "Too much is being computed just now; try again.",
}
_BATTLES = {
    403: "The browser sent no cookie of this arena (GET / sets one), or not the right to this vote.",
    404: "There is no such battle or image of this visitor.",
    409: "The battle is not in the state for it, or was voted on.",
    413: "The request is too long.",
    415: "The request is not of the kind that the route takes.",
    422: "What was sent cannot be used: an empty or too long prompt, no outcome, no image.",
    429: "Too much at once; wait.",
    503: "No models can answer now, or it could not be kept; try again.",
}
_ABOUT = (
    "Everything that the reading pages show, as JSON; and the battles, as the page itself plays them. "
    "Answers of boards carry an ETag: send it back as If-None-Match, and 304 says that nothing has changed. "
    "While a newer board is made they are of the one before, with its Age in seconds; with "
    "Cache-Control: no-cache you wait for that of now. "
    "What is refused is an `error` and a `sentence` with a fitting status. Nothing tells who answers before "
    "the vote is kept. An arena that shows the votes of a file beside its own (agon serve --votes) answers "
    f"for them under {IMPORTED}/api and for both together under {POOLED}/api."
)


class EventStream(StreamingResponse):
    """A response of server-sent events."""

    media_type = "text/event-stream"


class ImageResponse(Response):
    """A response of an image."""

    media_type = "image/png"


def documented(
    answer: type[BaseModel] | None, *parameters: str, also: Mapping[int, dict[str, Any]] = _NO_OTHERS
) -> Any:
    """What the decorator of a route needs, for the document to say what it takes and answers.

    Args:
        answer: the shape of the answer; None of one that is no JSON.
        parameters: names of those it takes.
        also: responses that it has beside those of all boards.
    """
    described = {status: refusal(status) for status in (404, 422, 429, 503)} | dict(also)
    if answer is not None:
        described[200] = {"model": answer, "description": answer.__doc__}
    found: dict[str, Any] = {"responses": described}
    if parameters:
        found["openapi_extra"] = {"parameters": [_parameter(name) for name in parameters]}
    return found if answer is not None else found | {"response_class": Response}


def played(summary: str, answer: type[BaseModel] | None, *statuses: int) -> Any:
    """The same of a route of battles, which may refuse with these statuses, and without a cookie."""
    described = {status: refusal(status, _BATTLES[status]) for status in sorted({403, 429, *statuses})}
    if answer is not None:
        described[200] = {"model": answer, "description": answer.__doc__}
    return {"summary": summary, "responses": described}


def refusal(status: int, why: str = "") -> dict[str, Any]:
    """A refusal in the document."""
    return {"model": ErrorShape, "description": why or _REFUSALS[status]}


def _is_first(route: BaseRoute) -> bool:
    """Whether a route is not the same again for other votes of the same arena."""
    return not getattr(route, "path", "").startswith((f"{IMPORTED}/", f"{POOLED}/"))


def _parameter(name: str) -> dict[str, Any]:
    if name == "filters":
        return _FILTERS
    if name in _PATTERNS:
        patterns, said = _PATTERNS[name]
        kinds = {pattern: {"type": kind} for pattern, kind in patterns.items()}
        schema = {"type": "object", "patternProperties": kinds, "additionalProperties": False}
        return _FILTERS | {"name": name, "schema": schema, "description": said}
    schema, said = _PARAMETERS[name]
    return {"name": name, "in": "query", "schema": schema, "description": said, "required": name == "name"}


def document_router(routers: Sequence[APIRouter]) -> APIRouter:
    """`/openapi.json` of the routes of these routers that are declared for it."""
    router = APIRouter()
    routes: list[BaseRoute] = [route for one in routers for route in one.routes if _is_first(route)]
    document = get_openapi(title="Agon", version=VERSION, description=_ABOUT, routes=routes)

    @router.get("/openapi.json", include_in_schema=False)
    async def described(request: Request) -> Response:
        async def whole(_: object) -> Response:
            return JSONResponse(document)

        return await unless_seen(request, None, whole)

    return router
