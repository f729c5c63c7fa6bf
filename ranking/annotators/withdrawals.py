"""Whether votes were withdrawn whatever they said: an exact test within each voter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import lgamma
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.text import Names, Readable, Sentence, in_turn

Lean = Literal["more", "less", "none"]


@dataclass(frozen=True, repr=False)
class ResultWithdrawals(Readable):
    """The votes with one result.

    Attributes:
        result: what they said.
        cast: how many there are, those withdrawn among them.
        withdrawn: of these.
        expected: how many would be, had each voter withdrawn as many votes as they did, whatever those said.
        p_value: of a difference as large, two-sided, not corrected for their number.
        lean: whether more or less were withdrawn than chance allows, with all tests held together.
    """

    result: str
    cast: int
    withdrawn: int
    expected: float
    p_value: float
    lean: Lean

    def conclusion(self) -> str:
        """Say how many were withdrawn."""
        return f"{self.result!r}: {self.withdrawn:,} of {self.cast:,} withdrawn, {self.expected:.1f} expected"


@dataclass(frozen=True, repr=False)
class ModelWithdrawals(Readable):
    """The votes for and against one model.

    Attributes:
        model: its name.
        cast_for, withdrawn_for: votes that put it above another and below none.
        cast_against, withdrawn_against: votes that put it below another and above none.
        expected_against: as `expected` of a result, of votes for or against it.
        p_value: likewise.
        lean: "more" where more of those against it were withdrawn than chance allows.
    """

    model: str
    cast_for: int
    withdrawn_for: int
    cast_against: int
    withdrawn_against: int
    expected_against: float
    p_value: float
    lean: Lean

    def conclusion(self) -> str:
        """Say how many were withdrawn."""
        return (
            f"{self.model}: {self.withdrawn_for:,} of {self.cast_for:,} votes for it "
            f"withdrawn, and {self.withdrawn_against:,} of {self.cast_against:,} against it, "
            f"{self.expected_against:.1f} expected"
        )


@dataclass(frozen=True, repr=False)
class WithdrawalTest(Readable):
    """What was withdrawn of what was cast, and whether that leans.

    Attributes:
        votes: that were cast, those withdrawn among them.
        withdrawn: of these.
        voters: who withdrew one or more.
        partly: of these voters, those who kept a vote; the others tell nothing.
        results: of each result.
        models: of each model.
        level: with which no lean is found where there is none.
    """

    votes: int
    withdrawn: int
    voters: int
    partly: int
    results: tuple[ResultWithdrawals, ...]
    models: tuple[ModelWithdrawals, ...]
    level: float

    def conclusion(self) -> Sentence:
        """Say how many were withdrawn, and which way they lean where chance is ruled out."""
        said = [
            Sentence("Withdrawn votes: {withdrawn} of {votes}.", withdrawn=self.withdrawn, votes=self.votes)
        ]
        if against := [one.model for one in self.models if one.lean == "more"]:
            said.append(
                Sentence(
                    "More votes against {models} were withdrawn than chance allows.", models=Names(against)
                )
            )
        if favour := [one.model for one in self.models if one.lean == "less"]:
            said.append(
                Sentence("More votes for {models} were withdrawn than chance allows.", models=Names(favour))
            )
        for one in self.results:
            word = {"tie": Sentence("tie"), "both bad": Sentence("both bad")}.get(one.result, one.result)
            if one.lean == "more":
                said.append(
                    Sentence("More votes that say “{result}” were withdrawn than chance allows.", result=word)
                )
            elif one.lean == "less":
                said.append(
                    Sentence(
                        "Fewer votes that say “{result}” were withdrawn than chance allows.", result=word
                    )
                )
        return in_turn(*said)


def withdrawal_test(
    voters: ArrayLike,
    withdrawn: ArrayLike,
    results: ArrayLike,
    votes: ArrayLike,
    models: ArrayLike,
    favour: ArrayLike,
    *,
    level: float = 0.95,
) -> WithdrawalTest:
    """Test whether withdrawals lean towards a result, or towards votes for or against a model.

    Where none does, the votes that a voter withdrew are drawn at random from that voter's, as many as they
    were: the unit is the voter, and one who withdrew all of theirs says nothing, whatever they said. The
    distribution is exact, all tests are held together by Holm's steps, and a lean is one in either direction.

    Args:
        voters: (N,) whose each vote is.
        withdrawn: (N,) whether it was withdrawn.
        results: (N,) what it says, in words such as "A", "B", "tie".
        votes: (M,) of each vote that is for or against a model, its place from 0 among the N.
        models: (M,) that model.
        favour: (M,) 1 where the vote is for it, -1 where it is against it.
        level: with which no lean is found where there is none.

    Raises:
        VotesError: there are no votes, or arrays of different lengths, or another value in favour.
        OptionError: a level outside 0 to 1.

    Source:
        Gart, Biometrika 57 (1970), for the exact test over strata; Holm, Scand. J. Stat. 6 (1979).
    """
    if not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}.")
    whose = np.asarray(voters)
    gone, said = np.asarray(withdrawn, dtype=bool), np.asarray(results)
    at, model, sign = np.asarray(votes, dtype=np.int64), np.asarray(models), np.asarray(favour)
    if not len(whose):
        raise VotesError("There are no votes of which any could be withdrawn.")
    if not len(whose) == len(gone) == len(said) or not len(at) == len(model) == len(sign):
        raise VotesError("Voters, withdrawn and results are one for each vote; votes, models and favour too.")
    if not np.isin(sign, (-1, 1)).all():
        raise VotesError("A vote is for a model, 1, or against it, -1.")
    voter = _numbered(whose)[1]
    taken, cast = np.bincount(voter, gone), np.bincount(voter)
    labels, label = _numbered(said)
    names, named = _numbered(model)
    counts = [_stratified(voter, gone, label == i) for i in range(len(labels))]
    order = np.argsort(named, kind="stable")
    bounds = np.searchsorted(named[order], np.arange(len(names) + 1))
    sides = []
    for start, stop in pairwise(bounds):
        rows = order[start:stop]
        which, against = at[rows], sign[rows] < 0
        counts.append(_stratified(voter[which], gone[which], against))
        sides.append(
            tuple(int((gone[which] & side).sum()) for side in (~against, against))
            + tuple(int(side.sum()) for side in (~against, against))
        )
    leans = _leans(
        [found for _, _, found in counts], level, [observed > mean for observed, mean, _ in counts]
    )
    of_results = tuple(
        ResultWithdrawals(str(one), int((label == i).sum()), *counts[i], leans[i])
        for i, one in enumerate(labels)
    )
    of_models = tuple(
        ModelWithdrawals(str(one), kept[2], kept[0], kept[3], kept[1], *count[1:], lean)
        for one, kept, count, lean in zip(
            names, sides, counts[len(labels) :], leans[len(labels) :], strict=True
        )
    )
    partly = int(((taken > 0) & (taken < cast)).sum())
    return WithdrawalTest(
        len(whose), int(gone.sum()), int((taken > 0).sum()), partly, of_results, of_models, level
    )


def _numbered(values: NDArray[Any]) -> tuple[list[Any], IntArray]:
    """The distinct values in order, and the number of each: a million names take seconds to sort."""
    given = values.tolist()
    distinct = sorted(set(given))
    place = {value: i for i, value in enumerate(distinct)}
    return distinct, np.fromiter(map(place.__getitem__, given), np.int64, len(given))


def _stratified(voter: IntArray, gone: BoolArray, marked: BoolArray) -> tuple[int, float, float]:
    """How many of the marked votes are gone, how many were expected, and the exact two-sided p-value."""
    size = int(voter.max(initial=0)) + 1
    all_votes, of_mark = np.bincount(voter, minlength=size), np.bincount(voter, marked, size).astype(np.int64)
    taken = np.bincount(voter, gone, size).astype(np.int64)
    observed = int((gone & marked).sum())
    share = np.divide(of_mark, all_votes, out=np.zeros(size), where=all_votes > 0)
    expected = float((taken * share).sum())
    open_yet = (taken > 0) & (taken < all_votes) & (of_mark > 0) & (of_mark < all_votes)
    known = int((gone & marked & ~open_yet[voter]).sum())
    chance: FloatArray = np.ones(1)  # of 0, 1, ... marked votes more than the least there can be
    for total, mark, drawn in zip(all_votes[open_yet], of_mark[open_yet], taken[open_yet], strict=True):
        least, one = _hypergeometric(int(total), int(mark), int(drawn))
        known += least
        chance = np.asarray(np.convolve(chance, one), dtype=np.float64)
    at = observed - known
    tail = min(chance[: at + 1].sum(), chance[at:].sum())
    return observed, expected, min(1.0, 2 * float(tail))


def _hypergeometric(total: int, marked: int, drawn: int) -> tuple[int, FloatArray]:
    """The least number of marked ones among those drawn, and the probabilities of it and of each above."""
    least, most = max(0, drawn + marked - total), min(drawn, marked)
    logs = np.array(
        [
            -lgamma(k + 1)
            - lgamma(marked - k + 1)
            - lgamma(drawn - k + 1)
            - lgamma(total - marked - drawn + k + 1)
            for k in range(least, most + 1)
        ]
    )
    chance = np.exp(logs - logs.max())
    return least, chance / chance.sum()


def _leans(p_values: Sequence[float], level: float, above: Sequence[bool]) -> list[Lean]:
    """Which of the hypotheses Holm's steps reject, and in which direction."""
    leans: list[Lean] = ["none"] * len(p_values)
    for step, i in enumerate(np.argsort(p_values)):
        if p_values[i] > (1 - level) / (len(p_values) - step):
            break
        leans[i] = "more" if above[i] else "less"
    return leans
