"""Small sets of votes in the words of docs/data.md, and strategies that draw them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from agon.ranking import Comparisons


@dataclass(frozen=True)
class Vote:
    """One vote in the words of docs/data.md: a place of None is shown but not ranked."""

    shown: tuple[int, ...]
    places: tuple[int | None, ...]
    acceptable: tuple[bool, ...] | None = None
    p_a: float | None = None
    weight: float = 1.0
    voter: str = "v0"

    def swapped(self) -> "Vote":
        """The same vote with the answers shown in the opposite order."""
        return replace(
            self,
            shown=self.shown[::-1],
            places=self.places[::-1],
            acceptable=None if self.acceptable is None else self.acceptable[::-1],
            p_a=None if self.p_a is None else 1.0 - self.p_a,
        )


@dataclass(frozen=True)
class Votes:
    """A set of votes by index, and the names the indices stand for."""

    models: tuple[str, ...]
    rows: tuple[Vote, ...]

    def comparisons(self, *, timestamp: Sequence[float] | None = None) -> Comparisons:
        """Hand the votes to the engine, row by row."""
        width = max(len(vote.shown) for vote in self.rows)

        def padded(values: Sequence[int], fill: int) -> list[int]:
            return [*values, *[fill] * (width - len(values))]

        return Comparisons.of(
            self.models,
            [padded(vote.shown, -1) for vote in self.rows],
            [padded([place or 0 for place in vote.places], 0) for vote in self.rows],
            acceptable=[
                padded(
                    [-1] * len(vote.shown) if vote.acceptable is None else [*map(int, vote.acceptable)], -1
                )
                for vote in self.rows
            ],
            p_a=[np.nan if vote.p_a is None else vote.p_a for vote in self.rows],
            weight=[vote.weight for vote in self.rows],
            labels={"voter": [vote.voter for vote in self.rows]},
            timestamp=timestamp,
        )

    def pairs(self) -> list[list[tuple[int, int, float]]]:
        """For every vote the pairs it orders, (i, j, share of a win of i), from the docs."""
        return [_ordered(vote) for vote in self.rows]


def _ordered(vote: Vote) -> list[tuple[int, int, float]]:
    """The pairs of one vote: unranked is below every ranked one, and not compared with the unranked."""
    if vote.p_a is not None:
        return [(vote.shown[0], vote.shown[1], vote.p_a)]
    found = []
    for a in range(len(vote.shown)):
        for b in range(a + 1, len(vote.shown)):
            one, two = vote.places[a], vote.places[b]
            if one is None and two is None:
                continue
            if one is None:
                share = 0.0
            elif two is None:
                share = 1.0
            else:
                share = 1.0 if one < two else 0.0 if one > two else 0.5
            found.append((vote.shown[a], vote.shown[b], share))
    return found


OUTCOMES = [
    ((1, 2), None),
    ((2, 1), None),
    ((1, 1), None),
    ((1, 1), (True, True)),
    ((1, 1), (False, False)),
    ((1, 2), (False, False)),
    ((1, None), None),
]
VOTERS = st.sampled_from(["ann", "bob", "eve"])
WEIGHTS = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.7])


def _dense(numbers: Sequence[int | None]) -> tuple[int | None, ...]:
    ranked = sorted({number for number in numbers if number is not None})
    return tuple(None if number is None else ranked.index(number) + 1 for number in numbers)


@st.composite
def pairwise(draw: st.DrawFn, *, max_votes: int = 14) -> Votes:
    """Draw hard votes on two of up to five models."""
    m = draw(st.integers(2, 5))
    chosen = st.tuples(st.integers(0, m - 1), st.integers(1, m - 1), st.sampled_from(OUTCOMES), VOTERS)
    rows = tuple(
        Vote((a, (a + step) % m), places, acceptable, voter=voter)
        for a, step, (places, acceptable), voter in draw(st.lists(chosen, min_size=1, max_size=max_votes))
    )
    return Votes(tuple(f"model {i}" for i in range(m)), rows)


@st.composite
def soft(draw: st.DrawFn) -> Votes:
    """Draw soft judgements mixed with hard votes."""
    votes = draw(pairwise())
    chance = st.sampled_from([None, 0.0, 0.1, 0.3, 0.5, 0.85, 1.0])
    given = draw(st.lists(chance, min_size=len(votes.rows), max_size=len(votes.rows)))
    return replace(votes, rows=tuple(replace(v, p_a=p) for v, p in zip(votes.rows, given, strict=True)))


@st.composite
def weighted(draw: st.DrawFn) -> Votes:
    """Draw hard votes with weights."""
    votes = draw(pairwise())
    given = draw(st.lists(WEIGHTS, min_size=len(votes.rows), max_size=len(votes.rows)))
    return replace(votes, rows=tuple(replace(v, weight=w) for v, w in zip(votes.rows, given, strict=True)))


@st.composite
def kwise(draw: st.DrawFn) -> Votes:
    """Draw ballots on two to four of five models, with ties and unranked ones."""
    m = draw(st.integers(3, 5))
    rows = []
    for _ in range(draw(st.integers(1, 10))):
        shown = draw(st.permutations(range(m)))[: draw(st.integers(2, min(m, 4)))]
        number = st.one_of(st.none(), st.integers(1, 3))
        places = _dense(draw(st.lists(number, min_size=len(shown), max_size=len(shown))))
        fine = draw(st.one_of(st.none(), st.just(tuple(place == 1 for place in places))))
        rows.append(Vote(tuple(shown), places, fine, voter=draw(VOTERS)))
    return Votes(tuple(f"model {i}" for i in range(m)), tuple(rows))


def any_votes() -> st.SearchStrategy[Votes]:
    """Any of the kinds of votes."""
    return st.one_of(pairwise(), kwise(), soft(), weighted())
