"""`agon check` as text or JSON: what `data.check` finds."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from agon.data import check


def check_votes(source: str, reading: Mapping[str, Any], min_votes: int, how: str) -> int:
    """Print the findings; 1 if there are any, else 0."""
    checked = check(source, **reading, min_votes=min_votes)
    votes, found = checked.votes, checked.findings
    if how == "json":
        listed = [{"code": f.code, "models": list(f.models), "message": f.message} for f in found]
        document = {"schema": 1, "votes": len(votes), "models": len(votes.models), "findings": listed}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return int(bool(found))
    from agon.arena.cli.tables import console, say
    from agon.ranking.leaderboard.row import plain

    out = console(sys.stdout)
    kept = "the valid rows hold " if any(f.code == "invalid" for f in found) else ""
    say(out, f"{plain(source)}: {kept}{len(votes):,} votes on {len(votes.models)} models.")
    if not found:
        say(out, "Nothing stands between these votes and a ranking.")
    for finding in found:
        say(out, f"• {finding.code}: {plain(finding.message)}")
    return int(bool(found))
