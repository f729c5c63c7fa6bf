"""`VoteLog`: the battles, answers and votes of an arena, kept in one DuckDB file of the log folder.

Here the log is read and given away as snapshots; opening it is in database.py, writing in writer.py,
counting in source.py. Nobody outside these sees their SQL. Where several processes share a log, the folder is
the copy of this one: data/log/shared_store/.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from agon.data.files.covariates import MEASURES
from agon.data.files.schema import period_name
from agon.data.files.snapshot_folder import CRITERIA, SAME_MODEL, TESTING, WITHDRAWN
from agon.data.files.writer import whole_file, write_table
from agon.data.log.battle_records import read_battle, read_vote
from agon.data.log.database import DATABASE, is_closed, lock, synchronize
from agon.data.log.events import EVENTS, EventLog, News, acknowledged_votes
from agon.data.log.hash_chain import Head
from agon.data.log.image_files import CleanImage, image_path, keep_image
from agon.data.log.index import RECENT, as_utf8
from agon.data.log.operation.invitation_journal import InvitationJournal
from agon.data.log.operation.log_figures import LogFigures, read_figures
from agon.data.log.operation.vote_heads import find_vote_head, mark_head
from agon.data.log.personal.consents import (
    ConsentTexts,
    SaidConsent,
    read_asked,
    read_every_text,
    read_said,
)
from agon.data.log.personal.day_key import forget_day_key, key_of_day
from agon.data.log.personal.erasing import (
    ERASED,
    blank_texts,
    images_alone,
    is_marked,
    mark,
    parts_with_erased,
    remove_copies,
    remove_images,
    unmark,
)
from agon.data.log.personal.exported import personal_data
from agon.data.log.personal.history import (
    PastBattle,
    Remarks,
    VoterTotals,
    count_battles,
    find_battle,
    list_battles,
    read_remarks,
    vote_hashes,
)
from agon.data.log.personal.reader_gate import ReaderGate
from agon.data.log.records import (
    NAMED_POLICY,
    TESTING_POLICY,
    ErasureRecord,
    LogError,
    LogInUse,
    ModelStatus,
    Receipt,
    Record,
    VoteRecord,
    Wish,
)
from agon.data.log.recovery.opening import COMPACTED, OpenLog, compacted, follow, open_whole, reconnect
from agon.data.log.shared_store.shared_journal import invitations_of
from agon.data.log.shared_store.shared_record import (
    ClientUse,
    SharedRecord,
    open_copy,
    remove_idle_copies,
)
from agon.data.log.source import COUNTED_VOTES, STANDING, VOTE_LABELS, LogSource, VoteLabels
from agon.data.log.text_parts import publish
from agon.data.log.writer import Writer
from agon.data.read_errors import sentence
from agon.ranking import Comparisons, SourceError
from agon.ranking.errors import AgonError
from agon.ranking.votes.vote_source import LogHead

if TYPE_CHECKING:
    import pyarrow as pa

NO_CHOICE: Mapping[str, str] = MappingProxyType({})
# Medians of answers that came whole.
MEASURED = ("first_token", "seconds", "tokens", "tokens_per_second", "length")
# Answers of battles that are over: voted on, void (fewer than two sides are left, because nobody took the
# place of those that failed), or left alone.
_ENDINGS = """
    SELECT model, failure, count(*)
    FROM generations AS g JOIN battles AS b USING (battle_id)
    WHERE b.created < ?::TIMESTAMP OR battle_id IN (SELECT battle_id FROM votes) OR battle_id IN (
        SELECT f.battle_id FROM (
            SELECT battle_id, slot, count(*) AS failures
            FROM generations WHERE failure NOT NULL GROUP BY ALL) AS f
        LEFT JOIN (SELECT battle_id, slot, max(attempt) AS attempts FROM replacements GROUP BY ALL) AS r
            USING (battle_id, slot)
        JOIN battles AS d USING (battle_id) JOIN lineups USING (lineup)
        WHERE f.failures > coalesce(r.attempts, 0)
        GROUP BY f.battle_id, models HAVING len(models) - count(*) < 2)
    GROUP BY ALL ORDER BY ALL"""
# Battles after which a voter was told names: those voted on, and those whose models were chosen by name.
_NAMES_TOLD_IN = """
    SELECT battle_id, false FROM votes WHERE voter = $1
    UNION ALL SELECT battle_id, true FROM battles WHERE voter = $1 AND policy = $2"""
# By the battle alone, and no other condition: so rows are found by their index.
_PROMPTS_OF = "SELECT battle_id, turn, prompt FROM turns WHERE battle_id IN (SELECT unnest($1::UUID[]))"
_FIRST_ANSWERS = """
    SELECT model, text FROM generations
    WHERE battle_id IN (SELECT unnest($1::UUID[])) AND turn = 1 AND failure IS NULL"""
_DRAWN_IN = """
    SELECT battle_id, models FROM battles JOIN lineups USING (lineup)
    WHERE battle_id IN (SELECT unnest($1::UUID[]))"""
# The models of which a person was told that they wrote an answer to a prompt.
_TOLD = """
    SELECT prompt, models
    FROM votes AS v JOIN turns USING (battle_id) JOIN lineups AS s ON s.lineup = v.lineup
    WHERE v.voter = $1 AND turn = 1
    UNION ALL
    SELECT prompt, models FROM battles AS b JOIN turns USING (battle_id) JOIN lineups USING (lineup)
    WHERE b.voter = $1 AND b.policy = $2"""
PLAIN = """
    SELECT bool_and(len(places) = 2 AND places[1] NOT NULL AND places[2] NOT NULL
        AND (acceptable IS NULL OR (places = [1, 1] AND acceptable = [false, false])))
        AND (SELECT max(len(models)) = 2 FROM lineups)
    FROM ballots"""
AMOUNTS = ", ".join(
    f"v.{name}[{i}] AS {name}_{side}" for name in MEASURES for i, side in ((1, "a"), (2, "b"))
)
_PAIRWISE = f"""
    SELECT {AMOUNTS},
    s.models[1] AS model_a, s.models[2] AS model_b, CASE WHEN places[1] < places[2] THEN 'model_a' WHEN
    places[1] > places[2] THEN 'model_b' WHEN acceptable IS NULL THEN 'tie' ELSE 'both_bad' END AS winner"""
_KWISE = f"SELECT {', '.join(MEASURES)}, s.models, places, acceptable"
MORE = """, v.voter, epoch(v.created) AS timestamp, v.category, v.language,
    replace(v.battle_id::VARCHAR, '-', '') AS battle_id, v.prompt_id, v.last_turn::INTEGER AS turns,
    v.reasons, b.policy, b.policy_version, b.group_probability, b.pair_probabilities,
    v.lineup <> b.lineup AND NOT list_has_all(d.models, s.models) AS replaced,
    len(d.models) - len(s.models) AS failed, v.blind, a.study, a.seat, a.cell, v.ratings, v.comment,
    v.network, 'arena' AS source, v.number AS source_row"""
_LISTED = "v.same_model IS NOT TRUE AND v.testing IS NOT TRUE"
_ALL = """
    FROM votes v JOIN battles b USING (battle_id) JOIN ballots USING (ballot)
    JOIN lineups s ON s.lineup = v.lineup JOIN lineups d ON d.lineup = b.lineup
    LEFT JOIN assignments a USING (battle_id)
    WHERE v.number <= $upto AND {} AND v.number NOT IN (
        SELECT number FROM withdrawals WHERE withdrawal <= $withdrawn) ORDER BY v.number"""
# What withdrawn votes said that would count; no texts.
_TAKEN_BACK = f"""
    SELECT models, places, acceptable, v.voter, v.blind
    FROM votes v JOIN ballots USING (ballot) JOIN lineups s ON s.lineup = v.lineup
    JOIN withdrawals w USING (number)
    WHERE v.number <= $upto AND w.withdrawal <= $withdrawn AND {_LISTED} ORDER BY w.withdrawal"""
# The same votes with the ballot on a criterion in the place of the verdict, for those that have one.
_BY_CRITERION = """
    FROM criterion_votes c JOIN votes v USING (battle_id) JOIN battles b USING (battle_id)
    JOIN ballots ON ballots.ballot = c.ballot
    JOIN lineups s ON s.lineup = v.lineup JOIN lineups d ON d.lineup = b.lineup
    LEFT JOIN assignments a USING (battle_id)
    WHERE c.criterion = $criterion AND v.number <= $upto AND {} AND v.number NOT IN (
        SELECT number FROM withdrawals WHERE withdrawal <= $withdrawn) ORDER BY v.number"""
# Votes that count on no board, by the column that says so and the folder where they lie.
_APART = {"same_model": SAME_MODEL, "testing": TESTING}
_ANY = {column: f"SELECT bool_or({column}) FROM votes" for column in _APART}

_UNLISTED = """
    WITH drawn AS (
        SELECT unnest(models) AS model, policy = $1 AS testing
        FROM (SELECT DISTINCT lineup, policy FROM battles) JOIN lineups USING (lineup))
    SELECT model FROM drawn GROUP BY model HAVING bool_and(testing)
    EXCEPT SELECT model FROM roster WHERE status IN ('listed', 'paused')"""
_ERASED = "SELECT replace(battle_id::VARCHAR, '-', '') FROM erasures"
_SHOWN_BY = """
    SELECT voter, replace(battle_id::VARCHAR, '-', '') FROM shares JOIN battles USING (battle_id)
    WHERE link = ? AND link NOT IN (SELECT link FROM revocations)
        AND battle_id NOT IN (SELECT battle_id FROM erasures)"""
_UNERASED = """
    SELECT replace(battle_id::VARCHAR, '-', '') FROM battles
    WHERE ($1 IS NULL OR voter = $1) AND ($2 IS NULL OR created < $2::TIMESTAMP)
        AND battle_id NOT IN (SELECT battle_id FROM erasures) ORDER BY created"""

# Files of a folder that the processes of a shared log have in common.
SECRET_FILE, CONTESTANTS_FILE = "secret.key", "contestants.json"
FOLLOW_EVERY = 0.2  # seconds between two looks at what other processes wrote
READERS_PATIENCE = 5.0  # seconds that whoever reads may take before a database is exchanged
SNAPSHOT = "arena.parquet"
BATCH = 1 << 17  # votes written at a time
FIRST_PUBLISHING = "400MB"  # of memory for the database while all battles and answers are written


def bring_up_to_date(folder: Path, *, texts: bool = False) -> None:
    """Write the snapshot of a log that a process left behind without one: killed, or out of power.

    A process that has the log open writes snapshots itself.

    Args:
        folder: the log folder.
        texts: whether battles and answers are wanted too, which older versions did not publish.

    Raises:
        SourceError: the database holds more than the snapshot, perhaps, and cannot be opened.
    """
    snapshot = folder / "votes" / SNAPSHOT
    database, ahead = folder / DATABASE, folder / f"{DATABASE}.wal"
    if (folder / EVENTS).exists():
        current = is_closed(folder) and snapshot.exists()
    else:  # of an older version: who closed a database left no write-ahead log, whatever the clock said
        kept = snapshot.stat().st_mtime_ns if snapshot.exists() else 0
        current = not ahead.exists() and not (database.exists() and database.stat().st_mtime_ns > kept)
    if current and not (texts and database.exists() and not (folder / "battles").exists()):
        return
    try:
        VoteLog(folder).close()
    except LogInUse:
        return
    except LogError as error:
        raise SourceError(
            f"The snapshot of the votes of {folder} may be behind, and the log cannot be opened: {error} "
            f"To rank the snapshot alone: agon rank {snapshot}."
        ) from None


class VoteLog:
    """The log of one arena; use it as a context manager, or close it.

    Every method may be called from any thread. Readers see what was committed, and do not wait for writers.

    Args:
        folder: the log folder; it is made if it is not there.
        shared: the record of which the folder is a copy, where several processes share a log.

    Raises:
        LogError: the folder cannot be written, the log is open already, the database is damaged, or a newer
            version of Agon wrote it.
    """

    def __init__(self, folder: str | Path, shared: SharedRecord | None = None) -> None:
        self.folder = Path(folder)
        self._shared = shared
        self._elsewhere: OrderedDict[str, None] = OrderedDict()  # battles that other processes wrote of
        self._labels = VoteLabels(self._table)
        self._lock = lock(self.folder)
        try:
            opened = self._open()
            self._connection, self.repairs = opened.connection, tuple(opened.repairs)
            self._events = opened.events
            heard, every = (None, None) if shared is None else (self._hear, FOLLOW_EVERY)
            given = self._connection.cursor(), self._events, self._reopen
            self._writer = Writer(*given, heard=heard, every=every)
            for name in (SECRET_FILE, CONTESTANTS_FILE) if shared else ():
                self._take_document(name)
        except duckdb.Error as error:
            self._lock.release(closed=False)
            raise LogError(f"The vote log in {self.folder} is damaged: {sentence(error)}") from error
        except BaseException:
            self._lock.release(closed=False)
            raise
        self._snapshot = threading.Lock()
        self._gate = ReaderGate()
        self._marking = threading.Lock()
        self._kept = (0, 0)  # votes and withdrawals in the snapshot
        self._published: dict[str, int] = {}  # rows of each table that are in its parts
        self._closed = False

    @property
    def name(self) -> str:
        """What a person calls the store: the folder, or the address without its password."""
        return str(self.folder) if self._shared is None else self._shared.name

    @property
    def shared(self) -> bool:
        """Whether other processes may write to it."""
        return self._shared is not None

    def _open(self) -> OpenLog:
        if self._shared is None:
            return open_whole(self.folder, self._lock)
        return open_copy(self.folder, self._shared, self._lock)

    # --- what other processes share ----------------------------------------------------------------------

    def follow(self) -> None:
        """Take over what other processes wrote; what cannot be had now comes later."""
        if self._shared is not None:
            self._writer.follow().result()

    def moved_on(self, battle_id: str) -> bool:
        """Whether another process wrote of a battle since this was asked last."""
        return self._elsewhere.pop(battle_id, battle_id) is None

    def written_elsewhere(self, battle_id: str) -> bool:
        """Whether answers of a battle are being written by another process, which is alive."""
        return self._shared is not None and self._shared.writes(battle_id)

    def _hear(self, news: News) -> None:
        for battle in news.battles:
            self._elsewhere[battle] = None
        while len(self._elsewhere) > RECENT:
            self._elsewhere.popitem(last=False)

    def share_document(self, name: str) -> None:
        """Let other processes have a small file of the folder as it is now."""
        if self._shared is not None:
            self._shared.keep_document(name, (self.folder / name).read_bytes(), replace=True)

    def _take_document(self, name: str) -> None:
        """Take over such a file; a key is made where there is none."""
        found = None if self._shared is None else self._shared.document(name)
        if self._shared is not None and found is None and name == SECRET_FILE:
            found = self._shared.keep_document(name, secrets.token_bytes(32), replace=False)
        if found is not None:
            path = self.folder / name
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(found)

    def invitations(self) -> InvitationJournal:
        """Who was invited, for all processes of the store."""
        return invitations_of(self.folder, self._shared)

    def key_of_day(self, day: int) -> bytes:
        """The key by which votes of one network and day are told to be so, the same in all processes.

        Raises:
            LogError: it cannot be had.
        """
        return key_of_day(self.folder, day) if self._shared is None else self._shared.key_of_day(day)

    def forget_day_key(self, day: int) -> None:
        """Remove the key of another day than this one.

        Raises:
            LogError: it cannot be removed.
        """
        if self._shared is None:
            forget_day_key(self.folder, day)
        else:
            self._shared.forget_day_key(day)

    def exchange_use(self, own: Mapping[str, tuple[int, int]]) -> list[ClientUse]:
        """Tell other processes what clients have of this one, and hear what they have of those; of a folder
        there are none.

        Args:
            own: client → battles begun since the process was opened, and those that run.

        Raises:
            LogError: the store cannot be reached.
        """
        return [] if self._shared is None else self._shared.exchange_use(own)

    def keep_image(self, image: CleanImage) -> None:
        """Keep an image of a prompt; it is safe when this returns.

        Raises:
            SourceError, LogError: it cannot be written.
        """
        if self._shared is not None:
            self._shared.keep_image(image.sha256, image.ending, image.content)
        keep_image(self.folder, image)

    def image(self, sha256: str) -> Path:
        """Where an image stands, or would."""
        path = image_path(self.folder, sha256)
        if self._shared is not None and not path.exists() and (found := self._shared.image(sha256)):
            path = path.with_suffix(found[0])
            with whole_file(path) as file:
                file.write(found[1])
        return path

    def gather_images(self) -> None:
        """Have all images in the folder, which is to be copied."""
        for sha256 in () if self._shared is None else self._shared.images():
            self.image(sha256)

    # --- life --------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what was handed over, keep a snapshot, and let others open the log.

        Raises:
            SourceError: the snapshot cannot be written; the votes are in the record, and the log is closed.
        """
        if self._closed:
            return
        self._closed = True
        open_yet = False
        with suppress(AgonError, OSError):
            self.mend()
            open_yet = True
        with suppress(AgonError, OSError):  # what is left of it is done when the log is opened again
            self.finish_erasing()
        self._writer.close()
        whole = False
        try:
            self.snapshot()
            whole = True
        except (SourceError, LogError) as error:
            if isinstance(error, LogError) and open_yet:
                raise
            raise SourceError(
                f"All votes of {self.folder} are kept, but not yet where they are ranked: "
                f"{error} Mend that, and agon rank {self.folder} writes it."
            ) from error
        finally:
            self._connection.close()
            self._events.chain.close()
            self._lock.release(closed=whole and synchronize(self.folder))
            if self._shared is not None:
                self._shared.close()

    def _reopen(self) -> tuple[duckdb.DuckDBPyConnection, EventLog]:
        """Open the log anew after an error that it does not outlive; returns what the writer needs."""
        with suppress(duckdb.Error):
            self._connection.close()
        self._events.chain.close()
        opened = self._open()
        self._connection, self._events = opened.connection, opened.events
        self._labels = VoteLabels(self._table)  # what was read may not have been kept
        return self._connection.cursor(), self._events

    def write(self, record: Record) -> Future[Receipt]:
        """Hand a record over; it is safe on the disk when the future has its receipt.

        The future raises AlreadyVoted, UnknownBattle, Conflict or VotesError where a record is refused, and
        LogError where it could not be written and may be sent again. Records of a battle are handed over in
        the order in which things happened.

        Raises:
            LogError: the log is closed.
        """
        return self._writer.put(record)

    def erase(self, battles: Collection[str], reason: Wish = "voter", *, withdraw: bool = False) -> None:
        """Erase the texts of battles, and withdraw their votes if that is wanted; all of them, or none.

        It holds when this returns, whatever happens then; `finish_erasing` takes the texts out of the files.

        Args:
            battles: in hexadecimal.
            reason: whose wish it is.
            withdraw: whether the votes of these battles are to count no more.

        Raises:
            LogError: it could not be written; nothing was erased.
        """
        record = ErasureRecord(tuple(battles), datetime.now(UTC), reason, withdraw)
        with self._marking:
            try:
                mark(self.folder)
            except OSError as error:
                raise LogError(f"{self.folder} cannot be written: {error.strerror}; mend that.") from error
            self.write(record).result()

    @property
    def erasing(self) -> bool:
        """Whether files still hold texts that were erased."""
        return is_marked(self.folder)

    def finish_erasing(self) -> list[str]:
        """Take what was erased out of every file of the folder, if anything is left there.

        The texts beside the events are overwritten, the database is made anew of both, what was published is
        written again, and images that no other battle has, and copies that were set aside, are removed.
        Records are written meanwhile.

        Returns:
            The names of the copies that were removed.

        Raises:
            LogError: it could not be done, and is to be tried again.
            SourceError: likewise.
        """
        with self._snapshot:
            if not self.erasing:
                return []
            try:
                return self._finish_erasing()
            except OSError as error:
                raise LogError(
                    f"Texts of {self.folder} are not erased from all files: {error.strerror}; mend that."
                ) from error

    def _finish_erasing(self) -> list[str]:
        at = self._events.chain.at
        with self._reading() as cursor:
            alone = images_alone(cursor)
        battles = {battle for (battle,) in self._rows(_ERASED)}
        blank_texts(self.folder, at, battles)
        fresh = compacted(self.folder, at)
        exchanged = [False]

        def exchange(before: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
            follow(fresh, self.folder, at, self._events.chain.at)
            with self._gate.alone(READERS_PATIENCE) as free:
                if not free:
                    return before
                before.close()
                self._connection.close()
                (self.folder / f"{DATABASE}.wal").unlink(missing_ok=True)
                (self.folder / COMPACTED).replace(self.folder / DATABASE)
                self._connection = reconnect(self.folder)
                exchanged[0] = True
                return self._connection.cursor()

        self._writer.exchange(exchange).result()
        if not exchanged[0]:
            raise LogError(
                f"The database of {self.folder} is being read; the erasure of texts goes on later."
            )
        with self._reading() as cursor:
            anew = parts_with_erased(cursor)
        publish(self._table, self.folder, self._published, anew)
        count, withdrawn = version = self.version()
        if count:
            self._write_votes(count, withdrawn, self.folder / "votes" / SNAPSHOT)
        self._kept = version
        remove_images(self.folder, alone)
        if self._shared is not None:
            self._shared.remove_images(alone)
            remove_idle_copies(self.folder)
        removed = remove_copies(self.folder)
        with self._marking:
            if {battle for (battle,) in self._rows(_ERASED)} == battles:  # else the next time
                unmark(self.folder)
        return removed

    def unerased(self, *, voter: str | None = None, before: datetime | None = None) -> list[str]:
        """Battles whose texts are there, or on their way: of a person, or drawn before a time, or all."""
        self._writer.follow().result()  # what was handed over, and what other processes wrote
        moment = None if before is None else before.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        return [str(battle) for (battle,) in self._rows(_UNERASED, [voter, moment])]

    def check_models(self, names: Iterable[str]) -> None:
        """Refuse names that no vote file may hold beside those the log knows: padded, or look-alikes.

        Raises:
            VotesError: says which, and what to do.
        """
        self._writer.check_models(names)

    def comparisons(
        self, chosen: Mapping[str, str] = NO_CHOICE, *, clean: bool = False, upto: int | None = None
    ) -> Comparisons:
        """Count the votes that were committed by now; all views are of these, whatever arrives later.

        Args:
            chosen: category, language, study, day, month or year, and the value that votes must have.
            clean: only of battles in which no answer failed.
            upto: only votes up to this number; all if left out.

        Raises:
            SourceError: there are no such votes.
        """
        last, withdrawn = self.version()
        last = last if upto is None else upto
        votes = LogSource(self._table, self._labels, last, chosen, clean, withdrawn)
        votes.ballots()
        return Comparisons(votes, self._vote_head(last, withdrawn) if upto is None else None)

    def _vote_head(self, votes: int, withdrawals: int) -> LogHead | None:
        return find_vote_head(self.folder, votes, withdrawals, self._events.chain.at.size)

    def comparisons_around(self, number: int) -> tuple[Comparisons | None, Comparisons | None]:
        """The votes before one, and with it; None where there are none. They are counted once for both.

        Args:
            number: of the vote, among all.
        """
        withdrawn = self.version()[1]
        after = LogSource(self._table, self._labels, number, NO_CHOICE, clean=False, withdrawn=withdrawn)
        found: list[Comparisons | None] = []
        for make in (after.without_last, lambda: after):
            try:
                votes = make()
                votes.ballots()
                found.append(Comparisons(votes))
            except SourceError:
                found.append(None)
        return found[0], found[1]

    def mend(self) -> None:
        """Open the database again that an error closed, such as a full disk.

        Raises:
            LogError: it cannot be opened yet.
        """
        self._writer.exchange(lambda connection: connection).result()

    def acknowledged(self) -> int:
        """Number of votes, also where an error closed the database and it cannot be opened yet."""
        with suppress(AgonError, OSError):
            self.mend()
            return self.count()
        return acknowledged_votes(self.folder)

    def count(self) -> int:
        """Number of votes, those that were not blind or were withdrawn among them."""
        return int(self._rows("SELECT coalesce(max(number), 0) FROM votes")[0][0])

    def statuses(self) -> dict[str, ModelStatus]:
        """{model: what the organiser said of it last}; nothing of models that older versions drew."""
        sql = "SELECT model, last(status ORDER BY rowid) FROM roster GROUP BY model ORDER BY model"
        return dict(self._rows(sql))

    def listed_once(self) -> set[str]:
        """The models that were listed at some time."""
        sql = "SELECT DISTINCT model FROM roster WHERE status IN ('listed', 'paused')"
        return {str(model) for (model,) in self._rows(sql)} | set(self.drawn()) - self.unlisted()

    def drawn(self) -> set[str]:
        """The models that were drawn for a battle."""
        sql = "SELECT DISTINCT unnest(models) FROM lineups WHERE lineup IN (SELECT lineup FROM battles)"
        return {str(model) for (model,) in self._rows(sql)}

    def unlisted(self) -> set[str]:
        """The models that were drawn, and were in testing and never listed: no page may name them."""
        return {str(model) for (model,) in self._rows(_UNLISTED, [TESTING_POLICY])}

    def version(self) -> tuple[int, int]:
        """Number of votes and of withdrawals: while these are the same, so is all that follows from them."""
        found = self._rows(
            "SELECT (SELECT coalesce(max(number), 0) FROM votes), "
            "(SELECT coalesce(max(withdrawal), 0) FROM withdrawals)"
        )[0]
        return int(found[0]), int(found[1])

    def counted(self) -> int:
        """Number of votes that count: blind ones on different, listed models, that were not withdrawn."""
        return int(self._rows(f"SELECT count(*) FROM votes WHERE {COUNTED_VOTES}")[0][0])

    def names_shown(
        self, battle_id: str, voter: str, prompt: str, answers: Sequence[tuple[str, str]]
    ) -> bool:
        """Whether a voter was told who wrote one of these answers: by a vote, or by asking for it by name.

        Args:
            battle_id: of the battle that shows the answers now.
            voter: the pseudonym of the person.
            prompt: the first one of the battle.
            answers: model and text of each answer to it.
        """
        told = dict(self._rows(_NAMES_TOLD_IN, [voter, NAMED_POLICY]))
        turns = self._rows(_PROMPTS_OF, [list(told)]) if told else []
        asked = [(one, turn) for one, turn, what in turns if what == as_utf8(prompt)]
        given = {(model, as_utf8(text)) for model, text in answers}
        voted = [one for one, turn in asked if turn == 1 and not told[one] and one.hex != battle_id]
        if voted and given & set(self._rows(_FIRST_ANSWERS, [voted])):
            return True
        # Whoever just read a model under its name knows it in other words, too.
        by_name = [one for one, _ in asked if told[one]]
        drawn = self._rows(_DRAWN_IN, [by_name]) if by_name else []
        models = {model for model, _ in answers}
        return any(one.hex == battle_id or models & set(names) for one, names in drawn)

    def names_told(self, voter: str) -> dict[str, set[str]]:
        """{prompt: models} that a person was told of, because they voted on their answers to it, or
        chose them by name."""
        found: dict[str, set[str]] = {}
        for prompt, models in self._rows(_TOLD, [voter, NAMED_POLICY]):
            found.setdefault(prompt, set()).update(models)
        return found

    def filters(self, chosen: Mapping[str, str] = NO_CHOICE) -> dict[str, dict[str, int]]:
        """{label: {value: votes}} of category, language, and day, month or year if there are several.

        The most frequent value stands first, of times the last.

        Args:
            chosen: labels and the value that votes must have; a label's own value does not bind its counts.
        """
        span = self.span()
        period = None if span is None else period_name(*span)
        found: dict[str, dict[str, int]] = {}
        for label in ("category", "language", *([period] if period else [])):
            others = {name: value for name, value in chosen.items() if name != label}
            conditions = [COUNTED_VOTES, *(f"{VOTE_LABELS[name]} = ${name}" for name in others)]
            rows = self._rows(
                f"SELECT {VOTE_LABELS[label]} AS value, count(*) AS n FROM votes WHERE value NOT NULL AND "
                f"{' AND '.join(conditions)} GROUP BY value "
                f"ORDER BY {'value DESC' if label == period else 'n DESC, value'}",
                others,
            )
            found[label] = dict(rows)
        return found

    def measured(self) -> dict[str, dict[str, float]]:
        """{model: {fact: value}} of the answers that were voted on, as `agon.data.model_facts` names them.

        Of battles that go on nothing is said: two looks at a median would tell who is answering.
        """
        medians = ", ".join(
            f"median({column}) FILTER (WHERE failure IS NULL AND NOT {ERASED})"
            for column in ("time_to_first_token", "seconds", "tokens", "tokens_per_second", "length(text)")
        )
        rows = self._rows(
            f"SELECT model, {medians}, avg(CAST(failure IS NOT NULL AS INT)), "
            "epoch(min(created)) FROM generations WHERE battle_id IN (SELECT battle_id FROM votes) "
            "GROUP BY model"
        )
        names = (*MEASURED, "failures", "first_seen")
        return {
            str(model): {
                name: float(value) for name, value in zip(names, values, strict=True) if value is not None
            }
            for model, *values in rows
        }

    def span(self) -> tuple[float, float] | None:
        """When the first and the last vote that counts was cast, in seconds since 1970; None without one."""
        first, last = self._rows(
            f"SELECT epoch(min(created)), epoch(max(created)) FROM votes WHERE {COUNTED_VOTES}"
        )[0]
        return None if first is None else (float(first), float(last))

    def number_before(self, seconds: float) -> int:
        """The number of the last vote that was cast before a time, in seconds since 1970; 0 without one."""
        sql = "SELECT coalesce(max(number), 0) FROM votes WHERE epoch(created) < $1"
        return int(self._rows(sql, [seconds])[0][0])

    def votes_of(self, voter: str) -> int:
        """Number of votes of a person that were not withdrawn."""
        sql = f"SELECT count(*) FROM votes WHERE voter = ? AND {STANDING}"
        return int(self._rows(sql, [voter])[0][0])

    def battles_of(self, voter: str, most: int, start: int = 0) -> list[PastBattle]:
        """Battles of a person, the latest first: so many, after so many."""
        return list_battles(self._rows, voter, most, start)

    def battle_of(self, voter: str, battle_id: str) -> PastBattle | None:
        """One battle of a person; None if there is none, or it is somebody else's."""
        return find_battle(self._rows, voter, battle_id)

    def totals_of(self, voter: str) -> VoterTotals:
        """How many battles and votes of a person there are."""
        return count_battles(self._rows, voter)

    def vote_hashes(self, numbers: Collection[int]) -> dict[int, str]:
        """{number of a vote: hash of its event} of votes that there are."""
        return vote_hashes(self.folder, numbers, self._events.chain.at.size)

    def personal_data(self, voter: str, open_yet: Collection[str] = ()) -> dict[str, Any]:
        """Everything of a person, what is on its way too, as JSON has it.

        Of battles without a vote it does not say who answers.

        Args:
            voter: the pseudonym.
            open_yet: battles in which answers are being written, which are left out.
        """
        self._writer.follow().result()
        found = personal_data(self._rows, voter, open_yet)
        numbers = [one["vote"]["number"] for one in found["battles"] if one["vote"]]
        hashes = self.vote_hashes(numbers)
        for one in found["battles"]:
            if one["vote"]:
                one["vote"]["receipt"] = hashes.get(one["vote"]["number"])
        return found

    def consent_asked(self) -> ConsentTexts:
        """What people are asked to agree to now."""
        return read_asked(self._rows)

    def every_consent_text(self) -> dict[str, str]:
        """{SHA-256: text} of everything that people were ever asked to agree to."""
        return read_every_text(self._rows)

    def consents_of(self, voter: str) -> list[SaidConsent]:
        """What a person said to these texts, the first first."""
        return read_said(self._rows, voter)

    def shares(self, battle_id: str) -> int:
        """How often a battle was shown to others; each time by another link."""
        sql = "SELECT count(*) FROM shares WHERE battle_id = TRY_CAST(? AS UUID)"
        return int(self._rows(sql, [battle_id])[0][0])

    def shown_by(self, link: str) -> PastBattle | None:
        """The battle that a link shows now, by its SHA-256; None of one that was revoked, or never was."""
        found = self._rows(_SHOWN_BY, [link])
        return self.battle_of(*found[0]) if found else None

    def withdrawn(self, battle_id: str) -> bool:
        """Whether the vote of a battle was withdrawn."""
        sql = "SELECT count(*) FROM withdrawals WHERE battle_id = TRY_CAST(? AS UUID)"
        return bool(self._rows(sql, [battle_id])[0][0])

    def remarks(self, battle_id: str) -> list[Remarks]:
        """What the voter of a battle said after the vote, the last first; nothing of one that was erased."""
        return read_remarks(self._rows, battle_id)

    def standing_votes(self, voter: str) -> list[str]:
        """The battles of a person whose votes were not withdrawn."""
        sql = f"SELECT replace(battle_id::VARCHAR, '-', '') FROM votes WHERE voter = ? AND {STANDING}"
        return [str(battle) for (battle,) in self._rows(sql, [voter])]

    def figures(self, now: datetime, minutes: int, spans: int) -> LogFigures:
        """What an operator wants to know at a glance; votes in so many spans of so many minutes up to now."""
        return read_figures(self._rows, now, minutes, spans)

    @property
    def head(self) -> Head:
        """How far the events go that were acknowledged."""
        return self._events.chain.at

    def vote(self, battle_id: str) -> VoteRecord | None:
        """The vote of a battle, if it has one."""
        return read_vote(self._rows, battle_id)

    def vote_number(self, battle_id: str) -> int | None:
        """The number of a battle's vote among all votes, from 1; None if it has none."""
        sql = "SELECT number FROM votes WHERE battle_id = TRY_CAST(? AS UUID)"
        return next((int(number) for (number,) in self._rows(sql, [battle_id])), None)

    def assigned(self, study: str) -> list[tuple[int, int, int, str, str]]:
        """What was drawn in a study: seat, cell, attempt, battle, and "voted", "skipped" or "open"."""
        sql = """
            SELECT seat, cell, attempt, replace(a.battle_id::VARCHAR, '-', ''), CASE
                WHEN v.battle_id NOT NULL THEN 'voted' WHEN s.battle_id NOT NULL THEN 'skipped'
                ELSE 'open' END
            FROM assignments a LEFT JOIN votes v USING (battle_id) LEFT JOIN skips s USING (battle_id)
            WHERE study = ? ORDER BY seat, cell, attempt"""
        return [
            (seat, cell, attempt, battle, how)
            for seat, cell, attempt, battle, how in self._rows(sql, [study])
        ]

    def attended(self, study: str) -> list[tuple[int, int, bool]]:
        """The attention items of a study that were judged or skipped: seat, item, whether it was passed."""
        sql = "SELECT seat, item, passed FROM attention_checks WHERE study = ? ORDER BY seat, item"
        return [(seat, item, passed) for seat, item, passed in self._rows(sql, [study])]

    def records(self, battle_id: str) -> list[Record]:
        """What was written of a battle: its draw, turns, answers and replacements, and its vote."""
        return read_battle(self._rows, battle_id)

    def endings(self, left_alone: datetime) -> list[tuple[str, str | None, int]]:
        """How the answers of battles that are over ended: model, kind of failure (None: well), and how often.

        A battle without a vote is over when it is void, or was drawn before `left_alone`.
        """
        moment = left_alone.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        return [(model, failure, n) for model, failure, n in self._rows(_ENDINGS, [moment])]

    def snapshot(self) -> Path | None:
        """Write what other processes read, because the database is ours alone.

        All votes go to LOG/votes/arena.parquet: pairwise ones with the columns model_a, model_b and winner;
        once a vote does not fit into them, all have models, places and acceptable. Votes that were withdrawn
        are not among them, nor those of A/A battles, which go to LOG/same_model/arena.parquet, nor those on
        models in testing, which go to LOG/testing/arena.parquet. What votes said that were withdrawn goes to
        LOG/withdrawn/arena.parquet. The ballots on a criterion of a study are
        the same votes in LOG/criteria/CRITERION.parquet. Battles, turns, answers, replacements, what a study
        adds, what was taken back and what became of the models go to the folders of their names, in parts.

        Returns:
            The file of the votes, or None if there are none.

        Raises:
            SourceError: it cannot be written; the one before is still there.
        """
        target = self.folder / "votes" / SNAPSHOT
        with self._snapshot, nullcontext() if self._published else self._little_memory():
            count, withdrawn = version = self.version()
            try:  # before the votes: who reads these finds what they are about
                publish(self._table, self.folder, self._published)
            finally:  # texts that cannot be written keep no vote from a board
                if version != self._kept or (count and not target.exists()):
                    if count:
                        self._write_votes(count, withdrawn, target)
                    self._kept = version
        return target if count else None

    @contextmanager
    def _little_memory(self) -> Iterator[None]:
        """Let the database forget what it read: all texts are read once, and a million votes have 2 GB."""
        with self._reading() as cursor:
            cursor.execute(f"SET GLOBAL memory_limit = '{FIRST_PUBLISHING}'")
            try:
                yield
            finally:
                cursor.execute("RESET GLOBAL memory_limit")

    def _write_votes(self, upto: int, withdrawn: int, target: Path) -> None:
        """Write the votes up to a number without those withdrawn, without holding all of them."""
        upto_then = {"upto": upto, "withdrawn": withdrawn}
        head = self._vote_head(upto, withdrawn)
        layout = _PAIRWISE if self._rows(PLAIN)[0][0] else _KWISE
        with self._reading() as cursor:
            votes = cursor.sql(layout + MORE + _ALL.format(_LISTED), params=upto_then)
            write_table(mark_head(votes.to_arrow_reader(BATCH), head), target, replace=True)
            for column, place in _APART.items():
                if cursor.execute(_ANY[column]).fetchall()[0][0]:
                    shape = layout if column == "testing" else _KWISE
                    votes = cursor.sql(shape + MORE + _ALL.format(f"v.{column}"), params=upto_then)
                    write_table(votes.to_arrow_reader(BATCH), self.folder / place / SNAPSHOT, replace=True)
            if withdrawn:
                votes = cursor.sql(_TAKEN_BACK, params=upto_then)
                write_table(votes.to_arrow_reader(BATCH), self.folder / WITHDRAWN / SNAPSHOT, replace=True)
            for (name,) in cursor.execute("SELECT DISTINCT criterion FROM criterion_votes").fetchall():
                given = {"criterion": name, **upto_then}
                votes = cursor.sql(layout + MORE + _BY_CRITERION.format(_LISTED), params=given)
                where = self.folder / CRITERIA / f"{name}.parquet"
                write_table(mark_head(votes.to_arrow_reader(BATCH), head), where, replace=True)

    def _rows(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, str | None] = ()
    ) -> list[tuple[Any, ...]]:
        """Read a few rows."""
        with self._reading() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def _table(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        """Read many rows."""
        with self._reading() as cursor:
            table: pa.Table = cursor.sql(sql, params=dict(parameters)).to_arrow_table()
            return table

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this call's own, so that threads read beside each other and beside the writer."""
        try:
            with self._gate.reading(), self._connection.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            raise LogError(f"The vote log in {self.folder} cannot be read: {sentence(error)}") from error
