"""What the reading pages read: the votes of an arena, or those of any file; and how a command calls them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Protocol

from agon.arena.core.arena import Arena
from agon.arena.core.operation.operator_messages import tell
from agon.arena.web.layout import ARENA, READING, Site
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import DEFAULT_RULE, OTHER_WORDS, Offer
from agon.data.files.covariates import MEASURES
from agon.data.files.schema import PERIODS, period_sql
from agon.data.files.table_source import TableSource
from agon.data.log.operation.life_cycle import votes_by_model
from agon.data.log.vote_log import SNAPSHOT
from agon.ranking import METHODS, Comparisons, GatedVotes, ScoreTable, gate_votes
from agon.ranking.annotators.gates import Gate
from agon.ranking.errors import AgonError, SourceError
from agon.ranking.votes.comparisons import Votes, as_comparisons
from agon.ranking.votes.vote_source import LogHead

SPEEDS = {"first_token", "seconds", "tokens_per_second"}
_MOST_GATED = 16  # choices of votes of which it is kept what passes the gates
_MOST_OFFERS = 256  # choices of votes whose counts are kept while the votes are the same
_QUICK, _COUNT_RESTS = (
    0.02,
    100.0,
)  # seconds of a count that needs no rest, and how many times as long others rest
SAVED = 20.0  # states of a log that a quiet arena has saved up, of one a second
_FACTS_SECONDS = 30.0  # between two looks at the medians of an open log


@dataclass(frozen=True, slots=True)
class About:
    """What is known of the votes beside what they say.

    Attributes:
        words: that name the votes in a command, with its options.
        where: the condition that all of them meet.
        unit: what is counted: "blind vote", "vote" or "task".
        total: how many there are.
        info: of the models.
        notice: what a reader should know of what is compared.
        imported: files of votes beside these, which the boards do not count.
        periods: SQL of the filters that are no columns, for a command.
        facts: the option of a command for what a table says of the models.
        folders: the logs that the votes lie in.
        judges: the option of a command for votes of judges beside these.
        site: the pages beside these.
        shares: of A/A battles, and of those of the others with a model in testing, as they are planned now.
        gates: that votes pass before boards count them.
    """

    words: tuple[str, ...]
    unit: str
    total: int
    info: ModelInfo = field(default_factory=ModelInfo)
    where: str | None = None
    notice: str | None = None
    imported: tuple[str, ...] = ()
    periods: Mapping[str, str] = field(default_factory=dict)
    facts: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    judges: tuple[str, ...] = ()
    site: Site = READING
    shares: tuple[float, float] | None = None
    gates: Gate = "none"


class BoardSource(Protocol):
    """Where the reading pages take their votes from; every method may be called from any thread."""

    def version(self) -> object:
        """A value that is another one when the votes are."""

    def shown(self) -> object:
        """A value that is another one when anything is that pages show: votes, models, how they answer."""

    def about(self) -> About:
        """What is known of the votes."""

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        """What can be asked for, where these columns have these values."""

    def votes(self, chosen: Mapping[str, str]) -> Comparisons | ScoreTable | None:
        """The votes with these values of these columns that pass the gates; None without one."""

    def everything(self) -> Comparisons | ScoreTable | None:
        """All votes, whether they pass the gates or not; None without one."""

    def judges(self) -> Comparisons | None:
        """Votes of judges that are weighed beside all of them; None without one."""

    def before(self, chosen: Mapping[str, str], seconds: float) -> Comparisons | None:
        """Those of them that were cast before a time, in seconds since 1970; None without one."""

    def span(self) -> tuple[float, float] | None:
        """When the first vote was cast and when the last; None where that is not known."""


def rules_for(*, table: bool, complete: bool) -> tuple[str, ...]:
    """The methods that votes may be ranked by, the default first.

    Args:
        table: whether they are a table of scores.
        complete: whether every model is on every ballot, as rules of places and eliminations ask for.
    """
    unfit = {"contexts", "battles"} if table else {"contexts", "scores"}
    fit = [
        name
        for name, how in METHODS.items()
        if how.view not in unfit
        and name != "scoring_vector"
        and (complete or how.view != "ballots" or how.family != "social_choice")
    ]
    return (DEFAULT_RULE, *(name for name in fit if name != DEFAULT_RULE))


@dataclass(frozen=True, slots=True)
class _LogState:
    """A log at one moment, which all readers share until it is read again.

    Attributes:
        number: another one in every other state.
        version: numbers of votes and of withdrawals.
        about: what is known of these votes.
        told: what that was made from beside the votes.
    """

    number: int
    version: tuple[int, int]
    about: About
    told: object


class ArenaVotes:
    """The votes of an arena that is open, in a state that all its readers share.

    It is that of now; while votes come more often than once a second it is up to a second old.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._measured: tuple[float, tuple[int, int], dict[str, dict[str, Any]]] = (-inf, (-1, -1), {})
        self._looking, self._counting, self._gating = Lock(), Lock(), Lock()
        self._by_model: tuple[object, float, float, dict[str, int]] = (None, -inf, 0.0, {})
        self._state: _LogState | None = None
        self._turns, self._looked = SAVED, monotonic()  # states that may be read, of which one comes a second
        # What passes the gates by what was chosen, the last asked for last: of which votes, and what.
        self._gated: OrderedDict[frozenset[tuple[str, str]], tuple[object, GatedVotes]] = OrderedDict()
        # Counts by what was chosen: of which votes, when, in how many seconds.
        self._filters: dict[frozenset[tuple[str, str]], tuple[object, float, float, Any]] = {}

    def _now(self) -> _LogState:
        """The state that is shown now."""
        with self._looking:
            now = monotonic()
            self._turns, self._looked = min(SAVED, self._turns + now - self._looked), now
            if self._state is None or self._turns >= 1:
                self._state = self._read(self._state)
            return self._state

    def _read(self, before: _LogState | None) -> _LogState:
        """The state of now: the one before, where nothing came."""
        arena = self._arena
        version = arena.log.version()
        own = arena.log.folder / "votes" / SNAPSHOT
        imported = tuple(sorted(file.name for file in own.parent.glob("*.parquet") if file != own))
        endings, facts = sum(arena.contestants.endings.all_asked().values()), self._facts(version)
        by_model, out = self._votes_by_model(version), arena.contestants.unavailable
        told = imported, arena.roster, arena.settings, out, endings, facts, by_model
        if before is not None and (before.version, before.told) == (version, told):
            return before
        self._turns -= 1
        same = before is not None and before.version == version
        total = before.about.total if before is not None and same else arena.log.counted()
        about = self._about(total, imported, facts, by_model)
        return _LogState(before.number + 1 if before else 0, version, about, told)

    def version(self) -> object:
        """The numbers of votes and of withdrawals, for the log only grows, and the gates that votes pass."""
        state = self._now()
        return state.version, state.about.gates

    def shown(self) -> object:
        """The number of the state."""
        return self._now().number

    def about(self) -> About:
        """The models' cards, failures and states too."""
        return self._now().about

    def _about(
        self,
        total: int,
        imported: tuple[str, ...],
        facts: dict[str, dict[str, Any]],
        by_model: dict[str, int],
    ) -> About:
        arena, hidden = self._arena, self._arena.contestants.hidden
        own = arena.log.folder / "votes" / SNAPSHOT
        everybody = [one for one in arena.roster.contestants if one.card.name not in hidden]
        cards = {one.card.name: one.card for one in everybody}
        gone = frozenset(one.card.name for one in everybody if one.status == "retired")
        known = {model: found for model, found in facts.items() if model not in hidden}
        most = arena.settings.preliminary
        return About(
            words=(str(own if imported else arena.log.folder),),
            unit="blind vote",
            total=total,
            info=ModelInfo(
                cards,
                arena.contestants.endings,
                arena.contestants.unavailable,
                True,
                known,
                gone,
                frozenset(arena.settings.paused),
                most,
                by_model,
            ),
            shares=(arena.settings.same_model, arena.settings.testing_share),
            notice=arena.roster.notice,
            imported=imported,
            periods={name: period_sql("timestamp", name) for name in PERIODS},
            folders=(arena.log.folder,),
            site=ARENA,
            gates=arena.settings.gates,
        )

    def _votes_by_model(self, version: tuple[int, int]) -> dict[str, int]:
        """All votes of each model, counted anew as rarely as what can be filtered by; none where no state
        depends on them."""
        if not self._arena.settings.preliminary:
            return {}
        with self._counting:
            known = self._by_model
            if known[0] != version and monotonic() - known[1] > _COUNT_RESTS * known[2]:
                begun, votes = monotonic(), self._arena.comparisons({})
                counts = {} if votes is None else votes_by_model(votes)
                took = monotonic() - begun
                self._by_model = known = version, monotonic(), took if took > _QUICK else 0.0, counts
            return known[3]

    def _facts(self, version: tuple[int, int]) -> dict[str, dict[str, Any]]:
        """What was measured of the answers, anew when votes came and half a minute has passed,
        or longer where it takes long.

        A replay has a speed that we chose, which is nothing to compare.
        """
        due, counted, facts = self._measured
        begun = monotonic()
        if version != counted and begun > due:
            facts = self._arena.log.measured()
            for contestant in self._arena.roster.contestants:
                if not contestant.measured:
                    own = facts.get(contestant.card.name, {})
                    facts[contestant.card.name] = {k: v for k, v in own.items() if k not in SPEEDS}
            took = monotonic() - begun
            self._measured = begun + max(_FACTS_SECONDS, _COUNT_RESTS * took), version, facts
        return facts

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        """Categories and languages, all rules on votes, and what is counted in the answers."""
        two = len(self._arena.roster.listed) == 2
        return Offer(self._counted(chosen), rules_for(table=False, complete=two), tuple(MEASURES))

    def _counted(self, chosen: Mapping[str, str]) -> dict[str, dict[str, int]]:
        """The values of the columns and their votes, which readers of the same votes count but once.

        Of a large log they are of some seconds ago while votes come: to count takes a hundredth of the time.
        """
        key, version = frozenset(chosen.items()), self.version()
        with self._counting:
            known = self._filters.get(key)
            if known is None or (known[0] != version and monotonic() - known[1] > _COUNT_RESTS * known[2]):
                begun = monotonic()
                found = self._arena.log.filters(chosen)
                if len(self._filters) >= _MOST_OFFERS:
                    self._filters.clear()
                took = monotonic() - begun
                known = version, monotonic(), took if took > _QUICK else 0.0, found
                self._filters[key] = known
            counts: dict[str, dict[str, int]] = known[3]
            return counts

    def votes(self, chosen: Mapping[str, str]) -> Comparisons | None:
        """The votes so far that pass the gates."""
        if self.about().gates == "none":
            return self._arena.comparisons(chosen)
        gated = self._behind_gates(chosen)
        return None if gated is None else gated.votes

    def everything(self) -> Comparisons | None:
        """All votes so far."""
        return self._arena.comparisons({})

    def _behind_gates(self, chosen: Mapping[str, str]) -> GatedVotes | None:
        """What passes of the votes chosen, looked through once for whoever asks of the same votes."""
        key, version = frozenset(chosen.items()), self.version()
        with self._gating:
            known = self._gated.get(key)
            if known is None or known[0] != version:
                votes = self._arena.comparisons(chosen)
                if votes is None:
                    return None
                known = self._gated[key] = version, gate_votes(votes, self.about().gates)
            self._gated.move_to_end(key)
            while len(self._gated) > _MOST_GATED:
                self._gated.popitem(last=False)
            return known[1]

    def judges(self) -> None:
        """None: those of people decide."""

    def before(self, chosen: Mapping[str, str], seconds: float) -> Comparisons | None:
        """The votes up to the last one before that time, less those that the gates set aside today."""
        upto = self._arena.log.number_before(seconds)
        gated = None if self.about().gates == "none" else self._behind_gates(chosen)
        try:
            votes = self._arena.log.comparisons(chosen, upto=upto) if upto else None
            if votes is not None and gated is not None and gated.aside is not None:
                votes = votes.without(gated.aside)
                len(votes)  # says now if none is left
        except SourceError:
            return None
        return votes

    def span(self) -> tuple[float, float] | None:
        """When the first and the last vote were cast."""
        return self._arena.log.span()


@dataclass(frozen=True, slots=True)
class JudgesFiles:
    """Votes of judges beside those of people.

    Attributes:
        paths: where they lie.
        read: reads them; raises AgonError where they cannot be read, or their audit refused the judge.
    """

    paths: tuple[Path, ...]
    read: Callable[[Sequence[Path]], Comparisons]


class VoteFile:
    """Votes or scores of a file or a log folder, opened again when it changes.

    Args:
        paths: the files and folders.
        words: that name it in a command, with its options.
        where: the condition under which it is read.
        read: opens these paths; raises AgonError where it cannot be read.
        facts: what is known of the models beside their votes.
        table: the option of a command that names a table of them.
        judges: votes of judges that the board of all of them is weighed with; None without.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        words: tuple[str, ...],
        where: str | None,
        read: Callable[[Sequence[Path]], Votes],
        facts: Callable[[Sequence[Path]], Mapping[str, Mapping[str, Any]]] = lambda _: {},
        table: tuple[str, ...] = (),
        judges: JudgesFiles | None = None,
    ) -> None:
        self._facts, self._table, self._judges = facts, table, judges
        self._paths, self._words, self._where, self._read = paths, words, where, read
        self._state = self._stamp()
        self._opened, self._judged = self._read_all()
        self._about = self._read_about()
        self._offers: dict[frozenset[tuple[str, str]], tuple[object, Offer]] = {}

    def _read_all(self) -> tuple[Comparisons | ScoreTable, Comparisons | None]:
        judged = None if self._judges is None else self._judges.read(self._judges.paths)
        return as_comparisons(self._read(self._paths)), judged

    def _stamp(self) -> object:
        paths = [*self._paths, *(self._judges.paths if self._judges else ())]
        files = [f for one in paths for f in (sorted(one.rglob("*")) if one.is_dir() else [one])]
        seen = [file for file in files if ".duckdb" not in file.name and file.is_file()]
        return [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in seen]

    def version(self) -> object:
        """When the file was written; it is opened again if that is later than before."""
        state = self._stamp()
        if state and state != self._state:
            try:
                self._opened, self._judged = self._read_all()
                self._about = self._read_about()
            except AgonError as error:  # half written, perhaps: what was read before is still right
                tell(
                    f"{self._paths[0]} changed and cannot be read, so the votes of before are shown: {error}"
                )
            self._state = state
        return str(self._state)

    def shown(self) -> object:
        """The version: what is known of its models is read with it."""
        return self.version()

    def about(self) -> About:
        """Its name, its size, and what is known of its models."""
        return self._about

    def _read_about(self) -> About:
        known = {model: dict(facts) for model, facts in self._facts(self._paths).items()}
        if isinstance(self._opened, ScoreTable):
            info = ModelInfo(known=known)
            return About(self._words, "task", len(self._opened.tasks), info, facts=self._table)
        periods: Mapping[str, str] = {}
        if isinstance(self._opened.source, TableSource):
            periods = self._opened.source.periods
            for model, seconds in self._opened.source.first_seen().items():
                known.setdefault(model, {}).setdefault("first_seen", seconds)
        info = ModelInfo(known=known)
        judged = self._judges.paths if self._judges else ()
        return About(
            self._words,
            "vote",
            len(self._opened),
            info,
            where=self._where,
            periods=periods,
            facts=self._table,
            folders=tuple(path for path in self._paths if (path / "agon.duckdb").exists()),
            judges=tuple(word for path in judged for word in ("--judges", str(path))),
        )

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        """Its columns of words with few values, the rules for its kind, its features; counted once."""
        opened, key = self._opened, frozenset(chosen.items())
        known = self._offers.get(key)
        if known is not None and known[0] is opened:
            return known[1]
        offer = self._count_offer(opened, chosen)
        if len(self._offers) >= _MOST_OFFERS:
            self._offers.clear()
        self._offers[key] = opened, offer
        return offer

    @staticmethod
    def _count_offer(opened: Comparisons | ScoreTable, chosen: Mapping[str, str]) -> Offer:
        shown = opened.ballots.shown
        complete = shown.shape[1] == len(opened.models) and bool((shown >= 0).all())
        rules = rules_for(table=isinstance(opened, ScoreTable), complete=complete)
        if isinstance(opened, ScoreTable):
            return Offer(rules=rules, tasks=opened.tasks)
        if not isinstance(opened.source, TableSource):
            return Offer(rules=rules)
        source = opened.source
        filters = {
            name: counts for name, counts in source.value_counts(chosen).items() if name not in OTHER_WORDS
        }
        return Offer(filters, rules, source.features())

    def votes(self, chosen: Mapping[str, str]) -> Comparisons | ScoreTable | None:
        """Its votes with these values, counted anew; all of them where nothing can be chosen."""
        if not chosen or isinstance(self._opened, ScoreTable):
            return self._opened
        source = self._opened.source
        if not isinstance(source, TableSource):
            return self._opened
        return self._counted(source.only(chosen), self._opened.head)

    def everything(self) -> Comparisons | ScoreTable | None:
        """All of its votes."""
        return self._opened

    def judges(self) -> Comparisons | None:
        """Those of judges beside them."""
        return self._judged

    def before(self, chosen: Mapping[str, str], seconds: float) -> Comparisons | None:
        """Its votes before that time; None where it has no times."""
        if isinstance(self._opened, ScoreTable) or not isinstance(self._opened.source, TableSource):
            return None
        return self._counted(self._opened.source.only(chosen).before(seconds))

    def span(self) -> tuple[float, float] | None:
        """When the first and the last vote were cast; None where it has no times."""
        if isinstance(self._opened, ScoreTable) or not isinstance(self._opened.source, TableSource):
            return None
        return self._opened.source.span

    @staticmethod
    def _counted(part: TableSource, head: LogHead | None = None) -> Comparisons | None:
        """These votes; None without one."""
        try:
            part.ballots()
        except SourceError:
            return None
        return Comparisons(part, head)
