"""Boards and their notes: what is refused or noted, and the remedy."""

import pandas as pd

import agon as ag
from agon import ranking
from tests.repository import test_beginner_mistakes as beginners
from tests.repository.remedies.steps import (
    BOARD,
    FACTS,
    FRAME,
    SCORES,
    STYLED,
    TIMED,
    VOTES,
    Case,
    Given,
    ranked,
    remarks,
)


def cases(given: Given) -> list[Case]:
    """Its cases."""
    ties = FRAME.assign(winner="tie")
    judged = FRAME.assign(voter_kind=["human", "llm"] * 50)
    even = ag.Comparisons.from_counts(["a", "b"], [[0, 40], [40, 0]])
    apart = FRAME[~((FRAME["model_a"] == "bob") & (FRAME["model_b"] == "cyn"))]
    return [
        # boards
        (ranked(VOTES, "elo", interval="sandwich"), ranked(VOTES, "elo", interval="bootstrap"), 100),
        (lambda: BOARD.compare(BOARD.to_frame()), lambda: BOARD.compare(BOARD)),
        (
            lambda: BOARD.compare(ag.rank(VOTES, "elo")),
            lambda: ag.rank(VOTES, "elo").compare(ag.rank(VOTES, "elo")),
        ),
        (lambda: ag.decide(beginners.BARE, FACTS), lambda: ag.decide(BOARD, FACTS)),
        (
            lambda: ag.decide(BOARD, {"ada": {"price": "dear"}}, prefer="price"),
            lambda: ag.decide(BOARD, {"ada": {"price": 3}}, prefer="price"),
        ),
        (
            lambda: ag.decide(BOARD, pd.DataFrame({"model": ["ada", "ada"], "price": [1, 2]})),
            lambda: ag.decide(BOARD, pd.DataFrame({"model": ["ada"], "price": [1]})),
        ),
        (
            lambda: ag.decide(ag.rank(VOTES, "win_rate"), FACTS),
            lambda: ag.decide(ag.rank(VOTES, "win_rate"), FACTS, within=0.1),
        ),
        (
            lambda: ag.decide(BOARD, {"ada": {"price": 3}}, prefer="price", weigh={"price": 1}),
            lambda: ag.decide(BOARD, {"ada": {"price": 3}}, weigh={"price": 1}),
        ),
        (
            lambda: ag.comparisons(FRAME).weighted({"fr": 0}, "language"),
            lambda: ag.comparisons(FRAME).weighted({"de": 0}, "language"),
        ),
        (
            lambda: ag.comparisons(FRAME).weighted({"en": 0, "de": 0}, "language"),
            lambda: ag.comparisons(FRAME).weighted({"en": 1, "de": 0}, "language"),
        ),
        (
            lambda: ag.decide(ag.rank(even), {"a": {"price": 1}, "b": {"price": 1}}, weigh={"price": 1}),
            lambda: ag.decide(ag.rank(even), {"a": {"price": 1}, "b": {"price": 1}}),
        ),
        (ranked(VOTES, "copeland", anchor="ada"), ranked(VOTES, "copeland"), 100),
        (ranked(STYLED, "elo", control="length"), ranked(STYLED, "bradley_terry", control="length"), 100),
        (ranked(anchor_score=1000), ranked(anchor="ada", anchor_score=1000), 100),
        (
            lambda: beginners.COPELAND.win_probability("ada", "bob"),
            lambda: ag.rank(VOTES, "bradley_terry").win_probability("ada", "bob"),
        ),
        (
            lambda: ag.Leaderboard.from_json(
                ag.boards_to_json([BOARD, BOARD])
                if hasattr(ag, "boards_to_json")
                else ranking.boards_to_json([BOARD, BOARD])
            ),
            lambda: ranking.boards_from_json(ranking.boards_to_json([BOARD, BOARD])),
        ),
        (ranked(VOTES, "mean"), ranked(VOTES, "copeland"), 100),
        (ranked(SCORES, "elo"), ranked(SCORES, "copeland")),
        (lambda: VOTES + FRAME, lambda: VOTES + ag.comparisons(FRAME), 200),
        (lambda: ranking.rank(3), ranked(SCORES)),
        (lambda: ranking.rank(FRAME), lambda: ranking.rank(ag.comparisons(FRAME)), 100),
        (lambda: ag.Comparisons(FRAME), lambda: ag.comparisons(FRAME), 100),
        # what a board notes
        (remarks(ties), ranked(ties.assign(winner="model_a")), 100),
        (remarks(apart, "copeland", min_votes=0), ranked(apart, "bradley_terry", min_votes=0), 80),
        (remarks(VOTES, "glicko2", permutations=1), ranked(VOTES, "glicko2"), 100),
        (remarks(VOTES, "glicko2"), ranked(TIMED, "glicko2"), 100),
        (remarks(VOTES, "whole_history_rating"), ranked(TIMED, "whole_history_rating"), 100),
        (
            remarks(VOTES, "graded_bradley_terry"),
            ranked(FRAME.assign(grade=FRAME["winner"].ne("tie") * 1.0), "graded_bradley_terry"),
            100,
        ),
        (remarks(SCORES, "optimality_gap", gamma=100), ranked(SCORES, "optimality_gap", gamma=2)),
        (remarks(VOTES, "elo", permutations=0), ranked(VOTES, "elo", permutations=100), 100),
        (remarks(VOTES, "elo", permutations=0), ranked(TIMED, "elo", permutations=0), 100),
        (remarks(VOTES, "weng_lin", permutations=0), ranked(VOTES, "weng_lin", permutations=None), 100),
        (remarks(VOTES, "weng_lin", permutations=0), ranked(TIMED, "weng_lin", permutations=0), 100),
        (remarks(FRAME.assign(voter="v")), ranked(FRAME), 100),
        (remarks(judged), ranked(judged, voters="llm"), 50),
        (remarks(judged), ranked(judged, voters="all"), 100),
        (remarks(judged, voters="llm"), ranked(judged, voters="human"), 50),
        (remarks(judged, voters="all"), ranked(judged, voters="human"), 50),
        (
            remarks(FRAME.assign(winner="both_bad"), both_bad="drop"),
            ranked(FRAME.assign(winner="both_bad"), both_bad="half"),
            100,
        ),
        (ranked(VOTES, where="TRUE"), ranked(ag.comparisons(FRAME, where="TRUE")), 100),
    ]
