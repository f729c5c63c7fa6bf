"""`ScoreTable`: models x tasks with gaps, and its views as pairs and as one ballot per task.

Nothing here ranks, and nothing reads files: data/ does. Rules on the scores themselves are in
methods/social_choice/cardinal.py; every rule on pairs or ballots takes a table through `pairs` and `ballots`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agon.ranking.errors import OptionError, SourceError, VotesError, suggest
from agon.ranking.numerics import FloatArray, IntArray
from agon.ranking.text import Readable
from agon.ranking.votes.ballots import Ballots, canonical
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.resamples import ResampledBallots
from agon.ranking.votes.validation import PAD, UNRANKED
from agon.ranking.votes.vote_source import Clusters, group

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["higher", "lower"]
_Invalid = Literal["error", "drop"]


@dataclass(frozen=True, eq=False, repr=False)
class ScoreTable(Readable):
    """Scores of M models on T tasks, models and tasks sorted by name; make one with `ScoreTable.of`.

    Attributes:
        models: M names.
        tasks: T names.
        values: (M, T) scores as published, NaN where there is none.
        directions: T times "higher" or "lower": which end is the better one.
        weights: (T,) 0 or more; a task of weight 0 is shown and does not count.
        groups: T names of task groups, or none at all.
        group_weights: weight of each group, for two-level rules.
        count: (T,) how often each task is taken: 1, other numbers after `resample`.
        left_out: what `invalid="drop"` left out, counted by reason.
    """

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    values: FloatArray
    directions: tuple[Direction, ...]
    weights: FloatArray
    groups: tuple[str, ...]
    group_weights: Mapping[str, float]
    count: IntArray
    left_out: Mapping[str, int]

    @property
    def directed(self) -> dict[str, Direction]:
        """Which end of each task is the better one."""
        return dict(zip(self.tasks, self.directions, strict=True))

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        tasks: Sequence[str],
        scores: ArrayLike,
        *,
        directions: Mapping[str, Direction] | Direction = "higher",
        weights: Mapping[str, float] | None = None,
        groups: Mapping[str, str] | None = None,
        group_weights: Mapping[str, float] | None = None,
        invalid: _Invalid = "error",
    ) -> ScoreTable:
        """Check a table and bring it into canonical order.

        Args:
            models: M names in any order.
            tasks: T names in any order.
            scores: (M, T), NaN for a gap.
            directions: "lower" for tasks where less is better; tasks not named are "higher".
            weights: of tasks, 0 or more; tasks not named weigh 1.
            groups: the group of each task, all tasks or none.
            group_weights: of groups, 0 or more; groups not named weigh 1.
            invalid: "drop" leaves out tasks that rank nobody (empty, one score, all equal) and models
                without a score, and counts them; "error" refuses them.

        Raises:
            VotesError: a name twice, the wrong shape, an infinite score, a task that ranks nobody, a
                model without a score.
            OptionError: unknown tasks, groups or directions, a negative or NaN weight, all weights 0.
        """
        if invalid not in ("error", "drop"):
            raise OptionError(f'invalid must be "error" or "drop", not {invalid!r}.')
        names, columns = _names("Model", models), _names("Task", tasks)
        table = np.array(scores, dtype=np.float64, ndmin=2)
        if table.shape != (len(names), len(columns)):
            raise VotesError(
                f"The scores have shape {table.shape}, but {len(names)} models and {len(columns)} tasks "
                f"need {(len(names), len(columns))}; give one row a model and one column a task."
            )
        infinite = np.argwhere(np.isinf(table))
        if len(infinite):
            i, t = infinite[0]
            raise VotesError(
                f"The score of {names[i]!r} on {columns[t]!r} is {table[i, t]}; correct it or leave it empty."
            )
        rows, cols, left_out = _useful(names, columns, table, invalid)
        way = directions if isinstance(directions, Mapping) else dict.fromkeys(columns, directions)
        _known("directions", way, columns, "task")
        for task, direction in way.items():
            if direction not in ("higher", "lower"):
                raise OptionError(
                    f'The direction of {task!r} must be "higher" or "lower", not {direction!r}.'
                )
        mass = _weights("task", weights or {}, columns)
        sections = _sections(groups, columns)
        share = _weights("group", group_weights or {}, sorted(set(sections)))
        rows = rows[np.argsort(np.asarray(names, dtype=object)[rows])]
        cols = cols[np.argsort(np.asarray(columns, dtype=object)[cols])]
        kept = [columns[t] for t in cols]
        weight = np.array([mass[task] for task in kept])
        if not weight.sum() > 0:
            raise OptionError("Every task weighs 0, so nothing is compared; give one a weight above 0.")
        section = dict(zip(columns, sections, strict=True)) if sections else {}
        grouped = tuple(section[task] for task in kept) if sections else ()
        return cls(
            tuple(names[i] for i in rows),
            tuple(kept),
            table[np.ix_(rows, cols)] + 0.0,  # no negative zeros: they would change the fingerprint
            tuple(way.get(task, "higher") for task in kept),
            weight,
            grouped,
            {name: share[name] for name in sorted(set(grouped))},
            np.ones(len(kept), dtype=np.int64),
            left_out,
        )

    def conclusion(self) -> str:
        """Say in one phrase what there is."""
        gaps = int(np.isnan(self.values).sum())
        return f"{len(self.models)} models on {len(self.tasks)} tasks, {gaps} gaps"

    def to_frame(self) -> pd.DataFrame:
        """Return the scores as published: one row a model, one column a task."""
        import pandas as pd

        frame = pd.DataFrame(self.values, columns=list(self.tasks))
        frame.insert(0, "model", self.models, allow_duplicates=True)
        return frame

    @cached_property
    def good(self) -> FloatArray:
        """(M, T) scores turned so that higher is better: a "lower" task changes its sign."""
        sign = np.array([1.0 if way == "higher" else -1.0 for way in self.directions], dtype=np.float64)
        return np.asarray(self.values * sign)

    def with_relative_weights(self) -> ScoreTable:
        """The table with weights as multiples of their mean, as those of votes are: they carry no unit."""
        counting = self.weights[self.weights > 0]
        if (counting == 1.0).all():
            return self
        unit = counting[0] if (counting == counting[0]).all() else counting.mean()
        return replace(self, weights=self.weights / unit)

    @property
    def mass(self) -> FloatArray:
        """(T,) weight of each task times how often it is taken."""
        return np.asarray(self.weights * self.count)

    @cached_property
    def ballots(self) -> Ballots:
        """One ballot for each task of weight above 0: equal scores tie, a gap is a model not shown."""
        ballots, counting, which = self._written
        taken = np.bincount(which, self.count[counting], len(ballots.count))
        return ballots.with_count(taken.astype(np.int64))

    def resampled_ballots(self, count: IntArray) -> ResampledBallots:
        """The ballots of R resamples that take each task another number of times; (R, T)."""
        ballots, counting, which = self._written
        taken = np.zeros((len(count), len(ballots.count)), dtype=np.int64)
        np.add.at(taken.T, which, count[:, counting].T)
        return ResampledBallots(ballots, taken)

    @cached_property
    def pairs(self) -> PairCounts:
        """Weighted majorities: a task's weight for the better model; a gap concerns its pairs only."""
        return PairCounts.from_ballots(self.ballots)

    @property
    def _written(self) -> tuple[Ballots, IntArray, IntArray]:
        """The ballots of all tasks taken once, the tasks that count, and the ballot of each of them."""
        if self not in _WRITTEN:
            _WRITTEN[self] = self._write()
        return _WRITTEN[self]

    def _write(self) -> tuple[Ballots, IntArray, IntArray]:
        counting = np.flatnonzero(self.weights > 0)
        good = self.good[:, counting].T
        there = ~np.isnan(good)
        seats = np.argsort(~there, axis=1, kind="stable")  # the models with a score first, in order
        width = int(there.sum(axis=1).max(initial=2))
        shown = np.where(np.take_along_axis(there, seats, axis=1), seats, PAD)[:, : max(2, width)]
        places = np.full(good.shape, UNRANKED, dtype=np.int64)
        for row, (scores, known) in enumerate(zip(good, there, strict=True)):
            levels, level = np.unique(-scores[known], return_inverse=True)
            places[row, known] = 1 + level.reshape(-1) if len(levels) else UNRANKED
        seated = np.take_along_axis(places, seats, axis=1)[:, : shown.shape[1]]
        ballots, which = canonical(self.models, shown, seated, weight=self.weights[counting])
        return ballots, counting, which

    def clusters(self, by: str) -> Clusters:
        """Group the tasks, as ballots, by their groups: `by` is "group".

        Raises:
            SourceError: anything else, or a table without groups.
        """
        self._needs_groups(by)
        ballots, counting, which = self._written
        _, section = np.unique([self.groups[t] for t in counting], return_inverse=True)
        return group(by, section.reshape(-1), which, len(ballots.count))

    def split(self, by: str) -> Iterator[tuple[str, ScoreTable]]:
        """Cut the table by its groups of tasks, each with the models that have a score there.

        Raises:
            SourceError: `by` is not "group", or a table without groups.
        """
        self._needs_groups(by)
        for name in sorted(set(self.groups)):
            inside = np.array([section == name for section in self.groups])
            there = np.asarray(np.isfinite(self.values[:, inside]).any(axis=1))
            yield (
                name,
                ScoreTable(
                    tuple(model for model, known in zip(self.models, there, strict=True) if known),
                    tuple(task for task, kept in zip(self.tasks, inside, strict=True) if kept),
                    self.values[np.ix_(there, inside)],
                    tuple(way for way, kept in zip(self.directions, inside, strict=True) if kept),
                    self.weights[inside],
                    tuple(section for section in self.groups if section == name),
                    {name: self.group_weights[name]},
                    self.count[inside],
                    {},
                ),
            )

    def _needs_groups(self, by: str) -> None:
        if by != "group":
            raise SourceError(f"A score table has no column {by!r} to cut or cluster by; it has 'group'.")
        if not self.groups:
            raise SourceError(
                "The tasks of this table have no groups; give groups={task: group} (--groups TASK=GROUP,...)."
            )

    def resample(self, rng: np.random.Generator, *, groups: bool = False) -> ScoreTable:
        """Draw as many tasks (or whole groups of tasks) with replacement; each keeps its weight.

        Tasks of weight 0 are not drawn: they would take the place of tasks that count.
        """
        if not groups:
            drawn = np.where(self.weights > 0, self.count, 0)
            return self.with_count(rng.multinomial(int(drawn.sum()), drawn / drawn.sum()))
        names, section = np.unique(self.groups, return_inverse=True)
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))
        return self.with_count(self.count * times[section.reshape(-1)])

    def with_count(self, count: IntArray) -> ScoreTable:
        """Return the same table with each task taken another number of times; (T,), zeros allowed."""
        other = replace(self, count=count)
        _WRITTEN[other] = self._written  # which does not depend on the counts
        return other

    def subset(self, keep: NDArray[np.bool_]) -> ScoreTable:
        """Return the table of the kept models only; (M,) mask. Tasks stay, even those left constant."""
        names = tuple(name for name, kept in zip(self.models, keep, strict=True) if kept)
        return replace(self, models=names, values=self.values[keep])

    def described(self) -> dict[str, Any]:
        """Names and settings of the table, for the fingerprint of a board."""
        return {
            "tasks": self.tasks,
            "directions": self.directions,
            "groups": self.groups,
            "group_weights": dict(self.group_weights),
        }


_WRITTEN: WeakKeyDictionary[ScoreTable, tuple[Ballots, IntArray, IntArray]] = WeakKeyDictionary()


def _names(kind: str, given: Sequence[str]) -> list[str]:
    """Refuse names that are empty or given twice, with their places."""
    names = [str(name) for name in given]
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if not name.strip():
            raise VotesError(f"{kind} number {i + 1} has no name; name it or leave it out.")
        if name in seen:
            raise VotesError(
                f"{kind} {name!r} is given twice, as numbers {seen[name] + 1} and {i + 1}; "
                "keep one or rename the other."
            )
        seen[name] = i
    if not names:
        raise VotesError(f"The table has no {kind.lower()}; give at least one.")
    return names


def _useful(
    models: Sequence[str], tasks: Sequence[str], table: FloatArray, invalid: _Invalid
) -> tuple[IntArray, IntArray, dict[str, int]]:
    """Rows and columns that can rank somebody, and what was left out on request."""
    there = ~np.isnan(table)
    low = np.where(there, table, np.inf).min(axis=0, initial=np.inf)
    high = np.where(there, table, -np.inf).max(axis=0, initial=-np.inf)
    number = there.sum(axis=0)
    words = {0: "no score at all", 1: "a score for one model only"}
    problems = [
        f"Task {tasks[t]!r} (column {t + 1}) has "
        + words.get(int(number[t]), f"the same score, {low[t]:g}, for every model")
        + ", so it ranks nobody; leave it out."
        for t in np.flatnonzero((number < 2) | (low == high)).tolist()
    ]
    cols = np.flatnonzero((number >= 2) & (low < high))
    left_out = {"tasks that rank nobody": len(problems)} if problems else {}
    empty = np.flatnonzero(~there.any(axis=1) if invalid == "error" else ~there[:, cols].any(axis=1))
    problems += [
        f"Model {models[i]!r} (row {i + 1}) has no score on any task; leave it out." for i in empty.tolist()
    ]
    if len(empty):
        left_out["models without a score"] = len(empty)
    if problems and invalid == "error":
        more = f" ({len(problems) - 1} more such)" if len(problems) > 1 else ""
        raise VotesError(problems[0] + more, tuple(problems))
    if not len(cols):
        raise VotesError("No task is left that ranks anybody; give tasks on which scores differ.")
    return np.setdiff1d(np.arange(len(models)), empty), cols, left_out


def _known(option: str, given: Mapping[str, object], known: Sequence[str], kind: str) -> None:
    """Refuse names that are not in the table."""
    for name in given:
        if name not in known:
            raise OptionError(
                f"{option} names {name!r}, which is no {kind} of the table; {suggest(name, known)}"
            )


def _weights(kind: str, given: Mapping[str, float], known: Sequence[str]) -> dict[str, float]:
    """Fill in 1 for what has no weight of its own; refuse unknown names and impossible weights."""
    _known(f"{kind} weights" if kind == "group" else "weights", given, known, kind)
    for name, weight in given.items():
        if not (np.isfinite(weight) and weight >= 0):
            raise OptionError(f"The weight of {kind} {name!r} is {weight}; give a number of 0 or more.")
    return {name: float(given.get(name, 1.0)) for name in known}


def _sections(groups: Mapping[str, str] | None, tasks: Sequence[str]) -> tuple[str, ...]:
    """The group of each task in the order given, or none at all."""
    if groups is None:
        return ()
    _known("groups", groups, tasks, "task")
    for task in tasks:
        if task not in groups:
            raise OptionError(f"Task {task!r} has no group, but others do; give it one.")
    return tuple(str(groups[task]) for task in tasks)
