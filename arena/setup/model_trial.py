"""Each model asked for the beginning of an answer: whether it comes, how soon and how fast; and, of one that
takes images, whether it sees a colour, because some servers drop an image without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agon.arena.core.roster import Contestant
from agon.serving.generation import Generation, Limits, generate
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import ImagePart, Message, ServingError

ASKED = "Describe the sea to somebody who has never seen it."
COLOUR = "yellow"
ASKED_OF_IMAGE = "Which colour has this image? Answer with one word."
TRIAL_SECONDS = 10.0  # after which an answer is stopped
TRIAL_PIECES = 64


@dataclass(frozen=True, slots=True)
class TriedModel:
    """What a model did when it was asked.

    Attributes:
        model: its name.
        failure: why it cannot answer, in one line; None if it does.
        served: what its server calls it.
        context: tokens that prompt and answer may have together; None where the server does not say.
        adapter_of: the model that it is an adapter of, where the server says so.
        first_token: seconds to the first token, of the answer or of the thinking before it.
        tokens_per_second: after it.
        images: whether it sees images; None where it was not asked.
        unseen: why it does not, in one line.
    """

    model: str
    failure: str | None = None
    served: str | None = None
    context: int | None = None
    adapter_of: str | None = None
    first_token: float | None = None
    tokens_per_second: float | None = None
    images: bool | None = None
    unseen: str | None = None


async def try_models(contestants: Sequence[Contestant], limits: Limits) -> list[TriedModel]:
    """Ask all of them, those of one server one after the other, so that each has it to itself; and those that
    take images what they see."""
    lanes: dict[object, list[int]] = {}
    for number, one in enumerate(contestants):
        lanes.setdefault(one.backend.route().place, []).append(number)
    found: dict[int, TriedModel] = {}

    async def ask(place: object, numbers: list[int], folder: Path) -> None:
        listed = await _listed(place)
        for number in numbers:
            found[number] = await _try(contestants[number], limits, listed, folder)

    with TemporaryDirectory(prefix="agon-models-") as folder:
        await asyncio.gather(*(ask(place, numbers, Path(folder)) for place, numbers in lanes.items()))
    return [found[number] for number in range(len(contestants))]


async def _listed(place: object) -> dict[str, dict[str, Any]]:
    """What a server says of its models; nothing where it does not answer."""
    if not isinstance(place, Server):
        return {}
    try:
        return await place.served()
    except ServingError:
        return {}


async def _try(
    contestant: Contestant, limits: Limits, listed: dict[str, dict[str, Any]], folder: Path
) -> TriedModel:
    served = str(contestant.backend.route().request.get("model") or contestant.card.name)
    said = listed.get(served, {})
    context, parent = said.get("max_model_len"), said.get("parent")
    known: dict[str, Any] = {
        "served": served,
        "context": context if isinstance(context, int) else None,
        "adapter_of": parent if isinstance(parent, str) else None,
    }
    if not contestant.measured:  # a recording, which knows its own prompts alone
        return TriedModel(contestant.card.name, **known)
    made = await _begin(contestant, Message("user", ASKED), limits)
    if made.failure is not None and not made.reasoning:
        return TriedModel(contestant.card.name, f"{made.failure}: {made.detail}", **known)
    unseen = await _unseen(contestant, limits, folder) if contestant.images else None
    return TriedModel(
        contestant.card.name,
        None,
        **known,
        first_token=made.time_to_first_token,
        tokens_per_second=made.tokens_per_second,
        images=unseen is None if contestant.images or unseen else None,
        unseen=unseen,
    )


async def _unseen(contestant: Contestant, limits: Limits, folder: Path) -> str | None:
    """Why a model does not see an image of one colour; None if it names it."""
    from PIL import Image

    path = folder / "colour.png"
    Image.new("RGB", (128, 128), COLOUR).save(path)
    made = await _begin(
        contestant, Message("user", ASKED_OF_IMAGE, (ImagePart("", "image/png", path),)), limits
    )
    if made.failure is not None and not made.reasoning:
        return f"{made.failure}: {made.detail}"
    if COLOUR in f"{made.text} {made.reasoning}".casefold():
        return None
    return f"of a {COLOUR} square it wrote {' '.join(made.text.split())[:60]!r}"


async def _begin(contestant: Contestant, message: Message, limits: Limits) -> Generation:
    """The beginning of an answer."""
    messages = [message]
    if contestant.system_prompt:
        messages.insert(0, Message("system", contestant.system_prompt))
    stop, pieces = asyncio.Event(), 0

    def count(_: str) -> None:
        nonlocal pieces
        pieces += 1
        if pieces >= TRIAL_PIECES:
            stop.set()

    asyncio.get_running_loop().call_later(TRIAL_SECONDS, stop.set)
    return await generate(
        contestant.backend, messages, contestant.sampling, limits=limits, on_text=count, stop=stop
    )
