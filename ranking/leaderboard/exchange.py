"""Boards as CSV, HTML and LaTeX, and boards read back from their JSON."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agon.ranking.errors import SourceError
from agon.ranking.inference.winners_curse import Winner
from agon.ranking.leaderboard.conclusions import Lead
from agon.ranking.leaderboard.row import COLUMNS, Row
from agon.ranking.results import Coefficient, Diagnostic
from agon.ranking.votes.vote_source import LogHead

if TYPE_CHECKING:
    from agon.ranking.leaderboard.leaderboard import Leaderboard

LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
}


def boards_to_csv(
    boards: Sequence[Leaderboard],
    top: int | None = None,
    facts: Mapping[str, Mapping[str, object]] | None = None,
    models: Collection[str] | None = None,
) -> str:
    """Write boards as CSV: method and group, then the columns of `Leaderboard.to_frame`; `top` rows of each;
    then `facts`, {name: {model: value}}, a column each, and of votes of a log the number and the hash of the
    event up to which they go. Of `models` alone, if they are given.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    facts = facts or {}
    of_log = any(board.head for board in boards)
    lines = [_line(["method", "group", *COLUMNS, *facts, *(("events", "head") if of_log else ())])]
    for board in (part for given in boards for part in (given, *given.components)):
        group = " ".join(f"{name}={value}" for name, value in (board.by or {}).items())
        kept = [row for row in board.first_rows(None) if models is None or row.model in models]
        for row in kept if top is None else kept[: len(board.first_rows(top))]:
            cells = [getattr(row, column) for column in COLUMNS]
            cells += [of.get(row.model) for of in facts.values()]
            if of_log:
                cells += [board.head.events, board.head.hash] if board.head else [None, None]
            lines.append(_line([board.method, group, *("" if cell is None else cell for cell in cells)]))
    return "".join(lines)


def _line(cells: Sequence[object]) -> str:
    """One line of CSV; a carriage return in a text is quoted like a line break."""
    out = io.StringIO()
    csv.writer(out).writerow([_harmless(cell) for cell in cells])
    return out.getvalue()[:-2] + "\n"


def _harmless(cell: object) -> object:
    starts = ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(starts) else cell


def column_heads(board: Leaderboard) -> tuple[str, ...]:
    """The headings of a board's texts, the last but one of which says what it counts."""
    return ("rank", "model", "score", "interval", board.counted, "status")


def board_to_html(board: Leaderboard, top: int | None = None) -> str:
    """Write a board as HTML for any page: its conclusion, `top` rows, what to know about the votes."""
    head = "".join(f"<th>{name}</th>" for name in column_heads(board))
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in board.cells(row)) + "</tr>"
        for row in board.first_rows(top)
    )
    notes = "".join(f"<li>{html.escape(text)}</li>" for text in board.remarks())
    return (
        f"<p>{html.escape(board.conclusion())}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>" + (f"<ul>{notes}</ul>" if notes else "")
    )


def board_to_latex(board: Leaderboard, top: int | None = None) -> str:
    """Write `top` rows of a board as a LaTeX table without packages; the conclusion is its caption."""
    rows = board.first_rows(top)
    lines = [" & ".join(column_heads(board)), *(" & ".join(map(_latex, board.cells(row))) for row in rows)]
    body = " \\\\\n".join(
        [f"{lines[0]} \\\\ \\hline\n{lines[1]}" if len(lines) > 1 else lines[0], *lines[2:]]
    )
    return (
        f"\\begin{{table}}\n\\caption{{{_latex(board.conclusion())}}}\n"
        f"\\begin{{tabular}}{{rlrrrl}}\n{body} \\\\\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _latex(text: str) -> str:
    return "".join(LATEX.get(c, c) for c in text)


def read_boards(text: str, kind: type[Leaderboard]) -> list[Leaderboard]:
    """Read boards from the JSON that `to_json` and `agon rank --format json` write.

    Covariance and bootstrap samples are not in it: a board read back has no differences.

    Raises:
        SourceError: no JSON, or none of boards.
    """
    try:
        document = json.loads(text)
        found = list(_boards(document["boards"], kind))
    except (ValueError, KeyError, TypeError) as error:
        if str(text).rstrip().lower().endswith((".json", ".gz")):
            raise SourceError(
                f"This is the path of boards, not their JSON: from_json(Path({str(text)!r}).read_text())."
            ) from None
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise SourceError(
            f"This is not the JSON of boards ({what}); board.to_json() and agon rank --format json write it."
        ) from None
    if not found:
        raise SourceError("The JSON holds no board.")
    return found


def _boards(documents: Sequence[Mapping[str, Any]], kind: type[Leaderboard]) -> Iterator[Leaderboard]:
    """Boards in their order, each with the boards of its components, which follow it."""
    waiting: Mapping[str, Any] | None = None
    parts: list[Leaderboard] = []
    for document in [*documents, None]:
        if document is not None and waiting is not None and "component" in (document["by"] or {}):
            parts.append(_board(document, kind))
            continue
        if waiting is not None:
            yield _board(waiting, kind, tuple(parts))
        waiting, parts = document, []


def _board(
    document: Mapping[str, Any], kind: type[Leaderboard], components: tuple[Leaderboard, ...] = ()
) -> Leaderboard:
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in document["settings"].items()}
    return kind(
        rows=tuple(Row(**{name: row.get(name) for name in COLUMNS}) for row in document["models"]),
        method=document["method"],
        settings=settings,
        level=document["level"],
        rank_method=document["rank_method"],
        diagnostics=tuple(
            Diagnostic(**{**one, "models": tuple(one["models"])}) for one in document["diagnostics"]
        ),
        fingerprint=document["fingerprint"],
        head=LogHead(**document["head"]) if document.get("head") else None,
        by=document["by"],
        components=components,
        coefficients=tuple(Coefficient(**one) for one in document.get("coefficients", ())),
        lead=Lead(**document["lead"]) if document.get("lead") else None,
        winner=Winner(**document["winner"]) if document.get("winner") else None,
    )
