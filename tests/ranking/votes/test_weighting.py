"""Weights that undo how pairs were drawn, and votes added to votes."""

import numpy as np
import pytest

from agon.data import comparisons
from agon.ranking import (
    Comparisons,
    MethodError,
    OptionError,
    SourceError,
    VotesError,
    bradley_terry_world,
    rank,
)
from agon.ranking.simulate import OUTCOMES

NAMES = list("abcd")
PLACES = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])


def cyclic(n, probability, seed=0):
    """A world that no strengths fit, a beats b beats c beats a: the draw of pairs moves the scores."""
    rng = np.random.default_rng(seed)
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    chance = np.array([0.8, 0.7, 0.4])
    pick = rng.choice(3, n, p=probability)
    won = rng.random(n) < chance[pick]
    return pairs[pick], PLACES[np.where(won, 0, 1)], np.asarray(probability)[pick]


def test_propensities_give_the_board_of_even_pairs():
    """A skewed draw, reweighted, covers what an even draw of many votes says; unweighted it is far off."""
    shown, places, p = cyclic(20_000, [0.8, 0.1, 0.1])
    skewed = Comparisons.of(NAMES[:3], shown, places, pair_probability=p)
    even = rank(Comparisons.of(NAMES[:3], *cyclic(400_000, [1 / 3] * 3, seed=1)[:2]))
    board, plain = rank(skewed, reweight="propensity"), rank(skewed)
    for row in board.rows:
        assert row.lower < even[row.model].score < row.upper
    assert any(not row.lower < even[row.model].score < row.upper for row in plain.rows)


def test_weights_are_one_over_the_probability_with_a_floor():
    """Kish by hand: probabilities 1/2, 1/4 and 0.02 among three models; the last counts as floor · 1/3."""
    shown, places = [[0, 1], [1, 2], [0, 2]] * 20, [[1, 2], [1, 2], [2, 1]] * 20
    p = [0.5, 0.25, 0.02] * 20
    votes = Comparisons.of(NAMES[:3], shown, places, pair_probability=p)
    weights = np.array([1 / 3 / 0.5, 1 / 3 / 0.25, 1 / 0.5])
    by_hand = Comparisons.of(NAMES[:3], shown, places, weight=np.tile(weights, 20))
    board, other = rank(votes, reweight="propensity", floor=0.5), rank(by_hand)
    assert board.rows == other.rows
    kish = 60 * weights.sum() ** 2 / 3 / (weights**2).sum()
    assert board.settings["effective_votes"] == pytest.approx(kish, rel=1e-12)
    (note,) = [d for d in board.diagnostics if d.code == "reweighted"]
    assert f"as {kish:,.0f} votes of equal weight" in note.message


def test_equal_pairs():
    """Each pair counts N / P votes in sum; alone it keeps its share of wins."""
    wins = np.array([[0, 90, 3], [10, 0, 40], [2, 60, 0]])
    board = rank(
        Comparisons.from_counts(NAMES[:3], wins), reweight="equal_pairs", min_votes=0, scale="natural"
    )
    met = wins + wins.T
    share = np.divide(wins, met, out=np.zeros((3, 3)), where=met > 0)
    rounds = rank(Comparisons.from_counts(NAMES[:3], np.round(share * 30_000)), min_votes=0, scale="natural")
    for row in board.rows:
        assert row.score == pytest.approx(rounds[row.model].score, abs=1e-12)
    n, pairs = met.sum() / 2, met[np.triu_indices(3, 1)]
    kish = n**2 / ((n / 3) ** 2 / pairs).sum()
    assert board.settings["effective_votes"] == pytest.approx(kish, rel=1e-12)
    assert rank(Comparisons.from_counts(NAMES[:3], wins)).settings["effective_votes"] == n


def test_files_carry_probabilities(tmp_path):
    import pandas as pd

    shown, places, p = cyclic(600, [0.5, 0.3, 0.2])
    frame = pd.DataFrame(
        {
            "model_a": np.array(NAMES)[shown[:, 0]],
            "model_b": np.array(NAMES)[shown[:, 1]],
            "winner": np.where(places[:, 0] == 1, "model_a", "model_b"),
            "pair_probability": p,
            "voter": np.arange(600) % 30,
        }
    )
    expected = Comparisons.of(NAMES[:3], shown, places, pair_probability=p)
    board = rank(comparisons(frame), reweight="propensity")
    assert board.rows == rank(expected, reweight="propensity").rows
    logged = frame.drop(columns="pair_probability").assign(pair_probabilities=[[x] for x in p])
    assert rank(comparisons(logged), reweight="propensity").rows == board.rows
    clustered = rank(comparisons(frame), reweight="propensity", cluster="voter")
    assert clustered.rows != board.rows
    with pytest.raises(SourceError, match="has no column pair_probability"):
        rank(comparisons(frame.drop(columns="pair_probability")), reweight="propensity")
    with pytest.raises(
        SourceError, match="no pair_probability above 0 and at most 1 in rows 1, 2 and 3 of the DataFrame"
    ):
        rank(comparisons(frame.assign(pair_probability=[None, 0.0, 1.5, *p[3:]])), reweight="propensity")


def test_files_of_larger_votes_carry_the_probability_of_the_group():
    import pandas as pd

    rng = np.random.default_rng(0)
    rows = [rng.permutation(4)[: rng.integers(2, 5)].tolist() for _ in range(300)]
    places = [list(range(1, len(row) + 1)) for row in rows]
    chance = rng.uniform(0.05, 0.5, 300)
    models = [[NAMES[i] for i in row] for row in rows]
    frame = pd.DataFrame({"models": models, "places": places, "group_probability": chance})
    board = rank(comparisons(frame), reweight="propensity", floor=0.4)
    pads = [[-1] * (4 - len(row)) for row in rows]
    shown = [row + pad for row, pad in zip(rows, pads, strict=True)]
    filled = [place + [0] * len(pad) for place, pad in zip(places, pads, strict=True)]
    even = np.array([1 / {2: 6, 3: 4, 4: 1}[len(row)] for row in rows])
    by_hand = rank(Comparisons.of(NAMES, shown, filled, weight=even / np.maximum(chance, 0.4 * even)))
    for row in by_hand.rows:
        mine = board[row.model]
        assert (mine.score, mine.lower) == pytest.approx((row.score, row.lower), abs=1e-7)
    with pytest.raises(SourceError, match="has no column group_probability"):
        rank(comparisons(frame.drop(columns="group_probability")), reweight="propensity")


def test_votes_on_what_was_left_when_an_answer_failed_have_no_probability():
    """Three of four came: plain boards count such a vote, re-weighted ones leave it out and say so."""
    import pandas as pd

    rng = np.random.default_rng(1)
    rows = [rng.permutation(4).tolist() for _ in range(200)] + [[0, 1, 2]] * 40
    places = [list(range(1, len(row) + 1)) for row in rows]
    frame = pd.DataFrame(
        {
            "models": [[NAMES[i] for i in row] for row in rows],
            "places": places,
            "group_probability": 1.0,
            "failed": [0] * 200 + [1] * 40,
        }
    )
    whole = rank(comparisons(frame.iloc[:200]), reweight="propensity")
    board = rank(comparisons(frame), reweight="propensity")
    assert board.rows == whole.rows
    assert sum(row.votes for row in rank(comparisons(frame)).rows) == 200 * 4 + 40 * 3
    assert any(
        "on fewer answers than were drawn" in one.message and "40" in one.message for one in board.diagnostics
    )


def test_they_weigh_by_the_group_that_was_drawn_when_asked():
    """Of five models four are drawn, one of 5 groups at random: 1/5 over the probability, in means."""
    import pandas as pd

    models = [
        ["ada", "bob", "cyn", "dan"],
        ["ada", "bob", "cyn", "eve"],
        ["ada", "dan", "eve"],
        ["eve", "bob"],
    ]
    chances, failed = [0.5, 0.2, 0.1, 0.4], [0, 0, 1, 2]
    places = [list(range(1, len(row) + 1)) for row in models]
    frame = pd.DataFrame(
        {
            "models": models,
            "places": places,
            "group_probability": chances,
            "failed": failed,
            "side": list("xyxy"),
        }
    )
    votes = comparisons(frame)
    kept = votes.reweighted("propensity_all", floor=0.1).ballots
    by_hand = np.sort(0.2 / np.array(chances))
    assert np.sort(kept.weight) == pytest.approx(by_hand / by_hand.mean())
    whole = votes.reweighted("propensity", floor=0.1).ballots
    assert sorted(whole.weight) == pytest.approx([0.4 / 0.7, 1.0 / 0.7])
    board = rank(votes, "win_rate", reweight="propensity_all", interval="none", min_votes=0, cluster=None)
    assert sum(row.votes for row in board.rows) == 4 + 4 + 3 + 2
    parts = dict(votes.split("side"))
    assert parts["x"].reweighted("propensity_all").ballots.total == 2
    assert parts["x"].reweighted("propensity").ballots.total == 1


@pytest.mark.parametrize("values", [[0.0], [1.5], [np.nan], [0.5, 0.5]])
def test_what_is_no_probability(values):
    with pytest.raises(VotesError, match="pair_probability"):
        Comparisons.of(["a", "b"], [[0, 1]], [[1, 2]], pair_probability=values)


def test_what_cannot_be_reweighted():
    votes = Comparisons.of(["a", "b"], [[0, 1]] * 40, [[1, 2], [2, 1]] * 20)
    with pytest.raises(SourceError, match="do not say with which probability"):
        rank(votes, reweight="propensity")
    with pytest.raises(OptionError, match="floor must be above 0"):
        rank(votes, reweight="propensity", floor=0)
    with pytest.raises(OptionError, match="no reweight 'equal'"):
        rank(votes, reweight="equal")
    three = Comparisons.of(list("abc"), [[0, 1, 2]] * 3, [[1, 2, 3]] * 3)
    with pytest.raises(MethodError, match="All 3 are votes on more than two models"):
        rank(three, reweight="equal_pairs")


def parts(world, *cuts):
    """The votes of a world cut into several sets."""
    rows = np.split(np.arange(len(world.first)), cuts)
    shown = np.stack([world.first, world.second], 1)
    fine = np.array([[-1, -1], [-1, -1], [1, 1], [0, 0]])[world.outcome]
    return [
        Comparisons.of(
            world.models,
            shown[r],
            PLACES[world.outcome[r]],
            acceptable=fine[r],
            timestamp=r,
            labels={"voter": [f"v{v}" for v in world.voter[r]]},
        )
        for r in rows
    ]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("bradley_terry", {}),
        ("bradley_terry", {"cluster": "voter"}),
        ("bradley_terry", {"interval": "bootstrap", "n_resamples": 20}),
        ("elo", {"permutations": 0, "n_resamples": 5}),
        ("copeland", {"n_resamples": 10}),
    ],
)
def test_added_votes_give_the_board_of_all(method, options):
    """Ten at once or the last one by one: the same bits as all votes together."""
    world = bradley_terry_world(6, 700, voters=20, seed=2)
    assert OUTCOMES[2:] == ("tie", "both_bad")
    (whole,) = parts(world)
    one, two, *rest = parts(world, 600, 697, 698, 699)
    joined = one + two
    for more in rest:
        joined = joined + more
    board, other = rank(joined, method, **options), rank(whole, method, **options)
    assert board.rows == other.rows
    assert board.fingerprint == other.fingerprint
    assert len(joined) == 700


def test_a_new_model_may_come_with_a_new_vote():
    old = Comparisons.of(["b", "c"], [[0, 1]] * 40, [[1, 2], [2, 1]] * 20)
    both = old + Comparisons.of(["a", "c"], [[0, 1]], [[1, 2]])
    assert both.models == ("a", "b", "c")
    assert both.pairs.wins.tolist() == [[0, 0, 1], [0, 0, 20], [0, 20, 0]]
    groups = dict(
        (
            parts(bradley_terry_world(3, 40))[0]
            + old.__class__.of(["x", "y"], [[0, 1]], [[1, 2]], labels={"voter": ["v999"]})
        ).split("voter")
    )
    assert groups["v999"].models == ("x", "y")
