"""How far a solution is from the exact maximum, in 50-digit arithmetic.

Only a log-likelihood is asked for, written straight from the paper. Its derivatives are differences
with a step of 1e-15, exact to some twenty digits; Newton's method with the Hessian of the start then
gains eight digits a step, so that a few steps from a good solution end at the maximum itself.
"""

import mpmath

DIGITS = 50
STEP = mpmath.mpf(10) ** -15


def gradient(value, x):
    """Central differences of a function of a list."""
    found = []
    for i in range(len(x)):
        up, down = list(x), list(x)
        up[i], down[i] = up[i] + STEP, down[i] - STEP
        found.append((value(up) - value(down)) / (2 * STEP))
    return mpmath.matrix(found)


def distance(value, x, steps=4):
    """Largest |x* − x| over the parameters, x* the maximum of value(list of mpf) near x."""
    with mpmath.workdps(DIGITS):
        start = [mpmath.mpf(float(a)) for a in x]
        slope = gradient(value, start)
        if not len(start):
            return 0.0
        wide = mpmath.mpf(10) ** -8
        hessian = mpmath.matrix(len(start), len(start))
        for i in range(len(start)):
            moved = list(start)
            moved[i] += wide
            column = (gradient(value, moved) - slope) / wide
            for j in range(len(start)):
                hessian[j, i] = column[j]
        inverse = hessian**-1
        now = start
        for _ in range(steps):
            change = inverse * slope
            now = [a - b for a, b in zip(now, change, strict=True)]
            if max(abs(b) for b in change) < mpmath.mpf(10) ** -16:
                return float(max(abs(a - b) for a, b in zip(now, start, strict=True)))
            slope = gradient(value, now)
    raise AssertionError("the solution is not near a maximum")


def strengths(free):
    """M strengths of zero mean from the first M − 1."""
    return [*free, -mpmath.fsum(free)]
