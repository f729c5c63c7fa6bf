"""Figures of a log for whoever runs its arena: votes by time, voters, what does not count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
VOTER_CLASSES = ((1, 1), (2, 9), (10, 99), (100, None))  # votes of a voter: from, to


@dataclass(frozen=True, slots=True)
class LogFigures:
    """Figures of a log.

    Attributes:
        spans: (beginning, votes) of every span of time up to now, the oldest first.
        minutes: how long a span is.
        battles: that were drawn.
        votes: that were cast.
        left_out: reason → votes that count on no board.
        drawn: model → battles in which it was drawn.
        voters: of each of `VOTER_CLASSES`, how many voters.
        most: votes of the busiest voter.
    """

    spans: tuple[tuple[datetime, int], ...]
    minutes: int
    battles: int
    votes: int
    left_out: Mapping[str, int]
    drawn: Mapping[str, int]
    voters: tuple[int, ...]
    most: int


def read_figures(rows: _Rows, now: datetime, minutes: int, spans: int) -> LogFigures:
    """Read the figures of a log.

    Args:
        rows: runs SQL with parameters on it.
        now: the end of the last span, with its time zone.
        minutes: of a span.
        spans: how many.
    """
    end = now.astimezone(UTC).replace(tzinfo=None)
    start = end - timedelta(minutes=minutes * spans)
    found = rows(
        "SELECT floor((epoch(created) - epoch($1::TIMESTAMP)) / $2)::INTEGER AS span, count(*) FROM votes "
        "WHERE created > $1::TIMESTAMP AND created <= $3::TIMESTAMP GROUP BY span",
        [start.isoformat(" "), 60 * minutes, end.isoformat(" ")],
    )
    counts = {min(span, spans - 1): 0 for span, _ in found}
    for span, number in found:
        counts[min(span, spans - 1)] += number
    begins = (start.replace(tzinfo=UTC) + timedelta(minutes=minutes * n) for n in range(spans))
    left_out = rows(
        """
        SELECT CASE WHEN w.reason = 'voter' THEN 'withdrawn by the voter'
            WHEN w.reason NOT NULL THEN 'withdrawn: ' || w.reason
            WHEN same_model THEN 'of one model twice'
            WHEN testing THEN 'on a model in testing' ELSE 'not blind' END AS why, count(*) AS n
        FROM votes AS v LEFT JOIN withdrawals AS w USING (number)
        WHERE w.reason NOT NULL OR v.same_model IS TRUE OR v.testing IS TRUE OR v.blind IS FALSE
        GROUP BY why ORDER BY n DESC, why""",
        [],
    )
    drawn = rows(
        "SELECT model, count(*) AS n FROM (SELECT DISTINCT battle_id, unnest(models) AS model FROM battles "
        "JOIN lineups USING (lineup)) GROUP BY model ORDER BY n DESC, model",
        [],
    )
    of_each = [int(n) for (n,) in rows("SELECT count(*) FROM votes GROUP BY voter", [])]
    classes = (sum(low <= n and (high is None or n <= high) for n in of_each) for low, high in VOTER_CLASSES)
    battles = rows("SELECT count(*) FROM battles", [])[0][0]
    return LogFigures(
        tuple((begin, int(counts.get(n, 0))) for n, begin in enumerate(begins)),
        minutes,
        int(battles),
        sum(of_each),
        dict(left_out),
        dict(drawn),
        tuple(classes),
        max(of_each, default=0),
    )
