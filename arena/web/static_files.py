"""The files that pages load, with their kinds and how long they are kept."""

from __future__ import annotations

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from agon.arena.core.arena import Arena

_MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "woff2": "font/woff2",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}


def static_router(_: Arena | None = None) -> APIRouter:
    """The files under /static/."""
    router = APIRouter()
    folder = files("agon.arena.web") / "static"

    @router.get("/static/{path:path}", include_in_schema=False)
    async def file(path: str) -> Response:
        kind = _MEDIA_TYPES.get(path.rpartition(".")[2])
        parts = path.split("/")
        if kind is None or len(parts) > 2 or any(part.startswith(".") or not part for part in parts):
            raise HTTPException(404)
        found = folder.joinpath(*parts)
        if not found.is_file():
            raise HTTPException(404)
        return Response(found.read_bytes(), media_type=kind, headers={"cache-control": "max-age=300"})

    return router
