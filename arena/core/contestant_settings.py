"""How the models of a log were asked: whoever is asked otherwise is another contestant.

Votes on answers of temperature 0 and of temperature 1 under one name would be votes on neither. The store
keeps a digest of the settings of each model beside the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from agon.arena.core.answer_sets import settings_digest
from agon.arena.core.roster import Contestant
from agon.ranking.errors import InputError
from agon.ranking.leaderboard.row import plain


class ChangedContestantError(InputError):
    """A model is asked in another way than for the answers that the log has of it."""


class ContestantSettings:
    """The digests of one store."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "contestants.json"
        self._known: dict[str, str] = {}
        if self._file.exists():
            self._known = {str(k): str(v) for k, v in json.loads(self._file.read_text("utf-8")).items()}

    def take(self, contestants: Iterable[Contestant], asked: Mapping[str, int]) -> None:
        """Keep how these are asked.

        Args:
            contestants: all that are to be drawn.
            asked: how many answers were asked of each model.

        Raises:
            ChangedContestantError: one has answers of other settings; nothing is kept.
        """
        now = {one.card.name: settings_digest(one) for one in contestants}
        for name, digest in now.items():
            if self._known.get(name, digest) != digest and asked.get(name):
                raise ChangedContestantError(
                    f"The log has {asked[name]:,} answers of {plain(name)!r} with other sampling, "
                    "system prompt or served model, so that it is another contestant now; give it a name of "
                    f"its own, such as {plain(name) + '-2'!r}."
                )
        self._known |= now
        beside = self._file.with_suffix(".json.new")
        beside.write_text(json.dumps(self._known, indent=1, ensure_ascii=False, sort_keys=True), "utf-8")
        beside.replace(self._file)
