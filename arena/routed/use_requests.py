"""What is asked of the server of routed use: bodies and signals, checked before anything is done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from agon.arena.routed.blinding import ROUTED_MODEL, error_body
from agon.arena.web.middleware import Receive
from agon.ranking.errors import OptionError, suggest
from agon.ranking.routed.use_signals import SENT, SIGNALS

BODY_PATIENCE = 60.0  # seconds for the whole of a request


class RefusedRequest(Exception):  # noqa: N818 (it says what happened)
    """What a request is answered with instead."""

    def __init__(
        self, status: int, message: str, code: str, *, wait: int | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        kinds = {401: "authentication_error", 429: "rate_limit_error"}
        kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
        self.status, self.body = status, error_body(message, kind, code, param)
        self.headers = {} if wait is None else {"retry-after": str(wait)}


async def read_object(receive: Receive, most: int) -> dict[str, Any]:
    """The body of a request, a JSON object of at most so many bytes."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RefusedRequest(400, "The request broke off; send it again.", "broken_off")
                body += message.get("body", b"")
                if len(body) > most:
                    raise RefusedRequest(
                        413,
                        f"The request is longer than {most:,} bytes; send less, or have "
                        "body_bytes of [routed] raised.",
                        "too_large",
                    )
                if not message.get("more_body"):
                    break
    except TimeoutError:
        raise RefusedRequest(
            408, f"The request took more than {BODY_PATIENCE:.0f} seconds; send it again.", "slow_body"
        ) from None
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedRequest(400, "The body is not a JSON object; send one.", "invalid_json")
    return found


def _no_number(word: str) -> float:
    raise ValueError(word)


def checked_messages(body: Mapping[str, Any]) -> list[Any]:
    """The messages of a request for an answer."""
    if body.get("model") != ROUTED_MODEL:
        raise RefusedRequest(
            404,
            f"There is no model {str(body.get('model'))[:80]!r} here; ask for {ROUTED_MODEL!r}, which is one "
            "of those that are compared.",
            "model_not_found",
            param="model",
        )
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise RefusedRequest(
            400,
            "messages must be a list of messages, and have one at least.",
            "no_messages",
            param="messages",
        )
    return messages


def has_images(messages: list[Any]) -> bool:
    """Whether a message has an image."""
    return any(
        isinstance(part, dict) and str(part.get("type", "")).endswith(("image_url", "image"))
        for one in messages
        if isinstance(one.get("content"), list)
        for part in one["content"]
    )


def question_alone(messages: list[Any]) -> str | None:
    """The text of a request that is one prompt and nothing else; None for any other."""
    if len(messages) != 1 or messages[0].get("role") != "user":
        return None
    content = messages[0].get("content")
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        content = content[0].get("text")
    return content if isinstance(content, str) and content.strip() else None


def signals_in(header: str) -> dict[str, Any]:
    """The signals of a header such as `thumb=1, copied`: one without a value is 1."""
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, header.split(","))):
        name, _, value = part.partition("=")
        try:
            found[name.strip()] = float(value) if value else 1
        except ValueError:
            found[name.strip()] = value
    return found


def checked_signals(given: Mapping[str, Any]) -> dict[str, float]:
    """Signals with their values; all of them, or none."""
    if not given:
        raise RefusedRequest(400, f"There is no signal in it; send one of {', '.join(SENT)}.", "no_signal")
    values = {}
    for name, value in given.items():
        if name not in SENT:
            measured = name in SIGNALS
            why = f"{name} is measured here" if measured else f"There is no signal {name[:60]!r}"
            hint = f"send one of {', '.join(SENT)}." if measured else suggest(name, SENT)
            raise RefusedRequest(400, f"{why}; {hint}", "unknown_signal", param=name[:60])
        try:
            values[name] = SIGNALS[name].check(value)
        except OptionError as error:
            raise RefusedRequest(400, str(error), "invalid_signal", param=name) from None
    return values
