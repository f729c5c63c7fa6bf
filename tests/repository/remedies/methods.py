"""Methods: what they refuse, and the remedy."""

from typing import Any

import numpy as np
import pandas as pd

import agon as ag
from tests.repository.remedies.analyses import rows
from tests.repository.remedies.steps import (
    FRAME,
    STYLED,
    TIMED,
    VOTES,
    Case,
    Given,
    counts,
    of,
    ranked,
)

NEW = {"min_votes": 0}
OPPOSED = pd.DataFrame({"model": ["a", "b"], "x": [1, 2], "y": [2, 1]})
GRADED = FRAME[FRAME["winner"] != "tie"]
GRADES = np.arange(1.0, 81.0)
WON = GRADED["winner"] == "model_a"
DECIDED = GRADED.assign(length_a=np.where(WON, 9, 4), length_b=np.where(WON, 4, 9))
LENGTHS = {"ada": 1, "bob": 2, "cyn": 4}
BY_MODEL = FRAME.assign(length_a=FRAME["model_a"].map(LENGTHS), length_b=FRAME["model_b"].map(LENGTHS))


def tied(models: int) -> Any:
    """Votes on all models, half of which share each of two places."""
    upper, names = [1] * (models // 2) + [2] * (models // 2), [f"m{i}" for i in range(models)]
    return of(names, [list(range(models))] * 40, [upper, upper[::-1]] * 20)()


def toward(*size: int) -> Any:
    """Votes whose feature is the difference of what each of three models always has."""
    shown, places = [[0, 1], [1, 2], [2, 0]] * 20, [[1, 2], [1, 2], [1, 2], [2, 1], [2, 1], [2, 1]] * 10
    return of("abc", shown, places, features={"f": [size[i] - size[j] for i, j in shown]})()


def cases(_: Given) -> list[Case]:
    """Its cases."""
    return [
        (
            ranked(VOTES, "plackett_luce", interval="posterior", cluster="voter"),
            ranked(VOTES, "plackett_luce", interval="bootstrap", cluster="voter"),
            100,
        ),
        (
            ranked(VOTES, "copeland", ranks="empirical_bayes"),
            ranked(VOTES, "bradley_terry", ranks="empirical_bayes"),
            100,
        ),
        (ranked(VOTES, ranks="empirical_bayes", simultaneous=True), ranked(VOTES, simultaneous=True), 100),
        (ranked(tied(24), "plackett_luce", **NEW), ranked(tied(24), "plackett_luce", ties="breslow", **NEW)),
        (ranked(tied(16), "davidson_luce", **NEW), ranked(tied(16), "plackett_luce", **NEW)),
        (
            ranked(GRADED.assign(grade=GRADES), "graded_bradley_terry"),
            ranked(GRADED.assign(grade=GRADES // 5 + 1), "graded_bradley_terry"),
            80,
        ),
        (ranked(DECIDED, control="length"), ranked(DECIDED), 80),
        (ranked(DECIDED, control="length"), ranked(DECIDED, control="length", penalty=1), 80),
        (ranked(BY_MODEL, control="length"), ranked(BY_MODEL), 100),
        (
            ranked(ag.comparisons(STYLED) + ag.comparisons(STYLED), control="length"),
            ranked(pd.concat([STYLED, STYLED]), control="length"),
            200,
        ),
        (
            ranked(rows(160, 10_000, days=2), "whole_history_rating"),
            ranked(rows(160, 10_000, days=2), "whole_history_rating", period=400),
        ),
        (
            ranked(TIMED, "whole_history_rating", prior_games=1e-12),
            ranked(TIMED, "whole_history_rating", prior_games=0.1),
            100,
        ),
        (ranked(TIMED, "whole_history_rating", w2=1e300), ranked(TIMED, "whole_history_rating", w2=1e3), 100),
        (
            ranked(ag.score_table(OPPOSED, groups={"x": "one", "y": "one"}), "two_level"),
            ranked(ag.score_table(OPPOSED, groups={"x": "one", "y": "two"}), "two_level"),
        ),
        (ranked(of(("a", "b", "c"))(), "borda"), ranked(of()(), "borda", **NEW), 1),
        (
            lambda: ag.rank(counts([[0, 1.5], [1, 0]])(), "borda"),
            ranked(of(shown=[[0, 1], [1, 0]], places=[[1, 2]] * 2, weight=[1.5, 1])(), "borda", **NEW),
            2,
        ),
        (
            ranked(
                of(
                    shown=[[0, 1]] * 4, places=[[1, 2], [2, 1]] * 2, labels={"voter": ["x", None, "y", "y"]}
                )(),
                cluster="voter",
                **NEW,
            ),
            ranked(
                of(shown=[[0, 1]] * 4, places=[[1, 2], [2, 1]] * 2, labels={"voter": ["x", "x", "y", "y"]})(),
                cluster="voter",
                **NEW,
            ),
            4,
        ),
        (ranked(toward(0, 1, 3), control="f", **NEW), ranked(toward(0, 1, 3), **NEW), 60),
    ]
