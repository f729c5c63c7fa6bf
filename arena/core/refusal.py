"""What the arena refuses, as whoever renders it catches it."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 (it says what happened)
    """What the arena will not do: an HTTP status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence
