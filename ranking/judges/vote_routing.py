"""Which comparisons people should be asked next: those of a budget that tell models apart best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agon.ranking.errors import MethodError, OptionError, SourceError
from agon.ranking.inference.prediction_powered import judge_strengths
from agon.ranking.methods.likelihood.bradley_terry import bradley_terry
from agon.ranking.numerics import FloatArray, IntArray, expit
from agon.ranking.results import as_values
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Comparisons

if TYPE_CHECKING:
    import pandas as pd

_MOST = 64.0  # budgets of random comparisons within which as good a one is looked for
_LITTLE = 1.1  # times a random budget, below which routing buys little


@dataclass(frozen=True, repr=False)
class RoutedComparison(Readable):
    """One comparison to ask people about.

    Attributes:
        prompt: its prompt.
        model_a, model_b: the two models.
        gain: share of the variance left by those before it that a vote on it is expected to take away.
    """

    prompt: str
    model_a: str
    model_b: str
    gain: float

    def conclusion(self) -> str:
        """Say it in one phrase."""
        return f"{self.model_a} against {self.model_b} on prompt {self.prompt}"


@dataclass(frozen=True, repr=False)
class VoteRoute(Readable):
    """The comparisons of a budget, the most telling first, and what they are worth.

    Attributes:
        comparisons: to ask people about.
        budget: how many were asked for.
        ratio: how many times as many comparisons drawn at random are expected to tell models apart as well.
        before, after: mean variance of a difference of two models, in square log-odds, now and once these
            votes have come; after as many drawn at random it is `after_random`.
        after_random: see there.
    """

    comparisons: tuple[RoutedComparison, ...]
    budget: int
    ratio: float
    before: float
    after: float
    after_random: float

    def __len__(self) -> int:
        return len(self.comparisons)

    def conclusion(self) -> str:
        """Say in one sentence what the budget buys."""
        number = len(self.comparisons)
        short = "" if number == self.budget else f" (of {self.budget:,} asked for: all there are)"
        worth = f"what {number * self.ratio:,.0f} drawn at random would"
        worth = f"hardly more than {number:,} drawn at random" if self.ratio < _LITTLE else worth
        return (
            f"{number:,} comparisons{short} are expected to tell {worth} ({self.ratio:.2f} times): the error "
            f"of a difference goes from {self.before**0.5:.3f} to {self.after**0.5:.3f} in log-odds."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each comparison, in order: prompt, model_a, model_b, gain."""
        import pandas as pd

        names = ["prompt", "model_a", "model_b", "gain"]
        rows = [[getattr(one, name) for name in names] for one in self.comparisons]
        return pd.DataFrame(rows, columns=names)


def route_votes(people: Comparisons, judges: Comparisons, budget: int, *, seed: int = 0) -> VoteRoute:
    """Choose the comparisons that people should vote on next, of those that judges judged.

    One by one the pair of models whose vote is expected to take most from the summed variance of the scores
    (A-optimal), given the votes there are and those chosen before; the prompt is drawn at random from those
    on which nobody voted on the pair. Chances are those of the scores; of models without votes, of the
    judges' strengths. No verdict decides which prompt is asked: those on which a judge is unsure are those
    on which models are close, and votes on them alone would pull all scores together.

    Args:
        people: votes on pairs, with prompts.
        judges: votes of judges, with prompts: what may be asked.
        budget: how many comparisons.
        seed: of the prompts.

    Raises:
        OptionError: a budget that is no whole number of 1 or more.
        MethodError: votes on more than two models.
        SourceError: votes without prompts, or people have voted on all that was judged.

    Source:
        K. Chaloner and I. Verdinelli, Bayesian experimental design, Statist. Sci. 10 (1995).
    """
    if not isinstance(budget, int | np.integer) or isinstance(budget, bool) or budget < 1:
        raise OptionError(f"budget is a whole number of comparisons of at least 1, not {budget!r}.")
    models = tuple(sorted({*people.models, *judges.models}))
    size = len(models)
    left = _unvoted(people, judges, models)
    rng = np.random.default_rng(seed)
    prompts = {cell: [str(one) for one in rng.permutation(sorted(some))] for cell, some in left.items()}
    mean, information = _known(people, judges, models)
    covariance = _centred(np.asarray(np.linalg.inv(information)))
    before = _mean_variance(covariance)
    cells = np.array(sorted(left), dtype=np.int64)
    one, two = cells // size, cells % size
    chance = expit(mean[one] - mean[two])
    weight = chance * (1 - chance)
    room = np.array([len(prompts[cell]) for cell in cells.tolist()])
    random = _laplacian(one, two, weight * room / room.sum(), size)
    chosen = []
    for _ in range(min(int(budget), int(room.sum()))):
        moved = covariance[:, one] - covariance[:, two]
        spread = moved[one, np.arange(len(one))] - moved[two, np.arange(len(one))]
        gain = np.where(room > 0, weight * (moved**2).sum(axis=0) / (1 + weight * spread), -1.0)
        best = int(np.argmax(np.round(gain / gain.max(), 9)))
        share = float(gain[best] / np.trace(covariance))
        step = moved[:, best]
        covariance = covariance - np.outer(step, step) * weight[best] / (1 + weight[best] * spread[best])
        room[best] -= 1
        prompt = prompts[int(cells[best])].pop()
        chosen.append(RoutedComparison(prompt, models[one[best]], models[two[best]], share))
    after = _mean_variance(covariance)

    def at_random(number: float) -> float:
        return _mean_variance(_centred(np.asarray(np.linalg.inv(information + number * random))))

    ratio = _as_good(at_random, after, len(chosen))
    return VoteRoute(tuple(chosen), int(budget), ratio, before, after, at_random(len(chosen)))


def _as_good(at_random: Callable[[float], float], after: float, number: int) -> float:
    """How many times the number drawn at random leaves as little variance."""
    from scipy.optimize import brentq

    if at_random(_MOST * number) > after:
        return _MOST
    if at_random(0.0) <= after:
        return 0.0
    return float(brentq(lambda times: at_random(times * number) - after, 0.0, _MOST, xtol=1e-4))


def _unvoted(people: Comparisons, judges: Comparisons, models: tuple[str, ...]) -> dict[int, set[str]]:
    """Pair, first · M + second → prompts on which it was judged and nobody voted on it.

    Raises:
        MethodError: votes on more than two models.
        SourceError: votes without prompts, or nothing is left.
    """
    found: list[dict[int, set[str]]] = []
    place = {name: i for i, name in enumerate(models)}
    for what, some in (("people's votes", people), ("the judges' votes", judges)):
        if not some.ballots.pairwise:
            raise MethodError(
                f"A budget is routed by pairs, and {what} have ballots on more than two models."
            )
        clusters = some.clusters("prompt")
        where = np.array([place[name] for name in some.models])[some.ballots.shown[clusters.ballot]]
        known: dict[int, set[str]] = {}
        for first, second, cluster in zip(*where.T.tolist(), clusters.cluster.tolist(), strict=True):
            known.setdefault(first * len(models) + second, set()).add(clusters.names[cluster])
        found.append(known)
    voted, judged = found
    left = {cell: some - voted.get(cell, set()) for cell, some in judged.items()}
    left = {cell: some for cell, some in left.items() if some}
    if not left:
        raise SourceError("People voted on every comparison that was judged: nothing is left to ask them.")
    return left


def _known(
    people: Comparisons, judges: Comparisons, models: tuple[str, ...]
) -> tuple[FloatArray, FloatArray]:
    """(M,) strengths, and (M, M) what people's votes and a prior of one log-odds tell of them."""
    size = len(models)
    place = {name: i for i, name in enumerate(models)}
    at = np.array([place[name] for name in people.models])
    wins = people.pairs.halves("half")
    mean, voted = np.zeros(size), wins.sum(axis=0) + wins.sum(axis=1) > 0
    mean[at] = as_values(bradley_terry(people.pairs), len(at))
    strengths = judge_strengths(judges)
    both = [name for name, some in zip(people.models, voted, strict=True) if some and name in strengths]
    if len(both) >= 3:
        slope, start = np.polyfit([strengths[n] for n in both], [mean[place[n]] for n in both], 1)
        known = {name for name, some in zip(people.models, voted, strict=True) if some}
        for name in set(strengths) - known:
            mean[place[name]] = start + slope * strengths[name]
    met = np.zeros((size, size))
    met[np.ix_(at, at)] = wins + wins.T
    one, two = np.nonzero(np.triu(met))
    chance = expit(mean[one] - mean[two])
    return mean, np.eye(size) + _laplacian(one, two, met[one, two] * chance * (1 - chance), size)


def _laplacian(one: IntArray, two: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """(M, M) information about scores of weighted pairs."""
    cells = np.zeros((size, size))
    np.add.at(cells, (one, two), weight)
    cells = cells + cells.T
    return np.asarray(np.diag(cells.sum(axis=1)) - cells)


def _centred(covariance: FloatArray) -> FloatArray:
    """(M, M) of the scores less their mean."""
    found = covariance - covariance.mean(axis=0)
    return np.asarray(found - found.mean(axis=1)[:, None])


def _mean_variance(centred: FloatArray) -> float:
    """Mean variance of the difference of two scores, from (M, M) of the scores less their mean."""
    return float(2 * np.trace(centred) / (len(centred) - 1))
