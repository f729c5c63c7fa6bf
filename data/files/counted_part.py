"""Parts: files of counts of votes, which add up with those of others; how one is told, and what it says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agon.data.files.reader import PARQUET
from agon.ranking.errors import SourceError

COUNT = "agon_count"  # the column that says how many votes a row stands for
FACTS = b"agon_counts"  # the metadata of a part
PART_VERSION = 1  # of the layout of parts


def part_facts(path: object) -> Mapping[str, Any] | None:
    """What a part says of itself; None of anything else, and of a file that cannot be read.

    Raises:
        SourceError: a part of a later version.
    """
    if not isinstance(path, Path) or path.suffix.lower() not in PARQUET or path.is_dir():
        return None
    try:
        found = (pq.read_schema(path).metadata or {}).get(FACTS)
        facts = None if found is None else json.loads(found)
    except (pa.ArrowException, OSError, ValueError):
        return None
    if facts is None or not isinstance(facts, dict):
        return None
    if facts.get("version") != PART_VERSION:
        raise SourceError(
            f"{path} is a part of version {facts.get('version')}, and this Agon reads {PART_VERSION}; "
            "upgrade Agon: pip install --upgrade agon-arena."
        )
    return facts


def left_out_of_parts(paths: Sequence[object]) -> dict[str, int]:
    """What was left out when parts were written, by reason.

    Raises:
        SourceError: one part under two names.
    """
    check_parts(paths)
    told: Counter[str] = Counter()
    for path in paths:
        told.update((part_facts(path) or {}).get("left_out", {}))
    return dict(told)


def check_parts(paths: Sequence[object]) -> None:
    """Refuse one part under two names, whose votes would count twice, and parts beside votes.

    Names of voters and prompts are others in a part, so that what belongs together would stand apart.

    Raises:
        SourceError: that is so.
    """
    known: dict[str, object] = {}
    found = {path: part_facts(path) for path in paths}
    for path, facts in found.items():
        if facts is None and any(found.values()):
            part = next(one for one, told in found.items() if told)
            raise SourceError(
                f"{part} holds counts, and {path} does not; count that too: agon counts {path} --to "
                f"{Path(str(path)).stem}-counts.parquet."
            )
        first = path if facts is None else known.setdefault(str(facts.get("id")), path)
        if first is not path:
            raise SourceError(f"{first} and {path} are copies of one part; name one of them.")
