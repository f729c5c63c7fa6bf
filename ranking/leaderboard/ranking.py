"""From votes to boards: `rank` runs one method, `rank_all` several."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from typing import Any, get_args

import numpy as np

from agon.ranking.errors import MethodError, OptionError, SourceError, suggest
from agon.ranking.inference.dependence import (
    ClusterCovariances,
    Dependence,
    covariances_of,
    measure_dependence,
)
from agon.ranking.inference.prediction_powered import WeighedFit, weigh_judges
from agon.ranking.inference.probability_calibration import CalibrationName
from agon.ranking.inference.winners_curse import correct_winner
from agon.ranking.leaderboard.conclusions import lead_of
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.leaderboard.estimates import coefficients, estimate, interval_of, scale_of, unit_of
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.leaderboard.notes import (
    both_bad_votes,
    cluster_notes,
    diagnose,
    parameter_notes,
    refused_judges_notes,
    short_of_votes,
    spread_notes,
    unmet_pairs,
    weight_notes,
)
from agon.ranking.leaderboard.row import Row, predict_rows, rows, waiting_rows
from agon.ranking.numerics import BoolArray, FloatArray, threads_for
from agon.ranking.registry import Method, Rule, find
from agon.ranking.results import Choice, Diagnostic, Fit, Scores
from agon.ranking.settings import Settings
from agon.ranking.version import VERSION
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons
from agon.ranking.votes.restricted_source import enough_votes
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.weighting import effective_votes

RANK_METHODS: Mapping[str, Any] = {
    "sandwich": "differences",
    "posterior": "differences",
    "bootstrap": "bootstrap",
    "none": "none",
}


def rank(
    votes: Votes,
    method: str | Rule | Method = "bradley_terry",
    *,
    ballots_by: str | None = None,
    judges: Comparisons | None = None,
    calibration: CalibrationName = "isotonic",
    **options: Any,
) -> Leaderboard:
    """Rank the models of a set of votes by one method.

    Args:
        votes: `Comparisons` (from `data.comparisons`), a `ScoreTable` (min_votes does not apply: its
            `votes` are the tasks with a score), or `Ballots` or `PairCounts` made by hand.
        method: a name in `METHODS`, or your own function whose first parameter is annotated with a view.
        ballots_by: column whose values are one ballot each (`Comparisons.one_ballot_each`): the rule is
            applied to categories, prompts or voters instead of votes, and the bootstrap draws these.
            min_votes does not apply then.
        judges: votes of LLM judges, to be weighed beside those of people (`weigh_judges`): they are
            calibrated on people's votes on the same prompts and pairs, and models that people did not vote on
            are *predicted*. The board says what they bought.
        calibration: of the judges' probabilities, "isotonic" or "platt".
        options: fields of `Settings` (interval, level, n_resamples, seed, cluster, simultaneous, ranks,
            min_votes, control, anchor, anchor_score, scale) and the method's own options.

    Raises:
        MethodError: no such method, or one that returns something else than a score for every model.
        OptionError: no such option, or a value outside its range.
        SourceError: no votes, or no column to cluster by.
        ConvergenceError: the method did not converge.
    """
    how = find(method)
    if options.get("control") and how.name == "bradley_terry":
        how = find("contextual_bradley_terry")
    if "by" in options:
        warnings.warn("by of rank is called ballots_by now; for groups use rank_by.", DeprecationWarning, 2)
        ballots_by = options.pop("by")
    if "rounds" in options:
        warnings.warn("rounds is called n_resamples now.", DeprecationWarning, stacklevel=2)
        options["n_resamples"] = options.pop("rounds")
    common = {name: options.pop(name) for name in list(options) if name in Settings.__dataclass_fields__}
    if "seed" in common and "seed" in how.options:
        options.setdefault("seed", common["seed"])
    for name in options:
        if name not in how.options:
            known = {*how.options, *Settings.__dataclass_fields__}
            raise OptionError(f"{how.name} has no option {name!r}; {suggest(name, known)}")
    given, chosen, settings = as_comparisons(votes), how.settings(options), Settings(**common)
    if ballots_by is not None:
        if isinstance(given, ScoreTable):
            raise OptionError(
                f"ballots_by={ballots_by!r} makes ballots of votes; of a score table each task is one."
            )
        given, settings = given.one_ballot_each(ballots_by), replace(settings, min_votes=0)
    if judges is not None:
        _check_judges(given, how, chosen, settings, judges, calibration)
    with threads_for(len(given.models)):
        return _board(given, how, chosen, settings, judges, calibration)


def _check_judges(
    given: Comparisons | ScoreTable,
    how: Method,
    options: Mapping[str, Any],
    settings: Settings,
    judges: object,
    calibration: str,
) -> None:
    """Refuse judges where nothing is known of how to weigh them.

    Raises:
        OptionError: no votes, another method, interval or option than they are weighed with.
    """
    if not isinstance(judges, Comparisons):
        raise OptionError(f"judges are votes: read the {type(judges).__name__} with ag.comparisons.")
    if calibration not in get_args(CalibrationName):
        raise OptionError(
            f"There is no calibration {calibration!r}; {suggest(calibration, get_args(CalibrationName))}"
        )
    if isinstance(given, ScoreTable) or how.name != "bradley_terry" or options["bias_reduced"]:
        what = "a score table" if isinstance(given, ScoreTable) else how.name
        what += " with bias_reduced" if options.get("bias_reduced") else ""
        raise OptionError(f"judges do not apply to {what}; rank votes by bradley_terry, or leave judges out.")
    if settings.interval not in ("auto", "sandwich"):
        raise OptionError(
            f"interval={settings.interval!r} does not apply with judges, whose error is that of a sandwich; "
            "leave interval out."
        )


def _controlled(given: Comparisons | ScoreTable, how: Method, settings: Settings) -> Comparisons:
    """Give the votes the features to control for.

    Raises:
        OptionError: a method or data that know no features.
    """
    if how.view != "contexts" or isinstance(given, ScoreTable):
        what = "a score table" if isinstance(given, ScoreTable) else how.name
        raise OptionError(
            f"control={settings.control!r} does not apply to {what}; use bradley_terry on votes."
        )
    return given.controlled(settings.control, None if settings.interval == "none" else settings.cluster)


def _reweighted(given: Comparisons | ScoreTable, settings: Settings) -> Comparisons:
    """Give the votes other weights.

    Raises:
        OptionError: a score table, whose tasks have weights of their own.
    """
    if isinstance(given, ScoreTable):
        raise OptionError(
            f"reweight={settings.reweight!r} weighs votes; a score table has weights of its tasks."
        )
    return given.reweighted(settings.reweight, settings.floor)


def rank_all(
    votes: Votes,
    methods: Sequence[str | Rule | Method | tuple[str | Rule | Method, Mapping[str, Any]]],
    *,
    by: str | None = None,
    progress: Callable[[str], AbstractContextManager[object]] = nullcontext,
    **options: Any,
) -> list[Leaderboard]:
    """Rank the same votes by several methods, and each group of votes by itself.

    Args:
        votes: as for `rank`.
        methods: names or functions, or pairs of one and its own options.
        by: column whose values cut the votes into groups, each with boards of its own.
        progress: given a sentence, opened around each ranking.
        options: fields of `Settings` and `ballots_by`; they go to every method.

    Returns:
        One board for each group and method, the groups in the order of their values.

    Raises:
        As `rank`; SourceError if there is no such column.
    """
    if by is not None and options.get("judges") is not None:
        raise OptionError(f"judges do not apply to boards by {by}; rank each group by itself with where=.")
    if not methods:
        raise OptionError("rank_all needs the name of one method at least, such as ['elo'].")
    if by is not None and not isinstance(by, str):
        raise OptionError(f"by is the name of one column, not {by!r}.")
    given = as_comparisons(votes)
    groups = [({}, given)] if by is None else [({by: value}, part) for value, part in given.split(by)]
    boards = []
    for group, part in groups:
        where = "".join(f", {column} = {value}" for column, value in group.items())
        for one in methods:
            method, own = one if isinstance(one, tuple) else (one, {})
            with progress(f"ranking {len(part.models)} models: {find(method).name}{where}"):
                board = rank(part, method, **{**options, **own})
            parts = tuple(replace(each, by={**group, **(each.by or {})}) for each in board.components)
            boards.append(replace(board, by=group or None, components=parts))
    return boards


def _board(  # noqa: PLR0915 - what stands on a board, in order
    given: Comparisons | ScoreTable,
    how: Method,
    options: Mapping[str, Any],
    settings: Settings,
    judges: Comparisons | None = None,
    calibration: CalibrationName = "isotonic",
) -> Leaderboard:
    """Decide who stands, run the method on their votes, measure its uncertainty, write the rows."""
    if not given.ballots.total:
        raise SourceError("There are no votes to rank: none came in, or all were left out.")
    if isinstance(given, ScoreTable):
        given, settings = given.with_relative_weights(), replace(settings, min_votes=0)
    every, votes, stands = _standing(given, settings)
    if settings.control:  # a fit that needs to know the clusters
        dependence, known, settings = _clustered(votes, None, settings)
        every, votes = (_controlled(some, how, settings) for some in (every, votes))
    result = _run(how, votes, options)
    settings = replace(settings, interval=interval_of(how, result, settings.interval))
    if not settings.control:
        dependence, known, settings = _clustered(votes, result, settings)
    weighed = _weighed(votes, result, judges, calibration, options, settings)
    result = result if weighed is None else weighed.fit
    eligibility = Eligibility.of(votes, result, options.get("both_bad", "half"))
    if not stands.any():
        eligibility = replace(eligibility, ranked=np.zeros(len(votes.models), dtype=bool))
    values, unsure = estimate(votes, how, result, options, settings, eligibility, known)
    by_posterior = settings.ranks == "empirical_bayes"
    if by_posterior and unsure.covariance is None:
        raise OptionError(
            f"ranks={settings.ranks!r} needs a covariance of the scores, which {how.name} by "
            f"{settings.interval} lacks; rank by bradley_terry with the interval auto, or leave out ranks."
        )
    factor, offset, scale = scale_of(result, settings)
    history = result.history if isinstance(result, Fit) else None
    described = _described(every, options, settings, scale)
    described |= _judged(weighed, judges)
    shown = values
    if isinstance(result, Choice):
        shown = np.full(len(values), np.nan) if result.lottery is None else result.lottery
        everywhere = np.ones(len(values), dtype=bool)
        unsure = unsure.unbounded(everywhere, everywhere)  # the replicates are tiers, not scores
    number = every.ballots.votes[[given.models.index(name) for name in votes.models]]
    standing = eligibility.standing(values, _tie(result, values))
    waiting: tuple[Row, ...] = ()
    if votes is not every:
        waiting = _waiting(every, how, options, settings, (votes.models, values))
    fingerprint = _fingerprint(every, how, described)
    by_majorities = how.view == "pairs" and how.by_margin
    boards = []
    for board in range(eligibility.boards):
        lines = rows(
            votes.models,
            board,
            eligibility,
            standing,
            values,
            shown,
            number,
            unsure,
            has_intervals=settings.interval != "none",
            posterior=settings.level if by_posterior else None,
            seed=settings.seed,
        )
        notes = diagnose(votes, result, eligibility, settings, board)
        if board == 0:
            split = sum(row.status == "component" for row in lines)
            foretold, told = _foretold(weighed, judges, every, lines, settings.level)
            lines = (*lines[: len(lines) - split], *waiting, *lines[len(lines) - split :])
            lines = _with_foretold(lines, foretold)
            notes = (
                *told,
                *weight_notes(votes.ballots, settings.reweight),
                *cluster_notes(unsure, dependence, settings),
                *spread_notes(votes.models, result, factor),
                *parameter_notes(result, known, settings),
                *notes,
                *(unmet_pairs(votes) if by_majorities else ()),
                *short_of_votes(every, stands, settings.min_votes),
            )
        place = {name: i for i, name in enumerate(votes.models)}
        order = np.array([place[row.model] for row in lines if row.status == "ranked"], dtype=np.int64)
        lead = None
        if isinstance(votes, Comparisons) and isinstance(result, Scores) and scale != "points":
            apart = eligibility.component[:, None] != eligibility.component[None, :]
            lead = lead_of(order, values, unsure, apart, number, settings.level, unit_of(result, factor))
        boards.append(
            Leaderboard(
                rows=lines,
                method=how.name,
                settings=described,
                level=settings.level,
                rank_method="empirical_bayes" if by_posterior else RANK_METHODS[settings.interval],
                diagnostics=notes,
                fingerprint=fingerprint,
                head=given.head if isinstance(given, Comparisons) else None,
                by={"component": board + 1} if board else None,
                coefficients=coefficients(result, settings, unsure.df) if isinstance(result, Fit) else (),
                lead=lead,
                winner=correct_winner(lines[0].model, values, unsure, order, settings.level),
                log_odds=unit_of(result, factor) or None,
                uncertainty=unsure,
                models=votes.models,
                history=None if history is None else history.scaled(factor, offset),
            )
        )
    return replace(boards[0], components=tuple(boards[1:]))


def _weighed(
    votes: Comparisons | ScoreTable,
    result: Scores | Choice,
    judges: Comparisons | None,
    calibration: CalibrationName,
    options: Mapping[str, Any],
    settings: Settings,
) -> WeighedFit | None:
    """The fit of people's votes with those of judges, if there are some."""
    if judges is None or not isinstance(votes, Comparisons) or not isinstance(result, Fit):
        return None
    return weigh_judges(
        votes,
        result,
        judges,
        columns=settings.cluster_columns,
        calibration=calibration,
        both_bad=options["both_bad"],
        prior_sd=options["prior_sd"],
        level=settings.level,
        seed=settings.seed,
    )


def _judged(weighed: WeighedFit | None, judges: Comparisons | None) -> dict[str, Any]:
    """What a board's settings say of judges: what their votes are worth, and which votes they were."""
    if weighed is None or judges is None:
        return {}
    return {"judges": {**asdict(weighed.worth), "fingerprint": _digest(_columns(judges))}}


def _foretold(
    weighed: WeighedFit | None,
    judges: Comparisons | None,
    every: Comparisons | ScoreTable,
    lines: Sequence[Row],
    level: float,
) -> tuple[tuple[Row, ...], tuple[Diagnostic, ...]]:
    """The rows of models that judges alone judged, and what is said of judges on the board."""
    if weighed is None or judges is None:
        return (), ()
    voted = [name for name, votes in zip(every.models, every.ballots.votes.tolist(), strict=True) if votes]
    made, told = predict_rows(weighed, voted, lines, level)
    return made, (*refused_judges_notes(judges), weighed.note(), *told)


def _with_foretold(lines: Sequence[Row], foretold: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with those that are predicted before the ones of other components, each model once."""
    known = {row.model for row in foretold}
    kept = [row for row in lines if row.model not in known]
    apart = [row for row in kept if row.status == "component"]
    return (*(row for row in kept if row.status != "component"), *foretold, *apart)


def _standing(
    given: Comparisons | ScoreTable, settings: Settings
) -> tuple[Comparisons | ScoreTable, Comparisons | ScoreTable, BoolArray]:
    """All votes with their weights, those of the models with enough of them, and (M,) which these are."""
    every = given if settings.reweight == "none" else _reweighted(given, settings)
    stands = enough_votes(every.ballots, settings.min_votes)
    if isinstance(given, ScoreTable) or stands.all() or not stands.any():
        return every, every, stands
    votes = given.among(stands)
    return every, votes if settings.reweight == "none" else _reweighted(votes, settings), stands


def _clustered(
    votes: Comparisons | ScoreTable, result: Scores | Choice | None, settings: Settings
) -> tuple[Dependence | None, ClusterCovariances | None, Settings]:
    """Measure how votes depend, and choose what to cluster by where nobody said.

    Both columns where both matter and the interval is the sandwich; else the one of the wider intervals.
    A posterior takes votes for independent, and nothing is clustered without intervals.

    Returns:
        What was measured, the covariances of the result if it has some, and the settings.
    """
    auto, posterior = settings.cluster == "auto", settings.interval == "posterior"
    known = None if isinstance(votes, ScoreTable) else covariances_of(votes, result)
    own = known if known is not None and known.fit is result else None
    if isinstance(votes, ScoreTable) or known is None or settings.interval == "none":
        return None, own, replace(settings, cluster=None) if auto else settings
    dependence = measure_dependence(votes, known, settings.level)
    if auto:
        several = settings.interval == "sandwich" and not settings.control
        chosen = dependence.wider if several else dependence.wider[:1]
        in_order = tuple(by for by in votes.cluster_columns if by in chosen)
        settings = replace(settings, cluster=None if posterior or not chosen else ",".join(in_order))
    return dependence, own, settings


def _run(how: Method, votes: Comparisons | ScoreTable, options: Mapping[str, Any]) -> Scores | Choice:
    """Run a method.

    Raises:
        MethodError: it returns something else than a score for every model, or a choice.
    """
    result = how.function(how.view_of(votes), **options)
    if not isinstance(result, Scores | Choice):
        raise MethodError(f"{how.name} must return Scores, a Fit or a Choice, not a {type(result).__name__}.")
    if isinstance(result, Scores) and np.shape(result.values) != (len(votes.models),):
        raise MethodError(
            f"{how.name} returned scores of shape {np.shape(result.values)} for {len(votes.models)} models."
        )
    return result


def _tie(result: Scores | Choice, values: FloatArray) -> float:
    """How far apart values of one rank may lie: the solvers' tolerance, or rounding in their own unit."""
    if isinstance(result, Fit) or (
        isinstance(result, Scores) and result.scale in ("log_odds", "probit", "elo")
    ):
        return 1e-8
    known = values[np.isfinite(values)]
    return 1e-9 * float(np.ptp(known)) + 1e-11 * float(np.abs(known).max()) if len(known) else 0.0


def _waiting(
    every: Comparisons | ScoreTable,
    how: Method,
    options: Mapping[str, Any],
    settings: Settings,
    ranked: tuple[tuple[str, ...], FloatArray],
) -> tuple[Row, ...]:
    """The rows of the models with too few votes; a fit of all votes says where they may be.

    Args:
        ranked: names and scores of the models that stand, on whose scale the scores are given.
    """
    names, values = ranked
    others = [name for name in every.models if name not in set(names)]
    found: dict[str, tuple[float, float, float]] = {}
    if settings.interval != "bootstrap":
        result = _run(how, every, options)
        if isinstance(result, Fit):
            eligibility = Eligibility.of(every, result, options.get("both_bad", "half"))
            all_values, unsure = estimate(every, how, result, options, settings, eligibility)
            place = {name: i for i, name in enumerate(every.models)}
            at = np.array([place[name] for name in names])
            linked = np.isfinite(all_values[at]) & np.isfinite(values) & (eligibility.board[at] == 0)
            move = float(np.mean((values - all_values[at])[linked])) if linked.any() else np.nan
            move = 0.0 if result.scale == "share" else move
            for name in others:
                i = place[name]
                if eligibility.board[i] == 0:
                    score, low, high = (float(v[i]) + move for v in (all_values, unsure.lower, unsure.upper))
                    found[name] = score, low, high
    number = dict(zip(every.models, every.ballots.votes.tolist(), strict=True))
    return waiting_rows(others, found, number)


def _described(
    votes: Comparisons | ScoreTable, options: Mapping[str, Any], settings: Settings, scale: str
) -> dict[str, Any]:
    """Every option and setting, and what the votes are, as the board carries them."""
    return {
        **{name: getattr(settings, name) for name in Settings.__dataclass_fields__},
        **options,
        "scale": scale,
        **({"tasks": votes.directed} if isinstance(votes, ScoreTable) else {}),
        "votes": votes.ballots.total,
        "effective_votes": effective_votes(votes.ballots),
        "both_bad_votes": both_bad_votes(votes),
        "left_out": dict(votes.left_out),
        "version": VERSION,
    }


def _fingerprint(votes: Comparisons | ScoreTable, how: Method, described: Mapping[str, Any]) -> str:
    """SHA-256 of settings, version and the ballots' columns and counts (or of the scores)."""
    digest = hashlib.sha256()
    head = {"models": votes.models, "method": how.name, "settings": described}
    if isinstance(votes, ScoreTable):
        head["table"] = votes.described()
    digest.update(json.dumps(head, sort_keys=True, default=str).encode())
    columns = [votes.values, votes.weights, votes.count] if isinstance(votes, ScoreTable) else _columns(votes)
    if isinstance(votes, Comparisons) and how.in_order(votes, described):
        columns.append(votes.battles.sequence.astype(np.int32))
        if how.by_time and votes.battles.times is not None:
            columns.append(votes.battles.times)
    if isinstance(votes, Comparisons) and how.view == "contexts":
        columns += [votes.contexts.pair.astype(np.int32), *votes.contexts.features, votes.contexts.scale]
    return _digest(columns, digest)


def _columns(votes: Comparisons) -> list[Any]:
    """The columns of the distinct ballots."""
    given = votes.ballots
    small = (column.astype(np.int32) for column in (given.shown, given.places, given.acceptable))
    return [*small, given.p_a, given.weight, given.count, *([] if given.grade is None else [given.grade])]


def _digest(columns: Sequence[Any], digest: Any = None) -> str:
    """SHA-256 of columns, after what went into `digest` before."""
    digest = hashlib.sha256() if digest is None else digest
    for column in columns:
        digest.update(f"{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)
    return str(digest.hexdigest())
