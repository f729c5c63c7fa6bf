"""`agon check`: everything that stands between a set of votes and a ranking, each with its remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from data import comparisons
from data.repeats import repeats
from ranking import (
    Comparisons,
    ConvergenceError,
    Diagnostic,
    SourceError,
    VotesError,
    carried_by_one,
    order_effect,
    rank,
)

CERTAIN = 0.999  # level at which a favoured side is a finding: 1 of 1,000 fair files has one
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
    try:
        board = rank(votes, "bradley_terry", interval="none", min_votes=min_votes)
        found += [note for note in board.diagnostics if note.code not in KNOWN_FINE]
    except ConvergenceError as error:
        found.append(Diagnostic("not_converged", (), str(error)))
    return votes, found + _by_voter(votes, min_votes) + _by_side(votes)


def _by_voter(votes: Comparisons, min_votes: int) -> list[Diagnostic]:
    """Models that one voter carries; nothing where the votes do not say whose they are."""
    try:
        return list(carried_by_one(votes, min_votes=min_votes))
    except SourceError:
        return []


def _by_side(votes: Comparisons) -> list[Diagnostic]:
    """A side that is favoured beyond doubt; nothing where the votes cannot tell."""
    try:
        effect = order_effect(votes, level=CERTAIN)
    except VotesError:
        return []
    if effect.lower <= 0 <= effect.upper:
        return []
    remedy = "draw the sides at random and even; if the file names winners first, this says nothing."
    return [Diagnostic("order_effect", (), f"{effect.conclusion()[:-1]}: {remedy}")]


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
