"""Votes with what was different about the answers: the view of methods that control for style.

A feature of two models on a vote is a number toward one of them: +1 if that model was at home, or how much
more of something its answer had, (a − b)/(a + b). A vote on more models is all the pairs that it orders.
`CovariateComparisons` holds these in a canonical order, so that the order of the rows changes no bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.errors import OptionError, SourceError, VotesError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray, hash_columns
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.validation import numbers

GROUPS = {
    "markdown": ("headers", "lists", "bold"),
    "style": ("length", "headers", "lists", "bold"),
}


@dataclass(frozen=True, eq=False)
class CovariateComparisons:
    """N comparisons of two models with F features each, in canonical order: one a vote, or all pairs of it.

    Attributes:
        ballots: the distinct ballots, with the counts of the votes that are here.
        pair: (N,) row of `ballots.pair_rows` of each comparison, ballots ascending.
        features: (F, N) toward the pair's first model, in units of `scale`.
        names: the F names.
        scale: (F,) root mean square of each feature over the comparisons.
        count: (N,) how many votes each row stands for: 1, or the number the bootstrap drew.
        cluster: (N,) cluster of each vote, or None.
        vote: (N,) number of the vote that each comparison is of, ascending; None if each is a vote.
        left_out: how many votes could not be used, by reason.
    """

    ballots: Ballots
    pair: IntArray
    features: FloatArray
    names: tuple[str, ...]
    scale: FloatArray
    count: IntArray
    cluster: IntArray | None = None
    vote: IntArray | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models."""
        return self.ballots.models

    @property
    def clusters(self) -> int:
        """Number of clusters, C; 0 if the votes are not clustered."""
        return 0 if self.cluster is None else int(self.cluster.max()) + 1

    @classmethod
    def of(
        cls,
        ballots: Ballots,
        sequence: IntArray,
        features: FloatArray,
        names: Sequence[str],
        cluster: IntArray | None = None,
    ) -> CovariateComparisons:
        """Standardise the features and bring the votes into canonical order.

        Each feature is divided by its root mean square, which is its standard deviation over both ways to
        look at every pair; subtracting a mean would favour a side. Votes that cannot be used are counted.

        Args:
            ballots: B distinct ballots.
            sequence: (N,) ballot of each vote.
            features: (F, N) toward the ballot's first model, which votes on more than two cannot have; or
                (F, N, K) amounts parallel to `ballots.shown`. NaN where there is none.
            names: F names.
            cluster: (N,) numbers 0 ... C − 1, or None.

        Raises:
            SourceError: no vote can be used.
            OptionError: a feature that is the same on both sides of every vote.
        """
        if features.ndim == 3 and ballots.pairwise:
            features = relative(*np.moveaxis(features, 2, 0))
        keep, left_out = _usable(ballots, sequence, features, names)
        if not keep.all():
            sequence, features = sequence[keep], features[:, keep]
            ballots = ballots.with_count(np.bincount(sequence, minlength=len(ballots.count)))
            if cluster is not None:
                cluster = np.unique(cluster[keep], return_inverse=True)[1].reshape(-1)
        features = np.where(np.isnan(features), 0.0, features) if features.ndim == 3 else features
        columns = features if features.ndim == 2 else np.moveaxis(features, 2, 1).reshape(-1, len(sequence))
        order = _canonical(sequence, len(ballots.count), hash_columns(*columns))
        sequence, own = sequence[order], None if cluster is None else cluster[order]
        pair, vote, standard = _compared(ballots, sequence, features.take(order, axis=1))
        standard += 0.0  # no negative zeros: the same votes are the same bits
        scale = np.sqrt([values @ values / len(values) for values in standard])
        for name, size in zip(names, scale, strict=True):
            if not size > 0:
                raise OptionError(
                    f"{name!r} is the same on both sides of every vote: leave it out of control."
                )
        standard /= scale[:, None]
        if own is not None and vote is not None:
            own = own[vote]
        once = np.ones_like(pair)
        return cls(ballots, pair, standard, tuple(names), scale, once, own, vote, left_out)

    def resample(self, rng: np.random.Generator) -> CovariateComparisons:
        """Draw as many votes, or whole clusters, with replacement."""
        unit = self.vote if self.cluster is None else self.cluster
        size = len(self.pair) if unit is None else int(unit.max()) + 1
        drawn = np.bincount(rng.integers(0, size, size), minlength=size)
        return self.drawn(drawn if unit is None else drawn[unit])

    def drawn(self, count: IntArray) -> CovariateComparisons:
        """Return the same votes cast other numbers of times; (N,)."""
        ballot, once = self.pair, count
        if not self.ballots.pairwise:
            ballot = self.ballots.pair_rows.ballot[self.pair]
        if self.vote is not None:
            first = np.diff(self.vote, prepend=-1) > 0
            ballot, once = ballot[first], count[first]
        total = np.bincount(ballot, once, len(self.ballots.count)).round().astype(np.int64)
        return replace(self, ballots=self.ballots.with_count(total), count=count)


def _usable(
    ballots: Ballots, sequence: IntArray, features: FloatArray, names: Sequence[str]
) -> tuple[BoolArray, dict[str, int]]:
    """(N,) which votes can be controlled for; and how many cannot, by reason.

    Raises:
        SourceError: none can.
    """
    keep, left_out = np.ones(len(sequence), dtype=bool), {}
    told = ", ".join(map(repr, names))
    reasons: list[tuple[str, BoolArray]] = []
    if not ballots.pairwise:
        many = (ballots.shown >= 0).sum(axis=1)
        if features.ndim == 2:
            why = f"showing more than two models, where {told} is given of two answers"
            reasons.append((why, (many > 2)[sequence]))
        ordered = np.zeros(len(many), dtype=bool)
        ordered[ballots.pair_rows.ballot] = True
        reasons.append(("ordering no two models", ~ordered[sequence]))
    for name, values in zip(names, features, strict=True):
        if np.isfinite(values.sum()):  # all are there: quickly seen
            continue
        gone = np.isnan(values)
        if values.ndim == 2:
            gone = (gone & (ballots.shown[sequence] >= 0)).any(axis=1)
        reasons.append((f"having no {name!r} to control for", gone))
    for why, wrong in reasons:
        if number := int((wrong & keep).sum()):
            left_out[why] = number
            keep &= ~wrong
    if left_out and not keep.any():
        told = ", ".join(f"{number:,} for {why}" for why, number in left_out.items())
        raise SourceError(f"All votes would be left out, {told}; leave that out of control.")
    return keep, left_out


def _canonical(ballot: IntArray, n_ballots: int, content: NDArray[np.uint64]) -> IntArray:
    """(N,) the order of votes by ballot, those on equal ones by a hash of what else they hold."""
    bits, places = max(1, n_ballots.bit_length()), len(ballot).bit_length()
    key = ballot.astype(np.uint64) << np.uint64(64 - bits) | content >> np.uint64(bits)
    place = np.uint64((1 << places) - 1)  # in the lowest bits, as numbers are sorted faster than their places
    packed = key & ~place | np.arange(len(key), dtype=np.uint64)
    packed.sort()
    order = (packed & place).astype(np.int64)
    alike = np.flatnonzero(packed[1:] ^ packed[:-1] <= place)
    if np.any(key[order[alike]] != key[order[alike + 1]]):  # they differ in bits that had to make room
        runs = np.union1d(alike, alike + 1)
        order[runs] = order[runs][np.argsort(key[order[runs]])]
    return order


def _compared(
    ballots: Ballots, sequence: IntArray, features: FloatArray
) -> tuple[IntArray, IntArray | None, FloatArray]:
    """The pairs that N votes order: (P,) row of each, (P,) its vote or None, (F, P) features."""
    if ballots.pairwise and features.ndim == 2:
        return sequence, None, features
    rows = ballots.pair_rows
    begin = np.searchsorted(rows.ballot, sequence)
    length = np.searchsorted(rows.ballot, sequence, "right") - begin
    if features.ndim == 2:  # votes on two models among others, which were left out
        return begin, None, features
    vote = np.repeat(np.arange(len(sequence)), length)
    pair = np.arange(len(vote)) + np.repeat(begin - np.cumsum(length) + length, length)
    seats = ballots.shown[rows.ballot]
    a, b = (
        features[:, vote, (seats == model[:, None]).argmax(axis=1)[pair]]
        for model in (rows.first, rows.second)
    )
    alone = len(vote) == len(sequence)
    return pair, None if alone else vote, relative(a, b)


def relative(a: FloatArray, b: FloatArray) -> FloatArray:
    """(a − b)/(a + b), and 0 where both are 0; NaN where there is none."""
    return np.asarray(np.divide(a - b, a + b, out=np.zeros(a.shape), where=a + b != 0))


def control_names(control: str | Sequence[str]) -> tuple[str, ...]:
    """Names of features, with `markdown` and `style` written out; from a list or a text with commas.

    Raises:
        OptionError: something that is no name, or a name twice.
    """
    given = control.split(",") if isinstance(control, str) else list(control)
    if not all(isinstance(name, str) and name.strip() for name in given):
        raise OptionError(f"control must be names of features such as 'length', not {control!r}.")
    names = [name for word in given for name in GROUPS.get(word.strip(), (word.strip(),))]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"control names {name!r} twice; name it once.")
    return tuple(names)


def amounts(name: str, values: ArrayLike, shown: IntArray) -> FloatArray:
    """(N,) numbers toward the model shown first, or (N, K) amounts parallel to `shown`, checked.

    Raises:
        VotesError: another shape, a number that is not finite, or an amount below 0.
    """
    given = numbers(name, values)
    if given.shape not in (shown.shape[:1], shown.shape):
        raise VotesError(
            f"{name} has shape {given.shape}; give one number, or one for each model shown, of the "
            f"{len(shown)} votes."
        )
    there = shown >= 0 if given.ndim == 2 else np.ones(len(shown), dtype=bool)
    if len(wrong := np.argwhere(~np.isfinite(given) & there)):
        raise VotesError(
            f"{name} of vote {wrong[0][0] + 1} is no finite number; fill it in, or leave the vote out."
        )
    if given.ndim == 2 and len(wrong := np.argwhere((given < 0) & there)):
        raise VotesError(f"{name} of vote {wrong[0][0] + 1} is below 0; amounts of answers are 0 or more.")
    return given
