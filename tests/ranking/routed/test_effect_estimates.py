"""Effects of models on signals of use: unbiased under any draws, clustered by user, many models at once."""

import itertools

import numpy as np
import pytest
from scipy import stats

from agon.ranking.errors import OptionError, VotesError
from agon.ranking.routed.draw_policies import DrawPolicy
from agon.ranking.routed.effect_estimates import LEAST_USERS, degrees_of_freedom, signal_effects
from agon.ranking.routed.routed_use import RoutedUse
from tests.support.routed_worlds import UseWorld

SKEWED = DrawPolicy("shares", shares=(4, 3, 2, 1))
POLICIES = {
    "fixed": SKEWED,
    "epsilon_greedy": DrawPolicy("epsilon_greedy", epsilon=0.2),
    "thompson": DrawPolicy("thompson"),
}
WORLDS = {"equal": UseWorld((0.5,) * 4), "apart": UseWorld((0.45, 0.5, 0.55, 0.6))}


def by_model(effects):
    return {row.model: row for row in effects.rows}


def small_use(rng, n=60, m=3, users=9):
    table = rng.dirichlet(np.ones(m) * 3, size=5)
    draw = rng.integers(0, 5, n)
    model = np.array([rng.choice(m, p=table[d]) for d in draw])
    value = rng.random(n)
    return RoutedUse.of(
        "abc"[:m], model, table, rng.integers(0, users, n).tolist(), {"edit": value}, draw=draw
    )


def test_hajek_means_are_those_of_the_formula():
    """Σ wy / Σ w with w = 1/e, written out; clustered variance by a loop over users."""
    use = small_use(np.random.default_rng(3))
    found = by_model(signal_effects(use, "edit", estimator="ipw", weights="uniform"))
    value = use.signals["edit"]
    for k, name in enumerate(use.models):
        mine = [i for i in range(len(use)) if use.model[i] == k]
        weight = {i: 1 / use.probabilities[use.draw[i], k] for i in mine}
        assert found[name].mean == pytest.approx(
            sum(weight[i] * value[i] for i in mine) / sum(weight.values()), abs=1e-12
        )
        assert found[name].conversations == len(mine)


def every_draw(n, table, response):
    """All M^n sequences of models with their chance and what they give: brute force over the randomness."""
    for models in itertools.product(range(table.shape[1]), repeat=n):
        chance = np.prod([table[t, k] for t, k in enumerate(models)])
        yield chance, np.array(models), np.array([response[t, k] for t, k in enumerate(models)])


def test_the_augmented_mean_is_unbiased_whatever_is_drawn():
    """The expectation over all 3^6 sequences of draws is the mean of the responses, to the last digits."""
    rng = np.random.default_rng(5)
    table, response = rng.dirichlet(np.ones(3), size=6), rng.random((6, 3))
    expected = np.zeros(3)
    for chance, models, value in every_draw(6, table, response):
        use = RoutedUse.of("abc", models, table, [0, 1, 0, 2, 1, 0], {"edit": value})
        found = by_model(signal_effects(use, "edit", weights="uniform"))
        expected += chance * np.array([found[name].mean for name in "abc"])
    np.testing.assert_allclose(expected, response.mean(axis=0), atol=1e-12)


def test_it_is_unbiased_where_chances_depend_on_what_came_before():
    """The chances at a conversation are those of the model drawn last; the expectation over all sequences."""
    rng = np.random.default_rng(6)
    given, response = rng.dirichlet(np.ones(2), size=3), rng.random((6, 2))
    expected = np.zeros(2)
    for models in itertools.product(range(2), repeat=6):
        rows = [2, *models[:-1]]
        chance = np.prod([given[row, k] for row, k in zip(rows, models, strict=True)])
        value = response[np.arange(6), list(models)]
        use = RoutedUse.of("ab", models, given, [0, 1, 0, 2, 1, 0], {"edit": value}, draw=rows)
        found = by_model(signal_effects(use, "edit", weights="uniform"))
        expected += chance * np.array([found[name].mean for name in "ab"])
    np.testing.assert_allclose(expected, response.mean(axis=0), atol=1e-12)


def test_equal_weights_where_chances_are_fixed():
    use = WORLDS["apart"].run(SKEWED, np.random.default_rng(1))
    steady, uniform = (signal_effects(use, "copied", weights=w) for w in ("stabilised", "uniform"))
    assert not steady.adaptive
    for one, other in zip(steady.rows, uniform.rows, strict=True):
        assert one.mean == pytest.approx(other.mean, abs=1e-12)
        assert one.upper == pytest.approx(other.upper, abs=1e-12)


def test_a_conversation_of_each_user_is_the_one_sample_t_interval():
    """One model that is always drawn, one conversation a user: Student's interval, of scipy."""
    value = np.random.default_rng(2).random(40)
    use = RoutedUse.of(["only"], np.zeros(40, dtype=int), [1.0], range(40), {"edit": value})
    (row,) = signal_effects(use, "edit", estimator="ipw").rows
    low, high = stats.t.interval(0.95, 39, loc=value.mean(), scale=stats.sem(value))
    # The reach is simulated with ten thousand draws, and the degrees of freedom follow the kurtosis.
    assert row.mean == pytest.approx(value.mean(), abs=1e-12)
    assert (row.lower, row.upper) == pytest.approx((low, high), abs=0.01 * (high - low) + 0.004)


def test_users_are_what_is_independent():
    """Each conversation of a user copied four times: the means stay, and so do the intervals."""
    rng = np.random.default_rng(4)
    model, value = rng.integers(0, 2, 80), rng.random(80)
    once = RoutedUse.of("ab", model, [0.5, 0.5], range(80), {"edit": value})
    again = RoutedUse.of(
        "ab", np.tile(model, 4), [0.5, 0.5], list(range(80)) * 4, {"edit": np.tile(value, 4)}
    )
    first, second = (by_model(signal_effects(use, "edit", estimator="ipw")) for use in (once, again))
    for name in "ab":
        assert first[name].mean == pytest.approx(second[name].mean, abs=1e-12)
        assert first[name].lower == pytest.approx(second[name].lower, abs=1e-9)


def test_degrees_of_freedom_of_normal_scores_are_about_the_users():
    score = np.random.default_rng(0).standard_normal((4000, 1))
    assert degrees_of_freedom(score) == pytest.approx(4000, rel=0.1)
    one_heavy = np.r_[np.ones(99), 50.0][:, None]
    assert degrees_of_freedom(one_heavy) < 3


def test_models_that_were_never_there_together_are_not_compared():
    """a and b, then b and c while everybody is content: c is above b only by what it adds at that time."""
    rng = np.random.default_rng(7)
    table = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5]])
    draw = np.repeat([0, 1], 1000)
    model = np.where(rng.random(2000) < 0.5, 0, 1) + draw
    value = (rng.random(2000) < 0.2 + 0.5 * draw).astype(float)
    use = RoutedUse.of("abc", model, table, range(2000), {"copied": value}, draw=draw)
    found = by_model(signal_effects(use, "copied"))
    assert found["c"].mean - found["a"].mean == pytest.approx(0.5, abs=0.1)
    for row in found.values():
        assert row.difference_lower < 0 < row.difference_upper
        assert (row.rank_lower, row.rank_upper) == (1, 3)


def test_which_way_is_better_is_the_signals():
    value = np.tile([0.0, 1.0], 400)
    model = np.tile([0, 1], 400)
    users = np.arange(800)
    for signal, best in (("copied", "b"), ("retry", "a")):
        use = RoutedUse.of("ab", model, [0.5, 0.5], users.tolist(), {signal: value})
        made = signal_effects(use, signal)
        assert [row.model for row in made.rows] == [best, "ab".replace(best, "")]
        assert made.rows[0].rank_upper == 1
        assert f"{signal}: {best} is best of 2 models" in made.conclusion()


def test_silence_counts_where_it_says_something():
    rng = np.random.default_rng(8)
    model = rng.integers(0, 2, 600)
    thumb = np.where(rng.random(600) < 0.1, 1.0, np.nan)
    use = RoutedUse.of("ab", model, [0.5, 0.5], range(600), {"thumb": thumb, "edit": np.abs(thumb)})
    told, left = signal_effects(use, "thumb"), signal_effects(use, "edit")
    assert told.conversations == 600
    assert 0.05 < by_model(told)["a"].mean < 0.15
    assert left.conversations == np.isfinite(thumb).sum()
    assert "silence counts as 0" in " ".join(told.notes())
    assert "ahead by who says nothing" in " ".join(left.notes())


def test_too_few_users_are_shown_and_not_ranked():
    n = 2 * LEAST_USERS
    model = np.r_[np.zeros(n, dtype=int), np.ones(n, dtype=int), [2] * 3]
    value = np.random.default_rng(0).random(len(model))
    use = RoutedUse.of("abc", model, np.ones(3) / 3, range(len(model)), {"edit": value})
    found = by_model(signal_effects(use, "edit"))
    assert found["c"].rank_lower is None
    assert found["c"].lower is None
    assert found["c"].mean is not None
    assert found["a"].rank_lower == 1


def test_of_many_equal_models_hardly_ever_one_is_best():
    """Twenty equal models, 40 worlds: one by one at 95 % nearly every world would have somebody apart."""
    apart = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        model, value = rng.integers(0, 20, 3000), rng.random(3000)
        use = RoutedUse.of(
            list("abcdefghijklmnopqrst"), model, np.ones(20) / 20, range(3000), {"edit": value}
        )
        rows = signal_effects(use, "edit").rows
        apart += any(row.rank_upper < 20 for row in rows)
    assert apart <= 6  # 0.05 * 40 = 2; 7 or more have a chance below 0.4 %


def covered(world, policy, worlds, signal="copied"):
    """Shares of worlds in which single means, single differences, and all means together are right."""
    truth, found = world.truth(), []
    for seed in range(worlds):
        use = world.run(policy, np.random.default_rng([seed, 77]))
        # Two models alone leave nothing to correct: pairs are read one by one at 95 %.
        made = by_model(signal_effects(use, signal))
        rows = [made[name] for name in use.models]
        means = all(row.lower <= t <= row.upper for row, t in zip(rows, truth, strict=True))
        others = [t - np.delete(truth, k).mean() for k, t in enumerate(truth)]
        gaps = all(
            row.difference_lower <= t <= row.difference_upper for row, t in zip(rows, others, strict=True)
        )
        order = np.argsort(np.argsort(-truth)) + 1
        ranks = all(
            row.rank_lower <= place and np.sum(truth > t) < row.rank_upper
            for row, place, t in zip(rows, np.where(np.ptp(truth) > 0, order, 1), truth, strict=True)
        )
        found.append((means, gaps, ranks))
    return np.mean(found, axis=0)


@pytest.mark.parametrize("policy", POLICIES)
def test_intervals_cover_under_fixed_and_adaptive_draws(policy):
    means, gaps, ranks = covered(WORLDS["apart"], POLICIES[policy], 60)
    assert means >= 0.85  # 60 worlds: 51 of them are 3.5 standard errors below 95 %
    assert gaps >= 0.85
    assert ranks >= 0.85


@pytest.mark.soak
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("policy", POLICIES)
def test_intervals_cover_in_a_thousand_worlds(policy, world):
    means, gaps, ranks = covered(WORLDS[world], POLICIES[policy], 1000)
    assert 0.915 <= means <= 0.98  # 93 % with Thompson's draws of unequal models, some hardly drawn
    assert 0.915 <= gaps <= 0.98
    assert ranks >= 0.94


def test_bad_input_is_named():
    fine = RoutedUse.of("ab", [0, 1], [0.5, 0.5], [0, 1], {"thumb": [1, -1]})
    with pytest.raises(OptionError, match="There is no signal 'thump'; did you mean 'thumb'"):
        signal_effects(fine, "thump")
    with pytest.raises(VotesError, match="No conversation has the signal copied"):
        signal_effects(fine, "copied")
    with pytest.raises(OptionError, match="level must lie"):
        signal_effects(fine, "thumb", level=95)
    with pytest.raises(OptionError, match="estimator is"):
        signal_effects(fine, "thumb", estimator="ols")
    with pytest.raises(VotesError, match="sum to 1"):
        RoutedUse.of("ab", [0, 1], [0.5, 0.6], [0, 1], {})
    with pytest.raises(VotesError, match="whose probability is 0"):
        RoutedUse.of("ab", [0, 1], [1.0, 0.0], [0, 1], {})
    with pytest.raises(VotesError, match="2 conversations and 3 values of users"):
        RoutedUse.of("ab", [0, 1], [0.5, 0.5], [0, 1, 2], {})
    with pytest.raises(VotesError, match="one column for each model"):
        RoutedUse.of("aa", [0, 1], [0.5, 0.5], [0, 1], {})
    with pytest.raises(OptionError, match="There is no signal 'like'"):
        RoutedUse.of("ab", [0, 1], [0.5, 0.5], [0, 1], {"like": [1, 2]})
    with pytest.raises(VotesError, match="of one user"):
        signal_effects(RoutedUse.of("ab", [0, 1], [0.5, 0.5], [0, 0], {"thumb": [1, -1]}), "thumb")
