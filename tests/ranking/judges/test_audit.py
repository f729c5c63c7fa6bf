"""The audit of a judge: figures by hand and by scikit-learn, planted biases, and judges that say nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from agon.ranking import OptionError, VotesError, audit_judge
from agon.ranking.judges.pair_verdicts import PairVerdicts
from tests.support.judged_worlds import judged_world
from tests.support.paths import REPOSITORY

BIASES = ("position_bias", "length_bias", "self_preference")
DATA = REPOSITORY / "shared" / "datasets"


def verdicts(rows, **more):
    """Verdicts from rows (first, second, p of the first, prompt)."""
    first, second, p, prompt = zip(*rows, strict=True)
    return PairVerdicts.of(first, second, p, prompt, **more)


def both_ways(rows):
    """The same verdicts, of a judge whom no order sways."""
    return verdicts([*rows, *((b, a, 1 - p, prompt) for a, b, p, prompt in rows)])


def test_agreement_is_cohens_weighted_kappa_of_both_ways_round():
    """scikit-learn's linearly weighted κ, each vote taken twice, once with the sides exchanged."""
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(3)
    judged = [("a", "b", rng.choice([0, 0.5, 1]), str(i)) for i in range(80)]
    voted = [("a", "b", rng.choice([0, 0.5, 1, p]), prompt) for _, _, p, prompt in judged for _ in range(2)]
    people = [p for *_, p, _ in voted]
    judge = np.repeat([p for *_, p, _ in judged], 2)
    two_ways = [np.concatenate([2 * np.array(x), 2 - 2 * np.array(x)]).astype(int) for x in (judge, people)]
    audit = audit_judge(both_ways(judged), verdicts(voted), n_resamples=0)
    assert audit["kappa"].value == pytest.approx(cohen_kappa_score(*two_ways, weights="linear"))
    one, other = people[::2], people[1::2]
    two_ways = [
        np.concatenate([2 * np.array(x), 2 - 2 * np.array(x)]).astype(int)
        for x in ([*one, *other], [*other, *one])
    ]
    assert audit["people_kappa"].value == pytest.approx(cohen_kappa_score(*two_ways, weights="linear"))


def test_figures_by_hand():
    """Three models on two prompts: on p a circle, on q an order; one pair of six turns with its sides."""
    p = [("a", "b", 1.0, "p"), ("b", "c", 1.0, "p"), ("c", "a", 1.0, "p")]
    q = [("a", "b", 0.8, "q"), ("b", "c", 0.8, "q")]
    rows = [*p, *q, *((b, a, 1 - x, prompt) for a, b, x, prompt in [*p, *q])]
    rows += [("a", "c", 1.0, "q"), ("c", "a", 0.4, "q")]  # a better in both: 1 and 0.6
    audit = audit_judge(verdicts(rows), n_resamples=0)
    assert audit["cyclic_triples"].value == pytest.approx(1 / 2)
    assert audit["cyclic_triples"].number == 2
    assert audit["order_consistency"].value == 1
    assert audit["position_bias"].value == pytest.approx((0.5 - 0.1) / 2 / 6)
    people = verdicts([("a", "b", 1.0, "q"), ("b", "c", 0.0, "q"), ("a", "c", 1.0, "q")])
    audit = audit_judge(verdicts(rows), people, n_resamples=0)
    # Sure 0.8, 0.8, 0.8 (the mean of 1 and 0.6); right 1, 0, 1.
    assert audit["overconfidence"].value == pytest.approx(0.8 - 2 / 3)
    assert audit["calibration_error"].value == pytest.approx(0.8 - 2 / 3)
    assert [one.number for one in audit.curve] == [3]
    assert audit["repeat_consistency"].number == 0
    again = verdicts(rows, repeats=np.full(len(rows), 0.75))
    assert audit_judge(again, n_resamples=0)["repeat_consistency"].value == 0.75


def test_boards_agree_as_their_orders_do():
    """People a > b > c > d by wide majorities, the judge with c and d exchanged: τ-b = (5 − 1)/6."""
    pairs = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    people = verdicts([(a, b, float(i % 5 > 0), f"p{i}") for i in range(20) for a, b in pairs])
    turned = {"c": "d", "d": "c"}
    judge = both_ways(
        [
            (a, b, 0.9 if turned.get(a, a) < turned.get(b, b) else 0.1, f"p{i}")
            for i in range(20)
            for a, b in pairs
        ]
    )
    audit = audit_judge(judge, people, n_resamples=30)
    assert audit["board_tau"].value == pytest.approx(4 / 6)
    assert audit["first_regret"].value == 0
    assert audit["board_tau"].lower <= audit["board_tau"].value <= audit["board_tau"].upper


@pytest.mark.parametrize("judge", ["first", "tie", "random", "nearly first", "other answers"])
def test_a_judge_that_says_nothing_is_refused(judge):
    rng = np.random.default_rng(0)
    says = {
        "first": lambda: 1.0,
        "tie": lambda: 0.5,
        "random": rng.random,
        "nearly first": lambda: float(rng.random() < 0.98),
        "other answers": lambda: 0.5,
    }[judge]
    _, people, _ = judged_world(1, voters=3)
    pairs = [("m0", "m1"), ("m1", "m2"), ("m0", "m2"), ("m3", "m4"), ("m4", "m5")]
    rows = [(*sides, says(), str(i)) for i in range(60) for pair in pairs for sides in (pair, pair[::-1])]
    if judge == "other answers":  # steady, and about something that people do not care about
        good = {name: rng.random((60, 6)) for name in "x"}["x"]
        rows = [(a, b, float(good[int(i), int(a[1])] > good[int(i), int(b[1])]), i) for a, b, _, i in rows]
    audit = audit_judge(verdicts(rows), people, n_resamples=0)
    assert not audit.passed
    assert "is refused" in audit.conclusion()
    alone = audit_judge(verdicts(rows), n_resamples=0)
    assert alone.passed == (judge == "other answers")  # which people alone can tell


def test_the_same_whatever_the_order_of_rows_and_whoever_is_called_the_first():
    judge, people, own = judged_world(4, voters=2, position=0.1)
    order = np.random.default_rng(0).permutation(len(people))
    mixed = PairVerdicts.of(
        [people.models[i] for i in people.second[order]],
        [people.models[i] for i in people.first[order]],
        1 - people.p_first[order],
        [people.prompts[i] for i in people.prompt[order]],
    )
    names = {name: f"z{9 - i}" for i, name in enumerate(judge.models)}  # the other way round by the alphabet
    one = audit_judge(judge, people, own=own, n_resamples=5)
    two = audit_judge(judge, mixed, own=own, n_resamples=5)
    renamed = [
        PairVerdicts.of(
            [names[v.models[i]] for i in v.first],
            [names[v.models[i]] for i in v.second],
            v.p_first,
            [v.prompts[i] for i in v.prompt],
            lengths=v.lengths,
        )
        for v in (judge, people)
    ]
    three = audit_judge(*renamed, own=[names[name] for name in own], n_resamples=5)
    for other in (two, three):
        for a, b in zip(one.measures, other.measures, strict=True):
            assert (a.value, a.lower, a.upper) == pytest.approx((b.value, b.lower, b.upper), nan_ok=True)


@pytest.mark.parametrize("world", [{}, {"voters": 3, "soft": True}], ids=["hard", "soft"])
def test_no_bias_is_found_where_none_is_planted_and_planted_ones_are_recovered(world):
    """50 worlds each; of a share of 5% more than 7 of 50 are seen in 1 of 200 runs (1,000: benchmarks)."""
    n, planted = 50, {"position_bias": 0.1, "length_bias": 0.06, "self_preference": -0.08}
    anything, missed = 0, dict.fromkeys(BIASES, 0)
    given = {"position": 0.1, "length": 0.06, "own": -0.08}
    for seed in range(n):
        judge, people, own = judged_world(seed, **world)
        clean = audit_judge(judge, people, own=own, n_resamples=0)
        judge, people, own = judged_world(seed + n, **world, **given)
        swayed = audit_judge(judge, people, own=own, n_resamples=0)
        for name in BIASES:
            anything += bool(clean[name].found) and not any(
                clean[other].found for other in BIASES[: BIASES.index(name)]
            )
            one = swayed[name]
            missed[name] += bool(not one.lower <= planted[name] <= one.upper and np.isfinite(one.value))
    most = int(binom.ppf(0.998, n, 0.05))
    assert anything <= most  # worlds in which any of the three is found
    assert max(missed.values()) <= most, missed


def test_what_is_not_known_is_said_and_not_guessed():
    judge, people, _ = judged_world(2, one_way=True)
    alone = audit_judge(judge)
    for name in ("kappa", "length_bias", "self_preference", "calibration_error", "signal"):
        assert np.isnan(alone[name].value)
        assert alone[name].found is None
        assert alone[name].said
    assert np.isfinite(alone["position_bias"].value)  # the sides were exchanged at random
    flat = verdicts([("a", "b", 0.5, str(i)) for i in range(30)])
    assert (
        "hardly tell"
        in audit_judge(
            PairVerdicts.of(
                ["a"] * 30, ["b"] * 30, np.tile([0.2, 0.8], 15), range(30), lengths=[[9, 5]] * 30
            ),
            flat,
        )["length_bias"].said
    )
    assert (
        audit_judge(judge, people, unread=0.5, n_resamples=0).reasons[-1]
        == "50% of its answers were no verdict"
    )
    frame = alone.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns)[:4] == ["measure", "value", "lower", "upper"]


def test_bad_input_is_one_sentence():
    judge, people, _ = judged_world(2)
    with pytest.raises(VotesError, match="not parallel"):
        PairVerdicts.of(["a"], ["b"], [0.5, 1], ["p"])
    with pytest.raises(VotesError, match=r"Verdict 2 has a p_a of 1\.5"):
        PairVerdicts.of(["a", "a"], ["b", "b"], [0.5, 1.5], ["p", "q"])
    with pytest.raises(VotesError, match="compares 'a' with itself"):
        PairVerdicts.of(["a"], ["a"], [0.5], ["p"])
    with pytest.raises(VotesError, match="nothing to audit"):
        audit_judge(PairVerdicts.of([], [], [], []))
    with pytest.raises(OptionError, match="level must lie between"):
        audit_judge(judge, people, level=95)


def test_people_of_one_mind_are_gold_without_an_interval():
    """Everybody prefers the one that says what is right, twice on each prompt: the interval has no width."""
    rng = np.random.default_rng(5)
    judged = [("good", "bad", p, str(i)) for i, p in enumerate(rng.uniform(0.2, 0.8, 12))]
    judged += [("bad", "good", p, str(i)) for i, p in enumerate(rng.uniform(0.2, 0.8, 12))]
    people = [("good", "bad", 1.0, str(i)) for i in range(12) for _ in range(2)]
    lengths = [(20, 7)] * 12 + [(7, 20)] * 12
    audit = audit_judge(verdicts(judged, lengths=lengths), verdicts(people))
    assert not audit.passed
