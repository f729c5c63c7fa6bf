"""Rules on many resampled votes at once give what the rules themselves give on one after the other."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from agon.ranking import METHODS, Ballots, InputError, PairCounts, Scores, ScoreTable
from agon.ranking.analysis.perturbation import levels_of
from agon.ranking.analysis.rule_probabilities import winner_probabilities
from agon.ranking.inference import bootstrap as resampling
from agon.ranking.methods.social_choice.maximal_lotteries import smith
from agon.ranking.results import as_values
from agon.ranking.simulate import bradley_terry_world
from agon.ranking.votes.resamples import ResampledBallots

TOGETHER = sorted(how.name for how in METHODS.values() if how.batch and how.family == "social_choice")
OPTIONS = {
    "ranked_pairs": [{"tie_break": "names"}, {"tie_break": "random"}, {"measure": "winning_votes"}],
    "coombs": [{"majority_stops": True}],
    "nanson": [{"drop": "at_or_below"}],
    "nash_averaging": [{"prior": 2.0, "both_bad": "drop"}],
    "scoring_vector": [{"points": (2.0, 1.0)}],
}
TIES = [{"ties": ties} for ties in ("share", "best", "worst", "published")]


def pairwise(rng):
    """Ballots of one or two models: ties, both bad, unranked, soft, weighted; few (cycles) or many."""
    m, n = int(rng.integers(2, 9)), int(rng.choice([8, 60, 900]))
    strength = rng.normal(size=m) * rng.choice([0.0, 0.5, 2.0])
    shown = np.array([rng.choice(m, 2, replace=False) for _ in range(n)])
    shown[:m] = [[i, (i + 1) % m] for i in range(min(m, n))][: len(shown[:m])]  # everybody is on a ballot
    better = rng.random(n) < 1 / (1 + np.exp(strength[shown[:, 1]] - strength[shown[:, 0]]))
    places = np.where(better[:, None], [1, 2], [2, 1])
    shown[m:, 1] = np.where(rng.random(n - min(m, n)) < rng.choice([0.0, 0.2]), -1, shown[m:, 1])
    alone = shown[:, 1] < 0
    loose = rng.random(n) < rng.choice([0.0, 0.4])
    places[loose] = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])[rng.integers(0, 4, loose.sum())]
    places[alone] = [1, 0]
    return Ballots.of(
        [f"m{i}" for i in range(m)],
        shown,
        places,
        acceptable=np.where(rng.random((n, 1)) < 0.2, 0, -1).repeat(2, axis=1),
        p_a=np.where(~alone & (rng.random(n) < rng.choice([0.0, 0.3])), rng.choice([0.25, 0.9], n), np.nan),
        weight=rng.choice(rng.choice([[1.0, 1.0], [1.0, 2.5]]), n),
    )


def kwise(rng):
    """Ballots of one to five models with ties and unranked ones."""
    m, n = int(rng.integers(3, 7)), int(rng.choice([6, 40]))
    level = rng.integers(0, 4, (n, m))
    gap = rng.random((n, m)) < rng.choice([0.0, 0.4])
    gap[0], gap[:, 0] = False, False
    places = np.zeros((n, m), dtype=int)
    for row in range(n):
        ranked = ~gap[row] & (level[row] > 0)
        if ranked.any():
            places[row, ranked] = 1 + np.unique(level[row, ranked], return_inverse=True)[1]
    shown = np.where(gap, -1, np.arange(m))
    return Ballots.of([f"m{i}" for i in range(m)], shown, places, weight=rng.choice([1.0, 0.5], n))


def wide(rng):
    """Long ballots, as those of a table of scores; some are drawn more often than there are models."""
    m, t = int(rng.integers(13, 18)), int(rng.integers(3, 9))
    scores = rng.integers(0, 9, (m, t)).astype(float)
    return ScoreTable.of([f"m{i}" for i in range(m)], [f"t{i}" for i in range(t)], scores).ballots


def each(how, drawn, options):
    """What the rule itself gives, one resample after the other.

    A resample without a complete ballot, where only these count, makes all models equal.
    """
    views = list(drawn)
    if how.view == "pairs":
        views = [PairCounts.from_ballots(view) for view in views]
    base = drawn.ballots.with_count(np.ones(drawn.count.shape[1], dtype=np.int64))
    how.function(PairCounts.from_ballots(base) if how.view == "pairs" else base, **options)
    results = []
    for view in views:
        try:
            results.append(how.function(view, **options))
        except InputError:
            assert options["missing"] == "drop_task"
            results.append(Scores(np.zeros(len(drawn.models))))
    return np.stack([as_values(result, len(drawn.models)) for result in results]), results


def variants(how):
    """The options to try: the defaults, all treatments of ties and gaps, and those of the rule alone."""
    ties = TIES if "ties" in how.options else [{}]
    gaps = [{"missing": missing} for missing in ("worst", "average", "drop_task", "partial_borda")]
    gaps = [gap for gap in gaps if "missing" in how.options and fits(how, gap)] or [{}]
    own = [{}, *OPTIONS.get(how.name, [])]
    return [{**a, **b, **c} for a, b, c in itertools.product(ties, gaps, own)]


def fits(how, options):
    try:
        how.settings(options)
    except Exception:  # an option of other rules
        return False
    return True


@pytest.mark.parametrize("make", [pairwise, kwise, wide])
@pytest.mark.parametrize("name", TOGETHER)
@pytest.mark.slow
def test_same_as_the_rule(name, make):
    how = METHODS[name]
    for seed in range(4 if make is wide else 8):
        rng = np.random.default_rng(seed)
        ballots = make(rng)
        drawn = ResampledBallots(ballots, np.stack([ballots.resample(rng).count for _ in range(4)]))
        for options in variants(how):
            chosen = how.settings(options)
            view = drawn.pairs if how.view == "pairs" else drawn
            try:
                expected, results = each(how, drawn, chosen)
            except InputError as refused:
                with pytest.raises(type(refused), match=re.escape(str(refused))):
                    how.batch(view, None, **chosen)
                continue
            if (found := how.batch(view, None, **chosen)) is None:  # no faster way with these options
                continue
            values, lottery = found
            assert np.allclose(values, expected, atol=1e-8, equal_nan=True), (seed, options)
            for one, two in zip(values, expected, strict=True):
                assert np.array_equal(levels_of(one), levels_of(two)), (seed, options)
            if lottery is not None:
                assert np.allclose(lottery, [result.lottery for result in results], atol=1e-7)


def test_the_smith_set_by_definition():
    """The smallest set of which each model beats every model outside it."""
    rng = np.random.default_rng(1)
    for _ in range(80):
        m = int(rng.integers(1, 8))
        sign = np.triu(rng.choice([-1.0, 0.0, 1.0], (m, m), p=[0.3, 0.1, 0.6]), 1)
        margin = sign - sign.T
        found = smith(margin).tolist()
        sets = (set(some) for size in range(1, m + 1) for some in itertools.combinations(range(m), size))
        dominant = (s for s in sets if all(margin[i, j] > 0 for i in s for j in set(range(m)) - s))
        assert found == sorted(next(dominant))


@pytest.mark.parametrize(
    ("models", "number", "clustered"), [(12, 600, False), (12, 600, True), (70, 9000, False)]
)
@pytest.mark.slow
def test_all_rules_on_arena_votes_as_one_call_each(models, number, clustered, monkeypatch):
    """And in blocks of any size: the draws are those of the seed."""
    votes = bradley_terry_world(models, number, seed=3, voters=40).comparisons()
    names = TOGETHER
    options = {name: {"missing": "worst"} for name in names if "missing" in METHODS[name].options}
    chosen = {"n_resamples": 9, "seed": 4, "options": options, "cluster": "voter" if clustered else None}
    found = winner_probabilities(votes, names, **chosen)
    monkeypatch.setattr(resampling, "CELLS", 2 * max(len(votes.ballots.count), models**2))
    assert [b.count.shape[0] for b in resampling.Resamples(votes, 9, 4).batches()] == [2, 2, 2, 2, 1]
    for name in names:
        monkeypatch.setitem(METHODS, name, replace(METHODS[name], batch=None))
    again = winner_probabilities(votes, names, **chosen)
    for one, two in zip(found.rules, again.rules, strict=True):
        assert np.array_equal(one.ranks, two.ranks), one.method
        assert np.allclose(one.first, two.first, atol=1e-9)


def test_tables_are_counted_alike_however_many_are_drawn():
    """More draws than tasks: the tasks are counted one by one and summed."""
    rng = np.random.default_rng(0)
    for m, draws in ((5, 3), (20, 3), (20, 30)):
        scores = rng.integers(0, 6, (m, 8)).astype(float)
        scores[1:, 3][rng.random(m - 1) < 0.3] = np.nan
        weights = {"t1": 2.0, "t2": 0.25}
        names = [[f"{letter}{i}" for i in range(n)] for letter, n in (("m", m), ("t", 8))]
        table = ScoreTable.of(*names, scores, weights=weights)
        count = np.stack([table.resample(rng).count for _ in range(draws)])
        together = table.resampled_ballots(count).pairs
        for pairs, drawn in zip(together, count, strict=True):
            alone = table.with_count(drawn).pairs
            for name in ("wins", "ties", "both_bad", "votes"):
                assert np.allclose(getattr(pairs, name), getattr(alone, name), atol=1e-12), name
