"""Pairs of answers that a judge or people judged, one row each: what an audit is computed from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agon.ranking.judges.pair_verdicts import PairVerdicts
from agon.ranking.numerics import FloatArray, IntArray

_LONGEST = 3.0  # doublings of the length that count


class AuditedPairs(NamedTuple):
    """One row for each pair of answers that was judged, turned so that the lower number is the first.

    `shown` (U, 2) says what the judge thought of the first, less ½, when it was shown first and second; NaN
    where it was not shown so. `lean` is their mean. `total`, `square` and `votes` are of people's votes on
    the pair, less ½.
    """

    first: IntArray
    second: IntArray
    prompt: IntArray
    shown: FloatArray
    lean: FloatArray
    total: FloatArray
    square: FloatArray
    even: FloatArray
    distance: FloatArray
    votes: FloatArray
    doublings: FloatArray


def pair_up(
    judge: PairVerdicts, people: PairVerdicts | None
) -> tuple[tuple[str, ...], tuple[str, ...], AuditedPairs]:
    """The models and prompts of both, and the pairs that either judged."""
    both = [judge] if people is None else [judge, people]
    models = tuple(sorted({name for one in both for name in one.models}))
    prompts = tuple(sorted({name for one in both for name in one.prompts}))
    keys, turned, lengths = [], [], []
    for one in both:
        place = {name: i for i, name in enumerate(models)}
        number = {name: i for i, name in enumerate(prompts)}
        names = np.array([place[name] for name in one.models], dtype=np.int64)
        first, second = names[one.first], names[one.second]
        prompt = np.array([number[name] for name in one.prompts], dtype=np.int64)[one.prompt]
        low, high = np.minimum(first, second), np.maximum(first, second)
        keys.append((prompt * len(models) + low) * len(models) + high)
        turned.append(first > second)
        given = np.full((len(one), 2), np.nan) if one.lengths is None else one.lengths
        lengths.append(np.where(turned[-1][:, None], given[:, ::-1], given))
    known, unit = np.unique(np.concatenate(keys), return_inverse=True)
    unit, count = unit.reshape(-1), len(known)
    of_judge, seen = unit[: len(judge)], turned[0]
    lean = np.where(seen, 1 - judge.p_first, judge.p_first) - 0.5
    shown = np.full((count, 2), np.nan)
    for side, rows in enumerate((~seen, seen)):
        times = np.bincount(of_judge[rows], minlength=count)
        held = np.bincount(of_judge[rows], lean[rows], count)
        np.divide(held, times, out=shown[:, side], where=times > 0)
    with np.errstate(invalid="ignore"):
        mean = np.where(np.isnan(shown).any(axis=1), np.nansum(shown, axis=1), shown.sum(axis=1) / 2)
    mean[np.isnan(shown).all(axis=1)] = np.nan
    sums = np.zeros((5, count))
    if people is not None:
        of_people = unit[len(judge) :]
        vote = np.where(turned[1], 1 - people.p_first, people.p_first) - 0.5
        at = mean[of_people]
        for i, one in enumerate(
            (vote, vote**2, vote == 0, np.abs(np.nan_to_num(at) - vote), np.ones(len(vote)))
        ):
            sums[i] = np.bincount(of_people, one, count)
    sizes = np.concatenate(lengths)
    fine = (sizes > 0).all(axis=1)
    ratio_of = np.zeros(len(sizes))
    ratio_of[fine] = np.log2(sizes[fine, 0] / sizes[fine, 1])
    times = np.bincount(unit[fine], minlength=count)
    doublings = np.full(count, np.nan)
    np.divide(np.bincount(unit, ratio_of, count), times, out=doublings, where=times > 0)
    pair = known % (len(models) ** 2)
    found = AuditedPairs(
        pair // len(models),
        pair % len(models),
        known // len(models) ** 2,
        shown,
        mean,
        sums[0],
        sums[1],
        sums[2],
        sums[3],
        sums[4],
        np.clip(doublings, -_LONGEST, _LONGEST),
    )
    return models, prompts, found
