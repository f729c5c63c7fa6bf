"""Maximum likelihood on ballots, component by component, with what its intervals need.

A likelihood says what it is of some of the models; here the components are fitted one by one, models outside
are placed by a prior and move nobody, and the parts become one `Fit`. `multinomial_fit` does the same for
models that need only counts of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from agon.ranking.estimation.newton import inverse, maximise
from agon.ranking.estimation.separation import check_prior, place_outside, placement_notes
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.results import Diagnostic, EstimatingEquation, Fit, Identification
from agon.ranking.text import Sentence
from agon.ranking.votes.ballots import Ballots

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class BallotLikelihood(Protocol):
    """The log-likelihood of ballots cut down to C models, with E further parameters.

    Attributes:
        further: their E names.
    """

    @property
    def further(self) -> Sequence[str]:
        """Names of the further parameters."""

    def guess(self) -> FloatArray:
        """(C + E,) parameters to start from."""

    def bounded(self) -> bool:
        """Whether the votes bound all parameters together."""

    def curvature(self, x: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient (C + E,) and minus the Hessian at (C + E,) parameters."""

    def scores(self, x: FloatArray) -> csr_array[Any]:
        """Sparse (B, C + E) derivative of each ballot's log-likelihood."""

    def roots(self, x: FloatArray) -> tuple[IntArray, csr_array[Any]]:
        """(K,) the ballot of each root of the information, and the roots, sparse (K, C + E)."""


# Makes the likelihood of ballots cut down to some models; of models around a component with the parameters of
# its likelihood, which is given then.
Make = Callable[[IntArray, Any], BallotLikelihood]


@dataclass(frozen=True, eq=False)
class ComponentFit:
    """What was fitted to all components: a `Fit` without its notes, and what these need.

    Attributes:
        fit: the strengths, with all that intervals need.
        further: the further parameters of the largest component.
    """

    fit: Fit
    further: Mapping[str, float]


def fit_components(
    name: str, ballots: Ballots, known: Identification, make: Make, prior_sd: float
) -> ComponentFit:
    """Fit each component that the votes determine, and place the models outside.

    Args:
        name: of the method.
        ballots: the votes.
        known: components of the win graph, ties counting both ways.
        make: makes the likelihood of some of the models.
        prior_sd: of the prior that places models outside, nats.

    Raises:
        OptionError: `prior_sd` outside its range; ConvergenceError: no solution.
    """
    check_prior(name, prior_sd)
    m = len(ballots.models)
    theta, bread, parts, loose = np.zeros(m), np.zeros((m, m)), [], np.zeros(m, dtype=bool)
    map_covariance, information = np.zeros((m, m)), np.zeros((m, m))
    first: dict[str, float] = {}
    steps, residual = 0, 0.0
    for g in range(int(known.group.max(initial=-1)) + 1):
        inside = np.flatnonzero(known.group == g)
        core = inside[known.core[inside]]
        part = make(core, None)
        if len(core) and not part.bounded():
            loose[inside] = True
            core = core[:0]
        outside, c, shapes = np.setdiff1d(inside, core), len(core), dict[str, float]()
        if c:
            found = maximise(part.curvature, part.guess(), name, free=c)
            theta[core], shapes = found.x[:c], dict(zip(part.further, found.x[c:].tolist(), strict=True))
            own = inverse(found.hessian, c)
            columns = np.array([*core, *range(bread.shape[1], bread.shape[1] + len(shapes))])
            bread = np.hstack([bread, np.zeros((m, len(shapes)))])
            bread[np.ix_(core, columns)] = own[:c]
            coupling = np.maximum(np.diag(found.hessian.diagonal()) - found.hessian, 0.0)[:c, :c]
            information[np.ix_(core, core)] = coupling
            steps = max(steps, found.steps)
            residual = max(residual, float(np.abs(found.gradient).max()) / ballots.total)
            parts.append((part, found.x, columns))
            first = first or shapes
        if len(outside):
            among = make(inside, part if c else None)
            start = among.guess()[len(inside) :]
            more = np.array([shapes.get(k, x) for k, x in zip(among.further, start, strict=True)])
            local, last = theta[inside], np.searchsorted(inside, outside)
            covariance, slope = place_outside(
                lambda x, among=among, more=more: among.curvature(np.append(x, more)),  # type: ignore[misc]
                local,
                last,
                prior_sd,
                name,
            )
            theta[outside] = local[last]
            map_covariance[np.ix_(outside, outside)] = covariance
            if c:
                at = [len(inside) + list(among.further).index(k) for k in shapes]
                held = [*np.searchsorted(inside, core), *at]
                bread[np.ix_(outside, columns)] = slope[:, held] @ own
    width = bread.shape[1]

    def ballot_scores(given: Ballots) -> csr_array[Any]:
        from scipy.sparse import csr_array

        none: csr_array[Any] = csr_array((len(given.count), width))
        return sum((_spread(part.scores(x), columns, width) for part, x, columns in parts), none)

    def ballot_roots(given: Ballots) -> tuple[IntArray, csr_array[Any]]:
        from scipy.sparse import vstack

        found = [(*part.roots(x), columns) for part, x, columns in parts]
        if not found:
            return np.zeros(0, np.int64), ballot_scores(given)[:0]
        several = [_spread(roots, columns, width) for _, roots, columns in found]
        return np.concatenate([row for row, *_ in found]), vstack(several).tocsr()

    open_above, open_below = known.open_above | loose, known.open_below | loose
    fit = Fit(
        theta,
        "log_odds",
        uncertainty=EstimatingEquation(
            bread,
            ballot_scores=ballot_scores,
            ballot_roots=ballot_roots,
            map_covariance=map_covariance,
            information=information,
        ),
        identification=Identification(known.group, known.core & ~loose, open_above, open_below),
        iterations=steps,
        residual=residual,
        notes=(
            *placement_notes(ballots.models, known, prior_sd),
            *loose_notes(ballots.models, np.flatnonzero(loose), prior_sd),
            *silent_votes(ballots),
        ),
    )
    return ComponentFit(fit, first)


def _spread(rows: csr_array[Any], columns: IntArray, width: int) -> csr_array[Any]:
    """Sparse (R, width): the columns of (R, C + E) put where they belong."""
    from scipy.sparse import csr_array

    given = rows.tocoo()
    row, column = given.coords
    found: csr_array[Any] = csr_array((given.data, (row, columns[column])), shape=(rows.shape[0], width))
    return found


def loose_notes(models: tuple[str, ...], loose: IntArray, prior_sd: float) -> tuple[Diagnostic, ...]:
    """Name the models whose component does not bound strengths and ties together."""
    if not len(loose):
        return ()
    message = (
        "Too few decisive votes link {models} to tell strong models from a voter who often ties: "
        f"no finite maximum likelihood; placed by a normal prior of {prior_sd:g} nat, provisional."
    )
    return (Diagnostic.of("loose_ties", tuple(models[i] for i in loose), message),)


def silent_votes(ballots: Ballots) -> tuple[Diagnostic, ...]:
    """Say how many votes order nothing."""
    ordered = np.zeros(len(ballots.count), dtype=bool)
    ordered[ballots.pair_rows.ballot] = True
    silent = int(ballots.count[~ordered].sum())
    said = Sentence(
        "{count} vote orders no two models and was left out.",
        "{count} votes order no two models and were left out.",
        count=silent,
    )
    return (Diagnostic("left_out_votes", (), said),) if silent else ()
