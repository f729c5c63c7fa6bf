"""Reading the chunks of a chat completion: what each adds to the answer, and what is an error in its place.

The answer is what counts. A fault beside it, in the usage, in fields that we do not know, or after the end,
never costs it; a chunk whose text cannot be read does. Half of this file is what servers are known to send.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from agon.serving.protocol import Delta, End, FailureKind, ServingError, TokenChances
from agon.serving.reasoning import ReasoningSplitter, Split

STATUSES: dict[int, FailureKind] = {
    401: "unauthorised",
    403: "unauthorised",
    404: "unknown_model",
    407: "unreachable",
    408: "timeout",
    429: "overloaded",
    502: "unreachable",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
# Words that servers give for a code or type of error, the first that fits.
CODES: Mapping[FailureKind, re.Pattern[str]] = {
    "filtered": re.compile("content.?(filter|policy)|moderation|safety", re.IGNORECASE),
    "overloaded": re.compile(
        "rate.?limit|overload|too.?many|busy|quota|capacity|throttl|unavailable", re.IGNORECASE
    ),
    "unauthorised": re.compile("api.?key|auth|permission|forbidden", re.IGNORECASE),
    "unknown_model": re.compile("not.?found|no_such_model", re.IGNORECASE),
    "rejected": re.compile("context.?length|invalid|bad.?request|unsupported", re.IGNORECASE),
    "timeout": re.compile("time.?out", re.IGNORECASE),
}


class ChatReading:
    """What the chunks of one answer have said so far.

    `thinks_first` says that the model begins inside its thinking; `thought_first` says so of this answer.
    """

    def __init__(self, *, thinks_first: bool = False) -> None:
        self.chunks = 0
        self.finish_reason: str | None = None
        self.thought_first = False
        self._splitter = ReasoningSplitter(thinks_first=thinks_first)
        self._completion_tokens: int | None = None
        self._reasoning_tokens: int | None = None
        self._prompt_tokens: int | None = None
        self._reasoned = False

    def delta_of(self, chunk: Any) -> Delta:
        """What a chunk adds to the answer, often nothing.

        Raises:
            ServingError: it is an error of the server.
            TypeError, LookupError, AttributeError: it is no chunk of the protocol.
        """
        self.chunks += 1
        if self.finish_reason is None and (error := _error_in(chunk)) is not None:
            raise failure_of_error(error)
        if isinstance(usage := chunk.get("usage"), dict):
            self._count(usage)
        choices = chunk.get("choices")
        choice = next((one for one in choices if not one.get("index")), None) if choices else None
        if choice is None or self.finish_reason is not None:
            return Delta()
        if choice.get("finish_reason") is not None:
            self.finish_reason = str(choice["finish_reason"])
        delta = choice.get("delta") or choice.get("message") or {}
        text, reasoning = _parts_of(delta.get("content"))
        text += _text_in(delta.get("refusal"))  # the model's own words, under another name
        reasoning += _text_in(delta.get("reasoning_content")) or _text_in(delta.get("reasoning"))
        return self._told(self._splitter.feed(_whole(text)), _whole(reasoning), _chances_in(choice))

    def finish(self, content_type: str) -> tuple[Delta, End]:
        """The rest and the end of a stream that said how it ended.

        Raises:
            ServingError: it did not, or it was no stream of chunks at all.
        """
        if not self.chunks:
            raise ServingError("malformed", f"no event in the response, which is {content_type[:80]!r}")
        if self.finish_reason is None:
            raise ServingError("interrupted", "the stream ended without a finish reason")
        rest = self._told(self._splitter.finish(), "")
        answered = self._completion_tokens
        if answered is not None and self._reasoning_tokens is not None:
            answered = max(0, answered - self._reasoning_tokens)
        elif self._reasoned:
            answered = None  # it counts both together
        return rest, End(self.finish_reason, answered, self._reasoning_tokens, self._prompt_tokens)

    def _told(self, split: Split, reasoning: str, chances: tuple[TokenChances, ...] = ()) -> Delta:
        self.thought_first |= split.thought_first
        self._reasoned |= bool(reasoning or split.reasoning)
        return Delta(split.text, reasoning + split.reasoning, split.thought_first, chances=chances)

    def _count(self, usage: dict[str, Any]) -> None:
        """Take the server's counts where they are counts."""
        count = usage.get("completion_tokens")
        if _is_count(count):
            self._completion_tokens = count
        if _is_count(count := usage.get("prompt_tokens")):
            self._prompt_tokens = count
        details = usage.get("completion_tokens_details")
        hidden = details.get("reasoning_tokens") if isinstance(details, dict) else None
        if _is_count(hidden) and hidden:  # vLLM says 0 of a thought that it sent and that did not end
            self._reasoning_tokens = hidden


def kind_of_status(status: int) -> FailureKind:
    """What an HTTP status means for a generation."""
    if status in STATUSES:
        return STATUSES[status]
    if status < 400:
        return "malformed"  # a redirect, which is not followed
    return "rejected" if status < 500 else "interrupted"


# How vLLM, llama.cpp, hosted services and others say that a conversation is longer than the context.
TOO_LONG = re.compile(
    r"context[ _-](?:length|size|window)|exceed_context|maximum model length|max_model_len"
    r"|prompt is too long|input is too long|too many (?:input )?tokens",
    re.IGNORECASE,
)


# How they say that they do not take an image, and that they take none of any kind.
_OF_IMAGES = re.compile(
    r"image|vision|multi-?modal|mmproj|(?:valid|be a|expected a|of type) string", re.IGNORECASE
)
_BLIND = re.compile(
    r"at most 0 |not a multi-?modal|mmproj|n[o']t support|unsupported content|only supported|no endpoints"
    r"|missing data|n[o']t accept|(?:valid|be a|expected a|of type) string",
    re.IGNORECASE,
)


def refuses_images(failure: ServingError) -> bool:
    """Whether the failure of a request with images is about these."""
    kinds = ("rejected", "interrupted", "unknown_model")  # which the statuses 400, 500 and 404 are
    return failure.kind in kinds and _OF_IMAGES.search(failure.detail) is not None


def takes_no_images(failure: ServingError) -> bool:
    """Whether it says that the model takes none of any kind."""
    return _BLIND.search(failure.detail) is not None


def failure_of_status(status: int, body: bytes, retry_after: float | None) -> ServingError:
    """The failure that an HTTP status means, in the server's own words.

    A refused key is answered with a part of it, so nothing is repeated then.
    """
    kind = kind_of_status(status)
    if kind == "unauthorised":
        return ServingError(kind, f"HTTP {status}")
    text = body.decode("utf-8", "replace")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    error = _error_in(content) if isinstance(content, dict) else None
    if error is None:
        error = content.get("detail") if isinstance(content, dict) else None
    if status in (400, 422) and (found := _kind_of_code(error)) == "filtered":
        kind = found
    said = _message_of(error if error is not None else text)
    if kind == "rejected" and TOO_LONG.search(text):
        kind = "too_long"
    return ServingError(kind, f"HTTP {status}{': ' if said else ''}{said}", retry_after=retry_after)


def failure_of_error(error: Any) -> ServingError:
    """The failure that an error in the place of a chunk means, in the server's own words."""
    code = error.get("code") if isinstance(error, dict) else None
    number = int(str(code)) if str(code).isdecimal() and len(str(code)) < 6 else 0
    kind = kind_of_status(number) if 400 <= number < 600 else _kind_of_code(error) or "interrupted"
    if kind == "rejected" and TOO_LONG.search(str(error)):
        kind = "too_long"
    return ServingError(kind, _message_of(error) or "the server sent an error without a word")


def _error_in(chunk: Any) -> Any:
    """The error that stands in the place of a chunk; None if there is none."""
    if error := chunk.get("error"):
        return error
    if chunk.get("choices"):
        return None
    if chunk.get("object") == "error" or chunk.get("type") == "error":
        return chunk
    if "choices" not in chunk and {"code", "status"} & chunk.keys() and {"message", "detail"} & chunk.keys():
        return chunk  # the bare body of an error
    if chunk.get("error_code"):  # FastChat's workers
        return {"message": chunk.get("text"), "code": chunk["error_code"]}
    return None


def _kind_of_code(error: Any) -> FailureKind | None:
    """The kind that the words of an error's code or type tell."""
    if not isinstance(error, dict):
        return None
    words = f"{error.get('code')} {error.get('type')}"
    return next((kind for kind, pattern in CODES.items() if pattern.search(words)), None)


def _message_of(error: Any) -> str:
    """What an error says to a person."""
    if isinstance(error, dict):
        said = error.get("message") or error.get("detail") or error.get("msg")
        return said if isinstance(said, str) else json.dumps(error)[:1000]
    return error[:1000] if isinstance(error, str) else json.dumps(error)[:1000]


def _parts_of(content: Any) -> tuple[str, str]:
    """Text and thinking in the content of a message: a text, or a list of parts of either kind.

    Raises:
        TypeError: it is neither.
    """
    if content is None or isinstance(content, str):
        return content or "", ""
    if not isinstance(content, list):
        raise TypeError(f"content is {type(content).__name__}, not text")
    text, reasoning = "", ""
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else "text"
        if kind in ("thinking", "reasoning"):
            reasoning += _text_in(part.get(kind)) or _text_in(part.get("text"))
        elif kind in ("text", "output_text"):
            text += _text_in(part)
    return text, reasoning


def _text_in(part: Any) -> str:
    """The text of a part, or of a list of parts; none where there is something else."""
    if isinstance(part, list):
        return "".join(map(_text_in, part))
    if isinstance(part, dict):
        return _text_in(part.get("text"))
    return part if isinstance(part, str) else ""


def _chances_in(choice: dict[str, Any]) -> tuple[TokenChances, ...]:
    """The log-probabilities of a chunk's tokens; none of another shape, which costs no answer."""
    try:
        found = []
        for one in choice["logprobs"]["content"]:
            others = {str(other["token"]): float(other["logprob"]) for other in one.get("top_logprobs") or ()}
            token = str(one["token"])
            found.append(TokenChances(token, {token: float(one["logprob"]), **others}))
        return tuple(found)
    except (LookupError, TypeError, ValueError, AttributeError):
        return ()


def _whole(text: str) -> str:
    """Half a surrogate pair is valid in JSON and nowhere else."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
