"""A board for each prompt: strengths that depend on what a prompt is about, given as a vector.

For a prompt of features x the gap of two models is (θ_i − θ_j) + x · (w_i − w_j). x are the principal
components of the vectors given, and the weights w of each have a normal prior around 0 (a ridge), whose
variance the votes give (empirical Bayes), so that a component without a say has none. Where weights do not
predict votes on prompts held out better beyond chance there are none: every prompt has the same board.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from agon.ranking.errors import OptionError, SourceError
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, threads_for
from agon.ranking.prediction.held_out import column_of
from agon.ranking.tastes.judgements import POINTS_A_NAT, Judgements
from agon.ranking.tastes.topic_fit import (
    TopicFit,
    bend,
    fit_topics,
    held_out_fits,
    held_out_gaps,
    held_out_losses,
)
from agon.ranking.tastes.topic_misfit import Misfit, fit_misfit, pairs_of_votes
from agon.ranking.tastes.topic_network import TopicNetwork, fit_topic_network
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Comparisons, Votes, as_comparisons

if TYPE_CHECKING:
    import pandas as pd

_DRAWS = 4000  # from the posterior, for chances of being the best


@dataclass(frozen=True, eq=False, repr=False)
class PromptBoard(Readable):
    """How models fare on prompts like one.

    Attributes:
        models: M names, the best first.
        scores: (M,) in Elo points around 1000.
        lower, upper: (M,) bounds of these.
        probabilities: (M,) that each is truly the best there.
        below_best: (M,) points that each is at most below the best, whichever that is.
        contenders: models that the best is not surely above, itself first.
        level: of the bounds.
        where: "there", or "over all prompts" where prompts have one board.
    """

    models: tuple[str, ...]
    scores: FloatArray
    lower: FloatArray
    upper: FloatArray
    probabilities: FloatArray
    below_best: FloatArray
    contenders: tuple[str, ...]
    level: float
    where: str

    def conclusion(self) -> str:
        """Say in one sentence which model wins there."""
        others = self.contenders[1:]
        if not others:
            return f"{self.models[0]} surely wins {self.where}."
        return f"{self.models[0]} wins {self.where}, but not surely: {join_names(others)} may be as good."

    def cheapest(self, prices: Mapping[str, float]) -> str:
        """The cheapest of the models that may be the best there.

        Args:
            prices: model → price; those without one are not taken.

        Raises:
            OptionError: none of these models has a price.
        """
        known = [name for name in self.contenders if name in prices]
        if not known:
            raise OptionError(
                f"No price is known of {join_names(self.contenders)}, which may be best there: add theirs."
            )
        return min(known, key=lambda name: (prices[name], self.models.index(name)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a model, the best first."""
        import pandas as pd

        names = ("scores", "lower", "upper", "probabilities", "below_best")
        columns = zip(("score", "lower", "upper", "probability", "below_best"), names, strict=True)
        return pd.DataFrame({"model": self.models} | {head: getattr(self, name) for head, name in columns})


@dataclass(frozen=True, eq=False, repr=False)
class PromptBoards(Readable):
    """Boards by what prompts are about.

    Attributes:
        models: M names.
        ridge: (F,) of the weights of each component; None where all prompts have one board.
        log_loss: of votes on prompts held out, in nats; that of one board for all is
        one_board: likewise.
        gain, gain_lower: how much smaller the loss is, and its lower bound, clustered by prompt.
        prompts: prompts with votes.
        left_out: those of them without a vector, whose votes are left out.
        length: numbers of a vector.
        level: of the intervals.
        coefficients: (M, 1 + F) strengths and weights, in nats; covariance: of all of them, row by row.
        centre, axes: (length,) and (length, F) by which a vector becomes features.
        misfit: by how much strengths on prompts differ from those that their vectors tell.
        crowding: share of pairs of votes that are of one prompt, the part of it that the mean over all has.
        network: what is added to these strengths; None where it was not asked for, or predicts no better.
        network_loss: of votes on prompts held out with it; None where it was not asked for.
    """

    models: tuple[str, ...]
    ridge: FloatArray | None
    log_loss: float
    one_board: float
    gain: float
    gain_lower: float
    prompts: int
    left_out: int
    length: int
    level: float
    coefficients: FloatArray
    covariance: FloatArray
    centre: FloatArray
    axes: FloatArray
    misfit: Misfit
    crowding: float
    network: TopicNetwork | None = None
    network_loss: float | None = None

    @property
    def by_prompt(self) -> bool:
        """Whether prompts differ in their board."""
        return self.ridge is not None or self.network is not None

    def conclusion(self) -> str:
        """Say in one sentence whether prompts differ in which models win."""
        if not self.by_prompt:
            return (
                f"All {self.prompts:,} prompts have one board: what they are about predicts votes no better "
                "beyond chance."
            )
        return (
            "Which model wins depends on the prompt: on prompts held out boards by what they are about have "
            f"a log loss of {self.log_loss:.4f}, one board {self.one_board:.4f}{self._bent()}."
        )

    def _bent(self) -> str:
        """What became of the network, to end a sentence."""
        if self.network_loss is None:
            return ""
        if self.network is None:
            return f"; a network, which was tried too, {self.network_loss:.4f}, no better beyond chance"
        return "; they are those of a network, better beyond chance than a linear head"

    def scope(self) -> str:
        """Say in one sentence what the intervals of a board hold: a single prompt, like ones, or all."""
        points = (
            f"about {POINTS_A_NAT * np.sqrt(self.misfit.variance.mean()):.0f} points (a standard deviation)"
        )
        if self.misfit.together == 1:
            if self.by_prompt:
                return (
                    f"Intervals are of single prompts, which may differ from what vectors tell by {points}."
                )
            return f"Intervals are of the mean over all prompts; single ones may differ from it by {points}."
        few = "single prompts have too few votes to tell how they differ"
        if self.by_prompt:
            return f"Intervals are of the mean of about {self.misfit.together:,} prompts like one: {few}."
        return f"Intervals are of the mean over all prompts: {few}."

    def checked(self, vector: ArrayLike) -> FloatArray:
        """(length,) a vector as one of numbers.

        Raises:
            OptionError: one of another length, or that holds something else than finite numbers.
        """
        given = np.asarray(vector, dtype=np.float64)
        if given.shape != (self.length,) or not np.isfinite(given).all():
            raise OptionError(
                f"The vector has shape {given.shape}, those of the votes ({self.length},): give finite "
                "numbers made by the same embedding model."
            )
        return given

    def board(self, vector: ArrayLike) -> PromptBoard:
        """The board of prompts like one.

        Args:
            vector: (length,) of the prompt, made as those of the votes were.

        Raises:
            OptionError: a vector of another length, or that holds something else than finite numbers.
        """
        features = (self.checked(vector) - self.centre) @ self.axes
        m = len(self.models)
        x = np.concatenate([[1.0], features])[: self.coefficients.shape[1]]
        select = np.kron(np.eye(m), x)
        select = select - select.mean(axis=0)
        values, matrix = select @ self.coefficients.reshape(-1), select @ self.covariance @ select.T
        if self.network is not None:
            added = self.network.added(features[None])[:, 0]
            values += added.mean(axis=0)
            matrix += np.cov(added.T)
        error = self.misfit.variance * (1.0 if self.by_prompt else self.crowding)
        centring = np.eye(m) - 1 / m
        matrix += (centring * error) @ centring
        order = np.argsort(-values, kind="stable")
        best, z = order[0], quantile(self.level)
        error = np.sqrt(np.maximum(matrix[best, best] + np.diag(matrix) - 2 * matrix[best], 0.0))
        within = [i for i in order.tolist() if values[best] - values[i] <= z * error[i]]
        half = z * np.sqrt(np.diag(matrix))
        low, high = (1000 + POINTS_A_NAT * (values + side * half) for side in (-1, 1))
        names = tuple(self.models[i] for i in order)
        chance, below = _best_of(values, matrix, self.level)
        return PromptBoard(
            names, 1000 + POINTS_A_NAT * values[order], low[order], high[order], chance[order],
            POINTS_A_NAT * below[order], tuple(self.models[i] for i in within), self.level,
            "there" if self.by_prompt else "over all prompts",
        )  # fmt: skip


def _best_of(values: FloatArray, matrix: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """(M,) chance that each is the largest, and how far below the largest each is at most, by draws."""
    size, axes = np.linalg.eigh(matrix)
    noise = np.random.default_rng(0).normal(size=(_DRAWS, len(values)))
    drawn = values + noise @ (axes * np.sqrt(np.maximum(size, 0.0))).T
    chance = np.bincount(drawn.argmax(axis=1), minlength=len(values)) / _DRAWS
    return chance, np.quantile(drawn.max(axis=1, keepdims=True) - drawn, level, axis=0)


def prompt_boards(
    votes: Votes,
    vectors: Mapping[str, ArrayLike],
    *,
    by: str | None = None,
    features: int = 16,
    head: Literal["linear", "network"] = "linear",
    missing: Literal["error", "drop"] = "error",
    folds: int = 5,
    level: float = 0.95,
    seed: int = 0,
) -> PromptBoards:
    """Fit strengths that depend on what a prompt is about.

    A tie is half a win each way. Intervals are those of the posterior, given the variances, and of what
    votes on prompts that were held out show the vectors not to tell, which has no source: it is ours.

    Args:
        votes: with a column of prompts.
        vectors: prompt → its vector, such as an embedding, all of one length.
        by: the column of prompts; None for the one that is called so.
        features: principal components of the vectors that are used, at most.
        head: "network" tries a small neural network too, which is taken where it predicts votes on prompts
            held out better beyond chance than the linear head (the part torch).
        missing: "drop" leaves out votes on prompts without a vector.
        folds: in how many parts the prompts are held out.
        level: of the intervals, between 0 and 1.
        seed: of the draw of the parts.

    Raises:
        SourceError: votes that do not say on which prompt they were cast, a table of scores.
        MethodError: a network without torch.
        OptionError: a prompt without a vector, vectors of different lengths, an option outside its range.

    Source:
        Per-prompt Bradley-Terry strengths: E. Frick et al., Prompt-to-Leaderboard, arXiv 2502.14855 (2025).
    """
    for name, value, known in (
        ("missing", missing, ("error", "drop")),
        ("head", head, ("linear", "network")),
    ):
        if value not in known:
            raise OptionError(f"{name} must be {known[0]!r} or {known[1]!r}, not {value!r}.")
    if not 0 < level < 1 or features < 1 or folds < 2:
        raise OptionError(
            f"level must lie between 0 and 1, features be at least 1 and folds at least 2, not {level!r}, "
            f"{features!r} and {folds!r}."
        )
    given = as_comparisons(votes)
    if not isinstance(given, Comparisons):
        raise SourceError("A table of scores has no votes on prompts; give votes.")
    rows = Judgements.of(given, by or column_of(given, "prompt"))
    asked = len(rows.voters)
    if missing == "drop":
        rows = _with_vectors(rows, vectors)
    cells = rows.cells()
    table = _table(cells.voters, vectors)
    centre = table.mean(axis=0)
    _, size, directions = np.linalg.svd(table - centre, full_matrices=False)
    kept = int(min(features, (size > 1e-9 * max(float(size[0]), 1e-300)).sum()))
    scale = np.sqrt((size[:kept] ** 2).sum() / len(table)) if kept else 1.0
    axes = directions[:kept].T / scale
    x = np.hstack([np.ones((len(table), 1)), (table - centre) @ axes])
    fold = np.random.default_rng(seed).permutation(len(x)) % min(folds, len(x))
    z = x[:, 1:]
    met: FloatArray = np.asarray(np.bincount(cells.voter, cells.met, len(x)), dtype=np.float64)
    network, bent_loss = None, None
    with threads_for(len(cells.models)):
        heads = [held_out_fits(cells, some, fold) for some in (x[:, :1], x)]
        alone, told = (
            held_out_losses(cells, fold, fits, some, z)
            for fits, some in zip(heads, (x[:, :1], x), strict=True)
        )
        gain, lower = _gain(alone, told, met, level)
        fits = heads[1]
        if lower <= 0:
            told, x, fits = alone, x[:, :1], heads[0]
        coefficients, covariance, prior = fit_topics(cells, x)
        if head == "network" and z.shape[1]:
            bending = [bend(cells, fold, number, fit, x, z, seed) for number, fit in enumerate(fits)]
            bent = held_out_losses(cells, fold, bending, x, z)
            bent_loss = float(bent.sum() / met.sum())
            if _gain(told, bent, met, level)[1] > 0:
                told, fits = bent, bending
                network = fit_topic_network(cells, x @ coefficients.T, z, seed)
        pairs, together = pairs_of_votes(rows, fold, z, seed)
        whole = TopicFit(coefficients, covariance, network).strengths(x, z)
        variance = fit_misfit(
            held_out_gaps(rows, pairs, fold, fits, x, z, seed),
            rows.where(pairs[:, 0]),
            rows.where(pairs[:, 1]),
            (whole - whole.mean(axis=1, keepdims=True)).var(axis=0),
        )
        misfit = Misfit(variance, together)
    votes_of = np.bincount(rows.voter, minlength=len(x)).astype(np.float64)
    crowding = float((votes_of * (votes_of - 1)).sum() / votes_of.sum() ** 2)
    return PromptBoards(
        cells.models, prior if x.shape[1] > 1 else None, float(told.sum() / met.sum()),
        float(alone.sum() / met.sum()), gain, lower, len(x), asked - len(x), table.shape[1], level,
        coefficients, covariance, centre, axes, misfit, crowding, network, bent_loss,
    )  # fmt: skip


def _gain(before: FloatArray, after: FloatArray, met: FloatArray, level: float) -> tuple[float, float]:
    """How much smaller a loss a vote is, and its lower bound, from the (P,) losses on each prompt."""
    gap = before - after
    gain = float(gap.sum() / met.sum())
    error = float(np.sqrt(((gap - gain * met) ** 2).sum()) / met.sum())
    return gain, gain - quantile(level) * error


def _with_vectors(cells: Judgements, vectors: Mapping[str, ArrayLike]) -> Judgements:
    """Only the votes on prompts that have a vector.

    Raises:
        OptionError: there are none.
    """
    known = np.array([name in vectors for name in cells.voters])
    if not known.any():
        raise OptionError(
            f"None of {len(known)} prompts has a vector; make vectors of the prompts that the votes name, "
            f"such as {cells.voters[0]!r}."
        )
    kept = cells.where(np.flatnonzero(known[cells.voter]))
    names = tuple(name for name, there in zip(cells.voters, known, strict=True) if there)
    return replace(kept, voter=(np.cumsum(known) - 1)[kept.voter], voters=names)


def _table(prompts: Sequence[str], vectors: Mapping[str, ArrayLike]) -> FloatArray:
    """(P, length) the vectors of the prompts.

    Raises:
        OptionError: one is missing, of another length, or holds something else than finite numbers.
    """
    missing = [name for name in prompts if name not in vectors]
    if missing:
        raise OptionError(
            f"{len(missing)} of {len(prompts)} prompts have no vector, such as {missing[0]!r}: add theirs."
        )
    rows = [np.asarray(vectors[name], dtype=np.float64) for name in prompts]
    for name, row in zip(prompts, rows, strict=True):
        if row.ndim != 1 or row.shape != rows[0].shape or not len(row) or not np.isfinite(row).all():
            raise OptionError(
                f"The vector of prompt {name!r} has shape {row.shape}, that of {prompts[0]!r} "
                f"{rows[0].shape}: give all prompts vectors of finite numbers from one embedding model."
            )
    return np.stack(rows)
