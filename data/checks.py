"""`check`: everything that stands between a set of votes and a ranking, each with its remedy.

A board says what its counts tell. Repeated votes, voters who carry a model and a favoured side need the votes
read once more, row by row or by side, so they are looked for here and not on every board.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from agon.data.files.detection import is_election
from agon.data.files.duplicates import find_duplicates
from agon.data.files.schema import Voters
from agon.data.files.snapshot_folder import SAME_MODEL
from agon.data.files.source import as_arrow, describe_source
from agon.data.log.operation.answer_anonymity import read_anonymity
from agon.data.log.operation.withdrawn_votes import read_withdrawals
from agon.data.reading import (
    comparisons,
    files_of,
    kind_to_read,
    open_votes,
    read_any,
    refuse_options,
)
from agon.ranking import (
    AATest,
    AgonError,
    Comparisons,
    ConvergenceError,
    Diagnostic,
    GatedVotes,
    NetworkScan,
    ScoreTable,
    SourceError,
    VoterAnomalies,
    VoterAnomaly,
    VotesError,
    WindowScan,
    aa_test,
    gate_votes,
    position_bias,
    rank,
    single_voter_dominance,
)
from agon.ranking.annotators.presentation_order import kept_sides
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd

_LISTED = 5  # voters, and windows, that a finding tells of
_LONGEST = 24  # characters of a voter's name
SPAN = 10  # times the median span of tasks
_CAST = ["models", "places", "voter", "blind"]  # of a vote of an A/A battle
CERTAIN = 0.999  # level at which a favoured side is a finding: 1 of 1,000 fair files has one
# Worth telling, but nothing to mend; the first two have findings of their own, or none.
KNOWN_FINE = {"both_bad", "left_out", "llm_judges", "not_blind", "other_voters"}
NOTES = KNOWN_FINE - {"both_bad", "left_out"}


@dataclass(frozen=True, eq=False, repr=False)
class Checked(Readable):
    """Votes and what stands between them and a ranking.

    Attributes:
        votes: those of the rows that are valid, or the table of scores.
        findings: what to mend, each with its code, models and remedy; empty if nothing.
        notes: what to know: votes that do not count, or of whom they are.
        same_model: of a log with A/A battles, how noisy its votes are, and whether a side is favoured.
        voters: who votes as no honest voter would; None of votes that do not say whose they are.
        windows: when a model won more or less than its strength lets expect; None of a table of scores.
        networks: from which more than five voted on a day; None where no vote says its network.
    """

    votes: Comparisons | ScoreTable
    findings: tuple[Diagnostic, ...]
    notes: tuple[Diagnostic, ...] = ()
    same_model: AATest | None = None
    voters: VoterAnomalies | None = None
    windows: WindowScan | None = None
    networks: NetworkScan | None = None

    @property
    def counted(self) -> str:
        """What there are: "tasks" of a table of scores, else "votes"."""
        return "tasks" if isinstance(self.votes, ScoreTable) else "votes"

    @property
    def number(self) -> int:
        """How many of them."""
        return len(self.votes.tasks) if isinstance(self.votes, ScoreTable) else len(self.votes)

    def conclusion(self) -> str:
        """Say it in one sentence."""
        number = f"{self.number:,} {self.counted}"
        if not self.findings:
            return f"Nothing stands between these {number} and a ranking."
        codes = join_names([finding.code for finding in self.findings])
        things = "1 thing" if len(self.findings) == 1 else f"{len(self.findings)} things"
        return f"{things} to mend in {number}: {codes}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding."""
        import pandas as pd

        rows = [{"code": one.code, "message": one.message} for one in self.findings]
        return pd.DataFrame(rows, columns=["code", "message"])


def check(
    source: object,
    *,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    voters: Voters | None = None,
    min_votes: int = 30,
    format: str | None = None,
    grade_weight: float | None = None,
    **tasks: Any,
) -> Checked:
    """Look for what stands between votes, or a table of scores, and a ranking.

    Rows that are not votes, repeated votes, components, undefeated, winless and unlinked models, models with
    too few votes, votes that are all ties, models that one voter carries, a favoured side, a model that keeps
    its side, voters who stand out and windows of time in which a model does, a fit that does not converge. Of
    a table of scores: cells that are no numbers, tasks that rank nobody, tasks that order the models alike,
    models without a link; as notes gaps, and tasks whose scale drowns others in a mean.

    Args:
        source, where, table, columns, labels, voters, format, grade_weight: as for `data.comparisons`.
        min_votes: below which a model counts as short of votes.
        tasks: of a table of scores, as for `score_table`: weights, groups, ignore, directions, metric.

    Raises:
        SourceError: the source cannot be read as votes or scores, or no row of it is one.
        OptionError: as `data.read_any`.
    """
    source = files_of(source)
    if hasattr(source, "__arrow_c_stream__") and not hasattr(source, "__len__"):
        source = as_arrow(source, describe_source(source))  # a stream can be read only once
    reading: dict[str, Any] = {"where": where, "table": table, "columns": columns, "labels": labels}
    reading |= {"format": format, "grade_weight": grade_weight}
    if kind_to_read(source, columns or {}) == "scores":
        return _check_table(source, {**reading, "voters": voters, **tasks})
    refuse_options(tasks, source, "votes, not a table of scores")
    found = []
    try:
        votes = comparisons(source, **reading, voters=voters)
    except VotesError as error:
        found += [Diagnostic("invalid", (), problem) for problem in error.problems]
        votes = comparisons(source, **reading, voters=voters, invalid="drop")
    found += () if is_election(source) else find_duplicates(open_votes(source, **reading, invalid="drop")[0])
    notes: tuple[Diagnostic, ...] = ()
    try:
        board = rank(votes, "bradley_terry", interval="none", min_votes=min_votes)
        found += [note for note in board.diagnostics if note.code not in KNOWN_FINE]
        notes = tuple(note for note in board.diagnostics if note.code in NOTES)
    except ConvergenceError as error:
        found.append(Diagnostic("not_converged", (), str(error)))
    noise = read_noise(source)
    if noise is not None:
        notes += (Diagnostic("same_model", (), f"{noise.conclusion()} They count on no board."),)
    anonymity = read_anonymity(source) if isinstance(source, Path) and source.is_dir() else None
    if anonymity is not None:
        notes += (Diagnostic("anonymity", (), str(anonymity.conclusion())),)
    withdrawals = read_withdrawals(source) if isinstance(source, Path) and source.is_dir() else None
    if withdrawals is not None:
        notes += (Diagnostic("withdrawals", (), str(withdrawals.conclusion())),)
    gated, odd, usual = _by_gates(votes)
    found += [*_by_voter(votes, min_votes), *_by_side(votes), *odd]
    notes += usual
    if gated is None:
        return Checked(votes, tuple(found), notes, noise)
    return Checked(votes, tuple(found), notes, noise, gated.voters, gated.windows, gated.networks)


def read_noise(source: object) -> AATest | None:
    """What the votes of A/A battles say; None where the source is no log that has any."""
    path = source / SAME_MODEL if isinstance(source, Path) else None
    files = sorted(path.glob("*.parquet")) if path else []
    orders, voters = [], []
    for vote in (row for file in files for row in pq.ParquetFile(file).read(columns=_CAST).to_pylist()):
        models, places = vote["models"], vote["places"]
        seats = [seat for seat, model in enumerate(models) if models.count(model) > 1]
        one, other = (places[seat] or len(places) + 1 for seat in seats) if seats else (0, 0)
        if vote["blind"] is False or not seats or one == other == len(places) + 1:
            continue  # the names were known, one of the two failed, or neither was ranked
        orders.append((one < other) - (one > other))
        voters.append(vote["voter"])
    return aa_test(orders, voters) if orders else None


def _check_table(source: object, reading: Mapping[str, Any]) -> Checked:
    """What stands between a table of scores and a ranking."""
    found = []
    try:
        read = read_any(source, **reading)
    except VotesError as error:
        found += [Diagnostic("invalid", (), problem) for problem in error.problems]
        read = read_any(source, **reading, invalid="drop")
    assert isinstance(read, ScoreTable)  # noqa: S101 - the caller has seen that it is one
    board = rank(read, "bradley_terry", interval="none")
    found += [note for note in board.diagnostics if note.code not in KNOWN_FINE]
    return Checked(read, (*found, *_alike(read)), (*_gaps(read), *_scales(read)))


def _alike(table: ScoreTable) -> Iterator[Diagnostic]:
    """Tasks that put all models into one order, each with a weight: they say the same, and count twice."""
    orders: dict[bytes, list[str]] = {}
    for task, scores, weight in zip(table.tasks, table.good.T, table.weights, strict=True):
        if weight > 0 and not np.isnan(scores).any():
            orders.setdefault(np.unique(scores, return_inverse=True)[1].tobytes(), []).append(task)
    for same in orders.values():
        if len(same) > 1 and len(table.models) > 3:  # three models have but six orders
            tasks = f"The tasks {join_names([repr(one) for one in same])}"
            what = f"put all {len(table.models)} models into one order, which so counts {len(same)} times"
            yield Diagnostic(
                "same_order", (), f"{tasks} {what}; leave out all but one with ignore= (--ignore)."
            )


def _gaps(table: ScoreTable) -> Iterator[Diagnostic]:
    """Models without a score on some task."""
    missing = np.isnan(table.values)
    if missing.any():
        models = tuple(table.models[i] for i in np.flatnonzero(missing.any(axis=1)))
        yield Diagnostic(
            "gaps",
            models,
            f"{int(missing.sum()):,} of {missing.size:,} scores are missing, of {join_names(list(models))}: "
            "positional rules refuse them until missing= (--missing) says what a gap means.",
        )


def _scales(table: ScoreTable) -> Iterator[Diagnostic]:
    """A task that spans far more than the others."""
    span = np.nanmax(table.values, axis=0) - np.nanmin(table.values, axis=0)
    usual = float(np.median(span))
    wide = [task for task, width in zip(table.tasks, span, strict=True) if width > SPAN * usual]
    if wide:
        what = f"The scores of {join_names([repr(one) for one in wide])} span more than {SPAN} times those of"
        why = "the middle task, so a mean says what they say; rules on ranks, such as borda, do not mind."
        yield Diagnostic("unequal_scales", (), f"{what} {why}")


def _by_voter(votes: Comparisons, min_votes: int) -> tuple[Diagnostic, ...]:
    """Models that one voter carries; nothing where the votes do not say whose they are."""
    try:
        return single_voter_dominance(votes, min_votes=min_votes)
    except SourceError:
        return ()


def _by_gates(
    votes: Comparisons,
) -> tuple[GatedVotes | None, list[Diagnostic], tuple[Diagnostic, ...]]:
    """Voters, networks and windows that stand out: findings beyond what chance does, else notes."""
    try:
        gated = gate_votes(votes)
    except AgonError:  # no vote is decided, or there are votes without a voter or a time: said elsewhere
        return None, [], ()
    odd, usual = [], []
    if (voters := gated.voters) is not None and voters.found:
        who = join_names([_named(one) for one in voters.found[:_LISTED]], most=_LISTED)
        more = len(voters.found) - _LISTED
        others = f"; and {more:,} more (checked.voters.to_frame())" if more > 0 else ""
        remedy = "look at their votes; --gates default leaves them out of a board"
        message = f"{voters.conclusion()} {who}{others}: {remedy}."
        by_chance = voters.tested * voters.false_alarms
        beyond = len(voters.found) > by_chance + 3 * np.sqrt(by_chance)
        if voters.named["excluded"] or beyond:
            odd.append(Diagnostic("odd_voters", (), message))
        else:
            usual.append(Diagnostic("odd_voters", (), message))
    if (near := gated.networks) is not None and near.found:
        told = " ".join(one.conclusion() for one in near.found[:_LISTED])
        remedy = "look at their votes; --gates default leaves them out of a board"
        odd.append(Diagnostic("odd_network", (), f"{near.conclusion()} {told} So {remedy}."))
    if near is not None and near.many:
        told = " ".join(one.conclusion() for one in near.many[:_LISTED])
        alike = "They count: a class and a patient hand look alike here, and only who they are tells."
        usual.append(Diagnostic("crowded_network", (), f"{told} {alike}"))
    if gated.windows is not None and gated.windows.found:
        told = " ".join(one.conclusion() for one in gated.windows.found[:_LISTED])
        models = tuple(dict.fromkeys(one.model for one in gated.windows.found))
        remedy = "Look at who voted then, and whether the model was changed; --gates strict leaves these out."
        odd.append(Diagnostic("odd_window", models, f"{told} {remedy}"))
    return gated, odd, tuple(usual)


def _named(one: VoterAnomaly) -> str:
    """A voter, by the beginning of a long name, and what they did."""
    text = one.conclusion().removesuffix(".")
    return text if len(one.voter) <= _LONGEST else text.replace(one.voter, f"{one.voter[:_LONGEST]}…", 1)


def _by_side(votes: Comparisons) -> tuple[Diagnostic, ...]:
    """A side that is favoured beyond doubt, or of which the votes cannot tell because models keep theirs."""
    if (unknown := kept_sides(votes)) is not None:
        return (unknown,)
    try:
        effect = position_bias(votes, level=CERTAIN)
    except VotesError:
        return ()
    if effect.lower <= 0 <= effect.upper:
        return ()
    remedy = "draw the sides at random and even; if the file names winners first, this says nothing."
    return (Diagnostic("position_bias", (), f"{effect.conclusion()[:-1]}: {remedy}"),)
