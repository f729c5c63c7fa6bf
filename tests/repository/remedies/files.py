"""Files of votes and of answers: what is refused, and the remedy."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

import agon as ag
from agon.data.importers.recorded_answers import answers
from agon.data.log.recovery.mending import recover_log
from agon.serving.demo import MANNERS, Echo
from tests.data.files.test_reports import HELM
from tests.repository import test_beginner_mistakes as beginners
from tests.repository.remedies.steps import (
    BOARD,
    FRAME,
    RANKED,
    STYLED,
    VOTES,
    Case,
    Given,
    Remarks,
    checked,
    command,
    ranked,
)

ALONE = "# NUMBER ALTERNATIVES: 1\n# NUMBER VOTERS: 3\n# ALTERNATIVE NAME 1: ada\n3: 1\n"
REPEATED = [0 if i == 5 else i for i in range(100)]
ELECTION = (
    "# NUMBER ALTERNATIVES: 2\n# NUMBER VOTERS: 2\n"
    "# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n2: 1,2\n"
)


def sided(left: str, *, turned: bool = False) -> pd.DataFrame:
    """Votes of some models on the left with x and y on the right; if turned, each the other way round too."""
    rows = [(one, two, won) for one in left for two in "xy" for won in ("model_a", "model_b")] * 20
    frame = pd.DataFrame(rows, columns=["model_a", "model_b", "winner"])
    names = {"model_a": "model_b", "model_b": "model_a"}
    return pd.concat([frame, frame.rename(columns=names).replace({"winner": names})]) if turned else frame


def _nothing(findings: tuple[Any, ...]) -> None:
    """Refuse findings that a remedy has left.

    Raises:
        AgonError: there are some.
    """
    if findings:
        raise ag.AgonError(str(findings))


def cases(given: Given) -> list[Case]:
    """Its cases."""
    alike = pd.DataFrame({"model": list("abcd"), "x": [1, 2, 3, 4], "y": [1, 3, 5, 6], "z": [4, 3, 1, 2]})
    with_gap = alike.assign(y=[3, None, 1, 2])
    at = given.at
    facts = given.facts
    folder = given.folder
    file = given.file
    report = {"results": {"x": {"acc,none": 0.5}}, "config": {"model_args": "pretrained=ada"}}
    whole, other = (
        file(json.dumps(report).replace("ada", name).replace("0.5", score), f"{name}.json")
        for name, score in (("ada", "0.5"), ("bob", "0.7"))
    )
    several, both = given.new(), given.new()
    for name in ("one", "two"):
        (several / name).mkdir()
    (several / "one" / "votes.csv").write_bytes(at.read_bytes())
    (several / "two" / "votes.jsonl").write_text(FRAME.to_json(orient="records", lines=True))
    (both / "votes").mkdir()
    FRAME.drop(columns="winner").assign(p_a=0.7).to_parquet(both / "votes" / "a.parquet")
    pd.DataFrame(RANKED).to_parquet(both / "votes" / "b.parquet")
    labelled = FRAME.assign(category=[["a", "b"]] * 100)
    mixed = file("model_a,model_b,winner,model_chosen,model_rejected\n" + "a,b,model_a,a,b\n" * 9)
    perhaps = file("model_a,model_b,winner\n" + "a,b,model_a\n" * 9 + "a,b,perhaps\n")
    crowd = file(
        ELECTION.replace("2: 1,2", "20000000: 1,2").replace("VOTERS: 2", "VOTERS: 20000000"), "e.soc"
    )
    talk = [{"role": "user", "content": "p"}, {"role": "assistant", "content": "x"}]
    spoken = file(
        json.dumps(
            [
                {
                    "model_a": "a",
                    "model_b": "b",
                    "winner": ("model_a", "model_b")[i % 2],
                    "conversation_a": [talk[0], {**talk[1], "content": "x" * (i % 7)}],
                    "conversation_b": talk if i else "[{",
                }
                for i in range(40)
            ]
        ),
        "spoken.json",
    )

    def database(table: str) -> Path:
        path = given.new() / "votes.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE TABLE {table} AS FROM read_csv('{at}')")
        return path

    def copied(name: str) -> Path:
        return Path(shutil.copy(given.arena_log(4) / "agon.duckdb", given.new() / name))

    def recovered(folder: Path) -> Path:
        recover_log(folder)
        return folder

    def kwise(row: int = -1, length: Any = ()) -> Any:
        made = [
            {**vote, "length": [i % 7, i % 5, i % 3], "places": [(1, 2, 3), (2, 3, 1), (3, 1, 2)][i % 3]}
            for i, vote in enumerate(RANKED)
        ]
        return [{**vote, "length": length} if i == row else vote for i, vote in enumerate(made)]

    def likert(low: int) -> Any:
        return pd.DataFrame({"model_a": "a", "model_b": "b", "likert": [low, 2, 1, 2] * 10})

    def asked(*names: str) -> Path:
        place = given.new()
        for name in names:
            line = (
                {"question_id": 1, "turns": ["p"]}
                if name == "question"
                else {"question_id": 1, "model_id": name, "choices": [{"turns": ["x"]}]}
            )
            (place / f"{name}.jsonl").write_text(json.dumps(line))
        return place

    return [
        # files
        (ranked(file("model_a,model_a,winner\na,b,model_a\n")), ranked(at), 100),
        (ranked(file("a\n", "votes.parquet")), ranked(at), 100),
        (ranked(file("[[model]]\n", "arena.toml")), ranked(at), 100),
        (ranked(file("PK\x03\x04", "votes.xlsx")), ranked(at), 100),
        (ranked([at, at]), ranked(at), 100),
        (ranked(str(folder / "*.nothing")), ranked(str(folder / "given*.csv")), 100),
        (ranked(FRAME, where=" "), ranked(FRAME), 100),
        (lambda: ag.comparisons(FRAME["winner"]), lambda: ag.comparisons(FRAME), 100),
        (lambda: ag.comparisons(BOARD), lambda: ag.rank(VOTES), 100),
        (lambda: ag.comparisons(FRAME, voters="llm"), lambda: ag.comparisons(FRAME), 100),
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
        (ranked(STYLED.assign(length_a=-1), control="length"), ranked(STYLED, control="length"), 100),
        (ranked(STYLED.assign(length_a=np.nan), control="length"), ranked(STYLED, control="length"), 100),
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
        ),
        (
            command("decide", at, "--facts", file("model,price\nada,1\nada,2\n")),
            command("decide", at, "--facts", facts),
        ),
        (ranked({"train": FRAME, "test": FRAME}), ranked(FRAME), 100),
        (lambda: ag.read_any([at, given.scores]), lambda: ag.read_any(at), 100),
        (lambda: ag.read_any(at, grade_weight=2.0), lambda: ag.read_any(at), 100),
        # recorded answers
        (lambda: answers(file("prompt,ada\np,a\n")), lambda: answers(file("prompt,ada,bob\np,a,b\n"))),
        (
            lambda: answers(file("prompt,ada,bob, \np,a,b,c\n")),
            lambda: answers(file("prompt,ada,bob,cyn\np,a,b,c\n")),
        ),
        (
            lambda: answers(file("prompt,ada,bob\np,a,b\n,a,b\n")),
            lambda: answers(file("prompt,ada,bob\np,a,b\n")),
        ),
        (lambda: answers(given.new()), lambda: answers(file("prompt,ada,bob\np,a,b\n"))),
        (
            lambda: answers(file("prompt,ada,bob,id\np,a,b,1\n")),
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\n")),
        ),
        (
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\nq,a,b,1\n")),
            lambda: answers(file("prompt,ada,bob,prompt_id\np,a,b,1\nq,a,b,2\n")),
        ),
        # reports of benchmarks
        (
            lambda: ag.score_table(file('{"adapter_spec": {}, "scenario_spec": {}}', "run.json")),
            lambda: ag.score_table(file(json.dumps(HELM), "helm.json")),
        ),
        (
            lambda: ag.score_table(file(json.dumps({**report, "results": {}}), "results_1.json")),
            lambda: ag.score_table([whole, other]),
        ),
        (
            lambda: ag.score_table([whole, file('{"results": {', "results_1.json")]),
            lambda: ag.score_table([whole, other]),
        ),
        (lambda: ag.score_table(file("PK", "run.eval")), lambda: ag.score_table([whole, other])),
        # recorded answers where votes belong, scores where votes do, databases
        (
            ranked(file("prompt,model,answer\np,ada,x\np,bob,y\n")),
            lambda: answers(file("prompt,model,answer\np,ada,x\np,bob,y\n")),
        ),
        (lambda: ag.comparisons(given.scores), command("rank", given.scores)),
        (lambda: ag.comparisons(given.scores), lambda: ag.rank(ag.score_table(given.scores))),
        (
            lambda: Remarks(" ".join(one.message for one in ag.check(alike).findings)),
            lambda: _nothing(ag.check(alike, ignore=["y"]).findings),
        ),
        (
            lambda: Remarks(" ".join(one.message for one in ag.check(with_gap).notes)),
            lambda: ag.rank(with_gap, "borda", missing="worst"),
        ),
        (lambda: ag.score_table(VOTES), ranked(VOTES), 100),
        (lambda: ag.score_table(database("votes")), command("rank", database("votes"))),
        (ranked(database("mine")), ranked(database("mine"), table="mine"), 100),
        (ranked(given.arena_log() / "agon.duckdb"), ranked(given.arena_log(4)), 4),
        (ranked(copied("copy.duckdb")), ranked(recovered(copied("agon.duckdb").parent)), 4),
        # K-wise votes with amounts
        (ranked(RANKED, control="length"), ranked(kwise(), control="length")),
        (ranked(kwise(0, [1, 2]), control="length"), ranked(kwise(), control="length")),
        (ranked(kwise(0, [1, 2, -1]), control="length"), ranked(kwise(), control="length")),
        # rows that come twice
        (
            checked(FRAME.assign(battle_id=REPEATED)),
            ranked(FRAME.assign(battle_id=REPEATED).drop(5)),
            99,
        ),
        (checked(FRAME.assign(timestamp="2026-01-01")), ranked(FRAME.drop_duplicates()), 5),
        (
            checked(FRAME.assign(prompt_id="p")),
            ranked(FRAME.drop_duplicates(["voter", "model_a", "model_b"])),
            5,
        ),
        # a baseline that is always on the left
        (checked(sided("a")), lambda: _nothing(ag.check(sided("a", turned=True)).findings)),
        (checked(sided("ab")), lambda: _nothing(ag.check(sided("ab", turned=True)).findings)),
        # files that cannot be read
        (ranked(file(b"\x1f\x8b\x08cut", "votes.csv.gz")), ranked(at), 100),
        (ranked(several), ranked(f"{several}/**/*.csv"), 100),
        (ranked("hf://datasets/me/votes"), ranked(file(at.read_bytes()).parent), 100),
        (command("rank", "https://x.org/votes.csv"), ranked(file(at.read_bytes(), "votes.csv")), 100),
        (ranked(folder / "zzz.csv"), ranked(at), 100),
        (command("decide", at, "--facts", folder), command("decide", at, "--facts", facts)),
        (
            lambda: ag.score_table(pd.DataFrame({"model": ["a", "b"], "x": ["s", "t"]}), invalid="drop"),
            lambda: ag.score_table(given.scores),
        ),
        (
            lambda: ag.score_table(file("model,x\na,1\nb,2,3\n")),
            lambda: ag.score_table(file("model,x\na,1\nb,2\n")),
        ),
        (
            ranked(file("model_a,model_b,winner\na,b,model_a\na,b,model_a,\n")),
            ranked(file("model_a,model_b,winner\na,b,model_a\n"), min_votes=0),
            1,
        ),
        (ranked(both), ranked(both / "votes" / "a.parquet"), 100),
        (ranked(labelled, cluster="category"), ranked(labelled.explode("category"), cluster="category"), 200),
        (ranked(labelled, ballots_by="category"), lambda: ag.rank_by(labelled, "category")),
        (
            ranked(spoken, control="length", min_votes=0),
            ranked(spoken, control="length", min_votes=0, invalid="drop"),
        ),
        # formats
        (
            command("import", file("model_a,model_b,verdict\na,b,model_a\n"), "--into", folder / "f"),
            command(
                "import",
                file("model_a,model_b,verdict\na,b,model_a\n"),
                "--into",
                folder / "f",
                "--column",
                "winner=verdict",
            ),
        ),
        (ranked(likert(1)), ranked(likert(-2)), 40),
        (
            command("import", mixed, "--into", folder / "g"),
            command("import", mixed, "--into", folder / "g", "--as", "battles"),
        ),
        (
            command("import", perhaps, "--into", folder / "h"),
            command("import", perhaps, "--into", folder / "h", "--invalid", "drop"),
        ),
        (ranked(file("generator_1,generator_2,preference\n" + "a,b,perhaps\n" * 10)), ranked(at), 100),
        (
            command("import", file(ALONE, "e.soi"), "--into", folder / "i"),
            command("import", file(ELECTION, "e.soc"), "--into", folder / "i"),
        ),
        (command("import", crowd, "--into", folder / "j"), command("rank", crowd)),
        (
            lambda: ag.read_any([file(ELECTION, "e.soc"), file(ELECTION, "e.soc")]),
            lambda: ag.read_any(file(ELECTION, "e.soc")),
            2,
        ),
        (command("rank", given.log, "--as", "battles"), command("rank", given.log)),
        (ranked(FRAME.assign(model_b=FRAME["model_b"].replace("bob", "Bob"))), ranked(FRAME), 100),
        # columns of answers
        (lambda: answers(asked("ada")), lambda: answers(asked("ada", "bob", "question"))),
        (lambda: answers(file("promt,ada,bob\np,x,y\n")), lambda: answers(file("prompt,ada,bob\np,x,y\n"))),
        (
            lambda: answers(file("prompt,model,answr\np,ada,x\np,bob,y\n")),
            lambda: answers(file("prompt,model,answer\np,ada,x\np,bob,y\n")),
        ),
        (
            lambda: answers(file("prompt,model,answer\np,ada,x\np,Ada,y\n")),
            lambda: answers(file("prompt,model,answer\np,ada,x\np,bob,y\n")),
        ),
        (
            lambda: answers(file('[{"prompt": "p", "ada": "x", "bob": "y", "category": [1]}]', "a.json")),
            lambda: answers(file('[{"prompt": "p", "ada": "x", "bob": "y"}]', "a.json")),
        ),
        (lambda: Echo("loud", words_per_second=9), lambda: Echo(next(iter(MANNERS)), words_per_second=9)),
    ]
