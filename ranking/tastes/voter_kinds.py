"""Kinds of voters: a mixture of Bradley-Terry strengths, and how many kinds the votes tell apart.

P(voter prefers i to j) = Σ_k π_k / (1 + exp(−(θ_ki − θ_kj))), the kind k being the same in all votes of one.
Strengths of a kind have a normal prior around those of all voters, so that a kind of few differs from the
crowd only where its votes say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError, SourceError
from agon.ranking.inference.simultaneous import quantile
from agon.ranking.numerics import FloatArray, IntArray, expit, threads_for
from agon.ranking.tastes.judgements import POINTS_A_NAT, Judgements, posterior_mode
from agon.ranking.text import Readable, join_names
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.score_table import ScoreTable

if TYPE_CHECKING:
    import pandas as pd


PRIOR_SD = 1.0  # nats, of a kind's strengths around the crowd's
STARTS, STEPS, SETTLED = 6, 200, 1e-6
MEMBER_FROM = 0.8  # probability of a kind from which a voter is counted to it


@dataclass(frozen=True, repr=False)
class KindOfVoters(Readable):
    """One kind of voters.

    Attributes:
        share: of all voters.
        lower, upper: interval of that; None where there is one kind.
        sure: voters who are of it with a probability of at least 0.8.
        first: the model it puts first.
        likes, dislikes: models that are surely higher, and lower, than for the other voters; at most three.
    """

    share: float
    lower: float | None
    upper: float | None
    sure: int
    first: str
    likes: tuple[str, ...]
    dislikes: tuple[str, ...]

    def conclusion(self) -> str:
        """Say it in one sentence."""
        range_ = "" if self.lower is None else f" ({self.lower:.0%} to {self.upper:.0%})"
        text = f"{self.share:.0%}{range_} of the voters put {self.first} first"
        if self.likes:
            text += f"; they like {join_names(self.likes)} more than the others do"
        if self.dislikes:
            text += f"{' and' if self.likes else '; they like'} {join_names(self.dislikes)} less"
        return f"{text}."


@dataclass(frozen=True, repr=False)
class KindsTried(Readable):
    """How well so many kinds predict votes held out.

    Attributes:
        kinds: how many.
        log_loss: of held-out votes, in nats, from the other votes of the same voters.
        gain: by how much it is below that of one kind fewer; None for one kind.
        lower, upper: interval of the gain, clustered by voter.
    """

    kinds: int
    log_loss: float
    gain: float | None = None
    lower: float | None = None
    upper: float | None = None

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return f"{self.kinds} kind{'s' if self.kinds > 1 else ''}: log loss {self.log_loss:.4f}"


@dataclass(frozen=True, eq=False, repr=False)
class Tastes(Readable):
    """Who likes what.

    Attributes:
        kinds: of voters, the largest first.
        tried: how well one, two, ... kinds predict votes held out.
        asked: whether the number of kinds was asked for, and not found.
        models: M names.
        strengths: (K, M) of each kind, in Elo points around 1000.
        lower, upper: (K, M) bounds of these by the bootstrap of voters; None where none was asked for.
        voters: V names.
        membership: (V, K) probability that each voter is of each kind.
        factors: (F, M) directions in which voters differ most, in units of length 1, and
        factor_shares: (F,) of all differences that each explains.
        worst: (M,) score of each model among the kind that likes it least, with
        worst_lower: (M,) its lower bound, or None.
        level, n_resamples, seed: of the intervals.
    """

    kinds: tuple[KindOfVoters, ...]
    tried: tuple[KindsTried, ...]
    asked: bool
    models: tuple[str, ...]
    strengths: FloatArray
    lower: FloatArray | None
    upper: FloatArray | None
    voters: tuple[str, ...]
    membership: FloatArray
    factors: FloatArray
    factor_shares: FloatArray
    worst: FloatArray
    worst_lower: FloatArray | None
    level: float
    n_resamples: int
    seed: int

    @property
    def unsure(self) -> int:
        """Voters whom their votes put to no kind with a probability of 0.8."""
        return int((self.membership.max(axis=1) < MEMBER_FROM).sum())

    def conclusion(self) -> str:
        """Say in one sentence how many kinds of voters there are, and who likes what."""
        n, votes = len(self.kinds), f"{len(self.voters):,} voters"
        if n == 1 and not self.asked:
            return f"The {votes} are of one kind, as far as their votes tell: more kinds predict no better."
        what = "were asked for" if self.asked else "predict their votes best"
        told = " ".join(f"({i}) {one.conclusion()}" for i, one in enumerate(self.kinds, 1))
        unsure = f" {self.unsure:,} voters could be of either." if self.unsure else ""
        return f"{n} kind{'s' if n > 1 else ''} of the {votes} {what}: {told}{unsure}"

    def worst_group(self) -> pd.DataFrame:
        """Return the models by how they fare among the kind that likes them least (max-min), best first."""
        import pandas as pd

        kind = self.strengths.argmin(axis=0) + 1
        bound = [None] * len(self.models) if self.worst_lower is None else self.worst_lower.tolist()
        rows = list(zip(self.models, self.worst.tolist(), bound, kind.tolist(), strict=True))
        rows.sort(key=lambda row: (-row[1], row[0]))
        return pd.DataFrame(rows, columns=["model", "score", "lower", "kind"])

    def members(self) -> pd.DataFrame:
        """Return one row a voter: the most probable kind, its probability, and that of each."""
        import pandas as pd

        columns = {f"kind_{k + 1}": self.membership[:, k] for k in range(len(self.kinds))}
        best = self.membership.argmax(axis=1)
        return pd.DataFrame(
            {"voter": self.voters, "kind": best + 1, "probability": self.membership.max(axis=1), **columns}
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each model and kind, each kind from its best model to its last."""
        import pandas as pd

        rows = []
        for k in range(len(self.kinds)):
            for i in np.argsort(-self.strengths[k], kind="stable").tolist():
                low = None if self.lower is None else float(self.lower[k, i])
                high = None if self.upper is None else float(self.upper[k, i])
                rows.append((k + 1, self.models[i], float(self.strengths[k, i]), low, high))
        return pd.DataFrame(rows, columns=["kind", "model", "score", "lower", "upper"])

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        plain = {
            "kinds": [
                {name: getattr(one, name) for name in KindOfVoters.__dataclass_fields__} for one in self.kinds
            ],
            "tried": [
                {name: getattr(one, name) for name in KindsTried.__dataclass_fields__} for one in self.tried
            ],
        }
        none = {float("nan"): None}
        return {
            "conclusion": self.conclusion(),
            **plain,
            "asked": self.asked,
            "level": self.level,
            "n_resamples": self.n_resamples,
            "seed": self.seed,
            "boards": self.to_frame().replace(none).to_dict("records"),
            "worst_group": self.worst_group().replace(none).to_dict("records"),
            "voters": self.members().to_dict("records"),
            "unsure": self.unsure,
            "factors": [
                {"share": float(share), "loadings": dict(zip(self.models, row.tolist(), strict=True))}
                for share, row in zip(self.factor_shares, self.factors, strict=True)
            ],
        }


@dataclass(frozen=True, eq=False)
class _Mixture:
    """(K, M) strengths in nats, (K,) shares, (V, K) memberships, the log-posterior that was reached."""

    strengths: FloatArray
    shares: FloatArray
    membership: FloatArray
    value: float


def voter_tastes(
    votes: Votes,
    *,
    kinds: int | None = None,
    most: int = 4,
    by: str | None = None,
    folds: int = 5,
    n_resamples: int = 100,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> Tastes:
    """Find kinds of voters who like different models, and say how many the votes tell apart.

    A kind more is believed where it predicts votes held out better beyond chance: each voter's votes are
    held out in parts, the kinds fitted to the rest, and what the other votes of a voter say of their kind
    used to predict theirs. A tie is half a win each way. Shares, and scores of each kind, have intervals by
    the bootstrap of voters, every refit beginning at the kinds found, so that they do not hold that these
    kinds might not be there.

    Args:
        votes: with a column of voters.
        kinds: how many; None for the number that predicts best.
        most: kinds that are tried if the number is not given.
        by: the column of voters; None for the one that is called so.
        folds: parts in which votes are held out.
        n_resamples: refits of the bootstrap; 0 for no intervals.
        level: of the intervals, between 0 and 1.
        seed: of everything drawn.
        progress: given a sentence, opened around what takes long.

    Raises:
        SourceError: votes that do not say who cast them, a table of scores.
        OptionError: fewer voters than kinds, or an option outside its range.

    Source:
        Mixtures by EM: A. Dempster, N. Laird and D. Rubin, JRSS B 39 (1977); of Bradley-Terry models:
        M. Stern, Biometrika 1993; I. Gormley and T. Murphy, Ann. Appl. Stat. 2 (2008). Worst group:
        J. Rawls (1971); S. Chakraborty et al., MaxMin-RLHF, ICML (2024).
    """
    given = as_comparisons(votes)
    if isinstance(given, ScoreTable):
        raise SourceError("A table of scores has no voters whose tastes could differ; give votes.")
    for name, value, least in (("most", most, 1), ("folds", folds, 2), ("n_resamples", n_resamples, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if kinds is not None and (not isinstance(kinds, int) or isinstance(kinds, bool) or kinds < 1):
        raise OptionError(f"kinds must be a whole number of at least 1, not {kinds!r}.")
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}; 95% is 0.95.")
    judged = Judgements.of(given, by)
    size = int((judged.judged > 0).sum())
    if kinds is not None and kinds > size:
        raise OptionError(
            f"{size} voters cannot be of {kinds} kinds: set --kinds (kinds=) to at most {size}."
        )
    with threads_for(len(judged.models)):
        tried = _tried(judged, kinds, min(most, size), folds, level, seed, progress)
        number = kinds or _number(tried)
        cells = judged.cells()
        crowd = _crowd(cells)
        found = _ordered(_fit(cells, number, crowd, np.random.default_rng([seed, 7])))
        samples = []
        if n_resamples:
            with progress(f"drawing the voters {n_resamples} times"):
                samples = [_resampled(cells, found, seed, r) for r in range(n_resamples)]
        factors, shares = _factors(cells, crowd)
    return _told(judged, found, tried, samples, kinds is not None, factors, shares, level, n_resamples, seed)


def _crowd(cells: Judgements) -> FloatArray:
    """(M,) strengths of all voters together."""
    wins = cells.table(np.ones(len(cells.voters)))
    return posterior_mode(wins, np.zeros(len(wins)), 0.01)[0]


def _fit(
    cells: Judgements,
    kinds: int,
    crowd: FloatArray,
    rng: np.random.Generator,
    start: FloatArray | None = None,
    times: FloatArray | None = None,
) -> _Mixture:
    """The mixture of the largest posterior over several starts, or from one; (V,) times each voter counts."""
    v = len(cells.voters)
    count = np.ones(v) if times is None else times
    if start is not None:
        return _climb(cells, start, crowd, count)
    if kinds == 1:
        return _climb(cells, np.ones((v, 1)), crowd, count)
    found: list[_Mixture] = []
    scores = _residuals(cells, crowd)
    vectors = np.linalg.svd(scores - scores.mean(axis=0), full_matrices=False)[0]
    for number in range(STARTS):
        direction = vectors[:, number] if number < min(2, vectors.shape[1]) else None
        if direction is None:
            direction = scores @ rng.normal(size=scores.shape[1])
        # the ends of a direction, of unequal sizes, for the kinds may be
        edges = np.sort(rng.uniform(0.05, 0.95, kinds - 1)) if number else np.arange(1, kinds) / kinds
        if number == 1:
            edges = np.arange(1, kinds) / kinds * 0.3
        kind = np.searchsorted(np.quantile(direction, edges), direction)
        first = np.full((v, kinds), 0.1 / kinds)
        first[np.arange(v), kind] += 0.9
        found.append(_climb(cells, first, crowd, count))
    return max(found, key=lambda one: one.value)


def _residuals(cells: Judgements, crowd: FloatArray) -> FloatArray:
    """(V, M) points that each voter gave each model beyond what the crowd's strengths expect, per √vote."""
    m, v = len(cells.models), len(cells.voters)
    rest = cells.won - cells.met * expit(crowd[cells.first] - crowd[cells.second])
    table = np.bincount(cells.voter * m + cells.first, rest, v * m)
    table -= np.bincount(cells.voter * m + cells.second, rest, v * m)
    votes = np.bincount(cells.voter, cells.met, v)
    return np.asarray(table.reshape(v, m) / np.sqrt(np.maximum(votes, 1e-9))[:, None])


def _climb(cells: Judgements, membership: FloatArray, crowd: FloatArray, count: FloatArray) -> _Mixture:
    """EM from memberships (V, K) until the log-posterior settles."""
    kinds, value = membership.shape[1], -np.inf
    strengths = np.tile(crowd, (kinds, 1))
    precision = 0.0 if kinds == 1 else 1 / PRIOR_SD**2
    shares = np.full(kinds, 1 / kinds)
    for _ in range(STEPS):
        shares = (count @ membership + 1.0) / (count.sum() + kinds)  # a kind of nobody stays possible
        for k in range(kinds):
            wins = cells.table(count * membership[:, k])
            strengths[k] = posterior_mode(wins, crowd, precision + 1e-6, strengths[k])[0]
        logs = cells.log_likelihood(strengths) + np.log(shares)
        top = logs.max(axis=1)
        total = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
        membership = np.exp(logs - total[:, None])
        new = float(count @ total) - 0.5 * precision * float(((strengths - crowd) ** 2).sum())
        new += float(np.log(shares).sum())
        if new - value < SETTLED * (1 + abs(new)) * 0.1:
            value = new
            break
        value = new
    return _Mixture(strengths, shares, membership, value)


def _ordered(found: _Mixture) -> _Mixture:
    """The same kinds, the largest first."""
    order = np.argsort(-found.shares, kind="stable")
    return _Mixture(found.strengths[order], found.shares[order], found.membership[:, order], found.value)


def _tried(
    judged: Judgements,
    kinds: int | None,
    most: int,
    folds: int,
    level: float,
    seed: int,
    progress: Callable[[str], AbstractContextManager[object]],
) -> tuple[KindsTried, ...]:
    """One, two, ... kinds by what they predict, up to the first that is not better, or to those asked for."""
    order = np.random.default_rng([seed, 1]).permutation(len(judged.voter))
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % folds
    found: list[KindsTried] = []
    before: FloatArray | None = None
    met = np.bincount(judged.voter, judged.met, len(judged.voters))
    for number in range(1, (most if kinds is None else kinds) + 1):
        with progress(f"asking {number} kind{'s' if number > 1 else ''} of voters about votes held out"):
            loss = _held_out_loss(judged, number, fold, seed)
        if before is None:
            found.append(KindsTried(1, float(loss.sum() / met.sum())))
        else:
            gain = before - loss
            mean = float(gain.sum() / met.sum())
            error = float(np.sqrt(((gain - mean * met) ** 2).sum()) / met.sum())
            half = quantile(level, max(float((met > 0).sum()) - 1, 1)) * error
            found.append(KindsTried(number, float(loss.sum() / met.sum()), mean, mean - half, mean + half))
            if kinds is None and mean - half <= 0:
                break
        before = loss
    return tuple(found)


def _number(tried: Sequence[KindsTried]) -> int:
    """The most kinds each of which predicts surely better than one fewer."""
    return max(one.kinds for one in tried if one.lower is None or one.lower > 0)


def _held_out_loss(judged: Judgements, kinds: int, fold: IntArray, seed: int) -> FloatArray:
    """(V,) log loss of each voter's votes, predicted from the others of theirs."""
    loss = np.zeros(len(judged.voters))
    for number in range(int(fold.max()) + 1):
        cells = judged.where(np.flatnonzero(fold != number)).cells()
        crowd = _crowd(cells)
        found = _fit(cells, kinds, crowd, np.random.default_rng([seed, number]))
        asked = judged.where(np.flatnonzero(fold == number))
        chance = expit(found.strengths[:, asked.first] - found.strengths[:, asked.second])
        p = (found.membership[asked.voter] * chance.T).sum(axis=1)
        cost = -(asked.won * np.log(p) + (asked.met - asked.won) * np.log1p(-p))
        loss += np.bincount(asked.voter, cost, len(loss))
    return loss


def _resampled(cells: Judgements, found: _Mixture, seed: int, number: int) -> _Mixture:
    """The kinds refitted to voters drawn with replacement, from where they are."""
    rng, v = np.random.default_rng([seed, 2, number]), len(cells.voters)
    times = np.bincount(rng.integers(0, v, v), minlength=v).astype(np.float64)
    wins = cells.table(times)
    crowd = posterior_mode(wins, np.zeros(len(wins)), 0.01)[0]
    return _fit(cells, len(found.shares), crowd, rng, found.membership, times)


def _factors(cells: Judgements, crowd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(F, M) principal directions of what voters give beyond the crowd's expectation, and their shares."""
    scores = _residuals(cells, crowd)
    _, size, directions = np.linalg.svd(scores - scores.mean(axis=0), full_matrices=False)
    share = size**2 / max(float((size**2).sum()), 1e-300)
    sign = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    return (directions * sign[:, None])[:3], share[:3]


def _told(
    judged: Judgements,
    found: _Mixture,
    tried: tuple[KindsTried, ...],
    samples: Sequence[_Mixture],
    asked: bool,
    factors: FloatArray,
    factor_shares: FloatArray,
    level: float,
    n_resamples: int,
    seed: int,
) -> Tastes:
    """Put it into words and onto the scale."""
    k, models = len(found.shares), judged.models
    centred = found.strengths - found.strengths.mean(axis=1, keepdims=True)
    scores = 1000 + POINTS_A_NAT * centred
    tails = [(1 - level) / 2, (1 + level) / 2]
    lower = upper = worst_lower = None
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * k
    reach = np.full(centred.shape, np.inf)
    if len(samples) > 1:
        drawn = np.stack([one.strengths - one.strengths.mean(axis=1, keepdims=True) for one in samples])
        lower, upper = 1000 + POINTS_A_NAT * np.quantile(drawn, tails, axis=0)
        worst_lower = 1000 + POINTS_A_NAT * np.quantile(drawn.min(axis=1), 1 - level, axis=0)
        if k > 1:
            parts = np.quantile(np.stack([one.shares for one in samples]), tails, axis=0)
            bounds = [(float(parts[0, i]), float(parts[1, i])) for i in range(k)]
            weight = np.stack([one.shares for one in samples])
            rest = (
                np.einsum("rk,rkm->rm", weight, drawn)[:, None] - weight[:, :, None] * drawn
            ) / np.maximum(1 - weight[:, :, None], 1e-9)
            error = (drawn - rest).std(axis=0, ddof=1)
            reach = quantile(1 - (1 - level) / error.size) * error  # of all models and kinds at once
    others = (found.shares @ centred - found.shares[:, None] * centred) / np.maximum(
        1 - found.shares[:, None], 1e-9
    )
    gap = centred - others
    best = found.membership.argmax(axis=1)
    kinds = []
    for i in range(k):
        sure = int(((best == i) & (found.membership[:, i] >= MEMBER_FROM)).sum())
        likes = sorted(np.flatnonzero(gap[i] > reach[i]).tolist(), key=lambda j, i=i: -gap[i, j])[:3]  # type: ignore[misc]
        dislikes = sorted(np.flatnonzero(-gap[i] > reach[i]).tolist(), key=lambda j, i=i: gap[i, j])[:3]  # type: ignore[misc]
        kinds.append(
            KindOfVoters(
                float(found.shares[i]),
                *bounds[i],
                sure,
                models[int(centred[i].argmax())],
                tuple(models[j] for j in likes),
                tuple(models[j] for j in dislikes),
            )
        )
    return Tastes(
        tuple(kinds), tried, asked, models, scores, lower, upper, judged.voters, found.membership, factors,
        factor_shares, scores.min(axis=0), worst_lower, level, n_resamples, seed,
    )  # fmt: skip
