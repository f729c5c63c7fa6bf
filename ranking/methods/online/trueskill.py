"""TrueSkill for votes on two or more models: a belief about every skill, updated vote by vote.

A vote is a free-for-all. Every answer is a draw p_i ~ N(skill_i, β²); neighbours in the order differ by
more than ε, tied ones by less; expectation propagation runs forwards and backwards through these
differences until they move by less than 1e-4, at most ten times, as in the deployed K-Sort Arena.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from agon.ranking.errors import OptionError
from agon.ranking.methods.online.gaussian_ratings import Score, check_beliefs, filter_ratings, score_resamples
from agon.ranking.registry import method
from agon.ranking.results import Fit
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.vote_source import Battles

SWEEPS, SETTLED = 10, 1e-4
MORE_SWEEPS, WELL_SETTLED = 500, 1e-10  # with unranked models, for which there is no deployed code to match
ROOT2, ROOT2PI = math.sqrt(2), math.sqrt(2 * math.pi)
Factor = tuple[int, int, bool]  # seat of the better, seat of the worse, whether they are tied
FAR = -30.0  # standard deviations at which normal tails are taken by their limits
Step = tuple[int, bool, bool]  # number of the difference, whether to tell the better, and the worse
# models from best to worst, their places if some are equal, the differences and when to update them
_Game = tuple[list[int], list[int], list[Factor], list[Step]]


@method(
    "kwise_bayes",
    source="Herbrich, Minka and Graepel (2006); K-Sort Arena (Li et al. 2024)",
    batch=lambda views, _, **options: score_resamples(kwise_bayes, views, **options),
    leaves_out="probabilities",
)
def kwise_bayes(
    battles: Battles,
    *,
    mu: float = 25.0,
    sigma: float = 25.0 / 3,
    beta: float = 25.0 / 6,
    tau: float = 25.0 / 300,
    draw_probability: float = 0.10,
    score: Score = "conservative",
    permutations: int | None = None,
    seed: int = 0,
) -> Fit:
    """Bayesian skills from pairwise and K-wise votes, one by one: TrueSkill's free-for-all with ties.

    The score is μ − 3σ, so that a model must be tried to be high. The posterior interval is μ's, carried to
    the score with σ taken for known. A "both bad" is a tie; unranked models are each below the last
    ranked one and not compared with each other. Votes that are probabilities are left out.

    Do not read the interval as one that holds the skill so often. Beliefs are kept apart, so it does not know
    that all of them wander up and down together, which no vote corrects; and the drift τ never lets it become
    narrow. On votes from its own world 95% intervals of μ held 79 to 85% of the skills and 95 to 99% of their
    differences. For intervals to rely on use `plackett_luce`.

    Args:
        mu: mean of the belief about a new model.
        sigma: its standard deviation, above 0.
        beta: standard deviation of one answer around the skill, above 0.
        tau: standard deviation added to a belief before each vote, 0 or more.
        draw_probability: of two equal models; sets how close a tie is, above 0 and below 1.
        score: "conservative" for μ − 3σ, "mean" for μ.
        permutations: number of seeded random orders of the votes to average over; 0 plays them once,
            by timestamp if there is one and else in the order of the rows; None is 0 with timestamps and
            else 20, or fewer where that would be more than 200,000 votes. Under other names the orders are
            others too, so scores agree within the spread.
        seed: of the random orders.

    Raises:
        OptionError: a value outside its range.

    Source:
        R. Herbrich, T. Minka and T. Graepel, TrueSkill, NIPS 2006; Z. Li et al., K-Sort Arena, arXiv
        2408.14468 (2024), for the setting; the defaults are those of both.
    """
    check_beliefs("kwise_bayes", mu, sigma, beta, tau)
    if not 0 < draw_probability < 1:
        raise OptionError(
            f"kwise_bayes: draw_probability must lie between 0 and 1, not {draw_probability!r}."
        )
    margin = NormalDist().inv_cdf((draw_probability + 1) / 2) * ROOT2 * beta
    games, world = _games(battles.ballots), (beta**2, tau**2, margin)

    def play(ballot: int, mean: list[float], variance: list[float], rank: list[int]) -> None:
        _play(games[ballot], mean, variance, rank, world)

    return filter_ratings(
        "kwise_bayes", battles, play, mu=mu, sigma=sigma, score=score, permutations=permutations, seed=seed
    )


def update_skills(
    mean: list[float],
    variance: list[float],
    models: Sequence[int],
    places: Sequence[int],
    *,
    beta: float = 25.0 / 6,
    tau: float = 25.0 / 300,
    draw_probability: float = 0.10,
) -> None:
    """Update skills, in place, by one vote, as `kwise_bayes` does by each of many.

    Args:
        mean: (M,) of the beliefs; 25 of a new model.
        variance: (M,) of the beliefs; (25/3)² of a new model.
        models: (K,) positions of the models shown.
        places: (K,) their places: 1 is best, equal numbers are ties, 0 is not ranked.
        beta, tau, draw_probability: as in `kwise_bayes`.
    """
    margin = NormalDist().inv_cdf((draw_probability + 1) / 2) * ROOT2 * beta
    game = _game(list(zip(places, models, strict=True)))
    _play(game, mean, variance, list(range(len(mean))), (beta**2, tau**2, margin))


def _games(ballots: Ballots) -> list[_Game]:
    """One game for each distinct ballot; no differences where it says nothing."""
    columns = (ballots.shown.tolist(), ballots.places.tolist(), ballots.p_a.tolist())
    return [
        _game([pair for pair in zip(places, shown, strict=True) if pair[1] >= 0], soft=p_a == p_a)  # noqa: PLR0124 (NaN: not a soft judgement)
        for shown, places, p_a in zip(*columns, strict=True)
    ]


def _game(pairs: list[tuple[int, int]], *, soft: bool = False) -> _Game:
    """The game of one vote: (place, model) of each model shown."""
    seats = sorted((place or len(pairs) + 1, model) for place, model in pairs)
    ranked = sum(place <= len(pairs) for place, _ in seats)
    factors = [(i, i + 1, seats[i][0] == seats[i + 1][0]) for i in range(ranked - 1)]
    if ranked:
        factors += [(ranked - 1, i, False) for i in range(ranked, len(seats))]
    factors = [] if soft else factors
    alike = len({place for place, _ in seats}) < len(seats)
    tied = [place for place, _ in seats] if alike else []
    return [model for _, model in seats], tied, factors, _schedule(factors)


def _play(
    game: _Game,
    mean: list[float],
    variance: list[float],
    rank: list[int],
    world: tuple[float, float, float],
) -> None:
    """Update the beliefs, mean and variance, about the models of one vote.

    `world` holds the variance of an answer, that of the drift, and the margin of a tie; `rank` says who of
    tied models of equal beliefs comes first.
    """
    seats, places, factors, schedule = game
    noise, drift, margin = world
    if not factors:
        return
    if places:  # who of tied models stands next to whom is told by the beliefs
        order = [(place, -mean[i], rank[i], i) for place, i in zip(places, seats, strict=True)]
        seats = [i for *_, i in sorted(order)]
    before = [variance[i] + drift for i in seats]
    prior = [1 / (v + noise) for v in before]
    pull = [p * mean[i] for p, i in zip(prior, seats, strict=True)]
    precision, shift = prior.copy(), pull.copy()
    messages = [[0.0] * 6 for _ in factors]
    chain = not schedule[0][1]
    for _ in range(SWEEPS if chain else MORE_SWEEPS):
        moved = 0.0
        for f, better, worse in schedule:
            change = _update(factors[f], messages[f], precision, shift, margin, better, worse)
            moved = max(moved, change)
        if moved <= (SETTLED if chain else WELL_SETTLED) or len(factors) == 1:
            break
    if chain:  # the ends are told last
        _update(factors[0], messages[0], precision, shift, margin, True, False, heard=True)
        _update(factors[-1], messages[-1], precision, shift, margin, False, True, heard=True)
    for k, i in enumerate(seats):
        told = precision[k] - prior[k]
        spoilt = 1 + told * noise  # an answer tells about the skill through its own noise
        variance[i] = 1 / (1 / before[k] + told / spoilt)
        mean[i] = variance[i] * (mean[i] / before[k] + (shift[k] - pull[k]) / spoilt)


def _schedule(factors: list[Factor]) -> list[Step]:
    """Which differences to update in a sweep, and whether to tell the better and the worse of each.

    Along a chain messages run down and up again, as in TrueSkill; where unranked models hang on the last
    ranked one, every message goes both ways.
    """
    n = len(factors)
    if n == 1 or any(better != f for f, (better, _, _) in enumerate(factors)):
        return [(f, True, True) for f in range(n)]
    return [*((f, False, True) for f in range(n - 1)), *((f, True, False) for f in range(n - 1, 0, -1))]


def _update(
    factor: Factor,
    message: list[float],
    precision: list[float],
    shift: list[float],
    margin: float,
    tell_better: bool,
    tell_worse: bool,
    *,
    heard: bool = False,
) -> float:
    """Update the belief that a difference is above (or, tied, within) the margin; how far it moved.

    `message` holds precision and shift told to the difference, to the better and to the worse. With
    `heard` the difference is not looked at again and only passed on.
    """
    better, worse, tied = factor
    sharp, pull, up, up_shift, down, down_shift = message
    one_p, one_s = precision[better] - up, shift[better] - up_shift
    two_p, two_s = precision[worse] - down, shift[worse] - down_shift
    moved = 0.0
    if not heard:
        scale = 1 / one_p + 1 / two_p
        gap, c = one_s / one_p - two_s / two_p, math.sqrt(scale)
        v, w = (within if tied else beyond)(gap / c, margin / c)
        new = w / (1 - w) / scale
        new_pull = (v / c + gap / scale * w) / (1 - w)
        moved = max(abs(new_pull - pull), math.sqrt(abs(new - sharp)))
        message[0], message[1] = sharp, pull = new, new_pull
    if tell_better:
        spoilt = 1 + sharp / two_p
        message[2], message[3] = up, up_shift = sharp / spoilt, (sharp * two_s / two_p + pull) / spoilt
        precision[better], shift[better] = one_p + up, one_s + up_shift
    if tell_worse:
        spoilt = 1 + sharp / one_p
        message[4], message[5] = down, down_shift = sharp / spoilt, (sharp * one_s / one_p - pull) / spoilt
        precision[worse], shift[worse] = two_p + down, two_s + down_shift
    return moved


def beyond(t: float, e: float) -> tuple[float, float]:
    """Shift v and shrinkage w of a unit normal around t that is known to lie above e."""
    x = t - e
    if x < FAR:  # Mills' ratio far out
        return -x - 1 / x, 1 - 1 / x**2
    v = 2 * math.exp(-0.5 * x * x) / ROOT2PI / math.erfc(-x / ROOT2)
    return v, v * (v + x)


def within(t: float, e: float) -> tuple[float, float]:
    """Shift v and shrinkage w of a unit normal around t that is known to lie between −e and e."""
    far = abs(t) - e
    if far > -FAR:  # an exponential at the nearer end, cut off at the farther
        rest = 2 * e / math.expm1(min(2 * e * far, 700.0))
        return math.copysign(e - 1 / far + rest, t) - t, 1 - (1 / far**2 - rest * (rest + 2 * e))
    near, away = (e - t) / ROOT2, (e + t) / ROOT2
    ends = (-near, away) if t > 0 else (-away, near)  # on the side where the tails are small
    mass = 0.5 * (math.erfc(ends[0]) - math.erfc(ends[1]))
    high, low = math.exp(-near * near) / ROOT2PI, math.exp(-away * away) / ROOT2PI
    v = (low - high) / mass
    return v, v * v + ((e - t) * high + (e + t) * low) / mass
