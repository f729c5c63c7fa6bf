"""`agon check` as text or JSON: what `data.check` finds."""

from __future__ import annotations

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from agon.arena.cli.arguments import FindingsFormat, SourceArgument, readable
from agon.arena.cli.commands import STDIN
from agon.arena.cli.output.progress_line import progress
from agon.arena.cli.reading import AS_IT_IS, ShapeOptions
from agon.data import Checked, check
from agon.data.files.source import describe_source
from agon.data.reading import files_of


def check_command(
    source: SourceArgument,
    /,
    *,
    shape: ShapeOptions = AS_IT_IS,
    min_votes: Annotated[int, Parameter(help="Votes below which a model counts as short of votes.")] = 30,
    format: FindingsFormat = "table",
) -> int:
    """Say what stands between these votes or scores and a ranking; exit status 1 if anything does.

    Looks for rows that are not votes, repeated votes, models that no chain of wins and losses links,
    undefeated and winless models, models with too few votes, votes that are all ties, models that one voter
    carries, a favoured side, a model that keeps its side, voters who stand out by how they vote, and windows
    of time in which a model's wins do; in a table of scores for cells that are no
    numbers, tasks that rank nobody, tasks that vote twice, gaps, and a task whose scale drowns the others.

    For example:

    agon check votes.parquet

    agon check scores.csv --lower latency
    """
    with readable(source) as paths:
        with progress("looking through the votes"):
            checked = check(paths, **shape.keywords(), min_votes=min_votes)
        said = "standard input" if STDIN in source else describe_source(files_of(paths))
        return show_findings(said, checked, format)


def show_findings(source: str, checked: Checked, how: str) -> int:
    """Print the findings; 1 if there are any, else 0."""
    votes, found = checked.votes, checked.findings
    if how == "json":
        listed, notes = (
            [{"code": f.code, "models": list(f.models), "message": f.message} for f in some]
            for some in (found, checked.notes)
        )
        counts = {"schema": 1, checked.counted: checked.number, "models": len(votes.models)}
        document = {**counts, "findings": listed, "notes": notes}
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return int(bool(found))
    from agon.arena.cli.output.tables import console, say
    from agon.ranking.leaderboard.row import plain

    out = console(sys.stdout)
    kept = "the valid rows hold " if any(f.code == "invalid" for f in found) else ""
    say(out, f"{plain(source)}: {kept}{checked.number:,} {checked.counted} on {len(votes.models)} models.")
    for note in checked.notes:
        say(out, plain(note.message))
    if not found:
        say(out, f"Nothing stands between these {checked.counted} and a ranking.")
    for finding in found:
        say(out, f"• {finding.code}: {plain(finding.message)}")
    return int(bool(found))
