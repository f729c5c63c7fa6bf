"""The one protocol between the arena and whatever answers: messages in, text out as it is written.

Here live the messages with their images, the sampling parameters, the events of a stream and the typed
failure. A backend is any object with the methods of `Backend`; one file of this folder per kind. Nothing here
knows battles, votes or pages.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from agon.serving.places import Places

Role = Literal["system", "user", "assistant"]
FailureKind = Literal[
    "unreachable",  # nobody listens at the address
    "unauthorised",  # the key was refused
    "unknown_model",  # the server does not serve this model
    "overloaded",  # the server asks to come back later
    "rejected",  # the server refuses the request itself: not allowed, a parameter it does not know
    "no_images",  # the server refuses the images of the request: the model takes none, or not these
    "too_long",  # the conversation is longer than the model can read
    "timeout",  # no first token, or silence in the middle, for longer than allowed
    "interrupted",  # the stream broke off before its end
    "malformed",  # the server sent what is not in the protocol
    "empty",  # the stream ended without a visible character
    "filtered",  # the server's filter refused the prompt or cut the answer
]
# The ends of an answer that may be judged, as servers call them: its own end, and the limit of its length.
# Whatever else a server gives as the reason (abort, error, content_filter, tool_calls, ...) is a failure.
CUT_ENDS = frozenset({"length", "max_tokens", "model_length"})
GOOD_ENDS = CUT_ENDS | {"stop", "eos", "eos_token", "stop_sequence", "end_turn"}


IMAGE_TOKENS = 1_000  # that an image counts as, where a conversation is compared with a model's context


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image of a message: a file, which is read when it is sent, and named by its hash.

    `alt` is what its voter wrote of it for people; models are not told.
    """

    sha256: str
    media_type: str
    path: Path
    alt: str | None = None

    def data_url(self) -> str:
        """The image as the address that servers take it by.

        Raises:
            ServingError: the file is gone.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ServingError("rejected", f"an image cannot be read: {error.strerror or error}") from None
        return f"data:{self.media_type};base64,{base64.b64encode(content).decode()}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation: a text, and the images that stand before it."""

    role: Role
    content: str
    images: tuple[ImagePart, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model draws its tokens; None, and no `stop`, leave the choice to the server."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    max_completion_tokens: int | None = None
    top_k: int | None = None
    min_p: float | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class TokenChances:
    """A token of the answer, and the log-probabilities of those that could have stood there, itself among
    them; as many as were asked for and the server gives."""

    token: str
    logprobs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer or of the thinking before it, in order; empty, a sign that the model is at work.

    `thought_first` says that all text before it was thinking, which only a closing tag has told. `waits`
    says that a busy server is to be asked again: the time so far was a wait. `chances` are those of its
    tokens, where they were asked for.
    """

    text: str = ""
    reasoning: str = ""
    thought_first: bool = False
    waits: bool = False
    chances: tuple[TokenChances, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The last event of a stream that came to its end."""

    finish_reason: str  # "stop", "length", or what the server says
    completion_tokens: int | None = None  # of the answer, without its reasoning; None where it is not told
    reasoning_tokens: int | None = None
    prompt_tokens: int | None = None  # of the conversation that was read


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a request.

    Attributes:
        place: what is asked; the same object for models that share a server, its places and its `health`.
        at_once: how many answers it gives at once.
        request: all that is asked beside the conversation and the sampling, such as the served name.
        places: for which its answers stand in line; None where nobody waits.
    """

    place: object
    at_once: int
    request: Mapping[str, Any]
    places: Places | None = None


class ServingError(Exception):
    """A backend could not answer.

    `kind` is for the log and the page; `detail` is for the log alone, because it may name the model.
    `retry_after` is the seconds that the server asked to wait, if it did.
    """

    def __init__(self, kind: FailureKind, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: FailureKind = kind
        self.detail = detail
        self.retry_after = retry_after


@runtime_checkable
class Measuring(Protocol):
    """A backend whose model can read so many tokens, and that learns whether a conversation has more."""

    @property
    def context(self) -> int | None:
        """Tokens that conversation and answer may have together, None where that is not known."""
        ...

    async def measure(self, messages: Sequence[Message]) -> None:
        """Have a conversation counted that may be too long; from then on it is accepted only if it is not."""
        ...


class Backend(Protocol):
    """Whatever can answer a conversation."""

    def stream(self, messages: Sequence[Message], sampling: Sampling) -> AsyncIterator[Delta | End]:
        """Stream the next assistant message; closing the iterator stops the generation at its source.

        Raises ServingError. The last event is an `End`; a stream without one was interrupted.
        """
        ...

    def accepts(self, messages: Sequence[Message]) -> bool:
        """Whether this backend can answer this conversation at all: recordings know only their prompts, and
        many models take no images."""
        ...

    def route(self) -> Route:
        """Which server this backend asks, and with what."""
        ...

    async def check(self, messages: Sequence[Message], sampling: Sampling) -> None:
        """Raise ServingError if the backend could not begin to answer this conversation now."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
