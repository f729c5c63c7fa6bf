"""The decision of the page Decide: votes weighed as asked, ranked, and what is known of the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agon.arena.web.leaderboard.sources import BoardSource
from agon.arena.web.lens.decide_query import DecideQuery
from agon.arena.web.lens.fact_words import KnownFacts, known_facts
from agon.ranking import Comparisons, Decision, Leaderboard, ScoreTable, decide, rank
from agon.ranking.errors import AgonError, InputError

_RATING = "bradley_terry"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with the board that it was made on; all None where there are no votes.

    Attributes:
        board: of the votes as weighed.
        decision: the one asked for; None where the board or the facts carry none.
        facts: what is known of the models.
        why_not: why there is no decision.
    """

    board: Leaderboard | None = None
    decision: Decision | None = None
    facts: KnownFacts = field(default_factory=KnownFacts)
    why_not: str | None = None


def make_facts(source: BoardSource, _: object) -> KnownFacts:
    """What is known of the models of a source."""
    return known_facts(source.about())


def make_decision(source: BoardSource, query: DecideQuery) -> Decided:
    """Make the decision asked for.

    Raises:
        AgonError: the votes cannot be ranked.
    """
    votes, known = source.votes({}), known_facts(source.about())
    if votes is None:
        return Decided(facts=known)
    board = rank(weighed_votes(votes, query.by, dict(query.weights)), _RATING)
    facts = {model: own for model, own in known.values.items() if model in board.models}
    try:
        made = decide(
            board,
            facts or {model: {} for model in board.models},
            at_most=dict(query.at_most),
            at_least=dict(query.at_least),
            only=dict(query.only),
            prefer=query.prefer,
            within=query.within,
            weigh=dict(query.beside),
        )
    except AgonError as error:
        return Decided(board, None, known, error.told)
    return Decided(board, made, known)


def weighed_votes(
    votes: Comparisons | ScoreTable, by: str | None, weights: Mapping[str, float]
) -> Comparisons | ScoreTable:
    """The votes with the weights asked for, of values of a column or of tasks.

    Raises:
        InputError: nothing is left to weigh.
    """
    if by is None and not weights:
        return votes
    if isinstance(votes, ScoreTable):
        mass = votes.weights.copy()
        for t, task in enumerate(votes.tasks):
            mass[t] = weights.get(task, mass[t])
        if not mass.any():
            raise InputError("All weights are 0, so nothing is compared; give one a weight above 0.")
        return replace(votes, weights=mass)
    return votes.weighted(weights, by or "category")
