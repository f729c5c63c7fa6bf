"""Votes with what was different about the two answers: the view of methods that control for style.

A feature of a vote is a number toward one of the two models: +1 if that model was at home, or how much more
of something its answer had, (a − b)/(a + b). `Contexts` holds them vote by vote, in a canonical order, so
that the order of the rows changes no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ranking.ballot_checks import numbers
from ranking.ballots import Ballots, FloatArray, IntArray
from ranking.errors import MethodError, OptionError, VotesError
from ranking.structure import hashed

GROUPS = {
    "markdown": ("headers", "lists", "bold"),
    "style": ("length", "headers", "lists", "bold"),
}


@dataclass(frozen=True, eq=False)
class Contexts:
    """N pairwise votes with F features each, in canonical order.

    Attributes:
        ballots: the distinct ballots, with their counts.
        ballot: (N,) row of `ballots` of each vote, ascending.
        features: (F, N) toward the ballot's first model, in units of `scale`.
        names: the F names.
        scale: (F,) root mean square of each feature over the votes.
        count: (N,) how many votes each row stands for: 1, or the number the bootstrap drew.
        cluster: (N,) cluster of each vote, or None.
    """

    ballots: Ballots
    ballot: IntArray
    features: FloatArray
    names: tuple[str, ...]
    scale: FloatArray
    count: IntArray
    cluster: IntArray | None = None

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
    ) -> Contexts:
        """Standardise the features and bring the votes into canonical order.

        Each feature is divided by its root mean square, which is its standard deviation over both ways to
        look at every vote; subtracting a mean would favour a side.

        Args:
            ballots: B distinct ballots on two models.
            sequence: (N,) ballot of each vote.
            features: (F, N) toward the ballot's first model.
            names: F names.
            cluster: (N,) numbers 0 ... C − 1, or None.

        Raises:
            MethodError: votes on more than two models.
            OptionError: a feature that is the same on both sides of every vote.
        """
        if not ballots.pairwise:
            many = int(ballots.count[(ballots.shown >= 0).sum(axis=1) > 2].sum())
            raise MethodError(
                f"{many:,} votes show more than two models, and control compares two answers; "
                "leave these votes out, or rank without control."
            )
        features = features + 0.0  # no negative zeros, which hash differently
        bits = max(1, len(ballots.count).bit_length())
        key = sequence.astype(np.uint64) << np.uint64(64 - bits) | hashed(*features) >> np.uint64(bits)
        order = np.argsort(key)
        standard = np.ascontiguousarray(features[:, order])
        scale = np.sqrt((standard**2).mean(axis=1))
        for name, size in zip(names, scale, strict=True):
            if not size > 0:
                raise OptionError(
                    f"{name!r} is the same on both sides of every vote: leave it out of control."
                )
        standard /= scale[:, None]
        own = None if cluster is None else cluster[order]
        return cls(ballots, sequence[order], standard, tuple(names), scale, np.ones_like(sequence), own)

    def resample(self, rng: np.random.Generator) -> Contexts:
        """Draw as many votes, or whole clusters, with replacement."""
        if self.cluster is None:
            n = len(self.ballot)
            return self.drawn(np.bincount(rng.integers(0, n, n), minlength=n))
        size = self.clusters
        return self.drawn(np.bincount(rng.integers(0, size, size), minlength=size)[self.cluster])

    def drawn(self, count: IntArray) -> Contexts:
        """Return the same votes cast other numbers of times; (N,)."""
        total = np.bincount(self.ballot, count, len(self.ballots.count)).round().astype(np.int64)
        return replace(self, ballots=self.ballots.with_count(total), count=count)


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


def toward_first(name: str, values: ArrayLike, n_votes: int) -> FloatArray:
    """(N,) a feature toward the model shown first, from (N,) numbers or from (N, 2) amounts of each side.

    Amounts a and b become (a − b)/(a + b), and 0 where both are 0.

    Raises:
        VotesError: another shape, a number that is not finite, or an amount below 0.
    """
    given = numbers(name, values)
    if given.shape not in ((n_votes,), (n_votes, 2)):
        raise VotesError(
            f"{name} has shape {given.shape}; give one number, or one for each side, of the {n_votes} votes."
        )
    if not np.isfinite(given).all():
        row = int(np.flatnonzero(~np.isfinite(given.reshape(n_votes, -1)).all(axis=1))[0])
        raise VotesError(f"{name} of vote {row + 1} is no finite number; fill it in, or leave the vote out.")
    if given.ndim == 1:
        return given
    if (given < 0).any():
        row = int(np.flatnonzero((given < 0).any(axis=1))[0])
        raise VotesError(f"{name} of vote {row + 1} is below 0; amounts of two answers are 0 or more.")
    a, b = given.T
    return np.asarray(np.divide(a - b, a + b, out=np.zeros(n_votes), where=a + b > 0))
