"""The published formats: the table of all, and which of them the columns of a file belong to.

Each lies in a module of its own; opening files, and what happens to the rows that are wrong, is the work of
published.py; what a kind of value is (a text, a time, a number), of columns.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from agon.data.files.schema import column_option
from agon.data.importers.arenas.battle_tables import BATTLES, LMARENA_RELEASES
from agon.data.importers.arenas.fastchat_logs import FASTCHAT
from agon.data.importers.arenas.preferences import CHOSEN, COMPARIA, COMPARIA_REACTIONS, OPEN_WEBUI
from agon.data.importers.columns import Format
from agon.data.importers.judges.annotations import ALPACAEVAL
from agon.data.importers.judges.games import ARENA_HARD, MT_BENCH_GAMES
from agon.data.importers.judges.grades import GRADED, TOURNESOL
from agon.data.importers.judges.rankings import OWN_BALLOTS, PLACED, RANK_LISTS, RANKINGS
from agon.ranking.text import join_names

FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        BATTLES,
        LMARENA_RELEASES,
        FASTCHAT,
        ALPACAEVAL,
        MT_BENCH_GAMES,
        ARENA_HARD,
        COMPARIA,
        COMPARIA_REACTIONS,
        OPEN_WEBUI,
        CHOSEN,
        TOURNESOL,
        GRADED,
        OWN_BALLOTS,
        RANK_LISTS,
        RANKINGS,
        PLACED,
    )
}


def recognise(columns: Iterable[str]) -> list[Format]:
    """Return the formats that these columns belong to, without the more general of two."""
    names = frozenset(columns)
    found = [form for form in FORMATS.values() if form.recognises(names)]
    general = {name for form in found for name in form.rather_than}
    return [form for form in found if form.name not in general]


def nearest(columns: Iterable[str]) -> tuple[Format, tuple[str, ...]]:
    """Return the format that most of its columns are there of, and those that are missing."""
    names = tuple(columns)

    def lacking(form: Format) -> tuple[float, int]:
        missing = form.missing(names)
        size = min(len(wanted) for wanted in form.needs if set(missing) <= set(wanted))
        alike = sum(bool(get_close_matches(name, names, 1, 0.8)) for name in missing)
        return (len(missing) - 0.5 * alike) / size, len(missing)

    form = min(FORMATS.values(), key=lacking)
    return form, form.missing(names)


def lacks_one(names: Iterable[str]) -> bool:
    """Whether all columns of a format but one are there, none of which a table of scores would have."""
    columns = tuple(names)
    form, missing = nearest(columns)
    there = {name for wanted in form.needs if set(missing) <= set(wanted) for name in wanted} & set(columns)
    return len(missing) == 1 and len(there) > 1 and not there & {"model", "task", "score"}


def unrecognised(columns: Iterable[str]) -> str:
    """Say which format is nearest to these columns, what of it is missing, and which option maps it."""
    names = tuple(columns)
    form, missing = nearest(names)
    free = [name for name in names if name not in {one for wanted in form.needs for one in wanted}]
    return (
        f"its columns are {join_names(names, 8)}; the nearest format is {form.name}, which needs "
        f"{form.needed}, and of that {join_names(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
        f"name yours with columns= {column_option(missing[0], free)}"
    )
