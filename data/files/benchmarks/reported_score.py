"""One score of one model on one task, as a report gives it."""

from __future__ import annotations

from typing import NamedTuple


class ReportedScore(NamedTuple):
    """A score; `higher` says whether more is better, None where the report does not."""

    model: str
    task: str
    metric: str
    score: float | None
    higher: bool | None
    origin: str
    """What messages call the report."""
