"""What became of the models of a log: when each came, was listed, paused and retired, and who was tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agon.data.files.snapshot_folder import SAME_MODEL, TESTING
from agon.data.log.log_frames import check_log
from agon.data.log.records import NAMED_POLICY, TESTING_POLICY, ModelStatus
from agon.data.log.text_parts import LOG_TABLES, part_files
from agon.data.read_errors import sentence
from agon.ranking import Comparisons
from agon.ranking.errors import SourceError
from agon.ranking.text import Readable

OPEN_HOURS = 6  # that an arena waits for the vote of a battle
Life = Literal["preliminary", "listed", "paused", "retired"]
LifeChange = Literal["testing", "listed", "paused", "resumed", "retired", "listed again"]


@dataclass(frozen=True, repr=False)
class ModelHistory(Readable):
    """What became of one model.

    Attributes:
        model: the name.
        status: what it is now, as the organiser said last.
        came: when it was drawn first; None if it never was.
        listed: since when votes on it count; None of one that was in testing alone.
        last: when it was drawn last.
        battles: for which it was drawn as a listed model.
        tests: for which it was drawn in testing.
    """

    model: str
    status: ModelStatus
    came: datetime | None
    listed: datetime | None
    last: datetime | None
    battles: int
    tests: int

    def conclusion(self) -> str:
        """Say it in one phrase."""
        seen = "never drawn" if self.last is None else f"last drawn {self.last:%Y-%m-%d}"
        tests = f", {self.tests:,} in testing" if self.tests else ""
        return f"{self.model}: {self.status}, {self.battles:,} battles{tests}, {seen}"


@dataclass(frozen=True, repr=False)
class RosterChange(Readable):
    """One thing that happened to a model, and when."""

    when: datetime
    model: str
    change: LifeChange

    def conclusion(self) -> str:
        """Say it in one phrase."""
        return f"{self.model}: {self.change}, {self.when:%Y-%m-%d}"


@dataclass(frozen=True, repr=False)
class RosterHistory(Readable):
    """What became of all models of a log.

    Attributes:
        models: that were drawn, or that the organiser named, by name.
        changes: what happened to them, the first first.
        battles: that are over, which were looked at.
        same_model: of these, those that showed one model twice.
        testing: of these, those with a model in testing.
    """

    models: tuple[ModelHistory, ...] = ()
    changes: tuple[RosterChange, ...] = ()
    battles: int = 0
    same_model: int = 0
    testing: int = 0
    unlisted: frozenset[str] = field(default_factory=frozenset)
    """The models in testing, and those that were taken out of it without having been listed."""

    def conclusion(self) -> str:
        """Say in one sentence how many are what, and how many were tested and never listed."""
        count = Counter(one.status for one in self.models)
        said = ", ".join(f"{count[s]} {s}" for s in ("listed", "paused", "testing", "retired") if count[s])
        number = len(self.models)
        return (
            f"{number} model{'' if number == 1 else 's'}: {said or 'none'}; {self.never_listed} "
            "taken out of testing without having been listed."
        )

    @property
    def never_listed(self) -> int:
        """How many models were tested, are tested no more, and were never listed."""
        return sum(one.model in self.unlisted and one.status == "retired" for one in self.models)

    @property
    def in_testing(self) -> int:
        """How many models are in testing now."""
        return sum(one.status == "testing" for one in self.models)

    def lives(self, votes: Mapping[str, int], preliminary: int = 0) -> dict[str, Life]:
        """The state of each model that was listed, as the pages of an arena say it.

        Args:
            votes: model → all its votes that count; of a board of all votes, for example.
            preliminary: votes below which a listed model is preliminary, as `[board] preliminary` is.

        Returns:
            Model → "preliminary", "listed", "paused" (with however few votes) or "retired".
        """
        found: dict[str, Life] = {}
        for one in self.models:
            if one.status in ("paused", "retired"):
                found[one.model] = one.status
            elif one.status != "testing":
                found[one.model] = "preliminary" if votes.get(one.model, 0) < preliminary else "listed"
        return {model: life for model, life in found.items() if model not in self.unlisted}

    def public(self) -> RosterHistory:
        """The same without what names a model that was never listed; the numbers stay."""
        changes = tuple(one for one in self.changes if one.model not in self.unlisted)
        return RosterHistory(self.models, changes, self.battles, self.same_model, self.testing, self.unlisted)

    def to_dict(self, *, names: bool = True) -> dict[str, Any]:
        """As JSON has it; without `names` nothing of models that were never listed but their number."""
        shown = self if names else self.public()
        kept = [one for one in shown.models if names or one.model not in self.unlisted]
        return {
            "conclusion": self.conclusion(),
            "in_testing": self.in_testing,
            "tested_and_never_listed": self.never_listed,
            "battles": self.battles,
            "same_model": self.same_model,
            "testing": self.testing,
            "models": [
                {name: v.isoformat() if isinstance(v, datetime) else v for name, v in asdict(one).items()}
                for one in kept
            ],
            "changes": [
                {"when": one.when.isoformat(), "model": one.model, "change": one.change}
                for one in shown.changes
            ],
        }


def roster_history(folder: str | Path) -> RosterHistory:
    """Read what became of the models of a log; an arena may have it open.

    Battles that wait for a vote are not looked at: who counted draws would learn who answers in them.

    Args:
        folder: the log folder.

    Raises:
        SourceError: it cannot be read, or is no log.
    """
    return read_published_history(check_log(Path(folder)))


def read_published_history(folder: Path) -> RosterHistory:
    """The same from what a log has published, which is what other processes see of one that is open.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        battles = settled_battles(folder)
        rows = _read(folder, "roster", ["model", "status", "created"])
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{folder} cannot be read: {sentence(error)}") from None
    return _history(battles, rows)


def settled_battles(folder: Path) -> pa.Table:
    """The battles drawn by lot that have their vote, or are too old for one: models, chance, policy, time.

    Args:
        folder: the log folder.
    """
    table = _read(folder, "battles", ["battle_id", "created", "models", "group_probability", "policy"])
    table = table.filter(pc.not_equal(table["policy"], NAMED_POLICY))  # chosen by voters, drawn by nobody
    left_alone = datetime.now(UTC) - timedelta(hours=OPEN_HOURS)
    fresh = pc.greater(table["created"], pa.scalar(left_alone, pa.timestamp("us", "UTC")))
    if pc.any(fresh).as_py():
        files = (folder / place / "arena.parquet" for place in ("votes", SAME_MODEL, TESTING))
        voted = [
            _read(folder, "withdrawals", ["battle_id"]),
            *(pq.ParquetFile(path).read(columns=["battle_id"]) for path in files if path.exists()),
        ]
        ids = [chunk.cast(pa.string()) for one in voted for chunk in one["battle_id"].chunks]
        known = pa.concat_arrays(ids) if ids else pa.array([], pa.string())
        table = table.filter(pc.or_(pc.invert(fresh), pc.is_in(table["battle_id"], value_set=known)))
    return table.drop_columns(["battle_id"])


def _read(folder: Path, name: str, columns: list[str]) -> pa.Table:
    """Some columns of a table of the log."""
    schema = pa.schema([LOG_TABLES[name].field(column) for column in columns])
    parts = [
        pq.ParquetFile(path).read(columns=columns).select(columns).cast(schema)
        for path in part_files(folder, name)
    ]
    return pa.concat_tables([schema.empty_table(), *parts])


def _history(battles: pa.Table, rows: pa.Table) -> RosterHistory:
    said: dict[str, list[tuple[ModelStatus, datetime]]] = {}
    for row in rows.to_pylist():
        said.setdefault(row["model"], []).append((row["status"], row["created"]))
    first: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    plain: dict[str, datetime] = {}
    drawn: Counter[str] = Counter()
    tests: list[tuple[tuple[str, ...], datetime]] = []
    same_model = 0
    for models, policy, when in zip(
        battles["models"].to_pylist(),
        battles["policy"].to_pylist(),
        battles["created"].to_pylist(),
        strict=True,
    ):
        same_model += len(set(models)) < len(models)
        for model in set(models):
            first[model] = min(when, first.get(model, when))
            last[model] = max(when, last.get(model, when))
            if policy != TESTING_POLICY:
                drawn[model] += 1
                plain[model] = min(when, plain.get(model, when))
        if policy == TESTING_POLICY:
            tests.append((tuple(models), when))
    names = sorted({*said, *first})
    listed: dict[str, datetime] = {}
    for name in names:
        moments = [when for status, when in said.get(name, ()) if status in ("listed", "paused")]
        if moments or name in plain:
            listed[name] = min([*moments[:1], *([plain[name]] if name in plain else [])])
    tested = Counter(
        name for models, when in tests for name in models if name not in listed or when < listed[name]
    )
    drawn.update(name for models, when in tests for name in models if name in listed and when >= listed[name])
    gone: ModelStatus = "retired" if said else "listed"  # older versions did not write who is there
    models = tuple(
        ModelHistory(
            name,
            said[name][-1][0] if name in said else gone,
            first.get(name),
            listed.get(name),
            last.get(name),
            drawn[name],
            tested[name],
        )
        for name in names
    )
    changes = [
        change for name in names for change in _changes(name, said.get(name, []), listed.get(name), last)
    ]
    return RosterHistory(
        models,
        tuple(sorted(changes, key=lambda one: (one.when, one.model))),
        battles.num_rows,
        same_model,
        len(tests),
        frozenset(name for name in names if name not in listed),
    )


def _changes(
    name: str, said: list[tuple[ModelStatus, datetime]], listed: datetime | None, last: dict[str, datetime]
) -> Iterator[RosterChange]:
    """What happened to one model."""
    if listed is not None and not any(when <= listed for status, when in said if status != "testing"):
        yield RosterChange(listed, name, "listed")  # by an older version, which did not write it
        if not said and name in last:
            return
    before: ModelStatus | None = (
        "listed" if listed is not None and (not said or said[0][1] > listed) else None
    )
    for status, when in said:
        if status == before:
            continue
        change: LifeChange = status
        if status == "listed" and before in ("paused", "retired"):
            change = "resumed" if before == "paused" else "listed again"
        yield RosterChange(when, name, change)
        before = status


def votes_by_model(votes: Comparisons) -> dict[str, int]:
    """In how many votes each model stood."""
    ballots = votes.ballots
    known = ballots.shown >= 0
    weights = np.broadcast_to(ballots.count[:, None], ballots.shown.shape)[known]
    number = np.bincount(ballots.shown[known], weights, len(votes.models))
    return dict(zip(votes.models, (round(one) for one in number.tolist()), strict=True))
