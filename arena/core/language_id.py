"""The language of a prompt, where it can be told; a wrong one puts votes on a board that is not theirs."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

CONFIDENCE = 0.7  # below, the first guess for a short text, or between neighbours, is too often wrong
_READ = 2000  # characters that are read: more tell nothing new, and 100 kB would take a third of a second
NO_LANGUAGE = "zxx"  # ISO 639's code for text that is in none
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)


def detect_language(text: str) -> str | None:
    """The ISO 639 code of the language a text is written in, such as "en"; None where it cannot be told.

    Fenced code and addresses are not read. Source: py3langid 0.4, a naive Bayes model of 140 languages whose
    probabilities are calibrated for the length of the text.
    """
    words = _CODE.sub(" ", text[:_READ])
    if not any(letter.isalpha() for letter in words):
        return None
    identifier, _ = _identifier()
    if identifier is None:
        return None
    code, confidence = identifier.classify(words)
    return code if confidence >= CONFIDENCE and code != NO_LANGUAGE else None


def detection_problem() -> str | None:
    """Read the detector's model, which takes a second; say why it cannot be read, if it cannot."""
    return _identifier()[1]


@cache
def _identifier() -> tuple[Any, str | None]:
    """The detector, or None and why: it unpacks 70 MB into a temporary file, and there may be no room."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True), None
    except Exception as error:  # no language is worth a battle
        return None, f"{type(error).__name__}: {error}"
