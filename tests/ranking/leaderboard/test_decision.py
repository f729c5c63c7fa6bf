"""Which model to take: conditions, non-inferiority that is true as often as it says, sentences, bad input."""

import json
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from agon.ranking import Comparisons, OptionError, decide, rank
from agon.ranking.leaderboard.dynascore import fact_points
from agon.ranking.text import rounded

NAMES = ["ann", "bob", "cy", "di"]
FACTS = {
    "ann": {"price": 4.0, "licence": "closed"},
    "bob": {"price": 0.5, "licence": "mit"},
    "cy": {"price": 2.0, "licence": "apache-2.0"},
    "di": {"price": 0.1},
}


def counts(strengths, votes_a_pair):
    """Whole votes as a Bradley-Terry world expects them; strengths in points of Elo."""
    gap = np.subtract.outer(strengths, strengths) * np.log(10) / 400
    wins = np.round(votes_a_pair / (1 + np.exp(-gap)))
    np.fill_diagonal(wins, 0)
    return wins


def board_of(strengths, votes_a_pair=4000, **options):
    return rank(Comparisons.from_counts(NAMES, counts(strengths, votes_a_pair)), **options)


BOARD = board_of([60, 55, 20, -80])


def test_the_best_that_meets_the_conditions():
    assert decide(BOARD, FACTS).choice == "ann"
    assert decide(BOARD, FACTS, at_most={"price": 3}).choice == "bob"
    assert decide(BOARD, FACTS, at_least={"price": 1}, only={"licence": ["mit", "apache-2.0"]}).choice == "cy"
    assert decide(BOARD, FACTS, only={"licence": "mit"}).conclusion() == (
        "Take bob: it is the only model of 4 that meets the conditions."
    )


def test_a_cheaper_one_that_is_shown_to_be_hardly_worse():
    made = decide(BOARD, FACTS, prefer="price")
    assert (made.choice, made.best) == ("bob", "ann")
    bound = next(one.below_best for one in made.candidates if one.model == "bob")
    gap = BOARD.difference("ann", "bob", simultaneous=True)
    assert bound == gap.upper < 20
    assert made.conclusion() == (
        f"Take bob: it is at most {bound:.0f} points below ann, the best of 4 that meet the conditions, "
        "at 95%, and its price is 0.5 instead of 4 (88% less)."
    )
    assert {one.model: one.pareto for one in made.candidates} == {
        "ann": True,
        "bob": True,
        "cy": False,
        "di": True,
    }


def test_few_votes_show_nothing_and_say_how_many_more_would():
    made = decide(board_of([60, 55, 20, -80], 100), FACTS, prefer="price")
    assert made.choice == "ann"
    assert "none with a smaller price is shown to be within 20 points of it" in made.conclusion()
    more = made.more_votes["bob"]
    assert f"about {rounded(more)} on bob" in made.conclusion()
    # the bound shrinks with the root of the votes: so many on every model, and it is shown
    enough = board_of([60, 55, 20, -80], (300 + 1.05 * more) / 3)
    assert decide(enough, FACTS, prefer="price").choice == "bob"
    fewer = board_of([60, 55, 20, -80], (300 + 0.9 * more) / 3)
    assert decide(fewer, FACTS, prefer="price").choice == "ann"


def test_nobody_meets_the_conditions_and_why():
    made = decide(BOARD, FACTS, at_most={"price": 0.2}, only={"licence": "mit"})
    assert made.choice is None
    assert made.conclusion() == (
        "None of the 4 models meets the conditions: 3 of price above 0.2 and 1 of unknown licence."
    )
    assert decide(BOARD, FACTS, at_most={"price": 0.05}).conclusion().endswith(": 4 of price above 0.05.")


def test_models_without_votes_enough_are_not_taken():
    few = Comparisons.from_counts(["ann", "bob", "cy"], [[0, 90, 2], [80, 0, 0], [3, 0, 0]])
    made = decide(rank(few), FACTS, prefer="price")
    assert next(one.why_not for one in made.candidates if one.model == "cy") == "too few votes"


def test_the_smallest_that_is_best_says_so():
    cheap = {name: {"price": 1.0 + (name != "ann")} for name in NAMES}
    assert decide(BOARD, cheap, prefer="price").conclusion().endswith(", and its price is the smallest.")


@pytest.mark.parametrize("close", [False, True], ids=["one cheap", "many cheap"])
@pytest.mark.slow
def test_not_worse_by_more_than_the_margin_is_false_in_at_most_5_percent(close):
    """The cheap model is truly 20 points below the best: whoever says that it is nearer is wrong."""
    rng = np.random.default_rng(11)
    strengths = np.array([40.0, 20.0, 20.0, 20.0] if close else [40.0, 20.0, -60.0, -90.0])
    gap = np.subtract.outer(strengths, strengths) * np.log(10) / 400
    facts = {name: {"price": 1.0 + (i == 0) * 4} for i, name in enumerate(NAMES)}
    wrong = 0
    for _ in range(240):
        wins = np.zeros((4, 4))
        for i in range(4):
            for j in range(i):
                wins[i, j] = rng.binomial(1500, 1 / (1 + np.exp(-gap[i, j])))
                wins[j, i] = 1500 - wins[i, j]
        made = decide(rank(Comparisons.from_counts(NAMES, wins)), facts, prefer="price", within=19.999)
        wrong += made.choice != "ann" and made.best == "ann"
        wrong += made.best != "ann" and strengths[NAMES.index(made.choice)] < 40 - 20
    assert wrong <= 0.05 * 240


def test_frames_facts_and_json():
    frame = pd.DataFrame([{"model": name, **facts} for name, facts in FACTS.items()])
    made = decide(BOARD, frame, prefer="price", only={"licence": ["mit", "closed"]})
    assert made.choice == "bob"
    assert list(made.to_frame()["model"]) == [row.model for row in BOARD.rows]
    assert json.loads(json.dumps(made.to_dict()))["conclusion"] == made.conclusion()
    assert made.conclusion()[:8] in made._repr_html_()


@pytest.mark.parametrize(
    ("facts", "options", "sentence"),
    [
        (FACTS, {"at_most": {"prise": 3}}, "There is no fact 'prise'; did you mean 'price'?"),
        (
            FACTS,
            {"at_most": {"licence": 3}},
            "The licence of 'ann' is 'closed', which is no number; correct it.",
        ),
        (FACTS, {"prefer": "licence", "only": {"licence": "mit"}}, "which is no number"),
        ({"zoe": {"price": 1}}, {}, "The facts name none of the models on the board"),
        ([1], {}, "a frame with a column model"),
        (pd.DataFrame({"name": ["ann"]}), {}, "need a column model"),
        (pd.DataFrame({"model": ["ann", "ann"]}), {}, "name a model twice"),
        (FACTS, {"within": -1}, "within must be a number of points of at least 0, not -1."),
    ],
)
def test_bad_input_is_one_sentence(facts, options, sentence):
    with pytest.raises(OptionError) as caught:
        decide(BOARD, facts, **options)
    assert sentence in str(caught.value)


def test_boards_that_cannot_say_refuse():
    with pytest.raises(OptionError, match="no log-odds"):
        decide(board_of([60, 55, 20, -80], method="win_rate"), FACTS)
    with pytest.raises(OptionError, match="needs intervals"):
        decide(board_of([60, 55, 20, -80], interval="none"), FACTS)


def test_facts_beside_the_score_at_the_rates_of_the_listed_models():
    """By hand: scores 60, 55, 20 with prices 4, 0.5, 2 give rates 3.5/5 and 1.5/35 a point, 0.371 on average.

    One of the price is then worth 1 / 0.371 = 2.692 points: ann 60 - 10.77, bob 55 - 1.35, cy 20 - 5.38.
    """
    points, rates = fact_points([60, 55, 20], [[4.0], [0.5], [2.0]], ["price"], {"price": 1.0})
    assert rates == pytest.approx([(3.5 / 5 + 1.5 / 35) / 2])
    assert points == pytest.approx(np.array([-4, -0.5, -2]) / rates[0])
    made = decide(BOARD, FACTS, weigh={"price": 1}, at_least={"price": 0.5})
    assert (made.choice, made.best) == ("bob", "ann")
    assert decide(BOARD, FACTS, weigh={"price": 0.1}, at_least={"price": 0.5}).choice == "ann"
    chance = {one.model: one.probability for one in made.allowed}
    assert sum(chance.values()) == pytest.approx(1)
    gap = BOARD.difference("bob", "ann")
    lead = gap.difference - 3.5 / rates[0] * -1
    normal = NormalDist(0, (gap.upper - gap.lower) / 2 / NormalDist().inv_cdf(0.975))
    assert chance["bob"] == pytest.approx(normal.cdf(lead), abs=0.03)
    others = [name for name in ("ann", "cy") if _without(name, {"price": 1}) != "bob"]
    assert list(made.swayed_by) == others
    with pytest.raises(OptionError, match="not both"):
        decide(BOARD, FACTS, weigh={"price": 1}, prefer="price")
    with pytest.raises(OptionError, match="above 0"):
        decide(BOARD, FACTS, weigh={"price": -1})


def _without(name, weigh):
    """The choice when nothing is known of one model."""
    facts = {other: own for other, own in FACTS.items() if other != name}
    return decide(BOARD, facts, weigh=weigh, at_least={"price": 0.5}).choice


def test_categories_that_weigh_alike_however_many_votes_they_have():
    """By hand: ann wins 80 of 100 and 2 of 10; alike that is half, with Code left out 20%."""
    won = np.repeat([1, 0, 1, 0], [80, 20, 2, 8])
    kinds = np.repeat(["Code", "Chat"], [100, 10])
    votes = Comparisons.of(
        ["ann", "bob"], np.tile([0, 1], (110, 1)), np.where(won[:, None] == 1, [1, 2], [2, 1]),
        labels={"category": kinds.tolist(), "voter": [f"v{i % 37}" for i in range(110)]},
    )  # fmt: skip
    assert votes.weighted().cluster_columns == ("voter",)
    for weights, share in (({}, 0.5), ({"Code": 0}, 0.2), ({"Code": 3}, (3 * 0.8 + 0.2) / 4)):
        board = rank(votes.weighted(weights), cluster=None)
        assert board["ann"].score - board["bob"].score == pytest.approx(
            400 * np.log10(share / (1 - share)), abs=1e-6
        )
    with pytest.raises(OptionError, match="did you mean 'Code'"):
        votes.weighted({"Cod": 1})
    with pytest.raises(OptionError, match="All weights are 0"):
        votes.weighted({"Code": 0, "Chat": 0})
