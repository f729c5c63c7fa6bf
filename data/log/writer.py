"""The one thread that writes to the log: records that wait together are committed together.

A record is answered when its event is on the disk and acknowledged by the head, and the database has its
rows. What is refused is refused alone: mostly by looking at the battle it belongs to, and where the database
itself objects, by committing the others without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

import duckdb

from agon.data.files.covariates import MEASURES
from agon.data.log.events import EventLog, EventRows, News, set_position
from agon.data.log.index import Counts, Lineup, OpenBattle, WriterIndex, as_utf8, count_features
from agon.data.log.records import (
    TESTING_POLICY,
    AlreadyVoted,
    AttentionRecord,
    Ballot,
    BattleRecord,
    Conflict,
    ConsentRecord,
    ConsentTextsRecord,
    ErasureRecord,
    GenerationRecord,
    LogError,
    Receipt,
    Record,
    RemarksRecord,
    ReplacementRecord,
    RevocationRecord,
    RosterRecord,
    ShareRecord,
    SkipRecord,
    TurnRecord,
    UnknownBattle,
    VoteRecord,
    WithdrawalRecord,
    battles_of,
    shows_same,
)
from agon.data.read_errors import sentence
from agon.data.validation import quoted
from agon.ranking.errors import AgonError, VotesError

MOST = 1000  # records in one transaction
# What a value is answered with that no column takes.
WRONG = (
    ValueError,
    TypeError,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.NotImplementedException,
)
# What people do with what is theirs, and what they are asked for.
Wished = (
    WithdrawalRecord | ErasureRecord | ShareRecord | RevocationRecord | ConsentTextsRecord | ConsentRecord
)
Waiting = tuple[Record, "Future[Receipt]"]
# What takes the writer's connection and gives it another one, or the same.
Exchange = Callable[[duckdb.DuckDBPyConnection], duckdb.DuckDBPyConnection]
INSERT = {  # in the order in which rows refer to each other; one column of values for each parameter
    "lineups": "INSERT INTO lineups SELECT unnest($1::INTEGER[]), unnest($2::VARCHAR[][])",
    "ballots": "INSERT INTO ballots SELECT unnest($1::INTEGER[]), unnest($2::UTINYINT[][]), "
    "unnest($3::BOOLEAN[][])",
    "battles": "INSERT INTO battles SELECT unnest($1::UUID[]), unnest($2::TIMESTAMP[]), "
    "unnest($3::INTEGER[]), unnest($4::VARCHAR[]), unnest($5::VARCHAR[]), unnest($6::VARCHAR[]), "
    "unnest($7::VARCHAR[]), unnest($8::INTEGER[]), unnest($9::DOUBLE[]), unnest($10::DOUBLE[][]), "
    "unnest($11::HUGEINT[]), unnest($12::VARCHAR[])",
    "turns": "INSERT INTO turns SELECT unnest($1::UUID[]), unnest($2::USMALLINT[]), "
    "unnest($3::TIMESTAMP[]), unnest($4::VARCHAR[]), unnest($5::VARCHAR[][]), unnest($6::VARCHAR[][])",
    "replacements": "INSERT INTO replacements SELECT unnest($1::UUID[]), unnest($2::UTINYINT[]), "
    "unnest($3::UTINYINT[]), unnest($4::VARCHAR[]), unnest($5::DOUBLE[]), unnest($6::TIMESTAMP[])",
    "generations": "INSERT INTO generations SELECT unnest($1::UUID[]), unnest($2::USMALLINT[]), "
    "unnest($3::UTINYINT[]), unnest($4::VARCHAR[]), unnest($5::TIMESTAMP[]), unnest($6::VARCHAR[]), "
    "unnest($7::UINTEGER[]), unnest($8::DOUBLE[]), unnest($9::DOUBLE[]), unnest($10::DOUBLE[]), "
    "unnest($11::VARCHAR[]), unnest($12::VARCHAR[]), unnest($13::VARCHAR[]), unnest($14::VARCHAR[]), "
    "unnest($15::UINTEGER[]), unnest($16::VARCHAR[][]), unnest($17::DOUBLE[])",
    "votes": "INSERT INTO votes SELECT unnest($1::BIGINT[]), unnest($2::UUID[]), unnest($3::INTEGER[]), "
    "unnest($4::INTEGER[]), unnest($5::VARCHAR[]), unnest($6::VARCHAR[]), unnest($7::VARCHAR[]), "
    "unnest($8::USMALLINT[]), unnest($9::VARCHAR[]), unnest($10::VARCHAR[][]), unnest($11::TIMESTAMP[]), "
    + "".join(f"unnest(${12 + f}::UINTEGER[][]), " for f in range(len(MEASURES)))
    + f"unnest(${12 + len(MEASURES)}::BOOLEAN[]), unnest(${13 + len(MEASURES)}::UTINYINT[][]), "
    f"unnest(${14 + len(MEASURES)}::VARCHAR[]), unnest(${15 + len(MEASURES)}::BOOLEAN[]), "
    f"unnest(${16 + len(MEASURES)}::BOOLEAN[]), unnest(${17 + len(MEASURES)}::VARCHAR[])",
    "assignments": "INSERT INTO assignments SELECT unnest($1::UUID[]), unnest($2::VARCHAR[]), "
    "unnest($3::USMALLINT[]), unnest($4::UINTEGER[]), unnest($5::USMALLINT[])",
    "criterion_votes": "INSERT INTO criterion_votes SELECT unnest($1::UUID[]), unnest($2::VARCHAR[]), "
    "unnest($3::INTEGER[])",
    "skips": "INSERT INTO skips SELECT unnest($1::UUID[]), unnest($2::VARCHAR[]), unnest($3::TIMESTAMP[])",
    "attention_checks": "INSERT INTO attention_checks SELECT unnest($1::VARCHAR[]), unnest($2::USMALLINT[]), "
    "unnest($3::USMALLINT[]), unnest($4::VARCHAR[]), unnest($5::TIMESTAMP[]), unnest($6::VARCHAR[]), "
    "unnest($7::VARCHAR[][]), unnest($8::UTINYINT[]), unnest($9::UTINYINT[][]), unnest($10::BOOLEAN[])",
    "withdrawals": "INSERT INTO withdrawals SELECT unnest($1::BIGINT[]), unnest($2::BIGINT[]), "
    "unnest($3::UUID[]), unnest($4::VARCHAR[]), unnest($5::TIMESTAMP[])",
    "erasures": "INSERT INTO erasures SELECT unnest($1::UUID[]), unnest($2::VARCHAR[]), "
    "unnest($3::TIMESTAMP[])",
    "shares": "INSERT INTO shares SELECT unnest($1::VARCHAR[]), unnest($2::UUID[]), unnest($3::TIMESTAMP[])",
    "revocations": "INSERT INTO revocations SELECT unnest($1::VARCHAR[]), unnest($2::UUID[]), "
    "unnest($3::TIMESTAMP[])",
    "remarks": "INSERT INTO remarks SELECT unnest($1::UUID[]), unnest($2::VARCHAR[][]), "
    "unnest($3::VARCHAR[]), unnest($4::TIMESTAMP[])",
    "roster": "INSERT INTO roster SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), "
    "unnest($3::TIMESTAMP[])",
    "consent_texts": "INSERT INTO consent_texts SELECT unnest($1::TIMESTAMP[]), unnest($2::VARCHAR[][]), "
    "unnest($3::VARCHAR[][])",
    "consents": "INSERT INTO consents SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), "
    "unnest($3::VARCHAR[]), unnest($4::BOOLEAN[]), unnest($5::TIMESTAMP[])",
}

# The same of one row, which is most of them: half as much to plan.
INSERT_ONE = {
    table: f"INSERT INTO {table} VALUES ({', '.join('?' * sql.count('$'))})" for table, sql in INSERT.items()
}


class Writer:
    """The thread, its queue and its connection; nobody else writes through this connection.

    Args:
        connection: to the database.
        events: of the log.
        reopen: opens both anew.
        heard: is told what other processes wrote, where several share the log.
        every: seconds between two looks at what they wrote, while nothing is to be written here.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        events: EventLog,
        reopen: Callable[[], tuple[duckdb.DuckDBPyConnection, EventLog]],
        *,
        heard: Callable[[News], None] | None = None,
        every: float | None = None,
    ) -> None:
        self._connection = connection
        self._events = events
        self._reopen = reopen
        self._heard, self._every = heard, every  # of other processes, and how often they are listened to
        self._lost = False  # whether the log wants to be opened anew
        self._index = WriterIndex.read(connection)
        self._stale = False  # whether the index holds what was never committed
        self._queue: SimpleQueue[Waiting | tuple[Exchange, Future[None]] | None] = SimpleQueue()
        self._open = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="vote log", daemon=True)
        self._thread.start()

    def put(self, record: Record) -> Future[Receipt]:
        """Hand a record over; the future is answered after the commit, and cannot be cancelled.

        Raises:
            LogError: the log is closed.
        """
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()
        with self._open:
            if self._closed:
                raise LogError("The vote log is closed; nothing can be written to it any more.")
            self._queue.put((record, future))
        return future

    def exchange(self, work: Exchange) -> Future[None]:
        """Let the thread do something between two transactions that gives it another connection.

        Raises:
            LogError: the log is closed.
        """
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        with self._open:
            if self._closed:
                raise LogError("The vote log is closed; nothing can be written to it any more.")
            self._queue.put((work, future))
        return future

    def follow(self) -> Future[None]:
        """Let the thread take over what other processes wrote, behind what was handed over."""

        def look(_: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
            self.look()
            return self._connection

        return self.exchange(look)

    def check_models(self, names: Iterable[str]) -> None:
        """Refuse names that the log could not keep beside those it knows."""
        self._index.check(names)

    def close(self) -> None:
        """Write what was handed over, then end."""
        with self._open:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            try:
                waiting = [self._queue.get(timeout=self._every)]
            except Empty:
                self.look()
                continue
            with suppress(Empty):
                while len(waiting) < MOST:
                    waiting.append(self._queue.get_nowait())
            ended = waiting[-1] is None
            records: list[Waiting] = []
            for item in waiting:
                if item is not None and callable(item[0]):
                    self._write(records)
                    records = []
                    self._take_over(*item)
                elif item is not None:
                    records.append(item)
            self._write(records)

    def look(self) -> None:
        """Take over what other processes wrote, in this thread; what cannot be had now comes later."""
        try:
            if self._lost:
                (self._connection, self._events), self._lost = self._reopen(), False
            if self._stale:
                self._index, self._stale = WriterIndex.read(self._connection), False
            for news in self._events.news():
                self._follow(news)
        except (AgonError, OSError, duckdb.Error):
            self._stale |= self._lost
            with suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")

    def _follow(self, news: News) -> None:
        """Add what other processes wrote to the database."""
        self._lost = True  # the events have it already: else the database gets it from them
        connection = self._connection
        connection.execute("BEGIN")
        _insert(connection, news.rows)
        set_position(connection, news.head)
        connection.execute("COMMIT")
        self._lost = False
        self._index.follow(news)
        if self._heard is not None:
            self._heard(news)

    def _take_over(self, work: Exchange, future: Future[None]) -> None:
        try:
            if self._lost:
                (self._connection, self._events), self._lost = self._reopen(), False
            self._connection = work(self._connection)
        except Exception as error:
            self._lost = True  # whatever is open: the next transaction begins with opening the log anew
            future.set_exception(error)
        else:
            future.set_result(None)

    def _write(self, waiting: Sequence[Waiting]) -> None:
        """Commit records together, or in halves, so that what the database refuses is refused alone."""
        if not waiting:
            return
        try:
            answers = self._commit([record for record, _ in waiting])
        except Exception as error:  # the thread outlives every error; each reaches the one who waits for it
            half = len(waiting) // 2
            if half and not _hopeless(error):
                self._write(waiting[:half])
                self._write(waiting[half:])
                return
            for record, future in waiting:
                future.set_exception(_named(record, error))
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if isinstance(answer, Receipt):
                future.set_result(answer)
            else:
                future.set_exception(answer)

    def _commit(self, records: Sequence[Record]) -> list[Receipt | AgonError]:
        """Write records in one transaction; those that are refused leave nothing."""
        try:
            if self._lost:
                (self._connection, self._events), self._lost = self._reopen(), False
            if self._stale:
                self._index, self._stale = WriterIndex.read(self._connection), False
            with self._events.turn() as news:
                for one in news:
                    self._follow(one)
                return self._commit_next(records)
        except Exception as error:
            self._stale = True
            self._lost |= isinstance(error, duckdb.FatalException) or "invalidated" in str(error)
            with suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _commit_next(self, records: Sequence[Record]) -> list[Receipt | AgonError]:
        """Write records behind everything that is in the log."""
        connection = self._connection
        connection.execute("BEGIN")
        self._index.remember(connection, records)
        draft = Transaction(self._index)
        counts = count_features(connection, records)
        answers = [draft.take(*each) for each in zip(records, counts, strict=True)]
        _insert(connection, draft.rows)
        if draft.events:
            self._keep(draft.events)
        try:
            connection.execute("COMMIT")
            self._lost = False
        except duckdb.Error:
            if not draft.events:
                raise
            self._stale = True  # they hold all the same: the database gets them from the chain
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
        self._index.forget()
        if not draft.events:
            return answers
        added = self._events.chain.added
        return [
            replace(answer, hash=added[place])
            if isinstance(answer, Receipt) and answer.number is not None
            else answer
            for answer, place in zip(answers, draft.places, strict=True)
        ]

    def _keep(self, events: Sequence[EventRows]) -> None:
        """Put events on the disk and acknowledge them: then they hold, whatever the database does."""
        try:
            head = self._events.add(events)
        except Exception:
            try:
                self._events.chain.cut()
            except OSError:
                self._lost = True
            raise
        self._lost = True  # until the database has them too, or has got them from the chain
        set_position(self._connection, head)
        self._events.chain.acknowledge(head)


def _insert(connection: duckdb.DuckDBPyConnection, rows: EventRows) -> None:
    for table, sql in INSERT.items():
        found = rows.get(table, ())
        if len(found) == 1:
            connection.execute(INSERT_ONE[table], found[0])
        elif found:
            connection.execute(sql, [list(column) for column in zip(*found, strict=True)])


class Transaction:
    """The rows of one transaction, made record by record."""

    def __init__(self, index: WriterIndex) -> None:
        self._index = index
        self._event: dict[str, list[tuple[Any, ...]]] = {}
        self.rows: dict[str, list[tuple[Any, ...]]] = {}
        self.events: list[EventRows] = []  # the same rows, record by record
        self.places: list[int] = []  # of each record: which of the events is its own, if it has one

    def take(self, record: Record, counts: Counts) -> Receipt | AgonError:
        """Add a record's rows and answer it, or say why it cannot be; `counts` are those of an answer."""
        answer = self._take(record, counts)
        self.places.append(len(self.events))
        if self._event:
            self.events.append(self._event)
            self._event = {}
        return answer

    def _take(self, record: Record, counts: Counts) -> Receipt | AgonError:
        try:
            if isinstance(record, BattleRecord):
                return self._draw(record)
            if isinstance(record, AttentionRecord | RosterRecord):
                return self._attend(record) if isinstance(record, AttentionRecord) else self._enrol(record)
            if isinstance(record, Wished):
                return self._wish(record)
            battle = self._known(record.battle_id)
            _check_kept(record.battle_id, battle)
            if isinstance(record, VoteRecord):
                return self._vote(record, battle)
            if isinstance(record, ReplacementRecord):
                self._replace(record, battle)
            elif isinstance(record, GenerationRecord):
                self._generate(record, battle, counts)
            elif isinstance(record, SkipRecord):
                self._skip(record, battle)
            elif isinstance(record, RemarksRecord):
                self._remark(record, battle)
            else:
                self._ask(record, record.turn)
        except AgonError as error:
            return error
        return Receipt(record.battle_id)

    def _known(self, battle_id: str) -> OpenBattle:
        battle = self._index.recent.get(battle_id)
        if battle is None:
            raise UnknownBattle(f"There is no battle {battle_id} in the log.")
        return battle

    def _draw(self, record: BattleRecord) -> Receipt:
        if record.battle_id in self._index.recent:
            raise Conflict(f"The battle {record.battle_id} is in the log already.")
        self._index.spelled |= self._index.check(record.models)
        prompt = (record.prompt_id, record.category, record.language)
        row = (record.battle_id, _utc(record.created), self._lineup(record.models), *prompt)
        drawn = (record.policy, int(record.policy_version), float(record.group_probability))
        more = ([float(chance) for chance in record.pair_probabilities], int(record.seed), record.voter)
        self._add("battles", (*row, *drawn, *more))
        self._ask(record, 1)
        if (place := record.assignment) is not None:
            self._add("assignments", (record.battle_id, place.study, place.seat, place.cell, place.attempt))
        testing = record.policy == TESTING_POLICY or None
        opened = OpenBattle(list(record.models), *prompt, voted=False, testing=testing)
        self._index.recent[record.battle_id] = opened
        return Receipt(record.battle_id)

    def _ask(self, record: BattleRecord | TurnRecord, turn: int) -> None:
        asked = (record.battle_id, turn, _utc(record.created), as_utf8(record.prompt))
        alts = [as_utf8(image.alt) for image in record.images]
        self._add("turns", (*asked, [image.sha256 for image in record.images], alts))

    def _generate(self, record: GenerationRecord, battle: OpenBattle, counts: Counts) -> None:
        _check_slot(record.slot, battle)
        place = (record.battle_id, record.turn, record.slot, record.model, _utc(record.created))
        size = (as_utf8(record.text), record.tokens, record.seconds)
        speed = (record.time_to_first_token, record.tokens_per_second)
        end = (record.finish_reason, record.failure, as_utf8(record.detail))
        apart = (
            as_utf8(record.reasoning),
            record.reasoning_tokens,
            list(map(as_utf8, record.masked)),
            record.waited,
        )
        self._add("generations", (*place, *size, *speed, *end, *apart))
        silent = record.finish_reason == "stopped" and not record.text.strip()
        came = None if silent or record.failure is not None else counts
        battle.take(record.slot, record.model, record.turn, came)

    def _replace(self, record: ReplacementRecord, battle: OpenBattle) -> None:
        _check_slot(record.slot, battle)
        if battle.voted:
            raise Conflict(f"The battle {record.battle_id} has its vote; no side can be replaced any more.")
        if record.model in battle.models:
            raise Conflict(f"{quoted(record.model)} is in the battle {record.battle_id} already.")
        self._index.spelled |= self._index.check([record.model])
        battle.models[record.slot] = record.model
        battle.failed.discard(record.slot)
        battle.attempts[record.slot] += 1
        place = (record.battle_id, record.slot, battle.attempts[record.slot])
        self._add("replacements", (*place, record.model, float(record.probability), _utc(record.created)))

    def _vote(self, record: VoteRecord, battle: OpenBattle) -> Receipt:
        if battle.voted:
            raise AlreadyVoted(f"The battle {record.battle_id} has its vote already; a vote is final.")
        voted_on = tuple(battle.voted_on.values())
        if len(record.places) != len(voted_on):
            raise VotesError(
                f"The battle {record.battle_id} shows {len(voted_on)} answers, and the vote has "
                f"{len(record.places)} places; give one each."
            )
        if battle.skipped:
            raise Conflict(f"The battle {record.battle_id} was skipped; it takes no vote any more.")
        battle.voted = True
        self._index.votes += 1
        battle.number = self._index.votes
        what = (self._lineup(voted_on), self._ballot((record.places, record.acceptable)))
        prompt = (battle.prompt_id, battle.category, battle.language)
        who = (record.last_turn, record.voter, list(record.reasons), _utc(record.created))
        features = battle.features(record.last_turn)
        ratings = None if record.ratings is None else list(record.ratings)
        kind = (shows_same(battle.models), battle.testing)
        more = (record.blind, ratings, as_utf8(record.comment), *kind, record.network)
        self._add("votes", (self._index.votes, record.battle_id, *what, *prompt, *who, *features, *more))
        for criterion, ballot in record.criteria.items():
            self._add("criterion_votes", (record.battle_id, criterion, self._ballot(ballot)))
        return Receipt(record.battle_id, self._index.votes)

    def _skip(self, record: SkipRecord, battle: OpenBattle) -> None:
        if battle.voted:
            raise AlreadyVoted(f"The battle {record.battle_id} has its vote already; a vote is final.")
        if battle.skipped:
            raise Conflict(f"The battle {record.battle_id} was skipped already.")
        battle.skipped = True
        self._add("skips", (record.battle_id, as_utf8(record.reason), _utc(record.created)))

    def _remark(self, record: RemarksRecord, battle: OpenBattle) -> None:
        if not battle.voted:
            raise Conflict(
                f"The battle {record.battle_id} has no vote yet, of which something could be said."
            )
        said = (list(map(as_utf8, record.reasons)), as_utf8(record.comment))
        self._add("remarks", (record.battle_id, *said, _utc(record.created)))

    def _attend(self, record: AttentionRecord) -> Receipt:
        where = (record.study, record.seat, record.item, record.voter, _utc(record.created))
        what = (as_utf8(record.prompt), list(map(as_utf8, record.answers)), record.best)
        places = None if record.places is None else list(record.places)
        self._add("attention_checks", (*where, *what, places, record.passed))
        return Receipt(None)

    def _enrol(self, record: RosterRecord) -> Receipt:
        self._index.check(record.statuses)
        for model, status in record.statuses.items():
            self._add("roster", (model, status, _utc(record.created)))
        return Receipt(None)

    def _consent(self, record: ConsentTextsRecord | ConsentRecord) -> None:
        """What people are asked to agree to, if it is not asked already, or what one said to it."""
        if isinstance(record, ConsentRecord):
            said = (record.voter, record.text, record.language, record.given, _utc(record.created))
            self._add("consents", said)
        elif (asked := dict(record.texts)) != self._index.asked:
            self._index.asked = asked
            self._add("consent_texts", (_utc(record.created), list(asked), list(asked.values())))

    def _wish(self, record: Wished) -> Receipt:
        """What people do with what is theirs."""
        if isinstance(record, ConsentTextsRecord | ConsentRecord):
            self._consent(record)
        elif isinstance(record, WithdrawalRecord):
            self._withdraw(record)
        elif isinstance(record, ErasureRecord):
            self._erase(record)
        elif isinstance(record, ShareRecord):
            self._share(record, self._known(record.battle_id))
        else:
            self._revoke(record, self._known(record.battle_id))
        return Receipt(None)

    def _withdraw(self, record: WithdrawalRecord) -> None:
        found = {battle_id: self._known(battle_id) for battle_id in record.battle_ids}
        for battle_id, battle in found.items():  # all before any
            if battle.number is None:
                raise Conflict(f"The battle {battle_id} has no vote that could be withdrawn.")
            if battle.withdrawn:
                raise Conflict(f"The vote of the battle {battle_id} was withdrawn already.")
        for battle_id, battle in found.items():
            self._take_back(battle_id, battle, record)

    def _take_back(
        self, battle_id: str, battle: OpenBattle, record: WithdrawalRecord | ErasureRecord
    ) -> None:
        battle.withdrawn = True
        self._index.withdrawals += 1
        numbers = (self._index.withdrawals, battle.number)
        self._add("withdrawals", (*numbers, battle_id, record.reason, _utc(record.created)))

    def _erase(self, record: ErasureRecord) -> None:
        found = {battle_id: self._known(battle_id) for battle_id in record.battle_ids}
        for battle_id, battle in found.items():
            if battle.link is not None:
                self._unlink(battle_id, battle, record.created)
            if record.withdraw and battle.number is not None and not battle.withdrawn:
                self._take_back(battle_id, battle, record)
            if not battle.erased:
                battle.erased = True
                self._add("erasures", (battle_id, record.reason, _utc(record.created)))

    def _share(self, record: ShareRecord, battle: OpenBattle) -> None:
        _check_kept(record.battle_id, battle)
        if not battle.voted:
            raise Conflict(f"The battle {record.battle_id} has no vote yet, and is shown to nobody before.")
        if battle.link is not None:
            raise Conflict(f"The battle {record.battle_id} is shown by a link already.")
        battle.link = record.link
        self._add("shares", (record.link, record.battle_id, _utc(record.created)))

    def _revoke(self, record: RevocationRecord, battle: OpenBattle) -> None:
        if battle.link is None:
            raise Conflict(f"The battle {record.battle_id} is shown by no link.")
        self._unlink(record.battle_id, battle, record.created)

    def _unlink(self, battle_id: str, battle: OpenBattle, moment: datetime) -> None:
        self._add("revocations", (battle.link, battle_id, _utc(moment)))
        battle.link = None

    def _lineup(self, models: Lineup) -> int:
        number = self._index.numbers.get(models)
        if number is None:
            self._index.lineups.append(models)
            number = self._index.numbers[models] = len(self._index.lineups)
            self._add("lineups", (number, list(models)))
        return number

    def _ballot(self, ballot: Ballot) -> int:
        places = tuple(None if place is None else int(place) for place in ballot[0])
        acceptable = None if ballot[1] is None else tuple(map(bool, ballot[1]))
        number = self._index.ballots.get((places, acceptable))
        if number is None:
            number = self._index.ballots[places, acceptable] = len(self._index.ballots) + 1
            self._add("ballots", (number, list(places), None if acceptable is None else list(acceptable)))
        return number

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        self.rows.setdefault(table, []).append(row)
        self._event.setdefault(table, []).append(row)


def _check_kept(battle_id: str, battle: OpenBattle) -> None:
    if battle.erased:
        raise Conflict(f"The battle {battle_id} was erased; nothing is added to it any more.")


def _check_slot(slot: int, battle: OpenBattle) -> None:
    if slot >= len(battle.models):
        raise VotesError(f"There is no slot {slot} in a battle of {len(battle.models)}; slots count from 0.")


def _utc(moment: datetime) -> datetime:
    """The time in UTC and without its zone, as the database keeps it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _hopeless(error: Exception) -> bool:
    """Whether the disk or the database failed, so that each record alone would fail too."""
    return isinstance(
        error, OSError | MemoryError | LogError | duckdb.IOException | duckdb.FatalException
    ) or (isinstance(error, duckdb.TransactionException) and "Failed to commit" in str(error))


def _named(record: Record, error: Exception) -> AgonError:
    """What the one who waits for a record is told."""
    what = type(record).__name__.removesuffix("Record").lower()
    whose = f"study {record.study!r}" if isinstance(record, AttentionRecord) else ""
    if isinstance(record, RosterRecord):
        whose = "models"
    elif isinstance(record, ConsentTextsRecord | ConsentRecord):
        whose = "log"
    whose = whose or f"battle {' '.join(battles_of(record)[:3])}"
    if isinstance(error, AgonError):
        return error
    if isinstance(error, duckdb.ConstraintException):
        named: AgonError = Conflict(f"The {whose} has this {what} already.")
    elif isinstance(error, WRONG):
        named = VotesError(f"The {what} of the {whose} cannot be kept: {sentence(error)}")
    else:
        named = LogError(f"The {what} was not written, and may be sent again: {sentence(error)}")
    named.__cause__ = error
    return named
