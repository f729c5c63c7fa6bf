"""Weights of groups of votes, such as categories: each counts by its weight, however many votes it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agon.ranking.errors import OptionError, suggest
from agon.ranking.numerics import FloatArray
from agon.ranking.votes.array_source import ArraySource
from agon.ranking.votes.ballots import canonical
from agon.ranking.votes.validation import NOT_ASKED, PAD
from agon.ranking.votes.vote_source import GATED, VoteSource


def weigh_groups(source: VoteSource, by: str, weights: Mapping[str, float]) -> ArraySource:
    """Give each vote its group's weight over the number of votes there; groups of weight 0 are left out.

    A vote with several values counts in the group of each, one without any in the group "null".

    Raises:
        SourceError: there is no such column.
        OptionError: an unknown group, a weight that is no number of 0 or more, or all of them 0.
    """
    parts = source.split(by)
    share = _weights(list(parts), weights)
    share /= share.sum()
    used = [part.ballots().models for part, own in zip(parts.values(), share, strict=True) if own > 0]
    models = sorted({model for one in used for model in one})
    position = {name: i for i, name in enumerate(models)}
    widest = source.ballots().shown.shape[1]
    rows: dict[str, list[NDArray[Any]]] = {}
    times, sequence, before = [], [], 0
    labels: dict[str, list[NDArray[np.object_]]] = {}
    columns = [
        column for column in source.cluster_columns() if column != by
    ]  # of `by` each part has one value
    for (name, part), own in zip(parts.items(), share.tolist(), strict=True):
        if own == 0:
            continue
        votes = part.battles()
        ballots = votes.ballots
        moved = np.array([position[model] for model in ballots.models])
        wide = [(0, 0), (0, widest - ballots.shown.shape[1])]
        shown = np.where(ballots.shown >= 0, moved[ballots.shown], PAD)
        there = float(ballots.weight @ ballots.count)
        for column, values in {
            "shown": np.pad(shown, wide, constant_values=PAD),
            "places": np.pad(ballots.places, wide),
            "acceptable": np.pad(ballots.acceptable, wide, constant_values=NOT_ASKED),
            "p_a": ballots.p_a,
            "weight": ballots.weight * own / there,
            "count": ballots.count,
            "grade": np.full(len(ballots.count), np.nan) if ballots.grade is None else ballots.grade,
        }.items():
            rows.setdefault(column, []).append(values)
        sequence.append(votes.sequence + before)
        before += len(ballots.count)
        times.append(votes.times)
        labels.setdefault(by, []).append(np.full(len(votes.sequence), name, dtype=object))
        for column in columns:
            member, names = part.battles(column).cluster, part.clusters(column).names
            assert member is not None  # noqa: S101 - it was asked for
            values = (
                np.array(names, dtype=object)[member]
                if names
                else np.char.add(f"{name} ", member.astype(str))
            )
            labels.setdefault(column, []).append(values.astype(object))
    taken = {column: np.concatenate(values) for column, values in rows.items()}
    if np.isnan(taken["grade"]).all():
        taken["grade"] = None
    taken["weight"] *= taken["count"].sum()  # 1 on average
    distinct, index = canonical(models, **taken)
    known = [one for one in times if one is not None]
    return ArraySource(
        distinct,
        index[np.concatenate(sequence)],
        np.concatenate(known) if len(known) == len(times) else None,
        {column: np.concatenate(values) for column, values in labels.items()},
        gone={reason: number for reason, number in source.left_out().items() if reason in GATED},
    )


def _weights(names: Sequence[str], weights: Mapping[str, float]) -> FloatArray:
    """(G,) the weight of each group; those not named weigh 1.

    Raises:
        OptionError: an unknown group, a weight that is no number of 0 or more, or all of them 0.
    """
    for name, weight in weights.items():
        if name not in names:
            raise OptionError(f"There is no {name!r} to weigh; {suggest(str(name), list(names))}")
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight < math.inf:
            raise OptionError(f"The weight of {name!r} must be a number of 0 or more, not {weight!r}.")
    found = np.array([float(weights.get(name, 1.0)) for name in names])
    if not found.any():
        raise OptionError("All weights are 0, so nothing is compared; give one a weight above 0.")
    return found
