"""Vectors of texts from a server that speaks the OpenAI protocol's /embeddings: vLLM, llama.cpp, others.

Texts are sent in batches, several at once. A server that is busy or out is asked again for a while. Of a
batch with a text that the model cannot read, the others still get their vectors.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Any

from agon.serving.openai_protocol.chat_chunks import failure_of_status
from agon.serving.openai_protocol.chat_stream import NOT_IN_THE_PROTOCOL, retry_after
from agon.serving.openai_protocol.model_server import Server
from agon.serving.protocol import ServingError

BATCH, AT_ONCE, PATIENCE = 64, 4, 120.0
_ANSWER_SECONDS = 120.0
_AGAIN = ("overloaded", "unreachable", "timeout", "interrupted")  # failures that may pass
_OWN = ("too_long", "rejected", "filtered")  # those that a text itself may be the reason of
Embedding = list[float]


async def embed_texts(
    server: Server,
    model: str,
    texts: Sequence[str],
    *,
    dimensions: int | None = None,
    batch: int = BATCH,
    at_once: int = AT_ONCE,
    patience: float = PATIENCE,
) -> AsyncGenerator[tuple[int, Embedding | ServingError]]:
    """Give the number of each text and its vector, in the order in which they come.

    Args:
        server: that serves the model; whoever made it closes it.
        model: as the server calls it.
        texts: N texts.
        dimensions: numbers of a vector, of models that let one choose.
        batch: texts of a request.
        at_once: requests at once.
        patience: seconds for which a server may be busy or out.

    Yields:
        A `ServingError` instead of a vector for a text that the model does not take.

    Raises:
        ServingError: the server is out for longer, refuses every text, or sends what is no vectors of one
            length.
    """
    gate, length = asyncio.Semaphore(at_once), [dimensions or 0]

    async def some(numbers: Sequence[int]) -> list[tuple[int, Embedding | ServingError]]:
        try:
            async with gate:
                given = [texts[i] for i in numbers]
                vectors = await _patiently(server, model, given, dimensions, patience)
        except ServingError as error:
            if error.kind not in _OWN:
                raise
            if len(numbers) == 1:
                return [(numbers[0], error)]
            half = len(numbers) // 2
            return [*await some(numbers[:half]), *await some(numbers[half:])]
        for vector in vectors:
            length[0] = length[0] or len(vector)
            if len(vector) != length[0]:
                said = f"{model} gave vectors of {length[0]} and of {len(vector)} numbers"
                raise ServingError("malformed", f"{server.base_url}: {said}")
        return list(zip(numbers, vectors, strict=True))

    tasks = [
        asyncio.create_task(some(range(start, min(start + batch, len(texts)))))
        for start in range(0, len(texts), batch)
    ]
    taken = False
    last: ServingError | None = None
    try:
        for done in asyncio.as_completed(tasks):
            for number, made in await done:
                if isinstance(made, ServingError):
                    last = made
                taken |= not isinstance(made, ServingError)
                yield number, made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if last is not None and not taken:
        raise last


async def _patiently(
    server: Server, model: str, texts: Sequence[str], dimensions: int | None, patience: float
) -> list[Embedding]:
    """The vectors of a batch, asked for again while the server is busy or out."""
    since, tries = time.monotonic(), 0
    while True:
        try:
            found = await _request(server, model, texts, dimensions)
            server.answered += 1
            return found
        except ServingError as error:
            pause = max(0.5 * 2.0**tries, error.retry_after or 0.0) * (1 + 0.2 * random.random())  # noqa: S311
            out = error.kind in _AGAIN and (server.answered or error.kind != "unreachable")
            if not out or time.monotonic() - since + pause > patience:
                raise
        await asyncio.sleep(pause)
        tries += 1


async def _request(
    server: Server, model: str, texts: Sequence[str], dimensions: int | None
) -> list[Embedding]:
    """One request.

    Raises:
        ServingError: whatever came instead of one vector for each text.
    """
    body: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "float"}
    if dimensions is not None:
        body["dimensions"] = dimensions
    with server.typed_errors():
        async with asyncio.timeout(_ANSWER_SECONDS):
            response = await server.client.post(f"{server.base_url}/embeddings", json=body)
        if response.status_code != 200:
            raise failure_of_status(response.status_code, response.content, retry_after(response))
        rows: dict[int, Embedding] = {}
        with suppress(*NOT_IN_THE_PROTOCOL):
            for place, one in enumerate(response.json()["data"]):
                rows[int(one.get("index", place))] = [float(number) for number in one["embedding"]]
        found = [rows.get(i, []) for i in range(len(texts))]
        if len(rows) != len(texts) or not all(one and all(map(math.isfinite, one)) for one in found):
            raise ServingError("malformed", f"it did not send a vector of numbers for each of {len(texts)}")
        return found
