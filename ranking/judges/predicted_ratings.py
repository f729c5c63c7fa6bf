"""Ratings of models foretold from what judges and benchmarks say of them: a surrogate board."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.inference.conformal import ConformalLine, conformal_coverage
from agon.ranking.leaderboard.leaderboard import Leaderboard
from agon.ranking.text import Readable, join_names

if TYPE_CHECKING:
    import pandas as pd

_MORE = 5  # models beyond its coefficients that a fit takes to say what it misses


@dataclass(frozen=True, repr=False)
class PredictedRating(Readable):
    """One model of a surrogate board.

    Attributes:
        model: its name.
        rating: by people; None of a model that they have not rated.
        predicted: from its features; of a rated model by the fit to the others.
        lower, upper: conformal bounds at the board's level; None where there are too few models for any.
        status: "rated" or "predicted".
    """

    model: str
    rating: float | None
    predicted: float
    lower: float | None
    upper: float | None
    status: str

    def conclusion(self) -> str:
        """Say it in one sentence."""
        low, high = ("…" if bound is None else f"{bound:,.0f}" for bound in (self.lower, self.upper))
        known = "nobody voted on it" if self.rating is None else f"people say {self.rating:,.0f}"
        return f"{self.model}: predicted {self.predicted:,.0f} ({low} to {high}); {known}"


@dataclass(frozen=True, repr=False)
class PredictedRatings(Readable):
    """A surrogate board: ratings foretold from features, and how far such ratings were off.

    Attributes:
        rows: the highest prediction first; models that people rated are foretold by the others alone.
        features: what was fitted.
        error: mean distance of a rated model from what the others foretell.
        coverage: share of the rated models within the interval that the others alone foretell for them.
        level: of the intervals.
        coefficients: intercept, and points a unit of each feature is worth.
    """

    rows: tuple[PredictedRating, ...]
    features: tuple[str, ...]
    error: float
    coverage: float
    level: float
    coefficients: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, model: str) -> PredictedRating:
        """Return the row of a model.

        Raises:
            OptionError: no such model.
        """
        for row in self.rows:
            if row.model == model:
                return row
        raise OptionError(f"There is no model {model!r} here; {suggest(model, [r.model for r in self.rows])}")

    @property
    def predicted(self) -> tuple[PredictedRating, ...]:
        """The models that people have not rated."""
        return tuple(row for row in self.rows if row.status == "predicted")

    def conclusion(self) -> str:
        """Say in one sentence how good such predictions are."""
        rated, new = len(self.rows) - len(self.predicted), len(self.predicted)
        return (
            f"{new} model{'' if new == 1 else 's'} predicted from {join_names(self.features)} of {rated} "
            f"that people rated: each is foretold by the others within {self.error:,.1f} on average, "
            f"and {self.coverage:.0%} lie in their intervals of {self.level:.0%}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each model: model, rating, predicted, lower, upper, status."""
        import pandas as pd

        names = ("model", "rating", "predicted", "lower", "upper", "status")
        frame = pd.DataFrame(
            [{name: getattr(row, name) for name in names} for row in self.rows], columns=names
        )
        return frame.astype(dict.fromkeys(names[1:5], "float64"))


def predict_ratings(
    ratings: Leaderboard | Mapping[str, float] | Any,
    features: Mapping[str, Mapping[str, float]] | Any,
    *,
    names: Sequence[str] | None = None,
    level: float = 0.9,
) -> PredictedRatings:
    """Foretell the ratings of models from what judges or benchmarks say of them, with conformal intervals.

    Least squares of the ratings on the features of the models that have both; intervals are those of the
    jackknife+, from what the fit to the other models misses each of them by. They hold for a model that is to
    its features as the rated ones are; one that was tuned to please the judge is not.

    Args:
        ratings: a board of people's votes, whose ranked models count; or model → rating; or a frame with
            columns model and rating.
        features: model → feature → number; or a frame with a column model. Win rates go in as log-odds,
            lengths as logarithms.
        names: of the features to use; all if left out.
        level: of the intervals.

    Raises:
        OptionError: a feature that is missing or no number, too few models with both, another level.

    Source:
        N. Thakur et al., MIRAGE-Bench (2024), for the surrogate; R. Barber et al., Ann. Statist. 49 (2021),
        for the intervals.
    """
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise OptionError(f"level must lie between 0 and 1, not {level!r}; 90% is 0.9.")
    rated, table = _ratings(ratings), _table(features)
    known = sorted({name for one in table.values() for name in one})
    for name in names or ():
        if name not in known:
            raise OptionError(f"There is no feature {name!r}; {suggest(name, known)}")
    chosen = tuple(names or known)
    for model, one in table.items():
        for name in chosen:
            if not _is_finite(one.get(name)):
                raise OptionError(
                    f"The feature {name} of {model!r} is {one.get(name)!r}, which is no number; correct it, "
                    "or leave the model out."
                )
    both = [model for model in sorted(table) if model in rated]
    least = 1 + len(chosen) + _MORE
    if len(both) < least:
        raise OptionError(
            f"{len(both)} models have both a rating and features; a fit of {len(chosen)} features takes "
            f"{least}: name the models alike in both, or give fewer features."
        )
    given = np.array([[float(table[model][name]) for name in chosen] for model in both])
    seen = np.array([rated[model] for model in both])
    others = [model for model in sorted(table) if model not in rated]
    line = ConformalLine.fit(given, seen)
    rows = []
    for at, model in enumerate(both):
        rest = np.arange(len(both)) != at
        found = ConformalLine.fit(given[rest], seen[rest]).predict(given[[at]], level)
        rows.append(_row(model, rated[model], found, 0, "rated"))
    if others:
        found = line.predict(
            np.array([[float(table[model][name]) for name in chosen] for model in others]), level
        )
        rows += [_row(model, None, found, at, "predicted") for at, model in enumerate(others)]
    return PredictedRatings(
        tuple(sorted(rows, key=lambda row: (-row.predicted, row.model))),
        chosen,
        line.error,
        conformal_coverage(given, seen, level),
        float(level),
        tuple(line.coefficient.tolist()),
    )


def _row(model: str, rating: float | None, found: Any, at: int, status: str) -> PredictedRating:
    score, low, high = (float(part[at]) for part in found)
    lower, upper = (bound if math.isfinite(bound) else None for bound in (low, high))
    return PredictedRating(model, rating, score, lower, upper, status)


def _ratings(given: Any) -> dict[str, float]:
    """Rating by model.

    Raises:
        OptionError: neither a board, a mapping nor such a frame; or a rating that is no number.
    """
    if isinstance(given, Leaderboard):
        return {row.model: row.score for row in given.ranked if row.score is not None}
    if hasattr(given, "columns") and {"model", "rating"} <= set(given.columns):
        given = dict(zip(given["model"], given["rating"], strict=True))
    if not isinstance(given, Mapping):
        raise OptionError(
            "ratings are a board, {model: rating} or a frame with columns model and rating, not "
            f"a {type(given).__name__}."
        )
    for model, rating in given.items():
        if not _is_finite(rating):
            raise OptionError(f"The rating of {model!r} is {rating!r}, which is no number; correct it.")
    return {str(model): float(rating) for model, rating in given.items()}


def _table(given: Any) -> dict[str, dict[str, Any]]:
    """Features by model.

    Raises:
        OptionError: neither a mapping of mappings nor a frame with a column model; or a model twice.
    """
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        if "model" not in given.columns:
            raise OptionError("The features need a column model that names the models.")
        rows = given.to_dict("records")
        if len({row["model"] for row in rows}) < len(rows):
            raise OptionError("The features name a model twice; keep one row of each.")
        given = {row.pop("model"): row for row in rows}
    if not isinstance(given, Mapping) or not all(isinstance(one, Mapping) for one in given.values()):
        raise OptionError('features are {"model": {"win_rate": 0.4}, ...} or a frame with a column model.')
    return {str(model): dict(one) for model, one in given.items()}


def _is_finite(value: Any) -> bool:
    return (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and math.isfinite(float(value))
    )
