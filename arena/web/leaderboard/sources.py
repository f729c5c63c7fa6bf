"""What the reading pages read: the votes of an arena, or those of any file; and how a command calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agon.arena.core.arena import Arena, tell
from agon.arena.web.layout import ARENA, READING, Site
from agon.arena.web.leaderboard.query import DEFAULT_RULE, OTHER_WORDS, Offer
from agon.arena.web.leaderboard.table import ModelInfo
from agon.data.files.covariates import MEASURES
from agon.data.files.table_source import TableSource
from agon.ranking import METHODS, Comparisons, ScoreTable
from agon.ranking.errors import AgonError, SourceError
from agon.ranking.votes.comparisons import Votes, as_comparisons


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
        site: the pages beside these.
    """

    words: tuple[str, ...]
    unit: str
    total: int
    info: ModelInfo = field(default_factory=ModelInfo)
    where: str | None = None
    notice: str | None = None
    imported: tuple[str, ...] = ()
    site: Site = READING


class BoardSource(Protocol):
    """Where the reading pages take their votes from; every method may be called from any thread."""

    def version(self) -> object:
        """A value that is another one when the votes are."""

    def about(self) -> About:
        """What is known of the votes."""

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        """What can be asked for, where these columns have these values."""

    def votes(self, chosen: Mapping[str, str]) -> Comparisons | ScoreTable | None:
        """The votes with these values of these columns; None without one."""


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


class ArenaVotes:
    """The votes of an arena that is open."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    def version(self) -> object:
        """The number of votes: the log only grows."""
        return self._arena.log.count()

    def about(self) -> About:
        """The models' cards, failures and states too."""
        arena = self._arena
        own = arena.log.folder / "votes" / "arena.parquet"
        imported = tuple(sorted(file.name for file in own.parent.glob("*.parquet") if file != own))
        cards = {contestant.card.name: contestant.card for contestant in arena.roster.contestants}
        return About(
            words=(str(own if imported else arena.log.folder),),
            unit="blind vote",
            total=arena.log.counted(),
            info=ModelInfo(cards, arena.endings, arena.unavailable, closed=True),
            notice=arena.roster.notice,
            imported=imported,
            site=ARENA,
        )

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        """Categories and languages, all rules on votes, and what is counted in the answers."""
        filters = self._arena.log.filters(chosen.get("category"), chosen.get("language"))
        two = len(self._arena.roster.contestants) == 2
        return Offer(filters, rules_for(table=False, complete=two), tuple(MEASURES))

    def votes(self, chosen: Mapping[str, str]) -> Comparisons | None:
        """The votes so far."""
        return self._arena.comparisons(chosen.get("category"), chosen.get("language"))


class VoteFile:
    """Votes or scores of a file or a log folder, opened again when it changes.

    Args:
        paths: the files and folders.
        words: that name it in a command, with its options.
        where: the condition under which it is read.
        read: opens these paths; raises AgonError where it cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        words: tuple[str, ...],
        where: str | None,
        read: Callable[[Sequence[Path]], Votes],
    ) -> None:
        self._paths, self._words, self._where, self._read = paths, words, where, read
        self._state, self._opened = self._stamp(), as_comparisons(read(paths))

    def _stamp(self) -> object:
        files = [f for one in self._paths for f in (sorted(one.rglob("*")) if one.is_dir() else [one])]
        seen = [file for file in files if ".duckdb" not in file.name and file.is_file()]
        return [(file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in seen]

    def version(self) -> object:
        """When the file was written; it is opened again if that is later than before."""
        state = self._stamp()
        if state and state != self._state:
            try:
                self._opened = as_comparisons(self._read(self._paths))
            except AgonError as error:  # half written, perhaps: what was read before is still right
                tell(
                    f"{self._paths[0]} changed and cannot be read, so the votes of before are shown: {error}"
                )
            self._state = state
        return str(self._state)

    def about(self) -> About:
        """Its name and its size."""
        if isinstance(self._opened, ScoreTable):
            return About(self._words, "task", len(self._opened.tasks))
        return About(self._words, "vote", len(self._opened), where=self._where)

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        """Its columns of words with few values, the rules for its kind, its features."""
        shown = self._opened.ballots.shown
        complete = shown.shape[1] == len(self._opened.models) and bool((shown >= 0).all())
        rules = rules_for(table=isinstance(self._opened, ScoreTable), complete=complete)
        if isinstance(self._opened, ScoreTable) or not isinstance(self._opened.source, TableSource):
            return Offer(rules=rules)
        source = self._opened.source
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
        part = source.only(chosen)
        try:
            part.ballots()
        except SourceError:
            return None
        return Comparisons(part)
