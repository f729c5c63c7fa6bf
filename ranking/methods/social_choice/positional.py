"""Positional rules: points by place. Plurality, veto, k-approval, Borda, Dowdall, any vector.

All take two options. `ties` says what models tied on a ballot get: "share" the mean of the points of
the places they cover, "best" or "worst" those of the best or worst such place, "published" what the
code of Vote'n'Rank (Rofin et al., EACL 2023) does: the worst for all rules but Dowdall, the best there.
`missing` says what a gap is (a model that the ballot does not show): "refuse" it, put it "worst", count
it as the model's own "average", or "drop_task": leave that ballot out; Borda also has "partial_borda".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.methods.social_choice.rank_positions import (
    Missing,
    Ties,
    position_ballots,
    positional,
    tie_points,
)
from agon.ranking.numerics import FloatArray
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Choice, Scores
from agon.ranking.votes.ballots import Ballots


def _points(scores: Scores | Choice) -> ResampledScores | None:
    """What a rule here gives for `ResampledBallots`: points are sums over ballots, so (R, M) at once."""
    return ResampledScores(scores.values) if isinstance(scores, Scores) else None


@method(
    "plurality",
    source="first past the post; Vote'n'Rank (Rofin et al. 2023)",
    batch=lambda drawn, _, **options: _points(plurality(drawn, **options)),
    axioms="majority, pareto, monotonicity, participation, reinforcement",
)
def plurality(ballots: Ballots, *, ties: Ties = "share", missing: Missing = "refuse") -> Scores:
    """A point for every first place.

    Score: Σ w · [placed first]. Published ties: tied firsts give nobody the point.

    Args:
        ties, missing: see the module.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.
    """
    return Scores(positional(ballots, "plurality", lambda n: _first(n, 1), _ties(ties), missing))


@method(
    "veto",
    source="anti-plurality; Young (1975) for its class",
    batch=lambda drawn, _, **options: _points(veto(drawn, **options)),
    axioms="monotonicity, participation, reinforcement",
)
def veto(ballots: Ballots, *, ties: Ties = "share", missing: Missing = "refuse") -> Scores:
    """A point for every place but the last.

    Score: Σ w · [not placed last]. Ties: those tied for last share the one lost point, or by "worst"
    each loses it, or by "best" nobody does.

    Args:
        ties, missing: see the module.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.
    """
    return Scores(positional(ballots, "veto", lambda n: _first(n, n - 1), _ties(ties), missing))


@method(
    "approval_k",
    source="k-approval; Vote'n'Rank (Rofin et al. 2023)",
    batch=lambda drawn, _, **options: _points(approval_k(drawn, **options)),
    axioms="monotonicity, participation, reinforcement",
)
def approval_k(ballots: Ballots, *, k: int = 2, ties: Ties = "share", missing: Missing = "refuse") -> Scores:
    """A point for every place among the first k.

    Score: Σ w · [place ≤ k]. Published ties: a tie that reaches beyond place k gives no point.

    Args:
        k: how many places get a point, from 1 to one less than the number of models.
        ties, missing: see the module.

    Raises:
        OptionError: k outside its range.
        VotesError: a gap under missing="refuse", a model on no ballot.
    """
    m = len(ballots.models)
    if not 1 <= k < m:
        raise OptionError(f"approval_k: k must lie between 1 and {m - 1} for {m} models, not {k!r}.")
    return Scores(positional(ballots, "approval_k", lambda n: _first(n, k), _ties(ties), missing))


@method(
    "borda",
    source="Borda (1781); partial ballots: Cullinan, Hsiao and Polett (2014)",
    batch=lambda drawn, _, **options: _points(borda(drawn, **options)),
    axioms="condorcet_loser, pareto, monotonicity, participation, reinforcement, reversal",
)
def borda(
    ballots: Ballots,
    *,
    ties: Ties = "share",
    missing: Literal["refuse", "worst", "average", "drop_task", "partial_borda"] = "refuse",
) -> Scores:
    """A point for every model beaten on every ballot.

    Score: Σ w · (n − place). Published ties: a tie gives neither side a point.

    Args:
        ties: see the module.
        missing: see the module; "partial_borda" counts every pair that a ballot cannot compare as half a
            point for both sides, which keeps the sum of points of every ballot the same.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        J.-C. de Borda, Mémoire sur les élections au scrutin (1781); J. Cullinan, S. Hsiao and D. Polett,
        A Borda count for partially ordered ballots, Social Choice and Welfare 42 (2014).
    """
    if missing == "partial_borda":
        return Scores(_partial_borda(ballots, _ties(ties)))
    return Scores(positional(ballots, "borda", _descending, _ties(ties), missing))


@method(
    "dowdall",
    source="Dowdall (Nauru, 1971); Vote'n'Rank (Rofin et al. 2023)",
    batch=lambda drawn, _, **options: _points(dowdall(drawn, **options)),
    axioms="pareto, monotonicity, participation, reinforcement",
)
def dowdall(ballots: Ballots, *, ties: Ties = "share", missing: Missing = "refuse") -> Scores:
    """A point for a first place, half for a second, a third for a third.

    Score: Σ w / place. Published ties: all take the best place of the tie.

    Args:
        ties, missing: see the module.

    Raises:
        VotesError: a gap under missing="refuse", a model on no ballot.
    """
    chosen: Ties = "best" if ties == "published" else ties
    return Scores(positional(ballots, "dowdall", lambda n: 1.0 / np.arange(1, n + 1), chosen, missing))


@method(
    "scoring_vector",
    source="Young (1975)",
    batch=lambda drawn, _, **options: _points(scoring_vector(drawn, **options)),
    axioms="monotonicity, participation, reinforcement",
)
def scoring_vector(
    ballots: Ballots,
    *,
    points: Sequence[float] = (3.0, 2.0, 1.0),
    ties: Ties = "share",
    missing: Missing = "refuse",
) -> Scores:
    """Points of your own for each place.

    Args:
        points: of the first place, the second and so on, never rising; places beyond the list get 0.
        ties, missing: see the module.

    Raises:
        OptionError: no points, points that rise, more points than models, all places alike.
        VotesError: a gap under missing="refuse", a model on no ballot.

    Source:
        H. P. Young, Social choice scoring functions, SIAM Journal on Applied Mathematics 28 (1975).
    """
    vector = _given(points, len(ballots.models))
    return Scores(positional(ballots, "scoring_vector", lambda n: vector[:n], _ties(ties), missing))


def _given(points: Sequence[float], n_models: int) -> FloatArray:
    """(M,) the points, with zeros for the places beyond the list."""
    try:
        given = np.array(points, dtype=np.float64, ndmin=1)
    except (TypeError, ValueError):
        given = np.array([np.nan])
    if not np.isfinite(given).all() or not len(given):
        raise OptionError(f"scoring_vector: points must be finite numbers, one a place, not {points!r}.")
    if len(given) > n_models:
        raise OptionError(
            f"scoring_vector: {len(given)} points for {n_models} models; give at most one each."
        )
    vector: FloatArray = np.concatenate([given, np.zeros(n_models - len(given))])
    if np.any(np.diff(vector) > 0) or vector[0] == vector[-1]:
        raise OptionError(
            "scoring_vector: points must not rise and must fall somewhere (places beyond the list get 0)."
        )
    return vector


def _partial_borda(ballots: Ballots, ties: Ties) -> FloatArray:
    """(M,) Borda points in which a pair that a ballot cannot compare is half a point for both."""
    cast = position_ballots(ballots, "borda", "partial_borda")
    n_models = len(cast.models)
    size = cast.size[:, None]
    places = (np.minimum(cast.best, size), np.minimum(cast.worst, size))
    below = tie_points(_descending(n_models), *places, ties) - (n_models - size)
    alone = (n_models - 1) / 2
    return alone * cast.total + cast.sums(below + (n_models - size) / 2 - alone)


def _first(n: int, k: int) -> FloatArray:
    return (np.arange(n) < k).astype(np.float64)


def _descending(n: int) -> FloatArray:
    return np.arange(n - 1, -1, -1, dtype=np.float64)


def _ties(ties: Ties) -> Ties:
    """What the published code does with ties, for all rules but Dowdall."""
    return "worst" if ties == "published" else ties
