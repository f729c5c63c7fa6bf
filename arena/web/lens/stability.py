"""What the page of rules says beside ranks: votes to flip, cycles, and clones; of votes weighed as asked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from agon.arena.web.leaderboard.query import Offer, QueryError
from agon.arena.web.leaderboard.sources import BoardSource
from agon.arena.web.lens.decide_query import DecideQuery
from agon.arena.web.lens.deciding import weighed_votes
from agon.ranking import Comparisons, ScoreTable, axioms, majority_cycles, margin_of_victory
from agon.ranking.analysis.axiom_violations import Finding
from agon.ranking.analysis.condorcet_cycles import MajorityCycles
from agon.ranking.analysis.rule_comparison import RuleComparison, compare_rules
from agon.ranking.analysis.victory_margins import MarginOfVictory
from agon.ranking.errors import AgonError
from agon.ranking.text import Sentence

TRIES = 400  # sets of votes ranked while the fewest that flip a rule are looked for
CLONES = 40  # added one at a time for each rule
LARGEST = 60  # models above which no clones are added


@dataclass(frozen=True, slots=True)
class RulesQuery:
    """Which votes the rules are compared on, and how they are weighed.

    Attributes:
        where: columns and the value that votes must have.
        by: the column whose values weigh.
        weights: value, or task → weight.
    """

    where: tuple[tuple[str, str], ...] = ()
    by: str | None = None
    weights: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, given: list[tuple[str, str]], where: tuple[tuple[str, str], ...], offer: Offer) -> RulesQuery:
        """Read the weights of an address; the rest of it was read.

        Raises:
            QueryError: a value that there is not, a weight that is no number, or one column twice.
        """
        asked = DecideQuery.of([one for one in given if is_weight(one[0])], offer, (), ())
        if asked.by is not None and any(column == asked.by for column, _ in where):
            raise QueryError(
                Sentence(
                    "The votes are of one {column}, so its values cannot weigh; leave one out.",
                    column=Sentence(asked.by),
                )
            )
        return cls(where, asked.by, asked.weights)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The weights as they stand in an address."""
        by = [] if self.by is None else [("by", self.by)]
        return [*by, *((f"weight.{name}", f"{weight:g}") for name, weight in self.weights)]


def is_weight(name: str) -> bool:
    """Whether a parameter of an address is about weights."""
    return name == "by" or name.startswith("weight.")


@dataclass(frozen=True, slots=True)
class Lens:
    """What the rules say of the same votes, and how firmly.

    Attributes:
        rules: the comparison; None where there are no votes.
        flips: of each rule the fewest votes found that change its first.
        cycles: of the majorities; None where they are unknown.
        clones: of each rule whether a clone changes who is first.
    """

    rules: RuleComparison | None = None
    flips: tuple[MarginOfVictory, ...] = ()
    cycles: MajorityCycles | None = None
    clones: tuple[Finding, ...] = field(default=())


def make_lens(source: BoardSource, query: RulesQuery) -> Lens:
    """Compare the rules on the votes asked for.

    Raises:
        AgonError: no rule can be used on these votes.
    """
    votes = source.votes(dict(query.where))
    if votes is None:
        return Lens()
    given = weighed_votes(votes, query.by, dict(query.weights))
    return look_through(given)


def look_through(votes: Comparisons | ScoreTable) -> Lens:
    """What the rules say of votes.

    Raises:
        AgonError: no rule can be used on them.
    """
    seen = compare_rules(votes)
    flips: list[MarginOfVictory] = []
    clones: list[Finding] = []
    cycles = None
    if isinstance(votes, Comparisons):
        for method in seen.methods:
            if method in seen.lotteries:
                continue
            with suppress(AgonError):
                flips.append(margin_of_victory(votes, method, tries=TRIES))
            if len(seen.models) <= LARGEST:
                with suppress(AgonError):
                    clones += axioms(votes, [method], which=["clones"], tries=CLONES).findings
    with suppress(AgonError):
        cycles = majority_cycles(votes, limit=1)
    return Lens(seen, tuple(flips), cycles, tuple(clones))
