"""Whose votes the pages of an arena count: its own, those of a file beside them, or both together.

Each has all the reading pages, under a path of its own, so no address needs to name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agon.arena.core.arena import Arena
from agon.arena.core.operation.operator_messages import tell
from agon.arena.web.api.document import IMPORTED, POOLED
from agon.arena.web.languages.texts import _, message
from agon.arena.web.layout import ARENA, Site, VotesChoice
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import Offer
from agon.arena.web.leaderboard.sources import About, ArenaVotes, BoardSource, VoteFile
from agon.data import read_any
from agon.data.log.vote_log import SNAPSHOT
from agon.data.model_facts import facts_of_models
from agon.ranking import Comparisons, ScoreTable
from agon.ranking.errors import AgonError
from agon.ranking.votes.comparisons import Votes

_FROM_FILE = message("All votes of this board are of the file {file}; none of them was cast here.")
_FROM_BOTH = message(
    "This board counts the votes cast here together with those of the file {file}, which were cast "
    "elsewhere, as they stand there."
)


def votes_of_file(file: Path) -> VoteFile:
    """Open a file of votes, or of scores, that an arena shows beside its own votes.

    Raises:
        AgonError: it cannot be read.
    """
    return VoteFile([file], (str(file),), None, lambda paths: read_any(list(paths)), facts_of_models)


def votes_beside(arena: Arena, file: Path, opened: VoteFile) -> dict[str, BoardSource]:
    """The votes to choose from, by what stands before the paths of their pages; the arena's own are first.

    Args:
        arena: whose own votes they are.
        file: with votes beside them.
        opened: the votes of the file.
    """
    own = ArenaVotes(arena)
    found: dict[str, BoardSource] = {"": own, IMPORTED: opened}
    snapshot = arena.log.folder / "votes" / SNAPSHOT
    if isinstance(opened.votes({}), Comparisons):
        try:
            words = str(snapshot), str(file)
            found[POOLED] = VoteFile([snapshot, file], words, None, _read_both, facts_of_models)
        except AgonError as error:
            tell(f"the votes of {file} are shown beside those cast here, and not together with them: {error}")
    name = file.name
    notices = {IMPORTED: lambda: _(_FROM_FILE, file=name), POOLED: lambda: _(_FROM_BOTH, file=name)}
    return {
        prefix: _Chosen(one, prefix, found, name, notices.get(prefix), own if prefix == POOLED else None)
        for prefix, one in found.items()
    }


def _read_both(paths: Sequence[Path]) -> Votes:
    """The snapshot of an arena's votes and a file together; the file alone, until somebody has voted."""
    return read_any([path for path in paths if path.name != SNAPSHOT or path.exists()])


@dataclass(frozen=True, slots=True)
class _Chosen:
    """One of several sources, whose pages lead to those of the others.

    Attributes:
        source: the votes.
        prefix: what stands before the paths of its pages.
        all: all sources, by their prefixes.
        file: name of the file beside the arena's own votes.
        notice: what a reader should know of them.
        own: the arena's own, where its models are among them.
    """

    source: BoardSource
    prefix: str
    all: Mapping[str, BoardSource]
    file: str
    notice: Callable[[], str] | None = None
    own: ArenaVotes | None = None

    def version(self) -> object:
        return self.source.version()

    def shown(self) -> object:
        return self.source.shown(), [self._number(prefix) for prefix in self.all]

    def offer(self, chosen: Mapping[str, str]) -> Offer:
        return self.source.offer(chosen)

    def votes(self, chosen: Mapping[str, str]) -> Comparisons | ScoreTable | None:
        return self.source.votes(chosen)

    def everything(self) -> Comparisons | ScoreTable | None:
        return self.source.everything()

    def judges(self) -> Comparisons | None:
        return self.source.judges()

    def before(self, chosen: Mapping[str, str], seconds: float) -> Comparisons | None:
        return self.source.before(chosen, seconds)

    def span(self) -> tuple[float, float] | None:
        return self.source.span()

    def about(self) -> About:
        """What is known of the votes, with the way to the others."""
        about = replace(self.source.about(), site=self._site())
        if self.notice is not None:
            about = replace(about, notice=self.notice())
        if self.own is not None:
            info = self.own.about().info
            about = replace(about, info=ModelInfo(info.cards, known={**about.info.known, **info.known}))
        return about

    def _number(self, prefix: str) -> int:
        """How many votes a choice has; of both together without reading them together."""
        if prefix == POOLED:
            return self._number("") + self._number(IMPORTED)
        self.all[prefix].version()  # which reads again a file that changed
        return self.all[prefix].about().total

    def _site(self) -> Site:
        up = "../" if self.prefix else "./"
        labels = {"": _("Cast here"), IMPORTED: self.file, POOLED: _("Both together")}
        choices = tuple(
            VotesChoice(
                labels[prefix],
                "./" if prefix == self.prefix else up + (f"{prefix[1:]}/" if prefix else ""),
                self._number(prefix),
                prefix == self.prefix,
            )
            for prefix in self.all
        )
        site = replace(ARENA, choices=choices)
        if not self.prefix:
            return site
        pages = {**site.pages, "battle": ("../", site.pages["battle"][1])}
        footer = {address.replace("./you", "../you"): name for address, name in site.footer.items()}
        return replace(site, pages=pages, about="../about", static="../static/", footer=footer, you="../you")
