"""Fits an `OutcomeModel` to counts, component by component, with what its intervals need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agon.ranking.estimation.comparison_graph import bounded_with_ties, identify
from agon.ranking.estimation.newton import inverse, maximise
from agon.ranking.estimation.separation import check_prior, place_outside, placement_notes
from agon.ranking.methods.likelihood.component_fit import loose_notes
from agon.ranking.methods.likelihood.multinomial import OutcomeCounts, OutcomeModel, Point
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Diagnostic, EstimatingEquation, Fit, Identification, OutcomeParameter
from agon.ranking.votes.ballots import PairRows
from agon.ranking.votes.pair_counts import BothBad, PairCounts

SYMBOLS = {"nu": "ν", "tie": "φ", "bad": "g"}
LOWEST = {"nu": 0.0, "tie": 1.0, "bad": 0.0}  # the parameter is this plus e to its logarithm
Solver = Callable[[OutcomeCounts], tuple[FloatArray, Mapping[str, float], int]]


def fitted(
    model: OutcomeModel,
    pairs: PairCounts,
    both_bad: BothBad | None,
    prior_sd: float,
    solve: Solver | None = None,
) -> Fit:
    """Fit each component that the votes determine, and place the models outside.

    Args:
        model: what may happen between two models.
        pairs: the votes.
        both_bad: "half" for a tie, "drop" for nothing, None for an outcome of the model's own.
        prior_sd: of the prior that places models outside, nats.
        solve: gives strengths, further parameters in logs and the steps taken; None for Newton's method.
    """
    check_prior(model.name, prior_sd)
    ties = pairs.ties + pairs.both_bad if both_bad == "half" else pairs.ties
    known, loose = _identified(pairs.wins, ties)
    counts = OutcomeCounts.of(pairs, both_bad)
    m = len(ties)
    theta, map_covariance, information = np.zeros(m), np.zeros((m, m)), np.zeros((m, m))
    bread, parts, rows = np.zeros((m, m)), [], []
    notes = _notes(pairs.models, known, loose, prior_sd)
    for g in range(int(known.group.max(initial=-1)) + 1):
        core = np.flatnonzero(known.core & (known.group == g))
        outside = np.flatnonzero(~known.core & (known.group == g))
        members = np.concatenate([core, outside])
        among = counts.within(members)
        part = _Part.of(model, counts.within(core), solve) if len(core) else _Part.unknown(model, among)
        theta[core] = part.theta
        further = len(part.inverse) - len(core)
        column = [*core, *range(bread.shape[1], bread.shape[1] + further)]
        bread = np.hstack([bread, np.zeros((m, further))])
        bread[np.ix_(core, column)] = part.inverse[: len(core)]
        information[np.ix_(core, core)] = part.information
        rows.append((column, part.inverse[len(core) :]))
        if len(outside):
            inside, local = np.arange(len(core)), theta[members]
            shapes = {**part.shapes, **{n: x for n, x in among.guess(model).items() if n not in part.shapes}}
            own, slope = place_outside(
                lambda x, among=among, shapes=shapes: among.curvature(model, x, shapes),  # type: ignore[misc]
                local,
                np.arange(len(core), len(members)),
                prior_sd,
                model.name,
            )
            theta[outside] = local[len(core) :]
            map_covariance[np.ix_(outside, outside)] = own
            by = np.hstack([slope[:, inside], slope[:, len(members) :]])
            bread[np.ix_(outside, column)] = by[:, : len(column)] @ part.inverse
        parts.append(part)
    first = parts[0].shapes if parts else {}
    rest = np.zeros((bread.shape[1] - m, bread.shape[1]))
    begin = 0
    for column, block in rows:
        rest[begin : begin + len(block), column] = block
        begin += len(block)
    largest = np.flatnonzero(known.core & (known.group == 0))
    return Fit(
        theta,
        "log_odds",
        outcome_parameters=_parameters(model, counts.within(largest), parts[0]) if len(largest) else (),
        parameters={SYMBOLS[n]: LOWEST[n] + float(np.exp(first.get(n, -np.inf))) for n in model.shapes},
        uncertainty=EstimatingEquation(
            bread,
            _vote_scores(model, theta, known, parts, both_bad),
            _vote_roots(model, theta, known, parts, both_bad),
            further=rest,
            map_covariance=map_covariance,
            information=information,
        ),
        identification=known,
        iterations=max((part.steps for part in parts), default=0),
        residual=max((part.residual for part in parts), default=0.0),
        notes=tuple(notes),
    )


def _identified(wins: FloatArray, ties: FloatArray) -> tuple[Identification, IntArray]:
    """Components, and the models whose component does not bound strengths and ties together."""
    known = identify(wins + 0.5 * ties)
    loose = np.zeros(len(wins), dtype=bool)
    for g in np.unique(known.group):
        core = np.flatnonzero(known.core & (known.group == g))
        inside = np.ix_(core, core)
        if len(core) and not bounded_with_ties(wins[inside], ties[inside]):
            loose |= known.group == g
    unbounded = (known.open_above | loose, known.open_below | loose)
    return Identification(known.group, known.core & ~loose, *unbounded), np.flatnonzero(loose)


@dataclass(frozen=True, eq=False)
class _Part:
    """One component fitted: (C,) strengths, further parameters in logs, (C + E, C + E) inverse Hessian."""

    theta: FloatArray
    shapes: Mapping[str, float]
    inverse: FloatArray
    information: FloatArray
    steps: int = 0
    residual: float = 0.0

    @classmethod
    def of(cls, model: OutcomeModel, counts: OutcomeCounts, solve: Solver | None = None) -> _Part:
        """Fit a component that the votes determine."""
        if solve is not None:
            theta, shapes, steps = solve(counts)
            _, gradient, hessian = counts.curvature(model, theta, shapes)
            return cls._made(theta, shapes, hessian, gradient, steps, counts)
        c, start = counts.n_models, counts.guess(model)
        names = list(start)

        def curvature(x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
            return counts.curvature(model, x[:c], dict(zip(names, x[c:].tolist(), strict=True)))

        found = maximise(curvature, np.array([*_guess(counts), *start.values()]), model.name, free=c)
        shapes = dict(zip(names, found.x[c:].tolist(), strict=True))
        return cls._made(found.x[:c], shapes, found.hessian, found.gradient, found.steps, counts)

    @classmethod
    def _made(
        cls,
        theta: FloatArray,
        shapes: Mapping[str, float],
        hessian: FloatArray,
        gradient: FloatArray,
        steps: int,
        counts: OutcomeCounts,
    ) -> _Part:
        c = counts.n_models
        total = sum(float(number.sum()) for number in counts.counts.values())
        coupling = np.maximum(-hessian[:c, :c], 0.0)
        np.fill_diagonal(coupling, 0.0)
        residual = float(np.abs(gradient).max() / total)
        return cls(theta, shapes, inverse(hessian, c), coupling, steps, residual)

    @classmethod
    def unknown(cls, model: OutcomeModel, counts: OutcomeCounts) -> _Part:
        """Take for a group without a core the further parameters of equal strengths."""
        return cls(np.zeros(0), counts.guess(model), np.zeros((0, 0)), np.zeros((0, 0)))


def _guess(counts: OutcomeCounts) -> FloatArray:
    """(C,) log-odds of having won, ties half, half a vote added to each side."""
    half = 0.5 * (counts.counts["tie"] + counts.counts["both_bad"])
    c, win, loss = counts.n_models, counts.counts["win"] + half, counts.counts["loss"] + half
    won = np.bincount(counts.first, win, c) + np.bincount(counts.second, loss, c)
    lost = np.bincount(counts.first, loss, c) + np.bincount(counts.second, win, c)
    return np.asarray(np.log((won + 0.5) / (lost + 0.5)))


def _vote_scores(
    model: OutcomeModel,
    theta: FloatArray,
    known: Identification,
    parts: list[_Part],
    both_bad: BothBad | None,
) -> Callable[[PairRows], tuple[FloatArray, ...]]:
    """Give the function from pairs in votes to derivatives of their log-likelihood."""

    def vote_scores(rows: PairRows) -> tuple[FloatArray, ...]:
        point, fitted_pair = _points(model, theta, known, parts, rows)
        shares = {"win": rows.win, "loss": rows.loss, "tie": rows.tie}
        if both_bad == "half":
            shares["tie"] = rows.tie + rows.both_bad
        elif both_bad is None:
            shares["both_bad"] = rows.both_bad
        slope = sum(share * model.slopes(name, point) for name, share in shares.items())
        return tuple(_by_part(np.where(fitted_pair, slope, 0.0), model, known, parts, rows))

    return vote_scores


def _vote_roots(
    model: OutcomeModel,
    theta: FloatArray,
    known: Identification,
    parts: list[_Part],
    both_bad: BothBad | None,
) -> Callable[[PairRows], FloatArray]:
    """Give the function from pairs in votes to roots of their expected information: √P · slope by outcome."""

    def vote_roots(rows: PairRows) -> FloatArray:
        point, fitted_pair = _points(model, theta, known, parts, rows)
        counted = rows.win + rows.loss + rows.tie + (0.0 if both_bad == "drop" else rows.both_bad)
        share = np.sqrt(np.where(fitted_pair, counted, 0.0))
        with np.errstate(invalid="ignore"):  # outcomes that were never seen have no chance
            roots = [
                np.nan_to_num(share * np.exp(0.5 * model.log_chance(name, point)) * model.slopes(name, point))
                for name in model.outcomes
            ]
        return np.stack([np.stack(_by_part(root, model, known, parts, rows)) for root in roots])

    return vote_roots


def _points(
    model: OutcomeModel, theta: FloatArray, known: Identification, parts: list[_Part], rows: PairRows
) -> tuple[Point, NDArray[np.bool_]]:
    """Where the model is evaluated for each pair, and (P,) whether the fit uses it."""
    i, j, group = rows.first, rows.second, known.group[rows.first]
    shapes = {
        name: np.array([part.shapes.get(name, -np.inf) for part in parts])[group] for name in model.shapes
    }
    used = known.core[i] & known.core[j] & (group == known.group[j])
    return Point(theta[i], theta[j], shapes), np.asarray(used)


def _by_part(
    slope: FloatArray, model: OutcomeModel, known: Identification, parts: list[_Part], rows: PairRows
) -> list[FloatArray]:
    """2 + E arrays (P,): by both strengths, and by the further parameters of each component."""
    group = known.group[rows.first]
    more = [
        np.where(group == g, slope[2 + list(model.shapes).index(name)], 0.0)
        for g, part in enumerate(parts)
        if len(part.theta)
        for name in part.shapes
    ]
    return [slope[0], slope[1], *more]


def _notes(
    models: tuple[str, ...], known: Identification, loose: IntArray, prior_sd: float
) -> list[Diagnostic]:
    """Say who was placed by a prior, and why."""
    up, down = known.open_above.copy(), known.open_below.copy()
    up[loose] = down[loose] = False
    notes = placement_notes(models, Identification(known.group, known.core, up, down), prior_sd)
    return [*notes, *loose_notes(models, loose, prior_sd)]


def _parameters(model: OutcomeModel, counts: OutcomeCounts, part: _Part) -> tuple[OutcomeParameter, ...]:
    """The further parameters of the largest component, which is fitted first."""
    return tuple(
        OutcomeParameter(
            SYMBOLS[name],
            outcome.replace("_", " "),
            LOWEST[name],
            part.shapes.get(name),
            list(part.shapes).index(name) if name in part.shapes else -1,
            partial(_largest, model, counts, part, name),
        )
        for name, outcome in model.shapes.items()
    )


def _largest(
    model: OutcomeModel, counts: OutcomeCounts, part: _Part, name: str, level: float, share: float
) -> float:
    """The parameter, without its lowest value, at which a share of the votes has a chance of 1 - level.

    That of none of them being its outcome; perhaps infinite.
    """
    from scipy.optimize import brentq

    total = share * np.sum(list(counts.counts.values()), axis=0)

    def surplus(x: float) -> float:
        point = counts.point(part.theta, {**part.shapes, name: x})
        chance = np.exp(model.log_chance(model.shapes[name], point))
        return float((total * np.log1p(-np.minimum(chance, 1 - 1e-15))).sum() - np.log1p(-level))

    low, high = float(part.theta.min()) - 60, float(part.theta.max()) + 60
    return float(np.exp(brentq(surplus, low, high, xtol=1e-6))) if surplus(high) < 0 else np.inf
