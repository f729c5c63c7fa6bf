"""What a study found, as numbers: the decision, boards, agreement, ratings, sides, voters, what is left out.

Votes of a file, or of an arena without a study, have a report too, without what only a study knows. The page
that shows it is of arena/web; what is drawn there is computed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.data.checks import read_noise
from agon.data.files.schema import Voters
from agon.data.files.snapshot_folder import CRITERIA
from agon.data.files.table_source import Invalid
from agon.data.judge_audits import audit_judges
from agon.data.log.log_frames import LogFrames, open_log
from agon.data.log.study_journal import StudyHistory, read_study, study_names
from agon.data.reading import comparisons, files_of, refuse_options
from agon.ranking import (
    AATest,
    AgonError,
    Comparisons,
    InterAnnotatorAgreement,
    JudgeAudit,
    Leaderboard,
    OptionError,
    PanelLead,
    PositionBias,
    SourceError,
    inter_annotator_agreement,
    panel_lead,
    position_bias,
    rank,
    voter_reliability,
)
from agon.ranking.text import Readable

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True, repr=False)
class RatingConsistency(Readable):
    """How far ratings from 1 to 7 go with the places on the same ballots.

    Attributes:
        apart: pairs of rated answers that a ballot puts one above the other.
        agreeing: of these those of which the upper one is rated higher.
        equal: those that are rated alike.
        tied: pairs of rated answers in one place.
        tied_alike: of these those that are rated alike.
        means: model → its mean rating and how many it has, the highest first.
    """

    apart: int
    agreeing: int
    equal: int
    tied: int
    tied_alike: int
    means: Mapping[str, tuple[float, int]]

    @property
    def share(self) -> float:
        """Of the pairs put apart and rated differently, those whose ratings say the same; NaN without one."""
        return self.agreeing / (self.apart - self.equal) if self.apart > self.equal else float("nan")

    def conclusion(self) -> str:
        """Say in one sentence how far they go together."""
        if self.apart == self.equal:
            return "No two answers that were put apart were rated differently."
        against = self.apart - self.equal - self.agreeing
        return (
            f"Of {self.apart:,} choices between two rated answers {self.agreeing:,} are for the one "
            f"rated higher, {against:,} against it, and in {self.equal:,} both are rated alike: ratings that "
            f"differ say the same as {self.share:.0%} of the choices."
        )


@dataclass(frozen=True, repr=False)
class StudyVoter(Readable):
    """What one voter did.

    Attributes:
        label: "Voter 3", or the name.
        votes: how many count.
        agreement: share of the choices for the model that the board has above; None where it has none.
        skips: battles skipped; None where there is no study.
        passed, asked: attention items answered right, and all.
    """

    label: str
    votes: int
    agreement: float | None = None
    skips: int | None = None
    passed: int = 0
    asked: int = 0

    def conclusion(self) -> str:
        """Say it in one phrase."""
        checks = f", {self.passed} of {self.asked} attention items" if self.asked else ""
        return f"{self.label}: {self.votes:,} votes{checks}"


@dataclass(frozen=True, eq=False, repr=False)
class StudyReport(Readable):
    """What a study, or any votes, found.

    Attributes:
        words: the source in a command, with the options of reading.
        where: the condition that its votes meet; None for all votes.
        study: its journal; None without a study.
        leads: "" for the verdicts, or a criterion → whether the panel has decided; none without a study.
        board: of the verdicts, clustered by voter and prompt where votes name them.
        criteria: criterion → its board.
        agreement: "" for the verdicts, or a criterion → Krippendorff's α, or why there is none.
        ratings: how they go with choices; None where nothing was rated.
        noise: what A/A battles of the log say; None where it has none.
        sides: what the left side is worth, or why that is not known.
        voters: those who voted, the busiest first.
        items: attention item → how many passed, and how many were asked.
        without_inattentive: what the votes say without those who failed more items than they passed; None
            where nobody did.
        left_out: reason → votes that do not count.
        drawn_anew: kind of failure → battles of the study that were drawn again for it.
        unjudged: battles that were drawn, and neither voted on nor skipped.
        skips: reason → battles skipped.
        votes: how many count.
        prompts: how many different ones; None where votes do not name them.
        first, last: when the first and the last vote was cast, in seconds since 1970; None where unknown.
        level: of every statement.
        audits: what the verdicts of judges are worth against the votes of people in the source; empty
            without judges.
        judged: the files of those.
    """

    words: tuple[str, ...]
    where: str | None
    study: StudyHistory | None
    leads: Mapping[str, PanelLead]
    board: Leaderboard
    criteria: Mapping[str, Leaderboard]
    agreement: Mapping[str, InterAnnotatorAgreement | str]
    ratings: RatingConsistency | None
    noise: AATest | None
    sides: PositionBias | str
    voters: tuple[StudyVoter, ...]
    items: Mapping[int, tuple[int, int]]
    without_inattentive: str | None
    left_out: Mapping[str, int]
    drawn_anew: Mapping[str, int]
    unjudged: int
    skips: Mapping[str, int]
    votes: int
    prompts: int | None
    first: float | None
    last: float | None
    level: float
    audits: tuple[JudgeAudit, ...] = ()
    judged: tuple[str, ...] = ()

    def conclusion(self) -> str:
        """Say in one sentence what was decided: by the panel of a study, else by the board."""
        return self.leads[""].conclusion() if self.leads else self.board.conclusion()

    def to_frame(self) -> pd.DataFrame:
        """Return the rows of the board."""
        return self.board.to_frame()


def study_report(
    source: object,
    *,
    study: str | None = None,
    names: bool = False,
    words: Sequence[str] | None = None,
    progress: Progress = nullcontext,
    where: str | None = None,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    format: str | None = None,
    grade_weight: float | None = None,
    judges: object = None,
    **tasks: Any,
) -> StudyReport:
    """Look through a study, or any votes, for all that its report says.

    Args:
        source: a log folder, or what `comparisons` reads.
        study: the name of one in the log; it may be left out where there is one alone, or none.
        names: whether voters have the names of their invitations, or of the column; else they are numbered.
        words: the source in a command; None for the path.
        progress: given a sentence, opened around each piece of work.
        where, table, columns, labels, invalid, voters, format, grade_weight: as for `comparisons`.
        judges: votes of judges, which are audited against all votes of people that the source holds; no board
            counts them.
        tasks: options of a table of scores, which are refused.

    Raises:
        SourceError: no such source or study, or no votes yet.
        OptionError, VotesError: as `comparisons`, and a study of something that is no log folder.
    """
    source = files_of(source)
    folder = source if isinstance(source, Path) and _is_log(source) else None
    history = _history(source, folder, study)
    log = open_log(folder, "arrow") if folder is not None and history is not None else None
    refuse_options(tasks, source, "votes, not a table of scores")
    if history is not None:
        own = f"study = '{history.name}'"
        where = f"({where}) AND {own}" if where else own
    given: dict[str, Any] = {"where": where, "table": table, "columns": columns, "labels": labels}
    given |= {"invalid": invalid, "voters": voters, "format": format, "grade_weight": grade_weight}
    with progress("reading the votes"):
        if log is not None and history is not None and not _rows(log.votes, history.name):
            raise SourceError(f"The study {history.name!r} has no votes yet; send its voters their links.")
        votes = comparisons(source, **given)
    level = float(history.design.get("level", 0.95)) if history is not None else 0.95
    with progress("ranking the votes"):
        board, of = _board(votes, level), {"": votes}
    for name in _criteria(folder, history):
        with suppress(SourceError):  # nobody has voted by it yet
            of[name] = comparisons(source, criterion=name, **given)
    criteria, leads = {}, {}
    for name, part in of.items():
        with progress(f"ranking by {name}" if name else "deciding"):
            if name:
                criteria[name] = _board(part, level)
            if history is not None:
                leads[name] = panel_lead(part, panel=history.panel, level=level)
    audits: tuple[JudgeAudit, ...] = ()
    if judges is not None:
        with progress("auditing the judges"):
            audits = audit_judges(judges, source)
    records = _StudyRecords(log, history)
    first, last = _span(votes)
    return StudyReport(
        words=tuple(words or (str(source),)),
        where=where,
        study=history,
        leads=leads,
        board=board,
        criteria=criteria,
        agreement={name: _agreement(part, level) for name, part in of.items()},
        ratings=records.ratings(),
        noise=read_noise(source),
        sides=_sides(votes, level),
        voters=_voters(votes, records, names=names),
        items=records.items(),
        without_inattentive=_attentive(source, given, records, level),
        left_out=dict(votes.left_out),
        drawn_anew=records.drawn_anew(),
        unjudged=records.unjudged(),
        skips=records.skips(),
        votes=len(votes),
        prompts=_prompts(votes),
        first=first,
        last=last,
        level=level,
        audits=audits,
        judged=tuple(str(one) for one in _each(judges) if isinstance(one, str | Path)),
    )


def _each(judges: object) -> Sequence[object]:
    return judges if isinstance(judges, list | tuple) else [] if judges is None else [judges]


def _is_log(path: Path) -> bool:
    return (path / "votes").is_dir() or bool(study_names(path))


def _history(source: object, folder: Path | None, study: str | None) -> StudyHistory | None:
    """The journal of the study that is asked for, or of the only one.

    Raises:
        SourceError: there is no such study, or several.
        OptionError: a study of something that is no log folder.
    """
    if folder is None:
        if study is not None:
            raise OptionError(f"{source} is no log folder, where studies lie; leave --study out.")
        return None
    return read_study(folder, study) if study is not None or study_names(folder) else None


def _board(votes: Comparisons, level: float) -> Leaderboard:
    """A board that allows for voters and prompts, where votes name several; else for what there is."""
    try:
        return rank(votes, level=level, cluster="voter,prompt")
    except (SourceError, OptionError):
        return rank(votes, level=level)


def _agreement(votes: Comparisons, level: float) -> InterAnnotatorAgreement | str:
    try:
        return inter_annotator_agreement(votes, level=level)
    except AgonError as error:
        return str(error)


def _sides(votes: Comparisons, level: float) -> PositionBias | str:
    try:
        return position_bias(votes, level=level)
    except AgonError as error:
        return str(error)


def _criteria(folder: Path | None, history: StudyHistory | None) -> list[str]:
    if folder is None:
        return []
    there = [path.stem for path in sorted((folder / CRITERIA).glob("*.parquet"))]
    asked = there if history is None else history.design.get("criteria", ())
    return [name for name in asked if name in there]


def _prompts(votes: Comparisons) -> int | None:
    try:
        return votes.clusters("prompt").size
    except SourceError:
        return None


def _span(votes: Comparisons) -> tuple[float | None, float | None]:
    """When the first and the last vote was cast."""
    try:
        times = votes.battles.times
    except AgonError:
        return None, None
    return (None, None) if times is None or not len(times) else (float(times[0]), float(times[-1]))


def _rows(table: Any, study: str) -> list[dict[str, Any]]:
    """The rows of a frame that are of a study."""
    known = "study" in table.column_names
    return [row for row in table.to_pylist() if row["study"] == study] if known else []


class _StudyRecords:
    """What the log says of a study beside its votes; nothing without one."""

    def __init__(self, log: LogFrames | None, history: StudyHistory | None) -> None:
        self.history = history
        self.votes: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.skipped: list[tuple[str, str]] = []  # reason, voter
        self.open: list[dict[str, Any]] = []
        self.again: Counter[str] = Counter()
        if log is None or history is None:
            return
        self.votes, self.checks = _rows(log.votes, history.name), _rows(log.attention_checks, history.name)
        assigned = {row["battle_id"]: row for row in _rows(log.assignments, history.name)}
        drawn_for = {row["battle_id"]: row["voter"] for row in log.battles.to_pylist()}
        reasons = {row["battle_id"]: row["reason"] for row in log.skips.to_pylist()}
        failures = {row["battle_id"]: row["failure"] for row in log.generations.to_pylist() if row["failure"]}
        self.skipped = [(reason, drawn_for[at]) for at, reason in reasons.items() if at in assigned]
        done = {row["battle_id"] for row in self.votes} | reasons.keys()
        later: dict[tuple[int, int], int] = {}
        for row in assigned.values():
            cell = row["seat"], row["cell"]
            later[cell] = max(later.get(cell, 0), row["attempt"])
        for at, row in assigned.items():
            if at in done:
                continue
            if row["attempt"] < later[row["seat"], row["cell"]]:
                self.again[failures.get(at, "left unfinished")] += 1
            else:
                self.open.append(row)

    def ratings(self) -> RatingConsistency | None:
        """How the ratings go with the choices."""
        apart = agreeing = equal = tied = alike = 0
        given: dict[str, list[int]] = {}
        for row in self.votes:
            scores = row.get("ratings")
            if not scores:
                continue
            models, places = _ballot(row)
            for model, score in zip(models, scores, strict=True):
                if score is not None:
                    given.setdefault(model, []).append(score)
            for i, j in combinations(range(len(models)), 2):
                one, two = scores[i], scores[j]
                way = _above(places[i], places[j])
                if one is None or two is None or way is None:
                    continue
                if way == 0:
                    tied, alike = tied + 1, alike + (one == two)
                else:
                    apart, equal = apart + 1, equal + (one == two)
                    agreeing += (one - two) * way > 0
        means = {model: (float(np.mean(scores)), len(scores)) for model, scores in given.items()}
        order = dict(sorted(means.items(), key=lambda item: (-item[1][0], item[0])))
        return RatingConsistency(apart, agreeing, equal, tied, alike, order) if given else None

    def items(self) -> dict[int, tuple[int, int]]:
        """How many passed each attention item, and were asked."""
        return {
            item: (sum(bool(row["passed"]) for row in rows), len(rows))
            for item in sorted({row["item"] for row in self.checks})
            if (rows := [row for row in self.checks if row["item"] == item])
        }

    def attention(self, voter: str) -> tuple[int, int]:
        """How many items a voter passed, and was asked."""
        rows = [row for row in self.checks if row["voter"] == voter]
        return sum(bool(row["passed"]) for row in rows), len(rows)

    def inattentive(self) -> list[str]:
        """The voters who failed more items than they passed."""
        voters = {row["voter"] for row in self.checks}
        return sorted(one for one in voters if 2 * self.attention(one)[0] < self.attention(one)[1])

    def drawn_anew(self) -> dict[str, int]:
        """Battles that were drawn again, by why."""
        return dict(self.again.most_common())

    def unjudged(self) -> int:
        """Battles that wait for their voter."""
        return len(self.open)

    def skips(self) -> dict[str, int]:
        """Battles skipped, by reason."""
        return dict(Counter(reason or "no reason given" for reason, _ in self.skipped).most_common())

    def seat(self, voter: str) -> int | None:
        """The number of a voter in the study."""
        rows = (*self.votes, *self.checks)
        return next((row["seat"] for row in rows if row["voter"] == voter), None)


def _ballot(row: Mapping[str, Any]) -> tuple[list[str], list[int | None]]:
    """The models of a vote and their places, pairwise or K-wise."""
    if row.get("model_a") is not None:
        places: dict[str, list[int | None]] = {"model_a": [1, 2], "model_b": [2, 1]}
        return [row["model_a"], row["model_b"]], places.get(row["winner"], [1, 1])
    return row["models"], row["places"]


def _above(one: int | None, two: int | None) -> int | None:
    """1 where the first place is better, −1 where it is worse, 0 for a tie; None where both have none."""
    if one is None or two is None:
        return None if one is two else 1 if two is None else -1
    return (one < two) - (one > two)


def _voters(votes: Comparisons, records: _StudyRecords, *, names: bool) -> tuple[StudyVoter, ...]:
    """What each voter did, the busiest first; of a study by seat."""
    try:
        clusters = votes.clusters("voter")
    except SourceError:
        return ()
    numbers = np.bincount(clusters.cluster, clusters.count, clusters.size).astype(int)
    try:
        found = voter_reliability(
            votes, min_votes=int(numbers.max()) + 1
        )  # nobody is judged, all are counted
        agreement = {one.voter: one.agreement for one in found.voters}
    except AgonError:
        agreement = {}
    skipped = Counter(voter for _, voter in records.skipped)
    invited = {} if records.history is None else {one.seat: one.name for one in records.history.seats}
    order = sorted(range(clusters.size), key=lambda k: (-numbers[k], clusters.names[k]))
    if records.history is not None:
        order.sort(key=lambda k: records.seat(clusters.names[k]) or 0)
    rows = []
    for number, k in enumerate(order, 1):
        voter = clusters.names[k]
        seat = records.seat(voter)
        own = invited.get(seat) if seat is not None else voter
        label = (own if names else None) or f"Voter {seat or number}"
        skips = None if records.history is None else skipped[voter]
        passed, asked = records.attention(voter)
        rows.append(StudyVoter(label, int(numbers[k]), agreement.get(voter), skips, passed, asked))
    return tuple(rows)


def _attentive(source: object, given: Mapping[str, Any], records: _StudyRecords, level: float) -> str | None:
    """What is decided without the voters who failed most attention items."""
    out = records.inattentive()
    if not out or records.history is None:
        return None
    listed = ", ".join("'" + one.replace("'", "''") + "'" for one in out)
    try:
        votes = comparisons(source, **{**given, "where": f"{given['where']} AND voter NOT IN ({listed})"})
    except SourceError:
        return "Without the voters who failed most attention items there are no votes."
    found = panel_lead(votes, level=level).conclusion()
    number = f"{len(out)} voter" + ("s" if len(out) > 1 else "")
    return f"Without the {number} who failed most attention items: {found}"
