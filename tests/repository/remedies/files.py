"""Files of votes and of answers: what is refused, and the remedy."""

import numpy as np

import agon as ag
from agon.data.importers.recorded_answers import answers
from tests.repository import test_beginner_mistakes as beginners
from tests.repository.remedies.steps import BOARD, FRAME, STYLED, VOTES, Case, Given, command, ranked


def cases(given: Given) -> list[Case]:
    """Its cases."""
    at = given.at
    facts = given.facts
    folder = given.folder
    file = given.file
    return [
        # files
        (ranked(file("model_a,model_a,winner\na,b,model_a\n")), ranked(at), 100),
        (ranked(file("a\n", "votes.parquet")), ranked(at), 100),
        (ranked([at, at]), ranked(at), 100),
        (ranked(str(folder / "*.nothing")), ranked(str(folder / "given*.csv")), 100),
        (ranked(FRAME, where=" "), ranked(FRAME), 100),
        (lambda: ag.comparisons(FRAME["winner"]), lambda: ag.comparisons(FRAME), 100),
        (lambda: ag.comparisons(BOARD), lambda: ag.rank(VOTES), 100),
        (lambda: ag.comparisons(FRAME, voters="llm"), lambda: ag.comparisons(FRAME), 100),
        # more files
        (ranked(FRAME.assign(models="a", places=1)), ranked(FRAME), 100),
        (
            ranked(FRAME.assign(pair_probability=2.0), reweight="propensity"),
            ranked(FRAME.assign(pair_probability=0.5), reweight="propensity"),
            100,
        ),
        (ranked(FRAME.assign(voter_kind="robot")), ranked(FRAME.assign(voter_kind="human")), 100),
        (ranked(FRAME.assign(anony="perhaps")), ranked(FRAME.assign(anony=True)), 100),
        (ranked(FRAME.assign(blind="perhaps")), ranked(FRAME.assign(blind=True)), 100),
        (ranked(FRAME.assign(p_a=0.4)), ranked(FRAME), 100),
        (ranked(beginners.with_(weight=1.0)), ranked(FRAME.assign(weight=1.0)), 100),
        (ranked(FRAME.assign(grade=-1.0)), ranked(FRAME), 100),
        (ranked(FRAME.assign(grade=0.0)), ranked(FRAME), 100),
        (ranked(FRAME.assign(timestamp="soon"), "elo"), ranked(FRAME, "elo"), 100),
        (
            ranked(beginners.with_(voter=None), cluster="voter"),
            ranked(beginners.with_(voter=None), cluster="voter", where="voter IS NOT NULL"),
            99,
        ),
        (ranked(STYLED.assign(length_a=-1), control="length"), ranked(STYLED, control="length"), 100),
        (ranked(STYLED.assign(length_a=np.nan), control="length"), ranked(STYLED, control="length"), 100),
        (
            ranked([{"models": ["a", "b"], "places": [1]}]),
            ranked([{"models": ["a", "b"], "places": [1, 2]}], min_votes=0),
            1,
        ),
        (lambda: ag.comparisons(VOTES, where="TRUE"), lambda: ag.comparisons(FRAME, where="TRUE"), 100),
        (ranked(FRAME, grade_weight=2.0), ranked(FRAME), 100),
        (
            command("decide", at, "--facts", file("name,price\nada,1\n")),
            command("decide", at, "--facts", facts),
        ),
        (
            command("decide", at, "--facts", file("model,price\nada,1\nada,2\n")),
            command("decide", at, "--facts", facts),
        ),
        (ranked({"train": FRAME, "test": FRAME}), ranked(FRAME), 100),
        (lambda: ag.read_any([at, given.scores]), lambda: ag.read_any(at), 100),
        (lambda: ag.read_any(at, grade_weight=2.0), lambda: ag.read_any(at), 100),
        # recorded answers
        (lambda: answers(file("prompt,ada\np,a\n")), lambda: answers(file("prompt,ada,bob\np,a,b\n"))),
        (
            lambda: answers(file("prompt,ada,bob, \np,a,b,c\n")),
            lambda: answers(file("prompt,ada,bob,cyn\np,a,b,c\n")),
        ),
        (
            lambda: answers(file("prompt,ada,bob\np,a,b\n,a,b\n")),
            lambda: answers(file("prompt,ada,bob\np,a,b\n")),
        ),
        (lambda: answers(given.new()), lambda: answers(file("prompt,ada,bob\np,a,b\n"))),
        (
            lambda: answers(file("prompt,ada,bob,id\np,a,b,1\n")),
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\n")),
        ),
        (
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\nq,a,b,1\n")),
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\nq,a,b,2\n")),
        ),
    ]
