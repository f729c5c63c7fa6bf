"""PrefLib elections as ballots: .soc, .soi, .toc and .toi files, today's headers and those before 2022.

Nothing here ranks. The format: https://www.preflib.org/format (Mattei and Walsh, ADT 2013).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from agon.ranking.errors import OptionError, SourceError, VotesError, suggest
from agon.ranking.text import join_names
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.validation import PAD, UNRANKED

_KINDS = ("soc", "soi", "toc", "toi")  # strict or with ties, orders complete or incomplete
# What machines that read ballots write where a place has no candidate: two, none, or what cannot be read.
MARKS = {"overvote", "undervote", "skipped", "blank", "exhausted", "spoiled", "invalid"}
NAME = re.compile(r"^#\s*ALTERNATIVE NAME\s+(\d+)\s*:\s*(.*)$")
FIELD = re.compile(r"^#\s*([A-Z][A-Z ]*?)\s*:\s*(.*)$")
PLACE = re.compile(r"\{([^{}]*)\}|([^,{}]+)")
_Order = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Election:
    """What one PrefLib file says, before it becomes ballots.

    Attributes:
        names: candidate number to name.
        orders: (line in the file, how many voters, the places from best to worst).
        voters: how many the header announces, or None.
        header: line that announces them.
    """

    names: dict[int, str]
    orders: list[tuple[int, int, _Order]]
    voters: int | None
    header: int


def preflib(source: str | Path, *, absent: Literal["error", "keep", "drop"] = "error") -> Ballots:
    """Read one PrefLib election.

    Every candidate is shown on every ballot. In an incomplete order the candidates that are not listed
    are shown and not ranked: below every listed one, and not compared with each other.

    Args:
        source: path of a .soc, .soi, .toc or .toi file.
        absent: what to do with a candidate that stands on no ballot, and with a mark of the counting
            (overvote, undervote, skipped, ...) that stands among them: "error" refuses the file and names
            the candidate, "keep" keeps it as shown, "drop" leaves it out, and a ballot of nothing else too.

    Raises:
        SourceError: no such file, not a PrefLib election of orders, or a broken header.
        VotesError: a line that is not an order of the file's candidates, a number of voters that is not
            the header's, or a candidate on no ballot; the message names file and line.
        OptionError: an unknown value of `absent`.
    """
    if absent not in ("error", "keep", "drop"):
        raise OptionError(f"There is no absent={absent!r}; {suggest(str(absent), ('error', 'keep', 'drop'))}")
    path = Path(source)
    kind = path.suffix.lower().lstrip(".")
    if kind == "cat":
        raise SourceError(
            f"{path.name} sorts candidates into categories and is no election of orders, which is what is "
            "ranked; PrefLib has orders in .soc, .soi, .toc and .toi files."
        )
    if kind not in _KINDS:
        raise SourceError(
            f"{path.name} is not an election of orders: give a PrefLib file that ends in .soc, .soi, .toc "
            "or .toi."
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise SourceError(f"There is no file {str(path)!r}; check the path.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise SourceError(f"{path.name} cannot be read as UTF-8 text ({problem}); check the file.") from None
    election = (
        _modern(path.name, lines) if any(line.startswith("#") for line in lines) else _old(path.name, lines)
    )
    _check(path.name, kind, election)
    return _ballots(path.name, election, absent)


def _modern(file: str, lines: Sequence[str]) -> Election:
    """Read a file whose header lines start with #."""
    names: dict[int, str] = {}
    fields: dict[str, tuple[int, str]] = {}
    body = []
    for number, line in enumerate(lines, start=1):
        if found := NAME.match(line):
            _name(file, number, names, int(found[1]), found[2])
        elif found := FIELD.match(line):
            fields[found[1]] = (number, found[2].strip())
        elif line.strip() and not line.startswith("#"):
            body.append((number, line))
    announced = _announced(file, fields, "NUMBER ALTERNATIVES")
    if announced is not None and announced[1] != len(names):
        raise SourceError(
            f"{file}, line {announced[0]}: {announced[1]} alternatives are announced, but {len(names)} are "
            "named; correct the header."
        )
    voters = _announced(file, fields, "NUMBER VOTERS")
    orders = [(number, *_order(file, number, line, ":")) for number, line in body]
    return Election(names, orders, None if voters is None else voters[1], 0 if voters is None else voters[0])


def _old(file: str, lines: Sequence[str]) -> Election:
    """Read a file as they were before 2022: number of candidates, names, totals, orders."""
    filled = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not filled:
        raise SourceError(f"{file} is empty; check the file.")
    number, first = filled[0]
    if not first.isdigit() or len(filled) < int(first) + 2:
        raise SourceError(
            f"{file}, line {number}: {first!r} is neither a '# ...' header nor the number of candidates that "
            "old PrefLib files start with; check that this is a PrefLib file."
        )
    names: dict[int, str] = {}
    for number, line in filled[1 : int(first) + 1]:
        label, _, name = line.partition(",")
        if not label.strip().isdigit():
            raise SourceError(
                f"{file}, line {number}: {line!r} does not name a candidate; write 'number,name'."
            )
        _name(file, number, names, int(label), name)
    header, totals = filled[int(first) + 1]
    parts = [part.strip() for part in totals.split(",")]
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise SourceError(
            f"{file}, line {header}: {totals!r} must be 'voters,sum of counts,distinct orders'; correct it."
        )
    body = filled[int(first) + 2 :]
    return Election(
        names, [(number, *_order(file, number, line, ",")) for number, line in body], int(parts[0]), header
    )


def _name(file: str, number: int, names: dict[int, str], candidate: int, text: str) -> None:
    """Keep the name of a candidate."""
    name = text.strip()
    if not name:
        raise SourceError(f"{file}, line {number}: candidate {candidate} has no name; write one.")
    if candidate in names:
        raise SourceError(f"{file}, line {number}: candidate {candidate} is named twice; keep one line.")
    if name in names.values():
        raise SourceError(f"{file}, line {number}: two candidates are called {name!r}; tell them apart.")
    names[candidate] = name


def _announced(file: str, fields: dict[str, tuple[int, str]], field: str) -> tuple[int, int] | None:
    """Line and value of a number in the header, or None if it is not there."""
    if field not in fields:
        return None
    number, text = fields[field]
    if not text.isdigit():
        raise SourceError(f"{file}, line {number}: {field} is {text!r}; write a whole number.")
    return number, int(text)


def _order(file: str, number: int, line: str, mark: str) -> tuple[int, _Order]:
    """How many voters gave this order, and its places from best to worst, tied candidates together."""
    count, found, rest = line.partition(mark)
    if not found or not count.strip().isdigit():
        raise VotesError(
            f"{file}, line {number}: {line.strip()!r} does not start with the number of its voters and "
            f"{mark!r}; write for example '3{mark} 1,2'."
        )
    rest = rest.strip()
    leftover = PLACE.sub("", rest).replace(",", "").strip()
    places = [
        _candidates(file, number, tied or alone)
        for tied, alone in PLACE.findall(rest)
        if tied or alone.strip()
    ]
    if leftover or not places:
        raise VotesError(
            f"{file}, line {number}: {rest!r} is not an order; write candidate numbers between commas and "
            "tied ones in braces, as in 1,{2,3}."
        )
    return int(count), tuple(places)


def _candidates(file: str, number: int, text: str) -> tuple[int, ...]:
    """Candidate numbers of one place."""
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not part.isdigit():
            raise VotesError(
                f"{file}, line {number}: {part!r} is not a candidate's number; correct the order."
            )
    return tuple(int(part) for part in parts)


def _check(file: str, kind: str, election: Election) -> None:
    """Refuse orders that do not fit the file's candidates or the kind of file that its name promises."""
    if not any(count for _, count, _ in election.orders):
        raise VotesError(f"{file} holds no order; give a file with ballots.")
    for number, _, order in election.orders:
        listed = [candidate for place in order for candidate in place]
        unknown = [candidate for candidate in listed if candidate not in election.names]
        if unknown:
            raise VotesError(
                f"{file}, line {number}: candidate {unknown[0]} is not named in the header; add its name or "
                "correct the order."
            )
        twice = [candidate for candidate, times in Counter(listed).items() if times > 1]
        if twice:
            raise VotesError(
                f"{file}, line {number}: {election.names[twice[0]]!r} stands twice in one order; keep one."
            )
        if kind in ("soc", "soi") and len(listed) > len(order):
            raise VotesError(
                f"{file}, line {number}: a tie in a strict order; rename the file to .t{kind[1:]}."
            )
        if kind in ("soc", "toc") and len(listed) < len(election.names):
            left = next(name for label, name in election.names.items() if label not in listed)
            raise VotesError(
                f"{file}, line {number}: {left!r} is missing from a complete order; rename the file to "
                f".{kind[:2]}i if orders may be incomplete."
            )
    total = sum(count for _, count, _ in election.orders)
    if election.voters is not None and total != election.voters:
        raise VotesError(
            f"{file}, line {election.header}: {election.voters:,} voters are announced, but the orders are "
            f"of {total:,}; the file is cut short or edited, get it again."
        )


def _ballots(file: str, election: Election, absent: str) -> Ballots:
    """Show every candidate on every ballot; unlisted ones get no place."""
    orders = [one for one in election.orders if one[1] > 0]  # published files list orders of no voter too
    marks = {label for label, name in election.names.items() if re.sub(r"[\W_]", "", name).lower() in MARKS}
    if marks and absent == "error":
        names = join_names([repr(election.names[label]) for label in sorted(marks)])
        raise VotesError(
            f"{file}: {names} {'is' if len(marks) == 1 else 'are'} no candidate by name, but what is written "
            'where a ballot has none; leave such marks out with absent="drop" (--invalid drop), or keep them '
            'as candidates with absent="keep".'
        )
    if marks and absent == "drop":
        orders = [(line, count, kept) for line, count, order in orders if (kept := _without(order, marks))]
        if not orders:
            raise VotesError(f"{file} holds no order of candidates; give a file with ballots.")
    listed = {candidate for _, _, order in orders for place in order for candidate in place}
    missing = [name for label, name in election.names.items() if label not in listed]
    if missing and absent == "error":
        also = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise VotesError(
            f"{file}: candidate {missing[0]!r}{also} stands on no ballot; leave such candidates out with "
            'absent="drop" (--invalid drop), or keep them as shown and never ranked with absent="keep".'
        )
    labels = [label for label in election.names if label in listed or absent == "keep"]
    column = {label: i for i, label in enumerate(labels)}
    places = np.full((len(orders), len(labels)), UNRANKED, dtype=np.int64)
    for row, column_, place in _seats(orders, column):
        places[row, column_] = place
    shown = np.broadcast_to(np.arange(len(labels)), places.shape)
    if len(labels) < 2:
        shown, places = np.pad(shown, ((0, 0), (0, 1)), constant_values=PAD), np.pad(places, ((0, 0), (0, 1)))
    counts = [count for _, count, _ in orders]
    return Ballots.of([election.names[label] for label in labels], shown, places, count=counts)


def _without(order: _Order, marks: set[int]) -> _Order:
    """An order without marks: whoever stands behind one moves up."""
    kept = (tuple(candidate for candidate in place if candidate not in marks) for place in order)
    return tuple(place for place in kept if place)


def _seats(
    orders: Iterable[tuple[int, int, _Order]], column: dict[int, int]
) -> Iterator[tuple[int, list[int], int]]:
    """Row, columns and place number of every place of every order."""
    for row, (_, _, order) in enumerate(orders):
        for place, tied in enumerate(order, start=1):
            yield row, [column[candidate] for candidate in tied], place
