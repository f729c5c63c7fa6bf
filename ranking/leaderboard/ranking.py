"""From votes to boards: `rank` runs one method, `rank_all` several."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import MethodError, OptionError, SourceError, nearest
from agon.ranking.leaderboard.eligibility import Eligibility
from agon.ranking.leaderboard.estimates import coefficients, estimate, interval_of, scale_of
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.leaderboard.notes import (
    both_bad_votes,
    diagnose,
    effective_votes,
    spread_notes,
    weight_notes,
)
from agon.ranking.leaderboard.row import rows
from agon.ranking.numerics import threads_for
from agon.ranking.registry import Method, Rule, find
from agon.ranking.results import Choice, Fit, Scores
from agon.ranking.settings import Settings
from agon.ranking.version import VERSION
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons
from agon.ranking.votes.score_table import ScoreTable

RANK_METHODS: Mapping[str, Any] = {
    "sandwich": "differences",
    "posterior": "differences",
    "bootstrap": "bootstrap",
    "none": "none",
}
LARGE = 1 << 22  # bytes; to hash more than these, threads pay


def rank(
    votes: Votes,
    method: str | Rule | Method = "bradley_terry",
    *,
    by: str | None = None,
    **options: Any,
) -> Leaderboard:
    """Rank the models of a set of votes by one method.

    Args:
        votes: `Comparisons` (from `data.comparisons`), a `ScoreTable` (min_votes does not apply: its
            `votes` are the tasks with a score), or `Ballots` or `PairCounts` made by hand.
        method: a name in `METHODS`, or your own function whose first parameter is annotated with a view.
        by: column whose values are one ballot each (`Comparisons.one_ballot_each`): the rule is applied to
            categories, prompts or voters instead of votes, and the bootstrap draws these. min_votes does
            not apply then.
        options: fields of `Settings` (interval, level, n_resamples, seed, cluster, simultaneous, min_votes,
            control, anchor, anchor_score, scale) and the method's own options.

    Raises:
        MethodError: no such method, or one that returns something else than a score for every model.
        OptionError: no such option, or a value outside its range.
        SourceError: no votes, or no column to cluster by.
        ConvergenceError: the method did not converge.
    """
    how = find(method)
    if options.get("control") and how.name == "bradley_terry":
        how = find("contextual_bradley_terry")
    if "rounds" in options:
        warnings.warn("rounds is called n_resamples now.", DeprecationWarning, stacklevel=2)
        options["n_resamples"] = options.pop("rounds")
    common = {name: options.pop(name) for name in list(options) if name in Settings.__dataclass_fields__}
    if "seed" in common and "seed" in how.options:
        options.setdefault("seed", common["seed"])
    for name in options:
        if name not in how.options:
            known = {*how.options, *Settings.__dataclass_fields__}
            raise OptionError(f"{how.name} has no option {name!r}; {nearest(name, known)}")
    given, chosen, settings = as_comparisons(votes), how.settings(options), Settings(**common)
    if by is not None:
        if isinstance(given, ScoreTable):
            raise OptionError(
                f"by={by!r} makes ballots of votes; a score table has one for each task already."
            )
        given, settings = given.one_ballot_each(by), replace(settings, min_votes=0)
    if settings.reweight != "none":
        given = _reweighted(given, settings)
    if settings.control:
        given = _controlled(given, how, settings)
    with threads_for(len(given.models)):
        return _board(given, how, chosen, settings)


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
    methods: Sequence[str | Rule | Method],
    *,
    by: str | None = None,
    **options: Any,
) -> list[Leaderboard]:
    """Rank the same votes by several methods, and each group of votes by itself.

    Args:
        votes: as for `rank`.
        methods: names or functions.
        by: column whose values cut the votes into groups, each with boards of its own.
        options: fields of `Settings`; they go to every method.

    Returns:
        One board for each group and method, the groups in the order of their values.

    Raises:
        As `rank`; SourceError if there is no such column.
    """
    given = as_comparisons(votes)
    groups = [(None, given)] if by is None else [({by: value}, part) for value, part in given.split(by)]
    return [replace(rank(part, how, **options), by=group) for group, part in groups for how in methods]


def _board(
    votes: Comparisons | ScoreTable, how: Method, options: Mapping[str, Any], settings: Settings
) -> Leaderboard:
    """Run the method, measure its uncertainty, decide who may be ranked, write the rows."""
    if not votes.ballots.total:
        raise SourceError("There are no votes to rank: none came in, or all were left out.")
    result = how.function(how.view_of(votes), **options)
    if isinstance(votes, ScoreTable):
        settings = replace(settings, min_votes=0)
    if not isinstance(result, Scores | Choice):
        raise MethodError(f"{how.name} must return Scores, a Fit or a Choice, not a {type(result).__name__}.")
    if isinstance(result, Scores) and np.shape(result.values) != (len(votes.models),):
        raise MethodError(
            f"{how.name} returned scores of shape {np.shape(result.values)} for {len(votes.models)} models."
        )
    settings = replace(settings, interval=interval_of(how, result, settings.interval))
    eligibility = Eligibility.of(votes, result, settings.min_votes, options.get("both_bad", "half"))
    values, unsure = estimate(votes, how, result, options, settings, eligibility)
    factor, _, scale = scale_of(result, settings)
    described = _described(votes, options, settings, scale)
    shown = values
    if isinstance(result, Choice):
        shown = np.full(len(values), np.nan) if result.lottery is None else result.lottery
        everywhere = np.ones(len(values), dtype=bool)
        unsure = unsure.opened(everywhere, everywhere)  # the replicates are tiers, not scores
    fingerprint = _fingerprint(votes, how, described)
    boards = [
        Leaderboard(
            rows=rows(
                votes.models,
                group,
                eligibility,
                values,
                shown,
                unsure,
                measured=settings.interval != "none",
                seed=settings.seed,
            ),
            method=how.name,
            settings=described,
            level=settings.level,
            rank_method=RANK_METHODS[settings.interval],
            diagnostics=(
                *(weight_notes(votes.ballots, settings.reweight) if group == 0 else ()),
                *(spread_notes(votes.models, result, factor) if group == 0 else ()),
                *diagnose(votes, result, eligibility, settings, group),
            ),
            fingerprint=fingerprint,
            by={"component": group + 1} if group else None,
            coefficients=coefficients(result, settings, unsure.df) if isinstance(result, Fit) else (),
            uncertainty=unsure,
            models=votes.models,
        )
        for group in range(eligibility.groups)
    ]
    return replace(boards[0], components=tuple(boards[1:]))


def _described(
    votes: Comparisons | ScoreTable, options: Mapping[str, Any], settings: Settings, scale: str
) -> dict[str, Any]:
    """Every option and setting, and what the votes are, as the board carries them."""
    return {
        **{name: getattr(settings, name) for name in Settings.__dataclass_fields__},
        **options,
        "scale": scale,
        "votes": votes.ballots.total,
        "effective_votes": effective_votes(votes.ballots),
        "both_bad_votes": both_bad_votes(votes),
        "left_out": dict(votes.left_out),
        "version": VERSION,
    }


def _fingerprint(votes: Comparisons | ScoreTable, how: Method, described: Mapping[str, Any]) -> str:
    """SHA-256 of settings, version and the hashes of the ballots' columns and counts (or of the scores)."""
    digest = hashlib.sha256()
    head = {"models": votes.models, "method": how.name, "settings": described}
    if isinstance(votes, ScoreTable):
        head["table"] = votes.described()
    digest.update(json.dumps(head, sort_keys=True, default=str).encode())
    columns: list[Any]
    if isinstance(votes, ScoreTable):
        columns = [votes.values, votes.weights, votes.count]
    else:
        given = votes.ballots
        small = (column.astype(np.int32) for column in (given.shown, given.places, given.acceptable))
        columns = [*small, given.p_a, given.weight, given.count]
    if isinstance(votes, Comparisons) and how.in_order(votes, described):
        columns.append(votes.battles.sequence.astype(np.int32))
    if isinstance(votes, Comparisons) and how.view == "contexts":
        columns += [votes.contexts.pair.astype(np.int32), *votes.contexts.features, votes.contexts.scale]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        large = sum(column.nbytes for column in columns) > LARGE
        for found in (pool.map if large else map)(_digest, columns):
            digest.update(found)
    return digest.hexdigest()


def _digest(column: NDArray[Any]) -> bytes:
    digest = hashlib.sha256(f"{column.dtype.str}{column.shape}".encode())
    digest.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)
    return digest.digest()
