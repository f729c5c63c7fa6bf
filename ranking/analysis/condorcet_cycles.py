"""Majority cycles: who beats whom in a circle, and by how much.

Where there is a cycle no order agrees with every majority, and rules differ in which they give up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError
from agon.ranking.estimation.comparison_graph import components
from agon.ranking.leaderboard.eligibility import keep_eligible
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.comparisons import Votes, as_comparisons

if TYPE_CHECKING:
    import pandas as pd

CLOSE = 1e-12  # margins below this share of the largest are ties


@dataclass(frozen=True, repr=False)
class Cycle(Readable):
    """Models of which each beats the next, and the last the first.

    Attributes:
        models: the names, the one with the smallest index first.
        margins: votes (or weight of tasks) for each step minus those against it.
        shares: each margin as a share of the votes of its pair.
    """

    models: tuple[str, ...]
    margins: tuple[float, ...]
    shares: tuple[float, ...]

    def conclusion(self) -> str:
        """Say it in one sentence."""
        return str(self)

    @property
    def weakest(self) -> float:
        """The smallest margin: how much would have to change to break the cycle."""
        return min(self.margins)

    def __str__(self) -> str:
        """Write the cycle with its margins: A > B (+12) > C (+5) > A (+3)."""
        steps = [f"{name} (+{margin:g})" for name, margin in zip(self.models[1:], self.margins, strict=False)]
        return " > ".join([self.models[0], *steps, f"{self.models[0]} (+{self.margins[-1]:g})"])


@dataclass(frozen=True, eq=False, repr=False)
class MajorityCycles(Readable):
    """The majority cycles of a set of votes.

    Attributes:
        top: the Smith set: the smallest set of models that each beat every model outside it.
        winner: the Condorcet winner, if `top` is one model.
        knots: sets of models tied together by cycles, those with most models first.
        cycles: the listed cycles, the hardest to break first.
        triples: how many cycles of three models there are among the models asked about.
        among: the models asked about.
    """

    top: tuple[str, ...]
    winner: str | None
    knots: tuple[tuple[str, ...], ...]
    cycles: tuple[Cycle, ...]
    triples: int
    among: tuple[str, ...]

    def conclusion(self) -> str:
        """Say in one sentence whether majorities go in circles, and where."""
        if self.winner is not None:
            at_top = f"{self.winner} beats every other model"
        elif len(self.top) == 2:
            at_top = f"{self.top[0]} and {self.top[1]} tie, and beat every other model"
        else:
            at_top = f"No model beats every other: {len(self.top)} of them share the top"
        if not self.cycles:
            return f"{at_top}, and no majorities go in a circle among the models looked at."
        first = self.cycles[0]
        number = f"are {self.triples:,} cycles of three" if self.triples != 1 else "is one cycle of three"
        return (
            f"{at_top}; there {number}, and the hardest to break is {first}, whose weakest step is "
            f"{first.weakest:g} ({min(first.shares):.1%} of its votes)."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each listed cycle."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "cycle": str(one),
                    "length": len(one.models),
                    "weakest": one.weakest,
                    "share": min(one.shares),
                }
                for one in self.cycles
            ],
            columns=["cycle", "length", "weakest", "share"],
        )

    def to_dict(self) -> Mapping[str, Any]:
        """Return plain values."""
        return {
            "conclusion": self.conclusion(),
            "top": list(self.top),
            "winner": self.winner,
            "knots": [list(knot) for knot in self.knots],
            "triples": self.triples,
            "cycles": [
                {"models": list(c.models), "margins": list(c.margins), "shares": list(c.shares)}
                for c in self.cycles
            ],
        }


def majority_cycles(
    votes: Votes, *, places: int | None = None, limit: int = 20, min_votes: int = 30
) -> MajorityCycles:
    """List the majority cycles, the hardest to break first.

    Cycles of three are listed; in a knot without one, which ties make possible, its shortest cycle.

    Args:
        votes: as for `rank`; of a score table a task's weight is a vote.
        places: look only at so many models from the top (by majorities won minus lost), and at the Smith
            set; None for all.
        limit: cycles listed.
        min_votes: ballots a model must have been shown in; the others are left out.

    Raises:
        OptionError: places or limit below 1.

    Source:
        J. Moon, Topics on Tournaments (1968): every strong tournament of three or more has a cycle of three.
    """
    if limit < 1 or (places is not None and places < 1):
        raise OptionError("places and limit must be at least 1.")
    given = keep_eligible(as_comparisons(votes), min_votes)[0]
    pairs, names = given.pairs, given.models
    margin = pairs.wins - pairs.wins.T
    total = pairs.wins + pairs.wins.T + pairs.ties + pairs.both_bad
    beats = margin > CLOSE * max(1.0, float(np.abs(margin).max(initial=0.0)))
    top = _smith(beats)
    copeland = beats.sum(axis=1) - beats.sum(axis=0)
    order = np.argsort(-copeland, kind="stable")
    chosen = np.arange(len(names)) if places is None else np.union1d(order[:places], top)
    inside = beats[np.ix_(chosen, chosen)]
    found = [chosen[list(one)] for one in _triples(inside, margin[np.ix_(chosen, chosen)], limit)]
    part = components(inside, strong=True)
    knots = [chosen[part == p] for p in np.flatnonzero(np.bincount(part) > 1)]
    found += [_shortest(beats, knot) for knot in knots if not _has_triple(beats, knot)]
    listed = [_cycle(names, one, margin, total) for one in found]
    listed.sort(key=lambda one: (-one.weakest, one.models))
    graph = inside.astype(np.int64)
    return MajorityCycles(
        top=tuple(names[i] for i in top),
        winner=names[top[0]] if len(top) == 1 else None,
        knots=tuple(tuple(names[i] for i in knot) for knot in sorted(knots, key=len, reverse=True)),
        cycles=tuple(listed[:limit]),
        triples=int(np.trace(graph @ graph @ graph)) // 3,
        among=tuple(names[i] for i in chosen),
    )


def _smith(beats: np.ndarray[Any, np.dtype[np.bool_]]) -> IntArray:
    """Indices of the Smith set: the first strong component when "not beaten" leads from model to model."""
    unbeaten = ~beats.T
    np.fill_diagonal(unbeaten, val=False)
    part = components(unbeaten, strong=True)
    reach = np.bincount(part, beats.sum(axis=1)) / np.bincount(part)
    return np.flatnonzero(part == int(reach.argmax()))


def _triples(
    beats: np.ndarray[Any, np.dtype[np.bool_]], margin: FloatArray, limit: int
) -> list[tuple[int, int, int]]:
    """The cycles of three whose weakest margin is largest, as many as asked for."""
    best: list[tuple[float, tuple[int, int, int]]] = []
    for i in range(len(beats)):
        # i is the smallest index of its cycles i > j > k > i
        one, two = np.nonzero(beats & beats[i][:, None] & beats[:, i][None, :])
        later = (one > i) & (two > i)
        one, two = one[later], two[later]
        weakest = np.minimum(np.minimum(margin[i, one], margin[one, two]), margin[two, i])
        strong = np.argsort(-weakest, kind="stable")[:limit].tolist()
        best += [(float(weakest[n]), (i, int(one[n]), int(two[n]))) for n in strong]
        best = sorted(best, key=lambda item: (-item[0], item[1]))[:limit]
    return [three for _, three in best]


def _has_triple(beats: np.ndarray[Any, np.dtype[np.bool_]], knot: IntArray) -> bool:
    """Whether three models of a set beat each other in a circle."""
    graph = beats[np.ix_(knot, knot)].astype(np.int64)
    return bool(np.trace(graph @ graph @ graph))


def _shortest(beats: np.ndarray[Any, np.dtype[np.bool_]], knot: IntArray) -> IntArray:
    """A shortest cycle within a strongly connected set, by breadth-first search from each model."""
    inside = beats[np.ix_(knot, knot)]
    best: list[int] = []
    for start in range(len(knot)):
        before = {start: -1}
        front = [start]
        while front and not any(inside[i, start] for i in front):
            following = []
            for i in front:
                for j in np.flatnonzero(inside[i]).tolist():
                    if j not in before:
                        before[j] = i
                        following.append(j)
            front = following
        last = next((i for i in front if inside[i, start]), None)
        path: list[int] = []
        while last is not None and last != -1:
            path.append(last)
            last = before[last]
        if path and (not best or len(path) < len(best)):
            best = path[::-1]
    return np.asarray(knot[np.array(best)])


def _cycle(names: tuple[str, ...], models: IntArray, margin: FloatArray, total: FloatArray) -> Cycle:
    """Name the models of a cycle, the smallest index first, with the margins of its steps."""
    models = np.roll(models, -int(models.argmin()))
    following = np.roll(models, -1)
    steps, votes = margin[models, following], total[models, following]
    return Cycle(
        tuple(names[i] for i in models),
        tuple(float(step) for step in steps),
        tuple(float(share) for share in steps / votes),
    )
