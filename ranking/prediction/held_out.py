"""Votes held out: which votes a method learns from and which it is asked about, fold by fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agon.ranking.errors import OptionError, SourceError
from agon.ranking.numerics import BoolArray, IntArray
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.vote_source import DEPENDENT, Battles

HeldOutBy = Literal["vote", "voter", "prompt", "time"]
SPLITS: tuple[HeldOutBy, ...] = ("vote", "voter", "prompt", "time")
_WHAT = {"voter": "who voted", "prompt": "on which prompt they were cast"}


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Votes cut into folds.

    Attributes:
        battles: N votes.
        fold: (N,) fold in which each is held out; with `in_time` a fold learns only from those before it, and
            nothing is asked of fold 0.
        cluster: (N,) votes that depend on one another, for intervals.
        by: what was held out together.
        clustered_by: what the clusters are: "vote" where each vote is one.
    """

    battles: Battles
    fold: IntArray
    cluster: IntArray
    by: HeldOutBy
    clustered_by: str

    @property
    def asked(self) -> BoolArray:
        """(N,) votes that are held out once."""
        return self.fold > 0 if self.by == "time" else np.ones(len(self.fold), dtype=bool)

    def folds(self) -> Iterator[tuple[BoolArray, BoolArray]]:
        """For each fold (N,) the votes to learn from, and those to be asked about."""
        for number in range(int(self.by == "time"), int(self.fold.max()) + 1):
            asked = self.fold == number
            yield self.fold < number if self.by == "time" else ~asked, asked


def hold_out(votes: Comparisons, by: HeldOutBy = "vote", folds: int = 5, seed: int = 0) -> HeldOut:
    """Cut votes into folds: single ones, those of a voter or on a prompt together, or the later ones.

    The same votes in another order of rows are cut alike. By time the votes are cut into one block more than
    folds, equal times together, and each but the first is asked of what the blocks before it tell.

    Args:
        votes: to cut.
        by: what is held out together.
        folds: 2 or more.
        seed: of the draw.

    Raises:
        OptionError: fewer than two folds, or another `by`.
        SourceError: the votes do not say who cast them, on which prompt or when; or too few of those.
    """
    if by not in SPLITS:
        raise OptionError(f"Votes are held out by {', '.join(SPLITS[:-1])} or {SPLITS[-1]}, not by {by!r}.")
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise OptionError(f"folds must be a whole number of at least 2, not {folds!r}.")
    battles, clustered_by = _clustered(votes, by)
    number = len(battles.sequence)
    cluster = np.arange(number) if battles.cluster is None else battles.cluster
    if by == "time":
        fold = _blocks(battles, folds)
    else:
        rng = np.random.default_rng(seed)
        if by == "vote":
            units, size = np.empty(number, dtype=np.int64), number
            units[np.lexsort((cluster, battles.sequence))] = np.arange(number)
        else:
            units, size = cluster, int(cluster.max()) + 1
        if size < 2 and by != "vote":
            raise SourceError(
                f"All votes are of one {by}, so none can be held out; collect votes of a second."
            )
        fold = (rng.permutation(size) % min(folds, size))[units]
    return HeldOut(battles, fold, cluster, by, clustered_by)


def column_of(votes: Comparisons, what: Literal["voter", "prompt"]) -> str:
    """The column that says who voted, or on which prompt.

    Raises:
        SourceError: there is none.
    """
    names = DEPENDENT[what == "prompt"]
    found = next((column for column in votes.cluster_columns if column.lower() in names), None)
    if found is None:
        raise SourceError(
            f"The votes do not say {_WHAT[what]}: name the column, as in --column {what}=NAME "
            f'(columns={{"{what}": "NAME"}}).'
        )
    return found


def part_of(battles: Battles, keep: BoolArray) -> Battles:
    """Some of the votes; (N,) mask."""
    sequence = battles.sequence[keep]
    counts = np.bincount(sequence, minlength=len(battles.ballots.count))
    times = None if battles.times is None else battles.times[keep]
    turned = None if battles.turned is None else battles.turned[keep]
    return Battles(battles.ballots.with_count(counts), sequence, battles.order, times=times, turned=turned)


def _clustered(votes: Comparisons, by: HeldOutBy) -> tuple[Battles, str]:
    """The votes with the clusters of their intervals: those of the split, else of voters, else of prompts."""
    if by in {"voter", "prompt"}:
        column = column_of(votes, by)
        return votes.clustered(column), column
    for column in votes.cluster_columns:
        try:
            battles = votes.clustered(column)
        except SourceError:  # some votes say nothing there
            continue
        if battles.cluster is not None and len(np.unique(battles.cluster)) > 1:
            return battles, column
    return votes.battles, "vote"


def _blocks(battles: Battles, folds: int) -> IntArray:
    """(N,) block of each vote in time, about as large as one another."""
    if battles.times is None:
        raise SourceError(
            "The votes do not say when they were cast: name the column, as in --column timestamp=NAME "
            '(columns={"timestamp": "NAME"}), or hold them out by vote.'
        )
    number = len(battles.times)
    begins = np.searchsorted(battles.times, battles.times, "left")  # of the votes of one time
    block = (begins * (folds + 1)) // max(number, 1)
    known, dense = np.unique(block, return_inverse=True)
    if len(known) < 2:
        raise SourceError("All votes are of one time, so that none is later; hold them out by vote.")
    return np.asarray(dense.reshape(-1), dtype=np.int64)
