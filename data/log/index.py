"""What the writer of the log remembers of its database: numbers of lineups and ballots, and recent battles.

A record is checked against its battle here, so that few of them need a look into the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from agon.data.files.covariates import MEASURES, counted_in
from agon.data.log.personal.consents import LAST_ASKED
from agon.data.log.records import TESTING_POLICY, Ballot, BattleRecord, GenerationRecord, Record, battles_of
from agon.data.validation import looks_like, quoted, skeleton
from agon.ranking.errors import VotesError

if TYPE_CHECKING:
    import duckdb

    from agon.data.log.events import News

RECENT = 10_000  # battles remembered
Lineup = tuple[str, ...]
Counts = tuple[int, ...]  # parallel to MEASURES
STATE = f"""
    SELECT replace(battle_id::VARCHAR, '-', ''), b.lineup, b.prompt_id, b.category, b.language,
        v.battle_id IS NOT NULL, s.battle_id IS NOT NULL, v.number, w.battle_id IS NOT NULL,
        e.battle_id IS NOT NULL, (SELECT max(link) FROM shares AS l WHERE l.battle_id = b.battle_id
            AND link NOT IN (SELECT link FROM revocations)),
        CASE WHEN b.policy = '{TESTING_POLICY}' THEN true END
    FROM (SELECT unnest($ids::UUID[]) AS battle_id) JOIN battles b USING (battle_id)
    LEFT JOIN votes v USING (battle_id) LEFT JOIN skips s USING (battle_id)
    LEFT JOIN withdrawals w USING (battle_id) LEFT JOIN erasures e USING (battle_id)"""
REPLACED = """
    SELECT replace(battle_id::VARCHAR, '-', ''), slot, attempt, model FROM replacements
    WHERE battle_id IN (SELECT unnest($ids::UUID[])) ORDER BY attempt"""
COUNTS = ", ".join(counted_in(name, "text") for name in MEASURES)
CAME = "failure IS NULL AND (finish_reason IS DISTINCT FROM 'stopped' OR regexp_matches(text, '\\S'))"
ANSWERED = f"""
    SELECT replace(battle_id::VARCHAR, '-', ''), slot, model, turn, {CAME}, {COUNTS} FROM generations
    WHERE battle_id IN (SELECT unnest($ids::UUID[]))"""
COUNTED = f"SELECT {COUNTS} FROM (SELECT unnest($1::VARCHAR[]) AS text)"


@dataclass
class OpenBattle:
    """What later records of a battle are checked against."""

    models: list[str]
    prompt_id: str | None
    category: str | None
    language: str | None
    voted: bool
    skipped: bool = False
    number: int | None = None
    """Of its vote."""
    withdrawn: bool = False
    erased: bool = False
    link: str | None = None
    """By which it is shown to others now."""
    testing: bool | None = None
    """True if a model in testing was drawn; else None, which costs no byte of a vote's event."""
    attempts: Counter[int] = field(default_factory=Counter)
    answers: dict[tuple[int, str, int], Counts] = field(default_factory=dict)
    """What was counted in the answers to be judged, by slot, model and turn."""
    failed: set[int] = field(default_factory=set)
    """The slots whose model failed, or was stopped before a word; one that takes its place clears it."""

    @property
    def voted_on(self) -> dict[int, str]:
        """The models that a vote is about, by slot: of more than two, those whose answers came."""
        came = {slot: model for slot, model in enumerate(self.models) if slot not in self.failed}
        return came if len(came) > 1 else dict(enumerate(self.models))

    def take(self, slot: int, model: str, turn: int, counts: Counts | None) -> None:
        """Remember an answer by what was counted in it, or by None that it failed."""
        if counts is not None:
            self.answers[slot, model, turn] = counts
        elif model == self.models[slot]:
            self.failed.add(slot)

    def features(self, last_turn: int) -> tuple[list[int | None] | None, ...]:
        """What a vote is stored with: for each of MEASURES the sums of the sides over the turns shown.

        None stands for a side without an answer, or for all of them.
        """
        sums: list[Counts | None] = []
        for slot, model in self.voted_on.items():
            turns = [
                counts
                for (where, who, turn), counts in self.answers.items()
                if (where, who) == (slot, model) and turn <= last_turn
            ]
            sums.append(tuple(map(sum, zip(*turns, strict=True))) if turns else None)
        if not any(sums):
            return (None,) * len(MEASURES)
        return tuple([None if side is None else side[f] for side in sums] for f in range(len(MEASURES)))


@dataclass
class WriterIndex:
    """What the writer remembers of the database; read anew whenever a transaction fails."""

    lineups: list[Lineup]
    """The models of each number, from 1."""
    ballots: dict[Ballot, int]
    """The number of each ballot."""
    votes: int
    """The number of the last vote."""
    withdrawals: int
    """The number of the last withdrawal."""
    spelled: dict[str, str]
    """What a model's name looks like → how it is spelt."""
    asked: dict[str, str] = field(default_factory=dict)
    """What people are asked to agree to, by language."""
    recent: dict[str, OpenBattle] = field(default_factory=dict)
    """Battles that records came for, the oldest first."""
    numbers: dict[Lineup, int] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = {lineup: number for number, lineup in enumerate(self.lineups, start=1)}

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection) -> WriterIndex:
        """Read it from the database."""
        lineups = connection.execute("SELECT models FROM lineups ORDER BY lineup").fetchall()
        ballots = connection.execute("SELECT places, acceptable, ballot FROM ballots").fetchall()
        last = connection.execute("SELECT coalesce(max(number), 0) FROM votes").fetchone()
        back = connection.execute("SELECT coalesce(max(withdrawal), 0) FROM withdrawals").fetchone()
        taken = connection.execute("SELECT DISTINCT model FROM replacements").fetchall()
        asked = connection.execute(LAST_ASKED).fetchone()
        names = {name for (models,) in lineups for name in models} | {name for (name,) in taken}
        return cls(
            [tuple(models) for (models,) in lineups],
            {(tuple(p), a if a is None else tuple(a)): number for p, a, number in ballots},
            last[0] if last else 0,
            back[0] if back else 0,
            {skeleton(name): name for name in names},
            dict(zip(asked[1], asked[2], strict=True)) if asked else {},
        )

    def follow(self, news: News) -> None:
        """Take over what other processes added to the database."""
        rows = news.rows
        for number, models in rows.get("lineups", ()):
            self.lineups.append(tuple(models))
            self.numbers[tuple(models)] = number
            self.spelled |= {skeleton(name): name for name in models}
        for number, places, acceptable in rows.get("ballots", ()):
            self.ballots[tuple(places), acceptable if acceptable is None else tuple(acceptable)] = number
        self.spelled |= {skeleton(row[3]): row[3] for row in rows.get("replacements", ())}
        self.votes = max([self.votes, *(row[0] for row in rows.get("votes", ()))])
        self.withdrawals = max([self.withdrawals, *(row[0] for row in rows.get("withdrawals", ()))])
        for _, languages, texts in rows.get("consent_texts", ())[-1:]:
            self.asked = dict(zip(languages, texts, strict=True))
        for battle in news.battles:
            self.recent.pop(battle, None)

    def check(self, names: Iterable[str]) -> dict[str, str]:
        """Refuse a name that looks like another one, as every reader of the votes would.

        Returns:
            What the names look like → the names.
        """
        found: dict[str, str] = {}
        for name in names:
            known = self.spelled.get(skeleton(name)) or found.setdefault(skeleton(name), name)
            if name != name.strip() or not skeleton(name):
                raise VotesError(f"The model name {quoted(name)} has spaces around it, or nothing to see.")
            if known != name:
                raise VotesError(
                    f"The model name {quoted(name)} {looks_like(name, known)}; "
                    "spell one model one way, or rename the other."
                )
        return found

    def remember(self, connection: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> None:
        """Read the battles that records belong to, unless they are remembered."""
        drawn = {record.battle_id for record in records if isinstance(record, BattleRecord)}
        named = {battle for record in records for battle in battles_of(record)}
        ids = {"ids": list(named - drawn - self.recent.keys())}
        if not ids["ids"]:
            return
        for battle, lineup, *rest in connection.execute(STATE, ids).fetchall():
            self.recent[battle] = OpenBattle(list(self.lineups[lineup - 1]), *rest)
        for battle, slot, attempt, model in connection.execute(REPLACED, ids).fetchall():
            self.recent[battle].models[slot] = model
            self.recent[battle].attempts[slot] = attempt
        for battle, slot, model, turn, came, *counts in connection.execute(ANSWERED, ids).fetchall():
            self.recent[battle].take(slot, model, turn, tuple(counts) if came else None)

    def forget(self) -> None:
        """Let the oldest battles go."""
        for battle in list(islice(self.recent, max(0, len(self.recent) - RECENT))):
            del self.recent[battle]


def count_features(connection: duckdb.DuckDBPyConnection, records: Sequence[Record]) -> list[Counts]:
    """Count what can be controlled for in each answer among the records; nothing in other records.

    The database counts, as for older votes: in time linear in the text, whatever a model wrote.
    """
    texts = {
        i: as_utf8(record.text) for i, record in enumerate(records) if isinstance(record, GenerationRecord)
    }
    found: list[Counts] = [()] * len(records)
    if texts:
        rows = connection.execute(COUNTED, [list(texts.values())]).fetchall()
        for i, counts in zip(texts, rows, strict=True):
            found[i] = counts
    return found


def as_utf8(text: str | None) -> str | None:
    """A model's text as UTF-8: half of a surrogate pair, which cannot be stored, becomes a question mark."""
    return text if text is None or text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
