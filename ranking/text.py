"""Names in sentences, and what a result shows of itself."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LONGEST_REPR = 300  # characters that a result prints of its sentence
LISTED_ROWS = 30  # rows that a notebook shows of a result


def join_names(names: Sequence[str], most: int = 3) -> str:
    """Names for a sentence: "a", "a and b", or the first few and how many more; nothing for none."""
    if not names:
        return ""
    if len(names) <= most + 1:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def rounded(number: int) -> str:
    """A number in two digits that count."""
    digits = max(0, len(str(number)) - 2)
    return f"{-(-number // 10**digits) * 10**digits:,}"


class Readable:
    """A result that says itself: in one sentence where it is printed, with its rows in a notebook.

    A class of results gives `conclusion()`, and `to_frame()` where it has rows.
    """

    def conclusion(self) -> str:
        """Say in one sentence what was found."""
        raise NotImplementedError

    def __repr__(self) -> str:
        text = self.conclusion()
        return (
            f"{type(self).__name__}({text if len(text) <= LONGEST_REPR else text[: LONGEST_REPR - 1] + '…'})"
        )

    def _repr_html_(self) -> str:
        text = f"<p>{escape(self.conclusion())}</p>"
        frame = getattr(self, "to_frame", None)
        return text if frame is None else text + frame().to_html(index=False, max_rows=LISTED_ROWS, border=0)
