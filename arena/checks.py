"""`agon check`: everything that stands between a set of votes and a ranking, each with its remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from data import comparisons
from data.repeats import repeats
from ranking import Comparisons, Diagnostic, VotesError, rank

KNOWN_FINE = {
    "both_bad",
    "left_out",
    "llm_judges",
    "other_voters",
}  # worth telling on a board, but nothing to mend


def findings(source: str, reading: Mapping[str, Any], min_votes: int) -> tuple[Comparisons, list[Diagnostic]]:
    """Read the votes and list what is wrong with them.

    Raises:
        SourceError: the source cannot be read as votes, or no row of it is one.
    """
    found = []
    try:
        votes = comparisons(source, **reading)
    except VotesError as error:
        found += [Diagnostic("invalid", (), problem) for problem in error.problems]
        votes = comparisons(source, **reading, invalid="drop")
    found += repeats(source, **{name: value for name, value in reading.items() if name != "voters"})
    board = rank(votes, "bradley_terry", interval="none", min_votes=min_votes)
    found += [note for note in board.diagnostics if note.code not in KNOWN_FINE]
    return votes, found


def check_votes(source: str, reading: Mapping[str, Any], min_votes: int, how: str) -> int:
    """Print the findings; 1 if there are any, else 0."""
    votes, found = findings(source, reading, min_votes)
    if how == "json":
        listed = [{"code": f.code, "models": list(f.models), "message": f.message} for f in found]
        document = {"schema": 1, "votes": len(votes), "models": len(votes.models), "findings": listed}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return int(bool(found))
    from arena.tables import console, say
    from ranking.leaderboard import plain

    out = console(sys.stdout)
    kept = "the valid rows hold " if any(f.code == "invalid" for f in found) else ""
    say(out, f"{plain(source)}: {kept}{len(votes):,} votes on {len(votes.models)} models.")
    if not found:
        say(out, "Nothing stands between these votes and a ranking.")
    for finding in found:
        say(out, f"• {finding.code}: {plain(finding.message)}")
    return int(bool(found))
