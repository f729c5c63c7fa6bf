"""Plackett-Luce strengths of votes on two or more models, by Newton's method on counts of choices.

A vote is a sequence of choices: the best of all shown, the best of the rest, and so on, each with the
chance w_i / Σ w of the set chosen from, w = e^θ. "Best of K" is the first choice only. With two models
it is Bradley-Terry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import ConvergenceError, OptionError
from agon.ranking.estimation.comparison_graph import identify
from agon.ranking.estimation.newton import Optimum, centred, full, inverse, inverse_root, maximise
from agon.ranking.estimation.separation import as_replicate, check_prior, place_outside, placement_notes
from agon.ranking.methods.likelihood.choice_counts import (
    Choices,
    TieTreatment,
    choice_chances,
    choice_curvature,
    restricted,
)
from agon.ranking.methods.likelihood.component_fit import silent_votes
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.registry import ResampledScores, method
from agon.ranking.results import Diagnostic, EstimatingEquation, Fit, Scores
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.pair_counts import BothBad, PairCounts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WEAKEST, STRONGEST = 0.02, 4.0  # precision of the prior, by empirical Bayes
_ROUNDS = 500
UNDAMPED = 20  # rounds before steps are halved
PRECISE = 1e-8  # of the logarithm of the precision
NEAR = 0.5  # logarithm of the precision within which the secant leads to it
_NAME = "plackett_luce"


def _score_resamples(
    views: Iterable[Ballots],
    scores: Scores,
    *,
    ties: TieTreatment = "average",
    precision: float | None = None,
    both_bad: BothBad = "half",
    prior_sd: float = 1.0,
) -> ResampledScores:
    """Fit resampled ballots with the precision that all votes gave; (R, M), infinite where unbounded."""
    if not isinstance(scores, Fit):
        raise TypeError("the batch needs the Fit of the full votes")
    known = scores.parameters.get("precision", precision)
    drawn = (
        plackett_luce(view, ties=ties, precision=known, both_bad=both_bad, prior_sd=prior_sd)
        for view in views
    )
    return ResampledScores(np.stack([as_replicate(fit, scores) for fit in drawn if isinstance(fit, Fit)]))


@method(
    "plackett_luce",
    source="Luce (1959); Plackett (1975); choice from sets: Turner et al. (2020)",
    batch=_score_resamples,
)
def plackett_luce(
    ballots: Ballots,
    *,
    ties: TieTreatment = "average",
    precision: float | None = None,
    both_bad: BothBad = "half",
    prior_sd: float = 1.0,
) -> Fit:
    """Strengths from pairwise and K-wise votes together, each vote a sequence of choices.

    The mode under a normal prior of the given precision on every strength, of zero mean. Statuses are
    those of `bradley_terry` on the pairs of the ballots, and so are models outside: placed afterwards,
    without moving anybody, from ballots cut down to the component, which a Plackett-Luce model allows.

    A prior pulls the mode towards the middle. So the sandwich has the mean square of that pull under the
    prior added, and both it and the posterior what the choice of the precision leaves open. The votes seem
    to agree better with strengths that were fitted to them: N votes that tell about γ directions count in the
    sandwich as N − γ.

    Args:
        ties: "average" takes the mean log-likelihood over all orders of tied models, which is half a win
            each for two; "breslow" chooses each of them from all of them, a fast approximation for
            ties of many.
        precision: of the prior, per square nat; 0 for maximum likelihood, None for the empirical Bayes
            choice M / (|θ|² + tr C), between 0.02 and 4.
        both_bad: "half" counts a "both bad" as a tie, "drop" takes unacceptable models that share the last
            place for unranked.
        prior_sd: standard deviation, in nats, of the prior that places models outside the component.

    Raises:
        ConvergenceError: no solution after 200 Newton steps, or no precision after 500 rounds.
        OptionError: a negative precision, `prior_sd` outside its range, more than ten models in a tie to
            average.

    Source:
        R. D. Luce, Individual Choice Behavior (1959); R. L. Plackett, Appl. Stat. 24 (1975); H. Turner et
        al., Comput. Stat. 35 (2020); N. Breslow, Biometrics 30 (1974) for ties; D. MacKay, Neural Comput. 4
        (1992) for the precision; G. Wahba, J. R. Stat. Soc. B 45 (1983) for the pull in the intervals; R.
        Kass and D. Steffey, J. Amer. Stat. Assoc. 84 (1989) for the precision in them; J. MacKinnon and H.
        White, J. Econometrics 29 (1985) for N/(N − γ), their HC1.
    """
    check_prior(_NAME, prior_sd)
    if precision is not None and not 0 <= precision < np.inf:
        raise OptionError(f"{_NAME}: precision must be a finite number of 0 or more, not {precision!r}.")
    known = identify(PairCounts.from_ballots(ballots).halves(both_bad))
    m = len(ballots.models)
    theta, bread, posterior = np.zeros(m), np.zeros((m, m)), np.zeros((m, m))
    map_covariance, information, strength, pull = np.zeros((m, m)), np.zeros((m, m)), np.zeros(m), np.zeros(m)
    steps, residual, parts = 0, 0.0, []
    for g in range(int(known.group.max(initial=-1)) + 1):
        inside = np.flatnonzero(known.group == g)
        core, outside = inside[known.core[inside]], inside[~known.core[inside]]
        within = np.ix_(core, core)
        if len(core):
            part = _Component.of(ballots, core, ties, both_bad)
            found, covariance, strength[core] = part.fit(precision)
            theta[core] = found.x
            if precision is None:
                pull[core] = strength[core] * found.x * _doubt(strength[core[0]], covariance)
            bread[within] = posterior[within] = covariance
            information[within] = np.maximum(np.diag(found.hessian.diagonal()) - found.hessian, 0)
            steps = max(steps, found.steps)
            residual = max(residual, float(np.abs(found.gradient).max()) / ballots.total)
            number = float(ballots.count[part.choices.uses.sum(axis=1) > 0].sum())
            parts.append((part, np.sqrt(number / max(number - _told(strength[core[0]], covariance), 1.0))))
        if len(outside):
            among = _Component.of(ballots, inside, ties, both_bad)
            local, last = theta[inside], np.flatnonzero(~known.core[inside])
            own, slope = place_outside(among.curvature, local, last, prior_sd, _NAME)
            theta[outside], map_covariance[np.ix_(outside, outside)] = local[last], own
            reach = slope[:, known.core[inside]]
            across = reach @ bread[within]
            bread[np.ix_(outside, core)] = posterior[np.ix_(outside, core)] = across
            posterior[np.ix_(core, outside)] = across.T
            posterior[np.ix_(outside, outside)] = across @ reach.T + own

    swing, share = bread @ pull, bread * np.sqrt(strength)
    chosen = np.where(known.group[:, None] == known.group, np.outer(swing, swing), 0.0)

    def ballot_scores(given: Ballots) -> csr_array[Any]:
        from scipy.sparse import csr_array

        none: csr_array[Any] = csr_array((len(given.count), m))
        return sum((part.scores(theta) * factor for part, factor in parts), none)

    def ballot_roots(given: Ballots) -> tuple[IntArray, csr_array[Any]]:
        from scipy.sparse import vstack

        found = [part.roots(theta) for part, _ in parts]
        if not found:
            return np.zeros(0, np.int64), ballot_scores(given)[:0]
        return np.concatenate([row for row, _ in found]), vstack([roots for _, roots in found]).tocsr()

    main = float(strength[known.core & (known.group == 0)].max(initial=0.0))
    return Fit(
        theta,
        "log_odds",
        uncertainty=EstimatingEquation(
            bread,
            ballot_scores=ballot_scores,
            ballot_roots=ballot_roots,
            map_covariance=map_covariance + share @ share.T + chosen,
            information=information,
            posterior=posterior + chosen,
        ),
        identification=known,
        iterations=steps,
        residual=residual,
        parameters={"precision": main},
        notes=(*placement_notes(ballots.models, known, prior_sd), *_notes(ballots, main, precision)),
    )


@dataclass(frozen=True, eq=False)
class _Component:
    """The choices among C of M models: (C,) times chosen, (T,) times chosen from each of (T, S) sets."""

    members: IntArray
    choices: Choices
    chosen: FloatArray
    times: FloatArray
    sets: IntArray

    @classmethod
    def of(cls, ballots: Ballots, members: IntArray, ties: TieTreatment, both_bad: BothBad) -> _Component:
        """Cut the ballots down to some models and count their choices."""
        m = len(ballots.models)
        keep = np.zeros(m, dtype=bool)
        keep[members] = True
        choices = Choices.of(ballots if keep.all() else restricted(ballots, keep), ties, both_bad)
        weight = ballots.weight * ballots.count
        place = np.zeros(m + 1, dtype=np.int64)
        place[members], place[m] = np.arange(len(members)), len(members)
        return cls(
            members, choices, (weight @ choices.chosen)[members], weight @ choices.uses, place[choices.sets]
        )

    def curvature(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient and minus the Hessian of the log-likelihood at (C,) strengths."""
        logs = np.append(theta, -np.inf)[self.sets]
        value = float(self.chosen @ theta - self.times @ np.logaddexp.reduce(logs, axis=1))
        return value, *choice_curvature(theta, self.chosen, self.times, self.sets)

    def fit(self, precision: float | None) -> tuple[Optimum, FloatArray, float]:
        """The mode and its (C, C) covariance under the precision given or chosen, and which it is."""
        c = len(self.members)
        if precision is not None:
            found = self.mode(precision, self.guess())
            return found, inverse(found.hessian, c), precision
        now, start, before = 1.0, self.guess(), (0.0, 0.0)
        for step in range(_ROUNDS):
            found = self.mode(now, start)
            root = inverse_root(full(found.hessian, c))
            spread = float(np.vdot(root, root) - (root.sum(axis=1) ** 2).sum() / c)
            size = max(float(found.x @ found.x), 1e-12)
            off = float(np.log(max(c - 1 - now * spread, 1e-12) / size / now))
            stride = off if step < UNDAMPED else 0.5 * off
            slope = (off - before[1]) / (np.log(now) - before[0]) if step else 0.0
            if abs(off) < NEAR and -3 < slope < -1 / 3:
                stride = -off / slope
            new = float(np.clip(now * np.exp(stride), WEAKEST, STRONGEST))
            if abs(np.log(new / now)) < PRECISE:
                return found, centred(root.T @ root, c), now
            start = found.x - (new - now) * ((root @ found.x) @ root)  # how the mode moves with the precision
            now, before = new, (float(np.log(now)), off)
        raise ConvergenceError(f"{_NAME} found no precision in {_ROUNDS} rounds on {c} models; give one.")

    def mode(self, precision: float, start: FloatArray) -> Optimum:
        """The most probable (C,) strengths under a prior."""
        c = len(start)

        def curvature(theta: FloatArray) -> tuple[None, FloatArray, FloatArray]:
            gradient, hessian = choice_curvature(theta, self.chosen, self.times, self.sets)
            hessian.ravel()[:: c + 1] += precision
            return None, gradient - precision * theta, hessian

        return maximise(curvature, start, _NAME, free=c)

    def guess(self) -> FloatArray:
        """(C,) log-odds of having been chosen, half a time added to each side."""
        c = len(self.members)
        offered = np.bincount(self.sets.ravel(), np.repeat(self.times, self.sets.shape[1]), c + 1)[:c]
        return np.log((self.chosen + 0.5) / (np.maximum(offered - self.chosen, 0.0) + 0.5))

    def scores(self, theta: FloatArray) -> csr_array[Any]:
        """Sparse (B, M) derivative of each ballot's log-likelihood by the strengths."""
        from scipy.sparse import csr_array

        sets, m = self.choices.sets, len(theta)
        chance, real = choice_chances(theta, sets), sets < m
        row = np.repeat(np.arange(len(sets)), real.sum(axis=1))
        expected = csr_array((chance[real], (row, sets[real])), shape=(len(sets), m))
        found: csr_array[Any] = (self.choices.chosen - self.choices.uses @ expected).tocsr()
        return found

    def roots(self, theta: FloatArray) -> tuple[IntArray, csr_array[Any]]:
        """The ballot of each root of the information, and the roots, sparse (K, M).

        A choice from a set tells √(p_a p_b) about the difference of each two of its models.
        """
        from scipy.sparse import csr_array

        sets, m, width = self.choices.sets, len(theta), self.choices.sets.shape[1]
        chance = choice_chances(theta, sets)
        a, b = np.triu_indices(width, 1)
        told = chance[:, a] * chance[:, b]
        at, pair = np.nonzero(told)
        cell = sets[at, a[pair]] * m + sets[at, b[pair]]
        by_set = csr_array((told[at, pair], (at, cell)), shape=(len(sets), m * m))
        found = (self.choices.uses @ by_set).tocoo()
        row, cell = found.coords
        root, each = np.sqrt(found.data), np.arange(len(found.data))
        columns = np.concatenate([cell // m, cell % m])
        roots = csr_array((np.concatenate([root, -root]), (np.tile(each, 2), columns)), shape=(len(each), m))
        return row.astype(np.int64), roots


def _told(precision: float, covariance: FloatArray) -> float:
    """γ, how many directions the votes tell about more than the prior does (MacKay 1992)."""
    return len(covariance) - 1 - precision * float(np.trace(covariance))


def _doubt(precision: float, covariance: FloatArray) -> float:
    """Standard deviation of the logarithm of a precision by empirical Bayes: √(2/γ) (MacKay 1992)."""
    return float(np.sqrt(2 / max(_told(precision, covariance), 1e-12)))


def _notes(ballots: Ballots, found: float, given: float | None) -> tuple[Diagnostic, ...]:
    """Say which precision was chosen, and how many votes order nothing."""
    notes = []
    if given is None and found:
        prior = f"a prior of {found**-0.5:.3g} log-odds (precision {found:.4g})"
        message = f"Empirical Bayes chose {prior}."
        if found in (WEAKEST, STRONGEST):
            beyond = "stronger" if found == STRONGEST else "weaker"
            message = f"Empirical Bayes asks for a {beyond} prior than is allowed: {prior} is the limit."
        notes.append(Diagnostic("prior", (), message))
    return (*notes, *silent_votes(ballots))
