"""Bad input in memory: no traceback of ours, nothing silent; each is a named error that names what is wrong.

integrity.md section 4 asks for 40 of them with none silent; files have their own table in tests/data.
"""

import math

import numpy as np
import pytest

from agon.ranking import (
    Ballots,
    Comparisons,
    PairCounts,
    Settings,
    agreement,
    bradley_terry_world,
    rank,
    rank_all,
)
from agon.ranking.errors import AgonError, MethodError, OptionError, SourceError, VotesError, suggest

AB, SHOWN, PLACES = ["a", "b"], [[0, 1]], [[1, 2]]
GOOD = Comparisons.from_counts(AB, [[0, 40], [30, 0]])
nan, inf = math.nan, math.inf


def of(models=AB, shown=SHOWN, places=PLACES, **more):
    return lambda: Comparisons.of(models, shown, places, **more)


def counts(*tables, models=AB, **more):
    return lambda: PairCounts.of(models, *tables, **more)


def ranked(method="bradley_terry", votes=GOOD, **options):
    return lambda: rank(votes, method, **options)


EVEN = [[0, 1], [1, 0]]
TABLE = [
    # names
    (of(models=["a", None]), VotesError, "None"),
    (of(models=["a", nan]), VotesError, "nan"),
    (of(models=["a", 7]), VotesError, "7"),
    (of(models=["a", " "]), VotesError, "' '"),
    (of(models=["gpt", "gpt"]), VotesError, "'gpt'"),
    # who was shown
    (of(shown=[[0, 2]]), VotesError, "2"),
    (of(shown=[[0, -2]]), VotesError, "-2"),
    (of(shown=[[0, 0.5]]), VotesError, "0.5"),
    (of(shown=[[0, nan]]), VotesError, "nan"),
    (of(shown=[["a", "b"]]), VotesError, "['a', 'b']"),
    (of(shown=[[1, 1]]), VotesError, "1"),
    (of(shown=[[0, 1], [0]]), VotesError, "[[0, 1], [0]]"),
    (of(shown=[[[0, 1]]]), VotesError, "(1, 1, 2)"),
    # places
    (of(places=[[1, 2, 3]]), VotesError, "(1, 3)"),
    (of(places=[[1, 2], [1, 2]]), VotesError, "(2, 2)"),
    (of(places=[[-1, 1]]), VotesError, "-1"),
    (of(places=[[1, 3]]), VotesError, "[1, 3]"),
    (of(places=[[2, 2]]), VotesError, "[2, 2]"),
    (of(places=[[2, 0]]), VotesError, "[2, 0]"),
    (of(places=[[1.5, 2]]), VotesError, "1.5"),
    (of(places=[["first", "second"]]), VotesError, "first"),
    # acceptable, p_a, weight, count
    (of(acceptable=[[2, 0]]), VotesError, "2"),
    (of(acceptable=[[1, -2]]), VotesError, "-2"),
    (of(acceptable=[1]), VotesError, "(1, 1)"),
    (of(p_a=[1.2]), VotesError, "1.2"),
    (of(p_a=[-0.1]), VotesError, "-0.1"),
    (of(p_a=[inf]), VotesError, "inf"),
    (of(p_a=[0.5, 0.5]), VotesError, "(2,)"),
    (of(p_a=["often"]), VotesError, "often"),
    (of(["a", "b", "c"], [[0, 1, 2]], [[1, 2, 3]], p_a=[0.5]), VotesError, "p_a"),
    (of(weight=[0]), VotesError, "0.0"),
    (of(weight=[-2]), VotesError, "-2.0"),
    (of(weight=[nan]), VotesError, "nan"),
    (of(weight=[inf]), VotesError, "inf"),
    (of(weight=[1, 1]), VotesError, "(2,)"),
    (of(weight=[[1]]), VotesError, "(1, 1)"),
    (of(weight=["heavy"]), VotesError, "heavy"),
    (lambda: Ballots.of(AB, SHOWN, PLACES, count=[-3]), VotesError, "-3"),
    (lambda: Ballots.of(AB, SHOWN, PLACES, count=[2.5]), VotesError, "2.5"),
    # times and labels
    (of(timestamp=[1, 2]), VotesError, "timestamp"),
    (of(timestamp=[nan]), VotesError, "timestamp"),
    (of(timestamp=["noon"]), VotesError, "noon"),
    (of(labels={"voter": ["x", "y"]}), VotesError, "voter"),
    # counts
    (counts([[0, 1, 2], [1, 0, 2]]), VotesError, "(2, 3)"),
    (counts([[0, -1], [1, 0]]), VotesError, "-1.0"),
    (counts([[0, nan], [1, 0]]), VotesError, "nan"),
    (counts([[0, inf], [1, 0]]), VotesError, "inf"),
    (counts([[3, 1], [1, 0]]), VotesError, "'a'"),
    (counts([["x", 1], [1, 0]]), VotesError, "'x'"),
    (counts(EVEN, [[0, 2], [1, 0]]), VotesError, "ties"),
    (counts(EVEN, None, [[0, 2], [1, 0]]), VotesError, "both_bad"),
    (counts(EVEN, models=["a", "a"]), VotesError, "'a'"),
    (counts(EVEN, votes=[1]), VotesError, "(1,)"),
    (lambda: Comparisons.from_counts(AB, [[0, 1.5], [1, 0]]), VotesError, "whole numbers"),
    # votes
    (ranked(votes=[("a", "b")]), SourceError, "list"),
    (ranked(votes=None), SourceError, "NoneType"),
    (ranked(votes=Comparisons.of(AB, [], [])), SourceError, "no votes"),
    (ranked(cluster="voter"), SourceError, "'voter'"),
    (lambda: rank_all(GOOD, ["elo"], by="language"), SourceError, "'language'"),
    (lambda: list(GOOD.split("language")), SourceError, "'language'"),
    # methods and options
    (ranked("bradly_terry"), MethodError, "'bradly_terry'"),
    (ranked(5), MethodError, "5"),
    (ranked(lambda pairs: pairs), MethodError, "<lambda>"),
    (ranked(leval=0.9), OptionError, "'leval'"),
    (ranked(k=4.0), OptionError, "'k'"),
    (ranked(level=1.0), OptionError, "1.0"),
    (ranked(level=0), OptionError, "0"),
    (ranked(level="95%"), OptionError, "'95%'"),
    (ranked(level=nan), OptionError, "nan"),
    (ranked(interval="sandwhich"), OptionError, "'sandwhich'"),
    (ranked("elo", interval="sandwich"), OptionError, "elo"),
    (ranked(n_resamples=1), OptionError, "1"),
    (ranked(n_resamples=20.5), OptionError, "20.5"),
    (ranked(min_votes=-1), OptionError, "-1"),
    (ranked(seed=-4), OptionError, "-4"),
    (ranked(seed="lucky"), OptionError, "'lucky'"),
    (ranked(cluster=3), OptionError, "3"),
    (ranked(scale="logit"), OptionError, "'logit'"),
    (ranked(anchor="A"), OptionError, "'A'"),
    (ranked(anchor=0), OptionError, "0"),
    (ranked(anchor_score=1000), OptionError, "1000"),
    (ranked(anchor="a", anchor_score=nan), OptionError, "nan"),
    (ranked(anchor="a", anchor_score="1000"), OptionError, "'1000'"),
    (ranked("win_rate", anchor="a"), OptionError, "'a'"),
    (ranked("win_rate", average="mean"), OptionError, "'mean'"),
    (ranked(both_bad="ignore"), OptionError, "'ignore'"),
    (ranked(prior_sd=0.0), OptionError, "0.0"),
    (ranked(prior_sd=inf), OptionError, "inf"),
    (ranked(prior_sd="wide"), OptionError, "'wide'"),
    (ranked("elo", k=0), OptionError, "0"),
    (ranked("elo", k=nan), OptionError, "nan"),
    (ranked("elo", start=inf), OptionError, "inf"),
    (ranked("elo", permutations=-1), OptionError, "-1"),
    (ranked("elo", permutations=1.5), OptionError, "1.5"),
    (ranked("davidson", prior_sd=0.0), OptionError, "0.0"),
    (ranked("rao_kupper", prior_sd=-1.0), OptionError, "-1.0"),
    (ranked("rao_kupper_bag", both_bad="half"), OptionError, "'both_bad'"),
    (ranked("newman", prior_sd=nan), OptionError, "nan"),
    (ranked("thurstone", prior_sd=200.0), OptionError, "200.0"),
    (ranked("bradley_terry_ridge", c=0.0), OptionError, "c must"),
    (ranked("bradley_terry_ridge", copies=nan), OptionError, "nan"),
    (ranked("bradley_terry_ridge", base=1.0), OptionError, "1.0"),
    (ranked("pagerank", damping=1.0), OptionError, "1.0"),
    (ranked("pagerank", damping=nan), OptionError, "nan"),
    (ranked("eigenvector", average="mean"), OptionError, "'mean'"),
    (ranked("eigenvector", interval="sandwich"), OptionError, "eigenvector"),
    (ranked("rank_centrality", both_bad="keep"), OptionError, "'keep'"),
    (ranked("counting", tie_credit=2.0), OptionError, "2.0"),
    (ranked("counting", anchor="a"), OptionError, "'a'"),
    (ranked("kwiksort", orders=0), OptionError, "0"),
    (ranked("greedy", interval="posterior"), OptionError, "posterior"),
    (ranked("plackett_luce", precision=-1.0), OptionError, "-1.0"),
    (ranked("plackett_luce", precision=inf), OptionError, "inf"),
    (ranked("plackett_luce", ties="efron"), OptionError, "'efron'"),
    (ranked("plackett_luce", prior_sd=0), OptionError, "0"),
    (ranked("kwise_bayes", mu=nan), OptionError, "nan"),
    (ranked("kwise_bayes", sigma=0.0), OptionError, "sigma"),
    (ranked("kwise_bayes", beta=-1.0), OptionError, "-1.0"),
    (ranked("kwise_bayes", tau=inf), OptionError, "inf"),
    (ranked("kwise_bayes", draw_probability=0.0), OptionError, "0.0"),
    (ranked("kwise_bayes", draw_probability=1.0), OptionError, "1.0"),
    (ranked("kwise_bayes", score="median"), OptionError, "'median'"),
    (ranked("kwise_bayes", permutations=-2), OptionError, "-2"),
    (ranked("kwise_bayes", anchor="a"), OptionError, "'a'"),
    (ranked("kwise_bayes", interval="sandwich"), OptionError, "sandwich"),
    (ranked("weng_lin", sigma=nan), OptionError, "nan"),
    (ranked("weng_lin", tau=-0.1), OptionError, "-0.1"),
    (ranked("weng_lin", permutations=-1), OptionError, "-1"),
    (ranked(interval="posterior"), OptionError, "posterior"),
    (lambda: Settings(interval="off"), OptionError, "'off'"),
    (lambda: bradley_terry_world(n_models=1), OptionError, "n_models=1"),
    (lambda: bradley_terry_world(ties=1.5), OptionError, "1.5"),
    (lambda: bradley_terry_world(strengths=np.array([0.0, nan])), OptionError, "nan"),
    (lambda: rank(GOOD)["c"], OptionError, "'c'"),
    (lambda: rank(GOOD).difference("a", "c"), OptionError, "'c'"),
    (lambda: rank(GOOD, interval="none").difference("a", "b"), OptionError, "auto"),
]


@pytest.mark.parametrize(("call", "error", "named"), TABLE, ids=range(len(TABLE)))
def test_a_named_error_in_one_sentence(call, error, named):
    with pytest.raises(AgonError) as caught:
        call()
    text = str(caught.value)
    assert type(caught.value) is error
    assert named in text
    assert "\n" not in text
    assert ". " not in text  # one sentence
    assert caught.value.__cause__ is None


def test_there_are_enough_of_them():
    assert len(TABLE) >= 40


def test_good_input_is_not_refused():
    """The table above would pass if everything were refused."""
    assert len(rank(GOOD)) == 2
    assert agreement([rank(GOOD), rank(GOOD, "elo")]).shape == (2, 2)
    everything = Comparisons.of(
        AB,
        np.array([[0, 1], [1, 0]], dtype=np.int8),
        [[1.0, 2.0], [1, 1]],
        acceptable=[[True, False], [False, False]],
        p_a=[nan, 0.25],
        weight=[np.float32(0.5), 2],
        timestamp=[5, 4.5],
        labels={"voter": ["x", None]},
    )
    assert len(everything) == 2


def test_the_problems_of_votes_are_listed():
    assert VotesError("one").problems == ("one",)
    assert VotesError("one", ("one", "two")).problems == ("one", "two")


def test_the_nearest_word():
    assert suggest("leval", ["level", "seed"]) == "did you mean 'level'?"
    assert suggest("xyz", ["seed", "level"]) == "known: level, seed."
