"""Plackett-Luce against published fits, 50-digit arithmetic, sums over all orders, and Bradley-Terry."""

import csv
import json
import math
from itertools import permutations

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from agon.ranking import METHODS, Ballots, Comparisons, ConvergenceError, bradley_terry_world, rank
from agon.ranking.errors import OptionError
from agon.ranking.estimation import newton
from agon.ranking.inference.sandwich import estimate_sandwich
from agon.ranking.methods.likelihood import plackett_luce as module
from tests.support import fifty_digits, reference
from tests.support.votes import kwise, soft, weighted


def fit(ballots, **options):
    return METHODS["plackett_luce"].function(ballots, **options)


def log_choice(theta, order, below=()):
    """Log-chance of an order (best first), then nobody of those below, by its definition."""
    left = [*order, *below]
    total = mpmath.mpf(0)
    for i in order:
        total += theta[i] - mpmath.log(mpmath.fsum(mpmath.exp(theta[j]) for j in left))
        left.remove(i)
    return total


def log_ballot(theta, shown, places, p_a=None):
    """A ballot with ties as the mean over the orders that agree with it."""
    if p_a is not None:
        one, two = shown
        return p_a * log_choice(theta, [one, two]) + (1 - p_a) * log_choice(theta, [two, one])
    ranked = sorted({place for place in places if place})
    levels = [[i for i, p in zip(shown, places, strict=True) if p == place] for place in ranked]
    rest = [i for i, p in zip(shown, places, strict=True) if not p]
    orders = [[]]
    for level in levels:
        orders = [[*order, *more] for order in orders for more in permutations(level)]
    return mpmath.fsum(log_choice(theta, order, rest) for order in orders) / len(orders)


def random_ballots(seed, m=4):
    """Rows (shown, places) of two to four of m models, with ties and unranked ones."""
    rng = np.random.default_rng([seed, 41])
    rows = []
    for _ in range(int(rng.integers(6, 14))):
        shown = rng.permutation(m)[: rng.integers(2, m + 1)].tolist()
        places = rng.integers(0, len(shown) + 1, len(shown))
        known = {place: n + 1 for n, place in enumerate(sorted({*places.tolist()} - {0}))}
        rows.append((shown, [known.get(place, 0) for place in places.tolist()]))
    return rows


def ballots_of(rows, m):
    width = max(len(shown) for shown, _ in rows)
    return Ballots.of(
        [f"m{i}" for i in range(m)],
        [shown + [-1] * (width - len(shown)) for shown, _ in rows],
        [places + [0] * (width - len(places)) for _, places in rows],
    )


@pytest.mark.parametrize("block", range(5))
@pytest.mark.slow
def test_random_problems_agree_with_fifty_digits_to_1e_8(block):
    """Ties averaged over their orders, unranked models, two to four shown; a prior of 2 nat."""
    checked = 0
    for seed in range(12 * block, 12 * block + 12):
        rows = random_ballots(seed)
        found = fit(ballots_of(rows, 4), precision=0.25)
        if not found.identification.core.all() or found.identification.group.any():
            continue

        def value(theta, rows=rows):
            return mpmath.fsum(log_ballot(theta, *row) for row in rows) - mpmath.fsum(t**2 for t in theta) / 8

        assert fifty_digits.distance(value, found.values) < 1e-8
        checked += 1
    assert checked >= 3


@pytest.fixture(scope="module")
def golden(datasets):
    path = datasets.parent / "golden" / "plackett_luce_map.json"
    if not path.exists():
        pytest.skip(f"no golden values at {path}")
    return json.loads(path.read_text())


def test_the_golden_mode_and_its_posterior(golden):
    """Computed by scipy's BFGS, printed to six digits; the mean is not fixed there: 1/(M λ) more variance."""
    votes = golden["votes_best_first"]
    ballots = Ballots.of([f"m{i}" for i in range(6)], votes, [[1, 2, 3, 4]] * len(votes))
    found = fit(ballots, precision=golden["prior_precision"])
    assert found.values == pytest.approx(golden["theta_MAP"], abs=1e-6)
    variance = np.diag(found.posterior) + 1 / (6 * golden["prior_precision"])
    assert np.sqrt(variance) == pytest.approx(golden["laplace_sd"], abs=1e-6)


@pytest.fixture(scope="module")
def nascar(datasets):
    races = {}
    for row in csv.DictReader((datasets / "nascar2002_rankings.csv").read_text().splitlines()):
        races.setdefault(row["race"], []).append((int(row["position"]), row["driver"]))
    return list(races.values()), json.loads((datasets / "nascar2002_published_pl.json").read_text())


@pytest.mark.parametrize("everybody", [False, True])
def test_the_nascar_season_of_2002(nascar, everybody):
    """83 drivers without a prior, as printed by the R package PlackettLuce; four more never beat anybody.

    With these four in, they are placed by a prior and move nobody: ballots cut down to the others.
    """
    races, published = nascar
    dropped = set() if everybody else set(published["mle_83_drivers_dropping"])
    names = sorted({driver for race in races for _, driver in race} - dropped)
    seats = [[names.index(driver) for _, driver in sorted(race) if driver not in dropped] for race in races]
    width = max(map(len, seats))
    found = fit(
        Ballots.of(
            names,
            [row + [-1] * (width - len(row)) for row in seats],
            [[*range(1, len(row) + 1), *[0] * (width - len(row))] for row in seats],
        ),
        precision=0,
    )
    assert int(found.identification.core.sum()) == 83
    zero = found.values[names.index(published["reference_item"])]
    for driver, worth in published["mle_log_worth"].items():
        assert found.values[names.index(driver)] - zero == pytest.approx(worth, abs=0.00501)
    if everybody:
        (note,) = found.notes
        assert (note.code, set(note.models)) == ("winless", set(published["mle_83_drivers_dropping"]))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.slow
def test_choix_on_rankings_and_best_of_k(seed):
    choix = pytest.importorskip("choix")
    rng = np.random.default_rng([seed, 2])
    orders = [rng.permutation(6)[:4].tolist() for _ in range(40)]
    full = Ballots.of([f"m{i}" for i in range(6)], orders, [[1, 2, 3, 4]] * 40)
    first = Ballots.of([f"m{i}" for i in range(6)], orders, [[1, 0, 0, 0]] * 40)
    data = [(order[0], order[1:]) for order in orders]
    for ballots, expected in (
        (full, choix.opt_rankings(6, orders, alpha=0.1, tol=1e-12)),
        (first, choix.opt_top1(6, data, alpha=0.1, tol=1e-12)),
    ):
        found = fit(ballots, precision=0.2)
        if found.identification.core.all():
            assert found.values == pytest.approx(expected, abs=1e-6)


def test_pairwise_votes_are_bradley_terrys():
    """Scores, covariance and its clustering; ties and both-bads are half a win each.

    But N votes that tell about eight directions count as N − 8 in the covariance.
    """
    votes = bradley_terry_world(9, 3000, seed=3).comparisons()
    for options in ({}, {"cluster": "voter"}, {"both_bad": "drop"}):
        one = rank(votes, "plackett_luce", precision=0, scale="natural", **options)
        two = rank(votes, "bradley_terry", scale="natural", **options)
        assert [row.model for row in one.rows] == [row.model for row in two.rows]
        assert [row.score for row in one.rows] == pytest.approx([row.score for row in two.rows], abs=1e-9)
        left = votes.ballots.pair_rows.both_bad == 0 if "both_bad" in options else slice(None)
        n = votes.ballots.count[left].sum()
        assert np.allclose(one.covariance, two.covariance * (n / (n - 8)), rtol=1e-9, atol=1e-14)


@given(soft())
def test_soft_votes_are_bradley_terrys(votes):
    found = fit(votes.comparisons().ballots, precision=0)
    expected = METHODS["bradley_terry"].function(votes.comparisons().pairs)
    assert found.values == pytest.approx(expected.values, abs=1e-8)


def test_pairwise_and_k_wise_votes_rank_together():
    """One model for both: 2,000 pairs and 1,000 orders of four from the same strengths."""
    rng = np.random.default_rng(1)
    theta = np.linspace(1.5, -1.5, 8)
    rows = []
    for k, n in ((2, 2000), (4, 1000)):
        for _ in range(n):
            shown = rng.permutation(8)[:k]
            order = shown[np.argsort(-theta[shown] - rng.gumbel(size=k))]
            rows.append((order.tolist(), list(range(1, k + 1))))
    board = rank(ballots_of(rows, 8), "plackett_luce", scale="natural")
    for i in range(8):
        row = board[f"m{i}"]
        assert abs(row.score - theta[i]) < 3.5 / 1.96 * (row.upper - row.score)


@pytest.mark.parametrize("strategy", ["kwise", "weighted"])
def test_the_sandwich_is_the_jackknife(strategy):
    """How the mode moves with the weight of each ballot, ties and unranked models included.

    And then N/(N − γ) of it in each component, γ the trace of the Hessian of its votes times the inverse of
    that of the fit.
    """

    @settings(suppress_health_check=[HealthCheck.filter_too_much])  # few votes tie all models together
    @given(kwise() if strategy == "kwise" else weighted())
    def check(votes):
        given_votes = votes.comparisons()
        found = fit(given_votes.ballots, precision=0.5)
        assume(found.identification.core.all())
        assume(len(given_votes.ballots.count) < 9)
        base = given_votes.ballots

        def value(weights):
            changed = Ballots(*(getattr(base, name) for name in BALLOT[:5]), weights, base.count)
            return fit(changed, precision=0.5).values

        rows = np.eye(len(base.count))
        step = 1e-4
        meat = np.zeros(found.equation.bread.shape)
        for b, row in enumerate(rows):
            influence = base.weight[b] * (
                (value(base.weight + step * row) - value(base.weight - step * row)) / (2 * step)
            )
            meat += np.outer(influence, influence) / base.count[b]
        scores = found.equation.ballot_scores(base).toarray() * base.weight[:, None]
        assume(np.diag(scores.T @ (scores * base.count[:, None])).min() > 1e-6)
        board = rank(given_votes, "plackett_luce", precision=0.5, scale="natural", min_votes=0, cluster=None)
        covariance = board.covariance
        if len(set(base.weight.tolist())) > 1:  # few votes of unequal weight get the jackknife on a board
            covariance = estimate_sandwich(found, base).matrix
        bread = found.equation.bread
        pulled = 0.5 * bread @ bread  # the mean square of what a precision of 0.5 moves
        rows, group, factor = base.pair_rows, found.identification.group, np.ones(len(base.models))
        for g in np.unique(group):
            part = group == g
            n = base.count[np.unique(rows.ballot[part[rows.first] & part[rows.second]])].sum()
            told = part.sum() - 1 - 0.5 * np.trace(found.equation.bread[np.ix_(part, part)])
            factor[part] = np.sqrt(n / max(n - told, 1.0))
        assert np.allclose((covariance - pulled) / np.outer(factor, factor), meat, rtol=1e-3, atol=1e-6)

    check()


BALLOT = ("models", "shown", "places", "acceptable", "p_a")


def test_empirical_bayes_is_a_fixed_point():
    """λ = M / (|θ|² + tr C), C with the mean direction (1/λ) too; and it is clipped."""
    rng = np.random.default_rng(4)
    theta = rng.normal(0, 1.2, 12)
    orders = []
    for _ in range(150):
        shown = rng.permutation(12)[:4]
        orders.append(shown[np.argsort(-theta[shown] - rng.gumbel(size=4))].tolist())
    ballots = Ballots.of([f"m{i:02d}" for i in range(12)], orders, [[1, 2, 3, 4]] * 150)
    found = fit(ballots)
    precision = found.parameters["precision"]
    assert 0.02 < precision < 4
    trace = np.trace(fit(ballots, precision=precision).posterior) + 1 / precision
    assert precision == pytest.approx(12 / (found.values @ found.values + trace), rel=1e-6)
    even = Ballots.of(["a", "b"], [[0, 1], [0, 1]], [[1, 2], [2, 1]], count=[500, 500])
    assert fit(even).parameters["precision"] == 4.0
    assert [note.code for note in fit(even).notes] == ["prior"]


@pytest.mark.slow
def test_the_sandwich_knows_the_pull_of_the_prior():
    """Strengths drawn from the prior are as far from the scores as the intervals say: E z² = 1, not 2."""
    rng, names, squares = np.random.default_rng(6), [f"m{i}" for i in range(8)], []
    for _ in range(300):
        theta = rng.normal(0, 40**-0.5, 8)
        shown = np.argsort(rng.random((150, 8)), axis=1)[:, :4]
        noisy = -theta[shown] - rng.gumbel(size=shown.shape)
        votes = Comparisons.of(names, shown, 1 + np.argsort(np.argsort(noisy)))
        board = rank(votes, "plackett_luce", precision=40, scale="natural", min_votes=0)
        off = [board[name].score for name in board.models] - (theta - theta.mean())
        squares.append(off**2 / np.diag(board.covariance))
    assert np.mean(squares) == pytest.approx(1, abs=0.1)


def test_a_chosen_precision_is_not_taken_for_known():
    """First-order, Kass and Steffey (1989): a standard deviation of √(2/γ) of log λ moves the mode so far."""
    rng = np.random.default_rng(7)
    theta = rng.normal(0, 1, 9)
    shown = np.argsort(rng.random((60, 9)), axis=1)[:, :4]
    places = 1 + np.argsort(np.argsort(-theta[shown] - rng.gumbel(size=shown.shape)))
    ballots = Ballots.of([f"m{i}" for i in range(9)], shown, places)
    found = fit(ballots)
    known = found.parameters["precision"]
    up, down = (fit(ballots, precision=known * np.exp(step)).values for step in (1e-4, -1e-4))
    told = known * float(found.values @ found.values)  # γ where λ is MacKay's fixed point λ = γ/|θ|²
    extra = np.outer(up - down, up - down) / 2e-4**2 * 2 / told
    assert np.allclose(found.posterior - fit(ballots, precision=known).posterior, extra, rtol=1e-3)
    assert 0.02 < np.trace(extra) / np.trace(found.posterior) < 0.2


def test_intervals_of_the_posterior_and_the_sandwich_agree_where_the_model_is_true():
    votes = bradley_terry_world(6, 4000, seed=5, ties=0, both_bad=0).comparisons()
    robust = rank(votes, "plackett_luce", cluster=None)
    bayes = rank(votes, "plackett_luce", interval="posterior")
    assert (robust.settings["interval"], bayes.settings["interval"]) == ("sandwich", "posterior")
    for row in robust.rows:
        other = bayes[row.model]
        assert other.upper - other.lower == pytest.approx(row.upper - row.lower, rel=0.06)
    with pytest.raises(OptionError, match="cannot be clustered by voter"):
        rank(votes, "plackett_luce", interval="posterior", cluster="voter")


def test_large_ties_need_breslow():
    wide = Ballots.of(
        [f"m{i:02d}" for i in range(12)], [list(range(12))] * 2, [[1] * 11 + [2], [2] * 11 + [1]]
    )
    with pytest.raises(OptionError, match="11 models share a place, too many orders to average"):
        fit(wide)
    assert np.isfinite(fit(wide, ties="breslow").values).all()
    pair = Ballots.of(["a", "b"], [[0, 1]] * 3, [[1, 1], [1, 2], [2, 1]], count=[10, 30, 10])
    average, breslow = fit(pair, precision=0), fit(pair, precision=0, ties="breslow")
    assert average.values[0] - average.values[1] == pytest.approx(math.log(35 / 15))
    assert breslow.values[0] - breslow.values[1] == pytest.approx(math.log(40 / 20))  # a tie is two votes


def test_both_bads_at_the_last_place():
    """Dropped, they are as good as unranked."""
    shown, places = [[0, 1, 2]] * 4, [[1, 2, 2], [2, 1, 3], [3, 1, 2], [2, 3, 1]]
    fine = [[1, 0, 0], [-1] * 3, [-1] * 3, [-1] * 3]
    unranked = [[1, 0, 0], *places[1:]]
    one = fit(Ballots.of("abc", shown, places, acceptable=fine), both_bad="drop", precision=0.3)
    two = fit(Ballots.of("abc", shown, unranked), precision=0.3)
    half = fit(Ballots.of("abc", shown, places), precision=0.3)
    assert one.values == pytest.approx(two.values, abs=1e-12)
    assert np.abs(one.values - half.values).max() > 1e-3


def test_votes_that_order_nothing_are_counted():
    ballots = Ballots.of(["a", "b"], [[0, 1]] * 3, [[1, 2], [2, 1], [0, 0]], count=[5, 4, 3])
    notes = {note.code: note.message for note in fit(ballots).notes}
    assert notes["left_out_votes"].startswith("3 votes order no two models")


def test_bad_options_and_no_convergence(monkeypatch):
    pair = reference.comparisons(["a", "b"], [(0, 1, 1.0)] * 3 + [(0, 1, 0.0)]).ballots
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(
            OptionError, match="plackett_luce: precision must be a finite number of 0 or more"
        ):
            fit(pair, precision=wrong)
    with pytest.raises(OptionError, match="plackett_luce: prior_sd must be above 0"):
        fit(pair, prior_sd=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_ROUNDS", 1)
        with pytest.raises(ConvergenceError, match="plackett_luce found no precision in 1 rounds"):
            fit(Comparisons.from_counts(list("abc"), [[0, 9, 1], [3, 0, 5], [2, 2, 0]]).ballots)
    monkeypatch.setattr(newton, "ROUNDS", 1)
    with pytest.raises(ConvergenceError, match="plackett_luce did not converge in 1 Newton steps"):
        fit(pair, precision=0.1)


def test_clusters_are_left_out_one_by_one():
    """Against refits: each voter left out, the scores moved; first order, so within a few per cent."""
    rng = np.random.default_rng(4)
    n, m = 600, 5
    shown = np.argsort(rng.random((n, m)), axis=1)[:, :4]
    voter = np.minimum(rng.geometric(0.25, n) - 1, 9)
    strengths = np.linspace(1, -1, m) + rng.normal(0, 0.5, (10, m))
    utility = np.take_along_axis(strengths[voter], shown, axis=1) + rng.gumbel(size=shown.shape)
    places = np.argsort(np.argsort(-utility, axis=1), axis=1) + 1

    def score(kept):
        votes = Comparisons.of(list("abcde"), shown[kept], places[kept])
        return fit(votes.ballots, precision=0).values

    labels = {"voter": voter.tolist()}
    board = rank(
        Comparisons.of(list("abcde"), shown, places, labels=labels),
        "plackett_luce",
        precision=0,
        cluster="voter",
        scale="natural",
    )
    moved = np.array([score(voter != v) for v in range(10)])
    away = moved - moved.mean(axis=0)
    hc1 = n / (n - (m - 1))
    assert np.diag(board.covariance) == pytest.approx(0.9 * (away**2).sum(axis=0) * hc1, rel=0.1)
    assert 1 < board.uncertainty.clustering.effective < 10


def test_a_prior_at_its_limit_was_not_chosen():
    """Equal strengths ask for an ever stronger prior; what stops it is the limit, and the note says so."""
    even = np.full((6, 6), 200.0) - np.diag(np.full(6, 200.0))
    (note,) = [
        n for n in fit(Comparisons.from_counts(list("abcdef"), even).ballots).notes if n.code == "prior"
    ]
    assert note.message == (
        "Empirical Bayes asks for a stronger prior than is allowed: "
        "a prior of 0.5 log-odds (precision 4) is the limit."
    )
