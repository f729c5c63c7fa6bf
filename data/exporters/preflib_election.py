"""Votes as an election of PrefLib: one order for each distinct ballot, with how many voters gave it.

The format: https://www.preflib.org/format (Mattei and Walsh, ADT 2013).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from agon.ranking.errors import OptionError, SourceError

ENDINGS = (".toi", ".toc", ".soi", ".soc")  # the first holds every ballot
Order = tuple[tuple[str, ...], ...]


def order_of(models: Iterable[str], places: Iterable[int | None]) -> Order:
    """The models of a ballot from best to worst, tied ones together; those without a place are left out."""
    found: dict[int, list[str]] = {}
    for model, place in zip(models, places, strict=True):
        if place is not None:
            found.setdefault(place, []).append(model)
    return tuple(tuple(sorted(found[place])) for place in sorted(found))


def election_text(models: Iterable[str], orders: Mapping[Order, int], title: str, target: Path) -> str:
    """Write an election as text, of the kind that the ending of its file says.

    Args:
        models: all that stand for election, listed on a ballot or not.
        orders: each distinct order and how many gave it.
        title: of the election.
        target: the file.

    Raises:
        OptionError: an ending whose kind cannot hold the orders.
        SourceError: a name that a header of one line cannot hold.
    """
    names = sorted(models)
    for name in names:
        if not name.isprintable():
            raise SourceError(
                f"The model name {name!r} does not fit into a line of PrefLib; rename the model."
            )
    tied = any(len(place) > 1 for order in orders for place in order)
    partial = any(sum(map(len, order)) < len(names) for order in orders)
    kind = target.suffix.lower()[1:]
    if (tied and kind[0] == "s") or (partial and kind[2] == "c"):
        what = " and ".join(w for w, there in (("ties", tied), ("models without a place", partial)) if there)
        held = target.with_suffix(f".{'t' if tied else 's'}o{'i' if partial else 'c'}").name
        raise OptionError(f"{target} cannot hold these ballots, which have {what}; name it {held}.")
    number = {name: i for i, name in enumerate(names, start=1)}
    lines = [
        f"# FILE NAME: {target.name}",
        f"# TITLE: {' '.join(title.split())}",
        f"# DATA TYPE: {kind}",
        f"# NUMBER ALTERNATIVES: {len(names)}",
        f"# NUMBER VOTERS: {sum(orders.values())}",
        f"# NUMBER UNIQUE ORDERS: {len(orders)}",
        *(f"# ALTERNATIVE NAME {i}: {name}" for name, i in number.items()),
    ]
    for order, count in sorted(orders.items(), key=lambda item: (-item[1], item[0])):
        places = [",".join(str(number[name]) for name in place) for place in order]
        shown = ",".join(f"{{{text}}}" if "," in text else text for text in places)
        lines.append(f"{count}: {shown}")
    return "\n".join(lines) + "\n"


class Orders:
    """The orders of ballots, counted as they come; only ballots that show every model are of one election."""

    def __init__(self) -> None:
        self.shown: Counter[tuple[frozenset[str], Order]] = Counter()

    def add(self, models: tuple[str, ...], places: tuple[int | None, ...], count: int = 1) -> None:
        """Count a ballot."""
        self.shown[frozenset(models), order_of(models, places)] += count

    def election(self, source: str) -> tuple[frozenset[str], dict[Order, int], int]:
        """All models, the orders of the ballots that show all, and how many ballots do not.

        Raises:
            SourceError: no ballot shows all.
        """
        every = frozenset[str]().union(*(models for models, _ in self.shown))
        whole = {order: count for (models, order), count in self.shown.items() if models == every}
        rest = sum(self.shown.values()) - sum(whole.values())
        if not whole:
            raise SourceError(
                f"No ballot of {source} shows all {len(every)} models, as an election needs; make one ballot "
                "each of the votes of a category with ballots_by=category (--ballots-by category)."
            )
        return every, whole, rest
