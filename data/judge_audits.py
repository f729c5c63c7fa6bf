"""Audits of the judges of a file of votes, against votes of people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from agon.data.judged_votes import verdicts_of
from agon.ranking import JudgeAudit, audit_judge


def audit_judges(votes: object, people: object = None, *, own: Sequence[str] = ()) -> tuple[JudgeAudit, ...]:
    """Audit every judge of a source of votes.

    Args:
        votes: of judges: a file, several, or a frame.
        people: votes of people on the same answers; None: nothing is known of agreement with people.
        own: models of the judges' own family.

    Raises:
        SourceError: votes that cannot be read, or say nothing of prompts.
        VotesError: no verdicts.
    """
    judged = verdicts_of(votes, kind="llm", by_judge=True)
    voted = None if people is None else verdicts_of(people, kind="human")[""]
    unread: dict[str, float] = {}
    for one in votes if isinstance(votes, list | tuple) else [votes]:
        if isinstance(one, str | Path):
            unread |= _unread_shares(Path(one))
    return tuple(
        audit_judge(one, voted, name=name, own={*own, name}, unread=unread.get(name))
        for name, one in judged.items()
    )


def _unread_shares(votes: Path) -> dict[str, float]:
    """By judge the share of its answers that were no verdict, where the judgements lie beside the votes."""
    beside = votes.with_suffix(".judgements.parquet")
    if not beside.exists():
        return {}
    rows = pq.read_table(beside, columns=["judge", "failure"]).to_pylist()
    shares = {}
    for name in {row["judge"] for row in rows}:
        said = [row["failure"] for row in rows if row["judge"] == name and row["failure"] in (None, "unread")]
        shares[name] = said.count("unread") / max(1, len(said))
    return shares
