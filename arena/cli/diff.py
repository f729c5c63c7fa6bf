"""`agon diff`: two boards that were written before, side by side."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from agon.arena.cli.arguments import FindingsFormat
from agon.arena.cli.output.tables import console, make_grid, say
from agon.data.files.reader import check_there
from agon.ranking import Leaderboard, OptionError, SourceError, boards_from_json
from agon.ranking.leaderboard.board_change import CHANGE_HEADS, BoardChange, compare_boards

FILE = "JSON of agon rank (-o board.json)."


def diff_command(
    before: Annotated[Path, Parameter(help=FILE)],
    after: Annotated[Path, Parameter(help=FILE)],
    /,
    *,
    format: FindingsFormat = "table",
) -> int:
    """Say who moved between two boards, by how much, and whether beyond chance; exit status 1 if anyone did.

    Boards of the same method and group are compared. Chance is what both intervals allow for together.

    For example:

    agon diff monday.json friday.json
    """
    pairs = pair_boards(read_file(before), read_file(after))
    changes = [compare_boards(one, two) for one, two in pairs]
    if format == "json":
        documents = [_as_dict(two, change) for (_, two), change in zip(pairs, changes, strict=True)]
        print(json.dumps({"schema": 1, "changes": documents}, indent=2, ensure_ascii=False))
    else:
        out = console(sys.stdout)
        for (_, board), change in zip(pairs, changes, strict=True):
            say(out, _title(board), "bold")
            say(out, change.conclusion())
            table = make_grid(*CHANGE_HEADS)
            for move in change:
                table.add_row(*map(Text, change.cells(move)))
            out.print(table)
    return int(any(change.beyond_chance for change in changes))


def read_file(path: Path) -> list[Leaderboard]:
    """The boards of a JSON file.

    Raises:
        SourceError: no such file, or no JSON of boards.
    """
    check_there(path)
    try:
        return boards_from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no text'}."
        ) from None
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from None


def pair_boards(before: list[Leaderboard], after: list[Leaderboard]) -> list[tuple[Leaderboard, Leaderboard]]:
    """Boards of the same method and group.

    Raises:
        OptionError: there are none.
    """
    known = {_title(board): board for board in before}
    pairs = [(known[_title(board)], board) for board in after if _title(board) in known]
    if not pairs:
        lists = [", ".join(map(_title, boards)) for boards in (before, after)]
        raise OptionError(
            f"The files hold no board of the same method and group: {lists[0]} before, {lists[1]} after."
        )
    return pairs


def _title(board: Leaderboard) -> str:
    return board.method + "".join(f" · {name} = {value}" for name, value in (board.by or {}).items())


def _as_dict(board: Leaderboard, change: BoardChange) -> dict[str, Any]:
    """A change as plain values."""
    moves = json.loads(change.to_frame().to_json(orient="records"))
    return {"method": board.method, "by": board.by, "conclusion": change.conclusion(), "models": moves}
