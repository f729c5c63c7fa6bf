"""Every remedy that Agon can print is followed here, and what comes of it is not worse.

The messages are collected from the code: sentences that tell what to do. A case provokes one by a real call
or command, follows what it says and looks at the result. A provoked text belongs to the template that says
most of it, so that "There is no {} {}; {}" is not taken for followed by what fits a longer sentence.
"""

import ast
import contextlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import agon as ag
from agon import ranking
from agon.arena.cli.commands import main
from agon.arena.setup.config import read_configuration
from agon.arena.web.leaderboard.query import BoardQuery, Offer
from agon.arena.web.server import listen
from agon.data.importers.recorded_answers import answers
from agon.data.log.records import VoteRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import PairCounts
from agon.ranking.errors import suggest
from tests.repository import test_beginner_mistakes as beginners
from tests.support.paths import REPOSITORY

FOLDERS = ("ranking", "data", "serving", "arena")
_VERBS = (
    "use|pass|give|name|add|choose|drop|leave|write|correct|rename|install|take|set|say|remove|delete|move|"
    "download|trim|keep|make|read|annotate|spell|fill|put|check"
)
_REMEDY = re.compile(
    rf"(?:[;:.,(] |\bor |\band )(?:first |only |either )?(?:{_VERBS}) |; rank | try again"
    r"|(?<![\w-])--[a-z][a-z-]+|\bagon (?:rank|serve|check|export|convert|import) |did you mean"
)
_NO_MESSAGE = re.compile(r"SELECT|count\(|<\w|\n|^\W*lower\(")
# Lists of commands, no answers to a mistake.
_LISTS = {"arena/cli/methods.py"}
_HOLE, _WORD = "\x00", "\x01"


class Template(NamedTuple):
    """A sentence of the code: where it stands, and its text with holes."""

    file: str
    line: int
    text: str

    def pattern(self) -> re.Pattern[str]:
        """What fits it; `{rows}` and the like are filled in later by format."""
        text = re.sub(r"(?<!\{)\{\w+\}(?!\})", _HOLE, self.text).replace("{{", "{").replace("}}", "}")
        made = re.escape(text).replace(_HOLE, ".*?").replace(_WORD, r"(?:did you mean .+\?|known: .+)")
        return re.compile(made, re.DOTALL)

    def words(self) -> int:
        """How much of it is fixed."""
        return len(self.text.replace(_HOLE, "").replace(_WORD, ""))


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(_WORD if "suggest(" in ast.unparse(part) else _HOLE)
    return "".join(parts)


@cache
def templates() -> tuple[Template, ...]:
    """Every sentence with a remedy, without docstrings, the help of options, SQL and HTML."""
    found = {}
    for path in (p for folder in FOLDERS for p in sorted((REPOSITORY / folder).rglob("*.py"))):
        tree, skipped = ast.parse(path.read_text()), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                skipped.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                skipped |= {part for part in node.values if isinstance(part, ast.Constant)}
            elif isinstance(node, ast.keyword) and node.arg in ("help", "description", "epilog"):
                skipped |= set(ast.walk(node.value))
        for node in ast.walk(tree):
            text = None if node in skipped else _text(node)
            if (
                text
                and " " in text
                and not _NO_MESSAGE.search(text)
                and (_WORD in text or _REMEDY.search(text))
            ):
                found.setdefault(text, Template(path.relative_to(REPOSITORY).as_posix(), node.lineno, text))
    return tuple(one for one in found.values() if one.file not in _LISTS)


@cache
def patterns() -> tuple[tuple[Template, re.Pattern[str]], ...]:
    """Every template with what fits it."""
    return tuple((one, one.pattern()) for one in templates())


def met(said: str) -> list[Template]:
    """The most specific template that a text fits, and those of other sentences within it."""
    fits = [(pattern.search(said), one) for one, pattern in patterns()]
    spans = sorted(((one, match.span()) for match, one in fits if match), key=lambda item: -item[0].words())
    kept: list[tuple[Template, tuple[int, int]]] = []
    for one, (start, end) in spans:
        if all(end <= first or last <= start for _, (first, last) in kept):
            kept.append((one, (start, end)))
    return [one for one, _ in kept]


class RefusedError(Exception):
    """A command ended with a status other than 0; the text is what it said."""


def agon(*arguments: object) -> str:
    """Run a command, and return what it prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as ended:
            status = ended.code
    if status:
        raise RefusedError(err.getvalue())
    return out.getvalue()


def said(wrong: Callable[[], Any]) -> str | None:
    """The sentence that refuses; None where nothing does."""
    try:
        given = wrong()
    except (ag.AgonError, AttributeError, LookupError, ValueError, TypeError, RefusedError) as error:
        return str(error)
    return given.text if isinstance(given, Remarks) else None


class Remarks(NamedTuple):
    """What a board says of its votes."""

    text: str


def remarks(*given: Any, **options: Any) -> Any:
    return lambda: Remarks(" ".join(note.message for note in ag.rank(*given, **options).diagnostics))


def vote(**other: Any) -> Any:
    kept = {
        "battle_id": "0" * 32,
        "created": datetime.now(UTC),
        "places": (1, 2),
        "voter": "v",
        "last_turn": 1,
    }
    return lambda: VoteRecord(**{**kept, **other})


def taken() -> None:
    """Another program listens where this one wants to."""
    with contextlib.closing(listen("127.0.0.1", 0)) as one:
        one.listen()
        listen("127.0.0.1", one.getsockname()[1])


VOTES, FRAME, TABLE, BOARD = beginners.VOTES, beginners.FRAME, beginners.TABLE, beginners.BOARD
RANKED = [{"models": ["ada", "bob", "cyn"], "places": [1, 2, 3], "acceptable": [True, True, False]}] * 40
BALLOTS = ag.comparisons(RANKED)
SCORES = ag.score_table(TABLE)
GROUPED = ag.score_table(TABLE, groups={"x": "one", "y": "two"})
PAIRS = VOTES.pairs
BRADLEY = {"approve": 2}
FACTS = {name: {"price": 1.0, "licence": "mit"} for name in ("ada", "bob", "cyn")}


def meant(folder: Path) -> list[tuple[str, str, Callable[[str], Any]]]:
    """What is written, what was meant, and the call that takes the word."""
    at = folder / "votes.csv"
    FRAME.to_csv(at, index=False)
    election = folder / "election.soi"
    election.write_text("2\n1,ada\n2,bob\n3,3,2\n2,1,2\n1,2,1\n")
    long = pd.DataFrame(
        [
            {"model": m, "task": t, "metric": k, "score": i + j}
            for i, m in enumerate(("ada", "bob"))
            for j, t in enumerate(("x", "y"))
            for k in ("accuracy", "recall")
        ]
    )
    offer = Offer({"language": {"de": 3}})
    texts, log = folder / "texts.csv", folder / "log"
    FRAME.assign(prompt="p", answer_a="a", answer_b="b").to_csv(texts, index=False)
    agon("import", at, "--into", log)
    return [
        ("clone", "clones", lambda w: ranking.axioms(VOTES, ["copeland"], which=[w])),
        (
            "proportional_aproval",
            "proportional_approval",
            lambda w: ranking.committee(BALLOTS, 2, w, approve=2),
        ),
        ("adaa", "ada", lambda w: ranking.committee(BALLOTS, 2, approve=2, groups={w: "one"})),
        (
            "onee",
            "one",
            lambda w: ranking.committee(BALLOTS, 2, approve=2, groups={"ada": "one"}, at_least={w: 1}),
        ),
        (
            "coplend",
            "copeland",
            lambda w: ranking.winner_probabilities(VOTES, ["copeland"], n_resamples=2)[w],
        ),
        ("adaa", "ada", lambda w: ranking.justified_representation(BALLOTS, [w], approve=2)),
        ("condorset", "condorcet", lambda w: ranking.prospective(SCORES, "ada", rule=w)),
        ("adaa", "ada", lambda w: ranking.prospective(SCORES, w)),
        ("ones", "one", lambda w: ranking.prospective(GROUPED, "ada", bounds={w: (0.1, 0.9)})),
        ("bobb", "bob", lambda w: ranking.margin_of_victory(VOTES, "copeland", "cyn", w)),
        ("nominall", "nominal", lambda w: ranking.inter_annotator_agreement(VOTES, by="language", metric=w)),
        ("intervall", "interval", lambda w: ranking.krippendorff_alpha([[2, 1], [1, 3]], metric=w)),
        ("adaa", "ada", lambda w: ag.win_rate_map(VOTES, [w, "bob"])),
        ("prise", "price", lambda w: ag.decide(BOARD, FACTS, prefer=w)),
        ("adaa", "ada", lambda w: ag.rank(VOTES, anchor=w)),
        ("adaa", "ada", lambda w: BOARD[w]),
        ("to_csvv", "to_csv", lambda w: getattr(BOARD, w)()),
        ("intervall", "interval", lambda w: ag.rank(VOTES, **{w: "none"})),
        ("startt", "start", lambda w: ag.rank(VOTES, "elo", **{w: 1000})),
        ("dee", "de", lambda w: ag.rank_by(VOTES, "language")[w]),
        ("bootstrapp", "bootstrap", lambda w: ag.rank(VOTES, interval=w)),
        ("natral", "natural", lambda w: ag.rank(VOTES, scale=w)),
        ("coplend", "copeland", lambda w: ag.METHODS[w]),
        ("coplend", "copeland", lambda w: agon("rank", at, "-m", w)),
        ("starts", "start", lambda w: agon("rank", at, "-m", f"elo:{w}=1000")),
        ("langauge", "language", lambda w: agon("rank", at, "--by", w)),
        ("langauge", "language", lambda w: ag.rank(at, where=f"{w} = 'en'")),
        ("langauge", "language", lambda w: ag.rank_by(at, w)),
        ("votter", "voter", lambda w: ag.rank(at, columns={"judge": w})),
        ("model_aa", "model_a", lambda w: ag.rank(winners(), labels={"left": w})),
        ("humann", "human", lambda w: ag.comparisons(at, voters=w)),
        ("vots.csv", "votes.csv", lambda w: ag.rank(folder / w)),
        ("vots.csv", "votes.csv", lambda w: agon("rank", folder / w)),
        ("modl", "model", lambda w: ag.score_table(TABLE, model=w)),
        ("xx", "x", lambda w: ag.score_table(wide(), tasks=[w, "yy"])),
        ("tsk", "task", lambda w: ag.score_table(long, metric="recall", columns={"task": w})),
        ("wide_xx", "wide_x", lambda w: ag.score_table(named(), weights={w: 2.0})),
        ("recal", "recall", lambda w: ag.score_table(long, metric=w)),
        ("dropp", "drop", lambda w: ag.preflib(election, absent=w)),
        ("kepp", "keep", lambda w: ag.preflib(election, absent=w)),
        ("jsnl", "jsonl", lambda w: agon("export", at, "-o", folder / "made" / w, "--as", w, "--force")),
        ("dropp", "drop", lambda w: ag.export(texts, "trl-preference", folder / "to", ties=w)),
        ("battless", "battles", lambda w: ag.comparisons(at, format=w)),
        ("panda", "pandas", lambda w: ag.open_log(log, w).votes),
        ("recordedd", "recorded", lambda w: roster(folder, w, "ada")),
        ("adaa", "ada", lambda w: roster(folder, "recorded", w)),
        ("langauge", "language", lambda w: BoardQuery.of({w: "de"}, offer)),
    ]


def winners() -> pd.DataFrame:
    return FRAME.assign(winner=FRAME["winner"].map({"model_a": "left", "model_b": "model_b", "tie": "tie"}))


def wide() -> pd.DataFrame:
    return TABLE.rename(columns={"y": "yy"})


def named() -> pd.DataFrame:
    return TABLE.rename(columns={"x": "wide_x"})


def roster(folder: Path, backend: str, model: str) -> Any:
    """A configuration of two models that were recorded."""
    (folder / "two.csv").write_text("prompt,ada,bob\np,a,b\n")
    path = folder / "arena.toml"
    table = '[[model]]\nname = "{}"\nbackend = "{}"\nanswers = "{}"\n'
    path.write_text(
        table.format(model, backend, folder / "two.csv") + table.format("bob", "recorded", folder / "two.csv")
    )
    return read_configuration(path, {})


def of(models: Any = ("a", "b"), shown: Any = ((0, 1),), places: Any = ((1, 2),), **more: Any) -> Any:
    return lambda: ag.Comparisons.of(models, shown, places, **more)


def table_of(
    models: Any = ("a", "b"), tasks: Any = ("x", "y"), scores: Any = ((1, 2), (3, 1)), **more: Any
) -> Any:
    return lambda: ag.ScoreTable.of(models, tasks, scores, **more)


def counts(wins: Any = ((0, 1), (2, 0)), **more: Any) -> Any:
    return lambda: PairCounts.of(("a", "b"), wins, **more)


def ranked(source: Any = VOTES, *given: Any, **options: Any) -> Any:
    return lambda: ag.rank(source, *given, **options)


def scored(**columns: Any) -> Any:
    options = columns.pop("options", {})
    return lambda: ag.score_table(pd.DataFrame(columns), **options)


def followed(folder: Path) -> list[tuple[Callable[[], Any], Callable[[], Any], int | None]]:
    """What is refused, its remedy, and how many votes are counted when that is followed."""
    at = folder / "given.csv"
    FRAME.to_csv(at, index=False)
    number = iter(range(1000))

    def election(text: str, ending: str = "soi", **options: Any) -> Any:
        path = folder / f"{next(number)}.{ending}"
        path.write_text(text)
        return lambda: ag.preflib(path, **options)

    def file(text: str, name: str = "file.csv") -> Path:
        place = folder / str(next(number))
        place.mkdir()
        (place / name).write_text(text)
        return place / name

    def command(*arguments: object) -> Any:
        return lambda: agon(*arguments)

    def one_task_lower(**more: Any) -> Any:
        return lambda: ag.score_table(TABLE, directions={"x": "lower"}, **more)

    head = (
        "# NUMBER ALTERNATIVES: 2\n# NUMBER VOTERS: 3\n# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n"
    )
    good, right = head + "2: 1,2\n1: 2,1\n", election(head + "2: 1,2\n1: 2,1\n")
    old = "2\n1,ada\n2,bob\n3,3,2\n2,1,2\n1,2,1\n"
    gap = ag.score_table(pd.DataFrame({"model": ["a", "b", "c"], "x": [1, 2, None], "y": [3, 1, 2]}))
    one_gap_each = ag.score_table(
        pd.DataFrame({"model": ["a", "b", "c"], "x": [1, 2, None], "y": [None, 1, 2]})
    )
    zero = ag.score_table(pd.DataFrame({"model": ["a", "b"], "x": [0.0, 2.0], "y": [3.0, 1.0]}))
    lower = one_task_lower()()
    rows = {"model": ["a", "b"], "x": [1, 2], "y": [2, 1]}
    long = pd.DataFrame(
        [
            {"model": m, "task": "x", "metric": k, "score": i}
            for i, m in enumerate(("ada", "bob"))
            for k in ("accuracy", "recall")
        ]
    )
    items = pd.DataFrame(
        [
            {"model": m, "task": "x", "item": k, "score": i + k}
            for i, m in enumerate(("ada", "bob"))
            for k in range(3)
        ]
    )
    log, texts, facts, kwise = (
        folder / "kept",
        folder / "with-texts.csv",
        folder / "facts.csv",
        folder / "kwise.json",
    )
    styled = FRAME.assign(length_a=np.arange(100) % 7, length_b=np.arange(100) % 5)
    FRAME.assign(prompt="p", answer_a="a", answer_b="b").to_csv(texts, index=False)
    pd.DataFrame({"model": ["ada", "bob", "cyn"], "price": [1, 2, 3]}).to_csv(facts, index=False)
    kwise.write_text(json.dumps(RANKED))
    TABLE.to_csv(folder / "scores.csv", index=False)
    turned = FRAME.assign(model_a=FRAME["model_b"], model_b=FRAME["model_a"])
    pd.concat([FRAME, turned]).to_csv(folder / "both-sides.csv", index=False)
    agon("import", at, "--into", log)
    ties, timed = FRAME.assign(winner="tie"), FRAME.assign(timestamp=pd.date_range("2026-01-01", periods=100))
    apart = FRAME[~((FRAME["model_a"] == "bob") & (FRAME["model_b"] == "cyn"))]
    for name in ("no-answers", "folder.csv"):
        (folder / name).mkdir()
    (folder / "plain").write_text("")
    (folder / "latin.soi").write_bytes(good.replace("ada", "ad\u00e9").encode("latin-1"))
    return [
        # analyses
        (
            lambda: ranking.axioms(BALLOTS, ["copeland"], options={"borda": {}}),
            lambda: ranking.axioms(BALLOTS, ["copeland", "borda"], options={"borda": {}}),
            None,
        ),
        (
            lambda: ranking.committee(BALLOTS, 4, approve=2),
            lambda: ranking.committee(BALLOTS, 3, approve=2),
            None,
        ),
        (
            lambda: ranking.committee(
                BALLOTS, 1, approve=2, groups={"ada": "x", "bob": "y"}, at_least={"x": 1, "y": 1}
            ),
            lambda: ranking.committee(
                BALLOTS, 2, approve=2, groups={"ada": "x", "bob": "y"}, at_least={"x": 1, "y": 1}
            ),
            None,
        ),
        (lambda: ranking.axioms(VOTES, ["elo"]), lambda: ranking.axioms(VOTES, ["copeland"]), None),
        (lambda: ag.agreement(BOARD), lambda: ag.agreement(ag.rank_all(VOTES, ["elo", "win_rate"])), None),
        (lambda: ag.compare_rules(VOTES, []), lambda: ag.compare_rules(VOTES, ["copeland"]), None),
        (lambda: ranking.compare_rules([]), lambda: ranking.compare_rules([BOARD]), None),
        (lambda: ranking.compare_rules([BOARD, BOARD]), lambda: ranking.compare_rules([BOARD]), None),
        (
            lambda: ranking.compare_rules([BOARD], ["elo"]),
            lambda: ranking.compare_rules(VOTES, ["elo"]),
            None,
        ),
        (
            lambda: ranking.winner_probabilities(BALLOTS, ["copeland"], options={"borda": {}}),
            lambda: ranking.winner_probabilities(
                BALLOTS, ["copeland", "borda"], options={"borda": {}}, n_resamples=2
            ),
            None,
        ),
        (lambda: ranking.prospective({}, "ada"), lambda: ranking.prospective({"one": PAIRS}, "ada"), None),
        (
            lambda: ranking.prospective(gap, "a", rule="borda"),
            lambda: ranking.prospective(gap, "a", rule="condorcet"),
            None,
        ),
        (
            lambda: ranking.prospective({"one": PAIRS, "two": counts()()}, "ada"),
            lambda: ranking.prospective({"one": PAIRS, "two": PAIRS}, "ada"),
            None,
        ),
        (
            lambda: ranking.prospective(
                ag.score_table(TABLE, groups={"x": "y", "y": "z"}), "ada", bounds={"y": (0, 1)}
            ),
            lambda: ranking.prospective(
                ag.score_table(TABLE, groups={"x": "w", "y": "z"}), "ada", bounds={"y": (0, 1)}
            ),
            None,
        ),
        (
            lambda: ranking.prospective(SCORES, "ada", bounds={"x": (0.9, 0.1)}),
            lambda: ranking.prospective(SCORES, "ada", bounds={"x": (0.1, 0.9)}),
            None,
        ),
        (
            lambda: ranking.margin_of_victory(SCORES, "mean"),
            lambda: ranking.task_margin_of_victory(SCORES, "mean"),
            None,
        ),
        (
            lambda: ranking.margin_of_victory(VOTES, "copeland", "bob", "cyn"),
            lambda: ranking.margin_of_victory(VOTES, "copeland", "cyn", "bob"),
            None,
        ),
        (
            lambda: ranking.margin_of_victory(VOTES, "copeland", "bob"),
            lambda: ranking.margin_of_victory(VOTES, "copeland", "cyn"),
            None,
        ),
        # boards
        (ranked(VOTES, "elo", interval="sandwich"), ranked(VOTES, "elo", interval="bootstrap"), 100),
        (lambda: BOARD.compare(BOARD.to_frame()), lambda: BOARD.compare(BOARD), None),
        (
            lambda: BOARD.compare(ag.rank(VOTES, "elo")),
            lambda: ag.rank(VOTES, "elo").compare(ag.rank(VOTES, "elo")),
            None,
        ),
        (lambda: ag.decide(beginners.BARE, FACTS), lambda: ag.decide(BOARD, FACTS), None),
        (
            lambda: ag.decide(BOARD, {"ada": {"price": "dear"}}, prefer="price"),
            lambda: ag.decide(BOARD, {"ada": {"price": 3}}, prefer="price"),
            None,
        ),
        (
            lambda: ag.decide(BOARD, pd.DataFrame({"model": ["ada", "ada"], "price": [1, 2]})),
            lambda: ag.decide(BOARD, pd.DataFrame({"model": ["ada"], "price": [1]})),
            None,
        ),
        (
            lambda: ag.decide(ag.rank(VOTES, "win_rate"), FACTS),
            lambda: ag.decide(ag.rank(VOTES, "win_rate"), FACTS, within=0.1),
            None,
        ),
        (ranked(VOTES, "copeland", anchor="ada"), ranked(VOTES, "copeland"), 100),
        (ranked(styled, "elo", control="length"), ranked(styled, "bradley_terry", control="length"), 100),
        (ranked(anchor_score=1000), ranked(anchor="ada", anchor_score=1000), 100),
        (
            lambda: beginners.COPELAND.win_probability("ada", "bob"),
            lambda: ag.rank(VOTES, "bradley_terry").win_probability("ada", "bob"),
            None,
        ),
        (
            lambda: ag.Leaderboard.from_json(
                ag.boards_to_json([BOARD, BOARD])
                if hasattr(ag, "boards_to_json")
                else ranking.boards_to_json([BOARD, BOARD])
            ),
            lambda: ranking.boards_from_json(ranking.boards_to_json([BOARD, BOARD])),
            None,
        ),
        (ranked(VOTES, "mean"), ranked(VOTES, "copeland"), 100),
        (ranked(SCORES, "elo"), ranked(SCORES, "copeland"), None),
        (lambda: VOTES + FRAME, lambda: VOTES + ag.comparisons(FRAME), 200),
        (lambda: ranking.rank(3), ranked(SCORES), None),
        (lambda: ranking.rank(FRAME), lambda: ranking.rank(ag.comparisons(FRAME)), 100),
        (lambda: ag.Comparisons(FRAME), lambda: ag.comparisons(FRAME), 100),
        # arrays
        (of(timestamp=[np.nan]), of(timestamp=[1.0]), 1),
        (of(timestamp=[1.0, 2.0]), of(timestamp=[1.0]), 1),
        (of(pair_probability=[0.1, 0.2]), of(pair_probability=[0.1]), 1),
        (of(weight=[1.0, 1.0]), of(weight=[1.0]), 1),
        (of(shown=[[[0, 1]]]), of(), 1),
        (of(places=[[1, 2], [2, 1]]), of(shown=[[0, 1], [0, 1]], places=[[1, 2], [2, 1]]), 2),
        (of(models=("a", "a")), of(), 1),
        (of(models=("a", "")), of(), 1),
        (of(grade=[1.0, 2.0]), of(grade=[1.0]), 1),
        (of(grade=[1.0], p_a=[0.7], places=[[0, 0]]), of(p_a=[0.7], places=[[0, 0]]), 1),
        (of(grade=[0.0]), of(grade=[np.nan]), 1),
        (
            of(("a", "b", "c"), [[0, 1, 2]], [[1, 2, 3]], grade=[1.0]),
            of(("a", "b", "c"), [[0, 1, 2]], [[1, 2, 3]], grade=[np.nan]),
            1,
        ),
        (
            of(("a", "b", "c"), [[0, 1, 2]], [[0, 0, 0]], p_a=[0.7]),
            of(("a", "b", "c"), [[0, 1, 2]], [[1, 2, 3]]),
            1,
        ),
        (of(shown=[[0, 1]] * 2, places=[[1, 2]] * 2, weight=[0.0, 1.0]), of(), 1),
        (counts(((0, -1), (2, 0))), counts(), None),
        (counts(((1, 1), (2, 0))), counts(), None),
        (counts(votes=[1, 2, 3]), counts(votes=[3, 3]), None),
        # tables of scores
        (table_of(models=()), table_of(), None),
        (table_of(scores=((1, 2),)), table_of(), None),
        (
            table_of(scores=((1, 2), (np.inf, 1))),
            table_of(scores=((1, 2), (np.nan, 1)), tasks=("x", "y"), invalid="drop"),
            None,
        ),
        (table_of(weights={"x": 0, "y": 0}), table_of(weights={"x": 0, "y": 1}), None),
        (table_of(weights={"x": -1}), table_of(weights={"x": 1}), None),
        (table_of(models=("a", "")), table_of(), None),
        (table_of(models=("a", "a")), table_of(), None),
        (table_of(groups={"x": "one"}), table_of(groups={"x": "one", "y": "two"}), None),
        (table_of(scores=((1, 2), (1, 1))), table_of(("a", "b"), ("y",), ((2,), (1,))), None),
        (
            table_of(("a", "b", "c"), scores=((1, 2), (3, 1), (np.nan, np.nan))),
            table_of(),
            None,
        ),
        (table_of(scores=((1, 1), (1, 1)), invalid="drop"), table_of(), None),
        (lambda: ag.rank_by(SCORES, "group"), lambda: ag.rank_by(GROUPED, "group"), None),
        (ranked(gap, "mean"), ranked(gap, "mean", missing="worst"), None),
        (
            ranked(one_gap_each, "mean", missing="drop_task"),
            ranked(one_gap_each, "mean", missing="worst"),
            None,
        ),
        (ranked(gap, "borda"), ranked(gap, "borda", missing="worst"), None),
        (ranked(zero, "geometric_mean"), ranked(zero, "mean"), None),
        (ranked(lower, "optimality_gap"), ranked(SCORES, "optimality_gap", gamma=2), None),
        (ranked(SCORES, "optimality_gap", gamma=0), ranked(SCORES, "optimality_gap", gamma=2), None),
        (ranked(GROUPED, "two_level", rule="elo"), ranked(GROUPED, "two_level", rule="copeland"), None),
        (scored(**rows, options={"ignore": "y"}), scored(**rows, options={"ignore": ["y"]}), None),
        (scored(**rows, options={"tasks": "y"}), scored(**rows, options={"tasks": ["y"]}), None),
        (scored(**rows, options={"metric": "x"}), scored(**rows), None),
        (scored(model=[], x=[]), scored(**rows), None),
        (lambda: ag.score_table(FRAME), lambda: ag.comparisons(FRAME), 100),
        (lambda: ag.score_table(str(folder / "none.csv")), scored(**rows), None),
        (
            scored(**rows, average=[1, 2]),
            scored(**rows, average=[1, 2], options={"ignore": ["average"]}),
            None,
        ),
        (
            scored(**rows, latency=[1, 2]),
            scored(**rows, latency=[1, 2], options={"directions": {"latency": "lower"}}),
            None,
        ),
        (
            scored(**rows, name=["c", "d"]),
            scored(**rows, name=["c", "d"], options={"model": "model", "ignore": ["name"]}),
            None,
        ),
        (scored(who=["a", "b"], x=[1, 2]), scored(who=["a", "b"], x=[1, 2], options={"model": "who"}), None),
        (scored(model=["a", None], x=[1, 2]), scored(model=["a", "b"], x=[1, 2]), None),
        (scored(model=["a", "A"], x=[1, 2]), scored(model=["a", "b"], x=[1, 2]), None),
        (scored(model=["a", "b"]), scored(model=["a", "b"], x=[1, 2]), None),
        (
            scored(**rows, note=["s", "t"]),
            scored(**rows, note=["s", "t"], options={"ignore": ["note"]}),
            None,
        ),
        (
            scored(model=["a", "b", "c"], x=[1, 2, "o"]),
            scored(model=["a", "b", "c"], x=[1, 2, None], y=[1, 2, 3]),
            None,
        ),
        (
            scored(**rows, **{" ": [1, 2]}),
            scored(**rows, **{" ": [1, 2]}, options={"tasks": ["x", "y"]}),
            None,
        ),
        (
            lambda: ag.score_table(pd.DataFrame([["a", 1, 2], ["b", 2, 1]], columns=["model", "x", "x"])),
            scored(**rows),
            None,
        ),
        (lambda: ag.score_table(long), lambda: ag.score_table(long, metric="recall"), None),
        (
            lambda: ag.score_table(pd.concat([long, long]), metric="recall"),
            lambda: ag.score_table(long, metric="recall"),
            None,
        ),
        (lambda: ag.score_table(items[1:]), lambda: ag.score_table(items[1:], invalid="drop"), None),
        # elections
        (election(good, "txt"), right, 3),
        (lambda: ag.preflib(folder / "none.soi"), right, 3),
        (election(good.replace("ALTERNATIVES: 2", "ALTERNATIVES: 3")), right, 3),
        (election(""), right, 3),
        (election("hello\n"), right, 3),
        (election(old.replace("3,3,2", "3,3")), election(old), 3),
        (election(old.replace("1,ada", "ada")), election(old), 3),
        (election(good.replace(": bob", ": ")), right, 3),
        (election(good.replace("NAME 2", "NAME 1")), right, 3),
        (election(good.replace("VOTERS: 3", "VOTERS: x")), right, 3),
        (election(good.replace("1: 2,1", "2,1")), right, 3),
        (election(good.replace("1: 2,1", "1: {2,1")), right, 3),
        (election(good.replace("1: 2,1", "1: bob,1")), right, 3),
        (election(head), right, 3),
        (election(good.replace("1: 2,1", "1: 2,7")), right, 3),
        (election(good.replace("1: 2,1", "1: 2,2")), right, 3),
        (
            election(good.replace("1: 2,1", "1: {2,1}"), "soc"),
            election(good.replace("1: 2,1", "1: {2,1}"), "toc"),
            3,
        ),
        (election(good.replace("1: 2,1", "1: 2"), "soc"), election(good.replace("1: 2,1", "1: 2"), "soi"), 3),
        (election(good.replace("bob", "blank")), election(good.replace("bob", "blank"), absent="keep"), 3),
        (election(head + "3: 1\n"), election(head + "3: 1\n", absent="keep"), 3),
        # files
        (ranked(file("model_a,model_a,winner\na,b,model_a\n")), ranked(at), 100),
        (ranked(file("a\n", "votes.parquet")), ranked(at), 100),
        (ranked([at, at]), ranked(at), 100),
        (ranked(str(folder / "*.nothing")), ranked(str(folder / "given*.csv")), 100),
        (ranked(FRAME, where=" "), ranked(FRAME), 100),
        (lambda: ag.comparisons(FRAME["winner"]), lambda: ag.comparisons(FRAME), 100),
        (lambda: ag.comparisons(BOARD), lambda: ag.rank(VOTES), 100),
        (lambda: ag.comparisons(FRAME, voters="llm"), lambda: ag.comparisons(FRAME), 100),
        # commands
        (command("rank", at, "-m", "elo:k"), command("rank", at, "-m", "elo:k=8"), None),
        (command("rank", at, "-m", "elo:k=8,k=9"), command("rank", at, "-m", "elo:k=8"), None),
        (command("rank", at, "--label", "left"), command("rank", at, "--label", "left=model_a"), None),
        (command("rank", at, "--column", "voter"), command("rank", at, "--column", "voter=language"), None),
        (command("rank", at, "--top", 0), command("rank", at, "--top", 1), None),
        (command("rank", at, "--top", 1, "-f", "json"), command("rank", at, "-f", "json"), None),
        (
            command("rank", at, "--compare-rules", "--by", "language"),
            command("rank", at, "--compare-rules", "--where", "language = 'en'", "--n-resamples", 5),
            None,
        ),
        (
            command("rank", at, "--compare-rules", "--anchor", "ada"),
            command("rank", at, "--compare-rules"),
            None,
        ),
        (
            command("rank", at, "--compare-rules", "--interval", "none"),
            command("rank", at, "--compare-rules", "--interval", "bootstrap"),
            None,
        ),
        (command("decide", at), command("decide", at, "--facts", facts), None),
        (
            command("explain", "committee", kwise),
            command("explain", "committee", kwise, "--size", 2, "--approve", 2),
            None,
        ),
        (
            command("explain", "difference", at),
            command("explain", "difference", at, "--model", "ada", "--model", "bob"),
            None,
        ),
        (command("publish", at, "--to", at), command("publish", at, "--to", folder / "pages"), None),
        (
            command("publish", at, "--to", folder),
            command("publish", at, "--to", folder / "pages", "--force"),
            None,
        ),
        (
            command("publish", at, "--to", folder / "pages"),
            command("publish", at, "--to", folder / "pages", "--force"),
            None,
        ),
        (
            command("export", at, "-o", folder / "none", "--as", "jsnl"),
            command("export", at, "-o", folder / "some", "--as", "jsonl"),
            None,
        ),
        (command("export", at, "-o", at), command("export", at, "-o", folder / "another.csv"), None),
        (
            command("export", at, "-o", folder / "a.xyz"),
            command("export", at, "-o", folder / "a.jsonl"),
            None,
        ),
        (
            command("export", texts, "-o", folder / "b.jsonl", "--held-out", 0.2),
            command(
                *("export", texts, "-o", folder / "halves", "--as", "jsonl", "--held-out", 0.2),
                *("--column", "prompt_id=prompt"),
            ),
            None,
        ),
        (command("convert", at, "-o", at), command("convert", at, "-o", folder / "converted.parquet"), None),
        (command("import", at, "--into", at), command("import", at, "--into", folder / "new-log"), None),
        (
            command("simulate", "--votes", 10, "-o", folder / "s.csv", "--truth", folder / "s.csv"),
            command("simulate", "--votes", 10, "-o", folder / "s.csv", "--truth", folder / "t.csv"),
            None,
        ),
        (lambda: ag.open_log(folder / "no-log"), lambda: ag.open_log(log), None),
        (lambda: ag.open_log(at), lambda: ag.open_log(log), None),
        (lambda: ag.open_log(folder), lambda: ag.open_log(log), None),
        (ranked(log / "agon.duckdb"), ranked(log), 100),
        (
            command("explain", "sides", folder / "scores.csv"),
            command("explain", "sides", folder / "both-sides.csv"),
            None,
        ),
        (
            command("rank", folder / "scores.csv", "--compare-rules", "--ballots-by", "x"),
            command("rank", folder / "scores.csv", "--compare-rules"),
            None,
        ),
        # more analyses and methods
        (
            lambda: ranking.committee(BALLOTS, 2, approve=2, satisfaction="borda"),
            lambda: ranking.committee(BALLOTS, 2, approve=2),
            None,
        ),
        (
            lambda: ranking.prospective(ag.ScoreTable.of(("a",), ("x",), [[1]], invalid="drop"), "a"),
            lambda: ranking.prospective(SCORES, "ada"),
            None,
        ),
        (
            lambda: ranking.prospective({"one": PAIRS, "two": counts()()}, "ada"),
            lambda: ranking.prospective({"one": PAIRS, "two": PAIRS}, "ada"),
            None,
        ),
        (
            ranked(VOTES, "bradley_terry", interval="posterior", cluster="voter"),
            ranked(VOTES, interval="bootstrap", cluster="voter"),
            100,
        ),
        (
            ranked(VOTES, bias_reduced=True, interval="bootstrap"),
            ranked(VOTES, bias_reduced=True, interval="sandwich"),
            100,
        ),
        (
            ranked(cluster=("voter", "language"), interval="bootstrap"),
            ranked(cluster="voter", interval="bootstrap"),
            100,
        ),
        (
            ranked(SCORES, "scoring_vector", points=[3, 2, 1, 0, 0]),
            ranked(SCORES, "scoring_vector", points=[3, 2, 1]),
            None,
        ),
        (ranked(VOTES, "borda", missing="drop_task"), ranked(VOTES, "copeland"), 100),
        (
            lambda: ag.method("copeland", source="our own")(beginners.gives_scores),
            lambda: ag.METHODS["copeland"],
            None,
        ),
        (lambda: ag.method(beginners.gives_scores), lambda: ag.rank(VOTES, beginners.gives_scores), 100),
        (lambda: ag.rank(VOTES, takes_two), lambda: ag.rank(VOTES, beginners.gives_scores), 100),
        (
            ranked(of()(), reweight="propensity", min_votes=0),
            ranked(of(pair_probability=[0.5])(), reweight="propensity", min_votes=0),
            1,
        ),
        (ranked(styled, control=["length", "length"]), ranked(styled, control=["length"]), 100),
        (ranked(styled.assign(length_a=3, length_b=3), control="length"), ranked(styled), 100),
        (ranked(FRAME, control="length"), ranked(styled, control="length"), 100),
        (of(features={"f": [1.0, 2.0]}), of(features={"f": [1.0]}), 1),
        (of(features={"f": [np.nan]}), of(features={"f": [1.0]}), 1),
        (ranked(RANKED, reweight="equal_pairs"), ranked(RANKED), None),
        (lambda: ag.rank(VOTES, "bradley_terry").compare(3), lambda: BOARD.compare(ag.rank(VOTES)), None),
        (lambda: ag.Leaderboard.from_json("[]"), lambda: ag.Leaderboard.from_json(BOARD.to_json()), None),
        # more files
        (ranked(FRAME.assign(models="a", places=1)), ranked(FRAME), 100),
        (
            ranked(FRAME.assign(pair_probability=2.0), reweight="propensity"),
            ranked(FRAME.assign(pair_probability=0.5), reweight="propensity"),
            100,
        ),
        (ranked(FRAME.assign(voter_kind="robot")), ranked(FRAME.assign(voter_kind="human")), 100),
        (ranked(FRAME.assign(anony="perhaps")), ranked(FRAME.assign(anony=True)), 100),
        (ranked(FRAME.assign(blind="perhaps")), ranked(FRAME.assign(blind=True)), 100),
        (ranked(FRAME.assign(p_a=0.4)), ranked(FRAME), 100),
        (ranked(beginners.with_(weight=1.0)), ranked(FRAME.assign(weight=1.0)), 100),
        (ranked(FRAME.assign(grade=-1.0)), ranked(FRAME), 100),
        (ranked(FRAME.assign(grade=0.0)), ranked(FRAME), 100),
        (ranked(FRAME.assign(timestamp="soon"), "elo"), ranked(FRAME, "elo"), 100),
        (
            ranked(beginners.with_(voter=None), cluster="voter"),
            ranked(beginners.with_(voter=None), cluster="voter", where="voter IS NOT NULL"),
            99,
        ),
        (ranked(styled.assign(length_a=-1), control="length"), ranked(styled, control="length"), 100),
        (ranked(styled.assign(length_a=np.nan), control="length"), ranked(styled, control="length"), 100),
        (
            ranked([{"models": ["a", "b"], "places": [1]}]),
            ranked([{"models": ["a", "b"], "places": [1, 2]}], min_votes=0),
            1,
        ),
        (lambda: ag.comparisons(VOTES, where="TRUE"), lambda: ag.comparisons(FRAME, where="TRUE"), 100),
        (ranked(FRAME, grade_weight=2.0), ranked(FRAME), 100),
        (
            command("decide", at, "--facts", file("name,price\nada,1\n")),
            command("decide", at, "--facts", facts),
            None,
        ),
        (
            command("decide", at, "--facts", file("model,price\nada,1\nada,2\n")),
            command("decide", at, "--facts", facts),
            None,
        ),
        (election(head.replace("bob", "blank") + "3: 2\n", absent="drop"), right, 3),
        # more exports
        (
            lambda: ag.export(at, "trl-preference", folder / "t", ties="dropp"),
            lambda: ag.export(texts, "trl-preference", folder / "t", ties="drop"),
            None,
        ),
        (
            command("export", at, "--as", "trl-preference", "-o", folder / "u"),
            command("export", texts, "--as", "trl-preference", "-o", folder / "u"),
            None,
        ),
        (
            command("export", at, "--as", "preflib", "-o", folder / "p.soi"),
            command("export", at, "--as", "preflib", "--ballots-by", "language", "-o", folder / "q.toi"),
            None,
        ),
        (
            command("export", texts, "--as", "trl-preference", "--min-agreement", 0.5, "-o", folder / "v"),
            command(
                "export",
                texts,
                "--as",
                "trl-preference",
                "--min-agreement",
                0.5,
                "--column",
                "prompt_id=prompt",
                "-o",
                folder / "v",
            ),
            None,
        ),
        (ranked({"train": FRAME, "test": FRAME}), ranked(FRAME), 100),
        (lambda: VoteLog(at), lambda: VoteLog(folder / "fresh").close(), None),
        # what a board notes
        (remarks(ties), ranked(ties.assign(winner="model_a")), 100),
        (remarks(apart, "copeland", min_votes=0), ranked(apart, "bradley_terry", min_votes=0), 80),
        (remarks(VOTES, "glicko2", permutations=1), ranked(VOTES, "glicko2"), 100),
        (remarks(VOTES, "glicko2"), ranked(timed, "glicko2"), 100),
        (remarks(VOTES, "whole_history_rating"), ranked(timed, "whole_history_rating"), 100),
        (
            remarks(VOTES, "graded_bradley_terry"),
            ranked(FRAME.assign(grade=FRAME["winner"].ne("tie") * 1.0), "graded_bradley_terry"),
            100,
        ),
        (remarks(SCORES, "optimality_gap", gamma=100), ranked(SCORES, "optimality_gap", gamma=2), None),
        # still more analyses
        (lambda: ranking.open_pairs(beginners.COPELAND), lambda: ranking.open_pairs(BOARD), None),
        (
            lambda: ranking.position_bias(BALLOTS),
            lambda: ranking.position_bias(ag.comparisons(folder / "both-sides.csv")),
            None,
        ),
        # records of the log
        (vote(battle_id="7"), vote(), None),
        (vote(created=datetime(2026, 1, 1)), vote(), None),
        (vote(places=(1, 3)), vote(places=(1, 2)), None),
        (vote(acceptable=(True,)), vote(acceptable=(True, False)), None),
        # addresses
        (lambda: listen("127.0.0.1", 70000), lambda: listen("127.0.0.1", 0).close(), None),
        (taken, lambda: listen("127.0.0.1", 0).close(), None),
        (lambda: listen("192.0.2.1", 0), lambda: listen("127.0.0.1", 0).close(), None),
        # recorded answers
        (lambda: answers(file("prompt,ada\np,a\n")), lambda: answers(file("prompt,ada,bob\np,a,b\n")), None),
        (
            lambda: answers(file("prompt,ada,bob, \np,a,b,c\n")),
            lambda: answers(file("prompt,ada,bob,cyn\np,a,b,c\n")),
            None,
        ),
        (
            lambda: answers(file("prompt,ada,bob\np,a,b\n,a,b\n")),
            lambda: answers(file("prompt,ada,bob\np,a,b\n")),
            None,
        ),
        (lambda: answers(folder / "no-answers"), lambda: answers(file("prompt,ada,bob\np,a,b\n")), None),
        (
            lambda: answers(file("prompt,ada,bob,id\np,a,b,1\n")),
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\n")),
            None,
        ),
        (
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\nq,a,b,1\n")),
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\nq,a,b,2\n")),
            None,
        ),
        # targets of an export
        (
            command("export", at, "-o", folder / "folder.csv"),
            command("export", at, "-o", folder / "no-folder.csv"),
            None,
        ),
        (
            command("export", at, "-o", folder / "plain", "--as", "csv"),
            command("export", at, "-o", folder / "plain.csv"),
            None,
        ),
        (
            lambda: ag.export(FRAME.assign(model_a="=1"), "csv", folder / "formula.csv"),
            lambda: ag.export(FRAME.assign(model_a="=1"), "jsonl", folder / "formula.jsonl"),
            None,
        ),
        (lambda: ag.preflib(folder / "latin.soi"), right, 3),
        (lambda: ag.read_any([at, folder / "scores.csv"]), lambda: ag.read_any(at), 100),
        (lambda: ag.read_any(at, grade_weight=2.0), lambda: ag.read_any(at), 100),
        # the arena
        (arena(folder, '[[server]]\nname = "s"\n'), arena(folder, SERVER), None),
        (arena(folder, SERVER + SERVER), arena(folder, SERVER + SERVER.replace('"s"', '"t"')), None),
        (arena(folder, more='api_key = "x"'), arena(folder, more='api_key_env = "HOME"'), None),
        (arena(folder, name="two"), arena(folder, name="three"), None),
        (arena(folder, SERVER, more='server = "s"'), arena(folder), None),
        (
            arena(folder, more="sampling = {max_tokens = 3, max_completion_tokens = 4}"),
            arena(folder, more="sampling = {max_tokens = 3}"),
            None,
        ),
        (
            arena(folder, more="sampling = {temperature = 0.5}\nextra_body = {temperature = 1}"),
            arena(folder, more="sampling = {temperature = 0.5}"),
            None,
        ),
        (
            arena(folder, more='headers = {Authorization = "Bearer x"}'),
            arena(folder, more='headers = {Authorization = "$HOME"}'),
            None,
        ),
        (lambda: read_configuration(folder / "none.toml", {}), arena(folder), None),
        (
            lambda: BoardQuery.of(
                {"rule": "elo", "adjust": "length"},
                Offer(rules=("bradley_terry", "elo"), features=("length",)),
            ),
            lambda: BoardQuery.of({"adjust": "length"}, Offer(features=("length",))),
            None,
        ),
    ]


SERVER = '[[server]]\nname = "s"\nbase_url = "http://127.0.0.1:1/v1"\n'


def arena(folder: Path, before: str = "", *, name: str = "one", more: str = "") -> Any:
    """A configuration of two models that are served."""
    table = '[[model]]\nname = "{}"\nbase_url = "http://127.0.0.1:1/v1"\n'

    def read() -> Any:
        path = folder / "served.toml"
        path.write_text(before + table.format(name) + more + "\n" + table.format("two"))
        return read_configuration(path, {"HOME": "x"})

    return read


def takes_two(pairs: PairCounts, other: int) -> Any:
    return beginners.gives_scores(pairs)


def counted(result: Any) -> int:
    """Votes that a result counts."""
    if isinstance(result, ag.Leaderboard):
        return sum(row.votes for row in result) // 2
    return int(result.count.sum()) if isinstance(result, ranking.Ballots) else len(result)


# Followed by another test, for it needs a process, a page or a file of its own.
ELSEWHERE = {
    "arena/web/middleware.py": ("tests/arena/web/test_behind_a_proxy.py", 2),
}
# Messages that nothing here provokes, by file: a number may only become smaller.
UNFOLLOWED = {
    "arena/cli/arguments.py": 3,
    "arena/cli/commands.py": 2,
    "arena/cli/diff.py": 1,
    "arena/cli/doctor.py": 4,
    "arena/cli/explain/command.py": 1,
    "arena/cli/output/tables.py": 1,
    "arena/cli/rank.py": 1,
    "arena/core/arena.py": 3,
    "arena/core/sessions.py": 2,
    "arena/setup/config.py": 1,
    "arena/setup/openai_models.py": 2,
    "arena/web/app.py": 1,
    "arena/web/server.py": 3,
    "data/exporters/chosen_votes.py": 2,
    "data/exporters/exporting.py": 1,
    "data/exporters/preflib_election.py": 2,
    "data/exporters/targets.py": 1,
    "data/files/benchmarks/helm.py": 1,
    "data/files/benchmarks/reports.py": 3,
    "data/files/covariates.py": 3,
    "data/files/detection.py": 2,
    "data/files/duplicates.py": 3,
    "data/files/reader.py": 5,
    "data/files/score_tables.py": 3,
    "data/files/snapshot_folder.py": 1,
    "data/files/source.py": 3,
    "data/files/table_source.py": 2,
    "data/importers/formats.py": 1,
    "data/importers/judges/grades.py": 1,
    "data/importers/published.py": 6,
    "data/importers/recorded_answers.py": 5,
    "data/log/database.py": 5,
    "data/log/index.py": 1,
    "data/log/log_frames.py": 1,
    "data/log/migrations.py": 2,
    "data/log/records.py": 1,
    "data/log/source.py": 3,
    "data/log/vote_log.py": 2,
    "data/log/writer.py": 1,
    "data/reading.py": 2,
    "data/validation.py": 1,
    "ranking/analysis/iia.py": 1,
    "ranking/analysis/perturbation.py": 1,
    "ranking/analysis/task_weights.py": 2,
    "ranking/inference/sandwich.py": 1,
    "ranking/leaderboard/estimates.py": 1,
    "ranking/leaderboard/notes.py": 4,
    "ranking/leaderboard/ranking.py": 1,
    "ranking/methods/likelihood/choice_counts.py": 1,
    "ranking/methods/likelihood/davidson_luce.py": 1,
    "ranking/methods/likelihood/graded_bradley_terry.py": 1,
    "ranking/methods/likelihood/plackett_luce.py": 1,
    "ranking/methods/likelihood/style_control.py": 2,
    "ranking/methods/online/elo.py": 1,
    "ranking/methods/online/permutations.py": 1,
    "ranking/methods/online/whole_history_rating.py": 2,
    "ranking/methods/social_choice/cardinal.py": 1,
    "ranking/methods/social_choice/kemeny.py": 1,
    "ranking/methods/social_choice/maximal_lotteries.py": 1,
    "ranking/methods/social_choice/rank_positions.py": 1,
    "ranking/settings.py": 1,
    "ranking/votes/array_source.py": 1,
    "ranking/votes/concatenated_source.py": 1,
    "ranking/votes/pair_counts.py": 1,
    "serving/demo.py": 1,
}


class Followed(NamedTuple):
    """What was provoked, and what was not as it should be."""

    seen: frozenset[Template]
    wrong: tuple[str, ...]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """Every case, once."""
    seen: set[Template] = set()
    wrong = []
    folder = tmp_path_factory.mktemp("meant")
    for word, right, call in meant(folder):
        text = said(lambda call=call, word=word: call(word)) or ""
        seen |= set(met(text))
        if f"did you mean {right!r}" not in text:
            wrong.append(f"{word!r} is not answered with {right!r}: {text}")
        elif refusal := said(lambda call=call, right=right: call(right)):
            wrong.append(f"{right!r}, which was suggested for {word!r}, is refused: {refusal}")
    for number, (call, remedy, votes) in enumerate(followed(tmp_path_factory.mktemp("followed"))):
        text = said(call)
        if text is None or not (there := met(text)):
            wrong.append(f"case {number} gives no remedy: {text}")
            continue
        seen |= set(there)
        kept: list[Any] = []
        if refusal := said(lambda remedy=remedy, kept=kept: kept.append(remedy())):
            wrong.append(f"the remedy of {text!r} is refused: {refusal}")
        elif votes is not None and counted(kept[0]) != votes:
            wrong.append(f"the remedy of {text!r} counts {counted(kept[0])} votes of {votes}")
    for mistake in beginners.mistakes(tmp_path_factory.mktemp("mistakes")):  # followed there
        seen |= set(met(said(mistake.wrong) or ""))
    return Followed(frozenset(seen), tuple(wrong))


def test_a_text_belongs_to_the_sentence_that_says_most_of_it():
    """`suggest` ends many sentences; one of them is never taken for another."""
    text = f"There is no model 'adaa' among the votes; {suggest('adaa', ['ada'])}"
    (one,) = met(text)
    assert "among the votes" in one.text
    assert not met("Nothing here tells what to do.")


@pytest.mark.slow
def test_every_remedy_that_is_followed_leads_to_something_not_worse(done):
    assert not done.wrong, "\n".join(done.wrong)


@pytest.mark.slow
def test_no_message_with_a_remedy_is_added_without_a_case(done):
    """Messages without a case, by file, are not more than they were."""
    left = [one for one in templates() if one not in done.seen]
    count = Counter(one.file for one in left)
    for name, (test, number) in ELSEWHERE.items():
        assert (REPOSITORY / test).exists()
        count[name] -= number
    more = {name for name, number in count.items() if number > UNFOLLOWED.get(name, 0)}
    assert not more, "follow these remedies in a case:\n" + "\n".join(
        f"{one.file}:{one.line}: {one.text!r}" for one in left if one.file in more
    )
