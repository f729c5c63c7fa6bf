"""Bradley-Terry against 50-digit arithmetic, brute force and what can be worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from scipy.optimize import minimize

from agon.ranking import METHODS, Comparisons, ConvergenceError, PairCounts, rank
from agon.ranking.errors import OptionError
from agon.ranking.estimation import newton
from agon.ranking.inference.bootstrap import Resamples
from agon.ranking.inference.sandwich import estimate_sandwich
from agon.ranking.methods.likelihood import bradley_terry as module
from agon.ranking.results import Fit
from tests.support import reference
from tests.support.votes import any_votes, kwise, soft, weighted

LN3 = math.log(3)


def fit(wins, **options):
    names = [f"m{i:04d}" for i in range(len(wins))]
    return METHODS["bradley_terry"].function(PairCounts.of(names, wins), **options)


def connected_problem(seed):
    rng = np.random.default_rng([seed, 77])
    while True:
        m = int(rng.integers(2, 7))
        votes = reference.hard_votes(rng, m, int(rng.integers(m, 12 * m)))
        wins = reference.half_wins(m, votes)
        if reference.strongly_connected(wins):
            return m, votes, wins


@pytest.mark.parametrize("block", range(6))
def test_sixty_problems_agree_with_fifty_digits_to_1e_8_nats(block):
    """integrity.md section 4 asks for 1e-8 of a 50-digit reference."""
    for seed in range(10 * block, 10 * block + 10):
        m, votes, wins = connected_problem(seed)
        board = rank(
            reference.comparisons([f"m{i}" for i in range(m)], votes),
            scale="natural",
            interval="none",
            min_votes=0,
        )
        ours = np.array([board[f"m{i}"].score for i in range(m)])
        assert np.abs(ours - reference.bradley_terry_mp(wins)).max() < 1e-8


def test_strengths_far_apart_agree_with_fifty_digits():
    """A ladder of odds 10,000 to 1: differences of 9.2 nats each, where a first Newton step overshoots."""
    wins = np.zeros((4, 4))
    for i in range(3):
        wins[i, i + 1], wins[i + 1, i] = 10_000, 1
    wins[0, 3], wins[3, 0] = 10.0**9, 1e-3
    assert np.abs(fit(wins).values - reference.bradley_terry_mp(wins)).max() < 1e-8


@given(any_votes())
def test_weights_soft_votes_and_ballots_agree_with_fifty_digits(votes):
    """Every kind of vote becomes pairs with shares and weights; the fit sees only their sum."""
    m = len(votes.models)
    pairs = [
        (i, j, share, vote.weight)
        for vote, ordered in zip(votes.rows, votes.pairs(), strict=True)
        for i, j, share in ordered
    ]
    wins = np.zeros((m, m))
    for i, j, share, weight in pairs:
        wins[i, j] += weight * share
        wins[j, i] += weight * (1 - share)
    assume(reference.strongly_connected(wins))
    board = rank(votes.comparisons(), scale="natural", interval="none", min_votes=0)
    ours = np.array([board[name].score for name in votes.models])
    assert np.abs(ours - reference.bradley_terry_mp(wins)).max() < 1e-8


@pytest.mark.parametrize("links", [199, 999])
def test_a_chain_of_three_to_one_has_steps_of_ln_3(links):
    """Each pair of neighbours has only its own votes, so its difference is exactly ln 3 (peers.md)."""
    m = links + 1
    wins = np.zeros((m, m))
    wins[np.arange(links), np.arange(1, m)] = 3
    wins[np.arange(1, m), np.arange(links)] = 1
    votes = Comparisons.from_counts([f"m{i:04d}" for i in range(m)], wins)
    board = rank(votes, interval="none", min_votes=0)
    assert [row.model for row in board.ranked] == [f"m{i:04d}" for i in range(m)]
    steps = -np.diff([row.score for row in board.rows])
    assert np.abs(steps - LN3 * reference.NAT).max() < 1e-6


def test_the_chain_of_intervals_is_exact_too():
    """Neighbours share only 4 votes at p = 3/4: the variance of a step is 1 / (4 p (1 - p)) = 4/3."""
    wins = np.zeros((30, 30))
    wins[np.arange(29), np.arange(1, 30)] = 3
    wins[np.arange(1, 30), np.arange(29)] = 1
    board = rank(
        Comparisons.from_counts([f"m{i:02d}" for i in range(30)], wins), scale="natural", min_votes=0
    )
    for i, j, links in ((0, 1, 1), (14, 15, 1), (3, 13, 10)):
        found = board.difference(f"m{i:02d}", f"m{j:02d}")
        assert found.difference == pytest.approx(links * LN3, abs=1e-9)
        half = 1.959963984540054 * math.sqrt(links * 4 / 3)
        assert found.upper - found.difference == pytest.approx(half, rel=1e-9)


def test_both_bad_is_half_a_win_or_nothing():
    """3 : 1 and four both-bad votes: odds (3 + 2) : (1 + 2) or 3 : 1."""
    bad = [[0, 4], [4, 0]]
    votes = Comparisons.from_counts(["a", "b"], [[0, 3], [1, 0]], None, bad)
    for both_bad, odds in (("half", 5 / 3), ("drop", 3.0)):
        board = rank(votes, both_bad=both_bad, min_votes=0, interval="none")
        gap = board["a"].score - board["b"].score
        assert gap == pytest.approx(reference.NAT * math.log(odds), abs=1e-9)
        assert board.settings["both_bad"] == both_bad
        assert board.settings["both_bad_votes"] == 4


def test_the_fit_says_how_it_went():
    found = fit([[0, 30, 20], [10, 0, 25], [15, 5, 0]])
    assert isinstance(found, Fit)
    assert found.scale == "log_odds"
    assert 1 <= found.iterations <= 8
    assert found.residual < 1e-12
    assert abs(found.values.sum()) < 1e-12
    assert np.abs(found.equation.bread.sum(axis=0)).max() < 1e-12


def test_a_model_outside_is_placed_by_its_posterior():
    """x beat a ten times and nobody beat x: the mode of 10 log σ(θ - a) - θ²/2 by 200 bisections."""
    wins = [[0, 20, 0], [20, 0, 0], [10, 0, 0]]
    found = fit(wins)
    assert found.values[:2] == pytest.approx([0, 0], abs=1e-12)
    low, high = 0.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        slope = 10 / (1 + math.exp(middle)) - middle
        low, high = (middle, high) if slope > 0 else (low, middle)
    assert found.values[2] == pytest.approx(low, abs=1e-9)
    narrow = fit(wins, prior_sd=0.1).values[2]
    assert 0 < narrow < 0.06  # 10 wins pull 5 · 0.1² = 0.05 nats at most
    curvature = 10 / (2 + math.exp(low) + math.exp(-low)) + 1
    assert found.equation.map_covariance[2, 2] == pytest.approx(1 / curvature, rel=1e-9)


def test_several_models_outside_are_placed_together():
    """p and q only met each other and a: the joint mode, by plain gradient ascent."""
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = 30
    wins[2, 0], wins[2, 3], wins[3, 0] = 4, 6, 1
    found = fit(wins)
    assert found.identification.core.tolist() == [True, True, False, False]
    p = q = 0.0
    for _ in range(20_000):
        up = 4 / (1 + math.exp(p)) + 6 / (1 + math.exp(p - q)) - p
        down = -6 / (1 + math.exp(p - q)) + 1 / (1 + math.exp(q)) - q
        p, q = p + 0.05 * up, q + 0.05 * down
    assert found.values[2:] == pytest.approx([p, q], abs=1e-8)


def test_votes_of_models_outside_do_not_touch_the_intervals_of_the_component():
    """The undefeated z adds 900 votes that the fit of a, b and c leaves out, and so must their intervals."""
    wins = np.zeros((4, 4))
    wins[:3, :3] = [[0, 40, 30], [25, 0, 35], [20, 28, 0]]
    alone = rank(Comparisons.from_counts("abc", wins[:3, :3]))
    wins[3, :3] = 300
    board = rank(Comparisons.from_counts("abcz", wins))
    for model in "abc":
        assert (board[model].score, board[model].lower, board[model].upper) == pytest.approx(
            (alone[model].score, alone[model].lower, alone[model].upper), abs=1e-9
        )


@pytest.mark.parametrize("prior_sd", [0.0, -1.0, math.nan, math.inf, 1e200])
def test_a_prior_must_be_a_prior(prior_sd):
    with pytest.raises(OptionError, match="prior_sd must be above 0"):
        fit([[0, 1], [1, 0]], prior_sd=prior_sd)


def test_no_convergence_is_an_error(monkeypatch):
    monkeypatch.setattr(newton, "ROUNDS", 1)
    with pytest.raises(ConvergenceError, match="did not converge in 1 Newton steps on 2 models"):
        fit([[0, 30], [10, 0]])


def test_expit_is_exact_in_both_tails():
    """1/(1 + e^800) underflows to 0 and its complement is 1, without a warning (warnings are errors)."""
    found = module.expit(np.array([-800.0, -40.0, 0.0, 40.0, 800.0]))
    assert found.tolist() == pytest.approx([0.0, math.exp(-40), 0.5, 1.0, 1.0], rel=1e-15, abs=0)


class TestSandwich:
    """The covariance of the board against one loop over the votes."""

    @staticmethod
    def check(votes, **options):
        pairs = votes.pairs()
        m = len(votes.models)
        wins = np.zeros((m, m))
        for vote, ordered in zip(votes.rows, pairs, strict=True):
            for i, j, share in ordered:
                wins[i, j] += vote.weight * share
                wins[j, i] += vote.weight * (1 - share)
        assume(reference.strongly_connected(wins))
        theta = reference.bradley_terry_mp(wins, digits=30)
        clusters = [vote.voter for vote in votes.rows] if options.get("cluster") else None
        assume(clusters is None or len(set(clusters)) > 1)
        weights = [vote.weight for vote in votes.rows]
        expected, meat = reference.sandwich(theta, list(zip(weights, pairs, strict=True)), clusters)
        assume(expected is not None)  # else a cluster alone holds a model, see below
        assume(np.diag(meat).min() > 1e-6)  # models without any variance have a rule of their own, below
        how = {"cluster": None, **options}
        board = rank(votes.comparisons(), scale="natural", min_votes=0, **how)
        assert board.settings["interval"] == "sandwich"
        found = board.covariance
        if (
            len(set(weights)) > 1 and clusters is None
        ):  # few votes of unequal weight get the jackknife on a board
            fit = METHODS["bradley_terry"].function(votes.comparisons().pairs)
            found = estimate_sandwich(fit, votes.comparisons().ballots).matrix
        assert np.allclose(found, expected, rtol=1e-7, atol=1e-9)

    def test_plain(self):
        """300 votes, 20% ties."""
        rng = np.random.default_rng(5)
        votes = reference.hard_votes(rng, 5, 300)
        theta = reference.bradley_terry_mp(reference.half_wins(5, votes), digits=30)
        board = rank(reference.comparisons(list("abcde"), votes), scale="natural")
        expected, _ = reference.sandwich(theta, [(1.0, [vote]) for vote in votes])
        assert np.allclose(board.covariance, expected, rtol=1e-8, atol=1e-12)
        half = 1.959963984540054 * np.sqrt(np.diag(expected))
        for i, name in enumerate("abcde"):
            assert (board[name].lower, board[name].upper) == pytest.approx(
                (theta[i] - half[i], theta[i] + half[i]), abs=1e-8
            )

    @given(weighted())
    def test_weighted(self, votes):
        self.check(votes)

    @given(soft())
    def test_soft(self, votes):
        self.check(votes)

    @given(kwise())
    def test_kwise_ballots_are_clusters(self, votes):
        self.check(votes)

    @given(any_votes())
    def test_clustered_by_voter(self, votes):
        self.check(votes, cluster="voter")

    def test_clustered_by_voter_on_a_larger_set(self):
        rng = np.random.default_rng(9)
        votes = reference.hard_votes(rng, 4, 200)
        voters = rng.integers(0, 12, 200).tolist()
        given_votes = reference.comparisons(list("abcd"), votes, labels={"voter": voters})
        theta = reference.bradley_terry_mp(reference.half_wins(4, votes), digits=30)
        expected, _ = reference.sandwich(theta, [(1.0, [vote]) for vote in votes], voters)
        board = rank(given_votes, scale="natural", cluster="voter")
        assert np.allclose(board.covariance, expected, rtol=1e-8, atol=1e-12)

    def test_the_number_of_equal_voters_and_the_design_effect(self):
        """Carter et al. (2017): C / (1 + cv²) of tr(H⁻¹ H_c H⁻¹); df of the Student's t near one less."""
        rng = np.random.default_rng(9)
        votes = reference.hard_votes(rng, 4, 400)
        voters = np.minimum(rng.geometric(0.3, 400), 12)
        board = rank(
            reference.comparisons(list("abcd"), votes, labels={"voter": voters.tolist()}),
            scale="natural",
            cluster="voter",
        )
        theta = reference.bradley_terry_mp(reference.half_wins(4, votes), digits=30)
        unit, informations, scores = np.eye(4), np.zeros((13, 4, 4)), np.zeros((13, 4))
        for (i, j, share), voter in zip(votes, voters, strict=True):
            p = 1 / (1 + np.exp(theta[j] - theta[i]))
            informations[voter] += p * (1 - p) * np.outer(unit[i] - unit[j], unit[i] - unit[j])
            scores[voter] += (share - p) * (unit[i] - unit[j])
        expected, effective = reference.delete_one_cluster(scores, informations)
        found = board.uncertainty.clustering
        assert found.number == len(set(voters.tolist()))
        assert found.effective == pytest.approx(effective, rel=1e-9)
        assert board.uncertainty.df == pytest.approx(effective - 1, rel=0.15)
        plain, _ = reference.sandwich(theta, [(1.0, [vote]) for vote in votes])
        assert found.design_effect == pytest.approx(np.trace(expected) / np.trace(plain), rel=1e-6)

    def test_a_model_that_one_voter_alone_judges_has_no_interval(self):
        """All votes on c are ann's: leaving her out leaves c nowhere, so nothing can be said of it."""
        rng = np.random.default_rng(3)
        shown = [[0, 1]] * 200 + [[0, 2], [1, 2]] * 30
        places = [[1, 2] if rng.random() < 0.6 else [2, 1] for _ in shown]
        voters = [f"v{i % 10}" for i in range(200)] + ["ann"] * 60
        board = rank(Comparisons.of("abc", shown, places, labels={"voter": voters}), cluster="voter")
        assert (board["c"].lower, board["c"].upper) == (None, None)
        assert (board["c"].rank_lower, board["c"].rank_upper) == (1, 3)
        assert board["a"].lower is not None

    def test_all_ties_have_the_inverse_hessian(self):
        """Two models, 50 ties: no variance in the scores; the information about the difference is 50/4."""
        tie = [[0, 50], [50, 0]]
        board = rank(Comparisons.from_counts(["a", "b"], np.zeros((2, 2)), tie), scale="natural")
        found = board.difference("a", "b")
        assert found.difference == 0
        assert found.upper == pytest.approx(1.959963984540054 * math.sqrt(4 / 50), rel=1e-9)
        assert [note.code for note in board.diagnostics] == ["all_ties"]


@pytest.mark.parametrize(("votes", "spread"), [(60, 0.5), (400, 1.0), (20_000, 3.0)])
def test_every_replicate_solves_its_own_equations(votes, spread):
    """Expected wins are the wins drawn, however far a draw is from the votes whose Hessian it starts with."""
    rng = np.random.default_rng(votes)
    strengths = rng.normal(0, spread, 8)
    chance = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    met = np.triu(rng.multinomial(votes, np.full(64, 1 / 64)).reshape(8, 8), 1)
    won = rng.binomial(met, chance)
    cast = Comparisons.from_counts([f"m{i}" for i in range(8)], won + (met - won).T)
    full = module.bradley_terry(cast.pairs)
    checked = 0
    for view in Resamples(cast, 60, 1).views("pairs"):
        row = METHODS["bradley_terry"].batch([view], full)[0][0]
        inside = np.flatnonzero(np.isfinite(row))
        if len(inside) < 2:
            continue
        wins = view.halves("half")[np.ix_(inside, inside)]
        odds = np.exp(row[inside])
        expected = (wins + wins.T) * odds[:, None] / (odds[:, None] + odds)
        assert np.abs(wins.sum(axis=1) - expected.sum(axis=1)).max() < 1e-7 * votes
        checked += 1
    assert checked > 20


def penalised(wins):
    """The maximum of log L + ½ log det I by scipy, over strengths of zero mean."""
    m, met = len(wins), wins + wins.T
    contrasts = np.vstack([np.eye(m - 1), -np.ones(m - 1)])

    def loss(x):
        gap = np.subtract.outer(contrasts @ x, contrasts @ x)
        chance = 1 / (1 + np.exp(-gap))
        weight = met * chance * (1 - chance)
        told = contrasts.T @ (np.diag(weight.sum(axis=1)) - weight) @ contrasts
        return (wins * np.logaddexp(0, -gap)).sum() - 0.5 * np.linalg.slogdet(told)[1]

    return contrasts @ minimize(loss, np.zeros(m - 1), method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.parametrize(
    "wins",
    [
        [[0, 10, 8, 0], [5, 0, 6, 0], [9, 7, 0, 0], [20, 20, 20, 0]],  # d beat everybody
        [[0, 5, 0], [0, 0, 7], [0, 0, 0]],  # a chain of wins
        [[0, 6, 30, 0], [4, 0, 0, 30], [0, 0, 0, 12], [0, 0, 9, 0]],  # a and b above c and d
        [[0, 12, 3], [7, 0, 8], [9, 4, 0]],  # nobody apart
    ],
)
def test_the_reduced_bias_is_the_maximum_of_the_penalised_likelihood(wins):
    wins = np.array(wins, dtype=float)
    found = METHODS["bradley_terry"].function(PairCounts.of("abcd"[: len(wins)], wins), bias_reduced=True)
    expected = penalised(wins)
    assert found.values - found.values.mean() == pytest.approx(expected, abs=2e-6)


def test_fifty_wins_to_none_are_log_101():
    """Firth's estimate of a binomial's log-odds is log((y + ½)/(n − y + ½)), that of Haldane (1956)."""
    votes = Comparisons.from_counts("ab", [[0, 50], [0, 0]])
    board = rank(votes, bias_reduced=True, scale="natural")
    assert board["a"].score - board["b"].score == pytest.approx(np.log(50.5 / 0.5), abs=1e-9)
    assert (board["a"].upper, board["b"].lower) == (None, None)
    (note,) = [note for note in board.diagnostics if note.code == "bias_reduced"]
    assert note.models == ("a", "b")
    uneven = METHODS["bradley_terry"].function(PairCounts.of("ab", [[0, 7], [2, 0]]), bias_reduced=True)
    assert uneven.values[0] - uneven.values[1] == pytest.approx(np.log(7.5 / 2.5), abs=1e-9)


def test_a_model_above_all_is_finite_marked_open_and_far_from_sure():
    wins = [[0, 10, 8, 0], [5, 0, 6, 0], [9, 7, 0, 0], [20, 20, 20, 0]]
    votes = Comparisons.from_counts("abcd", wins)
    plain, board = rank(votes, scale="natural"), rank(votes, bias_reduced=True, scale="natural")
    (note,) = [note for note in board.diagnostics if note.code == "bias_reduced"]
    assert note.models == ("d",)
    assert [row.rank for row in board.rows] == [row.rank for row in plain.rows] == [1, 2, 3, 4]
    assert (board["d"].upper, board["d"].rank_upper) == (None, 1)
    assert board["d"].score - board["d"].lower > 1.5  # hardly any information is left near certainty
    for name in "abc":  # whose own votes say the same, a little shrunk
        assert board[name].score == pytest.approx(plain[name].score, abs=0.05)
        width = board[name].upper - board[name].lower
        assert width == pytest.approx(plain[name].upper - plain[name].lower, rel=0.1)
    with pytest.raises(OptionError, match='use interval="sandwich"'):
        rank(votes, bias_reduced=True, interval="bootstrap", n_resamples=5)
