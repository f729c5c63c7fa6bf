"""What a method returns (`Scores`, `Fit`, `Choice`) and what it may say about the votes (`Diagnostic`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Figure, Readable, Sentence, join_names
from agon.ranking.votes.ballots import Ballots, PairRows

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

Scale = Literal["log_odds", "probit", "elo", "share", "points"]


@dataclass(frozen=True, repr=False)
class Diagnostic(Readable):
    """Something about the votes that a reader of the board must know.

    Attributes:
        code: one word for programs.
        models: the names it concerns.
        message: one sentence that says what it means and what to do.
        template: the message with places for the names, as `of` takes it; None if it names no model.
    """

    code: str
    models: tuple[str, ...]
    message: str
    template: str | None = field(default=None, repr=False, compare=False)

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return self.message

    @classmethod
    def of(cls, code: str, models: Sequence[str], template: str) -> Diagnostic:
        """Name models in a message.

        Args:
            code: one word for programs.
            models: the names it concerns.
            template: the message, with {0}, {1}, ... where a model is named and {models} where all are;
                other braces are written twice.
        """
        names = tuple(models)
        return cls(code, names, _filled(template, names), template)

    def rename_models(self, name: Callable[[str], str]) -> str:
        """The message with its models called by other names, such as those for display."""
        if isinstance(self.message, Sentence):
            return self.message.renamed(name)
        return self.message if self.template is None else _filled(self.template, list(map(name, self.models)))


def _filled(template: str, names: Sequence[str]) -> str:
    return template.format(*names, models=join_names(names))


@dataclass(frozen=True, repr=False)
class Coefficient(Readable):
    """What a method fitted beside the scores, such as the effect of an answer's length.

    Attributes:
        name: of what it is the coefficient.
        value: in the method's own unit, log-odds for effects.
        lower, upper: bounds at the board's level; None where there is none.
    """

    name: str
    value: float
    lower: float | None = None
    upper: float | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        low, high = ("…" if bound is None else f"{bound:.3f}" for bound in (self.lower, self.upper))
        known = self.lower is not None or self.upper is not None
        return f"{self.name}: {self.value:.3f}{f' ({low} to {high})' if known else ''}"

    def sentence(self, level: float) -> str:
        """The coefficient in words."""
        value = Figure(self.value, ".3f")
        if self.lower is None and self.upper is None:
            return Sentence("Coefficient of {name}: {value}.", name=self.name, value=value)
        low, high = ("…" if bound is None else Figure(bound, ".3f") for bound in (self.lower, self.upper))
        return Sentence(
            "Coefficient of {name}: {value} ({low} to {high} at {level}).",
            name=self.name,
            value=value,
            low=low,
            high=high,
            level=Figure(level, ".0%"),
        )


@dataclass(frozen=True, eq=False, repr=False)
class OutcomeParameter(Readable):
    """A parameter of what happens between two models, such as that of ties.

    Attributes:
        symbol: such as ν.
        outcome: "tie" or "both bad".
        lowest: its bound; the parameter is this plus e to `log`.
        log: None if no vote is such an outcome.
        index: of its row in `EstimatingEquation.further`.
        largest: for None, gives the value at which a share of the votes (0 to 1: fewer independent ones)
            would all be something else with a chance of 1 - level; perhaps infinite.
    """

    symbol: str
    outcome: str
    lowest: float
    log: float | None
    index: int
    largest: Callable[[float, float], float]

    def conclusion(self) -> str:
        """Say it in one phrase."""
        value = "no such vote" if self.log is None else f"{self.lowest + math.exp(self.log):.3f}"
        return f"{self.symbol} of {self.outcome}: {value}"

    def sentence(self, level: float, half: float | None, share: float = 1.0) -> str:
        """The parameter in words.

        Args:
            level: of its interval.
            half: half the width of the interval of its logarithm; None for no interval.
            share: of the votes that are independent.
        """
        if self.log is not None:
            value = self.lowest + math.exp(self.log)
            told: dict[str, Any] = {"outcome": Sentence(self.outcome), "symbol": self.symbol}
            told["value"] = Figure(value, ".4g")
            if half is None:
                return Sentence("The parameter of the outcome {outcome} is {symbol} = {value}.", **told)
            low, high = (self.lowest + math.exp(self.log + side) for side in (-half, half))
            return Sentence(
                "The parameter of the outcome {outcome} is {symbol} = {value} ({level}% interval {low} "
                "to {high}).",
                **told,
                level=Figure(100 * level, ".4g"),
                low=Figure(low, ".4g"),
                high=Figure(high, ".4g"),
            )
        most = self.lowest + self.largest(level, share)
        bound = (
            f"below {most:.4g} with {100 * level:.4g}% confidence"
            if math.isfinite(most)
            else "not bounded above"
        )
        return (
            f"No vote is a {self.outcome}: its parameter {self.symbol} is at its bound {self.lowest:g}, and "
            f"{bound}."
        )


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Readable):
    """A score for every model, higher is better.

    Attributes:
        values: (M,) scores.
        scale: "log_odds" (natural, zero mean; shown as 1000 + 400/ln 10 times it unless asked
            otherwise), "probit" (natural, zero mean; shown as 1000 + 200·√2 times it, as Elo's own
            normal model), "elo" (already in Elo points), "share" (0 to 1) or "points".
        spread: (M,) standard deviation of the score over what the method itself draws at random
            (the permutations of Elo), or None.
        notes: what the method wants to tell beside its numbers.
        met: (M, M) votes of each pair that the method can use, symmetric; None for all that there are.
    """

    values: FloatArray
    scale: Scale = "points"
    spread: FloatArray | None = None
    notes: tuple[Diagnostic, ...] = ()
    met: FloatArray | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        low, high = (float(end(self.values)) for end in (np.nanmin, np.nanmax))
        return f"{len(self.values)} scores from {low:.4g} to {high:.4g}, {self.scale}"


@dataclass(frozen=True, eq=False)
class Identification:
    """Which scores the votes determine.

    Attributes:
        group: (M,) 0 for the largest component, 1, 2, ... for others, never on one scale with it.
        core: (M,) True where the maximum likelihood exists; the others were placed by a prior.
        open_above, open_below: (M,) True where no number of such votes bounds the score on that side.
    """

    group: IntArray
    core: NDArray[np.bool_]
    open_above: NDArray[np.bool_]
    open_below: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class EstimatingEquation:
    """What a sandwich needs of a fit that solves Σ (score of a vote) = 0, such as a maximum of likelihood.

    Attributes:
        bread: (M, M + E) inverse of minus the derivative of the summed vote scores (for a likelihood the
            inverse Hessian), on the subspace the scores live in; the last E columns belong to further
            parameters, such as that of ties.
        vote_scores: gives for every row of `PairRows` the derivative of its log-likelihood by the
            score of the first and of the second model and by each further parameter, 2 + E arrays (P,).
        vote_roots: gives (R, 2 + E, P) vectors by the same parameters, R for each row, whose outer products
            sum to the information of the row (minus the derivative of `vote_scores`, or its expectation).
        ballot_scores: instead of `vote_scores`, gives for each of B ballots the derivative of its
            log-likelihood by every score, sparse (B, M + E).
        ballot_roots: instead of `vote_roots`, gives (K,) the ballot of each vector and the vectors, sparse
            (K, M + E).
        further: (E, M + E) the rows of the whole inverse that belong to the further parameters, or None.
        map_covariance: (M, M) extra covariance of scores that a prior placed or pulled, or None.
        information: (M, M) expected information of each pair, off the diagonal of the Hessian with the
            sign turned; stands in for the meat of a model whose votes are all ties.
        posterior: (M, M) posterior covariance of the scores, where there is a prior too.
    """

    bread: FloatArray
    vote_scores: Callable[[PairRows], tuple[FloatArray, ...]] | None = None
    vote_roots: Callable[[PairRows], FloatArray] | None = None
    ballot_scores: Callable[[Ballots], csr_array[Any]] | None = None
    ballot_roots: Callable[[Ballots], tuple[IntArray, csr_array[Any]]] | None = None
    further: FloatArray | None = None
    map_covariance: FloatArray | None = None
    information: FloatArray | None = None
    posterior: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Covariance:
    """A robust covariance that the method made itself, because its votes differ in more than the ballot.

    Attributes:
        matrix: (M + E, M + E) of the scores and further parameters.
        clustering: of the votes, if they were clustered.
        alone: (M,) models whose place rests on a single cluster, or None.
    """

    matrix: FloatArray
    clustering: Clustering | None = None
    alone: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Posterior:
    """(M, M) posterior covariance of the scores."""

    matrix: FloatArray


@dataclass(frozen=True)
class Clustering:
    """What dependent votes are worth.

    Attributes:
        number: of clusters.
        effective: number of equal clusters that would say as much (Carter et al. 2017).
        design_effect: how many times larger the variances are than those of independent votes, on average;
            None where only one of the two is known, as with a bootstrap.
        student: degrees of freedom of Student's t, where the sizes of the clusters gave them.
    """

    number: int
    effective: float
    design_effect: float | None = None
    student: float | None = None

    @property
    def df(self) -> float:
        """Degrees of freedom of Student's t: if not computed, one less than effective clusters, or 1."""
        return max(self.effective - 1.0, 1.0) if self.student is None else self.student


@dataclass(frozen=True, eq=False, repr=False)
class RatingHistory(Readable):
    """Scores of M models after each of D periods of time.

    Attributes:
        models: M names.
        times: (D,) seconds since 1970 at which each period begins.
        scores: (D, M), NaN before a model's first vote.
        errors: (D, M) standard errors of them.
    """

    models: tuple[str, ...]
    times: FloatArray
    scores: FloatArray
    errors: FloatArray

    def conclusion(self) -> str:
        """Say in one phrase what there is."""
        return f"scores of {len(self.models)} models after each of {len(self.times)} periods of time"

    def scaled(self, factor: float, offset: float) -> RatingHistory:
        """The same on another scale."""
        return replace(self, scores=self.scores * factor + offset, errors=self.errors * factor)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each period and model that had a vote by then: time, model, score, error."""
        import pandas as pd

        period, model = np.nonzero(~np.isnan(self.scores))
        return pd.DataFrame(
            {
                "time": pd.to_datetime(self.times[period], unit="s", utc=True),
                "model": np.array(self.models, dtype=object)[model],
                "score": self.scores[period, model],
                "error": self.errors[period, model],
            }
        )


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Scores):
    """Scores with what their intervals are made from.

    Attributes:
        uncertainty: an estimating equation, a covariance or a posterior; None for none.
        coefficients: the E further parameters; those without bounds get them from a `Covariance`.
        identification: which scores the votes determine; None if all.
        iterations: how many the solver needed.
        residual: the largest absolute gradient at the solution, per vote.
        parameters: further parameters of the largest component by name, on their usual scale.
        history: how the scores moved, if the method goes by time.
        means: (M,) what the scores are cautious bounds of, such as μ of μ − 3σ: chances, differences and
            rank ranges go by these; None if the scores are estimates themselves.
        outcome_parameters: the same with what their intervals need.
    """

    uncertainty: EstimatingEquation | Covariance | Posterior | None = None
    coefficients: tuple[Coefficient, ...] = ()
    identification: Identification | None = None
    iterations: int = 0
    residual: float = 0.0
    parameters: Mapping[str, float] = field(default_factory=dict)
    history: RatingHistory | None = None
    means: FloatArray | None = None
    outcome_parameters: tuple[OutcomeParameter, ...] = ()

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{super().conclusion()}, after {self.iterations} iterations"

    @property
    def equation(self) -> EstimatingEquation | None:
        """The estimating equation, if there is one."""
        return self.uncertainty if isinstance(self.uncertainty, EstimatingEquation) else None

    @property
    def posterior(self) -> FloatArray | None:
        """(M, M) posterior covariance of the scores, or None."""
        if isinstance(self.uncertainty, Posterior):
            return self.uncertainty.matrix
        return None if self.equation is None else self.equation.posterior


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Readable):
    """An election instead of scores.

    Attributes:
        tiers: model indices from the best tier to the last, each tier tied; winners are the first.
        lottery: (M,) probabilities, if the rule elects by lot.
        notes: what the rule wants to tell.
    """

    tiers: tuple[tuple[int, ...], ...]
    lottery: FloatArray | None = None
    notes: tuple[Diagnostic, ...] = ()

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{len(self.winners)} winners of {sum(map(len, self.tiers))} in {len(self.tiers)} tiers"

    @property
    def winners(self) -> tuple[int, ...]:
        """The first tier."""
        return self.tiers[0] if self.tiers else ()


def as_values(result: Scores | Choice, n_models: int) -> FloatArray:
    """(M,) the scores, or for a choice minus the number of its tier; NaN for a model in no tier."""
    if isinstance(result, Scores):
        return result.values
    values = np.full(n_models, np.nan)
    for tier, members in enumerate(result.tiers):
        values[list(members)] = -float(tier)
    return values
