"""The texts of options such as MODEL=SCORE and TASK=W,... as values."""

from __future__ import annotations

from agon.ranking.errors import OptionError


def anchor_of(text: str) -> tuple[str, float | None]:
    """Split MODEL=SCORE at the last equals sign that a number follows."""
    name, _, number = text.rpartition("=")
    try:
        return (name, float(number)) if name else (text, None)
    except ValueError:
        return text, None


def pairs_of(given: list[str] | None) -> dict[str, str]:
    """Turn OURS=THEIRS texts into a mapping.

    Raises:
        OptionError: a text without an equals sign.
    """
    pairs = {}
    for text in given or []:
        ours, sign, theirs = text.partition("=")
        if not (ours and sign and theirs):
            raise OptionError(f"--column {text!r} must be OURS=THEIRS, such as voter=judge.")
        pairs[ours] = theirs
    return pairs


def listed(text: str | None) -> dict[str, str]:
    """Turn NAME=VALUE,... into a mapping; names may hold equals signs, values not.

    Raises:
        OptionError: a part without an equals sign, or a name twice.
    """
    found: dict[str, str] = {}
    for part in (piece for piece in (text or "").split(",") if piece):
        name, sign, value = part.rpartition("=")
        if not (name and sign and value) or name in found:
            raise OptionError(f"{part!r} must be TASK=VALUE, each task once, such as RTE=0.5.")
        found[name] = value
    return found


def number_of(option: str, text: str) -> float:
    """Read a number.

    Raises:
        OptionError: it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"{option}: {text!r} is not a number.") from None
