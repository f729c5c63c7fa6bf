"""How a board is made, beside the method's own options: intervals, level, anchor, scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np

from agon.ranking.errors import OptionError, suggest
from agon.ranking.text import Readable
from agon.ranking.votes.covariates import control_names
from agon.ranking.votes.weighting import Reweight

Interval = Literal["auto", "sandwich", "bootstrap", "posterior", "none"]
Ranks = Literal["differences", "empirical_bayes"]


@dataclass(frozen=True, repr=False)
class Settings(Readable):
    """How a board is made, beside the method's own options.

    Attributes:
        interval: "sandwich", "bootstrap", "posterior", "none", or "auto": the sandwich where the method has
            one, else the bootstrap.
        level: of intervals and rank ranges, between 0 and 1.
        n_resamples: how often the bootstrap draws the votes.
        seed: of everything drawn at random.
        cluster: column whose equal values are dependent votes, such as "voter", "battle" or "prompt"; two of
            them, "voter,prompt", where votes depend through either; "none" for independent votes; "auto" for
            those of voter and prompt whose clusters make intervals wider than single votes do.
        simultaneous: whether all intervals of a board, as its rank ranges, are to hold at once instead of
            each by itself.
        ranks: where rank ranges come from: "differences" (who is surely above whom), or "empirical_bayes"
            (the ranks in draws of the posterior, were the scores of the field normal): narrower on average
            over the models of a field, not for each by itself.
        min_votes: ballots a model must have been shown in to be ranked.
        control: features of the answers to control for, such as "length,markdown".
        reweight: "propensity" weighs each vote by one over the logged probability of its models,
            "propensity_all" keeps those on what was left when an answer failed beside them, "equal_pairs"
            lets every pair that met count the same, "none" leaves the weights as given.
        floor: for "propensity" the smallest probability that counts, as a share of that of a pair drawn at
            random, so that no weight is above one over it.
        anchor: model whose score is fixed; without one the mean of the scores is.
        anchor_score: the fixed score, 1000 on the Elo scale if left out.
        scale: "elo" (400 points are odds of 10 to 1) or "natural" (log-odds), for ratings.
    """

    interval: Interval = "auto"
    level: float = 0.95
    n_resamples: int = 200
    seed: int = 0
    cluster: str | None = "auto"
    simultaneous: bool = False
    ranks: Ranks = "differences"
    min_votes: int = 30
    control: str | Sequence[str] = ()
    reweight: Reweight = "none"
    floor: float = 0.1
    anchor: str | None = None
    anchor_score: float | None = None
    scale: Literal["elo", "natural"] = "elo"

    def conclusion(self) -> str:
        """Say it in one sentence."""
        defaults = {one.name: one.default for one in fields(self)}
        changed = {name: getattr(self, name) for name in defaults}
        chosen = [f"{name}={value!r}" for name, value in changed.items() if value != defaults[name]]
        return ", ".join(chosen) or "all as by default"

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        object.__setattr__(self, "control", control_names(self.control) if self.control else ())
        choices = {
            "interval": get_args(Interval),
            "ranks": get_args(Ranks),
            "scale": ("elo", "natural"),
            "reweight": get_args(Reweight),
        }
        for name, known in choices.items():
            given = str(getattr(self, name))
            if given not in known:
                raise OptionError(f"There is no {name} {given!r}; {suggest(given, known)}")
        if not _is_number(self.level) or not 0 < self.level < 1:
            raise OptionError(f"level must lie between 0 and 1, not {self.level!r}; 95% is 0.95.")
        if not _is_number(self.floor) or not 0 < self.floor <= 1:
            raise OptionError(f"floor must be above 0 and at most 1, not {self.floor!r}.")
        for name, least in {"n_resamples": 2, "min_votes": 0, "seed": 0}.items():
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}.")
        if not isinstance(self.simultaneous, bool):
            raise OptionError(f"simultaneous must be True or False, not {self.simultaneous!r}.")
        if self.simultaneous and self.ranks != "differences":
            raise OptionError(f"ranks={self.ranks!r} hold each by itself; leave out ranks or simultaneous.")
        self._check_cluster()
        for name in ("cluster", "anchor"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise OptionError(f"{name} must be a name or None, not {value!r}.")
        if self.anchor_score is not None and not (
            _is_number(self.anchor_score) and math.isfinite(self.anchor_score)
        ):
            raise OptionError(f"anchor_score must be a finite number, not {self.anchor_score!r}.")
        if self.anchor_score is not None and self.anchor is None:
            raise OptionError(
                f"anchor_score={self.anchor_score!r} needs an anchor: name the model whose score it is."
            )

    def _check_cluster(self) -> None:
        """Write several columns as one text, and refuse what cannot be clustered by."""
        given: object = self.cluster
        if isinstance(given, list | tuple):
            object.__setattr__(self, "cluster", ",".join(map(str, given)))
        if given == "none":
            object.__setattr__(self, "cluster", None)
        columns = self.cluster_columns
        if len(columns) > 2 or len(set(columns)) < len(columns):
            raise OptionError(f"cluster takes one column or two different ones, not {given!r}.")
        if len(columns) == 2 and (self.control or self.interval not in ("auto", "sandwich")):
            raise OptionError(
                f"Clusters by both {' and '.join(columns)} need the sandwich without control; choose one of "
                "the two."
            )

    @property
    def cluster_columns(self) -> tuple[str, ...]:
        """The columns to cluster by: none (or not known yet), one or two."""
        known = isinstance(self.cluster, str) and self.cluster != "auto"
        return tuple(str(self.cluster).split(",")) if known else ()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
