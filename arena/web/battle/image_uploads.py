"""Images that voters attach: checked by decoding, made smaller, written anew without anything but pixels.

Here are the routes by which one is attached and shown again, to its own voter alone. What is kept of it, and
when, stands in `arena.core.attachments`.
"""

from __future__ import annotations

import asyncio
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from agon.arena.core.arena import Arena
from agon.arena.core.battles.prompt_images import attached_image, room_for_image
from agon.arena.core.fair_shares import LineFullError, Lines
from agon.arena.core.refusal import Refusal
from agon.arena.web.api.battle_shapes import UploadAnswer
from agon.arena.web.api.document import ImageResponse, played
from agon.arena.web.clients.networks import client_network
from agon.arena.web.middleware import Session
from agon.data.log.image_files import CleanImage
from agon.ranking.text import Sentence

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")  # of an animation the first picture
MOST_PIXELS = 50_000_000  # that are decoded: the photos of phones
LONGEST_SIDE = 1_536  # pixels of what is kept and sent
MOST_LOSSLESS = 1_500_000  # bytes of a PNG, above which it becomes a JPEG
QUALITY = 90
IN_LINE = 32  # images of one network that wait
AT_ONCE = 1  # image that is decoded at a time: the largest take up to 0.8 GB (WebP; 0.3 as JPEG)
NO_IMAGE = Sentence("This is no image that can be read here. Attach a PNG, JPEG, WebP or GIF.")


def image_router(arena: Arena) -> APIRouter:
    """Attaching images, and showing them to whom they belong."""
    router = APIRouter()
    decoding, lines = asyncio.Semaphore(AT_ONCE), Lines(1, IN_LINE)  # of each network one stands in line

    @router.post("/api/images", **played("Attach an image", UploadAnswer, 413, 415, 422, 429))
    async def attach(session: Session, request: Request) -> JSONResponse:
        if not arena.settings.images:
            raise Refusal(422, "no_images", "This arena takes no images.")
        voter = room_for_image(arena, session)
        content = await request.body()
        try:
            async with lines.turn(client_network(request.scope)), decoding:
                image = await asyncio.to_thread(clean_image, content)
        except LineFullError:
            sentence = "Too many images come from your network at once. Attach it again in a minute."
            raise Refusal(429, "too_many_images", sentence) from None
        arena.attachments.hold(voter, image)
        return JSONResponse({"sha256": image.sha256}, headers={"cache-control": "no-store"})

    @router.get(
        "/api/images/{sha256}", response_class=ImageResponse, **played("An image attached", None, 404)
    )
    async def attached(session: Session, sha256: str) -> Response:
        return await shown(session, sha256)

    @router.get(
        "/api/battles/{battle_id}/images/{sha256}",
        response_class=ImageResponse,
        **played("An image of a battle", None, 404),
    )
    async def asked(session: Session, battle_id: str, sha256: str) -> Response:
        return await shown(session, sha256, battle_id)

    async def shown(session: str, sha256: str, battle_id: str | None = None) -> Response:
        found = attached_image(arena, session, sha256, battle_id)
        if isinstance(found, CleanImage):
            content, kind = found.content, "image/png" if found.ending == ".png" else "image/jpeg"
        else:
            kind = found.media_type
            try:
                content = await asyncio.to_thread(found.path.read_bytes)
            except OSError:
                raise Refusal(404, "no_image", "This image is not kept any more.") from None
        headers = {
            "cache-control": "private, max-age=600",
            "content-disposition": "inline",
            "content-encoding": "identity",  # or it would be compressed once more
        }
        return Response(content, media_type=kind, headers=headers)

    return router


def clean_image(content: bytes) -> CleanImage:
    """An image as models and voters see it: upright, of one picture, on white, with no metadata.

    Raises Refusal: it is none, is broken, or has too many pixels.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
            opened = Image.open(BytesIO(content), formats=IMAGE_FORMATS)
            lossless = opened.format in ("PNG", "GIF")
            if opened.width * opened.height <= MOST_PIXELS:
                return _encoded(_flat(opened), lossless=lossless)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        pass
    except Exception:  # decoders of hostile files raise whatever they like
        raise Refusal(422, "no_image", NO_IMAGE) from None
    sentence = Sentence(
        "The image has more than {millions} million pixels. Attach a smaller one.",
        millions=MOST_PIXELS // 1_000_000,
    )
    raise Refusal(422, "large_image", sentence)


def _flat(opened: Image) -> Image:
    """The pixels of an image, upright, no larger than they are kept, in sRGB on white."""
    from PIL import Image, ImageCms, ImageOps

    opened.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # a JPEG is decoded at a fraction of its size
    mode, profile, image = opened.mode, opened.info.get("icc_profile"), opened
    if mode.startswith("I"):  # 16 bits a pixel
        image = opened.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif mode not in ("L", "RGB", "RGBA") or "transparency" in opened.info:
        image = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)  # first: a copy is large
    image = ImageOps.exif_transpose(image)
    clear = image.convert("RGBA" if image.has_transparency_data else "RGB")
    flat = Image.new("RGB", clear.size, "white")
    flat.paste(clear, mask=clear if clear.mode == "RGBA" else None)
    if profile and mode in ("RGB", "RGBA", "P"):
        try:
            found = ImageCms.ImageCmsProfile(BytesIO(profile))
            ImageCms.profileToProfile(flat, found, ImageCms.createProfile("sRGB"), inPlace=True)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a broken profile costs no image: its colours are taken as they are
    return flat


def _encoded(image: Image, *, lossless: bool) -> CleanImage:
    """The file of an image: a PNG where it came as one and is not large, else a JPEG."""
    from PIL import Image

    bare = Image.new("RGB", image.size)
    bare.paste(image)  # without what a file might say beside its pixels
    out = BytesIO()
    if lossless:
        bare.save(out, "PNG")
        if out.tell() <= MOST_LOSSLESS:
            return CleanImage(out.getvalue(), ".png")
        out = BytesIO()
    bare.save(out, "JPEG", quality=QUALITY)
    return CleanImage(out.getvalue(), ".jpg")
