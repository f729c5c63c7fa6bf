"""The words for a shell that make the board of a page again on any machine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from agon.arena.web.leaderboard.query import ALL, BoardQuery
from agon.arena.web.leaderboard.sources import About
from agon.ranking import Leaderboard
from agon.ranking.registry import find
from agon.ranking.settings import Settings


def command(board: Leaderboard, about: About, query: BoardQuery = ALL, *, at: bool = False) -> str:
    """The words that rank the same votes again on any machine, ready for a shell.

    Args:
        board: to be made again.
        about: what is known of its votes.
        query: what was asked for.
        at: whether the log is to be ranked as of the head of the board, whatever came since.
    """
    options = find(board.method).options
    own = ",".join(
        f"{name}={board.settings[name]}"
        for name, option in options.items()
        if name in board.settings and board.settings[name] != option.default
    )
    votes = list(about.words)
    if at and board.head is not None:
        votes = [str(about.folders[0]), *about.words[1:], "--at", board.head.hash]
    words = ["agon", "rank", *votes, "-m", f"{board.method}:{own}" if own else board.method]
    judged = "judges" in board.settings
    words += about.judges if judged else ["--interval", str(board.settings["interval"])]
    plain = Settings()
    shared = (
        *("cluster", "control", "reweight", "floor", "level", "n_resamples", "min_votes", "scale", "seed"),
        "ranks",
    )
    for name in shared:
        value = board.settings.get(name, getattr(plain, name))
        if value != getattr(plain, name) and not (name == "scale" and value not in ("elo", "natural")):
            text = ",".join(value) if name == "control" else "none" if value is None else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    if board.settings.get("simultaneous"):
        words.append("--simultaneous")
    if board.settings.get("anchor") is not None:
        score = board.settings.get("anchor_score")
        words += ["--anchor", f"{board.settings['anchor']}" + ("" if score is None else f"={score}")]
    return shell_words([*words, *condition_words(about, query)])


def condition_words(about: About, query: BoardQuery) -> list[str]:
    """The options of a command for the votes of a query, if they are not all."""
    gates = [] if about.gates == "none" else ["--gates", about.gates]
    both = [condition for condition in (about.where, query.condition(about.periods)) if condition]
    if not both:
        return gates
    return [*gates, "--where", both[0] if len(both) == 1 else " AND ".join(f"({one})" for one in both)]


def shell_words(words: Sequence[str]) -> str:
    """A command for a shell."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """A word for a shell; in double quotes where nothing in it is special to them, which reads better."""
    return f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else shlex.quote(word)
