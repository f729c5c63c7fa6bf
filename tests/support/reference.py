"""Slow and independent: what the engine computes, written again from the formulas in methods.md."""

import mpmath
import numpy as np

from agon.ranking.votes.comparisons import Comparisons

NAT = 400 / np.log(10)  # Elo points


def hard_votes(rng, m, n, *, ties=0.2):
    """Random votes of m models as (i, j, share of i)."""
    first = rng.integers(0, m, n)
    second = (first + rng.integers(1, m, n)) % m
    share = rng.choice([0.0, 0.5, 1.0], n, p=[(1 - ties) / 2, ties, (1 - ties) / 2])
    return list(zip(first.tolist(), second.tolist(), share.tolist(), strict=True))


def half_wins(m, votes, weights=None):
    """(m, m) wins with half a win each for a tie; each vote as often as its weight says."""
    wins = np.zeros((m, m))
    for weight, (i, j, share) in zip(np.ones(len(votes)) if weights is None else weights, votes, strict=True):
        wins[i, j] += weight * share
        wins[j, i] += weight * (1 - share)
    return wins


def strongly_connected(wins):
    """By powers of the win graph, which takes M steps and no cleverness."""
    reach = (np.asarray(wins) > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(len(wins)):
        reach = reach @ reach
    return bool(reach.all())


def comparisons(names, votes, **more):
    """The votes as the engine takes them, with labels or times."""
    places = {1.0: (1, 2), 0.0: (2, 1), 0.5: (1, 1)}
    return Comparisons.of(names, [[i, j] for i, j, _ in votes], [places[s] for *_, s in votes], **more)


def bradley_terry_mp(wins, digits=50):
    """Zero-mean strengths by Newton's method in 50-digit arithmetic, the last model fixed at 0."""
    m = len(wins)
    with mpmath.workdps(digits):
        w = [[mpmath.mpf(float(x)) for x in row] for row in wins]
        theta = [mpmath.mpf(0)] * m
        for _ in range(200):
            gradient = mpmath.matrix(m - 1, 1)
            hessian = mpmath.matrix(m - 1, m - 1)
            for i in range(m - 1):
                for j in range(m):
                    met = w[i][j] + w[j][i]
                    if j == i or not met:
                        continue
                    chance = 1 / (1 + mpmath.exp(theta[j] - theta[i]))
                    gradient[i] += w[i][j] - met * chance
                    hessian[i, i] += met * chance * (1 - chance)
                    if j < m - 1:
                        hessian[i, j] -= met * chance * (1 - chance)
            step = mpmath.lu_solve(hessian, gradient)
            largest = max(abs(x) for x in step)
            scale = 1 if largest < 1 else 1 / largest
            theta = [theta[i] + scale * step[i] for i in range(m - 1)] + [theta[-1]]
            if largest < mpmath.mpf(10) ** (8 - digits):
                mean = mpmath.fsum(theta) / m
                return np.array([float(x - mean) for x in theta])
    raise AssertionError("the reference did not converge")


def sandwich(theta, votes, clusters=None):
    """Covariance of zero-mean strengths, pinv(H) G pinv(H), and G; one loop over votes.

    votes: one (weight, [(i, j, share)]) for each; clusters: a label for each vote, or None.
    """
    m = len(theta)
    hessian = np.zeros((m, m))
    summed, told = {}, {}
    for number, (weight, pairs) in enumerate(votes):
        score, own = np.zeros(m), np.zeros((m, m))
        for i, j, share in pairs:
            chance = 1 / (1 + np.exp(theta[j] - theta[i]))
            score[i] += weight * (share - chance)
            score[j] -= weight * (share - chance)
            unit = np.eye(m)[i] - np.eye(m)[j]
            own += weight * chance * (1 - chance) * np.outer(unit, unit)
        hessian += own
        key = number if clusters is None else clusters[number]
        summed[key] = summed.get(key, 0) + score
        told[key] = told.get(key, 0) + own
    meat = sum(np.outer(score, score) for score in summed.values())
    if clusters is not None:
        covariance, _ = delete_one_cluster(list(summed.values()), list(told.values()))
        return covariance, meat
    inverse = np.linalg.pinv(hessian, rcond=1e-12)
    return inverse @ meat @ inverse, meat


def delete_one_cluster(scores, informations, ridge=0.0, contrasts=None):
    """Jackknife covariance by one solve for each cluster, and the effective number of clusters.

    scores: (Q,) of each cluster; informations: (Q, Q) of each. V = (C − 1)/C Σ (δ_c − δ̄)(δ_c − δ̄)ᵀ with
    δ_c = (H − H_c)⁻¹ s_c (cases F2). None instead of V if leaving a cluster out leaves less identified.
    contrasts: (M, Q) what the effective number looks at; the parameters themselves if None.
    """
    some = [c for c, own in enumerate(informations) if np.trace(own) > 0]
    scores, informations = np.array(scores)[some], np.array(informations)[some]
    whole, size = informations.sum(axis=0) + ridge, len(some)
    rank = np.linalg.matrix_rank(whole, tol=1e-9)
    moved, told = [], []
    look = np.eye(len(whole)) if contrasts is None else contrasts
    inverse = np.linalg.pinv(whole, rcond=1e-12)
    for score, own in zip(scores, informations, strict=True):
        if np.linalg.matrix_rank(whole - own, tol=1e-7) < rank:
            return None, None
        moved.append(np.linalg.pinv(whole - own, rcond=1e-10) @ score)
        told.append(np.trace(look @ inverse @ own @ inverse @ look.T))
    away = np.array(moved) - np.mean(moved, axis=0)
    told = np.array(told)
    return (size - 1) / size * away.T @ away, size / (1 + told.var() / told.mean() ** 2)


def jackknife(value, weights, clusters=None, step=1e-4):
    """Infinitesimal jackknife: sum of outer products of w_v d value / d w_v (Jaeckel 1972).

    value: a function of the (N,) weights of the votes that returns (M,) numbers.
    """
    weights = np.asarray(weights, dtype=float)
    summed = {}
    for number, weight in enumerate(weights):
        up, down = weights.copy(), weights.copy()
        up[number] += step
        down[number] -= step
        influence = weight * (value(up) - value(down)) / (2 * step)
        key = number if clusters is None else clusters[number]
        summed[key] = summed.get(key, 0) + influence
    found = sum(np.outer(x, x) for x in summed.values())
    return found if clusters is None else found * len(summed) / (len(summed) - 1)


def share_won(m, votes, average, weights):
    """(m,) win rates, one loop over votes; votes are lists of (i, j, share)."""
    won, met = np.zeros((m, m)), np.zeros((m, m))
    for weight, pairs in zip(weights, votes, strict=True):
        for i, j, share in pairs:
            won[i, j] += weight * share
            won[j, i] += weight * (1 - share)
            met[i, j] += weight
            met[j, i] += weight
    if average == "votes":
        return won.sum(axis=1) / met.sum(axis=1)
    return np.array([np.mean([won[i, j] / met[i, j] for j in range(m) if met[i, j]]) for i in range(m)])


def elo(m, votes, *, k=4.0, start=1000.0):
    """One pass in Elo points, base 10; votes are (i, j, share) or (i, j, share, weight)."""
    ratings = [start] * m
    for i, j, share, *weight in votes:
        expected = 1 / (1 + 10 ** ((ratings[j] - ratings[i]) / 400))
        change = k * (weight[0] if weight else 1.0) * (share - expected)
        ratings[i] += change
        ratings[j] -= change
    return np.array(ratings)
