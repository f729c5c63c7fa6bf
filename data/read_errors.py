"""What another library says of a file it cannot read, as one sentence."""

from __future__ import annotations

import re


def is_utf8(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which cannot be stored."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def sentence(error: BaseException) -> str:
    """The first sentence of another library's message, ended with a full stop.

    Raises:
        KeyboardInterrupt: that is what the library met, while rows of ours streamed through it.
    """
    if re.search(r"\b(?:stream|registered as) .*(failed: |\n)KeyboardInterrupt\b", str(error), re.DOTALL):
        raise KeyboardInterrupt from error
    text = " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__
    text = re.sub(r"^([A-Z][A-Za-z]* ?)+ Error: ", "", text)
    return text[:300].rstrip(" .") + "."
