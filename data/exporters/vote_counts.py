"""`write_counts`: votes as counts that add up with those of others, without the votes leaving home."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from agon.data.files.counted_part import COUNT, FACTS, PART_VERSION
from agon.data.files.reader import PARQUET
from agon.data.files.schema import COLUMN
from agon.data.files.source import describe_source
from agon.data.files.table_source import ALIASES, TYPED, TableSource
from agon.data.files.writer import refuse_existing, whole_file, write_parquet
from agon.data.reading import comparisons
from agon.ranking.errors import OptionError, SourceError
from agon.ranking.text import Readable

_LEAST_GROUPS = 20  # of clusters, below which intervals are not to be trusted


@dataclass(frozen=True, repr=False)
class CountsWritten(Readable):
    """What was written.

    Attributes:
        path: the file.
        votes: how many votes it counts.
        rows: in how many rows.
        clusters: column of the clusters → how many there are.
        mixed: whether several voters and the like were put into each.
    """

    path: Path
    votes: int
    rows: int
    clusters: dict[str, int]
    mixed: bool

    def conclusion(self) -> str:
        """Say it in one sentence."""
        names = " and ".join(f"each {by} ({number:,})" for by, number in self.clusters.items())
        groups = " and ".join(f"{number:,} groups of each {by}" for by, number in self.clusters.items())
        whose = "" if not names else f"; what was voted by {names} stands apart under a random name"
        if self.mixed:
            whose = f"; no single one stands apart, only {groups}, drawn by lot"
        return f"{self.votes:,} votes in {self.rows:,} rows of {self.path}{whose}"


def write_counts(
    source: object,
    target: str | Path,
    *,
    by: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    match: Sequence[str] | None = None,
    groups: int | None = None,
    replace: bool = False,
    **reading: object,
) -> CountsWritten:
    """Write how often each distinct ballot was cast: a part, which `comparisons` reads and adds to others.

    Boards of parts are those of all their votes, but for methods that ask for the order of votes, and for
    controls. A part has no times, no texts and no names of voters.

    Args:
        source: as of `comparisons`.
        target: a file that ends in .parquet.
        by: columns whose values are kept apart as clusters, under random names, so that intervals are the
            same; None takes those through which the votes depend (voter and prompt, where there are), an
            empty list none.
        keep: columns of single values by which the votes can be chosen and cut, with their values.
        match: columns of `by` with values that other parts share, such as prompts of one list: their names
            are the same in every part, the SHA-256 of the value, so that who guesses one can tell that it
            was there. None takes the prompts, but those that were typed for one battle; an empty list
            none, which understates the intervals of parts that share prompts.
        groups: put the values of each column of `by` into so many groups by lot, at least 20: intervals take
            the groups as clusters, and nobody's votes stand alone.
        replace: whether a file that is there may be replaced.
        reading: as of `comparisons`.

    Raises:
        SourceError, VotesError, OptionError: as `comparisons`; a file that is there or cannot be written; a
            column of several values; an election or a part, which hold counts already.
    """
    path = Path(target)
    if path.suffix.lower() not in PARQUET:
        raise OptionError(f"{path} must end in .parquet, which is the format of a part.")
    refuse_existing(path, replace=replace)
    if groups is not None and groups < _LEAST_GROUPS:
        raise OptionError(
            f"groups={groups} are too few to trust intervals; write {_LEAST_GROUPS} or more (--groups)."
        )
    found = comparisons(source, **reading).source  # type: ignore[arg-type]
    if not isinstance(found, TableSource):
        raise SourceError("An election holds counts, not votes one by one; give the file itself to others.")
    if found.in_part:
        raise SourceError(
            f"{describe_source(source)} holds counts already, which add up as they are; give them to "
            "others, or name them beside others to be ranked."
        )
    by = [found.column(one) for one in (found.cluster_columns() if by is None else by)]
    keep = [found.column(one) for one in keep]
    match = (
        [one for one in by if one in ALIASES["prompt"]] if match is None else list(map(found.column, match))
    )
    if strange := [one for one in match if one not in by]:
        raise OptionError(f"match={strange[0]!r} is no column that is kept apart; name it in by, too.")
    judged = [COLUMN] if found.llm_votes() else []
    table = found.counted(list(dict.fromkeys([*by, *keep, *judged])))
    clusters = {}
    for column in by:
        table, clusters[column] = _renamed(table, column, _namer(column, groups, shared=column in match))
    others = [name for name in table.column_names if name != "count"]
    if not any(pa.types.is_list(table[name].type) for name in others):  # groups share a name
        table = table.group_by(others).aggregate([("count", "sum")]).rename_columns([*others, "count"])
    table = table.rename_columns([*others, COUNT]).select([*others, COUNT])
    table = table.take(pa.array(np.random.default_rng().permutation(table.num_rows)))
    votes = int(np.sum(table[COUNT].to_numpy()))
    facts = {"version": PART_VERSION, "id": secrets.token_hex(16), "left_out": found.left_out()}
    table = table.replace_schema_metadata({FACTS: json.dumps(facts).encode()})
    with whole_file(path) as file:
        write_parquet(table, file)
    return CountsWritten(path, votes, table.num_rows, clusters, groups is not None and bool(by))


Namer = Callable[[list[str]], list[str]]


def _namer(column: str, groups: int | None, *, shared: bool) -> Namer:
    """What gives each value of a column its name in a part."""

    def digests(values: list[str]) -> list[str]:
        return [
            secrets.token_hex(8)
            if value.startswith(TYPED)
            else hashlib.sha256(f"{column}\0{value}".encode()).hexdigest()[:16]
            for value in values
        ]

    def drawn(values: list[str]) -> list[str]:
        if groups is None or groups >= len(values):
            return [secrets.token_hex(8) for _ in values]
        names = [secrets.token_hex(8) for _ in range(groups)]
        return [names[place % groups] for place in np.random.default_rng().permutation(len(values)).tolist()]

    return digests if shared else drawn


def _renamed(table: pa.Table, column: str, namer: Namer) -> tuple[pa.Table, int]:
    """Give the values of a column other names; and say how many names there are.

    Raises:
        SourceError: votes without a value.
    """
    encoded = table[column].combine_chunks().dictionary_encode()
    if encoded.indices.null_count:
        raise SourceError(
            f"Some votes have no {column} to be kept apart by; fill it in, leave them out with "
            f'where="{column} IS NOT NULL" (--where), or name other columns in by (--by).'
        )
    names = namer([str(value) for value in encoded.dictionary.to_pylist()])
    values = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(names, pa.string())).cast(pa.string())
    place = table.column_names.index(column)
    return table.set_column(place, column, values), len(set(names))
