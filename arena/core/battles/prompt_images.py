"""The images of a prompt: which a voter may attach, and that they are on the disk before it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from agon.arena.core.arena import NO_IMAGES, Arena
from agon.arena.core.battles.attachments import RATE_SECONDS
from agon.arena.core.operation.operator_messages import tell
from agon.arena.core.refusal import Refusal
from agon.data.log.image_files import CleanImage
from agon.data.log.records import AttachedImage
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence
from agon.serving.protocol import ImagePart

IMAGES_A_MINUTE = 10  # times the images of one prompt, that a voter may attach
LONGEST_ALT = 500  # characters of what is written of an image


def room_for_image(arena: Arena, session: str) -> str:
    """The voter, if another image may be attached now."""
    voter = arena.keys.voter(session)
    most = IMAGES_A_MINUTE * arena.settings.images
    wait = arena.attachments.seconds_until_room(voter, most)
    if wait:
        sentence = Sentence(
            "You attached {most} images in {window} seconds. Wait {seconds} seconds.",
            most=most,
            window=round(RATE_SECONDS),
            seconds=ceil(wait),
        )
        raise Refusal(429, "too_many_images", sentence)
    return voter


def attached_image(
    arena: Arena, session: str, sha256: str, battle_id: str | None = None
) -> CleanImage | ImagePart:
    """An image that one has attached, or asked with in a battle."""
    voter = arena.keys.voter(session)
    mine = [arena.battle(session, battle_id)] if battle_id else arena.battles.all()
    asked = (part for one in mine if one.battle.voter == voter for turn in one.battle.images for part in turn)
    found = arena.attachments.held(voter, sha256) or next((p for p in asked if p.sha256 == sha256), None)
    if found is None:
        raise Refusal(404, "no_image", "An image is not here any more. Remove it, and attach it again.")
    return found


async def keep_images(
    arena: Arena, session: str, images: Sequence[tuple[str, str | None]], battle_id: str | None = None
) -> tuple[ImagePart, ...]:
    """Keep the images of a prompt that is about to be asked; they are on the disk when this returns.

    Args:
        arena: that asks the prompt.
        session: whose they are.
        images: the hash of each, and what was written of it.
        battle_id: of the battle that goes on with them; a new one, if left out.
    """
    most = arena.most_images(arena.battle(session, battle_id).battle if battle_id else None)
    if images and not most:
        raise Refusal(422, "no_images", NO_IMAGES)
    if len(images) > most:
        sentence = Sentence(
            "A prompt takes up to {count} image. Remove some.",
            "A prompt takes up to {count} images. Remove some.",
            count=most,
        )
        raise Refusal(422, "too_many_images", sentence)
    found = [attached_image(arena, session, sha256) for sha256, _ in images]
    try:
        await arena.attachments.keep([one for one in found if isinstance(one, CleanImage)])
    except AgonError as error:
        tell(f"an image could not be kept: {error}", "image_not_kept", error=type(error).__name__)
        raise Refusal(503, "not_kept", "The images could not be kept. Try again, or remove them.") from error
    alts = [" ".join((alt or "").split())[:LONGEST_ALT] or None for _, alt in images]
    given = zip(images, alts, strict=True)
    return tuple(arena.attachments.part(AttachedImage(sha256, alt)) for (sha256, _), alt in given)
