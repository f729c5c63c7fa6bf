"""The votes of a log as the engine's `VoteSource`: counted in SQL, by the numbers of lineups and ballots."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agon.data.files.covariates import MEASURES
from agon.data.files.encoding import list_numbers, networks_of, pad_lists
from agon.data.files.schema import PERIODS, period_sql
from agon.data.validation import rows_text
from agon.ranking import Ballots, Battles, SourceError
from agon.ranking.errors import suggest
from agon.ranking.numerics import BoolArray, FloatArray, IntArray
from agon.ranking.votes.ballots import arrange, by_seat
from agon.ranking.votes.covariates import CovariateComparisons
from agon.ranking.votes.pair_counts import count_positions
from agon.ranking.votes.validation import NOT_ASKED, PAD, UNRANKED
from agon.ranking.votes.vote_source import NOT_BLIND, Clusters, SetAside, group

Query = Callable[[str, Mapping[str, Any]], "pa.Table"]
# What votes can be filtered, clustered and split by, under the names that all vote files use.
VOTE_LABELS = {
    "battle": "battle_id::VARCHAR",
    "prompt": "prompt_id",
    "voter": "voter",
    "category": "category",
    "language": "language",
    **{name: period_sql("epoch(created)", name) for name in PERIODS},
    "study": "(SELECT study FROM assignments AS a WHERE a.battle_id = votes.battle_id)",
}
STANDING = "number NOT IN (SELECT number FROM withdrawals)"  # votes that were not withdrawn by now
_UNWITHDRAWN = "number NOT IN (SELECT number FROM withdrawals WHERE withdrawal <= $withdrawn)"
_LISTED_VOTES = "same_model IS NOT TRUE AND testing IS NOT TRUE"
_BLIND_VOTES = f"blind IS NOT FALSE AND {_LISTED_VOTES}"
COUNTED_VOTES = f"{_BLIND_VOTES} AND {STANDING}"
UNBROKEN = "battle_id NOT IN (SELECT battle_id FROM generations WHERE failure IS NOT NULL)"


_BALLOT = (1 << 32) - 1  # the bits of a ballot's number beside that of a lineup
_CELLS = 1 << 22  # of pairs of such numbers, up to which votes are looked up in a table of them
_FEW = 1000  # labels whose places among others are looked up one by one


@dataclass(frozen=True, eq=False)
class _Labels:
    """The labels of the first N votes.

    Attributes:
        names: those that there are, in the order of their code points.
        place: (N,) where each vote's stands among them, -1 of a vote without one.
    """

    names: pa.LargeStringArray
    place: NDArray[np.int32]

    def with_more(self, labels: pa.LargeStringArray) -> _Labels:
        """With those of the votes that came next."""
        fresh = labels.dictionary_encode()
        sorting = pc.array_sort_indices(fresh.dictionary)  # of bytes, which is that of code points
        words, known = fresh.dictionary.take(sorting), len(self.names)
        at = self._before(words)
        inside = at < known
        new = np.ones(len(words), dtype=bool)
        same = pc.equal(self.names.take(pa.array(at[inside])), words.filter(pa.array(inside)))
        new[inside] = ~same.to_numpy(zero_copy_only=False)
        moved = np.arange(known) + np.searchsorted(at[new], np.arange(known), side="right")
        here = np.append(moved, -1)[at]
        here[new] = at[new] + np.arange(new.sum())
        names = pa.concat_arrays([self.names, words.filter(pa.array(new))])
        order = np.argsort(np.append(moved, here[new]))
        numbers = np.append(here[np.argsort(sorting.to_numpy())], -1)
        own = numbers[fresh.indices.fill_null(len(words)).to_numpy()]
        place = np.append(np.append(moved, -1)[self.place], own).astype(np.int32)
        return _Labels(names.take(pa.array(order)), place)

    def _before(self, words: pa.LargeStringArray) -> IntArray:
        """(W,) how many names come before each of some sorted words."""
        if len(words) <= _FEW:
            found = [
                bisect_left(self.names, word, key=pa.LargeStringScalar.as_py) for word in words.to_pylist()
            ]
            return np.array(found, dtype=np.int64)
        order = pc.array_sort_indices(pa.concat_arrays([words, self.names])).to_numpy()
        before: IntArray = np.cumsum(order >= len(words))
        return before[np.argsort(order)[: len(words)]]


class VoteLabels:
    """What the votes of a log are clustered by, each read once: it stays what it was when the vote was cast.

    Args:
        query: runs SQL with named parameters on the log.
    """

    def __init__(self, query: Query) -> None:
        self._query, self._lock = query, Lock()
        self._known: dict[str, _Labels] = {}

    def of(self, label: str, upto: int) -> _Labels:
        """The labels of the votes up to a number at least, by the SQL of one."""
        with self._lock:
            none = _Labels(pa.array([], pa.large_string()), np.zeros(0, dtype=np.int32))
            known = self._known.get(label, none)
            if len(known.place) < upto:
                sql = f"SELECT {label} AS label FROM votes WHERE number > $known AND number <= $upto"
                given = {"known": len(known.place), "upto": upto}
                more = self._query(f"{sql} ORDER BY number", given)["label"].cast(pa.large_string())
                known = self._known[label] = known.with_more(more.combine_chunks())
            return known


@dataclass(frozen=True, eq=False)
class LogSource:
    """The votes of a log up to a number, so that all views are of the same votes while others arrive.

    Attributes:
        query: runs SQL with named parameters on the log.
        labels: of all votes of the log.
        upto: the number of the last vote.
        where: {label: value} that the votes have; None stands for votes without a value.
        clean: whether votes of battles in which an answer failed are left out.
        withdrawn: the number of the last withdrawal; later ones take nothing away.
        aside: votes that gates set aside.
        known: the ballots, where they follow from others that were counted.
    """

    query: Query
    labels: VoteLabels
    upto: int
    where: Mapping[str, str | None]
    clean: bool
    withdrawn: int = 0
    aside: SetAside | None = None
    known: tuple[Ballots, IntArray, IntArray] | None = field(default=None, repr=False)

    @cached_property
    def _ballots(self) -> tuple[Ballots, IntArray, IntArray]:
        """The distinct ballots; and pairs of numbers, each as one key, with the ballot of each."""
        if self.known is not None:
            return self.known
        table = self._select("lineup, ballot, count(*) AS count", " GROUP BY lineup, ballot")
        lineup, ballot, count = (table[name].to_numpy().astype(np.int64) for name in table.column_names)
        if not len(count):
            which = ", ".join(f"{name} {value!r}" for name, value in self.where.items())
            raise SourceError(f"There are no votes yet{f' with {which}' if which else ''}.")
        seats, names = self._seats(lineup)
        places, acceptable = self._places(ballot, seats.shape[1])
        none = np.full(len(count), np.nan), np.ones(len(count))
        ballots, row = arrange(names, seats, places, acceptable, *none, count)
        return ballots, lineup << 32 | ballot, row

    def ballots(self) -> Ballots:
        """Count the distinct ballots."""
        return self._ballots[0]

    def without_last(self) -> LogSource:
        """The votes before the last one, without counting them again unless that alone was such a ballot."""
        before = replace(self, upto=self.upto - 1, known=None)
        last = self._select("lineup, ballot", " AND number = $upto")
        ballots, keys, row = self._ballots
        count = ballots.count.copy()
        count[self._rows(last)] -= 1
        return replace(before, known=(ballots.with_count(count), keys, row)) if count.all() else before

    def battles(self, by: str | None = None) -> Battles:
        """List the votes in the order in which they were committed."""
        near = "network" if by == "voter" else "NULL"
        what = f"lineup, ballot, number, epoch(created) AS seconds, {near} AS network"
        table = self._select(what, " ORDER BY number")
        cluster = None if by is None else self._labelled(table, by)[0]
        times = table["seconds"].to_numpy().astype(np.float64)
        sequence = self._rows(table)
        turned = self._turned(table, sequence)
        networks = networks_of(table["network"]) if by == "voter" else None
        return Battles(self.ballots(), sequence, "timestamp", cluster, times, turned, networks)

    def clusters(self, by: str) -> Clusters:
        """Group the votes by battle, prompt, voter, category or language."""
        cluster, names = self._labelled(self._votes, by)
        return group(by, cluster, self._rows(self._votes), len(self.ballots().count), names)

    @cached_property
    def _votes(self) -> pa.Table:
        """What each vote is, for all that group them."""
        return self._select("lineup, ballot, number", "")

    def cluster_columns(self) -> tuple[str, ...]:
        """Every vote has a voter, and a prompt."""
        return ("voter", "prompt")

    def contexts(self, names: Sequence[str], cluster: str | None) -> CovariateComparisons:
        """List the votes with what was counted in the answers that they judge."""
        for name in names:
            if name not in MEASURES:
                raise SourceError(
                    f"The log has nothing to control for {name!r} with; {suggest(name, MEASURES)}"
                )
        table = self._select(f"lineup, ballot, number, {', '.join(names)}", " ORDER BY number")
        sequence = self._rows(table)
        seats, known = self._seats(table["lineup"].to_numpy().astype(np.int64))
        width = seats.shape[1]
        amounts = [
            by_seat(known, seats, list_numbers(table[name].combine_chunks(), width)[0]) for name in names
        ]
        member = None if cluster is None else self._labelled(table, cluster)[0]
        return CovariateComparisons.of(self.ballots(), sequence, np.stack(amounts), names, member)

    def split(self, column: str) -> dict[str, LogSource]:
        """Cut the votes by the values of a label; a missing value is a group named "null", or "(null)"."""
        table = self._select(f"DISTINCT {self._label(column)} AS value", " ORDER BY value NULLS LAST")
        values = table["value"].to_pylist()
        missing = "(null)" if "null" in values else "null"
        return {
            missing if value is None else value: replace(
                self, where={**self.where, column: value}, known=None
            )
            for value in values
        }

    def counts_by_position(self) -> FloatArray | None:
        """Count the votes by side, in the order in which the answers were shown; None for K-wise votes."""
        table = self._select("lineup, ballot, count(*) AS count", " GROUP BY lineup, ballot")
        ballots, which = self.ballots(), self._rows(table)
        if not ballots.pairwise:
            return None
        turned = self._turned(table, which)
        return count_positions(ballots, which, turned, table["count"].to_numpy().astype(np.int64))

    def _turned(self, table: pa.Table, ballot: IntArray) -> BoolArray:
        """(N,) whether the first model of each vote's ballot was not the one shown first."""
        ballots = self.ballots()
        seats, names = self._seats(table["lineup"].to_numpy().astype(np.int64))
        first = np.array(ballots.models, dtype=object)[ballots.shown[ballot, 0]]
        return np.asarray(names[seats[:, 0]] != first, dtype=bool)

    def reweighted(self, floor: float, *, with_failed: bool = False) -> LogSource:  # noqa: ARG002
        """Refuse: the probabilities are in the snapshots."""
        raise SourceError(
            f"Votes read from an open log are not reweighted (floor {floor!r}); rank the folder."
        )

    def llm_votes(self) -> int:
        """Those who vote in an arena are people."""
        return 0

    def left_out(self) -> dict[str, int]:
        """Count the votes that were not blind; nothing in a log is invalid, for that was never written."""
        gone = {} if self.aside is None else dict(self.aside.number)
        return ({NOT_BLIND: self._not_blind} if self._not_blind else {}) | gone

    @cached_property
    def _not_blind(self) -> int:
        """Votes that were not blind: a board asks for them a dozen times."""
        table = self._select("count(*) AS number", "", counted=f"blind = FALSE AND {_LISTED_VOTES}")
        return int(table["number"].to_pylist()[0])

    def without(self, aside: SetAside) -> LogSource:
        """Leave out votes of some voters, and those on a model between two times."""
        return replace(self, aside=aside, known=None)

    def _cluster(self, name: str) -> str:
        """SQL for a label to cluster by; a prompt that was typed is one of its own."""
        label = self._label(name)
        return "coalesce(prompt_id, 'battle ' || battle_id::VARCHAR)" if label == "prompt_id" else label

    def _label(self, name: str) -> str:
        name = name.removesuffix("_id")
        if name not in VOTE_LABELS:
            raise SourceError(f"The votes of the log have no {name!r}; {suggest(name, VOTE_LABELS)}")
        return VOTE_LABELS[name]

    def _labelled(self, table: pa.Table, by: str) -> tuple[IntArray, Callable[[], tuple[str, ...]]]:
        """(N,) number of each vote's label, in the order of the labels; and what tells these."""
        labels, numbers = self.labels.of(self._cluster(by), self.upto), table["number"].to_numpy()
        place = labels.place[numbers - 1]
        if (missing := np.sort(numbers[place < 0])).size:
            which = rows_text(missing[:5].tolist(), len(missing), "vote")
            raise SourceError(
                f"There is no {by} to cluster by in {which} of the log; "
                "cluster by battle or voter, which every vote has."
            )
        there = np.zeros(len(labels.names), dtype=bool)
        there[place] = True
        return (np.cumsum(there) - 1)[place], lambda: tuple(labels.names.filter(pa.array(there)).to_pylist())

    def _select(self, what: str, how: str, counted: str = _BLIND_VOTES) -> pa.Table:
        """Read something of these votes."""
        conditions = [
            "number <= $upto",
            counted,
            _UNWITHDRAWN,
            *(f"{VOTE_LABELS[name]} IS NOT DISTINCT FROM ${name}" for name in self.where),
        ]
        if self.clean:
            conditions.append(UNBROKEN)
        given: dict[str, Any] = {"upto": self.upto, "withdrawn": self.withdrawn, **self.where}
        if self.aside is not None:
            conditions.append("voter NOT IN (SELECT unnest($aside))")
            given["aside"] = list(self.aside.voters)
            if self.aside.networks:
                conditions.append("(network IS NULL OR network NOT IN (SELECT unnest($near)))")
                given["near"] = list(self.aside.networks)
            for i, (model, start, stop) in enumerate(self.aside.windows):
                inside = f"epoch(created) BETWEEN $start{i} AND $stop{i}"
                lineups = f"SELECT lineup FROM lineups WHERE list_contains(models, $model{i})"
                conditions.append(f"NOT ({inside} AND lineup IN ({lineups}))")
                given |= {f"model{i}": model, f"start{i}": start, f"stop{i}": stop}
        sql = f"SELECT {what} FROM votes WHERE {' AND '.join(conditions)}{how}"
        return self.query(sql, given)

    def _rows(self, table: pa.Table) -> IntArray:
        """(N,) the distinct ballot of each vote."""
        _, keys, row = self._ballots
        lineup, ballot = (table[name].to_numpy().astype(np.int64) for name in ("lineup", "ballot"))
        first, last = keys >> 32, keys & _BALLOT
        width = int(last.max()) + 1
        cells = (int(first.max()) + 1) * width
        if cells > max(_CELLS, len(lineup)):
            order = np.argsort(keys)
            return np.asarray(row[order[np.searchsorted(keys, lineup << 32 | ballot, sorter=order)]])
        found: IntArray = np.empty(cells, dtype=np.int64)
        found[first * width + last] = row
        return np.asarray(found[lineup * width + ballot])

    def _seats(self, lineup: IntArray) -> tuple[IntArray, NDArray[np.object_]]:
        """(C, K) the models of lineups as indices, -1 pads; and the names of all that occur."""
        table = self.query("SELECT models FROM lineups ORDER BY lineup", {})
        voted = np.zeros(table.num_rows, dtype=bool)
        voted[lineup - 1] = True
        models = table["models"].combine_chunks().filter(voted)
        names = models.flatten().dictionary_encode()
        sizes = models.value_lengths().to_numpy().astype(np.int64)
        flat = names.indices.to_numpy().astype(np.int64)
        seats = pad_lists(flat, sizes, int(max(2, sizes.max(initial=0))), PAD)
        place = np.cumsum(voted) - 1
        return seats[place[lineup - 1]], np.array(names.dictionary.to_pylist(), dtype=object)

    def _places(self, ballot: IntArray, width: int) -> tuple[IntArray, IntArray]:
        """(C, K) places, 0 where there is none, and acceptability, -1 where it was not asked."""
        table = self.query("SELECT places, acceptable FROM ballots ORDER BY ballot", {})
        rows = table.to_pylist()
        places = np.full((len(rows), width), UNRANKED, dtype=np.int64)
        acceptable = np.full((len(rows), width), NOT_ASKED, dtype=np.int64)
        for i, row in enumerate(rows):
            k = min(len(row["places"]), width)  # wider ballots are of votes that were not chosen
            places[i, :k] = [place or UNRANKED for place in row["places"][:k]]
            if row["acceptable"] is not None:
                acceptable[i, :k] = row["acceptable"][:k]
        return places[ballot - 1], acceptable[ballot - 1]
