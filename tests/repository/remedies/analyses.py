"""Analyses and methods: what they refuse, and the remedy."""

from typing import Any

import numpy as np
import pandas as pd

import agon as ag
from agon import ranking
from agon.arena.cli.simulate import as_table
from agon.ranking.votes.vote_source import SetAside
from tests.repository import test_beginner_mistakes as beginners
from tests.repository.remedies.steps import (
    BALLOTS,
    BOARD,
    FRAME,
    PAIRS,
    RANKED,
    SCORES,
    STYLED,
    TABLE,
    VOTES,
    Case,
    Given,
    checked,
    counts,
    of,
    ranked,
    remarks,
    takes_two,
)


def rows(models: int, votes: int, days: int = 1) -> Any:
    """As many different ballots on pairs, one every so many days."""
    first = np.arange(votes) % models
    second = (first + 1 + np.arange(votes) // models) % models
    shown, when = np.stack([first, second], axis=1), np.arange(votes) * 86400.0 * days
    return of([f"m{i}" for i in range(models)], shown, np.tile([1, 2], (votes, 1)), timestamp=when)()


def cases(given: Given) -> list[Case]:
    """Its cases."""
    gap = ag.score_table(pd.DataFrame({"model": ["a", "b", "c"], "x": [1, 2, None], "y": [3, 1, 2]}))
    soft = ag.comparisons(
        FRAME.drop(columns="winner").assign(p_a=[0.2, 0.7] * 50, prompt_id=np.arange(100) % 10)
    )
    nobody, kept = SetAside("voter", ()), np.ones(3, dtype=bool)
    attacked = ranking.add_attack(
        ranking.bradley_terry_world(6, 6000, voters=80, seed=1), "one-sided", 200, 2
    )
    burst = ranking.add_attack(ranking.bradley_terry_world(6, 6000, voters=80, seed=1), "burst", 200, 100)
    people = FRAME.assign(prompt=np.arange(len(FRAME)) % 10)
    judged = FRAME.drop(columns="winner").assign(p_a=0.6, prompt=np.arange(len(FRAME)) % 10)
    alien = judged.assign(model_a="x", model_b="y")
    triple = of(list("abc"), [[0, 1, 2]] * 40, [[1, 2, 3]] * 40, labels={"prompt": list(range(40))})()

    def weighed(votes: Any = people, judges: Any = judged, **options: Any) -> Any:
        return ag.rank(votes, judges=judges, **options)

    unsaid = FRAME.assign(voter=[None, *(f"v{n % 9}" for n in range(99))])

    def baseline(side: str) -> Any:
        """Votes of three models against one, which is on one side or on both."""
        sides = [
            ("model_b", "model_a") if side == "both" and n % 2 else ("model_a", "model_b") for n in range(60)
        ]
        shown = [{one: f"m{n % 3}", other: "base"} for n, (one, other) in enumerate(sides)]
        return ag.comparisons(
            pd.DataFrame(shown).assign(winner=["model_a", "model_b", "tie", "model_a"] * 15)
        )

    rated = {f"m{i}": 900.0 + 20 * i + i % 3 for i in range(9)}
    said = pd.DataFrame([{"model": f"m{i}", "rate": float(i), "size": float(i % 4)} for i in range(11)])

    def foretold(ratings: Any = rated, features: Any = said, **options: Any) -> Any:
        return ranking.predict_ratings(ratings, features, **options)

    return [
        (lambda: foretold(names=["rat"]), lambda: foretold(names=["rate"])),
        (lambda: foretold()["m12"], lambda: foretold()["m10"]),
        (lambda: ranking.position_bias(baseline("model_b")), lambda: ranking.position_bias(baseline("both"))),
        (remarks(unsaid), lambda: ag.rank(unsaid.assign(voter=unsaid["voter"].fillna("unknown"))), 100),
        (lambda: foretold(features=pd.concat([said, said])), foretold),
        (lambda: foretold(features=said.assign(rate=np.nan)), foretold),
        (lambda: foretold({**rated, "m1": np.nan}), foretold),
        (lambda: foretold({"m0": 1000.0}), foretold),
        (lambda: weighed(judges=FRAME), weighed),
        (lambda: weighed(judges=alien), weighed),
        (lambda: weighed(judges=triple), weighed),
        (lambda: weighed(method="elo"), weighed),
        (lambda: weighed(calibration="beta"), lambda: weighed(calibration="platt")),
        (lambda: weighed(interval="bootstrap"), weighed),
        (lambda: weighed(judges=TABLE), lambda: ag.rank(people)),
        (
            lambda: ranking.rank(ag.comparisons(people), judges="judged.csv"),
            lambda: ranking.rank(ag.comparisons(people), judges=ag.comparisons(judged)),
        ),
        (
            lambda: ranking.rank_all(
                ag.comparisons(people), ["bradley_terry"], by="prompt", judges=ag.comparisons(judged)
            ),
            lambda: weighed(ag.comparisons(people, where="prompt < 5"), judges=judged),
        ),
        (
            lambda: VOTES.reweighted("equal_pairs").without(nobody),
            lambda: VOTES.without(nobody).reweighted("equal_pairs"),
        ),
        (lambda: VOTES.among(kept).without(nobody), lambda: VOTES.without(nobody).among(kept)),
        (lambda: ag.rank(PAIRS, gates="default"), lambda: ag.rank(PAIRS)),
        (
            remarks(attacked.comparisons(), gates="default"),
            lambda: ag.rank(attacked.comparisons(), gates="none"),
        ),
        (checked(as_table(attacked)), lambda: ag.rank(as_table(attacked), gates="default"), 6000),
        (checked(as_table(burst)), lambda: ag.rank(as_table(burst), gates="strict")),
        # analyses
        (
            lambda: ranking.axioms(BALLOTS, ["copeland"], options={"borda": {}}),
            lambda: ranking.axioms(BALLOTS, ["copeland", "borda"], options={"borda": {}}),
        ),
        (lambda: ranking.committee(BALLOTS, 1), lambda: ranking.committee(BALLOTS, 1, approve=2)),
        (
            lambda: ranking.committee(gap, 1, rule="k_borda"),
            lambda: ranking.committee(gap, 1, rule="k_borda", missing="worst"),
        ),
        (lambda: ranking.committee(BALLOTS, 4, approve=2), lambda: ranking.committee(BALLOTS, 3, approve=2)),
        (
            lambda: ranking.committee(
                BALLOTS, 1, approve=2, groups={"ada": "x", "bob": "y"}, at_least={"x": 1, "y": 1}
            ),
            lambda: ranking.committee(
                BALLOTS, 2, approve=2, groups={"ada": "x", "bob": "y"}, at_least={"x": 1, "y": 1}
            ),
        ),
        (lambda: ranking.axioms(VOTES, ["elo"]), lambda: ranking.axioms(VOTES, ["copeland"])),
        (lambda: ag.agreement(BOARD), lambda: ag.agreement(ag.rank_all(VOTES, ["elo", "win_rate"]))),
        (lambda: ag.compare_rules(VOTES, []), lambda: ag.compare_rules(VOTES, ["copeland"])),
        (lambda: ranking.compare_rules([]), lambda: ranking.compare_rules([BOARD])),
        (lambda: ranking.compare_rules([BOARD, BOARD]), lambda: ranking.compare_rules([BOARD])),
        (lambda: ranking.compare_rules([BOARD], ["elo"]), lambda: ranking.compare_rules(VOTES, ["elo"])),
        (
            lambda: ranking.winner_probabilities(BALLOTS, ["copeland"], options={"borda": {}}),
            lambda: ranking.winner_probabilities(
                BALLOTS, ["copeland", "borda"], options={"borda": {}}, n_resamples=2
            ),
        ),
        (lambda: ranking.prospective({}, "ada"), lambda: ranking.prospective({"one": PAIRS}, "ada")),
        (
            lambda: ranking.prospective(gap, "a", rule="borda"),
            lambda: ranking.prospective(gap, "a", rule="condorcet"),
        ),
        (
            lambda: ranking.prospective({"one": PAIRS, "two": counts()()}, "ada"),
            lambda: ranking.prospective({"one": PAIRS, "two": PAIRS}, "ada"),
        ),
        (
            lambda: ranking.prospective(
                ag.score_table(TABLE, groups={"x": "y", "y": "z"}), "ada", bounds={"y": (0, 1)}
            ),
            lambda: ranking.prospective(
                ag.score_table(TABLE, groups={"x": "w", "y": "z"}), "ada", bounds={"y": (0, 1)}
            ),
        ),
        (
            lambda: ranking.prospective(SCORES, "ada", bounds={"x": (0.9, 0.1)}),
            lambda: ranking.prospective(SCORES, "ada", bounds={"x": (0.1, 0.9)}),
        ),
        (
            lambda: ranking.margin_of_victory(SCORES, "mean"),
            lambda: ranking.task_margin_of_victory(SCORES, "mean"),
        ),
        (
            lambda: ranking.margin_of_victory(VOTES, "copeland", "bob", "cyn"),
            lambda: ranking.margin_of_victory(VOTES, "copeland", "cyn", "bob"),
        ),
        (
            lambda: ranking.margin_of_victory(VOTES, "copeland", "bob"),
            lambda: ranking.margin_of_victory(VOTES, "copeland", "cyn"),
        ),
        # more analyses and methods
        (
            lambda: ranking.committee(BALLOTS, 2, approve=2, satisfaction="borda"),
            lambda: ranking.committee(BALLOTS, 2, approve=2),
        ),
        (
            lambda: ranking.prospective(ag.ScoreTable.of(("a",), ("x",), [[1]], invalid="drop"), "a"),
            lambda: ranking.prospective(SCORES, "ada"),
        ),
        (
            lambda: ranking.prospective({"one": PAIRS, "two": counts()()}, "ada"),
            lambda: ranking.prospective({"one": PAIRS, "two": PAIRS}, "ada"),
        ),
        (
            ranked(VOTES, "bradley_terry", interval="posterior", cluster="voter"),
            ranked(VOTES, interval="bootstrap", cluster="voter"),
            100,
        ),
        (
            ranked(VOTES, bias_reduced=True, interval="bootstrap"),
            ranked(VOTES, bias_reduced=True, interval="sandwich"),
            100,
        ),
        (
            ranked(cluster=("voter", "language"), interval="bootstrap"),
            ranked(cluster="voter", interval="bootstrap"),
            100,
        ),
        (
            ranked(SCORES, "scoring_vector", points=[3, 2, 1, 0, 0]),
            ranked(SCORES, "scoring_vector", points=[3, 2, 1]),
        ),
        (ranked(VOTES, "borda", missing="drop_task"), ranked(VOTES, "copeland"), 100),
        (
            lambda: ag.method("copeland", source="our own")(beginners.gives_scores),
            lambda: ag.METHODS["copeland"],
        ),
        (lambda: ag.method(beginners.gives_scores), lambda: ag.rank(VOTES, beginners.gives_scores), 100),
        (lambda: ag.rank(VOTES, takes_two), lambda: ag.rank(VOTES, beginners.gives_scores), 100),
        (
            ranked(of()(), reweight="propensity", min_votes=0),
            ranked(of(pair_probability=[0.5])(), reweight="propensity", min_votes=0),
            1,
        ),
        (ranked(STYLED, control=["length", "length"]), ranked(STYLED, control=["length"]), 100),
        (ranked(STYLED.assign(length_a=3, length_b=3), control="length"), ranked(STYLED), 100),
        (ranked(FRAME, control="length"), ranked(STYLED, control="length"), 100),
        (of(features={"f": [1.0, 2.0]}), of(features={"f": [1.0]}), 1),
        (of(features={"f": [np.nan]}), of(features={"f": [1.0]}), 1),
        (ranked(RANKED, reweight="equal_pairs"), ranked(RANKED)),
        (lambda: ag.rank(VOTES, "bradley_terry").compare(3), lambda: BOARD.compare(ag.rank(VOTES))),
        (lambda: ag.Leaderboard.from_json("[]"), lambda: ag.Leaderboard.from_json(BOARD.to_json())),
        # still more analyses
        (lambda: ranking.open_pairs(beginners.COPELAND), lambda: ranking.open_pairs(BOARD)),
        (
            lambda: ranking.position_bias(BALLOTS),
            lambda: ranking.position_bias(ag.comparisons(given.both_sides)),
        ),
        (
            lambda: ranking.iia_score(VOTES, "copeland", order=["ada"]),
            lambda: ranking.iia_score(VOTES, "copeland"),
        ),
        (
            lambda: ranking.justified_representation(rows(6000, 34_000), ["m1"], approve=1),
            lambda: ranking.justified_representation(rows(6000, 100), ["m1"], approve=1),
        ),
        (
            lambda: ranking.prospective({"one": counts(((0,),), models=("a",))()}, "a"),
            lambda: ranking.prospective({"one": PAIRS}, "ada"),
        ),
        (
            lambda: ranking.inter_annotator_agreement(soft, by="prompt_id"),
            lambda: ranking.inter_annotator_agreement(soft, by="prompt_id", metric="interval"),
        ),
    ]
