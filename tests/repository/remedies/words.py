"""Words that are nearly right: "did you mean" names the one that was meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import agon as ag
from agon import ranking
from agon.arena.setup.config import read_configuration
from agon.arena.web.leaderboard.columns import arrange_rows, chosen_columns, known_columns
from agon.arena.web.leaderboard.model_info import ModelInfo
from agon.arena.web.leaderboard.query import BoardQuery, BoardView, Offer
from agon.arena.web.leaderboard.table import differences
from tests.repository.remedies.steps import BALLOTS, BOARD, FACTS, FRAME, GROUPED, SCORES, TABLE, VOTES, agon


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
        ("defualt", "default", lambda w: ranking.gate_votes(VOTES, w)),
        ("forgedd", "forged", lambda w: ranking.add_attack(ranking.bradley_terry_world(), w)),
        ("forgedd", "forged", lambda w: agon("simulate", "--votes", 99, "--attack", f"{w}:9:3")),
        ("modell-12", "model-12", lambda w: agon("simulate", "--votes", 99, "--attack", f"forged:9:3:{w}")),
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
        (
            "vote",
            "votes",
            lambda w: chosen_columns(known_columns(BOARD, ModelInfo()), BoardView(columns=(w,))),
        ),
        ("scor", "score", lambda w: arrange_rows(BOARD, BoardView(sort=w), {}, ModelInfo())),
        ("adaa", "ada", lambda w: differences(BOARD, w)),
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
