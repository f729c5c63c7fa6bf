"""`rank` and its like of `import agon as ag`: those of `agon.ranking`, which also read.

Every setting stands in the signatures, so that editors complete it and type checkers check it; meaning and
defaults are those of `agon.ranking.Settings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from agon import ranking
from agon.data import read_any
from agon.data.files.schema import Voters
from agon.data.files.snapshot_folder import holds_log
from agon.data.files.table_source import Invalid
from agon.data.model_facts import measured_facts, read_facts
from agon.data.reading import Engine
from agon.data.study_evidence import StudyReport, study_report
from agon.data.use_log.use_reading import routed_use
from agon.method_options import MethodName, MethodOptions
from agon.ranking import (
    Ballots,
    Comparisons,
    Decision,
    GroupedBoards,
    Leaderboard,
    MethodComparison,
    PairCounts,
    RoutedUse,
    RuleComparison,
    ScoreTable,
    SignalEffects,
)
from agon.ranking.annotators.gates import Gate
from agon.ranking.inference.probability_calibration import CalibrationName
from agon.ranking.prediction.held_out import HeldOutBy
from agon.ranking.prediction.method_scores import Wanted
from agon.ranking.registry import Method, Rule
from agon.ranking.routed.effect_estimates import Estimator, UseWeights
from agon.ranking.settings import Interval, Ranks
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.score_table import Direction
from agon.ranking.votes.weighting import Reweight

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

READ = (Comparisons, ScoreTable, Ballots, PairCounts)


class ReadOptions(TypedDict, total=False):
    """How a file or a frame is read, beside its columns: as for `comparisons` and `score_table`."""

    table: str | None
    format: str | None
    grade_weight: float | None
    weights: Mapping[str, float] | None
    groups: Mapping[str, str] | None
    ignore: Sequence[str]
    directions: Mapping[str, Direction] | Direction | None
    metric: str | Sequence[str]
    criterion: str | None
    engine: Engine | None


class RankOptions(MethodOptions, ReadOptions):
    """Options of a method, and of reading."""


def votes_of(source: object, **reading: Any) -> Votes:
    """Votes as they are, or read from a path or a frame by the keywords of `read_any`.

    Raises:
        OptionError: keywords of reading for votes that were read before.
        AgonError: the source cannot be read.
    """
    if not isinstance(source, READ):
        return read_any(source, **reading)
    for name, value in reading.items():
        if value and not (name == "invalid" and value == "error"):
            reader = "score_table" if isinstance(source, ScoreTable) else "comparisons"
            raise ranking.OptionError(
                f"{name} belongs to reading, and these votes were read before: give it to ag.{reader}."
            )
    return source


def _behind(gates: Gate, votes: Votes) -> Votes:
    """The votes that pass the gates.

    Raises:
        OptionError: gates for a table of scores, or for counts, which know no voters.
    """
    if gates == "none":
        return votes
    if not isinstance(votes, Comparisons):
        raise ranking.OptionError(
            f"gates={gates!r} asks who voted, which a {type(votes).__name__} does not know; leave it out."
        )
    return ranking.gate_votes(votes, gates).votes


def _reading(options: RankOptions) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of reading, and those of the method."""
    reading = {name: value for name, value in options.items() if name in ReadOptions.__annotations__}
    return reading, {name: value for name, value in options.items() if name not in reading}


def _judged(judges: object, **reading: Any) -> Comparisons | None:
    """Votes of judges as they are, or read.

    Raises:
        OptionError: a table of scores.
    """
    if judges is None or isinstance(judges, Comparisons):
        return judges
    found = as_comparisons(votes_of(judges, **reading))
    if not isinstance(found, Comparisons):
        raise ranking.OptionError("judges are votes, and this is a table of scores; leave judges out.")
    return found


def rank(
    source: object,
    method: MethodName | Rule | Method = "bradley_terry",
    *,
    ballots_by: str | None = None,
    judges: object = None,
    calibration: CalibrationName = "isotonic",
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    labels: Mapping[str, str] | None = None,
    gates: Gate = "none",
    interval: Interval = "auto",
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
    cluster: str | None = "auto",
    simultaneous: bool = False,
    ranks: Ranks = "differences",
    min_votes: int = 30,
    control: str | Sequence[str] = (),
    reweight: Reweight = "none",
    floor: float = 0.1,
    anchor: str | None = None,
    anchor_score: float | None = None,
    scale: Literal["elo", "natural"] = "elo",
    **options: Unpack[RankOptions],
) -> Leaderboard:
    """Rank the models of a set of votes, a table of scores or an election by one method.

    Args:
        source: path of a file or log folder, a frame, a list of rows, or votes that were read before.
        method: a name in `METHODS`, or your own function whose first parameter is annotated with a view.
        ballots_by: column whose values are one ballot each: categories vote instead of votes.
        judges: votes of LLM judges, a source as the other, weighed beside those of people: calibrated on
            them, prediction-powered; models that judges alone judged are predicted, and the board says what
            the votes of judges bought (docs/judges.md). `columns` and `labels` hold for them too.
        calibration: of the judges' probabilities, "isotonic" or "platt".
        where, columns, invalid, voters, labels: as for `comparisons`.
        gates: which votes count: "default" sets aside those of voters who stand out, "strict" also those in
            windows of time that do, as for `agon.ranking.gate_votes`.
        interval, level, n_resamples, seed, cluster, simultaneous, ranks, min_votes, control, reweight,
            floor, anchor, anchor_score, scale: as for `agon.ranking.Settings`.
        options: the method's own (docs/methods.md), and those of `ReadOptions`.

    Raises:
        AgonError: one sentence about what is wrong with the source, the method or an option.
    """
    reading, own = _reading(options)
    votes = votes_of(
        source, where=where, columns=columns, invalid=invalid, voters=voters, labels=labels, **reading
    )
    votes = _behind(gates, votes)
    judged = _judged(judges, columns=columns, invalid=invalid, labels=labels)
    return ranking.rank(
        votes,
        method,
        ballots_by=ballots_by,
        judges=judged,
        calibration=calibration,
        interval=interval,
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        cluster=cluster,
        simultaneous=simultaneous,
        ranks=ranks,
        min_votes=min_votes,
        control=control,
        reweight=reweight,
        floor=floor,
        anchor=anchor,
        anchor_score=anchor_score,
        scale=scale,
        **own,
    )


def rank_all(
    source: object,
    methods: MethodName | Sequence[MethodName | Rule | Method],
    *,
    by: str | None = None,
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    labels: Mapping[str, str] | None = None,
    gates: Gate = "none",
    interval: Interval = "auto",
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
    cluster: str | None = "auto",
    simultaneous: bool = False,
    ranks: Ranks = "differences",
    min_votes: int = 30,
    control: str | Sequence[str] = (),
    reweight: Reweight = "none",
    floor: float = 0.1,
    anchor: str | None = None,
    anchor_score: float | None = None,
    scale: Literal["elo", "natural"] = "elo",
    **reading: Unpack[ReadOptions],
) -> list[Leaderboard]:
    """Rank the same votes by several methods, and each group of votes by itself.

    Args:
        source, where, columns, invalid, voters, labels: as for `rank`.
        methods: names or functions; one name stands for one method.
        by: column whose values cut the votes into groups, each with boards of its own.
        gates: which votes count: "default" sets aside those of voters who stand out, "strict" also those in
            windows of time that do, as for `agon.ranking.gate_votes`.
        interval, level, n_resamples, seed, cluster, simultaneous, ranks, min_votes, control, reweight,
            floor, anchor, anchor_score, scale: as for `agon.ranking.Settings`.
        reading: options of `ReadOptions`.

    Returns:
        One board for each group and method, the groups in the order of their values.

    Raises:
        AgonError: one sentence about what is wrong with the source, a method or an option.
    """
    votes = votes_of(
        source, where=where, columns=columns, invalid=invalid, voters=voters, labels=labels, **reading
    )
    votes = _behind(gates, votes)
    return ranking.rank_all(
        votes,
        [methods] if isinstance(methods, str) else methods,
        by=by,
        interval=interval,
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        cluster=cluster,
        simultaneous=simultaneous,
        ranks=ranks,
        min_votes=min_votes,
        control=control,
        reweight=reweight,
        floor=floor,
        anchor=anchor,
        anchor_score=anchor_score,
        scale=scale,
    )


def rank_by(
    source: object,
    by: str,
    method: MethodName | Rule | Method = "bradley_terry",
    *,
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    labels: Mapping[str, str] | None = None,
    gates: Gate = "none",
    interval: Interval = "auto",
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
    cluster: str | None = "auto",
    simultaneous: bool = False,
    ranks: Ranks = "differences",
    min_votes: int = 30,
    control: str | Sequence[str] = (),
    reweight: Reweight = "none",
    floor: float = 0.1,
    anchor: str | None = None,
    anchor_score: float | None = None,
    scale: Literal["elo", "natural"] = "elo",
    **options: Unpack[RankOptions],
) -> GroupedBoards:
    """Rank each group of votes by itself: one board for each value of a column.

    Args:
        source: path of a file or log folder, a frame, a list of rows, or votes that were read before.
        by: column whose values are the groups, such as language.
        method: a name in `METHODS`, or your own function whose first parameter is annotated with a view.
        where, columns, invalid, voters, labels: as for `comparisons`.
        gates: which votes count: "default" sets aside those of voters who stand out, "strict" also those in
            windows of time that do, as for `agon.ranking.gate_votes`.
        interval, level, n_resamples, seed, cluster, simultaneous, ranks, min_votes, control, reweight,
            floor, anchor, anchor_score, scale: as for `agon.ranking.Settings`.
        options: the method's own (docs/methods.md), and those of `ReadOptions`.

    Raises:
        AgonError: one sentence about what is wrong with the source, the method or an option.
    """
    reading, own = _reading(options)
    votes = votes_of(
        source, where=where, columns=columns, invalid=invalid, voters=voters, labels=labels, **reading
    )
    votes = _behind(gates, votes)
    return ranking.rank_by(
        votes,
        by,
        method,
        interval=interval,
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        cluster=cluster,
        simultaneous=simultaneous,
        ranks=ranks,
        min_votes=min_votes,
        control=control,
        reweight=reweight,
        floor=floor,
        anchor=anchor,
        anchor_score=anchor_score,
        scale=scale,
        **own,
    )


def compare_rules(
    source: object,
    methods: MethodName | Sequence[MethodName | Rule | Method] | None = None,
    *,
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    n_resamples: int = 200,
    seed: int = 0,
    cluster: str | None = "auto",
    min_votes: int = 30,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    **reading: Unpack[ReadOptions],
) -> RuleComparison:
    """Look at the same votes through several rules: who is first under which, and how likely.

    Args:
        source: as for `rank`, or boards of the same votes.
        methods: names or functions; None for a usual choice of those that these votes carry enough for.
        where, columns, invalid, voters, labels: as for `comparisons`.
        level, n_resamples, seed, cluster: of the bootstrap.
        min_votes: below which a model is left out.
        options: method → its options.
        reading: options of `ReadOptions`.

    Raises:
        AgonError: one sentence about what is wrong with the source, a method or an option.
    """
    boards = isinstance(source, Sequence) and any(isinstance(one, Leaderboard) for one in source)
    read = {"where": where, "columns": columns, "voters": voters, "labels": labels, **reading}
    given: Any = source if boards else votes_of(source, invalid=invalid, **read)
    if isinstance(methods, str):
        methods = [methods]
    return ranking.compare_rules(
        given,
        methods,
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        cluster=cluster,
        min_votes=min_votes,
        options=options,
    )


def compare_methods(
    source: object,
    methods: MethodName | Sequence[Wanted] | None = None,
    *,
    by: HeldOutBy = "vote",
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    labels: Mapping[str, str] | None = None,
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
    **reading: Unpack[ReadOptions],
) -> MethodComparison:
    """Say which method predicts votes best that it has not seen, ties included.

    Args:
        source: as for `rank`.
        methods: names, functions, or pairs of one and its options; None for those that give chances.
        by: what is held out together: "vote", "voter", "prompt", or "time" for later votes.
        where, columns, invalid, voters, labels: as for `comparisons`.
        folds, level, seed: as for `agon.ranking.compare_methods`.
        reading: options of `ReadOptions`.

    Raises:
        AgonError: one sentence about what is wrong with the source, a method or an option.
    """
    read = {"where": where, "columns": columns, "voters": voters, "labels": labels, **reading}
    given = votes_of(source, invalid=invalid, **read)
    chosen = [methods] if isinstance(methods, str) else methods
    return ranking.compare_methods(given, chosen, by=by, folds=folds, level=level, seed=seed)


def decide(
    board: Leaderboard,
    facts: object,
    *,
    at_most: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
    only: Mapping[str, Sequence[str] | str] | None = None,
    prefer: str | None = None,
    within: float | None = None,
    weigh: Mapping[str, float] | None = None,
) -> Decision:
    """Say which model to take, as `agon.ranking.decide` does, by facts from a file, a log or a frame.

    Args:
        board: of a rating with intervals.
        facts: path of a table with a column `model`, or of a log folder, whose speeds and failures were
            measured; a frame, or model → fact → value.
        at_most, at_least, only, prefer, within, weigh: as for `agon.ranking.decide`.

    Raises:
        AgonError: one sentence about what is wrong with the facts, the board or a condition.
    """
    if isinstance(facts, str | Path):
        facts = measured_facts(facts) if holds_log(Path(facts)) else read_facts(facts)
    known: Any = facts
    return ranking.decide(
        board,
        known,
        at_most=at_most,
        at_least=at_least,
        only=only,
        prefer=prefer,
        within=within,
        weigh=weigh,
    )


def effects(
    source: str | Path | RoutedUse,
    signal: str = "thumb",
    *,
    estimator: Estimator = "aipw",
    weights: UseWeights = "stabilised",
    level: float = 0.95,
) -> SignalEffects:
    """Say what each model does to a signal of use, as `agon.ranking.signal_effects` does.

    Args:
        source: a log folder that `agon route-server` writes to, or conversations.
        signal, estimator, weights, level: as for `agon.ranking.signal_effects`.

    Raises:
        AgonError: one sentence about what is wrong with the folder or the signal.
    """
    use = source if isinstance(source, RoutedUse) else routed_use(source)
    return ranking.signal_effects(use, signal, estimator=estimator, weights=weights, level=level)


def report(
    source: object,
    to: str | Path | None = None,
    *,
    study: str | None = None,
    names: bool = False,
    force: bool = False,
    where: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    invalid: Invalid = "error",
    voters: Voters | None = None,
    table: str | None = None,
    format: str | None = None,
    grade_weight: float | None = None,
    judges: object = None,
) -> StudyReport:
    """Look through a study, or any votes, and write its report as one HTML page, as `agon report` does.

    Args:
        source: path of a log folder or of a file, or a frame.
        to: the .html file that is written; None writes none.
        study: name of a study of the log, where it holds several.
        names: whether voters have their names; else they are numbered.
        force: whether a file that is there is replaced.
        where, columns, labels, invalid, voters, table, format, grade_weight: as for `comparisons`.
        judges: votes of LLM judges, which are audited against the votes of people in the source.

    Raises:
        AgonError: one sentence about what is wrong with the source, the study or the file.
    """
    from agon.arena.web.report_page import check_report_target, write_report

    if to is not None:
        check_report_target(Path(to), force=force)
    found = study_report(
        source,
        study=study,
        names=names,
        where=where,
        columns=columns,
        labels=labels,
        invalid=invalid,
        voters=voters,
        table=table,
        format=format,
        grade_weight=grade_weight,
        judges=judges,
    )
    if to is not None:
        write_report(found, to, force=force)
    return found


def win_rate_map(source: object, models: Sequence[str] | Leaderboard | None = None) -> Figure:
    """Draw what share of its votes against each other model each model won, half for a tie.

    Args:
        source: as for `rank`.
        models: names in this order, or a board with its order; None for the first 30 of `rank(source)`.

    Raises:
        AgonError: one sentence about what is wrong with the source, or a model without votes.
    """
    return ranking.win_rate_map(votes_of(source), models)
