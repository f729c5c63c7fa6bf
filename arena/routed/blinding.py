"""What of a model's response is passed on: everything but what names the model.

Responses are passed on as they came, byte for byte, with three exceptions: the fields that name a model or
its server say `agon`, the id is ours, and the usage that only we asked for is left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from agon.serving.openai_protocol.chat_chunks import failure_of_error
from agon.serving.protocol import ServingError

ROUTED_MODEL = "agon"  # what all models are called
_NAMING = re.compile(rb'("(?:model|provider|system_fingerprint)"\s*:\s*)"(?:[^"\\]|\\.)*"')
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")  # of an event
_DATA = re.compile(rb"^data:[ ]?(.*?)\r?$", re.MULTILINE)


class BlindedResponse:
    """One response, as it is passed on and what it says of itself.

    Args:
        answer: the id that it gets.
        usage_is_ours: whether the usage of a stream was asked for here alone.

    Attributes:
        pieces: events with a piece of the answer.
        usage: as the server counts; None where it does not.
        finished: whether a choice said why it ended.
        failure: what stands in the place of an event, once there is one.
    """

    def __init__(self, answer: str, *, usage_is_ours: bool = False) -> None:
        self._answer, self._usage_is_ours = answer.encode(), usage_is_ours
        self._held = b""
        self._id: bytes | None = None
        self.pieces = 0
        self.usage: dict[str, Any] | None = None
        self.finished = False
        self.failure: ServingError | None = None

    def feed(self, data: bytes) -> bytes:
        """The whole events so far, as they are passed on."""
        self._held += data
        if not _END.search(self._held):
            return b""
        out, start = [], 0
        for end in _END.finditer(self._held):
            out.append(self._event(self._held[start : end.end()]))
            start = end.end()
        self._held = self._held[start:]
        return b"".join(out)

    def rest(self) -> bytes:
        """What came without the end of an event."""
        held, self._held = self._held, b""
        return self._event(held) if held.strip() else b""

    def whole(self, body: bytes) -> bytes:
        """A response that is no stream.

        Raises:
            ServingError: it is no JSON object, or an error in the place of one.
        """
        try:
            chunk = json.loads(body)
        except ValueError:
            chunk = None
        if not isinstance(chunk, dict):
            raise ServingError("malformed", "the response is no JSON object")
        self._take(chunk)
        if self.failure is not None:
            raise self.failure
        return self._covered(body)

    def _event(self, event: bytes) -> bytes:
        data = b"\n".join(found[1] for found in _DATA.finditer(event))
        if not data or data.strip() == b"[DONE]":
            return event
        try:
            chunk = json.loads(data)
        except ValueError:
            return event
        if not isinstance(chunk, dict):
            return event
        self._take(chunk)
        if self._usage_is_ours and chunk.get("usage") and not chunk.get("choices"):
            return b""
        return self._covered(event)

    def _take(self, chunk: dict[str, Any]) -> None:
        """What a chunk says."""
        choices = chunk.get("choices")
        error = chunk.get("error")
        if error or (not choices and chunk.get("object") == "error"):
            self.failure = failure_of_error(error or chunk)
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]
        if isinstance(chunk.get("id"), str):
            self._id = json.dumps(chunk["id"], ensure_ascii=False).encode()
        if isinstance(choices, list) and choices:
            self.pieces += 1
            self.finished |= any(isinstance(one, dict) and bool(one.get("finish_reason")) for one in choices)

    def _covered(self, content: bytes) -> bytes:
        content = _NAMING.sub(rb'\1"%s"' % ROUTED_MODEL.encode(), content)
        if self._id is not None:
            content = re.sub(
                rb'("id"\s*:\s*)' + re.escape(self._id), rb'\1"%s"' % self._answer, content, count=1
            )
        return content

    def count(self, name: str) -> int | None:
        """A count of tokens of the server, such as `prompt_tokens`."""
        value = (self.usage or {}).get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def error_body(message: str, kind: str, code: str | None = None, param: str | None = None) -> bytes:
    """An error in the form of the protocol."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return json.dumps({"error": error}, ensure_ascii=False).encode()
