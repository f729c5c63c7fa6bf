"""Names in sentences, escaping for terminals."""

from __future__ import annotations

from collections.abc import Sequence


def join_names(names: Sequence[str], most: int = 3) -> str:
    """Names for a sentence: "a", "a and b", or the first few and how many more; nothing for none."""
    if not names:
        return ""
    if len(names) <= most + 1:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{', '.join(names[:most])} and {len(names) - most} more"
