"""People's votes with a judge's: planted worlds, the formulae of PPI++ by hand, and refusals."""

import numpy as np
import pytest

from agon import ranking
from agon.ranking import Comparisons, MethodError, OptionError, SourceError
from agon.ranking.inference.prediction_powered import judge_strengths
from agon.ranking.methods.likelihood.bradley_terry import solve

MODELS = 6
STRENGTH = np.linspace(-0.8, 0.8, MODELS)
NAMES = [f"m{i}" for i in range(MODELS)]


def logistic(x):
    return 1 / (1 + np.exp(-x))


def votes_on(prompt, first, second, chance, rng, *, soft=False, names=NAMES):
    """Votes drawn with a chance for the first model, or the chance itself."""
    labels = {"prompt": [f"p{one}" for one in prompt]}
    shown = np.column_stack([first, second])
    if soft:
        return Comparisons.of(names, shown, np.ones_like(shown), p_a=chance, labels=labels)
    places = np.where((rng.random(len(chance)) < chance)[:, None], [1, 2], [2, 1])
    return Comparisons.of(names, shown, places, labels=labels)


def world(seed, judge, *, prompts=300, people=600, judged=4000):
    """People and a judge on prompts at which models are better or worse than usual, by a deviation of 1.

    The judge sees how good an answer is ("good"), adds a taste for length and a model of its own ("biased"),
    or draws at random ("useless").
    """
    rng = np.random.default_rng(seed)
    quality = STRENGTH + rng.normal(size=(prompts, MODELS))
    length = rng.normal(size=(prompts, MODELS))

    def drawn(number):
        first = rng.integers(0, MODELS, number)
        return rng.integers(0, prompts, number), first, (first + rng.integers(1, MODELS, number)) % MODELS

    prompt, first, second = drawn(people)
    ours = votes_on(prompt, first, second, logistic(quality[prompt, first] - quality[prompt, second]), rng)
    on = tuple(np.concatenate(pair) for pair in zip(drawn(judged), (prompt, first, second), strict=True))
    prompt, first, second = on
    better = quality[prompt, first] - quality[prompt, second]
    if judge == "good":
        said = logistic(better)
    elif judge == "biased":
        longer = length[prompt, first] - length[prompt, second]
        said = logistic(0.7 * better + longer + 1.5 * ((first == 0) * 1.0 - (second == 0)))
    else:
        said = rng.random(len(better))
    return ours, votes_on(prompt, first, second, said, rng, soft=True)


def people_at_large():
    """The strengths that fit the votes of any number of people, by quadrature over the prompts."""
    at, weight = np.polynomial.hermite_e.hermegauss(61)
    gap = STRENGTH[:, None] - STRENGTH[None, :]
    wins = (logistic(gap[..., None] + np.sqrt(2) * at) * weight).sum(axis=-1) / weight.sum()
    return solve(wins * (1 - np.eye(MODELS)))[0]


def natural(board):
    """(M,) scores and (M, M) covariance in log-odds."""
    at = [board.models.index(name) for name in NAMES]
    scores = np.array([board[name].score for name in NAMES])
    return scores, board.covariance[np.ix_(at, at)]


def test_two_models_are_ppi_of_a_mean_by_hand():
    """A_i: what people say less λ of what the judge says there, plus λ of what he says on average.

    n votes on n prompts and N more prompts judged: λ = cov(y, f)/((1 + n/N) var f), and the votes count
    1/(1 − ρ² N/(n + N)) times (Angelopoulos, Duchi and Zrnic 2023, eq. 6 and section 4).
    """
    rng = np.random.default_rng(1)
    n, more = 4000, 12000
    better = rng.normal(0.4, 1.5, n + more)
    side = np.zeros(n, dtype=int), np.ones(n, dtype=int)
    y = (rng.random(n) < logistic(better[:n])).astype(float)
    people = votes_on(np.arange(n), *side, y, np.random.default_rng(0), names=NAMES[:2])
    every = np.arange(n + more)
    judge = votes_on(every, every * 0, every * 0 + 1, logistic(better), rng, soft=True, names=NAMES[:2])
    board = ranking.rank(people, judges=judge, scale="natural", calibration="platt")
    worth = board.settings["judges"]
    said = logistic(better)
    rho = np.corrcoef(y, said[:n])[0, 1]
    assert worth["ratio"] == pytest.approx(1 / (1 - rho**2 * more / (n + more)), rel=0.01)
    share = np.cov(y, said[:n])[0, 1] / said.var() * (n + more) / (n + more)
    mean = y.mean() - worth["tuning"] * (said[:n].mean() - said.mean())
    assert worth["tuning"] == pytest.approx(min(share, 1), abs=0.06)
    gap = board["m0"].score - board["m1"].score
    assert gap == pytest.approx(np.log(mean / (1 - mean)), abs=0.01)
    error = np.sqrt(np.var(y - worth["tuning"] * said[:n] * more / (n + more)) / n)
    alone = ranking.rank(people, scale="natural")
    assert alone["m0"].score - alone["m1"].score != pytest.approx(gap, abs=0.001)
    width = (board.difference("m0", "m1").upper - board.difference("m0", "m1").lower) / 3.92
    whole = (alone.difference("m0", "m1").upper - alone.difference("m0", "m1").lower) / 3.92
    assert width / whole == pytest.approx(worth["ratio"] ** -0.5, rel=0.02)
    assert error < np.sqrt(y.var() / n)


@pytest.mark.slow
@pytest.mark.parametrize(
    "judge", ["biased", *(pytest.param(one, marks=pytest.mark.soak) for one in ("good", "useless"))]
)
def test_intervals_of_differences_cover_and_are_never_much_wider_than_those_of_people_alone(judge):
    """120 worlds of 15 differences: 95% covered (94 to 97 of a jackknife), no bias from a biased judge."""
    truth, upper = people_at_large(), np.triu_indices(MODELS, 1)
    covered, misses, alone_misses, bought = [], [], [], []
    for seed in range(120):
        people, judged = world(seed, judge)
        both = ranking.rank(people, judges=judged, scale="natural", cluster="prompt")
        alone = ranking.rank(people, scale="natural", cluster="prompt")
        scores, covariance = natural(both)
        miss = (scores[upper[0]] - scores[upper[1]]) - (truth[upper[0]] - truth[upper[1]])
        spread = np.diag(covariance)
        error = np.sqrt(spread[upper[0]] + spread[upper[1]] - 2 * covariance[upper])
        covered.append(np.mean(np.abs(miss) <= 1.97 * error))
        misses.append(miss)
        own = natural(alone)[0]
        alone_misses.append((own[upper[0]] - own[upper[1]]) - (truth[upper[0]] - truth[upper[1]]))
        bought.append(both.settings["judges"]["lower"] > 1)
    assert 0.94 <= np.mean(covered) <= 0.975
    gain = np.mean(np.square(alone_misses)) / np.mean(np.square(misses))
    assert gain > {"good": 1.15, "biased": 1.0, "useless": 0.98}[judge]
    noise = 3 * np.std(misses, axis=0) / np.sqrt(len(misses))
    assert (np.abs(np.mean(misses, axis=0)) < noise + 0.02).all()
    assert np.mean(bought) > 0.9 if judge == "good" else np.mean(bought) < 0.05 or judge == "biased"


def test_a_judge_who_says_nothing_leaves_the_board_as_it_is_and_the_board_says_so():
    people, _ = world(1, "useless")
    rng = np.random.default_rng(0)
    prompt, first = rng.integers(0, 300, 4000), rng.integers(0, MODELS, 4000)
    second = (first + rng.integers(1, MODELS, 4000)) % MODELS
    constant = votes_on(prompt, first, second, np.full(4000, 0.5), rng, soft=True)
    board, alone = ranking.rank(people, judges=constant), ranking.rank(people)
    assert [(row.model, row.score, row.lower, row.upper) for row in board] == [
        (row.model, row.score, row.lower, row.upper) for row in alone
    ]
    assert board.diagnostics[0].message == (
        "The 4,000 votes of judges bought nothing that can be shown: beside the 600 of people one is worth "
        "0.000 of a person's vote (0.000 to 0.000 at 95%)."
    )
    assert board.fingerprint != alone.fingerprint


def test_the_board_is_the_same_in_whatever_order_the_votes_came():
    people, judged = world(2, "good")
    rng = np.random.default_rng(0)

    def shuffled(votes):
        source = votes.source
        order = rng.permutation(len(source.sequence))
        given = source.distinct
        rows = source.sequence[order]
        labels = {"prompt": source.labels["prompt"][order]}
        return Comparisons.of(
            given.models, given.shown[rows], given.places[rows], p_a=given.p_a[rows], labels=labels
        )

    one = ranking.rank(people, judges=judged)
    other = ranking.rank(shuffled(people), judges=shuffled(judged))
    assert one == other


def test_models_that_only_judges_saw_are_predicted_and_marked():
    """24 models with votes, six without: their scores as planted, on a judge whose line is known."""
    rng = np.random.default_rng(5)
    strength = rng.normal(0, 1.0, 30)
    names = [f"n{i:02d}" for i in range(30)]
    first = rng.integers(0, 24, 20000)
    second = (first + rng.integers(1, 24, 20000)) % 24
    prompt = rng.integers(0, 400, 20000)
    people = votes_on(prompt, first, second, logistic(strength[first] - strength[second]), rng, names=names)
    judge = 0.5 * strength + rng.normal(0, 0.05, 30)  # half as sure, and a taste of its own
    one = np.concatenate([first[:4000], rng.integers(0, 30, 8000)])
    two = np.concatenate([second[:4000], (one[4000:] + rng.integers(1, 30, 8000)) % 30])
    on = np.concatenate([prompt[:4000], rng.integers(0, 400, 8000)])
    judged = votes_on(on, one, two, logistic(judge[one] - judge[two]), rng, soft=True, names=names)
    board = ranking.rank(people, judges=judged, scale="natural")
    foretold = [row for row in board if row.status == "predicted"]
    assert sorted(row.model for row in foretold) == names[24:]
    truth = strength - strength[:24].mean()
    for row in foretold:
        i = names.index(row.model)
        assert row.rank is None and row.votes == 0
        assert row.score == pytest.approx(truth[i], abs=0.35)  # 0.05 / 0.5 is the deviation of the taste
        assert row.lower <= truth[i] <= row.upper
    note = next(one for one in board.diagnostics if one.code == "predicted")
    assert "24 ranked models" in note.message
    few = people.among(np.arange(len(people.models)) < 10)
    wide = [row for row in ranking.rank(few, judges=judged, scale="natural") if row.status == "predicted"]
    assert len(wide) == 20 and all((row.lower, row.upper) == (None, None) for row in wide)


def test_strengths_of_a_judge_are_those_of_bradley_terry_on_his_probabilities():
    first, second = np.triu_indices(MODELS, 1)
    judge = votes_on(
        np.arange(len(first)), first, second, logistic(STRENGTH[first] - STRENGTH[second]), None, soft=True
    )
    found = judge_strengths(judge)
    np.testing.assert_allclose([found[name] for name in NAMES], STRENGTH, atol=1e-7)


def test_what_judges_cannot_be_weighed_with_is_refused():
    people, judged = world(3, "good")
    bare = Comparisons.of(NAMES, [[0, 1]] * 40, [[1, 2]] * 40)
    elsewhere = votes_on([9999], [0], [1], np.array([0.7]), None, soft=True)
    strangers = votes_on([0], [0], [1], np.array([0.7]), None, soft=True, names=["x", "y"])
    triples = Comparisons.of(
        NAMES, [[0, 1, 2], [0, 1, 2]], [[1, 2, 3], [3, 2, 1]], labels={"prompt": ["p1", "p2"]}
    )
    for votes, judges, options, error, said in [
        (people, bare, {}, SourceError, "There is no prompt in the judges' votes"),
        (people, elsewhere, {}, SourceError, "judge comparisons with votes too"),
        (people, strangers, {}, SourceError, "name the models alike in both"),
        (people, triples, {}, MethodError, "leave such ballots out"),
        (people, judged, {"method": "elo"}, OptionError, "judges do not apply to elo"),
        (people, judged, {"interval": "bootstrap"}, OptionError, "leave interval out"),
        (people, judged, {"bias_reduced": True}, OptionError, "bradley_terry with bias_reduced"),
        (people, judged, {"calibration": "beta"}, OptionError, "There is no calibration 'beta'"),
        (people, "judged.csv", {}, OptionError, "read the str with ag.comparisons"),
    ]:
        with pytest.raises(error, match=said):
            ranking.rank(votes, judges=judges, **options)
    with pytest.raises(OptionError, match="rank each group by itself"):
        ranking.rank_all(people, ["bradley_terry"], by="prompt", judges=judged)
